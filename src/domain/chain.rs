//! A leaf and the certificates that lead towards its root, put in order from whatever order they came in.
//! It verifies no signature and trusts nobody.

use std::collections::HashSet;

use super::Timestamp;
use super::certificate::{Certificate, Fingerprint};
use super::name::DistinguishedName;
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
    /// Puts certificates in order.
    ///
    /// The leaf is the one the key belongs to, where a key is known; else the only end-entity certificate. Where all are
    /// authorities (a CA bundle), it is the only one that issued none of the others; where several issued none, it is the
    /// one that expires first, and those that did not issue it are strays.
    ///
    /// # Errors
    /// [`Reason::NoCertificate`] without any, [`Reason::KeyMismatch`] where the key belongs to none of them,
    /// [`Reason::SeveralLeaves`] where nothing says which is meant.
    pub fn assemble(certificates: Vec<Certificate>, key: Option<Fingerprint>) -> Result<Self, Unseen> {
        let mut known = HashSet::new();
        let mut unique: Vec<Certificate> =
            certificates.into_iter().filter(|certificate| known.insert(certificate.fingerprint)).collect();
        let leaf_at = leaf_position(&unique, key)?;
        let arrival: Vec<Fingerprint> = unique.iter().map(|certificate| certificate.fingerprint).collect();
        let leaf = unique.remove(leaf_at);
        let mut issuers: Vec<Certificate> = Vec::new();
        let mut tip = leaf.clone();
        while let Some(at) = issuer_position(&tip, &unique) {
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
    let leaves = lowest(certificates, |certificate| !certificate.is_ca);
    match leaves.as_slice() {
        [one] => Ok(*one),
        [] => Ok(authority_position(certificates)),
        several => Err(Unseen::new(
            Reason::SeveralLeaves,
            format!(
                "there are {} end-entity certificates in it ({}); put each in its own file, or use [[discover]]",
                several.len(),
                names(certificates, several)
            ),
        )),
    }
}

/// The position that stands for a bundle of authorities.
fn authority_position(certificates: &[Certificate]) -> usize {
    if let [one] = lowest(certificates, |_| true).as_slice() {
        return *one;
    }
    let first = certificates.iter().enumerate().min_by_key(|(_, certificate)| certificate.not_after);
    first.map_or(0, |(at, _)| at)
}

/// The positions of those that issued none of the others.
fn lowest(certificates: &[Certificate], wanted: impl Fn(&Certificate) -> bool) -> Vec<usize> {
    let issuers: HashSet<&DistinguishedName> = certificates
        .iter()
        .filter(|certificate| !certificate.is_self_issued())
        .map(|certificate| &certificate.issuer)
        .collect();
    certificates
        .iter()
        .enumerate()
        .filter(|(_, certificate)| wanted(certificate) && !issuers.contains(&certificate.subject))
        .map(|(at, _)| at)
        .collect()
}

/// The first few names, for a sentence.
fn names(certificates: &[Certificate], positions: &[usize]) -> String {
    let mut names: Vec<String> = positions
        .iter()
        .take(5)
        .filter_map(|at| certificates.get(*at))
        .map(Certificate::common_name)
        .collect();
    if positions.len() > names.len() {
        names.push("…".to_owned());
    }
    names.join(", ")
}

/// Where the issuer of this certificate is among the others.
///
/// An authority that renewed its key has two certificates of one name: the key identifiers tell them apart, else the one
/// that lasts longer is taken.
fn issuer_position(tip: &Certificate, others: &[Certificate]) -> Option<usize> {
    if tip.is_self_issued() {
        return None;
    }
    let named: Vec<usize> = others
        .iter()
        .enumerate()
        .filter(|(_, other)| other.subject == tip.issuer)
        .map(|(at, _)| at)
        .collect();
    if let [] | [_] = named.as_slice() {
        return named.first().copied();
    }
    let wanted = tip.issuer_key_identifier();
    named
        .into_iter()
        .filter_map(|at| Some((at, others.get(at)?)))
        .max_by_key(|(at, other)| {
            let fits = wanted.is_some() && other.key_identifier() == wanted;
            (fits, other.not_after, std::cmp::Reverse(*at))
        })
        .map(|(at, _)| at)
}
