//! The integration tests: one binary with one module a theme.

mod probe;
mod support;
//! One binary of all integration tests, one module a theme.
#[cfg(feature = "sandbox")]
mod sandbox;
mod sap;
