//! Rows as the domain knows them, and where those go that cannot be read.
//! It changes no row but to keep an unreadable one apart.

use std::sync::Arc;

use rusqlite::{Connection, Row, TransactionBehavior, params};

use crate::domain::event::{Actor, Event, EventKind};
use crate::domain::message::{Message, Outgoing};
use crate::domain::report::Command;
use crate::domain::{Duration, Timestamp};
use crate::journal::KeptApart;
use crate::journal::stored::{Stored as _, Unreadable, from_text, moment, read_moment};

/// An event of a kind that only a newer version knows is left out of what is shown; it stays in the store.
pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<Result<Event, Unreadable>> {
    let (at, kind, facts): (String, String, String) = (row.get(2)?, row.get(4)?, row.get(6)?);
    let (watch, actor, text) = (row.get(1)?, actor(row.get(3)?), row.get(5)?);
    let read = || {
        let kind = EventKind::restore(&kind.as_str().into())?;
        Ok(Event { watch, at: read_moment(&at)?, actor, kind, text, facts: from_text(&facts)? })
    };
    Ok(read())
}

pub(super) struct WaitingCommand {
    pub(super) id: i64,
    pub(super) watch: String,
    at: String,
    actor: Option<String>,
    verb: String,
    comment: Option<String>,
    ticket: Option<String>,
}

impl WaitingCommand {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            watch: row.get(1)?,
            at: row.get(2)?,
            actor: row.get(3)?,
            verb: row.get(4)?,
            comment: row.get(5)?,
            ticket: row.get(6)?,
        })
    }

    pub(super) fn command(&self) -> Result<Command, Unreadable> {
        Ok(Command {
            id: self.id,
            watch: self.watch.clone(),
            at: read_moment(&self.at)?,
            actor: actor(self.actor.clone()),
            verb: from_text(&self.verb)?,
            comment: self.comment.clone(),
            ticket: self.ticket.clone(),
        })
    }
}

pub(super) struct DueRow {
    pub(super) id: i64,
    pub(super) notifier: String,
    message: String,
    tries: u32,
    next: String,
}

impl DueRow {
    pub(super) fn outgoing(&self) -> Result<Outgoing, Unreadable> {
        Ok(Outgoing {
            id: self.id,
            notifier: self.notifier.clone(),
            message: Arc::new(from_text::<Message>(&self.message)?),
            tries: self.tries,
            next: read_moment(&self.next)?,
        })
    }
}

/// No message is ever made to wait for longer: one that does was dated by a clock that was ahead.
const LONGEST_WAIT: Duration = Duration::days(2);

pub(super) fn due_rows(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<DueRow>> {
    let mut statement = connection.prepare(
        "SELECT id, notifier, message, tries, next FROM outbox \
         WHERE delivered_at IS NULL AND (next <= ?1 OR next > ?3) ORDER BY created, id LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    statement
        .query_map(params![moment(now), limit, moment(now + LONGEST_WAIT)], |row| {
            Ok(DueRow {
                id: row.get(0)?,
                notifier: row.get(1)?,
                message: row.get(2)?,
                tries: row.get(3)?,
                next: row.get(4)?,
            })
        })?
        .collect()
}

pub(super) fn rows<T>(
    connection: &Connection,
    query: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(query)?.query_map([], read)?.collect()
}

/// The two statements that move one kind of row to where unreadable ones are kept.
pub(super) struct Kind {
    name: &'static str,
    copy: &'static str,
    remove: &'static str,
}

pub(super) const RECORD: Kind = Kind {
    name: "record",
    copy: "INSERT INTO unreadable (kind, name, body, why) SELECT 'record', ?2, body, ?3 FROM records WHERE watch = ?1",
    remove: "DELETE FROM records WHERE watch = ?1",
};
pub(super) const COMMAND: Kind = Kind {
    name: "command",
    copy: "INSERT INTO unreadable (kind, name, body, why) SELECT 'command', ?2, verb, ?3 FROM commands WHERE id = ?1",
    remove: "DELETE FROM commands WHERE id = ?1",
};
pub(super) const MESSAGE: Kind = Kind {
    name: "message",
    copy: "INSERT INTO unreadable (kind, name, body, why) SELECT 'message', ?2, message, ?3 FROM outbox WHERE id = ?1",
    remove: "DELETE FROM outbox WHERE id = ?1",
};

/// Moves a row that cannot be read, so that it neither stops the others nor is overwritten. A reader only leaves it out.
pub(super) fn keep_apart(
    connection: &mut Connection,
    kind: &Kind,
    key: &(impl rusqlite::ToSql + Sync),
    name: &str,
    why: &Unreadable,
) -> rusqlite::Result<Option<KeptApart>> {
    if connection.is_readonly(rusqlite::MAIN_DB)? {
        return Ok(None);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(kind.copy, params![key, name, why.to_string()])?;
    transaction.execute(kind.remove, params![key])?;
    transaction.commit()?;
    Ok(Some(KeptApart { kind: kind.name.to_owned(), name: name.to_owned(), why: why.to_string() }))
}

pub(super) fn actor_name(actor: &Actor) -> Option<&str> {
    match actor {
        Actor::Daemon => None,
        Actor::Named(name) => Some(name),
    }
}

pub(super) fn actor(name: Option<String>) -> Actor {
    name.map_or(Actor::Daemon, Actor::Named)
}
