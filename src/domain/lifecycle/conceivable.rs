//! Every act that the facts can still ask for, whether anything holds it or not.
//! It chooses none of them.

use std::collections::BTreeSet;

use super::asks::is_known;
use super::keep;
use super::want::tries;
use crate::domain::record::{Act, Leftover, Record};
use crate::domain::watch::{Delivery, Watch};

/// The ids of every act that the facts can still ask for: what is kept about any other act is of no use any more.
pub(super) fn ids(watch: &Watch, record: &Record) -> BTreeSet<String> {
    let retirements = record.leftovers.iter().filter_map(Leftover::retirement);
    conceivable_acts(watch, record).iter().map(Act::id).chain(retirements).collect()
}

/// What the act with this id would do, where the facts can still ask for it.
pub(in crate::domain) fn sentence_of(watch: &Watch, record: &Record, id: &str) -> Option<String> {
    let retire = |leftover: &Leftover| {
        let name = leftover.name.clone()?;
        Some(Act::Retire { name, fingerprint: leftover.chain.fingerprint() })
    };
    let retirements = record.leftovers.iter().filter_map(retire);
    let mut acts = conceivable_acts(watch, record).into_iter().chain(retirements);
    acts.find(|act| act.id() == id).map(|act| act.sentence())
}

/// Every act that the facts can still ask for, but for retirements.
fn conceivable_acts(watch: &Watch, record: &Record) -> Vec<Act> {
    let mut acts = Vec::new();
    if let Some(renewal) = &record.renewal {
        let generation = renewal.generation;
        let order = renewal.order.clone();
        if let Some(order) = order.filter(|_| renewal.candidate.is_none() && renewal.replaced.is_none()) {
            acts.push(Act::Issue { generation, order });
        }
        let (from, to) =
            (renewal.replaces_name.clone(), renewal.order.as_ref().map(|order| order.name.clone()));
        if let (Some(from), Some(to)) = (from, to.filter(|_| renewal.switches_callers())) {
            let old = keep::old_names(record);
            for caller in watch.callers.iter().map(|caller| caller.id.clone()) {
                let uses = record.callers.get(&caller).and_then(|facts| facts.uses.as_ref());
                let switched = renewal.switched.contains_key(&caller);
                if renewal.rolling_back.is_some() && switched {
                    acts.push(Act::RollBack { generation, caller, from: to.clone(), to: from.clone() });
                } else if !switched && uses.is_none_or(|uses| old.contains(uses)) {
                    acts.push(Act::Switch { generation, caller, from: from.clone(), to: to.clone() });
                }
            }
        }
    }
    let role = record.concern();
    if let Some(standing) = record.standing(role) {
        let fingerprint = standing.fingerprint();
        let untold = watch
            .targets
            .iter()
            .filter(|target| target.delivery == Delivery::Direct && !is_known(watch, target, standing));
        acts.extend(untold.map(|target| Act::Publish { target: target.id.clone(), role, fingerprint }));
    }
    acts.extend(keep::conceivable(record));
    acts.extend(keep::hold_switches(watch, record));
    acts.extend(tries(watch, record));
    acts
}
