//! What the house tells a watch: a clock in doubt begins nothing, and a lesson of another watch is its own.

use std::sync::Arc;

use certsteward::domain::Duration;
use certsteward::domain::lifecycle::{Lessons, teach};
use certsteward::domain::watch::Matching;
use certsteward::engine::pass::{House, Known, Passed, pass};

use crate::support::world::World;

async fn passed(world: &mut World, known: Known<'_>) -> Passed {
    let house = House {
        journal: &world.journal,
        clock: &world.facts,
        recipients: &[],
        ladder: &[],
        paused: &|| None,
        seed: [7; 32],
        known,
        show: &|_| {},
        may_act: &|| true,
    };
    pass(&world.parts(), world.record.take().map(Arc::new), Vec::new(), &house).await.unwrap()
}

#[tokio::test]
async fn a_clock_that_leaps_makes_nothing_due_while_it_is_in_doubt() {
    for leap in [Duration::minutes(6), Duration::days(1), Duration::days(10), Duration::days(300)] {
        let mut world = World::late(Matching::Dn);
        world.pass(Vec::new()).await;
        world.change(|facts| facts.skew = leap);
        let doubt = || Some("the clock of this host is ahead of what servers say".to_owned());
        let first = passed(&mut world, Known { clock_doubt: Some(&doubt), ..Known::default() }).await;
        let tried = world.change(|facts| facts.tried.clone());
        assert!(tried.is_empty() && first.record.renewal.is_none(), "{leap}: {tried:?}");
        assert!(first.view.findings.iter().any(|finding| finding.code.code() == "clock"), "{leap}");
        world.change(|facts| facts.skew = Duration::zero());
        world.record = Some(Arc::unwrap_or_clone(first.record));
        let second = passed(&mut world, Known::default()).await;
        assert!(second.record.renewal.is_none() && second.record.clock_doubt.is_none(), "{leap}");
        let codes: Vec<&str> = second.view.findings.iter().map(|finding| finding.code.code()).collect();
        assert!(codes.iter().all(|code| *code == "expires"), "{leap}: {codes:?}");
        world.record = Some(Arc::unwrap_or_clone(second.record));
        world.until(310).await;
        assert_eq!(world.change(|facts| facts.issued), 1, "it is renewed when it is due\n{}", world.text());
    }
}

#[tokio::test]
async fn a_clock_that_comes_to_be_in_doubt_holds_a_renewal_that_is_under_way() {
    let mut world = World::late(Matching::Dn);
    world.change(|facts| facts.fail_before.push("issue"));
    world.begin().await;
    world.change(|facts| facts.tried.clear());
    world.change(|facts| facts.now += Duration::hours(2));
    let doubt = || Some("the clock of this host is behind what servers say".to_owned());
    let held = passed(&mut world, Known { clock_doubt: Some(&doubt), ..Known::default() }).await;
    assert!(world.change(|facts| facts.tried.clone()).is_empty());
    assert!(held.view.plan().held.iter().any(|held| held.gate == "clock"), "{:?}", held.view.plan());
    world.record = Some(Arc::unwrap_or_clone(held.record));
    world.until(310).await;
    assert_eq!(world.change(|facts| facts.issued), 1, "{}", world.text());
}

#[tokio::test]
async fn a_lesson_of_another_watch_is_known_and_the_newer_of_two_holds() {
    let mut teacher = World::late(Matching::Exact);
    teacher.until(310).await;
    let mut lessons = Lessons::new();
    teach(&mut lessons, "sf-teacher", teacher.record());
    let mut pupil = World::late(Matching::Exact);
    pupil.change(|facts| facts.now += Duration::days(10));
    let known = Known { lessons: Some(&lessons), ..Known::default() };
    let taught = passed(&mut pupil, known).await;
    assert_eq!(taught.record.learned, teacher.record().learned);
    let said =
        |passed: &Passed| passed.events.iter().filter(|event| event.text.contains("sf-teacher")).count();
    assert_eq!(said(&taught), 1);
    pupil.record = Some(Arc::unwrap_or_clone(taught.record));
    let again = passed(&mut pupil, known).await;
    assert_eq!(said(&again), 0, "it is said once");
    pupil.record = Some(Arc::unwrap_or_clone(again.record));
    pupil.until(320).await;
    assert_eq!(pupil.change(|facts| facts.issued), 1, "{}", pupil.text());
    // What the pupil shows itself, later, is newer.
    let mut newer = pupil.record().clone();
    for learned in newer.learned.values_mut() {
        (learned.matching, learned.at) = (Matching::Dn, learned.at + Duration::days(5));
    }
    pupil.record = Some(newer.clone());
    let kept = passed(&mut pupil, known).await;
    assert_eq!(kept.record.learned, newer.learned);
}
