//! The snapshot under the names of x509-certificate-exporter, so that its rules and dashboards go on.
//! What that exporter can say and certsteward cannot know is left out.

mod certificates;
mod reasons;
mod sources;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::catalogue::{Kind, Metric};
use super::gzip::{self, Deflated, Deflater};
use super::text::Family;
use crate::domain::Timestamp;
use crate::domain::reason::Reason;
use crate::domain::snapshot::{Discoveries, Missed, Pictures, Snapshot};

/// The labels of one certificate; those without a value are missing.
const CERTIFICATE: &[&str] = &[
    "serial_number",
    "subject_C",
    "subject_ST",
    "subject_L",
    "subject_O",
    "subject_OU",
    "subject_CN",
    "issuer_C",
    "issuer_ST",
    "issuer_L",
    "issuer_O",
    "issuer_OU",
    "issuer_CN",
    "filename",
    "filepath",
    "place",
    "source_kind",
    "watch",
    "discriminator",
];
const PLACE: &[&str] = &["filename", "filepath", "place", "source_kind", "watch"];
const SOURCE: &[&str] = &["source_kind", "source_name"];

const NOT_BEFORE: Metric = Metric::of_page(
    "x509_cert_not_before",
    Kind::Gauge,
    CERTIFICATE,
    "every certificate that a source shows or last showed",
    "Start of the certificate's validity",
    "(x509_cert_not_before - time()) > 0",
);
const NOT_AFTER: Metric = Metric::of_page(
    "x509_cert_not_after",
    Kind::Gauge,
    CERTIFICATE,
    "every certificate that a source shows or last showed",
    "End of the certificate's validity; of an expired one it lies in the past",
    "(x509_cert_not_after - time()) < (28 * 86400) and (x509_cert_not_after - time()) > 0",
);
const EXPIRED: Metric = Metric::of_page(
    "x509_cert_expired",
    Kind::Gauge,
    CERTIFICATE,
    "every certificate that a source shows or last showed",
    "Whether the certificate has expired at the time of the scrape",
    "x509_cert_expired == 1",
);
const ERROR: Metric = Metric::of_page(
    "x509_cert_error",
    Kind::Gauge,
    PLACE,
    "a watch whose source, or a part of it, could not be read when last looked at",
    "Always 1; absent where everything could be read",
    "x509_cert_error > 0",
);
const EXPIRES_IN: Metric = Metric::of_page(
    "x509_cert_expires_in_seconds",
    Kind::Gauge,
    CERTIFICATE,
    "every certificate, where asked for with `?relative=true`",
    "Seconds from the scrape to the end of validity; negative after it",
    "x509_cert_expires_in_seconds < 14 * 86400",
);
const VALID_SINCE: Metric = Metric::of_page(
    "x509_cert_valid_since_seconds",
    Kind::Gauge,
    CERTIFICATE,
    "every certificate, where asked for with `?relative=true`",
    "Seconds from the start of validity to the scrape; negative before it",
    "x509_cert_valid_since_seconds < 0",
);
const UP: Metric = Metric::of_page(
    "x509_source_up",
    Kind::Gauge,
    SOURCE,
    "every source, once it was looked at",
    "Whether the source could be seen when last looked at; a discovery is up while it can look everywhere",
    "x509_source_up == 0",
);
const BUNDLES: Metric = Metric::of_page(
    "x509_source_bundles",
    Kind::Gauge,
    SOURCE,
    "every source, always",
    "How many places with certificates the source holds: one, or all that a discovery found",
    "sum by (source_kind) (x509_source_bundles)",
);
const ERRORS: Metric = Metric::of_page(
    "x509_source_errors_total",
    Kind::Counter,
    &["source_kind", "source_name", "reason"],
    "every source, from zero for every reason that its kind can give",
    "Reads that failed, by reason",
    "sum without (reason) (increase(x509_source_errors_total[15m])) > 5",
);
const BUILD: Metric = Metric::of_page(
    "x509_exporter_build_info",
    Kind::Gauge,
    &["version"],
    "always",
    "Always 1; which version of certsteward answers",
    "count by (version) (x509_exporter_build_info)",
);

/// How a family is found.
#[derive(Clone, Copy)]
enum Write {
    /// From the certificates alone.
    Certificates(fn(&Snapshot, &mut Family<'_>)),
    /// From the certificates and the time of the scrape.
    AtNow(fn(&Snapshot, Timestamp, &mut Family<'_>)),
    /// As that, where it is asked for; it is another one at each scrape.
    Relative(fn(&Snapshot, Timestamp, &mut Family<'_>)),
}

/// Every family of the page, in the order of output.
pub const X509: &[Metric] =
    &[NOT_BEFORE, NOT_AFTER, EXPIRED, ERROR, UP, BUNDLES, ERRORS, BUILD, EXPIRES_IN, VALID_SINCE];

/// Lists of revoked certificates have families of their own in the other exporter (`x509_crl_…`); they belong behind [`ERROR`].
const WRITE: [Write; X509.len()] = [
    Write::Certificates(certificates::not_before),
    Write::Certificates(certificates::not_after),
    Write::AtNow(certificates::expired),
    Write::Certificates(certificates::error),
    Write::Certificates(sources::up),
    Write::Certificates(sources::bundles),
    Write::Certificates(sources::errors),
    Write::Certificates(build),
    Write::Relative(certificates::expires_in),
    Write::Relative(certificates::valid_since),
];

fn build(_: &Snapshot, family: &mut Family<'_>) {
    family.series(&[env!("CARGO_PKG_VERSION")], 1);
}

impl Write {
    fn write(self, metric: &Metric, snapshot: &Snapshot, now: Timestamp, out: &mut String) {
        let mut family = Family::new(metric, out);
        match self {
            Self::Certificates(write) => write(snapshot, &mut family),
            Self::AtNow(write) | Self::Relative(write) => write(snapshot, now, &mut family),
        }
    }

    const fn is_relative(self) -> bool {
        matches!(self, Self::Relative(_))
    }
}

fn all(relative: bool) -> impl Iterator<Item = (&'static Metric, Write)> {
    X509.iter().zip(WRITE).filter(move |(_, write)| relative || !write.is_relative())
}

/// What a reason is called in `x509_source_errors_total`.
#[must_use]
pub const fn x509_reason(reason: Reason) -> &'static str {
    reasons::word(reason)
}

/// What `/metrics/x509` is answered from. The text is kept compressed, and encoded anew when a watch, a count or a discovery changed
/// or a certificate expired; spans relative to the scrape are encoded each time.
#[derive(Default)]
pub struct X509Page {
    kept: Mutex<Option<Kept>>,
}

/// The text of one state. The weak pointers keep the addresses taken, so that they name this state only.
struct Kept {
    of: (Weak<Pictures>, Weak<Missed>, Weak<Discoveries>),
    /// When it was encoded, and when the next certificate of it expires, which changes the text.
    holds: (Timestamp, Option<Timestamp>),
    text: Arc<Deflated>,
}

impl Kept {
    fn is_of(&self, snapshot: &Snapshot, now: Timestamp) -> bool {
        let (pictures, missed, discoveries) = &self.of;
        let (since, until) = self.holds;
        pictures.as_ptr() == Arc::as_ptr(&snapshot.watches)
            && missed.as_ptr() == Arc::as_ptr(&snapshot.daemon.missed)
            && discoveries.as_ptr() == Arc::as_ptr(&snapshot.daemon.discoveries)
            && since <= now
            && until.is_none_or(|until| now <= until)
    }
}

impl X509Page {
    /// The whole page, as one gzip member.
    #[must_use]
    pub fn compressed(&self, snapshot: &Snapshot, now: Timestamp, relative: bool) -> Vec<u8> {
        let kept = self.kept(snapshot, now);
        let mut fresh = String::new();
        for (metric, write) in all(relative).filter(|(_, write)| write.is_relative()) {
            write.write(metric, snapshot, now, &mut fresh);
        }
        gzip::member(&kept, &fresh)
    }

    /// The whole page, family by family.
    pub fn families(
        snapshot: Arc<Snapshot>,
        now: Timestamp,
        relative: bool,
    ) -> impl Iterator<Item = String> + use<> {
        all(relative).map(move |(metric, write)| {
            let mut family = String::new();
            write.write(metric, &snapshot, now, &mut family);
            family
        })
    }

    fn kept(&self, snapshot: &Snapshot, now: Timestamp) -> Arc<Deflated> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.as_ref().filter(|known| known.is_of(snapshot, now)) {
            return Arc::clone(&known.text);
        }
        let mut deflater = Deflater::new();
        let mut family = String::new();
        for (metric, write) in all(false) {
            family.clear();
            write.write(metric, snapshot, now, &mut family);
            deflater.write(&family);
        }
        let text = Arc::new(deflater.finish());
        let daemon = &snapshot.daemon;
        let of = (
            Arc::downgrade(&snapshot.watches),
            Arc::downgrade(&daemon.missed),
            Arc::downgrade(&daemon.discoveries),
        );
        let holds = (now, certificates::next_end(snapshot, now));
        *kept = Some(Kept { of, holds, text: Arc::clone(&text) });
        text
    }
}

/// The whole page as one text.
#[must_use]
pub fn encode_x509(snapshot: &Snapshot, now: Timestamp, relative: bool) -> String {
    let mut out = String::new();
    all(relative).for_each(|(metric, write)| write.write(metric, snapshot, now, &mut out));
    out
}
