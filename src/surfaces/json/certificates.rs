//! Certificates and what is known of their acceptance, as JSON.
//! Public facts only.

use serde_json::{Value, json};

use super::{moment, moment_or_null, unseen};
use crate::domain::certificate::{Certificate, ExtendedKeyUsage};
use crate::domain::record::{ProbeFacts, Publication, Standing};
use crate::domain::verdict::Probed;

/// A certificate with its chain and where it stands.
pub(super) fn standing(standing: &Standing) -> Value {
    let mut facts = certificate(&standing.chain.leaf);
    if let Value::Object(fields) = &mut facts {
        fields.insert("entry".to_owned(), json!(standing.name));
        fields.insert("since".to_owned(), moment(standing.since).into());
        fields.insert("key_beside_it".to_owned(), json!(standing.has_key));
        fields.insert("issued_by_certsteward".to_owned(), standing.ours.into());
        let issuers: Vec<Value> = standing.chain.issuers.iter().map(|issuer| certificate(issuer)).collect();
        fields.insert("issuers".to_owned(), issuers.into());
        fields.insert("chain_reaches_root".to_owned(), standing.chain.reaches_root().into());
    }
    facts
}

/// The facts of one certificate.
pub(in crate::surfaces) fn certificate(certificate: &Certificate) -> Value {
    json!({
        "common_name": certificate.common_name(),
        "subject": certificate.subject.to_string(),
        "issuer": certificate.issuer.to_string(),
        "issuer_name": certificate.issuer_name(),
        "serial": certificate.serial,
        "not_before": moment(certificate.not_before),
        "not_after": moment(certificate.not_after),
        "fingerprint_sha256": certificate.fingerprint.hex(),
        "key_fingerprint_sha256": certificate.key_fingerprint.hex(),
        "key": certificate.key.to_string(),
        "signature": certificate.signature,
        "key_usage": certificate.key_usage(),
        "extended_key_usage": purposes(&certificate.extended_key_usage),
        "alternative_names": certificate.alternative_names(),
        "is_ca": certificate.is_ca,
    })
}

fn purposes(usage: &ExtendedKeyUsage) -> Vec<String> {
    let known = [(usage.any, "any"), (usage.client_auth, "clientAuth"), (usage.server_auth, "serverAuth")];
    let known = known.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned());
    known.chain(usage.other.iter().cloned()).collect()
}

/// What a target knows of a certificate. `state` says proven only of what a probe showed.
pub(super) fn publication(publication: Option<&Publication>) -> Value {
    let Some(known) = publication else {
        return json!({"state": "unproven"});
    };
    let asked = known.hand_off.as_ref().filter(|facts| facts.closed.is_none());
    let state = if known.proven.is_some() {
        "proven"
    } else if known.confirmed.is_some() {
        "confirmed"
    } else if known.follows.is_some() {
        "recognised"
    } else if asked.is_some() {
        "asked"
    } else if known.published.is_some() {
        "published"
    } else {
        "unproven"
    };
    json!({
        "state": state,
        "proven": moment_or_null(known.proven),
        "confirmed": known.confirmed.as_ref().map(|(at, by)| json!({"at": moment(*at), "by": by})),
        "recognised": moment_or_null(known.follows),
        "published": moment_or_null(known.published),
        "held": known.held,
        "asked": moment_or_null(asked.map(|facts| facts.opened)),
    })
}

/// What a probe showed of a certificate; null where it was never made with it.
pub(super) fn probe(facts: Option<&ProbeFacts>) -> Value {
    let Some(facts) = facts else {
        return Value::Null;
    };
    let mut shown = facts.last.as_ref().map_or_else(|| json!({"verdict": null}), probed);
    if let Value::Object(fields) = &mut shown {
        fields.insert("since".to_owned(), moment_or_null(facts.since));
        fields.insert("repeated".to_owned(), facts.repeated.into());
        fields.insert("recognised_at".to_owned(), moment_or_null(facts.recognised_at));
        fields.insert("rejections".to_owned(), facts.rejections.into());
        fields.insert("not_before".to_owned(), moment_or_null(facts.not_before));
        let no_key = facts.no_key.as_ref().map(|(since, why)| unseen(*since, why));
        fields.insert("no_key".to_owned(), no_key.unwrap_or_default());
    }
    shown
}

/// The result of one probe.
pub(in crate::surfaces) fn probed(probed: &Probed) -> Value {
    let phases: Vec<Value> = probed
        .phases
        .iter()
        .map(|(phase, seconds)| json!({"phase": phase.code(), "seconds": seconds}))
        .collect();
    json!({
        "verdict": probed.verdict.code(),
        "meaning": probed.verdict.meaning(),
        "good": probed.verdict.recognised(),
        "blames_certificate": probed.verdict.blames_certificate(),
        "detail": probed.detail.map(|detail| detail.code()),
        "detail_meaning": probed.detail.map(|detail| detail.meaning()),
        "status": probed.status,
        "at": moment(probed.at),
        "phases": phases,
        "asked_for_certificate": probed.asked_for_certificate,
        "presented": probed.presented.map(|print| print.hex()),
        "tls_version": probed.tls_version,
        "cipher": probed.cipher,
        "text": probed.text,
        "way_out": probed.verdict.way_out(),
    })
}
