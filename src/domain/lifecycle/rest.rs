//! Whether anything but a look at its source could change what is known and said of a watch before its next moment.
//! It decides nothing else.

use crate::domain::record::Record;
use crate::domain::snapshot::WatchView;
use crate::domain::watch::Watch;

/// Whether a pass over this watch, before its next moment comes, would find nothing new as long as its source shows what it
/// showed before.
///
/// Said narrowly: a watch at rest is one that is only looked at, of which nothing is said and nothing is unknown. Every
/// judgement that comes true by time alone is one of the moments that the plan waits for, or is said beforehand as a finding.
#[must_use]
pub fn is_at_rest(view: &WatchView) -> bool {
    is_only_looked_at(&view.watch)
        && view.findings.is_empty()
        && is_settled(&view.record)
        && view
            .record
            .in_force
            .as_ref()
            .is_some_and(|standing| standing.chain.leaf.not_before <= standing.since)
}

fn is_only_looked_at(watch: &Watch) -> bool {
    watch.renewal.is_none() && watch.callers.is_empty() && watch.targets.is_empty() && watch.probes.is_empty()
}

fn is_settled(record: &Record) -> bool {
    record.unseen.is_none()
        && record.absent_since.is_none()
        && record.renewal.is_none()
        && record.renewal_asked.is_none()
        && record.leftovers.is_empty()
        && record.in_flight.is_none()
        && record.misses.is_empty()
        && record.attempts.is_empty()
        && record.oddities.is_empty()
        && record.check_asked.is_none()
        && record.clock_doubt.is_none()
        && record.paused.is_none()
        && record.paused_everywhere.is_none()
        && record.told.is_empty()
        && record.silenced_until.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Duration;
    use crate::domain::event::Actor;
    use crate::domain::finding::{Code, Finding, Level};
    use crate::domain::reason::{Reason, Unseen};
    use crate::domain::sample::{noon, quiet};

    #[track_caller]
    fn check(change: impl FnOnce(&mut WatchView), expected: bool) {
        let mut view = quiet();
        change(&mut view);
        assert_eq!(is_at_rest(&view), expected);
    }

    fn record(change: impl FnOnce(&mut Record), expected: bool) {
        check(|view| change(std::sync::Arc::make_mut(&mut view.record)), expected);
    }

    #[test]
    fn what_is_only_looked_at_and_of_which_nothing_is_said_is_at_rest() {
        check(|_| {}, true);
    }

    #[test]
    fn whatever_is_said_waits_or_is_unknown_keeps_a_watch_from_rest() {
        let finding = Finding {
            code: Code::Expires,
            level: Level::Notice,
            about: String::new(),
            text: String::new(),
            way_out: String::new(),
        };
        check(|view| view.findings.push(finding), false);
        let probed = crate::domain::sample::watch().probes;
        check(|view| std::sync::Arc::make_mut(&mut view.watch).probes = probed, false);
        record(|record| record.in_force = None, false);
        record(|record| record.unseen = Some((noon(), Unseen::new(Reason::Timeout, "no answer"))), false);
        record(|record| record.absent_since = Some(noon()), false);
        record(|record| record.check_asked = Some(noon()), false);
        record(|record| record.clock_doubt = Some((noon(), "ahead".to_owned())), false);
        record(|record| record.paused = Some((noon(), Actor::Daemon)), false);
        record(|record| record.oddities.push(Unseen::new(Reason::Malformed, "a block")), false);
    }

    #[test]
    fn what_was_not_valid_yet_when_it_was_seen_becomes_so_without_a_moment_of_its_own() {
        let later = noon() + Duration::days(1);
        record(|record| record.in_force.iter_mut().for_each(|one| one.chain.leaf.not_before = later), false);
    }
}
