//! Employee Central Payroll: the key never leaves STRUST, so its public certificate is dropped into a folder, handed over by a
//! person and confirmed by name, never proven.

use std::path::Path;

use serde_json::Value;

use super::certificate;
use crate::support::daemon::{Daemon, ask, head, verb};

const TARGET: &str = "type = \"successfactors\"\nid = \"security-center\"\nconnection = \"sf\"\n\
configuration_name = \"Payroll mTLS\"\nintegration_name = \"Employee Central Payroll\"\nlogin_name = \"PAYROLL\"\n\n\
[connections.sf]\ntype = \"successfactors\"\napi = \"https://localhost:1\"\ncompany_id = \"ACME\"\n";

/// The certificate as STRUST exports it in Base64 and somebody ran it through `openssl x509 -text` on Windows.
fn exported(pem: &str) -> String {
    let head = "Certificate:\n    Data:\n        Version: 3 (0x2)\n        Signature Algorithm: ecdsa-with-SHA256\n\
        Issuer: O = ACME, CN = PAYROLL\n        Subject: O = ACME, CN = PAYROLL\n";
    format!("{head}{pem}").replace('\n', "\r\n")
}

/// Replaces a file as careful people do: beside it, then renamed.
fn drop_in(folder: &Path, name: &str, pem: &str) {
    let beside = folder.join(".coming");
    std::fs::write(&beside, exported(pem)).unwrap();
    std::fs::rename(beside, folder.join(name)).unwrap();
}

fn question(watch: &Value) -> &Value {
    &watch["hand_offs"][0]
}

fn state(watch: &Value) -> &Value {
    &watch["targets"][0]["in_force"]["state"]
}

fn asks(watch: &Value, ask: &str) -> bool {
    question(watch)["ask"] == ask
}

async fn in_an_empty_folder(folder: &Path) -> Daemon {
    std::fs::create_dir(folder.join("in")).unwrap();
    let config = format!(
        "{}[[discover]]\ntype = \"file\"\npaths = [\"in/*.cer\"]\n\n[[discover.target]]\n{TARGET}",
        head()
    );
    Daemon::start(folder, &config).await
}

#[tokio::test]
async fn an_exported_certificate_is_noticed_handed_over_confirmed_by_name_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("in");
    let daemon = in_an_empty_folder(folder.path()).await;
    assert_eq!(daemon.json("/api/v1/status").await["watches"], 0);

    drop_in(&inbox, "payroll.cer", &certificate("PAYROLL", 30, 335).0);
    let watch = daemon.watch("payroll.cer", "the first question", |watch| asks(watch, "add")).await;
    let fields = question(&watch)["fields"].to_string();
    assert!(fields.contains("Employee Central Payroll") && fields.contains("Payroll mTLS"), "{fields}");
    let test = question(&watch)["test"].as_str().unwrap();
    assert!(test.contains("SM59") && test.contains("HRSFEC_PTP_CONFIG"), "{test}");
    assert_eq!(state(&watch), "asked");

    let confirm =
        ["confirm", "payroll.cer", "security-center", "--comment", "SM59 is green", "--ticket", "CHG-7"];
    let ran = verb(folder.path(), &confirm).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let watch = daemon.watch("payroll.cer", "the confirmation", |watch| state(watch) == "confirmed").await;
    confirmed_and_never_proven(&daemon, &watch, &user()).await;
    let history = daemon.page("/api/v1/events?watch=payroll.cer").await;
    assert!(history.contains("SM59 is green") && history.contains("CHG-7"), "{history}");

    drop_in(&inbox, "payroll.cer", &certificate("PAYROLL", 0, 365).0);
    let watch = daemon.watch("payroll.cer", "the second question", |watch| asks(watch, "replace")).await;
    assert_ne!(state(&watch), "confirmed", "a new certificate is nobody's word yet");
    daemon.stop().await;
}

async fn confirmed_and_never_proven(daemon: &Daemon, watch: &Value, who: &str) {
    let known = &watch["targets"][0]["in_force"];
    assert!(known["proven"].is_null() && known["confirmed"]["by"].as_str() == Some(who), "{known}");
    assert_eq!(watch["hand_offs"].as_array().unwrap().len(), 0);
    let page = daemon.page("/watches/payroll.cer").await;
    assert!(page.contains("confirmed") && page.contains(who), "{page}");
    let metrics = daemon.page("/metrics").await;
    let of_watch = |prefix: &str| {
        metrics.lines().any(|line| line.starts_with(prefix) && line.contains("watch=\"payroll.cer\""))
    };
    assert!(!of_watch("certsteward_probe_"), "nothing was probed, so nothing is said of probes");
    assert!(!of_watch("certsteward_handoff_open_since"), "{metrics}");
    assert!(metrics.contains(
        "certsteward_target_match{watch=\"payroll.cer\",target=\"security-center\",match=\"unknown\"} 1"
    ));
}

fn user() -> String {
    nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name
}

#[tokio::test]
async fn whoever_has_the_link_confirms_with_their_own_name() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = in_an_empty_folder(folder.path()).await;
    drop_in(&folder.path().join("in"), "payroll.cer", &certificate("PAYROLL", 30, 335).0);
    let watch = daemon.watch("payroll.cer", "the question", |watch| asks(watch, "add")).await;
    assert!(question(&watch).get("link").is_none(), "the network is not told the link");
    let shown = verb(folder.path(), &["plan", "payroll.cer", "--json"]).await;
    let shown = if shown.out.contains("/handoffs/") { shown.out } else { local(folder.path()).await };
    let path = shown.split("/handoffs/").nth(1).unwrap().split(['"', '\\']).next().unwrap().to_owned();
    let page = daemon.page(&format!("/handoffs/{path}")).await;
    assert!(page.contains("Employee Central Payroll") && page.contains("SM59"), "{page}");
    let public = daemon.page(&format!("/handoffs/{path}/public.pem")).await;
    assert!(public.starts_with("-----BEGIN CERTIFICATE-----\n") && !public.contains('\r'), "{public}");
    let say = format!("/handoffs/{path}/say");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    assert_eq!(daemon.post(&say, form, "sign=confirmed").await.status, 400, "a word is somebody's");
    let said = daemon.post(&say, form, "sign=confirmed&name=Alex+Example").await;
    assert_eq!(said.status, 202, "{said:?}");
    let watch = daemon.watch("payroll.cer", "the confirmation", |watch| state(watch) == "confirmed").await;
    confirmed_and_never_proven(&daemon, &watch, "Alex Example (hand-off link)").await;
    assert!(!daemon.log().contains(&path), "the link's token is in no log");
    let again = ask(daemon.port, "GET", &format!("/handoffs/{path}"), "", "").await.unwrap();
    assert_eq!(again.status, 404, "the link ends with the question");
    daemon.stop().await;
}

/// What the socket says of the watch: local users are told the link.
async fn local(folder: &Path) -> String {
    let stream = tokio::net::UnixStream::connect(folder.join("c.sock")).await.unwrap();
    let request =
        "GET /api/v1/watches/payroll.cer HTTP/1.1\r\nHost: certsteward\r\nConnection: close\r\n\r\n";
    crate::support::daemon::exchange(stream, request).await.unwrap().body
}

#[tokio::test]
async fn a_file_source_sees_its_file_appear() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "{}[[watch]]\nid = \"payroll\"\nsource = {{ type = \"file\", path = \"payroll.cer\" }}\n\n[[watch.target]]\n{TARGET}",
        head()
    );
    let daemon = Daemon::start(folder.path(), &config).await;
    let watch = daemon.json("/api/v1/watches/payroll").await;
    assert_ne!(watch["level"], "ok", "what cannot be seen is not fine: {watch}");
    drop_in(folder.path(), "payroll.cer", &certificate("PAYROLL", 30, 335).0);
    daemon.watch("payroll", "the question", |watch| asks(watch, "add")).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_file_that_is_still_being_written_is_not_read_meanwhile() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let daemon = in_an_empty_folder(folder.path()).await;
    let text = exported(&certificate("PAYROLL", 30, 335).0);
    let mut file = std::fs::File::create(folder.path().join("in/payroll.cer")).unwrap();
    for piece in text.as_bytes().chunks(64) {
        file.write_all(piece).unwrap();
        file.sync_all().unwrap();
    }
    daemon.watch("payroll.cer", "the question", |watch| asks(watch, "add")).await;
    assert!(!daemon.log().contains("cannot be seen"), "{}", daemon.log());
    daemon.stop().await;
}

#[tokio::test]
async fn a_folder_that_holds_the_store_too_does_not_keep_the_daemon_busy() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.pem"), certificate("a", 30, 335).0).unwrap();
    let config = format!(
        "{}[[discover]]\ntype = \"file\"\npaths = [\"*.pem\"]\n",
        head().replace("sqlite:state/state.db", "sqlite:state.db")
    );
    let daemon = Daemon::start(folder.path(), &config).await;
    let passes = async || daemon.metric("certsteward_pass_duration_seconds_count").await.unwrap();
    // A change that matters is answered by a pass, and by nothing that the pass itself writes.
    std::fs::write(folder.path().join("b.pem"), certificate("b", 30, 335).0).unwrap();
    daemon.watch("b.pem", "the second watch", |_| true).await;
    std::fs::remove_file(folder.path().join("b.pem")).unwrap();
    crate::support::wait::until("the second watch's end", async || {
        (daemon.json("/api/v1/status").await["watches"] == 1).then_some(())
    })
    .await;
    assert!(passes().await < 20.0, "{} passes", passes().await);
    daemon.stop().await;
}
