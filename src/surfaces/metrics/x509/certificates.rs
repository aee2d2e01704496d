//! One series for each certificate of what a source shows: leaf, issuers, and what else came along.
//! It counts no source.

use super::super::labels::{Labels, decimal_into};
use super::super::text::Family;
use super::reasons::is_of_content;
use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;
use crate::domain::chain::Chain;
use crate::domain::name::DistinguishedName;
use crate::domain::reason::Reason;
use crate::domain::snapshot::{Snapshot, WatchView};

pub(super) fn not_before(snapshot: &Snapshot, family: &mut Family<'_>) {
    each(snapshot, |labels, certificate| family.labelled(labels, certificate.not_before.timestamp()));
}

pub(super) fn not_after(snapshot: &Snapshot, family: &mut Family<'_>) {
    each(snapshot, |labels, certificate| family.labelled(labels, certificate.not_after.timestamp()));
}

pub(super) fn expired(snapshot: &Snapshot, now: Timestamp, family: &mut Family<'_>) {
    each(snapshot, |labels, certificate| family.labelled(labels, u8::from(now > certificate.not_after)));
}

pub(super) fn expires_in(snapshot: &Snapshot, now: Timestamp, family: &mut Family<'_>) {
    each(snapshot, |labels, certificate| {
        family.labelled(labels, certificate.not_after.timestamp() - now.timestamp());
    });
}

pub(super) fn valid_since(snapshot: &Snapshot, now: Timestamp, family: &mut Family<'_>) {
    each(snapshot, |labels, certificate| {
        family.labelled(labels, now.timestamp() - certificate.not_before.timestamp());
    });
}

/// What could not be read when it was last looked at, in whole or in part.
pub(super) fn error(snapshot: &Snapshot, family: &mut Family<'_>) {
    let mut labels = Labels::default();
    for view in snapshot.watches.values() {
        let record = &view.record;
        let is_bad = record.unseen.is_some()
            || record.absent_since.is_some()
            || record.oddities.iter().any(|odd| is_part_unread(odd.reason));
        if is_bad {
            labels.clear();
            place(view, &mut labels);
            family.labelled(&labels, 1);
        }
    }
}

/// Whether a part of what was read is not shown. A key that is locked is none of them: the certificates beside it were read.
fn is_part_unread(reason: Reason) -> bool {
    reason != Reason::PasswordNeeded && is_of_content(reason)
}

/// When the next certificate expires.
pub(super) fn next_end(snapshot: &Snapshot, now: Timestamp) -> Option<Timestamp> {
    let shown = snapshot.watches.values().filter_map(|view| shown(view)).flat_map(all);
    shown.map(|certificate| certificate.not_after).filter(|end| now <= *end).min()
}

/// What a watch shows. What is gone shows nothing; what only cannot be seen now is shown as it was last seen.
fn shown(view: &WatchView) -> Option<&Chain> {
    let standing = view.record.in_force.as_ref().filter(|_| view.record.absent_since.is_none())?;
    Some(&standing.chain)
}

/// Every certificate with its labels.
fn each(snapshot: &Snapshot, mut series: impl FnMut(&Labels, &Certificate)) {
    let mut rows = Rows::default();
    for view in snapshot.watches.values() {
        if let Some(chain) = shown(view) {
            rows.describe(view, chain);
            rows.labels.iter().zip(all(chain)).for_each(|(labels, certificate)| series(labels, certificate));
        }
    }
}

/// The labels of one watch's certificates; the room is used again for the next watch.
#[derive(Default)]
struct Rows {
    labels: Vec<Labels>,
    order: Vec<usize>,
}

impl Rows {
    fn describe(&mut self, view: &WatchView, chain: &Chain) {
        let count = all(chain).count();
        if self.labels.len() < count {
            self.labels.resize_with(count, Labels::default);
        }
        for (labels, certificate) in self.labels.iter_mut().zip(all(chain)) {
            labels.clear();
            describe(certificate, labels);
            place(view, labels);
        }
        if count > 1 {
            self.tell_apart(chain, count);
        }
    }

    /// Where two certificates of one bundle would have the same labels, each gets a piece of its fingerprint.
    fn tell_apart(&mut self, chain: &Chain, count: usize) {
        let rows = self.labels.get(..count).unwrap_or_default();
        self.order.clear();
        self.order.extend(0..count);
        self.order.sort_unstable_by(|one, other| rows.get(*one).cmp(&rows.get(*other)));
        let same = |pair: &[usize]| {
            let [one, other] = pair else { return false };
            rows.get(*one) == rows.get(*other)
        };
        let alike: Vec<usize> = self.order.windows(2).filter(|pair| same(pair)).flatten().copied().collect();
        if alike.is_empty() {
            return;
        }
        for (at, (labels, certificate)) in self.labels.iter_mut().zip(all(chain)).enumerate() {
            if alike.contains(&at) {
                labels.push("discriminator", &certificate.fingerprint.short());
            }
        }
    }
}

/// Leaf, issuers, and what belongs to no place in the chain.
fn all(chain: &Chain) -> impl Iterator<Item = &Certificate> {
    chain.iter().chain(chain.strays.iter().map(|stray| &**stray))
}

fn describe(certificate: &Certificate, labels: &mut Labels) {
    labels.push_with("serial_number", |out| decimal_into(&certificate.serial, out));
    name(&certificate.subject, &SUBJECT, labels);
    name(&certificate.issuer, &ISSUER, labels);
}

const FIELDS: [&str; 6] = ["C", "ST", "L", "O", "OU", "CN"];
const SUBJECT: [&str; 6] = ["subject_C", "subject_ST", "subject_L", "subject_O", "subject_OU", "subject_CN"];
const ISSUER: [&str; 6] = ["issuer_C", "issuer_ST", "issuer_L", "issuer_O", "issuer_OU", "issuer_CN"];

/// Of a field that comes several times the first counts, but of common names the last, which is the most specific.
fn name(name: &DistinguishedName, into: &[&str; 6], labels: &mut Labels) {
    for (field, label) in FIELDS.into_iter().zip(into) {
        let mut values = name.parts().filter(|(key, _)| *key == field).map(|(_, value)| value);
        let value = if field == "CN" { values.last() } else { values.next() };
        labels.push(label, value.unwrap_or_default());
    }
}

/// Where it was found: for a file as the other exporter says it, else the nearest thing to it.
fn place(view: &WatchView, labels: &mut Labels) {
    let source = &view.watch.source;
    if source.kind == "file" {
        labels.push("filename", source.place.rsplit('/').next().unwrap_or_default());
        labels.push("filepath", &source.place);
    } else {
        labels.push("place", &source.place);
    }
    labels.push("source_kind", &source.kind);
    labels.push("watch", &view.watch.id);
}
