//! Callers that use an entry which is none of ours: what stands in it, so that its end is told in time.
//! It judges nothing and leads nobody back.

use crate::domain::Timestamp;
use crate::domain::chain::Chain;
use crate::domain::policy::Moments;
use crate::domain::record::{CallerFacts, Look, Record, Role};
use crate::domain::report::Sighting;
use crate::domain::watch::{AutoRenew, Watch};

/// The entries that callers use and that the record knows nothing of; a renewer can look into them.
pub(super) fn looks(watch: &Watch, record: &Record) -> Vec<Look> {
    if watch.renewal.is_none() {
        return Vec::new();
    }
    let callers = watch.callers.iter().filter(|caller| caller.kind == watch.source.kind);
    let used = callers.filter_map(|caller| record.callers.get(&caller.id)?.uses.clone());
    used.filter(|name| !is_known(record, name)).map(Look::Entry).collect()
}

fn is_known(record: &Record, name: &String) -> bool {
    let roles = [Role::InForce, Role::Candidate, Role::Replaced];
    let standing = |role: Role| record.standing(role).and_then(|standing| standing.name.as_ref());
    let renewal = record.renewal.as_ref();
    let replaced = renewal.and_then(|renewal| renewal.replaces_name.as_ref());
    let kept = renewal.and_then(|renewal| Some(&renewal.keep.as_ref()?.name));
    roles.into_iter().filter_map(standing).chain(replaced).chain(kept).any(|known| known == name)
        || record.leftovers.iter().any(|leftover| leftover.name.as_ref() == Some(name))
}

/// What stands there belongs to each caller that uses it.
pub(super) fn entry_looked(record: &mut Record, name: &str, found: Option<&Sighting>) {
    let known = is_known(record, &name.to_owned());
    let users = record.callers.values_mut().filter(|facts| facts.uses.as_deref() == Some(name));
    for facts in users {
        facts.stray = found.filter(|_| !known).map(|sighting| sighting.chain.clone());
    }
}

/// What a caller was seen to use: what stands in it is still known where it is the same entry as before.
pub(super) fn keep_known(facts: CallerFacts, before: Option<CallerFacts>) -> CallerFacts {
    let stray = before.filter(|before| before.uses == facts.uses).and_then(|before| before.stray);
    CallerFacts { stray, ..facts }
}

/// The moments of a certificate that callers use though it is not the one in force: only its expiry is feared.
pub(in crate::domain) fn moments_of(watch: &Watch, chain: &Chain) -> Moments {
    watch.policy.moments(&chain.leaf, AutoRenew::No, false)
}

/// When more is to be said about what they use.
pub(super) fn moments(watch: &Watch, record: &Record) -> Vec<Timestamp> {
    let strays = record.callers.values().filter_map(|facts| facts.stray.as_ref());
    strays.map(|chain| moments_of(watch, chain).critical).collect()
}
