//! Mail: implicit TLS, STARTTLS, or plain where it is said so; text and HTML, public certificate attached.
//! It retries nothing; the outbox does.

mod channel;
mod conversation;
mod letter;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::Mailbox;
use zeroize::Zeroizing;

use super::Notifier;
use super::template::Templates;
use crate::domain::message::Message;
use crate::domain::reason::{Failure, Reason, Unseen};
use crate::net::{self, Net};
use crate::secret::SecretRef;
use conversation::{Envelope, Progress, Taken};
use letter::Letter;

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

impl Settings {
    fn address(&self) -> net::Address {
        net::Address::host(&self.host, self.port)
    }
}

/// A mail server and the people behind it.
pub struct Smtp {
    net: Net,
    settings: Settings,
    from: Mailbox,
    to: Vec<Mailbox>,
    templates: Templates,
    /// Who already has a mail that others were refused, so that trying again repeats it to nobody.
    reached: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl Smtp {
    /// Prepares it; nothing is connected yet.
    ///
    /// # Errors
    /// [`Reason::Malformed`] for an address that is none, [`Reason::Refused`] for credentials without TLS.
    pub fn new(net: Net, settings: Settings) -> Result<Self, Unseen> {
        if settings.security == Security::Plain && settings.credentials.is_some() {
            let text = format!(
                "notifier {}: smtp+plain:// would send the password in the clear; use smtps:// or smtp://, or leave username and password out",
                settings.id
            );
            return Err(Unseen::new(Reason::Refused, text));
        }
        let from = mailbox(&settings.id, "from", &settings.from)?;
        let to: Vec<Mailbox> = settings
            .to
            .iter()
            .map(|address| mailbox(&settings.id, "to", address))
            .collect::<Result<_, _>>()?;
        if to.is_empty() {
            let text = format!("notifier {}: to names nobody; give at least one address", settings.id);
            return Err(Unseen::new(Reason::Empty, text));
        }
        let templates = Templates::new(settings.templates.clone());
        Ok(Self { net, settings, from, to, templates, reached: Mutex::default() })
    }

    async fn deliver(&self, letter: &Letter, password: Option<&Zeroizing<String>>) -> Result<(), Failure> {
        let reached = self.reached(&letter.id);
        let to = self.to.iter().map(|mailbox| &mailbox.email);
        let to: Vec<_> = to.filter(|address| !reached.contains(&address.to_string())).collect();
        if to.is_empty() {
            return Ok(());
        }
        let envelope = Envelope { from: &self.from.email, to, bytes: &letter.bytes };
        let progress = Progress::new();
        let turn = self.net.turn(&self.settings.address()).await;
        let conversation =
            conversation::converse((&self.net, turn), &self.settings, password, &envelope, &progress);
        let taken = match tokio::time::timeout(self.settings.net.timeout, conversation).await {
            Ok(ended) => ended?,
            Err(_) => {
                let stage = progress.stage();
                let limit = self.settings.net.timeout;
                let text = format!(
                    "no answer within {limit:?} while {}; check the way there, or set a longer timeout",
                    stage.doing()
                );
                let late = Failure::certain(Reason::Timeout, text);
                return Err(Failure { maybe_effective: stage.maybe_effective(), ..late });
            }
        };
        self.settle(&letter.id, taken)
    }

    fn reached(&self, id: &str) -> BTreeSet<String> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned().unwrap_or_default()
    }

    /// Delivered only when everybody has it.
    fn settle(&self, id: &str, taken: Taken) -> Result<(), Failure> {
        let mut all = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.refused.is_empty() {
            all.remove(id);
            return Ok(());
        }
        all.entry(id.to_owned()).or_default().extend(taken.accepted.iter().map(ToString::to_string));
        Err(conversation::together(taken.refused))
    }
}

#[async_trait::async_trait]
impl Notifier for Smtp {
    async fn send(&self, message: &Message) -> Result<(), Failure> {
        let public_url = self.settings.public_url.as_deref();
        let letter = letter::write(message, &self.from, &self.to, public_url, &self.templates)?;
        let secret = self.settings.credentials.as_ref().map(|(_, secret)| secret.read()).transpose()?;
        let place = format!("mail server {}:{}", self.settings.host, self.settings.port);
        self.deliver(&letter, secret.as_ref()).await.map_err(|failure| {
            let text = format!("{place}: {}", failure.text);
            let user = self.settings.credentials.as_ref().map_or("", |(user, _)| user.as_str());
            Failure { text: without(text, user, secret.as_ref()), ..failure }
        })
    }
}

fn mailbox(notifier: &str, key: &str, address: &str) -> Result<Mailbox, Unseen> {
    address.parse().map_err(|error| {
        let text = format!("notifier {notifier}: {key} = {address:?} is not a mail address: {error}");
        Unseen::new(Reason::Malformed, text)
    })
}

/// A server may repeat what it was sent; the password is not repeated further, in no form it was sent in.
fn without(text: String, user: &str, password: Option<&Zeroizing<String>>) -> String {
    let Some(password) = password else { return text };
    let plain = Zeroizing::new(format!("\0{user}\0{}", password.as_str()));
    let forms = [
        password.clone(),
        Zeroizing::new(STANDARD.encode(password.as_bytes())),
        Zeroizing::new(STANDARD.encode(plain.as_bytes())),
    ];
    forms.iter().fold(text, |text, form| text.replace(form.as_str(), "(password)"))
}
