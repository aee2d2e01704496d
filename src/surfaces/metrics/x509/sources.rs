//! One series for each source as the operator wrote it: a watch, or a discovery with all that it found.
//! It shows no certificate.

use std::collections::BTreeMap;

use super::super::text::Family;
use super::reasons::{WALK_ERROR, WORDS, possible, word};
use crate::domain::reason::Reason;
use crate::domain::snapshot::{Snapshot, WatchView};

/// One source, taken together.
struct Source<'a> {
    kind: &'a str,
    name: &'a str,
    /// Whether it can be seen; none while nobody looked.
    up: Option<bool>,
    bundles: u64,
    /// How often a discovery could not look everywhere.
    blind: Option<u64>,
}

pub(super) fn up(snapshot: &Snapshot, family: &mut Family<'_>) {
    for source in all(snapshot) {
        family.flag(&[source.kind, source.name], source.up);
    }
}

pub(super) fn bundles(snapshot: &Snapshot, family: &mut Family<'_>) {
    for source in all(snapshot) {
        family.series(&[source.kind, source.name], source.bundles);
    }
}

pub(super) fn errors(snapshot: &Snapshot, family: &mut Family<'_>) {
    for source in all(snapshot) {
        errors_of(&source, snapshot.daemon.missed.get(source.name), family);
    }
}

fn errors_of(source: &Source<'_>, missed: Option<&BTreeMap<Reason, u64>>, family: &mut Family<'_>) {
    let mut counts = [None; WORDS.len()];
    let mut add = |said: &str, count: u64| {
        let found = WORDS.iter().zip(&mut counts).find(|(word, _)| **word == said);
        if let Some((_, sum)) = found {
            *sum = Some(sum.unwrap_or(0) + count);
        }
    };
    possible(source.kind, source.blind.is_some()).for_each(|word| add(word, 0));
    missed.into_iter().flatten().for_each(|(reason, count)| add(word(*reason), *count));
    if let Some(blind) = source.blind {
        add(WALK_ERROR, blind);
    }
    for (word, count) in WORDS.iter().zip(counts) {
        if let Some(count) = count {
            family.series(&[source.kind, source.name, word], count);
        }
    }
}

fn all(snapshot: &Snapshot) -> Vec<Source<'_>> {
    let mut discovered: BTreeMap<&str, Source<'_>> = BTreeMap::new();
    for (name, discovery) in &*snapshot.daemon.discoveries {
        let (up, blind) =
            (discovery.looked.then_some(discovery.unseen.is_none()), Some(discovery.blind_total));
        discovered.insert(name, Source { kind: &discovery.source_kind, name, up, bundles: 0, blind });
    }
    let mut sources = Vec::new();
    for view in snapshot.watches.values() {
        let source = &view.watch.source;
        match &view.watch.found_by {
            None => sources.push(written_out(view)),
            Some(name) => {
                let found = discovered.entry(name).or_insert_with(|| of_discovery(&source.kind, name));
                found.bundles += bundles_of(view);
            }
        }
    }
    sources.extend(discovered.into_values());
    sources
}

/// A discovery that the daemon has not pictured yet, though a watch of it is there.
const fn of_discovery<'a>(kind: &'a str, name: &'a str) -> Source<'a> {
    Source { kind, name, up: None, bundles: 0, blind: Some(0) }
}

fn written_out(view: &WatchView) -> Source<'_> {
    let (record, kind) = (&view.record, view.watch.source.kind.as_str());
    let is_missed = record.unseen.is_some() || record.absent_since.is_some();
    let up = (is_missed || record.seen_at.is_some()).then_some(!is_missed);
    Source { kind, name: &view.watch.id, up, bundles: bundles_of(view), blind: None }
}

fn bundles_of(view: &WatchView) -> u64 {
    u64::from(view.record.in_force.is_some() && view.record.absent_since.is_none())
}
