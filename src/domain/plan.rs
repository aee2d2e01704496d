//! What happens next to a watch, when, why, and what holds it: the same derivation as the pass, in words.
//! It decides nothing.

mod dates;
mod sight;

use super::Timestamp;
use super::assess::needs_person;
use super::doubt;
use super::lifecycle::{
    Want, expected_gap, hold_at, is_in_gap, matching_by_target, ripe_at, settle_time, unasked, want, words,
};
use super::lint::minute;
use super::policy::Retire;
use super::record::{Act, Ask, Leftover, Publication, Record, Renewal, Role, Step};
use super::snapshot::{Asked, Plan, PlanLine};
use super::watch::{Delivery, Matching, Mode, Rotation, SubjectChoice, Terms, Watch};

/// What happens next, as seen at these moments.
#[must_use]
pub fn at(watch: &Watch, record: &Record, step: Step, asked: &Asked) -> Plan {
    let want = want(watch, record, asked.paused.as_deref(), asked.pass, asked.round);
    plan(watch, record, step, &want, asked.at)
}

/// Puts into words what `want` derived and what follows after it, in the order of time; how to stop it comes last.
fn plan(watch: &Watch, record: &Record, step: Step, want: &Want, now: Timestamp) -> Plan {
    let gap = expected_gap(watch, record).or_else(|| gap_ahead(watch, record));
    let mut lines = Vec::new();
    match (&record.renewal, &watch.renewal) {
        (Some(renewal), _) => under_way(watch, record, renewal, step, want, &mut lines),
        (None, Some(terms)) => ahead(watch, record, terms, want, &mut lines),
        (None, None) => watching(watch, record, want, now, &mut lines),
    }
    let mut ways: Vec<Vec<PlanLine>> =
        in_doubt(watch, record, now).into_iter().map(|line| vec![line]).collect();
    ways.push(lines);
    ways.extend(paused_line(watch, record, want).map(|line| vec![line]));
    ways.extend(others_that_wait(watch, record, want).into_iter().map(|line| vec![line]));
    ways.extend(leftovers(watch, record, want, now).into_iter().map(|line| vec![line]));
    ways.extend(dates::ahead(watch, record, now).into_iter().map(|line| vec![line]));
    ways.extend(want.next.filter(|next| *next > now).map(|next| vec![line(Some(next), LOOK, RINGS)]));
    let mut lines = in_order(ways, now);
    lines.extend(stop_line(watch, record));
    Plan { lines, act: want.act.clone(), held: want.held.clone(), next: want.next, gap }
}

/// What the line says that tells of the next look.
pub const LOOK: &str = "look again";
const RINGS: &str = "the next moment at which something is due; the bell of [daemon] check rings besides";

/// Several ways, in each of which one thing follows the other, as one list in the order of time: what has no moment of its own
/// comes once what stands before it has.
fn in_order(ways: Vec<Vec<PlanLine>>, now: Timestamp) -> Vec<PlanLine> {
    let mut all = Vec::new();
    for way in ways {
        let mut reached = now;
        for line in way {
            reached = line.at.map_or(reached, |at| at.max(reached));
            all.push((reached, line));
        }
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, line)| line).collect()
}

fn line(at: Option<Timestamp>, what: impl Into<String>, why: impl Into<String>) -> PlanLine {
    PlanLine { at, what: what.into(), why: why.into() }
}

fn watching(watch: &Watch, record: &Record, want: &Want, now: Timestamp, lines: &mut Vec<PlanLine>) {
    act_line(watch, want, lines);
    open_questions(watch, record, lines);
    lines.extend(sight::line_of(watch, record));
    lines.extend(sight::expired(record, now));
}

/// Nothing is under way: when the next renewal begins and how it will go.
fn ahead(watch: &Watch, record: &Record, terms: &Terms, want: &Want, lines: &mut Vec<PlanLine>) {
    act_line(watch, want, lines);
    open_questions(watch, record, lines);
    lines.extend(sight::line_of(watch, record));
    let Some(in_force) = &record.in_force else {
        return;
    };
    let moments = watch.moments(in_force, needs_person(watch));
    if terms.rotation == Rotation::LeftToSource {
        let why = "rotation = \"left-to-source\": the store renews; certsteward probes at once when it has";
        let at = super::policy::deadline(&in_force.chain.leaf, watch.source.auto_renew);
        lines.push(line(Some(at), "the store renews the certificate", why));
        return;
    }
    if let Some(ended) = &record.ended {
        let what = format!("nothing, until a person asks: certsteward renew {}", watch.id);
        lines.push(line(
            None,
            what,
            format!("renewal {} {} ({})", ended.generation, ended.words(), ended.text),
        ));
        return;
    }
    let due = record.due.map_or(moments.due, |due| due.at);
    let why = format!(
        "renew_before counted back from the deadline {} (last safe moment {}), with jitter",
        minute(moments.deadline),
        minute(moments.last_safe)
    );
    lines.push(line(Some(due), "begin the renewal", why));
    lines.push(line(None, way(watch, record, terms), mode_words(watch.mode)));
}

/// How the renewal will go, from what is known of the tenant.
fn way(watch: &Watch, record: &Record, terms: &Terms) -> String {
    let matching = known_matching(watch, record);
    let place = if terms.rotation == Rotation::InPlace { "in place" } else { "under a new name beside it" };
    let subject = match (terms.subject, matching) {
        (SubjectChoice::Counted, _) => "a counted subject",
        (SubjectChoice::Auto, Matching::Exact) if terms.rotation != Rotation::InPlace => {
            "a counted subject, because the tenant matches exactly"
        }
        (SubjectChoice::Auto, Matching::Unknown) => {
            "the same subject first, which shows how the tenant matches"
        }
        (SubjectChoice::Auto | SubjectChoice::Same, _) => "the same subject",
    };
    let person = watch.targets.iter().any(|target| target.delivery == Delivery::HandOff);
    let told = match (matching, terms.subject) {
        (Matching::Dn, SubjectChoice::Auto | SubjectChoice::Same) => {
            "nobody needs to upload it, because the tenant matches issuer and subject"
        }
        _ if person => "if the API does not accept it, a person is asked to upload it",
        _ => "each target is given it",
    };
    format!(
        "issue {place} with {subject}; {told}; prove it by a call; switch; watch the callers for {}",
        words(watch.policy.settle)
    )
}

fn known_matching(watch: &Watch, record: &Record) -> Matching {
    let all: Vec<Matching> = matching_by_target(watch, record).into_values().collect();
    if all.contains(&Matching::Exact) {
        Matching::Exact
    } else if all.is_empty() || all.contains(&Matching::Unknown) {
        Matching::Unknown
    } else {
        Matching::Dn
    }
}

const fn mode_words(mode: Mode) -> &'static str {
    match mode {
        Mode::Observe => "mode is observe: nothing of it is done, people are told",
        Mode::Propose => "mode is propose: each act waits for approval",
        Mode::Act => "mode is act: it goes on by itself, a person is needed only at a hand-off",
    }
}

fn gap_ahead(watch: &Watch, record: &Record) -> Option<String> {
    let terms = watch.renewal.as_ref().filter(|_| record.renewal.is_none() && !watch.targets.is_empty())?;
    let matching = known_matching(watch, record);
    let same = terms.subject == SubjectChoice::Same
        || (terms.subject == SubjectChoice::Auto && terms.rotation == Rotation::InPlace);
    match (same, matching, terms.rotation) {
        (true, Matching::Exact, Rotation::SideBySide | Rotation::InPlace) => {
            Some("a gap is expected: the tenant wants the exact certificate and refuses a second mapping with the same subject; subject = \"counted\" or \"auto\" with side-by-side avoids it".to_owned())
        }
        (true, Matching::Unknown, Rotation::SideBySide | Rotation::InPlace) => {
            Some("a gap is possible: it is not known whether the tenant wants the exact certificate".to_owned())
        }
        (true, Matching::Dn, _) | (false, _, _) | (_, _, Rotation::LeftToSource) => None,
    }
}

/// What the renewal under way does now, and what comes after.
fn under_way(
    watch: &Watch,
    record: &Record,
    renewal: &Renewal,
    step: Step,
    want: &Want,
    lines: &mut Vec<PlanLine>,
) {
    if let Some((_, why)) = &renewal.rolling_back {
        lines.push(line(None, "switch the callers back to the replaced certificate", why.clone()));
    }
    act_line(watch, want, lines);
    open_questions(watch, record, lines);
    unasked_line(watch, record, lines);
    if step == Step::Issuing {
        questions_ahead(watch, record, renewal, lines);
    }
    hold_line(watch, record, lines);
    candidate_line(watch, record, step, lines);
    for (what, why) in still_to_come(step) {
        let why = if *what == SWITCH.0 && renewal.switches_entry() { PUT } else { *why };
        lines.push(line(None, *what, why));
    }
    if let Some(since) = renewal.settling_since {
        let why = format!(
            "settle = {}, or longer where a caller's cache is; probed at start, middle and end",
            words(settle_time(watch))
        );
        lines.push(line(
            Some(since + settle_time(watch)),
            "the renewal ends, if the last probe is accepted",
            why,
        ));
    }
}

/// Whom the candidate will have to be handed over to, once it is issued.
fn questions_ahead(watch: &Watch, record: &Record, renewal: &Renewal, lines: &mut Vec<PlanLine>) {
    let matching = matching_by_target(watch, record);
    let is_same = renewal.is_in_place() || renewal.subject == SubjectChoice::Same;
    let is_auto = watch.renewal.as_ref().is_some_and(|terms| terms.subject == SubjectChoice::Auto);
    // Where the same subject is refused, one with a counted subject follows, which is added beside the old one.
    let may_count = is_auto && !renewal.is_in_place();
    let ask = if is_same && !may_count { Ask::Replace } else { Ask::Add };
    for target in watch.targets.iter().filter(|target| target.delivery == Delivery::HandOff) {
        let what = format!("ask a person to {} in {}", ask.sentence(), target.id);
        match matching.get(&target.id) {
            Some(Matching::Dn) if is_same => {}
            Some(Matching::Exact) => lines.push(line(None, what, "the tenant wants the exact certificate")),
            Some(Matching::Dn) => lines.push(line(None, what, "the tenant does not know the new subject")),
            Some(Matching::Unknown) | None if is_same && may_count => {
                let why = "the call with the candidate shows it; then one with a counted subject is issued, which is added without a gap";
                lines.push(line(None, format!("{what}, if the tenant wants the exact certificate"), why));
            }
            Some(Matching::Unknown) | None => {
                let why = "it is not known yet whether the tenant matches issuer and subject";
                lines.push(line(None, format!("{what}, if it does not know it already"), why));
            }
        }
    }
}

/// A question that begins a gap is asked once what ends that gap stands ready.
fn unasked_line(watch: &Watch, record: &Record, lines: &mut Vec<PlanLine>) {
    if let Some((target, ask, why)) = unasked(watch, record) {
        lines.push(line(
            None,
            format!("ask a person to {} in {target}", ask.sentence()),
            format!("not yet: {why}"),
        ));
    }
}

/// When the callers are kept from the store's own renewal, while a person is still asked.
fn hold_line(watch: &Watch, record: &Record, lines: &mut Vec<PlanLine>) {
    let (Some(in_force), Some(candidate)) = (&record.in_force, record.standing(Role::Candidate)) else {
        return;
    };
    let asked = candidate.targets.values().any(|publication| publication.open_hand_off().is_some());
    if let Some(at) = hold_at(watch, in_force).filter(|_| asked) {
        lines.push(line(
            Some(at),
            "keep what is in force as a copy of its own and set the callers to it",
            "if the hand-off is still open then: the store may renew the original by itself soon after (hold)",
        ));
    }
}

/// What the candidate waits for, where neither an act nor a person is next.
fn candidate_line(watch: &Watch, record: &Record, step: Step, lines: &mut Vec<PlanLine>) {
    let Some(candidate) = record.standing(Role::Candidate).filter(|_| step == Step::Proving) else {
        return;
    };
    for probe in &watch.probes {
        let why = match candidate.verdict(&probe.id) {
            Some(verdict) => format!("so far: {verdict}; {}", verdict.way_out()),
            None => "it was not probed yet".to_owned(),
        };
        lines.push(line(None, format!("probe {} with the candidate until it is accepted", probe.id), why));
    }
}

/// The line that tells of a pause where no act waits.
pub const PAUSED: &str = "no act, while acts of this watch are paused";

/// That the watch is paused, where no act is next that tells of it.
fn paused_line(watch: &Watch, record: &Record, want: &Want) -> Option<PlanLine> {
    let (since, by) = record.paused.as_ref().filter(|_| want.act.is_none())?;
    let (since, why, id) = (minute(*since), record.pause_comment(), &watch.id);
    let why = format!("paused by {by} since {since}{why}; certsteward resume {id} ends that");
    Some(line(None, PAUSED, why))
}

/// How to stop what is planned, where certsteward does any of it by itself or by an approval.
fn stop_line(watch: &Watch, record: &Record) -> Option<PlanLine> {
    let id = &watch.id;
    let how = match &record.renewal {
        Some(renewal) => to_stop(watch, record, renewal),
        None if watch.mode == Mode::Observe || record.paused.is_some() => return None,
        None if watch.renewal.is_none() && record.leftovers.is_empty() && watch.targets.is_empty() => {
            return None;
        }
        None => format!("certsteward pause {id} holds every act"),
    };
    Some(line(None, STOP, how))
}

/// What the line says that tells how to stop it.
pub const STOP: &str = "to stop it";

fn to_stop(watch: &Watch, record: &Record, renewal: &Renewal) -> String {
    let (id, switched) = (&watch.id, renewal.replaced.is_some() || !renewal.switched.is_empty());
    match (renewal.is_in_place() && renewal.replaced.is_some(), switched) {
        (true, _) => format!(
            "it cannot be undone, because the old certificate is overwritten; certsteward renew {id} once it has ended"
        ),
        (false, true) => format!(
            "certsteward rollback {id} makes the callers use the old certificate again, where a call shows that it is accepted still"
        ),
        (false, false) if is_in_gap(watch, record) => {
            "better not now: callers are refused until they are switched, and the switch is what ends that"
                .to_owned()
        }
        (false, false) => {
            format!("certsteward cancel {id} ends it without effect; certsteward pause {id} holds every act")
        }
    }
}

fn act_line(watch: &Watch, want: &Want, lines: &mut Vec<PlanLine>) {
    let Some(act) = &want.act else {
        return;
    };
    let held: Vec<String> =
        want.held.iter().map(|held| format!("held by {}: {}", held.gate, held.text)).collect();
    let why = if held.is_empty() { "nothing holds it".to_owned() } else { held.join("; ") };
    // The gate that holds longest counts; what waits for a person has no moment.
    let knows = want.held.iter().all(|held| held.until.is_some());
    let until = want.held.iter().filter_map(|held| held.until).max().filter(|_| knows);
    lines.push(line(until, act.sentence(), why));
    if matches!(act, Act::Switch { .. }) && watch.mode == Mode::Propose {
        lines.push(line(
            None,
            "the approval of the switch covers its roll back",
            "a caller must not stay cut off for want of an approval",
        ));
    }
}

/// The acts beside the next one that wait for a person's yes.
fn others_that_wait(watch: &Watch, record: &Record, want: &Want) -> Vec<PlanLine> {
    let others = want.waiting.iter().filter(|act| Some(*act) != want.act.as_ref());
    let told = others.map(|act| {
        let (id, watch) = (act.id(), &watch.id);
        let since = record.pending.get(&id).map(|since| format!(" since {}", minute(*since)));
        let since = since.unwrap_or_default();
        let why = format!(
            "held by approval{since}: certsteward approve {watch} {id} lets it happen, certsteward reject {watch} {id} does not"
        );
        line(None, act.sentence(), why)
    });
    told.collect()
}

const PROVE: (&str, &str) = (
    "prove the candidate by a call",
    "no caller is switched before every target is proven to know the candidate",
);
const SWITCH: (&str, &str) = (
    "switch each caller",
    "once the candidate is accepted; each caller is read back, everything else in it stays",
);
/// In place of the second half of [`SWITCH`] where the entry is switched.
const PUT: &str = "once the candidate is accepted: its content is put under the original name, and what stands there is kept under another first";
const SETTLE: (&str, &str) = (
    "watch the callers",
    "for the settle time; they are switched back if the API blames the new certificate",
);

/// What comes after the present step, and why in that order.
const fn still_to_come(step: Step) -> &'static [(&'static str, &'static str)] {
    match step {
        Step::Watching | Step::Settling => &[],
        Step::Issuing | Step::Publishing => &[PROVE, SWITCH, SETTLE],
        Step::Proving => &[SWITCH, SETTLE],
        Step::Switching => &[SETTLE],
    }
}

fn open_questions(watch: &Watch, record: &Record, lines: &mut Vec<PlanLine>) {
    for target in &watch.targets {
        let publication =
            record.asked(&target.id).and_then(|role| record.standing(role)?.targets.get(&target.id));
        let Some(facts) = publication.and_then(Publication::open_hand_off) else {
            continue;
        };
        let why = if watch.probe_of(target).is_some() {
            "a probe notices when it is done"
        } else {
            "certsteward cannot probe it; confirm it when it is done"
        };
        let what =
            format!("{PERSON} for {} ({}), asked {}", target.id, facts.ask.word(), minute(facts.opened));
        lines.push(line(None, what, why));
    }
}

/// How the line begins that tells of an open hand-off.
pub const PERSON: &str = "a person does the hand-off";

/// Where a person said that it is done and the API says otherwise: what is probably wrong, and what to do then.
fn in_doubt(watch: &Watch, record: &Record, now: Timestamp) -> Vec<PlanLine> {
    let mut lines = Vec::new();
    for target in &watch.targets {
        if let Some(cut_off) = doubt::cut_off(watch, record, target) {
            lines.insert(0, line(None, format!("at once: {}", cut_off.way_out), cut_off.text));
        }
        let role = record.asked(&target.id).unwrap_or(Role::InForce);
        for cause in doubt::about(watch, record, target, role, now) {
            let why = format!("it may be that {}", cause.text);
            lines.push(line(None, format!("at {}: {}", target.id, cause.way_out), why));
        }
    }
    lines
}

/// What follows the reason of what an approval comes before.
const PROPOSED: &str = "; it then waits for approval (mode propose)";

/// What is removed later, where that is not told as an act already.
fn leftovers(watch: &Watch, record: &Record, want: &Want, now: Timestamp) -> Vec<PlanLine> {
    let told: Vec<String> = want.waiting.iter().chain(&want.act).map(Act::id).collect();
    let is_told = |leftover: &Leftover| leftover.retirement().is_some_and(|id| told.contains(&id));
    let to_come = record.leftovers.iter().filter(|leftover| !is_told(leftover));
    let asks = match (watch.policy.retire, watch.mode) {
        (Retire::Ask, _) => "; it then waits for approval (retire = \"ask\")",
        (Retire::Auto | Retire::Never, Mode::Propose) => PROPOSED,
        (Retire::Auto | Retire::Never, Mode::Observe | Mode::Act) => "",
    };
    let mut lines = Vec::new();
    for leftover in to_come.filter(|_| watch.policy.retire != Retire::Never) {
        let name = leftover.name.as_ref().filter(|_| leftover.entry_removed.is_none());
        let what = match name {
            Some(name) => format!("remove the entry {name}"),
            None => format!("forget the replaced certificate {}", leftover.chain.fingerprint().short()),
        };
        let at = ripe_at(watch, leftover);
        if leftover.is_unused() {
            let asks = if watch.mode == Mode::Propose && name.is_some() { PROPOSED } else { "" };
            let why = "it is not in force, and no caller can have it in its cache any more";
            lines.push(line(Some(at).filter(|at| *at > now), what, format!("{why}{asks}")));
        } else {
            let why = "retire_after has passed since it was replaced, and nothing names it any more";
            let asks = if name.is_some() { asks } else { "" };
            lines.push(line(Some(at), what, format!("{why}{asks}")));
        }
    }
    lines
}
