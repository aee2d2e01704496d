//! The snapshot under the names of x509-certificate-exporter, so that its rules and dashboards go on.
//! What that exporter can say and certsteward cannot know is left out.

mod certificates;
mod reasons;
mod sources;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::Bytes;

use super::catalogue::{Kind, Metric};
use super::text::Family;
use crate::domain::Timestamp;
use crate::domain::reason::Reason;
use crate::domain::snapshot::Snapshot;

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

/// Every family of the page, in the order of output.
pub const X509: &[Metric] =
    &[NOT_BEFORE, NOT_AFTER, EXPIRED, ERROR, EXPIRES_IN, VALID_SINCE, UP, BUNDLES, ERRORS, BUILD];

/// What a reason is called in `x509_source_errors_total`.
#[must_use]
pub const fn x509_reason(reason: Reason) -> &'static str {
    reasons::word(reason)
}

/// What `/metrics/x509` is answered from.
#[derive(Default)]
pub struct X509Page {
    encoded: Mutex<Option<Encoded>>,
}

/// The text of one snapshot. The weak pointer keeps the address taken, so that it names this snapshot only.
struct Encoded {
    of: Weak<Snapshot>,
    /// When a certificate of it expires, which changes the text.
    until: Option<Timestamp>,
    text: Bytes,
}

impl X509Page {
    /// The whole page. A snapshot is encoded once, and anew when a certificate of it has expired; with spans that are relative to
    /// `now` it is encoded each time.
    #[must_use]
    pub fn page(&self, snapshot: &Arc<Snapshot>, now: Timestamp, relative: bool) -> Bytes {
        if relative {
            return encode_x509(snapshot, now, true).0.into();
        }
        let mut encoded = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        let is_of = |known: &&Encoded| {
            let holds = known.until.is_none_or(|until| now <= until);
            known.of.as_ptr() == Arc::as_ptr(snapshot) && holds
        };
        if let Some(known) = encoded.as_ref().filter(is_of) {
            return known.text.clone();
        }
        let (text, until) = encode_x509(snapshot, now, false);
        let text = Bytes::from(text);
        *encoded = Some(Encoded { of: Arc::downgrade(snapshot), until, text: text.clone() });
        text
    }
}

/// Every family, and until when the text holds: then the next certificate expires.
///
/// Lists of revoked certificates have families of their own (`x509_crl_…`) in the other exporter; they belong between the
/// certificates and the sources.
#[must_use]
pub fn encode_x509(snapshot: &Snapshot, now: Timestamp, relative: bool) -> (String, Option<Timestamp>) {
    let mut out = String::new();
    let until = certificates::write(snapshot, now, relative, &mut out);
    sources::write(snapshot, &mut out);
    Family::new(&BUILD, &mut out).series(&[env!("CARGO_PKG_VERSION")], 1);
    (out, until)
}
