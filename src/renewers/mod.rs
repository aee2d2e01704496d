//! What issues a new certificate.
//!
//! # Contract
//! - `look` says what stands under a name; `Ok(None)` where the name is free. What cannot be seen is a failure, never none.
//! - `issue` puts a new certificate under the order's name. Side by side it never replaces: what stands there already
//!   is success (it is ours: the intent was saved before). In place it replaces what stands under that name, and fails
//!   with `Reason::NotFound` where nothing does; repeated, it issues again.
//! - `copy` puts what one entry holds, key and all, under another name and changes nothing else about it. Where that
//!   name holds the same certificate already, that is success. It never writes over anything but the certificate that the
//!   copy names, and never a certificate other than the one it names: then it fails with `Reason::StateChanged`.
//! - `remove` takes an entry away that nothing visible to us names and that holds the certificate given, never for its name
//!   alone; one that is named, or holds another, stays, with `Reason::StateChanged`; one that is already gone is success.
//! - What `copy` and `remove` have to see first and cannot see, they leave as it is: a certain failure.
//! - Nothing is retried here, and a failure says whether it may have taken effect: a refusal that was read certainly did
//!   not; a platform that failed, or an answer that was lost, leaves it open. Repeated after that, `issue` side by side,
//!   `copy` and `remove` have no second effect.
//! - An act says what was asked and answered in short ([`Answer`](crate::domain::reason::Answer)), whether it went well or not.

pub mod destination_service;

use crate::domain::certificate::Fingerprint;
use crate::domain::reason::{Answer, Failure, Unseen};
use crate::domain::record::{CopyOrder, Order};
use crate::domain::report::Sighting;

/// A system that issues certificates.
#[async_trait::async_trait]
pub trait Renewer: Send + Sync {
    /// What stands under this name; none where it is free.
    async fn look(&self, name: &str) -> Result<Option<Sighting>, Unseen>;

    /// Issues what the order says.
    async fn issue(&self, order: &Order) -> Result<Answer, Failure>;

    /// Puts what one entry holds under another name, as it is.
    async fn copy(&self, copy: &CopyOrder) -> Result<Answer, Failure>;

    /// Removes the entry with this name that holds this certificate.
    async fn remove(&self, name: &str, fingerprint: Fingerprint) -> Result<Answer, Failure>;
}
