//! PEM as people paste it: any number of blocks with anything around them, any line length, indented, in one line.
//! It trusts no label: what a block holds is told by its content.

use zeroize::Zeroizing;

use super::gather::{Gathered, add_element, add_uncounted, truncated};
use super::given::Given;
use super::keys::TO_PKCS8;
use super::{base64, der};
use crate::domain::reason::{Reason, Unseen};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// One block, undecoded.
struct Block<'a> {
    label: String,
    body: &'a [u8],
    /// Whether an end line with the same label closes it.
    end: End,
}

#[derive(PartialEq, Eq)]
enum End {
    Right,
    OtherLabel,
    Missing,
}

/// Whether there is any armour in it.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    find(bytes, BEGIN).is_some()
}

/// Reads every block.
pub(super) fn gather(bytes: &[u8], given: &Given<'_>) -> Gathered {
    let mut gathered = Gathered::of("PEM");
    let mut rest = bytes;
    let mut number = 0_usize;
    while let Some((block, after)) = next_block(rest) {
        number += 1;
        add_block(&mut gathered, &block, number, given);
        rest = after;
    }
    gathered.form = "PEM";
    gathered
}

fn next_block(bytes: &[u8]) -> Option<(Block<'_>, &[u8])> {
    let (_, rest) = split_at(bytes, BEGIN)?;
    let Some((label, rest)) = split_at(rest, DASHES).filter(|(label, _)| is_label(label)) else {
        let label = String::from("unfinished");
        return Some((Block { label, body: &[], end: End::Missing }, rest));
    };
    let label = String::from_utf8_lossy(label).trim().to_owned();
    let reopened = find(rest, BEGIN).unwrap_or(rest.len());
    let (own, after) = rest.split_at_checked(reopened).unwrap_or((rest, &[]));
    let Some(at) = find(own, END) else {
        return Some((Block { label, body: own, end: End::Missing }, after));
    };
    let (body, after) = rest.split_at_checked(at).unwrap_or((rest, &[]));
    let after = after.get(END.len()..).unwrap_or_default();
    let same = after.starts_with(label.as_bytes());
    Some((Block { label, body, end: if same { End::Right } else { End::OtherLabel } }, after))
}

fn is_label(label: &[u8]) -> bool {
    label.len() <= 64 && label.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
}

fn add_block(gathered: &mut Gathered, block: &Block<'_>, number: usize, given: &Given<'_>) {
    let label = block.label.as_str();
    let place = format!("block {number} ({label})");
    let is_key = label.ends_with("PRIVATE KEY");
    let keep = |gathered: &mut Gathered, odd: Unseen| {
        if is_key { gathered.add_key_oddity(odd) } else { gathered.add_oddity(odd) }
    };
    if label.ends_with("PARAMETERS") {
        return;
    }
    if let Some(odd) = beyond_reach(label, block.body) {
        return keep(gathered, odd);
    }
    let decoded = match decode_body(block.body) {
        Ok(decoded) => decoded,
        Err(alien) => {
            let text = format!("{place} holds {alien:?}, which is not Base64");
            return keep(gathered, Unseen::new(Reason::Malformed, text));
        }
    };
    if decoded.is_empty() && block.end != End::Missing {
        return keep(gathered, Unseen::new(Reason::Empty, format!("{place} is empty")));
    }
    match der::element(&decoded) {
        _ if block.end == End::Missing => {
            keep(
                gathered,
                Unseen::new(Reason::Truncated, truncated(&format!("{place} has no END line: it"))),
            );
        }
        Ok((element, after)) => {
            if !add_element(gathered, &element, given) {
                keep(
                    gathered,
                    Unseen::new(Reason::UnsupportedFormat, format!("{place} holds something unknown")),
                );
            }
            if !after.is_empty() && label != "TRUSTED CERTIFICATE" {
                let text =
                    format!("{place} holds {} more bytes after its end, which were left out", after.len());
                keep(gathered, Unseen::new(Reason::Malformed, text));
            }
            if block.end == End::OtherLabel {
                let text =
                    format!("{place} is closed by an END line of another kind; other programs may refuse it");
                keep(gathered, Unseen::new(Reason::Malformed, text));
            }
        }
        Err(der::Cut::Truncated) => {
            keep(gathered, Unseen::new(Reason::Truncated, truncated(&place)));
        }
        Err(der::Cut::Indefinite) if add_uncounted(gathered, &decoded, given) => {}
        Err(der::Cut::Indefinite | der::Cut::Alien) => {
            keep(gathered, Unseen::new(Reason::Malformed, format!("{place} is Base64, but not of DER")));
        }
    }
}

/// Blocks that say themselves that nothing here can read them.
fn beyond_reach(label: &str, body: &[u8]) -> Option<Unseen> {
    let text = if label == "OPENSSH PRIVATE KEY" {
        // openssl does not read that form.
        "the private key is in OpenSSH's own form; turn a copy of it into PKCS#8 with: cp OLD.pem NEW.pem && ssh-keygen -p -m PKCS8 -f NEW.pem (RSA and EC keys; many versions of it leave Ed25519 as it is)".to_owned()
    } else if label == "DSA PRIVATE KEY" {
        "the private key is a DSA key, which TLS no longer uses; have a certificate for an RSA or EC key issued".to_owned()
    } else if find(body, b"Proc-Type: 4,ENCRYPTED").is_some() {
        format!(
            "the private key is encrypted in the old way of OpenSSL (DEK-Info); turn it into PKCS#8 with: {TO_PKCS8}"
        )
    } else if label.starts_with("PGP ") {
        "it holds an OpenPGP block, not an X.509 certificate".to_owned()
    } else {
        return None;
    };
    Some(Unseen::new(Reason::UnsupportedFormat, text))
}

/// Decodes the body; header lines and line ends written out as `\n` are left out.
fn decode_body(body: &[u8]) -> Result<Zeroizing<Vec<u8>>, char> {
    let mut digits = Zeroizing::new(Vec::with_capacity(body.len()));
    for line in body.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.contains(&b':')) {
        let mut rest = line.iter().copied().peekable();
        while let Some(byte) = rest.next() {
            if byte == b'\\' && rest.next_if(|next| matches!(next, b'n' | b'r' | b't')).is_some() {
                continue;
            }
            digits.push(byte);
        }
    }
    base64::decode(&digits)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn split_at<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (before, after) = bytes.split_at_checked(find(bytes, mark)?)?;
    Some((before, after.get(mark.len()..)?))
}
