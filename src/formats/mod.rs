//! Bytes in any of the usual forms → certificates, and an identity where there is a key; and public output back to bytes.
//! It judges no certificate and makes no connection; the form is recognised by content, never by name.

mod alien;
mod base64;
mod ber;
mod der;
mod entries;
pub mod files;
mod gather;
mod given;
mod jks;
mod keys;
mod pbe;
mod pem;
mod pkcs12;
pub mod public;
pub mod revocation;
mod zip;

use zeroize::Zeroizing;

use crate::domain::certificate::{Certificate, Fingerprint};
use crate::domain::chain::Chain;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::watch::Usage;
use crate::identity::Identity;
pub use entries::{Entry, EntryKind};
use gather::Gathered;
use given::Given;

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
    /// Whether a private key lies in it, be it readable or not: one that is locked is among the oddities, and not among the keys.
    pub has_key: bool,
    /// The named entries of keystores.
    pub entries: Vec<Entry>,
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

/// What is known beforehand of some bytes.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// What opens them, where they are protected.
    pub password: Option<&'a str>,
    /// The entry that is meant, where a keystore has several.
    pub alias: Option<&'a str>,
    /// What the certificates are for.
    pub usage: Usage,
}

impl<'a> Wanted<'a> {
    const fn opened_by(password: Option<&'a str>) -> Self {
        Self { password, alias: None, usage: Usage::Any }
    }
}

/// Reads every certificate and key: PEM, DER, Base64 (also once more around PEM), PKCS#7, PKCS#12, JKS, JCEKS, and ZIP around
/// any of them.
///
/// # Errors
/// Where not one certificate is in it, with what it seems to be instead and the way out.
pub fn read(bytes: &[u8], password: Option<&str>) -> Result<Content, Unseen> {
    let mut gathered = gather::gather(bytes, &Given::new(Wanted::opened_by(password)))?;
    gathered.demand_certificate()?;
    let (has_key, form) = (gathered.holds_key(), gathered.form);
    let certificates = std::mem::take(&mut gathered.certificates);
    let keys = std::mem::take(&mut gathered.keys);
    let entries = std::mem::take(&mut gathered.entries);
    Ok(Content { certificates, keys, has_key, entries, oddities: gathered.all_oddities(), form })
}

/// Reads the chain; where a key is there, the leaf is the certificate that the key belongs to. A key that belongs to none is an
/// oddity ([`Reason::KeyMismatch`]), and then none lies beside the certificate.
///
/// # Errors
/// As [`read`]; [`Reason::SeveralLeaves`] where nothing says which certificate is meant.
pub fn open(bytes: &[u8], password: Option<&str>) -> Result<Opened, Unseen> {
    open_wanted(bytes, Wanted::opened_by(password))
}

/// Reads the chain that is wanted. Certificates that are trusted stand each on its own ([`Chain::trusted`]): several leaves, and
/// a key that belongs to none of them, stand in nobody's way.
///
/// # Errors
/// As [`open`]; [`Reason::NotFound`] where no entry is called so.
pub fn open_wanted(bytes: &[u8], wanted: Wanted<'_>) -> Result<Opened, Unseen> {
    open_given(bytes, wanted.usage, &Given::new(wanted))
}

/// As [`open_wanted`], where that takes microseconds for some KiB: none where a part of it would be to be opened with a password,
/// be it the empty one, to be unpacked, or to be tried with others.
#[must_use]
pub fn open_lightly(bytes: &[u8], wanted: Wanted<'_>) -> Option<Result<Opened, Unseen>> {
    let given = Given::light(wanted);
    let opened = open_given(bytes, wanted.usage, &given);
    (!given.was_refused()).then_some(opened)
}

fn open_given(bytes: &[u8], usage: Usage, given: &Given<'_>) -> Result<Opened, Unseen> {
    let mut gathered = gather::gather(bytes, given)?;
    let (holds_key, form) = (gathered.holds_key(), gathered.form);
    let (chain, misfit) = if usage == Usage::Trust {
        gathered.demand_certificate()?;
        (Chain::trusted(std::mem::take(&mut gathered.certificates))?, None)
    } else {
        let chosen = choose(&mut gathered, given)?;
        (chosen.chain, chosen.misfit)
    };
    let has_key = holds_key && misfit.is_none();
    let oddities = misfit.into_iter().chain(gathered.all_oddities()).collect();
    Ok(Opened { chain, form, has_key, oddities })
}

/// Whether a private key belongs to this certificate. The key is read, compared and wiped.
///
/// # Errors
/// [`Reason::KeyMismatch`] where it belongs to another one, [`Reason::KeyUnavailable`] where there is none, and what stands in the
/// way where it cannot be read.
pub fn belongs(key: &[u8], certificate: &Certificate, password: Option<&str>) -> Result<(), Unseen> {
    let given = Given::new(Wanted::opened_by(password));
    let mut beside = gather::gather(key, &given)?;
    let mut failed = beside.take_key_oddities().into_iter();
    let of = std::slice::from_ref(certificate);
    let mut read = false;
    for key in std::mem::take(&mut beside.keys) {
        match keys::belonging(key, of, &given) {
            Ok((print, _)) if print == certificate.key_fingerprint => return Ok(()),
            Ok(_) => read = true,
            Err(odd) if odd.reason == Reason::KeyMismatch => read = true,
            Err(odd) => failed = vec![odd].into_iter(),
        }
    }
    if let Some(odd) = failed.next() {
        return Err(odd);
    }
    Err(if read { keys::mismatch() } else { without_key(beside) })
}

/// Reads the chain and the key of its leaf.
///
/// # Errors
/// As [`open`]; [`Reason::KeyUnavailable`] where there is no key, and what stands in the way where the key cannot be read.
pub fn identity(bytes: &[u8], password: Option<&str>) -> Result<Identity, Unseen> {
    identity_wanted(bytes, Wanted::opened_by(password))
}

/// Reads the chain that is wanted and the key of its leaf.
///
/// # Errors
/// As [`identity`]; [`Reason::NotFound`] where no entry is called so.
pub fn identity_wanted(bytes: &[u8], wanted: Wanted<'_>) -> Result<Identity, Unseen> {
    let given = Given::new(wanted);
    identity_of(gather::gather(bytes, &given)?, &given)
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
    identity_from_wanted_parts(certificate, key, Wanted::opened_by(password))
}

/// Reads the chain that is wanted from one place and its key from another.
///
/// # Errors
/// As [`identity_from_parts`] and [`identity_wanted`].
pub fn identity_from_wanted_parts(
    certificate: &[u8],
    key: &[u8],
    wanted: Wanted<'_>,
) -> Result<Identity, Unseen> {
    let given = Given::new(wanted);
    let mut gathered = gather::gather(certificate, &given)?;
    gathered.demand_certificate()?;
    let mut beside = gather::gather(key, &Given::new(Wanted::opened_by(wanted.password)))?;
    if !beside.holds_key() {
        return Err(without_key(beside));
    }
    gathered.keys.append(&mut beside.keys);
    gathered.key_oddities.append(&mut beside.key_oddities);
    identity_of(gathered, &given)
}

fn without_key(mut beside: Gathered) -> Unseen {
    let odd = beside.take_first_oddity();
    let text = odd.map_or_else(|| "the key file holds no private key".to_owned(), |odd| odd.text);
    Unseen::new(Reason::KeyUnavailable, text)
}

fn identity_of(mut gathered: Gathered, given: &Given<'_>) -> Result<Identity, Unseen> {
    let Chosen { chain, key, misfit } = choose(&mut gathered, given)?;
    if let Some(misfit) = misfit {
        return Err(misfit);
    }
    if let Some(key) = key {
        return Identity::new(chain, key);
    }
    Err(gathered.take_key_oddities().into_iter().next().unwrap_or_else(|| {
        Unseen::new(
            Reason::KeyUnavailable,
            "there is no private key in it; name the file that holds the key beside it",
        )
    }))
}

/// The chain that is meant, with the key of its leaf where there is one.
struct Chosen {
    chain: Chain,
    key: Option<Key>,
    /// The keys that are there belong to other certificates.
    misfit: Option<Unseen>,
}

fn choose(gathered: &mut Gathered, given: &Given<'_>) -> Result<Chosen, Unseen> {
    gathered.demand_certificate()?;
    let certificates = std::mem::take(&mut gathered.certificates);
    let mut known: Vec<(Fingerprint, Key)> = Vec::new();
    let mut is_foreign = false;
    for key in std::mem::take(&mut gathered.keys) {
        match keys::belonging(key, &certificates, given) {
            Ok(pair) if known.iter().all(|(print, _)| *print != pair.0) => known.push(pair),
            Ok(_) => {}
            Err(odd) if odd.reason == Reason::KeyMismatch => is_foreign = true,
            Err(odd) => gathered.add_key_oddity(odd),
        }
    }
    let wanted = entries::meant(&gathered.entries, given.alias, &certificates, &known)?;
    let wanted = wanted.filter(|print| certificates.iter().any(|one| one.key_fingerprint == *print));
    is_foreign |= !known.is_empty();
    let key = known.into_iter().find(|(print, _)| Some(*print) == wanted).map(|(_, key)| key);
    // What could not be read may be the key that belongs to it.
    let all_read = gathered.key_oddities.is_empty();
    let owns = wanted.is_none_or(|print| entries::is_with_key(&gathered.entries, print));
    let misfit = (key.is_none() && is_foreign && all_read && owns).then(keys::mismatch);
    let chain = Chain::assemble(certificates, wanted).map_err(|odd| misfit.clone().unwrap_or(odd))?;
    Ok(Chosen { chain, key, misfit })
}
