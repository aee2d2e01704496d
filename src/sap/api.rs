//! Requests to one Destination service: paced, authorised, and their answers read without trusting them.
//! It knows no certificate and no destination.

use hyper::body::Bytes;
use serde::Serialize;
use zeroize::Zeroizing;

use super::pace::Pace;
use super::refusal;
use super::token::{Grant, Tokens};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::reason::{Answer, Failure, Reason};

/// What is done to a path below `/destination-configuration/v1/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Read.
    Get,
    /// Create.
    Post,
    /// Replace.
    Put,
    /// Remove.
    Delete,
}

impl Verb {
    const fn method(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Post => reqwest::Method::POST,
            Self::Put => reqwest::Method::PUT,
            Self::Delete => reqwest::Method::DELETE,
        }
    }

    const fn writes(self) -> bool {
        !matches!(self, Self::Get)
    }
}

/// One request.
pub(crate) struct Request {
    pub(crate) verb: Verb,
    /// The path and query below `/destination-configuration/v1/`, encoded.
    pub(crate) path: String,
    /// The entry it is about, where the body and not the path names it.
    pub(crate) entry: Option<String>,
    /// The ETag of what is known already.
    pub(crate) known: Option<String>,
    /// A JSON body; wiped when dropped.
    pub(crate) body: Option<Bytes>,
    /// What is wanted, for messages: `read the certificate a.pem of the subaccount`.
    pub(crate) what: String,
}

impl Request {
    /// What is asked, in short: `POST subaccountCertificates sfapi-2.pem`.
    pub(crate) fn short(&self) -> String {
        let entry = self.entry.as_ref().map(|entry| format!(" {entry}")).unwrap_or_default();
        format!("{} {}{entry}", self.verb.method(), self.path)
    }

    /// It and its answer, in short.
    pub(crate) fn answered(&self, reply: &Reply) -> Answer {
        Answer::new(self.short(), reply.status.to_string())
    }
}

/// One answer; its body may hold a key and is wiped when dropped.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    /// Where the pages before and after it are.
    pub(crate) link: Option<String>,
    /// How many entities there are on all pages.
    pub(crate) entity_count: Option<usize>,
    pub(crate) body: Zeroizing<Vec<u8>>,
    retry_after: Option<u64>,
}

/// One Destination service.
pub(crate) struct Api {
    tokens: Tokens,
    pace: Pace,
}

impl Api {
    pub(crate) fn new(tokens: Tokens) -> Self {
        Self { tokens, pace: Pace::new() }
    }

    pub(crate) const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub(crate) fn connection(&self) -> &str {
        self.tokens.connection()
    }

    /// Sends it and returns whatever was answered. A token that is refused is replaced once.
    pub(crate) async fn call(&self, request: &Request) -> Result<Reply, Failure> {
        let _turn = self.pace.turn().await;
        self.rested(request)?;
        let grant = self.granted(request).await?;
        let first = self.send(&grant, request).await?;
        if first.status != 401 {
            return Ok(first);
        }
        self.tokens.refused(&grant.token).await;
        let grant = self.granted(request).await?;
        self.send(&grant, request).await
    }

    fn rested(&self, request: &Request) -> Result<(), Failure> {
        let Some(seconds) = self.pace.rest_left() else { return Ok(()) };
        let text = format!(
            "could not {}: {} asked for rest; {seconds} seconds of it are left",
            request.what,
            self.connection()
        );
        Err(Failure::certain(Reason::RateLimited, text).retry_after(Some(seconds)))
    }

    async fn granted(&self, request: &Request) -> Result<Grant, Failure> {
        self.tokens.grant().await.map_err(|failure| {
            self.rest(failure.retry_after_seconds);
            Failure { text: format!("could not {}: {}", request.what, failure.text), ..failure }
        })
    }

    async fn send(&self, grant: &Grant, request: &Request) -> Result<Reply, Failure> {
        let url = format!("{}/destination-configuration/v1/{}", grant.uri, request.path);
        let mut built = grant
            .http
            .request(request.verb.method(), &url)
            .bearer_auth(grant.token.as_str())
            .header("accept", "application/json");
        if let Some(etag) = &request.known {
            built = built.header("if-none-match", etag);
        }
        if let Some(body) = &request.body {
            built = built.header("content-type", "application/json").body(body.clone());
        }
        let answer = grant.http.send(built).await.map_err(|failure| Failure {
            text: format!("could not {} ({}): {}", request.what, self.connection(), failure.text),
            maybe_effective: request.verb.writes() && failure.maybe_effective,
            answer: failure.answer.map(|answer| Answer::new(request.short(), answer.answer())),
            ..failure
        })?;
        let retry_after = answer.retry_after(SystemClock.now());
        if matches!(answer.status, 429 | 503) {
            self.rest(retry_after);
        }
        let header = |name: &str| answer.header(name).map(str::to_owned);
        let (etag, link) = (header("etag"), header("link"));
        let entity_count = answer.header("entity-count").and_then(|count| count.trim().parse().ok());
        Ok(Reply { status: answer.status, etag, link, entity_count, body: answer.body, retry_after })
    }

    fn rest(&self, seconds: Option<u64>) {
        if let Some(seconds) = seconds {
            self.pace.rest_for(seconds);
        }
    }

    /// What an answer means that is not what was asked for.
    pub(crate) fn refused(&self, request: &Request, reply: &Reply) -> Failure {
        let status = reply.status;
        let words = refusal::words(&reply.body);
        let (reason, explained) = match status {
            401 => (Reason::Unauthorized, "our token was refused twice; create a new service key and store it in place of the old one".to_owned()),
            403 => (Reason::Forbidden, "not allowed; the service key must be one of a Destination service instance in that subaccount".to_owned()),
            404 if refusal::is_missing_route(&reply.body) => {
                (Reason::Unavailable, "no Destination service answers at the service key's \"uri\"".to_owned())
            }
            404 => (Reason::NotFound, "it does not exist there".to_owned()),
            409 => (Reason::Conflict, "something with this name stands there already".to_owned()),
            429 => (Reason::RateLimited, "asked to slow down".to_owned()),
            400..=499 => (refusal::reason_of(status), "refused".to_owned()),
            500..=599 => (Reason::Unavailable, "the Destination service failed or is in maintenance".to_owned()),
            _ => (Reason::UnexpectedAnswer, "neither a success nor a refusal".to_owned()),
        };
        let text =
            format!("could not {} ({}): {explained} ({status}: {words})", request.what, self.connection());
        let maybe_effective = request.verb.writes() && !refusal::is_clear_refusal(status);
        let answer = Some(request.answered(reply));
        Failure { reason, text, maybe_effective, retry_after_seconds: reply.retry_after, answer }
    }

    /// What one item's own status means in an answer about several.
    pub(crate) fn item_refused(&self, request: &Request, status: u16, words: &str) -> Failure {
        let text = format!("could not {} ({}): {words} ({status})", request.what, self.connection());
        let answer = Answer::new(request.short(), status.to_string());
        let failure = Failure::certain(refusal::reason_of(status), text).answered(answer);
        Failure { maybe_effective: !refusal::is_clear_refusal(status), ..failure }
    }

    /// A success that cannot be understood.
    pub(crate) fn not_understood(&self, request: &Request, reply: &Reply) -> Failure {
        let text = format!(
            "could not {} ({}): status {} came with {}",
            request.what,
            self.connection(),
            reply.status,
            refusal::shape(&reply.body)
        );
        let answer = request.answered(reply);
        let failure = Failure::certain(Reason::UnexpectedAnswer, text).answered(answer);
        Failure { maybe_effective: request.verb.writes(), ..failure }
    }
}

impl Reply {
    /// Whether it says that the thing does not exist, rather than that nobody could be asked.
    pub(crate) fn is_absent(&self) -> bool {
        self.status == 404 && !refusal::is_missing_route(&self.body)
    }
}

/// Text that is wiped once it was sent.
pub(crate) fn wiped(text: Zeroizing<String>) -> Bytes {
    Bytes::from_owner(text)
}

/// JSON that is wiped once it was sent, written into one piece of memory that need not grow.
pub(crate) fn serialized(value: &impl Serialize) -> Result<Bytes, Failure> {
    let unwritable = |error: serde_json::Error| {
        Failure::certain(Reason::UnsupportedFormat, format!("the request cannot be written as JSON: {error}"))
    };
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).map_err(unwritable)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *bytes, value).map_err(unwritable)?;
    Ok(Bytes::from_owner(bytes))
}

/// Counts what is written to it.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
