//! A destination as a caller: one property is changed, and nothing else.

use certsteward::callers::Caller as _;
use certsteward::callers::destination_service::{DestinationServiceCaller, Settings};
use certsteward::domain::reason::Reason;
use certsteward::sap::Level;
use serde_json::{Value, json};

use super::stage::{Says, Stage, says};

fn destination(location: &str) -> Value {
    json!({
        "Name": "D", "Type": "HTTP", "URL": "https://api.cert.example.org", "ProxyType": "Internet",
        "Authentication": "ClientCertificateAuthentication", "KeyStoreLocation": location,
        "KeyStorePassword": "sesame", "URL.headers.successfactors-companyid": "ACME", "Description": "ü \"q\"",
        "custom": true, "number": 5,
    })
}

async fn staged(reads: impl IntoIterator<Item = Value>, written: Says) -> (Stage, DestinationServiceCaller) {
    let stage = Stage::open().await;
    stage.on("GET /instanceDestinations/D", reads.into_iter().map(|body| says(200, body)));
    stage.on("PUT /instanceDestinations", [written]);
    let settings =
        Settings { connection: "btp-test".to_owned(), level: Level::Instance, destination: "D".to_owned() };
    let caller = DestinationServiceCaller::new(stage.client(), settings);
    (stage, caller)
}

fn done() -> Says {
    says(200, json!({"Count": 1}))
}

#[tokio::test]
async fn a_look_tells_the_entry_or_that_the_destination_is_gone() {
    let (_stage, caller) = staged([destination("a.pem")], done()).await;
    assert_eq!(caller.look().await.unwrap().uses.as_deref(), Some("a.pem"));
    let stage = Stage::open().await;
    let settings = Settings { connection: "c".into(), level: Level::Instance, destination: "D".into() };
    let gone = DestinationServiceCaller::new(stage.client(), settings).look().await.unwrap_err();
    assert_eq!(gone.reason, Reason::NotFound);
}

#[tokio::test]
async fn a_switch_changes_one_property_and_keeps_every_other() {
    let (stage, caller) = staged([destination("a.pem"), destination("a-2.pem")], done()).await;
    let answer = caller.switch("a.pem", "a-2.pem").await.unwrap();
    assert_eq!(answer.to_string(), "PUT instanceDestinations D → 200");
    assert_eq!(stage.asked("PUT")[0].body, destination("a-2.pem").to_string());
}

#[tokio::test]
async fn what_is_switched_already_is_left_alone() {
    let (stage, caller) = staged([destination("a-2.pem")], done()).await;
    let answer = caller.switch("a.pem", "a-2.pem").await.unwrap();
    assert_eq!(answer.to_string(), "GET destination D → uses a-2.pem already");
    assert!(stage.asked("PUT").is_empty());
}

#[tokio::test]
async fn what_somebody_else_changed_is_not_overwritten() {
    let (stage, caller) = staged([destination("other.pem")], done()).await;
    let failure = caller.switch("a.pem", "a-2.pem").await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::StateChanged, false));
    assert!(failure.text.contains("other.pem") && stage.asked("PUT").is_empty());
}

#[tokio::test]
async fn a_property_that_came_back_different_is_told_by_name() {
    let mut after = destination("a-2.pem");
    after["Description"] = "x".into();
    after.as_object_mut().unwrap().remove("custom");
    let (_stage, caller) = staged([destination("a.pem"), after], done()).await;
    let failure = caller.switch("a.pem", "a-2.pem").await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::UnexpectedAnswer, true));
    assert!(
        failure.text.contains("Description, custom") && !failure.text.contains("sesame"),
        "{}",
        failure.text
    );
}

#[tokio::test]
async fn a_destination_that_hides_a_property_is_not_written_back() {
    let mut hidden = destination("a.pem");
    hidden["KeyStorePassword"] = "*****".into();
    let (stage, caller) = staged([hidden], done()).await;
    let failure = caller.switch("a.pem", "a-2.pem").await.unwrap_err();
    assert!(!failure.maybe_effective && failure.text.contains("KeyStorePassword"));
    assert!(stage.asked("PUT").is_empty());
}

#[tokio::test]
async fn a_refused_write_changed_nothing_and_a_failed_one_may_have() {
    for (status, reason, maybe) in
        [(403, Reason::Forbidden, false), (404, Reason::NotFound, false), (503, Reason::Unavailable, true)]
    {
        let (_stage, caller) = staged([destination("a.pem")], says(status, "no")).await;
        let failure = caller.switch("a.pem", "a-2.pem").await.unwrap_err();
        assert_eq!((failure.reason, failure.maybe_effective), (reason, maybe));
    }
}
