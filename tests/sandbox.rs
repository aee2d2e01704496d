//! The simulated landscape answers as SAP's documents say: literal JSON, literal words.
//! These tests know nothing of certsteward's own clients.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use certsteward::sandbox::{Fault, Hands, Landscape, Matching, Options};
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Message, MultiPart, SinglePart};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use x509_parser::prelude::{FromDer as _, X509Certificate};

const LIMIT: Duration = Duration::from_secs(20);

/// A landscape with a client that holds a token.
struct Desk {
    landscape: Landscape,
    client: Client,
    token: String,
    server_ca: Vec<u8>,
    x509_key: Value,
}

impl Desk {
    async fn open(options: Options) -> Self {
        let landscape = Landscape::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = landscape.write_files(folder.path()).unwrap();
        let key: Value = serde_json::from_slice(&std::fs::read(&files.service_key).unwrap()).unwrap();
        let x509_key = serde_json::from_slice(&std::fs::read(&files.service_key_x509).unwrap()).unwrap();
        let server_ca = std::fs::read(&files.server_ca).unwrap();
        let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", key["clientid"].as_str().unwrap()),
            ("client_secret", key["clientsecret"].as_str().unwrap()),
        ];
        let url = format!("{}/oauth/token", key["url"].as_str().unwrap());
        let answer: Value = client.post(url).form(&form).send().await.unwrap().json().await.unwrap();
        let token = answer["access_token"].as_str().unwrap().to_owned();
        Self { landscape, client, token, server_ca, x509_key }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let base = self.landscape.addresses().destination_service;
        self.client
            .request(method, format!("{base}/destination-configuration{path}"))
            .bearer_auth(&self.token)
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, String) {
        seen(self.request(method, path).json(body).send().await.unwrap()).await
    }

    async fn json(&self, path: &str) -> Value {
        self.request(Method::GET, path).send().await.unwrap().json().await.unwrap()
    }

    async fn content(&self, name: &str) -> Vec<u8> {
        let entry = self.json(&format!("/v1/subaccountCertificates/{name}")).await;
        BASE64.decode(entry["Content"].as_str().unwrap()).unwrap()
    }

    async fn generate(&self, name: &str, attributes: Value) -> (u16, String) {
        let body = json!({"Name": name, "Attributes": attributes});
        self.send(Method::POST, "/v1/subaccountCertificates", &body).await
    }

    /// One call of the API with the given key and chain, or without any.
    async fn call(&self, identity: Option<&[u8]>, company: &str, path: &str) -> (u16, String) {
        let ca = reqwest::Certificate::from_pem(&self.server_ca).unwrap();
        let mut client = Client::builder().no_proxy().tls_certs_only([ca]);
        if let Some(pem) = identity {
            client = client.identity(reqwest::Identity::from_pem(pem).unwrap());
        }
        let url = format!("{}{path}", self.landscape.addresses().successfactors);
        let request = client.build().unwrap().get(url).header("successfactors-companyid", company);
        seen(request.send().await.unwrap()).await
    }

    async fn call_as(&self, name: &str) -> (u16, String) {
        self.call(Some(&self.content(name).await), "ACME", USER).await
    }
}

const USER: &str = "/odata/v2/User?$top=1&$select=userId&$format=json";
const NOT_MAPPED: &str = r#"{"error":{"code":"AuthenticationFailed","message":"Authentication service failed to return token.","details":"[AUTH0032]Invalid client certificate"}}"#;

async fn seen(answer: Response) -> (u16, String) {
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, waiting).await.is_ok(), "not within {LIMIT:?}: {what}");
}

fn quick() -> Options {
    Options { caller_cache: Duration::ZERO, caller_every: Duration::from_millis(30), ..Options::default() }
}

fn certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    let blocks = x509_parser::pem::Pem::iter_from_buffer(pem).map(Result::unwrap);
    blocks.filter(|block| block.label == "CERTIFICATE").map(|block| block.contents).collect()
}

fn subject(pem: &[u8]) -> String {
    let leaf = certificates(pem).remove(0);
    X509Certificate::from_der(&leaf).unwrap().1.subject().to_string()
}

// ---- tokens

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

// ---- certificates

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
    assert_eq!(desk.generate("sfapi.pem", json!({})).await, (409, "Duplicate key".to_owned()));
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

// ---- destinations

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
    assert_eq!(desk.send(Method::POST, path, &body).await, (409, "Duplicate key".to_owned()));
    assert_eq!(desk.json(path).await, json!([body]));
    let gone = desk.send(Method::DELETE, "/v1/instanceDestinations/new", &Value::Null).await;
    assert_eq!(gone, (200, r#"{"Count":1}"#.to_owned()));
    assert_eq!(desk.send(Method::PUT, path, &body).await.0, 404);
}

// ---- the API

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

// ---- the Security Center

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

// ---- the calling application

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

// ---- mail and the administrator

fn mail(text: &str, attached: Option<&str>) -> Message {
    let body =
        MultiPart::alternative_plain_html(text.to_owned(), "<p>ho <script>alert(1)</script></p>".to_owned());
    let mut whole = MultiPart::mixed().multipart(body);
    if let Some(pem) = attached {
        let kind = ContentType::parse("application/x-pem-file").unwrap();
        whole = whole.singlepart(Attachment::new("sfapi-2.pem".to_owned()).body(pem.to_owned(), kind));
    } else {
        whole = whole.singlepart(SinglePart::plain(".\r\n..\r\n".to_owned()));
    }
    let builder = Message::builder().from("certsteward@example.org".parse().unwrap());
    builder.to("ops@example.org".parse().unwrap()).subject("Zertifikat übergeben").multipart(whole).unwrap()
}

async fn post(landscape: &Landscape, message: Message) {
    let address = landscape.addresses().smtp;
    let (host, port) = address.rsplit_once(':').unwrap();
    let transport =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(port.parse().unwrap()).build();
    transport.send(message).await.unwrap();
}

#[tokio::test]
async fn a_mail_is_taken_decoded_and_shown_without_running_its_html() {
    let desk = Desk::open(Options::default()).await;
    post(&desk.landscape, mail("Grüße\n.dot", Some("sample"))).await;
    let mails = desk.landscape.mails();
    assert_eq!(mails[0].subject, "Zertifikat übergeben");
    assert_eq!(mails[0].text.trim_end().replace("\r\n", "\n"), "Grüße\n.dot");
    assert_eq!(mails[0].to, ["ops@example.org"]);
    assert_eq!(
        (mails[0].attachments[0].name.as_str(), mails[0].attachments[0].content.trim_ascii()),
        ("sfapi-2.pem", b"sample".as_slice())
    );
    let page = desk.landscape.addresses().mailbox;
    let list = desk.client.get(&page).send().await.unwrap().text().await.unwrap();
    assert!(list.contains("Zertifikat übergeben"), "{list}");
    let shown = desk.client.get(format!("{page}/mails/1")).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("<iframe sandbox") && !shown.contains("<script>"), "{shown}");
    let html = desk.client.get(format!("{page}/mails/1/html")).send().await.unwrap();
    assert!(html.headers()["content-security-policy"].to_str().unwrap().starts_with("sandbox;"));
}

/// A page that takes what is said on it: each request's path and form, in order.
async fn ear() -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let hearing = async move {
        let mut heard = Vec::new();
        while heard.len() < 2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = Vec::new();
            while !String::from_utf8_lossy(&buffer).contains("sign=") {
                assert!(stream.read_buf(&mut buffer).await.unwrap() > 0);
            }
            let text = String::from_utf8(buffer).unwrap();
            heard.push(format!("{} {}", text.lines().next().unwrap(), text.lines().last().unwrap()));
            stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
        }
        heard
    };
    #[expect(clippy::disallowed_methods, reason = "a listener of the test's own, which ends by itself")]
    let task = tokio::spawn(hearing);
    (address, task)
}

#[tokio::test]
async fn the_administrator_replaces_what_the_mail_asks_for_and_says_so_before_and_after() {
    let hands = Hands::Auto { after: Duration::from_millis(10) };
    let desk = Desk::open(Options { matching: Matching::Exact, hands, ..Options::default() }).await;
    assert_eq!(desk.generate("sfapi-2.pem", json!({"CN": "SFAPI"})).await.0, 201);
    let chain = desk.landscape.public_chain("sfapi-2.pem").unwrap();
    let (link, heard) = ear().await;
    let text = format!(
        "Hello,\n\nAsk: replace\nConfiguration Name: BTP mTLS 2\nIntegration Name: Business Technology Platform\n\
         Login Name: SFAPI\nHand-off page: {link}/handoffs/TOKEN\n"
    );
    post(&desk.landscape, mail(&text, Some(&chain))).await;
    let heard = tokio::time::timeout(LIMIT, heard).await.unwrap().unwrap();
    assert_eq!(
        heard,
        ["POST /handoffs/TOKEN/say HTTP/1.1 sign=deleting", "POST /handoffs/TOKEN/say HTTP/1.1 sign=saved"]
    );
    let mappings = desk.landscape.mappings();
    assert_eq!(mappings.len(), 1, "{:?}", desk.landscape.admin_log());
    assert_eq!((mappings[0].id, mappings[0].configuration_name.as_str()), (2, "BTP mTLS 2"));
    assert_eq!(desk.call_as("sfapi-2.pem").await.0, 200);
}

#[tokio::test]
async fn the_administrator_adds_once_and_removes_by_fingerprint() {
    let desk =
        Desk::open(Options { hands: Hands::Auto { after: Duration::ZERO }, ..Options::default() }).await;
    assert_eq!(desk.generate("next.pem", json!({"CN": "SFAPI-2"})).await.0, 201);
    let chain = desk.landscape.public_chain("next.pem").unwrap();
    let add = "Ask: add\nConfiguration Name: n\nIntegration Name: Business Technology Platform\nLogin Name: SFAPI\n";
    post(&desk.landscape, mail(add, Some(&chain))).await;
    post(&desk.landscape, mail(add, Some(&chain))).await;
    until("the new mapping", || desk.landscape.mappings().len() == 2).await;
    let old = desk.landscape.mappings()[0].fingerprint.to_uppercase();
    let pairs: Vec<&str> = old.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
    post(&desk.landscape, mail(&format!("Ask: remove\nFingerprint (SHA-256): {}\n", pairs.join(":")), None))
        .await;
    until("the old one gone", || desk.landscape.mappings().iter().all(|mapping| mapping.id == 2)).await;
    let log = desk.landscape.admin_log();
    assert_eq!(log.len(), 2, "the reminder is not done again: {log:?}");
}

// ---- faults, the log, the end

#[tokio::test]
async fn a_fault_is_shown_as_often_as_ordered_and_a_dropped_answer_has_its_effect() {
    let desk = Desk::open(Options::default()).await;
    desk.landscape.fault(Fault {
        method: Some("POST".to_owned()),
        path_contains: "/subaccountCertificates".to_owned(),
        drop_answer_after_effect: true,
        ..Fault::default()
    });
    let body = json!({"Name": "lost.pem", "Attributes": {}});
    let lost = desk.request(Method::POST, "/v1/subaccountCertificates").json(&body).send().await;
    assert!(lost.is_err());
    assert_eq!(desk.generate("lost.pem", json!({})).await.0, 409, "it was made");
    desk.landscape.fault(Fault {
        path_contains: "sfapi.pem".to_owned(),
        status: Some(503),
        body: "Service Unavailable".to_owned(),
        retry_after: Some("2".to_owned()),
        times: 2,
        ..Fault::default()
    });
    let path = "/v1/subaccountCertificates/sfapi.pem";
    for status in [503, 503, 200] {
        assert_eq!(desk.send(Method::GET, path, &Value::Null).await.0, status);
    }
    let last = desk.landscape.requests().pop().unwrap();
    assert_eq!((last.part, last.method.as_str(), last.status), ("destination-service", "GET", 200));
    assert!(last.path.ends_with("/v1/subaccountCertificates/sfapi.pem"));
}

#[tokio::test]
async fn a_stopped_landscape_listens_nowhere() {
    let landscape = Landscape::start(quick()).await.unwrap();
    let addresses = landscape.addresses();
    until("the first call", || landscape.caller_report().calls > 0).await;
    landscape.stop().await;
    for address in
        [&addresses.destination_service, &addresses.successfactors, &addresses.caller, &addresses.smtp]
    {
        let host = address.rsplit('/').next().unwrap();
        assert!(tokio::net::TcpStream::connect(host).await.is_err(), "{address}");
    }
}
