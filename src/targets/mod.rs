//! Who must know the public certificate, where certsteward can tell them itself.
//!
//! # Contract
//! - `look` says whether the target holds this certificate; none where it cannot be asked.
//! - `publish` gives it the public certificate and may be repeated: the same certificate, the same outcome.
//! - Only public output, re-encoded from DER and scanned, is ever given ([`crate::formats`]).

pub mod command;
pub mod file;
pub mod http;

use crate::domain::chain::Chain;
use crate::domain::reason::{Failure, Unseen};

/// A relying party that certsteward can tell by itself.
#[async_trait::async_trait]
pub trait Target: Send + Sync {
    /// Whether it holds this certificate; none where it cannot be asked.
    async fn look(&self, chain: &Chain) -> Result<Option<bool>, Unseen>;

    /// Gives it the public certificate.
    async fn publish(&self, chain: &Chain) -> Result<(), Failure>;
}
