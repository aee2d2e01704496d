//! A certificate behind an address: any form that [`crate::formats`] opens, asked for by GET, parsed anew only where it changed.
//! It follows no redirect, sends no credential, and takes no private key from a network.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Source;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::certificate::Fingerprint;
use crate::domain::reason::{Failure, Reason, Unseen};
use crate::domain::report::Sighting;
use crate::domain::watch::Usage;
use crate::formats::{self, Wanted};
use crate::identity::Identity;
use crate::net::{self, Answer, Net};
use crate::secret::SecretRef;

/// Which address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The address.
    pub url: String,
    /// What opens what lies there, where it is protected.
    pub password: Option<SecretRef>,
    /// The entry that is meant, where what lies there is a keystore with several.
    pub alias: Option<String>,
    /// What its certificates are for.
    pub usage: Usage,
    /// How to reach it.
    pub net: net::Settings,
}

/// An address as a source.
pub struct Url {
    net: Net,
    settings: Settings,
    last: Mutex<Option<Last>>,
}

/// The last good answer, public parts only.
#[derive(Clone)]
struct Last {
    mark: Mark,
    sighting: Sighting,
}

/// What tells one answer from another.
#[derive(Clone)]
struct Mark {
    etag: Option<String>,
    modified: Option<String>,
    body: Fingerprint,
}

impl Mark {
    fn of(answer: &Answer) -> Self {
        let header = |name: &str| answer.header(name).map(str::to_owned);
        Self { etag: header("etag"), modified: header("last-modified"), body: Fingerprint::of(&answer.body) }
    }
}

impl Url {
    /// Asks nothing yet.
    #[must_use]
    pub fn new(net: Net, settings: Settings) -> Self {
        Self { net, settings, last: Mutex::default() }
    }

    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, last: Option<&Last>) -> Result<Answer, Unseen> {
        let http = self.net.http(&self.settings.net, None)?;
        let mut request = http.request(reqwest::Method::GET, &self.settings.url).header("accept", "*/*");
        for (name, value) in [
            ("if-none-match", last.and_then(|last| last.mark.etag.as_ref())),
            ("if-modified-since", last.and_then(|last| last.mark.modified.as_ref())),
        ] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        Ok(http.send(request).await?)
    }

    /// What an answer shows; none where nothing lies there.
    async fn shown(&self, answer: Answer, last: Option<Last>) -> Result<Option<Last>, Unseen> {
        match (answer.status, last) {
            (304, Some(last)) => Ok(Some(last)),
            (304, None) => {
                let text = "304 came, and nothing was known that could be unchanged";
                Err(self.unseen(Reason::UnexpectedAnswer, text))
            }
            (200, last) => {
                let mark = Mark::of(&answer);
                match last.filter(|last| last.mark.body == mark.body) {
                    Some(last) => Ok(Some(Last { mark, ..last })),
                    None => Ok(Some(Last { mark, sighting: self.understood(answer).await? })),
                }
            }
            (404 | 410, _) => Ok(None),
            (300..=399, _) => Err(self.led_elsewhere(&answer)),
            (_, _) => Err(refusal(answer).into()),
        }
    }

    async fn understood(&self, answer: Answer) -> Result<Sighting, Unseen> {
        let settings = self.settings.clone();
        let parsed = tokio::task::spawn_blocking(move || opened(&answer, &settings)).await;
        let parsed =
            parsed.unwrap_or_else(|_| Err(Unseen::new(Reason::Interrupted, "reading it ended early")));
        let mut opened = parsed.map_err(|unseen| self.unseen(unseen.reason, &unseen.text))?;
        if opened.has_key && self.settings.password.is_none() {
            let text = "a private key lies there for everybody who can reach the address; take it away, and have a certificate for another key issued";
            opened.oddities.push(Unseen::new(Reason::KeyMaterial, text));
        }
        let name = Some(shown(&self.settings.url).to_owned());
        Ok(Sighting {
            chain: opened.chain,
            name,
            has_key: None,
            destination: None,
            oddities: opened.oddities,
        })
    }

    fn led_elsewhere(&self, answer: &Answer) -> Unseen {
        let base = reqwest::Url::parse(&self.settings.url).ok();
        let to = answer.header("location").and_then(|to| base?.join(to).ok());
        let text = match to {
            Some(to) => format!(
                "it leads to {} ({}), which is not followed; where you trust that, write that address",
                shown(to.as_str()),
                answer.status
            ),
            None => format!("{} came and leads nowhere; ask who serves it", answer.status),
        };
        self.unseen(Reason::UnexpectedAnswer, &text)
    }

    fn unseen(&self, reason: Reason, what: &str) -> Unseen {
        Unseen::new(reason, format!("{}: {what}", shown(&self.settings.url)))
    }
}

#[async_trait::async_trait]
impl Source for Url {
    async fn look(&self, entry: Option<&str>) -> Result<Option<Sighting>, Unseen> {
        if entry.is_some() {
            return Ok(None);
        }
        let last = self.last().clone();
        let answer = self.ask(last.as_ref()).await?;
        let now = self.shown(answer, last).await?;
        self.last().clone_from(&now);
        Ok(now.map(|last| last.sighting))
    }

    async fn identity(&self, _: Option<&str>) -> Result<Identity, Unseen> {
        let text = "no private key is taken from an address; give the probe certificate and key";
        Err(self.unseen(Reason::KeyUnavailable, text))
    }
}

fn opened(answer: &Answer, settings: &Settings) -> Result<formats::Opened, Unseen> {
    let password = settings.password.as_ref().map(SecretRef::read).transpose()?;
    let wanted = Wanted {
        password: password.as_deref().map(String::as_str),
        alias: settings.alias.as_deref(),
        usage: settings.usage,
    };
    formats::open_wanted(&answer.body, wanted)
}

/// What a status means that is no answer with a certificate.
fn refusal(answer: Answer) -> Failure {
    let place = answer.place().to_owned();
    match answer.success(SystemClock.now()) {
        Err(failure) => failure,
        Ok(odd) => {
            let text = format!("{place}: {} is no answer with a certificate", odd.status);
            Failure::certain(Reason::UnexpectedAnswer, text)
        }
    }
}

/// An address without its query, in which a token may stand.
fn shown(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}
