//! What takes longer than anybody thought: candidates that grow old, approvals that come late, comparisons that wait.

use certsteward::domain::event::EventKind;
use certsteward::domain::record::Role;
use certsteward::domain::verdict::Verdict;
use certsteward::domain::watch::{Delivery, Matching, Mode, Rotation, SubjectChoice, Validity};

use crate::support::world::{World, caller};

#[tokio::test]
async fn a_refused_certificate_beside_an_accepted_candidate_is_not_probed_without_end() {
    let mut world = World::late(Matching::Dn);
    world.watch.mode = Mode::Propose;
    world.begin().await;
    world.approve("issue").await;
    let old = world.change(|facts| facts.chain("sfapi.pem").fingerprint());
    world.change(|facts| facts.verdict_for.insert(old, Verdict::CertificateRefused));
    let before = world.change(|facts| facts.probes);
    world.run(24 * 60).await;
    let probes = world.change(|facts| facts.probes) - before;
    assert!(probes < 60, "{probes} probes in a day\n{}", world.text());
}

#[tokio::test]
async fn a_candidate_that_expires_unused_makes_room_for_the_next() {
    let mut world = World::late(Matching::Exact);
    world.terms().validity = Validity::Days(75);
    world.until_event(EventKind::HandOffOpened, 10).await;
    for day in (310..=390).step_by(10) {
        world.until(day).await;
    }
    assert_eq!(world.record().generation, 2, "{}", world.text());
    let now = world.change(|facts| facts.now);
    assert!(world.question().chain.leaf.not_after > now, "{}", world.text());
    world.serve(10).await;
    world.run(60).await;
    assert!(world.change(|facts| facts.is_served("first")));
    assert!(world.record().renewal.is_none(), "{}", world.text());
}

#[tokio::test]
async fn what_was_issued_in_place_and_expires_unknown_makes_room_for_the_next() {
    let mut world = World::late(Matching::Exact);
    world.terms().validity = Validity::Days(75);
    world.terms().rotation = Rotation::InPlace;
    world.until_event(EventKind::HandOffOpened, 10).await;
    for day in (310..=390).step_by(10) {
        world.until(day).await;
    }
    assert_eq!(world.record().generation, 2, "{}", world.text());
    world.serve(10).await;
    world.run(60).await;
    assert!(world.change(|facts| facts.is_served("first")) && world.record().renewal.is_none());
}

/// Two callers, of which one was let use the candidate; then somebody renewed the certificate in force.
async fn half_switched() -> World {
    let mut world = World::late(Matching::Dn);
    world.watch.mode = Mode::Propose;
    world.watch.callers.push(caller("second"));
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
    world.terms().validity = Validity::Days(75);
    world.begin().await;
    world.approve("issue").await;
    world.approve("switch").await;
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.run(60).await;
    world
}

#[tokio::test]
async fn an_entry_that_somebody_renewed_unseen_is_not_probed_every_minute() {
    let mut world = half_switched().await;
    let before = world.change(|facts| facts.probes);
    world.run(24 * 60).await;
    let probes = world.change(|facts| facts.probes) - before;
    assert!(probes < 60, "{probes} probes in a day\n{}", world.text());
}

#[tokio::test]
async fn a_candidate_in_use_that_comes_near_its_end_is_told_though_another_is_in_force() {
    let mut world = half_switched().await;
    world.until(376).await;
    assert!(world.findings().contains(&"critical expires".to_owned()), "{:?}", world.findings());
}

#[tokio::test]
async fn what_some_callers_use_counts_as_in_force_once_it_is_due_and_the_next_renewal_leads_them_all() {
    let mut world = half_switched().await;
    world.until(355).await;
    let uses = |world: &World| world.change(|facts| facts.destinations.values().cloned().collect::<Vec<_>>());
    assert_eq!(uses(&world), ["sfapi-2.pem", "sfapi.pem"], "{}", world.text());
    assert!(world.text().contains("ended before every caller was switched"), "{}", world.text());
    world.watch.mode = Mode::Act;
    world.run(60).await;
    assert_eq!(uses(&world), ["sfapi-3.pem", "sfapi-3.pem"], "{}", world.text());
}

#[tokio::test]
async fn what_was_issued_and_is_not_shown_yet_waits_for_no_second_approval() {
    let mut world = World::late(Matching::Dn);
    world.watch.mode = Mode::Propose;
    world.begin().await;
    world.change(|facts| facts.not_yet_shown.insert("sfapi-2.pem".to_owned()));
    world.approve("issue").await;
    assert!(world.record().pending.is_empty(), "{}", world.text());
    world.run(30).await;
    assert!(world.record().pending.is_empty(), "{}", world.text());
    world.change(|facts| facts.not_yet_shown.clear());
    world.run(60).await;
    assert!(world.record().standing(Role::Candidate).is_some(), "{}", world.text());
}

#[tokio::test]
async fn a_target_told_by_certsteward_that_must_let_go_of_the_old_mapping_is_announced_before() {
    let mut world = World::late(Matching::Exact);
    world.watch.targets[0].delivery = Delivery::Direct;
    world.terms().subject = SubjectChoice::Same;
    world.until_event(EventKind::Published, 10).await;
    let at = |kind: &str| world.text().find(kind).unwrap_or_else(|| panic!("no {kind}\n{}", world.text()));
    assert!(at("gap-announced") < at(" published: "), "{}", world.text());
}
