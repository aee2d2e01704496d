//! Everything that is tested from outside, as one binary; each module a theme.

mod config;
