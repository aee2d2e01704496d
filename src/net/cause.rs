//! From an error of a library to a reason of the closed list and one line of text.
//! It decides nothing and never shows an answer's secrets.

use std::error::Error;
use std::io;

use rustls::AlertDescription;

use super::refusal;
use crate::domain::reason::{Reason, Unseen};

/// The error with all its causes in one line; what a cause only repeats is left out.
#[must_use]
pub fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let said = said(error);
        if text.is_empty() {
            text = said;
        } else if !said.is_empty() && !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = error.source();
    }
    text
}

/// What one error says, in our words where the library's are for programmers.
fn said(error: &(dyn Error + 'static)) -> String {
    // What HTTP's libraries say of a connection that failed is what the connection itself says, once more.
    let is_shell = error.is::<hyper::Error>() || error.is::<hyper_util::client::legacy::Error>();
    let is_unsent = error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect);
    if (is_shell || is_unsent) && error.source().is_some() {
        return String::new();
    }
    let system = error.downcast_ref::<io::Error>();
    let inner = system.and_then(io::Error::get_ref);
    let tls = error.downcast_ref::<rustls::Error>().or_else(|| inner.and_then(|inner| tls_error(inner)));
    if let Some(words) = tls.and_then(tls_words) {
        return words;
    }
    let closed = system.is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof);
    if closed && inner.is_some() {
        return "the other side closed the connection in the middle".to_owned();
    }
    one_line(&error.to_string())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's list is open")]
fn tls_words(error: &rustls::Error) -> Option<String> {
    match error {
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            Some("what answers there does not speak TLS".to_owned())
        }
        rustls::Error::InvalidCertificate(problem) => {
            Some(format!("the server's certificate {}", refusal::of_server(problem)))
        }
        _ => None,
    }
}

/// Text without line ends, control characters and runs of blanks.
#[must_use]
pub fn one_line(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A short excerpt of an answer for people: a page's title, else its text without markup.
/// Anything that looks like a secret is left out altogether.
#[must_use]
pub fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..body.len().min(SCANNED)).unwrap_or_default());
    let lower = text.to_ascii_lowercase();
    if SECRETS.iter().any(|sign| lower.contains(sign)) {
        return "(not shown: it may hold a secret)".to_owned();
    }
    let title = lower.find("<title>").zip(lower.find("</title>"));
    let chosen = title.and_then(|(from, to)| text.get(from + "<title>".len()..to)).unwrap_or(&text);
    let plain = one_line(&without_markup(chosen));
    if plain.chars().count() <= SHOWN {
        return plain;
    }
    plain.chars().take(SHOWN).chain(std::iter::once('…')).collect()
}

fn without_markup(text: &str) -> String {
    let mut inside = false;
    text.chars()
        .filter_map(|c| match c {
            '<' => {
                inside = true;
                Some(' ')
            }
            '>' if inside => {
                inside = false;
                None
            }
            _ if inside => None,
            other => Some(other),
        })
        .collect()
}

/// The reason behind an error of hyper, reqwest, rustls or the system; none where the error does not tell.
#[must_use]
pub fn reason_of(error: &(dyn Error + 'static)) -> Option<Reason> {
    let mut next = Some(error);
    let mut found = None;
    while let Some(error) = next {
        found = one_reason(error).or(found);
        next = error.source();
    }
    found
}

fn one_reason(error: &(dyn Error + 'static)) -> Option<Reason> {
    if let Some(error) = error.downcast_ref::<super::resolver::Unresolved>() {
        return Some(error.0.reason);
    }
    if let Some(unseen) = error.downcast_ref::<Unseen>() {
        return Some(unseen.reason);
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return of_http(error);
    }
    let error = error.downcast_ref::<io::Error>()?;
    match error.get_ref() {
        Some(inner) => reason_of(inner).or_else(|| of_kind(error.kind())),
        None => of_kind(error.kind()),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's list is open")]
fn of_tls(error: &rustls::Error) -> Reason {
    match error {
        rustls::Error::InvalidCertificate(_) => Reason::ServerUntrusted,
        rustls::Error::AlertReceived(alert) if is_about_our_certificate(*alert) => Reason::CredentialUnusable,
        _ => Reason::TlsFailed,
    }
}

fn of_http(error: &hyper::Error) -> Option<Reason> {
    if error.is_parse() {
        return Some(Reason::UnexpectedAnswer);
    }
    let closed = error.is_incomplete_message() || error.is_canceled() || error.is_closed();
    closed.then_some(Reason::ConnectionReset)
}

/// Whether an alert can only be about the certificate that we presented or failed to present.
pub(crate) const fn is_about_our_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateRequired
    )
}

fn of_kind(kind: io::ErrorKind) -> Option<Reason> {
    use io::ErrorKind as Kind;
    if kind == Kind::ConnectionRefused {
        return Some(Reason::ConnectionRefused);
    }
    if matches!(kind, Kind::TimedOut | Kind::HostUnreachable | Kind::NetworkUnreachable) {
        return Some(Reason::Timeout);
    }
    let closed = matches!(
        kind,
        Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe
            | Kind::NotConnected
            | Kind::UnexpectedEof
    );
    closed.then_some(Reason::ConnectionReset)
}

/// The error of rustls in a chain of causes, wherever a library hid it.
pub(crate) fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| tls_error(inner)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

const SCANNED: usize = 64 * 1024;
const SHOWN: usize = 200;
const SECRETS: [&str; 7] = [
    "private key",
    "access_token",
    "clientsecret",
    "client_secret",
    "password\"",
    "authorization:",
    "refresh_token",
];
