//! One signed JSON POST per message, or a Slack or Teams message.
//! It retries nothing; the outbox does.

mod body;

use hmac::{Hmac, Mac as _};

use super::Notifier;
use crate::domain::Timestamp;
use crate::domain::message::Message;
use crate::domain::reason::{Failure, Reason, Unseen};
use crate::formats;
use crate::net::{self, Answer, Net};
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

/// A receiver of signed posts.
pub struct Webhook {
    net: Net,
    settings: Settings,
}

impl Webhook {
    /// Prepares it; nothing is connected yet.
    #[must_use]
    pub const fn new(net: Net, settings: Settings) -> Self {
        Self { net, settings }
    }

    async fn post(&self, body: Vec<u8>) -> Result<(), Failure> {
        let client = self.net.http(&self.settings.net, None)?;
        let mut request = client
            .request(reqwest::Method::POST, &self.settings.url)
            .header("content-type", "application/json");
        if let Some(secret) = &self.settings.secret {
            // That there is no secret says nothing of the webhook itself.
            let secret = secret.read_bytes().map_err(|unseen| {
                let text = format!("{}; put it right there, it is read for each message", unseen.text);
                Unseen::new(Reason::CredentialUnusable, text)
            })?;
            request = request.header("x-certsteward-signature", signature(&secret, &body)?);
        }
        let answer = client.send(request.body(body)).await?;
        let now = date(&answer);
        answer.success(now).map(drop)
    }
}

#[async_trait::async_trait]
impl Notifier for Webhook {
    async fn send(&self, message: &Message) -> Result<(), Failure> {
        let body = body::write(message, self.settings.format, self.settings.public_url.as_deref())?;
        formats::public::scan(&body)?;
        self.post(body).await.map_err(|failure| {
            let text =
                format!("{}; {}", without_path(&failure.text, &self.settings.url), way_out(failure.reason));
            Failure { text, ..failure }
        })
    }
}

/// `sha256=` and the HMAC-SHA256 of the body in hexadecimal. A line end that closes the secret's file is no part of it.
fn signature(secret: &[u8], body: &[u8]) -> Result<String, Unseen> {
    let secret = secret.strip_suffix(b"\n").unwrap_or(secret);
    let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).map_err(|error| {
        Unseen::new(Reason::CredentialUnusable, format!("the secret cannot sign: {error}"))
    })?;
    mac.update(body);
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256={digits}"))
}

/// The server's own time, against which it means a `Retry-After` that is a date.
fn date(answer: &Answer) -> Timestamp {
    answer
        .header("date")
        .and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok())
        .map_or(Timestamp::MAX_UTC, |date| date.to_utc())
}

/// The path of a webhook is often its only secret.
fn without_path(text: &str, url: &str) -> String {
    let path = reqwest::Url::parse(url).map(|url| url.path().to_owned()).unwrap_or_default();
    if path.len() > 1 { text.replace(&path, "/…") } else { text.to_owned() }
}

const fn way_out(reason: Reason) -> &'static str {
    match reason {
        Reason::Unauthorized | Reason::Forbidden => "permanent: check the address and secret of the notifier",
        Reason::NotFound => "permanent: the webhook is gone; make a new one and set url",
        Reason::Conflict | Reason::Refused | Reason::TooLarge => {
            "permanent: check that format is what the receiver reads (json, slack, teams)"
        }
        Reason::RateLimited => "transient: it is tried again when the receiver allows it",
        Reason::ServerUntrusted => "add the server's authority with ca = { file = … }",
        Reason::Unavailable
        | Reason::DnsFailed
        | Reason::ConnectionRefused
        | Reason::ConnectionReset
        | Reason::TlsFailed
        | Reason::Timeout
        | Reason::Truncated => "transient: it is tried again; check the way there if it stays",
        Reason::PermissionDenied
        | Reason::Unreadable
        | Reason::Empty
        | Reason::NoCertificate
        | Reason::SeveralLeaves
        | Reason::KeyMismatch
        | Reason::Untrusted
        | Reason::TrustUnknown
        | Reason::Revoked
        | Reason::RevocationUnknown
        | Reason::PasswordNeeded
        | Reason::PasswordWrong
        | Reason::UnsupportedFormat
        | Reason::Malformed
        | Reason::UnexpectedAnswer
        | Reason::CommandFailed
        | Reason::CredentialUnusable
        | Reason::KeyUnavailable
        | Reason::KeyMaterial
        | Reason::StateChanged
        | Reason::EffectUnknown
        | Reason::LeadsNowhere
        | Reason::Interrupted => "check url and settings of the notifier",
    }
}
