//! The tables, as a list of steps from an empty file to today; `PRAGMA user_version` counts the steps taken.
//! It never goes back: a store of a newer version is refused.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::history;
use crate::domain::Timestamp;

/// One step; it may say when it was taken.
type Step = fn(&Transaction<'_>, Timestamp) -> rusqlite::Result<()>;

/// What each step adds. A released step is never edited; a change is a new step.
const STEPS: &[Step] = &[
    |transaction, _| transaction.execute_batch(FIRST),
    chain,
    |transaction, _| transaction.execute_batch(PLACES),
];

/// The newest version this certsteward knows.
pub(super) fn newest() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// The version of the store: the number of steps it has taken.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Whether a file without our version holds somebody else's tables.
pub(super) fn is_foreign(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    Ok(version(connection)? == 0 && tables > 0)
}

/// Takes the steps that are missing, each in its own transaction.
pub(super) fn migrate(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<()> {
    let taken = usize::try_from(version(connection)?).unwrap_or(0);
    for (at, step) in STEPS.iter().enumerate().skip(taken) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step(&transaction, now)?;
        transaction.pragma_update(None, "user_version", i64::try_from(at + 1).unwrap_or(i64::MAX))?;
        transaction.commit()?;
    }
    Ok(())
}

/// Events get their hashes; what stands there already is chained and marked, then nothing is changed or removed any more.
fn chain(transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    transaction.execute_batch(HASHES)?;
    history::chain_afterwards(transaction, now)?;
    transaction.execute_batch(ONLY_ADDED)
}

const HASHES: &str = "
ALTER TABLE events ADD COLUMN previous TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN hash TEXT NOT NULL DEFAULT '';
";

/// These stop a mistake, not an intruder: whoever can write the file can drop them. The hashes tell what was done then.
const ONLY_ADDED: &str = "
CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_are_not_removed BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
CREATE TRIGGER events_are_added_at_the_end BEFORE INSERT ON events
WHEN length(NEW.hash) <> 64 OR NEW.id <= (SELECT max(id) FROM events)
BEGIN SELECT RAISE(ABORT, 'events are only added, at the end and with their hash'); END;
";

const PLACES: &str = "
CREATE TABLE places (
    discovery TEXT NOT NULL,
    watch TEXT NOT NULL,
    place TEXT NOT NULL,
    PRIMARY KEY (discovery, watch)
) STRICT, WITHOUT ROWID;
";

const FIRST: &str = "
CREATE TABLE records (
    watch TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    watch TEXT NOT NULL,
    at TEXT NOT NULL,
    actor TEXT,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    facts TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_watch ON events (watch, id);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    notifier TEXT NOT NULL,
    message TEXT NOT NULL,
    created TEXT NOT NULL,
    next TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    why TEXT,
    delivered_at TEXT
) STRICT;
CREATE INDEX outbox_waiting ON outbox (next) WHERE delivered_at IS NULL;
CREATE INDEX outbox_delivered ON outbox (notifier, delivered_at) WHERE delivered_at IS NOT NULL;
CREATE TABLE commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    watch TEXT NOT NULL,
    at TEXT NOT NULL,
    actor TEXT,
    verb TEXT NOT NULL,
    comment TEXT,
    ticket TEXT,
    absorbed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX commands_waiting ON commands (id) WHERE absorbed = 0;
CREATE TABLE unreadable (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    why TEXT NOT NULL
) STRICT;
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_taken_from_an_empty_store_and_only_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(version(&connection).unwrap(), newest());
        migrate(&mut connection, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(version(&connection).unwrap(), newest());
    }

    #[test]
    fn an_empty_store_is_ours_and_one_with_other_tables_is_not() {
        let connection = Connection::open_in_memory().unwrap();
        assert!(!is_foreign(&connection).unwrap());
        connection.execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
        assert!(is_foreign(&connection).unwrap());
    }
}
