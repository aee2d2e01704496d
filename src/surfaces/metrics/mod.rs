//! The snapshot and the process in Prometheus' text format.
//! It counts nothing of the watches itself: their counters come with the snapshot.

mod catalogue;
mod daemon;
mod gzip;
mod labels;
mod probe;
mod process;
mod text;
mod watches;
mod x509;

use std::sync::{Arc, Mutex, PoisonError, Weak};

pub use catalogue::{CATALOGUE, Kind, Metric, Presence};
use gzip::{Deflated, Deflater};
pub use probe::{PROBE, encode_probe};
use prometheus::{Encoder as _, Registry, TextEncoder};
pub use x509::{X509, X509Page, encode_x509, x509_reason};

use crate::domain::snapshot::{Pictures, Snapshot};
use catalogue::Topic;

/// The content type of the text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What `/metrics` is answered from: the newest snapshot, and the process beside it.
///
/// What is told of the watches is kept compressed and encoded anew only when one of them changed; thousands of them are a text of
/// megabytes, and almost everybody who scrapes asks for it compressed. What is told of the daemon is new each time.
pub struct Metrics {
    registry: Registry,
    kept: Mutex<Option<Kept>>,
}

/// The watches' families of one set of pictures. The weak pointer keeps the address taken, so that it names these only.
struct Kept {
    of: Weak<Pictures>,
    vanished: Vec<String>,
    text: Arc<Deflated>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { registry: process::registry(), kept: Mutex::new(None) }
    }
}

impl Metrics {
    /// The whole page for this snapshot, as one gzip member.
    #[must_use]
    pub fn compressed(&self, snapshot: &Snapshot) -> Vec<u8> {
        let kept = self.of_watches(snapshot);
        let mut fresh = String::new();
        of(Topic::Daemon).for_each(|metric| metric.write(snapshot, &mut fresh));
        fresh.push_str(&self.of_process());
        gzip::member(&kept, &fresh)
    }

    /// The whole page for this snapshot, family by family.
    pub fn families(self: &Arc<Self>, snapshot: Arc<Snapshot>) -> impl Iterator<Item = String> + use<> {
        let metrics = Arc::clone(self);
        let families = of(Topic::Watches).chain(of(Topic::Daemon)).map(move |metric| {
            let mut family = String::new();
            metric.write(&snapshot, &mut family);
            family
        });
        families.chain(std::iter::once_with(move || metrics.of_process()))
    }

    fn of_watches(&self, snapshot: &Snapshot) -> Arc<Deflated> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &&Kept| {
            known.of.as_ptr() == Arc::as_ptr(&snapshot.watches)
                && known.vanished.iter().eq(snapshot.daemon.vanished.keys())
        };
        if let Some(known) = kept.as_ref().filter(same) {
            return Arc::clone(&known.text);
        }
        let text = Arc::new(compress(snapshot));
        let vanished = snapshot.daemon.vanished.keys().cloned().collect();
        *kept = Some(Kept { of: Arc::downgrade(&snapshot.watches), vanished, text: Arc::clone(&text) });
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

/// The families that tell of this.
fn of(topic: Topic) -> impl Iterator<Item = &'static Metric> {
    CATALOGUE.iter().filter(move |metric| metric.topic() == topic)
}

/// The watches' families, portion by portion through the same room.
fn compress(snapshot: &Snapshot) -> Deflated {
    let mut deflater = Deflater::new();
    let mut portion = String::new();
    for metric in of(Topic::Watches) {
        metric.drain(snapshot, &mut portion, &mut |text| deflater.write(text));
    }
    deflater.write(&portion);
    deflater.finish()
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
