//! How fast one connection may ask: a few at once, a few per second, and not at all while the other side wants rest.
//! It sends nothing itself.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Interval, MissedTickBehavior};

use crate::clock::Stopwatch;

/// The most requests of one connection that are under way at once.
const AT_ONCE: usize = 4;

/// The time between two requests of one connection: five a second at most.
const SPACING: Duration = Duration::from_millis(200);

/// The longest rest that is kept: an absurd `Retry-After` must not end the connection for good.
const LONGEST_REST: Duration = Duration::from_secs(3600);

/// One connection's pace.
pub(crate) struct Pace {
    slots: Semaphore,
    beat: tokio::sync::Mutex<Option<Interval>>,
    rest: Mutex<Option<(Stopwatch, Duration)>>,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { slots: Semaphore::new(AT_ONCE), beat: tokio::sync::Mutex::new(None), rest: Mutex::new(None) }
    }

    /// Waits for a turn; the turn ends when what is returned is dropped.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.slots.acquire().await.ok();
        let mut beat = self.beat.lock().await;
        let beat = beat.get_or_insert_with(|| {
            let mut fresh = tokio::time::interval(SPACING);
            fresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
            fresh
        });
        beat.tick().await;
        permit
    }

    /// The other side asked for rest.
    pub(crate) fn rest_for(&self, seconds: u64) {
        let rest = Duration::from_secs(seconds).min(LONGEST_REST);
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = Some((Stopwatch::start(), rest));
    }

    /// How many seconds of rest are left; none where a request may be made.
    pub(crate) fn rest_left(&self) -> Option<u64> {
        let rest = *self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, length) = rest?;
        let left = length.checked_sub(since.elapsed()).filter(|left| !left.is_zero())?;
        Some(left.as_secs().saturating_add(1))
    }
}
