//! An act's outcome becomes facts: what succeeded, what failed and when it is tried again.
//! It looks at nothing, and decides nothing about what comes next.

use super::{Chronicle, cadence, keep, retire};
use crate::domain::event::{Actor, EventKind};
use crate::domain::reason::{Answer, Failure, Reason};
use crate::domain::record::{Act, Attempts, CallerFacts, Look, Record};
use crate::domain::watch::Watch;
use crate::domain::{Duration, Timestamp};

/// How long a store is given to show what it says it has issued, before it is asked again.
pub(super) const VISIBLE_WITHIN: Duration = Duration::hours(1);

/// Absorbs the outcome of an act.
pub(super) fn acted(
    record: &mut Record,
    watch: &Watch,
    act: Act,
    at: Timestamp,
    outcome: Result<Answer, Failure>,
    chronicle: &mut Chronicle<'_>,
) {
    let begun = record.in_flight.take().map(|begun| begun.1);
    if outcome.as_ref().is_err_and(|failure| !failure.maybe_effective) {
        // What certainly changed nothing is no change, and takes nothing from the day's budget.
        if let Some(place) = record.acts.iter().rposition(|at| Some(*at) == begun) {
            record.acts.remove(place);
        }
    }
    count(record, &act, outcome.is_ok());
    let first = chronicle.events.len();
    let answer = match outcome {
        Ok(answer) => {
            succeeded(record, &act, at, chronicle);
            Some(answer)
        }
        Err(failure) => {
            failed(record, watch, &act, at, &failure, chronicle);
            failure.answer
        }
    };
    chronicle.answered(first, answer.as_ref());
    match act {
        Act::Issue { order, .. } => {
            record.looked.remove("source");
            record.looked.remove(&Look::Entry(order.name).key());
        }
        Act::Switch { caller, .. } | Act::RollBack { caller, .. } => {
            record.looked.remove("source");
            record.looked.remove(&Look::Caller(caller).key());
        }
        Act::Keep { copy, .. } => record.looked.remove(&Look::Entry(copy.to).key()),
        Act::Put { .. } | Act::PutBack { .. } => record.looked.remove("source"),
        Act::Publish { target, .. } => record.looked.remove(&Look::Target(target).key()),
        Act::Try { .. } | Act::Retire { .. } => {}
    }
}

fn count(record: &mut Record, act: &Act, succeeded: bool) {
    let at = usize::from(!succeeded);
    let counter = match act {
        Act::Publish { .. } => &mut record.counts.publications,
        Act::Switch { .. } | Act::Put { .. } => &mut record.counts.switches,
        Act::RollBack { .. } | Act::PutBack { .. } => &mut record.counts.rollbacks,
        Act::Issue { .. } | Act::Keep { .. } | Act::Try { .. } | Act::Retire { .. } => return,
    };
    if let Some(slot) = counter.get_mut(at) {
        *slot += 1;
    }
}

fn succeeded(record: &mut Record, act: &Act, at: Timestamp, chronicle: &mut Chronicle<'_>) {
    record.attempts.remove(&act.id());
    if !is_approved_for_good(record, act) {
        record.approvals.remove(&act.id());
    }
    match act {
        Act::Issue { .. } => {
            chronicle.note(EventKind::ActSucceeded, format!("done: {}", act.sentence()));
            record.attempts.insert(act.id(), not_visible_yet(at));
        }
        Act::Publish { target, role, .. } => {
            chronicle.note(EventKind::Published, format!("the target {target} was given the certificate"));
            if let Some(standing) = record.standing_mut(*role) {
                let publication = standing.targets.entry(target.clone()).or_default();
                publication.published = Some(at);
                publication.given = true;
                publication.held = None;
            }
        }
        Act::Switch { caller, to, .. } => {
            chronicle.note(EventKind::Switched, format!("the caller {caller} uses {to}"));
            use_entry(record, caller, to, at);
            let leads_to_candidate = !keep::is_hold(record, to);
            if let Some(renewal) = &mut record.renewal {
                renewal.moved = at;
                if leads_to_candidate {
                    renewal.switched.insert(caller.clone(), at);
                    renewal.overlap.switched(at);
                }
            }
        }
        Act::RollBack { caller, to, .. } => {
            chronicle.note(EventKind::RolledBack, format!("the caller {caller} uses {to} again"));
            use_entry(record, caller, to, at);
            if let Some(renewal) = &mut record.renewal {
                renewal.switched.remove(caller);
                renewal.moved = at;
            }
        }
        // What stands there now is seen by a look: only that says so.
        Act::Keep { .. } | Act::Try { .. } => {
            chronicle.note(EventKind::ActSucceeded, format!("done: {}", act.sentence()));
        }
        Act::Put { copy, .. } | Act::PutBack { copy, .. } => {
            chronicle.note(EventKind::ActSucceeded, format!("done: {}", act.sentence()));
            let name = Some(&copy.to);
            keep::original_shown(record, copy.fingerprint, name, at, chronicle);
            if let Some(renewal) = record.renewal.as_mut().filter(|_| !act.goes_back()) {
                renewal.overlap.switched(at);
            }
        }
        Act::Retire { name, fingerprint } => {
            chronicle
                .note(EventKind::Retired, format!("the entry {name} ({}) was removed", fingerprint.short()));
            let removed = record.leftovers.iter_mut().filter(|leftover| {
                leftover.chain.fingerprint() == *fingerprint && leftover.name.as_ref() == Some(name)
            });
            removed.for_each(|leftover| leftover.entry_removed = Some(at));
        }
    }
}

/// What was issued side by side may be asked for until it is seen, and callers are led forward again where a roll back is
/// given up: to approve it once is enough for its renewal.
fn is_approved_for_good(record: &Record, act: &Act) -> bool {
    match act {
        Act::Issue { order, .. } => !order.in_place,
        Act::Switch { to, .. } => !keep::is_hold(record, to),
        Act::Put { .. } => true,
        Act::Publish { .. }
        | Act::Keep { .. }
        | Act::RollBack { .. }
        | Act::PutBack { .. }
        | Act::Try { .. }
        | Act::Retire { .. } => false,
    }
}

/// A store may show what it issued a little later: it is looked for, not issued again.
fn not_visible_yet(at: Timestamp) -> Attempts {
    Attempts {
        count: 0,
        last: at,
        next: at + VISIBLE_WITHIN,
        reason: Reason::NotFound,
        text: "it was issued and is not visible yet".to_owned(),
        maybe_effective: true,
    }
}

fn use_entry(record: &mut Record, caller: &str, entry: &str, at: Timestamp) {
    let left = record.callers.get(caller).and_then(|facts| facts.uses.clone());
    if let Some(left) = left.filter(|left| left != entry) {
        retire::left_now(record, &left, at);
    }
    let facts = CallerFacts { uses: Some(entry.to_owned()), seen: Some(at), ..CallerFacts::default() };
    record.callers.insert(caller.to_owned(), facts);
}

fn failed(
    record: &mut Record,
    watch: &Watch,
    act: &Act,
    at: Timestamp,
    failure: &Failure,
    chronicle: &mut Chronicle<'_>,
) {
    let count = record.attempts.get(&act.id()).map_or(0, |attempts| attempts.count) + 1;
    let left = record.in_force.as_ref().map_or_else(Duration::zero, |standing| watch.deadline(standing) - at);
    let spread = i32::try_from(act.id().bytes().map(u32::from).sum::<u32>() % 1000).unwrap_or(0);
    let wish = failure.retry_after_seconds.and_then(|seconds| i64::try_from(seconds.min(86_400)).ok());
    let wait = cadence::backoff(count, left, spread).max(Duration::seconds(wish.unwrap_or(0)));
    chronicle.note_by(
        Actor::Daemon,
        EventKind::ActFailed,
        format!("could not {}: {}", act.sentence(), failure.text),
        vec![
            ("reason".to_owned(), failure.reason.code().to_owned()),
            ("attempt".to_owned(), count.to_string()),
        ],
    );
    let attempts = Attempts {
        count,
        last: at,
        next: at + wait,
        reason: failure.reason,
        text: failure.text.clone(),
        maybe_effective: failure.maybe_effective,
    };
    let before = record.attempts.insert(act.id(), attempts);
    let uncertain = failure.maybe_effective || before.is_some_and(|before| before.maybe_effective);
    if let Act::Publish { target, role, .. } = act
        && uncertain
        && let Some(standing) = record.standing_mut(*role)
    {
        standing.targets.entry(target.clone()).or_default().given = true;
    }
    match (act, &mut record.renewal) {
        // Certainly nothing was issued: what stands under that name from now on is somebody else's.
        (Act::Issue { .. }, Some(renewal)) if !uncertain => renewal.issue_started = None,
        (Act::Issue { .. }, Some(_)) => {
            if let Some(attempts) = record.attempts.get_mut(&act.id()) {
                attempts.maybe_effective = true;
            }
        }
        (
            Act::Publish { .. }
            | Act::Switch { .. }
            | Act::RollBack { .. }
            | Act::Keep { .. }
            | Act::Put { .. }
            | Act::PutBack { .. }
            | Act::Try { .. }
            | Act::Retire { .. },
            _,
        )
        | (Act::Issue { .. }, None) => {}
    }
}
