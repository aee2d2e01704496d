//! Tokens, pace, and what answers that are no success come to.

use std::sync::Arc;

use certsteward::clock::Stopwatch;
use certsteward::domain::reason::Reason;
use certsteward::net::Net;
use certsteward::sap::{DestinationService, Level};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::stage::{Stage, made, never, says};

const AT: Level = Level::Subaccount;
const KEYS: &str = "GET /subaccountCertificates/a.pem/publicKeys";

async fn staged() -> Stage {
    let stage = Stage::open().await;
    stage.on(KEYS, [made("a", "a.example.org").public_keys()]);
    stage
}

#[tokio::test]
async fn one_token_serves_everybody() {
    let stage = staged().await;
    let client = stage.client();
    let (a, b, c) = tokio::join!(
        client.public_keys(AT, "a.pem"),
        client.public_keys(AT, "a.pem"),
        client.public_keys(AT, "a.pem")
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(stage.tokens_asked(), 1);
    let form = &stage.asked("POST /oauth/token")[0].body;
    assert_eq!(
        form,
        "grant_type=client_credentials&client_id=sb-clone%21b1%7Cdestination%21b1&client_secret=a%24b%3D"
    );
    assert_eq!(stage.asked("GET")[0].header("authorization"), Some("Bearer token-1"));
}

#[tokio::test]
async fn an_expired_token_is_fetched_anew() {
    let stage = staged().await;
    stage.on("POST /oauth/token", [says(200, json!({"access_token": "t", "expires_in": 0}))]);
    let client = stage.client();
    client.public_keys(AT, "a.pem").await.unwrap();
    client.public_keys(AT, "a.pem").await.unwrap();
    assert_eq!(stage.tokens_asked(), 2);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let stage = staged().await;
    stage.on(KEYS, [says(401, "Unauthorized"), made("a", "a.example.org").public_keys()]);
    let client = stage.client();
    client.public_keys(AT, "a.pem").await.unwrap();
    let used: Vec<String> =
        stage.asked("GET").iter().map(|asked| asked.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(used, ["Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn a_token_refused_twice_is_unauthorized() {
    let stage = staged().await;
    stage.on(KEYS, [says(401, "Unauthorized")]);
    let unseen = stage.client().public_keys(AT, "a.pem").await.unwrap_err();
    assert_eq!((unseen.reason, stage.asked("GET").len()), (Reason::Unauthorized, 2));
}

#[tokio::test]
async fn refused_credentials_are_not_tried_again_by_the_next_look() {
    let stage = staged().await;
    let refusal = json!({"error": "unauthorized", "error_description": "Bad credentials"});
    stage.on("POST /oauth/token", [says(401, refusal)]);
    let client = stage.client();
    for _ in 0..2 {
        let unseen = client.public_keys(AT, "a.pem").await.unwrap_err();
        assert_eq!(unseen.reason, Reason::Unauthorized);
        assert!(unseen.text.contains("Bad credentials") && unseen.text.contains("create a new service key"));
    }
    assert_eq!((stage.tokens_asked(), stage.asked("GET").len()), (1, 0));
}

#[tokio::test]
async fn whoever_waited_for_a_token_that_failed_asks_no_second_time() {
    let stage = staged().await;
    stage.on("POST /oauth/token", [says(503, "maintenance")]);
    let client = stage.client();
    let (a, b) = tokio::join!(client.public_keys(AT, "a.pem"), client.public_keys(AT, "a.pem"));
    assert_eq!((a.unwrap_err().reason, b.unwrap_err().reason), (Reason::Unavailable, Reason::Unavailable));
    assert_eq!(stage.tokens_asked(), 1);
}

#[tokio::test]
async fn a_key_file_that_changed_takes_effect_at_once() {
    let stage = staged().await;
    let client = stage.client();
    client.public_keys(AT, "a.pem").await.unwrap();
    let mut key = stage.secret_key();
    key["clientsecret"] = "new".into();
    stage.write_key(&key);
    client.public_keys(AT, "a.pem").await.unwrap();
    assert!(stage.asked("POST /oauth/token")[1].body.ends_with("client_secret=new"));
    assert_eq!(stage.asked("GET")[1].header("authorization"), Some("Bearer token-2"));
}

#[tokio::test]
async fn a_key_file_that_is_gone_makes_the_connection_unusable() {
    let stage = staged().await;
    let client = stage.client();
    std::fs::remove_file(stage.folder.path().join("key.json")).unwrap();
    let unseen = client.public_keys(AT, "a.pem").await.unwrap_err();
    assert_eq!(unseen.reason, Reason::CredentialUnusable);
}

#[tokio::test]
async fn a_wish_for_rest_is_told_and_kept() {
    let stage = staged().await;
    stage.on("DELETE /subaccountCertificates", [says(429, "Too Many Requests").with("retry-after", 7)]);
    let client = stage.client();
    let failure = client.delete(AT, "a.pem").await.unwrap_err();
    assert_eq!((failure.reason, failure.retry_after_seconds), (Reason::RateLimited, Some(7)));
    let unseen = client.public_keys(AT, "a.pem").await.unwrap_err();
    assert_eq!((unseen.reason, stage.asked("GET").len()), (Reason::RateLimited, 0));
}

#[tokio::test]
async fn the_token_service_s_wish_for_rest_is_told() {
    let stage = staged().await;
    stage.on("POST /oauth/token", [says(429, "").with("retry-after", 30)]);
    let failure = stage.client().delete(AT, "a.pem").await.unwrap_err();
    assert_eq!((failure.reason, failure.retry_after_seconds), (Reason::RateLimited, Some(30)));
    assert!(!failure.maybe_effective);
}

#[tokio::test]
async fn five_requests_a_second_are_the_most() {
    let stage = staged().await;
    let client = stage.client();
    let watch = Stopwatch::start();
    for _ in 0..6 {
        client.public_keys(AT, "a.pem").await.unwrap();
    }
    assert!(watch.elapsed().as_millis() >= 990, "{:?}", watch.elapsed());
}

#[tokio::test]
async fn each_answer_to_a_look_has_its_reason() {
    for (answer, reason, word) in [
        (says(400, "Bad Request"), Reason::Refused, "Bad Request"),
        (says(403, json!({"ErrorMessage": "no"})), Reason::Forbidden, "service key"),
        (says(404, "404 Not Found: Requested route ('x') does not exist."), Reason::Unavailable, "uri"),
        (says(429, "slow"), Reason::RateLimited, "slow down"),
        (says(500, r#""Internal Server Error""#), Reason::Unavailable, "Internal Server Error"),
        (says(503, "<html><title>Maintenance</title></html>"), Reason::Unavailable, "Maintenance"),
        (says(302, ""), Reason::UnexpectedAnswer, "302"),
        (says(200, "<html><title>Log on</title></html>"), Reason::UnexpectedAnswer, "Log on"),
        (says(200, "hello"), Reason::UnexpectedAnswer, "not JSON"),
        (says(200, r#"[{"Alias":"a","Conte"#), Reason::UnexpectedAnswer, "in the middle"),
        (says(200, ""), Reason::UnexpectedAnswer, "empty"),
        (says(200, "[]"), Reason::Empty, "a.pem"),
    ] {
        let stage = Stage::open().await;
        stage.on(KEYS, [answer]);
        let unseen = stage.client().public_keys(AT, "a.pem").await.unwrap_err();
        assert!(unseen.reason == reason && unseen.text.contains(word), "{:?} {}", unseen.reason, unseen.text);
        assert!(unseen.text.contains("btp-test"), "{}", unseen.text);
    }
}

#[tokio::test]
async fn only_a_clear_refusal_is_certain_to_have_changed_nothing() {
    for (status, reason, maybe) in [
        (400, Reason::Refused, false),
        (401, Reason::Unauthorized, false),
        (403, Reason::Forbidden, false),
        (409, Reason::Conflict, false),
        (408, Reason::Timeout, true),
        (429, Reason::RateLimited, false),
        (500, Reason::Unavailable, true),
        (503, Reason::Unavailable, true),
        (302, Reason::UnexpectedAnswer, true),
    ] {
        let stage = Stage::open().await;
        stage.on("POST /subaccountCertificates", [says(status, "no")]);
        let failure = stage.client().upload(AT, "a.pem", b"x").await.unwrap_err();
        assert_eq!((failure.reason, failure.maybe_effective), (reason, maybe), "{status}");
    }
}

#[tokio::test]
async fn a_write_without_an_answer_may_have_taken_effect() {
    let stage = Stage::open().await;
    stage.on("POST /subaccountCertificates", [never()]);
    let failure = stage.impatient_client().upload(AT, "a.pem", b"x").await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::Timeout, true));
}

#[tokio::test]
async fn a_write_that_never_left_changed_nothing() {
    let stage = Stage::open().await;
    stage.on("POST /oauth/token", [never()]);
    let failure = stage.impatient_client().upload(AT, "a.pem", b"x").await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::Timeout, false));
}

#[tokio::test]
async fn a_look_without_an_answer_ends_within_its_limit() {
    let stage = Stage::open().await;
    stage.on(KEYS, [never()]);
    let unseen = stage.impatient_client().public_keys(AT, "a.pem").await.unwrap_err();
    assert_eq!(unseen.reason, Reason::Timeout);
}

#[tokio::test]
async fn what_a_secret_answer_holds_is_never_told() {
    let stage = Stage::open().await;
    stage.on("GET /subaccountDestinations/D", [says(200, r#"{"Name":"D","KeyStorePassword":"hunter2"#)]);
    stage.on("GET /subaccountCertificates/a.pem", [says(200, r#"{"Name":"a.pem","Content":"hunter2"#)]);
    let client = stage.client();
    let one = client.destination(AT, "D").await.err().unwrap();
    let two = client.certificate(AT, "a.pem").await.err().unwrap();
    for unseen in [one, two] {
        assert_eq!(unseen.reason, Reason::UnexpectedAnswer);
        assert!(!unseen.text.contains("hunter2"), "{}", unseen.text);
    }
}

/// A token service that asks for a client certificate, for one request.
async fn mutual_token_service(
    server: super::stage::Made,
    listener: tokio::net::TcpListener,
) -> (String, usize) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(server.root_der.clone().into()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .unwrap();
    let verifier: Arc<dyn rustls::server::danger::ClientCertVerifier> = verifier;
    let key = rustls::pki_types::PrivateKeyDer::try_from(server.key_der.clone()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![server.leaf_der.clone().into()], key)
        .unwrap();
    let (tcp, _) = listener.accept().await.unwrap();
    let mut tls = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(tcp).await.unwrap();
    let mut request = Vec::new();
    while !String::from_utf8_lossy(&request).contains("client_id=") {
        assert_ne!(tls.read_buf(&mut request).await.unwrap(), 0);
    }
    let presented = tls.get_ref().1.peer_certificates().map_or(0, <[_]>::len);
    let body = json!({"access_token": "bound", "expires_in": 3600}).to_string();
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    tls.write_all(answer.as_bytes()).await.unwrap();
    tls.shutdown().await.unwrap();
    (String::from_utf8(request).unwrap(), presented)
}

#[tokio::test]
async fn a_certificate_key_asks_its_own_address_and_sends_no_secret() {
    let stage = staged().await;
    let identity = made("localhost", "localhost");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let certurl = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    stage.write_key(&json!({"credentials": {
        "clientid": "sb-x", "certificate": identity.leaf_pem, "key": identity.key_pem,
        "uri": stage.address, "url": "https://never.example.org", "certurl": certurl,
    }}));
    let mut settings = stage.settings();
    let ca = stage.folder.path().join("ca.pem");
    std::fs::write(&ca, &identity.root_pem).unwrap();
    settings.net.ca = Some(ca);
    let client = DestinationService::new(Net::new().unwrap(), settings);
    let (seen, (request, presented)) =
        tokio::join!(client.public_keys(AT, "a.pem"), mutual_token_service(identity, listener));
    seen.unwrap();
    assert!(
        request.starts_with("POST /oauth/token ") && request.ends_with("client_credentials&client_id=sb-x")
    );
    assert_eq!(presented, 1);
    assert_eq!(stage.asked("GET")[0].header("authorization"), Some("Bearer bound"));
    assert!(client.credential_not_after().unwrap().is_some());
}
