//! One signed JSON POST per message, or a Slack or Teams message.
//! It retries nothing; the outbox does.

use crate::net;
use crate::secret::SecretRef;

/// Where to post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The notifier's id.
    pub id: String,
    /// Where to post.
    pub url: String,
    /// In which form.
    pub format: Format,
    /// Signs the body: HMAC-SHA256 in `X-Certsteward-Signature`.
    pub secret: Option<SecretRef>,
    /// What links begin with.
    pub public_url: Option<String>,
    /// How to reach it.
    pub net: net::Settings,
}

/// The form of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The message as JSON.
    Json,
    /// A Slack message.
    Slack,
    /// A Teams message (adaptive card).
    Teams,
}
