//! What the tests share.
#![allow(dead_code, unreachable_pub, reason = "each theme uses its part")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

pub mod child;
pub mod daemon;
pub(crate) mod fake_daemon;
pub mod machine;
pub mod pki;
pub mod process;
pub(crate) mod samples;
pub mod server;
pub mod wait;
pub mod world;
