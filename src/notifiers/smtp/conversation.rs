//! One conversation with a mail server, from the connection to the accepted mail, each failure told with its way out.
//! It writes no mail.

use std::sync::{Mutex, PoisonError};

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use zeroize::Zeroizing;

use super::channel::Channel;
use super::{Security, Settings};
use crate::domain::reason::{Failure, Reason};
use crate::net::{self, Net, Turn};

/// How far a conversation came; it outlives one that is cut off by its time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Connecting,
    Greeting,
    LoggingIn,
    Addressing,
    Sending,
}

impl Stage {
    /// What was being done.
    pub(super) const fn doing(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Greeting => "waiting for the greeting",
            Self::LoggingIn => "logging in",
            Self::Addressing => "naming sender and recipients",
            Self::Sending => "handing over the mail",
        }
    }

    /// Whether the mail may have been taken although no answer came.
    pub(super) const fn maybe_effective(self) -> bool {
        matches!(self, Self::Sending)
    }
}

/// The stage, shared with whoever watches the time.
pub(super) struct Progress(Mutex<Stage>);

impl Progress {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Stage::Connecting))
    }

    pub(super) fn stage(&self) -> Stage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self, stage: Stage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }
}

/// Who the mail is from and for, and the mail itself.
pub(super) struct Envelope<'a> {
    pub(super) from: &'a Address,
    pub(super) to: Vec<&'a Address>,
    pub(super) bytes: &'a [u8],
}

/// What the server made of each recipient, once the mail was taken for at least one.
pub(super) struct Taken {
    pub(super) accepted: Vec<Address>,
    pub(super) refused: Vec<Failure>,
}

/// Connects, logs in, hands over, leaves.
pub(super) async fn converse(
    (net, turn): (&Net, Turn),
    settings: &Settings,
    password: Option<&Zeroizing<String>>,
    envelope: &Envelope<'_>,
    progress: &Progress,
) -> Result<Taken, Failure> {
    let mut server = open((net, turn), settings, progress).await?;
    if let (Some((user, _)), Some(password)) = (&settings.credentials, password) {
        progress.reached(Stage::LoggingIn);
        let credentials = Credentials::new(user.clone(), password.to_string());
        server
            .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
            .await
            .map_err(|error| told(&error, Stage::LoggingIn, &format!("for user {user}")))?;
    }
    progress.reached(Stage::Addressing);
    let taken = address(&mut server, envelope).await?;
    progress.reached(Stage::Sending);
    server.command(Data).await.map_err(|error| told(&error, Stage::Addressing, ""))?;
    server.message(envelope.bytes).await.map_err(|error| told(&error, Stage::Sending, ""))?;
    if let Err(error) = server.quit().await {
        tracing::debug!(notifier = settings.id, %error, "the mail was taken, but the server did not say goodbye");
    }
    Ok(taken)
}

async fn open(
    (net, turn): (&Net, Turn),
    settings: &Settings,
    progress: &Progress,
) -> Result<AsyncSmtpConnection, Failure> {
    let tls = || net.tls_config(&settings.net, None);
    let host = settings.host.as_str();
    let tcp = net.connect(turn, &direct(&settings.net), &settings.address()).await?;
    progress.reached(Stage::Greeting);
    let hello = hello(&tcp);
    let channel = match settings.security {
        Security::Plain => Channel::plain(tcp),
        Security::Implicit => Channel::tls(tcp, host, tls()?).await?,
        Security::StartTls => Channel::starttls(tcp, &hello.to_string(), host, tls()?).await?,
    };
    AsyncSmtpConnection::connect_with_transport(Box::new(channel), &hello)
        .await
        .map_err(|error| told(&error, Stage::Greeting, ""))
}

/// The environment's proxy is for HTTP; mail goes through one only where the notifier names it.
fn direct(settings: &net::Settings) -> net::Settings {
    let proxy = settings.proxy.clone().or_else(|| Some("none".to_owned()));
    net::Settings { proxy, ..settings.clone() }
}

/// The address this end of the connection has: true, and in the form that needs no name.
fn hello(tcp: &net::Stream) -> ClientId {
    match tcp.local_addr().map(|address| address.ip()) {
        Some(std::net::IpAddr::V4(address)) => ClientId::Ipv4(address),
        Some(std::net::IpAddr::V6(address)) => ClientId::Ipv6(address),
        None => ClientId::default(),
    }
}

/// Names every recipient; one that is refused does not keep the mail from the others.
async fn address(server: &mut AsyncSmtpConnection, envelope: &Envelope<'_>) -> Result<Taken, Failure> {
    let mail = Mail::new(Some(envelope.from.clone()), Vec::new());
    let from = format!("from {}", envelope.from);
    server.command(mail).await.map_err(|error| told(&error, Stage::Addressing, &from))?;
    let mut taken = Taken { accepted: Vec::new(), refused: Vec::new() };
    for to in &envelope.to {
        match server.command(Rcpt::new((*to).clone(), Vec::new())).await {
            Ok(_) => taken.accepted.push((*to).clone()),
            Err(error) if error.status().is_some() => {
                taken.refused.push(told(&error, Stage::Addressing, &format!("for {to}")));
            }
            Err(error) => return Err(told(&error, Stage::Addressing, &format!("for {to}"))),
        }
    }
    if taken.accepted.is_empty() {
        server.abort().await;
        return Err(together(taken.refused));
    }
    Ok(taken)
}

/// Several refusals as one.
pub(super) fn together(refused: Vec<Failure>) -> Failure {
    let text = refused.iter().map(|failure| failure.text.as_str()).collect::<Vec<_>>().join("; ");
    let reason = refused.first().map_or(Reason::Refused, |failure| failure.reason);
    Failure::certain(reason, text)
}

/// What a failed step means, and the way out.
fn told(error: &Error, stage: Stage, about: &str) -> Failure {
    let doing =
        if about.is_empty() { stage.doing().to_owned() } else { format!("{} {about}", stage.doing()) };
    let said = std::error::Error::source(error).map_or_else(|| error.to_string(), net::told);
    let said = net::excerpt(said.as_bytes());
    if let Some(code) = error.status() {
        let code = code.to_string();
        let (reason, way_out) = meaning(&code);
        return Failure::certain(reason, format!("{doing}: the server answered {code} {said}; {way_out}"));
    }
    let (reason, way_out) = match net::reason_of(error) {
        Some(reason) => (reason, ""),
        None if error.is_client() && stage == Stage::LoggingIn => (
            Reason::Unauthorized,
            "; the server offers neither AUTH PLAIN nor AUTH LOGIN here: leave out username and password, or use its submission port",
        ),
        None if error.to_string().contains("incomplete response") => (Reason::ConnectionReset, ""),
        None => (Reason::UnexpectedAnswer, "; check that a mail server listens at that port"),
    };
    let text = format!("{doing}: {said}{way_out}");
    if stage.maybe_effective() { Failure::uncertain(reason, text) } else { Failure::certain(reason, text) }
}

/// RFC 5321 §4.2 and RFC 4954 §6: what a refusal's code means, and whether waiting helps.
fn meaning(code: &str) -> (Reason, &'static str) {
    match code {
        "530" => {
            (Reason::Unauthorized, "permanent: it wants a login; give the notifier username and password")
        }
        "534" | "535" | "538" => {
            (Reason::Unauthorized, "permanent: check username and password of the notifier")
        }
        "550" | "551" | "553" => (
            Reason::Refused,
            "permanent: check the addresses in from and to, and whether the server lets this machine send",
        ),
        "552" => (Reason::TooLarge, "permanent: the mailbox is full or the mail too large for it"),
        _ if code.starts_with('4') => (Reason::Unavailable, "transient: it is tried again"),
        _ => (Reason::Refused, "permanent: whoever runs the server knows why"),
    }
}
