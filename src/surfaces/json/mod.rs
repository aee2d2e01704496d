//! The snapshot as JSON: what the API answers and what the pages are made of, so that both say the same.
//! It holds no token of a hand-off and nothing else that is secret.

mod certificates;
mod watch;

use serde_json::{Value, json};

pub(super) use certificates::{certificate, probed};
pub(super) use watch::{hand_off, watch};

use super::shown;
use crate::domain::Timestamp;
use crate::domain::event::Event;
use crate::domain::finding::{Finding, Level};
use crate::domain::plan;
use crate::domain::reason::Unseen;
use crate::domain::snapshot::{DiscoveryView, Snapshot, WatchView};
use crate::domain::trail::{Break, Links, Proof, Row, WAY_OUT};

/// A moment as text: RFC 3339 in UTC, to the second.
pub(super) fn moment(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

pub(super) fn moment_or_null(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| moment(at).into())
}

/// One watch at a glance.
pub(super) fn glance(view: &WatchView) -> Value {
    let (watch, record) = (&view.watch, &view.record);
    let leaf = record.in_force.as_ref().map(|standing| &standing.chain.leaf);
    json!({
        "id": watch.id,
        "labels": watch.labels,
        "mode": watch.mode.word(),
        "level": shown::level(view).code(),
        "step": view.step.word(),
        "source": {
            "kind": watch.source.kind,
            "connection": watch.source.connection,
            "place": watch.source.place,
            "destination": watch.source.destination,
        },
        "found_by": watch.found_by,
        "common_name": leaf.map(|leaf| leaf.common_name()),
        "expires": moment_or_null(leaf.map(|leaf| leaf.not_after)),
        "deadline": moment_or_null(view.moments.map(|moments| moments.deadline)),
        "due": moment_or_null(view.due),
        "seen_at": moment_or_null(view.seen_at),
        "unseen": record.unseen.as_ref().map(|(since, why)| unseen(*since, why)),
        "next": next(view),
        "findings": view.findings.iter().map(finding).collect::<Vec<_>>(),
        "paused": record.paused.as_ref().map(|(at, by)| json!({
            "since": moment(*at), "by": by.to_string(), "comment": record.paused_why,
        })),
        "silenced_until": moment_or_null(record.silenced_until),
        "open_hand_offs": shown::hand_offs(view).len(),
        "pending_approvals": record.pending.keys().collect::<Vec<_>>(),
    })
}

/// What comes next and when. What waits for a person or is paused has no moment: the next look is not when it happens.
fn next(view: &WatchView) -> Value {
    let plan = view.plan();
    let line = plan.lines.iter().find(|line| line.what != plan::LOOK && line.what != plan::STOP);
    let Some(line) = line else {
        return view.next.map_or(Value::Null, |at| json!({"at": moment(at), "what": null, "held_by": []}));
    };
    let is_act = plan.act.as_ref().is_some_and(|act| act.sentence() == line.what);
    let held_by: Vec<&str> = plan.held.iter().filter(|_| is_act).map(|held| held.gate).collect();
    let waits = !held_by.is_empty() || line.what.starts_with(plan::PERSON) || line.what == plan::PAUSED;
    let at = line.at.or_else(|| view.next.filter(|_| !waits));
    json!({"at": moment_or_null(at), "what": line.what, "held_by": held_by})
}

fn finding(finding: &Finding) -> Value {
    json!({
        "code": finding.code.code(),
        "level": finding.level.code(),
        "about": finding.about,
        "text": finding.text,
        "way_out": finding.way_out,
    })
}

fn unseen(since: Timestamp, why: &Unseen) -> Value {
    json!({"since": moment(since), "reason": why.reason.code(), "text": why.text})
}

/// One event with its number.
pub(super) fn event(number: i64, event: &Event) -> Value {
    let facts: serde_json::Map<String, Value> =
        event.facts.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    json!({
        "id": number,
        "watch": event.watch,
        "at": moment(event.at),
        "actor": event.actor.to_string(),
        "kind": event.kind.code(),
        "text": event.text,
        "facts": facts,
    })
}

/// One row of the history. Whoever checks its hash takes every member but `hash`, so none is added without need.
pub(super) fn row(row: &Row) -> Value {
    let facts: serde_json::Map<String, Value> =
        row.facts.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    json!({
        "id": row.number,
        "watch": row.watch,
        "at": row.at,
        "actor": row.actor,
        "kind": row.kind,
        "text": row.text,
        "facts": facts,
        "previous": row.previous,
        "hash": row.hash,
    })
}

/// What a check of the history showed.
pub(super) fn proof(proof: &Proof) -> Value {
    let chain = |links: &Links| {
        json!({
            "watch": links.watch,
            "rows": links.rows,
            "first": links.first,
            "last": links.last,
            "last_at": links.last_at,
            "head": links.head,
            "chained_afterwards": links.chained_afterwards,
        })
    };
    let broken = |found: &Break| json!({"watch": found.watch, "row": found.row, "text": found.text, "way_out": WAY_OUT});
    json!({
        "proven": proof.holds(),
        "chains": proof.chains.iter().map(chain).collect::<Vec<_>>(),
        "breaks": proof.breaks.iter().map(broken).collect::<Vec<_>>(),
        "broken": proof.broken,
        "found": proof.found.iter().map(|(hash, row)| json!({"head": hash, "row": row})).collect::<Vec<_>>(),
    })
}

/// How many watches there are of each level, most serious first.
pub(super) fn tally(snapshot: &Snapshot) -> Value {
    let mut tally = serde_json::Map::new();
    for level in Level::ALL.iter().rev() {
        let count = snapshot.watches.values().filter(|view| shown::level(view) == *level).count();
        tally.insert(level.code().to_owned(), count.into());
    }
    tally.into()
}

/// The daemon itself.
pub(super) fn status(snapshot: &Snapshot, ready: bool) -> Value {
    let daemon = &snapshot.daemon;
    let credentials: Vec<Value> = daemon
        .credentials
        .iter()
        .map(|(connection, at)| json!({"connection": connection, "expires": moment(*at)}))
        .collect();
    let notifiers: Vec<Value> = daemon
        .notifiers
        .iter()
        .map(|(id, at)| json!({"id": id, "last_success": moment_or_null(*at)}))
        .collect();
    let discoveries: Vec<Value> = daemon.discoveries.iter().map(|(id, view)| discovery(id, view)).collect();
    let vanished: Vec<Value> =
        daemon.vanished.iter().map(|(id, at)| json!({"id": id, "since": moment(*at)})).collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "ready": ready,
        "at": moment(snapshot.at),
        "started": moment_or_null(daemon.started),
        "watches": snapshot.watches.len(),
        "levels": tally(snapshot),
        "paused": daemon.paused.as_ref().map(|(at, by)| json!({"since": moment(*at), "by": by})),
        "last_pass": moment_or_null(daemon.last_pass),
        "next_pass": moment_or_null(snapshot.watches.values().filter_map(|view| view.next).min()),
        "last_reload": daemon.last_reload.as_ref().map(|(at, succeeded, text)| {
            json!({"at": moment(*at), "succeeded": succeeded, "text": text})
        }),
        "store": {
            "writable": daemon.store.failing.is_none(),
            "failing": daemon.store.failing.as_ref().map(|(at, why)| json!({"since": moment(*at), "text": why})),
            "last_success": moment_or_null(daemon.store.last_success),
        },
        "outbox_oldest": moment_or_null(daemon.outbox_oldest),
        "notifiers": notifiers,
        "credentials": credentials,
        "discoveries": discoveries,
        "vanished": vanished,
    })
}

fn discovery(id: &str, view: &DiscoveryView) -> Value {
    let unseen = view.unseen.as_ref().map(|(since, why)| {
        let texts: Vec<&str> = why.iter().map(|why| why.text.as_str()).collect();
        let reason = why.first().map(|why| why.reason.code());
        json!({"since": moment(*since), "reason": reason, "text": texts.join("; ")})
    });
    json!({
        "id": id,
        "type": view.kind,
        "watches": view.watches,
        "looked": view.looked,
        "seen_at": moment_or_null(view.seen_at),
        "unseen": unseen,
        "left_out": view.left_out,
    })
}
