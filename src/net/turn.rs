//! The right to have one connection: so many at once to one host, so many in all, given out fairly.
//! It measures no time: whoever waits here has not begun, and so has no limit that runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::fair::{Fair, Limits};

/// What holds where nothing else is set: few to one host, because each may be a logon there.
pub const LIMITS: Limits = Limits { whole: 128, per_lane: 4 };

/// Who has a turn and who waits for one. Cloning it is cheap and shares everything.
#[derive(Clone)]
pub(super) struct Turns(Arc<Mutex<Fair<oneshot::Sender<Turn>>>>);

/// The right to have one connection, for as long as it is kept.
pub struct Turn {
    turns: Turns,
    lane: String,
}

impl Turns {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(Fair::new(limits))))
    }

    fn locked(&self) -> MutexGuard<'_, Fair<oneshot::Sender<Turn>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn limit(&self, limits: Limits) {
        self.locked().limit(limits);
        self.give();
    }

    /// Waits for a turn on this lane. Who stops waiting leaves the queue.
    pub(super) async fn turn(&self, lane: String) -> Turn {
        let (sender, receiver) = oneshot::channel();
        self.locked().wait(&lane, sender);
        self.give();
        // A sender is dropped only with all turns, which this borrow keeps.
        match receiver.await {
            Ok(turn) => turn,
            Err(_) => std::future::pending().await,
        }
    }

    /// Gives out every turn that may be given, leaving out who waits no more.
    fn give(&self) {
        loop {
            let Some((lane, waiting)) = self.locked().go() else { return };
            if waiting.is_closed() {
                self.locked().ended(&lane);
                continue;
            }
            // Where whoever waited has left at this very moment, the turn comes back and ends, which gives out the next.
            drop(waiting.send(Turn { turns: self.clone(), lane }));
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.locked().ended(&self.lane);
        self.turns.give();
    }
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Turn({})", self.lane)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn turns(whole: usize, per_lane: usize) -> Turns {
        Turns::new(Limits { whole, per_lane })
    }

    fn now(turns: &Turns, lane: &str) -> Option<Turn> {
        turns.turn(lane.to_owned()).now_or_never()
    }

    #[test]
    fn a_turn_that_ends_goes_to_whoever_waits() {
        let turns = turns(2, 1);
        let first = now(&turns, "a").unwrap();
        let mut second = Box::pin(turns.turn("a".to_owned()));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        assert!(second.now_or_never().is_some());
        assert!(now(&turns, "a").is_some(), "all turns came back");
    }

    #[test]
    fn who_stops_waiting_takes_no_turn_with_them() {
        let turns = turns(1, 1);
        let first = now(&turns, "a").unwrap();
        for _ in 0..100_000 {
            assert!(now(&turns, "a").is_none());
        }
        drop(first);
        assert!(now(&turns, "b").is_some());
    }
}
