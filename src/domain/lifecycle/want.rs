//! What is wanted now: the looks that are due, the one act that may begin, what holds it, and when to come back.
//! Derived anew each time and never queued, so that after a crash the same is wanted again.

use super::advance::{is_everywhere_known, shows_leftover};
use super::asks::{is_known, needs_telling};
use super::gates::{self, Question};
use super::{Chronicle, cadence};
use crate::domain::event::EventKind;
use crate::domain::policy::Retire;
use crate::domain::record::{Act, Look, Record, Role};
use crate::domain::snapshot::Held;
use crate::domain::watch::{Delivery, Watch};
use crate::domain::{Duration, Timestamp};

/// What is wanted of one watch at one moment.
#[derive(Debug, Clone, Default)]
pub struct Want {
    /// The looks that are due, in order.
    pub looks: Vec<Look>,
    /// The act that comes next, whether it may begin or not.
    pub act: Option<Act>,
    /// What holds it; nothing where it may begin.
    pub held: Vec<Held>,
    /// When something is due next; none where only the bell can bring something new.
    pub next: Option<Timestamp>,
}

impl Want {
    /// The act, where no gate holds it and everything was looked at first.
    #[must_use]
    pub fn admitted(&self) -> Option<&Act> {
        self.act.as_ref().filter(|_| self.held.is_empty() && self.looks.is_empty())
    }
}

/// Derives what is wanted. `paused` names who paused everything; `pass` is when this pass began.
#[must_use]
pub fn want(watch: &Watch, record: &Record, paused: Option<&str>, pass: Timestamp, now: Timestamp) -> Want {
    let mut due: Vec<(Timestamp, Look)> = Vec::new();
    due.extend(standing_looks(watch, record, pass));
    due.extend(probe_looks(watch, record));
    let looks: Vec<Look> = due.iter().filter(|(at, _)| *at <= now).map(|(_, look)| look.clone()).collect();
    let (act, held) = next_act(watch, record, paused, pass, now);
    let later = due.iter().map(|(at, _)| *at).filter(|at| *at > now);
    let until = held.iter().filter_map(|held| held.until);
    let next = later.chain(until).chain(moments(watch, record, now)).filter(|at| *at > now).min();
    Want { looks, act, held, next }
}

/// Notes which act waits for approval, so that it is known since when.
pub fn note_pending(record: &mut Record, want: &Want, chronicle: &mut Chronicle<'_>) {
    let waits = want.held.iter().any(|held| held.gate == "approval");
    let id = want.act.as_ref().filter(|_| waits).map(Act::id);
    record.pending.retain(|pending, _| Some(pending) == id.as_ref());
    if let (Some(id), Some(act)) = (id, &want.act)
        && !record.pending.contains_key(&id)
    {
        record.pending.insert(id.clone(), chronicle.now);
        chronicle.note(EventKind::Command, format!("waits for approval of {id}: {}", act.sentence()));
    }
}

/// The intent of an act: saved before it begins, so that a crash never leaves it unknown that it was begun.
pub fn begin(record: &mut Record, act: &Act, chronicle: &mut Chronicle<'_>) {
    record.in_flight = Some((act.clone(), chronicle.now));
    record.acts.push(chronicle.now);
    if let (Act::Issue { .. }, Some(renewal)) = (act, &mut record.renewal) {
        renewal.issue_started.get_or_insert(chronicle.now);
    }
    chronicle.note(EventKind::ActStarted, format!("about to {}", act.sentence()));
}

/// Looks made once in every pass, and those that an act needs first.
fn standing_looks(watch: &Watch, record: &Record, pass: Timestamp) -> Vec<(Timestamp, Look)> {
    let mut looks = vec![Look::Source { entry: renamed_entry(watch, record) }];
    looks.extend(watch.callers.iter().map(|caller| Look::Caller(caller.id.clone())));
    let standing = record.standing(record.concern());
    let told = watch
        .targets
        .iter()
        .filter(|target| target.delivery == Delivery::Direct && watch.probe_of(target).is_none());
    looks.extend(told.filter(|_| standing.is_some()).map(|target| Look::Target(target.id.clone())));
    if let Some(renewal) =
        record.renewal.as_ref().filter(|renewal| renewal.candidate.is_none() && renewal.replaced.is_none())
        && let Some(order) = &renewal.order
    {
        looks.push(Look::Entry(order.name.clone()));
    }
    looks
        .into_iter()
        .filter(|look| record.looked.get(&look.key()).is_none_or(|at| *at < pass))
        .map(|look| (pass, look))
        .collect()
}

/// The entry to look at where certsteward has moved on from the configured one and no destination leads to it.
fn renamed_entry(watch: &Watch, record: &Record) -> Option<String> {
    let in_force = record.in_force.as_ref().filter(|standing| standing.ours)?;
    in_force.name.clone().filter(|_| watch.source.destination.is_none())
}

fn probe_looks(watch: &Watch, record: &Record) -> Vec<(Timestamp, Look)> {
    let mut looks = Vec::new();
    for probe in &watch.probes {
        for role in [Role::Candidate, Role::InForce, Role::Replaced] {
            let entry = record.standing(role).and_then(|standing| standing.name.clone());
            let beside = if role == Role::InForce { beside_candidate(record, &probe.id) } else { None };
            let Some(at) = cadence::probe_due(watch, record, probe, role) else {
                continue;
            };
            let at = beside.map_or(at, |beside| at.min(beside));
            looks.push((at, Look::Probe { probe: probe.id.clone(), role, entry }));
        }
    }
    looks
}

/// When the certificate in force is probed beside the candidate: whenever the candidate's verdict is new, and whenever it
/// must be compared.
fn beside_candidate(record: &Record, probe: &str) -> Option<Timestamp> {
    let candidate = record.standing(Role::Candidate)?.probes.get(probe)?;
    let mine = candidate.last.as_ref()?;
    let fresh = candidate.repeated == 1 || mine.verdict == crate::domain::verdict::Verdict::NoPermission;
    let facts = record.in_force.as_ref()?.probes.get(probe);
    // What said nothing about the certificate is no comparison, unless it was asked after the candidate.
    let facts = facts.filter(|facts| super::asks::can_compare(facts, mine.at));
    let other = facts.and_then(|facts| {
        facts.last.as_ref().map(|last| last.at).max(facts.no_key.as_ref().map(|(at, _)| *at))
    });
    let together = other.is_some_and(|other| super::asks::are_together(other, mine.at));
    (fresh && !together).then_some(mine.at)
}

fn next_act(
    watch: &Watch,
    record: &Record,
    paused: Option<&str>,
    pass: Timestamp,
    now: Timestamp,
) -> (Option<Act>, Vec<Held>) {
    if record.in_flight.is_some() {
        return (None, Vec::new());
    }
    let mut first: Option<(Act, Vec<Held>)> = None;
    for act in wanted_acts(watch, record, pass, now) {
        let held = gates::held(&Question { act: &act, watch, record, paused, now });
        if held.is_empty() {
            return (Some(act), held);
        }
        first.get_or_insert((act, held));
    }
    first.map_or((None, Vec::new()), |(act, held)| (Some(act), held))
}

/// Every act that the facts ask for, the most urgent first.
fn wanted_acts(watch: &Watch, record: &Record, pass: Timestamp, now: Timestamp) -> Vec<Act> {
    let mut acts = roll_backs(watch, record);
    if acts.is_empty() {
        acts.extend(issue(record, pass));
        acts.extend(publications(watch, record));
        acts.extend(switches(watch, record));
    }
    acts.extend(retirements(watch, record, now));
    acts
}

/// An outcome of this act that was not seen since it last failed is looked at first.
fn looked_since_failure(record: &Record, act: &Act, looked: Option<Timestamp>) -> bool {
    match record.attempts.get(&act.id()) {
        Some(attempts) => looked.is_some_and(|looked| looked >= attempts.last),
        None => true,
    }
}

fn roll_backs(watch: &Watch, record: &Record) -> Vec<Act> {
    let Some(renewal) = record.renewal.as_ref().filter(|renewal| renewal.rolling_back.is_some()) else {
        return Vec::new();
    };
    let Some(to) = renewal.replaces_name.clone() else {
        return Vec::new();
    };
    let order = renewal.order.as_ref();
    let act = |caller: &String| {
        let from = order.map(|order| order.name.clone()).unwrap_or_default();
        Act::RollBack { generation: renewal.generation, caller: caller.clone(), from, to: to.clone() }
    };
    watch
        .callers
        .iter()
        .map(|caller| &caller.id)
        .filter(|id| renewal.switched.contains_key(*id))
        .map(act)
        .collect()
}

fn issue(record: &Record, pass: Timestamp) -> Option<Act> {
    let renewal = record.renewal.as_ref()?;
    if renewal.candidate.is_some() || renewal.replaced.is_some() {
        return None;
    }
    let order = renewal.order.clone()?;
    let act = Act::Issue { generation: renewal.generation, order };
    let looked = renewal.looked_empty.filter(|at| *at >= pass);
    (looked.is_some() && looked_since_failure(record, &act, looked)).then_some(act)
}

fn publications(watch: &Watch, record: &Record) -> Vec<Act> {
    let role = record.concern();
    let Some(standing) = record.standing(role) else {
        return Vec::new();
    };
    let fingerprint = standing.fingerprint();
    let direct = watch.targets.iter().filter(|target| target.delivery == Delivery::Direct);
    direct
        .filter(|target| needs_telling(watch, target, standing) && !is_known(watch, target, standing))
        .filter(|target| {
            let publication = standing.targets.get(&target.id);
            publication
                .is_none_or(|publication| publication.published.is_none() || publication.held == Some(false))
        })
        .map(|target| Act::Publish { target: target.id.clone(), role, fingerprint })
        .collect()
}

/// All targets must be proven before any caller is switched.
fn switches(watch: &Watch, record: &Record) -> Vec<Act> {
    let Some(renewal) = record.renewal.as_ref().filter(|renewal| renewal.switches_callers()) else {
        return Vec::new();
    };
    let Some(candidate) =
        renewal.candidate.as_ref().filter(|candidate| is_everywhere_known(watch, record, candidate))
    else {
        return Vec::new();
    };
    let (Some(to), Some(from)) = (candidate.name.clone(), renewal.replaces_name.clone()) else {
        return Vec::new();
    };
    let waiting = watch.callers.iter().filter(|caller| {
        let facts = record.callers.get(&caller.id);
        let uses_old =
            facts.is_some_and(|facts| facts.unseen.is_none() && facts.uses.as_ref() == Some(&from));
        uses_old && !renewal.switched.contains_key(&caller.id)
    });
    waiting
        .map(|caller| Act::Switch {
            generation: renewal.generation,
            caller: caller.id.clone(),
            from: from.clone(),
            to: to.clone(),
        })
        .filter(|act| {
            let Act::Switch { caller, .. } = act else { return false };
            looked_since_failure(record, act, record.looked.get(&Look::Caller(caller.clone()).key()).copied())
        })
        .collect()
}

/// Nothing is removed that anything we can see still names.
fn retirements(watch: &Watch, record: &Record, now: Timestamp) -> Vec<Act> {
    if watch.policy.retire == Retire::Never
        || record.renewal.as_ref().is_some_and(|renewal| renewal.rolling_back.is_some())
    {
        return Vec::new();
    }
    let back = shows_leftover(record);
    let named = |name: &String| {
        let callers = record.callers.values().any(|facts| facts.uses.as_ref() == Some(name));
        let unseen = record.callers.values().any(|facts| facts.unseen.is_some());
        let destination =
            record.destination.as_ref().is_some_and(|facts| facts.keystore_location.as_ref() == Some(name));
        let in_force = record.in_force.as_ref().is_some_and(|standing| standing.name.as_ref() == Some(name));
        callers || unseen || destination || in_force
    };
    let ripe = record.leftovers.iter().filter(|leftover| {
        let waited =
            leftover.never_in_force || leftover.asked || leftover.since + watch.policy.retire_after <= now;
        waited && leftover.entry_removed.is_none() && back != Some(leftover.chain.fingerprint())
    });
    ripe.filter_map(|leftover| leftover.name.clone().map(|name| (name, leftover.chain.fingerprint())))
        .filter(|(name, _)| !named(name))
        .map(|(name, fingerprint)| Act::Retire { name, fingerprint })
        .collect()
}

/// Moments at which something changes by itself: due, levels, the end of settling, the ripeness of a leftover, a reminder.
fn moments(watch: &Watch, record: &Record, now: Timestamp) -> Vec<Timestamp> {
    let mut moments = Vec::new();
    if let Some(in_force) = &record.in_force {
        let of = watch.policy.moments(&in_force.chain.leaf, watch.source.auto_renew, true);
        let not_after = in_force.chain.leaf.not_after + Duration::seconds(1);
        moments.extend([of.notice, of.warning, of.critical, of.last_safe, of.deadline, not_after]);
        moments.extend(record.due.map(|due| due.at));
    }
    if let Some(since) = record.renewal.as_ref().and_then(|renewal| renewal.settling_since) {
        moments.push(since + cadence::settle_time(watch));
    }
    moments.extend(record.leftovers.iter().map(|leftover| leftover.since + watch.policy.retire_after));
    moments.extend(record.misses.values().map(|misses| misses.next));
    moments.extend(record.silenced_until);
    moments.retain(|at| *at > now);
    moments
}
