//! One binary of all integration tests, one module a theme.

mod cli;
mod layering;
mod source_text;
mod systemd;
mod probe;
mod support;
