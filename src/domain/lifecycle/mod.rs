//! The life of a watch: reports are absorbed, what follows by itself is advanced, what is wanted is derived.
//! Nothing here acts, waits or remembers: the same facts give the same answer.

mod absorb;
mod acted;
mod advance;
mod answer;
mod asks;
mod backdate;
mod cadence;
mod conceivable;
mod expired;
mod gap;
mod gates;
mod keep;
mod names;
mod obey;
mod overlap;
mod proving;
mod ready;
mod rest;
mod retire;
mod settle;
mod share;
mod stray;
mod want;

pub use absorb::{absorb, recover};
pub use advance::advance;
pub use asks::{effective_matching, is_known, matching_by_target};
pub use cadence::next_probe;
pub(in crate::domain) use cadence::settle_time;
pub(in crate::domain) use conceivable::sentence_of;
pub(in crate::domain) use gap::is_in_gap;
pub use gates::{Gate, TABLE as GATES};
pub(in crate::domain) use keep::hold_at;
pub use names::own_names;
pub(in crate::domain) use proving::{expected_gap, is_everywhere_known};
pub(in crate::domain) use ready::unasked;
pub use rest::is_at_rest;
pub(in crate::domain) use retire::{ripe_at, shows_leftover};
pub use share::{Lessons, note_clock, note_pause, share, teach};
pub(in crate::domain) use stray::moments_of as moments_of_stray;
pub(in crate::domain) use want::waits_by_rule;
pub use want::{Want, begin, note_pending, want};

use super::certificate::{Certificate, Fingerprint};
use super::event::{Actor, Event, EventKind};
use super::reason::Answer;
use super::record::{Record, Role};
use super::watch::Watch;
use super::{Duration, Timestamp};

/// A candidate counts as gone once it was looked for twice, so far apart: a store may not show it for a moment.
pub(in crate::domain) const GONE_AFTER: Duration = Duration::minutes(5);

/// Chance, handed in, so that the same seed gives the same life.
#[derive(Debug, Clone)]
pub struct Dice {
    seed: [u8; 32],
    rolls: u64,
}

impl Dice {
    /// Dice of this seed.
    #[must_use]
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { seed, rolls: 0 }
    }

    fn roll(&mut self) -> Fingerprint {
        self.rolls += 1;
        let mut bytes = self.seed.to_vec();
        bytes.extend(self.rolls.to_be_bytes());
        Fingerprint::of(&bytes)
    }

    /// A token of 128 bits as text.
    pub fn token(&mut self) -> String {
        self.roll().hex().chars().take(32).collect()
    }

    /// A number of 0..1000.
    pub fn permille(&mut self) -> i32 {
        let print = self.roll();
        let [high, low, ..] = print.0;
        (i32::from(high) * 256 + i32::from(low)) % 1000
    }
}

/// Collects what happens to one watch.
pub struct Chronicle<'a> {
    watch: &'a Watch,
    now: Timestamp,
    events: Vec<Event>,
    beside: Option<&'a Beside<'a>>,
}

/// Whether another watch uses a certificate with the issuer and the subject of this one at a tenant: the tenant may know both
/// by one mapping.
pub type Beside<'a> = dyn Fn(&str, &Certificate) -> bool + Sync + 'a;

/// Whether this watch uses such a certificate at this tenant, as far as its targets and probes tell.
#[must_use]
pub fn uses_at(watch: &Watch, record: &Record, tenant: &str, leaf: &Certificate) -> bool {
    let told = watch.targets.iter().any(|target| target.tenant.as_deref() == Some(tenant))
        || watch.probes.iter().any(|probe| probe.tenant.as_deref() == Some(tenant));
    let roles = [Role::InForce, Role::Candidate, Role::Replaced].into_iter();
    told && roles.filter_map(|role| record.standing(role)).any(|standing| {
        let other = &standing.chain.leaf;
        (&other.subject, &other.issuer) == (&leaf.subject, &leaf.issuer)
    })
}

impl<'a> Chronicle<'a> {
    /// A chronicle of this watch at this moment.
    #[must_use]
    pub const fn new(watch: &'a Watch, now: Timestamp) -> Self {
        Self { watch, now, events: Vec::new(), beside: None }
    }

    /// The same, with a way to ask what other watches use.
    #[must_use]
    pub fn beside(self, beside: Option<&'a Beside<'a>>) -> Self {
        Self { beside, ..self }
    }

    /// Whether another watch may be let in by the mapping of this certificate.
    fn is_used_beside(&self, target: &str, leaf: &Certificate) -> bool {
        let tenant = self.watch.target(target).and_then(|target| target.tenant.as_deref());
        tenant.zip(self.beside).is_some_and(|(tenant, beside)| beside(tenant, leaf))
    }

    fn note(&mut self, kind: EventKind, text: impl Into<String>) {
        self.note_by(Actor::Daemon, kind, text, Vec::new());
    }

    fn note_by(
        &mut self,
        actor: Actor,
        kind: EventKind,
        text: impl Into<String>,
        facts: Vec<(String, String)>,
    ) {
        let watch = self.watch.id.clone();
        self.events.push(Event { watch, at: self.now, actor, kind, text: text.into(), facts });
    }

    /// What was asked and answered stands beside the event that tells of it: the first one noted since then.
    fn answered(&mut self, since: usize, answer: Option<&Answer>) {
        if let (Some(event), Some(answer)) = (self.events.get_mut(since), answer) {
            event.facts.push(("request".to_owned(), answer.request().to_owned()));
            event.facts.push(("answer".to_owned(), answer.answer().to_owned()));
        }
    }

    /// What happened, in order.
    #[must_use]
    pub fn into_events(self) -> Vec<Event> {
        self.events
    }
}

/// A span in words people use.
#[must_use]
pub(in crate::domain) fn words(span: Duration) -> String {
    let seconds = span.num_seconds().max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
