//! The chain a TLS server presents, kept even when verification fails.
//! It presents no client certificate and sends no request.

use crate::net;

/// Which server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The name asked for and verified; the host where unset.
    pub server_name: Option<String>,
    /// How to reach it.
    pub net: net::Settings,
}
