//! A candidate that expires before it is in force: nothing waits for it any more, and callers that use it go back.
//! It issues nothing; the next renewal does.

use super::{Chronicle, absorb, keep, retire, settle};
use crate::domain::event::EventKind;
use crate::domain::lint;
use crate::domain::record::{Record, Renewal, Role};
use crate::domain::watch::Watch;

/// Ends a renewal whose candidate has expired. Where no caller may use it, the next one begins by itself because it is
/// due; where one may, the callers are switched back, which is told as every roll back is.
pub(super) fn let_go_of_expired(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let now = chronicle.now;
    // What a clock in doubt calls expired may not be.
    if record.clock_doubt.is_some() {
        return;
    }
    if end_overtaken(watch, record, chronicle) || end_half_switched(watch, record, chronicle) {
        return;
    }
    let Some(candidate) = record.standing(Role::Candidate) else {
        return;
    };
    let until = candidate.chain.leaf.not_after;
    let rolling = record.renewal.as_ref().is_some_and(|renewal| renewal.rolling_back.is_some());
    // One that was never valid by this clock is unfit, and its renewal waits for a person: a clock may be wrong.
    if rolling || now <= until || candidate.since > until {
        return;
    }
    let text = format!("the candidate expired on {} before it was in force everywhere", lint::minute(until));
    if settle::may_be_used(watch, record) {
        if settle::can_go_back(watch, record, now) {
            settle::go_back(watch, record, text, chronicle);
        } else {
            bring_into_force(record, &format!("{text}, and there is no way back"), chronicle);
        }
        return;
    }
    let Some(renewal) = record.renewal.take() else {
        return;
    };
    chronicle.note(EventKind::CandidateDiscarded, text.clone());
    keep::leave_copies(record, &renewal, now);
    absorb::discard_candidate(record, renewal.candidate, now);
    let text = format!("renewal {} ended: {text}", renewal.generation);
    chronicle.note(EventKind::RenewalEnded, text);
    record.counts.renewals[1] += 1;
}

/// A renewal that cannot settle never stands in the way of the next: once what it brought into force is due itself, it ends,
/// and what is due begins.
fn end_overtaken(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) -> bool {
    let now = chronicle.now;
    let Some(due) = record.in_force.as_ref().map(|in_force| watch.moments(in_force, true).due) else {
        return false;
    };
    let over = |renewal: &mut Box<Renewal>| {
        renewal.replaced.is_some() && renewal.rolling_back.is_none() && renewal.started < due && now >= due
    };
    let Some(renewal) = record.renewal.take_if(over) else {
        return false;
    };
    let text = format!(
        "renewal {} ended without having settled: what it brought into force is due itself since {}",
        renewal.generation,
        lint::minute(due)
    );
    chronicle.note(EventKind::RenewalEnded, text);
    record.counts.renewals[1] += 1;
    keep::leave_copies(record, &renewal, now);
    retire::keep_replaced(record, *renewal, now);
    true
}

/// Where some caller cannot be switched, those who were must not wait for it until their certificate expires: it counts as
/// the one in force once it is due itself, and the next renewal begins.
fn end_half_switched(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) -> bool {
    let Some(renewal) = record.renewal.as_ref().filter(|renewal| renewal.rolling_back.is_none()) else {
        return false;
    };
    let Some(candidate) = renewal.candidate.as_ref().filter(|_| !renewal.switched.is_empty()) else {
        return false;
    };
    let due = watch.moments(candidate, true).due;
    if renewal.started >= due || chronicle.now < due {
        return false;
    }
    let text = format!("what some callers use already is due itself since {}", lint::minute(due));
    bring_into_force(record, &text, chronicle);
    true
}

/// What callers use is the certificate in force, and its renewal ends without having led every caller to it.
fn bring_into_force(record: &mut Record, why: &str, chronicle: &mut Chronicle<'_>) {
    let candidate = record.renewal.as_mut().and_then(|renewal| renewal.candidate.take());
    let Some(candidate) = candidate else {
        return;
    };
    let replaced = record.in_force.replace(candidate);
    if let Some(renewal) = &mut record.renewal {
        renewal.replaced = replaced;
    }
    keep::name_the_settled(record);
    let Some(renewal) = record.renewal.take() else {
        return;
    };
    let text = format!("renewal {} ended before every caller was switched: {why}", renewal.generation);
    chronicle.note(EventKind::RenewalEnded, text);
    record.counts.renewals[1] += 1;
    keep::leave_copies(record, &renewal, chronicle.now);
    retire::keep_replaced(record, *renewal, chronicle.now);
}
