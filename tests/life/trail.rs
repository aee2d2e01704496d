//! What an auditor reads in the history of a watch: who caused each act, what was asked and what was answered.

use certsteward::domain::event::{Event, EventKind};
use certsteward::domain::policy::Retire;
use certsteward::domain::report::Verb;
use certsteward::domain::watch::{Matching, Mode};
use certsteward::journal::{EventQuery, Journal as _};

use crate::support::world::World;

async fn events(world: &World) -> Vec<Event> {
    let query = EventQuery { limit: 10_000, ..EventQuery::default() };
    let events = world.journal.events(query).await.unwrap();
    events.into_iter().rev().map(|(_, event)| event).collect()
}

/// The acts as they stand in the history, one line for each beginning and end.
async fn trail(world: &World) -> String {
    let told = |event: &Event| {
        let facts = event.facts.iter().map(|(name, value)| format!(" {name}={value}")).collect::<String>();
        format!("{}{facts}", event.kind)
    };
    let events = events(world).await;
    let acts = events
        .iter()
        .filter(|event| event.facts.iter().any(|(name, _)| ["cause", "request"].contains(&name.as_str())));
    acts.map(told).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn an_act_that_is_due_says_so_and_its_end_says_what_was_answered() {
    let mut world = World::late(Matching::Dn);
    world.watch.policy.retire = Retire::Auto;
    world.change(|facts| facts.fail_before.push("switch"));
    world.until(320).await;
    insta::assert_snapshot!(trail(&world).await, @"
    act-started cause=renewal 1: due
    act-succeeded request=issue answer=200
    act-started cause=renewal 1: due
    act-failed reason=unavailable attempt=1 request=switch answer=503
    act-started cause=renewal 1: due
    switched request=switch answer=200
    act-started cause=nothing uses it any more
    retired request=remove answer=200
    ");
}

#[tokio::test]
async fn an_act_that_people_wanted_names_them() {
    let mut world = World::late(Matching::Dn);
    world.watch.mode = Mode::Propose;
    world.command(Verb::Renew).await;
    world.approve("issue").await;
    world.watch.mode = Mode::Act;
    world.until(306).await;
    world.command(Verb::Retire).await;
    insta::assert_snapshot!(trail(&world).await, @"
    act-started cause=approved by pat
    act-succeeded request=issue answer=200
    act-started cause=renewal 1: asked by pat
    switched request=switch answer=200
    act-started cause=its removal was asked by pat
    retired request=remove answer=200
    ");
}

#[tokio::test]
async fn a_roll_back_says_why() {
    let mut world = World::late(Matching::Dn);
    world.until_event(EventKind::Switched, 10).await;
    world.command(Verb::RollBack).await;
    let trail = trail(&world).await;
    assert!(trail.contains("act-started cause=roll back of renewal 1: asked by "), "{trail}");
}
