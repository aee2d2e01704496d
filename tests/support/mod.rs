//! What the tests share.
#![allow(dead_code, unreachable_pub, reason = "each theme uses its part")]

pub mod pki;
pub mod process;
pub mod server;
pub mod wait;
