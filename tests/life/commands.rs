//! What people can ask for, and what is refused with a reason.

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::report::Verb;
use certsteward::domain::watch::{Matching, Mode, Rotation};

use crate::support::world::World;

fn last(world: &World) -> String {
    world.timeline.last().and_then(|line| line.split_once(": ")).map(|(_, text)| text.to_owned()).unwrap()
}

#[tokio::test]
async fn cancel_before_the_switch_ends_the_renewal_until_a_person_asks() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.command(Verb::Cancel).await;
    world.until(320).await;
    assert!(world.record().renewal.is_none());
    assert!(world.findings().contains(&"warning overdue".to_owned()), "{:?}", world.findings());
    world.command(Verb::Renew).await;
    assert!(world.record().renewal.is_some());
}

#[tokio::test]
async fn cancel_after_the_switch_switches_back_first() {
    let mut world = World::late(Matching::Dn);
    world.until_event(EventKind::Settled, 10).await;
    world.command(Verb::Cancel).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi.pem");
    assert!(world.cut_off.is_empty());
}

#[tokio::test]
async fn cancel_and_roll_back_are_refused_where_the_old_content_is_overwritten() {
    let mut world = World::late(Matching::Exact);
    world.terms().rotation = Rotation::InPlace;
    world.until_event(EventKind::HandOffOpened, 10).await;
    let now = world.record().in_force.as_ref().unwrap().fingerprint();
    for verb in [Verb::Cancel, Verb::RollBack] {
        world.command(verb).await;
        assert!(last(&world).contains("refused"), "{}", last(&world));
        assert_eq!(world.record().in_force.as_ref().unwrap().fingerprint(), now);
    }
    world.serve(1).await;
    assert!(world.change(|facts| facts.is_served("first")));
}

#[tokio::test]
async fn roll_back_on_a_persons_word_and_nothing_to_roll_back() {
    let mut world = World::late(Matching::Dn);
    world.until_event(EventKind::Settled, 10).await;
    world.command(Verb::RollBack).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi.pem");
    world.command(Verb::RollBack).await;
    assert!(last(&world).contains("nothing was switched"), "{}", last(&world));
}

#[tokio::test]
async fn reject_ends_the_renewal_and_a_stale_id_does_nothing() {
    let mut world = World::late(Matching::Dn);
    world.watch.mode = Mode::Propose;
    world.begin().await;
    world.command(Verb::Reject("issue-000000000000".to_owned())).await;
    assert!(world.record().renewal.is_some());
    world.command(Verb::Reject(world.pending("issue"))).await;
    assert!(world.record().renewal.is_none() && world.record().pending.is_empty());
}

#[tokio::test]
async fn renew_is_refused_where_nothing_may_renew() {
    let mut world = World::late(Matching::Dn);
    world.watch.mode = Mode::Observe;
    world.command(Verb::Renew).await;
    assert!(world.text().contains("renew: refused"));
    let mut world = World::late(Matching::Dn);
    world.terms().rotation = Rotation::LeftToSource;
    world.command(Verb::Renew).await;
    assert!(world.text().contains("renew: refused"), "{}", world.text());
}

#[tokio::test]
async fn check_probes_now() {
    let mut world = World::late(Matching::Dn);
    world.pass(Vec::new()).await;
    let before = world.change(|facts| facts.probes);
    world.command(Verb::Check).await;
    world.change(|facts| facts.now += Duration::minutes(1));
    world.command(Verb::Check).await;
    assert_eq!(world.change(|facts| facts.probes), before + 1, "twice in one moment is once");
    assert!(world.record().check_asked.is_none());
}

#[tokio::test]
async fn a_pause_and_a_silence_end_once_and_the_plan_tells_of_a_pause_where_no_act_waits() {
    let mut world = World::new(Matching::Dn);
    world.pass(Vec::new()).await;
    let now = world.change(|facts| facts.now);
    for (verb, expected) in [
        (Verb::Resume, "resume: acts of this watch were not paused"),
        (Verb::Silence(now), "end the silence: there was none"),
        (Verb::Pause, "pause acts of this watch"),
        (Verb::Silence(now + Duration::days(1)), "send nothing until 2026-01-02 00:00 UTC"),
    ] {
        world.command(verb).await;
        assert_eq!(last(&world), expected);
    }
    let paused = "no act, while acts of this watch are paused -- paused by ";
    assert!(world.plan().contains(paused), "{}", world.plan());
    for (verb, expected) in [
        (Verb::Resume, "resume acts of this watch"),
        (Verb::Silence(now), "end the silence, messages are sent again"),
        (Verb::Silence(now), "end the silence: there was none"),
    ] {
        world.command(verb).await;
        assert_eq!(last(&world), expected);
    }
    assert!(!world.plan().contains(paused), "{}", world.plan());
}

#[tokio::test]
async fn of_what_has_expired_the_plan_says_who_has_to_act() {
    let mut world = World::new(Matching::Dn);
    world.watch.renewal = None;
    world.until(366).await;
    let line = "wait for a new certificate -- it expired at 2027-01-01 00:00 UTC, and no [watch.renewal] is configured";
    assert!(world.plan().contains(line), "{}", world.plan());
}
