//! What must not happen to a caller although somebody asked for it, or although something was only half done.

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::record::Ask;
use certsteward::domain::report::{Sign, Verb};
use certsteward::domain::verdict::Verdict;
use certsteward::domain::watch::{AutoRenew, Matching, Mode, SubjectChoice, SwitchBy};

use crate::support::world::{World, caller};

#[tokio::test]
async fn a_way_back_that_would_cut_the_callers_off_is_refused() {
    let mut world = World::late(Matching::Exact);
    world.terms().subject = SubjectChoice::Same;
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.serve(1).await;
    assert!(
        world.record().standing(certsteward::domain::record::Role::Replaced).is_some(),
        "{}",
        world.story()
    );
    world.command(Verb::RollBack).await;
    let text = world.story();
    assert!(text.contains("the way back is refused") && text.contains("not-mapped"), "{text}");
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-2.pem", "{text}");
    assert!(world.change(|facts| facts.is_served("first")));
}

#[tokio::test]
async fn a_hold_half_done_leaves_no_caller_behind() {
    let mut world = World::new(Matching::Exact);
    world.change(|facts| facts.now += Duration::days(270));
    world.watch.source.auto_renew = AutoRenew::Unknown;
    world.watch.callers.push(caller("second"));
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.change(|facts| facts.unseen.insert("second".to_owned()));
    world.until(333).await;
    assert_eq!(
        world.change(|facts| facts.destinations["first"].clone()),
        "sfapi-hold.pem",
        "{}",
        world.story()
    );
    world.change(|facts| facts.unseen.clear());
    world.change(|facts| facts.fail_before = vec!["switch"]);
    world.serve(1).await;
    world.run(60 * 24).await;
    let used = world.change(|facts| facts.destinations.values().cloned().collect::<Vec<_>>());
    assert_eq!(used, ["sfapi-3.pem", "sfapi-3.pem"], "{}", world.story());
    assert!(world.cut_off.is_empty() && world.record().renewal.is_none());
}

#[tokio::test]
async fn a_candidate_that_somebody_removed_is_issued_anew() {
    let mut world = World::late(Matching::Dn);
    world.watch.mode = Mode::Propose;
    world.begin().await;
    world.approve("issue").await;
    world.change(|facts| {
        facts.forget("sfapi-2.pem");
        facts.now += Duration::minutes(1);
    });
    world.watch.mode = Mode::Act;
    world.run(60 * 24).await;
    let text = world.story();
    assert!(text.contains("somebody removed or replaced the entry of its candidate"), "{text}");
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-3.pem", "{text}");
    assert!(world.cut_off.is_empty());
}

#[tokio::test]
async fn what_tidies_candidates_away_is_not_fed_for_ever() {
    let mut world = World::late(Matching::Dn);
    world.watch.mode = Mode::Propose;
    for name in ["sfapi-2.pem", "sfapi-3.pem"] {
        world.begin().await;
        world.approve("issue").await;
        world.change(|facts| facts.forget(name));
        world.run(30).await;
    }
    world.run(60 * 24 * 20).await;
    let text = world.story();
    assert_eq!(world.change(|facts| facts.issued), 2, "{text}");
    assert!(world.findings().contains(&"warning candidate-unfit".to_owned()), "{:?}", world.findings());
    assert!(text.contains("as of the one before; find out who or what removes it"), "{text}");
    world.watch.mode = Mode::Act;
    world.command(Verb::Renew).await;
    world.run(60 * 24).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-4.pem", "{}", world.story());
}

#[tokio::test]
async fn nothing_waits_for_an_approval_inside_a_gap() {
    for switch in [SwitchBy::Caller, SwitchBy::Entry] {
        let mut world = World::late(Matching::Exact);
        world.watch.mode = Mode::Propose;
        world.terms().subject = SubjectChoice::Same;
        world.terms().switch = switch;
        world.begin().await;
        for _ in 0..5 {
            if world.view().hand_offs.is_empty() && !world.record().pending.is_empty() {
                let id = world.record().pending.keys().next().unwrap().clone();
                world.command(Verb::Approve(id)).await;
            }
        }
        let question = world.question();
        assert_eq!(question.ask, Ask::Replace);
        assert!(world.record().pending.is_empty(), "{:?}", world.record().pending);
        world.change(|facts| {
            facts.unmap(&question.chain);
            facts.map(&question.chain);
        });
        world.command(Verb::Sign(question.target, Sign::Saved, None)).await;
        world.run(2).await;
        let text = world.story();
        assert!(world.change(|facts| facts.is_served("first")), "{switch:?}\n{text}");
    }
}

#[tokio::test]
async fn with_four_eyes_one_person_does_not_retire_early() {
    let mut world = World::late(Matching::Dn);
    world.watch.policy.four_eyes = true;
    world.until(304).await;
    let id = world.record().leftovers[0].retirement().unwrap();
    world.command(Verb::Approve(id.clone())).await;
    world.command(Verb::Retire).await;
    world.run(60).await;
    assert!(world.change(|facts| facts.names()).contains(&"sfapi.pem".to_owned()), "{}", world.story());
    world.person = "kim";
    world.command(Verb::Approve(id)).await;
    assert!(!world.change(|facts| facts.names()).contains(&"sfapi.pem".to_owned()), "{}", world.story());
}

#[tokio::test]
async fn callers_of_a_candidate_that_is_gone_are_led_on_where_there_is_no_way_back() {
    let mut world = World::late(Matching::Dn);
    world.watch.callers.push(caller("second"));
    world.change(|facts| {
        facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned());
        facts.unseen.insert("first".to_owned());
    });
    world.until_event(EventKind::Switched, 10).await;
    let old = world.change(|facts| facts.chain("sfapi.pem").fingerprint());
    world.change(|facts| {
        facts.verdict_for.insert(old, Verdict::NotMapped);
        facts.forget("sfapi-2.pem");
    });
    world.run(60).await;
    world.change(|facts| facts.unseen.clear());
    world.run(60 * 24).await;
    let used = world.change(|facts| facts.destinations.values().cloned().collect::<Vec<_>>());
    assert_eq!(used, ["sfapi-3.pem", "sfapi-3.pem"], "{}", world.story());
}
