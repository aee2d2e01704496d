//! The clock of the host is wrong, or the host was suspended: nothing begins too early, and nothing is slept through.

use certsteward::clock::{Clock as _, SystemClock};
use certsteward::sandbox::{Hold, Matching, Options, Stage};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::lab::{Lab, is_over};
use crate::support::daemon::{Daemon, LIMIT, ask, configure};
use crate::support::process::skipped;
use crate::support::wait::within;

/// Changes that were made to certificates and destinations.
fn changes(lab: &Lab) -> usize {
    let requests = lab.landscape.requests();
    requests.iter().filter(|request| request.method != "GET" && request.path.contains("subaccount")).count()
}

fn codes(watch: &Value) -> Vec<&str> {
    watch["findings"].as_array().unwrap().iter().filter_map(|finding| finding["code"].as_str()).collect()
}

#[tokio::test]
async fn a_clock_that_is_wrong_when_the_daemon_starts_begins_nothing_and_leaves_nothing_behind() {
    let Some(library) = glob::glob("/usr/lib/*/faketime/libfaketimeMT.so.1").unwrap().find_map(Result::ok)
    else {
        return skipped("libfaketime is not installed");
    };
    // Due in some 140 days: by a clock that is 150 days ahead, or by none that is behind.
    for offset in ["+150d", "-400d"] {
        let options = Options { valid_for_days: 200, age_days: 5, ..Options::default() };
        let lab = Lab::of(options).await;
        configure(lab.path(), &lab.configuration("act"));
        let environment = [("LD_PRELOAD", library.to_str().unwrap()), ("FAKETIME", offset)];
        let wrong = Daemon::begun(lab.path(), &environment).ready().await;
        let watch = wrong
            .watch("sf-odata", "the finding about the clock", |watch| codes(watch).contains(&"clock"))
            .await;
        let finding = watch["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == "clock");
        let text = finding.unwrap()["text"].as_str().unwrap();
        let way = if offset.starts_with('+') {
            "days ahead of what servers say"
        } else {
            "days behind what servers say"
        };
        assert!(text.contains(way), "{text}");
        assert!(watch["renewal"].is_null(), "{watch:#}");
        let series = "certsteward_watch_findings{watch=\"sf-odata\",code=\"clock\",level=\"warning\"}";
        assert_eq!(wrong.metric(series).await, Some(1.0));
        wrong.stop().await;
        let right = Daemon::begun(lab.path(), &[]).ready().await;
        let watch = right
            .watch("sf-odata", "a watch whose clock is right", |watch| !codes(watch).contains(&"clock"))
            .await;
        assert!(watch["renewal"].is_null() && !codes(&watch).contains(&"overdue"), "{watch:#}");
        let accepted = |watch: &Value| watch["probes"][0]["in_force"]["verdict"] == "accepted";
        right.watch("sf-odata", "a watch that is looked at as ever", accepted).await;
        assert_eq!((changes(&lab), lab.landscape.issued()), (0, 0), "{offset}");
        right.stop().await;
    }
}

#[tokio::test]
async fn a_clock_that_is_put_back_under_a_running_daemon_leaves_nothing_waiting_for_that_future() {
    let Some(library) = glob::glob("/usr/lib/*/faketime/libfaketimeMT.so.1").unwrap().find_map(Result::ok)
    else {
        return skipped("libfaketime is not installed");
    };
    let lab = Lab::of(Options { valid_for_days: 200, age_days: 5, ..Options::default() }).await;
    configure(lab.path(), &lab.configuration("act"));
    let offset = lab.path().join("offset");
    std::fs::write(&offset, "+150d").unwrap();
    let environment = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ];
    let daemon = Daemon::begun(lab.path(), &environment).ready().await;
    daemon.watch("sf-odata", "the finding about the clock", |watch| codes(watch).contains(&"clock")).await;
    std::fs::write(&offset, "+0d").unwrap();
    daemon.logged("the clock of this host went back").await;
    let now = || SystemClock.now().format("%Y-%m").to_string();
    let seen = |watch: &Value| watch["seen_at"].as_str().is_some_and(|at| at.starts_with(&now()));
    let watch = daemon
        .watch("sf-odata", "a watch that is looked at now", |watch| {
            seen(watch) && !codes(watch).contains(&"clock")
        })
        .await;
    assert!(watch["renewal"].is_null(), "{watch:#}");
    assert_eq!((changes(&lab), lab.landscape.issued()), (0, 0));
    daemon.stop().await;
}

/// The host sleeps while the calling application goes on, in the middle of what was begun.
async fn sleeps_at(method: &str, path: &str, stage: Stage) {
    let lab = Lab::of(Options {
        matching: Matching::Dn,
        caller_cache: std::time::Duration::from_millis(500),
        ..Options::default()
    })
    .await;
    configure(lab.path(), &lab.configuration("act"));
    let hold = Hold::at(stage);
    let (method, path_contains) = (Some(method.to_owned()), path.to_owned());
    lab.landscape.fault(certsteward::sandbox::Fault {
        method,
        path_contains,
        hold: Some(hold.clone()),
        ..certsteward::sandbox::Fault::default()
    });
    let daemon = Daemon::begun(lab.path(), &[]);
    tokio::time::timeout(LIMIT, hold.reached()).await.expect("the call");
    daemon.signal(Signal::SIGSTOP);
    hold.release();
    let before = lab.landscape.caller_report().calls;
    within(LIMIT, "calls while the host sleeps", async || {
        (lab.landscape.caller_report().calls > before + 8).then_some(())
    })
    .await;
    daemon.signal(Signal::SIGCONT);
    within(LIMIT, "the end of the rotation", async || {
        let answer = ask(daemon.port, "GET", "/api/v1/watches/sf-odata", "", "").await?;
        serde_json::from_str(&answer.body).ok().filter(is_over)
    })
    .await;
    assert_eq!(lab.landscape.issued(), 1);
    assert_eq!(lab.landscape.caller_report().failures, 0);
    daemon.stop().await;
}

#[tokio::test]
async fn a_host_that_was_suspended_goes_on_where_it_was() {
    sleeps_at("POST", "/subaccountCertificates", Stage::Done).await;
    sleeps_at("PUT", "/subaccountDestinations", Stage::Done).await;
}
