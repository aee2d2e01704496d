//! Where the certificate in force is read from.
//!
//! # Contract
//! - `look` changes nothing, may be called at any time, and ends within its own limits.
//! - An entry that is not there is `Ok(None)`; what cannot be seen is a failure, never none.
//! - What it shows is what stood there at that moment; an unchanged answer (304, same file) may come from memory.
//! - `is_unchanged` says yes only where it asked the place just now.
//! - A failure is an [`Unseen`](crate::domain::reason::Unseen) with a reason; it never shows an older state as if it were seen now.
//! - `identity` hands out the private key only to be borrowed by a prober; a source that cannot says
//!   `Reason::KeyUnavailable`, and one that has no such entry `Reason::NotFound`. It belongs to what a look at the same entry shows.

pub mod checked;
pub mod destination_service;
pub mod file;
pub mod service_key;
pub mod tls;
pub mod url;

use crate::domain::reason::Unseen;
use crate::domain::report::Sighting;
use crate::identity::Identity;

/// A place a certificate is read from.
#[async_trait::async_trait]
pub trait Source: Send + Sync {
    /// Looks once. `entry` names another entry of the same store (a candidate); none means the one in force.
    /// `Ok(None)` where the store can be seen and holds no such thing.
    async fn look(&self, entry: Option<&str>) -> Result<Option<Sighting>, Unseen>;

    /// Whether a look would show what the last one showed: asked of thousands at a time, so it takes no longer than the
    /// system needs to say that a file is as it was. It may block. A source that cannot tell so cheaply says no.
    fn is_unchanged(&self) -> bool {
        false
    }

    /// The certificate with its key, for one probe.
    async fn identity(&self, entry: Option<&str>) -> Result<Identity, Unseen>;
}
