//! What a responder says of a leaf (OCSP, RFC 6960), asked again half way to its next answer and remembered in between.
//! Nobody is asked about a certificate that its issuer did not sign: whoever made it up chose the address too.

use std::sync::{Mutex, PoisonError};

use super::{Finding, Presented, again, revoked, unknown};
use crate::domain::Timestamp;
use crate::domain::certificate::{Certificate, Fingerprint};
use crate::domain::reason::{Reason, Unseen};
use crate::formats::revocation::{MOST_ANSWER, Told, answer, request};
use crate::net::{self, Net};

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The address; the one that the certificate names where unset (authority information access).
    pub url: Option<String>,
}

/// What was answered last.
#[derive(Default)]
pub(super) struct Remembered(Mutex<Option<Asked>>);

#[derive(Clone)]
struct Asked {
    leaf: Fingerprint,
    /// What was said, or why that is not known.
    said: Result<Told, String>,
    /// Who said it.
    by: String,
    due: Timestamp,
}

/// What is known of the leaf, asked anew where that is due.
pub(super) async fn check(
    settings: &Settings,
    remembered: &Remembered,
    net: &Net,
    presented: &Presented,
    now: Timestamp,
) -> Finding {
    let leaf = &presented.chain.leaf;
    let known = remembered.get().filter(|asked| asked.leaf == leaf.fingerprint);
    let asked = match known {
        Some(asked) if now < asked.due => asked,
        known => {
            let asked = ask(settings, net, presented, now).await;
            let before = known.filter(|before| holds(before, now));
            let asked = match (asked, before) {
                (asked @ Asked { said: Err(_), .. }, Some(before)) => Asked { due: asked.due, ..before },
                (asked, _) => asked,
            };
            remembered.put(asked.clone());
            asked
        }
    };
    let oddity = match &asked.said {
        Ok(Told { revocation: None, .. }) => None,
        Ok(Told { revocation: Some(revocation), .. }) => Some(revoked(leaf, revocation, &asked.by)),
        Err(why) => Some(unknown(leaf, why)),
    };
    let mut finding = Finding { oddities: oddity.into_iter().collect(), ..Finding::default() };
    finding.until(Some(asked.due));
    finding
}

/// Whether what was said before is still said.
fn holds(before: &Asked, now: Timestamp) -> bool {
    before.said.as_ref().is_ok_and(|told| told.next_update.is_some_and(|next| now < next))
}

async fn ask(settings: &Settings, net: &Net, presented: &Presented, now: Timestamp) -> Asked {
    let leaf = &presented.chain.leaf;
    let asked = |said: Result<Told, String>, by: String| {
        let next = said.as_ref().ok().and_then(|told| told.next_update);
        Asked { leaf: leaf.fingerprint, due: again(next, now), said, by }
    };
    let Some(url) = settings.url.clone().or_else(|| leaf.ocsp_responder()) else {
        let text = "the certificate names no responder; name one with ocsp_url, or set ocsp = false";
        return asked(Err(text.to_owned()), String::new());
    };
    let Some(issuer) = presented.issuer_of(leaf) else {
        let name = leaf.issuer_name();
        let text = format!(
            "the certificate of its issuer {name} is not at hand; put it into the chain, or into the trust store"
        );
        return asked(Err(text), String::new());
    };
    let by = format!("the responder {}", url.split(['?', '#']).next().unwrap_or(&url));
    let said = match post(&url, net, leaf, issuer).await {
        Ok(body) if body.len() > MOST_ANSWER => {
            Err(format!("{by} answered more than {} KiB", MOST_ANSWER >> 10))
        }
        Ok(body) => answer(&body, leaf, issuer, now).map_err(|why| format!("{by} {why}")),
        Err(unseen) => Err(unseen.text),
    };
    asked(said, by)
}

async fn post(url: &str, net: &Net, leaf: &Certificate, issuer: &Certificate) -> Result<Vec<u8>, Unseen> {
    let http = net.http(&net::Settings::default(), None)?;
    let request = http
        .request(reqwest::Method::POST, url)
        .header("content-type", "application/ocsp-request")
        .header("accept", "application/ocsp-response")
        .body(request(leaf, issuer).unwrap_or_default());
    let answer = http.send(request).await?;
    // Who named the address may have named anything: nothing of what it says in an error is shown.
    match answer.status {
        200 => Ok(answer.body.to_vec()),
        status => Err(Unseen::new(Reason::UnexpectedAnswer, format!("{}: HTTP {status}", answer.place()))),
    }
}

impl Remembered {
    fn get(&self) -> Option<Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, asked: Asked) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
    }
}
