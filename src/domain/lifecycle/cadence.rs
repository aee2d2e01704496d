//! When each look is due: gently in steady state, closely while somebody waits.
//! It makes no look.

use crate::domain::record::{Attempts, HandOffFacts, ProbeFacts, Record, Role, Standing};
use crate::domain::verdict::Verdict;
use crate::domain::watch::{Probe, Watch};
use crate::domain::{Duration, Timestamp};

/// Minutes between probes while a certificate is not accepted; then hourly.
const LADDER_MINUTES: [i64; 5] = [1, 2, 5, 10, 15];
/// How long a person's sign makes probes closer.
const BURST: Duration = Duration::minutes(30);
/// So many signs within this time are each answered at once.
const SIGNS_AT_ONCE: usize = 5;
/// See [`SIGNS_AT_ONCE`].
const SIGNS_WITHIN: Duration = Duration::minutes(10);
/// At once: so long after the probe before.
const AFTER_SIGN: Duration = Duration::seconds(2);
/// How often then.
const BURST_EVERY: Duration = Duration::minutes(1);
/// How often a certificate is tried that already used up its refused logons.
const LOCK_CAUTION: Duration = Duration::hours(24);

/// The waits of the ladder: 1, 2, 5, 10, 15 minutes, then hourly.
pub(super) fn ladder(count: u32) -> Duration {
    let rung = usize::try_from(count.saturating_sub(1)).ok().and_then(|at| LADDER_MINUTES.get(at));
    rung.map_or(Duration::hours(1), |minutes| Duration::minutes(*minutes))
}

/// When an act that failed `count` times is tried again: exponential, never more than a tenth of the time that is left.
pub(super) fn backoff(count: u32, left: Duration, permille: i32) -> Duration {
    let doubled = Duration::minutes(1) * 2_i32.pow(count.saturating_sub(1).min(10));
    let spread = doubled + doubled * permille / 5000;
    // Past the last moment there is no tenth to keep within: what did not work for an hour is tried hourly.
    let most =
        if left > Duration::zero() { (left / 10).max(Duration::minutes(1)) } else { Duration::hours(1) };
    spread.min(Duration::hours(6)).min(most)
}

/// When this probe is made next with the certificate of this role, as far as is known now.
#[must_use]
pub fn next_probe(watch: &Watch, record: &Record, probe: &Probe, role: Role) -> Option<Timestamp> {
    probe_due(watch, record, probe, role)
}

/// When this probe with this role is due.
pub(super) fn probe_due(watch: &Watch, record: &Record, probe: &Probe, role: Role) -> Option<Timestamp> {
    let standing = record.standing(role)?;
    let facts = standing.probes.get(&probe.id).cloned().unwrap_or_default();
    let due = wished(watch, record, probe, role, standing, &facts)?;
    let due = facts.not_before.map_or(due, |not_before| due.max(not_before));
    // Every logon with either counts: the one that somebody waits for goes first, but for one in use that was never asked.
    let never_asked = record.in_force.as_ref().is_some_and(|in_force| {
        in_force.probes.get(&probe.id).is_none_or(|facts| facts.last.is_none() && facts.no_key.is_none())
    });
    let first = if never_asked { Role::InForce } else { record.concern() };
    let yields = if role == first { Duration::zero() } else { AFTER_THE_OTHER };
    Some(locked_out(watch, record, probe, standing).map_or(due, |until| due.max(until + yields)))
}

/// How long the certificate that nobody waits for leaves the next logon to the other.
const AFTER_THE_OTHER: Duration = Duration::hours(1);

fn wished(
    watch: &Watch,
    record: &Record,
    probe: &Probe,
    role: Role,
    standing: &Standing,
    facts: &ProbeFacts,
) -> Option<Timestamp> {
    if let Some(asked) = asked_back(record, role).filter(|asked| !is_answered(facts, *asked)) {
        return Some(asked);
    }
    if let Some((at, _)) = &facts.no_key
        && facts.last.as_ref().is_none_or(|last| last.at < *at)
    {
        let key = format!("probe:{}:{}", probe.id, role.word());
        let next = record.misses.get(&key).map_or(*at, |misses: &Attempts| misses.next);
        return Some(record.check_asked.filter(|asked| at < asked).map_or(next, |asked| next.min(asked)));
    }
    if role == Role::Replaced {
        return replaced_due(record, probe, facts);
    }
    let Some(last) = &facts.last else {
        return Some(standing.since);
    };
    let asked = record.check_asked.filter(|asked| last.at < *asked);
    let steady = if last.verdict.recognised() && is_enough(record, role, last.verdict) {
        settling_due(record, role, last.at, watch).unwrap_or(last.at + probe.every)
    } else {
        last.at + ladder(facts.repeated)
    };
    let sign = latest_sign(watch, probe, standing);
    let due = sign.map_or(steady, |sign| after_sign(sign, last.at, steady));
    Some(asked.map_or(due, |asked| due.min(asked)))
}

/// A 403 with a candidate is not the end of the question: it is compared with the certificate in force.
fn is_enough(record: &Record, role: Role, verdict: Verdict) -> bool {
    role == Role::InForce || verdict == Verdict::Accepted || record.renewal.is_none()
}

/// When a person asked for the way back to the certificate of this role: it is asked at once whether it is accepted.
fn asked_back(record: &Record, role: Role) -> Option<Timestamp> {
    let renewal = record.renewal.as_ref()?;
    let old = if renewal.replaced.is_some() { Role::Replaced } else { Role::InForce };
    renewal.back_asked.as_ref().filter(|_| role == old).map(|(asked, _)| *asked)
}

/// Whether a probe was made, or could not be, since then.
pub(super) fn is_answered(facts: &ProbeFacts, since: Timestamp) -> bool {
    facts.last.as_ref().is_some_and(|last| last.at >= since)
        || facts.no_key.as_ref().is_some_and(|(at, _)| *at >= since)
}

/// The replaced certificate is asked once for each time that the new one is blamed. In place it is gone.
fn replaced_due(record: &Record, probe: &Probe, facts: &ProbeFacts) -> Option<Timestamp> {
    if record.renewal.as_deref().is_some_and(crate::domain::record::Renewal::is_in_place) {
        return None;
    }
    let blamed =
        record.in_force.as_ref()?.probed(&probe.id).filter(|probed| probed.verdict.blames_certificate())?;
    let fresh = facts.last.as_ref().is_some_and(|last| last.at >= blamed.at);
    (!fresh).then_some(blamed.at)
}

/// While settling: at its start, in the middle and at its end.
fn settling_due(record: &Record, role: Role, last: Timestamp, watch: &Watch) -> Option<Timestamp> {
    let started = record.renewal.as_ref()?.settling_since.filter(|_| role == Role::InForce)?;
    let settle = settle_time(watch);
    let marks = [started, started + settle / 2, started + settle];
    marks.into_iter().find(|mark| last < *mark)
}

/// How long callers are watched after a switch: longer than any of them goes on using what it read before.
pub(in crate::domain) fn settle_time(watch: &Watch) -> Duration {
    longest_cache(watch).max(watch.policy.settle)
}

/// How long some caller may go on using what it read before.
pub(super) fn longest_cache(watch: &Watch) -> Duration {
    watch.callers.iter().map(|caller| caller.cache).max().unwrap_or_else(Duration::zero)
}

/// The newest sign that the target was told: our own upload, or a person's word (then true).
fn latest_sign(watch: &Watch, probe: &Probe, standing: &Standing) -> Option<(Timestamp, Duration)> {
    let mine = watch
        .targets
        .iter()
        .filter(|target| watch.probe_of(target).is_some_and(|other| other.id == probe.id));
    mine.filter_map(|target| standing.targets.get(&target.id))
        .filter_map(|publication| {
            let sign = publication.open_hand_off().and_then(|facts| {
                let at = facts.signs.last()?.0;
                Some((at, patience(facts, at)))
            });
            sign.max(publication.published.map(|at| (at, Duration::zero())))
        })
        .max()
}

/// How long after a probe the next one may follow a person's sign. A gap may be open, so a sign is answered at once; but a
/// link can be pressed without end, so many signs bring probes no closer than a burst has them.
fn patience(facts: &HandOffFacts, latest: Timestamp) -> Duration {
    let recent = facts.signs.iter().filter(|(at, _, _)| *at > latest - SIGNS_WITHIN).count();
    if recent <= SIGNS_AT_ONCE { AFTER_SIGN } else { BURST_EVERY }
}

fn after_sign((sign, patience): (Timestamp, Duration), last: Timestamp, steady: Timestamp) -> Timestamp {
    if last < sign {
        return steady.min(sign.max(last + patience));
    }
    if last < sign + BURST { steady.min(last + BURST_EVERY) } else { steady }
}

/// Whether this probe with this certificate has to wait so that the login is not locked.
pub(super) fn is_locked_out(
    watch: &Watch,
    record: &Record,
    probe: &Probe,
    standing: &Standing,
    now: Timestamp,
) -> bool {
    locked_out(watch, record, probe, standing).is_some_and(|until| now < until)
}

/// Until when a certificate is left alone because its target locks a login after so many refused logons.
///
/// Every certificate that is refused counts against the same login, whatever probe of the tenant presented it. The last logon but one is kept for a person's sign, and
/// the one that would lock is never made.
pub(super) fn locked_out(
    watch: &Watch,
    record: &Record,
    probe: &Probe,
    standing: &Standing,
) -> Option<Timestamp> {
    let mine = watch
        .targets
        .iter()
        .filter(|target| watch.probe_of(target).is_some_and(|other| other.login() == probe.login()));
    let limit = mine.filter_map(|target| target.max_rejections).min()?;
    let same_login = watch.probes.iter().filter(|other| other.login() == probe.login());
    let roles = [Role::Candidate, Role::InForce, Role::Replaced];
    let standings = roles.into_iter().filter_map(|role| record.standing(role));
    let facts =
        standings.flat_map(|standing| same_login.clone().filter_map(|other| standing.probes.get(&other.id)));
    let refused: Vec<&ProbeFacts> = facts.filter(|facts| facts.rejections > 0).collect();
    let rejections: u32 = refused.iter().map(|facts| facts.rejections).sum();
    let before = record.refused.get(probe.login());
    let rejections = rejections.max(before.map_or(0, |(count, _)| *count));
    let last = refused.iter().filter_map(|facts| facts.last.as_ref().map(|last| last.at)).max();
    let last = last.max(before.map(|(_, last)| *last))?;
    let signed = latest_sign(watch, probe, standing).is_some_and(|(sign, _)| sign > last);
    let kept = if signed { 1 } else { 2 };
    (rejections + kept >= limit).then(|| last + LOCK_CAUTION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_is_1_2_5_10_15_minutes_then_hourly() {
        let waits: Vec<i64> = (1..=7).map(|count| ladder(count).num_minutes()).collect();
        assert_eq!(waits, [1, 2, 5, 10, 15, 60, 60]);
    }

    #[test]
    fn backoff_doubles_up_to_six_hours() {
        let waits: Vec<i64> =
            [1, 2, 3, 9, 20].map(|n| backoff(n, Duration::days(90), 0).num_minutes()).to_vec();
        assert_eq!(waits, [1, 2, 4, 256, 360]);
    }

    #[test]
    fn backoff_never_eats_more_than_a_tenth_of_the_time_left() {
        assert_eq!(backoff(20, Duration::hours(10), 0), Duration::hours(1));
        assert_eq!(backoff(20, Duration::hours(10), 999), Duration::hours(1), "with jitter too");
        assert_eq!(backoff(20, Duration::minutes(1), 0), Duration::minutes(1));
        assert_eq!(backoff(20, Duration::zero(), 0), Duration::hours(1), "past it, hourly");
    }
}
