//! What becomes of replaced certificates and of candidates that were never used.

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::policy::Retire;
use certsteward::domain::report::Verb;
use certsteward::domain::verdict::Verdict;
use certsteward::domain::watch::{Matching, Mode};

use crate::support::world::World;

async fn replaced(retire: Retire) -> World {
    let mut world = World::late(Matching::Dn);
    world.watch.policy.retire = retire;
    world.until(306).await;
    world
}

fn names(world: &World) -> Vec<String> {
    world.change(|facts| facts.names())
}

#[tokio::test]
async fn with_ask_it_waits_for_approval_and_with_auto_and_never_it_does_not() {
    let mut world = replaced(Retire::Ask).await;
    world.until(330).await;
    let act = world.pending("retire");
    assert_eq!(names(&world).len(), 2);
    world.command(Verb::Approve(act)).await;
    assert_eq!(names(&world), ["sfapi-2.pem"]);
    assert_eq!(world.findings(), Vec::<String>::new());

    let mut world = replaced(Retire::Auto).await;
    world.until(315).await;
    assert_eq!(names(&world).len(), 2, "not before retire_after");
    world.until(320).await;
    assert_eq!(names(&world), ["sfapi-2.pem"]);

    let mut world = replaced(Retire::Never).await;
    world.until(400).await;
    assert_eq!((names(&world).len(), world.findings()), (2, Vec::new()));
}

#[tokio::test]
async fn a_rejected_retirement_keeps_the_entry_and_touches_no_renewal() {
    let mut world = replaced(Retire::Ask).await;
    world.until(330).await;
    let act = world.pending("retire");
    world.watch.mode = Mode::Propose;
    world.command(Verb::Renew).await;
    world.command(Verb::Reject(act)).await;
    assert!(world.record().renewal.is_some(), "{}", world.text());
    assert!(!world.record().pending.keys().any(|id| id.starts_with("retire-")));
    world.until(340).await;
    assert_eq!(names(&world).len(), 2);
}

#[tokio::test]
async fn retire_on_a_persons_word_does_not_wait() {
    let mut world = replaced(Retire::Ask).await;
    world.command(Verb::Retire).await;
    assert_eq!(names(&world), ["sfapi-2.pem"]);
}

#[tokio::test]
async fn nothing_is_retired_while_the_new_certificate_is_rejected() {
    let mut world = replaced(Retire::Auto).await;
    world.change(|facts| facts.mappings.clear());
    world.until(330).await;
    assert_eq!(names(&world).len(), 2, "{}", world.text());
}

#[tokio::test]
async fn an_unused_candidate_is_removed() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.command(Verb::Cancel).await;
    world.run(10).await;
    assert_eq!(names(&world), ["sfapi.pem"], "{}", world.text());
    assert!(world.view().hand_offs.is_empty());
}

#[tokio::test]
async fn a_roll_back_leaves_no_failed_act_behind() {
    let mut world = World::late(Matching::Dn);
    world.change(|facts| facts.fail_before.push("switch"));
    world.until_event(EventKind::Settled, 10).await;
    world.change(|facts| {
        let print = facts.chain("sfapi-2.pem").fingerprint();
        facts.verdict_for.insert(print, Verdict::NotMapped);
        facts.fail_before.push("switch");
    });
    world.run(60).await;
    let odd = world.findings().into_iter().filter(|finding| finding.contains("fail")).count();
    assert_eq!(odd, 0, "{:?}\n{}", world.findings(), world.text());
    assert!(world.record().attempts.is_empty(), "{:?}", world.record().attempts);
}

#[tokio::test]
async fn an_entry_that_holds_something_else_by_now_stays() {
    let mut world = replaced(Retire::Ask).await;
    world.until(330).await;
    let act = world.pending("retire");
    world.change(|facts| facts.issue("sfapi.pem", "ANOTHER-USE", 365));
    world.command(Verb::Approve(act)).await;
    world.run(60).await;
    assert_eq!(names(&world), ["sfapi-2.pem", "sfapi.pem"], "{}", world.text());
    assert!(world.text().contains("so it stays") && world.record().leftovers.is_empty(), "{}", world.text());
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn an_entry_that_cannot_be_seen_is_removed_only_once_it_can() {
    let mut world = replaced(Retire::Auto).await;
    world.change(|facts| facts.unseen_entries.insert("sfapi.pem".to_owned()));
    world.until(330).await;
    assert_eq!(names(&world).len(), 2, "{}", world.text());
    world.change(|facts| facts.unseen_entries.clear());
    world.until(331).await;
    assert_eq!(names(&world), ["sfapi-2.pem"], "{}", world.text());
}

#[tokio::test]
async fn an_entry_that_somebody_removed_is_forgotten() {
    let mut world = replaced(Retire::Auto).await;
    world.change(|facts| facts.forget("sfapi.pem"));
    world.until(330).await;
    assert!(world.text().contains("is gone already"), "{}", world.text());
    assert!(!world.change(|facts| facts.tried.contains(&"remove".to_owned())));
}

#[tokio::test]
async fn what_a_caller_was_put_back_to_waits_anew_once_it_is_led_on() {
    let mut world = World::late(Matching::Dn);
    (world.watch.policy.retire, world.watch.policy.retire_after) = (Retire::Auto, Duration::days(3));
    world.until_event(EventKind::Settled, 10).await;
    world.run(60).await;
    world.change(|facts| facts.destinations.insert("first".to_owned(), "sfapi.pem".to_owned()));
    world.run(60 * 24 * 10).await;
    assert!(world.change(|facts| facts.names()).contains(&"sfapi.pem".to_owned()), "setup {}", world.story());
    world.change(|facts| facts.destinations.insert("first".to_owned(), "sfapi-2.pem".to_owned()));
    world.run(60).await;
    assert!(world.change(|facts| facts.names()).contains(&"sfapi.pem".to_owned()), "{}", world.story());
    world.run(60 * 24 * 4).await;
    assert!(!world.change(|facts| facts.names()).contains(&"sfapi.pem".to_owned()), "{}", world.story());
}
