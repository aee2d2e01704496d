//! The same scenarios put to other tools: how each is asked, and what it said, shortened to what does not change from run to run.
//! It judges nothing. It runs only where `CERTSTEWARD_TESTS_PEERS` is set.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::lab::Lab;
use super::scenario::{Client, Scenario};
use crate::support::process::Group;
use crate::support::wait::{free_port, listening};

/// Another tool, as it is usually asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    BlackboxHttp,
    BlackboxTcp,
    SslExporterHttps,
    SslExporterTcp,
    CheckHttp,
    CheckSslCert,
    Curl,
    SClient,
}

impl Peer {
    pub(super) const ALL: [Self; 8] = [
        Self::BlackboxHttp,
        Self::BlackboxTcp,
        Self::SslExporterHttps,
        Self::SslExporterTcp,
        Self::CheckHttp,
        Self::CheckSslCert,
        Self::Curl,
        Self::SClient,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::BlackboxHttp => "blackbox http",
            Self::BlackboxTcp => "blackbox tcp",
            Self::SslExporterHttps => "ssl_exporter https",
            Self::SslExporterTcp => "ssl_exporter tcp",
            Self::CheckHttp => "check_http",
            Self::CheckSslCert => "check_ssl_cert",
            Self::Curl => "curl",
            Self::SClient => "s_client",
        }
    }
}

/// What a tool said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// Whether it called the scenario a success.
    pub(super) ok: bool,
    pub(super) text: String,
}

/// The tools that stay up while they are asked.
pub(super) struct Peers {
    blackbox: u16,
    ssl_exporter: Option<(u16, PathBuf)>,
    _running: Vec<Group>,
}

/// How long a tool may take, in seconds: whole ones, because some know no others.
const LIMIT: u32 = 3;

impl Peers {
    pub(super) async fn start(lab: &Lab) -> Self {
        let (blackbox, ssl_exporter) = (free_port(), free_port());
        let mut running = Vec::new();
        let config = lab.path("blackbox.yml");
        std::fs::write(&config, blackbox_modules(lab)).unwrap();
        let mut command = Command::new("prometheus-blackbox-exporter");
        command.arg(format!("--config.file={}", config.display()));
        running.push(Group::start(command.arg(format!("--web.listen-address=127.0.0.1:{blackbox}"))));
        listening(blackbox).await;
        let own = std::env::var_os("CERTSTEWARD_PEER_SSL_EXPORTER").map(|program| {
            let (config, log) = (lab.path("ssl_exporter.yml"), lab.path("ssl_exporter.log"));
            std::fs::write(&config, ssl_exporter_modules(lab)).unwrap();
            let mut command = Command::new("sh");
            command.args(["-c", "exec \"$0\" \"$@\" 2>\"$LOG\""]).arg(program).env("LOG", &log);
            command.arg(format!("--config.file={}", config.display()));
            running.push(Group::start(command.arg(format!("--web.listen-address=127.0.0.1:{ssl_exporter}"))));
            (ssl_exporter, log)
        });
        if let Some((port, _)) = &own {
            listening(*port).await;
        }
        Self { blackbox, ssl_exporter: own, _running: running }
    }

    /// Asks one tool; none where it is not here, or where the scenario has no address to give it.
    pub(super) fn ask(&self, lab: &Lab, peer: Peer, scenario: &Scenario) -> Option<Said> {
        let url = lab.url(scenario.site, scenario.path)?;
        let place = url.trim_start_matches("https://").split('/').next()?.to_owned();
        let client = scenario.client;
        let said = match peer {
            Peer::BlackboxHttp => self.blackbox(&format!("http_{}", client.file()), &url),
            Peer::BlackboxTcp => self.blackbox(&format!("tcp_{}", client.file()), &place),
            Peer::SslExporterHttps => self.ssl_exporter(&format!("https_{}", client.file()), &url)?,
            Peer::SslExporterTcp => self.ssl_exporter(&format!("tcp_{}", client.file()), &place)?,
            Peer::CheckHttp => check_http(lab, client, &place, scenario.path),
            Peer::CheckSslCert => check_ssl_cert(lab, client, &place),
            Peer::Curl => curl(lab, client, &url),
            Peer::SClient => s_client(lab, client, &place),
        };
        let text = if said.ok { String::new() } else { steady(&said.text, lab, &place) };
        Some(Said { text, ..said })
    }

    fn blackbox(&self, module: &str, target: &str) -> Said {
        let text = scraped(self.blackbox, module, target, "&debug=true");
        let ok = text.lines().any(|line| line == "probe_success 1");
        let mut said = String::new();
        for line in text.lines().filter(|line| line.contains("level=error")) {
            let about = line.split_once(" msg=").map_or(line, |(_, rest)| rest);
            write!(said, "{about}; ").unwrap();
        }
        let status = text.lines().find_map(|line| line.strip_prefix("probe_http_status_code "));
        if let Some(status) = status.filter(|status| *status != "0") {
            write!(said, "probe_http_status_code {status}").unwrap();
        }
        Said { ok, text: said }
    }

    fn ssl_exporter(&self, module: &str, target: &str) -> Option<Said> {
        let (port, log) = self.ssl_exporter.as_ref()?;
        let before = std::fs::read_to_string(log).unwrap_or_default().len();
        let text = scraped(*port, module, target, "");
        let ok = text.lines().any(|line| line == "ssl_probe_success 1");
        let logged = std::fs::read_to_string(log).unwrap_or_default();
        let said = logged.get(before..).unwrap_or_default().lines().find(|line| line.contains("level=error"));
        let said = said.and_then(|line| line.split_once(" msg=")).map(|(_, said)| said.to_owned());
        Some(Said { ok, text: said.unwrap_or_default() })
    }
}

fn scraped(port: u16, module: &str, target: &str, more: &str) -> String {
    let url = format!("http://127.0.0.1:{port}/probe?module={module}&target={target}{more}");
    let mut command = Command::new("curl");
    command.args(["-sS", "--noproxy", "*", "--max-time", "30", &url]);
    run(&mut command).1
}

/// Its exit code, and everything it said.
fn run(command: &mut Command) -> (i32, String) {
    let ended = command.stdin(Stdio::null()).output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

fn tls_settings(lab: &Lab, client: Client) -> String {
    let ca = lab.path("ca.pem").display().to_string();
    let own = if client == Client::None {
        String::new()
    } else {
        format!(
            ", cert_file: {}, key_file: {}",
            lab.path(&format!("{}.pem", client.file())).display(),
            lab.path(&format!("{}.key", client.file())).display()
        )
    };
    format!("{{ ca_file: {ca}, server_name: localhost{own} }}")
}

fn blackbox_modules(lab: &Lab) -> String {
    let mut text = "modules:\n".to_owned();
    for client in Client::ALL {
        let (name, tls) = (client.file(), tls_settings(lab, client));
        writeln!(text, "  http_{name}: {{ prober: http, timeout: {LIMIT}s, http: {{ preferred_ip_protocol: ip4, fail_if_not_ssl: true, tls_config: {tls} }} }}").unwrap();
        writeln!(text, "  tcp_{name}: {{ prober: tcp, timeout: {LIMIT}s, tcp: {{ preferred_ip_protocol: ip4, tls: true, tls_config: {tls} }} }}").unwrap();
    }
    text
}

fn ssl_exporter_modules(lab: &Lab) -> String {
    let mut text = "modules:\n".to_owned();
    for client in Client::ALL {
        let (name, tls) = (client.file(), tls_settings(lab, client));
        for prober in ["https", "tcp"] {
            writeln!(text, "  {prober}_{name}: {{ prober: {prober}, timeout: {LIMIT}s, tls_config: {tls} }}")
                .unwrap();
        }
    }
    text
}

/// The options by which a tool is given a client certificate.
fn presents(command: &mut Command, lab: &Lab, client: Client, certificate: &str, key: &str) {
    if client != Client::None {
        command.arg(certificate).arg(lab.path(&format!("{}.pem", client.file())));
        command.arg(key).arg(lab.path(&format!("{}.key", client.file())));
    }
}

fn check_http(lab: &Lab, client: Client, place: &str, path: &str) -> Said {
    let (host, port) = place.split_once(':').unwrap();
    let mut command = Command::new("/usr/lib/nagios/plugins/check_http");
    command.args(["-H", host, "-p", port, "-S", "--sni", "-4", "-u", path, "-t", &LIMIT.to_string()]);
    presents(&mut command, lab, client, "-J", "-K");
    let (code, text) = run(&mut command);
    let first = text.lines().next().unwrap_or_default();
    Said { ok: code == 0, text: first.split(" - ").take(2).collect::<Vec<_>>().join(" - ") }
}

fn check_ssl_cert(lab: &Lab, client: Client, place: &str) -> Said {
    let (host, port) = place.split_once(':').unwrap();
    let mut command = Command::new("/usr/lib/nagios/plugins/check_ssl_cert");
    command.args([
        "-H",
        host,
        "-p",
        port,
        "--match",
        "localhost",
        "--ignore-sct",
        "--ignore-maximum-validity",
        "--ignore-ocsp",
    ]);
    command.arg("-r").arg(lab.path("ca.pem")).args(["--timeout", &LIMIT.to_string()]);
    presents(&mut command, lab, client, "-C", "-K");
    let (code, text) = run(&mut command);
    let first = text.lines().next().unwrap_or_default();
    Said { ok: code == 0, text: first.to_owned() }
}

fn curl(lab: &Lab, client: Client, url: &str) -> Said {
    let mut command = Command::new("curl");
    command.args(["-fsS", "--noproxy", "*", "-o", "/dev/null", "--max-time", &LIMIT.to_string()]);
    command.arg("--cacert").arg(lab.path("ca.pem"));
    presents(&mut command, lab, client, "--cert", "--key");
    let (code, text) = run(command.arg(url));
    Said { ok: code == 0, text }
}

fn s_client(lab: &Lab, client: Client, place: &str) -> Said {
    let mut command = Command::new("timeout");
    command.arg(LIMIT.to_string()).args(["openssl", "s_client", "-brief", "-verify_return_error"]);
    command.args(["-connect", place, "-servername", "localhost", "-verify_hostname", "localhost"]);
    command.arg("-CAfile").arg(lab.path("ca.pem"));
    presents(&mut command, lab, client, "-cert", "-key");
    let (code, text) = run(&mut command);
    let telling = ["error", "alert", "errno", "fault"];
    let lines: Vec<&str> =
        text.lines().filter(|line| telling.iter().any(|word| line.contains(word))).collect();
    let text = if code == 124 { "ended by its limit".to_owned() } else { lines.join("; ") };
    Said { ok: code == 0, text }
}

/// What is the same in every run and on every machine: no ports, folders, times, resolvers and numbers of processes.
fn steady(text: &str, lab: &Lab, place: &str) -> String {
    let folder = lab.path("").display().to_string();
    let port = place.rsplit(':').next().unwrap_or_default();
    let plain = certsteward::net::one_line(text).replace(folder.trim_end_matches('/'), "FOLDER");
    let plain = plain.replace(&format!(":{port}"), ":PORT").replace(&format!(" {port} "), " PORT ");
    let shown = plain.split(" More details here").next().unwrap_or_default();
    let shown = shown.split('|').next().unwrap_or_default();
    let mut steady: Vec<String> = Vec::new();
    let mut words = shown.split(' ');
    while let Some(word) = words.next() {
        match word {
            // The address of a resolver, and the moment at which somebody looked.
            "on" => drop(words.next()),
            "time" => drop(words.next()),
            word if word.starts_with("duration_seconds=") => {}
            word => steady.push(numberless(word)),
        }
    }
    steady.join(" ").chars().take(200).collect()
}

/// A word without what changes from run to run: `127.0.0.1:45678->…`, `140123:error:…`, spans and sizes.
fn numberless(word: &str) -> String {
    if let Some((from, to)) = word.split_once("->") {
        let from = from.rsplit_once(':').map_or(from, |(host, _)| host);
        return format!("{from}->{to}");
    }
    if let Some((_, rest)) = word.split_once(":error:") {
        return format!("error:{rest}");
    }
    let bare = word.trim_end_matches([',', ';']);
    let digits = bare.chars().all(|c| c.is_ascii_digit() || c == '.');
    if digits && !bare.is_empty() && (bare.contains('.') || bare.len() > 3) {
        "N".to_owned()
    } else {
        word.to_owned()
    }
}

/// The tools' names and versions.
pub(super) fn versions() -> Vec<(&'static str, String)> {
    let first = |program: &str, arguments: &[&str]| {
        let (_, text) = run(Command::new(program).args(arguments));
        text.lines().next().unwrap_or_default().trim().to_owned()
    };
    let exporter = std::env::var("CERTSTEWARD_PEER_SSL_EXPORTER");
    let plugin = |name: &str| format!("/usr/lib/nagios/plugins/{name}");
    vec![
        ("blackbox_exporter", first("prometheus-blackbox-exporter", &["--version"])),
        ("ssl_exporter", exporter.map(|program| first(&program, &["--version"])).unwrap_or_default()),
        ("check_http", first(&plugin("check_http"), &["--version"])),
        ("check_ssl_cert", first(&plugin("check_ssl_cert"), &["--version"])),
        ("curl", first("curl", &["--version"])),
        ("openssl", first("openssl", &["version"])),
        ("nginx", first("nginx", &["-v"])),
        ("haproxy", first("haproxy", &["-v"])),
        ("apache2", first("apache2", &["-v"])),
    ]
}
