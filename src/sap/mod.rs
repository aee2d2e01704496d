//! The SAP clients that several roles share: service key, token, Destination service.
//! They decide nothing and keep nothing but tokens.

mod api;
pub mod body;
pub mod destination;
pub mod destination_service;
pub mod entry;
mod listing;
mod pace;
mod refusal;
pub mod service_key;
mod token;
mod wire;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::net;
use crate::secret::SecretRef;

pub use destination::Destination;
pub use destination_service::DestinationService;
pub use entry::Password;

/// Where an entry lives in the Destination service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The subaccount.
    Subaccount,
    /// The service instance of our key.
    Instance,
}

impl Level {
    /// Both, the whole subaccount first.
    pub const ALL: [Self; 2] = [Self::Subaccount, Self::Instance];

    /// The word of configuration and messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Subaccount => "subaccount",
            Self::Instance => "instance",
        }
    }
}

/// A connection to a Destination service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// The connection's name.
    pub name: String,
    /// The service key as SAP hands it out: secret or x509, wrapped or not.
    pub service_key: SecretRef,
    /// How to reach it.
    pub net: net::Settings,
}

/// The limit for one request to the Destination service (SAP's resilience page recommends about 30 s).
pub const TIMEOUT: Duration = Duration::from_secs(30);
