//! What follows from the facts by itself: a renewal begins, a tenant teaches, a person is asked, a proof stands,
//! settling begins and ends, a roll back is due. Nothing outside is changed here.

use super::asks::{are_together, effective_matching, overall_matching};
use super::backdate::backdate;
use super::{
    Chronicle, Dice, GONE_AFTER, absorb, conceivable, expired, keep, obey, proving, retire, settle, want,
};
use crate::domain::event::{Actor, EventKind};
use crate::domain::lint;
use crate::domain::record::{Due, Ended, Learned, Look, Order, Overlap, Record, Renewal, Role, Standing};
use crate::domain::verdict::Verdict;
use crate::domain::watch::{Matching, Mode, Rotation, SubjectChoice, Terms, Watch};
use crate::domain::{Duration, Timestamp};

/// Advances the record to what its facts mean at this moment.
pub fn advance(watch: &Watch, record: &mut Record, dice: &mut Dice, chronicle: &mut Chronicle<'_>) {
    let now = chronicle.now;
    backdate(record, now);
    keep_due(watch, record, dice);
    expired::let_go_of_expired(watch, record, chronicle);
    begin_renewal(watch, record, chronicle);
    place_order(record, now);
    obey::finish_given_up(record, chronicle);
    judge_candidate(watch, record, chronicle);
    learn(watch, record, chronicle);
    change_subject(watch, record, chronicle);
    proving::prove(watch, record, chronicle);
    proving::lose_proof(watch, record, chronicle);
    proving::announce_gap(watch, record, chronicle);
    proving::ask_people(watch, record, dice, chronicle);
    keep::place_keep(watch, record, chronicle);
    keep::finish_hold(watch, record, chronicle);
    settle::begin_settling(watch, record, chronicle);
    settle::answer_asked_back(watch, record, chronicle);
    settle::reconsider_roll_back(watch, record, chronicle);
    settle::decide_roll_back(watch, record, chronicle);
    settle::finish_roll_back(record, chronicle);
    settle::end_settling(watch, record, chronicle);
    retire::ask_removal(watch, record, dice, chronicle);
    retire::drop_leftovers(watch, record, chronicle);
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

/// How long ago the source may have been seen at most for a renewal to begin.
const JUST_SEEN: Duration = Duration::minutes(10);

/// A renewal begins when it is due or asked for, and nothing speaks against it.
fn begin_renewal(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let Some(terms) = watch.renewal.as_ref().filter(|terms| terms.rotation != Rotation::LeftToSource) else {
        return;
    };
    let asked = record.renewal_asked.clone();
    let due = record.due.is_some_and(|Due { at, .. }| chronicle.now >= at) && record.ended.is_none();
    // A clock that leapt makes due what is not; what was just seen came with a second opinion of the time.
    let fresh = record.seen_at.is_some_and(|at| (chronicle.now - at).abs() <= JUST_SEEN);
    let seen =
        record.unseen.is_none() && record.absent_since.is_none() && fresh && record.clock_doubt.is_none();
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
    record.renewal = Some(Box::new(Renewal {
        generation: record.generation,
        started: chronicle.now,
        cause,
        terms: (**terms).clone(),
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
        candidate_gone: None,
        given_up: None,
        back_refused: None,
        back_asked: None,
        back_by: None,
        back_gone: None,
        keep: None,
        overlap: Overlap::default(),
    }));
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
    let held = keep::is_held(record, in_force);
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
        let original = if held { &keep::original_name(&name_in_force) } else { &name_in_force };
        free_name(original, &renewal.taken, record.highest)
    };
    record.highest = record.highest.max(count);
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

/// The next name beside this one that is not known to be taken, above every number given before: `sfapi.pem` → `sfapi-2.pem`. The extension stays last,
/// because callers read the format from it.
fn free_name(name: &str, taken: &[String], highest: u32) -> (String, u32) {
    let (stem, extension) =
        name.rsplit_once('.').map_or((name, String::new()), |(stem, ext)| (stem, format!(".{ext}")));
    let (base, count) = stem
        .rsplit_once('-')
        .and_then(|(base, digits)| digits.parse::<u32>().ok().map(|count| (base, count)))
        .unwrap_or((stem, 1));
    let mut next = count.max(highest).saturating_add(1);
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
    let used = settle::may_be_used(watch, record);
    let gone = is_gone(record);
    let (Some(renewal), Some(in_force)) = (&mut record.renewal, &record.in_force) else {
        return;
    };
    let Some(candidate) = &renewal.candidate else {
        return;
    };
    let doubtful = record.clock_doubt.is_some();
    if !doubtful && is_used_up(watch, (used, renewal), candidate, chronicle.now) {
        let why = "its candidate waited so long that it is due itself";
        return renew_anew(record, why, chronicle);
    }
    if gone && !used && renewal.rolling_back.is_none() {
        record.tidied += 1;
        if record.tidied >= TIDIED_AT_MOST {
            let why = "somebody removed or replaced the entry of its candidate, as of the one before; find out who or what removes it, then begin anew";
            return discard_unfit(record, why, chronicle);
        }
        let why = "somebody removed or replaced the entry of its candidate";
        return renew_anew(record, why, chronicle);
    }
    if gone && used && renewal.rolling_back.is_none() {
        let why = "somebody removed or replaced the entry that some callers use already";
        if settle::can_go_back(watch, record, chronicle.now) {
            return settle::go_back(watch, record, why.to_owned(), chronicle);
        }
        renew_anew(record, &format!("{why}, and there is no way back"), chronicle);
        if let Some(leftover) = record.leftovers.last_mut() {
            leftover.was_used = true;
        }
        return;
    }
    let Some(why) = unfitness(watch, renewal, candidate, in_force, chronicle.now) else {
        return;
    };
    discard_unfit(record, &why, chronicle);
}

/// So many candidates in a row may be removed by somebody before they are used; then nothing is issued until a person asks.
const TIDIED_AT_MOST: u32 = 2;

/// The renewal ends and waits for a person.
fn discard_unfit(record: &mut Record, why: &str, chronicle: &mut Chronicle<'_>) {
    let text = format!("the candidate cannot be used: {why}");
    chronicle.note(EventKind::CandidateDiscarded, text.clone());
    if let Some(renewal) = record.renewal.take() {
        keep::leave_copies(record, &renewal, chronicle.now);
        absorb::discard_candidate(record, renewal.candidate, chronicle.now);
        let generation = renewal.generation;
        record.tidied = 0;
        let at = chronicle.now;
        let ended = Ended { at, generation, rolled_back: false, unfit: true, asked_by: None, text };
        record.ended = Some(Box::new(ended));
        record.counts.renewals[1] += 1;
    }
}

/// Whether the candidate's entry was looked for twice, well apart, and did not hold it.
fn is_gone(record: &Record) -> bool {
    let since = record.renewal.as_ref().and_then(|renewal| renewal.candidate_gone);
    let name = record.standing(Role::Candidate).and_then(|candidate| candidate.name.clone());
    since.zip(name).is_some_and(|(since, name)| {
        let key = Look::Entry(name).key();
        let looked = record.looked.get(&key).filter(|_| !record.misses.contains_key(&*key));
        looked.is_some_and(|looked| *looked >= since + GONE_AFTER)
    })
}

/// A candidate for which a person took so long that it is due itself, before any caller uses it.
fn is_used_up(
    watch: &Watch,
    (used, renewal): (bool, &Renewal),
    candidate: &Standing,
    now: Timestamp,
) -> bool {
    let unused = !used && renewal.rolling_back.is_none();
    unused && candidate.since < now && watch.moments(candidate, true).due <= now
}

/// It is not used up: what would expire soon after the switch is given up, and a fresh one is issued at once.
fn renew_anew(record: &mut Record, why: &str, chronicle: &mut Chronicle<'_>) {
    let Some(renewal) = record.renewal.take() else {
        return;
    };
    let text = format!("renewal {} is superseded: {why}, so a fresh one is issued", renewal.generation);
    chronicle.note(EventKind::RenewalEnded, text);
    record.counts.renewals[1] += 1;
    keep::leave_copies(record, &renewal, chronicle.now);
    record.renewal_asked = Some(renewal.cause.clone());
    absorb::discard_candidate(record, renewal.candidate, chronicle.now);
}

/// Compared with what it was ordered to replace only: where somebody else renewed that meanwhile, ours goes on.
fn unfitness(
    watch: &Watch,
    renewal: &Renewal,
    candidate: &Standing,
    in_force: &Standing,
    now: Timestamp,
) -> Option<String> {
    // Judged once, in the round that adopts it: a clock that leaps back makes nothing unusable that callers use already.
    if candidate.since != now {
        return None;
    }
    if let Some(why) = lint::unusable(candidate, watch.source.usage, now) {
        return Some(why);
    }
    if in_force.fingerprint() != renewal.replaces {
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
    let Some((candidate, in_force)) = pair(record) else {
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
            let from = format!(
                "{} {} with the same issuer and subject, uploaded by nobody, was answered {} by the probe {} while {} was accepted",
                candidate.name.as_deref().unwrap_or("the candidate"),
                candidate.fingerprint().short(),
                new.verdict,
                probe.id,
                in_force.fingerprint().short()
            );
            lessons.push((tenant.clone(), lesson, from));
        }
    }
    for (tenant, matching, from) in lessons {
        let how = if matching == Matching::Dn { "by issuer and subject" } else { "by the exact certificate" };
        chronicle.note(EventKind::Learned, format!("{tenant} recognises certificates {how}"));
        record.learned.insert(tenant, Learned { matching, at: chronicle.now, from: Some(from) });
    }
}

/// The new certificate and the old one: side by side before the switch, in place once the new one has overwritten the old.
fn pair(record: &Record) -> Option<(&Standing, &Standing)> {
    let in_force = record.in_force.as_ref()?;
    match (record.standing(Role::Candidate), record.standing(Role::Replaced)) {
        (Some(candidate), _) => Some((candidate, in_force)),
        (None, Some(replaced)) if record.renewal.as_deref().is_some_and(Renewal::is_in_place) => {
            Some((in_force, replaced))
        }
        (None, _) => None,
    }
}

fn is_published_by_anybody(standing: &Standing) -> bool {
    standing.targets.values().any(|publication| {
        publication.begun || publication.published.is_some() || publication.hand_off.is_some()
    })
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
    let ids = conceivable::ids(watch, record);
    record.attempts.retain(|id, _| ids.contains(id));
    let led = want::led_by(watch, record);
    record.approvals.retain(|id, _| ids.contains(id) || led.contains(id));
    record.rejected.retain(|id, _| ids.contains(id));
    // What left the configuration must hold nothing, and be remembered by nothing.
    record.mapped.retain(|id, _| watch.target(id).is_some());
    record.callers.retain(|id, _| watch.callers.iter().any(|caller| caller.id == *id));
    record.refused.retain(|login, _| watch.probes.iter().any(|probe| probe.login() == login));
}

/// How long it is remembered that a look was made that nobody makes any more.
const LOOKS_KEPT: Duration = Duration::days(7);

fn forget_old(record: &mut Record, now: Timestamp) {
    record.looked.forget_before(now - LOOKS_KEPT);
    record.misses.retain(|_, misses| misses.last > now - LOOKS_KEPT);
    record.acts.retain(|at| *at > now - Duration::days(1));
    record.silenced_until.take_if(|until| *until <= now);
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
            assert_eq!(free_name(name, &[], 0).0, next);
        }
    }

    #[test]
    fn a_taken_name_is_passed_over() {
        assert_eq!(free_name("a.pem", &["a-2.pem".into(), "a-3.pem".into()], 0), ("a-4.pem".into(), 4));
    }

    #[test]
    fn no_number_is_given_twice() {
        assert_eq!(free_name("a.pem", &[], 4), ("a-5.pem".into(), 5));
        assert_eq!(free_name("a-7.pem", &[], 4), ("a-8.pem".into(), 8));
    }

    #[test]
    fn the_counted_subject_counts_from_the_template_or_from_the_name_in_force() {
        assert_eq!(counted_name(Some("SFAPI-{n}"), "old", 3), "SFAPI-3");
        assert_eq!(counted_name(None, "SFAPI", 2), "SFAPI-2");
        assert_eq!(counted_name(None, "SFAPI-2", 3), "SFAPI-3");
    }
}
