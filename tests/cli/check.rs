//! `certsteward check`: its one line, its numbers and its exits, as monitoring systems read them.
//! The daemon here is a listener with prepared answers, or there is none.

use certsteward::domain::chain::Chain;
use certsteward::domain::record::Publication;
use certsteward::journal::sqlite::Sqlite;
use certsteward::journal::{Change, Journal as _};
use serde_json::{Value, json};

use super::daemon::against;
use super::{Ran, certsteward};
use crate::support::samples;

#[test]
fn a_store_that_cannot_be_written_is_critical_because_nothing_is_renewed() {
    let fine = json!({ "id": "b", "level": "ok", "step": "watching", "seen_at": "2026-01-01T00:00:00Z" });
    let failing = json!({ "since": "2026-01-01T00:00:00Z", "text": "disk full" });
    let status = json!({ "ready": false, "store": { "failing": failing } });
    let (ran, _) =
        against(vec![("200 OK", json!({ "watches": [fine] })), ("200 OK", status.clone())], &["check"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.out.starts_with("CRITICAL - certsteward cannot write its store since "), "{}", ran.out);
    let (ran, _) = against(vec![("200 OK", fine), ("200 OK", status)], &["plan", "b"]);
    assert!(ran.err.contains("cannot write its store since") && ran.code == 0, "{}", ran.err);
}

#[test]
fn check_exits_with_the_worst_level_and_says_each_finding() {
    let watch = json!({
        "id": "a", "level": "critical", "step": "watching", "common_name": "SFAPI", "seen_at": "2026-11-01T00:00:00Z",
        "expires": "2020-01-01T00:00:00Z", "deadline": "2020-01-01T00:00:00Z",
        "findings": [{ "level": "critical", "text": "the certificate has expired", "way_out": "renew it" }],
    });
    let fine = json!({ "id": "b", "level": "ok", "step": "watching", "seen_at": "2026-11-01T00:00:00Z" });
    let list = ("200 OK", json!({ "watches": [fine, watch] }));
    let (ran, asked) = against(vec![list, ("200 OK", json!({}))], &["check"]);
    assert_eq!((ran.code, asked[0].line.as_str()), (2, "GET /api/v1/watches"));
    assert!(
        ran.out.starts_with(
            "CRITICAL - 1 critical, 1 ok; a: the certificate has expired | 'a_days_to_expiry'=-"
        ),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("\n  critical: the certificate has expired\n    way out: renew it\n"),
        "{}",
        ran.out
    );
}

#[test]
fn check_counts_to_the_expiry_and_to_the_deadline_and_names_each_for_what_it_is() {
    let ends = |expires: &str, deadline: &str| {
        let watch = json!({
            "id": "a", "level": "ok", "step": "watching", "common_name": "SFAPI", "seen_at": "2026-11-01T00:00:00Z",
            "expires": expires, "deadline": deadline,
        });
        against(vec![("200 OK", json!({ "watches": [watch] })), ("200 OK", json!({}))], &["check"]).0.out
    };
    let out = ends("2099-03-01T00:00:00Z", "2099-01-01T00:00:00Z");
    let value = |name: &str| -> i64 {
        let rest = out.split_once(&format!("'a_days_to_{name}'=")).unwrap().1;
        rest.split([' ', '\n']).next().unwrap().parse().unwrap()
    };
    assert_eq!(value("expiry") - value("deadline"), 59, "{out}");
    let line = out.lines().nth(1).unwrap();
    for (name, day) in [("expires", "2099-03-01"), (", deadline", "2099-01-01")] {
        let number = if name == "expires" { value("expiry") } else { value("deadline") };
        assert!(line.contains(&format!("{name} {day} 00:00:00 UTC ({number} days left)")), "{out}");
    }
    let out = ends("2099-03-01T00:00:00Z", "2099-03-01T00:00:00Z");
    assert!(!out.lines().nth(1).unwrap().contains("deadline"), "said once: {out}");
}

#[test]
fn a_configuration_that_is_broken_on_disk_is_a_warning_with_its_first_problem() {
    let fine = json!({ "id": "b", "level": "ok", "step": "watching", "seen_at": "2026-01-01T00:00:00Z" });
    let problems = "c.toml:3:1: watch[b].mode: \"x|y\" is none of observe, propose, act\nc.toml:9:1: sockets: no such key";
    let reload = json!({ "at": "2026-11-01T00:00:00Z", "succeeded": false, "text": problems });
    let status = || ("200 OK", json!({ "last_reload": reload }));
    let said = "the configuration could not be read again at 2026-11-01 00:00 UTC, so the one before goes on: \
c.toml:3:1: watch[b].mode: \"x/y\" is none of observe, propose, act (and 1 more: certsteward config check)";
    let (ran, _) = against(vec![("200 OK", json!({ "watches": [fine] })), status()], &["check"]);
    assert_eq!((ran.code, ran.out.lines().next().unwrap()), (1, &*format!("WARNING - {said}; 1 ok | ")));
    let (ran, _) = against(vec![("200 OK", fine), status()], &["plan", "b"]);
    assert_eq!(ran.err, format!("{said}\n"));
}

#[test]
fn a_pause_of_everything_is_shown_at_once_and_is_no_fault() {
    let fine = json!({ "id": "b", "level": "ok", "step": "watching", "seen_at": "2026-01-01T00:00:00Z" });
    let status = || ("200 OK", json!({ "paused": { "since": "2026-11-01T00:00:00Z", "by": "anna" } }));
    let said =
        "acts are paused everywhere by anna since 2026-11-01 00:00 UTC (end it with: certsteward resume)";
    let (ran, _) = against(vec![("200 OK", json!({ "watches": [fine] })), status()], &["check"]);
    assert_eq!((ran.code, ran.out.lines().next().unwrap()), (0, &*format!("OK - {said}; 1 ok | ")));
    let (ran, _) = against(vec![("200 OK", fine), status()], &["plan", "b"]);
    assert_eq!(ran.err, format!("{said}\n"));
}

#[test]
fn check_of_a_watch_that_is_not_there_is_unknown() {
    let list = ("200 OK", json!({ "watches": [{ "id": "b", "level": "ok" }] }));
    let (ran, _) = against(vec![list, ("200 OK", json!({}))], &["check", "a"]);
    ran.expect(3, "UNKNOWN - there is no watch \"a\"; there are: b\n", "");
}

#[test]
fn check_warns_of_a_picture_that_has_grown_old() {
    let fine = json!({ "id": "b", "level": "ok", "step": "watching", "seen_at": "2026-01-01T00:00:00Z" });
    let status = json!({ "last_pass": "2026-01-01T00:00:00Z", "next_pass": "2026-01-01T00:15:00Z" });
    let (ran, asked) =
        against(vec![("200 OK", json!({ "watches": [fine] })), ("200 OK", status)], &["check"]);
    assert_eq!((ran.code, asked[1].line.as_str()), (1, "GET /api/v1/status"));
    assert!(ran.out.starts_with("WARNING - the newest picture is "), "{}", ran.out);
    assert!(ran.out.contains(" minutes old; 1 ok | "), "{}", ran.out);
}

/// A watch of a file whose certificate is good for long, and no daemon.
fn watched_file(arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    std::fs::write(folder.path().join("a.pem"), certificate.pem()).unwrap();
    let text = "[daemon]\nsocket = \"s\"\nstate = \"sqlite:state.db\"\n[[watch]]\nid = \"a\"\nsource = { type = \"file\", path = \"a.pem\" }\n";
    std::fs::write(folder.path().join("c.toml"), text).unwrap();
    let ran = certsteward(folder.path(), &[&["--config", "c.toml"], arguments].concat());
    assert!(!folder.path().join("state.db").exists(), "one look writes no store");
    ran
}

#[tokio::test]
async fn check_without_a_daemon_begins_from_what_people_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
    std::fs::write(folder.path().join("a.pem"), &pem).unwrap();
    let text = "[daemon]\nsocket = \"s\"\nstate = \"sqlite:state.db\"\n[[watch]]\nid = \"a\"\nsource = { type = \"file\", path = \"a.pem\" }\n[[watch.target]]\nid = \"sc\"\ntype = \"successfactors\"\nconfiguration_name = \"A\"\nintegration_name = \"B\"\nconnection = \"sf\"\n[connections.sf]\ntype = \"successfactors\"\ncompany_id = \"ACME\"\napi = \"https://127.0.0.1:9\"\n";
    std::fs::write(folder.path().join("c.toml"), text).unwrap();
    let asks_for_sc = || {
        let ran = certsteward(folder.path(), &["--config", "c.toml", "check", "--json"]);
        let json: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
        json["watches"][0]["findings"].as_array().unwrap().iter().any(|finding| finding["about"] == "sc")
    };
    assert!(asks_for_sc());
    let content = certsteward::formats::read(pem.as_bytes(), None).unwrap();
    let chain = Chain::assemble(content.certificates.clone(), None).unwrap();
    let mut standing = samples::standing(chain, "a.pem", samples::at("2026-01-01T00:00:00Z"), false);
    let word = Some((samples::at("2026-01-02T00:00:00Z"), "Robin Sample".to_owned()));
    standing.targets.insert("sc".to_owned(), Publication { confirmed: word, ..Publication::default() });
    let (store, _) =
        Sqlite::open(&folder.path().join("state.db"), samples::at("2026-01-02T00:00:00Z")).unwrap();
    let change = Change {
        watch: "a".to_owned(),
        record: Some(samples::seen(standing)),
        events: Vec::new(),
        messages: Vec::new(),
        absorbed: Vec::new(),
    };
    store.save(change).await.unwrap();
    drop(store);
    assert!(!asks_for_sc());
}

#[test]
fn check_without_a_daemon_is_at_least_a_warning_and_says_why() {
    let ran = watched_file(&["check"]);
    assert!(ran.out.contains(" - certsteward is not running, looked once; "), "{}{}", ran.out, ran.err);
    assert!(ran.code == 1 || ran.code == 2, "{}", ran.out);
    let json: Value = serde_json::from_str(&watched_file(&["check", "--json"]).out).unwrap();
    assert_eq!((&json["daemon"], json["state"] == "ok"), (&json!("not running"), false));
}

#[test]
fn a_wrong_password_names_where_it_was_read_and_where_the_right_one_goes() {
    let folder = tempfile::tempdir().unwrap();
    let archive = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/pkcs12/modern.p12");
    std::fs::copy(archive, folder.path().join("a.p12")).unwrap();
    std::fs::write(folder.path().join("pw"), "wrong\n").unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(folder.path().join("pw"), private).unwrap();
    let text = "[daemon]\nsocket = \"s\"\n[[watch]]\nid = \"a\"\nsource = { type = \"file\", path = \"a.p12\", password = { file = \"pw\" } }\n";
    std::fs::write(folder.path().join("c.toml"), text).unwrap();
    let ran = certsteward(folder.path(), &["--config", "c.toml", "check"]);
    let place = folder.path().display();
    assert_eq!(ran.code, 2, "{}", ran.out);
    let said = format!(": the password in the secret file {place}/pw does not open it\n");
    assert!(ran.out.contains(&said) && !ran.out.contains(&format!(": {place}/a.p12: ")), "{}", ran.out);
    assert!(
        ran.out.contains(
            "way out: put the password that opens it where password of the watch's source names it"
        ),
        "{}",
        ran.out
    );
}

#[test]
fn check_that_was_asked_to_look_itself_only_says_so() {
    let ran = watched_file(&["check", "--now"]);
    assert!(ran.out.contains(" - looked once; ") && !ran.out.contains("not running"), "{}", ran.out);
}

#[test]
fn plan_without_a_daemon_says_that_nothing_of_it_happens() {
    let ran = watched_file(&["plan", "a"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("certsteward is not running: looked once"), "{}", ran.err);
}
