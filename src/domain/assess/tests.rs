//! Which findings a record has, and how serious they are, as tables.
//! It proves no life; those are timelines.

use super::*;
use crate::domain::drift::{PlaceFacts, Shown};
use crate::domain::reason::{Reason, Unseen};
use crate::domain::sample::{answered, certificate, noon, record, standing, watch};

/// The findings as `level code`, most serious first.
fn found(watch: &Watch, record: &Record) -> Vec<String> {
    let assessment = assess(watch, record, None, noon());
    assessment.findings.iter().map(|one| format!("{} {}", one.level, one.code)).collect()
}

fn proven(mut record: Record) -> Record {
    let standing = record.in_force.as_mut().unwrap();
    standing.targets.entry("centre".to_owned()).or_default().proven = Some(noon());
    record
}

#[test]
fn the_nearness_of_the_deadline() {
    let cases = [
        (66, None),
        (64, Some("notice expires")),
        (29, Some("warning expires")),
        (6, Some("critical expires")),
        (-1, Some("critical expired")),
    ];
    for (left, expected) in cases {
        let mut record = record();
        let leaf = certificate("SFAPI", 365, left);
        record.in_force = Some(answered(standing("sfapi.pem", leaf), Verdict::Accepted));
        let watch = Watch { renewal: None, ..watch() };
        assert_eq!(found(&watch, &proven(record)), Vec::from_iter(expected.map(str::to_owned)), "{left}");
    }
}

#[test]
fn each_verdict_has_its_finding() {
    let cases = [
        (Verdict::Accepted, None),
        (Verdict::NoPermission, Some("warning no-permission")),
        (Verdict::NotMapped, Some("critical rejected")),
        (Verdict::CertificateRefused, Some("critical rejected")),
        (Verdict::LoginRefused, Some("warning login-refused")),
        (Verdict::RateLimited, Some("notice probe-failing")),
        (Verdict::Unavailable, Some("notice probe-failing")),
        (Verdict::Timeout, Some("warning probe-failing")),
        (Verdict::ServerUntrusted, Some("warning probe-failing")),
        (Verdict::CredentialsRequired, Some("warning probe-failing")),
    ];
    for (verdict, expected) in cases {
        let mut record = record();
        record.in_force = record.in_force.map(|standing| answered(standing, verdict));
        let expected = Vec::from_iter(expected.map(str::to_owned));
        assert_eq!(found(&watch(), &proven(record)), expected, "{verdict}");
    }
}

#[test]
fn what_is_not_known_is_never_fine() {
    assert_eq!(found(&watch(), &Record::default()), ["warning unseen"]);
    assert_eq!(found(&watch(), &record()), ["warning unproven"]);
    let unseen = |hours: i64| {
        let since = noon() - Duration::hours(hours);
        let unseen = Some((since, Unseen::new(Reason::Timeout, "no answer")));
        found(&watch(), &proven(Record { unseen, ..record() }))
    };
    assert_eq!(unseen(1), ["warning unseen"]);
    assert_eq!(unseen(25), ["critical unseen"]);
    let never = |reason| {
        let unseen = Some((noon(), Unseen::new(reason, "as a sample")));
        found(&watch(), &Record { unseen, ..Record::default() })
    };
    for reason in [Reason::PermissionDenied, Reason::Malformed, Reason::PasswordNeeded] {
        assert_eq!(never(reason), ["critical unseen"], "as bad as what is not there: {reason}");
    }
    assert_eq!(never(Reason::Timeout), ["warning unseen"]);
    let absent = Record { absent_since: Some(noon()), ..record() };
    assert_eq!(found(&watch(), &proven(absent)), ["critical source-vanished"]);
}

#[test]
fn every_finding_has_a_way_out() {
    let mut record = record();
    record.in_force = record.in_force.map(|standing| answered(standing, Verdict::NotMapped));
    record.oddities = vec![Unseen::new(Reason::Malformed, "odd")];
    for finding in assess(&watch(), &record, Some("pat"), noon()).findings {
        assert!(!finding.way_out.is_empty() && !finding.text.ends_with('.'), "{finding:?}");
    }
}

#[test]
fn what_a_look_brought_along_has_its_finding() {
    let cases = [
        (Reason::Untrusted, "critical untrusted"),
        (Reason::TrustUnknown, "warning untrusted"),
        (Reason::ServerUntrusted, "notice untrusted"),
        (Reason::KeyMismatch, "critical key-mismatch"),
        (Reason::Revoked, "critical revoked"),
        (Reason::RevocationUnknown, "notice revocation-unknown"),
        (Reason::Malformed, "notice odd-content"),
    ];
    for (reason, expected) in cases {
        let oddities = vec![Unseen::new(reason, "as a sample")];
        assert_eq!(found(&watch(), &proven(Record { oddities, ..record() })), [expected]);
    }
}

#[test]
fn each_of_several_findings_of_one_code_has_a_key_of_its_own() {
    let oddities = vec![Unseen::new(Reason::Untrusted, "one"), Unseen::new(Reason::TrustUnknown, "two")];
    let assessment = assess(&watch(), &proven(Record { oddities, ..record() }), None, noon());
    let keys: Vec<String> = assessment.findings.iter().map(Finding::key).collect();
    assert_eq!(keys, ["untrusted", "untrusted:2"]);
}

/// The findings where a place shows this since so many minutes.
fn drifted(shows: Option<Shown>, minutes: i64) -> Vec<Finding> {
    let watch = Watch { places: vec!["/etc/copy.pem".to_owned()], ..watch() };
    let differs = Some(noon() - Duration::minutes(minutes));
    let facts = PlaceFacts { shows, differs, unseen: None };
    let places = [("/etc/copy.pem".to_owned(), facts)].into();
    assess(&watch, &proven(Record { places, ..record() }), None, noon()).findings
}

#[test]
fn a_place_that_shows_another_certificate_is_told_after_its_time_with_which_is_the_older() {
    let older = Shown::of(&certificate("SFAPI", 365, 100));
    let newer = Shown::of(&certificate("SFAPI", 365, 300));
    assert_eq!(drifted(Some(older.clone()), 60), [], "a rollout takes its time");
    for (shows, expected) in [
        (Some(older), "; the one at /etc/copy.pem is the older"),
        (Some(newer), "; the one at btp sfapi.pem is the older"),
        (None, "nothing stands at /etc/copy.pem since 2026-06-01 10:59 UTC, and btp sfapi.pem shows "),
    ] {
        let findings = drifted(shows, 61);
        let [found] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!(
            (found.code, found.level, found.about.as_str()),
            (Code::Drift, Level::Warning, "/etc/copy.pem")
        );
        assert!(found.text.contains(expected), "{}", found.text);
    }
}

#[test]
fn a_place_that_cannot_be_seen_is_told_after_its_time_too() {
    let watch = Watch { places: vec!["copy".to_owned()], ..watch() };
    let unseen = |minutes: i64| {
        let why = Unseen::new(Reason::Timeout, "as a sample");
        let facts =
            PlaceFacts { unseen: Some((noon() - Duration::minutes(minutes), why)), ..PlaceFacts::default() };
        let places = [("copy".to_owned(), facts)].into();
        found(&watch, &proven(Record { places, ..record() }))
    };
    assert_eq!(unseen(60), [""; 0]);
    assert_eq!(unseen(61), ["warning unseen"]);
}
