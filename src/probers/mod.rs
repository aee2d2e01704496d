//! The real mTLS call, diagnosed to a verdict. Beside it, in `module`, the look at a server that a scrape names.
//!
//! # Contract
//! - A probe always ends, within its limit, with a verdict of the closed list; it never fails otherwise.
//! - It reads only, makes one call and repeats nothing; the identity is borrowed for the call and not kept.
//! - `at` is the moment it was given, `presented` the certificate that the server was shown. Without any certificate the
//!   verdict is `CertificateRequired` at best.
//! - `Accepted` means: the API answered this certificate with success. A finished handshake proves nothing. A platform that
//!   fails or is silent gets a verdict of its own, never one about the certificate.

pub mod classify;
mod files;
pub mod module;
pub mod mtls;

use crate::domain::Timestamp;
use crate::domain::verdict::Probed;
use crate::identity::Identity;

/// A way of asking the API.
#[async_trait::async_trait]
pub trait Prober: Send + Sync {
    /// Makes one call with this certificate, or with none.
    async fn probe(&self, identity: Option<&Identity>, now: Timestamp) -> Probed;
}
