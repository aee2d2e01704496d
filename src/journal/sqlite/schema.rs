//! The tables, as a list of steps from an empty file to today; `PRAGMA user_version` counts the steps taken.
//! It never goes back: a store of a newer version is refused.

use rusqlite::{Connection, TransactionBehavior};

/// What each step adds. A released step is never edited; a change is a new step.
const STEPS: &[&str] = &[FIRST];

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
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let taken = usize::try_from(version(connection)?).unwrap_or(0);
    for (at, step) in STEPS.iter().enumerate().skip(taken) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", i64::try_from(at + 1).unwrap_or(i64::MAX))?;
        transaction.commit()?;
    }
    Ok(())
}

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
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection).unwrap(), newest());
        migrate(&mut connection).unwrap();
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
