//! What a module's look comes to against servers inside the test, good and bad: above all, that times are told whatever happens.

use std::collections::BTreeMap;
use std::time::Duration;

use certsteward::domain::host_pattern::HostPattern;
use certsteward::domain::module::Outcome;
use certsteward::domain::verdict::Verdict;
use certsteward::net::Net;
use certsteward::net::starttls::StartTls;
use certsteward::probers::module::{Errand, Http, Method, Module, Settings, Statuses, Way};
use certsteward::surfaces::metrics::{PROBE, encode_probe};

use crate::starttls::servers;
use crate::support::machine::{World, now};
use crate::support::pki::{FUTURE, Made, NOW, PAST, Wanted, server};
use crate::support::server::{Asks, Reply, Server, json, with_headers};
use crate::support::wait::free_port;

const ENDS: &str = "probe_ssl_earliest_cert_expiry";
const TRUST_ENDS: &str = "probe_ssl_last_chain_expiry_timestamp_seconds";

fn ok() -> Reply {
    json("200 OK", "{}")
}

fn http() -> Http {
    Http {
        is_secure: true,
        method: Method::Get,
        path: "/".to_owned(),
        statuses: vec![Statuses::SUCCESS],
        headers: Vec::new(),
        redirects: true,
        needs_tls: false,
    }
}

/// A look's page, taken apart: each series with its value.
struct Page(BTreeMap<String, f64>);

impl Page {
    fn of(outcome: &Outcome) -> Self {
        let text = encode_probe(outcome);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series = lines.map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        });
        Self(series.collect())
    }

    fn value(&self, series: &str) -> Option<f64> {
        self.0.get(series).copied()
    }

    fn is_success(&self) -> bool {
        assert_eq!(self.value("probe_success"), self.value("ssl_probe_success"));
        self.value("probe_success") == Some(1.0)
    }

    /// The series of a metric, with their labels.
    fn all(&self, metric: &str) -> Vec<&str> {
        let start = format!("{metric}{{");
        self.0.keys().filter(|series| series.starts_with(&start)).map(String::as_str).collect()
    }

    fn verdict(&self) -> Option<&str> {
        let series = self.all("certsteward_target_verdict");
        series.first().map(|series| series.split('"').nth(1).unwrap())
    }
}

struct Look {
    settings: Settings,
    host_name: Option<&'static str>,
    allowed: Option<HostPattern>,
}

impl Look {
    fn new(world: &World, way: Way) -> Self {
        let settings =
            Settings { way, targets: Vec::new(), server_name: None, files: None, net: world.net() };
        Self { settings, host_name: None, allowed: None }
    }

    fn tls(world: &World) -> Self {
        Self::new(world, Way::Tls { starttls: None, tolerate: Vec::new() })
    }

    fn http(world: &World) -> Self {
        Self::new(world, Way::Http(http()))
    }

    fn showing(mut self, world: &World, client: &Made) -> Self {
        let certificate = world.write("client.pem", &client.pem);
        self.settings.files = Some((certificate, world.write("client.key", &client.key_pem())));
        self
    }

    async fn at(&self, target: &str) -> Outcome {
        self.within(Duration::from_secs(20), target).await
    }

    async fn within(&self, limit: Duration, target: &str) -> Outcome {
        let module = Module::new(Net::new().unwrap(), self.settings.clone());
        let target = module.target(target).unwrap();
        let may = |host: &str, port| self.allowed.as_ref().is_none_or(|pattern| pattern.matches(host, port));
        let turn = module.turn(&target).await;
        module.look(Errand { target, turn, host_name: self.host_name, limit, may: &may }, now()).await
    }

    async fn page(&self, target: &str) -> Page {
        let outcome = self.at(target).await;
        assert!(!outcome.log.is_empty());
        Page::of(&outcome)
    }
}

fn place(port: u16) -> String {
    format!("localhost:{port}")
}

fn at(text: &str) -> Option<f64> {
    let at: certsteward::domain::Timestamp = text.parse().unwrap();
    u32::try_from(at.timestamp()).ok().map(f64::from)
}

#[tokio::test]
async fn a_good_server_is_told_in_both_families() {
    let world = World::new();
    let server = Server::tls(&world.pki.server, &Asks::Never, ok()).await;
    for look in [Look::tls(&world), Look::http(&world)] {
        let page = look.page(&place(server.port)).await;
        assert!(page.is_success() && page.verdict().is_none());
        assert_eq!(page.value(ENDS), at("2049-01-01T00:00:00Z"));
        assert_eq!(page.value(TRUST_ENDS), at("2049-01-01T00:00:00Z"));
        assert_eq!(page.value("probe_ip_protocol"), Some(4.0));
        assert_eq!(page.value("probe_tls_version_info{version=\"TLS 1.3\"}"), Some(1.0));
        assert_eq!(page.value("ssl_tls_version_info{version=\"TLS 1.3\"}"), Some(1.0));
        assert_eq!(page.all("probe_tls_cipher_info").len(), 1);
        let leaf = page.all("ssl_cert_not_after");
        assert!(
            leaf.len() == 1 && leaf[0].contains("dnsnames=\",localhost,\",ips=\",127.0.0.1,\""),
            "{leaf:?}"
        );
        let chain = page.all("ssl_verified_cert_not_after");
        assert!(chain.len() == 2 && chain.iter().all(|one| one.contains("chain_no=\"0\"")), "{chain:?}");
        assert!(page.all("probe_ssl_last_chain_info")[0].contains("issuer=\"CN=Example Test CA,O=ACME\""));
        assert_eq!(page.value("certsteward_target_asked_for_certificate"), Some(0.0));
    }
    let page = Look::http(&world).page(&place(server.port)).await;
    assert_eq!(page.value("probe_http_status_code"), Some(200.0));
    assert_eq!((page.value("probe_http_ssl"), page.value("probe_http_redirects")), (Some(1.0), Some(0.0)));
    assert_eq!(page.value("probe_http_content_length"), Some(2.0));
    assert_eq!(page.value("probe_http_uncompressed_body_length"), Some(2.0));
    assert_eq!(page.all("probe_http_duration_seconds").len(), 5);
    assert_eq!(page.value("ssl_prober{prober=\"https\"}"), Some(1.0));
}

#[tokio::test]
async fn the_end_of_a_certificate_is_told_whatever_is_wrong_with_it() {
    let world = World::new();
    let elsewhere = Wanted { hosts: &["api.example.org"], ..server(NOW) };
    let both = at("2049-01-01T00:00:00Z");
    for (own, verdict, end, trusted) in [
        (world.pki.ca.issue(&server(PAST)), "server-expired", at("2021-01-01T00:00:00Z"), true),
        (world.pki.ca.issue(&server(FUTURE)), "server-expired", both, true),
        (world.pki.ca.issue(&elsewhere), "server-name-mismatch", both, true),
        (world.pki.other_ca.issue(&server(NOW)), "server-untrusted", both, false),
    ] {
        let server = Server::tls(&own, &Asks::Never, ok()).await;
        for look in [Look::tls(&world), Look::http(&world)] {
            let page = look.page(&place(server.port)).await;
            assert!(!page.is_success());
            assert_eq!(page.verdict(), Some(verdict));
            assert_eq!(page.value(ENDS), end, "{verdict}");
            assert_eq!(page.value(TRUST_ENDS), end.filter(|_| trusted), "{verdict}: no zero time");
            assert_eq!(page.all("ssl_cert_not_after").len(), 1, "{verdict}");
            assert_eq!(page.all("ssl_verified_cert_not_before").is_empty(), !trusted, "{verdict}");
            assert_eq!(page.value("probe_http_status_code"), None, "no answer, no status");
            assert!(page.all("probe_tls_version_info").is_empty(), "nothing was agreed on");
        }
    }
}

#[tokio::test]
async fn a_server_that_refuses_is_no_success_and_its_times_are_told() {
    let world = World::new();
    let server = Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), ok()).await;
    let place = place(server.port);
    for (client, verdict) in [
        (None, Some("certificate-required")),
        (Some(&world.pki.stranger), Some("certificate-refused")),
        (Some(&world.pki.expired), Some("certificate-refused")),
    ] {
        for mut look in [Look::tls(&world), Look::http(&world)] {
            if let Some(client) = client {
                look = look.showing(&world, client);
            }
            let page = look.page(&place).await;
            assert!(
                !page.is_success(),
                "that is where a finished handshake is taken for a success elsewhere"
            );
            assert_eq!(page.verdict(), verdict);
            assert_eq!(page.value(ENDS), at("2049-01-01T00:00:00Z"));
            assert_eq!(page.value("certsteward_target_asked_for_certificate"), Some(1.0));
        }
    }
    let good = Look::tls(&world).showing(&world, &world.pki.good).page(&place).await;
    assert!(good.is_success());
    assert_eq!(good.verdict(), None, "a handshake alone proves nothing about the certificate");
    let good = Look::http(&world).showing(&world, &world.pki.good).page(&place).await;
    assert!(good.is_success());
    assert_eq!(good.verdict(), Some("accepted"));
}

#[tokio::test]
async fn a_client_certificate_that_cannot_be_read_is_not_left_out_in_silence() {
    let world = World::new();
    let server = Server::tls(&world.pki.server, &Asks::Never, ok()).await;
    let mut look = Look::tls(&world);
    look.settings.files = Some((world.path("none.pem"), world.path("none.key")));
    let outcome = look.at(&place(server.port)).await;
    assert!(!outcome.success && outcome.sent.is_empty());
    assert!(outcome.log.iter().any(|line| line.contains("none.pem")), "{:?}", outcome.log);
}

#[tokio::test]
async fn what_a_module_tolerates_is_no_failure_and_is_said_all_the_same() {
    let world = World::new();
    let server = Server::tls(&world.pki.other_ca.issue(&server(NOW)), &Asks::Never, ok()).await;
    let tolerate = vec![Verdict::ServerUntrusted];
    let page = Look::new(&world, Way::Tls { starttls: None, tolerate }).page(&place(server.port)).await;
    assert!(page.is_success());
    assert_eq!((page.verdict(), page.value(TRUST_ENDS)), (Some("server-untrusted"), None));
    assert_eq!(page.value(ENDS), at("2049-01-01T00:00:00Z"));
    let tolerate = vec![Verdict::ServerExpired];
    assert!(
        !Look::new(&world, Way::Tls { starttls: None, tolerate })
            .page(&place(server.port))
            .await
            .is_success()
    );
}

#[tokio::test]
async fn a_server_that_begins_tls_later_is_looked_at_after_its_words() {
    let world = World::new();
    let Some(server) = servers::start(&world, StartTls::Smtp, true).await else { return };
    let look = |starttls| Look::new(&world, Way::Tls { starttls, tolerate: Vec::new() });
    let page = look(Some(StartTls::Smtp)).page(&place(server.port)).await;
    assert!(page.is_success() && page.value(ENDS) == at("2049-01-01T00:00:00Z"));
    let page = look(None).page(&place(server.port)).await;
    assert!(!page.is_success() && page.verdict() == Some("tls-failed") && page.value(ENDS).is_none());
}

#[tokio::test]
async fn where_no_certificate_was_shown_there_is_no_time() {
    let world = World::new();
    let (plain, closing, silent) = (Server::plain().await, Server::closing().await, Server::silent().await);
    for (port, verdict) in [
        (plain.port, "tls-failed"),
        (closing.port, "connection-reset"),
        (silent.port, "timeout"),
        (free_port(), "connection-refused"),
    ] {
        for look in [Look::tls(&world), Look::http(&world)] {
            let page = Page::of(&look.within(Duration::from_millis(600), &place(port)).await);
            assert!(!page.is_success());
            assert_eq!(page.verdict(), Some(verdict));
            assert_eq!((page.value(ENDS), page.value(TRUST_ENDS)), (None, None), "{verdict}");
            assert_eq!(page.value("certsteward_target_asked_for_certificate"), None, "{verdict}");
            assert!(page.0.keys().all(|series| !series.starts_with("ssl_cert")), "{verdict}");
        }
    }
    let page = Look::tls(&world).page("no-such-host.invalid:443").await;
    assert_eq!((page.verdict(), page.value("probe_ip_protocol")), (Some("dns-failed"), None));
    assert!(page.value("probe_dns_lookup_time_seconds").is_some());
}

#[tokio::test]
async fn the_status_decides_and_what_is_wrong_has_a_verdict() {
    let world = World::new();
    for (status, verdict) in [
        ("404 Not Found", "unexpected-answer"),
        ("401 Unauthorized", "credentials-required"),
        ("429 Too Many Requests", "rate-limited"),
        ("503 Service Unavailable", "unavailable"),
    ] {
        let server = Server::tls(&world.pki.server, &Asks::Never, json(status, "{}")).await;
        let page = Look::http(&world).page(&place(server.port)).await;
        assert!(!page.is_success() && page.verdict() == Some(verdict), "{status}: {:?}", page.verdict());
        assert_eq!(page.value("probe_http_status_code"), status.split(' ').next().unwrap().parse().ok());
        let mut wanting = Look::http(&world);
        let wanted = Statuses::parse(&status[..3]).unwrap();
        wanting.settings.way = Way::Http(Http { statuses: vec![wanted], ..http() });
        let page = wanting.page(&place(server.port)).await;
        assert!(page.is_success() && page.verdict().is_none(), "{status} is what is wanted");
    }
    let server = Server::tls(&world.pki.server, &Asks::Never, ok()).await;
    let mut wanting = Look::http(&world);
    wanting.settings.way = Way::Http(Http { statuses: vec![Statuses { first: 401, last: 401 }], ..http() });
    let page = wanting.page(&place(server.port)).await;
    assert!(!page.is_success() && page.verdict() == Some("unexpected-answer"));
}

#[tokio::test]
async fn the_request_is_what_the_module_says() {
    let world = World::new();
    let server = Server::tls(&world.pki.server, &Asks::Never, json("200 OK", "")).await;
    let mut look = Look::http(&world);
    look.settings.way = Way::Http(Http {
        method: Method::Head,
        path: "/health".to_owned(),
        headers: vec![
            ("X-Purpose".to_owned(), "probe".to_owned()),
            ("Accept".to_owned(), "text/plain".to_owned()),
        ],
        ..http()
    });
    assert!(look.page(&place(server.port)).await.is_success());
    let request = server.request().to_ascii_lowercase();
    for line in ["head /health http/1.1", "x-purpose: probe", "accept: text/plain", "connection: close"] {
        assert!(request.contains(line), "{line} is missing in {request}");
    }
    assert!(!request.contains("*/*"), "{request}");
    assert!(request.contains(&format!("host: localhost:{}", server.port)), "{request}");
}

#[tokio::test]
async fn a_name_of_its_own_is_asked_for_and_verified() {
    let world = World::new();
    let own = world.pki.ca.issue(&Wanted { hosts: &["api.example.org"], ..server(NOW) });
    let server = Server::tls(&own, &Asks::Never, ok()).await;
    let mut look = Look::http(&world);
    look.host_name = Some("api.example.org");
    assert!(look.page(&place(server.port)).await.is_success());
    assert!(server.request().to_ascii_lowercase().contains("host: api.example.org\r\n"));
    let mut look = Look::tls(&world);
    look.settings.server_name = Some("api.example.org".to_owned());
    assert!(look.page(&place(server.port)).await.is_success());
}

#[tokio::test]
async fn a_redirect_is_followed_to_where_one_may_look() {
    let world = World::new();
    let last = Server::tls(&world.pki.server, &Asks::Never, ok()).await;
    let leads = with_headers("301 Moved", &format!("Location: https://localhost:{}/\r\n", last.port), "");
    let first = Server::http(leads).await;
    let target = format!("http://localhost:{}", first.port);
    let mut look = Look::http(&world);
    let page = look.page(&target).await;
    assert!(page.is_success());
    assert_eq!((page.value("probe_http_redirects"), page.value("probe_http_ssl")), (Some(1.0), Some(1.0)));
    assert_eq!(page.value(ENDS), at("2049-01-01T00:00:00Z"), "the last server counts");
    look.allowed = Some(HostPattern::parse(&format!("localhost:{}", first.port)).unwrap());
    let outcome = look.at(&target).await;
    assert!(!outcome.success && outcome.log.iter().any(|line| line.contains("may not be looked at")));
    assert_eq!(last.requests.lock().unwrap().len(), 1, "the second time nobody went there");
    look.settings.way = Way::Http(Http { redirects: false, ..http() });
    let page = look.page(&target).await;
    assert!(!page.is_success() && page.value("probe_http_status_code") == Some(301.0));
}

#[tokio::test]
async fn a_client_certificate_follows_no_redirect() {
    let world = World::new();
    let other = Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), ok()).await;
    let leads = with_headers("302 Found", &format!("Location: https://localhost:{}/\r\n", other.port), "");
    let first = Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), leads).await;
    let look = Look::http(&world).showing(&world, &world.pki.good);
    let page = look.page(&place(first.port)).await;
    assert!(!page.is_success() && page.value("probe_http_status_code") == Some(302.0));
    assert!(other.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn redirects_without_end_end() {
    let world = World::new();
    let server = Server::http(with_headers("302 Found", "Location: /again\r\n", "")).await;
    let outcome = Look::http(&world).at(&format!("http://localhost:{}", server.port)).await;
    assert!(!outcome.success && outcome.log.iter().any(|line| line.contains("more than 10 redirects")));
    assert_eq!(server.requests.lock().unwrap().len(), 11);
}

#[tokio::test]
async fn plain_http_is_told_as_plain() {
    let world = World::new();
    let server = Server::http(ok()).await;
    let target = format!("http://localhost:{}", server.port);
    let mut look = Look::http(&world);
    let page = look.page(&target).await;
    assert!(page.is_success() && page.value("probe_http_ssl") == Some(0.0));
    assert_eq!((page.value(ENDS), page.all("probe_http_duration_seconds").len()), (None, 4));
    look.settings.way = Way::Http(Http { needs_tls: true, ..http() });
    let page = look.page(&target).await;
    assert!(!page.is_success() && page.verdict() == Some("unexpected-answer"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_success() {
    let world = World::new();
    let cut = Reply::CutOff(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec());
    let server = Server::tls(&world.pki.server, &Asks::Never, cut).await;
    let page = Look::http(&world).page(&place(server.port)).await;
    assert!(!page.is_success() && page.verdict() == Some("connection-reset"), "{:?}", page.verdict());
    assert_eq!(page.value(ENDS), at("2049-01-01T00:00:00Z"));
    let hangs = Reply::Hangs(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec());
    let server = Server::tls(&world.pki.server, &Asks::Never, hangs).await;
    let page = Page::of(&Look::http(&world).within(Duration::from_millis(800), &place(server.port)).await);
    assert!(!page.is_success() && page.verdict() == Some("timeout"));
    assert!(page.value("probe_duration_seconds").is_some_and(|seconds| seconds < 5.0));
}

#[tokio::test]
async fn through_a_proxy_the_servers_address_is_not_known() {
    let world = World::new();
    let (server, proxy) =
        (Server::tls(&world.pki.server, &Asks::Never, ok()).await, Server::proxy(None).await);
    let mut look = Look::tls(&world);
    look.settings.net.proxy = Some(format!("http://127.0.0.1:{}", proxy.port));
    let page = look.page(&place(server.port)).await;
    assert!(page.is_success());
    assert_eq!((page.value("probe_ip_protocol"), page.value("probe_ip_addr_hash")), (None, None));
    assert!(proxy.request().starts_with("CONNECT localhost:"));
}

#[tokio::test]
async fn the_answer_has_no_family_that_is_not_in_the_catalogue() {
    let world = World::new();
    let server = Server::tls(&world.pki.server, &Asks::Firmly(&world.pki.ca), ok()).await;
    let good = Look::http(&world).showing(&world, &world.pki.good).at(&place(server.port)).await;
    let text = encode_probe(&good);
    let families: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let known: Vec<&str> =
        PROBE.iter().map(|metric| metric.name).filter(|name| families.contains(name)).collect();
    assert_eq!(families, known, "each once, in the order of the catalogue");
    let missing: Vec<&str> =
        PROBE.iter().map(|metric| metric.name).filter(|name| !families.contains(name)).collect();
    assert_eq!(missing, ["probe_http_last_modified_timestamp_seconds"]);
}
