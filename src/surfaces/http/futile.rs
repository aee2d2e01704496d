//! Whether a command could do anything, by the newest picture: what cannot is refused at once, with the way out.
//! The last word has the pass, because the picture may be older than what was commanded since.

use super::problem::Problem;
use crate::domain::record::Leftover;
use crate::domain::snapshot::WatchView;
use crate::domain::watch::Mode;

/// A renewal needs terms, a mode that acts, and that none is under way.
pub(super) fn renew(view: &WatchView) -> Result<(), Problem> {
    let id = &view.watch.id;
    if view.watch.renewal.is_none() {
        return Err(Problem::conflict(
            format!("{id} has no [watch.renewal], so certsteward cannot renew it"),
            "add one to the configuration and reload, or renew it where it was issued; certsteward notices",
        ));
    }
    may_act(view)?;
    if view.watch.leaves_to_source() {
        return Err(Problem::conflict(
            format!("rotation = \"left-to-source\" leaves the issuing for {id} to its store"),
            "renew it there; certsteward notices and proves what comes",
        ));
    }
    match &view.record.renewal {
        None => Ok(()),
        Some(renewal) => Err(Problem::conflict(
            format!("renewal {} of {id} is under way already", renewal.generation),
            format!(
                "see what holds it: certsteward plan {id}; to begin anew, first: certsteward cancel {id}"
            ),
        )),
    }
}

/// Only a renewal under way can be cancelled, and not once it has overwritten what it replaces.
pub(super) fn cancel(view: &WatchView) -> Result<(), Problem> {
    let id = &view.watch.id;
    let Some(renewal) = &view.record.renewal else {
        return Err(Problem::conflict(
            format!("no renewal of {id} is under way"),
            format!("to keep one from beginning: certsteward pause {id}"),
        ));
    };
    if renewal.is_in_place() && renewal.replaced.is_some() {
        return Err(overwritten(id));
    }
    Ok(())
}

/// Only what was switched can be switched back.
pub(super) fn roll_back(view: &WatchView) -> Result<(), Problem> {
    let id = &view.watch.id;
    may_act(view)?;
    match &view.record.renewal {
        Some(renewal) if renewal.is_in_place() => Err(overwritten(id)),
        Some(renewal) if renewal.rolling_back.is_some() => Err(Problem::conflict(
            format!("{id} is being rolled back already"),
            format!("see how it goes: certsteward plan {id}"),
        )),
        Some(renewal) if renewal.switched.is_empty() && renewal.replaced.is_none() => Err(Problem::conflict(
            format!("nothing of {id} has been switched yet"),
            format!("to end the renewal: certsteward cancel {id}"),
        )),
        Some(_) => Ok(()),
        None => Err(Problem::conflict(
            format!("no renewal of {id} is under way, so nothing can be switched back"),
            format!("where the certificate in force is wrong, issue a new one: certsteward renew {id}"),
        )),
    }
}

/// Something must be left over whose entry still stands.
pub(super) fn retire(view: &WatchView) -> Result<(), Problem> {
    let id = &view.watch.id;
    let leftovers = &view.record.leftovers;
    if leftovers.is_empty() {
        return Err(Problem::conflict(
            format!("{id} has no replaced certificate to retire"),
            "nothing is to do; after a renewal the replaced one stands on the watch's page until it is gone",
        ));
    }
    if leftovers.iter().all(|leftover| Leftover::retirement(leftover).is_none()) {
        return Err(Problem::conflict(
            format!("no entry of a replaced certificate of {id} is left to remove"),
            format!("what people still have to remove shows: certsteward plan {id}"),
        ));
    }
    may_act(view)
}

fn may_act(view: &WatchView) -> Result<(), Problem> {
    if view.watch.mode != Mode::Observe {
        return Ok(());
    }
    Err(Problem::conflict(
        format!("the mode of {} is observe: certsteward changes nothing there", view.watch.id),
        "set mode = \"propose\" or \"act\" in the configuration and reload",
    ))
}

fn overwritten(id: &str) -> Problem {
    Problem::conflict(
        format!("the renewal of {id} has overwritten the old certificate in place, so there is no way back"),
        "see the renewal through; where the new certificate is wrong, issue another one after it",
    )
}
