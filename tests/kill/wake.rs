//! What happens while a pass is under way counts in it: a moment that comes is not slept through, a pause holds, and nothing
//! that was done goes unreported.

use std::sync::Arc;

use std::sync::atomic::{AtomicUsize, Ordering};

use certsteward::clock::Clock;
use certsteward::domain::report::Verb;
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

/// Each of its readings is a day after the one before.
struct Hurrying(Timestamp, AtomicUsize);

impl Clock for Hurrying {
    fn now(&self) -> Timestamp {
        self.0 + Duration::days(self.1.fetch_add(1, Ordering::Relaxed).try_into().unwrap())
    }
}

async fn passed(world: &World, clock: &dyn Clock) -> Passed {
    passed_with(world, clock, &|| None).await
}

async fn passed_with(
    world: &World,
    clock: &dyn Clock,
    paused: &(dyn Fn() -> Option<String> + Sync),
) -> Passed {
    pass(&world.parts(), world.record.clone().map(Arc::new), Vec::new(), &house(world, clock, paused))
        .await
        .unwrap()
}

fn house<'a>(
    world: &'a World,
    clock: &'a dyn Clock,
    paused: &'a (dyn Fn() -> Option<String> + Sync),
) -> House<'a> {
    House {
        journal: &world.journal,
        clock,
        recipients: &[],
        ladder: &[],
        paused,
        seed: [7; 32],
        show: &|_| {},
        known: certsteward::engine::pass::Known::default(),
        may_act: &|| true,
    }
}

#[tokio::test]
async fn a_moment_that_comes_while_a_pass_is_saved_wakes_the_next_one() {
    let mut world = World::new(Matching::Dn);
    world.pass(Vec::new()).await;
    let still = world.facts.now() + Duration::minutes(1);
    let quiet = Leaping { still, leapt: still, at: usize::MAX, read: AtomicUsize::new(0) };
    let next = passed(&world, &quiet).await.view.next.unwrap();
    assert!(next > still);
    let last = quiet.read.into_inner();
    let leapt = next + Duration::seconds(1);
    let late = Leaping { still, leapt, at: last, read: AtomicUsize::new(0) };
    assert_eq!(passed(&world, &late).await.view.next, Some(next));
}

#[tokio::test]
async fn a_pause_holds_the_acts_of_a_pass_that_is_under_way() {
    let mut world = World::late(Matching::Dn);
    world.command(Verb::Pause).await;
    world.until(307).await;
    world.paused = Some("kim");
    world.command(Verb::Resume).await;
    let facts = world.facts.clone();
    let tried = || facts.0.lock().unwrap().tried.clone();
    assert!(tried().is_empty(), "{:?}", tried());
    passed_with(&world, &world.facts, &|| (!tried().is_empty()).then(|| "kim".to_owned())).await;
    assert_eq!(tried(), ["issue"]);
}

#[tokio::test]
async fn what_a_pass_that_does_not_come_to_rest_has_seen_is_all_in_its_record() {
    let mut world = World::new(Matching::Dn);
    world.pass(Vec::new()).await;
    let clock = Hurrying(world.facts.now() + Duration::days(1), AtomicUsize::new(0));
    let passed = passed(&world, &clock).await;
    assert!(passed.restless);
    // Each probe took its moment from the clock before it was made: the last one that was made is the last one known.
    let probed = world.change(|facts| facts.last_probe).unwrap();
    let known =
        passed.record.in_force.as_ref().unwrap().probes.get("odata").unwrap().last.as_ref().unwrap().at;
    assert!(known >= probed, "{known} {probed}");
}
