//! The gap that an act of ours opens: it is opened only once its end stands ready, and nothing but a fault lengthens it.

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::record::Ask;
use certsteward::domain::report::{Sign, Verb};
use certsteward::domain::verdict::Verdict;
use certsteward::domain::watch::{Delivery, Matching, Mode, SubjectChoice};

use crate::support::world::{World, caller};

fn two(world: &mut World) {
    world.watch.callers.push(caller("second"));
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
}

fn direct(world: &mut World) {
    world.watch.targets[0].matching = Matching::Exact;
    world.watch.targets[0].delivery = Delivery::Direct;
}

/// A second target that a person serves and no call can prove.
fn payroll(world: &mut World) {
    let mut second = world.watch.targets[0].clone();
    (second.id, second.ratchet, second.refuses_same_subject) = ("payroll".to_owned(), false, false);
    (second.delivery, second.proven_by) = (Delivery::HandOff, Some("none".to_owned()));
    world.watch.targets.push(second);
}

fn ratchet() -> World {
    let mut world = World::late(Matching::Exact);
    direct(&mut world);
    world.watch.targets[0].ratchet = true;
    world.change(|facts| facts.ratchet = true);
    world
}

fn served(world: &World) -> bool {
    world.change(|facts| {
        facts.destinations.keys().cloned().collect::<Vec<_>>().iter().all(|id| facts.is_served(id))
    })
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

#[tokio::test]
async fn no_first_call_while_another_target_waits_for_a_person() {
    let mut world = ratchet();
    payroll(&mut world);
    world.until(313).await;
    assert!(served(&world), "{}", world.story());
}

#[tokio::test]
async fn no_mapping_is_overwritten_while_another_target_waits_for_a_person() {
    let mut world = World::late(Matching::Exact);
    world.terms().subject = SubjectChoice::Same;
    direct(&mut world);
    payroll(&mut world);
    world.until(313).await;
    assert!(served(&world), "{}", world.story());
}

#[tokio::test]
async fn no_first_call_while_a_caller_cannot_be_seen() {
    let mut world = ratchet();
    two(&mut world);
    world.change(|facts| facts.unseen.insert("second".to_owned()));
    world.until(306).await;
    assert!(served(&world), "{}", world.story());
}

#[tokio::test]
async fn a_first_call_that_did_not_arrive_leaves_the_next_an_act() {
    let mut world = ratchet();
    world.watch.mode = Mode::Propose;
    world.begin().await;
    for act in ["issue", "publish", "switch"] {
        world.approve(act).await;
    }
    world.change(|facts| facts.api = Some(Verdict::DnsFailed));
    world.approve("try").await;
    world.paused = Some("kim");
    world.change(|facts| facts.api = None);
    world.run(60).await;
    assert!(served(&world), "{}", world.story());
}

#[tokio::test]
async fn a_word_once_given_is_kept() {
    let mut world = ratchet();
    world.watch.targets[0].delivery = Delivery::HandOff;
    world.terms().window = Some(certsteward::domain::window::Window::parse("Sat 03:00-04:00").unwrap());
    world.until_event(EventKind::HandOffOpened, 10).await;
    let question = world.question();
    world.change(|facts| facts.map(&question.chain));
    world.command(Verb::Sign(question.target.clone(), Sign::Saved, None)).await;
    for _ in 0..20 {
        world.change(|facts| facts.now += Duration::minutes(3));
        world.command(Verb::Sign(question.target.clone(), Sign::CheckNow, None)).await;
    }
    world.run(60 * 24 * 8).await;
    assert!(world.record().renewal.is_none(), "{:?}", world.findings());
}

#[tokio::test]
async fn nobody_is_asked_to_delete_a_mapping_while_acts_are_paused() {
    let mut world = World::late(Matching::Exact);
    world.terms().subject = SubjectChoice::Same;
    world.change(|facts| facts.api = Some(Verdict::Unavailable));
    world.until_event(EventKind::Issued, 10).await;
    world.command(Verb::Pause).await;
    world.change(|facts| facts.api = None);
    world.run(120).await;
    let asked = world.view().hand_offs.iter().any(|question| question.ask == Ask::Replace);
    if asked {
        world.serve(5).await;
        world.run(60 * 24 * 2).await;
    }
    assert!(!asked && served(&world), "{}\n{}", world.story(), world.plan());
}

#[tokio::test]
async fn nobody_is_asked_to_delete_a_mapping_while_the_candidate_is_not_there() {
    let mut world = World::late(Matching::Exact);
    world.terms().subject = SubjectChoice::Same;
    (world.watch.probes, world.watch.targets[0].proven_by) = (Vec::new(), None);
    world.watch.mode = Mode::Propose;
    world.begin().await;
    world.approve("issue").await;
    world.change(|facts| facts.forget("sfapi-2.pem"));
    world.after(1).await;
    world.approve("switch").await;
    let asked = world.view().hand_offs.iter().any(|question| question.ask == Ask::Replace);
    assert!(!asked, "{}\n{}", world.story(), world.plan());
}

#[tokio::test]
async fn what_was_given_and_lost_in_an_open_gap_is_given_again_outside_the_window() {
    let mut world = World::late(Matching::Exact);
    world.terms().subject = SubjectChoice::Same;
    world.watch.targets[0].matching = Matching::Exact;
    world.watch.targets[0].delivery = Delivery::Direct;
    world.terms().window = Some(certsteward::domain::window::Window::parse("Sat 03:00-04:00").unwrap());
    world.until_event(EventKind::Issued, 10).await;
    says(&world, "sfapi-2.pem", Some(Verdict::NotMapped));
    world.until_event(EventKind::Published, 10).await;
    // The target lost it.
    says(&world, "sfapi-2.pem", None);
    world.change(|facts| facts.mappings.clear());
    world.run(60 * 24).await;
    assert!(served(&world), "{}\n{}", world.story(), world.plan());
}

#[tokio::test]
async fn what_was_given_and_lost_in_an_open_gap_needs_no_second_approval() {
    let mut world = World::late(Matching::Exact);
    world.watch.mode = Mode::Propose;
    world.terms().subject = SubjectChoice::Same;
    world.watch.targets[0].matching = Matching::Exact;
    world.watch.targets[0].delivery = Delivery::Direct;
    world.begin().await;
    world.approve("issue").await;
    world.approve("switch").await;
    says(&world, "sfapi-2.pem", Some(Verdict::NotMapped));
    world.approve("publish").await;
    says(&world, "sfapi-2.pem", None);
    world.change(|facts| facts.mappings.clear());
    world.run(60 * 24).await;
    assert!(served(&world), "{}", world.story());
}
