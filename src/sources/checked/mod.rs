//! A source whose certificate is held against what others say of it: whom a trust store trusts.
//! It shows what the source shows, with what it found as oddities; it changes nothing.

pub mod trust;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Source;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::Timestamp;
use crate::domain::chain::Chain;
use crate::domain::reason::Unseen;
use crate::domain::report::Sighting;
use crate::domain::watch::Usage;
use crate::formats::files::{self, Stamp};
use crate::identity::Identity;

/// What the certificate in force is held against; nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The store whose authorities it must lead to.
    pub trust: Option<trust::Settings>,
}

impl Settings {
    /// Whether there is nothing to hold it against.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.trust.is_none()
    }
}

/// A source, and what its certificate is held against.
pub struct Checked {
    source: Arc<dyn Source>,
    usage: Usage,
    settings: Settings,
    /// How things stood at the last look, where all was well.
    well: Mutex<Option<Well>>,
}

/// Until when nothing new can be found, as long as these files stay as they are.
struct Well {
    files: Vec<(PathBuf, Stamp)>,
    until: Timestamp,
}

/// What one check came to.
pub(super) struct Finding {
    /// What is wrong, or could not be told.
    pub(super) oddities: Vec<Unseen>,
    /// The files it read.
    pub(super) files: Vec<(PathBuf, Stamp)>,
    /// When another answer may hold although no file changed.
    pub(super) until: Option<Timestamp>,
}

impl Checked {
    /// Looks at nothing yet. `usage` is what the certificate is for.
    #[must_use]
    pub fn new(source: Arc<dyn Source>, usage: Usage, settings: Settings) -> Self {
        Self { source, usage, settings, well: Mutex::default() }
    }

    fn well(&self) -> MutexGuard<'_, Option<Well>> {
        self.well.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn check(&self, chain: &Chain, now: Timestamp) -> Vec<Finding> {
        let mut found = Vec::new();
        if let Some(settings) = self.settings.trust.clone() {
            let (path, chain, usage) = (settings.path.clone(), chain.clone(), self.usage);
            let judged = files::apart(&path, move || trust::check(&settings, &chain, usage, now)).await;
            found.push(judged.unwrap_or_else(|unseen| trust::unknown(&path, &unseen)));
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
