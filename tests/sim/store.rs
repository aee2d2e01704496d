//! The journal of a simulated life: in memory or the real SQLite, with a process that can die at every save.
//! What was saved is counted, so that nothing of it can be lost unnoticed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use certsteward::domain::event::{Actor, Event};
use certsteward::domain::message::{Message, Outgoing};
use certsteward::domain::reason::{Failure, Reason};
use certsteward::domain::record::Record;
use certsteward::domain::report::Command;
use certsteward::domain::trail::{Proof, Row};
use certsteward::domain::{Duration, Timestamp};
use certsteward::journal::sqlite::Sqlite;
use certsteward::journal::{Change, EventQuery, Journal, JournalError, KeptApart, OutboxState};
use certsteward::notifiers::Notifier;

use super::systems::World;

/// What the journal in memory holds.
#[derive(Default)]
pub struct Memory {
    records: BTreeMap<String, Record>,
    events: Vec<Event>,
    outbox: BTreeMap<i64, Outgoing>,
    messages: i64,
    commands: Vec<Command>,
    accepted: i64,
    paused: Option<(Timestamp, Actor)>,
}

pub enum Kept {
    Memory(Mutex<Memory>),
    Sqlite(Sqlite),
}

/// The journal.
pub struct Store {
    pub world: World,
    pub kept: Kept,
}

fn refusal(why: &'static str) -> JournalError {
    JournalError::Store { act: "write", place: "the simulated store".to_owned(), cause: why.into() }
}

impl Store {
    pub fn new(world: World, sqlite: Option<Sqlite>) -> Self {
        let kept = sqlite.map_or_else(|| Kept::Memory(Mutex::default()), Kept::Sqlite);
        Self { world, kept }
    }

    fn memory<T>(&self, use_it: impl FnOnce(&mut Memory) -> T) -> Option<T> {
        match &self.kept {
            Kept::Memory(memory) => Some(use_it(&mut memory.lock().unwrap())),
            Kept::Sqlite(_) => None,
        }
    }

    /// Whether anything can be written now.
    fn writable(&self) -> Result<(), JournalError> {
        self.world.with(|outside| {
            if outside.dead {
                return Err(refusal("the process died"));
            }
            if outside.is_until(outside.weather.disk) {
                return Err(refusal("the disk is full"));
            }
            Ok(())
        })
    }

    /// Whether the process dies at this save, and whether that is after it.
    fn dies(&self) -> Option<bool> {
        self.world.with(|outside| {
            let (left, after) = outside.deaths.save.as_mut()?;
            if *left > 0 {
                *left -= 1;
                return None;
            }
            let after = *after;
            outside.deaths.save = None;
            let now = outside.now;
            outside.timeline.say(now, || format!("!! dies at a save (after it: {after})"));
            Some(after)
        })
    }

    async fn write(&self, change: Change) -> Result<(), JournalError> {
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.save(change).await,
            Kept::Memory(memory) => {
                memory.lock().unwrap().write(change);
                Ok(())
            }
        }
    }
}

impl Memory {
    fn write(&mut self, change: Change) {
        self.records.extend(change.record.map(|record| (change.watch, record)));
        self.events.extend(change.events);
        for (notifier, message) in change.messages {
            self.messages += 1;
            let (id, next) = (self.messages, message.at);
            let outgoing = Outgoing { id, notifier, message: Arc::new(message), tries: 0, next };
            self.outbox.insert(id, outgoing);
        }
        self.commands.retain(|command| !change.absorbed.contains(&command.id));
    }
}

#[async_trait::async_trait]
impl Journal for Store {
    async fn records(&self) -> Result<BTreeMap<String, Record>, JournalError> {
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.records().await,
            Kept::Memory(memory) => Ok(memory.lock().unwrap().records.clone()),
        }
    }

    async fn save(&self, change: Change) -> Result<(), JournalError> {
        self.writable()?;
        let dies = self.dies();
        if dies == Some(false) {
            self.world.with(|outside| outside.dead = true);
            return Err(refusal("the process died"));
        }
        self.world.with(|outside| outside.judge_saving(&change));
        let (record, events) = (change.record.clone(), change.events.clone());
        self.write(change).await?;
        self.world.with(|outside| outside.saved(record, events));
        if dies == Some(true) {
            self.world.with(|outside| outside.dead = true);
            return Err(refusal("the process died"));
        }
        Ok(())
    }

    async fn forget(&self, watch: &str) -> Result<(), JournalError> {
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.forget(watch).await,
            Kept::Memory(memory) => {
                memory.lock().unwrap().records.remove(watch);
                Ok(())
            }
        }
    }

    async fn accept(&self, command: Command) -> Result<i64, JournalError> {
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.accept(command).await,
            Kept::Memory(memory) => {
                let memory = &mut *memory.lock().unwrap();
                memory.accepted += 1;
                let id = memory.accepted;
                memory.commands.push(Command { id, ..command });
                Ok(id)
            }
        }
    }

    async fn commands(&self) -> Result<Vec<Command>, JournalError> {
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.commands().await,
            Kept::Memory(memory) => Ok(memory.lock().unwrap().commands.clone()),
        }
    }

    async fn events(&self, query: EventQuery) -> Result<Vec<(i64, Event)>, JournalError> {
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.events(query).await,
            Kept::Memory(memory) => {
                let memory = memory.lock().unwrap();
                let rows = (1..).zip(memory.events.iter().cloned());
                let mut rows: Vec<(i64, Event)> = rows.collect();
                rows.reverse();
                rows.truncate(query.limit);
                Ok(rows)
            }
        }
    }

    async fn rows(&self, query: EventQuery) -> Result<Vec<Row>, JournalError> {
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.rows(query).await,
            Kept::Memory(_) => Err(refusal("the chain is kept by the real store only")),
        }
    }

    async fn verify(&self, watch: Option<String>, heads: Vec<String>) -> Result<Proof, JournalError> {
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.verify(watch, heads).await,
            Kept::Memory(_) => Err(refusal("the chain is kept by the real store only")),
        }
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Outgoing>, JournalError> {
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.due(now, limit).await,
            Kept::Memory(memory) => {
                let memory = memory.lock().unwrap();
                let ahead = now + Duration::days(2);
                let is_due = |outgoing: &&Outgoing| outgoing.next <= now || outgoing.next > ahead;
                let due = memory.outbox.values().filter(is_due);
                Ok(due.take(limit).cloned().collect())
            }
        }
    }

    async fn delivered(&self, id: i64, at: Timestamp) -> Result<(), JournalError> {
        self.writable()?;
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.delivered(id, at).await,
            Kept::Memory(memory) => {
                memory.lock().unwrap().outbox.remove(&id);
                Ok(())
            }
        }
    }

    async fn postponed(&self, id: i64, next: Timestamp, why: &str) -> Result<(), JournalError> {
        self.writable()?;
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.postponed(id, next, why).await,
            Kept::Memory(memory) => {
                if let Some(outgoing) = memory.lock().unwrap().outbox.get_mut(&id) {
                    outgoing.tries += 1;
                    outgoing.next = next;
                }
                Ok(())
            }
        }
    }

    async fn rested(&self, id: i64, next: Timestamp, why: &str) -> Result<(), JournalError> {
        self.writable()?;
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.rested(id, next, why).await,
            Kept::Memory(memory) => {
                if let Some(outgoing) = memory.lock().unwrap().outbox.get_mut(&id) {
                    outgoing.next = next;
                }
                Ok(())
            }
        }
    }

    async fn outbox(&self) -> Result<OutboxState, JournalError> {
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.outbox().await,
            Kept::Memory(memory) => {
                let memory = memory.lock().unwrap();
                let next = memory.outbox.values().map(|outgoing| outgoing.next).min();
                Ok(OutboxState { next, ..OutboxState::default() })
            }
        }
    }

    async fn paused(&self) -> Result<Option<(Timestamp, Actor)>, JournalError> {
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.paused().await,
            Kept::Memory(memory) => Ok(memory.lock().unwrap().paused.clone()),
        }
    }

    fn take_kept_apart(&self) -> Vec<KeptApart> {
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.take_kept_apart(),
            Kept::Memory(_) => Vec::new(),
        }
    }

    async fn set_paused(&self, paused: Option<(Timestamp, Actor)>) -> Result<(), JournalError> {
        match &self.kept {
            Kept::Sqlite(sqlite) => sqlite.set_paused(paused).await,
            Kept::Memory(_) => {
                self.memory(|memory| memory.paused = paused);
                Ok(())
            }
        }
    }
}

/// A notifier that is down at times, and whose process may die while it sends.
pub struct Mailbox(pub World, pub &'static str);

#[async_trait::async_trait]
impl Notifier for Mailbox {
    async fn send(&self, message: &Message) -> Result<(), Failure> {
        self.0.with(|outside| {
            if outside.dead {
                return Err(Failure::uncertain(Reason::Interrupted, "the process died"));
            }
            if outside.is_until(outside.weather.notifiers) {
                return Err(Failure::certain(Reason::ConnectionRefused, "nothing listens there"));
            }
            outside.judge.receive(self.1, message);
            if std::mem::take(&mut outside.deaths.sending) {
                outside.dead = true;
                let now = outside.now;
                outside.timeline.say(now, || "!! dies after sending".to_owned());
            }
            Ok(())
        })
    }
}
