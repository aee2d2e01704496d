//! The daemon's own metrics, taken from the snapshot.
//! What the operating system tells of the process stands in `process`.

use std::collections::BTreeSet;

use super::text::Family;
use super::watches::outcomes;
use crate::domain::reason::Reason;
use crate::domain::snapshot::{PassDurations, Snapshot};

pub(super) fn build(_: &Snapshot, family: &mut Family<'_>) {
    family.series(&[env!("CARGO_PKG_VERSION")], 1);
}

/// Every source kind and connection in use, with a series at zero for what never happened.
pub(super) fn source_reads(snapshot: &Snapshot, family: &mut Family<'_>) {
    let reads = &snapshot.daemon.reads;
    let configured = snapshot.watches.values().map(|view| {
        let source = &view.watch.source;
        (source.kind.clone(), source.connection.clone().unwrap_or_default())
    });
    let read = reads.keys().map(|(kind, connection, _)| (kind.clone(), connection.clone()));
    for (kind, connection) in configured.chain(read).collect::<BTreeSet<_>>() {
        let count = |reason: Option<Reason>| {
            reads.get(&(kind.clone(), connection.clone(), reason)).copied().unwrap_or_default()
        };
        family.series(&[&kind, &connection, "ok", ""], count(None));
        for reason in Reason::ALL {
            family.series(&[&kind, &connection, "failed", reason.code()], count(Some(*reason)));
        }
    }
}

pub(super) fn discovery_watches(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (id, view) in &*snapshot.daemon.discoveries {
        family.series(&[id, &view.kind], view.watches);
    }
}

pub(super) fn discovery_seen(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (id, view) in &*snapshot.daemon.discoveries {
        family.flag(&[id], view.looked.then_some(view.unseen.is_none()));
    }
}

pub(super) fn discovery_last_success(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (id, view) in &*snapshot.daemon.discoveries {
        family.moment(&[id], view.seen_at);
    }
}

pub(super) fn credential_not_after(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (connection, at) in &snapshot.daemon.credentials {
        family.moment(&[connection], Some(*at));
    }
}

pub(super) fn paused(snapshot: &Snapshot, family: &mut Family<'_>) {
    family.flag(&[], Some(snapshot.daemon.paused.is_some()));
}

pub(super) fn notifications(snapshot: &Snapshot, family: &mut Family<'_>) {
    let daemon = &snapshot.daemon;
    let notifiers: BTreeSet<&String> = daemon.notifiers.keys().chain(daemon.notifications.keys()).collect();
    for notifier in notifiers {
        outcomes(family, notifier, daemon.notifications.get(notifier).copied().unwrap_or_default());
    }
}

pub(super) fn notifier_last_success(snapshot: &Snapshot, family: &mut Family<'_>) {
    for (notifier, at) in &snapshot.daemon.notifiers {
        family.moment(&[notifier], *at);
    }
}

pub(super) fn outbox_oldest(snapshot: &Snapshot, family: &mut Family<'_>) {
    family.moment(&[], snapshot.daemon.outbox_oldest);
}

pub(super) fn pass_duration(snapshot: &Snapshot, family: &mut Family<'_>) {
    let passes = snapshot.daemon.passes;
    family.histogram(PassDurations::BOUNDS.into_iter().zip(passes.buckets), passes.sum, passes.count);
}

pub(super) fn pass_last(snapshot: &Snapshot, family: &mut Family<'_>) {
    family.moment(&[], snapshot.daemon.last_pass);
}

pub(super) fn reload_successful(snapshot: &Snapshot, family: &mut Family<'_>) {
    family.flag(&[], snapshot.daemon.last_reload.as_ref().map(|(_, succeeded, _)| *succeeded));
}

pub(super) fn reload_at(snapshot: &Snapshot, family: &mut Family<'_>) {
    family.moment(&[], snapshot.daemon.last_reload.as_ref().map(|(at, _, _)| *at));
}

pub(super) fn store_writable(snapshot: &Snapshot, family: &mut Family<'_>) {
    family.flag(&[], Some(snapshot.daemon.store.failing.is_none()));
}

pub(super) fn store_last_success(snapshot: &Snapshot, family: &mut Family<'_>) {
    family.moment(&[], snapshot.daemon.store.last_success);
}

pub(super) fn lease_held(_: &Snapshot, family: &mut Family<'_>) {
    family.series(&[], 1);
}
