//! What is asked of a responder and what it answers (RFC 6960), without a nonce, so that stored answers serve too.
//! It knows no connection.

use super::super::der::{self, Element};
use super::{Parts, Revocation, Signed, Told, is_current, number, reason, time};
use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;

/// The largest answer of a responder that is read.
pub const MOST_ANSWER: usize = 256 * 1024;
/// The most certificates beside an answer that are tried as its signer.
const MOST_SIGNERS: usize = 10;

/// SHA-1 with its NULL, as a whole algorithm identifier: the one hash that every responder knows (RFC 5019 §2.1.1).
const SHA1: &[u8] = &[0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00];
/// `id-pkix-ocsp-basic` (1.3.6.1.5.5.7.48.1.1).
const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
/// `id-kp-OCSPSigning`.
const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

/// How a responder knows a certificate.
struct CertId {
    name: Vec<u8>,
    key: Vec<u8>,
}

impl CertId {
    fn of(certificate: &Parts<'_>, issuer: &Parts<'_>) -> Option<Self> {
        let sha1 = |bytes: &[u8]| {
            ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
        };
        Some(Self { name: sha1(certificate.issuer), key: sha1(issuer.key_bits()?) })
    }

    /// Whether an answer's `CertID` is this one.
    fn is(&self, given: &Element<'_>, serial: &Element<'_>) -> bool {
        let parts: Vec<Element<'_>> = der::children(given.content).take(5).collect();
        let [algorithm, name, key, of] = parts.as_slice() else { return false };
        let is_sha1 =
            der::children(algorithm.content).next().is_some_and(|id| SHA1.get(2..9) == Some(id.whole));
        is_sha1 && name.content == self.name && key.content == self.key && number(of) == number(serial)
    }
}

/// The request about this certificate, as it is posted; none where one of the two cannot be taken apart.
#[must_use]
pub fn request(certificate: &Certificate, issuer: &Certificate) -> Option<Vec<u8>> {
    let (parts, of) = (Parts::of(certificate)?, Parts::of(issuer)?);
    let id = CertId::of(&parts, &of)?;
    let (name, key) = (der::write(der::OCTET_STRING, &[&id.name]), der::write(der::OCTET_STRING, &[&id.key]));
    let id = der::write(der::SEQUENCE, &[SHA1, &name, &key, parts.serial.whole]);
    // OCSPRequest > TBSRequest > requestList > Request > CertID.
    let request = (0..4).fold(id, |inner, _| der::write(der::SEQUENCE, &[&inner]));
    Some(request.to_vec())
}

/// What a responder answered of this certificate.
///
/// # Errors
/// Why it says nothing that can be believed, as the rest of a sentence that begins with the responder.
pub fn answer(
    der: &[u8],
    certificate: &Certificate,
    issuer: &Certificate,
    now: Timestamp,
) -> Result<Told, String> {
    let basic = basic(der)?;
    let no_answer = || "answered something that is no answer of a responder (RFC 6960)".to_owned();
    let (outer, _) = der::element(basic).map_err(|_| no_answer())?;
    let (signed, rest) = Signed::of(&outer).ok_or_else(no_answer)?;
    is_by_whom_it_may(&signed, rest, issuer, now)?;
    let (parts, of) = Parts::of(certificate).zip(Parts::of(issuer)).ok_or_else(no_answer)?;
    let id = CertId::of(&parts, &of).ok_or_else(no_answer)?;
    let is_asked = |single: &Element<'_>| {
        der::children(single.content).next().is_some_and(|given| id.is(&given, &parts.serial))
    };
    let responses = der::children(signed.body.content).find(|part| part.tag == der::SEQUENCE);
    let single = responses.and_then(|list| der::children(list.content).take(MOST_SIGNERS).find(is_asked));
    let single = single.ok_or_else(|| "answered of other certificates than the one asked for".to_owned())?;
    told(&single, now).ok_or_else(no_answer)?
}

/// The signed answer inside, where the responder gave one.
fn basic(der: &[u8]) -> Result<&[u8], String> {
    let no_answer = || "answered something that is no answer of a responder (RFC 6960)".to_owned();
    let (outer, _) = der::element(der).map_err(|_| no_answer())?;
    let mut parts = der::children(outer.content);
    let status = parts.next().ok_or_else(no_answer)?;
    match status.content {
        [0] => {}
        [1] => return Err("took the request for malformed".to_owned()),
        [2] => return Err("says that it failed within".to_owned()),
        [3] => return Err("asks to try later".to_owned()),
        [5] => return Err("wants signed requests, which are not made here".to_owned()),
        [6] => return Err("does not answer for this authority (unauthorized)".to_owned()),
        _ => return Err(no_answer()),
    }
    let bytes = parts.next().and_then(|bytes| der::children(bytes.content).next()).ok_or_else(no_answer)?;
    let mut parts = der::children(bytes.content);
    let (kind, content) = parts.next().zip(parts.next()).ok_or_else(no_answer)?;
    if kind.content == BASIC { Ok(content.content) } else { Err(no_answer()) }
}

/// Signed by the issuer, or by somebody with a valid certificate for that from the issuer itself (RFC 6960 §4.2.2.2).
fn is_by_whom_it_may<'a>(
    signed: &Signed<'a>,
    rest: impl Iterator<Item = Element<'a>>,
    issuer: &Certificate,
    now: Timestamp,
) -> Result<(), String> {
    let Err(why) = signed.check(issuer) else { return Ok(()) };
    let beside = rest.filter(|part| part.tag == der::CONTEXT_0).flat_map(|part| der::children(part.content));
    let beside = beside.flat_map(|list| der::children(list.content)).take(MOST_SIGNERS);
    let mut named = beside.filter_map(|element| {
        let (own, _) = Signed::of(&element)?;
        let signer = Certificate::from_der(element.whole).ok()?;
        let may = signer.extended_key_usage.other.iter().any(|purpose| purpose == OCSP_SIGNING);
        let is_of_issuer = signer.issuer == issuer.subject && own.check(issuer).is_ok();
        (may && is_of_issuer && signer.is_valid_at(now)).then_some(signer)
    });
    if named.any(|signer| signed.check(&signer).is_ok()) {
        return Ok(());
    }
    Err(format!("gave an answer that {why}, nor by anybody it named for that (id-kp-OCSPSigning)"))
}

/// What one answer says; none where it cannot be read.
fn told(single: &Element<'_>, now: Timestamp) -> Option<Result<Told, String>> {
    let mut parts = der::children(single.content).skip(1);
    let status = parts.next()?;
    let this_update = time(&parts.next()?)?;
    let next_update = parts.next().filter(|part| part.tag == der::CONTEXT_0);
    let next_update = match next_update.and_then(|part| der::children(part.content).next()) {
        Some(element) => Some(time(&element)?),
        None => None,
    };
    if let Err(why) = is_current(this_update, next_update, now) {
        return Some(Err(format!("gave an answer that {why}")));
    }
    let revocation = match status.tag {
        0x80 => None,
        der::CONTEXT_1 => {
            let mut parts = der::children(status.content);
            let at = time(&parts.next()?)?;
            let code = parts.next().and_then(|part| der::children(part.content).next());
            Some(Revocation { at, reason: code.and_then(|code| reason(code.content)) })
        }
        0x82 => return Some(Err("does not know the certificate".to_owned())),
        _ => return None,
    };
    Some(Ok(Told { revocation, next_update }))
}
