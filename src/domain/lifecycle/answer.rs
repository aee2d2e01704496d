//! What a person says to an open question counts for that question and for no other of the same target.
//! It asks nothing.

use super::asks;
use crate::domain::certificate::Fingerprint;
use crate::domain::event::EventKind;
use crate::domain::record::{HandOffFacts, Leftover, Record, Role};
use crate::domain::report::Sign;
use crate::domain::watch::Watch;
use crate::domain::{Duration, Timestamp};

/// How long after a probe a link cannot bring another one: each is a real logon.
const BETWEEN_CHECKS: Duration = Duration::minutes(1);

/// An open question to a person about one target.
enum Asked {
    /// To make the target know this certificate.
    Known(Role),
    /// To remove the leftover at this place of the list.
    Removed(usize),
}

/// The open question about this target and this certificate; any certificate where none is given, additions first.
fn asked(record: &Record, target: &str, about: Option<Fingerprint>) -> Option<Asked> {
    let meant = |print: Fingerprint| about.is_none_or(|about| about == print);
    let is_open = |facts: &HandOffFacts| facts.closed.is_none();
    let known = [Role::Candidate, Role::InForce].into_iter().find(|role| {
        record.standing(*role).filter(|standing| meant(standing.fingerprint())).is_some_and(|standing| {
            standing.targets.get(target).is_some_and(|publication| publication.open_hand_off().is_some())
        })
    });
    let removed = || {
        record.leftovers.iter().position(|leftover| {
            meant(leftover.chain.fingerprint()) && leftover.hand_offs.get(target).is_some_and(is_open)
        })
    };
    known.map(Asked::Known).or_else(|| removed().map(Asked::Removed))
}

/// A person's word about a target: on the question it answers, else, where it names none, on the certificate that matters.
pub(super) fn confirmed(
    watch: &Watch,
    record: &mut Record,
    target: &str,
    about: Option<Fingerprint>,
    (at, by): (Timestamp, String),
) -> (EventKind, String) {
    let role = match (asked(record, target, about), about) {
        (Some(Asked::Known(role)), _) => role,
        (Some(Asked::Removed(place)), _) => {
            let noun = record.leftovers.get(place).map(Leftover::noun).unwrap_or_default();
            close_removal(record, target, place, at);
            return (EventKind::HandOffClosed, format!("{noun} is gone from {target}, says {by}"));
        }
        (None, Some(about)) => {
            let short = about.short();
            let text =
                format!("confirm: nothing is asked of {target} about {short} any more, so nothing changes");
            return (EventKind::Command, text);
        }
        (None, None) => record.concern(),
    };
    known(watch, record, target, role, (at, by))
}

fn known(
    watch: &Watch,
    record: &mut Record,
    id: &str,
    role: Role,
    (at, by): (Timestamp, String),
) -> (EventKind, String) {
    let Some(target) = watch.target(id) else {
        return (EventKind::Command, format!("confirm: this watch has no target {id}"));
    };
    let Some(standing) = record.standing_mut(role) else {
        return (EventKind::Command, "confirm: no certificate was seen yet".to_owned());
    };
    let short = standing.fingerprint().short();
    let decided_by_call = asks::a_call_can_tell(watch, target, standing);
    let publication = standing.targets.entry(id.to_owned()).or_default();
    publication.confirmed = Some((at, by.clone()));
    if decided_by_call {
        let open = publication.hand_off.as_mut().filter(|facts| facts.closed.is_none());
        open.into_iter().for_each(|facts| facts.sign(at, Sign::Saved, by.clone()));
        record.check_asked = Some(at);
        let text = format!("the target {id} knows the certificate {short}, says {by}; the next call decides");
        return (EventKind::HandOffSign, text);
    }
    (EventKind::Confirmed, format!("the target {id} knows the certificate {short}, confirmed by {by}"))
}

/// A sign from the page of a question, in words.
pub(super) fn signed(
    record: &mut Record,
    target: &str,
    sign: Sign,
    about: Option<Fingerprint>,
    (at, by): (Timestamp, String),
) -> String {
    let text = match sign {
        Sign::Saved => "I have saved it",
        Sign::Deleting => "I am deleting the old one now",
        Sign::CheckNow => "check now",
    };
    let said = format!("{target}: \"{text}\", says {by}");
    let Some(question) = asked(record, target, about) else {
        return format!("{said}; nothing is asked about it any more, so nothing changes");
    };
    if sign == Sign::CheckNow {
        if probed_just_now(record, at) {
            return format!("{said}; ignored, because a probe was made within the last minute");
        }
        record.check_asked = Some(at);
    }
    match (question, sign) {
        (Asked::Known(role), _) => {
            let publication = record.standing_mut(role).and_then(|standing| standing.targets.get_mut(target));
            let hand_off = publication.and_then(|publication| publication.hand_off.as_mut());
            hand_off.into_iter().for_each(|facts| facts.sign(at, sign, by.clone()));
        }
        (Asked::Removed(place), Sign::Saved) => close_removal(record, target, place, at),
        (Asked::Removed(_), Sign::Deleting | Sign::CheckNow) => {}
    }
    said
}

fn probed_just_now(record: &Record, at: Timestamp) -> bool {
    let standings = [Role::Candidate, Role::InForce, Role::Replaced].into_iter();
    standings
        .filter_map(|role| record.standing(role))
        .flat_map(|standing| standing.probes.values())
        .filter_map(|facts| facts.last.as_ref())
        .any(|last| at - last.at < BETWEEN_CHECKS)
}

fn close_removal(record: &mut Record, target: &str, place: usize, at: Timestamp) {
    let gone = record.leftovers.get(place).map(|leftover| leftover.chain.fingerprint());
    if let Some(mapped) = record.mapped.get_mut(target) {
        mapped.retain(|chain| Some(chain.fingerprint()) != gone);
    }
    let hand_off = record.leftovers.get_mut(place).and_then(|leftover| leftover.hand_offs.get_mut(target));
    hand_off.into_iter().for_each(|facts| facts.closed = Some(at));
}
