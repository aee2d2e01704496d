//! Discoveries of every kind in the running daemon: what comes, goes, cannot be seen, and what certsteward renews itself.

use std::sync::Arc;
use std::time::Duration;

use certsteward::net::{self, Net};
use certsteward::sandbox::{Fault, Hands, Matching, Options};
use certsteward::sap::{ConnectionSettings, DestinationService, Level};
use certsteward::secret::SecretRef;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::certificate;
use super::lab::{Lab, is_over};
use crate::sap::stage::{API, Stage, says};
use crate::support::daemon::{Daemon, LIMIT, configure, head, run, verb};
use crate::support::pki::{Authority, NOW, server};
use crate::support::server::{Asks, Server, json};
use crate::support::wait::within;

const ALL: &str =
    "\n[[discover]]\nid = \"all\"\ntype = \"destination-service\"\nconnection = \"btp\"\nprefix = \"all-\"\n";

/// Somebody else with the same key.
fn somebody(lab: &Lab) -> Arc<DestinationService> {
    let settings = ConnectionSettings {
        name: "somebody".to_owned(),
        service_key: SecretRef::File(lab.path().join("service-key.json")),
        net: net::Settings { proxy: Some("none".to_owned()), ..net::Settings::default() },
    };
    Arc::new(DestinationService::new(Net::new().unwrap(), settings))
}

fn ring(daemon: &Daemon) {
    daemon.signal(Signal::SIGHUP);
}

/// Waits until the watch is gone: its series at once, with a finding in their place.
async fn gone(daemon: &Daemon, id: &str) {
    let series =
        format!("certsteward_watch_findings{{watch=\"{id}\",code=\"watch-vanished\",level=\"warning\"}}");
    within(LIMIT, &format!("the end of {id}"), async || daemon.metric(&series).await).await;
    let page = daemon.page("/metrics").await;
    let of_it: Vec<&str> = page.lines().filter(|line| line.contains(&format!("watch=\"{id}\""))).collect();
    assert_eq!(of_it.len(), 1, "{of_it:#?}");
    let status = daemon.json("/api/v1/status").await;
    assert!(status["vanished"].as_array().unwrap().iter().any(|gone| gone["id"] == id), "{status:#}");
    let events = daemon.json(&format!("/api/v1/events?watch={id}&limit=20")).await["events"].clone();
    // A pass that was under way may say last of all that it saw nothing any more.
    let last = events.as_array().unwrap().iter().find(|event| event["kind"] != "went-unseen").unwrap();
    assert_eq!(last["kind"], "vanished", "{events:#}");
    assert!(last["facts"]["found_by"].is_string(), "{events:#}");
}

async fn seen(daemon: &Daemon, id: &str) -> Value {
    daemon.watch(id, &format!("the watch {id}, seen"), |watch| watch["seen_at"].is_string()).await
}

/// Discovered watches, in the order of their ids.
async fn discovered(daemon: &Daemon) -> Vec<String> {
    let watches = daemon.json("/api/v1/watches").await["watches"].clone();
    let found = watches.as_array().unwrap().iter().filter(|watch| watch["found_by"].is_string());
    let mut ids: Vec<String> = found.map(|watch| watch["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn what_comes_and_goes_in_a_subaccount_is_watched_and_told() {
    let lab = Lab::new().await;
    let told = "\n[[notifier]]\nid = \"ops\"\ntype = \"smtp\"\nserver = \"smtp+plain://@smtp@\"\nfrom = \"c@example.org\"\nto = [\"ops@example.org\"]\nsend = [\"watches\"]\n";
    let told = told.replace("@smtp@", &lab.landscape.addresses().smtp);
    let service = somebody(&lab);
    service.upload(Level::Subaccount, "plain.pem", certificate("plain", 30, 335).0.as_bytes()).await.unwrap();
    let daemon = lab.daemon("observe", &format!("{ALL}{told}")).await;
    assert_eq!(discovered(&daemon).await, ["all-plain.pem"], "what sf-odata follows is not watched twice");
    let watch = seen(&daemon, "all-plain.pem").await;
    assert_eq!((&watch["found_by"], &watch["common_name"]), (&"all".into(), &"plain".into()));
    assert_eq!(
        daemon.metric("certsteward_discovery_watches{discovery=\"all\",type=\"destination-service\"}").await,
        Some(1.0)
    );
    assert_eq!(daemon.metric("certsteward_discovery_seen{discovery=\"all\"}").await, Some(1.0));

    service
        .upload(Level::Subaccount, "second.pem", certificate("second", 30, 335).0.as_bytes())
        .await
        .unwrap();
    ring(&daemon);
    seen(&daemon, "all-second.pem").await;
    let events = daemon.json("/api/v1/events?watch=all-second.pem&limit=20").await["events"].clone();
    let found = events.as_array().unwrap().iter().find(|event| event["kind"] == "found").unwrap();
    assert_eq!(found["facts"]["found_by"], "all");
    assert!(
        found["text"].as_str().unwrap().contains("the discovery all found btp subaccount second.pem"),
        "{found:#}"
    );

    service.delete(Level::Subaccount, "second.pem").await.unwrap();
    ring(&daemon);
    gone(&daemon, "all-second.pem").await;
    let subjects = within(LIMIT, "three mails about watches", async || {
        let mails = lab.landscape.mails();
        let subjects: Vec<String> = mails
            .into_iter()
            .map(|mail| mail.subject)
            .filter(|s| s.contains("watches of the discovery all"))
            .collect();
        (subjects.len() == 3).then_some(subjects)
    })
    .await;
    assert!(subjects[0].contains("1 new") && subjects[2].contains("1 gone"), "{subjects:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn while_nothing_can_be_seen_everything_goes_on_even_through_a_restart() {
    let lab = Lab::new().await;
    let service = somebody(&lab);
    service.upload(Level::Subaccount, "plain.pem", certificate("plain", 30, 335).0.as_bytes()).await.unwrap();
    let daemon = lab.daemon("observe", ALL).await;
    seen(&daemon, "all-plain.pem").await;
    let maintenance = || {
        let path_contains = "destination-configuration".to_owned();
        let body = "Service Unavailable".to_owned();
        lab.landscape.fault(Fault {
            path_contains,
            status: Some(503),
            body,
            times: 10_000,
            ..Fault::default()
        });
    };
    maintenance();
    ring(&daemon);
    let blind = "certsteward_discovery_seen{discovery=\"all\"}";
    within(LIMIT, "a blind discovery", async || daemon.metric(blind).await.filter(|seen| *seen < 1.0)).await;
    daemon.logged("the discovery all could not look everywhere").await;
    assert_eq!(discovered(&daemon).await, ["all-plain.pem"]);
    let checked = verb(lab.path(), &["check"]).await;
    assert!(checked.code == 1 || checked.code == 2, "{}", checked.out);
    assert!(checked.out.contains("the discovery all cannot look everywhere since"), "{}", checked.out);
    let page = daemon.page("/").await;
    assert!(page.contains("The discovery all cannot look everywhere"), "{page}");
    daemon.stop().await;

    let daemon = Daemon::started(lab.path(), &[]).await;
    let watch = daemon
        .watch("all-plain.pem", "the watch, unseen and not gone", |watch| watch["unseen"].is_object())
        .await;
    assert_eq!(watch["common_name"], "plain", "what is known of it is shown");
    let status = daemon.json("/api/v1/status").await;
    assert_eq!(status["discoveries"][0]["unseen"]["reason"], "unavailable", "{status:#}");
    assert_eq!(status["vanished"], Value::Array(Vec::new()));
    daemon.stop().await;
}

#[tokio::test]
async fn a_renewal_beside_a_discovery_leaves_no_candidate_or_replaced_entry_watched_twice() {
    let lab = Lab::new().await;
    let daemon = lab.daemon("act", ALL).await;
    within(LIMIT * 2, "the end of the renewal, the bell ringing meanwhile", async || {
        ring(&daemon);
        Some(daemon.json("/api/v1/watches/sf-odata").await).filter(is_over)
    })
    .await;
    assert_eq!(discovered(&daemon).await, Vec::<String>::new());
    let events = daemon.page("/api/v1/events?limit=1000").await;
    assert!(!events.contains("\"found\""), "{events}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_discovered_watch_is_renewed_and_stays_the_same_watch() {
    let lab = Lab::of(Options {
        matching: Matching::Dn,
        hands: Hands::Me,
        caller_cache: Duration::from_millis(500),
        ..Options::default()
    })
    .await;
    let text = lab.configuration("act");
    let (before, watch) = text.split_once("[[watch]]").unwrap();
    let served = watch.split_once("[[watch.target]]").unwrap().1;
    let discover = format!(
        "[[discover]]\nid = \"all\"\ntype = \"destination-service\"\nconnection = \"btp\"\nmode = \"act\"\nauto_renew = \"no\"\ncache = \"500ms\"\nrenewal = {{ type = \"destination-service\" }}\n\n[[discover.target]]{}",
        served.replace("[[watch.", "[[discover.")
    );
    let daemon = Daemon::start(lab.path(), &format!("{before}{discover}")).await;
    within(LIMIT * 2, "the end of the renewal, the bell ringing meanwhile", async || {
        ring(&daemon);
        Some(daemon.json("/api/v1/watches/sfapi.pem").await).filter(is_over)
    })
    .await;
    ring(&daemon);
    let moved = "the watch sfapi.pem is otherwise than before";
    assert_eq!(discovered(&daemon).await, ["sfapi.pem"]);
    let log = daemon.log();
    assert!(!log.contains("no longer found"), "{log}");
    let entries: Vec<String> = lab.landscape.entries().into_iter().map(|entry| entry.name).collect();
    assert_eq!(entries, ["sfapi-2.pem"], "the old entry is retired");
    assert_eq!(lab.landscape.caller_report().failures, 0);
    assert!(!log.contains(moved), "it reads by the same destination: {log}");
    daemon.stop().await;
}

/// A TLS server with a certificate of its own.
async fn tls() -> Server {
    let authority = Authority::root("Example CA");
    Server::tls(&authority.issue(&server(NOW)), &Asks::Never, json("200 OK", "{}")).await
}

#[tokio::test]
async fn targets_of_a_list_in_a_file_come_and_go_as_the_file_changes() {
    let (folder, one, two) = (tempfile::tempdir().unwrap(), tls().await, tls().await);
    let write = |text: String| {
        let fresh = folder.path().join("targets/new");
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(fresh, folder.path().join("targets/t.yml")).unwrap();
    };
    let group =
        |port: u16| format!("- targets: ['localhost:{port}']\n  labels: {{team: ops, __scheme__: https}}\n");
    std::fs::create_dir(folder.path().join("targets")).unwrap();
    write(group(one.port) + &group(two.port));
    let discover = "[[discover]]\nid = \"list\"\ntype = \"file-sd\"\npaths = [\"targets/*.yml\"]\nlabels = { stage = \"test\" }\n";
    let daemon = Daemon::start(folder.path(), &(head() + discover)).await;
    let (first, second) = (format!("localhost-{}", one.port), format!("localhost-{}", two.port));
    let watch = seen(&daemon, &first).await;
    assert_eq!(watch["labels"], serde_json::json!({"stage": "test", "team": "ops"}), "{watch:#}");
    seen(&daemon, &second).await;
    write(group(one.port));
    gone(&daemon, &second).await;
    write("- targets: [".to_owned());
    daemon.logged("what it held before goes on").await;
    assert_eq!(discovered(&daemon).await, [first]);
    daemon.stop().await;
}

#[tokio::test]
async fn targets_of_a_list_behind_an_address_come_and_go_and_stay_while_it_is_down() {
    let (folder, list, one) = (tempfile::tempdir().unwrap(), Stage::open().await, tls().await);
    let says_list = |targets: &[String]| {
        let text = serde_json::json!([{ "targets": targets }]);
        list.on("GET /targets", [says(200, text).with("content-type", "application/json")]);
    };
    let there = format!("localhost:{}", one.port);
    says_list(&[there.clone(), "https://127.0.0.1:1/health".to_owned()]);
    let discover = format!(
        "[[discover]]\nid = \"cmdb\"\ntype = \"http-sd\"\nurl = \"{}{API}/targets\"\nproxy = \"none\"\n",
        list.address
    );
    let daemon = Daemon::start(folder.path(), &(head() + &discover)).await;
    seen(&daemon, &format!("localhost-{}", one.port)).await;
    daemon.watch("127.0.0.1-1", "a target where nothing listens", |watch| watch["unseen"].is_object()).await;
    list.on("GET /targets", [says(500, "down")]);
    ring(&daemon);
    daemon.logged("the discovery cmdb could not look everywhere").await;
    assert_eq!(discovered(&daemon).await.len(), 2);
    says_list(&[there]);
    ring(&daemon);
    gone(&daemon, "127.0.0.1-1").await;
    daemon.logged("the discovery cmdb can look everywhere again").await;
    daemon.stop().await;
}

#[tokio::test]
async fn files_come_and_go_without_a_ring() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str| {
        std::fs::write(folder.path().join("certs").join(name), certificate(name, 30, 335).0).unwrap()
    };
    std::fs::create_dir(folder.path().join("certs")).unwrap();
    put("a.pem");
    let discover = "[[discover]]\nid = \"files\"\ntype = \"file\"\npaths = [\"certs/*.pem\"]\n";
    let daemon = Daemon::start(folder.path(), &(head() + discover)).await;
    seen(&daemon, "a.pem").await;
    put("b.pem");
    seen(&daemon, "b.pem").await;
    std::fs::remove_file(folder.path().join("certs/b.pem")).unwrap();
    gone(&daemon, "b.pem").await;
    put("b.pem");
    seen(&daemon, "b.pem").await;
    let events = daemon.json("/api/v1/events?watch=b.pem&limit=20").await["events"].clone();
    let back = events.as_array().unwrap().iter().find(|event| event["kind"] == "watched").unwrap();
    assert!(back["text"].as_str().unwrap().contains("is found again"), "{events:#}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_certificate_behind_folders_of_a_pattern_is_followed_without_a_ring() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    let issue =
        |to: &str, name: &str, days: i64| std::fs::write(at(to), certificate(name, 30, days).0).unwrap();
    let link = |name: &str, version: u8| {
        let (place, new) = (at(&format!("live/{name}/fullchain.pem")), at("live/new"));
        std::os::unix::fs::symlink(format!("../../archive/{name}{version}.pem"), &new).unwrap();
        std::fs::rename(new, place).unwrap();
    };
    std::fs::create_dir_all(at("live/a")).unwrap();
    std::fs::create_dir(at("archive")).unwrap();
    issue("archive/a1.pem", "a", 10);
    link("a", 1);
    let discover = "[[discover]]\nid = \"certbot\"\ntype = \"file\"\npaths = [\"live/*/fullchain.pem\"]\n";
    let daemon = Daemon::start(folder.path(), &(head() + discover)).await;
    let ids =
        within(LIMIT, "the first", async || Some(discovered(&daemon).await).filter(|ids| ids.len() == 1));
    let a = ids.await.remove(0);
    // It is shown before it was looked at.
    let end = |watch: &Value| watch["certificates"]["in_force"]["not_after"].clone();
    daemon.watch(&a, "its certificate", |watch| end(watch).is_string()).await;
    let before = end(&seen(&daemon, &a).await);

    issue("archive/a2.pem", "a", 90);
    link("a", 2);
    daemon.watch(&a, "the renewed certificate", |watch| end(watch) != before).await;

    std::fs::create_dir(at("live/b")).unwrap();
    issue("archive/b1.pem", "b", 90);
    link("b", 1);
    let both = async || Some(discovered(&daemon).await).filter(|ids| ids.len() == 2);
    within(LIMIT, "the second, in a folder of its own", both).await;
    std::fs::rename(at("live/a"), at("taken")).unwrap();
    gone(&daemon, &a).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_changed_watch_is_an_event_and_a_command_to_a_new_one_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("certs")).unwrap();
    std::fs::write(folder.path().join("certs/a.pem"), certificate("a", 30, 335).0).unwrap();
    let discover = "[[discover]]\nid = \"files\"\ntype = \"file\"\npaths = [\"certs/*.pem\"]\n";
    let config = head() + discover;
    let daemon = Daemon::start(folder.path(), &config).await;
    configure(folder.path(), &(config + "labels = { stage = \"prod\" }\n"));
    ring(&daemon);
    daemon.logged("the watch a.pem is otherwise than before: labels").await;
    let labelled = |watch: &Value| watch["labels"]["stage"] == "prod";
    daemon.watch("a.pem", "the watch with its label", labelled).await;
    let paused = verb(folder.path(), &["pause", "a.pem"]).await;
    assert_eq!(paused.code, 0, "{}{}", paused.out, paused.err);
    daemon.stop().await;
    assert_eq!(run(folder.path(), &["check"]).code, 1, "looked at without a daemon");
}

#[tokio::test]
async fn a_discovery_that_takes_long_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.pem"), certificate("a", 30, 335).0).unwrap();
    let silent = Server::silent().await;
    let discover = format!(
        "[[discover]]\ntype = \"http-sd\"\nurl = \"http://127.0.0.1:{}/\"\nproxy = \"none\"\n",
        silent.port
    );
    let config = head() + &super::file_watch("a", "a.pem") + &discover;
    configure(folder.path(), &config);
    let daemon = Daemon::begun(folder.path(), &[]);
    within(LIMIT, "the watch that is written out", async || {
        let answer = crate::support::daemon::ask(daemon.port, "GET", "/api/v1/watches/a", "", "").await?;
        let watch: Value = serde_json::from_str(&answer.body).ok()?;
        watch["seen_at"].is_string().then_some(())
    })
    .await;
    daemon.stop().await;
}
