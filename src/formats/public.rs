//! Public output: certificates written anew from their DER, and a last look for anything secret before it leaves.
//! It never copies text that it was given.

use zeroize::Zeroizing;

use super::der::{self, Kind};
use super::{PublicForm, base64};
use crate::domain::certificate::Certificate;
use crate::domain::chain::Chain;
use crate::domain::reason::{Reason, Unseen};

/// The public part in the form that is wanted.
///
/// For a mapping in SuccessFactors and most other registries the leaf alone or [`PublicForm::Chain`] is what to hand over:
/// the leaf, then its intermediates, without the root, which whoever trusts it has already.
///
/// # Errors
/// [`Reason::Malformed`] where a certificate does not read back as itself, [`Reason::KeyMaterial`] where [`scan`] finds any.
pub fn public(chain: &Chain, form: PublicForm) -> Result<Vec<u8>, Unseen> {
    let leaf = &chain.leaf;
    let bytes = match form {
        PublicForm::Pem => armour(leaf, "\n")?.into_bytes(),
        PublicForm::Cer => armour(leaf, "\r\n")?.into_bytes(),
        PublicForm::Der => proven(leaf)?.to_vec(),
        PublicForm::Chain => {
            let issuers = chain.issuers.iter().filter(|issuer| !issuer.is_self_issued());
            let blocks: Result<String, Unseen> =
                std::iter::once(leaf).chain(issuers).map(|certificate| armour(certificate, "\n")).collect();
            blocks?.into_bytes()
        }
    };
    scan(&bytes)?;
    Ok(bytes)
}

/// The certificate's DER, once it has been read back as one certificate and nothing else.
fn proven(certificate: &Certificate) -> Result<&[u8], Unseen> {
    let again = Certificate::from_der(&certificate.der)?;
    if again.fingerprint != certificate.fingerprint {
        let text = format!("the certificate {} does not read back as itself", certificate.common_name());
        return Err(Unseen::new(Reason::Malformed, text));
    }
    Ok(&certificate.der)
}

fn armour(certificate: &Certificate, line_end: &str) -> Result<String, Unseen> {
    let text = base64::encode(proven(certificate)?);
    let mut pem = format!("-----BEGIN CERTIFICATE-----{line_end}");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(COLUMNS).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push_str(line_end);
        rest = after;
    }
    pem.push_str("-----END CERTIFICATE-----");
    pem.push_str(line_end);
    Ok(pem)
}

/// Refuses anything that is or holds a private key or a keystore: by its armour, as DER at any place, and inside Base64.
///
/// # Errors
/// [`Reason::KeyMaterial`]; it never says where, nor repeats what it found.
pub fn scan(bytes: &[u8]) -> Result<(), Unseen> {
    if holds_secret(bytes, DEPTH) {
        let text = "private key material was found in what should be public; nothing was given out";
        return Err(Unseen::new(Reason::KeyMaterial, text));
    }
    Ok(())
}

fn holds_secret(bytes: &[u8], depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else {
        return false;
    };
    holds_mark(bytes)
        || holds_secret_der(bytes)
        || digit_runs(bytes).any(|run| {
            // The run may begin with letters that are no part of the encoding, so each alignment is tried.
            (0..4_usize)
                .filter_map(|skip| run.get(skip..))
                .any(|digits| base64::decode(digits).is_ok_and(|decoded| holds_secret(&decoded, deeper)))
        })
}

fn holds_mark(bytes: &[u8]) -> bool {
    MARKS.iter().any(|mark| bytes.windows(mark.len()).any(|window| window == *mark))
        || bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed])
        || bytes.starts_with(&[0xce, 0xce, 0xce, 0xce])
}

fn holds_secret_der(bytes: &[u8]) -> bool {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == der::SEQUENCE).map(|(at, _)| at);
    starts
        .filter_map(|at| der::element(bytes.get(at..)?).ok())
        .any(|(element, _)| element.content.len() >= SHORTEST_KEY && is_key(&element))
}

fn is_key(element: &der::Element<'_>) -> bool {
    let kind: Kind = der::kind(element);
    kind.is_secret()
}

/// Stretches of Base64, each without its blanks and line ends, long enough to hide a key.
fn digit_runs(bytes: &[u8]) -> impl Iterator<Item = Zeroizing<Vec<u8>>> {
    let is_part = |byte: &u8| base64::is_digit(*byte) || byte.is_ascii_whitespace();
    bytes
        .split(move |byte| !is_part(byte))
        .map(|run| {
            Zeroizing::new(
                run.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<u8>>(),
            )
        })
        .filter(|run| run.len() >= SHORTEST_KEY)
}

const COLUMNS: usize = 64;
const DEPTH: usize = 4;
/// No private key of any kind is shorter than this many bytes.
const SHORTEST_KEY: usize = 32;
const MARKS: [&[u8]; 2] = [b"PRIVATE KEY-----", b"P\0R\0I\0V\0A\0T\0E\0 \0K\0E\0Y\0"];
