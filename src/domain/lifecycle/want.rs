//! What is wanted now: the looks that are due, the one act that may begin, what holds it, and when to come back.
//! Derived anew each time and never queued, so that after a crash the same is wanted again.

use std::collections::BTreeSet;

use super::acted::VISIBLE_WITHIN;
use super::asks::{self, is_known, needs_telling};
use super::gates::{self, Question};
use super::proving::is_everywhere_known;
use super::retire::{is_in_doubt, ripe_at, shows_leftover};
use super::{Chronicle, GONE_AFTER, cadence, keep, settle, stray};
use crate::domain::event::{Actor, EventKind};
use crate::domain::policy::Retire;
use crate::domain::record::{
    Act, Ask, CopyOrder, Look, ProbeFacts, Publication, Purpose, Record, Role, Standing,
};
use crate::domain::snapshot::Held;
use crate::domain::watch::{AutoRenew, Caller, Delivery, Probe, Watch};
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
    /// Every act that waits for approval.
    pub waiting: Vec<Act>,
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
    let mut looks: Vec<Look> =
        due.iter().filter(|(at, _)| *at <= now).map(|(_, look)| look.clone()).collect();
    let acts = judged_acts(watch, record, paused, pass, now);
    let later = due.iter().map(|(at, _)| *at).filter(|at| *at > now);
    let until = acts.iter().flat_map(|(_, held)| held).filter_map(|held| held.until);
    let next = later.chain(until).chain(moments(watch, record, now)).filter(|at| *at > now).min();
    let waits = |held: &Vec<Held>| held.iter().any(|held| held.gate == "approval");
    let waiting = acts.iter().filter(|(act, held)| waits(held) && !record.rejected.contains_key(&act.id()));
    let waiting = waiting.map(|(act, _)| act.clone()).collect();
    let first = acts.iter().position(|(_, held)| held.is_empty()).unwrap_or(0);
    let (act, held) = acts.into_iter().nth(first).map_or((None, Vec::new()), |(act, held)| (Some(act), held));
    if let Some(act) = act.as_ref().filter(|_| held.is_empty() && looks.is_empty()) {
        looks.extend(stale_proofs(watch, record, act, (pass, now)));
    }
    if let Some(Act::Put { .. }) = act.as_ref().filter(|_| held.is_empty() && looks.is_empty()) {
        looks.extend(keep::way_back(record).filter(|look| !was_looked(record, look, pass)));
    }
    if let Some(Act::Retire { name, .. }) = act.as_ref().filter(|_| held.is_empty() && looks.is_empty()) {
        looks.extend(Some(Look::Entry(name.clone())).filter(|look| !was_looked(record, look, pass)));
    }
    Want { looks, act, held, waiting, next }
}

fn was_looked(record: &Record, look: &Look, pass: Timestamp) -> bool {
    record.looked.get(&look.key()).is_some_and(|at| *at >= pass)
}

/// The entry that holds the certificate of this role: its own, or the copy that was kept while the original holds the candidate.
fn entry_of(record: &Record, role: Role, standing: &Standing) -> Option<String> {
    let renewal = record.renewal.as_ref().filter(|renewal| renewal.switches_entry());
    let kept = renewal.filter(|renewal| !renewal.switched.is_empty() && role == settle::old_role(record));
    let kept = kept.and_then(|renewal| Some(renewal.kept(Purpose::WayBack)?.name.clone()));
    kept.or_else(|| standing.name.clone())
}

/// Before a caller is switched, every probe is made with the candidate in the same pass: an old proof may have been undone.
/// Before one goes back, every probe is made with what it goes back to: that may be refused by now.
/// Before the certificate in force is overwritten, it is asked once more: what it shows then is what the new one is compared with.
fn stale_proofs(watch: &Watch, record: &Record, act: &Act, (pass, now): (Timestamp, Timestamp)) -> Vec<Look> {
    let role = match act {
        Act::Switch { to, .. } if keep::is_hold(record, to) => return Vec::new(),
        Act::Switch { .. } | Act::Put { .. } => Role::Candidate,
        Act::Issue { order, .. } if order.in_place => Role::InForce,
        Act::RollBack { .. } | Act::PutBack { .. } => settle::old_role(record),
        Act::Issue { .. } | Act::Publish { .. } | Act::Keep { .. } | Act::Try { .. } | Act::Retire { .. } => {
            return Vec::new();
        }
    };
    let Some(standing) = record.standing(role) else {
        return Vec::new();
    };
    let is_fresh = |probe: &str| {
        standing.probes.get(probe).is_some_and(|facts| {
            facts.last.as_ref().is_some_and(|last| last.at >= pass)
                || facts.no_key.as_ref().is_some_and(|(at, _)| *at >= pass)
                || facts.not_before.is_some_and(|not_before| not_before > pass)
        })
    };
    // One more refused logon could lock the login: what is known has to do.
    let locked = |probe: &Probe| cadence::is_locked_out(watch, record, probe, standing, now);
    let stale = watch.probes.iter().filter(|probe| !is_fresh(&probe.id) && !locked(probe));
    let entry = entry_of(record, role, standing);
    stale.map(|probe| Look::Probe { probe: probe.id.clone(), role, entry: entry.clone() }).collect()
}

/// Whether a rule of the operator holds what comes next, so that it is not stuck.
pub(in crate::domain) fn waits_by_rule(
    watch: &Watch,
    record: &Record,
    paused: Option<&str>,
    now: Timestamp,
) -> bool {
    let rules = ["mode", "pause", "clock", "approval", "window", "freeze"];
    judged_acts(watch, record, paused, Timestamp::MIN_UTC, now)
        .iter()
        .filter(|(act, _)| !matches!(act, Act::Retire { .. }))
        .any(|(_, held)| held.iter().any(|held| rules.contains(&held.gate)))
}

/// Notes which acts wait for approval, so that it is known since when.
pub fn note_pending(record: &mut Record, want: &Want, chronicle: &mut Chronicle<'_>) {
    let ids: Vec<String> = want.waiting.iter().map(Act::id).collect();
    record.pending.retain(|pending, _| ids.contains(pending));
    for (id, act) in ids.into_iter().zip(&want.waiting) {
        let text = format!("waits for approval of {id}: {}", act.sentence());
        if !record.pending.contains_key(&id) {
            record.pending.insert(id, chronicle.now);
            chronicle.note(EventKind::ApprovalWanted, text);
        }
    }
}

/// The intent of an act: saved before it begins, so that a crash never leaves it unknown that it was begun.
pub fn begin(record: &mut Record, act: &Act, chronicle: &mut Chronicle<'_>) {
    record.in_flight = Some(Box::new((act.clone(), chronicle.now)));
    record.acts.push(chronicle.now);
    if let (Act::Issue { .. }, Some(renewal)) = (act, &mut record.renewal) {
        renewal.issue_started.get_or_insert(chronicle.now);
    }
    if let Act::Publish { target, role, .. } = act
        && let Some(standing) = record.standing_mut(*role)
    {
        standing.targets.entry(target.clone()).or_default().begun = true;
    }
    let facts = vec![("cause".to_owned(), cause_of(record, act))];
    chronicle.note_by(Actor::Daemon, EventKind::ActStarted, format!("about to {}", act.sentence()), facts);
}

/// Who or what caused an act: a person's approval, else what it follows from.
fn cause_of(record: &Record, act: &Act) -> String {
    if let Some(approval) = record.approvals.get(&act.id()) {
        return format!("approved by {}", approval.by);
    }
    if let Act::Retire { name, fingerprint } = act {
        let leftover = record.leftovers.iter().find(|leftover| {
            leftover.chain.fingerprint() == *fingerprint && leftover.name.as_ref() == Some(name)
        });
        return match leftover.filter(|leftover| leftover.asked).map(|leftover| &leftover.asked_by) {
            Some(Some(name)) => format!("its removal was asked by {name}"),
            Some(None) => "its removal was asked by a person".to_owned(),
            None => "nothing uses it any more".to_owned(),
        };
    }
    let Some(renewal) = &record.renewal else {
        return "the certificate in force is not known there".to_owned();
    };
    if let Some((_, why)) = renewal.rolling_back.as_ref().filter(|_| act.goes_back()) {
        return format!("roll back of renewal {}: {why}", renewal.generation);
    }
    match &renewal.cause {
        Actor::Daemon => format!("renewal {}: due", renewal.generation),
        Actor::Named(name) => format!("renewal {}: asked by {name}", renewal.generation),
    }
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
    // Somebody may have removed the candidate's entry: nobody can be switched to what is not there.
    let candidate = record.standing(Role::Candidate).and_then(|candidate| candidate.name.clone());
    looks.extend(candidate.map(Look::Entry));
    looks.extend(keep::look(record));
    // Nobody is led back to what is not there any more, nor to a copy that somebody tidied up.
    looks.extend(settle::way_back(record).map(Look::Entry));
    looks.extend(stray::looks(watch, record));
    looks
        .into_iter()
        .filter(|look| record.looked.get(&look.key()).is_none_or(|at| *at < pass))
        .map(|look| (pass, look))
        .collect()
}

/// The entry to look at where certsteward has moved on from the configured one and no destination leads to it.
fn renamed_entry(watch: &Watch, record: &Record) -> Option<String> {
    let in_force = record.in_force.as_ref().filter(|standing| standing.ours || standing.held)?;
    in_force.name.clone().filter(|_| watch.source.destination.is_none())
}

fn probe_looks(watch: &Watch, record: &Record) -> Vec<(Timestamp, Look)> {
    let mut looks = Vec::new();
    for probe in &watch.probes {
        for role in [Role::Candidate, Role::InForce, Role::Replaced] {
            let entry = record.standing(role).and_then(|standing| entry_of(record, role, standing));
            let beside = if role == Role::InForce { beside_candidate(record, &probe.id) } else { None };
            let shuts_out = role == Role::Candidate && !asks::may_be_probed(watch, record, &probe.id);
            let Some(at) = cadence::probe_due(watch, record, probe, role).filter(|_| !shuts_out) else {
                continue;
            };
            let at = beside.map_or(at, |beside| at.min(beside));
            looks.push((at, Look::Probe { probe: probe.id.clone(), role, entry }));
        }
    }
    looks
}

/// When the certificate in force is probed beside the candidate: whenever the candidate's verdict is new, whenever it must be
/// compared, after each sign of a person and hourly while one is asked: who uploads may delete too much, and then callers are
/// cut off.
fn beside_candidate(record: &Record, probe: &str) -> Option<Timestamp> {
    let standing = record.standing(Role::Candidate)?;
    let candidate = standing.probes.get(probe)?;
    let mine = candidate.last.as_ref()?;
    let facts = record.in_force.as_ref()?.probes.get(probe);
    let last = facts.and_then(last_made);
    let fresh = candidate.repeated == 1
        || mine.verdict == crate::domain::verdict::Verdict::NoPermission
        || is_touched(standing, last, mine.at);
    // What said nothing about the certificate is no comparison, unless it was asked after the candidate.
    let facts = facts.filter(|facts| asks::can_compare(facts, mine.at));
    let other = facts.and_then(last_made);
    // One made after it stands beside it too, however long after: else it would be made again without end.
    let together = other.is_some_and(|other| other >= mine.at || asks::are_together(other, mine.at));
    let signed =
        latest_sign(standing).is_some_and(|sign| sign <= mine.at && last.is_none_or(|last| last < sign));
    // While a person deletes the old mapping, every call with the new one is measured against one with the old.
    let measured = is_being_replaced(record) && other.is_none_or(|other| other < mine.at);
    ((fresh && (!together || signed)) || measured).then_some(mine.at)
}

fn is_being_replaced(record: &Record) -> bool {
    record.standing(Role::Candidate).is_some_and(|candidate| {
        let mut open = candidate.targets.values().filter_map(Publication::open_hand_off);
        open.any(|facts| facts.ask == Ask::Replace)
    })
}

fn last_made(facts: &ProbeFacts) -> Option<Timestamp> {
    facts.last.as_ref().map(|last| last.at).max(facts.no_key.as_ref().map(|(at, _)| *at))
}

/// Whether somebody may have touched the mappings since the certificate in force was probed last.
fn is_touched(candidate: &Standing, last: Option<Timestamp>, now: Timestamp) -> bool {
    let mut open = candidate.targets.values().filter_map(Publication::open_hand_off).peekable();
    let asked = open.peek().is_some();
    let signed = latest_sign(candidate).is_some_and(|sign| last.is_none_or(|last| last < sign));
    asked && (signed || last.is_none_or(|last| last + ASKED_EVERY <= now))
}

fn latest_sign(candidate: &Standing) -> Option<Timestamp> {
    let open = candidate.targets.values().filter_map(Publication::open_hand_off);
    open.filter_map(|facts| facts.signs.last().map(|(at, _, _)| *at)).max()
}

/// How often the certificate in force is probed while a person is asked about the next one.
const ASKED_EVERY: Duration = Duration::hours(1);

/// Every wanted act, the most urgent first, with the gates that hold it.
fn judged_acts(
    watch: &Watch,
    record: &Record,
    paused: Option<&str>,
    pass: Timestamp,
    now: Timestamp,
) -> Vec<(Act, Vec<Held>)> {
    if record.in_flight.is_some() {
        return Vec::new();
    }
    let judged = |act: Act| {
        let held = gates::held(&Question { act: &act, watch, record, paused, now });
        (act, held)
    };
    wanted_acts(watch, record, pass, now).into_iter().map(judged).collect()
}

/// What leads callers to the candidate of this renewal, whether they were led to it already or not: where a roll back is given
/// up they are led to it again, on the approvals that were given.
pub(super) fn led_by(watch: &Watch, record: &Record) -> BTreeSet<String> {
    let Some(renewal) = &record.renewal else {
        return BTreeSet::new();
    };
    let generation = renewal.generation;
    let new = if renewal.replaced.is_some() { &record.in_force } else { &renewal.candidate };
    let (Some(order), Some(new)) = (&renewal.order, new) else {
        return BTreeSet::new();
    };
    if let Some(to) = renewal.replaces_name.clone().filter(|_| renewal.switches_entry()) {
        let copy = CopyOrder { from: order.name.clone(), to, fingerprint: new.fingerprint(), over: None };
        return BTreeSet::from([Act::Put { generation, copy }.id()]);
    }
    let to = |caller: &Caller| {
        let from = renewal.replaces_name.clone().unwrap_or_default();
        Act::Switch { generation, caller: caller.id.clone(), from, to: order.name.clone() }.id()
    };
    watch.callers.iter().map(to).collect()
}

/// Every act that the facts ask for, the most urgent first.
fn wanted_acts(watch: &Watch, record: &Record, pass: Timestamp, now: Timestamp) -> Vec<Act> {
    let mut acts = roll_backs(watch, record);
    if acts.is_empty() {
        acts.extend(issue(record, pass));
        acts.extend(publications(watch, record));
        acts.extend(tries(watch, record));
        acts.extend(keep::keep_act(record, pass));
        let of_use = record.in_force.as_ref().is_some_and(|in_force| now <= in_force.chain.leaf.not_after);
        let holds = keep::hold_switches(watch, record).into_iter().filter(|_| of_use);
        acts.extend(holds.filter(|act| caller_seen(record, act)));
        acts.extend(switches(watch, record));
        acts.extend(puts(watch, record));
    }
    acts.extend(retirements(watch, record, pass, now));
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
    if renewal.switches_entry() {
        let source = record.looked.get("source").copied();
        let seen = |act: &Act| looked_since_failure(record, act, source);
        return keep::put_back(record).into_iter().filter(seen).collect();
    }
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
    if renewal.candidate.is_some() || renewal.replaced.is_some() || renewal.given_up.is_some() {
        return None;
    }
    let order = renewal.order.clone()?;
    let act = Act::Issue { generation: renewal.generation, order };
    let looked = renewal.looked_empty.filter(|at| *at >= pass);
    (looked.is_some() && looked_since_failure(record, &act, looked)).then_some(act)
}

pub(super) fn publications(watch: &Watch, record: &Record) -> Vec<Act> {
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
pub(super) fn switches(watch: &Watch, record: &Record) -> Vec<Act> {
    let Some(renewal) = record.renewal.as_ref().filter(|renewal| renewal.switches_callers()) else {
        return Vec::new();
    };
    let Some(candidate) = renewal.candidate.as_ref().filter(|candidate| {
        is_everywhere_known(watch, record, candidate) || asks::approval_comes_first(watch, record, candidate)
    }) else {
        return Vec::new();
    };
    let Some(to) = candidate.name.clone() else {
        return Vec::new();
    };
    let old = keep::old_names(record);
    let waiting = watch.callers.iter().filter_map(|caller| {
        let facts = record.callers.get(&caller.id).filter(|facts| facts.unseen.is_none())?;
        let uses = facts.uses.clone().filter(|uses| old.contains(uses))?;
        (!renewal.switched.contains_key(&caller.id)).then(|| (caller.id.clone(), uses))
    });
    let generation = renewal.generation;
    waiting
        .map(|(caller, from)| Act::Switch { generation, caller, from, to: to.clone() })
        .filter(|act| caller_seen(record, act))
        .collect()
}

/// Whether the caller was looked at since its switch last failed.
fn caller_seen(record: &Record, act: &Act) -> bool {
    let Act::Switch { caller, .. } = act else { return false };
    looked_since_failure(record, act, record.looked.get(&Look::Caller(caller.clone()).key()).copied())
}

/// The candidate goes under the original name once everybody knows it and the way back stands, and only over what was seen
/// there last.
fn puts(watch: &Watch, record: &Record) -> Option<Act> {
    let renewal = record.renewal.as_ref()?;
    let candidate = renewal.candidate.as_ref()?;
    let known = is_everywhere_known(watch, record, candidate);
    let back = renewal.kept(Purpose::WayBack).is_some_and(|keep| keep.stands.is_some());
    let ready = (known && back) || asks::approval_comes_first(watch, record, candidate);
    let in_force = record.in_force.as_ref()?.fingerprint();
    let shown = record.shown.as_ref().is_some_and(|(print, name)| {
        *print == in_force && *name == renewal.replaces_name && record.unseen.is_none()
    });
    let seen = |act: &Act| looked_since_failure(record, act, record.looked.get("source").copied());
    keep::put(record).filter(|act| ready && shown && seen(act))
}

/// The calls with the candidate that shut the older certificate out: wanted from the beginning, so that they can be approved
/// before anybody is asked to open a gap that they end.
pub(super) fn tries(watch: &Watch, record: &Record) -> Vec<Act> {
    let Some(renewal) = &record.renewal else {
        return Vec::new();
    };
    let Some(candidate) = &renewal.candidate else {
        return Vec::new();
    };
    let Some(entry) = candidate.name.clone() else {
        return Vec::new();
    };
    let probes = watch.probes.iter().filter(|probe| asks::is_untried(watch, candidate, &probe.id));
    let generation = renewal.generation;
    probes.map(|probe| Act::Try { generation, probe: probe.id.clone(), entry: entry.clone() }).collect()
}

/// Nothing is removed that anything we can see still names, nor while the certificate in force is rejected, nor where a look
/// in this pass could not tell what the entry holds.
fn retirements(watch: &Watch, record: &Record, pass: Timestamp, now: Timestamp) -> Vec<Act> {
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
        let stands = |role: Role| record.standing(role).is_some_and(|one| one.name.as_ref() == Some(name));
        // What callers were led away from is the way back until they have settled.
        let way_back = record.renewal.as_ref().is_some_and(|renewal| {
            renewal.replaces_name.as_ref() == Some(name) && renewal.candidate.is_some()
        });
        callers || unseen || destination || stands(Role::InForce) || stands(Role::Replaced) || way_back
    };
    let untold = |name: &String| {
        let look = Look::Entry(name.clone());
        was_looked(record, &look, pass) && record.misses.contains_key(&*look.key())
    };
    let in_doubt = is_in_doubt(record);
    let ripe =
        record.leftovers.iter().filter(|leftover| leftover.is_unused() || !in_doubt).filter(|leftover| {
            ripe_at(watch, leftover) <= now
                && leftover.entry_removed.is_none()
                && back != Some(leftover.chain.fingerprint())
        });
    ripe.filter_map(|leftover| leftover.name.clone().map(|name| (name, leftover.chain.fingerprint())))
        .filter(|(name, _)| !named(name) && !untold(name))
        .map(|(name, fingerprint)| Act::Retire { name, fingerprint })
        .collect()
}

/// Moments at which something changes by itself: due, levels, the end of settling, the ripeness of a leftover, a reminder.
fn moments(watch: &Watch, record: &Record, now: Timestamp) -> Vec<Timestamp> {
    let mut moments = Vec::new();
    if let Some(in_force) = &record.in_force {
        let of = watch.moments(in_force, true);
        let not_after = in_force.chain.leaf.not_after + Duration::seconds(1);
        moments.extend([of.notice, of.warning, of.critical, of.last_safe, of.deadline, not_after]);
        moments.extend(keep::hold_at(watch, in_force));
        moments.extend(record.due.map(|due| due.at));
    }
    if let Some(candidate) = record.standing(Role::Candidate) {
        let of = watch.moments(candidate, true);
        let not_after = candidate.chain.leaf.not_after + Duration::seconds(1);
        moments.extend([of.due, of.warning, of.critical, not_after]);
    }
    if let Some(renewal) = &record.renewal {
        let gone = [renewal.candidate_gone, renewal.back_gone];
        moments.extend(gone.into_iter().flatten().map(|at| at + GONE_AFTER));
        moments.extend(renewal.given_up.as_ref().map(|(at, _)| *at + VISIBLE_WITHIN));
    }
    if let Some(since) = record.renewal.as_ref().and_then(|renewal| renewal.settling_since) {
        moments.push(since + cadence::settle_time(watch));
    }
    moments.extend(record.leftovers.iter().map(|leftover| ripe_at(watch, leftover)));
    let used = record.leftovers.iter().filter(|leftover| !leftover.never_in_force);
    moments.extend(used.flat_map(|leftover| {
        let of = watch.policy.moments(&leftover.chain.leaf, AutoRenew::No, false);
        [of.critical, leftover.chain.leaf.not_after + Duration::seconds(1)]
    }));
    moments.extend(stray::moments(watch, record));
    moments.extend(record.misses.values().map(|misses| misses.next));
    moments.extend(record.silenced_until);
    moments.retain(|at| *at > now);
    moments
}
