//! Mail: implicit TLS, STARTTLS, or plain where it is said so; text and HTML, public certificate attached.
//! It retries nothing; the outbox does.

use crate::net;
use crate::secret::SecretRef;

/// Which server, from whom, to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The notifier's id.
    pub id: String,
    /// How the connection is protected.
    pub security: Security,
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The sender's address.
    pub from: String,
    /// The recipients' addresses.
    pub to: Vec<String>,
    /// User name and password, where the server wants them.
    pub credentials: Option<(String, SecretRef)>,
    /// What links begin with.
    pub public_url: Option<String>,
    /// A folder with templates that replace the built-in ones.
    pub templates: Option<std::path::PathBuf>,
    /// How to reach it.
    pub net: net::Settings,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (`smtps://`).
    Implicit,
    /// STARTTLS, demanded (`smtp://`).
    StartTls,
    /// None (`smtp+plain://`); takes no credentials.
    Plain,
}
