//! The hand-off page: what to do, and how the other side sees the certificate right now.
//! It decides nothing about the hand-off; the next pass does.

use serde_json::{Value, json};

use super::{Pages, RenderPage};
use crate::domain::Timestamp;
use crate::domain::hand_off::HandOff;
use crate::domain::record::{Ask, HandOffFacts, Publication, Standing};
use crate::domain::report::Sign;
use crate::domain::snapshot::WatchView;
use crate::domain::verdict::{Probed, Verdict};
use crate::surfaces::{json, shown};

impl Pages {
    /// One open question to a person.
    pub(in crate::surfaces) fn hand_off(
        &self,
        view: &WatchView,
        open: &HandOff,
        said: Option<&str>,
        now: Timestamp,
    ) -> Result<String, RenderPage> {
        let facts = shown::hand_off_facts(&view.record).find(|facts| facts.token == open.token);
        let page = json!({
            "hand_off": json::hand_off(&view.record, open),
            "token": open.token,
            "file_stem": open.file_stem,
            "certificate": json::certificate(&open.chain.leaf),
            "truth": truth(view, open, facts),
            "word_wanted": open.test.is_some() || open.ask == Ask::Remove,
            "said": said.filter(|said| ["saved", "deleting", "check", "confirmed"].contains(said)),
        });
        self.templates.render("hand_off.html", &self.base, page, now)
    }

    /// There is no such question, or no longer.
    pub(in crate::surfaces) fn no_hand_off(
        &self,
        closed: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<String, RenderPage> {
        let page = json!({"closed": json::moment_or_null(closed)});
        self.templates.render("no_hand_off.html", &self.base, page, now)
    }
}

/// How it stands: `known`, `accepted`, `rejected` (with what to look at where a person said it was saved), `unclear`, `unasked`,
/// or `unprobed`. Where a probe can tell, a person's word does not stand for its answer.
fn truth(view: &WatchView, open: &HandOff, facts: Option<&HandOffFacts>) -> Value {
    let standing = shown::standing(&view.record, open.chain.fingerprint());
    let publication = standing.and_then(|standing| standing.targets.get(&open.target));
    let probe = view.watch.target(&open.target).and_then(|target| view.watch.probe_of(target));
    let probe = probe.filter(|_| open.ask != Ask::Remove);
    if let Some(publication) =
        publication.filter(|known| known.proven.is_some() || (known.is_known() && probe.is_none()))
    {
        return known(publication);
    }
    let Some(probe) = probe else {
        return json!({"state": "unprobed"});
    };
    let confirmed_by = publication.and_then(|known| known.confirmed.as_ref()).map(|(_, by)| by);
    match standing.and_then(|standing: &Standing| standing.probed(&probe.id)) {
        None => json!({"state": "unasked", "confirmed_by": confirmed_by}),
        Some(last) => probed(last, open.ask, confirmed_by, facts),
    }
}

fn known(publication: &Publication) -> Value {
    json!({
        "state": "known",
        "proven": json::moment_or_null(publication.proven),
        "confirmed_by": publication.confirmed.as_ref().map(|(_, by)| by),
    })
}

fn probed(last: &Probed, ask: Ask, confirmed_by: Option<&String>, facts: Option<&HandOffFacts>) -> Value {
    let saved = facts.and_then(|facts| {
        let saved = facts.signs.iter().rev().find(|(_, sign, _)| *sign == Sign::Saved);
        saved.map(|(at, _, _)| *at)
    });
    let state = if last.verdict.recognised() {
        "accepted"
    } else if last.verdict.inconclusive() {
        "unclear"
    } else {
        "rejected"
    };
    let probed_since = saved.is_some_and(|saved| saved <= last.at);
    json!({
        "state": state,
        "last": json::probed(last),
        "saved": json::moment_or_null(saved),
        "probed_since": probed_since,
        "suspects": if state == "rejected" && probed_since { suspects(last.verdict, ask) } else { Vec::new() },
        "confirmed_by": confirmed_by,
    })
}

/// What is probably wrong where somebody saved it and the API still says no, the likeliest first.
fn suspects(verdict: Verdict, ask: Ask) -> Vec<&'static str> {
    match verdict {
        Verdict::NotMapped => vec![
            "The mapping is quite new: it can take a few minutes until the API knows it. certsteward looks again by itself.",
            "It was saved in another tenant: compare the company at the top of the Admin Center with the one on this page.",
            "Another file was uploaded: compare the fingerprint or the end date in the mapping with the ones on this page.",
            "The login name of the mapping is misspelt, or that user is inactive.",
            match ask {
                Ask::Replace => {
                    "An old mapping with the same issuer and subject was found first: delete both, then upload this file again."
                }
                Ask::Add | Ask::Remove => {
                    "Another mapping with the same issuer and subject is found first. Delete nothing but the line you added yourself, the other one may be in use; tell whoever runs certsteward."
                }
            },
        ],
        Verdict::CertificateRefused => vec![
            "The server refuses the certificate itself. That is nothing an upload can mend: tell whoever runs certsteward.",
        ],
        Verdict::Accepted
        | Verdict::NoPermission
        | Verdict::CertificateRequired
        | Verdict::CredentialsRequired
        | Verdict::LoginRefused
        | Verdict::RateLimited
        | Verdict::Unavailable
        | Verdict::UnexpectedAnswer
        | Verdict::ServerUntrusted
        | Verdict::ServerExpired
        | Verdict::ServerNameMismatch
        | Verdict::TlsFailed
        | Verdict::Timeout
        | Verdict::ConnectionRefused
        | Verdict::ConnectionReset
        | Verdict::DnsFailed => Vec::new(),
    }
}
