//! What was replaced: remembered while anything may still know it, asked away, forgotten.
//! It removes nothing.

use std::collections::BTreeMap;

use super::proving::new_hand_off;
use super::{Chronicle, Dice, cadence};
use crate::domain::certificate::{Certificate, Fingerprint};
use crate::domain::event::EventKind;
use crate::domain::few::Few;
use crate::domain::policy::Retire;
use crate::domain::record::{
    Ask, CallerFacts, HandOffFacts, Leftover, Look, Publication, Record, Renewal, Role, Standing,
};
use crate::domain::report::{Sighting, Sign};
use crate::domain::shared::Shared;
use crate::domain::watch::{Delivery, Watch};
use crate::domain::{Duration, Timestamp};

/// What was replaced is remembered while anything may still know it.
pub(super) fn keep_replaced(record: &mut Record, renewal: Renewal, now: Timestamp) {
    let in_place = renewal.is_in_place();
    let Some(replaced) = renewal.replaced else {
        return;
    };
    // Copies of it that wait already, after a hold, wait from now on: the last caller left it only now.
    let print = replaced.chain.fingerprint();
    let copies = record.leftovers.iter_mut().filter(|leftover| leftover.chain.fingerprint() == print);
    copies.for_each(|leftover| leftover.since = now);
    record.previous = Some(Box::new(replaced.chain.clone()));
    let known = |publication: &Publication| publication.is_known() || publication.held == Some(true);
    for (target, _) in replaced.targets.iter().filter(|(_, publication)| known(publication)) {
        record.remember_mapped(target, &replaced.chain);
    }
    let name = replaced.name.filter(|_| !in_place);
    let separate_mapping = record.in_force.as_ref().is_some_and(|standing| {
        standing.chain.leaf.subject != replaced.chain.leaf.subject
            && standing
                .targets
                .values()
                .any(|publication| publication.hand_off.as_ref().is_some_and(|facts| facts.ask == Ask::Add))
    });
    if name.is_none() && !separate_mapping {
        return;
    }
    let same = |leftover: &Leftover| leftover.chain.fingerprint() == print && leftover.name == name;
    if let Some(known) = record.leftovers.iter_mut().find(|leftover| name.is_some() && same(leftover)) {
        known.never_in_force = false;
        return;
    }
    record.leftovers.push(Leftover {
        chain: replaced.chain,
        name,
        since: now,
        never_in_force: false,
        entry_removed: None,
        hand_offs: BTreeMap::new(),
        asked: false,
        asked_by: None,
        was_used: false,
        kept: false,
    });
}

/// A caller used this entry until now: what is left over there, and its mapping, wait from now on, because the caller may have
/// it in its cache.
pub(super) fn left_now(record: &mut Record, name: &str, now: Timestamp) {
    let used = record.leftovers.iter().find(|leftover| leftover.name.as_deref() == Some(name));
    let Some(print) = used.map(|leftover| leftover.chain.fingerprint()) else {
        return;
    };
    let same = record.leftovers.iter_mut().filter(|leftover| leftover.chain.fingerprint() == print);
    for leftover in same {
        leftover.since = leftover.since.max(now);
    }
}

/// An entry of ours that was in force and is not any more, because somebody led the source elsewhere.
pub(super) fn leave_own(record: &mut Record, before: &Standing, now: Timestamp) {
    let shown = record.in_force.as_ref().and_then(|standing| standing.name.clone());
    let Some(name) = before.name.clone().filter(|_| before.ours || before.held) else {
        return;
    };
    let known = |leftover: &Leftover| leftover.name.as_ref() == Some(&name);
    if Some(&name) == shown.as_ref() || record.leftovers.iter().any(known) {
        return;
    }
    record.leftovers.push(Leftover {
        chain: before.chain.clone(),
        name: Some(name),
        since: now,
        never_in_force: false,
        entry_removed: None,
        hand_offs: uploads_of(before, now),
        asked: false,
        asked_by: None,
        was_used: false,
        kept: false,
    });
}

/// An entry is removed for the certificate in it, never for its name alone: one that holds another by now stays.
pub(super) fn entry_looked(
    record: &mut Record,
    name: &str,
    found: Option<&Sighting>,
    chronicle: &mut Chronicle<'_>,
) {
    let holds = found.map(|sighting| sighting.chain.fingerprint());
    let changed = record.leftovers.iter_mut().filter(|leftover| {
        let print = leftover.chain.fingerprint();
        leftover.name.as_deref() == Some(name) && leftover.entry_removed.is_none() && holds != Some(print)
    });
    for leftover in changed {
        let print = leftover.chain.fingerprint().short();
        let text = match holds {
            Some(other) => {
                let other = other.short();
                format!("the entry {name} holds {other} by now instead of {print}, so it stays")
            }
            None => format!("the entry {name} ({print}) is gone already, so nothing is removed"),
        };
        leftover.name = None;
        chronicle.note(EventKind::Retired, text);
    }
}

/// When it has waited long enough: what was given up, and what a person asked away, only until no caller can have it in its
/// cache; a roll back takes callers away from it at once.
pub(in crate::domain) fn ripe_at(watch: &Watch, leftover: &Leftover) -> Timestamp {
    let caches = cadence::longest_cache(watch);
    let soon = leftover.is_unused() || leftover.asked;
    leftover.since + if soon { caches } else { watch.policy.retire_after.max(caches) }
}

/// For targets that a person serves: once the replaced certificate has waited long enough, or at once where it never came
/// into force, its own mapping may go.
pub(super) fn ask_removal(
    watch: &Watch,
    record: &mut Record,
    dice: &mut Dice,
    chronicle: &mut Chronicle<'_>,
) {
    let Some(in_force) = record.in_force.as_ref().filter(|_| watch.policy.retire != Retire::Never) else {
        return;
    };
    let used: Vec<Shared<Certificate>> = [Role::InForce, Role::Candidate, Role::Replaced]
        .into_iter()
        .filter_map(|role| record.standing(role).map(|standing| standing.chain.leaf.clone()))
        .collect();
    let added: Vec<String> = in_force
        .targets
        .iter()
        .filter(|(_, publication)| publication.hand_off.as_ref().is_some_and(|facts| facts.ask == Ask::Add))
        .map(|(id, _)| id.clone())
        .collect();
    let switched_back = shows_leftover(record);
    let callers = record.callers.clone();
    let sure = is_seen_now(watch, record, chronicle.now) && !is_in_doubt(record);
    for leftover in &mut record.leftovers {
        let ripe = ripe_at(watch, leftover) <= chronicle.now;
        let leaf = leftover.chain.leaf.clone();
        // A tenant that matches issuer and subject lets the one in by the other's mapping: removing it would cut callers off.
        let shared = used.iter().any(|other| is_one_mapping(other, &leaf));
        let named = leftover.name.as_ref().is_some_and(|name| may_be_named(&callers, name));
        // A caller that cannot be seen for a moment takes no question back: only one that is seen to use it.
        let seen = |facts: &CallerFacts| facts.unseen.is_none() && facts.uses == leftover.name;
        let used_again = leftover.name.is_some() && callers.values().any(seen);
        if used_again || switched_back == Some(leftover.chain.fingerprint()) {
            withdraw(leftover, chronicle);
        }
        if leaf.not_after < chronicle.now {
            expire(leftover, chronicle);
            continue;
        }
        let blocked = shared || named || leftover.kept;
        if !sure || !ripe || blocked || switched_back == Some(leftover.chain.fingerprint()) {
            continue;
        }
        let own = uploaded(leftover);
        let targets = if leftover.never_in_force || !own.is_empty() { own } else { added.clone() };
        for id in targets {
            if watch.target(&id).is_none_or(|target| target.delivery != Delivery::HandOff) {
                continue;
            }
            let unasked = |facts: &HandOffFacts| facts.ask != Ask::Remove || facts.withdrawn;
            if leftover.hand_offs.get(&id).is_none_or(unasked) && !chronicle.is_used_beside(&id, &leaf) {
                chronicle.note(
                    EventKind::HandOffOpened,
                    format!("a person is asked to {} from {id}", Ask::Remove.sentence()),
                );
                leftover.hand_offs.insert(id, new_hand_off(Ask::Remove, dice, chronicle.now));
            }
        }
    }
}

/// Somebody uses it again, or may: whoever was asked to remove its mapping would cut them off.
fn withdraw(leftover: &mut Leftover, chronicle: &mut Chronicle<'_>) {
    let print = leftover.chain.fingerprint().short();
    let open =
        leftover.hand_offs.iter_mut().filter(|(_, facts)| facts.ask == Ask::Remove && facts.closed.is_none());
    for (id, facts) in open {
        facts.closed = Some(chronicle.now);
        facts.withdrawn = true;
        let text =
            format!("removing {print} from {id} is not asked any more: a caller uses it again, or may");
        chronicle.note(EventKind::HandOffClosed, text);
    }
}

/// Nobody needs a mapping of what has expired, and nobody is hurt by it: whoever was asked to remove it is not asked any more.
fn expire(leftover: &mut Leftover, chronicle: &mut Chronicle<'_>) {
    let print = leftover.chain.fingerprint().short();
    for (id, facts) in leftover.hand_offs.iter_mut().filter(|(_, facts)| facts.ask == Ask::Remove) {
        facts.withdrawn = false;
        if facts.closed.is_none() {
            facts.closed = Some(chronicle.now);
            let text = format!("removing {print} from {id} is not asked any more: it has expired");
            chronicle.note(EventKind::HandOffClosed, text);
        }
    }
}

/// A person keeps its entry, so nobody else is asked to remove its mapping.
pub(super) fn keep_for_good(leftover: &mut Leftover, now: Timestamp) {
    leftover.kept = true;
    for facts in leftover.hand_offs.values_mut().filter(|facts| facts.ask == Ask::Remove) {
        facts.closed.get_or_insert(now);
    }
}

/// Whether the source and every caller were seen lately: what was true before a long sleep may have changed.
fn is_seen_now(watch: &Watch, record: &Record, now: Timestamp) -> bool {
    let lately = |look: Look| record.looked.get(&look.key()).is_some_and(|at| now - *at <= LATELY);
    record.unseen.is_none()
        && lately(Look::Source { entry: None })
        && watch.callers.iter().all(|caller| lately(Look::Caller(caller.id.clone())))
}

/// Whether calls blame the certificate in force: then the way back is kept.
pub(super) fn is_in_doubt(record: &Record) -> bool {
    record.in_force.as_ref().is_none_or(|standing| {
        let mut last = standing.probes.values().filter_map(|facts| facts.last.as_ref());
        last.any(|last| last.verdict.blames_certificate())
    })
}

/// How long after a look its answer may decide what a person is asked.
const LATELY: Duration = Duration::minutes(10);

/// Whether a caller names this entry, or could not be seen, so that it may.
fn may_be_named(callers: &Few<String, CallerFacts>, name: &String) -> bool {
    callers.values().any(|facts| facts.uses.as_ref() == Some(name) || facts.unseen.is_some())
}

/// Whether a target cannot tell the mappings of these two apart: it knows issuer and subject only (KBA 3574501).
fn is_one_mapping(one: &Certificate, other: &Certificate) -> bool {
    one.subject == other.subject && one.issuer == other.issuer
}

/// The questions of a candidate that will not be used, which a person has probably answered by an upload of its own; they are
/// closed, and their removal is asked instead.
pub(super) fn uploads_of(candidate: &Standing, now: Timestamp) -> BTreeMap<String, HandOffFacts> {
    let stands_there = |publication: &Publication, facts: &HandOffFacts| {
        let said = facts.signs.iter().any(|(_, sign, _)| *sign == Sign::Saved);
        publication.is_known() || publication.held == Some(true) || said
    };
    let mut uploads = BTreeMap::new();
    for (id, publication) in &candidate.targets {
        let Some(facts) = publication.hand_off.as_ref().filter(|facts| facts.ask == Ask::Add) else {
            continue;
        };
        if stands_there(publication, facts) {
            let closed = facts.closed.or(Some(now));
            uploads.insert(id.clone(), HandOffFacts { closed, ..facts.clone() });
        }
    }
    uploads
}

/// Where it has a mapping of its own, whose removal was not asked yet, or is to be asked again.
fn uploaded(leftover: &Leftover) -> Vec<String> {
    let added = |facts: &HandOffFacts| facts.ask == Ask::Add || facts.withdrawn;
    let mapped = leftover.hand_offs.iter().filter(|(_, facts)| added(facts));
    mapped.map(|(id, _)| id.clone()).collect()
}

/// The replaced certificate that the source shows again, where it does.
pub(in crate::domain) fn shows_leftover(record: &Record) -> Option<Fingerprint> {
    let (shown, _) = record.shown.as_ref()?;
    if record.in_force.as_ref().is_some_and(|standing| standing.fingerprint() == *shown) {
        return None;
    }
    let is_left = record
        .leftovers
        .iter()
        .any(|leftover| !leftover.never_in_force && leftover.chain.fingerprint() == *shown);
    let is_replaced = record.standing(Role::Replaced).is_some_and(|standing| {
        standing.fingerprint() == *shown
            && record
                .renewal
                .as_ref()
                .is_some_and(|renewal| renewal.settling_since.is_some() && renewal.rolling_back.is_none())
    });
    (is_left || is_replaced).then_some(*shown)
}

/// What is nowhere known any more is forgotten. What is never retired is remembered until it expires, so that it is noticed
/// where somebody puts it back.
pub(super) fn drop_leftovers(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let now = chronicle.now;
    let never = watch.policy.retire == Retire::Never;
    record.leftovers.retain(|leftover| {
        if never && !leftover.never_in_force {
            return now <= leftover.chain.leaf.not_after;
        }
        let entry_gone = leftover.name.is_none() || leftover.entry_removed.is_some() || never;
        let asked_all = leftover.hand_offs.values().all(|facts| facts.closed.is_some() && !facts.withdrawn);
        let waited = never || ripe_at(watch, leftover) <= now;
        let done = entry_gone && asked_all && waited;
        let removed = leftover.hand_offs.values().any(|facts| facts.ask == Ask::Remove && !facts.withdrawn);
        if done && !never && leftover.entry_removed.is_none() && removed {
            chronicle.note(
                EventKind::Retired,
                format!("the replaced certificate {} is gone", leftover.chain.fingerprint().short()),
            );
        }
        !done
    });
}
