//! What a target was given and what it says: lost, taken away, answered about another certificate.

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::record::Role;
use certsteward::domain::report::Verb;
use certsteward::domain::verdict::Verdict;
use certsteward::domain::watch::{Delivery, Matching, Mode, SubjectChoice};

use crate::support::world::World;

fn direct(world: &mut World) {
    world.watch.targets[0].matching = Matching::Exact;
    world.watch.targets[0].delivery = Delivery::Direct;
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
async fn nobody_is_switched_while_a_target_says_that_it_does_not_know() {
    let mut world = World::late(Matching::Exact);
    world.watch.mode = Mode::Propose;
    world.terms().subject = SubjectChoice::Counted;
    (world.watch.probes, world.watch.targets[0].proven_by) = (Vec::new(), None);
    world.watch.targets[0].delivery = Delivery::Direct;
    world.begin().await;
    world.approve("issue").await;
    world.approve("publish").await;
    let old = world.change(|facts| facts.chain("sfapi.pem"));
    world.change(|facts| facts.mappings = vec![old]);
    world.after(60).await;
    let known =
        world.record().standing(Role::Candidate).unwrap().targets.get("security-center").unwrap().held;
    assert_eq!(known, Some(false));
    if world.record().pending.keys().any(|id| id.starts_with("switch")) {
        world.approve("switch").await;
    }
    assert!(served(&world), "{}", world.story());
}

#[tokio::test]
async fn what_a_target_said_of_the_old_certificate_is_not_said_of_the_new() {
    let mut world = World::late(Matching::Exact);
    (world.watch.probes, world.watch.targets[0].proven_by) = (Vec::new(), None);
    world.watch.targets[0].delivery = Delivery::Direct;
    world.pass(Vec::new()).await;
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.after(15).await;
    assert_eq!(world.change(|facts| facts.tried.clone()), ["publish"], "{:?}", world.findings());
}

#[tokio::test]
async fn what_was_published_and_lost_is_published_again() {
    let mut world = World::late(Matching::Exact);
    world.watch.mode = Mode::Propose;
    world.terms().subject = SubjectChoice::Counted;
    direct(&mut world);
    world.begin().await;
    world.approve("issue").await;
    says(&world, "sfapi-2.pem", Some(Verdict::NotMapped));
    world.approve("publish").await;
    world.watch.mode = Mode::Act;
    world.run(60 * 24 * 3).await;
    world.command(Verb::Retry).await;
    let tried = world.change(|facts| facts.tried.clone());
    assert!(tried.iter().filter(|act| *act == "publish").count() > 1, "{tried:?} {}", world.plan());
}

#[tokio::test]
async fn two_probes_of_one_tenant_share_its_refused_logons() {
    let mut world = World::late(Matching::Exact);
    world.watch.targets[0].max_rejections = Some(5);
    let mut probe = world.watch.probes[0].clone();
    probe.id = "soap".to_owned();
    world.watch.probes.push(probe);
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.run(60 * 12).await;
    let refused = world.change(|facts| facts.refused);
    assert!(refused < 5, "{refused} refused logons");
}

#[tokio::test]
async fn one_404_does_not_cost_a_person_an_upload() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    let asked = world.question().chain;
    world.change(|facts| facts.not_yet_shown.insert("sfapi-3.pem".to_owned()));
    world.after(5).await;
    world.change(|facts| facts.not_yet_shown.clear());
    world.run(10).await;
    assert_eq!(world.question().chain, asked, "{}", world.story());
}

#[tokio::test]
async fn an_act_cut_short_whose_effect_cannot_be_seen_is_said_to_be_unknown() {
    let mut world = World::late(Matching::Dn);
    world.change(|facts| (facts.die_after = Some("switch"), facts.tick = Duration::milliseconds(1)));
    world.until_event(EventKind::Learned, 10).await;
    world.change(|facts| (facts.unseen.insert("first".to_owned()), facts.now += Duration::minutes(1)));
    world.run(60).await;
    assert!(world.findings().contains(&"warning effect-unknown".to_owned()), "{:?}", world.findings());
}
