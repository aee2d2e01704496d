//! Whether callers are refused already while the candidate is not: then it is the wait that hurts.
//! It opens no gap, and ends none.

use super::asks::overwrites;
use crate::domain::policy::Emergency;
use crate::domain::record::{Ask, Record, Role};
use crate::domain::verdict::Verdict;
use crate::domain::watch::{Delivery, Watch};

/// Callers are refused already, and the candidate is not: then it is the wait that hurts.
///
/// A gap that was announced ends as soon as it can. One that nobody announced, because somebody deleted the old mapping too
/// early, ends so unless the operator lets nothing through a window (`emergency = "never"`).
pub(in crate::domain) fn is_in_gap(watch: &Watch, record: &Record) -> bool {
    let Some(candidate) = record.standing(Role::Candidate) else {
        return false;
    };
    let accepted = |probe: &str| candidate.verdict(probe).is_some_and(Verdict::recognised);
    let replaced = candidate.targets.values().any(|publication| {
        let asked = publication.hand_off.as_ref().filter(|facts| facts.ask == Ask::Replace);
        // Whoever is deleting the old mapping, or has replaced it, has opened the gap whether a call can show it or not.
        asked.is_some_and(|facts| publication.is_known() || facts.is_begun())
    });
    let refused = |probe: &str| {
        let in_force = record.in_force.as_ref().and_then(|in_force| in_force.verdict(probe));
        in_force.is_some_and(Verdict::blames_certificate)
    };
    // After a death in the middle of the first call, the certificate in force alone tells that it was made.
    let tried = watch
        .probes
        .iter()
        .any(|probe| watch.is_ratchet(&probe.id) && (accepted(&probe.id) || refused(&probe.id)));
    let overwritten = watch.targets.iter().any(|target| {
        let given = candidate.targets.get(&target.id).is_some_and(|told| told.given);
        given && target.delivery == Delivery::Direct && overwrites(target, record, candidate)
    });
    let shut_out = watch.probes.iter().any(|probe| refused(&probe.id) && accepted(&probe.id));
    let told_directly = record.renewal.as_ref().is_some_and(|renewal| renewal.gap_announced.is_some());
    replaced
        || tried
        || overwritten
        || (shut_out && (told_directly || watch.policy.emergency != Emergency::Never))
}
