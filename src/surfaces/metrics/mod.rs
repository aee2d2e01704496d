//! The snapshot and the process in Prometheus' text format.
//! It counts nothing of the watches itself: their counters come with the snapshot.

mod catalogue;
mod daemon;
mod labels;
mod probe;
mod process;
mod text;
mod watches;
mod x509;

use std::sync::{Arc, Mutex, PoisonError, Weak};

pub use catalogue::{CATALOGUE, Kind, Metric, Presence};
pub use probe::{PROBE, encode_probe};
pub use x509::{X509, X509Page, encode_x509, x509_reason};

use prometheus::{Encoder as _, Registry, TextEncoder};

use crate::domain::snapshot::Snapshot;

/// The content type of the text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What `/metrics` is answered from: the text of the newest snapshot, and the process beside it.
pub struct Metrics {
    registry: Registry,
    encoded: Mutex<Option<Encoded>>,
}

/// The text of one snapshot. The weak pointer keeps the address taken, so that it names this snapshot only.
struct Encoded {
    of: Weak<Snapshot>,
    text: Arc<str>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { registry: process::registry(), encoded: Mutex::new(None) }
    }
}

impl Metrics {
    /// The whole page for this snapshot. A snapshot is encoded once, however often it is asked for.
    #[must_use]
    pub fn page(&self, snapshot: &Arc<Snapshot>) -> String {
        let mut page = self.of_snapshot(snapshot).to_string();
        page.push_str(&self.of_process());
        page
    }

    fn of_snapshot(&self, snapshot: &Arc<Snapshot>) -> Arc<str> {
        let mut encoded = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = encoded.as_ref().filter(|known| known.of.as_ptr() == Arc::as_ptr(snapshot)) {
            return Arc::clone(&known.text);
        }
        let text: Arc<str> = encode(snapshot).into();
        *encoded = Some(Encoded { of: Arc::downgrade(snapshot), text: Arc::clone(&text) });
        text
    }

    fn of_process(&self) -> String {
        let mut bytes = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut bytes) {
            Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, "the metrics of the process could not be encoded; this scrape is without them");
                String::new()
            }
        }
    }
}

/// Every family of the catalogue that is taken from the snapshot.
#[must_use]
pub fn encode(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    for metric in CATALOGUE {
        metric.write(snapshot, &mut out);
    }
    out
}
