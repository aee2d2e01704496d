//! Led back, or not: a roll back is carried out later than it is decided, and must still be right then.

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::report::Verb;
use certsteward::domain::verdict::Verdict;
use certsteward::domain::watch::{AutoRenew, Delivery, Matching, Mode, SubjectChoice};

use crate::support::world::{World, caller};

fn two(world: &mut World) {
    world.watch.callers.push(caller("second"));
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
}

fn served(world: &World) -> bool {
    world.change(|facts| {
        facts.destinations.keys().cloned().collect::<Vec<_>>().iter().all(|id| facts.is_served(id))
    })
}

async fn settled() -> World {
    let mut world = World::late(Matching::Dn);
    world.until_event(EventKind::Settled, 10).await;
    world
}

fn says(world: &World, name: &str, verdict: Option<Verdict>) {
    world.change(|facts| {
        let print = facts.chain(name).fingerprint();
        match verdict {
            Some(verdict) => drop(facts.verdict_for.insert(print, verdict)),
            None => drop(facts.verdict_for.remove(&print)),
        }
    });
}

fn uses(world: &World, id: &str) -> String {
    world.change(|facts| facts.destinations[id].clone())
}

fn rolling(world: &World) -> bool {
    world.record().renewal.as_ref().is_some_and(|renewal| renewal.rolling_back.is_some())
}

#[tokio::test]
async fn a_roll_back_that_was_held_asks_again_before_it_goes_on() {
    let mut world = settled().await;
    says(&world, "sfapi-2.pem", Some(Verdict::NotMapped));
    world.paused = Some("kim");
    world.run(25).await;
    says(&world, "sfapi-2.pem", None);
    says(&world, "sfapi.pem", Some(Verdict::NotMapped));
    world.run(60 * 24).await;
    world.paused = None;
    world.after(1).await;
    assert!(served(&world), "{}", world.story());
}

#[tokio::test]
async fn a_roll_back_that_failed_once_asks_again_too() {
    let mut world = settled().await;
    world.change(|facts| facts.fail_before.push("switch"));
    world.command(Verb::RollBack).await;
    says(&world, "sfapi.pem", Some(Verdict::NotMapped));
    world.change(|facts| facts.now += Duration::minutes(2));
    world.run(10).await;
    assert!(served(&world), "{}", world.story());
}

#[tokio::test]
async fn nobody_goes_back_to_an_entry_that_is_gone() {
    let mut world = World::late(Matching::Dn);
    (world.watch.probes, world.watch.targets) = (Vec::new(), Vec::new());
    world.until_event(EventKind::Settled, 10).await;
    world.change(|facts| facts.forget("sfapi.pem"));
    world.command(Verb::RollBack).await;
    assert!(served(&world), "{}", world.story());
}

#[tokio::test]
async fn what_was_in_force_is_not_removed_at_once() {
    let mut world = settled().await;
    says(&world, "sfapi-2.pem", Some(Verdict::NotMapped));
    world.run(60).await;
    let names = world.change(|facts| facts.names());
    assert!(names.contains(&"sfapi-2.pem".to_owned()), "{names:?}\n{}", world.story());
}

#[tokio::test]
async fn nobody_is_set_to_a_held_entry_that_is_gone() {
    let mut world = World::new(Matching::Exact);
    world.change(|facts| facts.now += Duration::days(270));
    world.watch.source.auto_renew = AutoRenew::Unknown;
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.watch.mode = Mode::Propose;
    world.until(333).await;
    world.approve("keep").await;
    world.change(|facts| facts.forget("sfapi-hold.pem"));
    world.run(60 * 5).await;
    let waits = world.record().pending.keys().any(|id| id.starts_with("switch"));
    assert!(!waits && served(&world), "{}", world.story());
}

#[tokio::test]
async fn a_roll_back_that_cannot_end_does_not_go_on_for_ever() {
    let mut world = World::late(Matching::Dn);
    two(&mut world);
    world.until_event(EventKind::Settled, 10).await;
    world.change(|facts| facts.destinations.remove("second"));
    world.command(Verb::RollBack).await;
    world.run(60).await;
    assert!(world.record().renewal.is_none(), "{}", world.story());
    assert!(
        world.text().contains("the caller second is gone, so it is not switched back"),
        "{}",
        world.text()
    );
    world.watch.callers.pop();
    world.command(Verb::Renew).await;
    world.run(60).await;
    assert_eq!(world.record().generation, 2, "{}", world.story());
}

#[tokio::test]
async fn backoff_grows_past_the_deadline_too() {
    let mut world = World::late(Matching::Dn);
    world.watch.source.auto_renew = AutoRenew::Unknown;
    two(&mut world);
    world.watch.callers.push(caller("third"));
    world.change(|facts| facts.destinations.insert("third".to_owned(), "sfapi.pem".to_owned()));
    world.change(|facts| (facts.now += Duration::days(38), facts.unseen.insert("third".to_owned())));
    world.run(60).await;
    world.change(|facts| facts.destinations.remove("second"));
    world.command(Verb::Cancel).await;
    let before = world.change(|facts| facts.tried.len());
    world.run(60 * 24).await;
    let tried = world.change(|facts| facts.tried.len()) - before;
    assert!(tried < 50, "{tried} attempts in a day");
}

#[tokio::test]
async fn a_caller_that_cannot_be_switched_does_not_take_the_others_along() {
    let mut world = World::late(Matching::Dn);
    two(&mut world);
    world.pass(Vec::new()).await;
    world.change(|facts| facts.unseen.insert("second".to_owned()));
    for day in (305..667).step_by(10) {
        world.until(day).await;
    }
    assert!(
        world.record().generation > 1,
        "the candidate that callers use is about to expire: {:?}",
        world.findings()
    );
}

#[tokio::test]
async fn nobody_goes_back_to_an_entry_that_is_gone_though_calls_blame_the_new_one() {
    let mut world = World::late(Matching::Dn);
    world.until_event(EventKind::Settled, 10).await;
    says(&world, "sfapi-2.pem", Some(Verdict::NotMapped));
    world.paused = Some("kim");
    world.run(25).await;
    assert!(rolling(&world), "setup");
    world.change(|facts| facts.forget("sfapi.pem"));
    world.paused = None;
    world.change(|facts| facts.now += Duration::seconds(5));
    world.pass(Vec::new()).await;
    assert_eq!(uses(&world, "first"), "sfapi-2.pem", "{}", world.story());
}

#[tokio::test]
async fn that_a_roll_back_is_given_up_is_said_once() {
    let mut world = World::late(Matching::Dn);
    world.until_event(EventKind::Settled, 10).await;
    says(&world, "sfapi-2.pem", Some(Verdict::NotMapped));
    world.paused = Some("kim");
    world.run(25).await;
    world.change(|facts| facts.forget("sfapi.pem"));
    for _ in 0..6 {
        world.change(|facts| facts.now += Duration::seconds(5));
        world.pass(Vec::new()).await;
    }
    let said = world.timeline.iter().filter(|line| line.contains("is given up")).count();
    assert!(said <= 1, "{said} times\n{}", world.story());
}

#[tokio::test]
async fn a_caller_that_was_only_feared_to_be_switched_is_led_forward_when_the_roll_back_is_given_up() {
    let mut world = World::late(Matching::Dn);
    world.watch.callers.push(caller("second"));
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
    world.change(|facts| facts.lose = Some("second"));
    world.until_event(EventKind::ActFailed, 10).await;
    // The lost write had no effect.
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
    says(&world, "sfapi-2.pem", Some(Verdict::NotMapped));
    world.paused = Some("kim");
    world.run(60 * 24).await;
    assert!(rolling(&world), "setup {}", world.story());
    says(&world, "sfapi.pem", Some(Verdict::NotMapped));
    says(&world, "sfapi-2.pem", None);
    world.paused = None;
    world.after(1).await;
    assert!(!rolling(&world), "setup2 {}", world.story());
    world.change(|facts| facts.unseen.clear());
    world.run(60 * 24 * 5).await;
    assert_eq!(uses(&world, "second"), "sfapi-2.pem", "{}\n{:?}", world.story(), world.findings());
}

#[tokio::test]
async fn nobody_is_asked_to_make_room_for_what_callers_are_led_back_from() {
    let mut world = World::late(Matching::Dn);
    world.until_event(EventKind::Settled, 10).await;
    says(&world, "sfapi-2.pem", Some(Verdict::NotMapped));
    world.change(|facts| facts.fail_before.extend(["switch"; 8]));
    world.run(25).await;
    let question = world.view().hand_offs.first().cloned();
    let text = question.map(|q| format!("{:?} {} {:?}", q.ask, q.headline, q.steps));
    assert!(
        rolling(&world) && text.is_none(),
        "rolling {} asked {text:?}\n{}",
        rolling(&world),
        world.story()
    );
}

#[tokio::test]
async fn nobody_goes_back_to_an_entry_that_holds_another_certificate() {
    let mut world = World::late(Matching::Dn);
    world.until_event(EventKind::Settled, 10).await;
    says(&world, "sfapi-2.pem", Some(Verdict::NotMapped));
    world.paused = Some("kim");
    world.run(25).await;
    world.change(|facts| facts.issue("sfapi.pem", "OTHER", 30));
    world.paused = None;
    world.change(|facts| facts.now += Duration::seconds(5));
    world.pass(Vec::new()).await;
    assert_eq!(uses(&world, "first"), "sfapi-2.pem", "{}", world.story());
}

#[tokio::test]
async fn who_was_led_back_is_led_forward_again_on_the_approval_that_was_given() {
    let mut world = World::late(Matching::Dn);
    two(&mut world);
    world.watch.mode = Mode::Propose;
    world.begin().await;
    world.run(10).await;
    world.approve("issue").await;
    world.run(60).await;
    world.approve("switch").await;
    world.approve("switch").await;
    world.run(10).await;
    assert_eq!([uses(&world, "first"), uses(&world, "second")], ["sfapi-2.pem", "sfapi-2.pem"], "setup");
    says(&world, "sfapi-2.pem", Some(Verdict::NotMapped));
    world.change(|facts| facts.fail_before.push("switch"));
    world.until_event(EventKind::RolledBack, 1).await;
    assert!(rolling(&world) && uses(&world, "second") == "sfapi.pem", "setup {}", world.story());
    says(&world, "sfapi-2.pem", None);
    says(&world, "sfapi.pem", Some(Verdict::NotMapped));
    world.run(60).await;
    assert!(!rolling(&world), "setup {}", world.story());
    assert!(served(&world), "nobody is asked once more\n{}", world.story());
}

#[tokio::test]
async fn one_look_that_finds_nothing_does_not_end_what_a_person_asked_for() {
    let mut world = settled().await;
    world.paused = Some("kim");
    world.command(Verb::RollBack).await;
    world.run(1).await;
    world.change(|facts| facts.not_yet_shown.insert("sfapi.pem".to_owned()));
    world.paused = None;
    world.change(|facts| facts.now += Duration::seconds(5));
    world.pass(Vec::new()).await;
    assert!(rolling(&world) && uses(&world, "first") == "sfapi-2.pem", "it is held\n{}", world.story());
    let held: Vec<&str> = world.view().plan().held.iter().map(|held| held.gate).collect();
    assert_eq!(held, ["sight"], "{}", world.story());
    world.change(|facts| facts.not_yet_shown.clear());
    world.run(5).await;
    assert_eq!(uses(&world, "first"), "sfapi.pem", "{}", world.story());
}

#[tokio::test]
async fn nobody_is_led_back_to_what_only_a_stranger_knows_where_no_call_can_tell() {
    let mut world = World::late(Matching::Exact);
    (world.watch.probes, world.watch.targets[0].proven_by) = (Vec::new(), None);
    world.terms().subject = SubjectChoice::Counted;
    world.until_event(EventKind::Issued, 10).await;
    // Somebody renews what is in force by hand and tells nobody.
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.run(10).await;
    world.serve(5).await;
    let target = world.question().target;
    world.command(Verb::Confirm(target, None)).await;
    world.run(10).await;
    assert_eq!(uses(&world, "first"), "sfapi-2.pem", "setup {}", world.story());
    world.command(Verb::RollBack).await;
    world.run(60).await;
    assert!(served(&world), "{}", world.story());
    assert!(world.text().contains("nothing has shown that"), "{}", world.text());
}

#[tokio::test]
async fn nobody_is_led_back_to_what_made_room_for_the_new_one_where_no_call_can_tell() {
    let mut world = World::late(Matching::Exact);
    (world.watch.probes, world.watch.targets[0].proven_by) = (Vec::new(), None);
    world.watch.targets[0].delivery = Delivery::Direct;
    world.watch.targets[0].matching = Matching::Exact;
    world.terms().subject = SubjectChoice::Same;
    world.until_event(EventKind::Settled, 10).await;
    world.command(Verb::RollBack).await;
    world.run(10).await;
    assert!(served(&world), "{}", world.story());
    assert!(world.text().contains("nothing has shown that"), "{}", world.text());
}
