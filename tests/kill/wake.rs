//! A moment that comes while a pass is being saved is not slept through.

use std::sync::atomic::{AtomicUsize, Ordering};

use certsteward::clock::Clock;
use certsteward::domain::watch::Matching;
use certsteward::domain::{Duration, Timestamp};
use certsteward::engine::pass::{House, Passed, pass};

use crate::support::world::World;

/// A clock that stands still until its n-th reading, and then has leapt.
struct Leaping {
    still: Timestamp,
    leapt: Timestamp,
    at: usize,
    read: AtomicUsize,
}

impl Clock for Leaping {
    fn now(&self) -> Timestamp {
        let read = self.read.fetch_add(1, Ordering::Relaxed) + 1;
        if read < self.at { self.still } else { self.leapt }
    }
}

async fn passed(world: &World, clock: &Leaping) -> Passed {
    let house = House {
        journal: &world.journal,
        clock,
        recipients: &[],
        ladder: &[],
        paused: None,
        seed: [7; 32],
        may_act: &|| true,
    };
    pass(&world.parts(), world.record.clone(), Vec::new(), false, &house).await.unwrap()
}

#[tokio::test]
async fn a_moment_that_comes_while_a_pass_is_saved_wakes_the_next_one() {
    let mut world = World::new(Matching::Dn);
    world.pass(Vec::new()).await;
    let still = world.facts.now() + Duration::minutes(1);
    let quiet = Leaping { still, leapt: still, at: usize::MAX, read: AtomicUsize::new(0) };
    let next = passed(&world, &quiet).await.view.plan.next.unwrap();
    assert!(next > still);
    let last = quiet.read.into_inner();
    let leapt = next + Duration::seconds(1);
    let late = Leaping { still, leapt, at: last, read: AtomicUsize::new(0) };
    assert_eq!(passed(&world, &late).await.view.plan.next, Some(next));
}
