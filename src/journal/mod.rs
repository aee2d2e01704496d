//! Records, events, outbox and commands, kept through crashes. The journal decides nothing.
//!
//! # Contract
//! - `save` is one transaction: the record, its events, its messages and the commands it absorbed, or nothing of it.
//! - What `save` or `accept` answered with success survives the process and the power.
//! - Events are only ever added; each has a hash that follows from the one before it of its watch (`chain.rs` says how). Messages stay until delivered.
//! - Nothing secret is ever given to it.

mod chain;
pub mod sqlite;
mod stored;

use std::collections::BTreeMap;

use crate::domain::Timestamp;
use crate::domain::event::{Actor, Event};
use crate::domain::message::{Message, Outgoing};
use crate::domain::record::Record;
use crate::domain::report::Command;
use crate::domain::trail::{Proof, Row};

/// Everything one pass writes down about one watch.
#[derive(Debug, Clone)]
pub struct Change {
    /// The watch's id.
    pub watch: String,
    /// Its new record; none where only the rest is written.
    pub record: Option<Record>,
    /// What happened.
    pub events: Vec<Event>,
    /// What is to be told, with the notifier it is for.
    pub messages: Vec<(String, Message)>,
    /// The commands that are absorbed with it.
    pub absorbed: Vec<i64>,
}

/// Which events to read, newest first.
#[derive(Debug, Clone, Default)]
pub struct EventQuery {
    /// Of one watch; else of all.
    pub watch: Option<String>,
    /// Older than this row.
    pub before: Option<i64>,
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

/// The state of the outbox, for people and metrics.
#[derive(Debug, Clone, Default)]
pub struct OutboxState {
    /// When the oldest undelivered message came to be.
    pub oldest: Option<Timestamp>,
    /// When the next undelivered message is due.
    pub next: Option<Timestamp>,
    /// When each notifier last delivered.
    pub last_delivered: BTreeMap<String, Timestamp>,
    /// Undelivered messages by notifier.
    pub waiting: BTreeMap<String, u64>,
}

/// What each discovery has found, as text, by discovery and watch.
pub type Places = BTreeMap<String, BTreeMap<String, String>>;

/// A row that this version could not read; it is kept, apart from the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptApart {
    /// `record`, `command` or `message`.
    pub kind: String,
    /// The watch, or the notifier of a message.
    pub name: String,
    /// Why it could not be read.
    pub why: String,
}

impl std::fmt::Display for KeptApart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, name, why } = self;
        let goes_on = match kind.as_str() {
            "record" => "the watch begins anew from what its source shows",
            "command" => "give the command again",
            _ => "the message is not sent",
        };
        write!(
            f,
            "a {kind} of {name:?} in the store could not be read ({why}); it is kept apart in the store's table unreadable, and {goes_on}"
        )
    }
}

/// Why the journal could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store refused or failed.
    #[error("cannot {act} the store {place}")]
    Store {
        /// What was tried.
        act: &'static str,
        /// Where the store is.
        place: String,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The operating system keeps this user from it.
    #[error(
        "this user may not {act} the store {place}: {cause}; run certsteward as the user it belongs to (systemctl start certsteward does), or give that user the file, {place}.lock and their folder"
    )]
    Denied {
        /// What was tried.
        act: &'static str,
        /// Where the store is.
        place: String,
        /// What the operating system said.
        cause: String,
    },
    /// The store was written by a newer certsteward.
    #[error(
        "the store {place} was written by a newer certsteward (schema {found}, this one knows {known}); use that version, or move the file away to begin anew"
    )]
    Newer {
        /// Where the store is.
        place: String,
        /// Its schema version.
        found: i64,
        /// The newest this version knows.
        known: i64,
    },
    /// Another certsteward uses the store.
    #[error("another certsteward uses the store {place}; stop it first (one daemon per store)")]
    InUse {
        /// Where the store is.
        place: String,
    },
}

/// The store.
#[async_trait::async_trait]
pub trait Journal: Send + Sync {
    /// Every record, by watch.
    async fn records(&self) -> Result<BTreeMap<String, Record>, JournalError>;
    /// Writes one change.
    async fn save(&self, change: Change) -> Result<(), JournalError>;
    /// Writes several changes; where the store can, all of them at once or none.
    async fn save_all(&self, changes: Vec<Change>) -> Result<(), JournalError> {
        for change in changes {
            self.save(change).await?;
        }
        Ok(())
    }
    /// What each discovery has found, as text, by discovery and watch; nothing where the store does not keep it.
    async fn places(&self) -> Result<Places, JournalError> {
        Ok(Places::new())
    }
    /// Keeps what a discovery has found: the place of each of these watches, or that there is none any more.
    async fn keep_places(
        &self,
        _discovery: &str,
        _places: Vec<(String, Option<String>)>,
    ) -> Result<(), JournalError> {
        Ok(())
    }
    /// Forgets the record of a watch that is no longer configured; its events stay.
    async fn forget(&self, watch: &str) -> Result<(), JournalError>;
    /// Stores a command and gives its id.
    async fn accept(&self, command: Command) -> Result<i64, JournalError>;
    /// The commands not yet absorbed, oldest first.
    async fn commands(&self) -> Result<Vec<Command>, JournalError>;
    /// Events with their row number, newest first.
    async fn events(&self, query: EventQuery) -> Result<Vec<(i64, Event)>, JournalError>;
    /// Events as they are kept, with their hashes, newest first.
    async fn rows(&self, query: EventQuery) -> Result<Vec<Row>, JournalError>;
    /// Checks the chain of one watch, or of all, and that these kept hashes are still part of it.
    async fn verify(&self, watch: Option<String>, heads: Vec<String>) -> Result<Proof, JournalError>;
    /// Messages that are due, oldest first.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Outgoing>, JournalError>;
    /// A message was delivered.
    async fn delivered(&self, id: i64, at: Timestamp) -> Result<(), JournalError>;
    /// A message could not be delivered; it stays, to be tried at `next`.
    async fn postponed(&self, id: i64, next: Timestamp, why: &str) -> Result<(), JournalError>;
    /// A message was not tried, because its notifier rests or is not there; it stays, to be tried at `next`.
    async fn rested(&self, id: i64, next: Timestamp, why: &str) -> Result<(), JournalError>;
    /// The state of the outbox.
    async fn outbox(&self) -> Result<OutboxState, JournalError>;
    /// Since when and by whom acts are paused everywhere.
    async fn paused(&self) -> Result<Option<(Timestamp, Actor)>, JournalError>;
    /// The rows that were put apart since this was last asked, because they could not be read.
    fn take_kept_apart(&self) -> Vec<KeptApart>;
    /// Pauses acts everywhere, or ends the pause.
    async fn set_paused(&self, paused: Option<(Timestamp, Actor)>) -> Result<(), JournalError>;
    /// Writes down that a daemon lives at this moment, and that so many bytes more could be written beside it: a store that
    /// is full may still take a few.
    async fn touch(&self, _at: Timestamp, _room: usize) -> Result<(), JournalError> {
        Ok(())
    }
}
