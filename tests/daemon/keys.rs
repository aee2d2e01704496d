//! The service key is rotated, refused and put right under a running daemon: no reload, no restart, and the way out is said.
//! And what one watch learned of a tenant is known to another after a start.

use std::path::Path;

use certsteward::clock::{Clock as _, SystemClock};
use certsteward::domain::record::{Learned, Record};
use certsteward::domain::watch::Matching;
use certsteward::journal::sqlite::Sqlite;
use certsteward::journal::{Change, Journal as _};
use serde_json::Value;

use super::lab::{Lab, is_over};
use crate::support::daemon::{Daemon, LIMIT, ask, configure};
use crate::support::wait::within;

/// Puts another key in place of the one there, whole at once, as secret as before.
fn put(folder: &Path, key: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let fresh = folder.join("service-key.json.new");
    std::fs::write(&fresh, key).unwrap();
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(fresh, folder.join("service-key.json")).unwrap();
}

fn unseen(watch: &Value) -> Option<&Value> {
    watch["findings"].as_array()?.iter().find(|finding| finding["code"] == "unseen")
}

#[tokio::test]
async fn a_key_that_is_rotated_or_refused_is_noticed_at_once_and_says_what_to_do() {
    let lab = Lab::new().await;
    let text = lab.configuration("observe").replace("\"* * * * *\"", "\"0 0 29 2 *\"");
    let key = "service_key = { file = \"service-key.json\" }";
    let text = text.replace(key, &format!("{key}\nca = {{ file = \"server-ca.pem\" }}"));
    configure(lab.path(), &text);
    let daemon = Daemon::begun(lab.path(), &[]).ready().await;
    let good = std::fs::read_to_string(lab.path().join("service-key.json")).unwrap();

    put(lab.path(), &good.replace(&lab.key("clientsecret"), "a-secret-that-was-deleted"));
    let watch = daemon.watch("sf-odata", "the refusal", |watch| unseen(watch).is_some()).await;
    assert_eq!(watch["unseen"]["reason"], "unauthorized", "{watch:#}");
    let finding = unseen(&watch).unwrap();
    let (text, way_out) = (finding["text"].as_str().unwrap(), finding["way_out"].as_str().unwrap());
    assert!(text.contains("service-key.json") && text.contains("refused the service key of btp"), "{text}");
    assert!(way_out.contains("[connections.btp] service_key") && way_out.contains("no restart"), "{way_out}");

    // Another kind of key: with a certificate, whose end is known.
    let other = std::fs::read_to_string(lab.path().join("service-key-x509.json")).unwrap();
    put(lab.path(), &other);
    daemon.watch("sf-odata", "the source, seen again", |watch| unseen(watch).is_none()).await;
    let ends = "certsteward_credential_not_after_timestamp_seconds{connection=\"btp\"}";
    let ends = within(LIMIT, "the end of the key", async || daemon.metric(ends).await).await;
    #[expect(clippy::as_conversions, reason = "a moment of this century")]
    let now = SystemClock.now().timestamp() as f64;
    assert!(ends > now, "{ends}");

    put(lab.path(), "{\"clientid\":");
    let watch = daemon.watch("sf-odata", "the broken key", |watch| unseen(watch).is_some()).await;
    assert_eq!(watch["unseen"]["reason"], "credential_unusable", "{watch:#}");
    put(lab.path(), &good);
    daemon.watch("sf-odata", "the source, seen again", |watch| unseen(watch).is_none()).await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_another_watch_learned_of_the_tenant_before_the_start_spares_a_candidate() {
    let lab = Lab::new().await;
    configure(lab.path(), &lab.configuration("act"));
    let api = lab.landscape.addresses().successfactors;
    let host = api.split("://").nth(1).unwrap().split(':').next().unwrap();
    let learned = Learned { matching: Matching::Exact, at: SystemClock.now(), from: None };
    let record = Record { learned: [(format!("{host}/ACME"), learned)].into(), ..Record::default() };
    let (journal, _) = Sqlite::open(&lab.path().join("state.db"), SystemClock.now()).unwrap();
    let change = Change {
        watch: "sf-sibling".to_owned(),
        record: Some(record),
        events: Vec::new(),
        messages: Vec::new(),
        absorbed: Vec::new(),
    };
    journal.save(change).await.unwrap();
    drop(journal);
    let daemon = Daemon::begun(lab.path(), &[]);
    within(LIMIT * 2, "the end of the rotation", async || {
        let answer = ask(daemon.port, "GET", "/api/v1/watches/sf-odata", "", "").await?;
        serde_json::from_str(&answer.body).ok().filter(is_over)
    })
    .await;
    let events = daemon.page("/api/v1/events?watch=sf-odata&limit=1000").await;
    assert!(
        events.contains(
            "recognises certificates by the exact certificate, as the watch sf-sibling has learned"
        ),
        "{events}"
    );
    assert_eq!(lab.landscape.issued(), 1, "no candidate is spent on learning what is known");
    assert_eq!(lab.landscape.caller_report().failures, 0);
    daemon.stop().await;
}

#[tokio::test]
async fn a_service_key_with_a_certificate_is_watched_without_being_asked() {
    let lab = Lab::new().await;
    let x509 = std::fs::read_to_string(lab.path().join("service-key-x509.json")).unwrap();
    put(lab.path(), &x509);
    let key = "service_key = { file = \"service-key.json\" }";
    let text =
        lab.configuration("observe").replace(key, &format!("{key}\nca = {{ file = \"server-ca.pem\" }}"));
    configure(lab.path(), &text);
    let daemon = Daemon::begun(lab.path(), &[]).ready().await;
    let seen = daemon.watch("service-key-btp", "its certificate", |watch| watch["seen_at"].is_string()).await;
    let ends = "certsteward_credential_not_after_timestamp_seconds{connection=\"btp\"}";
    let ends = within(LIMIT, "the end of the key", async || daemon.metric(ends).await).await;
    let own =
        "certsteward_certificate_not_after_timestamp_seconds{watch=\"service-key-btp\",role=\"in_force\"}";
    let own = within(LIMIT, "the end of its certificate", async || daemon.metric(own).await).await;
    assert!((own - ends).abs() < 1.0 && seen["mode"] == "observe", "{own} {ends} {seen:#}");
    let page = daemon.page("/api/v1/watches/service-key-btp").await;
    assert!(!page.contains("PRIVATE KEY"), "the key itself is not shown");
    daemon.stop().await;
}
