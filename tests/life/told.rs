//! What people are told: everything once, what grows worse again, what is over once, and nothing while silent.

use std::collections::BTreeMap;

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::message::Message;
use certsteward::domain::report::Verb;
use certsteward::domain::watch::Matching;

use crate::support::world::World;

fn line(message: &Message) -> String {
    format!("{}{} {}", if message.resolved { "over: " } else { "" }, message.level, message.code)
}

async fn told(world: &World) -> Vec<String> {
    world.messages().await.iter().map(line).collect()
}

#[tokio::test]
async fn nothing_is_told_twice_in_a_whole_life() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.until(320).await;
    world.serve(30).await;
    world.until(345).await;
    let mut count: BTreeMap<String, u32> = BTreeMap::new();
    for message in world.messages().await {
        *count.entry(format!("{} {} {}", line(&message), message.key, message.text)).or_default() += 1;
    }
    let twice: Vec<_> = count.into_iter().filter(|(_, times)| *times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    insta::assert_snapshot!(told(&world).await.join("\n"), @r"
    notice expires
    ok renewal-started
    ok learned
    warning hand-off
    ok settled
    over: notice expires
    ok renewal-ended
    notice hand-off
    notice approval-pending
    ");
}

#[tokio::test]
async fn what_grows_worse_is_told_again_and_its_end_once() {
    let mut world = World::new(Matching::Dn);
    world.watch.renewal = None;
    world.until(1).await;
    world.change(|facts| facts.now += Duration::days(298));
    world.until(362).await;
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.run(60).await;
    let told: Vec<String> = told(&world).await.into_iter().filter(|line| line.contains("expires")).collect();
    assert_eq!(told, ["notice expires", "warning expires", "critical expires", "over: critical expires"]);
}

#[tokio::test]
async fn while_silent_nothing_is_sent_and_open_questions_follow() {
    let mut world = World::late(Matching::Exact);
    let until = world.change(|facts| facts.now) + Duration::days(12);
    world.command(Verb::Silence(until)).await;
    world.until(311).await;
    assert_eq!(told(&world).await, Vec::<String>::new());
    world.until(313).await;
    let told = told(&world).await;
    assert_eq!(told.iter().filter(|line| line.contains("hand-off")).count(), 1, "{told:?}");
}
