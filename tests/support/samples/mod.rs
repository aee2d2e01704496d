//! A rich snapshot for looking at: every kind of watch, every field filled somewhere.
//! The people and companies in it are samples, and its certificates are made anew at each run.

mod replacing;

use std::sync::Arc;

use certsteward::domain::certificate::{Certificate, Fingerprint};
use certsteward::domain::chain::Chain;
use certsteward::domain::event::{Actor, Event, EventKind};
use certsteward::domain::finding::{Code, Finding, Level};
use certsteward::domain::hand_off::HandOff;
use certsteward::domain::policy::Policy;
use certsteward::domain::reason::{Reason, Unseen};
use certsteward::domain::record::{
    Act, Ask, Attempts, CallerFacts, Counts, HandOffFacts, Learned, Leftover, Order, Overlap, ProbeFacts,
    Publication, Record, Renewal, Standing, Step,
};
use certsteward::domain::report::{DestinationFacts, Sighting, Sign};
use certsteward::domain::snapshot::{
    DaemonView, DiscoveryView, Held, PassDurations, Plan, PlanLine, Planned, Snapshot, StoreView, WatchView,
};
use certsteward::domain::trail::Row;
use certsteward::domain::verdict::{Phase, Probed, Verdict};
use certsteward::domain::watch::{
    AutoRenew, Caller, Delivery, Mapping, Matching, Mode, Probe, Rotation, SourceFacts, SubjectChoice,
    SwitchBy, Target, Terms, Validity, Watch,
};
use certsteward::domain::window::Window;
use certsteward::domain::{Duration, Timestamp};

/// The token of the open hand-off of `sf-odata-prod`, where a mapping is replaced.
pub(crate) const REPLACE_TOKEN: &str = "tok-replace-5f1d8c";
/// The token of the open hand-off of `payroll-link`, where no probe can see.
pub(crate) const ADD_TOKEN: &str = "tok-add-77b0aa";
/// The token of the open hand-off of `crm-mirror`, about a leftover.
pub(crate) const REMOVE_TOKEN: &str = "tok-remove-e9e9e9";
/// The token of a hand-off that was closed.
pub(crate) const CLOSED_TOKEN: &str = "tok-closed-010101";

/// The moment of the sample.
pub(crate) fn now() -> Timestamp {
    at("2027-02-10T09:30:00Z")
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A chain of a leaf with this common name, valid between two days, and its issuer.
pub(crate) fn chain(common_name: &str, from: (i32, u8, u8), to: (i32, u8, u8)) -> Chain {
    let root_key = rcgen::KeyPair::generate().unwrap();
    let mut root = rcgen::CertificateParams::default();
    root.distinguished_name = name(&[("O", "Sample Trust"), ("CN", "Sample Client CA 2")]);
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    (root.not_before, root.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2036, 1, 1));
    let root_der = root.self_signed(&root_key).unwrap().der().to_vec();
    let issuer = rcgen::Issuer::from_params(&root, &root_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut leaf = rcgen::CertificateParams::default();
    leaf.distinguished_name =
        name(&[("C", "DE"), ("L", "Sampletown"), ("O", "ACME"), ("OU", "Integration"), ("CN", common_name)]);
    leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    leaf.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    leaf.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
    leaf.not_after = rcgen::date_time_ymd(to.0, to.1, to.2);
    let leaf_der = leaf.signed_by(&key, &issuer).unwrap().der().to_vec();
    let read = |der: &[u8]| Certificate::from_der(der).unwrap();
    Chain::assemble(vec![read(&leaf_der), read(&root_der)], None).unwrap()
}

fn name(parts: &[(&str, &str)]) -> rcgen::DistinguishedName {
    let mut name = rcgen::DistinguishedName::new();
    for (key, value) in parts {
        let kind = match *key {
            "C" => rcgen::DnType::CountryName,
            "L" => rcgen::DnType::LocalityName,
            "O" => rcgen::DnType::OrganizationName,
            "OU" => rcgen::DnType::OrganizationalUnitName,
            _ => rcgen::DnType::CommonName,
        };
        name.push(kind, *value);
    }
    name
}

/// A standing of a chain, seen first at some moment.
pub(crate) fn standing(chain: Chain, entry: &str, since: Timestamp, ours: bool) -> Standing {
    let name = Some(entry.to_owned());
    let sighting = Sighting { chain, name, has_key: Some(true), destination: None, oddities: vec![] };
    Standing::new(&sighting, since, ours)
}

/// A watch that is only looked at: a source, no renewal, no target, no probe.
pub(crate) fn watch(id: &str, stage: &str) -> Watch {
    Watch {
        id: id.to_owned(),
        labels: [("stage".to_owned(), stage.to_owned()), ("system".to_owned(), "successfactors".to_owned())]
            .into(),
        mode: Mode::Propose,
        policy: Policy::default().into(),
        source: SourceFacts {
            kind: "destination-service".to_owned(),
            connection: Some("btp-prod".to_owned()),
            place: format!("btp-prod subaccount {id}.pem"),
            destination: Some(format!("{id}_destination")),
            auto_renew: AutoRenew::Unknown,
            key_readable: true,
            usage: certsteward::domain::watch::Usage::Client,
            served_as: Vec::new(),
        },
        renewal: None,
        callers: vec![],
        targets: vec![],
        probes: vec![],
        freezes: vec![],
        found_by: None,
        places: Vec::new(),
    }
}

/// The usual terms of a renewal.
pub(crate) fn terms() -> Terms {
    Terms {
        kind: "destination-service".to_owned(),
        rotation: Rotation::SideBySide,
        subject: SubjectChoice::Auto,
        common_name: Some("SFAPI-{n}".to_owned()),
        validity: Validity::Years(1),
        window: Some(Window::parse("Mon-Thu 08:00-16:00 Europe/Berlin").unwrap()),
        switch: SwitchBy::Caller,
    }
}

/// A target served by a person.
pub(crate) fn target(id: &str, proven_by: Option<&str>) -> Target {
    Target {
        id: id.to_owned(),
        kind: "successfactors".to_owned(),
        delivery: Delivery::HandOff,
        tenant: Some("api4.cert.example.org ACME".to_owned()),
        matching: Matching::Unknown,
        proven_by: proven_by.map(str::to_owned),
        max_rejections: Some(5),
        refuses_same_subject: true,
        ratchet: false,
        cache: None,
        mapping: Mapping {
            configuration_name: "BTP mTLS".to_owned(),
            integration_name: "Business Technology Platform".to_owned(),
            login_name: Some("SFAPI".to_owned()),
            company_id: Some("ACME".to_owned()),
            api: Some("https://api4.cert.example.org".to_owned()),
        },
        assignee: Some("hris".to_owned()),
        deputy: Some("ops".to_owned()),
        escalate_after: Duration::days(5),
    }
}

/// A probe of the usual API.
pub(crate) fn probe(id: &str) -> Probe {
    Probe {
        id: id.to_owned(),
        url: "https://api4.cert.example.org/odata/v2/User?$top=1&$select=userId".to_owned(),
        tenant: Some("api4.cert.example.org ACME".to_owned()),
        every: Duration::hours(6),
    }
}

/// What a probe showed some minutes ago.
pub(crate) fn probed(verdict: Verdict, status: Option<u16>, minutes_ago: i64, text: &str) -> ProbeFacts {
    let made = now() - Duration::minutes(minutes_ago);
    let last = Probed {
        verdict,
        detail: None,
        status,
        at: made,
        phases: vec![(Phase::Dns, 0.004), (Phase::Tcp, 0.021), (Phase::Tls, 0.087), (Phase::Http, 0.214)],
        presented: Some(Fingerprint([7; 32])),
        asked_for_certificate: true,
        acceptable_authorities: vec!["CN=Sample Client CA 2".to_owned()],
        tls_version: Some("TLSv1.3".to_owned()),
        cipher: Some("TLS13_AES_256_GCM_SHA384".to_owned()),
        server_chain: vec![],
        text: text.to_owned(),
        retry_after_seconds: None,
    };
    ProbeFacts {
        last: Some(last),
        since: Some(made - Duration::hours(2)),
        repeated: 3,
        conclusive: (!verdict.inconclusive()).then_some((made, verdict)),
        recognised_at: verdict.recognised().then_some(made),
        rejections: 0,
        no_key: None,
        not_before: None,
        tells: false,
    }
}

/// The facts of a hand-off that is open.
pub(crate) fn asked(ask: Ask, token: &str, hours_ago: i64) -> HandOffFacts {
    HandOffFacts {
        ask,
        opened: now() - Duration::hours(hours_ago),
        token: token.to_owned(),
        signs: vec![],
        reminded: vec![],
        escalated: None,
        closed: None,
        withdrawn: false,
    }
}

/// A finding.
pub(crate) fn finding(code: Code, level: Level, about: &str, text: &str, way_out: &str) -> Finding {
    Finding { code, level, about: about.to_owned(), text: text.to_owned(), way_out: way_out.to_owned() }
}

fn line(in_hours: Option<i64>, what: &str, why: &str) -> PlanLine {
    let at = in_hours.map(|hours| now() + Duration::hours(hours));
    PlanLine { at, what: what.to_owned(), why: why.to_owned() }
}

/// A plan of these lines, to be continued within a quarter of an hour.
fn planned(lines: Vec<PlanLine>) -> Planned {
    Plan { lines, next: Some(now() + Duration::minutes(15)), ..Plan::default() }.into()
}

/// The view of a watch at which nothing is wrong; change what the test is about.
pub(crate) fn view(watch: Watch, record: Record) -> WatchView {
    let leaf = record.in_force.as_ref().map(|standing| standing.chain.leaf.clone());
    let person = watch.targets.iter().any(|target| target.delivery == Delivery::HandOff);
    let moments = leaf.map(|leaf| watch.policy.moments(&leaf, watch.source.auto_renew, person));
    let matching = watch.targets.iter().map(|target| (target.id.clone(), target.matching)).collect();
    WatchView {
        seen_at: record.seen_at,
        due: moments.map(|moments| moments.due - Duration::hours(7)).filter(|_| watch.renewal.is_some()),
        watch: Arc::new(watch),
        record: Arc::new(record),
        step: Step::Watching,
        findings: vec![],
        level: Level::Ok,
        moments,
        next: Some(now() + Duration::minutes(15)),
        planned: planned(vec![line(Some(1), "look at the source again", "every 15 minutes (daemon.check)")]),
        hand_offs: vec![],
        matching,
    }
}

/// The record of a watch whose certificate was seen five minutes ago.
pub(crate) fn seen(in_force: Standing) -> Record {
    let in_force = Some(in_force);
    Record { seen_at: Some(now() - Duration::minutes(5)), in_force, ..Record::default() }
}

/// A key that cannot leave its system: nothing can be probed, a person's word counts.
fn unprobed() -> WatchView {
    let mut watch = watch("payroll-link", "prod");
    watch.source.kind = "tls".to_owned();
    watch.source.place = "payroll.example.org:44300".to_owned();
    watch.source.connection = None;
    watch.source.destination = None;
    watch.source.key_readable = false;
    let mut payroll = target("security-center", None);
    payroll.mapping.integration_name = "Employee Central Payroll".to_owned();
    watch.targets = vec![payroll];
    let mut in_force = standing(
        chain("PAYROLL", (2027, 2, 1), (2028, 2, 1)),
        "SSL client PSE",
        at("2027-02-02T08:00:00Z"),
        false,
    );
    let facts = asked(Ask::Add, ADD_TOKEN, 30);
    in_force.targets.insert(
        "security-center".to_owned(),
        Publication { hand_off: Some(facts.clone()), confirmed: None, ..Publication::default() },
    );
    let open = HandOff::new(&watch, watch.target("security-center").unwrap(), &in_force.chain, &facts, None);
    let mut view = view(watch, seen(in_force));
    view.level = Level::Warning;
    view.step = Step::Publishing;
    view.findings = vec![finding(
        Code::Unproven,
        Level::Warning,
        "security-center",
        "nothing has shown yet that security-center knows the certificate PAYROLL",
        "make the connection test, then certsteward confirm payroll-link security-center",
    )];
    view.hand_offs = vec![open];
    view
}

/// Expired and rejected.
fn expired() -> WatchView {
    let mut watch = watch("ias-user-sync", "prod");
    watch.mode = Mode::Observe;
    watch.targets = vec![target("identity-authentication", Some("scim"))];
    watch.probes = vec![probe("scim")];
    let mut in_force = standing(
        chain("ias-user-sync", (2026, 2, 8), (2027, 2, 8)),
        "ias.p12",
        at("2026-02-08T08:00:00Z"),
        false,
    );
    in_force.probes.insert(
        "scim".to_owned(),
        probed(Verdict::CertificateRefused, None, 12, "alert: certificate expired"),
    );
    let mut view = view(watch, seen(in_force));
    view.level = Level::Critical;
    view.findings = vec![
        finding(
            Code::Expired,
            Level::Critical,
            "",
            "the certificate ias-user-sync has expired 2 days ago",
            "issue a new one: certsteward renew ias-user-sync with a renewer, or in the cockpit",
        ),
        finding(
            Code::Rejected,
            Level::Critical,
            "scim",
            "the API rejects the certificate in force: certificate-refused (expired)",
            "a new certificate is needed; an upload does not help",
        ),
        finding(
            Code::Overdue,
            Level::Warning,
            "",
            "the renewal should have begun 60 days ago and has not",
            "mode is observe: renew by hand or set a renewal",
        ),
    ];
    view.planned = planned(vec![line(Some(6), "probe again", "every 6 hours (probe.every)")]);
    view
}

/// After a switch, with a leftover that a person removes.
fn settling() -> WatchView {
    let mut watch = watch("crm-mirror", "test");
    watch.mode = Mode::Act;
    watch.renewal = Some(Box::new(terms()));
    watch.targets = vec![target("security-center", Some("odata"))];
    watch.probes = vec![probe("odata")];
    let mut in_force = standing(
        chain("CRM-MIRROR-3", (2027, 1, 5), (2028, 1, 5)),
        "crm-3.pem",
        at("2027-01-05T08:00:00Z"),
        true,
    );
    in_force.probes.insert("odata".to_owned(), probed(Verdict::Accepted, Some(200), 31, ""));
    in_force.targets.insert(
        "security-center".to_owned(),
        Publication { proven: Some(at("2027-01-05T09:00:00Z")), ..Publication::default() },
    );
    let mut record = seen(in_force);
    record.leftovers = vec![Leftover {
        chain: chain("CRM-MIRROR-2", (2026, 2, 20), (2027, 2, 20)),
        name: Some("crm-2.pem".to_owned()),
        since: at("2027-01-05T09:30:00Z"),
        never_in_force: false,
        entry_removed: Some(at("2027-01-20T09:00:00Z")),
        hand_offs: [("security-center".to_owned(), asked(Ask::Remove, REMOVE_TOKEN, 200))].into(),
        asked: false,
        asked_by: None,
        was_used: false,
        kept: false,
    }];
    let mut view = view(watch, record);
    view.step = Step::Settling;
    view.level = Level::Notice;
    view.matching.insert("security-center".to_owned(), Matching::Dn);
    view.findings = vec![finding(
        Code::RetirePending,
        Level::Notice,
        "CRM-MIRROR-2",
        "the replaced certificate CRM-MIRROR-2 waits to be removed from security-center",
        "do it when convenient; nothing depends on it",
    )];
    view
}

/// A source that cannot be seen.
fn unseen() -> WatchView {
    let mut watch = watch("legacy-export", "prod");
    watch.source.kind = "file".to_owned();
    watch.source.place = "/etc/export/client.p12".to_owned();
    watch.source.connection = None;
    watch.source.destination = None;
    let why = Unseen::new(
        Reason::PermissionDenied,
        "cannot read /etc/export/client.p12: permission denied; let the group certsteward read it",
    );
    let record = Record { unseen: Some((now() - Duration::hours(8), why)), ..Record::default() };
    let mut view = view(watch, record);
    view.level = Level::Warning;
    view.findings = vec![finding(
        Code::Unseen,
        Level::Warning,
        "",
        "the source cannot be seen since 8 hours: cannot read /etc/export/client.p12: permission denied",
        "let the group certsteward read it: chgrp certsteward /etc/export/client.p12",
    )];
    view
}

fn healthy(id: &str, cn: &str, to: (i32, u8, u8)) -> WatchView {
    let mut watch = watch(id, "prod");
    watch.renewal = Some(Box::new(terms()));
    watch.targets = vec![target("security-center", Some("odata"))];
    watch.probes = vec![probe("odata")];
    let mut in_force = standing(
        chain(cn, (to.0 - 1, to.1, to.2), to),
        &format!("{id}.pem"),
        at("2026-09-01T08:00:00Z"),
        true,
    );
    in_force.probes.insert("odata".to_owned(), probed(Verdict::Accepted, Some(200), 55, ""));
    in_force.targets.insert(
        "security-center".to_owned(),
        Publication { proven: Some(at("2026-09-01T09:00:00Z")), ..Publication::default() },
    );
    let mut view = view(watch, seen(in_force));
    view.planned = planned(vec![line(
        Some(24 * 90),
        "issue a new certificate beside the one in force",
        "policy.renew_before = 60d before the deadline",
    )]);
    view
}

/// The daemon of the sample.
pub(crate) fn daemon_view() -> DaemonView {
    let mut passes = PassDurations::default();
    for seconds in [0.02, 0.3, 2.5, 80.0] {
        passes.add(seconds);
    }
    let read = |reason: Option<Reason>| ("destination-service".to_owned(), "btp-prod".to_owned(), reason);
    DaemonView {
        started: Some(at("2027-01-02T06:00:00Z")),
        paused: Some((now() - Duration::hours(3), "alex".to_owned())),
        last_pass: Some(now() - Duration::seconds(40)),
        last_reload: Some((
            now() - Duration::days(2),
            false,
            "watches.d/crm.toml: line 4: unknown key \"polcy\"; did you mean policy?".to_owned(),
        )),
        store: StoreView { last_success: Some(now() - Duration::seconds(20)), failing: None },
        credentials: [("btp-prod".to_owned(), at("2027-06-01T00:00:00Z"))].into(),
        outbox_oldest: Some(now() - Duration::minutes(4)),
        notifiers: [("ops".to_owned(), Some(now() - Duration::hours(2))), ("chat".to_owned(), None)].into(),
        discoveries: Arc::new(
            [
                (
                    "btp-all".into(),
                    DiscoveryView {
                        kind: "destination-service".to_owned(),
                        source_kind: "destination-service".to_owned(),
                        watches: 2,
                        looked: true,
                        seen_at: Some(now() - Duration::hours(9)),
                        unseen: Some((
                            now() - Duration::hours(8),
                            vec![Unseen::new(Reason::Unavailable, "the Destination service failed")],
                        )),
                        blind_total: 16,
                        left_out: Vec::new(),
                    },
                ),
                (
                    "file-sd-1".into(),
                    DiscoveryView {
                        kind: "file-sd".to_owned(),
                        source_kind: "tls".to_owned(),
                        watches: 0,
                        looked: true,
                        seen_at: Some(now() - Duration::minutes(5)),
                        unseen: None,
                        blind_total: 0,
                        left_out: vec![
                            "the target \"x y\": it is no host and port; write host:port".to_owned(),
                        ],
                    },
                ),
            ]
            .into(),
        ),
        vanished: [("old-watch".to_owned(), now() - Duration::hours(30))].into(),
        reads: [(read(None), 812), (read(Some(Reason::Timeout)), 3)].into(),
        passes,
        notifications: [("ops".to_owned(), [17, 1])].into(),
        ..DaemonView::default()
    }
}

/// A picture with everything in it.
pub(crate) fn snapshot() -> Snapshot {
    let views = [
        replacing::replacing(),
        unprobed(),
        expired(),
        settling(),
        unseen(),
        healthy("learning-feed", "LMS-FEED", (2027, 9, 1)),
        healthy("recruiting-api", "RECRUITING", (2027, 11, 14)),
    ];
    let watches =
        Arc::new(views.into_iter().map(|view| (view.watch.id.as_str().into(), Arc::new(view))).collect());
    Snapshot { at: now() - Duration::seconds(40), watches, daemon: daemon_view() }
}

/// A picture of many watches that are fine.
pub(crate) fn many(count: usize) -> Snapshot {
    let one = healthy("learning-feed", "LMS-FEED", (2027, 9, 1));
    let watches = (0..count).map(|number| {
        let mut view = one.clone();
        view.watch = Arc::new(Watch { id: format!("watch-{number:05}"), ..(*one.watch).clone() });
        (view.watch.id.as_str().into(), Arc::new(view))
    });
    Snapshot { at: now(), watches: Arc::new(watches.collect()), daemon: DaemonView::default() }
}

/// An event as the history keeps it.
pub(crate) fn row(number: i64, event: &Event) -> Row {
    Row {
        number,
        watch: event.watch.clone(),
        at: event.at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        actor: event.actor.to_string(),
        kind: event.kind.code().to_owned(),
        text: event.text.clone(),
        facts: event.facts.clone(),
        previous: "00".repeat(32),
        hash: "11".repeat(32),
    }
}

/// What happened to `sf-odata-prod`, newest first.
pub(crate) fn events() -> Vec<(i64, Event)> {
    let hris = || Actor::Named("somebody with the hand-off link of security-center".to_owned());
    let alex = || Actor::Named("alex".to_owned());
    let rows = [
        (418, 4, Actor::Daemon, EventKind::Probed, "odata answers not-mapped with the candidate"),
        (417, 9, hris(), EventKind::HandOffSign, "said: I have saved it"),
        (402, 180, Actor::Daemon, EventKind::ActStarted, "switch the caller nightly_sync to sfapi-2.pem"),
        (401, 181, alex(), EventKind::Approved, "approved the switch of nightly_sync"),
        (
            377,
            2760,
            Actor::Daemon,
            EventKind::HandOffOpened,
            "hris is asked to replace the certificate SFAPI",
        ),
        (371, 2850, Actor::Daemon, EventKind::Issued, "issued the candidate SFAPI as sfapi-2.pem"),
        (370, 2852, Actor::Daemon, EventKind::RenewalStarted, "renewal 2 began: due since 2 minutes"),
    ];
    let event = |(number, minutes_ago, actor, kind, text): (i64, i64, Actor, EventKind, &str)| {
        let facts = vec![("ticket".to_owned(), "CHG-1042".to_owned())];
        let facts = if kind == EventKind::Approved { facts } else { vec![] };
        let at = now() - Duration::minutes(minutes_ago);
        (number, Event { watch: "sf-odata-prod".to_owned(), at, actor, kind, text: text.to_owned(), facts })
    };
    rows.into_iter().map(event).collect()
}
