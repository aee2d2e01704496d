//! One binary of all integration tests, one module a theme.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking, in what it shares with others too"
)]

mod net;
mod probe;
mod support;
