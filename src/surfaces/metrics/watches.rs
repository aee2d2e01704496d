//! The metrics of watches, each a function from the snapshot to the series of one family.
//! What is unknown has no series; a watch that is gone has none either.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::text::{Family, user_labels};
use crate::domain::Timestamp;
use crate::domain::finding::{Code, Level};
use crate::domain::policy::Moments;
use crate::domain::record::{Counts, Role, Standing, Step};
use crate::domain::snapshot::{Snapshot, WatchView};
use crate::domain::verdict::{Probed, Verdict};
use crate::surfaces::shown;

type Watches<'a> = std::collections::btree_map::Iter<'a, Arc<str>, Arc<WatchView>>;

fn all(snapshot: &Snapshot) -> Watches<'_> {
    snapshot.watches.iter()
}

/// The watches that have a renewal or a target: those that are kept alive, not only looked at.
fn kept(snapshot: &Snapshot) -> impl Iterator<Item = (&Arc<str>, &Arc<WatchView>)> {
    all(snapshot).filter(|(_, view)| view.watch.renewal.is_some() || !view.watch.targets.is_empty())
}

fn standings(view: &WatchView) -> impl Iterator<Item = (Role, &Standing)> {
    let roles = [Role::InForce, Role::Candidate].into_iter();
    roles.filter_map(|role| view.record.standing(role).map(|standing| (role, standing)))
}

fn of_standings(snapshot: &Snapshot, mut series: impl FnMut(&str, Role, &Standing)) {
    for (id, view) in all(snapshot) {
        for (role, standing) in standings(view) {
            series(id, role, standing);
        }
    }
}

pub(super) fn not_before(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_standings(snapshot, |id, role, standing| {
        family.moment(&[id, role.word()], Some(standing.chain.leaf.not_before));
    });
}

pub(super) fn not_after(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_standings(snapshot, |id, role, standing| {
        family.moment(&[id, role.word()], Some(standing.chain.leaf.not_after));
    });
}

pub(super) fn certificate(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_standings(snapshot, |id, role, standing| {
        let leaf = &standing.chain.leaf;
        let (subject, issuer, print) = (leaf.common_name(), leaf.issuer_name(), leaf.fingerprint.hex());
        family.series(&[id, role.word(), &subject, &issuer, &leaf.serial, &print], 1);
    });
}

pub(super) fn chain_not_after(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_standings(snapshot, |id, role, standing| {
        family.moment(&[id, role.word()], Some(standing.chain.not_after()));
    });
}

pub(super) fn watch(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (id, view) in all(snapshot) {
        let labels = user_labels(view.watch.labels.iter());
        family.series_with(&[id, view.watch.mode.word(), &view.watch.source.kind], &labels, 1);
    }
}

pub(super) fn level(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (id, view) in all(snapshot) {
        family.series(&[id], shown::level(view).number());
    }
}

/// Of a watch that is gone, one finding is left for a while.
pub(super) fn findings(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (id, view) in all(snapshot) {
        let mut counts: BTreeMap<(Code, Level), u32> = BTreeMap::new();
        for finding in &view.findings {
            *counts.entry((finding.code, finding.level)).or_default() += 1;
        }
        for ((code, level), count) in counts {
            family.series(&[id, code.code(), level.code()], count);
        }
    }
    for id in snapshot.daemon.vanished.keys().filter(|id| !snapshot.watches.contains_key(id.as_str())) {
        family.series(&[id, Code::WatchVanished.code(), Level::Warning.code()], 1);
    }
}

pub(super) fn last_seen(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (id, view) in all(snapshot) {
        family.moment(&[id], view.seen_at);
    }
}

fn of_probes(snapshot: &Snapshot, mut series: impl FnMut(&[&str; 3], &Probed)) {
    of_standings(snapshot, |id, role, standing| {
        for (probe, facts) in &standing.probes {
            if let Some(last) = &facts.last {
                series(&[id, probe, role.word()], last);
            }
        }
    });
}

pub(super) fn probe_success(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_probes(snapshot, |labels, last| family.flag(labels, Some(last.verdict == Verdict::Accepted)));
}

pub(super) fn probe_certificate_accepted(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_probes(snapshot, |labels, last| {
        family.flag(labels, (!last.verdict.inconclusive()).then(|| last.verdict.recognised()));
    });
}

pub(super) fn probe_http_status(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_probes(snapshot, |labels, last| {
        if let Some(status) = last.status {
            family.series(labels, status);
        }
    });
}

pub(super) fn probe_last(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_probes(snapshot, |labels, last| family.moment(labels, Some(last.at)));
}

pub(super) fn probe_duration(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_probes(snapshot, |[watch, probe, role], last| {
        for (phase, seconds) in &last.phases {
            family.series(&[watch, probe, role, phase.code()], seconds);
        }
    });
}

pub(super) fn probe_verdict(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_probes(snapshot, |[watch, probe, role], last| {
        family.series(&[watch, probe, role, last.verdict.code()], 1);
    });
}

pub(super) fn step(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (id, view) in kept(snapshot) {
        for step in Step::ALL {
            family.flag(&[id, step.word()], Some(*step == view.step));
        }
    }
}

pub(super) fn due(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_kept(snapshot, family, |view| view.due);
}

pub(super) fn last_safe(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_moments(snapshot, family, |moments| moments.last_safe);
}

pub(super) fn deadline(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_moments(snapshot, family, |moments| moments.deadline);
}

pub(super) fn next_attempt(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_kept(snapshot, family, |view| view.next);
}

fn of_moments(snapshot: &Snapshot, family: &mut Family<'_>, at: impl Fn(&Moments) -> Timestamp) {
    of_kept(snapshot, family, |view| view.moments.as_ref().map(&at));
}

fn of_kept(snapshot: &Snapshot, family: &mut Family<'_>, at: impl Fn(&WatchView) -> Option<Timestamp>) {
    for (id, view) in kept(snapshot) {
        family.moment(&[id], at(view));
    }
}

pub(super) fn stuck(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (id, view) in kept(snapshot) {
        let stuck = view.findings.iter().any(|finding| finding.code == Code::Stuck);
        family.flag(&[id], Some(stuck));
    }
}

pub(super) fn drift(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (id, view) in kept(snapshot) {
        family.flag(&[id, "source-callers"], callers_differ(view));
        family.flag(&[id, "source-targets"], targets_differ(view));
    }
}

/// Whether a caller uses neither the entry in force nor the candidate; none while no caller can be seen.
fn callers_differ(view: &WatchView) -> Option<bool> {
    let names: Vec<&String> = standings(view).filter_map(|(_, standing)| standing.name.as_ref()).collect();
    let mut used = view.record.callers.values().filter_map(|caller| caller.uses.as_ref()).peekable();
    used.peek()?;
    (!names.is_empty()).then(|| used.any(|name| !names.contains(&name)))
}

/// Whether a probe shows that the certificate in force is rejected; none while no probe could tell.
fn targets_differ(view: &WatchView) -> Option<bool> {
    let standing = view.record.in_force.as_ref()?;
    let verdicts = standing.probes.values().filter_map(|facts| facts.conclusive.map(|(_, verdict)| verdict));
    verdicts.map(Verdict::blames_certificate).reduce(|one, other| one || other)
}

pub(super) fn target_match(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (id, view) in kept(snapshot) {
        for (target, matching) in &view.matching {
            family.series(&[id, target, matching.word()], 1);
        }
    }
}

/// Of several questions of one kind about one target, the oldest counts.
pub(super) fn hand_off_open(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (id, view) in kept(snapshot) {
        let mut since: BTreeMap<(String, &str), Timestamp> = BTreeMap::new();
        for open in shown::hand_offs(view) {
            let oldest = since.entry((open.target.clone(), open.ask.word())).or_insert(open.opened);
            *oldest = (*oldest).min(open.opened);
        }
        for ((target, ask), at) in since {
            family.moment(&[id, &target, ask], Some(at));
        }
    }
}

pub(super) fn approval_pending(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (id, view) in kept(snapshot) {
        let mut since: BTreeMap<&str, Timestamp> = BTreeMap::new();
        for (act, at) in &view.record.pending {
            let verb = act.rsplit_once('-').map_or(act.as_str(), |(verb, _)| verb);
            let oldest = since.entry(verb).or_insert(*at);
            *oldest = (*oldest).min(*at);
        }
        for (verb, at) in since {
            family.moment(&[id, verb], Some(at));
        }
    }
}

pub(super) fn renewals(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_counts(snapshot, family, |counts| counts.renewals);
}

pub(super) fn publications(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_counts(snapshot, family, |counts| counts.publications);
}

pub(super) fn switches(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_counts(snapshot, family, |counts| counts.switches);
}

pub(super) fn rollbacks(snapshot: &Snapshot, family: &mut Family<'_>) {
    of_counts(snapshot, family, |counts| counts.rollbacks);
}

fn of_counts(snapshot: &Snapshot, family: &mut Family<'_>, count: impl Fn(&Counts) -> [u64; 2]) {
    for (id, view) in kept(snapshot) {
        outcomes(family, id, count(&view.record.counts));
    }
}

pub(super) fn outcomes(family: &mut Family<'_>, subject: &str, [succeeded, failed]: [u64; 2]) {
    family.series(&[subject, "ok"], succeeded);
    family.series(&[subject, "failed"], failed);
}
