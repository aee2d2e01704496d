//! What uses the certificate.
//!
//! # Contract
//! - `look` says which entry the caller uses now, and changes nothing. A caller that cannot be seen is a
//!   failure, and one that is gone is `Reason::NotFound`.
//! - `switch` makes it use another one, keeps everything else as it was, and reads back what it wrote. Where the
//!   caller does not use `from` any more it changes nothing and fails with `Reason::StateChanged`; where it uses `to`
//!   already that is success, and nothing is written. A caller that cannot be seen is not switched: a certain failure.
//! - Nothing is retried here. A refusal that was read is a certain failure; a platform that failed, an
//!   answer that was lost, or a switch that reads back differently, is an uncertain one. `switch` may be repeated after it.
//! - An act says what was asked and answered in short ([`Answer`](crate::domain::reason::Answer)), whether it went well or not.

pub mod command;
pub mod destination_service;

use crate::domain::reason::{Answer, Failure, Unseen};
use crate::domain::report::CallerSighting;

/// Something that uses the certificate.
#[async_trait::async_trait]
pub trait Caller: Send + Sync {
    /// Which entry it uses now.
    async fn look(&self) -> Result<CallerSighting, Unseen>;

    /// Makes it use `to` instead of `from`.
    async fn switch(&self, from: &str, to: &str) -> Result<Answer, Failure>;
}
