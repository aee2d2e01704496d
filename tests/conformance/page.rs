//! docs/conformance.md: the scenarios, what is right in each, and what the other tools said, in as few lines as tell all of it.
//! It runs nothing: that the verdicts are right is the business of the run, and what the others said stands in the record.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use certsteward::domain::verdict::{Detail, Verdict};

use super::answers;
use super::peers::Peer;
use super::record::Record;
use super::scenario::{Asking, Kind, Own, Scenario, Truth};
use super::table::{Group, groups};

/// What each tool was never meant to tell.
const MEANT: [(Peer, &str); 8] = [
    (Peer::BlackboxHttp, "whether an HTTP call is answered as configured, here with 2xx"),
    (
        Peer::BlackboxTcp,
        "whether a TLS handshake is made; it sends nothing, so it hears no refusal that comes after it",
    ),
    (Peer::SslExporterHttps, "certificates of servers: any HTTP answer is a success"),
    (Peer::SslExporterTcp, "certificates of servers: a handshake is a success"),
    (
        Peer::CheckHttp,
        "whether an HTTP call is answered; as it is usually asked it verifies no server certificate",
    ),
    (Peer::CheckSslCert, "the certificate of a server, not its answers"),
    (Peer::Curl, "nothing but the call: the baseline"),
    (Peer::SClient, "the handshake: the baseline without HTTP"),
];

/// Words by which an output tells why a call failed.
const fn telling(verdict: Verdict, detail: Option<Detail>) -> &'static [&'static str] {
    match (verdict, detail) {
        (Verdict::CertificateRefused, Some(Detail::UnknownCa)) => {
            &["unknown ca", "unknown certificate authority"]
        }
        (Verdict::CertificateRefused, Some(Detail::Expired)) => &["expired"],
        (Verdict::CertificateRefused, Some(Detail::Revoked)) => &["revoked"],
        (Verdict::CertificateRefused, Some(Detail::Unsupported)) => &["unsupported"],
        (Verdict::CertificateRefused, Some(Detail::Bad)) => &["bad certificate"],
        (Verdict::CertificateRefused, _) => &["certificate"],
        (Verdict::CertificateRequired, _) => &["certificate required", "no required ssl certificate"],
        (Verdict::ServerExpired, _) => &["expired", "not yet valid"],
        (Verdict::ServerNameMismatch, _) => {
            &["not localhost", "hostname mismatch", "does not match", "valid for"]
        }
        (Verdict::ServerUntrusted, _) => &["unknown authority", "local issuer", "self-signed", "self signed"],
        (Verdict::DnsFailed, _) => &["no such host", "resolve", "name or service", "unknown host"],
        (Verdict::ConnectionRefused, _) => &["refused"],
        (Verdict::ConnectionReset, _) => &["reset", "eof", "unexpected eof", "no data received"],
        (Verdict::Timeout, _) => &["timeout", "timed out", "deadline"],
        (Verdict::TlsFailed, _) => &["tls", "ssl", "renegotiation"],
        (Verdict::RateLimited, _) => &["429"],
        (Verdict::NotMapped | Verdict::CredentialsRequired, _) => &["401"],
        (Verdict::NoPermission | Verdict::LoginRefused, _) => &["403"],
        (Verdict::Unavailable, _) => &["500", "502", "503"],
        (Verdict::UnexpectedAnswer, _) => &["404", "302", "301", "malformed", "http/2"],
        (Verdict::Accepted, _) => &[],
    }
}

/// How one tool fared in one scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    /// It says that the call is served, or fails, and that is so.
    Right,
    /// So, and it says why.
    Telling,
    Wrong,
    /// There is no right or wrong: the server serves whomever it likes.
    Open,
    NotAsked,
}

impl Mark {
    const fn sign(self) -> &'static str {
        match self {
            Self::Right => "✓",
            Self::Telling => "✓ why",
            Self::Wrong => "✗",
            Self::Open => "·",
            Self::NotAsked => "–",
        }
    }
}

fn mark(record: &Record, scenario: &Scenario, peer: Peer) -> Mark {
    let Some(said) = record.said(scenario, peer) else { return Mark::NotAsked };
    match scenario.truth() {
        Truth::SaysNothing => Mark::Open,
        Truth::Served if said.ok => Mark::Right,
        Truth::Fails if !said.ok => {
            let text = said.text.to_lowercase();
            let words = telling(scenario.verdict, scenario.detail);
            if words.iter().any(|word| text.contains(word)) { Mark::Telling } else { Mark::Right }
        }
        Truth::Served | Truth::Fails => Mark::Wrong,
    }
}

/// What is the same in several scenarios: what is asked, and how everybody fared.
type Row = (String, String, String, Vec<Mark>);

fn case(scenario: &Scenario) -> String {
    let site = scenario.site;
    if let Kind::Odd(odd) = site.kind {
        return format!("{odd:?}");
    }
    let mut words = Vec::new();
    if site.asking != Asking::Requires {
        words.push(format!("server {}", site.asking.name()));
    }
    if site.own != Own::Good {
        words.push(format!("server certificate {}", site.own.name()));
    }
    if scenario.path != answers::OK {
        words.push(answers::says(scenario.path).to_owned());
    }
    let plain = scenario.path == answers::OK && site.own == Own::Good;
    if plain {
        words.push(format!("client certificate: {}", scenario.client.name()));
    }
    words.join("; ")
}

fn rows(record: &Record, group: &Group) -> Vec<(Row, Vec<String>)> {
    let mut order: Vec<Row> = Vec::new();
    let mut sites: BTreeMap<Row, Vec<String>> = BTreeMap::new();
    for scenario in &group.scenarios {
        let marks = Peer::ALL.map(|peer| mark(record, scenario, peer)).to_vec();
        let row = (case(scenario), scenario.expected(), scenario.client.name().to_owned(), marks);
        let site = scenario.site;
        let place = if matches!(site.kind, Kind::Odd(_)) {
            site.kind.name().to_owned()
        } else {
            format!("{} {}", site.kind.name(), site.version.name().trim_start_matches("TLSv"))
        };
        if !order.contains(&row) {
            order.push(row.clone());
        }
        sites.entry(row).or_default().push(place);
    }
    order
        .into_iter()
        .map(|row| {
            let places = sites[&row].clone();
            (row, places)
        })
        .collect()
}

/// Places of the same servers together: `nginx 1.2, 1.3`.
fn together(places: &[String]) -> String {
    let mut by_server: Vec<(String, Vec<String>)> = Vec::new();
    for place in places {
        let (server, version) =
            place.rsplit_once(' ').filter(|(_, last)| last.starts_with("1.")).unwrap_or((place, ""));
        match by_server.iter_mut().find(|(known, _)| known == server) {
            Some((_, versions)) if !versions.contains(&version.to_owned()) => {
                versions.push(version.to_owned())
            }
            Some(_) => {}
            None => by_server.push((server.to_owned(), vec![version.to_owned()])),
        }
    }
    let shown = by_server
        .iter()
        .map(|(server, versions)| format!("{server} {}", versions.join("/")).trim().to_owned());
    shown.collect::<Vec<_>>().join(", ")
}

fn summary(record: &Record, all: &[Scenario]) -> String {
    let mut text = String::from(
        "| tool | right about success or failure | of the failures it saw, says why | what it is meant to tell |\n|---|---|---|---|\n",
    );
    let ours = all.len();
    let failing = || all.iter().filter(|one| one.verdict != Verdict::Accepted);
    let why = failing().filter(|one| one.detail != Some(Detail::Unspecified)).count();
    let failing = failing().count();
    writeln!(text, "| **certsteward probe** | **{ours} of {ours}** | **{why} of {failing}** | whether this certificate is accepted by this API, and if not, why |").unwrap();
    for (peer, meant) in MEANT {
        let marks: Vec<Mark> = all.iter().map(|scenario| mark(record, scenario, peer)).collect();
        let count = |wanted: &[Mark]| marks.iter().filter(|mark| wanted.contains(mark)).count();
        let right = count(&[Mark::Right, Mark::Telling]);
        let judged = right + count(&[Mark::Wrong]);
        let seen = all
            .iter()
            .zip(&marks)
            .filter(|(one, mark)| one.truth() == Truth::Fails && matches!(mark, Mark::Right | Mark::Telling));
        let (seen, why) = (seen.count(), count(&[Mark::Telling]));
        writeln!(text, "| {} | {right} of {judged} | {why} of {seen} | {meant} |", peer.name()).unwrap();
    }
    text
}

const HEAD: &str = "# Conformance of the prober

What `certsteward probe` (and every probe of the daemon) says in a table of scenarios against real servers, and what other tools
say to the same. The table is data (`tests/conformance/table.rs`); the test run puts every scenario to the servers and fails where
a verdict or its detail is another than the one below. The page is written from that table.

    cargo test --test all -- conformance::                        # every scenario, ours only
    CERTSTEWARD_TESTS_PEERS=1 cargo test --test all -- conformance::the_other  # asks the other tools anew (minutes)
    CERTSTEWARD_WRITE_DOCS=1 cargo test --test all -- conformance::the_page    # writes this page

The other tools were asked as they usually are: with the authority of the server, the client certificate of the scenario, and
nothing else; ssl_exporter takes part where `CERTSTEWARD_PEER_SSL_EXPORTER` names its program. `✓` right about success or failure, `✓ why` and its output names the cause, `✗` wrong, `·` the server would serve anybody, so
nothing follows, `–` not asked. That its output names the cause is judged by words (`tests/conformance/page.rs`), generously: for
an answer of the API its status is enough, although a 401 or a 403 alone does not say whether the certificate, the login or the
permission is at fault; certsteward's verdicts do.
";

pub(super) fn page(record: &Record) -> String {
    let groups = groups();
    let all: Vec<Scenario> = groups.iter().flat_map(|group| group.scenarios.clone()).collect();
    let mut text = format!("{HEAD}\n## In short\n\n{}\n", summary(record, &all));
    let versions: Vec<String> = record
        .versions
        .iter()
        .map(|(name, version)| format!("{name} ({})", version.chars().take(60).collect::<String>().trim()))
        .collect();
    writeln!(text, "Versions: {}.\n", versions.join("; ")).unwrap();
    for group in &groups {
        writeln!(text, "## {}\n\n{}\n", group.title, group.about).unwrap();
        let tools = Peer::ALL.map(Peer::name).join(" | ");
        writeln!(
            text,
            "| case | servers (TLS) | certsteward | {tools} |\n|---|---|---|{}",
            "---|".repeat(Peer::ALL.len())
        )
        .unwrap();
        for ((case, verdict, _, marks), places) in rows(record, group) {
            let marks: Vec<&str> = marks.into_iter().map(Mark::sign).collect();
            writeln!(text, "| {case} | {} | {verdict} | {} |", together(&places), marks.join(" | ")).unwrap();
        }
        text.push('\n');
    }
    text
}
