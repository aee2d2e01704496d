//! One entry, many watches: how places are found, what its watches are like, and what each is called.
//! It looks at nothing; finders do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::Digest as _;

use super::settings::{CallerConfig, FinderConfig, RenewerConfig, SourceConfig, WatchConfig};
use crate::callers;
use crate::domain::Duration;
use crate::domain::watch::{Caller, Rotation, SourceFacts, SwitchBy};
use crate::finders::{Entry, Place, Server, file};
use crate::net::Address;
use crate::sap::Level;
use crate::sources::destination_service as entry_source;

/// What finds watches, and what they are like.
#[derive(Debug, Clone, PartialEq)]
pub struct Discovery {
    /// Its name in messages and metrics.
    pub id: String,
    /// How its places are found.
    pub finder: FinderConfig,
    prefix: String,
    /// A watch of it, but for its place. Its callers, where they are known only by what is found, are like this one.
    like: WatchConfig,
    cache: Duration,
}

impl Discovery {
    pub(super) const fn new(
        id: String,
        finder: FinderConfig,
        prefix: String,
        like: WatchConfig,
        cache: Duration,
    ) -> Self {
        Self { id, finder, prefix, like, cache }
    }

    /// The kind of the sources of its watches.
    #[must_use]
    pub fn source_kind(&self) -> &str {
        &self.like.watch.source.kind
    }

    /// The labels that all of its watches have.
    #[must_use]
    pub const fn labels(&self) -> &std::collections::BTreeMap<String, String> {
        &self.like.watch.labels
    }

    /// Whether it may find this place, now or once it can look everywhere.
    #[must_use]
    pub fn may_find(&self, place: &Place) -> bool {
        match (&self.finder, place) {
            (FinderConfig::File(settings), Place::File(path)) => settings.would_find(path),
            (FinderConfig::FileSd(_) | FinderConfig::HttpSd(_), Place::Server(_)) => true,
            (FinderConfig::DestinationService(settings), Place::Entry(entry)) => {
                settings.would_find(entry.level, &entry.name)
            }
            (FinderConfig::DestinationService(settings), Place::Nowhere { destination, entry }) => {
                settings.destinations && settings.would_find(destination.level, entry)
            }
            (
                FinderConfig::File(_)
                | FinderConfig::FileSd(_)
                | FinderConfig::HttpSd(_)
                | FinderConfig::DestinationService(_),
                _,
            ) => false,
        }
    }

    /// Whether a change of the file at this place may change what is found.
    #[must_use]
    pub fn is_about(&self, path: &Path) -> bool {
        self.files().is_some_and(|files| files.would_find(path))
    }

    /// Whether a folder that comes or goes at this place may change what is found.
    #[must_use]
    pub fn leads_through(&self, folder: &Path) -> bool {
        self.files().is_some_and(|files| files.leads_through(folder))
    }

    /// The folders below which such a file may appear.
    #[must_use]
    pub fn folders(&self) -> BTreeSet<PathBuf> {
        self.files().map(file::Settings::folders).unwrap_or_default()
    }

    const fn files(&self) -> Option<&file::Settings> {
        match &self.finder {
            FinderConfig::File(settings) => Some(settings),
            FinderConfig::FileSd(settings) => Some(&settings.files),
            FinderConfig::HttpSd(_) | FinderConfig::DestinationService(_) => None,
        }
    }

    /// The watch of a place, under this id.
    #[must_use]
    pub fn watch(&self, id: &str, place: &Place) -> WatchConfig {
        let mut found = self.like.clone();
        found.watch.id = id.to_owned();
        found.name_mappings();
        found.watch.found_by = Some(self.id.clone());
        match (place, &mut found.source) {
            (Place::File(path), SourceConfig::File(settings)) => {
                settings.path.clone_from(path);
                found.watch.source.place = path.display().to_string();
            }
            (Place::Server(server), SourceConfig::Tls(settings)) => {
                settings.address = Address::host(&server.host, server.port);
                found.watch.source.place = server.address();
                let name = settings.server_name.clone().unwrap_or_else(|| server.host.clone());
                found.watch.source.served_as = vec![name];
                for (name, value) in &server.labels {
                    found.watch.labels.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            (Place::Entry(entry), SourceConfig::DestinationService(settings)) => {
                settings.level = entry.level;
                settings.entry = read_by(entry);
                found.watch.source = facts(&found.watch.source, settings);
                self.serve(&mut found, entry);
            }
            (Place::Nowhere { destination, .. }, SourceConfig::DestinationService(settings)) => {
                settings.level = destination.level;
                settings.entry = entry_source::Entry::Destination(destination.name.clone());
                found.watch.source = facts(&found.watch.source, settings);
                drop_renewal(&mut found);
            }
            // A place of another kind than the discovery's own is dropped before.
            (Place::File(_) | Place::Server(_) | Place::Entry(_) | Place::Nowhere { .. }, _) => {}
        }
        found
    }

    /// Where callers are switched, what nobody names is watched only: a new entry beside it would help nobody.
    fn serve(&self, found: &mut WatchConfig, entry: &Entry) {
        let Some(terms) = &found.watch.renewal else { return };
        let by_caller = terms.rotation == Rotation::SideBySide && terms.switch == SwitchBy::Caller;
        if by_caller && entry.named_by.is_empty() {
            return drop_renewal(found);
        }
        if let Some(RenewerConfig::DestinationService(renewer)) = &mut found.renewer {
            renewer.level = entry.level;
        }
        let SourceConfig::DestinationService(source) = &found.source else { return };
        for naming in &entry.named_by {
            let beside = naming.level == entry.level;
            let id =
                if beside { naming.name.clone() } else { format!("{}@{}", naming.name, naming.level.word()) };
            let settings = callers::destination_service::Settings {
                connection: source.connection.clone(),
                level: naming.level,
                destination: naming.name.clone(),
            };
            let kind = "destination-service".to_owned();
            found.watch.callers.push(Caller { id: id.clone(), kind, cache: self.cache });
            found.callers.push((id, CallerConfig::DestinationService(settings)));
        }
    }

    /// The id of a place: its name where that alone tells it from every other place there can be; else with a piece of a hash,
    /// so that an id neither depends on which other places there are nor belongs to two of them.
    #[must_use]
    pub fn id_of(&self, place: &Place) -> String {
        match place {
            Place::File(path) => {
                let base = if let FinderConfig::File(settings) = &self.finder {
                    settings.base()
                } else {
                    Path::new("")
                };
                let relative = path.strip_prefix(base).unwrap_or(path).display().to_string();
                self.named(&relative, path.as_os_str().as_encoded_bytes())
            }
            Place::Server(server) => self.named(&dashed(server), server.address().as_bytes()),
            Place::Entry(entry) => {
                self.named(&self.at_level(entry.level, &entry.name), entry.name.as_bytes())
            }
            Place::Nowhere { destination, .. } => {
                self.named(&self.at_level(destination.level, &destination.name), destination.name.as_bytes())
            }
        }
    }

    /// Whether a place that has this id keeps it: the id of an entry stays with its watch when a renewal moves on to another.
    #[must_use]
    pub fn keeps_id(&self, id: &str, place: &Place) -> bool {
        matches!(place, Place::Entry(_)) && id.starts_with(&self.prefix) || id == self.id_of(place)
    }

    /// Another id for a place whose own belongs to a watch already.
    #[must_use]
    pub fn other_id_of(&self, place: &Place) -> String {
        self.hashed(&self.id_of(place), place.to_string().as_bytes())
    }

    fn at_level(&self, level: Level, name: &str) -> String {
        let both =
            matches!(&self.finder, FinderConfig::DestinationService(settings) if settings.levels.len() > 1);
        if both && level == Level::Instance { format!("instance-{name}") } else { name.to_owned() }
    }

    fn named(&self, name: &str, whole: &[u8]) -> String {
        let safe = safe(name);
        let begins = !self.prefix.is_empty() || safe.starts_with(|c: char| c.is_ascii_alphanumeric());
        let fits = self.prefix.len() + safe.len() <= LONGEST;
        if safe == name && begins && fits && !ends_like_a_hash(&safe) {
            return format!("{}{safe}", self.prefix);
        }
        self.hashed(&safe, whole)
    }

    fn hashed(&self, safe: &str, whole: &[u8]) -> String {
        let digest = sha2::Sha256::digest(whole);
        let hash: String = digest.iter().take(HASH / 2).map(|byte| format!("{byte:02x}")).collect();
        let bare = safe.strip_prefix(&self.prefix).unwrap_or(safe);
        let room = LONGEST.saturating_sub(self.prefix.len() + HASH + 1);
        let kept: String = bare.trim_start_matches(['-', '_', '.']).chars().take(room).collect();
        format!("{}{kept}-{hash}", self.prefix)
    }
}

/// By the destination that leads there, so that what the destination says is judged and what opens the entry is known; else
/// by its own name.
fn read_by(entry: &Entry) -> entry_source::Entry {
    match entry.followed() {
        Some(destination) => entry_source::Entry::Destination(destination.name.clone()),
        None => entry_source::Entry::Certificate(entry.name.clone()),
    }
}

fn facts(like: &SourceFacts, settings: &entry_source::Settings) -> SourceFacts {
    let (what, destination) = match &settings.entry {
        entry_source::Entry::Certificate(name) => (name.clone(), None),
        entry_source::Entry::Destination(name) => (format!("destination {name}"), Some(name.clone())),
    };
    let place = format!("{} {} {what}", settings.connection, settings.level.word());
    SourceFacts { place, destination, ..like.clone() }
}

fn drop_renewal(found: &mut WatchConfig) {
    found.watch.renewal = None;
    found.renewer = None;
}

/// The longest id.
const LONGEST: usize = 128;
/// How many digits of a hash tell two places apart.
const HASH: usize = 12;

fn safe(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.chars().map(|c| if fits(c) { c } else { '-' }).collect()
}

/// Host and port with a dash between: as the port is a number, no two servers are written alike. An IPv6 address keeps its
/// colons, which no id can have, and so gets a hash.
fn dashed(server: &Server) -> String {
    format!("{}-{}", server.host, server.port)
}

fn ends_like_a_hash(text: &str) -> bool {
    text.rsplit_once('-')
        .is_some_and(|(_, end)| end.len() == HASH && end.chars().all(|c| c.is_ascii_hexdigit()))
}
