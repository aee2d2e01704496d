//! The HTTP client and the TLS source against servers inside the test.

use std::process::Command;
use std::time::Duration;

use certsteward::domain::reason::Reason;
use certsteward::net::{self, Address, Net};
use certsteward::probers::Prober as _;
use certsteward::probers::mtls::{Mtls, Settings};
use certsteward::sources::Source as _;
use certsteward::sources::tls::{self, Tls};

use crate::support::machine::{World, now};
use crate::support::pki::{Authority, NOW, PAST, Wanted, server};
use crate::support::server::{Asks, Reply, Server, json};
use crate::support::wait::free_port;

// The TLS source.

fn source(world: &World, port: u16) -> Tls {
    let address = Address::host("localhost", port);
    let settings = tls::Settings { address, starttls: None, server_name: None, net: world.net() };
    Tls::new(Net::new().unwrap(), settings)
}

#[tokio::test]
async fn the_chain_of_a_server_is_seen_even_where_it_is_not_trusted() {
    let world = World::new();
    for (own, odd) in [
        (world.pki.ca.issue(&server(NOW)), None),
        (world.pki.ca.issue(&server(PAST)), Some(Reason::ServerUntrusted)),
        (Authority::root("Example Elsewhere CA").issue(&server(NOW)), Some(Reason::Untrusted)),
    ] {
        let server = Server::tls(&own, &Asks::Firmly(&world.pki.ca), json("200 OK", "{}")).await;
        let sighting = source(&world, server.port).look(None).await.unwrap().unwrap();
        assert_eq!(&*sighting.chain.leaf.der, own.der.as_ref());
        assert_eq!(sighting.oddities.first().map(|odd| odd.reason), odd);
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
    let test = "net::ssl_cert_file_and_the_environments_proxy_hold";
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
            connect: None,
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
