//! What must stand ready before an act of ours, or a person on our word, shuts the certificate in force out: whatever ends
//! that gap. It opens none.

use super::{asks, keep, want};
use crate::domain::record::{Act, Ask, Purpose, Record, Role, Standing};
use crate::domain::watch::{Delivery, Mode, Target, Watch};

/// Who shuts the certificate in force out, in the order in which gaps are opened: who takes longest goes first, so that the
/// quick ones wait and not the callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Opener {
    /// A person deletes the old mapping.
    Person,
    /// Certsteward overwrites it.
    Publication,
    /// The first call with the candidate does.
    Call,
}

/// What this act opens a gap by; none where it opens none.
pub(super) fn opener_of(watch: &Watch, record: &Record, act: &Act) -> Option<Opener> {
    match act {
        Act::Try { .. } => Some(Opener::Call),
        Act::Publish { target, role: Role::Candidate, .. } => {
            let told = watch.target(target).zip(record.standing(Role::Candidate));
            let overwrites =
                told.is_some_and(|(target, candidate)| asks::overwrites(target, record, candidate));
            overwrites.then_some(Opener::Publication)
        }
        Act::Publish { .. }
        | Act::Issue { .. }
        | Act::Switch { .. }
        | Act::RollBack { .. }
        | Act::Keep { .. }
        | Act::Put { .. }
        | Act::PutBack { .. }
        | Act::Retire { .. } => None,
    }
}

/// What is missing before this gap may be opened, in words; nothing where its end stands ready, or where it is open already.
pub(super) fn missing(watch: &Watch, record: &Record, opener: Opener, act: Option<&Act>) -> Option<String> {
    let renewal = record.renewal.as_ref()?;
    let candidate = renewal.candidate.as_ref()?;
    let untold = watch.targets.iter().find(|target| blocks(watch, record, target, candidate, opener));
    if let Some(target) = untold {
        return Some(format!("{} does not know the candidate yet", target.id));
    }
    let back = renewal.kept(Purpose::WayBack).and_then(|keep| keep.stands);
    if renewal.switches_entry() && back.is_none() {
        return Some("the way back does not stand yet".to_owned());
    }
    let seen = |id: &String| {
        record.callers.get(id).is_some_and(|facts| facts.unseen.is_none() && facts.seen.is_some())
    };
    let blind = watch.callers.iter().map(|caller| &caller.id).find(|id| !seen(id));
    if let Some(id) = blind.filter(|_| renewal.switches_callers()) {
        return Some(format!("the caller {id} cannot be seen, so it could not be switched"));
    }
    let ending = ending(watch, record);
    let others = ending.iter().filter(|other| act.is_none_or(|act| act.id() != other.id()));
    let unapproved = others.map(Act::id).find(|id| !record.approvals.contains_key(id));
    unapproved
        .map(|id| format!("{id}, which ends the gap, is not approved; certsteward approve {} {id}", watch.id))
}

/// The target that must be told before this call is made: nothing would be shut out, and a refused logon is counted.
pub(super) fn untold<'a>(watch: &'a Watch, record: &Record, act: &Act) -> Option<&'a str> {
    let Act::Try { probe, .. } = act else { return None };
    let candidate = record.standing(Role::Candidate)?;
    let mut mine =
        watch.targets.iter().filter(|target| watch.probe_of(target).is_some_and(|its| its.id == *probe));
    mine.find(|target| !asks::knows_of_it(target, candidate)).map(|target| target.id.as_str())
}

/// Whether this target must know the candidate before this gap is opened, and does not.
fn blocks(watch: &Watch, record: &Record, target: &Target, candidate: &Standing, opener: Opener) -> bool {
    if asks::is_known(watch, target, candidate) {
        return false;
    }
    let by_call = watch.probe_of(target).is_some_and(|probe| watch.is_ratchet(&probe.id));
    if by_call && asks::knows_of_it(target, candidate) {
        return false;
    }
    if !asks::telling_opens_a_gap(watch, record, target, candidate) {
        return true;
    }
    let its = if target.delivery == Delivery::HandOff { Opener::Person } else { Opener::Publication };
    its < opener
}

/// The acts that end the gap and that a person has to approve: where one of them is not, callers would wait for a person.
fn ending(watch: &Watch, record: &Record) -> Vec<Act> {
    if watch.mode != Mode::Propose {
        return Vec::new();
    }
    let tells = |act: &Act| matches!(act, Act::Publish { role: Role::Candidate, .. });
    let mut acts: Vec<Act> = want::publications(watch, record).into_iter().filter(tells).collect();
    acts.extend(want::tries(watch, record));
    acts.extend(want::switches(watch, record));
    acts.extend(keep::put(record));
    acts
}

/// Why a person is not asked this now; nothing where they may be: to add is harmless, to delete first is not.
fn unaskable(watch: &Watch, record: &Record, target: &Target, ask: Ask) -> Option<String> {
    if ask != Ask::Replace {
        return None;
    }
    let standing = record.standing(record.concern())?;
    if standing.targets.get(&target.id).is_some_and(|publication| publication.shared) {
        return Some("another watch is let in by the mapping that would be deleted; name the callers of both in one watch, or set subject = \"counted\"".to_owned());
    }
    if record.concern() != Role::Candidate {
        return None;
    }
    // What would hold the switch would hold it after the person has deleted the old mapping, too.
    let gone = record.renewal.as_ref().is_some_and(|renewal| renewal.candidate_gone.is_some());
    let id = &watch.id;
    let holds = [
        (watch.mode == Mode::Observe, "mode is observe".to_owned()),
        (record.paused_everywhere.is_some(), "acts are paused; certsteward resume".to_owned()),
        (record.paused.is_some(), format!("acts are paused; certsteward resume {id}")),
        (record.unseen.is_some(), "the source cannot be seen".to_owned()),
        (record.clock_doubt.is_some(), "the clock of this host is in doubt".to_owned()),
        (gone, "the candidate's entry was not there when it was looked at".to_owned()),
    ];
    let hold = holds.into_iter().find_map(|(holds, why)| holds.then_some(why));
    hold.or_else(|| missing(watch, record, Opener::Person, None))
}

/// Whether a person may be asked this now.
pub(super) fn may_ask(watch: &Watch, record: &Record, target: &Target, ask: Ask) -> bool {
    unaskable(watch, record, target, ask).is_none()
}

/// The target whose person is to be asked and is not yet, and why not.
pub(in crate::domain) fn unasked<'a>(watch: &'a Watch, record: &Record) -> Option<(&'a str, Ask, String)> {
    let renewal = record.renewal.as_ref();
    let issuing = renewal.is_some_and(|renewal| renewal.candidate.is_none() && renewal.replaced.is_none());
    let goes_back = renewal.is_some_and(|renewal| renewal.rolling_back.is_some());
    let standing = record.standing(record.concern()).filter(|_| !issuing && !goes_back)?;
    let unasked = |target: &&Target| {
        let asked = standing.targets.get(&target.id).is_some_and(|told| told.hand_off.is_some());
        let by_person = target.delivery == Delivery::HandOff;
        by_person && !asked && asks::needs_telling(watch, target, standing)
    };
    watch.targets.iter().filter(unasked).find_map(|target| {
        let ask = asks::ask_for(target, record, standing);
        Some((&*target.id, ask, unaskable(watch, record, target, ask)?))
    })
}
