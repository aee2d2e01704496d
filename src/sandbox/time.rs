//! The sandbox's clock: the one file of it that asks the system for the time.
//! It is not certsteward's clock; the sandbox names nothing of certsteward.
#![expect(clippy::disallowed_methods, reason = "the simulated landscape lives in real time, as SAP does")]

use chrono::{DateTime, Utc};

/// A moment, in UTC.
pub type Moment = DateTime<Utc>;

/// The present moment.
pub(super) fn now() -> Moment {
    Utc::now()
}
