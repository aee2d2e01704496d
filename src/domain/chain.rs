//! A leaf and the certificates that lead towards its root, put in order from whatever order they came in.
//! It verifies no signature and trusts nobody.

use super::Timestamp;
use super::certificate::{Certificate, Fingerprint};
use super::reason::{Reason, Unseen};

/// A leaf with its issuers, each the issuer of the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The end-entity certificate.
    pub leaf: Certificate,
    /// Its issuers, nearest first.
    pub issuers: Vec<Certificate>,
    /// Certificates that came along and belong to no place in the chain.
    pub strays: Vec<Certificate>,
    /// Whether they came in the order leaf, issuer, issuer's issuer.
    pub in_order: bool,
}

impl Chain {
    /// Puts certificates in order. The leaf is the one the key belongs to, where a key is known; else the only one that issued none of the others.
    ///
    /// # Errors
    /// [`Reason::NoCertificate`] without any, [`Reason::KeyMismatch`] where the key belongs to none of them,
    /// [`Reason::SeveralLeaves`] where nothing says which is meant.
    pub fn assemble(certificates: Vec<Certificate>, key: Option<Fingerprint>) -> Result<Self, Unseen> {
        let mut unique: Vec<Certificate> = Vec::with_capacity(certificates.len());
        for certificate in certificates {
            if !unique.contains(&certificate) {
                unique.push(certificate);
            }
        }
        let leaf_at = leaf_position(&unique, key)?;
        let arrival: Vec<Fingerprint> = unique.iter().map(|certificate| certificate.fingerprint).collect();
        let leaf = unique.remove(leaf_at);
        let mut issuers: Vec<Certificate> = Vec::new();
        let mut tip = leaf.clone();
        while let Some(at) =
            unique.iter().position(|other| !tip.is_self_issued() && other.subject == tip.issuer)
        {
            tip = unique.remove(at);
            issuers.push(tip.clone());
        }
        let order: Vec<Fingerprint> =
            std::iter::once(&leaf).chain(&issuers).map(|certificate| certificate.fingerprint).collect();
        let in_order = arrival.iter().filter(|print| order.contains(print)).eq(order.iter());
        Ok(Self { leaf, issuers, strays: unique, in_order })
    }

    /// The leaf and its issuers, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&self.leaf).chain(&self.issuers)
    }

    /// Whether it reaches a self-issued certificate, that is: a root is part of it.
    #[must_use]
    pub fn reaches_root(&self) -> bool {
        self.iter().last().is_some_and(Certificate::is_self_issued)
    }

    /// Whether at least the direct issuer is there, or the leaf is its own.
    #[must_use]
    pub fn has_issuer(&self) -> bool {
        self.leaf.is_self_issued() || !self.issuers.is_empty()
    }

    /// The earliest end of validity in it.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.iter().map(|certificate| certificate.not_after).min().unwrap_or(self.leaf.not_after)
    }

    /// The leaf's fingerprint, which names the chain.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.leaf.fingerprint
    }
}

fn leaf_position(certificates: &[Certificate], key: Option<Fingerprint>) -> Result<usize, Unseen> {
    if certificates.is_empty() {
        return Err(Unseen::new(Reason::NoCertificate, "there is no certificate in it"));
    }
    if let Some(key) = key {
        return certificates.iter().position(|certificate| certificate.key_fingerprint == key).ok_or_else(
            || {
                Unseen::new(
                    Reason::KeyMismatch,
                    "the private key belongs to none of the certificates beside it",
                )
            },
        );
    }
    if let [_only] = certificates {
        return Ok(0);
    }
    let issued_another = |certificate: &Certificate| {
        certificates.iter().any(|other| other != certificate && other.issuer == certificate.subject)
    };
    let leaves: Vec<usize> = certificates
        .iter()
        .enumerate()
        .filter(|(_, certificate)| !certificate.is_ca && !issued_another(certificate))
        .map(|(at, _)| at)
        .collect();
    match leaves.as_slice() {
        [one] => Ok(*one),
        [] => Err(Unseen::new(
            Reason::NoCertificate,
            format!(
                "all {} certificates in it are authorities; none is an end-entity certificate",
                certificates.len()
            ),
        )),
        several => Err(Unseen::new(
            Reason::SeveralLeaves,
            format!(
                "there are {} end-entity certificates in it ({}); put each in its own file, or use [[discover]]",
                several.len(),
                several
                    .iter()
                    .filter_map(|at| certificates.get(*at))
                    .map(Certificate::common_name)
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        )),
    }
}
