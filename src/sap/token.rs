//! The token of one connection: fetched once for everybody, kept until shortly before its end, dropped when refused.
//! It asks the Destination service nothing.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::service_key::{Credential, ServiceKey};
use super::{ConnectionSettings, api, refusal};
use crate::clock::{Clock as _, Stopwatch, SystemClock};
use crate::domain::Timestamp;
use crate::domain::certificate::Fingerprint;
use crate::domain::reason::{Failure, Reason, Unseen};
use crate::net::{Answer, HttpClient, Net};

/// How long before its end a token is no longer used, at most.
const MARGIN: Duration = Duration::from_secs(60);

/// How long a token is kept that does not say when it ends.
const UNSAID: Duration = Duration::from_secs(300);

/// How long a refusal of the key is remembered, so that many watches on one key do not all knock.
const REFUSAL_KEPT: Duration = Duration::from_secs(30);

/// How long any other failure is remembered: whoever waited for the same token gets the same answer.
const FAILURE_KEPT: Duration = Duration::from_secs(3);

/// What a request to the Destination service needs.
#[derive(Clone)]
pub(crate) struct Grant {
    /// The Destination service's base address.
    pub(crate) uri: String,
    /// The bearer token.
    pub(crate) token: Arc<Zeroizing<String>>,
    /// The way there.
    pub(crate) http: HttpClient,
}

/// The service key and the token of one connection.
pub(crate) struct Tokens {
    net: Net,
    settings: ConnectionSettings,
    held: Mutex<Option<Held>>,
    /// When the certificate ends that the key's file with this content names.
    not_after: std::sync::Mutex<Option<(Fingerprint, Option<Timestamp>)>>,
}

/// What is held for one content of the key's file; another content begins anew.
struct Held {
    content: Fingerprint,
    key: ServiceKey,
    http: HttpClient,
    token_http: HttpClient,
    token: Option<Token>,
    failed: Option<(Stopwatch, Failure)>,
}

impl Held {
    fn recent_failure(&self) -> Option<&Failure> {
        let (since, failure) = self.failed.as_ref()?;
        let kept = if failure.reason == Reason::Unauthorized { REFUSAL_KEPT } else { FAILURE_KEPT };
        (since.elapsed() < kept).then_some(failure)
    }
}

struct Token {
    value: Arc<Zeroizing<String>>,
    since: Stopwatch,
    lifetime: Duration,
}

impl Tokens {
    pub(crate) fn new(net: Net, settings: ConnectionSettings) -> Self {
        Self { net, settings, held: Mutex::new(None), not_after: std::sync::Mutex::default() }
    }

    pub(crate) fn connection(&self) -> &str {
        &self.settings.name
    }

    /// A token that is good now. Whoever comes while one is being fetched waits for that one.
    pub(crate) async fn grant(&self) -> Result<Grant, Failure> {
        let mut held = self.held.lock().await;
        let held = self.current(&mut held)?;
        if let Some(failure) = held.recent_failure() {
            return Err(failure.clone());
        }
        let kept = held.token.take().filter(|token| token.since.elapsed() < token.lifetime);
        let token = match kept {
            Some(kept) => kept,
            None => self.fetch_remembering(held).await?,
        };
        let value = Arc::clone(&token.value);
        held.token = Some(token);
        Ok(Grant { uri: held.key.uri.clone(), token: value, http: held.http.clone() })
    }

    /// Fetches, and remembers for a while that it failed.
    async fn fetch_remembering(&self, held: &mut Held) -> Result<Token, Failure> {
        let fetched = self.fetch(held).await.map_err(|failure| self.expired(held, failure));
        held.failed = fetched.as_ref().err().map(|failure| (Stopwatch::start(), failure.clone()));
        fetched
    }

    /// A key whose certificate is over is the reason, whatever the refusal looked like.
    fn expired(&self, held: &Held, failure: Failure) -> Failure {
        let Some(ended) = held.key.not_after().filter(|ended| *ended < SystemClock.now()) else {
            return failure;
        };
        let text = format!(
            "the certificate of the service key of {} ended on {}; create a new service key and store it as {} ({})",
            self.settings.name,
            ended.format("%Y-%m-%d"),
            self.settings.service_key,
            failure.text
        );
        Failure { reason: Reason::CredentialUnusable, text, ..failure }
    }

    /// Drops a token the other side refused, unless another has been fetched meanwhile.
    pub(crate) async fn refused(&self, used: &Arc<Zeroizing<String>>) {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_mut() {
            held.token.take_if(|token| Arc::ptr_eq(&token.value, used));
        }
    }

    /// When the key's certificate ends; none for a secret. It never waits for a token that is being fetched.
    pub(crate) fn credential_not_after(&self) -> Result<Option<Timestamp>, Unseen> {
        let bytes = self.key_bytes()?;
        let content = Fingerprint::of(&bytes);
        let mut known = self.not_after.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, not_after)) = known.filter(|(of, _)| *of == content) {
            return Ok(not_after);
        }
        let not_after = ServiceKey::read(&bytes, &self.settings.service_key.to_string())?.not_after();
        *known = Some((content, not_after));
        Ok(not_after)
    }

    fn key_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Unseen> {
        self.settings.service_key.read_bytes().map_err(|unseen| {
            let text = format!("the service key of {} cannot be read: {unseen}", self.settings.name);
            Unseen::new(Reason::CredentialUnusable, text)
        })
    }

    /// The key as its file says now: read anew each time, understood anew when it changed.
    fn current<'held>(&self, held: &'held mut Option<Held>) -> Result<&'held mut Held, Unseen> {
        let bytes = self.key_bytes()?;
        let content = Fingerprint::of(&bytes);
        let kept = held.take().filter(|held| held.content == content);
        let fresh = match kept {
            Some(kept) => kept,
            None => self.understand(&bytes, content)?,
        };
        Ok(held.insert(fresh))
    }

    fn understand(&self, bytes: &[u8], content: Fingerprint) -> Result<Held, Unseen> {
        let key = ServiceKey::read(bytes, &self.settings.service_key.to_string())?;
        let http = self.net.http(&self.settings.net, None)?;
        let token_http = match &key.credential {
            Credential::Secret { .. } => http.clone(),
            Credential::Certificate { identity, .. } => self.net.http(&self.settings.net, Some(identity))?,
        };
        Ok(Held { content, key, http, token_http, token: None, failed: None })
    }

    async fn fetch(&self, held: &Held) -> Result<Token, Failure> {
        let client = encoded(&held.key.client_id);
        let (address, form) = match &held.key.credential {
            Credential::Secret { url, secret } => {
                let secret = Zeroizing::new(encoded(secret));
                let form =
                    format!("grant_type=client_credentials&client_id={client}&client_secret={}", *secret);
                (url, Zeroizing::new(form))
            }
            Credential::Certificate { url, .. } => {
                (url, Zeroizing::new(format!("grant_type=client_credentials&client_id={client}")))
            }
        };
        let url = format!("{address}/oauth/token");
        let since = Stopwatch::start();
        let request = held
            .token_http
            .request(reqwest::Method::POST, &url)
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(api::wiped(form));
        let answer = held.token_http.send(request).await.map_err(|failure| Failure {
            text: format!("no token for {} from {address}: {}", self.settings.name, failure.text),
            maybe_effective: false,
            ..failure
        })?;
        self.understand_token(&answer, address, since)
    }

    fn understand_token(&self, answer: &Answer, address: &str, since: Stopwatch) -> Result<Token, Failure> {
        let name = &self.settings.name;
        if answer.status != 200 {
            return Err(self.token_refused(answer, address));
        }
        let granted: Granted = serde_json::from_slice(&answer.body).map_err(|_| {
            let shape = refusal::shape(&answer.body);
            let text = format!("the token service {address} of {name} did not answer with a token: {shape}");
            Failure::certain(Reason::UnexpectedAnswer, text)
        })?;
        let lifetime = granted.expires_in.map_or(UNSAID, Duration::from_secs);
        let lifetime = lifetime.saturating_sub(MARGIN.min(lifetime / 10));
        Ok(Token { value: Arc::new(Zeroizing::new(granted.access_token)), since, lifetime })
    }

    fn token_refused(&self, answer: &Answer, address: &str) -> Failure {
        let (name, status) = (&self.settings.name, answer.status);
        let words = refusal::words(&answer.body);
        let refused = format!("the token service {address} refused the service key of {name}");
        let text = match status {
            401 => format!(
                "{refused} ({status}: {words}); create a new service key and store it as {}",
                self.settings.service_key
            ),
            404 => format!(
                "there is no token service at {address} ({status}: {words}); check the service key of {name}"
            ),
            429 => format!("the token service {address} of {name} asks to slow down (429: {words})"),
            500..=599 => format!("the token service {address} of {name} failed ({status}: {words})"),
            _ => format!("{refused} ({status}: {words})"),
        };
        let reason = if status == 404 { Reason::UnexpectedAnswer } else { refusal::reason_of(status) };
        Failure::certain(reason, text).retry_after(answer.retry_after(SystemClock.now()))
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

/// Percent-encodes everything but RFC 3986's unreserved characters: good in a path and in a form.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}
