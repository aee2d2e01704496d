//! Lost answers and deaths of the process at every act: one certificate, one switch, a good end.

use certsteward::domain::event::EventKind;
use certsteward::domain::watch::{Delivery, Matching, Rotation};

use crate::support::world::World;

async fn ends_well(world: &mut World, issued: u32, name: &str) {
    world.until(310).await;
    let text = world.text();
    assert_eq!(world.change(|facts| facts.issued), issued, "{text}");
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), name, "{text}");
    assert!(world.cut_off.is_empty() && world.record().renewal.is_none(), "{text}");
    assert_eq!(world.findings(), Vec::<String>::new(), "{text}");
}

#[tokio::test]
async fn an_issue_whose_answer_is_lost_is_looked_at_and_adopted() {
    let mut world = World::late(Matching::Dn);
    world.change(|facts| facts.fail_after.push("issue"));
    world.until(304).await;
    insta::assert_snapshot!(world.story(), @r"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 probed: probe odata with the certificate in force: accepted
    day 300 00:00 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 renewal-started: renewal 1 began, because it is due
    day 303 22:30 act-failed: could not issue a new certificate as sfapi-2.pem (common name SFAPI): no answer within 30 s
    day 303 22:30 issued: the candidate stands as sfapi-2.pem: SFAPI (#2), valid until 2027-10-31
    day 303 22:30 probed: probe odata with the candidate: accepted
    day 303 22:30 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 learned: api.example.org/ACME recognises certificates by issuer and subject
    day 303 22:30 switched: the caller first uses sfapi-2.pem
    day 303 22:30 settled: the candidate is in force; callers are watched for 20 min
    day 303 22:50 renewal-ended: renewal 1 ended: #2 is in force
    day 303 22:50 measured: no gap was seen: the new certificate is accepted since 2026-10-31 22:30 UTC, switched 2026-10-31 22:30 UTC; the old one was accepted at 2026-10-31 22:30 UTC still
    ");
    ends_well(&mut world, 1, "sfapi-2.pem").await;
}

#[tokio::test]
async fn an_issue_that_fails_before_its_effect_is_tried_again() {
    let mut world = World::late(Matching::Dn);
    world.change(|facts| facts.fail_before.push("issue"));
    ends_well(&mut world, 1, "sfapi-2.pem").await;
}

#[tokio::test]
async fn a_switch_whose_answer_is_lost_is_looked_at() {
    let mut world = World::late(Matching::Dn);
    world.change(|facts| facts.fail_after.push("switch"));
    ends_well(&mut world, 1, "sfapi-2.pem").await;
    assert_eq!(world.change(|facts| facts.tried.clone()), ["issue", "switch"]);
}

#[tokio::test]
async fn a_death_before_or_after_any_act_neither_repeats_nor_loses_it() {
    for act in ["issue", "switch"] {
        for after in [false, true] {
            let mut world = World::late(Matching::Dn);
            world.change(|facts| {
                *(if after { &mut facts.die_after } else { &mut facts.die_before }) = Some(act)
            });
            ends_well(&mut world, 1, "sfapi-2.pem").await;
            assert!(world.text().contains("started again"), "{act} {after}");
        }
    }
}

#[tokio::test]
async fn a_death_in_place_does_not_issue_twice() {
    for after in [false, true] {
        let mut world = World::late(Matching::Dn);
        world.terms().rotation = Rotation::InPlace;
        world.watch.targets[0].matching = Matching::Dn;
        world.change(|facts| {
            *(if after { &mut facts.die_after } else { &mut facts.die_before }) = Some("issue")
        });
        ends_well(&mut world, 1, "sfapi.pem").await;
    }
}

#[tokio::test]
async fn a_death_while_publishing_ends_well() {
    for after in [false, true] {
        let mut world = World::late(Matching::Exact);
        world.watch.targets[0].delivery = Delivery::Direct;
        world.change(|facts| {
            *(if after { &mut facts.die_after } else { &mut facts.die_before }) = Some("publish")
        });
        ends_well(&mut world, 2, "sfapi-3.pem").await;
    }
}

#[tokio::test]
async fn a_death_while_rolling_back_still_rolls_back() {
    for after in [false, true] {
        let mut world = World::late(Matching::Dn);
        world.until_event(EventKind::Settled, 10).await;
        let new = world.change(|facts| facts.chain("sfapi-2.pem")).fingerprint();
        world.change(|facts| {
            facts.verdict_for.insert(new, certsteward::domain::verdict::Verdict::NotMapped);
            *(if after { &mut facts.die_after } else { &mut facts.die_before }) = Some("switch");
        });
        world.run(60).await;
        let text = world.text();
        assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi.pem", "{text}");
        assert!(
            world.findings().contains(&"critical rolled-back".to_owned()),
            "{:?}\n{text}",
            world.findings()
        );
    }
}

#[tokio::test]
async fn a_store_that_is_lost_finds_the_counter_in_the_name_in_force() {
    let mut world = World::late(Matching::Dn);
    world.until(304).await;
    world.record = None;
    world.change(|facts| facts.now += certsteward::domain::Duration::days(298));
    world.until(612).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-3.pem", "{}", world.text());
}

#[tokio::test]
async fn a_name_that_is_taken_is_passed_over() {
    let mut world = World::late(Matching::Dn);
    world.change(|facts| facts.issue("sfapi-2.pem", "SOMEONE", 365));
    ends_well(&mut world, 1, "sfapi-3.pem").await;
}

#[tokio::test]
async fn a_logon_that_nobody_counted_before_a_death_is_counted_after_it() {
    let mut world = World::late(Matching::Exact);
    world.watch.targets[0].max_rejections = Some(5);
    world.until_event(EventKind::HandOffOpened, 10).await;
    let refused = |world: &World| world.record().refused.values().map(|(count, _)| *count).sum::<u32>();
    let (before, counted) = (refused(&world), world.change(|facts| facts.refused));
    assert!(before > 0 && before <= counted, "setup: {before} of {counted}");
    world.restart().await;
    world.pass(Vec::new()).await;
    assert!(refused(&world) > before, "{before}");
}
