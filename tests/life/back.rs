//! Going back, where not everything is known of every caller.

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::finding::{Code, Level};
use certsteward::domain::policy::Retire;
use certsteward::domain::report::Verb;
use certsteward::domain::watch::Matching;

use crate::support::world::{World, caller};

fn two_callers() -> World {
    let mut world = World::late(Matching::Dn);
    world.watch.callers.push(caller("second"));
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
    world
}

fn uses(world: &World) -> Vec<String> {
    world.change(|facts| facts.destinations.values().cloned().collect())
}

#[tokio::test]
async fn a_caller_whose_switch_lost_its_answer_goes_back_once_it_can_be_seen() {
    for verb in [Verb::Cancel, Verb::RollBack] {
        for lost in ["first", "second"] {
            let mut world = two_callers();
            world.change(|facts| facts.lose = Some(lost));
            world.until_event(EventKind::ActFailed, 10).await;
            assert!(uses(&world).contains(&"sfapi-2.pem".to_owned()), "{}", world.text());
            world.command(verb.clone()).await;
            world.run(5).await;
            assert!(
                world.record().renewal.is_some(),
                "it waits for the one that cannot be seen\n{}",
                world.text()
            );
            world.change(|facts| facts.unseen.clear());
            world.run(30).await;
            assert_eq!(uses(&world), ["sfapi.pem", "sfapi.pem"], "{lost} {verb:?}\n{}", world.text());
            assert!(world.record().renewal.is_none(), "{}", world.text());
        }
    }
}

#[tokio::test]
async fn a_lost_switch_that_took_no_effect_does_not_hold_the_cancel() {
    let mut world = two_callers();
    world.change(|facts| facts.lose = Some("first"));
    world.until_event(EventKind::ActFailed, 10).await;
    world.change(|facts| {
        facts.destinations.insert("first".to_owned(), "sfapi.pem".to_owned());
        facts.unseen.clear();
    });
    world.command(Verb::Cancel).await;
    world.run(5).await;
    assert_eq!(uses(&world), ["sfapi.pem", "sfapi.pem"], "{}", world.text());
    assert!(world.record().renewal.is_none(), "{}", world.text());
}

#[tokio::test]
async fn a_caller_that_is_found_on_the_candidate_while_going_back_goes_back_too() {
    let mut world = two_callers();
    world.until_event(EventKind::Settled, 10).await;
    world.change(|facts| facts.fail_before.extend(["switch", "switch"]));
    world.command(Verb::RollBack).await;
    // Its switch was never known to have happened.
    world.record.as_mut().unwrap().renewal.as_mut().unwrap().switched.remove("second");
    world.run(60).await;
    assert_eq!(uses(&world), ["sfapi.pem", "sfapi.pem"], "{}", world.text());
    assert!(world.record().renewal.is_none(), "{}", world.text());
}

#[tokio::test]
async fn a_caller_that_is_no_longer_configured_does_not_keep_a_roll_back_from_its_end() {
    let mut world = two_callers();
    world.until_event(EventKind::Settled, 10).await;
    world.change(|facts| facts.fail_before.extend(["switch", "switch"]));
    world.command(Verb::RollBack).await;
    world.watch.callers.pop();
    world.run(60).await;
    assert!(world.record().renewal.is_none(), "{}", world.text());
    assert_eq!(uses(&world), ["sfapi.pem", "sfapi-2.pem"]);
    assert!(world.text().contains("second is no longer configured"), "{}", world.text());
}

#[tokio::test]
async fn a_roll_back_that_a_person_asked_for_is_a_warning_and_says_who_and_when() {
    for verb in [Verb::RollBack, Verb::Cancel] {
        let mut world = two_callers();
        world.until_event(EventKind::Settled, 10).await;
        world.command(verb).await;
        world.run(5).await;
        let view = world.view();
        let found = view.findings.iter().find(|found| found.code == Code::RolledBack).unwrap();
        assert_eq!(found.level, Level::Warning, "{found:?}");
        assert!(found.text.starts_with("renewal 1 was rolled back on 2026-"), "{found:?}");
        assert!(found.text.ends_with(" by pat"), "{found:?}");
        assert!(found.way_out.starts_with("certsteward renew sf "), "{found:?}");
        let told = world.messages().await;
        let told: Vec<_> = told.iter().filter(|message| message.code == "rolled-back").collect();
        assert!(!told.is_empty() && told.iter().all(|message| message.level < Level::Critical), "{told:?}");
    }
}

#[tokio::test]
async fn what_callers_were_taken_back_from_stands_until_their_caches_have_run_out() {
    let mut world = two_callers();
    world.watch.callers[1].cache = Duration::minutes(30);
    (world.watch.policy.retire, world.watch.policy.retire_after) = (Retire::Auto, Duration::zero());
    world.until_event(EventKind::Settled, 10).await;
    world.command(Verb::RollBack).await;
    world.run(20).await;
    assert_eq!(uses(&world), ["sfapi.pem", "sfapi.pem"], "{}", world.text());
    assert_eq!(world.change(|facts| facts.names()), ["sfapi-2.pem", "sfapi.pem"], "{}", world.text());
    world.run(15).await;
    assert_eq!(world.change(|facts| facts.names()), ["sfapi.pem"], "{}", world.text());
}
