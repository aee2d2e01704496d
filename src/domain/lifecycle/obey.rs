//! A person's command becomes a fact, or is refused with its reason.
//! It carries nothing out.

use super::absorb::discard_candidate;
use super::acted::VISIBLE_WITHIN;
use super::retire::keep_for_good;
use super::{Chronicle, answer, conceivable, keep, proving, settle};
use crate::domain::event::{Actor, EventKind};
use crate::domain::record::{Approval, Ended, Record, Renewal, Role};
use crate::domain::report::{Command, Verb};
use crate::domain::watch::{Mode, Watch};
use crate::domain::{Duration, Timestamp};

pub(super) fn commanded(
    watch: &Watch,
    record: &mut Record,
    command: &Command,
    chronicle: &mut Chronicle<'_>,
) {
    let facts = [("comment", &command.comment), ("ticket", &command.ticket)]
        .into_iter()
        .filter_map(|(key, value)| value.clone().map(|value| (key.to_owned(), value)))
        .collect();
    let (kind, text) = obey(watch, record, command);
    chronicle.note_by(command.actor.clone(), kind, text, facts);
}

/// Carries a command into the record and says in words what it did.
fn obey(watch: &Watch, record: &mut Record, command: &Command) -> (EventKind, String) {
    let by = command.actor.to_string();
    let said = |text: &str| (EventKind::Command, text.to_owned());
    match &command.verb {
        Verb::Check => {
            record.check_asked = Some(command.at);
            said("check now")
        }
        Verb::Renew => (EventKind::Command, renew(watch, record, command).to_owned()),
        Verb::Approve(act) => approve(watch, record, act, command, by),
        Verb::Reject(act) => (EventKind::RejectedByPerson, reject(watch, record, act, command)),
        Verb::Cancel => (EventKind::Command, give_up(watch, record, command, "cancelled by")),
        Verb::Retry => {
            retry(watch, record, command);
            said("retry now, without waiting")
        }
        Verb::RollBack => (EventKind::Command, roll_back(watch, record, command)),
        Verb::Retire => (EventKind::Command, retire(watch, record, &command.actor)),
        Verb::Confirm(target, question) => {
            try_now(record, command.at);
            answer::confirmed(watch, record, target, *question, (command.at, by))
        }
        Verb::Sign(target, sign, question) => {
            try_now(record, command.at);
            (EventKind::HandOffSign, answer::signed(record, target, *sign, *question, (command.at, by)))
        }
        Verb::Pause => {
            record.paused = Some((command.at, command.actor.clone()));
            record.paused_why = command.comment.clone();
            said("pause acts of this watch")
        }
        Verb::Resume if record.paused.is_none() => said("resume: acts of this watch were not paused"),
        Verb::Resume => {
            (record.paused, record.paused_why) = (None, None);
            said("resume acts of this watch")
        }
        Verb::Silence(until) if *until <= command.at => {
            let was = record.silenced_until.take().is_some_and(|until| until > command.at);
            said(if was {
                "end the silence, messages are sent again"
            } else {
                "end the silence: there was none"
            })
        }
        Verb::Silence(until) => {
            record.silenced_until = Some(*until);
            (EventKind::Command, format!("send nothing until {}", crate::domain::lint::minute(*until)))
        }
    }
}

fn renew(watch: &Watch, record: &mut Record, command: &Command) -> &'static str {
    if watch.renewal.is_none() {
        return "renew: refused, because this watch has no renewal configured";
    }
    if watch.mode == Mode::Observe {
        return "renew: refused, because the mode is observe; set mode = \"propose\" or \"act\"";
    }
    if watch.leaves_to_source() {
        return "renew: refused, because rotation = \"left-to-source\" leaves issuing to the store; renew it there";
    }
    if record.renewal.is_some() {
        return "renew: a renewal is under way already";
    }
    record.ended = None;
    record.renewal_asked = Some(command.actor.clone());
    "renew now"
}

/// Nothing waits any longer for what failed before.
fn retry(watch: &Watch, record: &mut Record, command: &Command) {
    record.attempts.values_mut().for_each(|attempts| attempts.next = command.at);
    record.misses.clear();
    proving::publish_anew(watch, record);
    let may_renew = watch.mode != Mode::Observe && watch.renewal.is_some() && !watch.leaves_to_source();
    if record.ended.take().is_some() && may_renew {
        record.renewal_asked = Some(command.actor.clone());
    }
    record.check_asked = Some(command.at);
}

/// A person's word may be what a first call waited for; but a link can be pressed without end, and each call is a logon.
fn try_now(record: &mut Record, at: Timestamp) {
    let tries = record.attempts.iter_mut().filter(|(id, _)| id.starts_with("try-"));
    tries.for_each(|(_, tried)| tried.next = tried.next.min(at.max(tried.last + BETWEEN_TRIES)));
}

/// See [`try_now`].
const BETWEEN_TRIES: Duration = Duration::minutes(1);

fn approve(
    watch: &Watch,
    record: &mut Record,
    act: &str,
    command: &Command,
    by: String,
) -> (EventKind, String) {
    let leftover = record.leftovers.iter().find(|leftover| leftover.retirement().as_deref() == Some(act));
    let asked_by = match leftover {
        Some(leftover) => leftover.asked_by.clone(),
        None => record.renewal.as_ref().map(|renewal| renewal.cause.clone()),
    };
    if watch.policy.four_eyes && asked_by == Some(command.actor.clone()) {
        return (
            EventKind::Command,
            format!(
                "approve {act}: refused, because {by} asked for it (four_eyes); somebody else has to approve"
            ),
        );
    }
    if !record.pending.contains_key(act) && !conceivable::ids(watch, record).contains(act) {
        let waits: Vec<&str> = record.pending.keys().map(String::as_str).collect();
        let waits =
            if waits.is_empty() { "nothing waits".to_owned() } else { format!("{} waits", waits.join(", ")) };
        return (
            EventKind::Command,
            format!("approve {act}: refused, because there is no such act; {waits}"),
        );
    }
    record.pending.remove(act);
    record.rejected.remove(act);
    record.approvals.insert(act.to_owned(), Approval { by, at: command.at });
    (EventKind::Approved, format!("approved {act}"))
}

/// A rejected retirement keeps the entry; any other rejected act ends its renewal.
fn reject(watch: &Watch, record: &mut Record, act: &str, command: &Command) -> String {
    let (at, by) = (command.at, command.actor.to_string());
    let retired = record.leftovers.iter_mut().find(|leftover| leftover.retirement().as_deref() == Some(act));
    if let Some(leftover) = retired {
        let name = leftover.name.take().unwrap_or_default();
        keep_for_good(leftover, at);
        return format!(
            "{act} was rejected by {by}: {name} stays, and nobody is asked to remove its mapping"
        );
    }
    if record.pending.contains_key(act) && record.renewal.is_none() {
        record.pending.remove(act);
        record.rejected.insert(act.to_owned(), Approval { by: by.clone(), at });
        return format!(
            "{act} was rejected by {by}: it is not done; certsteward approve {} {act} takes that back",
            watch.id
        );
    }
    if record.pending.contains_key(act) {
        return give_up(watch, record, command, &format!("{act} was rejected by"));
    }
    format!("reject {act}: refused, because nothing by that id waits for approval")
}

/// Ends a renewal on a person's word: before the switch at once, after it by rolling back.
fn give_up(watch: &Watch, record: &mut Record, command: &Command, what: &str) -> String {
    let (at, text) = (command.at, in_words(what, command));
    let in_place = record.renewal.as_deref().is_some_and(Renewal::is_in_place);
    let in_force = record.standing(Role::Replaced).is_some();
    if in_place && in_force {
        return format!(
            "{text}: refused, because an in-place issue has overwritten the old certificate; renewing again is the way out"
        );
    }
    if in_force || settle::may_be_used(watch, record) {
        ask_back(record, command, text.clone());
        return format!(
            "{text}: callers were switched already, so they are switched back first, if a call shows that the replaced certificate is accepted now"
        );
    }
    let Some(renewal) = &mut record.renewal else {
        return format!("{text}: there was no renewal to end");
    };
    let order =
        renewal.order.clone().filter(|_| renewal.issue_started.is_some() && renewal.candidate.is_none());
    if let Some(order) = order.filter(|_| !in_place) {
        renewal.given_up = Some((at, text.clone()));
        return format!(
            "{text}: {} was asked of the store and is not seen yet; the renewal ends once it is seen, or certainly not there",
            order.name
        );
    }
    let generation = renewal.generation;
    end_given_up(record, at, &text);
    format!("renewal {generation} ended: {text}")
}

fn end_given_up(record: &mut Record, at: Timestamp, text: &str) {
    let Some(renewal) = record.renewal.take() else {
        return;
    };
    keep::leave_copies(record, &renewal, at);
    discard_candidate(record, renewal.candidate, at);
    let (generation, text) = (renewal.generation, text.to_owned());
    let ended = Ended { at, generation, rolled_back: false, unfit: false, asked_by: None, text };
    record.ended = Some(Box::new(ended));
    record.counts.renewals[1] += 1;
}

/// What was asked of the store before a person ended the renewal is left behind once it is seen; where it is still not there
/// after the time that a store is given, it was never issued.
pub(super) fn finish_given_up(record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let Some(renewal) = &record.renewal else {
        return;
    };
    let Some((at, text)) = renewal.given_up.clone() else {
        return;
    };
    let nothing = renewal.looked_empty.is_some_and(|looked| looked >= at + VISIBLE_WITHIN);
    if renewal.candidate.is_some() || nothing {
        let generation = renewal.generation;
        end_given_up(record, chronicle.now, &text);
        chronicle.note(EventKind::RenewalEnded, format!("renewal {generation} ended: {text}"));
    }
}

fn retire(watch: &Watch, record: &mut Record, by: &Actor) -> String {
    let own = |approval: &Approval| watch.policy.four_eyes && approval.by == by.to_string();
    let mut named = Vec::new();
    for leftover in &mut record.leftovers {
        let retirement = leftover.retirement();
        named.extend(retirement.iter().map(|_| leftover.noun()));
        // Who asks now is not who approves, even where the approval came first.
        if let Some(id) = retirement.filter(|id| record.approvals.get(id).is_some_and(own)) {
            record.approvals.remove(&id);
        }
        leftover.asked = true;
        leftover.asked_by.get_or_insert_with(|| by.clone());
    }
    let what = named.join(", and ");
    if named.is_empty() {
        "retire: there is no entry left to remove".to_owned()
    } else if watch.policy.four_eyes {
        let approve = format!("certsteward approve {}", watch.id);
        format!("retire {what}, once somebody else approves it (four_eyes): {approve}")
    } else {
        format!("retire {what}, unless something still uses it")
    }
}

fn ask_back(record: &mut Record, command: &Command, why: String) {
    if let Some(renewal) = &mut record.renewal {
        renewal.back_asked = Some((command.at, why));
        renewal.back_by = Some(command.actor.clone());
    }
}

/// Who wants it, and why as far as they said.
fn in_words(what: &str, command: &Command) -> String {
    let said = [&command.comment, &command.ticket].into_iter().flatten().cloned().collect::<Vec<_>>();
    let said = if said.is_empty() { String::new() } else { format!(" ({})", said.join("; ")) };
    format!("{what} {}{said}", command.actor)
}

fn roll_back(watch: &Watch, record: &mut Record, command: &Command) -> String {
    let used = settle::may_be_used(watch, record);
    match &record.renewal {
        Some(renewal) if renewal.is_in_place() => {
            "roll back: refused, because an in-place issue has overwritten the old certificate; issue a new one instead".to_owned()
        }
        Some(renewal) if renewal.rolling_back.is_none() && (used || renewal.replaced.is_some()) => {
            ask_back(record, command, in_words("asked by", command));
            "roll back, if a call shows that the replaced certificate is accepted now".to_owned()
        }
        Some(_) | None => "roll back: nothing was switched that could be switched back".to_owned(),
    }
}
