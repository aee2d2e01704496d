//! A certificate of the BTP Destination service: by name, or by following a destination's `KeyStoreLocation`.
//! It changes nothing there.

use crate::sap::Level;
use crate::secret::SecretRef;

/// Which certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The connection's name, for messages.
    pub connection: String,
    /// Where it lives.
    pub level: Level,
    /// What names it.
    pub entry: Entry,
    /// What opens the keystore where the destination does not say; needed for probes only.
    pub password: Option<SecretRef>,
}

/// What names the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Its own name.
    Certificate(String),
    /// A destination that points to it.
    Destination(String),
}
