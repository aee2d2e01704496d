//! Certificates that somebody else renewed, before, during and after a renewal of our own.

use certsteward::domain::event::EventKind;
use certsteward::domain::watch::Matching;

use crate::support::world::{World, caller};

#[tokio::test]
async fn a_renewal_by_someone_else_that_is_accepted_is_a_notice() {
    let mut world = World::new(Matching::Dn);
    world.until(2).await;
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.after(15).await;
    assert_eq!(world.findings(), ["notice renewed-elsewhere"]);
    assert!(world.view().hand_offs.is_empty());
}

#[tokio::test]
async fn a_renewal_by_someone_else_that_is_rejected_is_critical_in_that_pass() {
    let mut world = World::new(Matching::Exact);
    world.until(2).await;
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.after(15).await;
    assert_eq!(world.findings()[0], "critical rejected");
    assert_eq!(world.question().ask.word(), "replace");
    world.serve(10).await;
    assert_eq!(world.findings(), ["notice renewed-elsewhere"]);
    insta::assert_snapshot!(world.story(), @r#"
    day   0 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day   0 00:00 probed: probe odata with the certificate in force: accepted
    day   0 00:00 proven: a call proved that the target security-center knows the certificate
    day   2 00:15 renewed-elsewhere: the certificate was renewed by someone else: SFAPI (#2), valid until 2027-01-03
    day   2 00:15 probed: probe odata with the certificate in force: not-mapped
    day   2 00:15 hand-off-opened: a person is asked to delete the old certificate and add the new one in security-center
    day   2 00:25 hand-off-sign: security-center: "I have saved it", says pat
    day   2 00:25 probed: probe odata with the certificate in force: accepted
    day   2 00:25 proven: a call proved that the target security-center knows the certificate
    day   2 00:25 hand-off-closed: what was asked of security-center is done
    "#);
}

#[tokio::test]
async fn our_own_renewal_goes_on_when_someone_else_renews_meanwhile() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.until(335).await;
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.after(15).await;
    world.serve(10).await;
    world.run(60).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-3.pem", "{}", world.text());
    assert!(world.record().renewal.is_none());
}

#[tokio::test]
async fn a_renewal_that_has_issued_nothing_is_not_needed_after_someone_elses() {
    let mut world = World::late(Matching::Dn);
    world.watch.mode = certsteward::domain::watch::Mode::Propose;
    world.begin().await;
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.after(15).await;
    assert!(world.record().renewal.is_none() && world.record().pending.is_empty(), "{}", world.text());
    assert_eq!(world.findings(), ["notice renewed-elsewhere"]);
}

#[tokio::test]
async fn a_certificate_from_someone_else_while_settling_ends_our_renewal() {
    let mut world = World::late(Matching::Dn);
    world.until_event(EventKind::Settled, 10).await;
    world.change(|facts| {
        facts.issue("other.pem", "SFAPI", 365);
        facts.destinations.insert("first".to_owned(), "other.pem".to_owned());
    });
    world.run(60).await;
    assert!(world.record().renewal.is_none(), "{}", world.text());
    let left: Vec<_> = world.record().leftovers.iter().filter_map(|leftover| leftover.name.clone()).collect();
    assert_eq!(left, ["sfapi.pem", "sfapi-2.pem"], "callers used both\n{}", world.text());
}

#[tokio::test]
async fn a_caller_put_back_by_a_redeployment_is_told_and_stops_retiring() {
    for retire in [certsteward::domain::policy::Retire::Auto, certsteward::domain::policy::Retire::Never] {
        let mut world = World::late(Matching::Dn);
        world.watch.policy.retire = retire;
        world.until(306).await;
        world.change(|facts| facts.destinations.insert("first".to_owned(), "sfapi.pem".to_owned()));
        world.until(330).await;
        assert!(world.findings().contains(&"warning switched-back".to_owned()), "{:?}", world.findings());
        assert!(world.change(|facts| facts.names()).contains(&"sfapi.pem".to_owned()));
        assert_eq!(world.change(|facts| facts.issued), 1, "{}", world.text());
    }
}

fn with_a_second_caller() -> World {
    let mut world = World::late(Matching::Dn);
    world.watch.callers.push(caller("second"));
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
    world
}

async fn second_uses(world: &mut World, name: &str) -> Vec<String> {
    world.change(|facts| facts.destinations.insert("second".to_owned(), name.to_owned()));
    world.after(15).await;
    world.findings()
}

#[tokio::test]
async fn a_second_caller_that_is_put_back_or_led_elsewhere_is_noticed() {
    let mut world = with_a_second_caller();
    world.until(306).await;
    assert_eq!(world.findings(), Vec::<String>::new(), "{}", world.text());
    assert_eq!(second_uses(&mut world, "sfapi.pem").await, ["warning switched-back"]);
    world.change(|facts| facts.issue("other.pem", "OTHER", 365));
    assert_eq!(second_uses(&mut world, "other.pem").await, ["warning caller-elsewhere"]);
    assert_eq!(second_uses(&mut world, "sfapi-2.pem").await, Vec::<String>::new());
}

#[tokio::test]
async fn the_end_of_what_a_caller_was_led_to_is_critical_before_it_comes() {
    let mut world = with_a_second_caller();
    world.until(306).await;
    world.change(|facts| facts.issue("other.pem", "OTHER", 30));
    assert_eq!(second_uses(&mut world, "other.pem").await, ["warning caller-elsewhere"]);
    let end = world.record().callers.get("second").unwrap().stray.as_ref().unwrap().leaf.not_after;
    let text = world.view().findings[0].text.clone();
    assert!(text.contains(&format!("it expires on {}", end.format("%Y-%m-%d"))), "{text}");
    world.until(335).await;
    assert_eq!(world.findings()[0], "critical caller-elsewhere", "{:?}\n{}", world.findings(), world.text());
    let findings = second_uses(&mut world, "sfapi-2.pem").await;
    assert!(!findings.contains(&"critical caller-elsewhere".to_owned()), "{findings:?}");
    assert!(world.record().callers.get("second").unwrap().stray.is_none());
}

#[tokio::test]
async fn a_caller_that_cannot_be_seen_for_an_hour_is_told() {
    let mut world = with_a_second_caller();
    world.after(1).await;
    let told = |world: &World| world.findings().contains(&"warning unseen".to_owned());
    world.change(|facts| facts.unseen.insert("second".to_owned()));
    world.after(30).await;
    assert!(!told(&world), "{:?}", world.findings());
    world.after(31).await;
    assert!(told(&world), "{:?}", world.findings());
    world.change(|facts| facts.unseen.clear());
    world.after(60).await;
    assert!(!told(&world), "{:?}", world.findings());
}

#[tokio::test]
async fn an_entry_of_ours_that_somebody_led_the_source_away_from_is_not_forgotten() {
    let mut world = World::late(Matching::Dn);
    world.until(306).await;
    world.change(|facts| {
        facts.issue("other.pem", "SFAPI", 365);
        facts.destinations.insert("first".to_owned(), "other.pem".to_owned());
    });
    world.after(15).await;
    assert_eq!(world.findings(), ["notice renewed-elsewhere"], "{}", world.text());
    let left: Vec<_> = world.record().leftovers.iter().filter_map(|left| left.name.clone()).collect();
    assert_eq!(left, ["sfapi.pem", "sfapi-2.pem"], "{}", world.text());
}
