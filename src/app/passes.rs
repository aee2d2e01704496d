//! The loop: waits for the bell or the next due moment, lets passes run side by side, never two of one watch.
//! What a pass does is the engine's.

mod discovered;
mod news;
mod queue;
mod sweep;
mod vanished;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use super::discoveries::Discoveries;
use super::state::{Shared, chain, one_line};
use crate::clock::Stopwatch;
use crate::domain::Timestamp;
use crate::domain::event::{Event, EventKind};
use crate::domain::lifecycle::{self, Lessons};
use crate::domain::reason::Reason;
use crate::domain::record::Record;
use crate::domain::report::{Command, Verb};
use crate::domain::snapshot::Missed;
use crate::domain::watch::{SourceFacts, no_watch};
use crate::engine::execute::Parts;
use crate::engine::pass::{House, Known, Passed, pass};
use crate::journal::{Change, JournalError};
use discovered::Search;
use queue::{Id, Queue};
use sweep::Sweep;

/// How many watches are passed over side by side.
const SIDE_BY_SIDE: usize = 32;
/// The longest wait between two looks at the wall clock: a suspended or stepped clock is noticed after it.
const TICK: Duration = Duration::from_secs(5);
/// The clock may go back by so much without meaning anything.
const TOLERANCE: chrono::Duration = chrono::Duration::minutes(1);
/// How long a watch that could not be saved waits.
const AFTER_FAILURE: chrono::Duration = chrono::Duration::seconds(30);

/// The loop's own state.
pub(super) struct Passes {
    shared: Arc<Shared>,
    records: BTreeMap<Id, Arc<Record>>,
    /// What all watches have learned of tenants.
    lessons: Arc<Lessons>,
    queue: Queue,
    sweep: Sweep,
    waiting: BTreeMap<String, Vec<Command>>,
    under_way: BTreeSet<Id>,
    running: JoinSet<Done>,
    /// Which watch a task serves, so that one that broke down is known by its name.
    tasks: BTreeMap<tokio::task::Id, Id>,
    /// The commands that passes under way have taken: still in the journal, not to be taken again.
    taken: BTreeMap<Id, Vec<i64>>,
    /// When commands are read again although nobody rang, because a pass that had taken some could not be saved.
    read_again: Option<Timestamp>,
    /// The watches whose record is in the store only, because it could not be read again after a failed pass.
    unread: BTreeSet<Id>,
    /// Watches whose last pass could not be saved: what is shown of them is old.
    unsaved: BTreeSet<Id>,
    /// The discoveries and their looks.
    search: Search,
    /// Whether every discovery has looked once, so that the watches there are are known.
    refreshed: bool,
    /// What the clock said in the last turn.
    turned: Timestamp,
    /// The watches under way for which a pause waits: nothing more is begun in their passes.
    held: Arc<Mutex<BTreeSet<Id>>>,
}

struct Done {
    watch: Id,
    seconds: f64,
    outcome: Result<Passed, JournalError>,
}

impl Passes {
    /// Begins with the records of the journal.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub(super) async fn new(shared: Arc<Shared>) -> Result<Self, JournalError> {
        let records = shared.journal.records().await?;
        let paused = shared.journal.paused().await?;
        let places = shared.journal.places().await?;
        shared.daemon().paused = paused.map(|(at, by)| (at, by.to_string()));
        let turned = shared.clock.now();
        let mut lessons = Lessons::new();
        records.iter().for_each(|(watch, record)| lifecycle::teach(&mut lessons, watch, record));
        let records = records.into_iter().map(|(watch, record)| (Id::from(watch), Arc::new(record)));
        Ok(Self {
            shared,
            records: records.collect(),
            lessons: Arc::new(lessons),
            queue: Queue::default(),
            sweep: Sweep::default(),
            waiting: BTreeMap::new(),
            under_way: BTreeSet::new(),
            running: JoinSet::new(),
            tasks: BTreeMap::new(),
            taken: BTreeMap::new(),
            read_again: None,
            unread: BTreeSet::new(),
            unsaved: BTreeSet::new(),
            search: Search::new(Discoveries::restored(places)),
            refreshed: false,
            turned,
            held: Arc::default(),
        })
    }

    /// Runs until `stop`; then waits for the passes in hand.
    pub(super) async fn run(mut self, stop: tokio_util::sync::CancellationToken, alive: impl Fn()) {
        self.shared.bell.ring_everywhere();
        let bell = self.shared.bell.clone();
        while !stop.is_cancelled() {
            alive();
            self.note_step_back();
            let wait = self.wait();
            tokio::select! {
                () = stop.cancelled() => break,
                () = bell.rung() => self.collect().await,
                Some(done) = self.running.join_next_with_id() => self.done(done).await,
                swept = self.sweep.ended(), if self.sweep.is_under_way() => self.swept(swept),
                Some(sought) = self.search.under_way.join_next_with_id() => self.sought(sought).await,
                () = tokio::time::sleep(wait) => {}
            }
            while let Some(done) = self.running.try_join_next_with_id() {
                self.done(done).await;
            }
            if self.read_again.is_some_and(|at| at <= self.shared.clock.now()) {
                self.collect().await;
            }
            self.note_kept_apart().await;
            self.seek_due();
            self.begin_due();
            self.shared.publish();
            self.note_ready();
        }
        while let Some(done) = self.running.join_next_with_id().await {
            self.done(done).await;
        }
        self.shared.publish();
    }

    /// A clock that goes back leaves what it had set for itself in the future: everything is looked at, and the cron begins anew.
    fn note_step_back(&mut self) {
        let now = self.shared.clock.now();
        if now + TOLERANCE < self.turned {
            let seconds = (self.turned - now).num_seconds();
            tracing::warn!(seconds, "the clock of this host went back; every watch is looked at anew");
            self.shared.bell.ring_everywhere();
            self.shared.reloaded.notify_one();
        }
        self.turned = now;
    }

    /// Says what the store could not read and put apart since the last turn.
    async fn note_kept_apart(&self) {
        for apart in self.shared.journal.take_kept_apart() {
            self.shared.note_trouble(EventKind::StoreRebuilt, apart.to_string()).await;
        }
    }

    /// Until the next due moment, in short ticks compared with the wall clock.
    fn wait(&self) -> Duration {
        if self.running.len() >= SIDE_BY_SIDE {
            // Whatever is due, the end of a pass wakes the loop.
            return TICK;
        }
        let now = self.shared.clock.now();
        let next = self.queue.first_due(|id| self.may_begin(id));
        let next = next.into_iter().chain(self.search.discoveries.next_look()).min();
        let next = next.map_or(TICK, |at| (at - now).to_std().unwrap_or(Duration::from_millis(10)));
        next.clamp(Duration::from_millis(10), TICK)
    }

    /// Ready is said once every watch there is was passed over, and there may be none; no longer while one cannot be saved.
    fn note_ready(&self) {
        if self.refreshed && self.queue.is_each_passed() && self.unsaved.is_empty() {
            self.shared.ready.store(true, Ordering::SeqCst);
        }
    }

    /// After a ring: every watch where the whole house was rung, and what was commanded. The watches come first, because
    /// a command may be for one that is new.
    async fn collect(&mut self) {
        self.read_again = None;
        self.read_records().await;
        if self.shared.bell.take_everywhere() {
            self.refresh().await;
            self.look_everywhere();
        }
        match self.shared.journal.commands().await {
            Ok(commands) => {
                self.waiting.clear();
                for command in commands {
                    self.take(command).await;
                }
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), "the commands could not be read from the store; they stay there and are read again soon");
                self.read_again = Some(self.shared.clock.now() + AFTER_FAILURE);
            }
        }
    }

    async fn take(&mut self, command: Command) {
        let is_taken = self.taken.get(command.watch.as_str()).is_some_and(|ids| ids.contains(&command.id));
        if is_taken {
            return;
        }
        if command.watch.is_empty() {
            self.obey(command).await;
        } else if let Some(id) = self.queue.id(&command.watch) {
            self.queue.want(Arc::clone(&id));
            if command.verb == Verb::Pause && self.under_way.contains(&id) {
                locked(&self.held).insert(id);
            }
            self.waiting.entry(command.watch.clone()).or_default().push(command);
        } else if self.refreshed && self.search.rests() {
            let (text, _) = no_watch(&command.watch, []);
            self.absorb_house(&command, &format!("refused: {text}")).await;
        }
    }

    /// A command to the daemon itself.
    async fn obey(&mut self, command: Command) {
        let (paused, text) = match &command.verb {
            Verb::Pause => (Some((command.at, command.actor.clone())), "pause acts everywhere"),
            Verb::Resume if self.shared.daemon().paused.is_none() => {
                return self.absorb_house(&command, "resume: acts were not paused everywhere").await;
            }
            Verb::Resume => (None, "resume acts everywhere"),
            Verb::Check => {
                self.queue.want_all();
                return self.absorb_house(&command, "check everything now").await;
            }
            Verb::Renew
            | Verb::Approve(_)
            | Verb::Reject(_)
            | Verb::Cancel
            | Verb::Retry
            | Verb::RollBack
            | Verb::Retire
            | Verb::Confirm(..)
            | Verb::Sign(..)
            | Verb::Silence(_) => return self.absorb_house(&command, "refused: it names no watch").await,
        };
        if let Err(error) = self.shared.journal.set_paused(paused.clone()).await {
            tracing::error!(error = %chain(&error), "the pause or its end could not be saved, so nothing changes yet; the command is kept and obeyed with the next ring");
            return;
        }
        self.shared.daemon().paused = paused.map(|(at, by)| (at, by.to_string()));
        self.queue.want_all();
        self.absorb_house(&command, text).await;
    }

    async fn absorb_house(&self, command: &Command, text: &str) {
        let facts = [("comment", &command.comment), ("ticket", &command.ticket)]
            .into_iter()
            .filter_map(|(key, value)| value.clone().map(|value| (key.to_owned(), value)));
        let event = Event {
            watch: String::new(),
            at: command.at,
            actor: command.actor.clone(),
            kind: EventKind::Command,
            text: text.to_owned(),
            facts: facts.collect(),
        };
        log(&event);
        let change = Change {
            watch: String::new(),
            record: None,
            events: vec![event],
            messages: Vec::new(),
            absorbed: vec![command.id],
        };
        if let Err(error) = self.shared.journal.save(change).await {
            tracing::error!(error = %chain(&error), "a command was obeyed but could not be marked as done in the store; it is read again with the next ring");
        }
    }

    /// While the store cannot be written no pass begins, not even to look: what is not written down cannot be paced, and
    /// refused calls without end would lock a login.
    fn may_begin(&self, id: &str) -> bool {
        !self.under_way.contains(id) && !self.unread.contains(id) && !self.shared.store.is_failing()
    }

    /// Begins every pass that is wanted or due, as far as there is room.
    fn begin_due(&mut self) {
        let now = self.shared.clock.now();
        let room = SIDE_BY_SIDE.saturating_sub(self.running.len());
        let mut queue = std::mem::take(&mut self.queue);
        let ready = queue.take(now, room, |id| self.may_begin(id));
        self.queue = queue;
        for id in ready {
            if let Some(parts) = self.queue.parts(&id).cloned() {
                self.begin(id, parts);
            }
        }
    }

    fn begin(&mut self, id: Id, parts: Arc<Parts>) {
        let Some(seed) = seed() else {
            tracing::error!(
                watch = &*id,
                wait_seconds = AFTER_FAILURE.num_seconds(),
                "the operating system gives no randomness, so the pass does not begin; it is tried again after the wait"
            );
            self.queue.set_next(&id, Some(self.shared.clock.now() + AFTER_FAILURE));
            return;
        };
        let record = self.records.remove(&id);
        let commands = self.waiting.remove(&*id).unwrap_or_default();
        locked(&self.held).remove(&id);
        self.under_way.insert(id.clone());
        self.taken.insert(id.clone(), commands.iter().map(|command| command.id).collect());
        let shared = Arc::clone(&self.shared);
        let held = Arc::clone(&self.held);
        let lessons = Arc::clone(&self.lessons);
        let watch = id.clone();
        let task = self.running.spawn(async move {
            let stopwatch = Stopwatch::start();
            let outcome = one(&shared, (&id, &parts), record, commands, (&held, &lessons), seed).await;
            Done { watch: id, seconds: stopwatch.elapsed().as_secs_f64(), outcome }
        });
        self.tasks.insert(task.id(), watch);
    }

    async fn done(&mut self, joined: Result<(tokio::task::Id, Done), tokio::task::JoinError>) {
        let (task, done) = match joined {
            Ok((task, done)) => (task, done),
            Err(error) => return self.broke_down(&error).await,
        };
        self.tasks.remove(&task);
        self.under_way.remove(&done.watch);
        self.taken.remove(&done.watch);
        match done.outcome {
            Ok(passed) => self.absorb(done.watch, done.seconds, passed),
            Err(error) => {
                // That the store cannot be written is said once, not for every pass.
                tracing::debug!(watch = &*done.watch, error = %chain(&error), "the pass could not be saved; it is made again");
                self.recover(done.watch).await;
            }
        }
    }

    /// A pass that broke down by a fault of ours takes no other watch with it, and its own is passed over again.
    async fn broke_down(&mut self, error: &tokio::task::JoinError) {
        let Some(watch) = self.tasks.remove(&error.id()) else {
            return;
        };
        tracing::error!(
            watch = &*watch,
            error = %error,
            "the pass ended by a fault of certsteward itself, please report it; the watch is passed over again in half a minute"
        );
        self.under_way.remove(&watch);
        self.taken.remove(&watch);
        self.recover(watch).await;
    }

    /// After a pass that left nothing behind: its record is read anew, because what was saved last counts, and so are commands.
    /// Until that has succeeded its passes do not begin, because they would begin with nothing and save that.
    async fn recover(&mut self, watch: Id) {
        let later = self.shared.clock.now() + AFTER_FAILURE;
        self.queue.set_next(&watch, Some(later));
        self.read_again = Some(later);
        self.unsaved.insert(watch.clone());
        self.shared.ready.store(false, Ordering::SeqCst);
        self.unread.insert(watch);
        self.read_records().await;
    }

    /// Reads the records that are only in the store.
    async fn read_records(&mut self) {
        if self.unread.is_empty() {
            return;
        }
        match self.shared.journal.records().await {
            Ok(mut records) => {
                for watch in std::mem::take(&mut self.unread) {
                    let record = records.remove(&*watch);
                    self.records.extend(record.map(|record| (watch, Arc::new(record))));
                }
            }
            Err(error) => {
                let watches: Vec<&str> = self.unread.iter().map(|id| &**id).collect();
                tracing::error!(watches = watches.join(", "), error = %chain(&error), "records could not be read from the store; their watches wait until they can");
                self.read_again = Some(self.shared.clock.now() + AFTER_FAILURE);
            }
        }
    }

    fn absorb(&mut self, id: Id, seconds: f64, passed: Passed) {
        self.unsaved.remove(&id);
        if passed.restless {
            tracing::error!(
                watch = &*id,
                "the pass did not come to rest; this is a fault of certsteward, please report it with the watch's history"
            );
        }
        if passed.messages > 0 {
            self.shared.outbox.notify_one();
        }
        {
            let mut daemon = self.shared.daemon();
            daemon.last_pass = Some(self.shared.clock.now());
            daemon.passes.add(seconds);
            count_reads(&mut daemon.reads, &passed.view.watch.source, &passed.reads);
            count_missed(&mut daemon.missed, &passed);
        }
        if self.queue.contains(&id) {
            self.queue.note_passed(&id);
            self.queue.set_next(&id, passed.view.next);
            self.note_serial(&id, passed.record.in_force.as_ref().map(|in_force| &*in_force.chain.leaf));
            self.shared.show(&id, passed.view);
        } else {
            // It was taken out of the configuration meanwhile, and its pass may have shown it again.
            self.shared.hide(&id);
        }
        if passed
            .record
            .learned
            .iter()
            .any(|(tenant, learned)| self.lessons.get(tenant).is_none_or(|(_, known)| known.at < learned.at))
        {
            lifecycle::teach(Arc::make_mut(&mut self.lessons), &id, &passed.record);
        }
        self.records.insert(id, passed.record);
    }
}

type Reads = BTreeMap<(String, String, Option<Reason>), u64>;

fn count_reads(reads: &mut Reads, source: &SourceFacts, made: &[Option<Reason>]) {
    for reason in made {
        let key = (source.kind.clone(), source.connection.clone().unwrap_or_default(), *reason);
        *reads.entry(key).or_default() += 1;
    }
}

/// Counts what failed by source: a place that can be seen and holds nothing was missed, too.
fn count_missed(missed: &mut Arc<Missed>, passed: &Passed) {
    let nothing = passed.record.absent_since.map(|_| Reason::NotFound);
    let reasons: Vec<Reason> = passed.reads.iter().filter_map(|reason| reason.or(nothing)).collect();
    if reasons.is_empty() {
        return;
    }
    let watch = &passed.view.watch;
    let name = watch.found_by.as_deref().unwrap_or(&watch.id).into();
    let counts = Arc::make_mut(missed).entry(name).or_default();
    for reason in reasons {
        *counts.entry(reason).or_default() += 1;
    }
}

async fn one(
    shared: &Shared,
    (id, parts): (&Id, &Parts),
    record: Option<Arc<Record>>,
    commands: Vec<Command>,
    (held, lessons): (&Mutex<BTreeSet<Id>>, &Lessons),
    seed: [u8; 32],
) -> Result<Passed, JournalError> {
    let built = shared.built.load_full();
    let house = House {
        journal: &*shared.journal,
        clock: &*shared.clock,
        recipients: &built.recipients,
        ladder: &built.ladder,
        paused: &|| shared.daemon().paused.as_ref().map(|(_, by)| by.clone()),
        seed,
        known: Known {
            lessons: Some(lessons),
            clock_doubt: Some(&|| shared.clock_doubt()),
            beside: Some(&|tenant, leaf| shared.is_used_beside(id, tenant, leaf)),
            twins: Some(&|leaf| shared.twins(id, leaf)),
            looked: shared.picture(id).is_some_and(|view| view.was_looked_at()),
        },
        show: &|view| shared.show(id, Arc::new(view)),
        may_act: &|| !shared.stopping.load(Ordering::SeqCst) && !locked(held).contains(id),
    };
    pass(parts, record, commands, &house).await
}

fn locked(held: &Mutex<BTreeSet<Id>>) -> MutexGuard<'_, BTreeSet<Id>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Chance of the operating system, for the tokens of hand-off links and for jitter; none where it has none to give.
fn seed() -> Option<[u8; 32]> {
    use ring::rand::SecureRandom as _;
    let mut seed = [0; 32];
    ring::rand::SystemRandom::new().fill(&mut seed).ok()?;
    Some(seed)
}

/// One line of the log per event.
pub(super) fn log(event: &Event) {
    let (kind, actor, text) = (event.kind.code(), event.actor.to_string(), one_line(&event.text));
    let facts: Vec<String> = event.facts.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let facts = facts.join(" ");
    let facts = (!facts.is_empty()).then_some(facts);
    let is_trouble =
        matches!(event.kind, EventKind::ActFailed | EventKind::WentUnseen | EventKind::RolledBack);
    if is_trouble {
        tracing::warn!(watch = event.watch, event = kind, actor, facts, "{text}");
    } else {
        tracing::info!(watch = event.watch, event = kind, actor, facts, "{text}");
    }
}
