//! An operator's first hour: a configuration is drafted from an untidy subaccount, loads as it is, runs, and finds what is wrong.

use std::collections::BTreeMap;

use certsteward::sandbox::{Fault, Options};
use serde_json::Value;

use super::lab::Lab;
use crate::support::daemon::{Daemon, LIMIT, Ran, configure, verb};
use crate::support::wait::{free_port, within};

async fn untidy() -> Lab {
    Lab::of(Options { untidy: true, ..Options::default() }).await
}

async fn draft(lab: &Lab, more: &[&str]) -> Ran {
    let common =
        ["config", "draft", "--service-key", "service-key.json", "--ca", "server-ca.pem", "--proxy", "none"];
    verb(lab.path(), &[&common, more].concat()).await
}

/// The lines at the head that say what is wrong: `level watch`.
fn told(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("#   "));
    let told =
        lines.filter(|line| ["critical ", "warning ", "odd "].iter().any(|level| line.starts_with(level)));
    let watch = |rest: &str| rest.split([':', ' ']).next().unwrap_or_default().to_owned();
    told.filter_map(|line| {
        let (level, rest) = line.split_once(' ')?;
        Some(format!("{level} {}", watch(rest.trim_start())))
    })
    .collect()
}

#[tokio::test]
async fn a_drafted_configuration_loads_as_it_is_runs_and_finds_what_is_wrong() {
    let lab = untidy().await;
    let ran = draft(&lab, &["--output", "draft.toml"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.starts_with("wrote draft.toml: 7 watches; 6 things are wrong there already"),
        "{}",
        ran.out
    );
    let text = std::fs::read_to_string(lab.path().join("draft.toml")).unwrap();
    assert_eq!(
        told(&text),
        [
            "critical payroll_replication",
            "critical time_events",
            "warning learning_import",
            "warning recruiting_feed",
            "warning sap_hcmcloud_core_odata",
            "odd compensation_export",
        ],
        "{text}"
    );
    only_read(&lab);
    let secret = lab.key("clientsecret");
    assert!(!text.contains(&secret) && !text.contains("a simulated password"), "{text}");
    configure(lab.path(), &text);
    let checked = verb(lab.path(), &["config", "check"]).await;
    let valid = "certsteward.toml: valid, 7 watches, 0 notifiers\n";
    assert_eq!((checked.code, checked.out.as_str()), (0, valid), "{}", checked.err);

    // Everything but the port is as it was drafted: the tests of this machine share the usual one.
    let port = free_port();
    configure(lab.path(), &text.replace("[daemon]\n", &format!("[daemon]\nlisten = \"127.0.0.1:{port}\"\n")));
    let daemon = Daemon::started(lab.path(), &[]).await;
    let found = within(LIMIT, "every watch, looked at and probed", async || {
        let watches = daemon.json("/api/v1/watches").await["watches"].clone();
        let found: BTreeMap<String, Vec<String>> =
            watches.as_array()?.iter().map(|watch| (id(watch), serious(watch))).collect();
        (found.len() == 7 && found.values().all(|codes| !codes.is_empty())).then_some(found)
    })
    .await;
    for (watch, code) in [
        ("payroll_replication", "expired"),
        ("learning_import", "destination-authentication"),
        ("recruiting_feed", "destination-keystore"),
        ("sap_hcmcloud_core_odata", "expires"),
        ("time_events", "source-vanished"),
        ("compensation_export", "rejected"),
        ("jobs_scheduler", "rejected"),
    ] {
        assert!(found[watch].contains(&code.to_owned()), "{watch}: {found:#?}");
    }
    let events = daemon.page("/api/v1/events?limit=1000").await;
    assert!(!events.contains("\"act-started\""), "it observes only");
    daemon.stop().await;
}

fn id(watch: &Value) -> String {
    watch["id"].as_str().unwrap_or_default().to_owned()
}

fn serious(watch: &Value) -> Vec<String> {
    let findings = watch["findings"].as_array().into_iter().flatten();
    let serious = findings.filter(|finding| finding["level"] != "notice");
    serious.filter_map(|finding| finding["code"].as_str().map(str::to_owned)).collect()
}

/// Nothing but lists and public parts was asked for, and the API was not called.
fn only_read(lab: &Lab) {
    for line in lab.landscape.requests() {
        let path = line.path.rsplit("/v1/").next().unwrap_or_default();
        let public = path.ends_with("/publicKeys");
        let list = ["subaccountDestinations", "instanceDestinations"].contains(&path)
            || (path.ends_with("Certificates") && line.query == "$select=Name");
        let token = line.part == "token" && line.path == "/oauth/token";
        assert!(token || (line.method == "GET" && (public || list)), "{line:?}");
    }
}

#[tokio::test]
async fn a_draft_goes_to_standard_output_and_over_nothing_that_is_there() {
    let lab = untidy().await;
    let ran = draft(&lab, &["--level", "instance"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("# A first configuration for certsteward"), "{}", ran.out);
    assert!(ran.out.contains("id = \"jobs_scheduler\"") && !ran.out.contains("payroll"), "{}", ran.out);
    std::fs::write(lab.path().join("mine.toml"), "# mine\n").unwrap();
    let ran = draft(&lab, &["--output", "mine.toml"]).await;
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (
            1,
            "certsteward: mine.toml is there already and is left as it is; name another file, or add --force\n"
        )
    );
    assert_eq!(std::fs::read_to_string(lab.path().join("mine.toml")).unwrap(), "# mine\n");
    assert_eq!(draft(&lab, &["--output", "mine.toml", "--force"]).await.code, 0);
    assert!(std::fs::read_to_string(lab.path().join("mine.toml")).unwrap().contains("[[watch]]"));
    let ran = draft(&lab, &["--output", "nowhere/x.toml"]).await;
    assert!(ran.code == 1 && ran.err.contains("there is no folder nowhere"), "{}", ran.err);
}

#[tokio::test]
async fn a_connection_of_the_configuration_is_drafted_for_what_it_does_not_watch_yet() {
    let lab = untidy().await;
    configure(lab.path(), &lab.configuration("observe"));
    let ran = verb(lab.path(), &["config", "draft", "--connection", "btp", "--output", "rest.toml"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let text = std::fs::read_to_string(lab.path().join("rest.toml")).unwrap();
    assert!(
        text.contains("1 certificate, watched already and left out")
            && !text.contains("id = \"sap_hcmcloud_core_odata\""),
        "{text}"
    );
    let ran = verb(lab.path(), &["config", "draft", "--connection", "sf"]).await;
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (1, "certsteward: \"sf\" is no connection of type destination-service; there are: btp\n")
    );
}

#[tokio::test]
async fn what_keeps_a_draft_from_being_written_is_said_clearly() {
    let lab = untidy().await;
    let key = std::fs::read_to_string(lab.path().join("service-key.json")).unwrap();
    let put = |text: &str| crate::sap::stage::write_private(&lab.path().join("service-key.json"), text);
    let said = async || {
        let ran = draft(&lab, &["--output", "draft.toml"]).await;
        assert!(ran.code == 1 && !lab.path().join("draft.toml").exists(), "{}{}", ran.out, ran.err);
        ran.err
    };
    put("this is no key");
    assert!(said().await.contains("is not JSON"));
    put(&key.replace(&lab_uri(&lab), "http://127.0.0.1:1"));
    let refused = said().await;
    assert!(refused.contains("127.0.0.1:1/destination-configuration"), "where it was looked for: {refused}");
    let check_addresses = "; check the addresses in the secret file ";
    assert!(
        refused.contains(check_addresses) && refused.ends_with("through a proxy (--proxy URL)\n"),
        "{refused}"
    );
    put(&key.replace(&lab_uri(&lab), &format!("{}/elsewhere", lab_uri(&lab))));
    let refused = said().await;
    assert!(refused.contains("; check \"uri\" in the secret file "), "{refused}");
    put(&key.replace(&lab.key("clientsecret"), "a-secret-that-was-deleted"));
    let refused = said().await;
    assert!(
        refused.contains("refused the service key") && refused.contains("create a new service key"),
        "{refused}"
    );
    put(&key);
    let path_contains = "Destinations".to_owned();
    lab.landscape.fault(Fault {
        path_contains,
        status: Some(403),
        body: "Forbidden".to_owned(),
        times: 9,
        ..Fault::default()
    });
    let forbidden = said().await;
    assert!(forbidden.contains("not allowed") && forbidden.contains("403"), "{forbidden}");
}

#[tokio::test]
async fn a_key_whose_server_is_a_private_one_says_which_option_names_its_authority() {
    let lab = untidy().await;
    let key = "service-key-x509.json";
    let ran = verb(lab.path(), &["config", "draft", "--service-key", key, "--proxy", "none"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    let said = "the server's certificate is not signed by a trusted authority; where its authority is a private one, name it with --ca F\n";
    assert!(ran.err.ends_with(said), "{}", ran.err);
}

/// The Destination service's own address in the key.
fn lab_uri(lab: &Lab) -> String {
    lab.landscape.addresses().destination_service
}

#[tokio::test]
async fn an_empty_instance_is_said_to_be_empty() {
    let lab = Lab::of(Options::default()).await;
    let ran = draft(&lab, &["--level", "instance"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("there is nothing to watch in the instance of"), "{}", ran.err);
}
