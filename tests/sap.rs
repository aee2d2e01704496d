//! The SAP client and the roles that use it, against literal answers of the documented contract.
#![expect(clippy::unwrap_used, reason = "what is missing in an answer fails the test that asked")]

mod commands;
mod connection;
mod entries;
mod keys;
mod listing;
#[cfg(feature = "sandbox")]
mod sandbox;
pub(crate) mod stage;
mod switching;
mod uploads;
