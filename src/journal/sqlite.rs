//! The journal in one SQLite file, or in memory for trying and testing.
//! It computes nothing; it is the store of one host.

mod group;
mod history;
mod open;
mod places;
mod rows;
mod schema;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::Flock;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

pub use super::KeptApart;
use super::stored::{Unreadable, from_text, moment, read_moment, to_text};
use super::{Change, EventQuery, Journal, JournalError, OutboxState, Places};
use crate::domain::event::{Actor, Event};
use crate::domain::message::Outgoing;
use crate::domain::record::Record;
use crate::domain::report::Command;
use crate::domain::trail::{Proof, Row};
use crate::domain::{Duration, Timestamp};
pub use open::SetAside;
use rows::{COMMAND, MESSAGE, RECORD, WaitingCommand, actor_name, due_rows, keep_apart, rows};

/// The journal in SQLite.
#[derive(Clone)]
pub struct Sqlite {
    store: Arc<Store>,
}

struct Store {
    connection: Mutex<Connection>,
    place: String,
    /// The file, where it is one that others can open beside us.
    file: Option<PathBuf>,
    group: group::Group,
    /// The rows put apart since that was last asked.
    apart: Mutex<Vec<KeptApart>>,
    _lock: Option<Flock<File>>,
}

impl Sqlite {
    /// Opens the store for this daemon alone, and forgets deliveries older than 30 days.
    ///
    /// A file that is corrupt is set aside and a fresh one begun: the caller says so.
    ///
    /// # Errors
    /// [`JournalError::InUse`] while another daemon has it, [`JournalError::Newer`] where a newer version wrote it.
    pub fn open(path: &Path, now: Timestamp) -> Result<(Self, Option<SetAside>), JournalError> {
        let opened = open::exclusive(path, now)?;
        // What cannot be pruned now, because the disk is full, is pruned at a later start: the daemon says so better than no daemon.
        let _later = prune(&opened.connection, now - KEPT);
        Ok((Self::new(opened.connection, Some(path), Some(opened.lock)), opened.set_aside))
    }

    /// Opens the store for reading, beside a running daemon or without one. Everything that writes fails.
    ///
    /// # Errors
    /// Where there is none, or it is of another version.
    pub fn open_read_only(path: &Path) -> Result<Self, JournalError> {
        Ok(Self::new(open::read_only(path)?, Some(path), None))
    }

    /// A store that ends with the process.
    ///
    /// # Errors
    /// Where SQLite itself fails.
    pub fn in_memory() -> Result<Self, JournalError> {
        let place = Path::new(":memory:");
        let begun = Connection::open_in_memory().and_then(|mut connection| {
            // Nothing stands in it that could be chained afterwards, so the moment is of no interest.
            open::prepare(&mut connection, Timestamp::UNIX_EPOCH)?;
            Ok(connection)
        });
        let connection = begun.map_err(|error| open::failed(place, "begin", error))?;
        Ok(Self::new(connection, None, None))
    }

    /// The rows that could not be read, oldest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn kept_apart(&self) -> Result<Vec<KeptApart>, JournalError> {
        self.run("read", |connection| {
            let mut statement = connection.prepare("SELECT kind, name, why FROM unreadable ORDER BY id")?;
            statement
                .query_map([], |row| {
                    Ok(KeptApart { kind: row.get(0)?, name: row.get(1)?, why: row.get(2)? })
                })?
                .collect()
        })
        .await
    }

    fn new(connection: Connection, file: Option<&Path>, lock: Option<Flock<File>>) -> Self {
        let place = file.unwrap_or(Path::new(":memory:")).display().to_string();
        Self {
            store: Arc::new(Store {
                connection: Mutex::new(connection),
                group: group::Group::default(),
                place,
                file: file.map(Path::to_owned),
                apart: Mutex::default(),
                _lock: lock,
            }),
        }
    }

    /// Runs blocking work off the async threads; it is carried through even where the caller goes away.
    async fn run<T, F>(&self, act: &'static str, work: F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let store = Arc::clone(&self.store);
        let place = self.store.place.clone();
        let ended = tokio::task::spawn_blocking(move || {
            work(&mut store.connection.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await;
        match ended {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(JournalError::Store { act, place, cause: error.into() }),
            Err(error) => Err(JournalError::Store { act, place, cause: error.into() }),
        }
    }

    /// Remembers what was put apart while this was read.
    fn without<T>(&self, (value, apart): (T, Vec<KeptApart>)) -> T {
        self.store.apart.lock().unwrap_or_else(PoisonError::into_inner).extend(apart);
        value
    }

    /// An undelivered message is due later, so many tries on.
    async fn later(&self, id: i64, next: Timestamp, why: &str, tries: i64) -> Result<(), JournalError> {
        let why = why.to_owned();
        self.write(move |transaction| {
            transaction
                .execute(
                    "UPDATE outbox SET next = ?2, tries = tries + ?4, why = ?3 WHERE id = ?1 AND delivered_at IS NULL",
                    params![id, moment(next), why, tries],
                )
                .map(drop)
        })
        .await
    }

    /// As `run`, inside one transaction: all of it or nothing.
    async fn write<T, F>(&self, work: F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.run("write to", |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
        .await
    }
}

#[async_trait::async_trait]
impl Journal for Sqlite {
    async fn records(&self) -> Result<BTreeMap<String, Record>, JournalError> {
        let read = self
            .run("read", |connection| {
                let bodies = rows(connection, "SELECT watch, body FROM records ORDER BY watch", |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
                })?;
                let mut apart = Vec::new();
                let mut records = BTreeMap::new();
                for (watch, body) in bodies {
                    match from_text(&body) {
                        Ok(record) => drop(records.insert(watch, record)),
                        Err(why) => apart.extend(keep_apart(connection, &RECORD, &watch, &watch, &why)?),
                    }
                }
                Ok((records, apart))
            })
            .await?;
        Ok(self.without(read))
    }

    async fn save(&self, change: Change) -> Result<(), JournalError> {
        self.store.save(change).await
    }

    async fn save_all(&self, changes: Vec<Change>) -> Result<(), JournalError> {
        let texts: Vec<Option<String>> =
            changes.iter().map(|change| change.record.as_ref().map(to_text)).collect();
        self.write(move |transaction| {
            let mut all = changes.iter().zip(&texts);
            all.try_for_each(|(change, record)| save(transaction, change, record.as_deref()))
        })
        .await
    }

    async fn places(&self) -> Result<Places, JournalError> {
        self.run("read", places::read).await
    }

    async fn keep_places(
        &self,
        discovery: &str,
        places: Vec<(String, Option<String>)>,
    ) -> Result<(), JournalError> {
        let discovery = discovery.to_owned();
        self.write(move |transaction| places::keep(transaction, &discovery, &places)).await
    }

    async fn forget(&self, watch: &str) -> Result<(), JournalError> {
        let watch = watch.to_owned();
        self.write(move |transaction| {
            transaction.execute("DELETE FROM records WHERE watch = ?1", [watch]).map(drop)
        })
        .await
    }

    async fn accept(&self, command: Command) -> Result<i64, JournalError> {
        self.write(move |transaction| {
            transaction.execute(
                "INSERT INTO commands (watch, at, actor, verb, comment, ticket) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    command.watch,
                    moment(command.at),
                    actor_name(&command.actor),
                    to_text(&command.verb),
                    command.comment,
                    command.ticket
                ],
            )?;
            Ok(transaction.last_insert_rowid())
        })
        .await
    }

    async fn commands(&self) -> Result<Vec<Command>, JournalError> {
        const QUERY: &str =
            "SELECT id, watch, at, actor, verb, comment, ticket FROM commands WHERE absorbed = 0 ORDER BY id";
        let read = self
            .run("read", |connection| {
                let mut apart = Vec::new();
                let mut commands = Vec::new();
                for row in rows(connection, QUERY, WaitingCommand::read)? {
                    match row.command() {
                        Ok(command) => commands.push(command),
                        Err(why) => {
                            apart.extend(keep_apart(connection, &COMMAND, &row.id, &row.watch, &why)?)
                        }
                    }
                }
                Ok((commands, apart))
            })
            .await?;
        Ok(self.without(read))
    }

    async fn events(&self, query: EventQuery) -> Result<Vec<(i64, Event)>, JournalError> {
        self.run("read", move |connection| history::events(connection, &query)).await
    }

    async fn rows(&self, query: EventQuery) -> Result<Vec<Row>, JournalError> {
        self.run("read", move |connection| history::rows(connection, &query)).await
    }

    async fn verify(&self, watch: Option<String>, heads: Vec<String>) -> Result<Proof, JournalError> {
        let apart = self.store.file.as_deref().map(Self::open_read_only).transpose()?;
        let reader = apart.as_ref().unwrap_or(self);
        reader.run("read", move |connection| history::verify(connection, watch.as_deref(), &heads)).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Outgoing>, JournalError> {
        let read = self
            .run("read", move |connection| {
                let mut apart = Vec::new();
                let mut due = Vec::new();
                for row in due_rows(connection, now, limit)? {
                    match row.outgoing() {
                        Ok(outgoing) => due.push(outgoing),
                        Err(why) => {
                            apart.extend(keep_apart(connection, &MESSAGE, &row.id, &row.notifier, &why)?)
                        }
                    }
                }
                Ok((due, apart))
            })
            .await?;
        Ok(self.without(read))
    }

    async fn delivered(&self, id: i64, at: Timestamp) -> Result<(), JournalError> {
        self.write(move |transaction| {
            transaction
                .execute(
                    "UPDATE outbox SET delivered_at = ?2, tries = tries + 1, why = NULL WHERE id = ?1",
                    params![id, moment(at)],
                )
                .map(drop)
        })
        .await
    }

    async fn postponed(&self, id: i64, next: Timestamp, why: &str) -> Result<(), JournalError> {
        self.later(id, next, why, 1).await
    }

    async fn rested(&self, id: i64, next: Timestamp, why: &str) -> Result<(), JournalError> {
        self.later(id, next, why, 0).await
    }

    async fn outbox(&self) -> Result<OutboxState, JournalError> {
        self.run("read", |connection| outbox(connection)).await
    }

    async fn paused(&self) -> Result<Option<(Timestamp, Actor)>, JournalError> {
        self.run("read", |connection| {
            let found: Option<String> = connection
                .query_row("SELECT value FROM meta WHERE name = 'paused'", [], |row| row.get(0))
                .optional()?;
            found.map(|body| from_text(&body).map_err(not_ours)).transpose()
        })
        .await
    }

    async fn touch(&self, at: Timestamp, room: usize) -> Result<(), JournalError> {
        self.write(move |transaction| {
            set_meta(transaction, "touched", &moment(at))?;
            prune_daily(transaction, at)?;
            if room > 0 { set_meta(transaction, "room", &"-".repeat(room)) } else { Ok(()) }
        })
        .await?;
        if room > 0 {
            // The pages stay in the file, free: what is saved next finds them there.
            self.write(|transaction| {
                transaction.execute("DELETE FROM meta WHERE name = 'room'", []).map(drop)
            })
            .await?;
        }
        Ok(())
    }

    fn take_kept_apart(&self) -> Vec<KeptApart> {
        std::mem::take(&mut *self.store.apart.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn set_paused(&self, paused: Option<(Timestamp, Actor)>) -> Result<(), JournalError> {
        self.write(move |transaction| match paused {
            Some(pause) => set_meta(transaction, "paused", &to_text(&pause)),
            None => transaction.execute("DELETE FROM meta WHERE name = 'paused'", []).map(drop),
        })
        .await
    }
}

fn set_meta(transaction: &Transaction<'_>, name: &str, value: &str) -> rusqlite::Result<()> {
    transaction
        .execute(
            "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [name, value],
        )
        .map(drop)
}

/// Writes a change whose record was brought into its stored form before.
fn save(transaction: &Connection, change: &Change, record: Option<&str>) -> rusqlite::Result<()> {
    if let Some(body) = record {
        let mut upsert = transaction.prepare_cached(
            "INSERT INTO records (watch, version, body) VALUES (?1, ?2, ?3) \
             ON CONFLICT (watch) DO UPDATE SET version = excluded.version, body = excluded.body",
        )?;
        upsert.execute(params![change.watch, BODY_VERSION, body])?;
    }
    for event in &change.events {
        history::add(transaction, event)?;
    }
    for (notifier, message) in &change.messages {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO outbox (notifier, message, created, next) VALUES (?1, ?2, ?3, ?3)",
        )?;
        insert.execute(params![notifier, to_text(message), moment(message.at)])?;
    }
    for id in &change.absorbed {
        transaction.execute("UPDATE commands SET absorbed = 1 WHERE id = ?1", [id])?;
    }
    Ok(())
}

fn outbox(connection: &Connection) -> rusqlite::Result<OutboxState> {
    const LAST: &str =
        "SELECT notifier, max(delivered_at) FROM outbox WHERE delivered_at IS NOT NULL GROUP BY notifier";
    const WAITING: &str =
        "SELECT notifier, count(*) FROM outbox WHERE delivered_at IS NULL GROUP BY notifier";
    let (oldest, next) = connection.query_row(
        "SELECT min(created), min(next) FROM outbox WHERE delivered_at IS NULL",
        [],
        |row| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Option<String>>(1)?)),
    )?;
    let read = |text: Option<String>| text.map(|at| read_moment(&at).map_err(not_ours)).transpose();
    let mut last_delivered = BTreeMap::new();
    for (notifier, at) in rows(connection, LAST, |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))? {
        last_delivered.insert(notifier, read_moment(&at).map_err(not_ours)?);
    }
    let waiting = rows(connection, WAITING, |row| {
        Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default()))
    })?;
    Ok(OutboxState {
        oldest: read(oldest)?,
        next: read(next)?,
        last_delivered,
        waiting: waiting.into_iter().collect(),
    })
}

/// Prunes once a day: a daemon may run for years, and whoever holds a link can give commands without end.
fn prune_daily(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let today = now.date_naive().to_string();
    let mut read = connection.prepare_cached("SELECT value FROM meta WHERE name = 'pruned'")?;
    let last: Option<String> = read.query_row([], |row| row.get(0)).optional()?;
    if last.as_deref() == Some(&today) {
        return Ok(());
    }
    prune(connection, now - KEPT)?;
    connection
        .execute("DELETE FROM commands WHERE absorbed = 1 AND at < ?1", [moment(now - COMMANDS_KEPT)])?;
    connection
        .execute(
            "INSERT INTO meta (name, value) VALUES ('pruned', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [today],
        )
        .map(drop)
}

/// Removes old deliveries, but the last of each notifier: it shows when that one last worked.
fn prune(connection: &Connection, before: Timestamp) -> rusqlite::Result<()> {
    connection
        .execute(
            "DELETE FROM outbox WHERE delivered_at < ?1 AND id NOT IN ( \
               SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY notifier ORDER BY delivered_at DESC) AS place \
               FROM outbox WHERE delivered_at IS NOT NULL) WHERE place = 1)",
            [moment(before)],
        )
        .map(drop)
}

fn not_ours(why: Unreadable) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, why.into())
}

/// How long commands that were obeyed are kept; the history keeps what they did.
const COMMANDS_KEPT: Duration = Duration::days(1);

/// How long delivered messages are kept.
const KEPT: Duration = Duration::days(30);

/// The version of a record's body, for the eyes of a later migration.
const BODY_VERSION: i64 = 1;
