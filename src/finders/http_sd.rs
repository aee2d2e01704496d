//! A target list behind an address, as Prometheus' `http_sd` asks for it: JSON, whole, with its own word on how long it holds.
//! It follows no redirect and keeps no list but the one of an answer that is said to be unchanged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use zeroize::Zeroizing;

use super::target_list::{self, Group};
use super::{Finder, Found, Place};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::reason::{Reason, Unseen};
use crate::net::{self, Answer, Net, excerpt};
use crate::secret::SecretRef;

/// Which list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The address.
    pub url: String,
    /// More headers.
    pub headers: BTreeMap<String, String>,
    /// What opens it.
    pub credential: Credential,
    /// The port of a target that names none.
    pub port: u16,
    /// How to reach it.
    pub net: net::Settings,
}

/// What opens a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing is needed.
    None,
    /// A bearer token.
    Token(SecretRef),
    /// A user and a password.
    User(String, SecretRef),
}

/// The last good answer.
#[derive(Clone)]
struct Last {
    etag: Option<String>,
    modified: Option<String>,
    groups: Arc<Vec<Group>>,
}

/// A target list behind an address.
pub struct HttpSd {
    net: Net,
    settings: Settings,
    last: Mutex<Option<Last>>,
}

impl HttpSd {
    /// Asks nothing yet.
    #[must_use]
    pub fn new(net: Net, settings: Settings) -> Self {
        Self { net, settings, last: Mutex::default() }
    }

    async fn look(&self) -> Result<(Arc<Vec<Group>>, Option<Duration>), Unseen> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = self.ask(last.as_ref()).await?;
        let holds_for = answer.header("cache-control").and_then(max_age);
        let now = match (answer.status, last) {
            (304, Some(last)) => last,
            (200, _) => understood(&answer).map_err(|wrong| self.unseen(Reason::UnexpectedAnswer, &wrong))?,
            (304, None) => {
                return Err(self.unseen(Reason::UnexpectedAnswer, "304 came and nothing was known before"));
            }
            (300..=399, _) => {
                let to = answer.header("location").unwrap_or("nowhere");
                let text = format!(
                    "it leads to {to} ({}), which is not followed; write that address",
                    answer.status
                );
                return Err(self.unseen(Reason::UnexpectedAnswer, &text));
            }
            (_, _) => return Err(Unseen::from(refusal(answer))),
        };
        let groups = Arc::clone(&now.groups);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok((groups, holds_for))
    }

    async fn ask(&self, last: Option<&Last>) -> Result<Answer, Unseen> {
        let http = self.net.http(&self.settings.net, None)?;
        let mut request =
            http.request(reqwest::Method::GET, &self.settings.url).header("accept", "application/json");
        for (name, value) in &self.settings.headers {
            request = request.header(name, value);
        }
        match &self.settings.credential {
            Credential::None => {}
            Credential::Token(secret) => request = request.bearer_auth(secret.read()?.as_str()),
            Credential::User(name, secret) => {
                let pair = Zeroizing::new(format!("{name}:{}", secret.read()?.as_str()));
                let encoded = base64::engine::general_purpose::STANDARD.encode(pair.as_bytes());
                let encoded = Zeroizing::new(encoded);
                let mut value =
                    reqwest::header::HeaderValue::from_str(&format!("Basic {}", encoded.as_str())).map_err(
                        |_| self.unseen(Reason::CredentialUnusable, "the user or password cannot be sent"),
                    )?;
                value.set_sensitive(true);
                request = request.header("authorization", value);
            }
        }
        for (name, value) in [
            ("if-none-match", last.and_then(|last| last.etag.as_ref())),
            ("if-modified-since", last.and_then(|last| last.modified.as_ref())),
        ] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        Ok(http.send(request).await?)
    }

    fn unseen(&self, reason: Reason, what: &str) -> Unseen {
        Unseen::new(reason, format!("the target list at {}: {what}", shown(&self.settings.url)))
    }
}

#[async_trait::async_trait]
impl Finder for HttpSd {
    async fn find(&self) -> Found {
        match self.look().await {
            Ok((groups, holds_for)) => {
                let (servers, left_out) = target_list::servers(groups.to_vec(), self.settings.port);
                let places = servers.into_iter().map(Place::Server).collect();
                Found { places, unseen: Vec::new(), left_out, holds_for }
            }
            Err(why) => Found::nothing(why),
        }
    }
}

/// The list in an answer: JSON by its type and by its content, as Prometheus insists.
fn understood(answer: &Answer) -> Result<Last, String> {
    let kind = answer.header("content-type").unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let said = if kind.is_empty() { "no type".to_owned() } else { format!("the type {kind:?}") };
        return Err(format!("it came with {said}, not application/json (“{}”)", excerpt(&answer.body)));
    }
    let header = |name: &str| answer.header(name).map(str::to_owned);
    let groups = Arc::new(target_list::from_json(&answer.body)?);
    Ok(Last { etag: header("etag"), modified: header("last-modified"), groups })
}

/// What a status means that is neither an answer nor "unchanged".
fn refusal(answer: Answer) -> crate::domain::reason::Failure {
    use crate::domain::reason::Failure;
    let place = answer.place().to_owned();
    match answer.success(SystemClock.now()) {
        Err(failure) => failure,
        Ok(odd) => {
            let text = format!("{place}: {} is no answer with a list", odd.status);
            Failure::certain(Reason::UnexpectedAnswer, text)
        }
    }
}

/// How long an answer holds by its own word.
fn max_age(text: &str) -> Option<Duration> {
    let mut words = text.split(',').map(str::trim);
    let bare = |word: &str| word.eq_ignore_ascii_case("no-store") || word.eq_ignore_ascii_case("no-cache");
    if words.clone().any(bare) {
        return None;
    }
    let value = words.find_map(|word| {
        let (name, value) = word.split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then(|| value.trim_matches('"').to_owned())
    })?;
    value.parse().ok().map(Duration::from_secs).filter(|age| !age.is_zero())
}

/// An address without its query, in which a token may stand.
fn shown(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_how_long_it_holds() {
        for (text, expected) in [
            ("max-age=60", Some(60)),
            ("public, Max-Age=\"90\"", Some(90)),
            ("max-age=60, no-cache", None),
            ("max-age=0", None),
            ("max-age=soon", None),
            ("private", None),
        ] {
            assert_eq!(max_age(text), expected.map(Duration::from_secs), "{text}");
        }
    }
}
