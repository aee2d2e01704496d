//! The integration tests: one binary with one module a theme.

mod probe;
mod support;
