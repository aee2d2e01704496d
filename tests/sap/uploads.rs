//! An upload service of the operator's own as a target.

use certsteward::domain::certificate::Certificate;
use certsteward::domain::chain::Chain;
use certsteward::domain::reason::Reason;
use certsteward::domain::watch::Mapping;
use certsteward::net::{self, Net};
use certsteward::secret::SecretRef;
use certsteward::targets::Target as _;
use certsteward::targets::http::{Format, HttpTarget, Settings};

use super::stage::{Stage, made, says, write_private};

fn target(stage: &Stage, format: Format) -> (HttpTarget, Chain) {
    let token = stage.folder.path().join("token");
    write_private(&token, "t0ken\n");
    let settings = Settings {
        url: format!("{}/destination-configuration/v1/upload", stage.address),
        format,
        token: Some(SecretRef::File(token)),
        mapping: Mapping {
            configuration_name: "BTP mTLS".to_owned(),
            integration_name: "Business Technology Platform".to_owned(),
            login_name: None,
            company_id: Some("ACME".to_owned()),
            api: None,
        },
        net: net::Settings::default(),
    };
    let leaf = Certificate::from_der(&made("SFAPI", "x.example.org").leaf_der).unwrap();
    (HttpTarget::new(Net::new().unwrap(), settings), Chain::assemble(vec![leaf], None).unwrap())
}

#[tokio::test]
async fn json_has_the_fields_and_the_public_certificate() {
    let stage = Stage::open().await;
    stage.on("POST /upload", [says(200, "")]);
    let (target, chain) = target(&stage, Format::Json);
    target.publish(&chain).await.unwrap();
    let asked = &stage.asked("POST")[0];
    assert_eq!(asked.header("authorization"), Some("Bearer t0ken"));
    let body = asked.json();
    assert_eq!((&body["configuration_name"], &body["company_id"]), (&"BTP mTLS".into(), &"ACME".into()));
    assert_eq!(body.get("login_name"), None);
    assert!(body["certificate"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----\n"));
}

#[tokio::test]
async fn multipart_has_the_same_fields() {
    let stage = Stage::open().await;
    stage.on("POST /upload", [says(204, "")]);
    let (target, chain) = target(&stage, Format::Multipart);
    target.publish(&chain).await.unwrap();
    let asked = &stage.asked("POST")[0];
    assert!(asked.header("content-type").unwrap().starts_with("multipart/form-data; boundary="));
    for field in ["configuration_name", "integration_name", "company_id", "certificate"] {
        assert!(asked.body.contains(&format!("name=\"{field}\"")), "{field}");
    }
    assert!(!asked.body.contains("login_name") && asked.body.contains("-----END CERTIFICATE-----"));
}

#[tokio::test]
async fn a_refusal_is_certain_and_a_failure_is_not() {
    for (status, reason, maybe) in [
        (401, Reason::Unauthorized, false),
        (422, Reason::Refused, false),
        (429, Reason::RateLimited, false),
        (503, Reason::Unavailable, true),
    ] {
        let stage = Stage::open().await;
        stage.on("POST /upload", [says(status, "no").with("retry-after", 9)]);
        let (target, chain) = target(&stage, Format::Json);
        let failure = target.publish(&chain).await.unwrap_err();
        assert_eq!((failure.reason, failure.maybe_effective), (reason, maybe));
        assert_eq!(failure.retry_after_seconds, Some(9));
    }
}
