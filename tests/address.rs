//! A certificate behind an address: what is asked, what is kept, and what is said of answers that are none.

use std::time::Duration;

use certsteward::domain::reason::{Reason, Unseen};
use certsteward::domain::report::Sighting;
use certsteward::domain::watch::Usage;
use certsteward::net::{self, Net};
use certsteward::sources::Source as _;
use certsteward::sources::url::{Settings, Url};

use crate::sap::stage::{API, Stage, says};
use crate::support::pki::{Authority, NOW, Wanted, server};
use crate::support::server::{Asks, Reply, Server};

const LINE: &str = "GET /trust.pem";

fn source(address: &str, usage: Usage) -> Url {
    let net = net::Settings {
        proxy: Some("none".to_owned()),
        timeout: Duration::from_secs(5),
        ..net::Settings::default()
    };
    let url = format!("{address}{API}/trust.pem?token=hidden");
    Url::new(Net::new().unwrap(), Settings { url, password: None, alias: None, usage, net })
}

async fn look(source: &Url) -> Sighting {
    source.look(None).await.unwrap().unwrap()
}

/// What is said of this answer.
async fn refused(answer: crate::sap::stage::Says) -> Unseen {
    let stage = Stage::open().await;
    stage.on(LINE, [answer]);
    let unseen = source(&stage.address, Usage::Trust).look(None).await.unwrap_err();
    assert!(!unseen.text.contains("hidden"), "{unseen}");
    assert!(unseen.text.contains("/trust.pem"), "{unseen}");
    unseen
}

#[tokio::test]
async fn an_unchanged_answer_is_asked_for_and_shows_what_was_seen_before() {
    let (stage, root) = (Stage::open().await, Authority::root("Example Root"));
    let day = "Fri, 27 Nov 2026 10:00:00 GMT";
    let whole = says(200, &root.pem).with("etag", "W/\"1\"").with("last-modified", day);
    stage.on(LINE, [whole, says(304, "")]);
    let source = source(&stage.address, Usage::Trust);
    let (first, second) = (look(&source).await, look(&source).await);
    assert_eq!(first, second);
    let asked = stage.asked("GET");
    assert_eq!((asked[0].header("if-none-match"), asked[0].header("if-modified-since")), (None, None));
    assert_eq!(
        (asked[1].header("if-none-match"), asked[1].header("if-modified-since")),
        (Some("W/\"1\""), Some(day))
    );
}

#[tokio::test]
async fn nothing_is_unchanged_after_it_was_gone() {
    let (stage, root) = (Stage::open().await, Authority::root("Example Root"));
    let whole = says(200, &root.pem).with("etag", "\"1\"");
    stage.on(LINE, [whole.clone(), says(404, "no such page"), says(410, ""), whole]);
    let source = source(&stage.address, Usage::Trust);
    look(&source).await;
    assert_eq!(source.look(None).await, Ok(None));
    assert_eq!(source.look(None).await, Ok(None));
    look(&source).await;
    assert_eq!(stage.asked("GET")[3].header("if-none-match"), None);
}

#[tokio::test]
async fn a_failure_forgets_nothing_and_shows_nothing() {
    let (stage, root) = (Stage::open().await, Authority::root("Example Root"));
    let whole = says(200, &root.pem).with("etag", "\"1\"");
    stage.on(LINE, [whole, says(503, "in maintenance"), says(304, "")]);
    let source = source(&stage.address, Usage::Trust);
    let first = look(&source).await;
    assert_eq!(source.look(None).await.unwrap_err().reason, Reason::Unavailable);
    assert_eq!(look(&source).await, first);
}

#[tokio::test]
async fn a_redirect_is_told_with_where_it_leads_and_not_followed() {
    let unseen = refused(says(302, "").with("location", "/login?state=hidden")).await;
    assert_eq!(unseen.reason, Reason::UnexpectedAnswer);
    assert!(
        unseen.text.contains("it leads to http://127.0.0.1:") && unseen.text.contains("/login (302)"),
        "{unseen}"
    );
    let nowhere = refused(says(307, "")).await;
    assert!(nowhere.text.contains("leads nowhere"), "{nowhere}");
}

#[tokio::test]
async fn what_is_no_certificate_is_told_in_words() {
    let cases = [
        (says(200, "<html><title>Log in</title></html>"), Reason::UnsupportedFormat),
        (says(200, ""), Reason::Empty),
        (says(304, ""), Reason::UnexpectedAnswer),
        (says(204, ""), Reason::UnexpectedAnswer),
        (says(401, "who are you?"), Reason::Unauthorized),
        (says(500, ""), Reason::Unavailable),
        (says(200, "-----BEGIN CERTIFICATE-----\nMIIB"), Reason::Truncated),
    ];
    for (answer, reason) in cases {
        assert_eq!(refused(answer).await.reason, reason);
    }
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_cut_off_at_the_limit() {
    let body = vec![b'A'; net::LIMIT + 1];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let server = Server::http(Reply::Whole([head.into_bytes(), body].concat())).await;
    let unseen =
        source(&format!("http://127.0.0.1:{}", server.port), Usage::Any).look(None).await.unwrap_err();
    assert_eq!(unseen.reason, Reason::TooLarge);
}

#[tokio::test]
async fn a_key_at_an_address_is_told_of_and_never_used() {
    let (stage, authority) = (Stage::open().await, Authority::root("Example Root"));
    let made = authority.issue(&Wanted { name: "SFAPI", hosts: &[], years: NOW, usages: &[] });
    stage.on(LINE, [says(200, format!("{}{}", made.pem, made.key_pem()))]);
    let source = source(&stage.address, Usage::Any);
    let odd = look(&source).await.oddities;
    assert_eq!(odd.iter().map(|odd| odd.reason).collect::<Vec<_>>(), [Reason::KeyMaterial]);
    let kept = source.identity(None).await.err().unwrap();
    assert_eq!(kept.reason, Reason::KeyUnavailable);
}

#[tokio::test]
async fn the_server_must_be_trusted_by_the_authorities_that_were_given() {
    let (own, root) = (Authority::root("Example Test CA"), Authority::root("Example Root"));
    let body = root.pem.as_str();
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let server = Server::tls(&own.issue(&server(NOW)), &Asks::Never, Reply::Whole(reply.into_bytes())).await;
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &own.pem).unwrap();
    let reached = |ca| {
        let net = net::Settings { ca, proxy: Some("none".to_owned()), ..net::Settings::default() };
        let url = format!("https://localhost:{}/root.pem", server.port);
        Url::new(Net::new().unwrap(), Settings { url, password: None, alias: None, usage: Usage::Trust, net })
    };
    assert_eq!(reached(None).look(None).await.unwrap_err().reason, Reason::ServerUntrusted);
    assert_eq!(look(&reached(Some(ca))).await.chain.leaf.common_name(), "Example Root");
}
