//! The dates to come of the certificate in force: when it grows serious, when it is too late, when it ends.
//! It plans nothing.

use super::line;
use crate::domain::Timestamp;
use crate::domain::assess::needs_person;
use crate::domain::lifecycle::words;
use crate::domain::lint::minute;
use crate::domain::record::Record;
use crate::domain::snapshot::PlanLine;
use crate::domain::watch::Watch;

/// Those that are still ahead, in no order.
pub(super) fn ahead(watch: &Watch, record: &Record, now: Timestamp) -> Vec<PlanLine> {
    let Some(in_force) = &record.in_force else {
        return Vec::new();
    };
    let person = needs_person(watch);
    let moments = watch.moments(in_force, person);
    let (deadline, expiry) = (moments.deadline, in_force.chain.leaf.not_after);
    let before = |at: Timestamp, key: &str| {
        format!("{} before the deadline {} ({key})", words(deadline - at), minute(deadline))
    };
    let mut dates = vec![(expiry, "the certificate expires", expires(watch))];
    // Where issuing is left to the store, nothing grows serious before the store is late.
    if !watch.leaves_to_source() {
        dates.push((
            moments.warning,
            "it becomes a warning, if nothing new is in force by then",
            before(moments.warning, "warning"),
        ));
        dates.push((
            moments.critical,
            "it becomes critical, if nothing new is in force by then",
            before(moments.critical, "critical"),
        ));
        if deadline != expiry {
            let why = "its own threshold, as long as auto_renew is \"yes\" or \"unknown\"; the deadline of all that is planned";
            dates.push((deadline, "the store may renew the certificate by itself", why.to_owned()));
        }
    }
    if watch.renewal.is_some() && !watch.leaves_to_source() {
        let spans = if person { "person_time and settle" } else { "settle" };
        dates.push((
            moments.last_safe,
            "the last safe moment to have a new one in force",
            before(moments.last_safe, spans),
        ));
    }
    let ahead = dates.into_iter().filter(|(at, _, _)| *at > now);
    ahead.map(|(at, what, why)| line(Some(at), what, why)).collect()
}

fn expires(watch: &Watch) -> String {
    match &watch.renewal {
        Some(_) => "that is the end of what is in force; a renewal is to come before".to_owned(),
        None => "no [watch.renewal] is configured, so certsteward watches and tells".to_owned(),
    }
}
