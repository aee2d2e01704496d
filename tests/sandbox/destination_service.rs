//! Tokens, certificates and destinations: each documented answer, word for word.

use super::{Desk, certificates, seen, subject};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use certsteward::sandbox::Options;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::time::Duration;
use x509_parser::prelude::{FromDer as _, X509Certificate};

#[tokio::test]
async fn a_wrong_secret_gets_the_documented_401() {
    let desk = Desk::open(Options::default()).await;
    let url = format!("{}/oauth/token", desk.landscape.addresses().token_service);
    let form = [("grant_type", "client_credentials"), ("client_id", "nobody"), ("client_secret", "nothing")];
    let answer = seen(desk.client.post(url).form(&form).send().await.unwrap()).await;
    assert_eq!(answer, (401, r#"{"error":"unauthorized","error_description":"Bad credentials"}"#.to_owned()));
}

#[tokio::test]
async fn the_x509_service_key_gets_a_token_by_its_certificate_alone() {
    let desk = Desk::open(Options::default()).await;
    let key = &desk.x509_key;
    let pem = format!("{}{}", key["key"].as_str().unwrap(), key["certificate"].as_str().unwrap());
    let url = format!("{}/oauth/token", key["certurl"].as_str().unwrap());
    let form = [("grant_type", "client_credentials"), ("client_id", key["clientid"].as_str().unwrap())];
    let builder = || {
        let ca = reqwest::Certificate::from_pem(&desk.server_ca).unwrap();
        Client::builder().no_proxy().tls_certs_only([ca])
    };
    let client = builder().identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap()).build().unwrap();
    let granted: Value = client.post(&url).form(&form).send().await.unwrap().json().await.unwrap();
    assert_eq!((&granted["token_type"], &granted["expires_in"]), (&json!("bearer"), &json!(43199)));
    assert!(key.get("clientsecret").is_none());
    let without = builder().build().unwrap().post(&url).form(&form).send().await.unwrap();
    assert_eq!(without.status().as_u16(), 401);
}

#[tokio::test]
async fn an_expired_token_is_unauthorized() {
    let desk = Desk::open(Options { token_lifetime: Duration::ZERO, ..Options::default() }).await;
    let answer = desk.send(Method::GET, "/v1/subaccountCertificates", &Value::Null).await;
    assert_eq!(answer, (401, "Unauthorized".to_owned()));
}

#[tokio::test]
async fn a_generated_certificate_has_sap_s_shape() {
    let desk = Desk::open(Options::default()).await;
    let attributes =
        json!({"CN": "sf-prod-api", "Validity": {"TimeUnit": "DAYS", "Value": 30}, "AutomaticRenew": true});
    assert_eq!(desk.generate("sf.pem", attributes).await, (201, String::new()));
    let entry = desk.json("/v1/subaccountCertificates/sf.pem").await;
    let fields: Vec<&String> = entry.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["Name", "Type", "Content"], "no expiry, no renewal flag");
    assert_eq!((&entry["Name"], &entry["Type"]), (&json!("sf.pem"), &json!("CERTIFICATE")));

    let pem = desk.content("sf.pem").await;
    let text = String::from_utf8(pem.clone()).unwrap();
    assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n"), "the key comes first, in PKCS#8");
    assert!(text.contains("\r\n"), "lines end in CRLF inside the Base64");
    assert!(text.lines().all(|line| line.len() <= 76));
    let chain = certificates(&pem);
    assert_eq!(chain.len(), 3);
    let (_, leaf) = X509Certificate::from_der(&chain[0]).unwrap();
    let (_, issuing) = X509Certificate::from_der(&chain[1]).unwrap();
    let (_, root) = X509Certificate::from_der(&chain[2]).unwrap();
    assert_eq!(
        leaf.subject().to_string(),
        "C=DE, O=SAP SE, OU=SAP Cloud Platform Clients, OU=Sandbox, OU=5ab0c5a0-0000-4000-8000-0de57a710000, \
         L=destination-configuration.cfapps.sandbox/5a4db0c5-0000-4000-8000-5ab4cc0c0a7e, CN=sf-prod-api"
    );
    assert_eq!(
        leaf.issuer().to_string(),
        "C=DE, L=EU10-Sandbox, O=SAP SE, OU=SAP Cloud Platform Clients, CN=Sandbox Cloud Platform Client CA"
    );
    assert_eq!(root.subject().to_string(), "C=DE, L=Walldorf, O=SAP SE, CN=Sandbox Cloud Root CA");
    assert_eq!(leaf.issuer().as_raw(), issuing.subject().as_raw());
    leaf.verify_signature(Some(issuing.public_key())).unwrap();
    issuing.verify_signature(Some(root.public_key())).unwrap();
    root.verify_signature(None).unwrap();
    let purposes = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(purposes.client_auth && !purposes.server_auth && !purposes.any);
    assert!(leaf.subject_alternative_name().unwrap().is_none());
    assert!(leaf.key_usage().unwrap().unwrap().value.digital_signature());
    let lifetime = leaf.validity().not_after.timestamp() - leaf.validity().not_before.timestamp();
    assert_eq!(lifetime, 30 * 86_400 + 3_600, "notBefore is an hour back");
}

#[tokio::test]
async fn an_existing_name_is_a_duplicate_and_an_unknown_one_cannot_be_replaced() {
    let desk = Desk::open(Options::default()).await;
    assert_eq!(desk.generate("sfapi.pem", json!({})).await, (409, r#""Duplicate key""#.to_owned()));
    let unknown = json!({"Name": "none.pem", "Attributes": {"CN": "x"}});
    let answer = desk.send(Method::PUT, "/v1/subaccountCertificates", &unknown).await;
    let words = r#"{"ErrorMessage":"Configuration with the specified name was not found"}"#.to_owned();
    assert_eq!(answer, (404, words.clone()));
    assert_eq!(
        desk.send(Method::GET, "/v1/subaccountCertificates/none.pem", &Value::Null).await,
        (404, words)
    );
}

#[tokio::test]
async fn a_put_with_attributes_regenerates_under_the_same_name() {
    let desk = Desk::open(Options::default()).await;
    let before = desk.content("sfapi.pem").await;
    let body = json!({"Name": "sfapi.pem", "Attributes": {"CN": "SFAPI"}});
    let answer = desk.send(Method::PUT, "/v1/subaccountCertificates", &body).await;
    assert_eq!(answer, (200, r#"{"Count":1}"#.to_owned()));
    let after = desk.content("sfapi.pem").await;
    assert_eq!(subject(&before), subject(&after));
    assert_ne!(certificates(&before)[0], certificates(&after)[0]);
    assert_eq!(desk.landscape.issued(), 1);
}

#[tokio::test]
async fn a_validity_of_more_than_a_year_or_less_than_a_day_is_refused() {
    let desk = Desk::open(Options::default()).await;
    for (unit, value, status) in [
        ("DAYS", 0, 400),
        ("DAYS", 365, 201),
        ("DAYS", 400, 400),
        ("MONTHS", 12, 201),
        ("MONTHS", 13, 400),
        ("YEARS", 1, 201),
        ("YEARS", 2, 400),
        ("WEEKS", 1, 400),
    ] {
        let name = format!("{unit}-{value}.pem");
        let answer = desk.generate(&name, json!({"Validity": {"TimeUnit": unit, "Value": value}})).await;
        assert_eq!(answer.0, status, "{name}: {}", answer.1);
    }
}

#[tokio::test]
async fn content_and_attributes_together_or_neither_is_refused() {
    let desk = Desk::open(Options::default()).await;
    for body in [json!({"Name": "x.pem"}), json!({"Name": "x.pem", "Content": "", "Attributes": {}})] {
        assert_eq!(desk.send(Method::POST, "/v1/subaccountCertificates", &body).await.0, 400);
    }
    assert_eq!(desk.generate("x.jks", json!({})).await.0, 400);
    assert_eq!(desk.generate("x", json!({})).await.0, 400);
}

#[tokio::test]
async fn an_upload_comes_back_byte_for_byte_and_bulk_writes_say_each_outcome() {
    let desk = Desk::open(Options::default()).await;
    let pem = desk.content("sfapi.pem").await;
    let content = BASE64.encode(&pem);
    let all = json!([{"Name": "copy.pem", "Content": content}, {"Name": "sfapi.pem", "Content": content}]);
    let (status, body) = desk.send(Method::POST, "/v1/subaccountCertificates", &all).await;
    let rows: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 207);
    assert_eq!((&rows[0]["name"], &rows[0]["status"]), (&json!("copy.pem"), &json!(201)));
    assert_eq!(rows[0]["etag"].as_str().unwrap().len(), 64);
    assert_eq!(rows[1], json!({"name": "sfapi.pem", "status": 409, "cause": "Duplicate key"}));
    assert_eq!(desk.content("copy.pem").await, pem);
}

#[tokio::test]
async fn certificates_are_deleted_one_by_one_and_by_filter() {
    let desk = Desk::open(Options::default()).await;
    for name in ["a.pem", "b.pem", "c.pem"] {
        assert_eq!(desk.generate(name, json!({})).await.0, 201);
    }
    let one = desk.send(Method::DELETE, "/v1/subaccountCertificates/a.pem", &Value::Null).await;
    assert_eq!(one, (200, r#"{"Count":1}"#.to_owned()));
    let path = "/v1/subaccountCertificates?$filter=Name%20in%20('b.pem','z.pem')";
    let many = desk.send(Method::DELETE, path, &Value::Null).await;
    let expected = r#"{"Count":1,"Summary":[{"name":"b.pem","status":"DELETED"},{"name":"z.pem","status":"NOT_FOUND","reason":"Could not find configuration"}]}"#;
    assert_eq!(many, (200, expected.to_owned()));
    assert_eq!(desk.send(Method::DELETE, "/v1/subaccountCertificates", &Value::Null).await.0, 400);
}

#[tokio::test]
async fn a_list_is_selected_filtered_or_paged_but_only_one_of_these() {
    let desk = Desk::open(Options::default()).await;
    assert_eq!(desk.generate("b's.pem", json!({})).await.0, 201);
    assert_eq!(desk.generate("c.pem", json!({})).await.0, 201);
    let list = "/v1/subaccountCertificates";
    let names = desk.json(&format!("{list}?$select=Name")).await;
    assert_eq!(names, json!([{"Name": "b's.pem"}, {"Name": "c.pem"}, {"Name": "sfapi.pem"}]));
    let filtered = desk.json(&format!("{list}?$filter=Name%20in%20(%27b%2527s.pem%27)")).await;
    assert_eq!((filtered.as_array().unwrap().len(), &filtered[0]["Name"]), (1, &json!("b's.pem")));
    let page =
        desk.request(Method::GET, &format!("{list}?$page=2&$pageSize=1&$pageCount=true&$entityCount=true"));
    let page = page.send().await.unwrap();
    assert_eq!(
        page.headers()["link"],
        "</subaccountCertificates?$page=1&$pageSize=1>; rel='previous', </subaccountCertificates?$page=3&$pageSize=1>; rel='next'"
    );
    assert_eq!(
        (&page.headers()["page-count"], &page.headers()["entity-count"]),
        (&"3".parse().unwrap(), &"3".parse().unwrap())
    );
    assert_eq!(desk.send(Method::GET, &format!("{list}?$select=Name&$page=1"), &Value::Null).await.0, 400);
    assert_eq!(desk.json("/v1/instanceCertificates").await, json!([]));
}

#[tokio::test]
async fn public_keys_are_polled_by_etag_and_hold_no_key() {
    let desk = Desk::open(Options::default()).await;
    let path = "/v1/subaccountCertificates/sfapi.pem/publicKeys";
    let answer = desk.request(Method::GET, path).send().await.unwrap();
    let etag = answer.headers()["etag"].to_str().unwrap().to_owned();
    assert!(etag.len() == 64 && etag.bytes().all(|byte| byte.is_ascii_hexdigit()), "bare: {etag}");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body.as_array().unwrap().len(), 1);
    assert!(body[0].get("Alias").is_none(), "only keystores have one");
    assert!(body[0]["Content"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----\n"));
    assert!(!body.to_string().contains("PRIVATE KEY"));
    assert!(body[0]["SubjectDN"].as_str().unwrap().starts_with("CN=SFAPI,L=destination-configuration."));
    for (header, value, status) in [
        ("If-None-Match", etag.clone(), 304),
        ("If-None-Match", format!("W/\"{etag}\""), 304),
        ("If-None-Match", "other".to_owned(), 200),
        ("If-Match", "other".to_owned(), 412),
    ] {
        let answer = desk.request(Method::GET, path).header(header, &value).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{header}: {value}");
    }
}

#[tokio::test]
async fn a_protected_keystore_shows_its_public_keys_only_where_it_was_generated() {
    let desk = Desk::open(Options::default()).await;
    assert_eq!(desk.generate("made.p12", json!({"CN": "made", "Password": "sample"})).await.0, 201);
    let made = desk.json("/v1/subaccountCertificates/made.p12/publicKeys").await;
    assert_eq!(made[0]["Alias"], "made.p12");
    let content = desk.content("made.p12").await;
    let policy = p12_keystore::Pkcs12ImportPolicy::Strict;
    let store = p12_keystore::KeyStore::from_pkcs12(&content, "sample", policy).unwrap();
    assert_eq!(store.private_key_chain().unwrap().1.certs().len(), 3);
    let copy = json!({"Name": "copy.p12", "Content": BASE64.encode(content)});
    assert_eq!(desk.send(Method::POST, "/v1/subaccountCertificates", &copy).await.0, 201);
    let answer = desk.send(Method::GET, "/v1/subaccountCertificates/copy.p12/publicKeys", &Value::Null).await;
    let words =
        r#"{"ErrorMessage":"The keystore is password-protected and public keys cannot be retrieved"}"#;
    assert_eq!(answer, (400, words.to_owned()));
}

#[tokio::test]
async fn a_signing_request_gives_the_chain_alone_and_a_subject_of_sap_s() {
    let desk = Desk::open(Options::default()).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    let request = params.serialize_request(&key).unwrap().pem().unwrap();
    let attributes = json!({"CN": "own-key", "CSR": BASE64.encode(request)});
    assert_eq!(desk.generate("own.pem", attributes).await.0, 201);
    let content = desk.content("own.pem").await;
    assert!(content.starts_with(b"-----BEGIN CERTIFICATE-----\n"));
    assert!(subject(&content).starts_with("C=DE, O=SAP SE,"));
    assert_eq!(desk.generate("bad.pem", json!({"CSR": "bm8="})).await.0, 400);
}

#[tokio::test]
async fn automatic_renewal_keeps_the_name_and_the_subject_and_only_renews_what_asked_for_it() {
    let desk = Desk::open(Options { auto_renew_first: true, ..Options::default() }).await;
    let before = desk.content("sfapi.pem").await;
    assert!(desk.landscape.auto_renew_now("sfapi.pem"));
    let after = desk.content("sfapi.pem").await;
    assert_eq!(subject(&before), subject(&after));
    assert_ne!(certificates(&before)[0], certificates(&after)[0]);
    assert_eq!(desk.generate("other.pem", json!({})).await.0, 201);
    assert!(!desk.landscape.auto_renew_now("other.pem"));
}

#[tokio::test]
async fn a_destination_is_replaced_as_a_whole_and_found_with_its_certificate() {
    let desk = Desk::open(Options { instance_destination: true, ..Options::default() }).await;
    let path = "/v1/subaccountDestinations/sap_hcmcloud_core_odata";
    let mut destination = desk.json(path).await;
    assert_eq!(destination["KeyStoreLocation"], "sfapi.pem");
    assert_eq!(destination["URL.headers.successfactors-companyid"], "ACME");
    let found = desk.json("/v1/destinations/sap_hcmcloud_core_odata").await;
    assert_eq!(
        found["owner"],
        json!({"SubaccountId": "5a4db0c5-0000-4000-8000-5ab4cc0c0a7e", "InstanceId": null})
    );
    assert_eq!(found["destinationConfiguration"], destination);
    assert_eq!(found["certificates"][0]["Name"], "sfapi.pem");
    assert_eq!(found["certificates"][0]["Type"], "CERTIFICATE");
    destination.as_object_mut().unwrap().remove("Description");
    destination["KeyStoreLocation"] = json!("none.pem");
    let put = desk.send(Method::PUT, "/v1/subaccountDestinations", &destination).await;
    assert_eq!(put, (200, r#"{"Count":1}"#.to_owned()));
    assert_eq!(desk.json(path).await, destination, "what was left out is gone");
    let found = desk.json("/v2/destinations/instance_odata@instance").await;
    assert!(found.get("owner").is_none());
    assert_eq!(found["certificates"][0]["Name"], "sfapi.pem");
    assert_eq!(
        desk.send(Method::GET, "/v2/destinations/instance_odata@subaccount", &Value::Null).await.0,
        404
    );
}

#[tokio::test]
async fn destinations_are_created_once_and_deleted() {
    let desk = Desk::open(Options::default()).await;
    let body = json!({"Name": "new", "Type": "HTTP", "URL": "https://example.org"});
    let path = "/v1/instanceDestinations";
    assert_eq!(desk.send(Method::POST, path, &body).await, (201, String::new()));
    assert_eq!(desk.send(Method::POST, path, &body).await, (409, r#""Duplicate key""#.to_owned()));
    assert_eq!(desk.json(path).await, json!([body]));
    let gone = desk.send(Method::DELETE, "/v1/instanceDestinations/new", &Value::Null).await;
    assert_eq!(gone, (200, r#"{"Count":1}"#.to_owned()));
    assert_eq!(desk.send(Method::PUT, path, &body).await.0, 404);
}
