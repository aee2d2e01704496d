//! Certificates issued by the BTP Destination service (SAP Cloud Root CA), side by side or in place.
//! It chooses no name and no subject; the order does.

use crate::sap::Level;

/// Where certificates are issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The connection's name, for messages.
    pub connection: String,
    /// Where the entry lives.
    pub level: Level,
}
