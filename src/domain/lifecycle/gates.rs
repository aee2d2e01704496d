//! What stands before an act, as one table. Looks pass no gate.
//! A gate judges one act at one moment; it remembers nothing.

use super::asks::{is_accepted_now, overwrites};
use super::gap::is_in_gap;
use super::proving::is_everywhere_known;
use super::{cadence, keep, ready};
use crate::domain::policy::{Emergency, Retire};
use crate::domain::record::{Act, Approval, Attempts, Leftover, Look, Record, Role};
use crate::domain::snapshot::Held;
use crate::domain::watch::{Mode, Watch};
use crate::domain::{Duration, Timestamp};

/// What a gate looks at.
pub(super) struct Question<'a> {
    pub(super) act: &'a Act,
    pub(super) watch: &'a Watch,
    pub(super) record: &'a Record,
    /// Acts are paused everywhere: by whom.
    pub(super) paused: Option<&'a str>,
    pub(super) now: Timestamp,
}

/// One gate: its stable name, what it is for, and its judgement.
pub struct Gate {
    /// The stable name, as `plan` and the API show it.
    pub name: &'static str,
    /// Which acts it stands before, in one sentence.
    pub before: &'static str,
    judge: fn(&Question<'_>) -> Judgement,
}

/// Every gate, in the order they are asked.
pub const TABLE: &[Gate] = &[
    Gate { name: "mode", before: "every act, in mode observe", judge: mode },
    Gate { name: "pause", before: "every act, while the watch or everything is paused", judge: pause },
    Gate {
        name: "sight",
        before: "every act but a roll back, while the source cannot be seen",
        judge: sight,
    },
    Gate {
        name: "clock",
        before: "every act but a roll back and a switch that ends a gap, while the clock of this host is in doubt",
        judge: clock,
    },
    Gate {
        name: "approval",
        before: "every act in mode propose, and a retirement with retire = \"ask\"; the approval of a switch covers its roll back; with four_eyes not by who asked for it",
        judge: approval,
    },
    Gate {
        name: "ready",
        before: "a publication that takes the old mapping away and a call that shuts the older certificate out, until what ends that gap stands ready: every other target knows the candidate, every caller can be seen, the way back stands, and what is asked for approval is approved",
        judge: ready,
    },
    Gate {
        name: "window",
        before: "a switch, an in-place issue, a publication that takes the old mapping away, a call that shuts the older certificate out and a retirement, outside the window; an emergency lets a switch through, and an open gap whatever ends it",
        judge: window,
    },
    Gate {
        name: "freeze",
        before: "a switch, an in-place issue, a publication that takes the old mapping away, a call that shuts the older certificate out and a retirement, on frozen days; an emergency lets a switch through, and an open gap whatever ends it",
        judge: freeze,
    },
    Gate {
        name: "proof",
        before: "a switch, while the last call with the candidate does not say that it is accepted",
        judge: proof,
    },
    Gate {
        name: "budget",
        before: "every act but a roll back, once the day's budget is used up",
        judge: budget,
    },
    Gate {
        name: "backoff",
        before: "an act that failed, until its next attempt; a call that could lock the login, until that is over",
        judge: backoff,
    },
];

/// The gates that hold this act now; none where it may begin.
pub(super) fn held(question: &Question<'_>) -> Vec<Held> {
    TABLE
        .iter()
        .filter_map(|gate| (gate.judge)(question).map(|(text, until)| Held { gate: gate.name, text, until }))
        .collect()
}

/// Why it holds, and until when where that is known.
type Judgement = Option<(String, Option<Timestamp>)>;

fn mode(question: &Question<'_>) -> Judgement {
    (question.watch.mode == Mode::Observe).then(|| {
        (
            "mode is observe, so nothing is changed; set mode = \"propose\" or \"act\" to let it happen"
                .to_owned(),
            None,
        )
    })
}

fn pause(question: &Question<'_>) -> Judgement {
    let id = &question.watch.id;
    if let Some(by) = question.paused {
        return Some((format!("acts are paused everywhere by {by}; certsteward resume"), None));
    }
    let (since, by) = question.record.paused.as_ref()?;
    let since = crate::domain::lint::minute(*since);
    let why = question.record.pause_comment();
    Some((format!("acts of this watch are paused by {by} since {since}{why}; certsteward resume {id}"), None))
}

fn sight(question: &Question<'_>) -> Judgement {
    if let Some((entry, misses)) = unseen_way(question) {
        let text = format!(
            "the entry {entry} cannot be seen ({}), and no caller is led to what cannot be seen",
            misses.text
        );
        return Some((text, Some(misses.next)));
    }
    if question.act.goes_back() {
        let since = question.record.renewal.as_ref().and_then(|renewal| renewal.back_gone)?;
        let text = "the entry that it leads back to was not there when it was looked at; it is looked at again before anybody is led to it";
        return Some((text.to_owned(), Some(since + super::GONE_AFTER)));
    }
    if let Some((entry, until)) = gone_candidate(question) {
        let text = format!(
            "the candidate's entry {entry} was not there when it was looked at; it is looked at again before anything is built on it"
        );
        return Some((text, Some(until)));
    }
    let (since, why) = question.record.unseen.as_ref()?;
    let (since, id) = (crate::domain::lint::minute(*since), &question.watch.id);
    Some((
        format!(
            "the source cannot be seen since {since} ({why}); what cannot be seen causes no act; certsteward check {id} says what to do"
        ),
        question.record.misses.get("source").map(|misses| misses.next),
    ))
}

/// The entry that this act leads callers back to, or to a copy of what is in force, where the last look at it failed.
fn unseen_way<'a>(question: &'a Question<'_>) -> Option<(&'a String, &'a Attempts)> {
    let entry = match question.act {
        Act::RollBack { to, .. } => to,
        Act::Switch { to, .. } if keep::is_hold(question.record, to) => to,
        Act::Switch { .. }
        | Act::Issue { .. }
        | Act::Publish { .. }
        | Act::Keep { .. }
        | Act::Put { .. }
        | Act::PutBack { .. }
        | Act::Try { .. }
        | Act::Retire { .. } => return None,
    };
    // Without a renewer nobody can look.
    question.watch.renewal.as_ref()?;
    Some((entry, question.record.misses.get(&*Look::Entry(entry.clone()).key())?))
}

/// The candidate's entry where it was not seen to stand there last, for what is built on it.
fn gone_candidate<'a>(question: &Question<'a>) -> Option<(&'a str, Timestamp)> {
    let builds = match question.act {
        Act::Publish { role: Role::Candidate, .. } | Act::Put { .. } | Act::Try { .. } => true,
        Act::Switch { to, .. } => !keep::is_hold(question.record, to),
        Act::Publish { .. }
        | Act::Issue { .. }
        | Act::Keep { .. }
        | Act::RollBack { .. }
        | Act::PutBack { .. }
        | Act::Retire { .. } => false,
    };
    let renewal = question.record.renewal.as_ref().filter(|_| builds)?;
    let since = renewal.candidate_gone?;
    let entry = renewal.candidate.as_ref()?.name.as_deref()?;
    Some((entry, since + super::GONE_AFTER))
}

fn clock(question: &Question<'_>) -> Judgement {
    if ends_a_gap(question) || question.act.goes_back() {
        return None;
    }
    let (_, why) = question.record.clock_doubt.as_ref()?;
    let id = &question.watch.id;
    Some((format!("{why}; put the clock right (timedatectl), then certsteward check --now {id}"), None))
}

fn approval(question: &Question<'_>) -> Judgement {
    let id = question.act.id();
    let asked = match question.act {
        Act::Retire { .. } => {
            let mut leftovers = question.record.leftovers.iter();
            let leftover = leftovers.find(|leftover| leftover.retirement().as_ref() == Some(&id));
            let alone = !question.watch.policy.four_eyes;
            let person = leftover.is_some_and(|leftover| leftover.asked && alone);
            let unused = leftover.is_some_and(Leftover::is_unused);
            !person
                && (question.watch.mode == Mode::Propose
                    || (question.watch.policy.retire == Retire::Ask && !unused))
        }
        Act::RollBack { .. } | Act::PutBack { .. } => false,
        Act::Issue { .. }
        | Act::Publish { .. }
        | Act::Switch { .. }
        | Act::Keep { .. }
        | Act::Put { .. }
        | Act::Try { .. } => {
            let again = tells_what_stands_in_place(question) || is_given_again(question);
            question.watch.mode == Mode::Propose && !again
        }
    };
    let waits = asked && !question.record.approvals.contains_key(&id);
    waits.then(|| {
        let watch = &question.watch.id;
        let text = match question.record.rejected.get(&id) {
            Some(Approval { by, .. }) => {
                format!("it was rejected by {by}; certsteward approve {watch} {id} takes that back")
            }
            None => format!("it waits for approval; certsteward approve {watch} {id}"),
        };
        (text, None)
    })
}

/// What was given once and lost is given again without another approval: callers are refused until it is.
fn is_given_again(question: &Question<'_>) -> bool {
    let Act::Publish { target, role: Role::Candidate, .. } = question.act else { return false };
    let candidate = question.record.standing(Role::Candidate);
    let told = candidate.and_then(|candidate| candidate.targets.get(target));
    told.is_some_and(|told| told.given) && is_in_gap(question.watch, question.record)
}

/// Whether an act can hurt a caller: a switch, an in-place issue, a publication that takes the old mapping away, a call that
/// shuts the older certificate out, a retirement.
fn can_hurt(question: &Question<'_>) -> bool {
    match question.act {
        Act::Switch { .. } | Act::Put { .. } | Act::Try { .. } | Act::Retire { .. } => true,
        Act::Issue { order, .. } => order.in_place,
        Act::Publish { target, role: Role::Candidate, .. } => {
            let target = question.watch.target(target);
            let candidate = question.record.standing(Role::Candidate);
            target
                .zip(candidate)
                .is_some_and(|(target, candidate)| overwrites(target, question.record, candidate))
        }
        Act::Publish { .. } | Act::Keep { .. } | Act::RollBack { .. } | Act::PutBack { .. } => false,
    }
}

fn ready(question: &Question<'_>) -> Judgement {
    let (watch, record) = (question.watch, question.record);
    if let Some(target) = ready::untold(watch, record, question.act) {
        let id = &watch.id;
        return Some((
            format!(
                "{target} was not told of the candidate yet; certsteward plan {id} tells what that waits for"
            ),
            None,
        ));
    }
    let opener = ready::opener_of(watch, record, question.act)?;
    if is_in_gap(watch, record) {
        return None;
    }
    let missing = ready::missing(watch, record, opener, Some(question.act))?;
    let id = &watch.id;
    let text = format!(
        "callers would be refused until they are switched, and {missing}; certsteward plan {id} tells what each waits for"
    );
    Some((text, None))
}

fn window(question: &Question<'_>) -> Judgement {
    let window = question
        .record
        .renewal
        .as_ref()
        .map(|renewal| &renewal.terms)
        .or(question.watch.renewal.as_deref())?
        .window
        .as_ref()?;
    if !can_hurt(question) || window.contains(question.now) || is_emergency(question) {
        return None;
    }
    Some((format!("it waits for the window {window}"), window.next_within(question.now, Duration::days(8))))
}

fn freeze(question: &Question<'_>) -> Judgement {
    let freeze = question.watch.freezes.iter().find(|freeze| freeze.contains(question.now))?;
    if !can_hurt(question) || is_emergency(question) {
        return None;
    }
    let until = freeze.to.succ_opt()?.and_hms_opt(0, 0, 0)?.and_utc();
    Some((format!("these days are frozen ({} to {})", freeze.from, freeze.to), Some(until)))
}

fn is_emergency(question: &Question<'_>) -> bool {
    if ends_a_gap(question) {
        return true;
    }
    let Some(in_force) = question.record.in_force.as_ref().filter(|_| is_switch(question.act)) else {
        return false;
    };
    let moments = question.watch.moments(in_force, false);
    match question.watch.policy.emergency {
        Emergency::FromCritical => question.now >= moments.critical,
        Emergency::Within(span) => question.now >= moments.deadline - span,
        Emergency::Never => false,
    }
}

/// Whether callers use the candidate after it.
const fn is_switch(act: &Act) -> bool {
    matches!(act, Act::Switch { .. } | Act::Put { .. } | Act::Try { .. })
}

/// Whether this act is what the end of a gap waits for.
fn ends_a_gap(question: &Question<'_>) -> bool {
    let told = matches!(question.act, Act::Publish { role: Role::Candidate, .. });
    let waited_for = is_switch(question.act) || told || matches!(question.act, Act::Keep { .. });
    (waited_for && is_in_gap(question.watch, question.record)) || tells_what_stands_in_place(question)
}

/// In place the old certificate is gone: telling the target about the new one is part of what was approved.
fn tells_what_stands_in_place(question: &Question<'_>) -> bool {
    let renewal = question.record.renewal.as_ref();
    let replaced = renewal.is_some_and(|renewal| renewal.is_in_place() && renewal.replaced.is_some());
    replaced && matches!(question.act, Act::Publish { role: Role::InForce, .. })
}

fn proof(question: &Question<'_>) -> Judgement {
    match question.act {
        Act::Switch { to, .. } if keep::is_hold(question.record, to) => return None,
        Act::Switch { .. } | Act::Put { .. } => {}
        Act::Issue { .. }
        | Act::Publish { .. }
        | Act::Keep { .. }
        | Act::RollBack { .. }
        | Act::PutBack { .. }
        | Act::Try { .. }
        | Act::Retire { .. } => return None,
    }
    let candidate = question.record.standing(Role::Candidate)?;
    if !is_everywhere_known(question.watch, question.record, candidate) {
        return Some(("not every target is known to know the candidate yet".to_owned(), None));
    }
    if is_accepted_now(question.watch, question.record, candidate) {
        return None;
    }
    Some(("the last call with the candidate was not accepted; it is probed again".to_owned(), None))
}

fn budget(question: &Question<'_>) -> Judgement {
    if ends_a_gap(question) || question.act.goes_back() {
        return None;
    }
    let day_ago = question.now - Duration::days(1);
    let recent: Vec<Timestamp> = question.record.acts.iter().copied().filter(|at| *at > day_ago).collect();
    let limit = usize::try_from(question.watch.policy.acts_per_day).unwrap_or(usize::MAX);
    (recent.len() >= limit).then(|| {
        let text =
            format!("{} outside changes in the last 24 hours are the limit (acts_per_day)", recent.len());
        (text, recent.first().map(|oldest| *oldest + Duration::days(1)))
    })
}

/// Until when the call that this act is would be one refused logon too many, if it were refused.
fn locked_until(question: &Question<'_>) -> Option<Timestamp> {
    let Act::Try { probe, .. } = question.act else { return None };
    let candidate = question.record.standing(Role::Candidate)?;
    let probe = question.watch.probe(probe)?;
    let until = cadence::locked_out(question.watch, question.record, probe, candidate)?;
    (question.now < until).then_some(until)
}

fn backoff(question: &Question<'_>) -> Judgement {
    if let Some(until) = locked_until(question) {
        let text = "one more refused logon could lock the login (max_rejections)".to_owned();
        return Some((text, Some(until)));
    }
    let attempts = question.record.attempts.get(&question.act.id())?;
    (question.now < attempts.next).then(|| {
        let (next, id) = (attempts.next.format("%Y-%m-%d %H:%M:%S UTC"), &question.watch.id);
        let why = match attempts.count {
            0 => attempts.text.clone(),
            count => format!("attempt {count} failed ({})", attempts.text),
        };
        (
            format!("{why}; the next one is at {next}; certsteward retry {id} skips the wait"),
            Some(attempts.next),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Actor;
    use crate::domain::reason::{Reason, Unseen};
    use crate::domain::sample::{acts, answered, noon, renewing, watch};
    use crate::domain::verdict::Verdict;
    use crate::domain::window::{Freeze, Window};

    /// The acts that this gate holds, and no other gate any.
    #[track_caller]
    fn check(watch: &Watch, record: &Record, gate: &str, expected: &[&str]) {
        let mut by_gate = Vec::new();
        for (name, act) in acts() {
            let held = held(&Question { act: &act, watch, record, paused: None, now: noon() });
            assert!(held.iter().all(|held| held.gate == gate), "{name}: {held:?}");
            by_gate.extend((!held.is_empty()).then_some(name));
        }
        assert_eq!(by_gate, expected, "{gate}");
    }

    /// Every act but those that go back.
    const FORWARD: &[&str] = &["issue", "in-place", "publish", "switch", "keep", "put", "try", "retire"];

    fn free() -> Watch {
        let mut watch = watch();
        watch.policy.retire = Retire::Auto;
        watch
    }

    #[test]
    fn with_every_gate_open_nothing_is_held() {
        let watch = free();
        check(&watch, &renewing(&watch), "none", &[]);
    }

    #[test]
    fn observing_and_pausing_hold_every_act() {
        let all = acts().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let observing = Watch { mode: Mode::Observe, ..free() };
        check(&observing, &renewing(&observing), "mode", &all);
        let mut record = renewing(&free());
        record.paused = Some((noon(), Actor::Named("pat".to_owned())));
        check(&free(), &record, "pause", &all);
        for (name, act) in acts() {
            let record = renewing(&free());
            let question =
                Question { act: &act, watch: &free(), record: &record, paused: Some("pat"), now: noon() };
            assert_eq!(held(&question)[0].gate, "pause", "{name}");
        }
    }

    #[test]
    fn what_cannot_be_seen_holds_all_but_a_roll_back() {
        let mut record = renewing(&free());
        record.unseen = Some((noon(), Unseen::new(Reason::Timeout, "no answer")));
        check(&free(), &record, "sight", FORWARD);
    }

    #[test]
    fn a_clock_in_doubt_holds_all_but_a_roll_back() {
        let mut record = renewing(&free());
        record.clock_doubt = Some((noon(), "the clock is a year ahead".to_owned()));
        check(&free(), &record, "clock", FORWARD);
    }

    #[test]
    fn approval_is_by_id_and_covers_the_roll_back() {
        let proposing = Watch { mode: Mode::Propose, ..free() };
        let mut record = renewing(&proposing);
        let switches = |act: &Act| matches!(act, Act::Switch { .. });
        let switch = acts().into_iter().map(|(_, act)| act).find(switches).unwrap();
        // The first call waits for the approval of the switch, too.
        check_some(&proposing, &record, "ready", "try");
        record.approvals.insert(switch.id(), Approval { by: "pat".to_owned(), at: noon() });
        let others: Vec<&str> = FORWARD.iter().copied().filter(|name| *name != "switch").collect();
        check(&proposing, &record, "approval", &others);
        for (_, act) in acts().into_iter().filter(|(name, _)| *name != "retire") {
            record.approvals.insert(act.id(), Approval { by: "pat".to_owned(), at: noon() });
        }
        check(&proposing, &record, "approval", &["retire"]);
        check(&watch(), &renewing(&watch()), "approval", &["retire"]);
    }

    #[test]
    fn no_gap_is_opened_before_its_end_stands_ready() {
        let watch = free();
        let mut record = renewing(&watch);
        record.callers.clear();
        check(&watch, &record, "ready", &["try"]);
        let mut record = renewing(&watch);
        let renewal = record.renewal.as_mut().unwrap();
        renewal.candidate.as_mut().unwrap().targets.clear();
        check_some(&watch, &record, "ready", "try");
    }

    #[test]
    fn a_candidate_that_was_not_there_a_moment_ago_is_built_on_by_nothing() {
        let mut record = renewing(&free());
        record.renewal.as_mut().unwrap().candidate_gone = Some(noon());
        check(&free(), &record, "sight", &["publish", "switch", "put", "try"]);
    }

    /// This act is held by this gate, whatever else is held.
    #[track_caller]
    fn check_some(watch: &Watch, record: &Record, gate: &str, name: &str) {
        let (_, act) = acts().into_iter().find(|(known, _)| *known == name).unwrap();
        let held = held(&Question { act: &act, watch, record, paused: None, now: noon() });
        assert!(held.iter().any(|held| held.gate == gate), "{held:?}");
    }

    #[test]
    fn a_window_and_a_freeze_hold_what_can_hurt() {
        let hurts = ["in-place", "switch", "put", "try", "retire"];
        let mut watch = free();
        watch.freezes = vec![Freeze { from: noon().date_naive(), to: noon().date_naive() }];
        check(&watch, &renewing(&watch), "freeze", &hurts);
        let mut watch = free();
        watch.renewal.as_mut().unwrap().window = Some(Window::parse("Sat 03:00-04:00").unwrap());
        check(&watch, &renewing(&watch), "window", &hurts);
        watch.policy.emergency = Emergency::Within(Duration::days(200));
        check(&watch, &renewing(&watch), "window", &["in-place", "retire"]);
    }

    #[test]
    fn a_proof_that_is_gone_holds_the_switch() {
        for verdict in [Verdict::NotMapped, Verdict::Unavailable, Verdict::NoPermission] {
            let mut record = renewing(&free());
            let renewal = record.renewal.as_mut().unwrap();
            renewal.candidate = renewal.candidate.take().map(|candidate| answered(candidate, verdict));
            check(&free(), &record, "proof", &["switch", "put"]);
        }
    }

    #[test]
    fn a_used_up_budget_holds_all_but_a_roll_back() {
        let mut watch = free();
        watch.policy.acts_per_day = 2;
        let mut record = renewing(&watch);
        record.acts = vec![noon() - Duration::hours(25), noon() - Duration::hours(2)];
        check(&watch, &record, "budget", &[]);
        record.acts.push(noon() - Duration::hours(1));
        check(&watch, &record, "budget", FORWARD);
    }

    #[test]
    fn backoff_holds_the_act_that_failed_and_no_other() {
        for (name, act) in acts() {
            let mut record = renewing(&free());
            let attempts = Attempts {
                count: 1,
                last: noon(),
                next: noon() + Duration::minutes(1),
                reason: Reason::Unavailable,
                text: "503".to_owned(),
                maybe_effective: false,
            };
            record.attempts.insert(act.id(), attempts);
            let same = |other: &Act| other.id() == act.id();
            let expected: Vec<&str> =
                acts().iter().filter(|(_, other)| same(other)).map(|(name, _)| *name).collect();
            assert!(expected.contains(&name));
            check(&free(), &record, "backoff", &expected);
        }
    }

    #[test]
    fn every_gate_says_the_way_out_or_until_when() {
        let watch = Watch { mode: Mode::Propose, ..watch() };
        for (name, act) in acts() {
            let record = renewing(&watch);
            for held in
                held(&Question { act: &act, watch: &watch, record: &record, paused: None, now: noon() })
            {
                let out = held.text.contains("certsteward ") || held.until.is_some();
                assert!(out, "{name}: {}", held.text);
            }
        }
    }
}
