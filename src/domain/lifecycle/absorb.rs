//! Reports become facts: what was seen, what was done, what a person wants.
//! It decides nothing; what follows from the facts is `advance`'s.

use super::{Chronicle, acted, asks, cadence, keep, obey, overlap, retire, settle, stray};
use crate::domain::certificate::Fingerprint;
use crate::domain::event::EventKind;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::record::{
    Attempts, CallerFacts, Due, Leftover, Look, ProbeFacts, Record, Renewal, Role, Standing,
};
use crate::domain::report::{CallerSighting, Found, Report, Sighting};
use crate::domain::verdict::{Probed, Verdict};
use crate::domain::watch::{Probe, Watch};
use crate::domain::{Duration, Timestamp};

/// Absorbs one report.
pub fn absorb(watch: &Watch, record: &mut Record, report: Report, chronicle: &mut Chronicle<'_>) {
    match report {
        Report::Looked { look, at, found } => looked(watch, record, &look, at, found, chronicle),
        Report::Acted { act, at, outcome } => acted::acted(record, watch, act, at, outcome, chronicle),
        Report::Commanded(command) => obey::commanded(watch, record, &command, chronicle),
    }
}

/// After a start: an act whose outcome was never saved may have taken effect, so it is looked at before it is tried again.
pub fn recover(record: &mut Record, chronicle: &mut Chronicle<'_>) {
    // A call that was under way then may have been one more refused logon, which the tenant counted and nobody here.
    record.refused.values_mut().for_each(|(count, _)| *count = count.saturating_add(1));
    let Some((act, started)) = record.in_flight.take().map(|begun| *begun) else {
        return;
    };
    let text =
        format!("certsteward stopped while it was about to {}; it looks before acting again", act.sentence());
    let attempts = Attempts {
        count: record.attempts.get(&act.id()).map_or(0, |attempts| attempts.count),
        last: started,
        next: chronicle.now,
        reason: Reason::Interrupted,
        text: text.clone(),
        maybe_effective: true,
    };
    record.attempts.insert(act.id(), attempts);
    if let crate::domain::record::Act::Publish { target, role, .. } = &act
        && let Some(standing) = record.standing_mut(*role)
    {
        standing.targets.entry(target.clone()).or_default().given = true;
    }
    chronicle.note(EventKind::ActFailed, text);
}

fn looked(
    watch: &Watch,
    record: &mut Record,
    look: &Look,
    at: Timestamp,
    found: Found,
    chronicle: &mut Chronicle<'_>,
) {
    let key = look.key();
    record.looked.insert(key.clone(), at);
    match miss_of(&found) {
        Some(unseen) => missed(record, &key, at, &unseen),
        // A call with another certificate than the one meant is a failure too, and counts on as one.
        None if is_of_another(record, look, &found) => {}
        None => drop(record.misses.remove(&*key)),
    }
    match (look, found) {
        (Look::Source { .. }, Found::Entry(result)) => source_looked(watch, record, at, result, chronicle),
        (Look::Entry(name), Found::Entry(Ok(result))) => {
            retire::entry_looked(record, name, result.as_deref(), chronicle);
            keep::entry_looked(record, name, at, result.as_deref(), chronicle);
            stray::entry_looked(record, name, result.as_deref());
            settle::entry_looked(record, name, result.as_deref(), chronicle);
            entry_looked(record, name, at, result, chronicle);
        }
        (Look::Caller(id), Found::Caller(result)) => caller_looked(record, id, at, result, chronicle),
        (Look::Target(id), Found::Target(Ok((about, held)))) => target_looked(record, id, about, held),
        (Look::Probe { probe, role, .. }, Found::Probe(result)) => {
            probe_looked(record, probe, *role, at, result, chronicle)
        }
        (
            Look::Source { .. } | Look::Entry(_) | Look::Caller(_) | Look::Target(_) | Look::Probe { .. },
            _,
        ) => {}
    }
}

fn miss_of(found: &Found) -> Option<Unseen> {
    match found {
        Found::Entry(Err(unseen))
        | Found::Caller(Err(unseen))
        | Found::Target(Err(unseen))
        | Found::Probe(Err(unseen)) => Some(unseen.clone()),
        Found::Entry(Ok(_)) | Found::Caller(Ok(_)) | Found::Target(Ok(_)) | Found::Probe(Ok(_)) => None,
    }
}

fn is_of_another(record: &Record, look: &Look, found: &Found) -> bool {
    let (Look::Probe { role, .. }, Found::Probe(Ok(probed))) = (look, found) else {
        return false;
    };
    let meant = record.standing(*role).map(Standing::fingerprint);
    probed.presented.is_some_and(|presented| meant.is_some_and(|meant| meant != presented))
}

fn missed(record: &mut Record, key: &str, at: Timestamp, unseen: &Unseen) {
    let count = record.misses.get(key).map_or(0, |misses| misses.count) + 1;
    let next = at + cadence::ladder(count);
    let misses = Attempts {
        count,
        last: at,
        next,
        reason: unseen.reason,
        text: unseen.text.clone(),
        maybe_effective: false,
    };
    record.misses.insert(key.to_owned(), misses);
}

fn source_looked(
    watch: &Watch,
    record: &mut Record,
    at: Timestamp,
    result: Result<Option<Box<Sighting>>, Unseen>,
    chronicle: &mut Chronicle<'_>,
) {
    match result {
        // The other side was seen, and says that nothing is there: callers that follow it find nothing either.
        Err(unseen) if unseen.reason == Reason::LeadsNowhere => {
            if record.absent_since.is_none() {
                chronicle.note(EventKind::WentUnseen, unseen.text);
            }
            record.unseen = None;
            record.absent_since.get_or_insert(at);
        }
        Err(unseen) => {
            if record.unseen.is_none() {
                chronicle
                    .note(EventKind::WentUnseen, format!("{} cannot be seen: {unseen}", watch.source.place));
            }
            let since = record.unseen.as_ref().map_or(at, |(since, _)| *since);
            record.unseen = Some((since, unseen));
        }
        Ok(None) => {
            if record.absent_since.is_none() {
                chronicle.note(EventKind::WentUnseen, format!("{} is not there", watch.source.place));
            }
            record.unseen = None;
            record.absent_since.get_or_insert(at);
        }
        Ok(Some(sighting)) => {
            if record.unseen.take().is_some() || record.absent_since.take().is_some() {
                chronicle.note(EventKind::SeenAgain, format!("{} can be seen again", watch.source.place));
            }
            record.seen_at = Some(at);
            record.shown = Some((sighting.chain.fingerprint(), sighting.name.clone()));
            record.destination = sighting.destination.clone().map(Box::new);
            record.oddities.clone_from(&sighting.oddities);
            sighted(watch, record, &sighting, at, chronicle);
        }
    }
}

/// The source shows a certificate: the one known, ours on its way, one that was put back, or somebody else's.
fn sighted(
    watch: &Watch,
    record: &mut Record,
    sighting: &Sighting,
    at: Timestamp,
    chronicle: &mut Chronicle<'_>,
) {
    let print = sighting.chain.fingerprint();
    keep::original_shown(record, print, sighting.name.as_ref(), at, chronicle);
    let Some(in_force) = &mut record.in_force else {
        let text = format!("{} is watched: {}", watch.source.place, describe(sighting));
        chronicle.note(EventKind::Watched, text);
        record.in_force = Some(Standing::new(sighting, at, false));
        return;
    };
    if in_force.fingerprint() == print {
        in_force.held &= in_force.name == sighting.name;
        in_force.name.clone_from(&sighting.name);
        in_force.has_key = sighting.has_key.or(in_force.has_key);
        return;
    }
    if adopt_in_place(record, sighting, at, chronicle) {
        return;
    }
    let candidate = record.standing(Role::Candidate).is_some_and(|standing| standing.fingerprint() == print);
    let replaced = record.standing(Role::Replaced).is_some_and(|standing| standing.fingerprint() == print);
    let leftover = record
        .leftovers
        .iter()
        .any(|leftover| leftover.chain.fingerprint() == print && !leftover.never_in_force);
    if !(candidate || replaced || leftover) {
        renewed_elsewhere(record, sighting, at, chronicle);
    }
}

fn describe(sighting: &Sighting) -> String {
    let leaf = &sighting.chain.leaf;
    let until = leaf.not_after.format("%Y-%m-%d");
    format!("{} ({}), valid until {until}", leaf.common_name(), leaf.fingerprint.short())
}

fn renewed_elsewhere(record: &mut Record, sighting: &Sighting, at: Timestamp, chronicle: &mut Chronicle<'_>) {
    let text = format!("the certificate was renewed by someone else: {}", describe(sighting));
    chronicle.note(EventKind::RenewedElsewhere, text);
    record.ended = None;
    supersede(record, sighting, at, chronicle);
    let before = record.in_force.replace(Standing::new(sighting, at, false));
    if let Some(before) = &before {
        recognise_by_name(record, before, chronicle);
        let targets = chronicle.watch.targets.iter();
        for target in targets.filter(|target| asks::is_known(chronicle.watch, target, before)) {
            record.remember_mapped(&target.id, &before.chain);
        }
        retire::leave_own(record, before, at);
    }
    record.previous = before.map(|standing| Box::new(standing.chain));
    let print = sighting.chain.fingerprint();
    let in_use = |leftover: &Leftover| leftover.name.is_none() || leftover.name == sighting.name;
    record.leftovers.retain(|leftover| leftover.chain.fingerprint() != print || !in_use(leftover));
}

/// Whoever knows certificates by issuer and subject, and no call can tell otherwise, knows the one from someone else too.
fn recognise_by_name(record: &mut Record, before: &Standing, chronicle: &Chronicle<'_>) {
    let Some(mut standing) = record.in_force.take() else {
        return;
    };
    let watch = chronicle.watch;
    let targets = watch.targets.iter();
    let known = targets.filter(|target| asks::follows(watch, record, target, &standing, before));
    let known: Vec<String> = known.map(|target| target.id.clone()).collect();
    for id in known {
        standing.targets.entry(id).or_default().follows = Some(chronicle.now);
    }
    record.in_force = Some(standing);
}

/// A renewal that has nothing to show yet is not needed any more; one that was settling is over. Any other goes on.
fn supersede(record: &mut Record, sighting: &Sighting, at: Timestamp, chronicle: &mut Chronicle<'_>) {
    let over = |renewal: &mut Box<Renewal>| {
        let overwritten = renewal.candidate.as_ref().is_some_and(|candidate| candidate.name == sighting.name);
        let nothing_yet = renewal.candidate.is_none() && renewal.issue_started.is_none();
        renewal.replaced.is_some() || nothing_yet || overwritten
    };
    let Some(renewal) = record.renewal.take_if(over) else {
        return;
    };
    let text = format!("renewal {} was superseded by a certificate from someone else", renewal.generation);
    chronicle.note(EventKind::RenewalEnded, text);
    record.counts.renewals[1] += 1;
    keep::leave_copies(record, &renewal, at);
    retire::keep_replaced(record, *renewal, at);
}

/// An in-place issue of ours shows: the new certificate is in force at once.
fn adopt_in_place(
    record: &mut Record,
    sighting: &Sighting,
    at: Timestamp,
    chronicle: &mut Chronicle<'_>,
) -> bool {
    let Some(renewal) = &mut record.renewal else {
        return false;
    };
    let ours = renewal.is_in_place()
        && renewal.issue_started.is_some()
        && renewal.replaced.is_none()
        && renewal.order.as_ref().is_some_and(|order| Some(&order.name) == sighting.name.as_ref());
    if !ours {
        return false;
    }
    renewal.replaced = record.in_force.replace(Standing::new(sighting, at, true));
    renewal.moved = at;
    renewal.overlap.switched(at);
    chronicle.note(EventKind::Issued, format!("the candidate stands in place: {}", describe(sighting)));
    forget_issue(record);
    true
}

fn entry_looked(
    record: &mut Record,
    name: &str,
    at: Timestamp,
    result: Option<Box<Sighting>>,
    chronicle: &mut Chronicle<'_>,
) {
    let in_force = record.in_force.as_ref().map(Standing::fingerprint);
    let Some(renewal) = &mut record.renewal else {
        return;
    };
    let Some(order) = renewal.order.clone().filter(|order| order.name == name) else {
        return;
    };
    if let Some(candidate) =
        renewal.candidate.as_ref().filter(|candidate| candidate.name.as_deref() == Some(name))
    {
        let holds = result.as_ref().map(|sighting| sighting.chain.fingerprint());
        let there = holds == Some(candidate.fingerprint());
        renewal.candidate_gone = (!there).then(|| renewal.candidate_gone.unwrap_or(at));
        return;
    }
    let Some(sighting) = result else {
        renewal.looked_empty = Some(at);
        return;
    };
    if order.in_place {
        if Some(sighting.chain.fingerprint()) == in_force {
            renewal.looked_empty = Some(at);
        } else {
            adopt_in_place(record, &sighting, at, chronicle);
        }
    } else if renewal.issue_started.is_none() {
        renewal.taken.push(name.to_owned());
        renewal.order = None;
        renewal.looked_empty = None;
        let text = format!(
            "{name} is taken by {}, of which certsteward has no record; the next name is used, and it is left alone: remove it where nobody needs it",
            describe(&sighting)
        );
        chronicle.note(EventKind::PassedOver, text);
    } else if renewal.candidate.is_none() && renewal.replaced.is_none() {
        chronicle.note(EventKind::Issued, format!("the candidate stands as {name}: {}", describe(&sighting)));
        // Since this very round: it is judged once, in the round that adopts it.
        renewal.candidate = Some(Standing::new(&sighting, chronicle.now, true));
        renewal.moved = at;
        forget_issue(record);
    }
}

/// What was ordered is seen: its attempts are over.
fn forget_issue(record: &mut Record) {
    record.attempts.retain(|id, _| !id.starts_with("issue-"));
}

/// So many looks in a row must say that a caller does not exist before a roll back waits for it no longer.
const GONE_FOR_GOOD: u32 = 3;

fn caller_looked(
    record: &mut Record,
    id: &str,
    at: Timestamp,
    result: Result<CallerSighting, Unseen>,
    chronicle: &mut Chronicle<'_>,
) {
    let before = record.callers.remove(id);
    let uses = result.as_ref().ok().map(|seen| seen.uses.as_ref());
    let left = uses.zip(before.as_ref().and_then(|before| before.uses.as_ref()));
    if let Some((_, left)) = left.filter(|(uses, left)| *uses != Some(*left)) {
        retire::left_now(record, left, at);
    }
    let facts = match result {
        Ok(seen) => {
            let facts = CallerFacts { uses: seen.uses, seen: Some(at), ..CallerFacts::default() };
            stray::keep_known(facts, before)
        }
        Err(unseen) => CallerFacts { unseen: Some(unseen), ..before.unwrap_or_default() },
    };
    let uses = facts.uses.clone().filter(|_| facts.unseen.is_none());
    let gone = facts.unseen.as_ref().is_some_and(|unseen| unseen.reason == Reason::NotFound);
    let key = Look::Caller(id.to_owned()).key();
    let gone = gone && record.misses.get(&*key).is_some_and(|misses| misses.count >= GONE_FOR_GOOD);
    record.callers.insert(id.to_owned(), facts);
    let Some(renewal) = record.renewal.as_mut().filter(|renewal| !renewal.switches_entry()) else {
        return;
    };
    if renewal.rolling_back.is_some() {
        let order = renewal.order.as_ref().map(|order| &order.name);
        let Some(uses) = uses else {
            if gone && renewal.switched.remove(id).is_some() {
                let text = format!("the caller {id} is gone, so it is not switched back");
                chronicle.note(EventKind::RolledBack, text);
            }
            return;
        };
        if Some(&uses) != order {
            if renewal.switched.remove(id).is_some() {
                chronicle.note(EventKind::RolledBack, format!("the caller {id} uses {uses}"));
            }
        } else if !renewal.switched.contains_key(id) {
            renewal.switched.insert(id.to_owned(), at);
            let text = format!("the caller {id} was found to use {uses}, so it goes back too");
            chronicle.note(EventKind::Switched, text);
        }
        return;
    }
    let new_name = renewal.candidate.as_ref().and_then(|candidate| candidate.name.clone());
    if uses.is_some() && uses == new_name && !renewal.switched.contains_key(id) {
        renewal.switched.insert(id.to_owned(), at);
        renewal.moved = at;
        renewal.overlap.switched(at);
        chronicle.note(EventKind::Switched, format!("the caller {id} uses {}", uses.unwrap_or_default()));
    }
}

/// The answer is about the certificate that was asked about, which another may have taken the place of meanwhile.
fn target_looked(record: &mut Record, id: &str, about: Fingerprint, held: Option<bool>) {
    for role in [Role::InForce, Role::Candidate, Role::Replaced] {
        if let Some(standing) = record.standing_mut(role).filter(|standing| standing.fingerprint() == about) {
            standing.targets.entry(id.to_owned()).or_default().held = held;
        }
    }
}

fn probe_looked(
    record: &mut Record,
    probe: &str,
    role: Role,
    at: Timestamp,
    result: Result<Box<Probed>, Unseen>,
    chronicle: &mut Chronicle<'_>,
) {
    let roles = [Role::InForce, Role::Candidate, Role::Replaced].into_iter().filter(|other| *other != role);
    let others = roles.filter_map(|other| record.standing(other)?.probes.get(probe));
    let tells = others.into_iter().any(|facts| facts.conclusive.is_some());
    let Some(standing) = record.standing_mut(role) else {
        return;
    };
    let print = standing.fingerprint();
    let facts = standing.probes.entry(probe.to_owned()).or_default();
    facts.tells |= tells;
    match result {
        Err(unseen) => facts.no_key = Some((at, unseen)),
        // The source showed another certificate meanwhile: the next look at it says so, and this answer is about neither.
        Ok(probed) if probed.presented.is_some_and(|presented| presented != print) => {
            let text = "the source gave another certificate than the one to be probed";
            let unseen = Unseen::new(Reason::StateChanged, text);
            facts.no_key = Some((at, unseen.clone()));
            missed(record, &format!("probe:{probe}:{}", role.word()), at, &unseen);
            record.looked.remove("source");
            // A logon it was all the same, and the tenant counts it.
            count_refusal(record, chronicle.watch, probe, (probed.verdict, probed.at));
        }
        Ok(probed) => {
            let changed = facts.last.as_ref().is_none_or(|last| last.verdict != probed.verdict);
            if changed {
                let text = probe_sentence(probe, role, &probed);
                chronicle.note(EventKind::Probed, text);
            }
            let (verdict, probed_at) = (probed.verdict, probed.at);
            remember_probe(facts, *probed, changed);
            count_refusal(record, chronicle.watch, probe, (verdict, probed_at));
            overlap::probed(record, role, verdict, probed_at);
        }
    }
}

fn probe_sentence(probe: &str, role: Role, probed: &Probed) -> String {
    let which = match role {
        Role::InForce => "the certificate in force",
        Role::Candidate => "the candidate",
        Role::Replaced => "the replaced certificate",
    };
    let detail = probed.detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
    format!("probe {probe} with {which}: {}{detail}", probed.verdict)
}

fn remember_probe(facts: &mut ProbeFacts, probed: Probed, changed: bool) {
    facts.no_key = None;
    facts.not_before = probed.retry_after_seconds.and_then(|seconds| {
        let wait = Duration::seconds(i64::try_from(seconds.min(86_400)).ok()?);
        Some(probed.at + wait)
    });
    if changed {
        facts.since = Some(probed.at);
        facts.repeated = 0;
    }
    facts.repeated = facts.repeated.saturating_add(1);
    // Only a logon that worked sets the tenant's own count back; an answer that says nothing leaves it as it was.
    if probed.verdict.counts_as_rejection() {
        facts.rejections = facts.rejections.saturating_add(1);
    } else if probed.verdict.recognised() {
        facts.rejections = 0;
    }
    if !probed.verdict.inconclusive() {
        facts.conclusive = Some((probed.at, probed.verdict));
    }
    if probed.verdict.recognised() {
        facts.recognised_at = Some(probed.at);
    }
    facts.last = Some(probed);
}

/// The tenant counts refused logons by login, not by certificate: what a certificate that is gone has used up stays used up
/// until a logon works again.
fn count_refusal(record: &mut Record, watch: &Watch, probe: &str, (verdict, at): (Verdict, Timestamp)) {
    let Some(login) = watch.probes.iter().find(|known| known.id == probe).map(Probe::login) else {
        return;
    };
    if verdict.counts_as_rejection() {
        let (count, last) = record.refused.entry(login.to_owned()).or_insert((0, at));
        (*count, *last) = (count.saturating_add(1), at);
        return;
    }
    let same_login = watch.probes.iter().filter(|other| other.login() == login);
    let roles = [Role::InForce, Role::Candidate, Role::Replaced];
    let standings = roles.into_iter().filter_map(|role| record.standing(role));
    let clean = standings
        .flat_map(|standing| same_login.clone().filter_map(|other| standing.probes.get(&other.id)))
        .all(|facts| facts.rejections == 0);
    if verdict.recognised() && clean {
        record.refused.remove(login);
    }
}

/// A candidate that will not be used is remembered until its entry is removed.
pub(super) fn discard_candidate(record: &mut Record, candidate: Option<Standing>, at: Timestamp) {
    let Some(candidate) = candidate else {
        return;
    };
    record.leftovers.push(Leftover {
        hand_offs: retire::uploads_of(&candidate, at),
        name: candidate.name.clone(),
        chain: candidate.chain,
        since: at,
        never_in_force: true,
        entry_removed: None,
        asked: false,
        asked_by: None,
        was_used: false,
        kept: false,
    });
}

/// Draws the due moment of the certificate in force, once per certificate and policy.
pub(super) fn draw_due(record: &mut Record, due: Timestamp, jitter: Duration, permille: i32) {
    let Some(fingerprint) = record.in_force.as_ref().map(Standing::fingerprint) else {
        return;
    };
    let fits = |at: Timestamp| due - jitter <= at && at <= due;
    if record.due.is_none_or(|drawn| drawn.fingerprint != fingerprint || !fits(drawn.at)) {
        record.due = Some(Due { fingerprint, at: due - jitter * permille / 1000 });
    }
}

/// Whether the verdict says that the platform is in trouble, so that nothing follows from it.
pub(super) const fn is_platform_trouble(verdict: Verdict) -> bool {
    matches!(verdict.rank(), 3 | 7)
}
