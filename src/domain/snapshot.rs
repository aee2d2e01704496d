//! What everybody may look at: an immutable picture of all watches after a pass.
//! Surfaces read it and nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::Timestamp;
use super::finding::{Code, Finding, Level};
use super::hand_off::HandOff;
use super::plan;
use super::policy::Moments;
use super::reason::{Reason, Unseen};
use super::record::{Act, Record, Step};
use super::watch::{Matching, Watch};

/// The picture.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Timestamp,
    /// The watches, by id.
    pub watches: Arc<Pictures>,
    /// The daemon itself.
    pub daemon: DaemonView,
}

/// The pictures of watches, by id. Two snapshots between which no watch changed share them.
pub type Pictures = BTreeMap<Arc<str>, Arc<WatchView>>;

/// One watch.
#[derive(Debug, Clone)]
pub struct WatchView {
    /// Its configuration.
    pub watch: Arc<Watch>,
    /// Its facts.
    pub record: Arc<Record>,
    /// When its source was last seen, be it only to be as it was.
    pub seen_at: Option<Timestamp>,
    /// Where it stands.
    pub step: Step,
    /// The judgements, most serious first.
    pub findings: Vec<Finding>,
    /// The most serious level of them.
    pub level: Level,
    /// The moments that matter; none while nothing was seen.
    pub moments: Option<Moments>,
    /// When the renewal is due, with its jitter.
    pub due: Option<Timestamp>,
    /// When something is looked at or tried next.
    pub next: Option<Timestamp>,
    /// What happens next, once somebody asks: [`WatchView::plan`].
    pub planned: Planned,
    /// The open questions to people.
    pub hand_offs: Vec<HandOff>,
    /// For each target: how it matches, as far as is known.
    pub matching: BTreeMap<String, Matching>,
}

impl WatchView {
    /// Whether it was looked at since the start: else it shows what the store knew.
    #[must_use]
    pub fn was_looked_at(&self) -> bool {
        self.findings.iter().all(|finding| finding.code != Code::NotLooked)
    }

    /// What happens next. It is worked out when somebody asks for the first time: most pictures are replaced before.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        let work_out = || Box::new(plan::at(&self.watch, &self.record, self.step, &self.planned.asked));
        self.planned.known.get_or_init(work_out)
    }
}

/// A plan, or what it is worked out from.
#[derive(Debug, Clone, Default)]
pub struct Planned {
    known: OnceLock<Box<Plan>>,
    asked: Asked,
}

/// The moments and the pause for which a plan is asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// When the pass began.
    pub pass: Timestamp,
    /// When its last round began: what became due later is still ahead.
    pub round: Timestamp,
    /// When it ended.
    pub at: Timestamp,
    /// Who had paused everything.
    pub paused: Option<Box<str>>,
}

impl From<Asked> for Planned {
    fn from(asked: Asked) -> Self {
        Self { known: OnceLock::new(), asked }
    }
}

impl From<Plan> for Planned {
    fn from(plan: Plan) -> Self {
        Self { known: OnceLock::from(Box::new(plan)), asked: Asked::default() }
    }
}

/// What happens next, and why.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What is or will be done, in order, each with its rule and inputs.
    pub lines: Vec<PlanLine>,
    /// The next act, where one is wanted now.
    pub act: Option<Act>,
    /// What holds it.
    pub held: Vec<Held>,
    /// When something is looked at or tried next.
    pub next: Option<Timestamp>,
    /// The gap that is expected, in words.
    pub gap: Option<String>,
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanLine {
    /// When, where that is known.
    pub at: Option<Timestamp>,
    /// What.
    pub what: String,
    /// The rule and the inputs behind it.
    pub why: String,
}

/// A gate that holds an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The gate's stable name: `mode`, `pause`, `sight`, `clock`, `approval`, `window` and so on.
    pub gate: &'static str,
    /// In words, with the way out.
    pub text: String,
    /// Until when, where that is known.
    pub until: Option<Timestamp>,
}

/// The daemon itself.
#[derive(Debug, Clone, Default)]
pub struct DaemonView {
    /// When it started.
    pub started: Option<Timestamp>,
    /// Whether acts are paused everywhere, since when and by whom.
    pub paused: Option<(Timestamp, String)>,
    /// When the last pass ended.
    pub last_pass: Option<Timestamp>,
    /// Whether the configuration could be read when it was last read, and when that was.
    pub last_reload: Option<(Timestamp, bool, String)>,
    /// Whether what happens can be written down.
    pub store: StoreView,
    /// When credentials of connections expire.
    pub credentials: BTreeMap<String, Timestamp>,
    /// The oldest undelivered message.
    pub outbox_oldest: Option<Timestamp>,
    /// When each notifier last delivered.
    pub notifiers: BTreeMap<String, Option<Timestamp>>,
    /// Watches that are gone from the configuration, and since when.
    pub vanished: BTreeMap<String, Timestamp>,
    /// Reads of sources by (source kind, connection, reason or `ok`).
    pub reads: BTreeMap<(String, String, Option<Reason>), u64>,
    /// What every pass may have missed at its source, for sources that ever did.
    pub missed: Arc<Missed>,
    /// The discoveries, by name.
    pub discoveries: Arc<Discoveries>,
    /// Every pass that was made and how long it took, in seconds: `(count, sum, buckets)`.
    pub passes: PassDurations,
    /// Deliveries by notifier: `[succeeded, failed]`.
    pub notifications: BTreeMap<String, [u64; 2]>,
}

/// Reads that failed since the start, by reason: of a watch that is written out by its id, of discovered ones together by their
/// discovery's name. No id is the name of a discovery.
pub type Missed = BTreeMap<Arc<str>, BTreeMap<Reason, u64>>;

/// The discoveries, by name.
pub type Discoveries = BTreeMap<Arc<str>, DiscoveryView>;

/// One discovery.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiscoveryView {
    /// The kind: `file`, `destination-service`, `file-sd`, `http-sd`.
    pub kind: String,
    /// The kind of the sources it finds: `file`, `destination-service`, `tls`.
    pub source_kind: String,
    /// How many watches it makes.
    pub watches: u64,
    /// Whether it has looked since it is configured as it is.
    pub looked: bool,
    /// When it last could look everywhere.
    pub seen_at: Option<Timestamp>,
    /// Since when it cannot look everywhere, and why; none while it can.
    pub unseen: Option<(Timestamp, Vec<Unseen>)>,
    /// In how many looks it could not look everywhere, since the start.
    pub blind_total: u64,
    /// What is listed there and is no place for a certificate, in words.
    pub left_out: Vec<String>,
}

/// The store, as the last write found it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreView {
    /// When something was last written.
    pub last_success: Option<Timestamp>,
    /// Since when nothing can be written, and why; none while it can.
    pub failing: Option<(Timestamp, String)>,
}

/// How long passes took: counts per upper bound of [`PassDurations::BOUNDS`], with sum and count.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PassDurations {
    /// How many passes took at most each bound.
    pub buckets: [u64; 8],
    /// All of them, in seconds.
    pub sum: f64,
    /// How many.
    pub count: u64,
}

impl PassDurations {
    /// The upper bounds, in seconds.
    pub const BOUNDS: [f64; 8] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0];

    /// Adds one pass.
    pub fn add(&mut self, seconds: f64) {
        self.sum += seconds;
        self.count += 1;
        for (bucket, bound) in self.buckets.iter_mut().zip(Self::BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
    }
}
