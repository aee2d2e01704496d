//! `hold`: before the store renews what is in force by itself, the callers are set to a copy that it does not renew.

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::policy::Retire;
use certsteward::domain::report::Verb;
use certsteward::domain::watch::{AutoRenew, Matching, Mode};

use crate::support::world::{World, caller};

/// An exact tenant whose person does not come, and a store that renews by itself 30 days before the expiry.
async fn asked() -> World {
    let mut world = World::new(Matching::Exact);
    world.change(|facts| facts.now += Duration::days(270));
    world.watch.source.auto_renew = AutoRenew::Unknown;
    world.until_event(EventKind::HandOffOpened, 10).await;
    world
}

#[tokio::test]
async fn callers_are_kept_from_the_stores_own_renewal_while_a_person_is_asked() {
    let mut world = asked().await;
    assert!(world.plan().contains("keep what is in force as a copy"), "{}", world.plan());
    world.until(333).await;
    let old = world.change(|facts| facts.chain("sfapi-hold.pem"));
    // The store renews by itself, and the tenant wants the exact certificate.
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.until(340).await;
    let text = world.story();
    insta::assert_snapshot!(text.lines().skip(3).collect::<Vec<_>>().join("\n"), @"
    day 275 00:00 renewal-started: renewal 1 began, because it is due
    day 275 00:00 act-succeeded: done: issue a new certificate as sfapi-2.pem (common name SFAPI)
    day 275 00:00 issued: the candidate stands as sfapi-2.pem: SFAPI (#2), valid until 2027-10-03
    day 275 00:00 probed: probe odata with the candidate: not-mapped
    day 275 00:00 learned: api.example.org/ACME recognises certificates by the exact certificate
    day 275 00:00 candidate-discarded: the candidate with the same subject is given up: one with a counted subject can be added without a gap
    day 275 00:00 act-succeeded: done: issue a new certificate as sfapi-3.pem (common name SFAPI-3)
    day 275 00:00 issued: the candidate stands as sfapi-3.pem: SFAPI-3 (#3), valid until 2027-10-03
    day 275 00:00 probed: probe odata with the candidate: not-mapped
    day 275 00:00 hand-off-opened: a person is asked to add the certificate in security-center
    day 275 00:05 retired: the entry sfapi-2.pem (#2) was removed
    day 332 00:00 held: what is in force is kept as sfapi-hold.pem, because the store may renew sfapi.pem by itself soon and a person is still asked
    day 332 00:00 act-succeeded: done: keep the certificate in force (#1) as sfapi-hold.pem
    day 332 00:00 kept: the certificate in force (#1) is kept as sfapi-hold.pem
    day 332 00:00 switched: the caller first uses sfapi-hold.pem
    day 332 00:00 held: the callers use sfapi-hold.pem, which the store does not renew; it expires in 33 days
    ");
    assert!(world.cut_off.is_empty(), "{text}");
    assert_eq!(world.record().in_force.as_ref().unwrap().fingerprint(), old.fingerprint());
    world.serve(5).await;
    world.run(60).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-3.pem", "{}", world.story());
    assert!(world.cut_off.is_empty());
}

#[tokio::test]
async fn every_caller_is_held_and_a_death_or_a_lost_answer_changes_nothing() {
    for (act, after) in [("copy", false), ("copy", true), ("switch", false), ("switch", true)] {
        let mut world = asked().await;
        world.watch.callers.push(caller("second"));
        world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
        world.change(|facts| *(if after { &mut facts.die_after } else { &mut facts.die_before }) = Some(act));
        world.until(333).await;
        let used = world.change(|facts| facts.destinations.values().cloned().collect::<Vec<_>>());
        assert_eq!(used, ["sfapi-hold.pem", "sfapi-hold.pem"], "{act} {after}\n{}", world.story());
        assert!(world.cut_off.is_empty());
    }
}

#[tokio::test]
async fn never_means_never_and_a_store_that_does_not_renew_is_no_threat() {
    for threatened in [false, true] {
        let mut world = asked().await;
        if threatened {
            world.watch.policy.hold = None;
        } else {
            world.watch.source.auto_renew = AutoRenew::No;
        }
        world.until(334).await;
        assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi.pem");
    }
}

#[tokio::test]
async fn what_is_held_is_retired_by_its_old_name_only_when_nothing_names_it() {
    let mut world = asked().await;
    world.until(333).await;
    world.until(350).await;
    assert!(world.record().pending.keys().any(|id| id.starts_with("retire")), "{}", world.story());
    world.approve("retire").await;
    assert!(!world.change(|facts| facts.names()).contains(&"sfapi.pem".to_owned()), "{}", world.story());
    assert!(world.change(|facts| facts.is_served("first")));
}

#[tokio::test]
async fn what_has_expired_is_held_by_nobody() {
    let mut world = asked().await;
    world.watch.mode = Mode::Propose;
    world.until(333).await;
    world.approve("keep").await;
    world.run(10).await;
    assert!(world.record().pending.keys().any(|id| id.starts_with("switch")), "setup {}", world.story());
    world.until(367).await;
    assert!(world.record().in_force.as_ref().unwrap().chain.leaf.not_after < world.change(|facts| facts.now));
    let waits = world.record().pending.keys().any(|id| id.starts_with("switch"));
    assert!(!waits, "nobody is set to what has expired: {:?}", world.record().pending);
}

#[tokio::test]
async fn a_copy_that_a_caller_uses_waits_like_what_was_in_force() {
    let mut world = asked().await;
    (world.watch.policy.retire, world.watch.policy.retire_after) = (Retire::Auto, Duration::days(3));
    world.watch.callers.push(caller("second"));
    world.change(|facts| {
        facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned());
        facts.unseen.insert("second".to_owned());
    });
    world.until(333).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-hold.pem", "setup");
    world.command(Verb::Cancel).await;
    world.change(|facts| facts.unseen.clear());
    world.until(340).await;
    world.command(Verb::Renew).await;
    world.serve(5).await;
    world.run(60).await;
    let (names, used) = world.change(|facts| (facts.names(), facts.destinations["first"].clone()));
    assert_eq!(used, "sfapi-4.pem", "setup {}", world.story());
    assert!(names.contains(&"sfapi-hold.pem".to_owned()), "{names:?}\n{}", world.story());
    world.run(60 * 24 * 4).await;
    let names = world.change(|facts| facts.names());
    assert!(!names.contains(&"sfapi-hold.pem".to_owned()), "{names:?}\n{}", world.story());
}

#[tokio::test]
async fn who_is_led_to_the_candidate_is_not_said_to_be_held() {
    let mut world = asked().await;
    world.watch.mode = Mode::Propose;
    world.until(333).await;
    world.approve("keep").await;
    world.serve(5).await;
    let switches: Vec<String> =
        world.record().pending.keys().filter(|id| id.starts_with("switch")).cloned().collect();
    for id in switches {
        world.command(Verb::Approve(id)).await;
    }
    world.run(60).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-3.pem", "{}", world.story());
    let text = world.text();
    let at_candidate = text.split("the caller first uses sfapi-3.pem").nth(1).unwrap();
    assert!(!at_candidate.contains("the callers use sfapi-hold.pem"), "{text}");
}
