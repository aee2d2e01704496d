//! Watches that come and go: those there are now, against those there were before.
//! A watch that is gone keeps its record for a while, so that a slip in the configuration costs nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Passes;
use super::news::News;
use super::queue::{Id, Replaced};
use crate::app::build::Built;
use crate::app::state::chain;
use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;
use crate::domain::event::{Event, EventKind};
use crate::engine::execute::Parts;
use crate::engine::pass::unlooked;
use crate::journal::EventQuery;

/// How long a vanished watch is shown and its record kept.
const VANISHED_FOR: chrono::Duration = chrono::Duration::days(7);
/// How many of a watch's events are searched for when it vanished.
const EVENTS: usize = 50;

impl Passes {
    pub(super) fn refresh_credentials(&self, built: &Built) {
        let not_after = |(name, service): (&String, &Arc<crate::sap::DestinationService>)| {
            let at = service.credential_not_after().ok().flatten()?;
            Some((name.clone(), at))
        };
        let credentials = built.services.iter().filter_map(not_after).collect();
        self.shared.daemon().credentials = credentials;
    }

    /// Takes these watches for those there are; whoever is new or made anew is passed over next. Returns what is to be
    /// written down.
    pub(super) async fn replace(&mut self, parts: BTreeMap<Id, Arc<Parts>>) -> News {
        let now = self.shared.clock.now();
        let mut news = News::new(now);
        let Replaced { came, changed, gone } = self.queue.replace(parts);
        for id in came {
            self.come(&id, &mut news);
            self.show_unlooked(&id, now);
            self.queue.want(id);
        }
        for (id, before) in changed {
            if let Some(parts) = self.queue.parts(&id) {
                news.changed(&before, &parts.watch);
            }
            self.queue.want(id);
        }
        for (id, watch) in gone {
            news.gone(&id, watch.found_by.clone(), VANISHED_FOR.num_days());
            self.vanish(&id, now);
        }
        for id in self.old_ones() {
            let known = self.vanished_at(&id).await;
            if known.is_none() {
                news.gone(&id, None, VANISHED_FOR.num_days());
            }
            self.vanish(&id, known.unwrap_or(now));
        }
        self.forget(now).await;
        news
    }

    /// A watch that is back goes on with its record.
    fn come(&self, id: &Id, news: &mut News) {
        let Some(parts) = self.queue.parts(id) else { return };
        let has_record = self.records.contains_key(id) || self.under_way.contains(id);
        if self.shared.daemon().vanished.remove(&**id).is_some() {
            news.back(&parts.watch);
        } else if parts.watch.found_by.is_some() && !has_record {
            news.found(&parts.watch);
        }
    }

    /// It is shown from the start, by what the store knows of it; one whose pass is still under way from before is shown by that.
    fn show_unlooked(&self, id: &Id, now: Timestamp) {
        let Some(parts) = self.queue.parts(id).filter(|_| !self.under_way.contains(id)) else { return };
        let paused = self.shared.daemon().paused.as_ref().map(|(_, by)| by.clone());
        let record = self.records.get(id).map(Arc::clone);
        self.shared.show(id, Arc::new(unlooked(&parts.watch, record, paused.as_deref(), now)));
    }

    /// What only the store knows was there before the last start; it is gone where it would have been found.
    fn old_ones(&self) -> Vec<Id> {
        if !self.search.discoveries.see_everything() {
            return Vec::new();
        }
        let daemon = self.shared.daemon();
        let is_gone = |id: &&Id| !self.queue.contains(id) && !daemon.vanished.contains_key(&***id);
        self.records.keys().filter(is_gone).cloned().collect()
    }

    fn vanish(&mut self, id: &Id, since: Timestamp) {
        self.shared.hide(id);
        self.note_serial(id, None);
        let mut daemon = self.shared.daemon();
        daemon.vanished.insert(id.to_string(), since);
        if daemon.missed.contains_key(&**id) {
            Arc::make_mut(&mut daemon.missed).remove(&**id);
        }
    }

    /// The watch has this certificate from now on, or none: whoever got or lost a twin by it is judged anew.
    pub(super) fn note_serial(&mut self, id: &Id, leaf: Option<&Certificate>) {
        for other in self.shared.note_serial(id, leaf) {
            if self.queue.contains(&other) {
                self.queue.want(other);
            }
        }
    }

    /// Since when the history says that it is gone; none where the last it says is that it came.
    async fn vanished_at(&self, id: &str) -> Option<Timestamp> {
        let query = EventQuery { watch: Some(id.to_owned()), limit: EVENTS, ..EventQuery::default() };
        let events = self.shared.journal.events(query).await.ok()?;
        let came_or_went =
            |event: &Event| matches!(event.kind, EventKind::Vanished | EventKind::Watched | EventKind::Found);
        let last = events.into_iter().map(|(_, event)| event).find(came_or_went)?;
        (last.kind == EventKind::Vanished).then_some(last.at)
    }

    /// The records of watches that are gone for long.
    async fn forget(&mut self, now: Timestamp) {
        let long_gone = |since: &Timestamp| *since <= now - VANISHED_FOR;
        let gone: Vec<String> = {
            let daemon = self.shared.daemon();
            let gone = daemon.vanished.iter().filter(|(_, since)| long_gone(since));
            gone.map(|(id, _)| id.clone()).collect()
        };
        for id in gone {
            if self.under_way.contains(id.as_str()) {
                continue;
            }
            if let Err(error) = self.shared.journal.forget(&id).await {
                tracing::error!(watch = id, error = %chain(&error), "the record of a watch that is no longer configured could not be removed from the store; it is tried again");
                continue;
            }
            self.records.remove(id.as_str());
            self.unread.remove(id.as_str());
            self.shared.daemon().vanished.remove(&id);
        }
    }
}
