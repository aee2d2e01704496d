//! The mTLS prober against servers inside the test, nginx and OpenSSL.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use certsteward::domain::reason::Reason;
use certsteward::domain::verdict::{Detail, Phase, Probed, Verdict};
use certsteward::net::Net;
use certsteward::probers::Prober as _;
use certsteward::probers::mtls::{Mtls, Settings};

use crate::support::machine::{World, now};
use crate::support::pki::{Made, NOW, PAST, Wanted, server};
use crate::support::process::{Running, program};
use crate::support::server::{Asks, Reply, Server, json, with_headers};
use crate::support::wait::{free_port, listening};

const NOT_MAPPED: &str =
    r#"{"error":{"code":"AuthenticationFailed","details":"[AUTH0032]Invalid client certificate"}}"#;

impl World {
    fn settings(&self, url: &str) -> Settings {
        Settings {
            url: url.to_owned(),
            connect: None,
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
    let clients_only = Wanted { usages: &[rcgen::ExtendedKeyUsagePurpose::ClientAuth], ..server(NOW) };
    for (own, verdict, words) in [
        (
            world.pki.other_ca.issue(&server(NOW)),
            Verdict::ServerUntrusted,
            "not signed by a trusted authority",
        ),
        (world.pki.ca.issue(&server(PAST)), Verdict::ServerExpired, "expired on 2021-01-01"),
        (
            world.pki.ca.issue(&elsewhere),
            Verdict::ServerNameMismatch,
            "is for api.example.org, not for localhost",
        ),
        (world.pki.ca.issue(&clients_only), Verdict::ServerUntrusted, "does not name serverAuth"),
    ] {
        let server = Server::tls(&own, &Asks::Firmly(&world.pki.ca), json("200 OK", "{}")).await;
        let probed = world.probe(server.port, "/", Some(&world.pki.good)).await;
        concludes(&probed, verdict, None);
        assert!(probed.text.contains(words), "{}", probed.text);
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

#[tokio::test]
async fn a_chain_is_presented_whole_and_an_incomplete_one_is_refused() {
    let world = World::new();
    let middle = world.pki.ca.below("Example Client CA");
    let usages = &[rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let client = middle.issue(&Wanted { name: "SFAPI", hosts: &[], years: NOW, usages });
    let server = Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), json("200 OK", "{}")).await;
    let prober = || {
        let settings = world.settings(&format!("https://localhost:{}/", server.port));
        Mtls::new(Net::new().unwrap(), settings)
    };
    let whole = client.identity_with(&[&middle, &world.pki.ca]);
    concludes(&prober().probe(Some(&whole), now()).await, Verdict::Accepted, None);
    let alone = prober().probe(Some(&client.identity()), now()).await;
    concludes(&alone, Verdict::CertificateRefused, Some(Detail::UnknownCa));
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
