//! Bytes in any of the usual forms → certificates, and an identity where there is a key; and public output back to bytes.
//! It judges no certificate and makes no connection; the form is recognised by content, never by name.

mod base64;
mod ber;
mod der;
pub mod files;
mod gather;
mod given;
mod keys;
mod pem;
mod pkcs12;
pub mod public;
mod zip;

use zeroize::Zeroizing;

use crate::domain::certificate::{Certificate, Fingerprint};
use crate::domain::chain::Chain;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::watch::Usage;
use crate::identity::Identity;
use gather::Gathered;

/// The largest input that is looked at, in bytes.
pub const LIMIT: usize = 16 * 1024 * 1024;

/// A private key as PKCS#8 DER, wiped when dropped.
pub type Key = Zeroizing<Vec<u8>>;

/// What was found in some bytes. One bad part never hides a good one.
#[derive(Default)]
pub struct Content {
    /// The certificates, in the order they stand there; never empty.
    pub certificates: Vec<Certificate>,
    /// Private keys as PKCS#8 DER, whatever form they stood there in; wiped when dropped.
    pub keys: Vec<Key>,
    /// Parts that could not be read, each with why.
    pub oddities: Vec<Unseen>,
    /// The form that was recognised, such as `PEM` or `PKCS#12`.
    pub form: &'static str,
}

/// What a sighting needs: the chain and what was odd about its surroundings.
#[derive(Debug)]
pub struct Opened {
    /// The chain, in order.
    pub chain: Chain,
    /// The form that was recognised.
    pub form: &'static str,
    /// Whether a private key lay beside it, be it readable or not.
    pub has_key: bool,
    /// Parts that could not be read.
    pub oddities: Vec<Unseen>,
}

/// How many names a sentence bears.
const NAMED: usize = 5;

/// The forms of public output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicForm {
    /// The leaf alone, PEM.
    Pem,
    /// The leaf and its intermediates, PEM; the root is left out, as whoever trusts it has it.
    Chain,
    /// The leaf alone, Base64 as `.cer` exports have it (PEM with CRLF line ends).
    Cer,
    /// The leaf alone, DER.
    Der,
}

/// Reads every certificate and key: PEM, DER, Base64 (also once more around PEM), PKCS#7, PKCS#12, and ZIP around any of them.
///
/// # Errors
/// Where not one certificate is in it, with what it seems to be instead and the way out.
pub fn read(bytes: &[u8], password: Option<&str>) -> Result<Content, Unseen> {
    let mut gathered = gather::gather(bytes, password)?;
    gathered.demand_certificate()?;
    let form = gathered.form;
    let certificates = std::mem::take(&mut gathered.certificates);
    let keys = std::mem::take(&mut gathered.keys);
    Ok(Content { certificates, keys, oddities: gathered.all_oddities(), form })
}

/// Reads the chain; where a key is there, the leaf is the certificate that the key belongs to.
///
/// # Errors
/// As [`read`]; [`Reason::KeyMismatch`] where the keys belong to no certificate, [`Reason::SeveralLeaves`] where nothing
/// says which certificate is meant.
pub fn open(bytes: &[u8], password: Option<&str>) -> Result<Opened, Unseen> {
    let mut gathered = gather::gather(bytes, password)?;
    let has_key = gathered.holds_key();
    let form = gathered.form;
    let (chain, _) = choose(&mut gathered)?;
    Ok(Opened { chain, form, has_key, oddities: gathered.all_oddities() })
}

/// Reads what certificates of this use show: [`open_trusted`] where they are trusted, else [`open`].
///
/// # Errors
/// As these.
pub fn open_for(usage: Usage, bytes: &[u8], password: Option<&str>) -> Result<Opened, Unseen> {
    match usage {
        Usage::Trust => open_trusted(bytes, password),
        Usage::Client | Usage::Server | Usage::Any => open(bytes, password),
    }
}

/// Reads certificates that are trusted, each on its own ([`Chain::trusted`]): several leaves, and a key that belongs to none of
/// them, stand in nobody's way.
///
/// # Errors
/// As [`read`].
pub fn open_trusted(bytes: &[u8], password: Option<&str>) -> Result<Opened, Unseen> {
    let mut gathered = gather::gather(bytes, password)?;
    gathered.demand_certificate()?;
    let (has_key, form) = (gathered.holds_key(), gathered.form);
    let chain = Chain::trusted(std::mem::take(&mut gathered.certificates))?;
    Ok(Opened { chain, form, has_key, oddities: gathered.all_oddities() })
}

/// Reads the chain and the key of its leaf.
///
/// # Errors
/// As [`open`]; [`Reason::KeyUnavailable`] where there is no key, and what stands in the way where the key cannot be read.
pub fn identity(bytes: &[u8], password: Option<&str>) -> Result<Identity, Unseen> {
    identity_of(gather::gather(bytes, password)?)
}

/// Reads the chain from one place and its key from another. The password opens both; keys beside the certificate count too.
///
/// # Errors
/// As [`identity`].
pub fn identity_from_parts(
    certificate: &[u8],
    key: &[u8],
    password: Option<&str>,
) -> Result<Identity, Unseen> {
    let mut gathered = gather::gather(certificate, password)?;
    gathered.demand_certificate()?;
    let mut beside = gather::gather(key, password)?;
    if !beside.holds_key() {
        let text = beside
            .take_first_oddity()
            .map_or_else(|| "the key file holds no private key".to_owned(), |odd| odd.text);
        return Err(Unseen::new(Reason::KeyUnavailable, text));
    }
    gathered.keys.append(&mut beside.keys);
    gathered.key_oddities.append(&mut beside.key_oddities);
    identity_of(gathered)
}

fn identity_of(mut gathered: Gathered) -> Result<Identity, Unseen> {
    let (chain, key) = choose(&mut gathered)?;
    if let Some(key) = key {
        return Identity::new(chain, key);
    }
    Err(gathered.key_oddities.into_iter().next().unwrap_or_else(|| {
        Unseen::new(
            Reason::KeyUnavailable,
            "there is no private key in it; name the file that holds the key beside it",
        )
    }))
}

/// The chain that is meant, with the key of its leaf where there is one.
fn choose(gathered: &mut Gathered) -> Result<(Chain, Option<Key>), Unseen> {
    gathered.demand_certificate()?;
    let certificates = std::mem::take(&mut gathered.certificates);
    let mut known: Vec<(Fingerprint, Key)> = Vec::new();
    let mut trials = keys::TRIALS;
    for key in std::mem::take(&mut gathered.keys) {
        match keys::belonging(key, &certificates, &mut trials) {
            Ok(pair) if known.iter().all(|(print, _)| *print != pair.0) => known.push(pair),
            Ok(_) => {}
            Err(odd) => gathered.add_key_oddity(odd),
        }
    }
    let wanted = wanted_key(&certificates, &known)?;
    let chain = Chain::assemble(certificates, wanted)?;
    let key = known.into_iter().find(|(print, _)| Some(*print) == wanted).map(|(_, key)| key);
    Ok((chain, key))
}

/// Which key's certificate is the leaf: the only one that has a certificate here, authorities' keys aside.
fn wanted_key(
    certificates: &[Certificate],
    known: &[(Fingerprint, Key)],
) -> Result<Option<Fingerprint>, Unseen> {
    let of_key = |print: Fingerprint| certificates.iter().filter(move |one| one.key_fingerprint == print);
    let matching: Vec<Fingerprint> =
        known.iter().map(|(print, _)| *print).filter(|print| of_key(*print).next().is_some()).collect();
    let leaves: Vec<Fingerprint> =
        matching.iter().copied().filter(|print| of_key(*print).any(|one| !one.is_ca)).collect();
    match (matching.as_slice(), leaves.as_slice()) {
        ([], _) => Ok(known.first().map(|(print, _)| *print)),
        ([one], _) | (_, [one]) => Ok(Some(*one)),
        _ => {
            let names: Vec<String> = matching
                .iter()
                .take(NAMED)
                .filter_map(|print| of_key(*print).next())
                .map(Certificate::common_name)
                .collect();
            let text = format!(
                "there are {} certificates with a private key in it ({}{}) and nothing says which is meant; put each in its own file",
                matching.len(),
                names.join(", "),
                if matching.len() > names.len() { ", …" } else { "" }
            );
            Err(Unseen::new(Reason::SeveralLeaves, text))
        }
    }
}
