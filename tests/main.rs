//! Everything that is tested from outside, as one binary; each module a theme.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may fail by panicking, in what it shares with others too"
)]

mod source_text;
mod support;

mod address;
mod catalogue;
mod cli;
mod config;
mod conformance;
mod contracts;
mod daemon;
mod dashboards;
mod delivery;
mod dropin;
mod formats;
mod fuzz;
mod journal;
#[cfg(feature = "sandbox")]
mod kill;
mod layering;
mod life;
mod limits;
mod net;
mod notifiers;
#[cfg(feature = "sandbox")]
mod once;
mod probe;
mod revocation;
#[cfg(feature = "sandbox")]
mod sandbox;
mod sap;
mod sim;
mod starttls;
mod surfaces;
mod systemd;
