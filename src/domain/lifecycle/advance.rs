//! What follows from the facts by itself: a renewal begins, a tenant teaches, a person is asked, a proof stands,
//! settling begins and ends, a roll back is due. Nothing outside is changed here.

use super::asks::{
    are_together, ask_for, effective_matching, is_known, is_proven_by_probe, needs_telling, overall_matching,
    reference,
};
use super::backdate::backdate;
use super::{Chronicle, Dice, absorb, cadence, want};
use crate::domain::certificate::Fingerprint;
use crate::domain::event::{Actor, EventKind};
use crate::domain::lint;
use crate::domain::policy::Retire;
use crate::domain::record::{
    Ask, Due, Ended, HandOffFacts, Learned, Leftover, Order, Record, Renewal, Role, Standing,
};
use crate::domain::verdict::Verdict;
use crate::domain::watch::{Delivery, Matching, Mode, Rotation, SubjectChoice, Target, Terms, Watch};
use crate::domain::{Duration, Timestamp};

/// Advances the record to what its facts mean at this moment.
pub fn advance(watch: &Watch, record: &mut Record, dice: &mut Dice, chronicle: &mut Chronicle<'_>) {
    let now = chronicle.now;
    backdate(record, now);
    keep_due(watch, record, dice);
    begin_renewal(watch, record, chronicle);
    place_order(record, now);
    judge_candidate(watch, record, chronicle);
    learn(watch, record, chronicle);
    change_subject(watch, record, chronicle);
    prove(watch, record, chronicle);
    lose_proof(watch, record, chronicle);
    announce_gap(watch, record, chronicle);
    ask_people(watch, record, dice, chronicle);
    begin_settling(watch, record, chronicle);
    decide_roll_back(watch, record, chronicle);
    finish_roll_back(record, chronicle);
    end_settling(watch, record, chronicle);
    ask_removal(watch, record, dice, chronicle);
    drop_leftovers(watch, record, chronicle);
    forget_needless(watch, record);
    finish_check(watch, record);
    forget_old(record, now);
}

fn keep_due(watch: &Watch, record: &mut Record, dice: &mut Dice) {
    let Some(in_force) = &record.in_force else {
        return;
    };
    let moments = watch.moments(in_force, true);
    absorb::draw_due(record, moments.due, moments.jitter, dice.permille());
}

/// A renewal begins when it is due or asked for, and nothing speaks against it.
fn begin_renewal(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let Some(terms) = watch.renewal.as_ref().filter(|terms| terms.rotation != Rotation::LeftToSource) else {
        return;
    };
    let asked = record.renewal_asked.clone();
    let due = record.due.is_some_and(|Due { at, .. }| chronicle.now >= at) && record.ended.is_none();
    let seen = record.unseen.is_none() && record.absent_since.is_none();
    if record.renewal.is_some() || watch.mode == Mode::Observe || !seen || !(asked.is_some() || due) {
        return;
    }
    let Some(in_force) = &record.in_force else {
        return;
    };
    record.renewal_asked = None;
    record.generation += 1;
    let cause = asked.unwrap_or(Actor::Daemon);
    let why = if cause == Actor::Daemon { "it is due" } else { "a person asked" };
    let text = format!("renewal {} began, because {why}", record.generation);
    chronicle.note_by(cause.clone(), EventKind::RenewalStarted, text, Vec::new());
    record.renewal = Some(Renewal {
        generation: record.generation,
        started: chronicle.now,
        cause,
        terms: terms.clone(),
        replaces: in_force.fingerprint(),
        replaces_name: in_force.name.clone(),
        subject: first_subject(watch, record, terms),
        order: None,
        looked_empty: None,
        issue_started: None,
        taken: Vec::new(),
        candidate: None,
        replaced: None,
        switched: std::collections::BTreeMap::new(),
        settling_since: None,
        rolling_back: None,
        gap_announced: None,
        moved: chronicle.now,
    });
}

/// `auto`: the same subject unless every way is known to need another; in place there is no other.
fn first_subject(watch: &Watch, record: &Record, terms: &Terms) -> SubjectChoice {
    match terms.subject {
        SubjectChoice::Auto if terms.rotation == Rotation::InPlace => SubjectChoice::Same,
        SubjectChoice::Auto => match overall_matching(watch, record) {
            Matching::Exact => SubjectChoice::Counted,
            Matching::Dn | Matching::Unknown => SubjectChoice::Same,
        },
        SubjectChoice::Same => SubjectChoice::Same,
        SubjectChoice::Counted => SubjectChoice::Counted,
    }
}

/// The name and the subject are chosen; issuing waits until the name is seen to be free.
fn place_order(record: &mut Record, now: Timestamp) {
    let Some(in_force) = &record.in_force else {
        return;
    };
    let Some(renewal) =
        record.renewal.as_mut().filter(|renewal| renewal.order.is_none() && renewal.replaced.is_none())
    else {
        return;
    };
    let Some(name_in_force) = in_force.name.clone() else {
        return;
    };
    let (name, count) = if renewal.is_in_place() {
        (name_in_force.clone(), 0)
    } else {
        free_name(&name_in_force, &renewal.taken)
    };
    let common_name = match renewal.subject {
        SubjectChoice::Same | SubjectChoice::Auto => in_force.chain.leaf.common_name(),
        SubjectChoice::Counted => {
            counted_name(renewal.terms.common_name.as_deref(), &in_force.chain.leaf.common_name(), count)
        }
    };
    renewal.order = Some(Order {
        name,
        common_name,
        validity: renewal.terms.validity,
        in_place: renewal.is_in_place(),
        like: Some(name_in_force),
        replaces: in_force.fingerprint(),
        placed: now,
    });
}

/// The next name beside this one that is not known to be taken: `sfapi.pem` → `sfapi-2.pem`. The extension stays last,
/// because callers read the format from it.
fn free_name(name: &str, taken: &[String]) -> (String, u32) {
    let (stem, extension) =
        name.rsplit_once('.').map_or((name, String::new()), |(stem, ext)| (stem, format!(".{ext}")));
    let (base, count) = stem
        .rsplit_once('-')
        .and_then(|(base, digits)| digits.parse::<u32>().ok().map(|count| (base, count)))
        .unwrap_or((stem, 1));
    let mut next = count.saturating_add(1);
    loop {
        let candidate = format!("{base}-{next}{extension}");
        if !taken.contains(&candidate) {
            return (candidate, next);
        }
        next = next.saturating_add(1);
    }
}

fn counted_name(template: Option<&str>, in_force: &str, count: u32) -> String {
    if let Some(template) = template {
        return template.replace("{n}", &count.to_string());
    }
    let base = in_force
        .rsplit_once('-')
        .filter(|(_, digits)| digits.parse::<u32>().is_ok())
        .map_or(in_force, |(base, _)| base);
    format!("{base}-{count}")
}

/// A new certificate is judged before use; one that is unfit ends the renewal and waits for a person.
fn judge_candidate(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let (Some(renewal), Some(in_force)) = (&mut record.renewal, &record.in_force) else {
        return;
    };
    let Some(candidate) = &renewal.candidate else {
        return;
    };
    let Some(why) = unfitness(watch, renewal, candidate, in_force, chronicle.now) else {
        return;
    };
    let text = format!("the candidate cannot be used: {why}");
    chronicle.note(EventKind::CandidateDiscarded, text.clone());
    if let Some(renewal) = record.renewal.take() {
        absorb::discard_candidate(record, renewal.candidate, chronicle.now);
        let generation = renewal.generation;
        record.ended = Some(Ended { at: chronicle.now, generation, rolled_back: false, unfit: true, text });
        record.counts.renewals[1] += 1;
    }
}

/// Compared with what it was ordered to replace only: where somebody else renewed that meanwhile, ours goes on.
fn unfitness(
    watch: &Watch,
    renewal: &Renewal,
    candidate: &Standing,
    in_force: &Standing,
    now: Timestamp,
) -> Option<String> {
    if let Some(why) = lint::unusable(candidate, watch.source.client_certificate, now) {
        return Some(why);
    }
    if candidate.since != now || in_force.fingerprint() != renewal.replaces {
        return None;
    }
    let leaf = &candidate.chain.leaf;
    let ordered = renewal.terms.validity.shortest();
    let same = renewal.subject == SubjectChoice::Same;
    let due = watch.moments(candidate, true).due;
    lint::misfit(leaf, &in_force.chain.leaf, ordered, same)
        .or_else(|| (due <= now).then(|| format!("it would be due itself since {}", lint::minute(due))))
}

/// A tenant shows how it matches: only by a candidate with the mapped issuer and subject, another fingerprint, published
/// by nobody, while the one in force is accepted.
fn learn(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let (Some(candidate), Some(in_force)) = (record.standing(Role::Candidate), &record.in_force) else {
        return;
    };
    let (new, old) = (&candidate.chain.leaf, &in_force.chain.leaf);
    if new.subject != old.subject || new.issuer != old.issuer || is_published_by_anybody(candidate) {
        return;
    }
    let mut lessons = Vec::new();
    for target in watch.targets.iter().filter(|target| target.matching == Matching::Unknown) {
        let (Some(tenant), Some(probe)) = (&target.tenant, watch.probe_of(target)) else {
            continue;
        };
        let (Some(new), Some(old)) = (candidate.probed(&probe.id), in_force.probed(&probe.id)) else {
            continue;
        };
        if probe.tenant.as_ref() != Some(tenant) || !old.verdict.recognised() || !are_together(new.at, old.at)
        {
            continue;
        }
        let lesson = if new.verdict == Verdict::Accepted {
            Matching::Dn
        } else if new.verdict == Verdict::NotMapped {
            Matching::Exact
        } else {
            continue;
        };
        if effective_matching(target, record) != lesson {
            lessons.push((tenant.clone(), lesson));
        }
    }
    for (tenant, matching) in lessons {
        let how = if matching == Matching::Dn { "by issuer and subject" } else { "by the exact certificate" };
        chronicle.note(EventKind::Learned, format!("{tenant} recognises certificates {how}"));
        record.learned.insert(tenant, Learned { matching, at: chronicle.now });
    }
}

fn is_published_by_anybody(standing: &Standing) -> bool {
    standing
        .targets
        .values()
        .any(|publication| publication.published.is_some() || publication.hand_off.is_some())
}

/// `auto` learned that the tenant wants the exact certificate: the same subject cannot stand beside the old one, a counted
/// one can. The first candidate is given up unused; both belong to one generation.
fn change_subject(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let exact = overall_matching(watch, record) == Matching::Exact;
    let Some(renewal) = &mut record.renewal else {
        return;
    };
    let auto = renewal.terms.subject == SubjectChoice::Auto && renewal.subject == SubjectChoice::Same;
    let usable = renewal.replaced.is_none() && renewal.switched.is_empty() && !renewal.is_in_place();
    let Some(candidate) =
        renewal.candidate.take_if(|candidate| auto && usable && exact && !is_published_by_anybody(candidate))
    else {
        return;
    };
    renewal.subject = SubjectChoice::Counted;
    renewal.taken.extend(candidate.name.clone());
    renewal.order = None;
    renewal.looked_empty = None;
    renewal.issue_started = None;
    renewal.moved = chronicle.now;
    let text = "the candidate with the same subject is given up: one with a counted subject can be added without a gap";
    chronicle.note(EventKind::CandidateDiscarded, text);
    absorb::discard_candidate(record, Some(candidate), chronicle.now);
    place_order(record, chronicle.now);
}

/// What probes show becomes proof, and answers open questions.
fn prove(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    for role in [Role::Candidate, Role::InForce] {
        prove_standing(watch, record, role, chronicle);
    }
}

fn prove_standing(watch: &Watch, record: &mut Record, role: Role, chronicle: &mut Chronicle<'_>) {
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
fn lose_proof(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
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

/// Opens a hand-off for each target that a person serves and that must be told. A gap is announced before the question.
fn ask_people(watch: &Watch, record: &mut Record, dice: &mut Dice, chronicle: &mut Chronicle<'_>) {
    let role = record.concern();
    let issuing = record
        .renewal
        .as_ref()
        .is_some_and(|renewal| renewal.candidate.is_none() && renewal.replaced.is_none());
    let Some(standing) = record.standing(role) else {
        return;
    };
    if issuing || !can_judge_beside(watch, record, standing) {
        return;
    }
    let ask = ask_for(record, standing);
    let wanted: Vec<&Target> = watch
        .targets
        .iter()
        .filter(|target| target.delivery == Delivery::HandOff && needs_telling(watch, target, standing))
        .filter(|target| {
            standing.targets.get(&target.id).is_none_or(|publication| publication.hand_off.is_none())
        })
        .collect();
    for target in &wanted {
        let facts = new_hand_off(ask, dice, chronicle.now);
        if let Some(standing) = record.standing_mut(role) {
            standing.targets.entry(target.id.clone()).or_default().hand_off = Some(facts);
        }
    }
    announce_gap(watch, record, chronicle);
    for target in wanted {
        withdraw_older(record, role, &target.id, chronicle);
        let text = format!("a person is asked to {} in {}", ask_words(ask), target.id);
        chronicle.note(EventKind::HandOffOpened, text);
        if let Some(renewal) = &mut record.renewal {
            renewal.moved = chronicle.now;
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

const fn ask_words(ask: Ask) -> &'static str {
    match ask {
        Ask::Add => "add the certificate",
        Ask::Replace => "delete the old certificate and add the new one",
        Ask::Remove => "remove the replaced certificate",
    }
}

fn new_hand_off(ask: Ask, dice: &mut Dice, now: Timestamp) -> HandOffFacts {
    HandOffFacts {
        ask,
        opened: now,
        token: dice.token(),
        signs: Vec::new(),
        reminded: Vec::new(),
        escalated: None,
        closed: None,
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
            && last.at >= mine.at.min(last.at)
            && seen_beside(standing, &probe.id, last.at)
    })
}

fn seen_beside(standing: &Standing, probe: &str, other: Timestamp) -> bool {
    let since = standing.probes.get(probe).and_then(|facts| facts.since).unwrap_or(standing.since);
    other >= since || are_together(other, since)
}

/// A gap is announced before it can begin: a hand-off that deletes first, or an in-place issue that may not be known.
fn announce_gap(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let Some(text) = expected_gap(watch, record) else {
        return;
    };
    let Some(renewal) = record.renewal.as_mut().filter(|renewal| renewal.gap_announced.is_none()) else {
        return;
    };
    renewal.gap_announced = Some((chronicle.now, text.clone()));
    chronicle.note(EventKind::GapAnnounced, text);
}

/// The gap that the renewal under way is expected to have, in words.
pub(in crate::domain) fn expected_gap(watch: &Watch, record: &Record) -> Option<String> {
    let renewal = record.renewal.as_ref()?;
    let person = watch.targets.iter().any(|target| target.delivery == Delivery::HandOff);
    let exact = overall_matching(watch, record) != Matching::Dn && !watch.targets.is_empty();
    if renewal.is_in_place() && exact && renewal.settling_since.is_none() {
        let until = if person {
            "a person has replaced it at the target"
        } else {
            "the target was given the new one"
        };
        return Some(format!(
            "calls may fail from the in-place issue until {until}: the old certificate is overwritten at once, and the tenant is not known to match by issuer and subject"
        ));
    }
    let open = renewal.candidate.as_ref().is_some_and(|candidate| {
        candidate
            .targets
            .values()
            .any(|publication| publication.hand_off.as_ref().is_some_and(|facts| facts.ask == Ask::Replace))
    });
    open.then(|| {
        "calls fail from the moment the old mapping is deleted until the callers are switched and their caches have run out: the tenant refuses a second mapping with the same issuer and subject".to_owned()
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

/// All callers use the candidate, so it is the certificate in force from here on.
fn begin_settling(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
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
    let settle = cadence::settle_time(watch);
    let text = format!("the candidate is in force; callers are watched for {}", words(settle));
    chronicle.note(EventKind::Settled, text);
}

fn all_switched(watch: &Watch, record: &Record) -> bool {
    let Some(renewal) = &record.renewal else {
        return false;
    };
    watch.callers.iter().all(|caller| {
        let facts = record.callers.get(&caller.id);
        let uses_another = facts.is_some_and(|facts| {
            facts.unseen.is_none()
                && facts.seen.is_some()
                && facts.uses.is_some()
                && facts.uses != renewal.replaces_name
        });
        renewal.switched.contains_key(&caller.id) || uses_another
    })
}

/// Rolls back only if the verdict blames the certificate and the old one is accepted now.
fn decide_roll_back(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
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
        new.zip(old).is_some_and(|(new, old)| old.at >= new.at)
    });
    let Some(probe) = blamed.map(|probe| probe.id.clone()) else {
        return;
    };
    let Some(renewal) = record.renewal.as_mut() else {
        return;
    };
    let used = renewal.settling_since.is_some() || !renewal.switched.is_empty();
    if renewal.switches_callers() && used && renewal.rolling_back.is_none() {
        let why = format!("probe {probe} blames the new certificate, and the old one is accepted");
        renewal.rolling_back = Some((chronicle.now, why));
        renewal.moved = chronicle.now;
    }
}

/// Every caller uses the old certificate again.
fn finish_roll_back(record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let done = record
        .renewal
        .as_ref()
        .is_some_and(|renewal| renewal.rolling_back.is_some() && renewal.switched.is_empty());
    let Some(mut renewal) = record.renewal.take_if(|_| done) else {
        return;
    };
    let why = renewal.rolling_back.take().map(|(_, why)| why).unwrap_or_default();
    let failed = match renewal.replaced.take() {
        Some(replaced) => record.in_force.replace(replaced),
        None => renewal.candidate.take(),
    };
    absorb::discard_candidate(record, failed, chronicle.now);
    chronicle.note(EventKind::RenewalEnded, format!("renewal {} was rolled back: {why}", renewal.generation));
    record.ended = Some(Ended {
        at: chronicle.now,
        generation: renewal.generation,
        rolled_back: true,
        unfit: false,
        text: why,
    });
    record.counts.renewals[1] += 1;
}

/// Settled: long enough, and the last probe says so. What was replaced is remembered until it is retired.
fn end_settling(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
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
    record.ended = None;
    keep_replaced(record, renewal, chronicle.now);
}

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
    });
}

/// For targets that a person serves: once the replaced certificate has waited long enough, its own mapping may go.
fn ask_removal(watch: &Watch, record: &mut Record, dice: &mut Dice, chronicle: &mut Chronicle<'_>) {
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
                    format!("a person is asked to {} from {id}", ask_words(Ask::Remove)),
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
fn drop_leftovers(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
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

/// A person's "check now" is answered once every probe was made after it.
fn finish_check(watch: &Watch, record: &mut Record) {
    let Some(asked) = record.check_asked else {
        return;
    };
    let role = record.concern();
    let done = record.standing(role).is_none_or(|standing| {
        watch.probes.iter().all(|probe| {
            standing.probes.get(&probe.id).is_some_and(|facts| {
                facts.last.as_ref().is_some_and(|last| last.at >= asked)
                    || facts.no_key.as_ref().is_some_and(|(at, _)| *at >= asked)
            })
        })
    });
    if done {
        record.check_asked = None;
    }
}

/// What was kept about acts that nothing can ask for any more.
fn forget_needless(watch: &Watch, record: &mut Record) {
    let ids = want::conceivable(watch, record);
    record.attempts.retain(|id, _| ids.contains(id));
    record.approvals.retain(|id, _| ids.contains(id));
}

fn forget_old(record: &mut Record, now: Timestamp) {
    record.acts.retain(|at| *at > now - Duration::days(1));
    record.silenced_until.take_if(|until| *until <= now);
}

/// A span in words people use.
#[must_use]
pub(in crate::domain) fn words(span: Duration) -> String {
    let seconds = span.num_seconds().max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_name_keeps_the_extension_last_and_counts_on() {
        let cases = [
            ("sfapi.pem", "sfapi-2.pem"),
            ("sfapi-2.pem", "sfapi-3.pem"),
            ("sf.prod-9.p12", "sf.prod-10.p12"),
            ("bare", "bare-2"),
            ("a-b.jks", "a-b-2.jks"),
        ];
        for (name, next) in cases {
            assert_eq!(free_name(name, &[]).0, next);
        }
    }

    #[test]
    fn a_taken_name_is_passed_over() {
        assert_eq!(free_name("a.pem", &["a-2.pem".into(), "a-3.pem".into()]), ("a-4.pem".into(), 4));
    }

    #[test]
    fn the_counted_subject_counts_from_the_template_or_from_the_name_in_force() {
        assert_eq!(counted_name(Some("SFAPI-{n}"), "old", 3), "SFAPI-3");
        assert_eq!(counted_name(None, "SFAPI", 2), "SFAPI-2");
        assert_eq!(counted_name(None, "SFAPI-2", 3), "SFAPI-3");
    }
}
