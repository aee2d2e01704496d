//! What the tests share.
#![allow(dead_code, unreachable_pub, reason = "each theme uses its part")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

pub mod pki;
pub mod process;
pub mod server;
pub mod wait;
pub mod machine;
pub mod world;
//! What the tests of several themes share.
//! It proves nothing itself.
pub(crate) mod fake_daemon;
pub(crate) mod samples;
