//! A person's command becomes a fact, or is refused with its reason.
//! It carries nothing out.

use super::absorb::discard_candidate;
use super::{Chronicle, asks, want};
use crate::domain::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::record::{Approval, Ended, HandOffFacts, Record};
use crate::domain::report::{Command, Sign, Verb};
use crate::domain::watch::{Mode, Watch};

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
        Verb::Renew if watch.renewal.is_none() => {
            said("renew: refused, because this watch has no renewal configured")
        }
        Verb::Renew if watch.mode == Mode::Observe => {
            said("renew: refused, because the mode is observe; set mode = \"propose\" or \"act\"")
        }
        Verb::Renew if watch.leaves_to_source() => said(
            "renew: refused, because rotation = \"left-to-source\" leaves issuing to the store; renew it there",
        ),
        Verb::Renew if record.renewal.is_some() => said("renew: a renewal is under way already"),
        Verb::Renew => {
            record.ended = None;
            record.renewal_asked = Some(command.actor.clone());
            said("renew now")
        }
        Verb::Approve(act) => approve(watch, record, act, command, by),
        Verb::Reject(act) => (EventKind::RejectedByPerson, reject(record, act, command.at, &by)),
        Verb::Cancel => (EventKind::Command, give_up(record, command.at, &format!("cancelled by {by}"))),
        Verb::Retry => {
            record.attempts.values_mut().for_each(|attempts| attempts.next = command.at);
            record.misses.clear();
            record.ended = None;
            record.check_asked = Some(command.at);
            said("retry now, without waiting")
        }
        Verb::RollBack => (EventKind::Command, roll_back(record, command.at, &by)),
        Verb::Retire => {
            record.leftovers.iter_mut().for_each(|leftover| leftover.asked = true);
            said("retire the replaced certificates now")
        }
        Verb::Confirm(target) => confirm(watch, record, target, command.at, &by),
        Verb::Sign(target, sign) => (EventKind::HandOffSign, signed(record, target, *sign, command.at, &by)),
        Verb::Pause => {
            record.paused = Some((command.at, command.actor.clone()));
            said("pause acts of this watch")
        }
        Verb::Resume => {
            record.paused = None;
            said("resume acts of this watch")
        }
        Verb::Silence(until) => {
            record.silenced_until = Some(*until);
            (EventKind::Command, format!("send nothing until {}", crate::domain::lint::minute(*until)))
        }
    }
}

fn approve(
    watch: &Watch,
    record: &mut Record,
    act: &str,
    command: &Command,
    by: String,
) -> (EventKind, String) {
    let asked_by = record.renewal.as_ref().map(|renewal| renewal.cause.clone());
    if watch.policy.four_eyes && asked_by == Some(command.actor.clone()) {
        return (
            EventKind::Command,
            format!("approve {act}: refused, because {by} asked for this renewal (four_eyes)"),
        );
    }
    if !record.pending.contains_key(act) && !want::conceivable(watch, record).contains(act) {
        let waits: Vec<&str> = record.pending.keys().map(String::as_str).collect();
        let waits =
            if waits.is_empty() { "nothing waits".to_owned() } else { format!("{} waits", waits.join(", ")) };
        return (
            EventKind::Command,
            format!("approve {act}: refused, because there is no such act; {waits}"),
        );
    }
    record.pending.remove(act);
    record.approvals.insert(act.to_owned(), Approval { by, at: command.at });
    (EventKind::Approved, format!("approved {act}"))
}

/// A rejected retirement keeps the entry; any other rejected act ends its renewal.
fn reject(record: &mut Record, act: &str, at: Timestamp, by: &str) -> String {
    let retired = record.leftovers.iter_mut().find(|leftover| leftover.retirement().as_deref() == Some(act));
    if let Some(name) = retired.and_then(|leftover| leftover.name.take()) {
        return format!("{act} was rejected by {by}: {name} stays");
    }
    if record.pending.contains_key(act) {
        return give_up(record, at, &format!("{act} was rejected by {by}"));
    }
    format!("reject {act}: refused, because nothing by that id waits for approval")
}

/// Ends a renewal on a person's word: before the switch at once, after it by rolling back.
fn give_up(record: &mut Record, at: Timestamp, text: &str) -> String {
    let Some(renewal) = record.renewal.take() else {
        return format!("{text}: there was no renewal to end");
    };
    if renewal.is_in_place() && renewal.replaced.is_some() {
        record.renewal = Some(renewal);
        return format!(
            "{text}: refused, because an in-place issue has overwritten the old certificate; renewing again is the way out"
        );
    }
    if renewal.replaced.is_some() || !renewal.switched.is_empty() {
        let mut renewal = renewal;
        renewal.rolling_back = Some((at, text.to_owned()));
        record.renewal = Some(renewal);
        return format!("{text}: callers were switched already, so they are switched back first");
    }
    discard_candidate(record, renewal.candidate, at);
    record.ended = Some(Ended {
        at,
        generation: renewal.generation,
        rolled_back: false,
        unfit: false,
        text: text.to_owned(),
    });
    record.counts.renewals[1] += 1;
    format!("renewal {} ended: {text}", renewal.generation)
}

fn roll_back(record: &mut Record, at: Timestamp, by: &str) -> String {
    match &mut record.renewal {
        Some(renewal) if renewal.is_in_place() => {
            "roll back: refused, because an in-place issue has overwritten the old certificate; issue a new one instead".to_owned()
        }
        Some(renewal) if renewal.rolling_back.is_none() && !(renewal.switched.is_empty() && renewal.replaced.is_none()) => {
            renewal.rolling_back = Some((at, format!("asked by {by}")));
            "roll back now".to_owned()
        }
        Some(_) | None => "roll back: nothing was switched that could be switched back".to_owned(),
    }
}

/// A person's word about a target: on the open question first, then on a removal, then on the certificate that matters.
fn confirm(watch: &Watch, record: &mut Record, id: &str, at: Timestamp, by: &str) -> (EventKind, String) {
    let asked = record.asked(id);
    if asked.is_none() && close_removal(record, id, at) {
        return (EventKind::HandOffClosed, format!("the replaced certificate is gone from {id}, says {by}"));
    }
    let Some(target) = watch.target(id) else {
        return (EventKind::Command, format!("confirm: this watch has no target {id}"));
    };
    let role = asked.unwrap_or(record.concern());
    let Some(standing) = record.standing_mut(role) else {
        return (EventKind::Command, "confirm: no certificate was seen yet".to_owned());
    };
    let short = standing.fingerprint().short();
    let decided_by_call = asks::a_call_can_tell(watch, target, standing);
    let publication = standing.targets.entry(id.to_owned()).or_default();
    publication.confirmed = Some((at, by.to_owned()));
    if decided_by_call {
        let open = publication.hand_off.as_mut().filter(|facts| facts.closed.is_none());
        open.into_iter().for_each(|facts| facts.signs.push((at, Sign::Saved, by.to_owned())));
        record.check_asked = Some(at);
        let text = format!("the target {id} knows the certificate {short}, says {by}; the next call decides");
        return (EventKind::HandOffSign, text);
    }
    (EventKind::Confirmed, format!("the target {id} knows the certificate {short}, confirmed by {by}"))
}

fn signed(record: &mut Record, target: &str, sign: Sign, at: Timestamp, by: &str) -> String {
    if sign == Sign::CheckNow {
        record.check_asked = Some(at);
    }
    let text = match sign {
        Sign::Saved => "I have saved it",
        Sign::Deleting => "I am deleting the old one now",
        Sign::CheckNow => "check now",
    };
    let role = record.asked(target).unwrap_or(record.concern());
    let hand_off =
        record.standing_mut(role).and_then(|standing| standing.targets.get_mut(target)?.hand_off.as_mut());
    match hand_off.filter(|facts| facts.closed.is_none()) {
        Some(facts) => facts.signs.push((at, sign, by.to_owned())),
        None if sign == Sign::Saved => drop(close_removal(record, target, at)),
        None => {}
    }
    format!("{target}: \"{text}\", says {by}")
}

fn close_removal(record: &mut Record, target: &str, at: Timestamp) -> bool {
    let open = |facts: &&mut HandOffFacts| facts.closed.is_none();
    let mut asked =
        record.leftovers.iter_mut().filter_map(|leftover| leftover.hand_offs.get_mut(target)).filter(open);
    let Some(first) = asked.next() else {
        return false;
    };
    first.closed = Some(at);
    true
}
