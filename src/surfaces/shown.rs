//! What every surface must show alike: the level of a watch, its open hand-offs, where a certificate stands.
//! It reads a snapshot and judges nothing that a pass has not.

use crate::domain::certificate::Fingerprint;
use crate::domain::finding::Level;
use crate::domain::hand_off::HandOff;
use crate::domain::record::{HandOffFacts, Record, Role, Standing};
use crate::domain::snapshot::{Snapshot, WatchView};
use crate::domain::watch;

/// The level of a watch; what cannot be seen is at least a warning.
pub(crate) fn level(view: &WatchView) -> Level {
    if view.record.unseen.is_some() || view.record.in_force.is_none() {
        view.level.max(Level::Warning)
    } else {
        view.level
    }
}

/// That a watch is not there, and the way out.
pub(crate) fn no_watch(id: &str, snapshot: &Snapshot) -> (String, String) {
    let (error, way_out) = watch::no_watch(id, snapshot.watches.keys().map(|id| &**id));
    let searching: Vec<&str> =
        snapshot.daemon.discoveries.iter().filter(|(_, view)| !view.looked).map(|(id, _)| &**id).collect();
    if searching.is_empty() {
        return (error, way_out);
    }
    (error, format!("{way_out}; more may come: {} has not looked yet", searching.join(", ")))
}

/// The open questions to people, those about leftovers included.
pub(crate) fn hand_offs(view: &WatchView) -> Vec<HandOff> {
    let mut open = view.hand_offs.clone();
    for leftover in &view.record.leftovers {
        let asked = leftover.hand_offs.iter().filter(|(_, facts)| facts.closed.is_none());
        for (target, facts) in asked {
            if open.iter().any(|known| known.token == facts.token) {
                continue;
            }
            let target = view.watch.target(target);
            open.extend(target.map(|target| HandOff::of_leftover(&view.watch, target, leftover, facts)));
        }
    }
    open
}

/// The facts of every hand-off of a watch, open and closed.
pub(crate) fn hand_off_facts(record: &Record) -> impl Iterator<Item = &HandOffFacts> {
    let standings = ROLES.iter().filter_map(|role| record.standing(*role));
    let published = standings.flat_map(|standing| standing.targets.values());
    let leftovers = record.leftovers.iter().flat_map(|leftover| leftover.hand_offs.values());
    published.filter_map(|publication| publication.hand_off.as_ref()).chain(leftovers)
}

/// The standing of the certificate with this fingerprint.
pub(crate) fn standing(record: &Record, fingerprint: Fingerprint) -> Option<&Standing> {
    let mut standings = ROLES.iter().filter_map(|role| record.standing(*role));
    standings.find(|standing| standing.fingerprint() == fingerprint)
}

const ROLES: [Role; 3] = [Role::InForce, Role::Candidate, Role::Replaced];
