//! Modes, approvals, windows, pauses, budgets and backoff: what stands before an act, in whole lives.

use certsteward::domain::Duration;
use certsteward::domain::event::EventKind;
use certsteward::domain::policy::Emergency;
use certsteward::domain::report::Verb;
use certsteward::domain::watch::{Matching, Mode};
use certsteward::domain::window::{Freeze, Window};

use crate::support::world::{World, epoch};

fn tried(world: &World) -> Vec<String> {
    world.change(|facts| facts.tried.clone())
}

fn gates(world: &World) -> Vec<&'static str> {
    world.view().plan().held.iter().map(|held| held.gate).collect()
}

#[tokio::test]
async fn observing_never_acts_but_probes_and_asks() {
    let mut world = World::late(Matching::Exact);
    world.watch.mode = Mode::Observe;
    world.until(307).await;
    world.command(Verb::Renew).await;
    assert!(world.findings().contains(&"warning overdue".to_owned()), "{:?}", world.findings());
    world.change(|facts| facts.issue("sfapi.pem", "SFAPI", 365));
    world.after(15).await;
    assert_eq!(world.question().target, "security-center");
    world.serve(20).await;
    assert!(tried(&world).is_empty() && world.view().hand_offs.is_empty());
    insta::assert_snapshot!(world.story(), @r#"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 probed: probe odata with the certificate in force: accepted
    day 300 00:00 proven: a call proved that the target security-center knows the certificate
    day 307 00:00 command: renew: refused, because the mode is observe; set mode = "propose" or "act"
    day 307 00:15 renewed-elsewhere: the certificate was renewed by someone else: SFAPI (#2), valid until 2027-11-04
    day 307 00:15 probed: probe odata with the certificate in force: not-mapped
    day 307 00:15 hand-off-opened: a person is asked to delete the old certificate and add the new one in security-center
    day 307 00:35 hand-off-sign: security-center: "I have saved it", says pat
    day 307 00:35 probed: probe odata with the certificate in force: accepted
    day 307 00:35 proven: a call proved that the target security-center knows the certificate
    day 307 00:35 hand-off-closed: what was asked of security-center is done
    "#);
}

#[tokio::test]
async fn proposing_waits_for_each_act_by_its_id() {
    let mut world = World::late(Matching::Dn);
    world.watch.mode = Mode::Propose;
    world.until(308).await;
    assert!(tried(&world).is_empty());
    let act = world.pending("issue");
    world.command(Verb::Approve("issue-000000000000".to_owned())).await;
    assert!(tried(&world).is_empty(), "an approval names its act");
    world.command(Verb::Approve(act)).await;
    assert_eq!(tried(&world), ["issue"]);
    let act = world.pending("switch");
    world.after(60 * 24).await;
    world.command(Verb::Approve(act)).await;
    assert_eq!(tried(&world), ["issue", "switch"]);
    insta::assert_snapshot!(world.story(), @r"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 probed: probe odata with the certificate in force: accepted
    day 300 00:00 proven: a call proved that the target security-center knows the certificate
    day 303 22:30 renewal-started: renewal 1 began, because it is due
    day 303 22:30 approval-wanted: waits for approval of issue-#2: issue a new certificate as sfapi-2.pem (common name SFAPI)
    day 308 00:00 command: approve issue-#3: refused, because there is no such act; issue-#2 waits
    day 308 00:00 approved: approved issue-#2
    day 308 00:00 act-succeeded: done: issue a new certificate as sfapi-2.pem (common name SFAPI)
    day 308 00:00 issued: the candidate stands as sfapi-2.pem: SFAPI (#4), valid until 2027-11-05
    day 308 00:00 probed: probe odata with the candidate: accepted
    day 308 00:00 learned: api.example.org/ACME recognises certificates by issuer and subject
    day 308 00:00 proven: a call proved that the target security-center knows the certificate
    day 308 00:00 approval-wanted: waits for approval of switch-#5: switch the caller first from sfapi.pem to sfapi-2.pem
    day 309 00:00 approved: approved switch-#5
    day 309 00:00 switched: the caller first uses sfapi-2.pem
    day 309 00:00 settled: the candidate is in force; callers are watched for 20 min
    ");
}

#[tokio::test]
async fn the_approval_of_a_switch_covers_its_roll_back() {
    let mut world = World::late(Matching::Dn);
    world.watch.mode = Mode::Propose;
    world.begin().await;
    world.approve("issue").await;
    world.approve("switch").await;
    let new = world.change(|facts| facts.chain("sfapi-2.pem")).fingerprint();
    world.change(|facts| {
        facts.verdict_for.insert(new, certsteward::domain::verdict::Verdict::NotMapped);
    });
    world.run(25).await;
    assert_eq!(tried(&world), ["issue", "switch", "switch"], "{}", world.text());
    assert!(world.change(|facts| facts.is_served("first")));
}

#[tokio::test]
async fn with_four_eyes_who_asked_does_not_approve() {
    let mut world = World::late(Matching::Dn);
    world.watch.mode = Mode::Propose;
    world.watch.policy.four_eyes = true;
    world.pass(Vec::new()).await;
    world.command(Verb::Renew).await;
    world.approve("issue").await;
    assert!(tried(&world).is_empty());
    world.person = "kim";
    world.approve("issue").await;
    assert_eq!(tried(&world), ["issue"]);
}

#[tokio::test]
async fn a_pause_of_the_watch_or_of_everything_stops_acts_and_no_look() {
    let mut world = World::late(Matching::Dn);
    world.command(Verb::Pause).await;
    let probes = world.change(|facts| facts.probes);
    world.until(307).await;
    assert_eq!((tried(&world).len(), gates(&world)), (0, vec!["pause"]));
    assert!(world.change(|facts| facts.probes) > probes + 10);
    world.paused = Some("kim");
    world.command(Verb::Resume).await;
    assert_eq!((tried(&world).len(), gates(&world)), (0, vec!["pause"]));
    world.paused = None;
    world.after(1).await;
    assert_eq!(tried(&world), ["issue", "switch"]);
}

#[tokio::test]
async fn a_window_and_a_freeze_hold_the_switch_and_not_the_issue() {
    let mut world = World::late(Matching::Dn);
    world.terms().window = Some(Window::parse("Mon-Thu 08:00-16:00").unwrap());
    let day = |days: i64| (epoch() + Duration::days(days)).date_naive();
    world.watch.freezes = vec![Freeze { from: day(300), to: day(306) }];
    world.until_event(EventKind::Issued, 10).await;
    world.run(60).await;
    assert_eq!((tried(&world), gates(&world)), (vec!["issue".to_owned()], vec!["window", "freeze"]));
    world.run(60 * 24).await;
    assert!(!world.findings().iter().any(|finding| finding.contains("stuck")), "{:?}", world.findings());
    world.until(315).await;
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
    day 307 08:00 switched: the caller first uses sfapi-2.pem
    day 307 08:00 settled: the candidate is in force; callers are watched for 20 min
    day 307 08:20 renewal-ended: renewal 1 ended: #2 is in force
    day 307 08:20 measured: no gap was seen: the new certificate is accepted since 2026-10-31 22:30 UTC, switched 2026-11-04 08:00 UTC; the old one was accepted at 2026-11-04 04:30 UTC still
    ");
    let switched = world.timeline.iter().find(|line| line.contains(" switched:")).unwrap().clone();
    assert!(switched.contains("08:00"), "{switched}");
}

#[tokio::test]
async fn an_emergency_goes_through_a_window_but_never_through_an_approval() {
    for (emergency, days) in [(Emergency::FromCritical, 358), (Emergency::Within(Duration::days(20)), 345)] {
        let mut world = World::late(Matching::Dn);
        world.watch.policy.emergency = emergency;
        world.terms().window = Some(Window::parse("Sun 03:00-03:01").unwrap());
        let day = |days: i64| (epoch() + Duration::days(days)).date_naive();
        world.watch.freezes = vec![Freeze { from: day(300), to: day(400) }];
        world.until(days - 1).await;
        assert_eq!(tried(&world), ["issue"]);
        world.until(days + 1).await;
        assert_eq!(tried(&world), ["issue", "switch"], "{}", world.text());
    }
    let mut world = World::late(Matching::Dn);
    world.watch.mode = Mode::Propose;
    world.begin().await;
    world.approve("issue").await;
    world.until(362).await;
    assert_eq!((tried(&world), gates(&world)), (vec!["issue".to_owned()], vec!["approval"]));
}

#[tokio::test]
async fn without_emergency_the_window_holds_to_the_end() {
    let mut world = World::late(Matching::Dn);
    world.watch.policy.emergency = Emergency::Never;
    let day = |days: i64| (epoch() + Duration::days(days)).date_naive();
    world.watch.freezes = vec![Freeze { from: day(300), to: day(400) }];
    world.until(364).await;
    assert_eq!(tried(&world), ["issue"]);
    assert_eq!(world.view().level.code(), "critical");
}

#[tokio::test]
async fn a_gap_that_has_begun_is_not_prolonged_by_a_window() {
    let mut world = World::late(Matching::Exact);
    world.terms().subject = certsteward::domain::watch::SubjectChoice::Same;
    let day = |days: i64| (epoch() + Duration::days(days)).date_naive();
    world.watch.freezes = vec![Freeze { from: day(300), to: day(400) }];
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.serve(10).await;
    assert_eq!(tried(&world), ["issue", "switch"], "{}", world.text());
    assert!(world.change(|facts| facts.is_served("first")));
}

#[tokio::test]
async fn the_budget_of_the_day_holds_all_but_a_roll_back() {
    let mut world = World::late(Matching::Dn);
    world.watch.policy.acts_per_day = 1;
    world.begin().await;
    assert_eq!((tried(&world).len(), gates(&world)), (1, vec!["budget"]));
    world.until_event(EventKind::Settled, 2).await;
    assert_eq!(tried(&world), ["issue", "switch"]);
    let new = world.change(|facts| facts.chain("sfapi-2.pem")).fingerprint();
    world.change(|facts| {
        facts.verdict_for.insert(new, certsteward::domain::verdict::Verdict::NotMapped);
    });
    world.command(Verb::RollBack).await;
    assert!(world.change(|facts| facts.is_served("first")), "{}", world.text());
}

#[tokio::test]
async fn what_fails_is_tried_again_later_and_later_and_at_once_on_a_retry() {
    let mut world = World::late(Matching::Dn);
    world.change(|facts| facts.fail_before = vec!["issue"; 5]);
    world.until_event(EventKind::ActFailed, 10).await;
    world.run(10).await;
    assert_eq!(tried(&world).len(), 4, "{}", world.text());
    assert_eq!(gates(&world), ["backoff"]);
    world.command(Verb::Retry).await;
    assert_eq!(tried(&world).len(), 5);
    assert_eq!(gates(&world), ["backoff"], "a retry skips one wait");
    world.command(Verb::Retry).await;
    assert_eq!(world.change(|facts| facts.issued), 1);
    assert!(world.findings().iter().all(|finding| !finding.contains("act-failed")), "{:?}", world.findings());
}

#[tokio::test]
async fn an_approval_that_waits_is_told_once_while_another_renewal_goes_on() {
    let mut world = World::late(Matching::Dn);
    world.until(320).await;
    world.pending("retire");
    world.change(|facts| facts.fail_before = vec!["issue"; 3]);
    world.command(Verb::Renew).await;
    world.until(340).await;
    let waits = world.timeline.iter().filter(|line| line.contains("waits for approval of retire")).count();
    assert_eq!(waits, 2, "one for each replaced certificate\n{}", world.text());
}
