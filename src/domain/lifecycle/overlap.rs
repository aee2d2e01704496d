//! When the old certificate stopped being accepted and the new one began to be, as calls showed it.
//! It makes no call and judges nothing.

use super::{cadence, words};
use crate::domain::Timestamp;
use crate::domain::lint::minute;
use crate::domain::record::{Ask, Overlap, Record, Renewal, Role, Standing};
use crate::domain::verdict::Verdict;
use crate::domain::watch::Watch;

impl Overlap {
    /// A caller uses the new one from now on.
    pub(super) fn switched(&mut self, at: Timestamp) {
        self.first_switch.get_or_insert(at);
        self.last_switch = Some(at);
    }

    fn old(&mut self, verdict: Verdict, at: Timestamp) {
        if verdict.recognised() {
            (self.old_accepted, self.old_refused) = (Some(at), None);
        } else if verdict.blames_certificate() {
            self.old_refused.get_or_insert(at);
        }
    }
}

/// A probe's answer belongs to the old certificate or to the new one.
pub(super) fn probed(record: &mut Record, role: Role, verdict: Verdict, at: Timestamp) {
    let Some(renewal) = &mut record.renewal else {
        return;
    };
    let in_force_is_new = renewal.replaced.is_some();
    let overlap = &mut renewal.overlap;
    if role == Role::Replaced || (role == Role::InForce && !in_force_is_new) {
        overlap.old(verdict, at);
    } else if verdict.recognised() {
        overlap.new_accepted.get_or_insert(at);
    } else if verdict.blames_certificate() && overlap.new_accepted.is_none() && overlap.last_switch.is_some()
    {
        overlap.new_refused.get_or_insert(at);
    }
}

/// What was measured, in words: as exact as the probes were frequent.
pub(super) fn sentence(renewal: &Renewal, in_force: &Standing, watch: &Watch) -> String {
    let overlap = renewal.overlap;
    let Some(new) = overlap.new_accepted else {
        return "no call with the new certificate said whether it is accepted".to_owned();
    };
    let cache = cadence::longest_cache(watch);
    let switched = match (overlap.first_switch, overlap.last_switch) {
        (Some(first), Some(last)) if minute(first) != minute(last) => {
            format!(", switched {} to {}", minute(first), minute(last))
        }
        (_, Some(last)) => format!(", switched {}", minute(last)),
        (_, None) => String::new(),
    };
    let new_words = format!("the new certificate is accepted since {}{switched}", minute(new));
    match (gap(overlap, new), overlap.old_accepted, overlap.old_refused) {
        (Some((from, to)), _, _) => format!(
            "a gap of {} from {} to {}, longer by what callers had read before (up to {}); {new_words}",
            words(to - from),
            minute(from),
            minute(to),
            words(cache)
        ),
        (None, _, Some(old)) => format!("no gap: {new_words}; the old one is refused since {}", minute(old)),
        (None, Some(old), None) if was_replaced(in_force) && old < new => format!(
            "a gap of at most {}, longer by what callers had read before (up to {}): the old one was last seen accepted at {}, {new_words}",
            words(overlap.last_switch.unwrap_or(new).max(new) - old),
            words(cache),
            minute(old)
        ),
        (None, Some(old), None) => {
            format!("no gap was seen: {new_words}; the old one was accepted at {} still", minute(old))
        }
        (None, None, None) => format!("no gap was seen: {new_words}"),
    }
}

/// Whether the old mapping was deleted to make room.
fn was_replaced(in_force: &Standing) -> bool {
    let mut asked = in_force.targets.values().filter_map(|publication| publication.hand_off.as_ref());
    asked.any(|facts| facts.ask == Ask::Replace)
}

/// The time in which callers used what was not accepted: the old one until they were switched, or the new one already.
fn gap(overlap: Overlap, new: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let switched = overlap.last_switch?;
    let old = overlap.old_refused.filter(|refused| *refused < switched);
    let refused = overlap.new_refused.filter(|refused| *refused < new);
    let from = old.into_iter().chain(refused.and(overlap.first_switch)).min()?;
    Some((from, if refused.is_some() { switched.max(new) } else { switched }))
}
