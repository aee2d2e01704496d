//! The daemon's own listener: TLS, names it answers to, limits, and visitors who mean no good.

use std::sync::Arc;

use certsteward::clock::Stopwatch;
use tokio_rustls::TlsConnector;

use super::{certificate, file_watch};
use crate::support::daemon::{Daemon, ask, command, configure, exchange, head};
use crate::support::pki::Pki;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.pem"), certificate("a", 30, 335).0).unwrap();
    folder
}

async fn over_tls(pki: &Pki, port: u16, request: &str) -> crate::support::daemon::Answer {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(pki.ca.der.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    exchange(stream, request).await.unwrap()
}

#[tokio::test]
async fn it_speaks_tls_with_its_own_certificate_beside_visitors_who_do_not() {
    let (folder, pki) = (folder(), Pki::new());
    std::fs::write(folder.path().join("server.pem"), &pki.server.pem).unwrap();
    let key = folder.path().join("server.key");
    std::fs::write(&key, pki.server.key_pem()).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let tls = "tls = { certificate = { file = \"server.pem\" }, key = { file = \"server.key\" } }\n";
    configure(
        folder.path(),
        &(head().replace("\nsocket", &format!("\n{tls}socket")) + &file_watch("a", "a.pem")),
    );
    let daemon = Daemon::begun(folder.path(), &[]);
    daemon.logged("is watched").await;
    let silent = tokio::net::TcpStream::connect(("127.0.0.1", daemon.port)).await.unwrap();
    assert!(ask(daemon.port, "GET", "/-/healthy", "", "").await.is_none(), "plain HTTP is not answered");
    let request = "GET /api/v1/watches/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = over_tls(&pki, daemon.port, request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    drop(silent);
    daemon.stop().await;
}

#[tokio::test]
async fn tls_that_cannot_be_used_is_refused_before_anything_starts() {
    let (folder, pki) = (folder(), Pki::new());
    std::fs::write(folder.path().join("server.pem"), &pki.server.pem).unwrap();
    let key = folder.path().join("server.key");
    std::fs::write(&key, pki.good.key_pem()).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let tls = "tls = { certificate = { file = \"server.pem\" }, key = { file = \"server.key\" } }\n";
    configure(
        folder.path(),
        &(head().replace("\nsocket", &format!("\n{tls}socket")) + &file_watch("a", "a.pem")),
    );
    let ran = command(folder.path(), &["run"]).output().unwrap();
    let text = String::from_utf8(ran.stderr).unwrap();
    assert!([1, 78].contains(&ran.status.code().unwrap()) && text.contains("tls"), "{text}");
    assert!(!text.contains("is watched"), "{text}");
}

#[tokio::test]
async fn pages_of_other_sites_can_neither_read_nor_change() {
    let folder = folder();
    std::fs::write(folder.path().join("token"), "sample-token-sample-token\n").unwrap();
    std::fs::set_permissions(
        folder.path().join("token"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let tokens = "[tokens.chatops]\nfile = \"token\"\nmay = [\"check\"]\n";
    let daemon = Daemon::start(folder.path(), &(head() + &file_watch("a", "a.pem") + tokens)).await;
    let read = async |headers: &str| ask(daemon.port, "GET", "/api/v1/watches", headers, "").await.unwrap();
    let rebound = read("Host: evil.example.net:9790\r\n").await;
    assert_eq!(rebound.status, 403, "{rebound:?}");
    assert!(rebound.body.contains("public_url"), "{}", rebound.body);
    assert_eq!(read("Host: localhost\r\n").await.status, 200);

    let bearer = "Authorization: Bearer sample-token-sample-token\r\n";
    let check = "/api/v1/watches/a/check";
    assert_eq!(daemon.post(check, bearer, "").await.status, 202);
    let foreign = format!("{bearer}Origin: https://evil.example.net\r\n");
    assert_eq!(daemon.post(check, &foreign, "").await.status, 403);
    let site = format!("{bearer}Sec-Fetch-Site: cross-site\r\n");
    assert_eq!(daemon.post(check, &site, "").await.status, 403);
    assert_eq!(daemon.post(check, "", "").await.status, 401);
    assert_eq!(daemon.post("/api/v1/watches/a/renew", bearer, "").await.status, 403, "not its right");
    assert!(!daemon.log().contains("sample-token"), "{}", daemon.log());
    daemon.stop().await;
}

#[tokio::test]
async fn a_body_has_its_limit() {
    let folder = folder();
    std::fs::write(folder.path().join("token"), "sample-token-sample-token\n").unwrap();
    std::fs::set_permissions(
        folder.path().join("token"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let tokens = "[tokens.chatops]\nfile = \"token\"\nmay = [\"*\"]\n";
    let daemon = Daemon::start(folder.path(), &(head() + &file_watch("a", "a.pem") + tokens)).await;
    let bearer = "Authorization: Bearer sample-token-sample-token\r\n";
    let long = format!("{{\"comment\": \"{}\"}}", "x".repeat(70_000));
    assert_eq!(daemon.post("/api/v1/watches/a/check", bearer, &long).await.status, 413);
    let wordy = format!("{{\"comment\": \"{}\"}}", "x".repeat(2001));
    assert_eq!(daemon.post("/api/v1/watches/a/check", bearer, &wordy).await.status, 400);
    daemon.stop().await;
}

#[tokio::test]
async fn visitors_who_say_nothing_block_nobody() {
    let folder = folder();
    let daemon = Daemon::start(folder.path(), &(head() + &file_watch("a", "a.pem"))).await;
    let mut held = Vec::new();
    for number in 0..200 {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
        if number % 2 == 0 {
            std::io::Write::write_all(&mut stream, b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
                .unwrap();
        }
        held.push(stream);
    }
    let began = Stopwatch::start();
    assert_eq!(ask(daemon.port, "GET", "/metrics", "", "").await.unwrap().status, 200);
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    drop(held);
    daemon.stop().await;
}
