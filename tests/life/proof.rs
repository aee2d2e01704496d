//! What counts as proof, what never does, and when the callers go back.

use certsteward::domain::event::EventKind;
use certsteward::domain::report::Verb;
use certsteward::domain::verdict::Verdict;
use certsteward::domain::watch::{Matching, Mode, Rotation, SubjectChoice};

use crate::support::world::{World, caller};

fn blame(world: &World, name: &str, verdict: Verdict) {
    world.change(|facts| {
        let print = facts.chain(name).fingerprint();
        facts.verdict_for.insert(print, verdict);
    });
}

fn uses(world: &World) -> String {
    world.change(|facts| facts.destinations["first"].clone())
}

#[tokio::test]
async fn a_missing_permission_on_both_sides_is_proof() {
    let mut world = World::late(Matching::Dn);
    world.change(|facts| facts.permission = false);
    world.until(306).await;
    assert_eq!(uses(&world), "sfapi-2.pem", "{}", world.text());
    assert_eq!(world.findings()[0], "warning no-permission");
}

#[tokio::test]
async fn a_missing_permission_of_the_candidate_alone_is_none() {
    let mut world = World::late(Matching::Exact);
    world.until_event(EventKind::HandOffOpened, 10).await;
    blame(&world, "sfapi-3.pem", Verdict::NoPermission);
    world.run(60 * 24).await;
    assert_eq!(uses(&world), "sfapi.pem", "{}", world.text());
    assert!(world.findings().contains(&"warning hand-off-open".to_owned()), "{:?}", world.findings());
}

#[tokio::test]
async fn a_platform_in_trouble_opens_no_hand_off_and_costs_nobody_anything() {
    for verdict in [
        Verdict::LoginRefused,
        Verdict::Unavailable,
        Verdict::RateLimited,
        Verdict::Timeout,
        Verdict::CertificateRefused,
        Verdict::CredentialsRequired,
        Verdict::ServerUntrusted,
    ] {
        let mut world = World::late(Matching::Exact);
        world.begin().await;
        let mut world = World::late(Matching::Exact);
        world.pass(Vec::new()).await;
        world.change(|facts| facts.api = Some(verdict));
        world.until(306).await;
        let text = world.text();
        assert!(!text.contains("hand-off-opened") && uses(&world) == "sfapi.pem", "{verdict}\n{text}");
        assert!(world.view().level.number() >= 2, "{verdict}: {:?}", world.findings());
        world.change(|facts| facts.api = None);
        world.until_event(EventKind::HandOffOpened, 2).await;
    }
}

#[tokio::test]
async fn the_callers_go_back_when_the_api_blames_the_new_certificate_and_accepts_the_old() {
    let mut world = World::late(Matching::Dn);
    world.until_event(EventKind::Settled, 10).await;
    blame(&world, "sfapi-2.pem", Verdict::NotMapped);
    world.until(340).await;
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
    day 303 22:30 switched: the caller first uses sfapi-2.pem
    day 303 22:30 settled: the candidate is in force; callers are watched for 20 min
    day 303 22:40 probed: probe odata with the certificate in force: not-mapped
    day 303 22:40 rolled-back: the caller first uses sfapi.pem again
    day 303 22:40 renewal-ended: renewal 1 was rolled back: probe odata blames the new certificate, and the old one is accepted
    day 317 22:40 approval-wanted: waits for approval of retire-#3: remove the entry sfapi-2.pem (#2), which nothing uses any more
    ");
    assert_eq!(uses(&world), "sfapi.pem");
    assert!(world.findings().contains(&"critical rolled-back".to_owned()));
    assert_eq!(world.change(|facts| facts.issued), 1, "it waits for a person");
    world.command(Verb::Renew).await;
    world.run(60).await;
    assert_eq!(world.change(|facts| facts.issued), 2);
}

#[tokio::test]
async fn nobody_goes_back_because_the_platform_is_down() {
    for verdict in [Verdict::Unavailable, Verdict::Timeout, Verdict::LoginRefused, Verdict::RateLimited] {
        let mut world = World::late(Matching::Dn);
        world.until_event(EventKind::Settled, 10).await;
        world.change(|facts| facts.api = Some(verdict));
        world.run(600).await;
        assert_eq!(uses(&world), "sfapi-2.pem", "{verdict}");
        assert!(world.record().renewal.is_some(), "an end that was not proven is no end");
        world.change(|facts| facts.api = None);
        world.run(120).await;
        assert!(world.record().renewal.is_none(), "{verdict}\n{}", world.text());
    }
}

#[tokio::test]
async fn when_both_are_rejected_nobody_goes_back() {
    let mut world = World::late(Matching::Dn);
    world.until_event(EventKind::Settled, 10).await;
    world.change(|facts| facts.mappings.clear());
    world.run(120).await;
    assert_eq!(uses(&world), "sfapi-2.pem", "{}", world.text());
    assert!(world.findings().contains(&"critical rejected".to_owned()), "{:?}", world.findings());
}

#[tokio::test]
async fn a_proof_that_was_undone_while_the_switch_waited_is_none() {
    let mut world = World::late(Matching::Exact);
    world.watch.mode = Mode::Propose;
    world.begin().await;
    world.approve("issue").await;
    world.approve("issue").await;
    world.serve(10).await;
    let act = world.pending("switch");
    let candidate = world.change(|facts| facts.chain("sfapi-3.pem"));
    world.change(|facts| facts.unmap(&candidate));
    world.after(1).await;
    world.command(Verb::Approve(act)).await;
    assert_eq!(uses(&world), "sfapi.pem", "{}", world.text());
    assert!(world.cut_off.is_empty());
    world.run(30).await;
    world.serve(10).await;
    assert_eq!(uses(&world), "sfapi-3.pem", "{}", world.text());
}

/// A proof of days ago and a call that cannot be made now: the switch waits, whatever stands in the way of the call.
#[tokio::test]
async fn an_old_proof_and_no_call_now_open_no_switch() {
    for disturb in ["entry gone", "no key", "page instead of an answer"] {
        let mut world = World::late(Matching::Exact);
        world.watch.mode = Mode::Propose;
        world.begin().await;
        world.approve("issue").await;
        world.approve("issue").await;
        world.serve(10).await;
        let act = world.pending("switch");
        world.after(1).await;
        world.change(|facts| match disturb {
            "entry gone" => facts.forget("sfapi-3.pem"),
            "no key" => facts.readable_key = false,
            _ => facts.api = Some(Verdict::UnexpectedAnswer),
        });
        world.command(Verb::Approve(act)).await;
        world.run(60).await;
        assert_eq!(uses(&world), "sfapi.pem", "{disturb}\n{}", world.text());
        // An entry that is gone is no candidate any more: a fresh one is issued.
        let expected =
            if disturb == "entry gone" { "issue a new certificate as sfapi-4.pem" } else { "proof" };
        assert!(world.plan().contains(expected), "{disturb}\n{}", world.plan());
    }
}

#[tokio::test]
async fn a_mapping_lost_between_two_switches_takes_the_first_caller_back() {
    let mut world = World::late(Matching::Exact);
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
    world.watch.callers.push(caller("second"));
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.watch.policy.acts_per_day = 4;
    world.serve(10).await;
    assert_eq!(uses(&world), "sfapi-3.pem", "{}", world.text());
    blame(&world, "sfapi-3.pem", Verdict::NotMapped);
    world.after(1).await;
    world.command(Verb::Check).await;
    world.run(30).await;
    assert_eq!(uses(&world), "sfapi.pem", "{}", world.text());
}

#[tokio::test]
async fn a_destination_that_changed_meanwhile_is_not_overwritten() {
    let mut world = World::late(Matching::Exact);
    world.change(|facts| facts.destinations.insert("second".to_owned(), "sfapi.pem".to_owned()));
    world.watch.callers.push(caller("second"));
    world.until_event(EventKind::HandOffOpened, 10).await;
    world.change(|facts| {
        facts.issue("other.pem", "OTHER", 365);
        let other = facts.chain("other.pem");
        facts.map(&other);
        facts.destinations.insert("second".to_owned(), "other.pem".to_owned());
    });
    world.serve(10).await;
    world.run(60).await;
    assert_eq!(world.change(|facts| facts.destinations["second"].clone()), "other.pem");
    assert_eq!(uses(&world), "sfapi-3.pem");
    assert!(world.record().renewal.is_none(), "{}", world.text());
}

#[tokio::test]
async fn a_source_that_cannot_be_seen_causes_no_act_and_is_never_healthy() {
    let mut world = World::late(Matching::Dn);
    world.pass(Vec::new()).await;
    world.change(|facts| facts.sees = false);
    world.until(310).await;
    assert!(world.change(|facts| facts.tried.is_empty()), "{}", world.text());
    assert_eq!(world.findings()[0], "critical unseen");
    world.change(|facts| facts.sees = true);
    world.run(60 * 24).await;
    assert_eq!(uses(&world), "sfapi-2.pem");
}

#[tokio::test]
async fn a_source_that_vanished_is_critical_and_renews_nothing() {
    let mut world = World::late(Matching::Dn);
    world.pass(Vec::new()).await;
    world.change(|facts| facts.destinations.insert("first".to_owned(), "gone.pem".to_owned()));
    world.until(310).await;
    assert!(world.change(|facts| facts.tried.is_empty()), "{}", world.text());
    assert_eq!(world.findings()[0], "critical source-vanished");
}

#[tokio::test]
async fn a_mapping_that_a_person_deleted_is_critical_and_asked_for_again() {
    let mut world = World::late(Matching::Dn);
    world.until(301).await;
    world.change(|facts| facts.mappings.clear());
    world.run(60 * 7).await;
    insta::assert_snapshot!(world.story(), @r"
    day 300 00:00 watched: btp subaccount sfapi.pem is watched: SFAPI (#1), valid until 2027-01-01
    day 300 00:00 probed: probe odata with the certificate in force: accepted
    day 300 00:00 proven: a call proved that the target security-center knows the certificate
    day 301 06:00 probed: probe odata with the certificate in force: not-mapped
    day 301 06:01 probed: the target security-center does not know the certificate any more
    day 301 06:01 hand-off-opened: a person is asked to add the certificate in security-center
    ");
    assert_eq!(world.findings()[0], "critical rejected");
    world.serve(10).await;
    assert_eq!(world.findings(), ["notice expires"], "{}", world.text());
}

#[tokio::test]
async fn a_direct_target_that_forgot_is_told_again() {
    let mut world = World::late(Matching::Exact);
    world.watch.targets[0].delivery = certsteward::domain::watch::Delivery::Direct;
    world.until(306).await;
    world.change(|facts| facts.mappings.clear());
    world.run(60 * 7).await;
    assert!(world.change(|facts| facts.is_served("first")), "{}", world.text());
}

#[tokio::test]
async fn where_no_call_can_tell_a_tenant_that_goes_by_name_needs_nobody_for_the_same_name() {
    for rotation in [Rotation::SideBySide, Rotation::InPlace] {
        let mut world = World::late(Matching::Dn);
        world.watch.probes.clear();
        world.watch.targets[0].proven_by = None;
        world.watch.targets[0].matching = Matching::Dn;
        world.watch.renewal.as_mut().unwrap().rotation = rotation;
        world.pass(Vec::new()).await;
        world.command(Verb::Confirm("security-center".to_owned(), None)).await;
        world.until(306).await;
        assert!(world.record().renewal.is_none(), "{}", world.text());
        assert_eq!(world.text().matches("hand-off-opened").count(), 1, "{}", world.text());
        assert!(world.text().contains("recognised: the target security-center"), "{}", world.text());
        assert!(world.cut_off.is_empty(), "{}", world.text());
    }
}

#[tokio::test]
async fn a_persons_word_counts_for_nothing_while_a_probe_that_can_tell_is_disturbed() {
    let mut world = World::late(Matching::Exact);
    world.terms().subject = SubjectChoice::Counted;
    world.until_event(EventKind::RenewalStarted, 10).await;
    world.change(|facts| facts.api = Some(Verdict::CredentialsRequired));
    world.run(5).await;
    let target = world.watch.targets[0].id.clone();
    world.command(Verb::Confirm(target, None)).await;
    world.run(60).await;
    assert_eq!(world.change(|facts| facts.destinations["first"].clone()), "sfapi.pem", "{}", world.story());
}
