//! What the tests of several themes share.
//! It proves nothing itself.

pub(crate) mod fake_daemon;
pub(crate) mod samples;
