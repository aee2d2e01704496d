//! The store, observed: every write tells whether the store can be written, and a daemon that cannot write tells it at once.
//! It decides nothing about certificates, and keeps no pass from its errors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::build::Built;
use super::passes::log;
use super::state::{Shared, chain, one_line};
use crate::clock::Clock;
use crate::domain::event::{Actor, Event, EventKind};
use crate::domain::finding::Level;
use crate::domain::message::{Message, Outgoing, Topic};
use crate::domain::record::Record;
use crate::domain::report::Command;
use crate::domain::snapshot::StoreView;
use crate::domain::trail::{Proof, Row};
use crate::domain::{Timestamp, lint};
use crate::engine::deliver::recipients;
use crate::journal::{Change, EventQuery, Journal, JournalError, KeptApart, OutboxState, Places};

/// How often something is written although nothing happens.
const ALIVE: Duration = Duration::from_secs(60);
/// How often it is tried to write while that fails.
const AGAIN: Duration = Duration::from_secs(5);
/// What must fit into the store before it counts as writable again: more than any pass writes.
const ROOM: usize = 256 * 1024;
/// How long a notifier that did not take the message waits.
const UNTOLD: chrono::Duration = chrono::Duration::seconds(30);

/// Whether the store can be written.
pub(super) struct Health {
    view: Mutex<StoreView>,
    changed: Notify,
}

impl Health {
    pub(super) fn view(&self) -> StoreView {
        self.locked().clone()
    }

    /// Whether the last that was tried to be written could not be.
    pub(super) fn is_failing(&self) -> bool {
        self.locked().failing.is_some()
    }

    fn locked(&self) -> MutexGuard<'_, StoreView> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how a write ended, and logs once that none succeeds any more.
    fn note(&self, error: Option<&JournalError>, now: Timestamp) {
        let mut view = self.locked();
        let Some(error) = error else {
            view.last_success = Some(now);
            return;
        };
        if view.failing.is_some() {
            return;
        }
        let why = chain(error);
        tracing::error!(error = %why, "the store cannot be written: nothing is looked at and nothing outside is changed until it can; this is said once");
        view.failing = Some((now, why));
        self.changed.notify_one();
    }

    /// There is room again; since when there was none.
    fn recover(&self) -> Option<(Timestamp, String)> {
        self.locked().failing.take()
    }
}

/// A journal that notes how its writes end.
pub(super) struct Observed {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
}

impl Observed {
    /// Observes this journal.
    pub(super) fn new(journal: Arc<dyn Journal>, clock: Arc<dyn Clock>) -> (Self, Arc<Health>) {
        let health = Arc::new(Health { view: Mutex::default(), changed: Notify::new() });
        (Self { journal, clock, health: Arc::clone(&health) }, health)
    }

    fn noted<T>(&self, outcome: Result<T, JournalError>) -> Result<T, JournalError> {
        self.health.note(outcome.as_ref().err(), self.clock.now());
        outcome
    }
}

#[async_trait::async_trait]
impl Journal for Observed {
    async fn records(&self) -> Result<BTreeMap<String, Record>, JournalError> {
        self.journal.records().await
    }

    async fn save(&self, change: Change) -> Result<(), JournalError> {
        // What a pass does is logged once it is saved, round by round; other events are logged by whoever writes them.
        let events = if change.record.is_some() { change.events.clone() } else { Vec::new() };
        let saved = self.noted(self.journal.save(change).await);
        if saved.is_ok() {
            events.iter().for_each(log);
        }
        saved
    }

    async fn save_all(&self, changes: Vec<Change>) -> Result<(), JournalError> {
        self.noted(self.journal.save_all(changes).await)
    }

    async fn places(&self) -> Result<Places, JournalError> {
        self.journal.places().await
    }

    async fn keep_places(
        &self,
        discovery: &str,
        places: Vec<(String, Option<String>)>,
    ) -> Result<(), JournalError> {
        self.noted(self.journal.keep_places(discovery, places).await)
    }

    async fn forget(&self, watch: &str) -> Result<(), JournalError> {
        self.noted(self.journal.forget(watch).await)
    }

    async fn accept(&self, command: Command) -> Result<i64, JournalError> {
        self.noted(self.journal.accept(command).await)
    }

    async fn commands(&self) -> Result<Vec<Command>, JournalError> {
        self.journal.commands().await
    }

    async fn rows(&self, query: EventQuery) -> Result<Vec<Row>, JournalError> {
        self.journal.rows(query).await
    }

    async fn verify(&self, watch: Option<String>, heads: Vec<String>) -> Result<Proof, JournalError> {
        self.journal.verify(watch, heads).await
    }

    async fn events(&self, query: EventQuery) -> Result<Vec<(i64, Event)>, JournalError> {
        self.journal.events(query).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Outgoing>, JournalError> {
        self.journal.due(now, limit).await
    }

    async fn delivered(&self, id: i64, at: Timestamp) -> Result<(), JournalError> {
        self.noted(self.journal.delivered(id, at).await)
    }

    async fn postponed(&self, id: i64, next: Timestamp, why: &str) -> Result<(), JournalError> {
        self.noted(self.journal.postponed(id, next, why).await)
    }

    async fn rested(&self, id: i64, next: Timestamp, why: &str) -> Result<(), JournalError> {
        self.noted(self.journal.rested(id, next, why).await)
    }

    async fn outbox(&self) -> Result<OutboxState, JournalError> {
        self.journal.outbox().await
    }

    async fn paused(&self) -> Result<Option<(Timestamp, Actor)>, JournalError> {
        self.journal.paused().await
    }

    fn take_kept_apart(&self) -> Vec<KeptApart> {
        self.journal.take_kept_apart()
    }

    async fn set_paused(&self, paused: Option<(Timestamp, Actor)>) -> Result<(), JournalError> {
        self.noted(self.journal.set_paused(paused).await)
    }

    async fn touch(&self, at: Timestamp, room: usize) -> Result<(), JournalError> {
        self.noted(self.journal.touch(at, room).await)
    }
}

/// Writes now and then although nothing happens, so that a store that fails is known before it is needed; tells people of
/// one that fails, and finds out when it is well again. Until stopped.
pub(super) async fn keep(shared: Arc<Shared>, stop: CancellationToken) {
    let mut told = Told::default();
    while !stop.is_cancelled() {
        let now = shared.clock.now();
        let room = if shared.store.is_failing() { ROOM } else { 0 };
        let touched = shared.journal.touch(now, room).await;
        if room > 0 && touched.is_ok() {
            told.end(&shared, now).await;
        } else if room == 0 && touched.is_err() {
            // The note of this failure woke us; it is tried with room before anybody is told.
            continue;
        } else if room > 0 {
            shared.publish();
            told.tell(&shared, now).await;
        }
        let wait = if shared.store.is_failing() { AGAIN } else { ALIVE };
        tokio::select! {
            () = stop.cancelled() => {}
            () = shared.store.changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Who was told that the store cannot be written. It is kept in memory only: there is nothing to write it down in.
#[derive(Default)]
struct Told {
    notifiers: BTreeSet<String>,
    later: BTreeMap<String, Timestamp>,
}

impl Told {
    /// Tells everybody who was not told yet, past the outbox.
    async fn tell(&mut self, shared: &Shared, now: Timestamp) {
        let Some((since, why)) = shared.store.view().failing else {
            return;
        };
        let built = shared.built.load_full();
        let message = failing(since, &why);
        let open = |id: &String| {
            !self.notifiers.contains(id) && self.later.get(id).is_none_or(|later| *later <= now)
        };
        let addressees: Vec<String> = addressees(&message, &built).into_iter().filter(open).collect();
        let sent = addressees.into_iter().filter_map(|id| {
            let notifier = Arc::clone(built.notifiers.get(&id)?);
            let message = message.clone();
            Some(async move { (id, notifier.send(&message).await) })
        });
        for (id, outcome) in join_all(sent).await {
            match outcome {
                Ok(()) => drop(self.notifiers.insert(id)),
                Err(failure) => {
                    tracing::warn!(
                        notifier = id,
                        reason = failure.reason.code(),
                        "{}",
                        one_line(&failure.text)
                    );
                    self.later.insert(id, now + UNTOLD);
                }
            }
        }
    }

    /// It can be written again: that is history, and whoever was told is told, through the outbox.
    async fn end(&mut self, shared: &Shared, now: Timestamp) {
        let Some((since, why)) = shared.store.recover() else {
            return;
        };
        let text =
            format!("the store can be written again; it could not since {}: {why}", lint::minute(since));
        tracing::warn!(event = EventKind::StoreRecovered.code(), "{}", one_line(&text));
        let kind = EventKind::StoreRecovered;
        let event = Event {
            watch: String::new(),
            at: now,
            actor: Actor::Daemon,
            kind,
            text: text.clone(),
            facts: Vec::new(),
        };
        let told = std::mem::take(&mut self.notifiers);
        let change = Change {
            watch: String::new(),
            record: None,
            events: vec![event],
            messages: told.iter().map(|id| (id.clone(), over(since, now, &text))).collect(),
            absorbed: Vec::new(),
        };
        if shared.journal.save(change).await.is_err() {
            // It fails again, which is noted; who was told of that already is not told again.
            self.notifiers = told;
            return;
        }
        self.later.clear();
        shared.outbox.notify_one();
        shared.bell.ring();
    }
}

/// Who wants it; where nobody's filter lets it through, everybody: too many told is better than nobody.
fn addressees(message: &Message, built: &Built) -> Vec<String> {
    let wanting = recipients(message, &built.recipients);
    if wanting.is_empty() { built.notifiers.keys().cloned().collect() } else { wanting }
}

fn failing(since: Timestamp, why: &str) -> Message {
    Message {
        watch: String::new(),
        labels: BTreeMap::new(),
        at: since,
        topic: Topic::Findings,
        level: Level::Critical,
        code: CODE.to_owned(),
        key: format!("{CODE}-{}", since.timestamp()),
        resolved: false,
        subject: "certsteward cannot write its store, so nothing is looked at or renewed".to_owned(),
        text: format!(
            "Since {} nothing can be saved: {why}. What cannot be written down is not done: no certificate is looked at, issued, published, switched or retired until it can, and callers keep what they use. This message could not be saved either; it may come again if certsteward is restarted meanwhile",
            lint::minute(since)
        ),
        way_out: "make room on the disk of the store, or put right what the error says; certsteward tries every few seconds and goes on by itself".to_owned(),
        hand_off: None,
        to: None,
        actor: None,
        deadline: None,
    }
}

fn over(since: Timestamp, now: Timestamp, text: &str) -> Message {
    Message {
        at: now,
        level: Level::Ok,
        resolved: true,
        subject: "certsteward can write its store again".to_owned(),
        text: format!("{text}. Passes go on where they were"),
        way_out: "nothing to do".to_owned(),
        ..failing(since, "")
    }
}

/// The stable code of both messages.
const CODE: &str = "store-unwritable";
