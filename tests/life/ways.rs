//! The ways a renewal can go, by what the tenant matches and what the operator chose.

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::record::Ask;
use certsteward::domain::report::{Sign, Verb};
use certsteward::domain::watch::{Delivery, Matching, Mode, Rotation, SubjectChoice, Validity};

use crate::support::world::{World, caller};

fn with(matching: Matching, subject: SubjectChoice, rotation: Rotation) -> World {
    let mut world = World::late(matching);
    world.terms().subject = subject;
    world.terms().rotation = rotation;
    world
}

#[tokio::test]
async fn a_tenant_that_matches_the_name_needs_nobody() {
    let mut world = World::late(Matching::Dn);
    world.until(304).await;
    insta::assert_snapshot!(world.story(), @r"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 probed: probe odata with the certificate in force: accepted
    day 300 00:00 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 renewal-started: renewal 1 began, because it is due
    day 303 22:30 act-succeeded: done: issue a new certificate as sfapi-2.pem (common name SFAPI)
    day 303 22:30 issued: the candidate stands as sfapi-2.pem: SFAPI (#2), valid until 2027-10-31
    day 303 22:30 probed: probe odata with the candidate: accepted
    day 303 22:30 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 learned: api.example.org/ACME recognises certificates by issuer and subject
    day 303 22:30 switched: the caller first uses sfapi-2.pem
    day 303 22:30 settled: the candidate is in force; callers are watched for 20 min
    day 303 22:50 renewal-ended: renewal 1 ended: #2 is in force
    day 303 22:50 measured: no gap was seen: the new certificate is accepted since 2026-10-31 22:30 UTC, switched 2026-10-31 22:30 UTC; the old one was accepted at 2026-10-31 22:30 UTC still
    ");
    assert!(world.cut_off.is_empty() && world.view().hand_offs.is_empty());
}

#[tokio::test]
async fn a_tenant_that_wants_the_certificate_gets_a_counted_one_beside_the_old() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    assert_eq!(world.question().ask, Ask::Add);
    world.serve(30).await;
    world.until(325).await;
    let act = world.pending("retire");
    assert_eq!(world.question().ask, Ask::Remove);
    world.serve(5).await;
    world.command(Verb::Approve(act)).await;
    insta::assert_snapshot!(world.story(), @r#"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 probed: probe odata with the certificate in force: accepted
    day 300 00:00 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 renewal-started: renewal 1 began, because it is due
    day 303 22:30 act-succeeded: done: issue a new certificate as sfapi-2.pem (common name SFAPI)
    day 303 22:30 issued: the candidate stands as sfapi-2.pem: SFAPI (#2), valid until 2027-10-31
    day 303 22:30 probed: probe odata with the candidate: not-mapped
    day 303 22:30 learned: api.example.org/ACME recognises certificates by the exact certificate
    day 303 22:30 candidate-discarded: the candidate with the same subject is given up: one with a counted subject can be added without a gap
    day 303 22:30 act-succeeded: done: issue a new certificate as sfapi-3.pem (common name SFAPI-3)
    day 303 22:30 issued: the candidate stands as sfapi-3.pem: SFAPI-3 (#3), valid until 2027-10-31
    day 303 22:30 probed: probe odata with the candidate: not-mapped
    day 303 22:30 hand-off-opened: a person is asked to add the certificate in security-center
    day 303 23:00 hand-off-sign: security-center: "I have saved it", says pat
    day 303 23:00 probed: probe odata with the candidate: accepted
    day 303 23:00 proven: a call proved that the target security-center knows the certificate
    day 303 23:00 hand-off-closed: what was asked of security-center is done
    day 303 23:00 switched: the caller first uses sfapi-3.pem
    day 303 23:00 settled: the candidate is in force; callers are watched for 20 min
    day 303 23:00 retired: the entry sfapi-2.pem (#2) was removed
    day 303 23:20 renewal-ended: renewal 1 ended: #3 is in force
    day 303 23:20 measured: no gap was seen: the new certificate is accepted since 2026-10-31 23:00 UTC, switched 2026-10-31 23:00 UTC; the old one was accepted at 2026-10-31 23:00 UTC still
    day 317 23:20 hand-off-opened: a person is asked to remove the replaced certificate from security-center
    day 317 23:20 approval-wanted: waits for approval of retire-#4: remove the entry sfapi.pem (#1), which nothing uses any more
    day 325 00:05 hand-off-closed: the replaced certificate #1 is gone from security-center, says pat
    day 325 00:05 approved: approved retire-#4
    day 325 00:05 retired: the entry sfapi.pem (#1) was removed
    "#);
    assert!(world.cut_off.is_empty(), "{:?}", world.cut_off);
    assert_eq!(world.change(|facts| facts.names()), ["sfapi-3.pem"]);
    assert_eq!(world.change(|facts| facts.mappings.len()), 1);
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn the_same_subject_on_an_exact_tenant_has_a_gap_that_is_announced_and_ends_at_once() {
    let mut world = with(Matching::Exact, SubjectChoice::Same, Rotation::SideBySide);
    world.until_event(EventKind::HandOffOpened, 10).await;
    let question = world.question();
    assert_eq!(question.ask, Ask::Replace);
    assert!(world.cut_off.is_empty());
    world.command(Verb::Sign(question.target.clone(), Sign::Deleting, None)).await;
    world.change(|facts| facts.unmap(&question.chain));
    world.run(3).await;
    world.change(|facts| facts.map(&question.chain));
    world.run(60).await;
    insta::assert_snapshot!(world.story(), @r#"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 probed: probe odata with the certificate in force: accepted
    day 300 00:00 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 renewal-started: renewal 1 began, because it is due
    day 303 22:30 act-succeeded: done: issue a new certificate as sfapi-2.pem (common name SFAPI)
    day 303 22:30 issued: the candidate stands as sfapi-2.pem: SFAPI (#2), valid until 2027-10-31
    day 303 22:30 probed: probe odata with the candidate: not-mapped
    day 303 22:30 learned: api.example.org/ACME recognises certificates by the exact certificate
    day 303 22:30 gap-announced: calls fail from the moment the old mapping is deleted until the callers are switched and their caches have run out: the tenant refuses a second mapping with the same issuer and subject
    day 303 22:30 hand-off-opened: a person is asked to delete the old certificate and add the new one in security-center
    day 303 22:30 hand-off-sign: security-center: "I am deleting the old one now", says pat
    day 303 22:31 probed: probe odata with the certificate in force: not-mapped
    day 303 22:34 probed: probe odata with the candidate: accepted
    day 303 22:34 proven: a call proved that the target security-center knows the certificate
    day 303 22:34 hand-off-closed: what was asked of security-center is done
    day 303 22:34 switched: the caller first uses sfapi-2.pem
    day 303 22:34 settled: the candidate is in force; callers are watched for 20 min
    day 303 22:54 renewal-ended: renewal 1 ended: #2 is in force
    day 303 22:54 measured: a gap of 3 min from 2026-10-31 22:31 UTC to 2026-10-31 22:34 UTC, longer by what callers had read before (up to 5 min); the new certificate is accepted since 2026-10-31 22:34 UTC, switched 2026-10-31 22:34 UTC
    "#);
    assert!((1..=5).contains(&world.cut_off.len()), "{:?}", world.cut_off);
    assert!(world.change(|facts| facts.is_served("first")));
}

#[tokio::test]
async fn in_place_on_a_tenant_that_matches_the_name_needs_nobody() {
    let mut world = with(Matching::Dn, SubjectChoice::Same, Rotation::InPlace);
    world.watch.targets[0].matching = Matching::Dn;
    world.until(306).await;
    insta::assert_snapshot!(world.story(), @r"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 probed: probe odata with the certificate in force: accepted
    day 300 00:00 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 renewal-started: renewal 1 began, because it is due
    day 303 22:30 act-succeeded: done: issue a new certificate in place of sfapi.pem (common name SFAPI)
    day 303 22:30 issued: the candidate stands in place: SFAPI (#2), valid until 2027-10-31
    day 303 22:30 probed: probe odata with the certificate in force: accepted
    day 303 22:30 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 settled: the candidate is in force; callers are watched for 20 min
    day 303 22:50 renewal-ended: renewal 1 ended: #2 is in force
    day 303 22:50 measured: no gap was seen: the new certificate is accepted since 2026-10-31 22:30 UTC, switched 2026-10-31 22:30 UTC; the old one was accepted at 2026-10-31 22:30 UTC still
    ");
    assert!(world.cut_off.is_empty());
    assert_eq!(world.change(|facts| facts.names()), ["sfapi.pem"]);
}

#[tokio::test]
async fn in_place_on_an_exact_tenant_announces_the_gap_before_it_issues() {
    let mut world = with(Matching::Exact, SubjectChoice::Auto, Rotation::InPlace);
    world.watch.targets[0].matching = Matching::Exact;
    world.until_event(EventKind::HandOffOpened, 10).await;
    assert_eq!(world.question().ask, Ask::Replace);
    world.serve(4).await;
    world.run(60).await;
    insta::assert_snapshot!(world.story(), @r#"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 probed: probe odata with the certificate in force: accepted
    day 300 00:00 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 renewal-started: renewal 1 began, because it is due
    day 303 22:30 gap-announced: calls may fail from the in-place issue until a person has replaced it at the target: the old certificate is overwritten at once, and the tenant is not known to match by issuer and subject
    day 303 22:30 act-succeeded: done: issue a new certificate in place of sfapi.pem (common name SFAPI)
    day 303 22:30 issued: the candidate stands in place: SFAPI (#2), valid until 2027-10-31
    day 303 22:30 probed: probe odata with the certificate in force: not-mapped
    day 303 22:30 hand-off-opened: a person is asked to delete the old certificate and add the new one in security-center
    day 303 22:34 hand-off-sign: security-center: "I have saved it", says pat
    day 303 22:34 probed: probe odata with the certificate in force: accepted
    day 303 22:34 proven: a call proved that the target security-center knows the certificate
    day 303 22:34 hand-off-closed: what was asked of security-center is done
    day 303 22:34 settled: the candidate is in force; callers are watched for 20 min
    day 303 22:54 renewal-ended: renewal 1 ended: #2 is in force
    day 303 22:54 measured: a gap of 4 min from 2026-10-31 22:30 UTC to 2026-10-31 22:34 UTC, longer by what callers had read before (up to 5 min); the new certificate is accepted since 2026-10-31 22:34 UTC, switched 2026-10-31 22:30 UTC
    "#);
}

#[tokio::test]
async fn a_counted_subject_on_a_tenant_that_matches_the_name_is_added_beside() {
    let mut world = with(Matching::Dn, SubjectChoice::Counted, Rotation::SideBySide);
    world.until_event(EventKind::HandOffOpened, 10).await;
    assert_eq!(world.question().ask, Ask::Add);
    world.serve(45).await;
    world.run(40).await;
    assert!(world.cut_off.is_empty());
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-2.pem");
    assert_eq!(world.record().in_force.as_ref().unwrap().chain.leaf.common_name(), "SFAPI-2");
    assert!(world.record().learned.is_empty(), "a counted subject teaches nothing");
}

#[tokio::test]
async fn a_target_that_certsteward_can_tell_needs_nobody() {
    let mut world = World::late(Matching::Exact);
    world.watch.targets[0].delivery = Delivery::Direct;
    world.until(306).await;
    insta::assert_snapshot!(world.story(), @"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 probed: probe odata with the certificate in force: accepted
    day 300 00:00 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 renewal-started: renewal 1 began, because it is due
    day 303 22:30 act-succeeded: done: issue a new certificate as sfapi-2.pem (common name SFAPI)
    day 303 22:30 issued: the candidate stands as sfapi-2.pem: SFAPI (#2), valid until 2027-10-31
    day 303 22:30 probed: probe odata with the candidate: not-mapped
    day 303 22:30 learned: api.example.org/ACME recognises certificates by the exact certificate
    day 303 22:30 candidate-discarded: the candidate with the same subject is given up: one with a counted subject can be added without a gap
    day 303 22:30 act-succeeded: done: issue a new certificate as sfapi-3.pem (common name SFAPI-3)
    day 303 22:30 issued: the candidate stands as sfapi-3.pem: SFAPI-3 (#3), valid until 2027-10-31
    day 303 22:30 probed: probe odata with the candidate: not-mapped
    day 303 22:30 published: the target security-center was given the certificate
    day 303 22:31 probed: probe odata with the candidate: accepted
    day 303 22:31 proven: a call proved that the target security-center knows the certificate
    day 303 22:31 switched: the caller first uses sfapi-3.pem
    day 303 22:31 settled: the candidate is in force; callers are watched for 20 min
    day 303 22:35 retired: the entry sfapi-2.pem (#2) was removed
    day 303 22:51 renewal-ended: renewal 1 ended: #3 is in force
    day 303 22:51 measured: no gap was seen: the new certificate is accepted since 2026-10-31 22:31 UTC, switched 2026-10-31 22:31 UTC; the old one was accepted at 2026-10-31 22:30 UTC still
    ");
    assert!(world.cut_off.is_empty());
}

#[tokio::test]
async fn two_callers_are_switched_one_by_one_after_everything_is_proven() {
    let mut world = World::late(Matching::Exact);
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
    world.watch.callers.push(caller("second"));
    world.until_event(EventKind::HandOffOpened, 10).await;
    assert!(!world.change(|facts| facts.tried.contains(&"switch".to_owned())));
    world.change(|facts| facts.fail_before.push("switch"));
    world.serve(30).await;
    world.run(60).await;
    insta::assert_snapshot!(world.story(), @r#"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 probed: probe odata with the certificate in force: accepted
    day 300 00:00 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 renewal-started: renewal 1 began, because it is due
    day 303 22:30 act-succeeded: done: issue a new certificate as sfapi-2.pem (common name SFAPI)
    day 303 22:30 issued: the candidate stands as sfapi-2.pem: SFAPI (#2), valid until 2027-10-31
    day 303 22:30 probed: probe odata with the candidate: not-mapped
    day 303 22:30 learned: api.example.org/ACME recognises certificates by the exact certificate
    day 303 22:30 candidate-discarded: the candidate with the same subject is given up: one with a counted subject can be added without a gap
    day 303 22:30 act-succeeded: done: issue a new certificate as sfapi-3.pem (common name SFAPI-3)
    day 303 22:30 issued: the candidate stands as sfapi-3.pem: SFAPI-3 (#3), valid until 2027-10-31
    day 303 22:30 probed: probe odata with the candidate: not-mapped
    day 303 22:30 hand-off-opened: a person is asked to add the certificate in security-center
    day 303 23:00 hand-off-sign: security-center: "I have saved it", says pat
    day 303 23:00 probed: probe odata with the candidate: accepted
    day 303 23:00 proven: a call proved that the target security-center knows the certificate
    day 303 23:00 hand-off-closed: what was asked of security-center is done
    day 303 23:00 act-failed: could not switch the caller first from sfapi.pem to sfapi-3.pem: 503 Service Unavailable
    day 303 23:00 switched: the caller second uses sfapi-3.pem
    day 303 23:00 retired: the entry sfapi-2.pem (#2) was removed
    day 303 23:01 switched: the caller first uses sfapi-3.pem
    day 303 23:01 settled: the candidate is in force; callers are watched for 20 min
    day 303 23:21 renewal-ended: renewal 1 ended: #3 is in force
    day 303 23:21 measured: no gap was seen: the new certificate is accepted since 2026-10-31 23:00 UTC, switched 2026-10-31 23:00 UTC to 2026-10-31 23:01 UTC; the old one was accepted at 2026-10-31 23:00 UTC still
    "#);
    assert!(world.cut_off.is_empty());
}

#[tokio::test]
async fn the_second_renewal_counts_on() {
    let mut world = World::late(Matching::Dn);
    world.until(304).await;
    world.change(|facts| facts.now += Duration::days(298));
    world.until(612).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-3.pem", "{}", world.text());
    assert_eq!((world.change(|facts| facts.issued), world.record().generation), (2, 2));
    assert!(world.cut_off.is_empty());
}

#[tokio::test]
async fn a_counted_tenant_stays_counted_in_the_second_renewal() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.serve(30).await;
    world.until(306).await;
    world.change(|facts| facts.now += Duration::days(296));
    world.until_event(EventKind::RenewalStarted, 20).await;
    world.run(30).await;
    assert_eq!(world.change(|facts| facts.issued), 3, "{}", world.text());
    assert_eq!(world.question().chain.leaf.common_name(), "SFAPI-4");
}

#[tokio::test]
async fn a_key_of_seven_days_neither_loops_nor_stays_critical() {
    let mut world = World::new(Matching::Dn);
    world.terms().validity = Validity::Days(7);
    world.change(|facts| {
        facts.issue("sfapi.pem", "SFAPI", 7);
        facts.mappings = vec![facts.chain("sfapi.pem")];
    });
    let mut worst = Vec::new();
    for day in 1..=21 {
        world.until(day).await;
        worst.push(world.view().level);
    }
    let level = worst.iter().max().unwrap().code();
    assert!(["ok", "notice"].contains(&level), "{level}\n{}", world.text());
    assert!((4..=5).contains(&world.change(|facts| facts.issued)), "{}", world.text());
    assert!(world.cut_off.is_empty());
}

#[tokio::test]
async fn what_is_left_to_the_source_is_watched_and_alarms_when_the_store_is_late() {
    let mut world = with(Matching::Dn, SubjectChoice::Same, Rotation::LeftToSource);
    world.watch.source.auto_renew = certsteward::domain::watch::AutoRenew::Yes;
    world.until(335).await;
    assert_eq!(world.findings(), ["notice expires"], "before its own threshold nothing is wrong");
    world.until(337).await;
    assert!(world.findings().contains(&"warning overdue".to_owned()), "{:?}", world.findings());
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.after(15).await;
    assert_eq!(world.findings(), ["notice renewed-elsewhere"]);
    assert!(world.change(|facts| facts.tried.is_empty()));
}

#[tokio::test]
async fn a_shorter_lifetime_that_was_ordered_is_no_misfit() {
    let mut world = World::late(Matching::Dn);
    world.terms().validity = Validity::Days(90);
    world.until(306).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi-2.pem", "{}", world.text());
}

#[tokio::test]
async fn a_candidate_that_would_be_due_at_once_is_not_used() {
    let mut world = World::late(Matching::Dn);
    world.terms().validity = Validity::Days(30);
    world.until(306).await;
    insta::assert_snapshot!(world.story(), @"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 probed: probe odata with the certificate in force: accepted
    day 300 00:00 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 renewal-started: renewal 1 began, because it is due
    day 303 22:30 act-succeeded: done: issue a new certificate as sfapi-2.pem (common name SFAPI)
    day 303 22:30 issued: the candidate stands as sfapi-2.pem: SFAPI (#2), valid until 2026-11-30
    day 303 22:30 candidate-discarded: the candidate cannot be used: it ends on 2026-11-30 22:30 UTC, not later than the one in force
    day 303 22:35 retired: the entry sfapi-2.pem (#2) was removed
    ");
    assert_eq!(world.findings()[0], "warning candidate-unfit");
    assert_eq!(world.change(|facts| (facts.issued, facts.names())), (1, vec!["sfapi.pem".to_owned()]));
}

/// With a clock that moves between any two readings, as a real one does, a new certificate is judged all the same.
#[tokio::test]
async fn a_moving_clock_lets_no_misfit_through() {
    let mut world = World::late(Matching::Dn);
    world.change(|facts| facts.tick = Duration::microseconds(3));
    world.terms().validity = Validity::Days(30);
    world.until(306).await;
    assert_eq!(world.change(|facts| facts.issued), 1, "{}", world.text());
    assert_eq!(world.findings()[0], "warning candidate-unfit", "{}", world.text());
    assert!(!world.text().contains("switched"), "{}", world.text());
}

/// The plan but for the dates of the certificate in force, which stand in it at every step.
fn without_dates(world: &World) -> String {
    let dates = ["if nothing new is in force by then", "the last safe moment", "the certificate expires"];
    let plan = world.plan();
    let others = plan.lines().filter(|line| dates.iter().all(|date| !line.contains(date)));
    others.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn each_step_says_what_comes_when_why_and_how_to_stop_it() {
    let mut world = World::late(Matching::Exact);
    world.watch.mode = Mode::Propose;
    world.pass(Vec::new()).await;
    insta::assert_snapshot!(world.plan(), @r"
    day 300 06:00 look again -- the next moment at which something is due; the bell of [daemon] check rings besides
    day 303 22:30 begin the renewal -- renew_before counted back from the deadline 2027-01-01 00:00 UTC (last safe moment 2026-12-10 23:40 UTC), with jitter
    issue under a new name beside it with the same subject first, which shows how the tenant matches; if the API does not accept it, a person is asked to upload it; prove it by a call; switch; watch the callers for 20 min -- mode is propose: each act waits for approval
    day 335 00:00 it becomes a warning, if nothing new is in force by then -- 30 days before the deadline 2027-01-01 00:00 UTC (warning)
    day 343 23:40 the last safe moment to have a new one in force -- 21 days before the deadline 2027-01-01 00:00 UTC (person_time and settle)
    day 358 00:00 it becomes critical, if nothing new is in force by then -- 7 days before the deadline 2027-01-01 00:00 UTC (critical)
    day 365 00:00 the certificate expires -- that is the end of what is in force; a renewal is to come before
    to stop it -- certsteward pause sf holds every act
    ");
    world.begin().await;
    insta::assert_snapshot!(without_dates(&world), @r"
    issue a new certificate as sfapi-2.pem (common name SFAPI) -- held by approval: it waits for approval; certsteward approve sf issue-#1
    ask a person to add the certificate in security-center, if the tenant wants the exact certificate -- the call with the candidate shows it; then one with a counted subject is issued, which is added without a gap
    prove the candidate by a call -- no caller is switched before every target is proven to know the candidate
    switch each caller -- once the candidate is accepted; each caller is read back, everything else in it stays
    watch the callers -- for the settle time; they are switched back if the API blames the new certificate
    day 304 00:00 look again -- the next moment at which something is due; the bell of [daemon] check rings besides
    to stop it -- certsteward cancel sf ends it without effect; certsteward pause sf holds every act
    ");
    let view = world.view();
    let waits = view.findings.iter().find(|finding| finding.about.starts_with("issue-")).unwrap();
    assert!(
        waits
            .text
            .contains(", to issue a new certificate as sfapi-2.pem (common name SFAPI), waits for approval"),
        "{}",
        waits.text
    );
    world.approve("issue").await;
    world.approve("issue").await;
    insta::assert_snapshot!(without_dates(&world), @r"
    a person does the hand-off for security-center (add), asked 2026-10-31 22:30 UTC -- a probe notices when it is done
    prove the candidate by a call -- no caller is switched before every target is proven to know the candidate
    switch each caller -- once the candidate is accepted; each caller is read back, everything else in it stays
    watch the callers -- for the settle time; they are switched back if the API blames the new certificate
    day 303 22:31 look again -- the next moment at which something is due; the bell of [daemon] check rings besides
    day 303 22:35 remove the entry sfapi-2.pem -- it is not in force, and no caller can have it in its cache any more; it then waits for approval (mode propose)
    to stop it -- certsteward cancel sf ends it without effect; certsteward pause sf holds every act
    ");
    world.serve(30).await;
    insta::assert_snapshot!(without_dates(&world), @r"
    switch the caller first from sfapi.pem to sfapi-3.pem -- held by approval: it waits for approval; certsteward approve sf switch-#1
    the approval of the switch covers its roll back -- a caller must not stay cut off for want of an approval
    watch the callers -- for the settle time; they are switched back if the API blames the new certificate
    remove the entry sfapi-2.pem (#2), which nothing uses any more -- held by approval since 2026-10-31 23:00 UTC: certsteward approve sf retire-#3 lets it happen, certsteward reject sf retire-#3 does not
    day 304 05:00 look again -- the next moment at which something is due; the bell of [daemon] check rings besides
    to stop it -- certsteward cancel sf ends it without effect; certsteward pause sf holds every act
    ");
    world.approve("switch").await;
    insta::assert_snapshot!(without_dates(&world), @r"
    remove the entry sfapi-2.pem (#1), which nothing uses any more -- held by approval: it waits for approval; certsteward approve sf retire-#2
    day 303 23:10 look again -- the next moment at which something is due; the bell of [daemon] check rings besides
    day 303 23:20 the renewal ends, if the last probe is accepted -- settle = 20 min, or longer where a caller's cache is; probed at start, middle and end
    to stop it -- certsteward rollback sf makes the callers use the old certificate again, where a call shows that it is accepted still
    ");
}
