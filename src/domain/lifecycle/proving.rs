//! Proof and the want of it: what calls showed, who must be asked, which gap is announced before.
//! It makes no call.

use super::asks::{
    are_together, ask_for, can_compare, follows, is_known, is_proven_by_probe, needs_telling, opens_a_gap,
    overall_matching, reference,
};
use super::{Chronicle, Dice, absorb, ready};
use crate::domain::event::EventKind;
use crate::domain::record::{Ask, HandOffFacts, Publication, Record, Role, Standing};
use crate::domain::verdict::Verdict;
use crate::domain::watch::{Delivery, Matching, Target, Watch};
use crate::domain::{Duration, Timestamp};

/// What probes show becomes proof, and answers open questions.
pub(super) fn prove(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    for role in [Role::Candidate, Role::InForce] {
        prove_standing(watch, record, role, chronicle);
    }
}

/// What a target knows by its name alone is known there without an upload.
fn recognise(watch: &Watch, record: &mut Record, role: Role, chronicle: &mut Chronicle<'_>) {
    let Some((standing, other)) =
        record.standing(role).zip(record.standing(role).and_then(|standing| reference(record, standing)))
    else {
        return;
    };
    let unknown = watch.targets.iter().filter(|target| !is_known(watch, target, standing));
    let recognised: Vec<String> = unknown
        .filter(|target| follows(watch, record, target, standing, other))
        .map(|target| target.id.clone())
        .collect();
    for id in recognised {
        if let Some(standing) = record.standing_mut(role) {
            standing.targets.entry(id.clone()).or_default().follows = Some(chronicle.now);
        }
        let text = format!(
            "the target {id} recognises it by issuer and subject, which are those of the one it knows"
        );
        chronicle.note(EventKind::Recognised, text);
    }
}

fn prove_standing(watch: &Watch, record: &mut Record, role: Role, chronicle: &mut Chronicle<'_>) {
    recognise(watch, record, role, chronicle);
    let Some(standing) = record.standing(role) else {
        return;
    };
    let proven: Vec<String> = watch
        .targets
        .iter()
        .filter(|target| is_proven_by_probe(watch, record, target, standing))
        .map(|target| target.id.clone())
        .collect();
    let known: Vec<String> = watch
        .targets
        .iter()
        .filter(|target| is_known(watch, target, standing))
        .map(|target| target.id.clone())
        .collect();
    let Some(standing) = record.standing_mut(role) else {
        return;
    };
    for id in &proven {
        let publication = standing.targets.entry(id.clone()).or_default();
        if publication.proven.is_none() {
            publication.proven = Some(chronicle.now);
            chronicle
                .note(EventKind::Proven, format!("a call proved that the target {id} knows the certificate"));
        }
    }
    for id in proven.iter().chain(&known) {
        let hand_off = standing.targets.get_mut(id).and_then(|publication| publication.hand_off.as_mut());
        if let Some(facts) = hand_off.filter(|facts| facts.closed.is_none()) {
            facts.closed = Some(chronicle.now);
            chronicle.note(EventKind::HandOffClosed, format!("what was asked of {id} is done"));
        }
    }
}

/// A certificate that was known and is not mapped any more, twice in a row, is to be published again.
pub(super) fn lose_proof(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    lose_publication(watch, record, chronicle);
    for role in [Role::Candidate, Role::InForce] {
        // In a renewal that overwrites or gives back the old mapping, the old one is expected to be lost.
        if role == Role::InForce && record.concern() == Role::Candidate {
            continue;
        }
        let Some(standing) = record.standing_mut(role) else {
            continue;
        };
        for target in &watch.targets {
            let facts = watch.probe_of(target).and_then(|probe| standing.probes.get(&probe.id));
            let last = facts.filter(|facts| facts.repeated >= 2).and_then(|facts| facts.last.as_ref());
            let lost = last.filter(|last| last.verdict == Verdict::NotMapped).map(|last| last.at);
            let (Some(at), Some(publication)) = (lost, standing.targets.get_mut(&target.id)) else {
                continue;
            };
            if publication.proven.take_if(|proven| *proven < at).is_some() {
                publication.hand_off = None;
                publication.published = None;
                publication.held = None;
                let text = format!("the target {} does not know the certificate any more", target.id);
                chronicle.note(EventKind::Probed, text);
            }
        }
    }
}

/// How long a target that was told is given before a call that it still refuses means that what it was told is lost.
const SYNCHRONISED_WITHIN: Duration = Duration::hours(1);

/// What certsteward gave a target and calls do not show there is given again: it may have been lost, or taken away.
fn lose_publication(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let role = record.concern();
    let Some(standing) = record.standing_mut(role) else {
        return;
    };
    for target in watch.targets.iter().filter(|target| target.delivery == Delivery::Direct) {
        let facts = watch.probe_of(target).and_then(|probe| standing.probes.get(&probe.id));
        let last = facts.filter(|facts| facts.repeated >= 2).and_then(|facts| facts.last.as_ref());
        let refused = last.filter(|last| last.verdict == Verdict::NotMapped).map(|last| last.at);
        let (Some(at), Some(publication)) = (refused, standing.targets.get_mut(&target.id)) else {
            continue;
        };
        let patience = target.cache.unwrap_or(SYNCHRONISED_WITHIN).max(SYNCHRONISED_WITHIN);
        let waited = |published: &mut Timestamp| at >= *published + patience;
        let unproven = publication.proven.is_none();
        if let Some(published) = publication.published.take_if(|published| unproven && waited(published)) {
            publication.held = None;
            let text = format!(
                "the target {} was given the certificate {} before and still does not know it, so it is given again",
                target.id,
                crate::domain::lifecycle::words(at - published)
            );
            chronicle.note(EventKind::Probed, text);
        }
    }
}

/// A person wants it tried again: what was given and is not known is given once more.
pub(super) fn publish_anew(watch: &Watch, record: &mut Record) {
    let role = record.concern();
    let Some(standing) = record.standing_mut(role) else {
        return;
    };
    for target in watch.targets.iter().filter(|target| target.delivery == Delivery::Direct) {
        let verdict = watch.probe_of(target).and_then(|probe| standing.verdict(&probe.id));
        let publication = standing.targets.get_mut(&target.id).filter(|told| told.proven.is_none());
        if let Some(publication) = publication.filter(|_| verdict == Some(Verdict::NotMapped)) {
            publication.published = None;
        }
    }
}

/// Opens a hand-off for each target that a person serves and that must be told. A gap is announced before the question.
pub(super) fn ask_people(watch: &Watch, record: &mut Record, dice: &mut Dice, chronicle: &mut Chronicle<'_>) {
    let role = record.concern();
    let issuing = record
        .renewal
        .as_ref()
        .is_some_and(|renewal| renewal.candidate.is_none() && renewal.replaced.is_none());
    let Some(standing) = record.standing(role) else {
        return;
    };
    let goes_back = record.renewal.as_ref().is_some_and(|renewal| renewal.rolling_back.is_some());
    if issuing || goes_back || !can_judge_beside(watch, record, standing) {
        return;
    }
    note_shared(watch, record, chronicle);
    let Some(standing) = record.standing(role) else {
        return;
    };
    let wanted: Vec<(&Target, Ask)> = watch
        .targets
        .iter()
        .filter(|target| target.delivery == Delivery::HandOff && needs_telling(watch, target, standing))
        .filter(|target| {
            standing.targets.get(&target.id).is_none_or(|publication| publication.hand_off.is_none())
        })
        .map(|target| (target, ask_for(target, record, standing)))
        .filter(|(target, ask)| ready::may_ask(watch, record, target, *ask))
        .collect();
    for (target, ask) in &wanted {
        let ask = *ask;
        let facts = new_hand_off(ask, dice, chronicle.now);
        if let Some(standing) = record.standing_mut(role) {
            standing.targets.entry(target.id.clone()).or_default().hand_off = Some(facts);
            let chain = standing.chain.clone();
            record.remember_mapped(&target.id, &chain);
        }
    }
    announce_gap(watch, record, chronicle);
    for (target, ask) in wanted {
        withdraw_older(record, role, &target.id, chronicle);
        let text = format!("a person is asked to {} in {}", ask.sentence(), target.id);
        chronicle.note(EventKind::HandOffOpened, text);
        if let Some(renewal) = &mut record.renewal {
            renewal.moved = chronicle.now;
        }
    }
}

/// A mapping that lets another watch in is deleted by nobody on our word.
fn note_shared(watch: &Watch, record: &mut Record, chronicle: &Chronicle<'_>) {
    let role = record.concern();
    let Some(standing) = record.standing(role) else {
        return;
    };
    let leaf = standing.chain.leaf.clone();
    let is_shared = |target: &Target| {
        ask_for(target, record, standing) == Ask::Replace && chronicle.is_used_beside(&target.id, &leaf)
    };
    let by_person = watch.targets.iter().filter(|target| target.delivery == Delivery::HandOff);
    let shared: Vec<(String, bool)> =
        by_person.map(|target| (target.id.clone(), is_shared(target))).collect();
    let Some(standing) = record.standing_mut(role) else {
        return;
    };
    for (id, shared) in shared {
        match standing.targets.get_mut(&id) {
            Some(publication) => publication.shared = shared,
            None if shared => {
                standing.targets.insert(id, Publication { shared, ..Publication::default() });
            }
            None => {}
        }
    }
}

/// One question at a time: who uploads the candidate need not upload the certificate that it replaces.
fn withdraw_older(record: &mut Record, role: Role, target: &str, chronicle: &mut Chronicle<'_>) {
    let older = record.in_force.as_mut().filter(|_| role == Role::Candidate);
    let open = older.and_then(|standing| standing.targets.get_mut(target)?.hand_off.as_mut());
    if let Some(facts) = open.filter(|facts| facts.closed.is_none()) {
        facts.closed = Some(chronicle.now);
        let text =
            format!("what was asked of {target} is withdrawn, because the candidate is asked for instead");
        chronicle.note(EventKind::HandOffClosed, text);
    }
}

pub(super) fn new_hand_off(ask: Ask, dice: &mut Dice, now: Timestamp) -> HandOffFacts {
    HandOffFacts {
        ask,
        opened: now,
        token: dice.token(),
        signs: Vec::new(),
        reminded: Vec::new(),
        escalated: None,
        closed: None,
        withdrawn: false,
    }
}

/// Before a person is asked about a candidate, the certificate in force was asked in the same pass: else a platform in
/// trouble, or a lesson not yet learned, would cost somebody an upload.
fn can_judge_beside(watch: &Watch, record: &Record, standing: &Standing) -> bool {
    let Some(other) = reference(record, standing).filter(|_| record.concern() == Role::Candidate) else {
        return true;
    };
    watch.probes.iter().all(|probe| {
        let (Some(mine), facts) = (standing.probed(&probe.id), other.probes.get(&probe.id)) else {
            return true;
        };
        let Some(last) = facts.and_then(|facts| facts.last.as_ref()) else {
            return facts.is_some_and(|facts| facts.no_key.is_some());
        };
        !absorb::is_platform_trouble(last.verdict)
            && facts.is_some_and(|facts| can_compare(facts, mine.at))
            && seen_beside(standing, &probe.id, last.at)
    })
}

fn seen_beside(standing: &Standing, probe: &str, other: Timestamp) -> bool {
    let since = standing.probes.get(probe).and_then(|facts| facts.since).unwrap_or(standing.since);
    other >= since || are_together(other, since)
}

/// A gap is announced before it can begin: a hand-off that deletes first, or an in-place issue that may not be known.
pub(super) fn announce_gap(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let Some(text) = expected_gap(watch, record) else {
        return;
    };
    let Some(renewal) = record.renewal.as_mut().filter(|renewal| renewal.gap_announced.is_none()) else {
        return;
    };
    renewal.gap_announced = Some((chronicle.now, text.clone()));
    chronicle.note(EventKind::GapAnnounced, text);
}

/// Whether the certificate in force is somebody else's and its issuer is not that of the one before: which authority signs
/// what is issued next is not known.
fn is_of_strange_issuer(record: &Record) -> bool {
    let in_force = record.in_force.as_ref().filter(|standing| !standing.ours);
    let before = record.previous.as_ref().map(|chain| &chain.leaf.issuer);
    in_force.zip(before).is_some_and(|(standing, before)| standing.chain.leaf.issuer != *before)
}

/// The gap that the renewal under way is expected to have, in words.
pub(in crate::domain) fn expected_gap(watch: &Watch, record: &Record) -> Option<String> {
    let renewal = record.renewal.as_ref()?;
    let person = watch.targets.iter().any(|target| target.delivery == Delivery::HandOff);
    let by_name = overall_matching(watch, record) == Matching::Dn;
    let strange = is_of_strange_issuer(record);
    if renewal.is_in_place()
        && (!by_name || strange)
        && !watch.targets.is_empty()
        && renewal.settling_since.is_none()
    {
        let until = if person {
            "a person has replaced it at the target"
        } else {
            "the target was given the new one"
        };
        let because = if by_name {
            "somebody else brought in another issuer, so that of the new one may differ again"
        } else {
            "the tenant is not known to match by issuer and subject"
        };
        return Some(format!(
            "calls may fail from the in-place issue until {until}: the old certificate is overwritten at once, and {because}"
        ));
    }
    let ratchet = watch.targets.iter().any(|target| target.ratchet);
    if renewal.is_in_place() && ratchet && renewal.settling_since.is_none() {
        return Some("calls of callers that still use what they read before fail from the first call with the new certificate until their caches have run out: the target shuts the older certificate out then".to_owned());
    }
    if renewal.candidate.is_some() && ratchet {
        return Some("calls fail from the first call with the new certificate until the callers are switched and their caches have run out: the target shuts the older certificate out then".to_owned());
    }
    let open = renewal.candidate.as_ref().is_some_and(|candidate| {
        candidate
            .targets
            .values()
            .any(|publication| publication.hand_off.as_ref().is_some_and(|facts| facts.ask == Ask::Replace))
    });
    // Before anybody is asked: whoever approves the switch is to know of it.
    let ahead = renewal.candidate.as_ref().is_some_and(|candidate| {
        can_judge_beside(watch, record, candidate) && opens_a_gap(watch, record, candidate)
    });
    let slow = watch.targets.iter().filter_map(|target| Some((target.cache?, &target.id))).max();
    let slow = slow.map(|(cache, id)| {
        format!("; {id} may take up to {} to know what it was told", crate::domain::lifecycle::words(cache))
    });
    (open || ahead).then(|| {
        format!(
            "calls fail from the moment the old mapping is deleted until the callers are switched and their caches have run out: the tenant refuses a second mapping with the same issuer and subject{}",
            slow.unwrap_or_default()
        )
    })
}

/// Whether every target knows the standing and every probe that no target names is satisfied.
pub(in crate::domain) fn is_everywhere_known(watch: &Watch, record: &Record, standing: &Standing) -> bool {
    let targets = watch.targets.iter().all(|target| is_known(watch, target, standing));
    let proves_a_target = |id: &str| {
        watch.targets.iter().any(|target| watch.probe_of(target).is_some_and(|probe| probe.id == id))
    };
    let alone = watch.probes.iter().filter(|probe| !proves_a_target(&probe.id)).all(|probe| {
        let other = reference(record, standing).and_then(|other| other.verdict(&probe.id));
        match standing.verdict(&probe.id) {
            Some(Verdict::Accepted) => true,
            Some(Verdict::NoPermission) => other == Some(Verdict::NoPermission),
            Some(_) | None => false,
        }
    });
    targets && alone
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample::{certificate, chain, renewing, watch};
    use crate::domain::watch::Rotation;

    #[test]
    fn an_in_place_issue_is_announced_as_a_gap_where_somebody_else_changed_the_issuer() {
        let mut watch = watch();
        watch.targets.iter_mut().for_each(|target| target.matching = Matching::Dn);
        let mut record = renewing(&watch);
        if let Some(renewal) = &mut record.renewal {
            renewal.terms.rotation = Rotation::InPlace;
            renewal.candidate = None;
        }
        assert_eq!(expected_gap(&watch, &record), None);
        let mut before = certificate("SFAPI", 365, 60);
        record.previous = Some(Box::new(chain(before.clone())));
        assert_eq!(expected_gap(&watch, &record), None);
        before.issuer = before.subject.clone();
        record.previous = Some(Box::new(chain(before)));
        assert!(expected_gap(&watch, &record).is_some_and(|text| text.contains("another issuer")));
        record.in_force = record.in_force.map(|standing| Standing { ours: true, ..standing });
        assert_eq!(expected_gap(&watch, &record), None, "certsteward's own: the store's authority is known");
    }
}
