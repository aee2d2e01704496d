//! A real Prometheus that scrapes certsteward in the place of three other exporters, with their users' rules and queries.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::Value;

use super::rules::alerts;
use crate::support::daemon::{Daemon, LIMIT, ask, head};
use crate::support::pki::{NOW, PAST, Pki, Wanted, server};
use crate::support::process::{Running, program};
use crate::support::server::{Asks, Server, json};
use crate::support::wait::{free_port, within};

/// A self-signed certificate of this name, valid from so many days ago until in so many days.
fn certificate(common_name: &str, ago: i64, left: i64) -> String {
    use certsteward::clock::{Clock as _, SystemClock};
    use chrono::Datelike as _;
    let day = |offset: i64| {
        let at = SystemClock.now() + chrono::Duration::days(offset);
        rcgen::date_time_ymd(at.year(), at.month().try_into().unwrap(), at.day().try_into().unwrap())
    };
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    (params.not_before, params.not_after) = (day(-ago), day(left));
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

/// The files of a host, each with a watch, and two more that are discovered.
fn files(folder: &Path) -> String {
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    write("fresh.pem", certificate("fresh", 30, 335));
    write("renew.pem", certificate("renew", 345, 20));
    write("soon.pem", certificate("soon", 360, 5));
    write("over.pem", certificate("over", 368, -3));
    write("next.pem", certificate("next", -30, 395));
    write("broken.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n".to_owned());
    std::fs::create_dir(folder.join("found")).unwrap();
    write("found/one.pem", certificate("found-one", 30, 335));
    write("found/two.pem", certificate("found-two", 357, 8));
    let watch = |id: &str| {
        format!("[[watch]]\nid = \"{id}\"\nsource = {{ type = \"file\", path = \"{id}.pem\" }}\n\n")
    };
    let watches: String = ["fresh", "renew", "soon", "over", "next", "broken", "gone"].map(watch).concat();
    watches + "[[discover]]\ntype = \"file\"\npaths = [\"found/*.pem\"]\nprefix = \"found-\"\n\n"
}

/// The servers of a landscape, by what is the matter with them.
struct Servers {
    good: Server,
    soon: Server,
    over: Server,
    elsewhere: Server,
    firm: Server,
    missing: Server,
    closed: u16,
}

impl Servers {
    async fn start(pki: &Pki) -> Self {
        let (ok, missing) = (json("200 OK", "{}"), json("404 Not Found", "{}"));
        let tls = async |made, asks, reply| Server::tls(&made, &asks, reply).await;
        let issue = |wanted: Wanted<'_>| pki.ca.issue(&wanted);
        Self {
            good: tls(issue(server(NOW)), Asks::Never, ok.clone()).await,
            soon: tls(pki.ca.issue_until(&server(NOW), 10), Asks::Never, ok.clone()).await,
            over: tls(issue(server(PAST)), Asks::Never, ok.clone()).await,
            elsewhere: tls(
                issue(Wanted { hosts: &["api.example.org"], ..server(NOW) }),
                Asks::Never,
                ok.clone(),
            )
            .await,
            firm: tls(issue(server(NOW)), Asks::Firmly(&pki.ca), ok).await,
            missing: tls(issue(server(NOW)), Asks::Never, missing).await,
            closed: free_port(),
        }
    }

    fn named(&self) -> [(&'static str, u16); 7] {
        [
            ("good", self.good.port),
            ("soon", self.soon.port),
            ("over", self.over.port),
            ("elsewhere", self.elsewhere.port),
            ("firm", self.firm.port),
            ("missing", self.missing.port),
            ("closed", self.closed),
        ]
    }

    /// The name of the server behind an instance.
    fn name_of(&self, instance: &str) -> Option<&'static str> {
        let named = self.named();
        named.iter().find(|(_, port)| instance.contains(&format!(":{port}"))).map(|(name, _)| *name)
    }
}

/// A scrape of servers as users of these exporters have it; only the address of the exporter is another.
const JOB: &str = "
- job_name: JOB
  metrics_path: /probe
  params: { module: [MODULE] }
  static_configs:
  - targets: [TARGETS]
  relabel_configs:
  - source_labels: [__address__]
    target_label: __param_target
  - source_labels: [__param_target]
    target_label: instance
  - target_label: __address__
    replacement: ADDRESS
";

const SCRAPES: &str = "
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [rules.yml]
scrape_configs:
- job_name: x509
  metrics_path: /metrics/x509
  static_configs:
  - targets: [ADDRESS]
";

fn scrapes(own: u16, servers: &Servers) -> String {
    let job = |name: &str, module: &str, scheme: &str| {
        let named = servers.named();
        let targets: Vec<String> =
            named.iter().map(|(_, port)| format!("'{scheme}localhost:{port}'")).collect();
        JOB.replace("JOB", name).replace("MODULE", module).replace("TARGETS", &targets.join(", "))
    };
    let all = SCRAPES.to_owned() + &job("blackbox", "http_2xx", "https://") + &job("ssl", "tcp", "");
    all.replace("ADDRESS", &format!("'127.0.0.1:{own}'"))
}

/// The rules of the file, with their expressions as they stand, that fire at once instead of after a while.
fn rules() -> String {
    let rules: String = alerts()
        .into_iter()
        .map(|(alert, expression)| format!("  - alert: {alert}\n    expr: {}\n", Value::from(expression)))
        .collect();
    format!("groups:\n- name: users\n  rules:\n{rules}")
}

struct Prometheus {
    port: u16,
    _running: Running,
}

impl Prometheus {
    fn start(program: &Path, folder: &Path, config: &str) -> Self {
        std::fs::write(folder.join("p.yml"), config).unwrap();
        std::fs::write(folder.join("rules.yml"), rules()).unwrap();
        let port = free_port();
        let mut command = Command::new(program);
        command.arg(format!("--config.file={}", folder.join("p.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).stderr(Stdio::null());
        Self { port, _running: Running::start(&mut command) }
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let answer = ask(self.port, "GET", path, "", "").await?;
        serde_json::from_str(&answer.body).ok()
    }

    async fn results(&self, query: &str) -> Vec<Value> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.get(&format!("/api/v1/query?query={encoded}")).await.unwrap_or_default();
        assert_ne!(answer["status"], "error", "{query}: {answer}");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// What fires now, each as `alert what`.
    async fn firing(&self, servers: &Servers) -> Option<BTreeSet<String>> {
        let answer = self.get("/api/v1/alerts").await?;
        let alerts = answer["data"]["alerts"].as_array()?;
        let of = |alert: &Value| {
            let labels = &alert["labels"];
            let text = |name: &str| labels[name].as_str().map(str::to_owned);
            let instance = text("instance").and_then(|instance| servers.name_of(&instance));
            let what = text("subject_CN").or_else(|| text("source_name")).or_else(|| text("watch"));
            let what = instance.map(str::to_owned).or(what).unwrap_or_else(|| labels.to_string());
            format!("{} {what}", labels["alertname"].as_str().unwrap_or_default())
        };
        Some(alerts.iter().filter(|alert| alert["state"] == "firing").map(of).collect())
    }
}

/// What must fire, and nothing else may.
const FIRING: &[(&str, &[&str])] = &[
    ("X509SourceErrors", &["broken", "gone"]),
    ("X509SourceErrorsSustained", &["broken", "gone"]),
    ("X509SourceDown", &["broken", "gone"]),
    ("X509CertificateError", &["broken", "gone"]),
    ("X509CertificateRenewal", &["renew", "soon", "found-two"]),
    ("X509CertificateExpiration", &["soon", "over", "found-two"]),
    ("X509CertificateNotYetValid", &["next"]),
    ("BlackboxProbeFailed", &["over", "elsewhere", "firm", "missing", "closed"]),
    ("BlackboxProbeHttpFailure", &["missing"]),
    ("BlackboxSslCertificateWillExpireSoon", &["soon"]),
    ("BlackboxSslCertificateExpired", &["over"]),
    // Each look answers in both families, so that the job of blackbox_exporter has these, too.
    ("SslProbeFailed", &["over", "elsewhere", "firm", "missing", "closed"]),
    ("SslCertificateExpiresSoon", &["over"]),
    ("SslChainExpiresSoon", &["over"]),
];

/// The queries of the dashboards that these exporters ship or point to, with usual values for their variables. Those about
/// Kubernetes are not among them.
const QUERIES: &[&str] = &[
    "count(x509_cert_not_after)",
    "sum(((x509_cert_not_after - time()) / 86400) < bool 0)",
    "sum(0 < ((x509_cert_not_after - time()) / 86400) < bool 14)",
    "sum(0 < ((x509_cert_not_after - time()) / 86400) < bool 28)",
    "count(x509_cert_not_after{filepath!=\"\",embedded_key=\"\"})",
    "count(x509_source_errors_total)",
    "sum(x509_source_errors_total)",
    "sort(((x509_cert_not_after{filepath!=\"\"} - time()) / 86400) < 365)",
    "topk(10, sort_desc(count by (issuer_CN) (x509_cert_not_after)))",
    "topk(10, sort_desc(count by (instance) (x509_cert_not_after{filepath!=\"\"})))",
    "bottomk(10, (x509_cert_not_after{filepath!=\"\"} - x509_cert_not_before) / 86400)",
    "topk(10, (x509_cert_not_after{filepath!=\"\"} - x509_cert_not_before) / 86400)",
    "sum (x509_source_errors_total > bool 0)",
    "sum(rate(x509_source_errors_total[15m]))",
    "topk(10, rate(x509_source_errors_total[6h]))",
    "topk(10, x509_source_errors_total)",
    "sum by (source_kind) (x509_source_bundles)",
    "count by (version) (x509_exporter_build_info)",
    "x509_cert_expired == 1",
    "count(max(ssl_cert_not_after{instance=~\".*\",job=~\".*\"}) by (issuer_cn,serial_no))",
    "count(max(ssl_cert_not_after{instance=~\".*\",job=~\".*\"}) by (instance))",
    "(up{job=~\"ssl\", instance=~\".*\"} == 0 or ssl_probe_success{job=~\"ssl\", instance=~\".*\"} == 0)^0",
    "ssl_probe_success{instance=~\".*\",job=~\".*\"} == 0",
    "((ssl_cert_not_after{instance=~\".*\",job=~\".*\"} - time())/24/60/60)",
    "ssl_verified_cert_not_after{chain_no=\"0\"}",
    "ssl_tls_version_info",
    "sum by (prober) (ssl_prober)",
    "sum by (instance) (probe_http_duration_seconds)",
    "avg by (phase) (probe_http_duration_seconds)",
    "probe_duration_seconds / probe_timeout_seconds",
    "probe_http_status_code",
    "probe_http_version",
    "probe_http_ssl == 1",
    "avg(probe_dns_lookup_time_seconds)",
    "(probe_ssl_earliest_cert_expiry - time()) / 86400",
    "(probe_ssl_last_chain_expiry_timestamp_seconds - time()) / 86400",
    "count by (version) (probe_tls_version_info)",
    "count by (cipher) (probe_tls_cipher_info)",
    "probe_ssl_last_chain_info * on (instance) group_left probe_success",
    "probe_ip_protocol",
];

/// Every watch is read again so often that a source which always fails has failed more than five times.
async fn fail_often(daemon: &Daemon) {
    let count = async || {
        let page = daemon.page("/metrics/x509").await;
        let of = "x509_source_errors_total{source_kind=\"file\",source_name=\"gone\",reason=\"not_found\"} ";
        page.lines().find_map(|line| line.strip_prefix(of)?.parse::<u32>().ok())
    };
    for _ in 0..8 {
        let before = count().await.unwrap();
        daemon.signal(nix::sys::signal::Signal::SIGHUP);
        within(LIMIT, "another read of what is gone", async || count().await.filter(|now| *now > before))
            .await;
    }
}

#[tokio::test]
async fn rules_and_dashboards_of_other_exporters_go_on() {
    let Some(prometheus) = program("prometheus") else { return };
    let (folder, store, pki) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), Pki::new());
    std::fs::write(folder.path().join("ca.pem"), &pki.ca.pem).unwrap();
    let servers = Servers::start(&pki).await;
    let modules = "[modules.http_2xx]\ntype = \"http\"\nca = { file = \"ca.pem\" }\n\n\
[modules.tcp]\ntype = \"tls\"\nca = { file = \"ca.pem\" }\n";
    let daemon = Daemon::start(folder.path(), &(head() + &files(folder.path()) + modules)).await;
    let prometheus = Prometheus::start(&prometheus, store.path(), &scrapes(daemon.port, &servers));
    let up = "count(up{job=\"x509\"} == 1) + count(up{job=~\"blackbox|ssl\"} == 1)";
    within(LIMIT, "every target scraped", async || {
        let found = prometheus.results(up).await;
        (found.first()?["value"][1] == "15").then_some(())
    })
    .await;
    fail_often(&daemon).await;
    let wanted: BTreeSet<String> =
        FIRING.iter().flat_map(|(alert, of)| of.iter().map(move |what| format!("{alert} {what}"))).collect();
    let mut last = BTreeSet::new();
    let reached = within(LIMIT * 2, "the alerts", async || {
        last = prometheus.firing(&servers).await?;
        (last == wanted).then_some(())
    });
    let reached = tokio::time::timeout(LIMIT, reached).await.is_ok();
    let (missing, more): (Vec<_>, Vec<_>) =
        (wanted.difference(&last).collect(), last.difference(&wanted).collect());
    assert!(reached, "do not fire: {missing:?}; fire and should not: {more:?}");
    for query in QUERIES {
        assert!(!prometheus.results(query).await.is_empty(), "nothing answers {query}");
    }
    daemon.stop().await;
}
