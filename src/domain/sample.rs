//! Plain certificates, watches and records for the tables beside the domain's modules.
//! It proves nothing itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::certificate::{Certificate, ExtendedKeyUsage, Fingerprint, KeyAlgorithm};
use super::chain::Chain;
use super::name::DistinguishedName;
use super::policy::Policy;
use super::record::{
    Act, CallerFacts, CopyOrder, Order, Overlap, Publication, Record, Renewal, Role, Standing,
};
use super::report::Sighting;
use super::verdict::{Probed, Verdict};
use super::watch::{
    AutoRenew, Caller, Delivery, Mapping, Matching, Mode, Probe, Rotation, SourceFacts, SubjectChoice,
    SwitchBy, Target, Terms, Validity, Watch,
};
use super::{Duration, Timestamp};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The moment of every sample.
pub(crate) fn noon() -> Timestamp {
    at("2026-06-01T12:00:00Z")
}

fn name(common_name: &str) -> DistinguishedName {
    DistinguishedName::new([("CN", common_name)])
}

/// A client certificate of so many days that ends so many days from now.
pub(crate) fn certificate(common_name: &str, days: i64, left: i64) -> Certificate {
    let not_after = noon() + Duration::days(left);
    let print = Fingerprint::of(format!("{common_name} {days} {left}").as_bytes());
    Certificate {
        der: Arc::from(Vec::new()),
        fingerprint: print,
        key_fingerprint: print,
        subject: name(common_name),
        issuer: name("Sample CA"),
        serial: "01".to_owned(),
        not_before: not_after - Duration::days(days) - Duration::hours(1),
        not_after,
        key: KeyAlgorithm::Ec(256),
        signature: "ecdsa-with-SHA256".into(),
        extended_key_usage: ExtendedKeyUsage {
            present: true,
            client_auth: true,
            ..ExtendedKeyUsage::default()
        },
        is_ca: false,
    }
}

pub(crate) fn chain(leaf: Certificate) -> Chain {
    let mut issuer = certificate("Sample CA", 3650, 3000);
    issuer.is_ca = true;
    Chain { leaf: leaf.into(), issuers: vec![issuer.into()], strays: Vec::new(), in_order: true }
}

pub(crate) fn standing(entry: &str, leaf: Certificate) -> Standing {
    let sighting = Sighting {
        chain: chain(leaf),
        name: Some(entry.to_owned()),
        has_key: Some(true),
        destination: None,
        oddities: Vec::new(),
    };
    Standing::new(&sighting, noon() - Duration::days(30), false)
}

pub(crate) fn probed(verdict: Verdict) -> Probed {
    Probed {
        verdict,
        detail: None,
        status: None,
        at: noon(),
        phases: Vec::new(),
        presented: None,
        asked_for_certificate: true,
        acceptable_authorities: Vec::new(),
        tls_version: None,
        cipher: None,
        server_chain: Vec::new(),
        text: String::new(),
        retry_after_seconds: None,
    }
}

/// The standing after a probe of `odata` said this.
pub(crate) fn answered(mut standing: Standing, verdict: Verdict) -> Standing {
    let facts = standing.probes.entry("odata".to_owned()).or_default();
    facts.last = Some(probed(verdict));
    facts.since = Some(noon());
    facts.repeated = 1;
    standing
}

pub(crate) fn order(in_place: bool) -> Order {
    Order {
        name: "sfapi-2.pem".to_owned(),
        common_name: "SFAPI".to_owned(),
        validity: Validity::Years(1),
        in_place,
        like: None,
        replaces: Fingerprint::of(b"old"),
        placed: noon(),
    }
}

fn copy(from: &str, to: &str) -> CopyOrder {
    CopyOrder {
        from: from.to_owned(),
        to: to.to_owned(),
        fingerprint: Fingerprint::of(b"candidate"),
        over: None,
    }
}

/// One act of each kind; the second is an issue in place.
pub(crate) fn acts() -> Vec<(&'static str, Act)> {
    let (caller, from, to) = ("first".to_owned(), "sfapi.pem".to_owned(), "sfapi-2.pem".to_owned());
    let fingerprint = Fingerprint::of(b"candidate");
    vec![
        ("issue", Act::Issue { generation: 1, order: order(false) }),
        ("in-place", Act::Issue { generation: 1, order: order(true) }),
        ("publish", Act::Publish { target: "centre".to_owned(), role: Role::Candidate, fingerprint }),
        ("switch", Act::Switch { generation: 1, caller: caller.clone(), from: from.clone(), to: to.clone() }),
        ("rollback", Act::RollBack { generation: 1, caller, from: to, to: from }),
        ("keep", Act::Keep { generation: 1, copy: copy("sfapi.pem", "sfapi-old.pem") }),
        ("put", Act::Put { generation: 1, copy: copy("sfapi-2.pem", "sfapi.pem") }),
        ("put-back", Act::PutBack { generation: 1, copy: copy("sfapi-old.pem", "sfapi.pem") }),
        ("try", Act::Try { generation: 1, probe: "odata".to_owned(), entry: "sfapi-2.pem".to_owned() }),
        ("retire", Act::Retire { name: "old.pem".to_owned(), fingerprint }),
    ]
}

/// A certificate of a year with half of it left, accepted.
pub(crate) fn record() -> Record {
    let in_force = answered(standing("sfapi.pem", certificate("SFAPI", 365, 180)), Verdict::Accepted);
    let uses = Some("sfapi.pem".to_owned());
    let first = CallerFacts { uses, seen: Some(noon()), ..CallerFacts::default() };
    let callers = BTreeMap::from([("first".to_owned(), first)]);
    Record { in_force: Some(in_force), seen_at: Some(noon()), callers: callers.into(), ..Record::default() }
}

/// The same with a candidate that is accepted.
pub(crate) fn renewing(watch: &Watch) -> Record {
    let mut record = record();
    let mut candidate =
        answered(standing("sfapi-2.pem", certificate("SFAPI-2", 365, 365)), Verdict::Accepted);
    let proven = Publication { proven: Some(noon()), ..Publication::default() };
    candidate.targets.insert("centre".to_owned(), proven);
    record.renewal = Some(Box::new(Renewal {
        generation: 1,
        started: noon(),
        cause: super::event::Actor::Daemon,
        terms: *watch.renewal.clone().unwrap(),
        replaces: record.in_force.as_ref().unwrap().fingerprint(),
        replaces_name: Some("sfapi.pem".to_owned()),
        subject: SubjectChoice::Counted,
        order: Some(order(false)),
        looked_empty: None,
        issue_started: Some(noon()),
        taken: Vec::new(),
        candidate: Some(candidate),
        replaced: None,
        switched: BTreeMap::new(),
        settling_since: None,
        rolling_back: None,
        gap_announced: None,
        moved: noon(),
        candidate_gone: None,
        given_up: None,
        back_refused: None,
        back_asked: None,
        back_by: None,
        back_gone: None,
        keep: None,
        overlap: Overlap::default(),
    }));
    record
}

/// A watch in mode act, with one caller, one target that a person serves, and one probe.
pub(crate) fn watch() -> Watch {
    let tenant = Some("api.example.org/ACME".to_owned());
    Watch {
        id: "sf".to_owned(),
        labels: BTreeMap::new(),
        mode: Mode::Act,
        policy: Policy::default().into(),
        source: SourceFacts {
            kind: "destination-service".to_owned(),
            connection: None,
            place: "btp sfapi.pem".to_owned(),
            destination: None,
            auto_renew: AutoRenew::No,
            key_readable: true,
            usage: super::watch::Usage::Client,
            served_as: Vec::new(),
        },
        renewal: Some(Box::new(Terms {
            kind: "destination-service".to_owned(),
            rotation: Rotation::SideBySide,
            subject: SubjectChoice::Auto,
            common_name: None,
            validity: Validity::Years(1),
            window: None,
            switch: SwitchBy::Caller,
        })),
        callers: vec![Caller {
            id: "first".to_owned(),
            kind: "destination-service".to_owned(),
            cache: Duration::minutes(5),
        }],
        targets: vec![target(tenant.clone())],
        probes: vec![Probe {
            id: "odata".to_owned(),
            url: "https://api.example.org/odata".to_owned(),
            tenant,
            every: Duration::hours(6),
        }],
        freezes: Vec::new(),
        found_by: None,
        places: Vec::new(),
    }
}

fn target(tenant: Option<String>) -> Target {
    Target {
        id: "centre".to_owned(),
        kind: "successfactors".to_owned(),
        delivery: Delivery::HandOff,
        tenant,
        matching: Matching::Unknown,
        proven_by: Some("odata".to_owned()),
        max_rejections: None,
        refuses_same_subject: true,
        ratchet: false,
        cache: None,
        mapping: Mapping {
            configuration_name: "BTP mTLS".to_owned(),
            integration_name: "Business Technology Platform".to_owned(),
            login_name: Some("SFAPI".to_owned()),
            company_id: Some("ACME".to_owned()),
            api: Some("https://api.example.org".to_owned()),
        },
        assignee: None,
        deputy: None,
        escalate_after: Duration::days(5),
    }
}

/// The picture of a watch that is only looked at and of which nothing is said.
pub(crate) fn quiet() -> super::snapshot::WatchView {
    let watch =
        Watch { renewal: None, callers: Vec::new(), targets: Vec::new(), probes: Vec::new(), ..watch() };
    super::snapshot::WatchView {
        watch: Arc::new(watch),
        record: Arc::new(record()),
        seen_at: Some(noon()),
        step: super::record::Step::Watching,
        findings: Vec::new(),
        level: super::finding::Level::Ok,
        moments: None,
        due: None,
        next: None,
        planned: super::snapshot::Planned::default(),
        hand_offs: Vec::new(),
        matching: BTreeMap::new(),
    }
}
