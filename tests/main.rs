//! One binary of all integration tests, one module a theme.

#[cfg(feature = "sandbox")]
mod sandbox;
mod sap;
