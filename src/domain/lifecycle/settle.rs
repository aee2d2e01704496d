//! From the last switch to the end: settling begins, ends, or the callers go back.
//! It switches nobody.

use super::proving::is_everywhere_known;
use super::retire::keep_replaced;
use super::{Chronicle, GONE_AFTER, absorb, asks, cadence, keep, overlap, words};
use crate::domain::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::record::{Act, Ask, Ended, Look, Publication, Purpose, Record, Renewal, Role, Standing};
use crate::domain::report::Sighting;
use crate::domain::watch::{Caller, Delivery, Probe, Target, Watch};

/// All callers use the candidate, so it is the certificate in force from here on.
pub(super) fn begin_settling(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let role = record.concern();
    let ready = record.standing(role).is_some_and(|standing| is_everywhere_known(watch, record, standing));
    let callers_done = all_switched(watch, record);
    let Some(renewal) = record
        .renewal
        .as_mut()
        .filter(|renewal| renewal.settling_since.is_none() && renewal.rolling_back.is_none())
    else {
        return;
    };
    let in_place = renewal.is_in_place() && renewal.replaced.is_some();
    if !ready || !(in_place || (renewal.candidate.is_some() && callers_done)) {
        return;
    }
    renewal.settling_since = Some(chronicle.now);
    renewal.moved = chronicle.now;
    if let Some(candidate) = renewal.candidate.take() {
        renewal.replaced = record.in_force.replace(candidate);
    }
    keep::name_the_settled(record);
    let settle = cadence::settle_time(watch);
    let text = format!("the candidate is in force; callers are watched for {}", words(settle));
    chronicle.note(EventKind::Settled, text);
}

fn all_switched(watch: &Watch, record: &Record) -> bool {
    let Some(renewal) = &record.renewal else {
        return false;
    };
    if renewal.switches_entry() {
        return keep::is_put(record);
    }
    let old = keep::old_names(record);
    watch.callers.iter().all(|caller| {
        let facts = record.callers.get(&caller.id);
        let uses_another = facts.is_some_and(|facts| {
            facts.unseen.is_none()
                && facts.seen.is_some()
                && facts.uses.as_ref().is_some_and(|uses| !old.contains(uses))
        });
        renewal.switched.contains_key(&caller.id) || uses_another
    })
}

/// The role of the certificate that callers come from, and would go back to.
pub(super) fn old_role(record: &Record) -> Role {
    if record.standing(Role::Replaced).is_some() { Role::Replaced } else { Role::InForce }
}

/// The entry that callers are being led back to, or to a copy of what is in force: it is looked at in every pass.
pub(super) fn way_back(record: &Record) -> Option<String> {
    let renewal = record.renewal.as_ref()?;
    if renewal.rolling_back.is_none() {
        let held = renewal.kept(Purpose::Hold).filter(|keep| keep.stands.is_some())?;
        return Some(held.name.clone());
    }
    if renewal.switches_entry() {
        return renewal.kept(Purpose::WayBack).map(|keep| keep.name.clone());
    }
    renewal.replaces_name.clone()
}

/// The way back leads to the replaced certificate or nowhere: what stands there by now decides.
pub(super) fn entry_looked(
    record: &mut Record,
    name: &str,
    found: Option<&Sighting>,
    chronicle: &mut Chronicle<'_>,
) {
    let rolling = record.renewal.as_ref().is_some_and(|renewal| renewal.rolling_back.is_some());
    if !rolling || way_back(record).as_deref() != Some(name) {
        return;
    }
    let old = record.standing(old_role(record)).map(Standing::fingerprint);
    let holds = found.map(|sighting| sighting.chain.fingerprint());
    let gone = record.renewal.as_ref().and_then(|renewal| renewal.back_gone).unwrap_or(chronicle.now);
    if let Some(renewal) = &mut record.renewal {
        renewal.back_gone = holds.is_none().then_some(gone);
    }
    match holds {
        Some(print) if Some(print) == old => {}
        Some(print) => {
            let why = format!("the entry {name} holds {} by now", print.short());
            give_up_roll_back(record, &why, chronicle);
        }
        // One look that finds nothing may be a moment of the store's: it holds, and the next one decides.
        None if chronicle.now < gone + GONE_AFTER => {}
        None => give_up_roll_back(record, &format!("the entry {name} is gone"), chronicle),
    }
}

/// Why the callers would be cut off by going back, as far as is known.
fn no_way_back(watch: &Watch, old: &Standing, since: Timestamp, now: Timestamp) -> Option<String> {
    if now > old.chain.leaf.not_after {
        return Some("the replaced certificate has expired".to_owned());
    }
    let refuses = |probe: &&Probe| {
        let last = old.probed(&probe.id).filter(|last| last.at >= since);
        last.is_some_and(|last| last.verdict.blames_certificate())
    };
    let probe = watch.probes.iter().find(refuses)?;
    Some(format!("the probe {} says that the replaced certificate is not accepted any more", probe.id))
}

/// Whether callers may go back, as far as the last calls say.
pub(super) fn can_go_back(watch: &Watch, record: &Record, now: Timestamp) -> bool {
    let refused = record.renewal.as_ref().is_some_and(|renewal| renewal.back_refused.is_some());
    let old = record.standing(old_role(record)).filter(|_| !refused);
    old.is_some_and(|old| no_way_back(watch, old, Timestamp::MIN_UTC, now).is_none())
}

/// A roll back is carried out later than it is decided, and what it leads to may be refused by then.
pub(super) fn reconsider_roll_back(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let rolling = record.renewal.as_ref().and_then(|renewal| renewal.rolling_back.as_ref());
    let Some((since, old)) = rolling.map(|(since, _)| *since).zip(record.standing(old_role(record))) else {
        return;
    };
    if let Some(why) = no_way_back(watch, old, since, chronicle.now) {
        give_up_roll_back(record, &why, chronicle);
    }
}

/// The callers stay with what they use; those who went back already are led forward again, as any caller is.
fn give_up_roll_back(record: &mut Record, why: &str, chronicle: &mut Chronicle<'_>) {
    let Some(renewal) = &mut record.renewal else {
        return;
    };
    renewal.rolling_back = None;
    renewal.back_refused = Some(chronicle.now);
    renewal.moved = chronicle.now;
    if renewal.switches_callers() {
        // Whoever was only feared to use the new one is led to it like any other.
        let new = renewal.order.as_ref().map(|order| order.name.clone());
        let uses = |id: &String| record.callers.get(id).and_then(|facts| facts.uses.clone());
        renewal.switched.retain(|id, _| uses(id) == new);
    }
    let text = format!(
        "the roll back of renewal {} is given up, because it would cut the callers off: {why}; who uses the new certificate stays with it",
        renewal.generation
    );
    chronicle.note(EventKind::ActFailed, text);
    let is_back = |caller: &Caller| !renewal.switched.contains_key(&caller.id);
    let some_are_back = renewal.switches_callers() && chronicle.watch.callers.iter().any(is_back);
    if let Some(replaced) = renewal.replaced.take_if(|_| some_are_back) {
        renewal.candidate = record.in_force.replace(replaced);
        renewal.settling_since = None;
    }
}

/// Rolls back only if the verdict blames the certificate and the old one is accepted now.
pub(super) fn decide_roll_back(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let pair = match (record.standing(Role::Candidate), record.standing(Role::Replaced)) {
        (Some(candidate), _) => record.in_force.as_ref().map(|old| (candidate, old)),
        (None, Some(replaced)) => record.in_force.as_ref().map(|new| (new, replaced)),
        (None, None) => None,
    };
    let Some((new, replaced)) = pair else {
        return;
    };
    let blamed = watch.probes.iter().find(|probe| {
        let new = new.probed(&probe.id).filter(|probed| probed.verdict.blames_certificate());
        let old = replaced.probed(&probe.id).filter(|probed| probed.verdict.recognised());
        let refused = record.renewal.as_ref().and_then(|renewal| renewal.back_refused);
        new.zip(old).is_some_and(|(new, old)| old.at >= new.at && refused.is_none_or(|at| old.at > at))
    });
    let Some(probe) = blamed.map(|probe| probe.id.clone()) else {
        return;
    };
    let Some(renewal) = record.renewal.as_ref() else {
        return;
    };
    let going_on = !renewal.is_in_place() && renewal.rolling_back.is_none();
    let used = renewal.settling_since.is_some() || may_be_used(watch, record);
    if going_on && used {
        let why = format!("probe {probe} blames the new certificate, and the old one is accepted");
        go_back(watch, record, why, chronicle);
    }
}

/// A person asked for the way back. It is taken where the old certificate is accepted now, or nothing can tell; where it is
/// refused it would cut the callers off, so it is not.
pub(super) fn answer_asked_back(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let Some((asked, why)) = record.renewal.as_ref().and_then(|renewal| renewal.back_asked.clone()) else {
        return;
    };
    let role = old_role(record);
    let Some(old) = record.standing(role) else {
        return;
    };
    let mut refused = (chronicle.now > old.chain.leaf.not_after).then(|| "it has expired".to_owned());
    for probe in &watch.probes {
        let facts = old.probes.get(&probe.id).cloned().unwrap_or_default();
        let due = cadence::probe_due(watch, record, probe, role);
        if !cadence::is_answered(&facts, asked) && due.is_none_or(|due| due <= chronicle.now) {
            return;
        }
        let verdict = facts.last.as_ref().map(|last| last.verdict).filter(|verdict| !verdict.recognised());
        refused = refused.or_else(|| verdict.map(|verdict| format!("probe {} with it: {verdict}", probe.id)));
    }
    refused = refused.or_else(|| {
        let target = known_the_new_only(watch, record, old)?;
        Some(format!("nothing has shown that {target} knows it, which knows the new one; where you know that it does, set the callers to it yourself"))
    });
    if let Some(renewal) = &mut record.renewal {
        renewal.back_asked = None;
    }
    match refused {
        None => {
            let by = record.renewal.as_ref().and_then(|renewal| renewal.back_by.clone());
            go_back(watch, record, why, chronicle);
            if let Some(renewal) = &mut record.renewal {
                renewal.back_by = by;
            }
        }
        Some(because) => {
            let text = format!(
                "the way back is refused, because it would cut the callers off: the replaced certificate is not accepted now ({because}); make it known there again, then ask once more"
            );
            chronicle.note(EventKind::ActFailed, text);
        }
    }
}

/// The target that no call can ask, and that knows the new certificate and, as far as is known, not the old one.
fn known_the_new_only<'a>(watch: &'a Watch, record: &Record, old: &Standing) -> Option<&'a str> {
    let new = match old_role(record) {
        Role::Replaced => record.in_force.as_ref()?,
        Role::InForce | Role::Candidate => record.standing(Role::Candidate)?,
    };
    let only_new = |target: &&Target| {
        asks::is_known(watch, target, new)
            && (!asks::is_known(watch, target, old) || has_made_room(record, target, new))
            && !asks::a_call_can_tell(watch, target, old)
    };
    watch.targets.iter().find(only_new).map(|target| target.id.as_str())
}

/// Whether the old mapping at this target was taken away for the new certificate, by a person or by certsteward.
fn has_made_room(record: &Record, target: &Target, new: &Standing) -> bool {
    let Some(told) = new.targets.get(&target.id) else {
        return false;
    };
    let by_person = told.hand_off.as_ref().is_some_and(|facts| facts.ask == Ask::Replace);
    let by_us = target.delivery == Delivery::Direct && told.given;
    by_person || (by_us && asks::overwrites(target, record, new))
}

/// Whether any caller uses the candidate, or may use it.
pub(super) fn may_be_used(watch: &Watch, record: &Record) -> bool {
    let switched = record.renewal.as_ref().is_some_and(|renewal| !renewal.switched.is_empty());
    switched || keep::is_put_uncertain(record) || !uncertain_switches(watch, record).is_empty()
}

/// From here on the callers go back, those included whose switch may have taken effect unseen.
pub(super) fn go_back(watch: &Watch, record: &mut Record, why: String, chronicle: &mut Chronicle<'_>) {
    let at = chronicle.now;
    withdraw_questions(record, chronicle);
    let mut uncertain = uncertain_switches(watch, record);
    let put = keep::is_put_uncertain(record);
    if let Some(renewal) = record.renewal.as_mut() {
        uncertain.extend(renewal.replaces_name.clone().filter(|_| put));
        renewal.rolling_back = Some((at, why));
        renewal.back_by = None;
        renewal.back_gone = None;
        renewal.moved = at;
        for id in uncertain {
            renewal.switched.entry(id).or_insert(at);
        }
    }
}

/// Nobody is asked any more to make known what the callers are led away from: the mapping that has to make room may be theirs.
fn withdraw_questions(record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let settled = record.standing(Role::Replaced).is_some();
    let role = if settled { Role::InForce } else { Role::Candidate };
    let Some(standing) = record.standing_mut(role) else {
        return;
    };
    for (id, publication) in standing.targets.iter_mut() {
        let open = publication.hand_off.as_mut().filter(|facts| facts.closed.is_none());
        if let Some(facts) = open {
            facts.closed = Some(chronicle.now);
            let text = format!("what was asked of {id} is withdrawn, because the callers go back");
            chronicle.note(EventKind::HandOffClosed, text);
        }
    }
}

/// Callers whose switch ended without an answer and who could not be looked at since.
fn uncertain_switches(watch: &Watch, record: &Record) -> Vec<String> {
    let Some(renewal) = record.renewal.as_ref().filter(|renewal| renewal.switches_callers()) else {
        return Vec::new();
    };
    let (Some(order), Some(from)) = (&renewal.order, &renewal.replaces_name) else {
        return Vec::new();
    };
    let is_uncertain = |id: &String| {
        let (generation, from, to) = (renewal.generation, from.clone(), order.name.clone());
        let act = Act::Switch { generation, caller: id.clone(), from, to };
        let lost = record.attempts.get(&act.id()).filter(|attempts| attempts.maybe_effective);
        let seen = record.callers.get(id).is_some_and(|facts| facts.unseen.is_none());
        let looked = record.looked.get(&Look::Caller(id.clone()).key()).filter(|_| seen);
        lost.is_some_and(|lost| looked.is_none_or(|at| *at <= lost.last))
    };
    watch.callers.iter().map(|caller| caller.id.clone()).filter(is_uncertain).collect()
}

/// A caller that is no longer configured cannot be switched back, and must not keep the roll back from its end.
fn let_go_of_unknown(record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let watch = chronicle.watch;
    let by_caller = |renewal: &&mut Renewal| renewal.rolling_back.is_some() && renewal.switches_callers();
    let Some(renewal) = record.renewal.as_deref_mut().filter(by_caller) else {
        return;
    };
    renewal.switched.retain(|id, _| {
        let known = watch.callers.iter().any(|caller| caller.id == *id);
        if !known {
            let text = format!(
                "the caller {id} is no longer configured, so it is not switched back; where it still exists, see which entry it uses"
            );
            chronicle.note(EventKind::ActFailed, text);
        }
        known
    });
}

/// What made room for the new certificate has to be told about the old one once more.
fn tell_again_after_roll_back(watch: &Watch, record: &mut Record) {
    let role = old_role(record);
    let new = if role == Role::Replaced { Role::InForce } else { Role::Candidate };
    let Some(new) = record.standing(new) else {
        return;
    };
    let unprobed = watch.targets.iter().filter(|target| watch.probe_of(target).is_none());
    let room: Vec<String> = unprobed
        .filter(|target| has_made_room(record, target, new))
        .map(|target| target.id.clone())
        .collect();
    if let Some(old) = record.standing_mut(role) {
        for id in room {
            old.targets.insert(id, Publication::default());
        }
    }
}

/// Every caller uses the old certificate again.
pub(super) fn finish_roll_back(record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let_go_of_unknown(record, chronicle);
    let done = record
        .renewal
        .as_ref()
        .is_some_and(|renewal| renewal.rolling_back.is_some() && renewal.switched.is_empty());
    if done {
        tell_again_after_roll_back(chronicle.watch, record);
    }
    let Some(mut renewal) = record.renewal.take_if(|_| done) else {
        return;
    };
    let why = renewal.rolling_back.take().map(|(_, why)| why).unwrap_or_default();
    let failed = match renewal.replaced.take() {
        Some(replaced) => record.in_force.replace(replaced),
        None => renewal.candidate.take(),
    };
    let failed = keep::name_the_rolled_back(record, &renewal, failed);
    keep::leave_copies(record, &renewal, chronicle.now);
    // Callers used it, and may have it in their caches: it goes as what was in force goes, not as what nobody ever used.
    let leaves = failed.is_some();
    absorb::discard_candidate(record, failed, chronicle.now);
    if let Some(leftover) = record.leftovers.last_mut().filter(|_| leaves) {
        leftover.was_used = true;
    }
    chronicle.note(EventKind::RenewalEnded, format!("renewal {} was rolled back: {why}", renewal.generation));
    record.ended = Some(Box::new(Ended {
        at: chronicle.now,
        generation: renewal.generation,
        rolled_back: true,
        unfit: false,
        asked_by: renewal.back_by,
        text: why,
    }));
    record.counts.renewals[1] += 1;
}

/// Settled: long enough, and the last probe says so. What was replaced is remembered until it is retired.
pub(super) fn end_settling(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let Some(in_force) = &record.in_force else {
        return;
    };
    let settle = cadence::settle_time(watch);
    let ended = record
        .renewal
        .as_ref()
        .and_then(|renewal| renewal.settling_since.filter(|_| renewal.rolling_back.is_none()));
    let Some(end) = ended.map(|since| since + settle).filter(|end| chronicle.now >= *end) else {
        return;
    };
    let proven_at_end = watch.probes.iter().all(|probe| {
        let before = record.standing(Role::Replaced).and_then(|replaced| replaced.verdict(&probe.id));
        in_force.probed(&probe.id).is_some_and(|probed| {
            let as_before = !absorb::is_platform_trouble(probed.verdict) && before == Some(probed.verdict);
            let fine = probed.verdict.recognised() || (as_before && !probed.verdict.blames_certificate());
            probed.at >= end && fine
        })
    });
    if !proven_at_end {
        return;
    }
    let Some(renewal) = record.renewal.take() else {
        return;
    };
    let text =
        format!("renewal {} ended: {} is in force", renewal.generation, in_force.fingerprint().short());
    chronicle.note(EventKind::RenewalEnded, text);
    record.counts.renewals[0] += 1;
    (record.ended, record.tidied) = (None, 0);
    chronicle.note(EventKind::Measured, overlap::sentence(&renewal, in_force, watch));
    keep::leave_copies(record, &renewal, chronicle.now);
    keep_replaced(record, *renewal, chronicle.now);
}
