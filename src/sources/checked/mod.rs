//! A source whose certificate is held against what others say of it: whom a trust store trusts, what was taken back.
//! It shows what the source shows, with what it found as oddities; it changes nothing.

pub mod lists;
pub mod responder;
pub mod trust;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Source;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::certificate::Certificate;
use crate::domain::chain::Chain;
use crate::domain::lint::minute;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::report::Sighting;
use crate::domain::watch::Usage;
use crate::domain::{Duration, Timestamp};
use crate::formats::files::{self, Stamp};
use crate::formats::revocation::{self, Revocation};
use crate::identity::Identity;
use crate::net::Net;

/// What the certificate in force is held against; nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The store whose authorities it must lead to.
    pub trust: Option<trust::Settings>,
    /// Where revocation lists are.
    pub lists: Vec<lists::Place>,
    /// The responder that is asked whether it was revoked.
    pub responder: Option<responder::Settings>,
}

impl Settings {
    /// Whether there is nothing to hold it against.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.trust.is_none() && self.lists.is_empty() && self.responder.is_none()
    }

    /// The files that are read for it.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let lists = self.lists.iter().filter_map(|place| match place {
            lists::Place::File(path) => Some(path.as_path()),
            lists::Place::Url(_) => None,
        });
        self.trust.iter().map(|trust| trust.path.as_path()).chain(lists)
    }
}

/// A source, and what its certificate is held against.
pub struct Checked {
    source: Arc<dyn Source>,
    usage: Usage,
    net: Net,
    settings: Settings,
    fetched: lists::Fetched,
    answered: responder::Remembered,
    /// How things stood at the last look, where all was well.
    well: Mutex<Option<Well>>,
}

/// Until when nothing new can be found, as long as these files stay as they are.
struct Well {
    files: Vec<(PathBuf, Stamp)>,
    until: Timestamp,
}

/// What one check came to.
#[derive(Default)]
pub(super) struct Finding {
    /// What is wrong, or could not be told.
    oddities: Vec<Unseen>,
    /// The files it read.
    files: Vec<(PathBuf, Stamp)>,
    /// When another answer may hold although no file changed.
    until: Option<Timestamp>,
}

impl Finding {
    /// Another answer may hold from then on.
    fn until(&mut self, at: Option<Timestamp>) {
        self.until = self.until.into_iter().chain(at).min();
    }
}

/// A chain, and who may have issued its parts.
#[derive(Clone)]
struct Presented {
    chain: Chain,
    /// Certificates of the trust store that have the name of an issuer in the chain.
    known: Vec<Certificate>,
}

impl Presented {
    /// Who issued this certificate of the chain, as its signature proves.
    fn issuer_of(&self, certificate: &Certificate) -> Option<&Certificate> {
        let beside = self.chain.iter().chain(self.chain.strays.iter().map(|one| &**one)).chain(&self.known);
        let mut named = beside.filter(|one| one.subject == certificate.issuer);
        named.find(|one| revocation::is_issued_by(certificate, one))
    }
}

/// How soon somebody is asked again at the earliest, and at the latest.
const SOONEST: Duration = Duration::minutes(5);
const LATEST: Duration = Duration::hours(12);

/// When to ask again: half way to when something newer is said, within bounds; soon where nothing was said.
fn again(next_update: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let half = next_update.map_or(SOONEST, |next| (next - now) / 2);
    now + half.clamp(SOONEST, LATEST)
}

/// That a certificate was taken back, and who says so.
fn revoked(certificate: &Certificate, revocation: &Revocation, by: &str) -> Unseen {
    let why = revocation.reason.map(|why| format!(" ({why})")).unwrap_or_default();
    let (name, at) = (certificate.common_name(), minute(revocation.at));
    Unseen::new(Reason::Revoked, format!("the certificate {name} was revoked on {at}{why}, says {by}"))
}

/// That nobody could tell.
fn unknown(certificate: &Certificate, why: &str) -> Unseen {
    let name = certificate.common_name();
    Unseen::new(
        Reason::RevocationUnknown,
        format!("whether the certificate {name} was revoked is not known: {why}"),
    )
}

impl Checked {
    /// Looks at nothing yet. `usage` is what the certificate is for.
    #[must_use]
    pub fn new(source: Arc<dyn Source>, usage: Usage, net: Net, settings: Settings) -> Self {
        Self {
            source,
            usage,
            net,
            settings,
            fetched: lists::Fetched::default(),
            answered: responder::Remembered::default(),
            well: Mutex::default(),
        }
    }

    fn well(&self) -> MutexGuard<'_, Option<Well>> {
        self.well.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn check(&self, chain: &Chain, now: Timestamp) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut presented = Presented { chain: chain.clone(), known: Vec::new() };
        if let Some(settings) = self.settings.trust.clone() {
            let (path, chain, usage) = (settings.path.clone(), chain.clone(), self.usage);
            let judged = files::apart(&path, move || trust::check(&settings, &chain, usage, now)).await;
            let (finding, known) =
                judged.unwrap_or_else(|unseen| (trust::unknown(&path, &unseen), Vec::new()));
            found.push(finding);
            presented.known = known;
        }
        if !self.settings.lists.is_empty() {
            let Self { settings, fetched, net, .. } = self;
            found.push(lists::check(&settings.lists, fetched, net, &presented, now).await);
        }
        if let Some(settings) = &self.settings.responder {
            found.push(responder::check(settings, &self.answered, &self.net, &presented, now).await);
        }
        found
    }
}

#[async_trait::async_trait]
impl Source for Checked {
    async fn look(&self, entry: Option<&str>) -> Result<Option<Sighting>, Unseen> {
        let Some(mut sighting) = self.source.look(entry).await? else {
            return Ok(None);
        };
        if entry.is_some() {
            return Ok(Some(sighting));
        }
        let found = self.check(&sighting.chain, SystemClock.now()).await;
        let until = found.iter().filter_map(|one| one.until).min().unwrap_or(Timestamp::MAX_UTC);
        let mut files = Vec::new();
        for one in found {
            files.extend(one.files);
            sighting.oddities.extend(one.oddities);
        }
        *self.well() = sighting.oddities.is_empty().then_some(Well { files, until });
        Ok(Some(sighting))
    }

    fn is_unchanged(&self) -> bool {
        let same = |(path, stamp): &(PathBuf, Stamp)| files::stamp(path) == Ok(Some(*stamp));
        let still = self
            .well()
            .as_ref()
            .is_some_and(|well| SystemClock.now() < well.until && well.files.iter().all(same));
        still && self.source.is_unchanged()
    }

    async fn identity(&self, entry: Option<&str>) -> Result<Identity, Unseen> {
        self.source.identity(entry).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_asked_again_half_way_to_what_is_new_within_bounds() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let minutes = |next: Option<i64>| {
            (again(next.map(|minutes| now + Duration::minutes(minutes)), now) - now).num_minutes()
        };
        for (next, expected) in [
            (Some(60), 30),
            (Some(24 * 60), 12 * 60),
            (Some(7 * 24 * 60), 12 * 60),
            (Some(8), 5),
            (Some(-60), 5),
            (None, 5),
        ] {
            assert_eq!(minutes(next), expected, "{next:?}");
        }
    }
}
