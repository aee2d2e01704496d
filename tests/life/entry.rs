//! `switch = "entry"`: the proven content goes under the original name, what stood there is kept, and every name is cleaned up.

use certsteward::domain::event::EventKind;
use certsteward::domain::report::Verb;
use certsteward::domain::verdict::Verdict;
use certsteward::domain::watch::{Matching, Mode, SwitchBy};

use crate::support::world::World;

fn by_entry(matching: Matching) -> World {
    let mut world = World::late(matching);
    world.terms().switch = SwitchBy::Entry;
    world
}

async fn ends_well(world: &mut World) {
    world.until(330).await;
    let text = world.story();
    assert!(world.cut_off.is_empty() && world.record().renewal.is_none(), "{text}");
    let caller = world.change(|facts| facts.destinations["first"].clone());
    assert_eq!(caller, "sfapi.pem", "nobody was switched\n{text}");
    let new = world.record().in_force.as_ref().unwrap();
    assert!(new.ours && new.name.as_deref() == Some("sfapi.pem"), "{text}");
    assert_eq!(world.change(|facts| facts.chain("sfapi.pem")).fingerprint(), new.fingerprint(), "{text}");
}

#[tokio::test]
async fn the_original_name_gets_the_proven_content_and_the_old_one_is_kept() {
    let mut world = by_entry(Matching::Dn);
    world.until(304).await;
    insta::assert_snapshot!(world.story(), @"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 probed: probe odata with the certificate in force: accepted
    day 300 00:00 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 renewal-started: renewal 1 began, because it is due
    day 303 22:30 act-succeeded: done: issue a new certificate as sfapi-2.pem (common name SFAPI)
    day 303 22:30 issued: the candidate stands as sfapi-2.pem: SFAPI (#2), valid until 2027-10-31
    day 303 22:30 probed: probe odata with the candidate: accepted
    day 303 22:30 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 learned: api.example.org/ACME recognises certificates by issuer and subject
    day 303 22:30 act-succeeded: done: keep the certificate in force (#1) as sfapi-old.pem
    day 303 22:30 kept: the certificate in force (#1) is kept as sfapi-old.pem
    day 303 22:30 act-succeeded: done: put the candidate (#2) under the name sfapi.pem
    day 303 22:30 switched: the entry sfapi.pem holds the candidate
    day 303 22:30 settled: the candidate is in force; callers are watched for 20 min
    day 303 22:50 renewal-ended: renewal 1 ended: #2 is in force
    day 303 22:50 measured: no gap was seen: the new certificate is accepted since 2026-10-31 22:30 UTC, switched 2026-10-31 22:30 UTC; the old one was accepted at 2026-10-31 22:30 UTC still
    day 303 22:55 retired: the entry sfapi-2.pem (#2) was removed
    ");
    assert_eq!(world.change(|facts| facts.names()), ["sfapi-old.pem", "sfapi.pem"]);
    world.until(319).await;
    world.approve("retire").await;
    ends_well(&mut world).await;
    assert_eq!(world.change(|facts| facts.names()), ["sfapi.pem"]);
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn the_plan_says_what_is_put_where_and_how_to_stop_it() {
    let mut world = by_entry(Matching::Dn);
    world.watch.mode = Mode::Propose;
    world.begin().await;
    for act in ["issue", "keep"] {
        world.approve(act).await;
    }
    insta::assert_snapshot!(world.plan(), @r"
    put the candidate (#1) under the name sfapi.pem -- held by approval: it waits for approval; certsteward approve sf switch-#2
    watch the callers -- for the settle time; they are switched back if the API blames the new certificate
    day 304 04:30 look again -- the next moment at which something is due; the bell of [daemon] check rings besides
    day 335 00:00 it becomes a warning, if nothing new is in force by then -- 30 days before the deadline 2027-01-01 00:00 UTC (warning)
    day 343 23:40 the last safe moment to have a new one in force -- 21 days before the deadline 2027-01-01 00:00 UTC (person_time and settle)
    day 358 00:00 it becomes critical, if nothing new is in force by then -- 7 days before the deadline 2027-01-01 00:00 UTC (critical)
    day 365 00:00 the certificate expires -- that is the end of what is in force; a renewal is to come before
    to stop it -- certsteward cancel sf ends it without effect; certsteward pause sf holds every act
    ");
    let put = world.pending("switch");
    world.command(Verb::Approve(put)).await;
    ends_well(&mut world).await;
}

#[tokio::test]
async fn a_rejected_content_is_taken_back_under_the_original_name() {
    let mut world = by_entry(Matching::Dn);
    world.until_event(EventKind::Settled, 10).await;
    let new = world.change(|facts| facts.chain("sfapi.pem")).fingerprint();
    world.change(|facts| facts.verdict_for.insert(new, Verdict::NotMapped));
    world.run(60).await;
    let text = world.story();
    insta::assert_snapshot!(text.lines().skip(11).collect::<Vec<_>>().join("\n"), @"
    day 303 22:30 act-succeeded: done: put the candidate (#2) under the name sfapi.pem
    day 303 22:30 switched: the entry sfapi.pem holds the candidate
    day 303 22:30 settled: the candidate is in force; callers are watched for 20 min
    day 303 22:40 probed: probe odata with the certificate in force: not-mapped
    day 303 22:40 act-succeeded: done: put the replaced certificate (#1) under the name sfapi.pem again
    day 303 22:40 rolled-back: the entry sfapi.pem holds #1 again
    day 303 22:40 renewal-ended: renewal 1 was rolled back: probe odata blames the new certificate, and the old one is accepted
    day 303 22:45 retired: the entry sfapi-old.pem (#1) was removed
    ");
    assert_ne!(world.change(|facts| facts.chain("sfapi.pem")).fingerprint(), new, "{text}");
    assert!(world.change(|facts| facts.is_served("first")), "{text}");
    assert!(world.findings().contains(&"critical rolled-back".to_owned()), "{:?}", world.findings());
    world.run(60 * 24).await;
    // The copy is gone; what callers used waits as what was in force does.
    assert_eq!(world.change(|facts| facts.names()), ["sfapi-2.pem", "sfapi.pem"], "{}", world.story());
}

#[tokio::test]
async fn a_death_or_a_lost_answer_at_any_copy_ends_well() {
    for after in [false, true] {
        for lost in [false, true] {
            for nth in 0..2 {
                let mut world = by_entry(Matching::Dn);
                if nth == 1 {
                    world.until_event(EventKind::Kept, 10).await;
                }
                world.change(|facts| match (lost, after) {
                    (true, false) => facts.fail_before.push("copy"),
                    (true, true) => facts.fail_after.push("copy"),
                    (false, false) => facts.die_before = Some("copy"),
                    (false, true) => facts.die_after = Some("copy"),
                });
                ends_well(&mut world).await;
                assert_eq!(world.change(|facts| facts.issued), 1);
            }
        }
    }
}

#[tokio::test]
async fn cancelled_before_the_put_it_leaves_no_copy() {
    let mut world = by_entry(Matching::Dn);
    world.watch.mode = Mode::Propose;
    world.begin().await;
    for act in ["issue", "keep"] {
        world.approve(act).await;
    }
    world.command(Verb::Cancel).await;
    world.watch.mode = Mode::Act;
    world.run(120).await;
    assert_eq!(world.change(|facts| facts.names()), ["sfapi.pem"], "{}", world.story());
}

#[tokio::test]
async fn what_somebody_else_put_there_meanwhile_is_kept_too() {
    let mut world = by_entry(Matching::Dn);
    world.watch.mode = Mode::Propose;
    world.begin().await;
    for act in ["issue", "keep"] {
        world.approve(act).await;
    }
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.run(60).await;
    world.watch.mode = Mode::Act;
    world.run(60 * 24).await;
    let text = world.story();
    assert!(world.cut_off.is_empty() && world.record().renewal.is_none(), "{text}");
    assert!(world.record().in_force.as_ref().unwrap().ours, "{text}");
    assert!(text.contains("kept as sfapi-old.pem") && text.contains("kept as sfapi-old-2.pem"), "{text}");
}

#[tokio::test]
async fn a_name_of_ours_that_is_taken_is_passed_over() {
    let mut world = by_entry(Matching::Dn);
    world.change(|facts| facts.issue("sfapi-old.pem", "SOMEONE", 365));
    world.until(304).await;
    assert!(world.text().contains("kept as sfapi-old-2.pem"), "{}", world.story());
    let someone = world.change(|facts| facts.chain("sfapi-old.pem"));
    assert_eq!(someone.leaf.common_name(), "SOMEONE");
}
