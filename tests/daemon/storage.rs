//! The store when the disk is full: a rotation stops before its next act, people hear of it, and it goes on by itself.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use certsteward::sandbox::{Fault, Hold, Stage};

use super::lab::{Lab, is_over};
use crate::support::daemon::{Daemon, LIMIT, ask, configure, verb};
use crate::support::process::skipped;
use crate::support::wait::within;

/// The daemon's disk: a file system of its own, small enough to be filled, which ends with the daemon.
struct Disk(PathBuf);

impl Disk {
    /// Fills it to the last byte.
    fn fill(&self) {
        let mut ballast = std::fs::File::create(self.0.join("ballast")).unwrap();
        for size in [64 * 1024, 4096, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

/// Starts the daemon with its store on a disk of its own; none where that cannot be had here.
fn on_a_small_disk(folder: &Path) -> Option<(Daemon, Disk)> {
    let can = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        skipped("this machine lets no test have a file system of its own (unshare -rm, mount -t tmpfs)");
        return None;
    }
    std::fs::create_dir(folder.join("state")).unwrap();
    let mount = "mount -t tmpfs -o size=16m none state && exec \"$@\"";
    let daemon = Daemon::begun_by(folder, "unshare", &["-rm", "sh", "-c", mount, "sh"]);
    let disk = PathBuf::from(format!("/proc/{}/root{}/state", daemon.pid(), folder.display()));
    Some((daemon, Disk(disk)))
}

fn configuration(lab: &Lab) -> String {
    let places = [
        ("sqlite:state.db", "sqlite:state/state.db"),
        ("subject = \"auto\"", "subject = \"counted\""),
        ("\"* * * * *\"", "\"0 0 29 2 *\""),
    ];
    places.iter().fold(lab.configuration("act"), |text, (old, new)| text.replace(old, new))
}

fn hold(lab: &Lab, method: &str, path: &str, stage: Stage) -> Hold {
    let hold = Hold::at(stage);
    let (method, path_contains) = (Some(method.to_owned()), path.to_owned());
    lab.landscape.fault(Fault { method, path_contains, hold: Some(hold.clone()), ..Fault::default() });
    hold
}

/// The disk fills up while this call is in hand, is full for a while, and is freed.
async fn full_at(method: &str, path: &str, stage: Stage) {
    let lab = Lab::new().await;
    configure(lab.path(), &configuration(&lab));
    let held = hold(&lab, method, path, stage);
    let Some((daemon, disk)) = on_a_small_disk(lab.path()) else { return };
    tokio::time::timeout(LIMIT, held.reached()).await.expect("the call");
    disk.fill();
    held.release();
    is_told(&lab, &daemon).await;
    let changes = changes(&lab);
    // Several tries of the keeper later nothing has happened.
    let passes = daemon.metric("certsteward_pass_duration_seconds_count").await;
    let tried = "certsteward_store_writable";
    within(LIMIT, "a store that is still full", async || {
        (daemon.metric(tried).await == Some(0.0)).then_some(())
    })
    .await;
    assert_eq!(changes, self::changes(&lab), "nothing outside is changed while nothing can be saved");
    assert_eq!(passes, daemon.metric("certsteward_pass_duration_seconds_count").await);
    disk.free();
    daemon.logged("the store can be written again").await;
    within(LIMIT * 2, "the end of the rotation", async || {
        let answer = ask(daemon.port, "GET", "/api/v1/watches/sf-odata", "", "").await?;
        serde_json::from_str(&answer.body).ok().filter(is_over)
    })
    .await;
    ended_well(&lab, &daemon).await;
    daemon.stop().await;
}

/// Everybody is told, by every way there is, once.
async fn is_told(lab: &Lab, daemon: &Daemon) {
    let mail = within(LIMIT, "the mail that nothing can be saved", async || {
        lab.landscape.mails().into_iter().find(|mail| mail.subject.contains("cannot write its store"))
    })
    .await;
    assert!(mail.subject.contains("CRITICAL"), "{}", mail.subject);
    let ready = ask(daemon.port, "GET", "/-/ready", "", "").await.unwrap();
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("the store cannot be written since"), "{}", ready.body);
    assert_eq!(daemon.metric("certsteward_store_writable").await, Some(0.0));
    let status = daemon.json("/api/v1/status").await;
    assert_eq!((&status["ready"], &status["store"]["writable"]), (&false.into(), &false.into()), "{status}");
    let check = verb(lab.path(), &["check"]).await;
    assert!(check.code == 1 || check.code == 2, "{}", check.out);
    assert!(check.out.contains("cannot write its store since"), "{}", check.out);
    let command = verb(lab.path(), &["retry", "sf-odata"]).await;
    assert!(command.code != 0, "a command that cannot be saved is not accepted: {}", command.out);
}

/// Every request that changed something.
fn changes(lab: &Lab) -> Vec<String> {
    let requests = lab.landscape.requests();
    let changing =
        requests.iter().filter(|request| request.method != "GET" && request.path.contains("subaccount"));
    changing.map(|request| format!("{} {}", request.method, request.path)).collect()
}

async fn ended_well(lab: &Lab, daemon: &Daemon) {
    assert_eq!(lab.landscape.issued(), 1, "{:?}", changes(lab));
    let report = lab.landscape.caller_report();
    assert!(report.calls > 0);
    assert_eq!(report.failures, 0, "no call of the application is lost");
    let errors =
        daemon.log().lines().filter(|line| line.contains("ERROR")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(errors.len(), 1, "one clear error, not one for each try: {errors:#?}");
    let over = "can write its store again";
    within(LIMIT, "the mail that it is over", async || {
        lab.landscape.mails().into_iter().find(|mail| mail.subject.contains(over))
    })
    .await;
    let count =
        |words: &str| lab.landscape.mails().iter().filter(|mail| mail.subject.contains(words)).count();
    assert_eq!((count("cannot write its store"), count(over)), (1, 1));
    assert_eq!(daemon.metric("certsteward_store_writable").await, Some(1.0));
    let events = daemon.page("/api/v1/events").await;
    assert_eq!(events.matches("\"store-recovered\"").count(), 1, "{events}");
}

#[tokio::test]
async fn a_disk_that_is_full_when_the_candidate_is_issued_costs_no_call_and_no_second_issue() {
    full_at("POST", "/subaccountCertificates", Stage::Done).await;
}

#[tokio::test]
async fn a_disk_that_is_full_when_a_caller_is_switched_costs_no_call_and_no_second_issue() {
    full_at("PUT", "/subaccountDestinations", Stage::Done).await;
}

#[tokio::test]
async fn a_disk_that_is_full_while_a_person_is_asked_costs_no_call_and_no_second_issue() {
    full_at("DATA", "smtp", Stage::Arrived).await;
}
