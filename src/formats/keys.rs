//! Private keys: brought into PKCS#8, decrypted, and told which certificate they belong to.
//! It stores none; every copy is wiped when dropped.

use zeroize::Zeroizing;

use super::der::{self, Element, Kind};
use super::given::Given;
use super::pbe::{self, Secret, Shut};
use crate::domain::certificate::{Certificate, Fingerprint};
use crate::domain::reason::{Reason, Unseen};

/// How many certificates are tried in all with keys that do not tell whose they are.
pub(super) const TRIALS: usize = 20_000;

/// What writes a key as PKCS#8, in whatever old way it is encrypted: openssl keeps those apart, and wants to be told of both.
pub(super) const TO_PKCS8: &str =
    "openssl pkcs8 -topk8 -provider legacy -provider default -in OLD.pem -out NEW.pem";

/// Turns PKCS#1 and SEC1 into PKCS#8; PKCS#8 stays as it is.
pub(super) fn to_pkcs8(key: &[u8], kind: Kind) -> Result<Zeroizing<Vec<u8>>, Unseen> {
    match kind {
        Kind::Pkcs1 => Ok(wrap(der::RSA, key)),
        Kind::Sec1 => {
            let curve = sec1_curve(key).ok_or_else(|| {
                unusable("the private key is on a curve without a name; P-256, P-384 and P-521 are known")
            })?;
            Ok(wrap(&der::write(der::SEQUENCE, &[der::EC, &curve]), key))
        }
        Kind::Pkcs8
        | Kind::Certificate
        | Kind::Request
        | Kind::RevocationList
        | Kind::PublicKey
        | Kind::EncryptedPkcs8
        | Kind::Pkcs7
        | Kind::Pkcs12
        | Kind::Unknown => Ok(Zeroizing::new(key.to_vec())),
    }
}

fn wrap(algorithm: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let inner = der::write(der::OCTET_STRING, &[key]);
    der::write(der::SEQUENCE, &[&[der::INTEGER, 1, 0], algorithm, &inner])
}

/// The curve a SEC1 key names, else the one its length fits.
fn sec1_curve(key: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (outer, _) = der::element(key).ok()?;
    let mut parts = der::children(outer.content).skip(1);
    let secret = parts.next()?;
    if let Some(parameters) = parts.find(|part| part.tag == der::CONTEXT_0) {
        let named = der::children(parameters.content).next()?;
        return (named.tag == der::OBJECT_IDENTIFIER).then(|| Zeroizing::new(named.whole.to_vec()));
    }
    let fits = der::CURVES.iter().find(|(length, _)| *length == secret.content.len());
    fits.map(|(_, curve)| Zeroizing::new(curve.to_vec()))
}

/// Opens an encrypted PKCS#8 key, and gives it as PKCS#8.
pub(super) fn decrypt(encrypted: &Element<'_>, given: &Given<'_>) -> Result<Zeroizing<Vec<u8>>, Unseen> {
    if given.password.is_none() {
        let text = "the private key is encrypted and no password was given; name the file that holds it (password = { file = … })";
        return Err(Unseen::new(Reason::PasswordNeeded, text));
    }
    given.unlock()?;
    let refused =
        |reason, text: &str| Unseen::new(reason, format!("the private key cannot be decrypted: {text}"));
    let key = pbe::open_key(encrypted, &Secret::all(given.password), given).map_err(|shut| match shut {
        Shut::Wrong => refused(
            Reason::PasswordWrong,
            "the password given does not open it; check the file it is read from",
        ),
        Shut::Refused(odd) if odd.reason == Reason::UnsupportedFormat => {
            refused(odd.reason, &format!("{}; write it anew with: {TO_PKCS8}", odd.text))
        }
        Shut::Refused(odd) => refused(odd.reason, &odd.text),
    })?;
    to_pkcs8(&key, pbe::key_kind(&key).unwrap_or(Kind::Pkcs8))
}

/// Joins a key with the fingerprint of its public key, adding the public part from a certificate where the key lacks it
/// (Java writes such EC keys, and the signer refuses them).
pub(super) fn belonging(
    key: Zeroizing<Vec<u8>>,
    certificates: &[Certificate],
    given: &Given<'_>,
) -> Result<(Fingerprint, Zeroizing<Vec<u8>>), Unseen> {
    if let Ok(print) = crate::identity::public_key_fingerprint(&key) {
        return Ok((print, key));
    }
    if let Some(print) = own_public_key(&key) {
        return Ok((print, key));
    }
    let mut tried_all = true;
    for certificate in certificates {
        if !given.attempt() {
            tried_all = false;
            break;
        }
        if let Some(completed) = completed(&key, certificate) {
            return Ok(completed);
        }
    }
    if tried_all && lacks_only_its_public_key(&key) {
        return Err(mismatch());
    }
    Err(unusable(
        "the private key is of a kind that cannot be used here (RSA, P-256, P-384 and Ed25519 can), or belongs to no certificate beside it",
    ))
}

/// The key with the public part of this certificate, where that makes it whole.
fn completed(key: &[u8], certificate: &Certificate) -> Option<(Fingerprint, Zeroizing<Vec<u8>>)> {
    let whole = with_public_key(key, certificate)?;
    let print = crate::identity::public_key_fingerprint(&whole).ok()?;
    (print == certificate.key_fingerprint).then_some((print, whole))
}

/// What is said of a key beside certificates that it does not belong to.
pub(super) fn mismatch() -> Unseen {
    Unseen::new(Reason::KeyMismatch, "the private key belongs to none of the certificates beside it")
}

/// Whether a key is on a curve that is known here and only tells no public key, so that a trial with each certificate is conclusive.
fn lacks_only_its_public_key(key: &[u8]) -> bool {
    let Some((algorithm, inner)) = parts(key) else { return false };
    let curves = der::CURVES.iter().take(2).map(|(_, curve)| *curve);
    let known = curves.into_iter().any(|curve| algorithm.content == [der::EC, curve].concat());
    known && !der::children(inner.content).any(|part| part.tag == der::CONTEXT_1)
}

/// The parts of a PKCS#8 key: its algorithm and the key inside.
fn parts(key: &[u8]) -> Option<(Element<'_>, Element<'_>)> {
    let (outer, _) = der::element(key).ok()?;
    let mut parts = der::children(outer.content).skip(1);
    let (algorithm, wrapped) = (parts.next()?, parts.next()?);
    let (inner, _) = der::element(wrapped.content).ok()?;
    Some((algorithm, inner))
}

/// The fingerprint of the public key that a key itself holds; for kinds that the signer refuses, such as RSA 1024 or P-521.
fn own_public_key(key: &[u8]) -> Option<Fingerprint> {
    let (algorithm, inner) = parts(key)?;
    let whole = if algorithm.whole == der::RSA {
        let mut numbers = der::children(inner.content).skip(1);
        let (modulus, exponent) = (numbers.next()?, numbers.next()?);
        let public = der::write(der::SEQUENCE, &[modulus.whole, exponent.whole]);
        der::write(der::SEQUENCE, &[algorithm.whole, &der::write(der::BIT_STRING, &[&[0], &public])])
    } else {
        let public = der::children(inner.content).find(|part| part.tag == der::CONTEXT_1)?;
        der::write(der::SEQUENCE, &[algorithm.whole, public.content])
    };
    Some(Fingerprint::of(&whole))
}

/// The EC key with the certificate's public key put into it; none where it has its own or is of another kind.
fn with_public_key(key: &[u8], certificate: &Certificate) -> Option<Zeroizing<Vec<u8>>> {
    let (algorithm, inner) = parts(key)?;
    if !algorithm.content.starts_with(der::EC)
        || der::children(inner.content).any(|part| part.tag == der::CONTEXT_1)
    {
        return None;
    }
    let mut numbers = der::children(inner.content);
    let (version, secret) = (numbers.next()?, numbers.next()?);
    let public = public_point(certificate)?;
    let public = der::write(der::CONTEXT_1, &[&public]);
    let inner = der::write(der::SEQUENCE, &[version.whole, secret.whole, &public]);
    Some(wrap(algorithm.whole, &inner))
}

/// The subject public key of a certificate as a whole BIT STRING.
fn public_point(certificate: &Certificate) -> Option<Vec<u8>> {
    let (outer, _) = der::element(&certificate.der).ok()?;
    let body = der::children(outer.content).next()?;
    let public = der::children(body.content)
        .find(|part| part.tag == der::SEQUENCE && der::kind(part) == Kind::PublicKey)?;
    der::children(public.content).nth(1).map(|point| point.whole.to_vec())
}

fn unusable(text: &str) -> Unseen {
    Unseen::new(Reason::UnsupportedFormat, text)
}
