//! One binary of all integration tests, one module a theme.

