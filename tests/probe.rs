//! The mTLS prober, the TLS source and the HTTP client against real servers on loopback.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use certsteward::domain::Timestamp;
use certsteward::domain::reason::Reason;
use certsteward::domain::verdict::{Detail, Phase, Probed, Verdict};
use certsteward::net::{self, Net};
use certsteward::probers::Prober as _;
use certsteward::probers::mtls::{Mtls, Settings};
use certsteward::sources::Source as _;
use certsteward::sources::tls::{self, Tls};
use tempfile::TempDir;

use crate::support::pki::{Authority, Made, NOW, PAST, Pki, Wanted, server};
use crate::support::process::{Running, program};
use crate::support::server::{Asks, Reply, Server, json, with_headers};
use crate::support::wait::{free_port, listening};

const NOT_MAPPED: &str =
    r#"{"error":{"code":"AuthenticationFailed","details":"[AUTH0032]Invalid client certificate"}}"#;

/// A test's folder with its authority's file, and what it probes with.
struct World {
    pki: Pki,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { pki: Pki::new(), folder: TempDir::new().unwrap() };
        world.write("ca.pem", &world.pki.ca.pem);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn net(&self) -> net::Settings {
        let proxy = Some("none".to_owned());
        net::Settings { ca: Some(self.path("ca.pem")), proxy, timeout: Duration::from_secs(20) }
    }

    fn settings(&self, url: &str) -> Settings {
        Settings {
            url: url.to_owned(),
            company_id: Some("ACME".to_owned()),
            headers: Vec::new(),
            timeout: Duration::from_secs(20),
            files: None,
            net: self.net(),
        }
    }

    async fn probe(&self, port: u16, path: &str, client: Option<&Made>) -> Probed {
        let url = format!("https://localhost:{port}{path}");
        probe(self.settings(&url), client).await
    }
}

async fn probe(settings: Settings, client: Option<&Made>) -> Probed {
    let identity = client.map(Made::identity);
    Mtls::new(Net::new().unwrap(), settings).probe(identity.as_ref(), now()).await
}

fn now() -> Timestamp {
    chrono::DateTime::parse_from_rfc3339("2026-11-21T10:00:00Z").unwrap().to_utc()
}

#[track_caller]
fn concludes(probed: &Probed, verdict: Verdict, detail: Option<Detail>) {
    assert_eq!((probed.verdict, probed.detail), (verdict, detail), "{probed:?}");
}

fn phases(probed: &Probed) -> Vec<&'static str> {
    probed.phases.iter().map(|(phase, _)| phase.code()).collect()
}

// A server inside the test.

#[tokio::test]
async fn a_good_certificate_is_accepted_and_everything_about_the_call_is_kept() {
    let world = World::new();
    let server =
        Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), json("200 OK", r#"{"d":{}}"#)).await;
    let mut settings = world.settings(&format!("https://localhost:{}/odata/v2/User?$top=1", server.port));
    settings.headers = vec![("x-purpose".into(), "probe".into())];
    let probed = probe(settings, Some(&world.pki.good)).await;
    concludes(&probed, Verdict::Accepted, None);
    assert_eq!((probed.status, probed.at), (Some(200), now()));
    assert_eq!(phases(&probed), ["dns", "tcp", "tls", "http"]);
    assert_eq!(probed.presented, Some(world.pki.good.identity().chain().fingerprint()));
    assert!(probed.asked_for_certificate);
    assert_eq!(probed.acceptable_authorities.len(), 1);
    assert!(probed.acceptable_authorities[0].contains("Example Test CA"), "{probed:?}");
    assert_eq!(probed.tls_version.as_deref(), Some("TLSv1.3"));
    assert!(probed.cipher.as_deref().is_some_and(|cipher| cipher.starts_with("TLS_AES")), "{probed:?}");
    assert_eq!(probed.server_chain.first().map(|der| &**der), Some(world.pki.server.der.as_ref()));
    assert_eq!(probed.text, "HTTP 200", "the API's data is not shown");
    let request = server.request().to_ascii_lowercase();
    for line in [
        "get /odata/v2/user?$top=1 http/1.1",
        "successfactors-companyid: acme",
        "accept: application/json",
        concat!("user-agent: certsteward/", env!("CARGO_PKG_VERSION")),
        "x-purpose: probe",
    ] {
        assert!(request.contains(line), "{line} is missing in {request}");
    }
}

#[tokio::test]
async fn an_answer_proves_nothing_where_no_certificate_was_asked_for() {
    let world = World::new();
    let server = Server::tls(&world.pki.server, &Asks::Never, json("200 OK", "{}")).await;
    let probed = world.probe(server.port, "/", Some(&world.pki.good)).await;
    concludes(&probed, Verdict::UnexpectedAnswer, None);
    assert_eq!((probed.presented, probed.asked_for_certificate), (None, false));
    assert!(probed.text.contains("never asked"), "{}", probed.text);

    let polite = Server::tls(&world.pki.server, &Asks::Politely(&world.pki.ca), json("200 OK", "{}")).await;
    let probed = world.probe(polite.port, "/", None).await;
    concludes(&probed, Verdict::UnexpectedAnswer, None);
    assert!(probed.text.contains("does not insist"), "{}", probed.text);
}

#[tokio::test]
async fn the_apis_refusals_reach_the_verdict() {
    let world = World::new();
    let forbidden = r#"{"error":{"code":"F","message":"You don't have permission to view the user."}}"#;
    for (status, body, verdict) in [
        ("401 Unauthorized", NOT_MAPPED, Verdict::NotMapped),
        ("403 Forbidden", forbidden, Verdict::NoPermission),
        ("503 Service Unavailable", "<html><title>Maintenance</title></html>", Verdict::Unavailable),
        ("302 Found", "", Verdict::UnexpectedAnswer),
    ] {
        let server = Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), json(status, body)).await;
        let probed = world.probe(server.port, "/", Some(&world.pki.good)).await;
        concludes(&probed, verdict, None);
        assert!(probed.text.starts_with("HTTP "), "{}", probed.text);
        assert_eq!(server.requests.lock().unwrap().len(), 1, "no redirect is followed, nothing is repeated");
    }
}

#[tokio::test]
async fn retry_after_is_kept_as_seconds() {
    let world = World::new();
    for (value, seconds) in [("300", 300), ("Sat, 21 Nov 2026 10:01:30 GMT", 90)] {
        let headers = format!("Retry-After: {value}\r\n");
        let reply = with_headers("429 Too Many Requests", &headers, "");
        let server = Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), reply).await;
        let probed = world.probe(server.port, "/", Some(&world.pki.good)).await;
        concludes(&probed, Verdict::RateLimited, None);
        assert_eq!(probed.retry_after_seconds, Some(seconds));
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted_gets_no_certificate_and_its_chain_is_kept() {
    let world = World::new();
    let elsewhere = Wanted { hosts: &["api.example.org"], ..server(NOW) };
    for (own, verdict) in [
        (world.pki.other_ca.issue(&server(NOW)), Verdict::ServerUntrusted),
        (world.pki.ca.issue(&server(PAST)), Verdict::ServerExpired),
        (world.pki.ca.issue(&elsewhere), Verdict::ServerNameMismatch),
        (
            world
                .pki
                .ca
                .issue(&Wanted { usages: &[rcgen::ExtendedKeyUsagePurpose::ClientAuth], ..server(NOW) }),
            Verdict::ServerUntrusted,
        ),
    ] {
        let server = Server::tls(&own, &Asks::Firmly(&world.pki.ca), json("200 OK", "{}")).await;
        let probed = world.probe(server.port, "/", Some(&world.pki.good)).await;
        concludes(&probed, verdict, None);
        assert_eq!(probed.presented, None);
        assert_eq!(probed.server_chain.first().map(|der| &**der), Some(own.der.as_ref()));
        assert_eq!(phases(&probed), ["dns", "tcp", "tls"]);
    }
}

#[tokio::test]
async fn what_is_not_a_tls_server_is_told_apart() {
    let world = World::new();
    let plain = Server::plain().await;
    concludes(&world.probe(plain.port, "/", None).await, Verdict::TlsFailed, None);
    let closing = Server::closing().await;
    concludes(&world.probe(closing.port, "/", None).await, Verdict::ConnectionReset, None);
    let refused = world.probe(free_port(), "/", None).await;
    concludes(&refused, Verdict::ConnectionRefused, None);
    assert_eq!(phases(&refused), ["dns", "tcp"]);
    let unknown = probe(world.settings("https://nonexistent.invalid/"), None).await;
    concludes(&unknown, Verdict::DnsFailed, None);
    assert_eq!(phases(&unknown), ["dns"]);
    assert!(unknown.text.contains("nonexistent.invalid"), "{}", unknown.text);
}

#[tokio::test]
async fn an_answer_that_does_not_come_or_does_not_end_is_a_timeout() {
    let world = World::new();
    let silent = Server::silent().await;
    let started = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{".to_vec();
    let slow = Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), Reply::Hangs(started)).await;
    let mute = Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), Reply::Hangs(Vec::new())).await;
    for (port, last) in [(silent.port, Phase::Tls), (slow.port, Phase::Http), (mute.port, Phase::Http)] {
        let mut settings = world.settings(&format!("https://localhost:{port}/"));
        settings.timeout = Duration::from_millis(700);
        let probed = probe(settings, Some(&world.pki.good)).await;
        concludes(&probed, Verdict::Timeout, None);
        assert_eq!(probed.phases.last().map(|(phase, _)| *phase), Some(last));
        let whole: f64 = probed.phases.iter().map(|(_, seconds)| seconds).sum();
        assert!(whole < 5.0, "{probed:?}");
    }
}

#[tokio::test]
async fn a_cut_off_answer_is_never_a_success() {
    let world = World::new();
    let part =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{\"d\":".to_vec();
    for bytes in [part, b"HTTP/1.1 200 OK\r\nConte".to_vec(), Vec::new()] {
        let server = Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), Reply::CutOff(bytes)).await;
        let probed = world.probe(server.port, "/", Some(&world.pki.good)).await;
        concludes(&probed, Verdict::ConnectionReset, None);
    }
    let noise = Reply::Whole(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec());
    let server = Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), noise).await;
    let probed = world.probe(server.port, "/", Some(&world.pki.good)).await;
    concludes(&probed, Verdict::UnexpectedAnswer, None);
}

#[tokio::test]
async fn a_page_of_any_length_is_read_only_as_far_as_needed() {
    let world = World::new();
    let mut body =
        b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n<html><title>Welcome</title>".to_vec();
    body.resize(body.len() + 200_000, b' ');
    let server = Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), Reply::Hangs(body)).await;
    let probed = world.probe(server.port, "/", Some(&world.pki.good)).await;
    concludes(&probed, Verdict::UnexpectedAnswer, None);
    assert_eq!(probed.text, "HTTP 200: Welcome");
}

#[tokio::test]
async fn a_probe_goes_through_the_configured_proxy() {
    let world = World::new();
    let own = world.pki.ca.issue(&Wanted { hosts: &["api.example.org"], ..server(NOW) });
    let server = Server::tls(&own, &Asks::Firmly(&world.pki.ca), json("200 OK", "{}")).await;
    let proxy = Server::proxy(None).await;
    let mut settings = world.settings(&format!("https://api.example.org:{}/", server.port));
    settings.net.proxy = Some(format!("http://user:p%40ss@127.0.0.1:{}", proxy.port));
    let probed = probe(settings.clone(), Some(&world.pki.good)).await;
    concludes(&probed, Verdict::Accepted, None);
    let request = proxy.request();
    assert!(request.starts_with(&format!("CONNECT api.example.org:{} HTTP/1.1\r\n", server.port)));
    assert!(request.contains("Proxy-Authorization: Basic dXNlcjpwQHNz\r\n"), "{request}");

    for line in ["HTTP/1.1 403 Forbidden", "HTTP/1.1 407 Proxy Authentication Required"] {
        let proxy = Server::proxy(Some(line)).await;
        settings.net.proxy = Some(format!("http://user:hunter2@127.0.0.1:{}", proxy.port));
        let probed = probe(settings.clone(), Some(&world.pki.good)).await;
        concludes(&probed, Verdict::ConnectionRefused, None);
        assert!(probed.text.contains("the proxy 127.0.0.1:") && !probed.text.contains("hunter2"));
    }
}

#[tokio::test]
async fn certificate_and_key_may_come_from_files() {
    let world = World::new();
    let server = Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), json("200 OK", "{}")).await;
    let mut settings = world.settings(&format!("https://localhost:{}/", server.port));
    let certificate = world.write("client.pem", &format!("{}{}", world.pki.ca.pem, world.pki.good.pem));
    let key = world.write("client.key", &world.pki.good.key_pem());
    settings.files = Some((certificate.clone(), key));
    concludes(&probe(settings.clone(), None).await, Verdict::Accepted, None);

    let foreign = world.write("other.key", &world.pki.stranger.key_pem());
    settings.files = Some((certificate, foreign));
    let probed = probe(settings.clone(), None).await;
    concludes(&probed, Verdict::CertificateRequired, None);
    assert!(probed.phases.is_empty(), "no call is made without the certificate");
    let unseen = Mtls::new(Net::new().unwrap(), settings).identity().err().unwrap();
    assert_eq!(unseen.reason, Reason::KeyMismatch);
}

// Real nginx: it finishes the handshake whatever the certificate, and judges it in an answer.

struct Nginx {
    tls12: u16,
    tls13: u16,
    _running: Running,
}

impl Nginx {
    async fn start(world: &World) -> Option<Self> {
        let nginx = program("nginx")?;
        let (tls12, tls13) = (free_port(), free_port());
        world.write("server.pem", &world.pki.server.pem);
        world.write("server.key", &world.pki.server.key_pem());
        let folder = world.folder.path();
        let conf = world.write("nginx.conf", &nginx_conf(folder, tls12, tls13));
        let mut command = Command::new(nginx);
        command.arg("-e").arg(folder.join("start.log")).arg("-p").arg(folder).arg("-c").arg(conf);
        let running = Running::start(&mut command);
        listening(tls12).await;
        listening(tls13).await;
        Some(Self { tls12, tls13, _running: running })
    }
}

fn nginx_conf(folder: &Path, tls12: u16, tls13: u16) -> String {
    let at = folder.display();
    let server = |port: u16, version: &str| {
        format!(
            r#"server {{ listen 127.0.0.1:{port} ssl; server_name localhost; ssl_protocols {version}; ssl_verify_client on;
    default_type application/json;
    location / {{ return 200 '{{"d":{{}}}}'; }}
    location /unknown {{ return 401 '{NOT_MAPPED}'; }} }}
"#
        )
    };
    format!(
        "daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/error.log warn;
events {{ worker_connections 64; }}
http {{ access_log off; ssl_session_cache off;
client_body_temp_path {at}/t1; proxy_temp_path {at}/t2; fastcgi_temp_path {at}/t3; uwsgi_temp_path {at}/t4; scgi_temp_path {at}/t5;
ssl_certificate {at}/server.pem; ssl_certificate_key {at}/server.key; ssl_client_certificate {at}/ca.pem;
{}{}}}\n",
        server(tls12, "TLSv1.2"),
        server(tls13, "TLSv1.3")
    )
}

#[tokio::test]
async fn nginx_is_diagnosed_alike_in_tls_1_2_and_1_3() {
    let world = World::new();
    let Some(nginx) = Nginx::start(&world).await else { return };
    let pki = &world.pki;
    let refused = (Verdict::CertificateRefused, Some(Detail::Unspecified));
    for (port, version) in [(nginx.tls12, "TLSv1.2"), (nginx.tls13, "TLSv1.3")] {
        for (client, (verdict, detail)) in [
            (None, (Verdict::CertificateRequired, None)),
            (Some(&pki.stranger), refused),
            (Some(&pki.expired), refused),
            (Some(&pki.not_yet), refused),
            (Some(&pki.no_client_auth), refused),
            (Some(&pki.good), (Verdict::Accepted, None)),
        ] {
            let probed = world.probe(port, "/health", client).await;
            concludes(&probed, verdict, detail);
            assert_eq!(probed.tls_version.as_deref(), Some(version));
            assert_eq!(probed.presented, client.map(|made| made.identity().chain().fingerprint()));
            assert!(probed.asked_for_certificate);
        }
        let probed = world.probe(port, "/unknown", Some(&pki.good)).await;
        concludes(&probed, Verdict::NotMapped, None);
    }
}

// OpenSSL: in TLS 1.3 it refuses after the handshake, by an alert that races the request.

async fn openssl(world: &World, version: &str) -> Option<(u16, Running)> {
    let openssl = program("openssl")?;
    let certificate = world.write("server.pem", &world.pki.server.pem);
    let key = world.write("server.key", &world.pki.server.key_pem());
    let port = free_port();
    let mut command = Command::new(openssl);
    command.args(["s_server", "-quiet", "-www", "-Verify", "3", "-verify_return_error", version]);
    command.args(["-accept", &format!("127.0.0.1:{port}")]);
    command.arg("-cert").arg(certificate).arg("-key").arg(key);
    command.arg("-CAfile").arg(world.path("ca.pem"));
    command.stderr(std::process::Stdio::null());
    let running = Running::start(&mut command);
    listening(port).await;
    Some((port, running))
}

#[tokio::test]
async fn a_refusal_after_the_handshake_is_never_lost() {
    let world = World::new();
    let Some((port, _running)) = openssl(&world, "-tls1_3").await else { return };
    let pki = &world.pki;
    let refused = |detail| (Verdict::CertificateRefused, Some(detail));
    for _ in 0..10 {
        for (client, (verdict, detail)) in [
            (None, (Verdict::CertificateRequired, None)),
            (Some(&pki.stranger), refused(Detail::UnknownCa)),
            (Some(&pki.expired), refused(Detail::Expired)),
            (Some(&pki.no_client_auth), refused(Detail::Unsupported)),
        ] {
            let probed = world.probe(port, "/", client).await;
            concludes(&probed, verdict, detail);
            assert_eq!(probed.tls_version.as_deref(), Some("TLSv1.3"));
        }
    }
    let page = world.probe(port, "/", Some(&pki.good)).await;
    concludes(&page, Verdict::UnexpectedAnswer, None);
    assert_eq!(page.status, Some(200), "{page:?}");
}

#[tokio::test]
async fn a_refusal_inside_the_handshake_is_read_from_its_alert() {
    let world = World::new();
    let Some((port, _running)) = openssl(&world, "-tls1_2").await else { return };
    let pki = &world.pki;
    concludes(&world.probe(port, "/", None).await, Verdict::CertificateRequired, None);
    let stranger = world.probe(port, "/", Some(&pki.stranger)).await;
    concludes(&stranger, Verdict::CertificateRefused, Some(Detail::UnknownCa));
    let expired = world.probe(port, "/", Some(&pki.expired)).await;
    concludes(&expired, Verdict::CertificateRefused, Some(Detail::Expired));
    assert_eq!(expired.presented, Some(pki.expired.identity().chain().fingerprint()));
    assert!(expired.text.contains("certificate_expired"), "{}", expired.text);
}

// The TLS source.

fn source(world: &World, port: u16) -> Tls {
    let settings = tls::Settings { host: "localhost".into(), port, server_name: None, net: world.net() };
    Tls::new(Net::new().unwrap(), settings)
}

#[tokio::test]
async fn the_chain_of_a_server_is_seen_even_where_it_is_not_trusted() {
    let world = World::new();
    for (own, odd) in [
        (world.pki.ca.issue(&server(NOW)), false),
        (world.pki.ca.issue(&server(PAST)), true),
        (Authority::root("Example Elsewhere CA").issue(&server(NOW)), true),
    ] {
        let server = Server::tls(&own, &Asks::Firmly(&world.pki.ca), json("200 OK", "{}")).await;
        let sighting = source(&world, server.port).look(None).await.unwrap().unwrap();
        assert_eq!(&*sighting.chain.leaf.der, own.der.as_ref());
        assert_eq!(sighting.oddities.iter().any(|odd| odd.reason == Reason::ServerUntrusted), odd);
        assert!(server.requests.lock().unwrap().is_empty(), "no request is sent");
    }
}

#[tokio::test]
async fn a_tls_source_has_no_other_entries_and_no_key() {
    let world = World::new();
    let source = source(&world, free_port());
    assert_eq!(source.look(Some("other")).await, Ok(None));
    assert_eq!(source.look(None).await.unwrap_err().reason, Reason::ConnectionRefused);
    assert_eq!(source.identity(None).await.err().unwrap().reason, Reason::KeyUnavailable);
}

// The HTTP client.

async fn failure(settings: &net::Settings, url: &str) -> (Reason, bool, String) {
    let client = Net::new().unwrap().http(settings, None).unwrap();
    let failure = client.send(client.request(reqwest::Method::POST, url)).await.unwrap_err();
    (failure.reason, failure.maybe_effective, failure.text)
}

#[tokio::test]
async fn a_request_is_certain_to_have_changed_nothing_only_where_it_cannot_have_left() {
    let world = World::new();
    let mut settings = world.net();
    settings.timeout = Duration::from_secs(2);
    let untrusted = world.pki.other_ca.issue(&server(NOW));
    let untrusted = Server::tls(&untrusted, &Asks::Never, json("200 OK", "{}")).await;
    let plain = Server::plain().await;
    let silent = Server::silent().await;
    let mute = Server::tls(&world.pki.server, &Asks::Never, Reply::Hangs(Vec::new())).await;
    let cut = Server::tls(&world.pki.server, &Asks::Never, Reply::CutOff(Vec::new())).await;
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{".to_vec();
    let half = Server::tls(&world.pki.server, &Asks::Never, Reply::CutOff(half)).await;
    for (port, reason, maybe) in [
        (free_port(), Reason::ConnectionRefused, false),
        (untrusted.port, Reason::ServerUntrusted, false),
        (plain.port, Reason::TlsFailed, false),
        (silent.port, Reason::Timeout, false),
        (mute.port, Reason::Timeout, true),
        (cut.port, Reason::ConnectionReset, true),
        (half.port, Reason::Truncated, true),
    ] {
        let found = failure(&settings, &format!("https://localhost:{port}/v1/x?token=hunter2")).await;
        assert_eq!((found.0, found.1), (reason, maybe), "{}", found.2);
        assert!(found.2.starts_with(&format!("POST https://localhost:{port}/v1/x: ")), "{}", found.2);
        assert!(!found.2.contains("hunter2") && !found.2.contains('\n'), "{}", found.2);
    }
    let unknown = failure(&settings, "https://nonexistent.invalid/").await;
    assert_eq!((unknown.0, unknown.1), (Reason::DnsFailed, false), "{}", unknown.2);
}

#[tokio::test]
async fn an_http_client_presents_its_certificate_and_hears_a_refusal() {
    let world = World::new();
    let server =
        Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), json("200 OK", r#"{"n":7}"#)).await;
    let url = format!("https://localhost:{}/", server.port);
    let identity = world.pki.good.identity();
    let client = Net::new().unwrap().http(&world.net(), Some(&identity)).unwrap();
    let answer = client.send(client.request(reqwest::Method::GET, &url)).await.unwrap();
    assert_eq!(answer.json::<serde_json::Value>().unwrap()["n"], 7);

    let stranger = world.pki.stranger.identity();
    let client = Net::new().unwrap().http(&world.net(), Some(&stranger)).unwrap();
    client.send(client.request(reqwest::Method::GET, &url)).await.unwrap_err();
}

#[tokio::test]
async fn an_answer_larger_than_the_limit_is_not_read() {
    let world = World::new();
    let length = net::LIMIT + 1;
    let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    bytes.resize(bytes.len() + length, b'x');
    let server = Server::tls(&world.pki.server, &Asks::Never, Reply::Whole(bytes)).await;
    let found = failure(&world.net(), &format!("https://localhost:{}/", server.port)).await;
    assert_eq!(found.0, Reason::TooLarge, "{}", found.2);
}

#[tokio::test]
async fn an_http_client_goes_through_the_configured_proxy() {
    let world = World::new();
    let own = world.pki.ca.issue(&Wanted { hosts: &["api.example.org"], ..server(NOW) });
    let server = Server::tls(&own, &Asks::Never, json("200 OK", "{}")).await;
    let proxy = Server::proxy(None).await;
    let mut settings = world.net();
    settings.proxy = Some(format!("http://user:p%40ss@127.0.0.1:{}", proxy.port));
    let client = Net::new().unwrap().http(&settings, None).unwrap();
    let url = format!("https://api.example.org:{}/", server.port);
    let answer = client.send(client.request(reqwest::Method::GET, &url)).await.unwrap();
    assert!(answer.is_success());
    let request = proxy.request().to_ascii_lowercase();
    assert!(request.contains("proxy-authorization: basic dxnlcjpwqhnz"), "{request}");

    let refusing = Server::proxy(Some("HTTP/1.1 403 Forbidden")).await;
    settings.proxy = Some(format!("http://user:hunter2@127.0.0.1:{}", refusing.port));
    let found = failure(&settings, &url).await;
    assert_eq!((found.0, found.1), (Reason::ConnectionRefused, false), "{}", found.2);
    assert!(!found.2.contains("hunter2"), "{}", found.2);
}

/// Runs the test of this name once more, in a process of its own with another environment.
fn again(test: &str, variables: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(INNER, "yes");
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

const INNER: &str = "CERTSTEWARD_TESTS_INNER";

#[test]
fn ssl_cert_file_and_the_environments_proxy_hold() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if std::env::var_os(INNER).is_some() {
        return runtime.block_on(through_the_environment());
    }
    let world = World::new();
    let own = world.pki.ca.issue(&Wanted { hosts: &["api.example.org", "localhost"], ..server(NOW) });
    let (server, proxy) = runtime.block_on(async {
        (Server::tls(&own, &Asks::Never, json("200 OK", "{}")).await, Server::proxy(None).await)
    });
    let roots = world.path("ca.pem").display().to_string();
    let test = "probe::ssl_cert_file_and_the_environments_proxy_hold";
    let (address, port) = (format!("http://127.0.0.1:{}", proxy.port), server.port.to_string());
    again(test, &[("SSL_CERT_FILE", &roots), ("HTTPS_PROXY", &address), ("CERTSTEWARD_TESTS_PORT", &port)]);
    assert_eq!(proxy.requests.lock().unwrap().len(), 2, "only the foreign host went through the proxy");
    assert_eq!(server.requests.lock().unwrap().len(), 4);
}

async fn through_the_environment() {
    let port = std::env::var("CERTSTEWARD_TESTS_PORT").unwrap();
    let net = Net::new().unwrap();
    for host in ["api.example.org", "localhost"] {
        let url = format!("https://{host}:{port}/");
        let client = net.http(&net::Settings::default(), None).unwrap();
        assert!(client.send(client.request(reqwest::Method::GET, &url)).await.unwrap().is_success());
        let settings = Settings {
            url,
            company_id: None,
            headers: Vec::new(),
            timeout: Duration::from_secs(20),
            files: None,
            net: net::Settings::default(),
        };
        assert_eq!(Mtls::new(net.clone(), settings).probe(None, now()).await.status, Some(200));
    }
}

#[test]
fn an_authority_file_that_holds_none_is_told() {
    let world = World::new();
    for (text, reason) in [
        ("", Reason::NoCertificate),
        ("hello", Reason::NoCertificate),
        ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", Reason::Malformed),
    ] {
        let mut settings = world.net();
        settings.ca = Some(world.write("odd.pem", text));
        let unseen = Net::new().unwrap().tls_config(&settings, None).unwrap_err();
        assert_eq!(unseen.reason, reason, "{unseen}");
        assert!(unseen.text.contains("odd.pem"), "{unseen}");
    }
    let settings = net::Settings { ca: Some(world.path("missing.pem")), ..world.net() };
    assert_eq!(Net::new().unwrap().tls_config(&settings, None).unwrap_err().reason, Reason::NotFound);
}
