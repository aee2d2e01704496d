//! What the running daemon shares between its tasks, and what surfaces may ask of it.
//! It decides nothing; passes do.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};

use super::build::Built;
use super::store::Health;
use crate::clock::Clock;
use crate::config::{self, Kind, Problems};
use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;
use crate::domain::event::{Actor, Event, EventKind};
use crate::domain::lifecycle;
use crate::domain::module::{Ask, NotLooked, Outcome};
use crate::domain::report::Command;
use crate::domain::serials::{Serials, Twin};
use crate::domain::snapshot::{DaemonView, Pictures, Snapshot, WatchView};
use crate::domain::trail::{Proof, Row};
use crate::engine::schedule::Bell;
use crate::journal::{Change, EventQuery, Journal, JournalError};
use crate::net::Net;
use crate::surfaces::{Daemon, Grant, Refused};

/// How far the clock may be from what servers say.
const CLOCK_TOLERANCE: chrono::Duration = chrono::Duration::minutes(5);

/// What the tasks share.
pub struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) journal: Arc<dyn Journal>,
    /// Whether the journal can be written.
    pub(super) store: Arc<Health>,
    pub(super) net: Net,
    pub(super) built: ArcSwap<Built>,
    /// What is shown, as long as nothing has changed since.
    snapshot: Mutex<Option<Arc<Snapshot>>>,
    pub(super) bell: Bell,
    /// Messages may be due.
    pub(super) outbox: Notify,
    /// The configuration is another one: cron and file watching begin anew.
    pub(super) reloaded: Notify,
    /// The folders in which discoveries found files.
    pub(super) found_in: watch::Sender<BTreeSet<PathBuf>>,
    pub(super) ready: AtomicBool,
    pub(super) stopping: AtomicBool,
    config: Option<(PathBuf, Kind)>,
    /// The pictures of the watches; shared with the snapshots until one of them changes.
    pictures: Mutex<Arc<Pictures>>,
    /// Which certificates the watches have, by issuer and serial number.
    serials: Mutex<Serials>,
    daemon: Mutex<DaemonView>,
    /// Held while the history is checked.
    verifying: tokio::sync::Mutex<()>,
}

impl Shared {
    /// Shares these parts; `config` is where the configuration was read from, none where it cannot be read again.
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        (journal, store): (Arc<dyn Journal>, Arc<Health>),
        net: Net,
        built: Built,
        config: Option<(PathBuf, Kind)>,
    ) -> Self {
        let now = clock.now();
        let daemon = DaemonView {
            started: Some(now),
            last_reload: Some((now, true, String::new())),
            ..DaemonView::default()
        };
        Self {
            clock,
            journal,
            store,
            net,
            built: ArcSwap::from_pointee(built),
            snapshot: Mutex::default(),
            bell: Bell::default(),
            outbox: Notify::new(),
            reloaded: Notify::new(),
            found_in: watch::Sender::default(),
            ready: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            config,
            pictures: Mutex::default(),
            serials: Mutex::default(),
            daemon: Mutex::new(daemon),
            verifying: tokio::sync::Mutex::default(),
        }
    }

    /// The state of the daemon itself, to be changed.
    pub(super) fn daemon(&self) -> MutexGuard<'_, DaemonView> {
        self.daemon.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The picture of a watch is this from now on.
    pub(super) fn show(&self, id: &Arc<str>, view: Arc<WatchView>) {
        self.change_pictures(|pictures| pictures.insert(Arc::clone(id), view));
    }

    /// There is no picture of this watch any more.
    pub(super) fn hide(&self, id: &str) {
        self.change_pictures(|pictures| pictures.remove(id));
    }

    /// The sources of these watches were seen to be as they were.
    pub(super) fn see_again(&self, ids: &[Arc<str>], at: Timestamp) {
        self.change_pictures(|pictures| {
            for id in ids {
                if let Some(view) = pictures.get_mut(&**id) {
                    Arc::make_mut(view).seen_at = Some(at);
                }
            }
        });
    }

    /// The picture of a watch.
    pub(super) fn picture(&self, id: &str) -> Option<Arc<WatchView>> {
        self.pictures.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Whether another watch than this one uses a certificate with this issuer and subject at this tenant.
    pub(super) fn is_used_beside(&self, id: &str, tenant: &str, leaf: &Certificate) -> bool {
        let pictures = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        // As long as not every watch was looked at since the start, any of them may.
        let is_each_there = pictures.len() >= self.built.load().config.watches.len();
        let mut others = pictures.iter().filter(|(other, _)| &***other != id);
        let is_used = |view: &WatchView| {
            !view.was_looked_at() || lifecycle::uses_at(&view.watch, &view.record, tenant, leaf)
        };
        !is_each_there || others.any(|(_, view)| is_used(view))
    }

    /// Which other watches have another certificate with the issuer and serial number of this one.
    pub(super) fn twins(&self, id: &str, leaf: &Certificate) -> Vec<Twin> {
        self.serials.lock().unwrap_or_else(PoisonError::into_inner).twins(id, leaf)
    }

    /// This watch has this certificate from now on, or none; returns the watches of which another thing is to be said now.
    pub(super) fn note_serial(&self, id: &Arc<str>, leaf: Option<&Certificate>) -> Vec<Arc<str>> {
        self.serials.lock().unwrap_or_else(PoisonError::into_inner).note(id, leaf)
    }

    fn change_pictures<T>(&self, change: impl FnOnce(&mut Pictures) -> T) {
        change(Arc::make_mut(&mut self.pictures.lock().unwrap_or_else(PoisonError::into_inner)));
        self.publish();
    }

    /// Why the clock is in doubt: every server that answered lately says another time.
    pub(super) fn clock_doubt(&self) -> Option<String> {
        let skew = self.net.clock_skew().filter(|skew| skew.abs() > CLOCK_TOLERANCE)?;
        let way = if skew > chrono::Duration::zero() { "ahead of" } else { "behind" };
        let span = match skew.abs().num_minutes() {
            minutes @ 0..=119 => format!("{minutes} min"),
            minutes @ 120..=2879 => format!("{} h", minutes / 60),
            minutes => format!("{} days", minutes / 1440),
        };
        Some(format!("the clock of this host is {span} {way} what servers say"))
    }

    /// Something changed: whoever looks next is shown a new snapshot. Nobody is shown the old one any more, so it is not kept.
    pub(super) fn publish(&self) {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The newest snapshot. It is made when somebody looks, because most changes are seen by nobody.
    fn newest(&self) -> Arc<Snapshot> {
        let mut known = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = known.get_or_insert_with(|| {
            let watches = Arc::clone(&self.pictures.lock().unwrap_or_else(PoisonError::into_inner));
            let daemon = DaemonView { store: self.store.view(), ..self.daemon().clone() };
            Arc::new(Snapshot { at: self.clock.now(), watches, daemon })
        });
        Arc::clone(snapshot)
    }

    /// Writes an event of the daemon itself into the history and the log.
    pub(super) async fn note(&self, actor: Actor, kind: EventKind, text: String) {
        tracing::info!(event = kind.code(), actor = %actor, "{}", one_line(&text));
        self.write_down(actor, kind, text).await;
    }

    /// As `note`, for what somebody should look at.
    pub(super) async fn note_trouble(&self, kind: EventKind, text: String) {
        let actor = Actor::Daemon;
        tracing::error!(event = kind.code(), actor = %actor, "{}", one_line(&text));
        self.write_down(actor, kind, text).await;
    }

    async fn write_down(&self, actor: Actor, kind: EventKind, text: String) {
        let event =
            Event { watch: String::new(), at: self.clock.now(), actor, kind, text, facts: Vec::new() };
        let change = Change {
            watch: String::new(),
            record: None,
            events: vec![event],
            messages: Vec::new(),
            absorbed: Vec::new(),
        };
        if let Err(error) = self.journal.save(change).await {
            tracing::error!(error = %chain(&error), "the event above could not be saved in the store; it stands in this log only");
        }
    }

    /// Reads the configuration again. A bad one changes nothing.
    pub(super) async fn read_again(&self) -> Result<(), String> {
        let Some((path, kind)) = self.config.clone() else {
            return Err(
                "this certsteward runs on a built-in configuration, which cannot be read again".to_owned()
            );
        };
        let outcome = match config::load(&path, kind) {
            Ok(config) => {
                let fixed = self.fixed_settings(&config);
                Built::new(config, self.net.clone())
                    .map(|built| (built, fixed))
                    .map_err(|unseen| unseen.to_string())
            }
            Err(problems) => Err(listed(&problems)),
        };
        let now = self.clock.now();
        let (text, result) = match outcome {
            Ok((built, fixed)) => {
                self.built.store(Arc::new(built));
                self.reloaded.notify_one();
                self.bell.ring_everywhere();
                (format!("the configuration was read again{fixed}"), Ok(()))
            }
            Err(problems) => {
                let said = one_line(&problems);
                (format!("the configuration has problems, the old one goes on: {said}"), Err(problems))
            }
        };
        self.daemon().last_reload = Some((now, result.is_ok(), result.clone().err().unwrap_or_default()));
        self.publish();
        if result.is_ok() {
            self.note(Actor::Daemon, EventKind::Reloaded, text).await;
        } else {
            self.note_trouble(EventKind::Reloaded, text).await;
        }
        result
    }

    /// What a reload cannot change, said where it was changed.
    fn fixed_settings(&self, new: &config::Config) -> String {
        let old = &self.built.load().config.daemon;
        let new = &new.daemon;
        let changed: Vec<&str> = [
            ("listen", old.listen != new.listen),
            ("tls", old.tls != new.tls),
            ("socket", old.socket != new.socket),
            ("state", old.state != new.state),
            ("log", old.log != new.log),
            ("public_url", old.public_url != new.public_url),
        ]
        .into_iter()
        .filter_map(|(name, changed)| changed.then_some(name))
        .collect();
        if changed.is_empty() {
            String::new()
        } else {
            format!("; [daemon] {} takes effect after a restart", changed.join(", "))
        }
    }
}

fn listed(problems: &Problems) -> String {
    problems.to_string()
}

/// A text as one line of the log: what others wrote, such as a subject, cannot begin a line of its own.
pub(super) fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ").replace(char::is_control, " ")
}

/// An error with its causes, as `a: b: c`.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn refused(error: &JournalError) -> Refused {
    Refused(chain(error))
}

#[async_trait::async_trait]
impl Daemon for Shared {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.newest()
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst) && !self.store.is_failing()
    }

    async fn events(
        &self,
        watch: Option<&str>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, Event)>, Refused> {
        let query = EventQuery { watch: watch.map(str::to_owned), before, since: None, limit };
        self.journal.events(query).await.map_err(|error| refused(&error))
    }

    async fn history(
        &self,
        watch: Option<&str>,
        (before, since): (Option<i64>, Option<Timestamp>),
        limit: usize,
    ) -> Result<Vec<Row>, Refused> {
        let query = EventQuery { watch: watch.map(str::to_owned), before, since, limit };
        self.journal.rows(query).await.map_err(|error| refused(&error))
    }

    async fn verify(&self, watch: Option<&str>, heads: Vec<String>) -> Result<Proof, Refused> {
        // One at a time: each reads the whole history.
        let _turn = self.verifying.try_lock().map_err(|_| {
            Refused("the history is being checked for somebody else at this moment".to_owned())
        })?;
        self.journal.verify(watch.map(str::to_owned), heads).await.map_err(|error| refused(&error))
    }

    async fn command(&self, command: Command) -> Result<i64, Refused> {
        let id = self.journal.accept(command).await.map_err(|error| refused(&error))?;
        self.bell.ring();
        Ok(id)
    }

    async fn reload(&self) -> Result<(), Refused> {
        self.read_again().await.map_err(Refused)
    }

    async fn look(&self, ask: Ask) -> Result<Outcome, NotLooked> {
        self.look_at(ask).await
    }

    fn grant(&self, bearer: &str) -> Option<Grant> {
        let built = self.built.load();
        built.config.tokens.iter().find_map(|token| {
            let secret = token.secret.read().ok()?;
            is_same(secret.as_bytes(), bearer.as_bytes()).then(|| Grant {
                name: token.name.clone(),
                may: token.may.iter().map(|right| right.code().to_owned()).collect(),
            })
        })
    }
}

/// Compares without telling by its time where the difference is: both sides are hashed first.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    use crate::domain::certificate::Fingerprint;
    Fingerprint::of(a) == Fingerprint::of(b)
}
