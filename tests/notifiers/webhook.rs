//! Webhooks as they arrive, and how their refusals are told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use certsteward::domain::message::Message;
use certsteward::domain::reason::{Failure, Reason};
use certsteward::domain::record::Ask;
use certsteward::net::{self, Net};
use certsteward::notifiers::Notifier as _;
use certsteward::notifiers::webhook::{Format, Settings, Webhook};
use certsteward::secret::SecretRef;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::samples::{finding, hand_off, resolved};

type Posts = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

struct Receiver {
    port: u16,
    posts: Posts,
    _running: JoinSet<()>,
}

#[derive(Clone)]
struct Answer {
    posts: Posts,
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
}

impl Receiver {
    async fn start(status: u16, headers: &[(&'static str, &'static str)]) -> Self {
        let posts = Posts::default();
        let answer = Answer { posts: Arc::clone(&posts), status, headers: headers.to_vec() };
        let router = axum::Router::new()
            .route("/hooks/T000/s3cr3t-path", axum::routing::post(take))
            .with_state(answer);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut running = JoinSet::new();
        running.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, posts, _running: running }
    }

    fn settings(&self, format: Format) -> Settings {
        Settings {
            id: "chat".to_owned(),
            url: format!("http://127.0.0.1:{}/hooks/T000/s3cr3t-path", self.port),
            format,
            secret: None,
            public_url: Some("https://certsteward.example.org".to_owned()),
            net: net::Settings { timeout: Duration::from_secs(5), ..net::Settings::default() },
        }
    }

    async fn send(&self, format: Format, message: &Message) -> Result<(), Failure> {
        Webhook::new(Net::new().unwrap(), self.settings(format)).send(message).await
    }

    fn only(&self) -> (HeaderMap, Bytes) {
        let mut posts = self.posts.lock().unwrap().clone();
        assert_eq!(posts.len(), 1);
        posts.remove(0)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.only().1).unwrap()
    }
}

async fn take(State(answer): State<Answer>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    answer.posts.lock().unwrap().push((headers, body));
    let mut reply = HeaderMap::new();
    for (name, value) in answer.headers {
        reply.insert(name, value.parse().unwrap());
    }
    (StatusCode::from_u16(answer.status).unwrap(), reply, "no_service")
}

#[tokio::test]
async fn the_json_form_holds_every_documented_field() {
    let receiver = Receiver::start(204, &[]).await;
    receiver.send(Format::Json, &finding()).await.unwrap();
    let expected = json!({
        "watch": "sf-odata-prod",
        "labels": { "stage": "prod" },
        "at": "2026-11-21T18:00:00Z",
        "topic": "findings",
        "level": "critical",
        "code": "rejected",
        "key": "rejected:odata",
        "resolved": false,
        "subject": "the API rejects the certificate in force",
        "text": "The API rejects the certificate <SFAPI> of Grüße & Co",
        "way_out": "Upload the certificate again",
        "actor": null,
        "deadline": "2027-01-20T00:00:00Z",
        "url": "https://certsteward.example.org/watches/sf-odata-prod",
        "handoff": null,
    });
    assert_eq!(receiver.json(), expected);
    assert_eq!(receiver.only().0["content-type"], "application/json");
}

#[tokio::test]
async fn a_hand_off_carries_fields_link_and_public_certificate() {
    let receiver = Receiver::start(200, &[]).await;
    let message = hand_off(Ask::Add);
    receiver.send(Format::Json, &message).await.unwrap();
    let posted = receiver.json();
    let asked = &posted["handoff"];
    assert_eq!(asked["url"], "https://certsteward.example.org/handoffs/t0ken");
    assert_eq!(asked["ask"], "add");
    assert_eq!(asked["fields"][0], json!({ "name": "Configuration Name", "value": "BTP mTLS" }));
    assert_eq!(asked["gap"], Value::Null);
    assert_eq!(asked["certificate"]["file_name"], "sf-odata-prod-0123456789ab.pem");
    let pem = asked["certificate"]["pem"].as_str().unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n"), "{pem}");
    let leaf = message.hand_off.unwrap().chain.leaf;
    assert_eq!(asked["certificate"]["fingerprint_sha256"], leaf.fingerprint.colons());
    assert_eq!(asked["instead_of_url"], Value::Null);
}

#[tokio::test]
async fn without_a_public_address_a_hand_off_names_the_commands_that_answer_it() {
    for format in [Format::Json, Format::Slack, Format::Teams] {
        let receiver = Receiver::start(200, &[]).await;
        let settings = Settings { public_url: None, ..receiver.settings(format) };
        Webhook::new(Net::new().unwrap(), settings).send(&hand_off(Ask::Add)).await.unwrap();
        let posted = receiver.json().to_string();
        assert!(posted.contains("certsteward confirm sf-odata-prod security-center"), "{posted}");
        assert!(!posted.contains("handoffs/"), "{posted}");
    }
}

#[tokio::test]
async fn the_signature_is_the_hmac_of_the_body() {
    let receiver = Receiver::start(200, &[]).await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "hook-secret\n").unwrap();
    let mut settings = receiver.settings(Format::Json);
    settings.secret = Some(SecretRef::File(secret.path().to_owned()));
    Webhook::new(Net::new().unwrap(), settings).send(&finding()).await.unwrap();
    let (headers, body) = receiver.only();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"hook-secret").unwrap();
    mac.update(&body);
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(headers["x-certsteward-signature"], format!("sha256={digits}"));
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_not_taken_for_a_webhook_that_is_gone() {
    let receiver = Receiver::start(200, &[]).await;
    let mut settings = receiver.settings(Format::Json);
    settings.secret = Some(SecretRef::File("/nowhere/hook-secret".into()));
    let failure = Webhook::new(Net::new().unwrap(), settings).send(&finding()).await.unwrap_err();
    assert_eq!(failure.reason, Reason::CredentialUnusable);
    assert!(failure.text.contains("/nowhere/hook-secret") && !failure.text.contains("gone"), "{failure}");
}

#[tokio::test]
async fn without_a_secret_nothing_is_signed() {
    let receiver = Receiver::start(200, &[]).await;
    receiver.send(Format::Json, &finding()).await.unwrap();
    assert!(!receiver.only().0.contains_key("x-certsteward-signature"));
}

#[tokio::test]
async fn slack_gets_blocks_with_its_control_characters_escaped() {
    let receiver = Receiver::start(200, &[]).await;
    receiver.send(Format::Slack, &hand_off(Ask::Replace)).await.unwrap();
    let posted = receiver.json();
    assert_eq!(posted["text"], "ACTION NEEDED sf-odata-prod: add the certificate SFAPI-2 to security-center");
    let text = posted["blocks"].to_string();
    for words in
        ["*Ask:* replace", "*Configuration Name:* BTP mTLS", "Mind the gap", "1. Open the Security Center."]
    {
        assert!(text.contains(words), "{words} is missing in {text}");
    }
    assert!(
        text.contains("<https://certsteward.example.org/handoffs/t0ken|Open the hand-off page>"),
        "{text}"
    );
    let receiver = Receiver::start(200, &[]).await;
    receiver.send(Format::Slack, &finding()).await.unwrap();
    assert!(receiver.json()["blocks"].to_string().contains("&lt;SFAPI&gt; of Grüße &amp; Co"));
}

#[tokio::test]
async fn teams_gets_an_adaptive_card() {
    let receiver = Receiver::start(202, &[]).await;
    receiver.send(Format::Teams, &resolved()).await.unwrap();
    let posted = receiver.json();
    let attachment = &posted["attachments"][0];
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    let card = &attachment["content"];
    assert_eq!(card["type"], "AdaptiveCard");
    assert_eq!(card["body"][0]["color"], "Good");
    assert!(card["body"][0]["text"].as_str().unwrap().starts_with("resolved sf-odata-prod: "));
    assert_eq!(card["actions"][0]["url"], "https://certsteward.example.org/watches/sf-odata-prod");
}

#[tokio::test]
async fn refusals_are_told_without_the_path_which_may_be_the_secret() {
    for (status, reason, words, maybe) in [
        (400, Reason::Refused, "permanent: check that format", false),
        (401, Reason::Unauthorized, "permanent: check the address and secret", false),
        (404, Reason::NotFound, "permanent: the webhook is gone", false),
        (500, Reason::Unavailable, "transient", true),
    ] {
        let receiver = Receiver::start(status, &[]).await;
        let refused = receiver.send(Format::Json, &finding()).await.unwrap_err();
        assert_eq!((refused.reason, refused.maybe_effective), (reason, maybe), "{refused}");
        assert!(refused.text.contains(words) && refused.text.contains("no_service"), "{refused}");
        assert!(!refused.text.contains("s3cr3t-path"), "{refused}");
    }
}

#[tokio::test]
async fn a_wish_to_wait_is_passed_on_as_seconds_or_date() {
    let date = ("date", "Sat, 21 Nov 2026 10:00:00 GMT");
    for (headers, seconds) in [
        (vec![("retry-after", "120")], 120),
        (vec![date, ("retry-after", "Sat, 21 Nov 2026 10:01:30 GMT")], 90),
    ] {
        let receiver = Receiver::start(429, &headers).await;
        let refused = receiver.send(Format::Json, &finding()).await.unwrap_err();
        assert_eq!((refused.reason, refused.retry_after_seconds), (Reason::RateLimited, Some(seconds)));
    }
}

#[tokio::test]
async fn nothing_secret_leaves() {
    let receiver = Receiver::start(200, &[]).await;
    let mut message = finding();
    message.text = rcgen::KeyPair::generate().unwrap().serialize_pem();
    for format in [Format::Json, Format::Slack, Format::Teams] {
        let refused = receiver.send(format, &message).await.unwrap_err();
        assert_eq!(refused.reason, Reason::KeyMaterial);
    }
    assert!(receiver.posts.lock().unwrap().is_empty());
}
