//! The table of events: rows are added at its end, read, and checked against each other.
//! It changes and removes none.

use rusqlite::{Connection, OptionalExtension as _, Row as Found, Transaction, params};

use super::rows::{actor, actor_name, event};
use crate::domain::Timestamp;
use crate::domain::event::{Actor, Event, EventKind};
use crate::domain::trail::{Proof, Row};
use crate::journal::stored::{from_text, moment, read_moment, to_text};
use crate::journal::{EventQuery, chain};

/// Adds an event at the end of its watch's chain.
pub(super) fn add(transaction: &Connection, event: &Event) -> rusqlite::Result<()> {
    let previous: Option<String> = transaction
        .prepare_cached("SELECT hash FROM events WHERE watch = ?1 ORDER BY id DESC LIMIT 1")?
        .query_row([&event.watch], |row| row.get(0))
        .optional()?;
    let row = chain::row(event, newest(transaction)? + 1, previous.unwrap_or_default());
    let mut insert = transaction.prepare_cached(
        "INSERT INTO events (id, watch, at, actor, kind, text, facts, previous, hash) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    insert
        .execute(params![
            row.number,
            row.watch,
            moment(event.at),
            actor_name(&event.actor),
            row.kind,
            row.text,
            to_text(&event.facts),
            row.previous,
            row.hash
        ])
        .map(drop)
}

/// The number that was given last. SQLite keeps it beside the table too, where it outlives the row.
fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0), \
                        coalesce((SELECT max(id) FROM events), 0))",
        )?
        .query_row([], |row| row.get(0))
}

/// The events that are asked for, as this version understands them.
pub(super) fn events(connection: &Connection, query: &EventQuery) -> rusqlite::Result<Vec<(i64, Event)>> {
    select(connection, query, |row| Ok(event(row)?.ok().map(|event| (row.get(0), event))))?
        .into_iter()
        .map(|(number, event)| Ok((number?, event)))
        .collect()
}

/// The rows that are asked for, as they stand.
pub(super) fn rows(connection: &Connection, query: &EventQuery) -> rusqlite::Result<Vec<Row>> {
    select(connection, query, |found| as_kept(found).map(Some))
}

fn select<T>(
    connection: &Connection,
    query: &EventQuery,
    read: impl Fn(&Found<'_>) -> rusqlite::Result<Option<T>>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, watch, at, actor, kind, text, facts, previous, hash FROM events \
         WHERE (?1 IS NULL OR watch = ?1) AND (?2 IS NULL OR id < ?2) AND (?3 IS NULL OR at >= ?3) \
         ORDER BY id DESC",
    )?;
    let mut found = statement.query(params![query.watch, query.before, query.since.map(moment)])?;
    let mut read_so_far = Vec::new();
    while let Some(row) = found.next()? {
        if read_so_far.len() >= query.limit {
            break;
        }
        read_so_far.extend(read(row)?);
    }
    Ok(read_so_far)
}

/// A row as it stands; what cannot be read in it is shown as it is, so that its hash tells.
fn as_kept(found: &Found<'_>) -> rusqlite::Result<Row> {
    let (at, facts): (String, String) = (found.get(2)?, found.get(6)?);
    Ok(Row {
        number: found.get(0)?,
        watch: found.get(1)?,
        at: read_moment(&at).map_or(at, chain::moment),
        actor: actor(found.get(3)?).to_string(),
        kind: found.get(4)?,
        text: found.get(5)?,
        facts: from_text(&facts).unwrap_or_else(|_| vec![("unreadable".to_owned(), facts)]),
        previous: found.get(7)?,
        hash: found.get(8)?,
    })
}

/// Checks that every row, or every row of one watch, is as it was written and follows from the one before it.
pub(super) fn verify(
    connection: &Connection,
    watch: Option<&str>,
    heads: &[String],
) -> rusqlite::Result<Proof> {
    // Read first: rows that are added meanwhile only make the table longer than that.
    let newest = newest(connection)?;
    let mut check = chain::Check::new(watch.is_none(), heads);
    let mut statement = connection.prepare(
        "SELECT id, watch, at, actor, kind, text, facts, previous, hash FROM events \
         WHERE ?1 IS NULL OR watch = ?1 ORDER BY id",
    )?;
    let mut found = statement.query([watch])?;
    while let Some(row) = found.next()? {
        check.see(&as_kept(row)?);
    }
    Ok(check.end(Some(newest)))
}

/// Chains the rows that an older version wrote without hashes, and says so at the end of each chain.
pub(super) fn chain_afterwards(transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let watches: Vec<String> =
        super::rows::rows(transaction, "SELECT DISTINCT watch FROM events ORDER BY watch", |row| row.get(0))?;
    for watch in watches {
        let count = chain_watch(transaction, &watch)?;
        let before = if count == 1 {
            "the event before got its hash only now, so nothing proves what became of it until now".to_owned()
        } else {
            format!(
                "the {count} events before got their hashes only now, so nothing proves what became of them until now"
            )
        };
        let text = format!("the history is chained from here on; {before}");
        let facts = vec![("events".to_owned(), count.to_string())];
        add(
            transaction,
            &Event { watch, at: now, actor: Actor::Daemon, kind: EventKind::Chained, text, facts },
        )?;
    }
    Ok(())
}

fn chain_watch(transaction: &Transaction<'_>, watch: &str) -> rusqlite::Result<u64> {
    let mut statement = transaction.prepare(
        "SELECT id, watch, at, actor, kind, text, facts, previous, hash FROM events WHERE watch = ?1 ORDER BY id",
    )?;
    let mut update = transaction.prepare("UPDATE events SET previous = ?2, hash = ?3 WHERE id = ?1")?;
    let rows: Vec<Row> = statement.query_map([watch], as_kept)?.collect::<rusqlite::Result<_>>()?;
    let (mut previous, mut count) = (String::new(), 0);
    for mut row in rows {
        row.previous = previous;
        row.hash = chain::hash(&row);
        update.execute(params![row.number, row.previous, row.hash])?;
        previous = row.hash;
        count += 1;
    }
    Ok(count)
}
