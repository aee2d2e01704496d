//! A leaf and the certificates that lead towards its root, put in order from whatever order they came in.
//! It verifies no signature and trusts nobody.

use std::collections::HashSet;

use super::Timestamp;
use super::certificate::{Certificate, Fingerprint};
use super::name::DistinguishedName;
use super::reason::{Reason, Unseen};
use super::shared::Shared;

/// How many issuers a chain has at most; those beyond are strays.
const LONGEST: usize = 32;

/// A leaf with its issuers, each the issuer of the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The end-entity certificate.
    pub leaf: Shared<Certificate>,
    /// Its issuers, nearest first.
    pub issuers: Vec<Shared<Certificate>>,
    /// Certificates that came along and belong to no place in the chain.
    pub strays: Vec<Shared<Certificate>>,
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
        while issuers.len() < LONGEST
            && let Some(at) = issuer_position(&tip, &unique)
        {
            tip = unique.remove(at);
            issuers.push(tip.clone());
        }
        let order: Vec<Fingerprint> =
            std::iter::once(&leaf).chain(&issuers).map(|certificate| certificate.fingerprint).collect();
        let in_order = arrival.iter().filter(|print| order.contains(print)).eq(order.iter());
        let shared = |list: Vec<Certificate>| list.into_iter().map(Shared::from).collect();
        Ok(Self { leaf: leaf.into(), issuers: shared(issuers), strays: shared(unique), in_order })
    }

    /// Certificates that are trusted, each on its own: the one that expires first stands as the leaf, so that what is counted
    /// is counted to it, and all others are strays, in the order in which they expire.
    ///
    /// # Errors
    /// [`Reason::NoCertificate`] without any.
    pub fn trusted(certificates: Vec<Certificate>) -> Result<Self, Unseen> {
        let mut known = HashSet::new();
        let mut unique: Vec<Certificate> =
            certificates.into_iter().filter(|certificate| known.insert(certificate.fingerprint)).collect();
        unique.sort_by_key(|certificate| certificate.not_after);
        let mut unique = unique.into_iter().map(Shared::from);
        let leaf = unique.next().ok_or_else(none)?;
        Ok(Self { leaf, issuers: Vec::new(), strays: unique.collect(), in_order: true })
    }

    /// The leaf and its issuers, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&*self.leaf).chain(self.issuers.iter().map(|issuer| &**issuer))
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
    pub fn fingerprint(&self) -> Fingerprint {
        self.leaf.fingerprint
    }
}

fn leaf_position(certificates: &[Certificate], key: Option<Fingerprint>) -> Result<usize, Unseen> {
    if certificates.is_empty() {
        return Err(none());
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
                "there are {} end-entity certificates in it ({}); put each in its own file, or set use = \"trust\" where all of them are trusted",
                several.len(),
                names(certificates, several)
            ),
        )),
    }
}

fn none() -> Unseen {
    Unseen::new(Reason::NoCertificate, "there is no certificate in it")
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

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    /// An authority that can sign.
    struct Authority {
        params: CertificateParams,
        key: KeyPair,
        certificate: Certificate,
    }

    fn params(name: &str, year: i32, is_ca: bool) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to refuse");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        params.use_authority_key_identifier_extension = true;
        params.is_ca = if is_ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::NoCa };
        params
    }

    fn facts(certificate: &rcgen::Certificate) -> Certificate {
        Certificate::from_der(certificate.der()).expect("its facts")
    }

    fn root(name: &str, year: i32) -> Authority {
        let (params, key) = (params(name, year, true), KeyPair::generate().expect("a key"));
        let certificate = facts(&params.self_signed(&key).expect("a root"));
        Authority { params, key, certificate }
    }

    impl Authority {
        fn issue(&self, name: &str, year: i32, is_ca: bool) -> Self {
            let (params, key) = (params(name, year, is_ca), KeyPair::generate().expect("a key"));
            let issuer = Issuer::from_params(&self.params, &self.key);
            let certificate = facts(&params.signed_by(&key, &issuer).expect("a certificate"));
            Self { params, key, certificate }
        }
    }

    /// What is assembled without a key, as "leaf < issuer < … | strays".
    #[track_caller]
    fn check(certificates: &[&Certificate], expected: &str) {
        let chain = Chain::assemble(certificates.iter().map(|one| (*one).clone()).collect(), None);
        let joined = |many: Vec<String>, between: &str| many.join(between);
        let shown = match chain {
            Ok(chain) => {
                let strays: Vec<String> = chain.strays.iter().map(|stray| stray.common_name()).collect();
                let line = joined(chain.iter().map(Certificate::common_name).collect(), " < ");
                if strays.is_empty() { line } else { format!("{line} | {}", joined(strays, ", ")) }
            }
            Err(odd) => odd.reason.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn any_order_becomes_leaf_first() {
        let root = root("root", 2040);
        let issuing = root.issue("issuing", 2035, true);
        let leaf = issuing.issue("leaf", 2027, false);
        let (r, i, l) = (&root.certificate, &issuing.certificate, &leaf.certificate);
        for order in [[l, i, r], [r, i, l], [i, l, r], [r, l, i]] {
            check(&order, "leaf < issuing < root");
        }
        check(&[l, l, i, l], "leaf < issuing");
        check(&[l, r], "leaf | root");
        check(&[l], "leaf");
        check(&[], "no_certificate");
    }

    #[test]
    fn completeness_and_the_earliest_end_are_told() {
        let root = root("root", 2026);
        let leaf = root.issue("leaf", 2027, false);
        let whole =
            Chain::assemble(vec![leaf.certificate.clone(), root.certificate.clone()], None).expect("a chain");
        assert!(whole.reaches_root() && whole.has_issuer() && whole.in_order);
        assert_eq!(whole.not_after(), root.certificate.not_after);
        assert_eq!(whole.fingerprint(), leaf.certificate.fingerprint);
        let alone = Chain::assemble(vec![leaf.certificate], None).expect("a chain");
        assert!(!alone.reaches_root() && !alone.has_issuer());
    }

    #[test]
    fn several_leaves_need_a_key_to_choose() {
        let root = root("root", 2040);
        let (one, two) =
            (root.issue("one", 2027, false).certificate, root.issue("two", 2027, false).certificate);
        check(&[&one, &two, &root.certificate], "several_leaves");
        let all = || vec![one.clone(), two.clone(), root.certificate.clone()];
        let chosen = Chain::assemble(all(), Some(two.key_fingerprint)).expect("a chain");
        assert_eq!((chosen.leaf, chosen.strays), (two.clone().into(), vec![one.clone().into()]));
        let alien = Chain::assemble(all(), Some(Fingerprint::of(b"another"))).expect_err("a refusal");
        assert_eq!(alien.reason, Reason::KeyMismatch);
    }

    #[test]
    fn authorities_alone_show_the_lowest_or_the_first_to_expire() {
        let root_a = root("root a", 2040);
        let issuing = root_a.issue("issuing", 2035, true);
        let (root_b, root_c) = (root("root b", 2030), root("root c", 2045));
        let (a, i, b, c) =
            (&root_a.certificate, &issuing.certificate, &root_b.certificate, &root_c.certificate);
        check(&[a, i], "issuing < root a");
        check(&[a], "root a");
        check(&[a, i, b, c], "root b | root a, issuing, root c");
        check(&[c, a, i], "issuing < root a | root c");
    }

    #[test]
    fn what_is_trusted_is_shown_by_the_first_to_expire_whoever_issued_whom() {
        let root = root("root", 2040);
        let (one, two) = (root.issue("one", 2029, false), root.issue("two", 2027, false));
        let all = [&root, &one, &two, &one].map(|each| each.certificate.clone());
        let chain = Chain::trusted(all.to_vec()).expect("a chain");
        let strays: Vec<String> = chain.strays.iter().map(|stray| stray.common_name()).collect();
        assert_eq!((chain.leaf.common_name(), strays), ("two".into(), vec!["one".into(), "root".into()]));
        assert!(chain.issuers.is_empty() && chain.in_order);
        assert_eq!(Chain::trusted(Vec::new()).expect_err("nothing").reason, Reason::NoCertificate);
    }

    #[test]
    fn an_authority_that_renewed_its_key_is_told_apart() {
        let (old, new) = (root("root", 2030), root("root", 2040));
        for issuer in [&old, &new] {
            let leaf = issuer.issue("leaf", 2027, false).certificate;
            let all = vec![leaf, new.certificate.clone(), old.certificate.clone()];
            let chain = Chain::assemble(all, None).expect("a chain");
            assert_eq!(chain.issuers, vec![Shared::from(issuer.certificate.clone())]);
        }
    }

    #[test]
    fn authorities_that_certify_each_other_make_no_endless_chain() {
        let (a, b) = (root("a", 2040), root("b", 2040));
        let cross = |of: &Authority, by: &Authority| {
            let issuer = Issuer::from_params(&by.params, &by.key);
            facts(&of.params.signed_by(&of.key, &issuer).expect("a certificate"))
        };
        let leaf = a.issue("leaf", 2027, false).certificate;
        check(&[&leaf, &cross(&a, &b), &cross(&b, &a)], "leaf < a < b");
        check(&[&cross(&a, &b), &cross(&b, &a)], "a < b");
    }
}
