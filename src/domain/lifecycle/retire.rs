//! What was replaced: remembered while anything may still know it, asked away, forgotten.
//! It removes nothing.

use super::proving::new_hand_off;
use super::{Chronicle, Dice};
use crate::domain::Timestamp;
use crate::domain::certificate::Fingerprint;
use crate::domain::event::EventKind;
use crate::domain::policy::Retire;
use crate::domain::record::{Ask, Leftover, Record, Renewal, Role};
use crate::domain::report::Sighting;
use crate::domain::watch::{Delivery, Watch};

/// What was replaced is remembered while anything may still know it.
pub(super) fn keep_replaced(record: &mut Record, renewal: Renewal, now: Timestamp) {
    let in_place = renewal.is_in_place();
    let Some(replaced) = renewal.replaced else {
        return;
    };
    record.previous = Some(replaced.chain.clone());
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
    record.leftovers.push(Leftover {
        chain: replaced.chain,
        name,
        since: now,
        never_in_force: false,
        entry_removed: None,
        hand_offs: std::collections::BTreeMap::new(),
        asked: false,
        asked_by: None,
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

/// For targets that a person serves: once the replaced certificate has waited long enough, its own mapping may go.
pub(super) fn ask_removal(
    watch: &Watch,
    record: &mut Record,
    dice: &mut Dice,
    chronicle: &mut Chronicle<'_>,
) {
    let Some(in_force) = record.in_force.as_ref().filter(|_| watch.policy.retire != Retire::Never) else {
        return;
    };
    let subject = in_force.chain.leaf.subject.clone();
    let added: Vec<String> = in_force
        .targets
        .iter()
        .filter(|(_, publication)| publication.hand_off.as_ref().is_some_and(|facts| facts.ask == Ask::Add))
        .map(|(id, _)| id.clone())
        .collect();
    let since = chronicle.now - watch.policy.retire_after;
    let switched_back = shows_leftover(record);
    for leftover in record.leftovers.iter_mut().filter(|leftover| !leftover.never_in_force) {
        let ripe = leftover.since <= since || leftover.asked;
        if !ripe
            || switched_back == Some(leftover.chain.fingerprint())
            || leftover.chain.leaf.subject == subject
        {
            continue;
        }
        for id in added
            .iter()
            .filter(|id| watch.target(id).is_some_and(|target| target.delivery == Delivery::HandOff))
        {
            if !leftover.hand_offs.contains_key(id) {
                chronicle.note(
                    EventKind::HandOffOpened,
                    format!("a person is asked to {} from {id}", Ask::Remove.sentence()),
                );
                leftover.hand_offs.insert(id.clone(), new_hand_off(Ask::Remove, dice, chronicle.now));
            }
        }
    }
}

/// The replaced certificate that the source shows again, where it does.
pub(in crate::domain) fn shows_leftover(record: &Record) -> Option<Fingerprint> {
    let (shown, _) = record.shown.as_ref()?;
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
        let asked_all = leftover.hand_offs.values().all(|facts| facts.closed.is_some());
        let waited = leftover.never_in_force
            || never
            || leftover.asked
            || leftover.since + watch.policy.retire_after <= now;
        let done = entry_gone && asked_all && waited;
        if done && !never && leftover.entry_removed.is_none() {
            chronicle.note(
                EventKind::Retired,
                format!("the replaced certificate {} is gone", leftover.chain.fingerprint().short()),
            );
        }
        !done
    });
}
