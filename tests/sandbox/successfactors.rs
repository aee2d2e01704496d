//! The API behind mutual TLS, the mappings it goes by, and the application that calls it.

use super::{Desk, LIMIT, NOT_MAPPED, USER, quick, seen, until};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use certsteward::sandbox::{Matching, Options};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn the_api_lets_the_mapped_certificate_in_and_says_what_is_wrong_with_the_others() {
    let desk = Desk::open(Options::default()).await;
    let mapped = desk.content("sfapi.pem").await;
    let (status, body) = desk.call(Some(&mapped), "ACME", USER).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["d"]["results"][0]["userId"]), (200, &json!("SFAPI")));
    assert_eq!(
        desk.call(Some(&mapped), "acme", USER).await,
        (401, NOT_MAPPED.to_owned()),
        "the company differs"
    );
    assert_eq!(desk.call(Some(&mapped), "ACME", "/elsewhere").await.0, 404);
    assert_eq!(desk.generate("new.pem", json!({"CN": "NEW"})).await.0, 201);
    assert_eq!(desk.call_as("new.pem").await, (401, NOT_MAPPED.to_owned()));
    let (status, body) = desk.call(None, "ACME", USER).await;
    assert_eq!(status, 400);
    assert!(body.contains("<center>No required SSL certificate was sent</center>"), "{body}");
}

#[tokio::test]
async fn an_expired_or_foreign_certificate_is_refused_by_the_load_balancer() {
    let desk = Desk::open(Options { valid_for_days: 30, age_days: 31, ..Options::default() }).await;
    let (status, body) = desk.call_as("sfapi.pem").await;
    assert_eq!(status, 400);
    assert!(body.contains("<title>400 The SSL certificate error</title>"), "{body}");
    let alien = rcgen::generate_simple_self_signed(["alien.example.org".to_owned()]).unwrap();
    let pem = format!("{}{}", alien.signing_key.serialize_pem(), alien.cert.pem());
    let (status, body) = desk.call(Some(pem.as_bytes()), "ACME", USER).await;
    assert_eq!(status, 400);
    assert!(body.contains("<title>400 The SSL certificate error</title>"), "{body}");
}

#[tokio::test]
async fn a_login_without_permission_is_known_but_forbidden() {
    let desk = Desk::open(Options::default()).await;
    assert_eq!(desk.generate("no.pem", json!({"CN": "NO"})).await.0, 201);
    let chain = desk.landscape.public_chain("no.pem").unwrap();
    desk.landscape.add_mapping("no", "NOPERM", &chain).unwrap();
    let answer = desk.call_as("no.pem").await;
    assert_eq!(answer, (403, "You don't have permission to view the user.".to_owned()));
}

#[tokio::test]
async fn a_renewed_certificate_is_let_in_by_name_but_not_where_the_match_is_exact() {
    for (matching, status) in [(Matching::Dn, 200), (Matching::Exact, 401)] {
        let desk = Desk::open(Options { matching, auto_renew_first: true, ..Options::default() }).await;
        assert_eq!(desk.call_as("sfapi.pem").await.0, 200);
        assert!(desk.landscape.auto_renew_now("sfapi.pem"));
        assert_eq!(desk.call_as("sfapi.pem").await.0, status, "{matching:?}");
    }
}

#[tokio::test]
async fn a_new_issuer_ends_a_mapping_by_name() {
    let desk = Desk::open(Options { auto_renew_first: true, ..Options::default() }).await;
    desk.landscape.change_issuer("EU11-Sandbox").unwrap();
    assert!(desk.landscape.auto_renew_now("sfapi.pem"));
    assert_eq!(desk.call_as("sfapi.pem").await, (401, NOT_MAPPED.to_owned()));
}

#[tokio::test]
async fn the_same_issuer_and_subject_is_registered_only_once() {
    let desk = Desk::open(Options::default()).await;
    assert_eq!(desk.generate("next.pem", json!({"CN": "SFAPI"})).await.0, 201);
    let chain = desk.landscape.public_chain("next.pem").unwrap();
    let refusal = desk.landscape.add_mapping("next", "SFAPI", &chain).unwrap_err();
    assert_eq!(
        refusal,
        "This X.509 Certificate was already registered to the platform. Please upload a different one or cancel the certificate mapping."
    );
    assert!(desk.landscape.delete_mapping(desk.landscape.mappings()[0].id));
    desk.landscape.add_mapping("next", "SFAPI", &chain).unwrap();
    assert_eq!(desk.call_as("next.pem").await.0, 200);
}

#[tokio::test]
async fn the_page_takes_a_file_refuses_a_private_key_and_escapes_what_it_shows() {
    let desk = Desk::open(Options::default()).await;
    let page = desk.landscape.addresses().security_center;
    assert_eq!(desk.generate("new.pem", json!({"CN": "NEW"})).await.0, 201);
    let form = |file: Vec<u8>| {
        let file = reqwest::multipart::Part::bytes(file).file_name("new.pem");
        reqwest::multipart::Form::new()
            .text("configuration_name", "<b>bold</b>")
            .text("integration_name", "Employee Central Payroll")
            .text("login_name", "")
            .part("certificate_file", file)
    };
    let with_key = desk.content("new.pem").await;
    let refused =
        desk.client.post(format!("{page}/mappings")).multipart(form(with_key)).send().await.unwrap();
    let (status, body) = seen(refused).await;
    assert_eq!(status, 422);
    assert!(body.contains("The file holds a private key."), "{body}");
    let public = desk.landscape.public_chain("new.pem").unwrap().into_bytes();
    let saved = desk.client.post(format!("{page}/mappings")).multipart(form(public)).send().await.unwrap();
    let (status, body) = seen(saved).await;
    assert_eq!(status, 200);
    assert!(body.contains("&lt;b&gt;bold&lt;/b&gt;") && !body.contains("<b>bold"), "{body}");
    let mapping = desk.landscape.mappings().pop().unwrap();
    assert_eq!(
        (mapping.integration_name.as_str(), mapping.login_name.as_str()),
        ("Employee Central Payroll", "")
    );
    assert_eq!(desk.call_as("new.pem").await.0, 200, "without a login the technical user is used");
    desk.client.post(format!("{page}/mappings/{}/delete", mapping.id)).send().await.unwrap();
    assert_eq!(desk.call_as("new.pem").await.0, 401);
}

#[tokio::test]
async fn a_mapping_takes_effect_after_the_synchronisation() {
    let desk = Desk::open(Options { sync_delay: Duration::from_millis(1500), ..Options::default() }).await;
    assert_eq!(desk.generate("new.pem", json!({"CN": "NEW"})).await.0, 201);
    let chain = desk.landscape.public_chain("new.pem").unwrap();
    desk.landscape.add_mapping("new", "SFAPI", &chain).unwrap();
    assert_eq!(desk.call_as("new.pem").await.0, 401);
    let becomes_effective = async { while desk.call_as("new.pem").await.0 != 200 {} };
    tokio::time::timeout(LIMIT, becomes_effective).await.unwrap();
}

#[tokio::test]
async fn the_caller_gets_through_until_its_mapping_is_gone() {
    let desk = Desk::open(quick()).await;
    let report = || desk.landscape.caller_report();
    until("ten calls", || report().calls >= 10).await;
    assert_eq!(report().failures, 0, "{:?}", report().failed);
    assert_eq!(report().certificate.unwrap().name, "sfapi.pem");
    let from = desk.landscape.mappings()[0].uploaded_on;
    desk.landscape.delete_mapping(1);
    until("three failures", || report().failures >= 3).await;
    let report = report();
    assert_eq!((report.failed[0].status, report.first_failure), (Some(401), Some(report.failed[0].at)));
    assert_eq!(report.failures_outside(&[]).len(), report.failed.len());
    assert!(report.failures_outside(&[(from, report.last_failure.unwrap())]).is_empty());
}

#[tokio::test]
async fn the_caller_follows_its_destination_and_reads_the_format_from_the_extension() {
    let desk = Desk::open(quick()).await;
    let mut destination = desk.json("/v1/subaccountDestinations/sap_hcmcloud_core_odata").await;
    let report = || desk.landscape.caller_report();
    until("the first certificate", || report().certificate.is_some()).await;
    assert_eq!(desk.generate("next.p12", json!({"CN": "SFAPI"})).await.0, 201);
    destination["KeyStoreLocation"] = json!("next.p12");
    desk.send(Method::PUT, "/v1/subaccountDestinations", &destination).await;
    until("the switch", || report().certificate.is_some_and(|used| used.name == "next.p12")).await;
    assert_eq!((report().failures, report().switches.len()), (0, 2));
    let copy = json!({"Name": "next.PEM", "Content": BASE64.encode(desk.content("sfapi.pem").await)});
    assert_eq!(desk.send(Method::POST, "/v1/subaccountCertificates", &copy).await.0, 201);
    destination["KeyStoreLocation"] = json!("next.PEM");
    desk.send(Method::PUT, "/v1/subaccountDestinations", &destination).await;
    until("a failure", || report().failures > 0).await;
    let failure = report().failed[0].failure.clone().unwrap();
    assert_eq!(failure, "next.PEM: the format of this keystore is not supported");
}
