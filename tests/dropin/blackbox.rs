//! The same server looked at by blackbox_exporter and by certsteward: whatever that one says, this one says, with the same labels.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use certsteward::surfaces::metrics::PROBE;
use rcgen::DnType;

use crate::support::daemon::{Daemon, LIMIT, ask, head};
use crate::support::pki::{NOW, Pki, server};
use crate::support::process::{Running, program};
use crate::support::server::{Asks, Server, with_headers};
use crate::support::wait::{free_port, within};

const MODULES: &str = "
modules:
  of_http: { prober: http, http: { preferred_ip_protocol: ip4, tls_config: { ca_file: ca.pem } } }
  of_tls: { prober: tcp, tcp: { tls: true, preferred_ip_protocol: ip4, tls_config: { ca_file: ca.pem } } }
";

const OURS: &str = "
[modules.of_http]
type = \"http\"
ca = { file = \"ca.pem\" }

[modules.of_tls]
type = \"tls\"
ca = { file = \"ca.pem\" }
";

/// What differs from look to look.
const TIMES: [&str; 4] = [
    "probe_duration_seconds",
    "probe_timeout_seconds",
    "probe_dns_lookup_time_seconds",
    "probe_http_duration_seconds",
];
/// What is not there, which the documents say.
const NOT_THERE: [&str; 1] = ["probe_failed_due_to_regex"];

fn blackbox(program: &Path, folder: &Path) -> (Running, u16) {
    std::fs::write(folder.join("blackbox.yml"), MODULES).unwrap();
    let port = free_port();
    let mut command = Command::new(program);
    command.current_dir(folder).arg("--config.file=blackbox.yml").stderr(Stdio::null());
    (Running::start(command.arg(format!("--web.listen-address=127.0.0.1:{port}"))), port)
}

/// Each series with its labels in order of their names, and its value.
async fn looked(port: u16, module: &str, target: &str) -> BTreeMap<String, f64> {
    let path = format!("/probe?module={module}&target={target}");
    let page = within(LIMIT, &path, async || ask(port, "GET", &path, "", "").await).await;
    assert_eq!(page.status, 200, "{page:?}");
    let lines = page.body.lines().filter(|line| line.contains("probe_") && !line.starts_with('#'));
    let series = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').unwrap().trim_end_matches('"');
        let mut labels: Vec<&str> = labels.split("\",").filter(|label| !label.is_empty()).collect();
        labels.sort_unstable();
        // A label that the older of both does not have yet.
        labels.retain(|label| !label.starts_with("serialnumber="));
        (format!("{name} {}", labels.join(" ")).trim_end().to_owned(), value.parse().unwrap())
    };
    lines.map(series).collect()
}

#[tokio::test]
async fn what_blackbox_exporter_says_is_said_here_too() {
    let Some(program) = program("prometheus-blackbox-exporter") else { return };
    let (folder, pki) = (tempfile::tempdir().unwrap(), Pki::new());
    std::fs::write(folder.path().join("ca.pem"), &pki.ca.pem).unwrap();
    let own = pki.ca.issue_with(&server(NOW), |params| {
        let more = [
            (DnType::CountryName, "DE"),
            (DnType::StateOrProvinceName, "Berlin"),
            (DnType::LocalityName, "Mitte"),
            (DnType::OrganizationName, "ACME, Inc."),
            (DnType::OrganizationalUnitName, "one+two"),
        ];
        more.into_iter().for_each(|(kind, value)| params.distinguished_name.push(kind, value));
        (params.not_before, params.not_after) =
            (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2049, 1, 1));
    });
    let reply = with_headers("200 OK", "Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n", "{}");
    let server = Server::tls(&own, &Asks::Never, reply).await;
    let (_blackbox, theirs) = blackbox(&program, folder.path());
    let daemon = Daemon::start(folder.path(), &(head() + OURS)).await;
    for (module, target) in [("of_http", "https://localhost"), ("of_tls", "localhost")] {
        let target = format!("{target}:{}", server.port);
        let (wanted, found) =
            (looked(theirs, module, &target).await, looked(daemon.port, module, &target).await);
        assert!(wanted.len() > 8 && wanted["probe_success"] > 0.5, "{wanted:?}");
        for (series, value) in &wanted {
            let name = series.split(' ').next().unwrap();
            if NOT_THERE.contains(&name) {
                continue;
            }
            assert!(
                PROBE.iter().any(|metric| metric.name == name),
                "{name} is neither there nor said not to be"
            );
            let ours = found.get(series);
            assert!(ours.is_some(), "{module}: {series} is missing in {found:#?}");
            assert!(
                TIMES.contains(&name) || ours == Some(value),
                "{module}: {series} is {ours:?}, not {value}"
            );
        }
    }
    daemon.stop().await;
}
