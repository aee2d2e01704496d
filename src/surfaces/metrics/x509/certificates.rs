//! One series for each certificate of what a source shows: leaf, issuers, and what else came along.
//! It counts no source.

use super::super::labels::{Labels, decimal_into};
use super::super::text::Family;
use super::reasons::is_of_content;
use super::{ERROR, EXPIRED, EXPIRES_IN, NOT_AFTER, NOT_BEFORE, VALID_SINCE};
use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;
use crate::domain::chain::Chain;
use crate::domain::name::DistinguishedName;
use crate::domain::snapshot::{Snapshot, WatchView};

/// Writes every family about certificates, and says until when what it wrote holds: then the next certificate expires.
pub(super) fn write(
    snapshot: &Snapshot,
    now: Timestamp,
    relative: bool,
    out: &mut String,
) -> Option<Timestamp> {
    let mut texts = [const { String::new() }; 6];
    let [not_before, not_after, expired, error, expires_in, valid_since] = &mut texts;
    let mut page = Certificates {
        now,
        relative,
        until: None,
        rows: Vec::new(),
        order: Vec::new(),
        not_before: Family::new(&NOT_BEFORE, not_before),
        not_after: Family::new(&NOT_AFTER, not_after),
        expired: Family::new(&EXPIRED, expired),
        error: Family::new(&ERROR, error),
        expires_in: Family::new(&EXPIRES_IN, expires_in),
        valid_since: Family::new(&VALID_SINCE, valid_since),
    };
    for view in snapshot.watches.values() {
        page.watch(view);
    }
    let until = page.until;
    out.reserve(texts.iter().map(String::len).sum());
    for text in &texts {
        out.push_str(text);
    }
    until
}

/// The families side by side, so that the labels of a certificate are written once for all of them.
struct Certificates<'a> {
    now: Timestamp,
    relative: bool,
    until: Option<Timestamp>,
    /// Room for the labels of one watch's certificates, used again for the next watch.
    rows: Vec<Labels>,
    order: Vec<usize>,
    not_before: Family<'a>,
    not_after: Family<'a>,
    expired: Family<'a>,
    error: Family<'a>,
    expires_in: Family<'a>,
    valid_since: Family<'a>,
}

impl Certificates<'_> {
    fn watch(&mut self, view: &WatchView) {
        let record = &view.record;
        let is_bad = record.unseen.is_some()
            || record.absent_since.is_some()
            || record.oddities.iter().any(|odd| is_of_content(odd.reason));
        if is_bad {
            let mut labels = Labels::default();
            place(view, &mut labels);
            self.error.labelled(&labels, 1);
        }
        // What is gone shows nothing; what only cannot be seen now is shown as it was last seen.
        if record.absent_since.is_some() {
            return;
        }
        if let Some(standing) = &record.in_force {
            self.bundle(view, &standing.chain);
        }
    }

    fn bundle(&mut self, view: &WatchView, chain: &Chain) {
        let count = all(chain).count();
        if self.rows.len() < count {
            self.rows.resize_with(count, Labels::default);
        }
        for (labels, certificate) in self.rows.iter_mut().zip(all(chain)) {
            labels.clear();
            describe(certificate, labels);
            place(view, labels);
        }
        self.tell_apart(chain, count);
        let rows = std::mem::take(&mut self.rows);
        for (labels, certificate) in rows.iter().zip(all(chain)) {
            self.certificate(labels, certificate);
        }
        self.rows = rows;
    }

    /// Where two certificates of one bundle would have the same labels, each gets a piece of its fingerprint.
    fn tell_apart(&mut self, chain: &Chain, count: usize) {
        if count < 2 {
            return;
        }
        let rows = self.rows.get(..count).unwrap_or_default();
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
        for (at, (labels, certificate)) in self.rows.iter_mut().zip(all(chain)).enumerate() {
            if alike.contains(&at) {
                labels.push("discriminator", &certificate.fingerprint.short());
            }
        }
    }

    fn certificate(&mut self, labels: &Labels, certificate: &Certificate) {
        let (not_before, not_after) = (certificate.not_before.timestamp(), certificate.not_after.timestamp());
        self.not_before.labelled(labels, not_before);
        self.not_after.labelled(labels, not_after);
        self.expired.labelled(labels, u8::from(self.now > certificate.not_after));
        if self.relative {
            let now = self.now.timestamp();
            self.expires_in.labelled(labels, not_after - now);
            self.valid_since.labelled(labels, now - not_before);
        }
        if self.now <= certificate.not_after {
            let until = self.until.map_or(certificate.not_after, |until| until.min(certificate.not_after));
            self.until = Some(until);
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
