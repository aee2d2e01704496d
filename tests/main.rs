//! Everything that is tested from outside, as one binary; each module a theme.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may fail by panicking, in what it shares with others too"
)]

mod support;

mod net;
mod config;
mod probe;
#[cfg(feature = "sandbox")]
mod sandbox;
mod life;
mod formats;
mod sap;
//! One binary of all integration tests, one module a theme.
mod catalogue;
mod surfaces;
