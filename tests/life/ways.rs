//! The ways a renewal can go, by what the tenant matches and what the operator chose.

use certsteward::domain::event::EventKind;
use certsteward::domain::record::Ask;
use certsteward::domain::report::{Sign, Verb};
use certsteward::domain::watch::{Delivery, Matching, Mode, Rotation, SubjectChoice, Validity};

use crate::support::world::{World, caller};

fn with(matching: Matching, subject: SubjectChoice, rotation: Rotation) -> World {
    let mut world = World::late(matching);
    world.terms().subject = subject;
    world.terms().rotation = rotation;
    world
}

#[tokio::test]
async fn a_tenant_that_matches_the_name_needs_nobody() {
    let mut world = World::late(Matching::Dn);
    world.until(304).await;
    insta::assert_snapshot!(world.story(), @"");
    assert!(world.cut_off.is_empty() && world.view().hand_offs.is_empty());
}

#[tokio::test]
async fn a_tenant_that_wants_the_certificate_gets_a_counted_one_beside_the_old() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    assert_eq!(world.question().ask, Ask::Add);
    world.serve(30).await;
    world.until(325).await;
    let act = world.pending();
    assert_eq!(world.question().ask, Ask::Remove);
    world.serve(5).await;
    world.command(Verb::Approve(act)).await;
    insta::assert_snapshot!(world.story(), @"");
    assert!(world.cut_off.is_empty(), "{:?}", world.cut_off);
    assert_eq!(world.change(|facts| facts.names()), ["sfapi-3.pem"]);
    assert_eq!(world.change(|facts| facts.mappings.len()), 1);
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn the_same_subject_on_an_exact_tenant_has_a_gap_that_is_announced_and_ends_at_once() {
    let mut world = with(Matching::Exact, SubjectChoice::Same, Rotation::SideBySide);
    world.until_event(EventKind::HandOffOpened, 10).await;
    let question = world.question();
    assert_eq!(question.ask, Ask::Replace);
    assert!(world.cut_off.is_empty());
    world.command(Verb::Sign(question.target.clone(), Sign::Deleting)).await;
    world.change(|facts| facts.unmap(&question.chain));
    world.run(3).await;
    world.change(|facts| facts.map(&question.chain));
    world.run(60).await;
    insta::assert_snapshot!(world.story(), @"");
    assert!((1..=5).contains(&world.cut_off.len()), "{:?}", world.cut_off);
    assert!(world.change(|facts| facts.is_served("first")));
}

#[tokio::test]
async fn in_place_on_a_tenant_that_matches_the_name_needs_nobody() {
    let mut world = with(Matching::Dn, SubjectChoice::Same, Rotation::InPlace);
    world.watch.targets[0].matching = Matching::Dn;
    world.until(306).await;
    insta::assert_snapshot!(world.story(), @"");
    assert!(world.cut_off.is_empty());
    assert_eq!(world.change(|facts| facts.names()), ["sfapi.pem"]);
}

#[tokio::test]
async fn in_place_on_an_exact_tenant_announces_the_gap_before_it_issues() {
    let mut world = with(Matching::Exact, SubjectChoice::Auto, Rotation::InPlace);
    world.watch.targets[0].matching = Matching::Exact;
    world.until_event(EventKind::HandOffOpened, 10).await;
    assert_eq!(world.question().ask, Ask::Replace);
    world.serve(4).await;
    world.run(60).await;
    insta::assert_snapshot!(world.story(), @"");
}

#[tokio::test]
async fn a_counted_subject_on_a_tenant_that_matches_the_name_is_added_beside() {
    let mut world = with(Matching::Dn, SubjectChoice::Counted, Rotation::SideBySide);
    world.until_event(EventKind::HandOffOpened, 10).await;
    assert_eq!(world.question().ask, Ask::Add);
    world.serve(45).await;
    world.run(40).await;
    assert!(world.cut_off.is_empty());
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-2.pem");
    assert_eq!(world.record().in_force.as_ref().unwrap().chain.leaf.common_name(), "SFAPI-2");
    assert!(world.record().learned.is_empty(), "a counted subject teaches nothing");
}

#[tokio::test]
async fn a_target_that_certsteward_can_tell_needs_nobody() {
    let mut world = World::late(Matching::Exact);
    world.watch.targets[0].delivery = Delivery::Direct;
    world.until(306).await;
    insta::assert_snapshot!(world.story(), @"");
    assert!(world.cut_off.is_empty());
}

#[tokio::test]
async fn two_callers_are_switched_one_by_one_after_everything_is_proven() {
    let mut world = World::late(Matching::Exact);
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
    world.watch.callers.push(caller("second"));
    world.until_event(EventKind::HandOffOpened, 10).await;
    assert!(!world.change(|facts| facts.tried.contains(&"switch".to_owned())));
    world.change(|facts| facts.fail_before.push("switch"));
    world.serve(30).await;
    world.run(60).await;
    insta::assert_snapshot!(world.story(), @"");
    assert!(world.cut_off.is_empty());
}

#[tokio::test]
async fn the_second_renewal_counts_on() {
    let mut world = World::late(Matching::Dn);
    world.until(304).await;
    world.change(|facts| facts.now += certsteward::domain::Duration::days(298));
    world.until(612).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-3.pem", "{}", world.text());
    assert_eq!((world.change(|facts| facts.issued), world.record().generation), (2, 2));
    assert!(world.cut_off.is_empty());
}

#[tokio::test]
async fn a_counted_tenant_stays_counted_in_the_second_renewal() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.serve(30).await;
    world.until(306).await;
    world.change(|facts| facts.now += certsteward::domain::Duration::days(296));
    world.until_event(EventKind::RenewalStarted, 20).await;
    world.run(30).await;
    assert_eq!(world.change(|facts| facts.issued), 3, "{}", world.text());
    assert_eq!(world.question().chain.leaf.common_name(), "SFAPI-4");
}

#[tokio::test]
async fn a_key_of_seven_days_neither_loops_nor_stays_critical() {
    let mut world = World::new(Matching::Dn);
    world.terms().validity = Validity::Days(7);
    world.change(|facts| {
        facts.issue("sfapi.pem", "SFAPI", 7);
        facts.mappings = vec![facts.chain("sfapi.pem")];
    });
    let mut worst = Vec::new();
    for day in 1..=21 {
        world.until(day).await;
        worst.push(world.view().level);
    }
    let level = worst.iter().max().unwrap().code();
    assert!(["ok", "notice"].contains(&level), "{level}\n{}", world.text());
    assert!((4..=5).contains(&world.change(|facts| facts.issued)), "{}", world.text());
    assert!(world.cut_off.is_empty());
}

#[tokio::test]
async fn what_is_left_to_the_source_is_watched_and_alarms_when_the_store_is_late() {
    let mut world = with(Matching::Dn, SubjectChoice::Same, Rotation::LeftToSource);
    world.watch.source.auto_renew = certsteward::domain::watch::AutoRenew::Yes;
    world.until(335).await;
    assert_eq!(world.findings(), ["notice expires"], "before its own threshold nothing is wrong");
    world.until(337).await;
    assert!(world.findings().contains(&"warning overdue".to_owned()), "{:?}", world.findings());
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.after(15).await;
    assert_eq!(world.findings(), ["notice renewed-elsewhere"]);
    assert!(world.change(|facts| facts.tried.is_empty()));
}

#[tokio::test]
async fn a_shorter_lifetime_that_was_ordered_is_no_misfit() {
    let mut world = World::late(Matching::Dn);
    world.terms().validity = Validity::Days(90);
    world.until(306).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-2.pem", "{}", world.text());
}

#[tokio::test]
async fn a_candidate_that_would_be_due_at_once_is_not_used() {
    let mut world = World::late(Matching::Dn);
    world.terms().validity = Validity::Days(30);
    world.until(306).await;
    insta::assert_snapshot!(world.story(), @"");
    assert_eq!(world.findings()[0], "warning candidate-unfit");
    assert_eq!(world.change(|facts| (facts.issued, facts.names())), (1, vec!["sfapi.pem".to_owned()]));
}

#[tokio::test]
async fn each_step_says_what_comes_when_why_and_how_to_stop_it() {
    let mut world = World::late(Matching::Exact);
    world.watch.mode = Mode::Propose;
    world.pass(Vec::new()).await;
    insta::assert_snapshot!(world.plan(), @"");
    world.begin().await;
    insta::assert_snapshot!(world.plan(), @"");
    world.command(Verb::Approve(world.pending())).await;
    world.command(Verb::Approve(world.pending())).await;
    insta::assert_snapshot!(world.plan(), @"");
    world.serve(30).await;
    insta::assert_snapshot!(world.plan(), @"");
    world.command(Verb::Approve(world.pending())).await;
    insta::assert_snapshot!(world.plan(), @"");
}
