//! The life of a watch: reports are absorbed, what follows by itself is advanced, what is wanted is derived.
//! Nothing here acts, waits or remembers: the same facts give the same answer.

mod absorb;
mod acted;
mod advance;
mod answer;
mod asks;
mod backdate;
mod cadence;
mod expired;
mod gates;
mod keep;
mod obey;
mod overlap;
mod proving;
mod rest;
mod retire;
mod settle;
mod share;
mod stray;
mod want;

pub use absorb::{absorb, recover};
pub use advance::advance;
pub(in crate::domain) use asks::approval_comes_first;
pub use asks::{effective_matching, is_known, matching_by_target};
pub use cadence::next_probe;
pub(in crate::domain) use cadence::settle_time;
pub(in crate::domain) use gates::is_in_gap;
pub use gates::{Gate, TABLE as GATES};
pub(in crate::domain) use keep::hold_at;
pub(in crate::domain) use proving::{expected_gap, is_everywhere_known};
pub use rest::is_at_rest;
pub(in crate::domain) use retire::{ripe_at, shows_leftover};
pub use share::{Lessons, note_clock, note_pause, share, teach};
pub(in crate::domain) use stray::moments_of as moments_of_stray;
pub(in crate::domain) use want::waits_by_rule;
pub use want::{Want, begin, note_pending, want};

use super::certificate::Fingerprint;
use super::event::{Actor, Event, EventKind};
use super::reason::Answer;
use super::watch::Watch;
use super::{Duration, Timestamp};

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
}

impl<'a> Chronicle<'a> {
    /// A chronicle of this watch at this moment.
    #[must_use]
    pub const fn new(watch: &'a Watch, now: Timestamp) -> Self {
        Self { watch, now, events: Vec::new() }
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
