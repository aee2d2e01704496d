//! What people and tokens ask of the real daemon, over the socket and over HTTP, and what the history keeps of it.

use certsteward::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::lab::{Lab, is_over};
use crate::support::daemon::{Daemon, LIMIT, verb};
use crate::support::wait::within;

const TOKENS: &str = "[tokens.chatops]\nfile = \"token\"\nmay = [\"approve\", \"renew\"]\n";
const BEARER: &str = "Authorization: Bearer sample-token-sample-token\r\nContent-Type: application/json\r\n";

async fn proposing() -> (Lab, Daemon) {
    use std::os::unix::fs::PermissionsExt as _;
    let lab = Lab::new().await;
    let token = lab.path().join("token");
    std::fs::write(&token, "sample-token-sample-token\n").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let daemon = lab.daemon("propose", TOKENS).await;
    (lab, daemon)
}

fn pending(watch: &Value) -> Option<String> {
    watch["pending_approvals"].as_array()?.first()?.as_str().map(str::to_owned)
}

async fn done(lab: &Lab, arguments: &[&str]) {
    let ran = verb(lab.path(), arguments).await;
    // What is approved while everything is paused says so, and is approved all the same.
    let quiet = ran.err.is_empty() || ran.err.starts_with("but acts are paused");
    assert!(ran.code == 0 && quiet, "{arguments:?}: {} {}", ran.out, ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_renewal_goes_on_by_approvals_alone_and_the_history_says_whose() {
    let (lab, daemon) = proposing().await;
    let watch = daemon.watch("sf-odata", "an act that waits", |watch| pending(watch).is_some()).await;
    let first = pending(&watch).unwrap();
    assert_eq!(lab.landscape.issued(), 0, "nothing is done before it is approved");

    let approve = "/api/v1/watches/sf-odata/approve";
    let wrong = daemon.post(approve, BEARER, &json!({"act": "switch-9-nobody"}).to_string()).await;
    assert_eq!(wrong.status, 409, "{wrong:?}");
    assert!(wrong.body.contains(&first), "the answer names the act that waits: {}", wrong.body);
    let ran = verb(lab.path(), &["approve", "sf-odata", "issue-99"]).await;
    assert_eq!(ran.code, 1, "{}", ran.out);

    let right = json!({"act": first, "comment": "seen by chatops", "ticket": "CHG-1"}).to_string();
    assert_eq!(daemon.post(approve, BEARER, &right).await.status, 202);
    let mut approved = vec![first];
    within(LIMIT, "the end of the renewal", async || {
        let watch = daemon.json("/api/v1/watches/sf-odata").await;
        if let Some(act) = pending(&watch).filter(|act| !approved.contains(act)) {
            done(&lab, &["approve", "sf-odata", &act, "--comment", "seen by ops", "--ticket", "CHG-2"]).await;
            approved.push(act);
        }
        is_over(&watch).then_some(())
    })
    .await;
    assert!(approved.iter().any(|act| act.starts_with("switch")), "{approved:?}");

    let events = daemon.json("/api/v1/events?watch=sf-odata&limit=1000").await["events"].clone();
    let of = |kind: &str| -> Vec<Value> {
        events.as_array().unwrap().iter().filter(|event| event["kind"] == kind).cloned().collect()
    };
    let approvals = of("approved");
    assert_eq!(approvals.len(), approved.len(), "each approval counts once: {approvals:#?}");
    let by_token = approvals.iter().find(|event| event["actor"] == "chatops").unwrap();
    assert_eq!(
        (&by_token["facts"]["comment"], &by_token["facts"]["ticket"]),
        (&"seen by chatops".into(), &"CHG-1".into())
    );
    assert!(approvals.iter().any(|event| event["actor"] != "chatops" && event["facts"]["ticket"] == "CHG-2"));
    let history = verb(lab.path(), &["history", "sf-odata"]).await;
    assert!(history.out.contains("chatops") && history.out.contains("CHG-2"), "{}", history.out);
    let trail = |kind: &str| of(kind).iter().map(|event| event["facts"].clone()).collect::<Vec<_>>();
    assert_eq!(
        trail("act-started")[0]["cause"].as_str().map(|cause| cause.starts_with("approved by ")),
        Some(true)
    );
    assert!(trail("switched").iter().all(|facts| facts["answer"] == "200"), "{:?}", trail("switched"));
    assert!(history.out.contains("    asked: POST subaccountCertificates "), "{}", history.out);
    assert_eq!(lab.landscape.caller_report().failures, 0, "the application lost no call");
    let running = verb(lab.path(), &["history", "verify"]).await;
    assert_eq!(running.code, 0, "{}", running.out);
    std::fs::write(lab.path().join("heads.txt"), running.out).unwrap();
    daemon.stop().await;
    let stopped = verb(lab.path(), &["history", "verify", "--heads", "heads.txt"]).await;
    assert!(stopped.code == 0 && stopped.out.contains("is still there"), "{}{}", stopped.out, stopped.err);
    lab.landscape.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pause_resume_and_silence_are_obeyed_and_survive_a_restart() {
    let (lab, daemon) = proposing().await;
    done(&lab, &["pause", "--comment", "freeze of the tenant"]).await;
    assert_eq!(daemon.metric("certsteward_paused").await, Some(1.0), "it holds once the command says so");
    assert!(!daemon.json("/api/v1/status").await["paused"].is_null());
    let plan = verb(lab.path(), &["plan", "sf-odata"]).await;
    assert!(plan.err.contains("acts are paused everywhere by "), "{}{}", plan.err, plan.out);
    let act = pending(&daemon.watch("sf-odata", "an act that waits", |watch| pending(watch).is_some()).await);
    let next = &daemon.json("/api/v1/watches/sf-odata").await["next"];
    let held = next["held_by"].as_array().unwrap();
    assert!(
        held.contains(&"approval".into()) && next["at"].is_null(),
        "it waits for a person, not for a look: {next}"
    );
    done(&lab, &["approve", "sf-odata", &act.unwrap()]).await;
    done(&lab, &["pause", "sf-odata"]).await;
    assert!(!daemon.json("/api/v1/watches/sf-odata").await["paused"].is_null());
    let plan = verb(lab.path(), &["plan", "sf-odata"]).await;
    assert!(plan.out.contains("pause: "), "{}", plan.out);
    done(&lab, &["silence", "sf-odata", "--for", "2h"]).await;
    assert!(!daemon.json("/api/v1/watches/sf-odata").await["silenced_until"].is_null());
    daemon.stop().await;

    let daemon = Daemon::started(lab.path(), &[]).await;
    assert!(!daemon.json("/api/v1/status").await["paused"].is_null(), "a pause survives a restart");
    let watch = daemon.json("/api/v1/watches/sf-odata").await;
    assert!(!watch["paused"].is_null() && !watch["silenced_until"].is_null(), "{watch}");
    assert_eq!(lab.landscape.issued(), 0, "approved, but paused");
    done(&lab, &["resume"]).await;
    done(&lab, &["resume", "sf-odata"]).await;
    within(LIMIT, "the approved act", async || (lab.landscape.issued() > 0).then_some(())).await;
    let refused = daemon.post("/api/v1/pause", BEARER, "").await;
    assert_eq!(refused.status, 403, "the token has no right to pause: {refused:?}");
    daemon.stop().await;
    lab.landscape.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_given_while_the_daemon_dies_is_obeyed_by_the_next_one_at_once() {
    let (lab, daemon) = proposing().await;
    daemon.watch("sf-odata", "an act that waits", |watch| pending(watch).is_some()).await;
    daemon.stop().await;
    let journal = lab.path().join("state.db");
    let now = SystemClock.now();
    let journal = certsteward::journal::sqlite::Sqlite::open(&journal, now).unwrap().0;
    let command = certsteward::domain::report::Command {
        id: 0,
        watch: "sf-odata".to_owned(),
        at: now,
        actor: certsteward::domain::event::Actor::Named("alex".to_owned()),
        verb: certsteward::domain::report::Verb::Pause,
        comment: None,
        ticket: None,
    };
    let journal: Box<dyn certsteward::journal::Journal> = Box::new(journal);
    journal.accept(command).await.unwrap();
    drop(journal);
    let daemon = Daemon::started(lab.path(), &[]).await;
    let watch = daemon.json("/api/v1/watches/sf-odata").await;
    assert_eq!(watch["paused"]["by"], "alex", "{watch}");
    daemon.stop().await;
    lab.landscape.stop().await;
}
