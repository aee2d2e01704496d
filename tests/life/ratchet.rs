//! A target where a certificate that is used shuts out the older ones: the first call is an act, and the switch follows at once.

use certsteward::domain::event::EventKind;
use certsteward::domain::report::{Sign, Verb};
use certsteward::domain::watch::{Delivery, Matching, Mode};
use certsteward::domain::window::Window;

use crate::support::world::World;

fn ratchet(delivery: Delivery) -> World {
    let mut world = World::late(Matching::Exact);
    world.watch.targets[0].ratchet = true;
    world.watch.targets[0].matching = Matching::Exact;
    world.watch.targets[0].delivery = delivery;
    world.change(|facts| facts.ratchet = true);
    world
}

#[tokio::test]
async fn the_candidate_is_not_called_before_the_target_was_told() {
    let mut world = ratchet(Delivery::Direct);
    world.until(304).await;
    let text = world.story();
    insta::assert_snapshot!(text.lines().skip(3).collect::<Vec<_>>().join("\n"), @r"
    day 303 22:30 renewal-started: renewal 1 began, because it is due
    day 303 22:30 act-succeeded: done: issue a new certificate as sfapi-2.pem (common name SFAPI-2)
    day 303 22:30 issued: the candidate stands as sfapi-2.pem: SFAPI-2 (#2), valid until 2027-10-31
    day 303 22:30 gap-announced: calls fail from the first call with the new certificate until the callers are switched and their caches have run out: the target shuts the older certificate out then
    day 303 22:30 published: the target security-center was given the certificate
    day 303 22:30 probed: probe odata with the candidate: accepted
    day 303 22:30 act-succeeded: done: probe odata with the candidate, which shuts the older certificate out
    day 303 22:30 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 probed: probe odata with the certificate in force: not-mapped
    day 303 22:30 switched: the caller first uses sfapi-2.pem
    day 303 22:30 settled: the candidate is in force; callers are watched for 20 min
    day 303 22:50 renewal-ended: renewal 1 ended: #2 is in force
    day 303 22:50 measured: no gap: the new certificate is accepted since 2026-10-31 22:30 UTC, switched 2026-10-31 22:30 UTC; the old one is refused since 2026-10-31 22:30 UTC
    ");
    assert_eq!(world.change(|facts| facts.tried.clone()), ["issue", "publish", "switch"]);
    assert!(world.cut_off.is_empty(), "the call and the switch are one pass\n{text}");
}

#[tokio::test]
async fn a_person_says_it_is_saved_before_the_first_call() {
    let mut world = ratchet(Delivery::HandOff);
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.run(60 * 24).await;
    assert!(world.change(|facts| facts.is_served("first")), "nothing was called meanwhile");
    let question = world.question();
    world.change(|facts| facts.map(&question.chain));
    world.command(Verb::Sign(question.target, Sign::Saved, None)).await;
    world.run(60).await;
    let text = world.story();
    assert!(world.record().renewal.is_none() && world.cut_off.is_empty(), "{text}");
}

#[tokio::test]
async fn the_first_call_waits_for_the_window_and_for_approval() {
    let mut world = ratchet(Delivery::Direct);
    world.watch.mode = Mode::Propose;
    world.begin().await;
    for act in ["issue", "publish", "switch"] {
        world.approve(act).await;
    }
    assert!(
        world.pending("try").starts_with("try-"),
        "the switch that ends the gap is approved before it may begin"
    );
    insta::assert_snapshot!(world.plan(), @r"
    probe odata with the candidate, which shuts the older certificate out -- held by approval: it waits for approval; certsteward approve sf try-#1
    prove the candidate by a call -- no caller is switched before every target is proven to know the candidate
    switch each caller -- once the candidate is accepted; each caller is read back, everything else in it stays
    watch the callers -- for the settle time; they are switched back if the API blames the new certificate
    day 304 00:00 look again -- the next moment at which something is due; the bell of [daemon] check rings besides
    day 335 00:00 it becomes a warning, if nothing new is in force by then -- 30 days before the deadline 2027-01-01 00:00 UTC (warning)
    day 343 23:40 the last safe moment to have a new one in force -- 21 days before the deadline 2027-01-01 00:00 UTC (person_time and settle)
    day 358 00:00 it becomes critical, if nothing new is in force by then -- 7 days before the deadline 2027-01-01 00:00 UTC (critical)
    day 365 00:00 the certificate expires -- that is the end of what is in force; a renewal is to come before
    to stop it -- certsteward cancel sf ends it without effect; certsteward pause sf holds every act
    ");
    world.watch.mode = Mode::Act;
    world.terms().window = Some(Window::parse("Sat 03:00-04:00").unwrap());
    world.record.as_mut().unwrap().renewal.as_mut().unwrap().terms.window = world.terms().window.clone();
    world.run(30).await;
    let plan = world.plan();
    assert!(plan.contains("held by window"), "{plan}");
}
