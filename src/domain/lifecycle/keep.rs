//! What is in force, kept under another name: as the way back where the original name gets the candidate, or so that the
//! store's own renewal does not reach it while a person is still asked. It copies nothing.

use std::collections::BTreeMap;

use super::proving::is_everywhere_known;
use super::{Chronicle, asks, words};
use crate::domain::Timestamp;
use crate::domain::certificate::Fingerprint;
use crate::domain::event::EventKind;
use crate::domain::record::{
    Act, CopyOrder, Keep, Leftover, Look, Order, Purpose, Record, Renewal, Role, Standing,
};
use crate::domain::report::Sighting;
use crate::domain::watch::{AutoRenew, Rotation, Watch};

/// Chooses the name under which what is in force is kept, once there is a reason to keep it.
pub(super) fn place_keep(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    drop_stale(record, chronicle.now);
    drop_expired(record, chronicle.now);
    let Some(purpose) = purpose(watch, record, chronicle.now) else {
        return;
    };
    let (Some(in_force), Some(renewal)) = (&record.in_force, &mut record.renewal) else {
        return;
    };
    let fingerprint = in_force.fingerprint();
    if renewal.keep.is_none()
        && let Some(original) = renewal.replaces_name.clone()
    {
        let name = name_beside(&original, purpose, &renewal.taken);
        if purpose == Purpose::Hold {
            let text = format!(
                "what is in force is kept as {name}, because the store may renew {original} by itself soon and a person is still asked"
            );
            chronicle.note(EventKind::Held, text);
        }
        renewal.keep = Some(Keep { name, purpose, fingerprint, looked_empty: None, stands: None });
    }
}

/// Somebody else renewed what is in force meanwhile: what was kept is not that, so the way back leads elsewhere.
fn drop_stale(record: &mut Record, now: Timestamp) {
    let (Some(in_force), Some(renewal)) = (&record.in_force, &mut record.renewal) else {
        return;
    };
    let print = in_force.fingerprint();
    let unused_yet = renewal.switched.is_empty() && renewal.replaced.is_none();
    let Some(stale) = renewal.keep.take_if(|keep| unused_yet && keep.fingerprint != print) else {
        return;
    };
    let chain = record.previous.clone().filter(|chain| chain.fingerprint() == stale.fingerprint);
    if let Some(chain) = chain.filter(|_| stale.stands.is_some()) {
        let never_in_force = stale.purpose == Purpose::WayBack;
        record.leftovers.push(Leftover { never_in_force, ..unused(*chain, stale.name, now) });
    }
}

/// What has expired before it was copied is not held any more.
fn drop_expired(record: &mut Record, now: Timestamp) {
    let expired = record.in_force.as_ref().is_some_and(|in_force| now > in_force.chain.leaf.not_after);
    if let Some(renewal) = record.renewal.as_mut().filter(|_| expired) {
        renewal.keep.take_if(|keep| keep.purpose == Purpose::Hold && keep.stands.is_none());
    }
}

/// Why what is in force should be kept now, where it should.
fn purpose(watch: &Watch, record: &Record, now: Timestamp) -> Option<Purpose> {
    let renewal = record.renewal.as_ref()?;
    let (in_force, candidate) = (record.in_force.as_ref()?, renewal.candidate.as_ref()?);
    if renewal.rolling_back.is_some() || !renewal.switched.is_empty() {
        return None;
    }
    if renewal.switches_entry() {
        let ready =
            is_everywhere_known(watch, record, candidate) || asks::opens_a_gap(watch, record, candidate);
        return ready.then_some(Purpose::WayBack);
    }
    let held_already =
        renewal.kept(Purpose::Hold).is_some_and(|keep| keep.fingerprint == in_force.fingerprint());
    let asked = candidate.targets.values().any(|publication| publication.open_hand_off().is_some());
    let near = hold_at(watch, in_force).is_some_and(|at| now >= at);
    // What has expired is no use to anybody, and the store's own renewal would be.
    let of_use = now <= in_force.chain.leaf.not_after;
    let applies = renewal.switches_callers() && !is_held(record, in_force) && !in_force.ours && of_use;
    (applies && near && (asked || held_already)).then_some(Purpose::Hold)
}

/// Whether what is in force stands as a copy that certsteward made, which the store does not renew.
pub(super) fn is_held(record: &Record, in_force: &Standing) -> bool {
    let print = in_force.fingerprint();
    let copy = |leftover: &Leftover| leftover.name == in_force.name && leftover.chain.fingerprint() == print;
    in_force.held || record.leftovers.iter().any(copy)
}

/// The name that a held copy was made of: `sfapi-hold-2.pem` → `sfapi.pem`.
pub(super) fn original_name(held: &str) -> String {
    let (stem, extension) =
        held.rsplit_once('.').map_or((held, String::new()), |(stem, ext)| (stem, format!(".{ext}")));
    let counted = stem.rsplit_once('-').filter(|(_, count)| count.parse::<u32>().is_ok());
    let uncounted = counted.map_or(stem, |(uncounted, _)| uncounted);
    let original = [stem, uncounted].into_iter().find_map(|stem| stem.strip_suffix("-hold"));
    original.map_or_else(|| held.to_owned(), |original| format!("{original}{extension}"))
}

/// When what is in force is kept from the store's own renewal; none where that does not threaten it.
pub(in crate::domain) fn hold_at(watch: &Watch, in_force: &Standing) -> Option<Timestamp> {
    let terms = watch.renewal.as_ref().filter(|terms| terms.rotation == Rotation::SideBySide)?;
    let threatened = watch.source.auto_renew != AutoRenew::No && !in_force.ours && !in_force.held;
    let by_caller = terms.switch == crate::domain::watch::SwitchBy::Caller;
    let before = watch.policy.hold.filter(|_| threatened && by_caller)?;
    Some(watch.deadline(in_force) - before)
}

/// `sfapi.pem` → `sfapi-old.pem` or `sfapi-hold.pem`, counted on where that is taken.
fn name_beside(original: &str, purpose: Purpose, taken: &[String]) -> String {
    let (stem, extension) =
        original.rsplit_once('.').map_or((original, String::new()), |(stem, ext)| (stem, format!(".{ext}")));
    let suffix = match purpose {
        Purpose::WayBack => "old",
        Purpose::Hold => "hold",
    };
    let first = format!("{stem}-{suffix}{extension}");
    let counted = (2_u32..).map(|count| format!("{stem}-{suffix}-{count}{extension}"));
    std::iter::once(first.clone()).chain(counted).find(|name| !taken.contains(name)).unwrap_or(first)
}

/// The entry to look at before what is in force is copied there, and after it.
pub(super) fn look(record: &Record) -> Option<Look> {
    let keep = record.renewal.as_ref()?.keep.as_ref().filter(|keep| keep.stands.is_none())?;
    Some(Look::Entry(keep.name.clone()))
}

/// The entry that a put leads back to, to be looked at once more before the original is overwritten.
pub(super) fn way_back(record: &Record) -> Option<Look> {
    let keep = record.renewal.as_ref()?.kept(Purpose::WayBack)?;
    Some(Look::Entry(keep.name.clone()))
}

/// What stands under the name that was chosen.
pub(super) fn entry_looked(
    record: &mut Record,
    name: &str,
    at: Timestamp,
    found: Option<&Sighting>,
    chronicle: &mut Chronicle<'_>,
) {
    let Some(renewal) = &mut record.renewal else {
        return;
    };
    let Some(keep) = renewal.keep.as_mut().filter(|keep| keep.name == name) else {
        return;
    };
    let stood = keep.stands.take();
    match found.map(|sighting| sighting.chain.fingerprint()) {
        None => keep.looked_empty = Some(at),
        Some(print) if print == keep.fingerprint && stood.is_some() => keep.stands = stood,
        Some(print) if print == keep.fingerprint => {
            keep.stands = Some(at);
            renewal.moved = at;
            record.attempts.retain(|id, _| !id.starts_with("keep-"));
            let text = format!("the certificate in force ({}) is kept as {name}", print.short());
            chronicle.note(EventKind::Kept, text);
        }
        Some(_) => {
            renewal.taken.push(name.to_owned());
            renewal.keep = None;
        }
    }
}

/// Copies what is in force, once the name was seen to be free in this pass.
pub(super) fn keep_act(record: &Record, pass: Timestamp) -> Option<Act> {
    let renewal = record.renewal.as_ref()?;
    let keep = renewal.keep.as_ref().filter(|keep| keep.stands.is_none())?;
    let act = act_of(renewal, keep)?;
    let looked = keep.looked_empty.filter(|at| *at >= pass)?;
    let seen = record.attempts.get(&act.id()).is_none_or(|attempts| looked >= attempts.last);
    seen.then_some(act)
}

fn act_of(renewal: &Renewal, keep: &Keep) -> Option<Act> {
    let from = renewal.replaces_name.clone()?;
    let copy = CopyOrder { from, to: keep.name.clone(), fingerprint: keep.fingerprint, over: None };
    Some(Act::Keep { generation: renewal.generation, copy })
}

/// Every act about what is kept that the facts can still ask for.
pub(super) fn conceivable(record: &Record) -> Vec<Act> {
    let Some(renewal) = &record.renewal else {
        return Vec::new();
    };
    let keep = renewal.keep.as_ref().filter(|keep| keep.stands.is_none());
    let keep = keep.and_then(|keep| act_of(renewal, keep));
    keep.into_iter().chain(put(record)).chain(put_back(record)).collect()
}

/// The candidate under the original name, over what stands there now.
pub(super) fn put(record: &Record) -> Option<Act> {
    let renewal = record.renewal.as_ref().filter(|renewal| renewal.switches_entry())?;
    if renewal.rolling_back.is_some() || !renewal.switched.is_empty() {
        return None;
    }
    let (to, candidate) = (renewal.replaces_name.clone()?, renewal.candidate.as_ref()?);
    let over = record.in_force.as_ref().map(Standing::fingerprint);
    let copy = CopyOrder { from: candidate.name.clone()?, to, fingerprint: candidate.fingerprint(), over };
    Some(Act::Put { generation: renewal.generation, copy })
}

/// What was kept, under the original name again.
pub(super) fn put_back(record: &Record) -> Option<Act> {
    let renewal = record.renewal.as_ref().filter(|renewal| renewal.switches_entry())?;
    if renewal.rolling_back.is_none() || renewal.switched.is_empty() {
        return None;
    }
    let (keep, to) = (renewal.kept(Purpose::WayBack)?, renewal.replaces_name.clone()?);
    let new = if renewal.replaced.is_some() { &record.in_force } else { &renewal.candidate };
    let over = new.as_ref().map(Standing::fingerprint);
    let copy = CopyOrder { from: keep.name.clone(), to, fingerprint: keep.fingerprint, over };
    Some(Act::PutBack { generation: renewal.generation, copy })
}

/// The source shows what stands under the original name: whether that is the candidate by now, or the old one again.
pub(super) fn original_shown(
    record: &mut Record,
    print: Fingerprint,
    name: Option<&String>,
    at: Timestamp,
    chronicle: &mut Chronicle<'_>,
) {
    let new = {
        let Some(renewal) = record.renewal.as_ref().filter(|renewal| renewal.switches_entry()) else {
            return;
        };
        let new = if renewal.replaced.is_some() { &record.in_force } else { &renewal.candidate };
        new.as_ref().map(Standing::fingerprint)
    };
    let Some(renewal) = record.renewal.as_mut().filter(|renewal| renewal.replaces_name.as_ref() == name)
    else {
        return;
    };
    let Some(original) = renewal.replaces_name.clone() else {
        return;
    };
    let is_new = new == Some(print);
    if is_new && !renewal.switched.contains_key(&original) {
        renewal.switched.insert(original.clone(), at);
        renewal.moved = at;
        chronicle.note(EventKind::Switched, format!("the entry {original} holds the candidate"));
    } else if !is_new && renewal.rolling_back.is_some() && renewal.switched.remove(&original).is_some() {
        let text = format!("the entry {original} holds {} again", print.short());
        chronicle.note(EventKind::RolledBack, text);
    }
}

/// Whether the source may still show the old content because an answer to a put was lost.
pub(super) fn is_put_uncertain(record: &Record) -> bool {
    let Some(act) = put(record) else {
        return false;
    };
    let lost = record.attempts.get(&act.id()).filter(|attempts| attempts.maybe_effective);
    let looked = record.looked.get(&Look::Source { entry: None }.key()).filter(|_| record.unseen.is_none());
    lost.is_some_and(|lost| looked.is_none_or(|at| *at <= lost.last))
}

/// Every caller that we can see uses the held entry: from here on it is the one in force, and the cliff is its expiry.
pub(super) fn finish_hold(watch: &Watch, record: &mut Record, chronicle: &mut Chronicle<'_>) {
    let (Some(in_force), Some(renewal)) = (&mut record.in_force, &mut record.renewal) else {
        return;
    };
    let print = in_force.fingerprint();
    let done = renewal.kept(Purpose::Hold).filter(|keep| keep.fingerprint == print).is_some_and(|keep| {
        let uses_it = |id: &String| {
            record.callers.get(id).is_some_and(|facts| {
                facts.unseen.is_none() && facts.seen.is_some() && facts.uses != renewal.replaces_name
            })
        };
        let is_there =
            |id: &String| record.callers.get(id).and_then(|facts| facts.uses.as_ref()) == Some(&keep.name);
        keep.stands.is_some()
            && watch.callers.iter().all(|caller| uses_it(&caller.id))
            && watch.callers.iter().any(|caller| is_there(&caller.id))
    });
    let Some(keep) = renewal.keep.take_if(|_| done) else {
        return;
    };
    record.leftovers.retain(|leftover| leftover.name.as_ref() != Some(&keep.name));
    let old = renewal.replaces_name.replace(keep.name.clone());
    in_force.name = Some(keep.name.clone());
    in_force.held = true;
    renewal.moved = chronicle.now;
    let left = words(in_force.chain.leaf.not_after - chronicle.now);
    let text = format!("the callers use {}, which the store does not renew; it expires in {left}", keep.name);
    chronicle.note(EventKind::Held, text);
    if let Some(old) = old {
        let leftover =
            Leftover { never_in_force: false, ..unused(in_force.chain.clone(), old, chronicle.now) };
        record.leftovers.push(leftover);
    }
}

/// The entries that a renewal leads callers away from: what it replaces, the copy of a hold, what was left of either, and what
/// earlier renewals left behind: a caller that could not be led on then is led on now.
pub(super) fn old_names(record: &Record) -> Vec<String> {
    let Some(renewal) = &record.renewal else {
        return Vec::new();
    };
    let hold = renewal.kept(Purpose::Hold).map(|keep| keep.name.clone());
    let replaced = |leftover: &&Leftover| leftover.chain.fingerprint() == renewal.replaces;
    let left = record.leftovers.iter().filter(|leftover| replaced(leftover) || !leftover.is_unused());
    let left = left.filter_map(|leftover| leftover.name.clone());
    renewal.replaces_name.iter().cloned().chain(hold).chain(left).collect()
}

/// The switches to the held entry.
pub(super) fn hold_switches(watch: &Watch, record: &Record) -> Vec<Act> {
    let Some(renewal) = &record.renewal else {
        return Vec::new();
    };
    let print = record.in_force.as_ref().map(Standing::fingerprint);
    let stands = |keep: &&Keep| keep.stands.is_some() && Some(keep.fingerprint) == print;
    let keep = renewal.kept(Purpose::Hold).filter(stands);
    let (Some(keep), Some(from)) = (keep, renewal.replaces_name.clone()) else {
        return Vec::new();
    };
    let uses_old = |id: &String| {
        let facts = record.callers.get(id).filter(|facts| facts.unseen.is_none());
        facts.is_some_and(|facts| facts.uses.as_ref() == Some(&from))
    };
    let callers = watch.callers.iter().map(|caller| caller.id.clone()).filter(uses_old);
    let (generation, to) = (renewal.generation, keep.name.clone());
    callers.map(|caller| Act::Switch { generation, caller, from: from.clone(), to: to.clone() }).collect()
}

/// Whether this switch leads to the certificate that is in force already.
pub(super) fn is_hold(record: &Record, to: &str) -> bool {
    let keep = record.renewal.as_ref().and_then(|renewal| renewal.kept(Purpose::Hold));
    keep.is_some_and(|keep| keep.name == to)
}

/// The names under which the settled certificates stand: the original holds the new one, the kept entry the old.
pub(super) fn name_the_settled(record: &mut Record) {
    let Some(renewal) = record.renewal.as_mut().filter(|renewal| renewal.switches_entry()) else {
        return;
    };
    let kept = renewal.kept(Purpose::WayBack).map(|keep| keep.name.clone());
    if let Some(replaced) = &mut renewal.replaced {
        replaced.name = kept;
    }
    if let Some(in_force) = &mut record.in_force {
        in_force.name.clone_from(&renewal.replaces_name);
    }
}

/// The names after a roll back: the original holds the old one again, the failed candidate stands under its own.
pub(super) fn name_the_rolled_back(
    record: &mut Record,
    renewal: &Renewal,
    failed: Option<Standing>,
) -> Option<Standing> {
    if !renewal.switches_entry() {
        return failed;
    }
    if let Some(in_force) = &mut record.in_force {
        in_force.name.clone_from(&renewal.replaces_name);
    }
    failed.map(|failed| Standing { name: renewal.order.as_ref().map(|order| order.name.clone()), ..failed })
}

/// What a renewal that ends leaves behind beside its candidate: the copy of what is in force, or the candidate's own entry.
pub(super) fn leave_copies(record: &mut Record, renewal: &Renewal, now: Timestamp) {
    let in_force = record.in_force.as_ref().map(|standing| (standing.chain.clone(), standing.name.clone()));
    let Some((chain, name)) = in_force else {
        return;
    };
    let print = chain.fingerprint();
    let keep = renewal.keep.as_ref().filter(|keep| keep.stands.is_some());
    let replaced = renewal.replaced.as_ref().filter(|_| renewal.kept(Purpose::Hold).is_some());
    if let (Some(keep), Some(replaced)) = (keep, replaced) {
        let held = unused(replaced.chain.clone(), keep.name.clone(), now);
        record.leftovers.push(Leftover { never_in_force: false, ..held });
    }
    let keep = keep.filter(|keep| keep.fingerprint == print);
    let order = renewal.order.as_ref().map(|order: &Order| order.name.clone());
    let candidate_entry = order.filter(|_| renewal.switches_entry() && renewal.replaced.is_some());
    let known: Vec<String> = record.leftovers.iter().filter_map(|leftover| leftover.name.clone()).collect();
    let copies = keep.map(|keep| keep.name.clone()).into_iter().chain(candidate_entry);
    let copies = copies.filter(|copy| Some(copy) != name.as_ref() && !known.contains(copy));
    let used = |copy: &String| record.callers.values().any(|facts| facts.uses.as_ref() == Some(copy));
    let left: Vec<Leftover> =
        copies.map(|copy| Leftover { was_used: used(&copy), ..unused(chain.clone(), copy, now) }).collect();
    record.leftovers.extend(left);
    let hold = renewal.kept(Purpose::Hold).filter(|keep| keep.fingerprint == print);
    if let (Some(keep), Some(in_force)) = (hold, &mut record.in_force) {
        in_force.held |= in_force.name.as_ref() == Some(&keep.name);
    }
}

/// An entry that nothing of ours names.
fn unused(chain: crate::domain::chain::Chain, name: String, since: Timestamp) -> Leftover {
    Leftover {
        chain,
        name: Some(name),
        since,
        never_in_force: true,
        entry_removed: None,
        hand_offs: BTreeMap::new(),
        asked: false,
        asked_by: None,
        was_used: false,
        kept: false,
    }
}

/// Whether the candidate stands under the original name, or may.
pub(super) fn is_put(record: &Record) -> bool {
    let Some(renewal) = record.renewal.as_ref().filter(|renewal| renewal.switches_entry()) else {
        return false;
    };
    renewal.replaces_name.as_ref().is_some_and(|name| renewal.switched.contains_key(name))
        || record.standing(Role::Replaced).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_entry_says_in_its_name_what_it_is_for() {
        let taken = ["sfapi-hold.pem".to_owned()];
        assert_eq!(name_beside("sfapi.pem", Purpose::WayBack, &taken), "sfapi-old.pem");
        assert_eq!(name_beside("sfapi.pem", Purpose::Hold, &taken), "sfapi-hold-2.pem");
        assert_eq!(name_beside("bare", Purpose::Hold, &[]), "bare-hold");
        for held in ["sfapi-hold.pem", "sfapi-hold-2.pem", "sfapi.pem"] {
            assert_eq!(original_name(held), "sfapi.pem");
        }
        assert_eq!(original_name("sfapi-2.pem"), "sfapi-2.pem");
    }
}
