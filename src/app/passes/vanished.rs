//! Watches that come and go: what is configured and discovered now, against what there was before.
//! A watch that is gone keeps its record for a while, so that a slip in the configuration costs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Id, Passes, log};
use crate::app::build::{Built, Watches};
use crate::app::state::chain;
use crate::domain::Timestamp;
use crate::domain::event::{Actor, Event, EventKind};
use crate::domain::snapshot::{Discoveries, DiscoveryView};
use crate::engine::execute::Parts;
use crate::journal::{Change, EventQuery, JournalError};

/// How long a vanished watch is shown and its record kept.
const VANISHED_FOR: chrono::Duration = chrono::Duration::days(7);
/// How many of a watch's events are searched for when it vanished.
const EVENTS: usize = 50;

impl Passes {
    /// The watches there are now: written out and discovered.
    pub(super) async fn refresh(&mut self) {
        let built = self.shared.built.load_full();
        let reading = Arc::clone(&built);
        let all = tokio::task::spawn_blocking(move || reading.watches()).await;
        match all {
            Ok(Ok(watches)) => {
                self.note_blindness(&watches).await;
                self.picture_discoveries(&built, &watches);
                self.replace(&built, watches).await;
                self.refreshed = true;
            }
            Ok(Err(unseen)) => {
                tracing::error!(error = %unseen, "the watches could not be built; those there were go on");
            }
            Err(error) => {
                tracing::error!(error = %error, "the watches could not be built by a fault of certsteward itself; those there were go on, please report it");
            }
        }
        self.refresh_credentials(&built);
    }

    fn refresh_credentials(&self, built: &Built) {
        let not_after = |(name, service): (&String, &Arc<crate::sap::DestinationService>)| {
            let at = service.credential_not_after().ok().flatten()?;
            Some((name.clone(), at))
        };
        let credentials = built.services.iter().filter_map(not_after).collect();
        self.shared.daemon().credentials = credentials;
    }

    fn picture_discoveries(&self, built: &Built, watches: &Watches) {
        let mut daemon = self.shared.daemon();
        let before = std::mem::take(&mut daemon.discoveries);
        let mut views = Discoveries::new();
        for (index, discovery) in built.config.discoveries.iter().enumerate() {
            let is_blind = watches.blind.iter().any(|(of, _)| *of == index);
            let view = views.entry(Arc::clone(discovery.name())).or_insert_with(|| DiscoveryView {
                kind: discovery.kind().to_owned(),
                is_blind: false,
                blind_total: before.get(discovery.name()).map_or(0, |view| view.blind_total),
            });
            view.is_blind |= is_blind;
            view.blind_total += u64::from(is_blind);
        }
        // What did not change stays the same in memory, which whoever keeps something of it goes by.
        daemon.discoveries = if *before == views { before } else { Arc::new(views) };
    }

    /// Says once that a discovery cannot look everywhere, and once that it can again.
    async fn note_blindness(&mut self, watches: &Watches) {
        let texts: BTreeSet<String> = watches.blind.iter().map(|(_, unseen)| unseen.to_string()).collect();
        if texts == self.blind {
            return;
        }
        if texts.is_empty() {
            let text = "the discovery of files can look everywhere again".to_owned();
            self.shared.note(Actor::Daemon, EventKind::SeenAgain, text).await;
        } else {
            let said: Vec<&str> = texts.iter().map(String::as_str).collect();
            let text = format!(
                "a discovery could not look everywhere: {}; the watches that were discovered there before go on",
                said.join("; ")
            );
            self.shared.note_trouble(EventKind::WentUnseen, text).await;
        }
        self.blind = texts;
    }

    async fn replace(&mut self, built: &Built, watches: Watches) {
        let Watches { mut parts, blind } = watches;
        let may_be_there = |parts: &Parts| {
            let place = std::path::Path::new(&parts.watch.source.place);
            let would_find = |index: usize| {
                built.config.discoveries.get(index).is_some_and(|discovery| discovery.would_find(place))
            };
            blind.iter().any(|(index, _)| would_find(*index))
        };
        for (id, before) in self.queue.iter() {
            if !parts.contains_key(&**id) && may_be_there(before) {
                parts.insert(id.to_string(), before.clone());
            }
        }
        let gone = self.queue.replace(parts);
        let now = self.shared.clock.now();
        self.greet(now).await;
        for id in &gone {
            if !self.shared.daemon().vanished.contains_key(&**id) {
                self.vanish(id, false, now).await;
            }
        }
        // What only the store knows was configured before the last start.
        let old = self.records.keys().filter(|id| blind.is_empty() && !self.queue.contains(id));
        let old: Vec<Id> =
            old.filter(|id| !self.shared.daemon().vanished.contains_key(&***id)).cloned().collect();
        for id in old {
            self.vanish(&id, true, now).await;
        }
        self.forget(now).await;
    }

    /// A watch that is back goes on with its record.
    async fn greet(&mut self, now: Timestamp) {
        let vanished: Vec<String> = self.shared.daemon().vanished.keys().cloned().collect();
        for id in vanished.iter().filter(|id| self.queue.contains(id)) {
            self.shared.daemon().vanished.remove(id);
            let text = format!("the watch {id} is configured again; it goes on with the record it had");
            self.note_watch(id, EventKind::Watched, text, now).await;
        }
    }

    /// `is_old` where it was not configured when certsteward started: its history may know since when it is gone.
    async fn vanish(&mut self, id: &str, is_old: bool, now: Timestamp) {
        let known = if is_old { self.vanished_at(id).await } else { None };
        if known.is_none() {
            let text = format!(
                "the watch {id} is no longer configured; its history stays, and its record for {} days",
                VANISHED_FOR.num_days()
            );
            self.note_watch(id, EventKind::Vanished, text, now).await;
        }
        self.shared.hide(id);
        let mut daemon = self.shared.daemon();
        daemon.vanished.insert(id.to_owned(), known.unwrap_or(now));
        if daemon.missed.contains_key(id) {
            Arc::make_mut(&mut daemon.missed).remove(id);
        }
    }

    /// Since when the history says that it is gone; none where the last it says is that it came.
    async fn vanished_at(&self, id: &str) -> Option<Timestamp> {
        let query = EventQuery { watch: Some(id.to_owned()), limit: EVENTS, ..EventQuery::default() };
        let events = self.shared.journal.events(query).await.ok()?;
        let came_or_went = |event: &Event| matches!(event.kind, EventKind::Vanished | EventKind::Watched);
        let last = events.into_iter().map(|(_, event)| event).find(came_or_went)?;
        (last.kind == EventKind::Vanished).then_some(last.at)
    }

    /// The records of watches that are gone for long.
    async fn forget(&mut self, now: Timestamp) {
        let vanished: BTreeMap<String, Timestamp> = self.shared.daemon().vanished.clone();
        for (id, _) in vanished.iter().filter(|(_, since)| **since <= now - VANISHED_FOR) {
            if self.under_way.contains(id.as_str()) {
                continue;
            }
            if let Err(error) = self.shared.journal.forget(id).await {
                tracing::error!(watch = id, error = %chain(&error), "the record of a watch that is no longer configured could not be removed from the store; it is tried again");
                continue;
            }
            self.records.remove(id.as_str());
            self.unread.remove(id.as_str());
            self.shared.daemon().vanished.remove(id);
        }
    }

    async fn note_watch(&self, id: &str, kind: EventKind, text: String, at: Timestamp) {
        let event = Event { watch: id.to_owned(), at, actor: Actor::Daemon, kind, text, facts: Vec::new() };
        log(&event);
        let change = Change {
            watch: id.to_owned(),
            record: None,
            events: vec![event],
            messages: Vec::new(),
            absorbed: Vec::new(),
        };
        let saved: Result<(), JournalError> = self.shared.journal.save(change).await;
        if let Err(error) = saved {
            tracing::error!(watch = id, error = %chain(&error), "the event above could not be saved in the store; it stands in this log only");
        }
    }
}
