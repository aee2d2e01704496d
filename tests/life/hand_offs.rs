//! Questions to people: when they are asked, how closely is looked, and keys that no probe can use.

use std::collections::BTreeMap;

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::record::{Ask, HandOffFacts, Leftover};
use certsteward::domain::report::{Sign, Verb};
use certsteward::domain::watch::Matching;

use crate::support::world::World;

/// Minutes after the hand-off opened at which the candidate was probed, as far as `end`.
async fn probes(world: &mut World, end: i64) -> Vec<i64> {
    let mut at = Vec::new();
    let mut before = world.change(|facts| facts.refused);
    for minute in 1..=end {
        world.after(1).await;
        let refused = world.change(|facts| facts.refused);
        if refused > before {
            at.push(minute);
        }
        before = refused;
    }
    at
}

#[tokio::test]
async fn an_open_question_is_probed_after_1_2_5_10_15_minutes_then_hourly() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    assert_eq!(probes(&mut world, 160).await, [1, 3, 8, 18, 33, 93, 153]);
}

#[tokio::test]
async fn a_sign_brings_a_probe_each_minute_for_half_an_hour() {
    for sign in [Sign::Saved, Sign::Deleting, Sign::CheckNow] {
        let mut world = World::late(Matching::Exact);
        world.until_event(EventKind::HandOffOpened, 10).await;
        probes(&mut world, 100).await;
        world.command(Verb::Sign("security-center".to_owned(), sign, None)).await;
        let at = probes(&mut world, 60).await;
        assert_eq!(at, (1..=30).collect::<Vec<_>>(), "{sign:?}");
    }
}

#[tokio::test]
async fn refused_logons_stay_below_what_locks_the_login() {
    let mut world = World::late(Matching::Exact);
    world.watch.targets[0].max_rejections = Some(5);
    world.pass(Vec::new()).await;
    world.until_event(EventKind::HandOffOpened, 10).await;
    let before = world.change(|facts| facts.refused);
    world.run(60 * 12).await;
    for _ in 0..5 {
        world.command(Verb::Sign("security-center".to_owned(), Sign::Saved, None)).await;
        world.run(5).await;
    }
    let made = world.change(|facts| facts.refused) - before;
    assert!(made <= 3, "{made}\n{}", world.text());
}

#[tokio::test]
async fn a_person_who_says_nothing_is_noticed() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    let question = world.question();
    world.change(|facts| facts.map(&question.chain));
    world.run(2).await;
    assert!(world.view().hand_offs.is_empty() && world.text().contains("switched"), "{}", world.text());
}

#[tokio::test]
async fn a_word_is_no_proof_where_a_call_can_tell() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.command(Verb::Confirm("security-center".to_owned(), None)).await;
    world.run(10).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi.pem", "{}", world.text());
    assert!(world.cut_off.is_empty());
}

fn payroll() -> World {
    let mut world = World::late(Matching::Exact);
    world.watch.source.key_readable = false;
    world.watch.probes.clear();
    world.watch.renewal = None;
    world.watch.callers.clear();
    world.watch.targets[0].proven_by = None;
    world.change(|facts| facts.readable_key = false);
    world
}

#[tokio::test]
async fn a_key_that_cannot_leave_its_system_is_asked_for_and_confirmed_by_name() {
    let mut world = payroll();
    world.pass(Vec::new()).await;
    assert_eq!(world.question().ask.word(), "add", "at first sight");
    assert!(world.question().test.is_some());
    world.command(Verb::Confirm("security-center".to_owned(), None)).await;
    world.until(320).await;
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.run(30).await;
    assert_eq!(world.question().ask.word(), "replace", "at each new certificate");
    assert_eq!(world.findings(), ["warning hand-off-open", "notice renewed-elsewhere"]);
    world.command(Verb::Confirm("security-center".to_owned(), None)).await;
    let publication = world.record().in_force.as_ref().unwrap().targets.get("security-center").unwrap();
    assert_eq!(publication.confirmed.as_ref().map(|(_, by)| by.as_str()), Some("pat"));
    assert!(publication.proven.is_none() && !world.text().contains(" proven:"));
    insta::assert_snapshot!(world.story(), @r"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 hand-off-opened: a person is asked to add the certificate in security-center
    day 300 00:00 confirmed: the target security-center knows the certificate #1, confirmed by pat
    day 300 00:00 hand-off-closed: what was asked of security-center is done
    day 320 00:30 renewed-elsewhere: the certificate was renewed by someone else: SFAPI (#2), valid until 2027-11-17
    day 320 00:30 hand-off-opened: a person is asked to delete the old certificate and add the new one in security-center
    day 320 00:30 confirmed: the target security-center knows the certificate #2, confirmed by pat
    day 320 00:30 hand-off-closed: what was asked of security-center is done
    ");
}

#[tokio::test]
async fn every_open_question_is_in_the_view() {
    let mut world = World::late(Matching::Exact);
    world.until(301).await;
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.after(15).await;
    assert_eq!(world.question().chain.leaf.common_name(), "SFAPI");
    world.command(Verb::Renew).await;
    world.run(30).await;
    let asked: Vec<String> =
        world.view().hand_offs.iter().map(|question| question.chain.leaf.common_name()).collect();
    assert_eq!(asked, ["SFAPI"], "one question at a time\n{}", world.text());
    assert_eq!(world.question().chain, world.change(|facts| facts.chain("sfapi-2.pem")));
    world.serve(5).await;
    assert!(world.change(|facts| facts.is_served("first")) && world.view().hand_offs.is_empty());
}

#[tokio::test]
async fn a_removal_is_confirmed_on_its_own_page_and_never_the_candidate() {
    let mut world = payroll();
    world.pass(Vec::new()).await;
    world.command(Verb::Confirm("security-center".to_owned(), None)).await;
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI-2", 365));
    world.after(15).await;
    let adding = world.question();
    // Last year's certificate is still to be removed.
    let record = world.record.as_mut().unwrap();
    let publication = record.in_force.as_ref().unwrap().targets.get("security-center").unwrap();
    let facts = HandOffFacts {
        ask: Ask::Remove,
        token: "remove".to_owned(),
        signs: Vec::new(),
        ..publication.hand_off.clone().unwrap()
    };
    let leftover = Leftover {
        chain: *record.previous.clone().unwrap(),
        name: None,
        since: facts.opened,
        never_in_force: false,
        entry_removed: None,
        hand_offs: BTreeMap::from([("security-center".to_owned(), facts)]),
        asked: true,
        asked_by: None,
        was_used: false,
        kept: false,
    };
    let removing = leftover.chain.fingerprint();
    record.leftovers.push(leftover);
    let target = || "security-center".to_owned();
    world.command(Verb::Confirm(target(), Some(removing))).await;
    assert_eq!(world.question().token, adding.token, "{}", world.text());
    assert!(world.record().leftovers.is_empty(), "{}", world.text());
    world.command(Verb::Confirm(target(), Some(removing))).await;
    assert_eq!(world.question().token, adding.token, "what is closed takes no word for another");
    world.command(Verb::Confirm(target(), Some(adding.chain.fingerprint()))).await;
    assert!(world.view().hand_offs.is_empty(), "{}", world.text());
}

#[tokio::test]
async fn a_link_that_is_pressed_without_end_costs_few_logons_and_no_room() {
    for sign in [Sign::Saved, Sign::CheckNow] {
        let mut world = World::late(Matching::Exact);
        world.until_event(EventKind::HandOffOpened, 10).await;
        world.after(1).await;
        let before = world.change(|facts| facts.refused);
        for _ in 0..180 {
            world.command(Verb::Sign("security-center".to_owned(), sign, None)).await;
            world.change(|facts| facts.now += Duration::seconds(1));
        }
        let made = world.change(|facts| facts.refused) - before;
        // The first few words are answered at once, because a gap may be open; then once a minute.
        assert!(made <= 6, "{made} {sign:?}");
        let renewal = world.record().renewal.as_ref().unwrap();
        let publication = renewal.candidate.as_ref().unwrap().targets.get("security-center").unwrap();
        assert!(publication.hand_off.as_ref().unwrap().signs.len() <= 20);
        assert_eq!(world.text().contains("ignored, because a probe"), sign == Sign::CheckNow);
    }
}
