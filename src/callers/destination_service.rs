//! A destination of the BTP Destination service that names the certificate in `KeyStoreLocation`.
//! It touches that one property and keeps every other.

use crate::sap::Level;

/// Which destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The connection's name, for messages.
    pub connection: String,
    /// Where it lives.
    pub level: Level,
    /// Its name.
    pub destination: String,
}
