//! What issues a new certificate.
//!
//! # Contract
//! - `look` says what stands under a name; `Ok(None)` where the name is free.
//! - `issue` puts a new certificate under the order's name. Side by side it never replaces: what stands there already
//!   is success (it is ours: the intent was saved before). In place it replaces what stands under that name.
//! - `remove` takes an entry away that nothing visible to us names; one that is already gone is success.
//! - Nothing is retried here, and a failure says whether it may have taken effect.

pub mod destination_service;

use crate::domain::reason::{Failure, Unseen};
use crate::domain::record::Order;
use crate::domain::report::Sighting;

/// A system that issues certificates.
#[async_trait::async_trait]
pub trait Renewer: Send + Sync {
    /// What stands under this name; none where it is free.
    async fn look(&self, name: &str) -> Result<Option<Sighting>, Unseen>;

    /// Issues what the order says.
    async fn issue(&self, order: &Order) -> Result<(), Failure>;

    /// Removes the entry with this name.
    async fn remove(&self, name: &str) -> Result<(), Failure>;
}
