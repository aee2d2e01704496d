//! What is dated in the future was written by a clock that was ahead: it is dated now, so that nothing waits for it.
//! It changes no fact but its date.

use crate::domain::record::{Attempts, Record, Renewal, Role, Standing};
use crate::domain::{Duration, Timestamp};

/// Readings of one clock may differ by so much without meaning anything.
const TOLERANCE: Duration = Duration::minutes(1);

/// Dates everything in the future back to now.
pub(super) fn backdate(record: &mut Record, now: Timestamp) {
    record.looked.forget_after(now + TOLERANCE);
    record.misses.values_mut().for_each(|misses| attempts(misses, now));
    record.attempts.values_mut().for_each(|failures| attempts(failures, now));
    record.refused.values_mut().for_each(|(_, at)| back(at, now));
    record.acts.iter_mut().for_each(|at| back(at, now));
    record.pending.values_mut().for_each(|at| back(at, now));
    record.check_asked.iter_mut().for_each(|at| back(at, now));
    record.absent_since.iter_mut().for_each(|at| back(at, now));
    record.unseen.iter_mut().for_each(|(at, _)| back(at, now));
    record.paused.iter_mut().for_each(|(at, _)| back(at, now));
    record.paused_everywhere.iter_mut().for_each(|at| back(at, now));
    record.learned.values_mut().for_each(|learned| back(&mut learned.at, now));
    for role in [Role::InForce, Role::Candidate, Role::Replaced] {
        if let Some(known) = record.standing_mut(role) {
            standing(known, now);
        }
    }
    if let Some(under_way) = &mut record.renewal {
        renewal(under_way, now);
    }
    for leftover in &mut record.leftovers {
        back(&mut leftover.since, now);
        leftover.hand_offs.values_mut().for_each(|facts| back(&mut facts.opened, now));
    }
}

fn back(at: &mut Timestamp, now: Timestamp) {
    if *at > now + TOLERANCE {
        *at = now;
    }
}

fn attempts(failures: &mut Attempts, now: Timestamp) {
    if failures.last > now + TOLERANCE {
        failures.last = now;
        failures.next = now;
    }
}

fn standing(standing: &mut Standing, now: Timestamp) {
    if standing.since > now + TOLERANCE {
        // Not now: what is dated so was seen in this very round, and is judged for the first time.
        standing.since = now - Duration::seconds(1);
    }
    for facts in standing.probes.values_mut() {
        if let Some(last) = facts.last.as_mut().filter(|last| last.at > now + TOLERANCE) {
            last.at = now;
            facts.not_before = None;
        }
        facts.since.iter_mut().for_each(|at| back(at, now));
        facts.recognised_at.iter_mut().for_each(|at| back(at, now));
        facts.conclusive.iter_mut().for_each(|(at, _)| back(at, now));
        facts.no_key.iter_mut().for_each(|(at, _)| back(at, now));
    }
    for publication in standing.targets.values_mut() {
        publication.published.iter_mut().for_each(|at| back(at, now));
        publication.proven.iter_mut().for_each(|at| back(at, now));
        if let Some(facts) = &mut publication.hand_off {
            back(&mut facts.opened, now);
            facts.signs.iter_mut().for_each(|(at, _, _)| back(at, now));
        }
    }
}

fn renewal(renewal: &mut Renewal, now: Timestamp) {
    back(&mut renewal.started, now);
    back(&mut renewal.moved, now);
    renewal.looked_empty.take_if(|at| *at > now + TOLERANCE);
    renewal.settling_since.iter_mut().for_each(|at| back(at, now));
    renewal.switched.values_mut().for_each(|at| back(at, now));
    renewal.gap_announced.iter_mut().for_each(|(at, _)| back(at, now));
    renewal.rolling_back.iter_mut().for_each(|(at, _)| back(at, now));
    renewal.candidate_gone.iter_mut().for_each(|at| back(at, now));
    renewal.back_gone.iter_mut().for_each(|at| back(at, now));
    renewal.back_refused.iter_mut().for_each(|at| back(at, now));
    renewal.back_asked.iter_mut().for_each(|(at, _)| back(at, now));
    renewal.given_up.iter_mut().for_each(|(at, _)| back(at, now));
    if let Some(keep) = &mut renewal.keep {
        keep.looked_empty.take_if(|at| *at > now + TOLERANCE);
        keep.stands.iter_mut().for_each(|at| back(at, now));
    }
}
