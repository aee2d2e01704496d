//! What stays: entries a person keeps, questions withdrawn, acts rejected, the day's budget, callers no longer configured.

use certsteward::domain::event::EventKind;
use certsteward::domain::report::{Sign, Verb};
use certsteward::domain::watch::{Delivery, Matching, Mode};

use crate::support::world::{World, caller};

fn two(world: &mut World) {
    world.watch.callers.push(caller("second"));
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
}

#[tokio::test]
async fn attempts_that_changed_nothing_do_not_use_up_the_day() {
    let mut world = World::late(Matching::Dn);
    world.change(|facts| facts.fail_before = vec!["issue"; 100_000]);
    world.until(366).await;
    world.change(|facts| facts.fail_before.clear());
    world.command(Verb::Retry).await;
    world.run(60).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-2.pem", "{}", world.plan());
}

#[tokio::test]
async fn a_caller_that_is_no_longer_configured_does_not_hold_the_retirement() {
    let mut world = World::late(Matching::Dn);
    world.watch.policy.retire = certsteward::domain::policy::Retire::Auto;
    two(&mut world);
    world.until_event(EventKind::RenewalEnded, 10).await;
    world.change(|facts| facts.destinations.remove("second"));
    world.run(60).await;
    world.watch.callers.pop();
    world.until(330).await;
    assert_eq!(world.change(|facts| facts.names()), ["sfapi-2.pem"]);
}

#[tokio::test]
async fn what_a_person_keeps_is_not_asked_away_elsewhere() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.serve(1).await;
    world.run(60 * 24 * 15).await;
    let act = world.pending("retire");
    world.command(Verb::Reject(act)).await;
    world.run(60).await;
    assert!(world.view().hand_offs.is_empty(), "{}", world.question().headline);
}

#[tokio::test]
async fn a_withdrawn_removal_of_what_was_never_used_is_asked_again() {
    let mut world = World::late(Matching::Exact);
    two(&mut world);
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.after(60).await;
    world.command(Verb::Sign("security-center".to_owned(), Sign::Saved, None)).await;
    world.paused = Some("kim");
    world.command(Verb::Cancel).await;
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi-3.pem".to_owned()));
    world.run(30).await;
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
    world.paused = None;
    world.run(60 * 24).await;
    assert!(!world.view().hand_offs.is_empty(), "{:?}", world.record().leftovers.len());
}

#[tokio::test]
async fn a_rejected_publication_is_not_asked_again() {
    let mut world = World::late(Matching::Exact);
    world.watch.mode = Mode::Propose;
    world.watch.targets[0].delivery = Delivery::Direct;
    world.pass(Vec::new()).await;
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.after(15).await;
    let act = world.pending("publish");
    world.command(Verb::Reject(act)).await;
    assert!(world.record().pending.is_empty(), "{}", world.story());
}
