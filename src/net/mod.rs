//! Every connection certsteward makes begins here: roots and own authorities, proxy, size and time limits.
//! It knows no SAP system and no role.

use std::path::PathBuf;
use std::time::Duration;

/// How to reach one system; from `ca`, `proxy` and `timeout` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Authorities trusted for this connection, beside the system's (PEM file).
    pub ca: Option<PathBuf>,
    /// HTTP proxy (`http://host:port`), or `none` to ignore the environment's; unset means the environment's.
    pub proxy: Option<String>,
    /// The limit for one whole request.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { ca: None, proxy: None, timeout: Duration::from_secs(30) }
    }
}
