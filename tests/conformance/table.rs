//! The table of scenarios: which of all that are possible are made, and what each is to be told as.
//! It starts nothing.

use certsteward::domain::verdict::Detail::{
    self, Bad, Expired, Revoked, UnknownCa, Unspecified, Unsupported,
};
use certsteward::domain::verdict::Verdict::{self, *};

use super::answers::{ANSWERS, OK, WAYS, says};
use super::scenario::{Asking, Client, Kind, Odd, Own, Scenario, Site, Version};

type Told = (Verdict, Option<Detail>);

/// The scenarios of one kind, with what they are about.
pub(super) struct Group {
    pub(super) title: &'static str,
    /// What the group is about, for the page.
    pub(super) about: &'static str,
    /// What sets a scenario apart from the others of its group, for the page.
    pub(super) what: fn(&Scenario) -> String,
    pub(super) scenarios: Vec<Scenario>,
}

/// Every scenario.
pub(super) fn groups() -> Vec<Group> {
    vec![
        Group {
            title: "A server that requires a client certificate",
            about: "nginx finishes the handshake whatever it gets and refuses in an answer of its own, without saying why; the others refuse by a TLS alert, which in TLS 1.3 comes after the handshake.",
            what: asked,
            scenarios: requires(),
        },
        Group {
            title: "A server that requests a client certificate, or asks for none",
            about: "A server that serves everybody proves nothing about a certificate, and one that asks and checks nothing accepts all.",
            what: asked,
            scenarios: requests(),
        },
        Group {
            title: "The server's own certificate",
            about: "A server that cannot be trusted is shown no client certificate.",
            what: shown,
            scenarios: own(),
        },
        Group {
            title: "What the API answers to a good certificate",
            about: "The handshake went well; the verdict is in the answer.",
            what: answered,
            scenarios: answers(),
        },
        Group {
            title: "Answers that are slow, odd or not whole",
            about: "A success counts only where it came whole.",
            what: answered,
            scenarios: ways(),
        },
        Group {
            title: "No API at all",
            about: "What keeps a call from being made says nothing about the certificate.",
            what: behaves,
            scenarios: odd(),
        },
    ]
}

fn asked(scenario: &Scenario) -> String {
    format!("{}; presented: {}", scenario.site.asking.name(), scenario.client.name())
}

fn shown(scenario: &Scenario) -> String {
    scenario.site.own.name().to_owned()
}

fn answered(scenario: &Scenario) -> String {
    says(scenario.path).to_owned()
}

fn behaves(scenario: &Scenario) -> String {
    let kind = scenario.site.kind;
    if let Kind::Odd(odd) = kind { odd.says().to_owned() } else { kind.name().to_owned() }
}

const fn site(kind: Kind, version: Version, asking: Asking) -> Site {
    Site { kind, version, asking, own: Own::Good }
}

const fn scenario(site: Site, client: Client, path: &'static str, told: Told) -> Scenario {
    Scenario { site, client, path, verdict: told.0, detail: told.1 }
}

const REAL: [Kind; 5] = [Kind::Nginx, Kind::Haproxy, Kind::Apache, Kind::Openssl, Kind::Rustls];

fn requires() -> Vec<Scenario> {
    let mut all = Vec::new();
    for version in Version::BOTH {
        for client in Client::ALL {
            for kind in REAL {
                if is_left_to_chance(kind, version, client) {
                    continue;
                }
                let site = site(kind, version, Asking::Requires);
                all.push(scenario(site, client, OK, refusal(kind, client)));
            }
        }
    }
    for client in [Client::None, Client::OtherCa, Client::Good] {
        for kind in [Kind::Openssl, Kind::Rustls] {
            let site = site(kind, Version::V13, Asking::WithoutTickets);
            all.push(scenario(site, client, OK, refusal(kind, client)));
        }
    }
    for version in Version::BOTH {
        let site = site(Kind::Openssl, version, Asking::OnlyRsa);
        all.push(scenario(site, Client::Good, OK, (CertificateRefused, Some(Unsupported))));
    }
    all
}

/// nginx 1.22 with OpenSSL 3.0 trips over an error that this certificate leaves behind in OpenSSL ("ignoring stale global SSL
/// error" in its log), and closes about every third connection without a word.
fn is_left_to_chance(kind: Kind, version: Version, client: Client) -> bool {
    (kind, version, client) == (Kind::Nginx, Version::V12, Client::ChainMissing)
}

/// How a server refuses a client certificate where it insists on one.
const fn refusal(kind: Kind, client: Client) -> Told {
    let alert = match client {
        Client::None => return (CertificateRequired, None),
        Client::Chain | Client::Good => return (Accepted, None),
        Client::OtherCa | Client::ChainMissing => UnknownCa,
        Client::Expired => Expired,
        // OpenSSL has no better alert for it than bad_certificate, rustls takes certificate_expired.
        Client::NotYet if matches!(kind, Kind::Rustls) => Expired,
        Client::NotYet => Bad,
        Client::Revoked => Revoked,
        Client::NoClientAuth => Unsupported,
    };
    (CertificateRefused, Some(if matches!(kind, Kind::Nginx) { Unspecified } else { alert }))
}

fn requests() -> Vec<Scenario> {
    let mut all = Vec::new();
    for version in Version::BOTH {
        for kind in REAL {
            let site = |asking| site(kind, version, asking);
            all.push(scenario(site(Asking::Requests), Client::None, OK, (UnexpectedAnswer, None)));
            all.push(scenario(site(Asking::Requests), Client::Good, OK, (Accepted, None)));
            let refused = refusal(kind, Client::OtherCa);
            all.push(scenario(site(Asking::Requests), Client::OtherCa, OK, refused));
            all.push(scenario(site(Asking::Ignores), Client::Good, OK, (UnexpectedAnswer, None)));
        }
        for kind in [Kind::Nginx, Kind::Haproxy, Kind::Apache, Kind::Openssl] {
            let site = site(kind, version, Asking::Unchecked);
            all.push(scenario(site, Client::OtherCa, OK, (Accepted, None)));
        }
        let later = site(Kind::Apache, version, Asking::Later);
        let told = if version == Version::V12 { TlsFailed } else { UnexpectedAnswer };
        all.push(scenario(later, Client::Good, OK, (told, None)));
    }
    all
}

fn own() -> Vec<Scenario> {
    let mut all = Vec::new();
    for version in Version::BOTH {
        for own in Own::ALL {
            let told = match own {
                Own::Good => Accepted,
                Own::Expired | Own::NotYet => ServerExpired,
                Own::WrongName => ServerNameMismatch,
                Own::UnknownCa | Own::ChainMissing => ServerUntrusted,
            };
            let site = Site { own, ..site(Kind::Nginx, version, Asking::Requires) };
            all.push(scenario(site, Client::Good, OK, (told, None)));
        }
    }
    all
}

fn answers() -> Vec<Scenario> {
    let mut all = Vec::new();
    for answer in ANSWERS.iter().filter(|answer| answer.path != OK) {
        for kind in REAL {
            let site = site(kind, Version::V13, Asking::Requires);
            all.push(scenario(site, Client::Good, answer.path, (answer.verdict, answer.detail)));
        }
    }
    for path in ["/unmapped", "/forbidden", "/maintenance"] {
        let answer = ANSWERS.iter().find(|answer| answer.path == path);
        let told = answer.map_or((Accepted, None), |answer| (answer.verdict, answer.detail));
        all.push(scenario(site(Kind::Nginx, Version::V12, Asking::Requires), Client::Good, path, told));
    }
    all
}

fn ways() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (path, _, verdict) in WAYS {
        let rustls = site(Kind::Rustls, Version::V13, Asking::Requires);
        all.push(scenario(rustls, Client::Good, path, (verdict, None)));
    }
    // The same behind a real server, which has its own way of passing on what its backend does.
    for (path, verdict) in
        [("/slow", Timeout), ("/cut", ConnectionReset), ("/chunked", Accepted), ("/big", Accepted)]
    {
        let nginx = site(Kind::Nginx, Version::V13, Asking::Requires);
        all.push(scenario(nginx, Client::Good, path, (verdict, None)));
    }
    all
}

fn odd() -> Vec<Scenario> {
    [
        (Odd::NoName, DnsFailed),
        (Odd::Nothing, ConnectionRefused),
        (Odd::Silent, Timeout),
        (Odd::PlainHttp, TlsFailed),
        (Odd::Hangup, ConnectionReset),
        (Odd::Reset, ConnectionReset),
        (Odd::ResetAfterHandshake, ConnectionReset),
        (Odd::CloseAfterHandshake, ConnectionReset),
        (Odd::Http2, TlsFailed),
        (Odd::Http2Regardless, UnexpectedAnswer),
        (Odd::Ssh, UnexpectedAnswer),
    ]
    .map(|(odd, verdict)| {
        scenario(site(Kind::Odd(odd), Version::V13, Asking::Requires), Client::Good, OK, (verdict, None))
    })
    .into()
}
