//! Whether a chain leads to an authority of a trust store, and why not (RFC 5280 §6).
//! It looks at no name and at no validity of the leaf: both have judgements of their own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage};

use super::Finding;
use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;
use crate::domain::chain::Chain;
use crate::domain::lint::minute;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::watch::Usage;
use crate::formats;
use crate::formats::files;
use crate::net::refusal::of_chain;
use crate::secret::SecretRef;

/// Which store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The file: PEM, PKCS#7, PKCS#12, JKS or whatever else certificates are read from.
    pub path: PathBuf,
    /// What opens it, where it is protected.
    pub password: Option<SecretRef>,
}

/// Holds a chain against the store, and gives those in it who may have issued a part of the chain. It reads a file, so it may
/// block.
pub(super) fn check(
    settings: &Settings,
    chain: &Chain,
    usage: Usage,
    now: Timestamp,
) -> (Finding, Vec<Certificate>) {
    let read = || {
        let (bytes, stamp) = files::read(&settings.path)?;
        let password = settings.password.as_ref().map(SecretRef::read).transpose()?;
        let content = formats::read(&bytes, password.as_deref().map(String::as_str))?;
        Ok((content.certificates, stamp))
    };
    let (trusted, stamp) = match read() {
        Ok(read) => read,
        Err(unseen) => return (unknown(&settings.path, &unseen), Vec::new()),
    };
    let oddity = refusal(chain, &trusted, usage, now).map(|why| {
        let (leaf, store) = (chain.leaf.common_name(), settings.path.display());
        Unseen::new(Reason::Untrusted, format!("the certificate {leaf} is not trusted by {store}: {why}"))
    });
    let ends = chain.iter().chain(&trusted).flat_map(|one| [one.not_before, one.not_after]);
    let finding = Finding {
        oddities: oddity.into_iter().collect(),
        files: vec![(settings.path.clone(), stamp)],
        until: ends.filter(|end| *end >= now).min(),
    };
    let issuers = trusted.into_iter().filter(|one| chain.iter().any(|below| below.issuer == one.subject));
    (finding, issuers.collect())
}

/// What is said where the store cannot be read.
pub(super) fn unknown(path: &Path, why: &Unseen) -> Finding {
    // A file's own failures name it already.
    let place = path.display().to_string();
    let why = if why.text.contains(&place) { why.text.clone() } else { format!("{place}: {why}") };
    let text =
        format!("whether the certificate is trusted is not known, as its trust store cannot be read: {why}");
    Finding { oddities: vec![Unseen::new(Reason::TrustUnknown, text)], ..Finding::default() }
}

/// Why a chain leads to none of these authorities at this moment; none where it does.
#[must_use]
pub fn refusal(chain: &Chain, trusted: &[Certificate], usage: Usage, now: Timestamp) -> Option<String> {
    let now = now.clamp(chain.leaf.not_before, chain.leaf.not_after.max(chain.leaf.not_before));
    if trusted.iter().any(|one| one.fingerprint == chain.leaf.fingerprint) {
        return None;
    }
    let (valid, over): (Vec<&Certificate>, Vec<&Certificate>) =
        trusted.iter().partition(|one| one.is_valid_at(now));
    let refused = verify(chain, &valid, usage, now).err()?;
    // An authority is trusted for ever by those who verify; people are told why it should be no longer.
    let late = over.iter().find(|one| verify(chain, &[**one], usage, now).is_ok());
    Some(late.map_or_else(|| of_chain(&refused), |one| out_of_time(one, now)))
}

fn verify(chain: &Chain, trusted: &[&Certificate], usage: Usage, now: Timestamp) -> Result<(), Error> {
    let ders: Vec<CertificateDer<'_>> = trusted.iter().map(|one| CertificateDer::from(&*one.der)).collect();
    let anchors: Vec<TrustAnchor<'_>> =
        ders.iter().filter_map(|der| webpki::anchor_from_trusted_cert(der).ok()).collect();
    let leaf = CertificateDer::from(&*chain.leaf.der);
    let beside = chain.issuers.iter().chain(&chain.strays);
    let beside: Vec<CertificateDer<'_>> = beside.map(|one| CertificateDer::from(&*one.der)).collect();
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let purpose = Purpose::of(&chain.leaf, usage);
    EndEntityCert::try_from(&leaf)?
        .verify_for_usage(algorithms.all, &anchors, &beside, at, purpose, None, None)
        .map(drop)
}

/// What every certificate on the way must allow; nothing where the leaf itself does not, which has a judgement of its own.
enum Purpose {
    Client,
    Server,
    Any,
}

impl Purpose {
    const fn of(leaf: &Certificate, usage: Usage) -> Self {
        match usage {
            Usage::Client if leaf.extended_key_usage.allows_client_auth() => Self::Client,
            Usage::Server if leaf.extended_key_usage.allows_server_auth() => Self::Server,
            Usage::Client | Usage::Server | Usage::Trust | Usage::Any => Self::Any,
        }
    }
}

/// `anyExtendedKeyUsage` (RFC 5280 §4.2.1.12).
const ANY: &[usize] = &[2, 5, 29, 37, 0];

impl ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let (usage, wanted) = match self {
            Self::Client => (KeyUsage::client_auth(), KeyUsage::CLIENT_AUTH_REPR),
            Self::Server => (KeyUsage::server_auth(), KeyUsage::SERVER_AUTH_REPR),
            Self::Any => return Ok(()),
        };
        let mut present = Vec::new();
        for purpose in purposes {
            let purpose = purpose?.to_decoded_oid();
            if purpose == wanted || purpose == ANY {
                return Ok(());
            }
            present.push(purpose);
        }
        if present.is_empty() {
            return Ok(());
        }
        let context = webpki::RequiredEkuNotFoundContext { required: usage, present };
        Err(Error::RequiredEkuNotFoundContext(context))
    }
}

fn out_of_time(authority: &Certificate, now: Timestamp) -> String {
    let name = authority.common_name();
    if now < authority.not_before {
        return format!("the authority {name} in it is not valid before {}", minute(authority.not_before));
    }
    format!(
        "the authority {name} in it, to which the chain leads, expired on {}",
        minute(authority.not_after)
    )
}

#[cfg(test)]
mod tests;
