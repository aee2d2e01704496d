//! The facts of certificates and probes, worded for people and for machines.
//! It judges nothing beyond what it counts: days left, who belongs to whom.

use serde_json::{Value, json};

use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;
use crate::domain::span::{distance, left};

/// A moment, for people.
pub(super) fn shown(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A moment, for machines.
pub(super) fn stamp(at: Timestamp) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Whole days until then; negative once it is over.
pub(super) fn days_left(at: Timestamp, now: Timestamp) -> i64 {
    (at - now).num_seconds().div_euclid(86_400)
}

/// The facts of one certificate, as names and values.
pub(super) fn certificate(certificate: &Certificate, now: Timestamp) -> Vec<(String, String)> {
    let usage = &certificate.extended_key_usage;
    let mut facts = vec![
        ("Subject", certificate.subject.to_string()),
        ("Issuer", certificate.issuer.to_string()),
        ("Serial", certificate.serial.clone()),
        ("Valid from", valid_from(certificate, now)),
        ("Valid until", valid_until(certificate, now)),
        ("May be used by a TLS client", answer(usage.allows_client_auth(), &purposes(certificate))),
        ("Key", certificate.key.to_string()),
        ("Signature", certificate.signature.to_string()),
        ("SHA-256", certificate.fingerprint.hex()),
        ("", certificate.fingerprint.colons()),
        ("SHA-256 of the key", certificate.key_fingerprint.hex()),
    ];
    let (names, uses) = (certificate.alternative_names(), certificate.key_usage());
    if !names.is_empty() {
        facts.insert(6, ("Alternative names", names.join(", ")));
    }
    if !uses.is_empty() {
        facts.insert(6, ("Key usage", uses.join(", ")));
    }
    if certificate.is_ca {
        facts.insert(2, ("Authority", "yes".to_owned()));
    }
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The facts of one certificate, for machines.
pub(super) fn certificate_json(certificate: &Certificate, role: &str, now: Timestamp) -> Value {
    let usage = &certificate.extended_key_usage;
    json!({
        "role": role,
        "subject": certificate.subject.to_string(),
        "subject_cn": certificate.subject.common_name(),
        "issuer": certificate.issuer.to_string(),
        "issuer_cn": certificate.issuer.common_name(),
        "serial": certificate.serial,
        "not_before": stamp(certificate.not_before),
        "not_after": stamp(certificate.not_after),
        "days_left": days_left(certificate.not_after, now),
        "valid_now": certificate.is_valid_at(now),
        "client_auth_allowed": usage.allows_client_auth(),
        "extended_key_usage": purpose_names(certificate),
        "key_usage": certificate.key_usage(),
        "alternative_names": certificate.alternative_names(),
        "key": certificate.key.to_string(),
        "signature": certificate.signature,
        "is_ca": certificate.is_ca,
        "fingerprint_sha256": certificate.fingerprint.hex(),
        "fingerprint_sha256_colons": certificate.fingerprint.colons(),
        "key_fingerprint_sha256": certificate.key_fingerprint.hex(),
    })
}

fn valid_from(certificate: &Certificate, now: Timestamp) -> String {
    let start = certificate.not_before;
    let note = if start > now {
        format!(" (not yet valid: begins {})", distance(start, now))
    } else {
        String::new()
    };
    format!("{}{note}", shown(start))
}

fn valid_until(certificate: &Certificate, now: Timestamp) -> String {
    let end = certificate.not_after;
    if end < now {
        return format!("{} (expired {})", shown(end), distance(end, now));
    }
    format!("{} ({})", shown(end), left(end, now))
}

fn answer(yes: bool, why: &str) -> String {
    format!("{} ({why})", if yes { "yes" } else { "no" })
}

fn purposes(certificate: &Certificate) -> String {
    if !certificate.extended_key_usage.present {
        return "no extended key usage: every use is allowed".to_owned();
    }
    format!("extended key usage: {}", purpose_names(certificate).join(", "))
}

fn purpose_names(certificate: &Certificate) -> Vec<String> {
    let usage = &certificate.extended_key_usage;
    let known = [(usage.any, "any"), (usage.client_auth, "clientAuth"), (usage.server_auth, "serverAuth")];
    let known = known.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned());
    known.chain(usage.other.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        chrono::DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_distance_is_told_in_the_unit_that_fits() {
        let now = at(1_000_000);
        for (seconds, text) in [
            (5, "now"),
            (-5, "now"),
            (180, "in 3 minutes"),
            (-10_800, "3 hours ago"),
            (864_000, "in 10 days"),
        ] {
            assert_eq!(distance(at(1_000_000 + seconds), now), text);
        }
    }

    #[test]
    fn days_left_never_rounds_an_expired_certificate_up_to_today() {
        assert_eq!(days_left(at(86_399), at(0)), 0);
        assert_eq!(days_left(at(-1), at(0)), -1);
    }
}
