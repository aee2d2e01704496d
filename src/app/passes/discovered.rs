//! Discoveries at work: each looks beside the passes, and what it found becomes watches once it is back.
//! A look that takes long, or shows nothing, holds nothing up and takes no watch away.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::{Id, JoinError, JoinSet};

use super::Passes;
use super::news::{News, blind_message, sees_again_message};
use crate::app::build::Built;
use crate::app::discoveries::{Discoveries, Owners, Turn};
use crate::app::origin::Origin;
use crate::app::state::chain;
use crate::config::{Discovery, FinderConfig, SourceConfig, WatchConfig};
use crate::domain::event::{Actor, EventKind};
use crate::domain::reason::{Reason, Unseen};
use crate::domain::record::Record;
use crate::domain::{Duration, Timestamp};
use crate::engine::deliver::recipients;
use crate::finders::{Found, Place};
use crate::journal::{Change, JournalError};

/// How long a discovery may be blind before people are told.
const BLIND_PATIENCE: Duration = Duration::hours(6);
/// How many things that are left out are named in the log.
const NAMED: usize = 5;
/// How many changes are written down at once: after a start there may be as many as there are watches.
const AT_ONCE: usize = 500;

/// What one discovery came back with, and the configuration it looked for.
pub(super) type Sought = Result<(Id, (Arc<Built>, Found)), JoinError>;

/// The discoveries and their looks.
pub(super) struct Search {
    pub(super) discoveries: Discoveries,
    /// The looks under way.
    pub(super) under_way: JoinSet<(Arc<Built>, Found)>,
    /// Which discovery each of them serves.
    tasks: BTreeMap<Id, String>,
    /// Those that were rung for while they looked.
    again: BTreeSet<String>,
    /// The configuration that the watches there are were made from.
    made_from: Option<Arc<Built>>,
    /// Of whose blindness people were told.
    told: BTreeSet<String>,
}

impl Search {
    pub(super) fn new(discoveries: Discoveries) -> Self {
        Self {
            discoveries,
            under_way: JoinSet::new(),
            tasks: BTreeMap::new(),
            again: BTreeSet::new(),
            made_from: None,
            told: BTreeSet::new(),
        }
    }

    /// Whether nothing is being looked for.
    pub(super) fn rests(&self) -> bool {
        self.tasks.is_empty()
    }

    fn is_under_way(&self, id: &str) -> bool {
        self.tasks.values().any(|other| other == id)
    }
}

impl Passes {
    /// After a ring: the watches of a new configuration, and every discovery looks anew.
    pub(super) async fn refresh(&mut self) {
        let built = self.shared.built.load_full();
        let is_new = self.search.made_from.as_ref().is_none_or(|before| !Arc::ptr_eq(before, &built));
        if is_new {
            for (id, turn) in self.search.discoveries.adopt(&built.config) {
                self.keep_places(&id, &turn).await;
            }
            self.make_watches(&built).await;
        }
        let now = self.shared.clock.now();
        for id in built.finders.keys() {
            if self.search.is_under_way(id) {
                self.search.again.insert(id.clone());
            } else if self.search.discoveries.may_look(id, now) {
                self.seek(&built, id);
            }
        }
        self.refresh_credentials(&built);
    }

    /// Those whose last answer holds no longer by its own word look anew without a ring.
    pub(super) fn seek_due(&mut self) {
        let now = self.shared.clock.now();
        if self.search.discoveries.next_look().is_none_or(|at| now < at) {
            return;
        }
        let built = self.shared.built.load_full();
        for id in self.search.discoveries.due(now) {
            if built.finders.contains_key(&id) && !self.search.is_under_way(&id) {
                self.seek(&built, &id);
            }
        }
    }

    fn seek(&mut self, built: &Arc<Built>, id: &str) {
        let Some(finder) = built.finders.get(id).map(Arc::clone) else { return };
        self.search.discoveries.begins(id);
        let built = Arc::clone(built);
        let task = self.search.under_way.spawn(async move { (built, finder.find().await.bounded()) });
        self.search.tasks.insert(task.id(), id.to_owned());
    }

    /// A discovery is back.
    pub(super) async fn sought(&mut self, sought: Sought) {
        let (task, outcome) = match sought {
            Ok((task, outcome)) => (task, Some(outcome)),
            Err(error) => (error.id(), None),
        };
        let Some(id) = self.search.tasks.remove(&task) else { return };
        let current = self.shared.built.load_full();
        let found = match outcome {
            Some((built, found)) if Arc::ptr_eq(&built, &current) => found,
            // It looked for another configuration: the ring that came with the new one asks again.
            Some(_) => return self.seek_again(&current, &id),
            None => Found::nothing(broke_down(&id)),
        };
        if let Some(discovery) = current.config.discoveries.iter().find(|each| each.id == id) {
            self.take_found(&current, discovery, found).await;
        }
        self.seek_again(&current, &id);
        // Whoever commanded a watch that was not known yet is heard now.
        self.read_again.get_or_insert(self.shared.clock.now());
    }

    fn seek_again(&mut self, built: &Arc<Built>, id: &str) {
        if self.search.again.remove(id) {
            self.seek(built, id);
        }
    }

    async fn take_found(&mut self, built: &Arc<Built>, discovery: &Discovery, found: Found) {
        let (owners, found) = match self.owners(built, discovery, &found).await {
            Ok(owners) => (owners, found),
            Err(error) => (Owners::default(), Found::nothing(unreadable(&error))),
        };
        let before = (self.search.discoveries.have_looked(), self.search.discoveries.see_everything());
        let now = self.shared.clock.now();
        let turn = self.search.discoveries.absorb(discovery, found, &owners, now);
        let after = (self.search.discoveries.have_looked(), self.search.discoveries.see_everything());
        self.keep_places(&discovery.id, &turn).await;
        self.note_sight(built, discovery, &turn, now).await;
        if turn.is_empty() && before == after {
            self.show_discoveries(built);
        } else {
            self.make_watches(built).await;
        }
    }

    /// Who has which entries already. Where something is new, a renewal under way may have made it since its record was
    /// last handed on: then the journal is asked, in which every intent stands before its act.
    async fn owners(
        &self,
        built: &Built,
        discovery: &Discovery,
        found: &Found,
    ) -> Result<Owners, JournalError> {
        let FinderConfig::DestinationService(settings) = &discovery.finder else {
            return Ok(Owners::default());
        };
        let beside = |config: &WatchConfig| matches!(&config.source, SourceConfig::DestinationService(source) if source.connection == settings.connection);
        let watches: Vec<WatchConfig> = built.watches_of_stores().into_iter().filter(beside).collect();
        let renews = watches.iter().any(|config| config.watch.renewal.is_some());
        if renews && self.search.discoveries.is_news(&discovery.id, found) {
            let records = self.shared.journal.records().await?;
            return Ok(Owners::of(watches.iter().map(|config| (config, records.get(&config.watch.id)))));
        }
        let known: Vec<(&WatchConfig, Option<Arc<Record>>)> =
            watches.iter().map(|config| (config, self.record(&config.watch.id))).collect();
        Ok(Owners::of(known.iter().map(|(config, record)| (*config, record.as_deref()))))
    }

    /// What is known of a watch: of one under way, what was known when it was last shown.
    fn record(&self, id: &str) -> Option<Arc<Record>> {
        let at_hand = self.records.get(id).map(Arc::clone);
        at_hand.or_else(|| self.shared.picture(id).map(|view| Arc::clone(&view.record)))
    }

    /// Keeps what changed through a restart.
    async fn keep_places(&self, id: &str, turn: &Turn) {
        if turn.is_empty() {
            return;
        }
        let kept = turn.kept.iter().map(|(watch, place)| (watch.clone(), Some(place.to_text())));
        let gone = turn.gone.iter().map(|watch| (watch.clone(), None));
        if let Err(error) = self.shared.journal.keep_places(id, gone.chain(kept).collect()).await {
            tracing::error!(discovery = id, error = %chain(&error), "what the discovery found could not be kept in the store; after a restart it is known once it was found again");
        }
    }

    /// Says once that a discovery cannot look everywhere, and once that it can again; people are told of what lasts.
    async fn note_sight(&mut self, built: &Built, discovery: &Discovery, turn: &Turn, now: Timestamp) {
        let id = &discovery.id;
        if !turn.left_out.is_empty() {
            let first: Vec<&str> = turn.left_out.iter().take(NAMED).map(String::as_str).collect();
            let more = turn.left_out.len().saturating_sub(NAMED);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            tracing::warn!(discovery = id, "left out: {}{more}", first.join("; "));
        }
        if !turn.went_blind.is_empty() {
            let why: Vec<String> = turn.went_blind.iter().map(ToString::to_string).collect();
            let text = format!(
                "the discovery {id} could not look everywhere: {}; the watches that were discovered there before go on",
                why.join("; ")
            );
            self.shared.note_trouble(EventKind::WentUnseen, text).await;
        }
        if turn.sees_again {
            let text = format!("the discovery {id} can look everywhere again");
            self.shared.note(Actor::Daemon, EventKind::SeenAgain, text).await;
            if self.search.told.remove(id) {
                self.tell(built, sees_again_message(discovery, now)).await;
            }
        }
        let blind = self.search.discoveries.blind_since(id);
        if let Some((since, why)) = blind.filter(|(since, _)| now - *since >= BLIND_PATIENCE)
            && self.search.told.insert(id.clone())
        {
            self.tell(built, blind_message(discovery, since, &why, now)).await;
        }
    }

    async fn tell(&self, built: &Built, message: crate::domain::message::Message) {
        let to = recipients(&message, &built.recipients);
        let messages: Vec<_> = to.into_iter().map(|id| (id, message.clone())).collect();
        if messages.is_empty() {
            return;
        }
        let change =
            Change { watch: String::new(), record: None, events: Vec::new(), messages, absorbed: Vec::new() };
        match self.shared.journal.save(change).await {
            Ok(()) => self.shared.outbox.notify_one(),
            Err(error) => {
                tracing::error!(error = %chain(&error), "a message about a discovery could not be saved in the store, so it is not sent");
            }
        }
    }

    /// The watches there are now: written out and discovered.
    async fn make_watches(&mut self, built: &Arc<Built>) {
        let origins = self.search.discoveries.watches(&built.config);
        let folders = found_in(&origins);
        let making = Arc::clone(built);
        match tokio::task::spawn_blocking(move || making.watches(origins)).await {
            Ok(Ok(parts)) => {
                let news = self.replace(parts).await;
                self.announce(built, news).await;
                self.shared.found_in.send_if_modified(|before| {
                    *before != folders && {
                        *before = folders;
                        true
                    }
                });
                self.search.made_from = Some(Arc::clone(built));
                self.refreshed = self.search.discoveries.have_looked();
                self.show_discoveries(built);
            }
            Ok(Err(unseen)) => {
                tracing::error!(error = %unseen, "the watches could not be built; those there were go on");
            }
            Err(error) => {
                tracing::error!(error = %error, "the watches could not be built by a fault of certsteward itself; those there were go on, please report it");
            }
        }
    }

    fn show_discoveries(&self, built: &Built) {
        let found_by = self.queue.iter().filter_map(|(_, parts)| parts.watch.found_by.as_deref());
        let views = self.search.discoveries.views(&built.config, found_by);
        let mut daemon = self.shared.daemon();
        // What did not change stays the same in memory, which whoever keeps something of it goes by.
        if *daemon.discoveries != views {
            daemon.discoveries = Arc::new(views);
        }
    }

    /// Writes down who came, changed and went, many at once, and tells whoever wants to know.
    async fn announce(&self, built: &Built, news: News) {
        let mut changes = news.changes(&built.config, &built.recipients).peekable();
        while changes.peek().is_some() {
            let portion: Vec<Change> = changes.by_ref().take(AT_ONCE).collect();
            for event in portion.iter().flat_map(|change| &change.events) {
                super::log(event);
            }
            let told = portion.iter().any(|change| !change.messages.is_empty());
            match self.shared.journal.save_all(portion).await {
                Ok(()) if told => self.shared.outbox.notify_one(),
                Ok(()) => {}
                Err(error) => {
                    tracing::error!(error = %chain(&error), "the events above could not be saved in the store; they stand in this log only");
                }
            }
        }
    }
}

/// The folders in which files were discovered.
fn found_in(origins: &[(String, Origin)]) -> BTreeSet<PathBuf> {
    let folder = |(_, origin): &(String, Origin)| match origin {
        Origin::Found(_, place) => match &**place {
            Place::File(path) => path.parent().map(Path::to_path_buf),
            Place::Server(_) | Place::Entry(_) | Place::Nowhere { .. } => None,
        },
        Origin::Written(_) => None,
    };
    origins.iter().filter_map(folder).collect()
}

fn broke_down(id: &str) -> Unseen {
    let text = format!(
        "the discovery {id} ended by a fault of certsteward itself, please report it; it looks again with the next ring"
    );
    tracing::error!("{text}");
    Unseen::new(Reason::Interrupted, text)
}

fn unreadable(error: &JournalError) -> Unseen {
    let text = format!(
        "which entries belong to renewals under way could not be read from the store ({}), so nothing that is new is taken up",
        chain(error)
    );
    Unseen::new(Reason::Unreadable, text)
}
