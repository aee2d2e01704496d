//! docs/conformance.md: what certsteward told in the run, with the kept answers of the other tools beside it.
//! It asks nobody anything.

use std::fmt::Write as _;

use certsteward::domain::verdict::Verdict;

use super::answers::{ANSWERS, OK};
use super::peers::{Peer, Said};
use super::reasons::tells;
use super::record::Record;
use super::scenario::{Asking, Kind, Odd, Scenario, Truth};
use super::table::Group;

/// A scenario and what was told of it in this run; what is expected, where its server is not installed.
pub(super) struct Told {
    pub(super) scenario: Scenario,
    pub(super) verdict: Verdict,
    pub(super) text: String,
}

/// What an answer is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worth {
    Reason,
    Right,
    Wrong,
    /// No success or failure to be right about, or nothing that this tool looks at.
    Uncounted,
}

impl Worth {
    const fn sign(self) -> &'static str {
        match self {
            Self::Reason => "●",
            Self::Right => "○",
            Self::Wrong => "✗",
            Self::Uncounted => "–",
        }
    }
}

/// Right successes and failures of so many, right reasons of so many.
#[derive(Default)]
struct Count {
    right: (usize, usize),
    reason: (usize, usize),
}

impl Count {
    fn add(&mut self, truth: Truth, worth: Worth) {
        if worth == Worth::Uncounted {
            return;
        }
        self.right.1 += 1;
        self.right.0 += usize::from(worth != Worth::Wrong);
        if truth == Truth::Fails {
            self.reason.1 += 1;
            self.reason.0 += usize::from(worth == Worth::Reason);
        }
    }

    fn row(&self, name: &str) -> String {
        let Self { right, reason } = self;
        format!("| {name} | {} of {} | {} of {} |\n", right.0, right.1, reason.0, reason.1)
    }
}

/// The whole page.
pub(super) fn page(groups: &[(Group, Vec<Told>)], record: &Record) -> String {
    let mut text = HEAD.to_owned();
    text.push_str(&summary(groups, record));
    text.push_str(FAIRNESS);
    for (group, told) in groups {
        text.push_str(&section(group, told, record));
    }
    text.push_str(AGAIN);
    for (name, version) in &record.versions {
        writeln!(text, "- {name}: {}", short_version(version)).unwrap();
    }
    text
}

fn summary(groups: &[(Group, Vec<Told>)], record: &Record) -> String {
    let all = || groups.iter().flat_map(|(_, told)| told);
    let mut text = "| tool | right success or failure | right reason |\n|---|---|---|\n".to_owned();
    let mut ours = Count::default();
    all().for_each(|told| ours.add(told.scenario.truth(), own_worth(told)));
    text.push_str(&ours.row("certsteward"));
    for peer in Peer::ALL {
        let mut count = Count::default();
        for Told { scenario, .. } in all() {
            count.add(scenario.truth(), worth(scenario, peer, record.said(scenario, peer)));
        }
        text.push_str(&count.row(peer.name()));
    }
    text
}

fn section(group: &Group, told: &[Told], record: &Record) -> String {
    let mut text = format!("\n## {}\n\n{}\n\n| what | where | certsteward |", group.title, group.about);
    Peer::ALL.iter().for_each(|peer| write!(text, " {} |", peer.name()).unwrap());
    writeln!(text, "\n|{}", "---|".repeat(3 + Peer::ALL.len())).unwrap();
    // Scenarios with the same answers everywhere share a row.
    let mut rows: Vec<(String, String, Vec<String>)> = Vec::new();
    for Told { scenario, text, .. } in told {
        let mut answers = text.clone();
        for peer in Peer::ALL {
            write!(answers, " | {}", worth(scenario, peer, record.said(scenario, peer)).sign()).unwrap();
        }
        let (what, site) = ((group.what)(scenario), scenario.site);
        let place = format!("{} {}", site.kind.name(), site.version.name().trim_start_matches("TLSv"));
        match rows.iter_mut().find(|row| (&row.0, &row.1) == (&what, &answers)) {
            Some(row) => row.2.push(place),
            None => rows.push((what, answers, vec![place])),
        }
    }
    for (what, answers, places) in rows {
        writeln!(text, "| {what} | {} | {answers} |", places.join(", ")).unwrap();
    }
    text
}

fn own_worth(told: &Told) -> Worth {
    let right = match told.scenario.truth() {
        Truth::SaysNothing => return Worth::Uncounted,
        Truth::Served => told.verdict == Verdict::Accepted,
        Truth::Fails => told.verdict != Verdict::Accepted,
    };
    match (right, told.text == told.scenario.expected()) {
        (false, _) => Worth::Wrong,
        (true, false) => Worth::Right,
        (true, true) => Worth::Reason,
    }
}

fn worth(scenario: &Scenario, peer: Peer, said: Option<&Said>) -> Worth {
    let in_scope = if peer.judges_answers() { !is_taste(scenario) } else { is_in_tls(scenario) };
    let Some(said) = said.filter(|_| in_scope && peer.presents_all_of(scenario.client)) else {
        return Worth::Uncounted;
    };
    match (scenario.truth(), said.ok) {
        (Truth::SaysNothing, _) => Worth::Uncounted,
        (Truth::Served, true) => Worth::Reason,
        (Truth::Served, false) | (Truth::Fails, true) => Worth::Wrong,
        (Truth::Fails, false) if tells(scenario, &said.text) => Worth::Reason,
        (Truth::Fails, false) => Worth::Right,
    }
}

/// Whether it shows without a request: the rest is nothing that a tool for TLS alone was meant to tell.
fn is_in_tls(scenario: &Scenario) -> bool {
    let site = scenario.site;
    let refused = matches!(scenario.verdict, Verdict::CertificateRequired | Verdict::CertificateRefused);
    let in_answer = site.kind == Kind::Nginx && refused;
    let later = site.asking == Asking::Later;
    let inside = matches!(site.kind, Kind::Odd(Odd::Ssh | Odd::Http2Regardless));
    scenario.path == OK && !in_answer && !later && !inside
}

/// A status that is no failure, of an answer that only somebody who knows the API takes for one: no tool was told so.
fn is_taste(scenario: &Scenario) -> bool {
    let answer = ANSWERS.iter().find(|answer| answer.path == scenario.path);
    scenario.path != OK
        && answer.is_some_and(|answer| answer.status < 400 && answer.verdict != Verdict::Accepted)
}

/// The first word with a digit in it.
fn short_version(version: &str) -> &str {
    let mut words = version.split([' ', '/']);
    words.find(|word| word.contains(|c: char| c.is_ascii_digit())).unwrap_or("a build that names no version")
}

const HEAD: &str = "# What probes tell, and what other tools tell\n\n\
Each line below is a call with a client certificate to a server that was started for it: nginx, HAProxy, Apache, `openssl s_server`, rustls, and small servers \
of the tests that do what no server should. The verdict of certsteward is the one of the run; the test fails where it is not the expected one. The other tools were \
given the same server, the same certificate and a limit of three seconds. This page is written by the test.\n\n\
- ● right, and where the call fails the reason is told too\n\
- ○ right that it fails, the reason is not told or not the right one\n\
- ✗ wrong: a success is called for a call that fails, or the other way round\n\
- – not counted: not asked, nothing that this tool looks at, or an answer that says nothing of the certificate\n\n";

const FAIRNESS: &str = "\nHow to read it:\n\n\
- The expected verdicts are certsteward's own list, and it was mended until it told them; the other tools have never seen it. So its row shows what was left \
open, not that it is better by so much.\n\
- certsteward's reason is right where verdict and detail are the expected ones. Another tool's reason is right where a word for it stands in what it said (blackbox_exporter: \
in its debug output; its metrics alone tell less; ssl_exporter: in its log). A status that stands for several reasons, as 401 does for `not-mapped` and `credentials-required`, \
tells none of them.\n\
- Redirects and pages with status 200 are not counted for other tools: blackbox_exporter, check_http and curl can be configured for them, and were not. \
blackbox_exporter and ssl_exporter show certificates and reachability to \
Prometheus, for any server; neither was meant to judge a client certificate.\n\
- blackbox_exporter's `tcp`, ssl_exporter's `tcp`, check_ssl_cert and s_client make a handshake and no request, and ssl_exporter's `https` makes one and does not judge the answer: what only an answer tells is not counted for them. \
In TLS 1.3 a server refuses a client certificate after the handshake, where a tool without a request no longer looks, or sees the refusal only if it comes quickly enough (so that check_ssl_cert and s_client may tell it another time, and not the next): \
that is counted as it came, because the call fails, and it is the reason why a handshake proves no trust.\n\
- check_ssl_cert and ssl_exporter judge the server's certificate, and do so with much more care than is asked for here. check_http looks at a status, and was given no way to verify the server's certificate. curl was asked with `-f` and follows nothing. \
s_client is a tool for looking, its exit code was taken as the answer. It and check_ssl_cert were given no intermediate certificate to present, so a good certificate with its chain is not counted for them.\n\
- Where a server asks for any certificate and checks none, certsteward says `accepted` as well: no call can show it. Where a server asks for the certificate only after the request (renegotiation in TLS 1.2, post-handshake \
authentication in TLS 1.3), certsteward cannot present it and tells a failure of a certificate that the server would serve to a client that can: these are its wrong answers.\n";

const AGAIN: &str = "\n## Once more\n\n\
`cargo test --test all -- conformance::` makes the calls with certsteward and holds this page to them; `CERTSTEWARD_WRITE_DOCS=1` writes it. Servers that are not installed are left out.\n\n\
`CERTSTEWARD_TESTS_PEERS=1` asks the other tools too (minutes), and keeps their answers in `tests/conformance/peers.tsv`. Debian: `prometheus-blackbox-exporter`, `monitoring-plugins-basic`, \
`monitoring-plugins-contrib`, `curl`, `openssl`. `CERTSTEWARD_PEER_SSL_EXPORTER` names ssl_exporter's program. The answers here are of:\n\n";
