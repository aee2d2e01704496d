//! What authorities say of certificates they took back: revocation lists (RFC 5280 §5) and responders (RFC 6960).
//! It fetches nothing, and believes nothing whose signature is not by the issuer or whom the issuer named.

mod list;
mod responder;

pub use list::{List, lists};
pub use responder::{MOST_ANSWER, answer, request};

use rustls::pki_types::CertificateDer;

use super::der::{self, Element};
use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;
use crate::domain::name::DistinguishedName;

/// How far the clocks of an authority and of this host may differ, in minutes.
const TOLERANCE: chrono::Duration = chrono::Duration::minutes(5);

/// A certificate was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Why, in words; none where that is not said.
    pub reason: Option<&'static str>,
}

/// What was said of one certificate, by somebody who may say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// That it was taken back; none where it was not.
    pub revocation: Option<Revocation>,
    /// When something newer is said at the latest; none where that is open.
    pub next_update: Option<Timestamp>,
}

/// The parts of a certificate as they are written in it, each a whole element.
struct Parts<'a> {
    serial: Element<'a>,
    issuer: &'a [u8],
    key: Element<'a>,
}

impl<'a> Parts<'a> {
    fn of(certificate: &'a Certificate) -> Option<Self> {
        let (outer, _) = der::element(&certificate.der).ok()?;
        let body = der::children(outer.content).next()?;
        let mut parts = der::children(body.content).skip_while(|part| part.tag == der::CONTEXT_0);
        let serial = parts.next()?;
        let issuer = parts.nth(1)?.whole;
        // Validity and subject stand between.
        Some(Self { serial, issuer, key: parts.nth(2)? })
    }

    /// The bits of its public key alone.
    fn key_bits(&self) -> Option<&'a [u8]> {
        der::children(self.key.content).nth(1)?.content.get(1..)
    }
}

/// Whether this certificate is signed by the key of that one, and names it as its issuer.
#[must_use]
pub fn is_issued_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    let signed = || Signed::of(&der::element(&certificate.der).ok()?.0).map(|(signed, _)| signed);
    certificate.issuer == issuer.subject && signed().is_some_and(|signed| signed.check(issuer).is_ok())
}

/// Something signed: what was signed, how, and the signature.
struct Signed<'a> {
    body: Element<'a>,
    algorithm: Element<'a>,
    signature: Element<'a>,
}

impl<'a> Signed<'a> {
    /// The three parts of a signed thing, and those that follow.
    fn of(outer: &Element<'a>) -> Option<(Self, impl Iterator<Item = Element<'a>> + use<'a>)> {
        let mut parts = der::children(outer.content);
        let signed = Self { body: parts.next()?, algorithm: parts.next()?, signature: parts.next()? };
        Some((signed, parts))
    }

    /// Why the signature is not by the key of this certificate.
    fn check(&self, by: &Certificate) -> Result<(), String> {
        let all = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
        let mut fitting =
            all.iter().filter(|one| *one.signature_alg_id() == *self.algorithm.content).peekable();
        if fitting.peek().is_none() {
            return Err(
                "is signed in a way that is not verified here (RSA and ECDSA with SHA-2 and Ed25519 are)"
                    .to_owned(),
            );
        }
        let wrong = || format!("is not signed by {}", by.common_name());
        let der = CertificateDer::from(&*by.der);
        let signer = webpki::EndEntityCert::try_from(&der).map_err(|_| wrong())?;
        let bits = self.signature.content.strip_prefix(&[0]).ok_or_else(wrong)?;
        let is_by = fitting.any(|one| signer.verify_signature(*one, self.body.whole, bits).is_ok());
        if is_by { Ok(()) } else { Err(wrong()) }
    }
}

/// A UTCTime or GeneralizedTime.
fn time(element: &Element<'_>) -> Option<Timestamp> {
    use x509_parser::prelude::FromDer as _;
    let (_, time) = x509_parser::time::ASN1Time::from_der(element.whole).ok()?;
    chrono::DateTime::from_timestamp(time.timestamp(), 0)
}

fn name(whole: &[u8]) -> Option<DistinguishedName> {
    use x509_parser::prelude::FromDer as _;
    let (_, name) = x509_parser::x509::X509Name::from_der(whole).ok()?;
    Some(DistinguishedName::from_x509(&name))
}

/// A number without the zero byte that only marks it as positive.
fn number<'a>(integer: &Element<'a>) -> &'a [u8] {
    match integer.content {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    }
}

/// The words for a `CRLReason` (RFC 5280 §5.3.1).
const fn reason(code: &[u8]) -> Option<&'static str> {
    match code {
        [1] => Some("the key was compromised"),
        [2] => Some("the authority was compromised"),
        [3] => Some("its holder belongs elsewhere now"),
        [4] => Some("it was superseded"),
        [5] => Some("it is no longer needed"),
        [6] => Some("it is on hold"),
        [9] => Some("its holder lost a privilege"),
        [10] => Some("the attribute authority was compromised"),
        _ => None,
    }
}

/// Whether this is still said at this moment; why not.
fn is_current(from: Timestamp, until: Option<Timestamp>, now: Timestamp) -> Result<(), String> {
    use crate::domain::lint::minute;
    if from > now + TOLERANCE {
        return Err(format!("holds only from {} on", minute(from)));
    }
    match until {
        Some(until) if until + TOLERANCE < now => {
            Err(format!("was to be followed by a newer one by {}", minute(until)))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
