//! The store is lost in the middle of a renewal: it is said, what is left over is said, and no caller is lost.

use std::path::Path;

use certsteward::sandbox::{Fault, Hold, Stage};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::lab::Lab;
use crate::support::daemon::{Daemon, LIMIT, ask, configure};
use crate::support::wait::within;

/// What is left of the store after some misfortune.
fn spoil(folder: &Path) {
    for name in ["state.db-wal", "state.db-shm"] {
        let _gone = std::fs::remove_file(folder.join(name));
    }
    std::fs::write(folder.join("state.db"), "whatever this was, it is no store any more").unwrap();
}

/// The daemon dies while this call is in hand, and finds its store unreadable afterwards.
async fn lost_at(method: &str, path: &str, stage: Stage) -> (Lab, Daemon) {
    let lab = Lab::new().await;
    let text = lab.configuration("act").replace("subject = \"auto\"", "subject = \"counted\"");
    configure(lab.path(), &text);
    let hold = Hold::at(stage);
    let (method, path_contains) = (Some(method.to_owned()), path.to_owned());
    lab.landscape.fault(Fault { method, path_contains, hold: Some(hold.clone()), ..Fault::default() });
    let mut daemon = Daemon::begun(lab.path(), &[]);
    tokio::time::timeout(LIMIT, hold.reached()).await.expect("the call");
    daemon.signal(Signal::SIGKILL);
    daemon.ended().await;
    hold.release();
    spoil(lab.path());
    let daemon = Daemon::begun(lab.path(), &[]);
    (lab, daemon)
}

/// Everything rests: no renewal, and the certificate in force is accepted.
async fn rests(daemon: &Daemon) -> Value {
    within(LIMIT * 2, "a watch that rests", async || {
        let answer = ask(daemon.port, "GET", "/api/v1/watches/sf-odata", "", "").await?;
        let watch: Value = serde_json::from_str(&answer.body).ok()?;
        let accepted = watch["probes"][0]["in_force"]["verdict"] == "accepted";
        let young = watch["certificates"]["in_force"]["not_after"].as_str()? > "2027-06";
        (watch["renewal"].is_null() && accepted && young).then_some(watch)
    })
    .await
}

fn names(lab: &Lab) -> Vec<String> {
    lab.landscape.entries().into_iter().map(|entry| entry.name).collect()
}

async fn said(lab: &Lab, daemon: &Daemon) -> String {
    let line = daemon.logged("the store could not be read").await;
    assert!(line.contains("ERROR") && line.contains("set aside as"), "{line}");
    let report = lab.landscape.caller_report();
    assert!(report.calls > 0);
    assert_eq!(report.failures, 0, "no call of the application is lost\n{}", daemon.log());
    daemon.page("/api/v1/events?limit=1000").await
}

#[tokio::test]
async fn a_candidate_whose_record_is_lost_is_passed_over_and_said() {
    let (lab, daemon) = lost_at("POST", "/subaccountCertificates", Stage::Done).await;
    rests(&daemon).await;
    let events = said(&lab, &daemon).await;
    assert!(events.contains("sfapi-2.pem is taken by SFAPI-2"), "{events}");
    // What nobody has a record of could be anybody's: it is neither used nor removed.
    assert_eq!(lab.landscape.issued(), 2);
    assert!(names(&lab).contains(&"sfapi-2.pem".to_owned()), "{:?}", names(&lab));
    let told = "sfapi-2.pem is taken";
    within(LIMIT, "a mail about it", async || {
        lab.landscape.mails().into_iter().find(|mail| mail.subject.contains(told))
    })
    .await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_store_lost_while_a_person_is_asked_costs_nobody_a_call() {
    let (lab, daemon) = lost_at("DATA", "smtp", Stage::Arrived).await;
    rests(&daemon).await;
    let events = said(&lab, &daemon).await;
    assert!(events.contains("sfapi-2.pem is taken by SFAPI-2"), "{events}");
    assert_eq!(lab.landscape.issued(), 2);
    daemon.stop().await;
}

#[tokio::test]
async fn a_store_lost_after_the_switch_finds_the_new_certificate_in_force() {
    let (lab, daemon) = lost_at("PUT", "/subaccountDestinations", Stage::Done).await;
    let watch = rests(&daemon).await;
    assert_eq!(watch["certificates"]["in_force"]["entry"], "sfapi-2.pem", "{watch}");
    said(&lab, &daemon).await;
    assert_eq!(lab.landscape.issued(), 1);
    assert_eq!(names(&lab), ["sfapi-2.pem", "sfapi.pem"], "what it replaced is left alone");
    daemon.stop().await;
}

#[tokio::test]
async fn a_store_lost_while_settling_finds_the_new_certificate_in_force() {
    let (lab, daemon) = lost_at("DELETE", "/sfapi.pem", Stage::Arrived).await;
    rests(&daemon).await;
    said(&lab, &daemon).await;
    assert_eq!(lab.landscape.issued(), 1);
    daemon.stop().await;
}
