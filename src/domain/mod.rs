//! The pure core: what is known, what it means, what is wanted next.
//! No I/O, no async, no clock, no logging, no serialisation: time comes in as `now`, facts as reports.

pub mod act;
pub mod asked;
pub mod assess;
pub mod certificate;
pub mod chain;
pub(crate) mod codes;
pub mod doubt;
pub mod drift;
pub mod event;
pub mod few;
pub mod finding;
pub mod hand_off;
pub mod host_pattern;
pub mod lifecycle;
pub mod lint;
pub mod message;
pub mod module;
pub mod name;
pub mod plan;
pub mod policy;
pub mod reason;
pub mod record;
pub mod report;
#[cfg(test)]
pub(crate) mod sample;
pub mod serials;
pub mod shared;
pub mod snapshot;
pub mod span;
pub mod tell;
pub mod trail;
pub mod verdict;
pub mod watch;
pub mod window;

/// A moment, always UTC.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
/// A span of time.
pub type Duration = chrono::Duration;
