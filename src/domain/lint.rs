//! What is wrong with a certificate by itself, and whether a new one may be used in place of another.
//! It knows nothing of renewals and asks nobody.

use super::certificate::{Certificate, KeyAlgorithm};
use super::chain::Chain;
use super::finding::{Code, Finding, Level};
use super::record::Standing;
use super::{Duration, Timestamp};

/// The smallest RSA modulus that is not weak, in bits (NIST SP 800-131A).
pub const MINIMUM_RSA_BITS: usize = 2048;
/// The smallest elliptic curve that is not weak, in bits (NIST SP 800-131A).
pub const MINIMUM_EC_BITS: usize = 224;

/// Everything wrong with this chain at this moment. `client` tells whether a TLS client presents it.
#[must_use]
pub fn judge(chain: &Chain, client: bool, now: Timestamp) -> Vec<Finding> {
    let leaf = &chain.leaf;
    let mut findings = vec![not_yet_valid(leaf, now), expired(leaf, now), chain_expires(chain, now)];
    if client {
        findings.extend([chain_incomplete(chain), chain_misordered(chain), no_client_auth(leaf)]);
    }
    findings.extend([small_key(leaf), weak_signature(leaf)]);
    findings.into_iter().flatten().collect()
}

/// Why a candidate may not be used at all; none where it may.
#[must_use]
pub fn unusable(candidate: &Standing, client: bool, now: Timestamp) -> Option<String> {
    let leaf = &candidate.chain.leaf;
    if candidate.has_key == Some(false) {
        return Some("it came without its private key, so no caller could use it".to_owned());
    }
    if now < leaf.not_before {
        return Some(format!("it is not valid before {}", minute(leaf.not_before)));
    }
    if client && !leaf.extended_key_usage.allows_client_auth() {
        return Some("it does not allow clientAuth".to_owned());
    }
    (client && !candidate.chain.has_issuer()).then(|| "its issuer is not part of the chain".to_owned())
}

/// Why a candidate may not be used instead of the certificate it replaces; none where it may. `ordered` is the lifetime that
/// was ordered: one that is shorter than the replaced certificate's by the operator's own wish is no misfit.
#[must_use]
pub fn misfit(
    candidate: &Certificate,
    replaced: &Certificate,
    ordered: Duration,
    same_subject: bool,
) -> Option<String> {
    if candidate.not_after <= replaced.not_after {
        return Some(format!("it ends on {}, not later than the one in force", minute(candidate.not_after)));
    }
    if candidate.lifetime() * 10 < replaced.lifetime().min(ordered) * 9 {
        let days = |certificate: &Certificate| certificate.lifetime().num_days();
        return Some(format!("it lives {} days, the one in force {}", days(candidate), days(replaced)));
    }
    if candidate.issuer != replaced.issuer {
        return Some(format!(
            "its issuer is {}, not {}: mappings by issuer and subject would break",
            candidate.issuer, replaced.issuer
        ));
    }
    (same_subject && candidate.subject != replaced.subject)
        .then(|| format!("its subject is {}, not {}", candidate.subject, replaced.subject))
}

fn weak_key(leaf: &Certificate) -> Option<String> {
    let weak = match leaf.key {
        KeyAlgorithm::Rsa(bits) => bits < MINIMUM_RSA_BITS,
        KeyAlgorithm::Ec(bits) => bits < MINIMUM_EC_BITS,
        KeyAlgorithm::Ed25519 | KeyAlgorithm::Other(_) => false,
    };
    weak.then(|| format!("the key of {} is {}", leaf.common_name(), leaf.key))
}

fn is_weak_signature(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["md2", "md4", "md5", "sha1"].iter().any(|weak| name.contains(weak))
}

fn finding(code: Code, level: Level, text: String, way_out: &str) -> Finding {
    Finding { code, level, about: String::new(), text, way_out: way_out.to_owned() }
}

fn not_yet_valid(leaf: &Certificate, now: Timestamp) -> Option<Finding> {
    (now < leaf.not_before).then(|| {
        let text =
            format!("the certificate {} is not valid before {}", leaf.common_name(), minute(leaf.not_before));
        finding(Code::NotYetValid, Level::Critical, text, "wait, or check this machine's clock")
    })
}

fn expired(leaf: &Certificate, now: Timestamp) -> Option<Finding> {
    (now > leaf.not_after).then(|| {
        let text = format!("the certificate {} expired on {}", leaf.common_name(), minute(leaf.not_after));
        finding(Code::Expired, Level::Critical, text, "renew it now and give the new one to every target")
    })
}

fn chain_expires(chain: &Chain, now: Timestamp) -> Option<Finding> {
    let early = chain.issuers.iter().find(|issuer| issuer.not_after < chain.leaf.not_after)?;
    let text = format!(
        "the issuer {} ends on {}, before the certificate itself",
        early.common_name(),
        minute(early.not_after)
    );
    let level = if now > early.not_after { Level::Critical } else { Level::Notice };
    let way_out = "renew from an issuer that lives longer; until then the chain ends early";
    Some(finding(Code::ChainExpires, level, text, way_out))
}

fn chain_incomplete(chain: &Chain) -> Option<Finding> {
    (!chain.has_issuer()).then(|| {
        let (leaf, issuer) = (chain.leaf.common_name(), chain.leaf.issuer_name());
        let text = format!("the issuer of {leaf} ({issuer}) is not part of the chain");
        let way_out = "where the API refuses it, put leaf and intermediate certificates into the entry; many servers know the root only";
        finding(Code::ChainIncomplete, Level::Notice, text, way_out)
    })
}

fn chain_misordered(chain: &Chain) -> Option<Finding> {
    (!chain.in_order).then(|| {
        let text = format!("the chain of {} is not in order, leaf first", chain.leaf.common_name());
        let way_out =
            "write the leaf first, then each issuer; some callers take the first certificate for the leaf";
        finding(Code::ChainMisordered, Level::Warning, text, way_out)
    })
}

fn no_client_auth(leaf: &Certificate) -> Option<Finding> {
    (!leaf.extended_key_usage.allows_client_auth()).then(|| {
        let text = format!("the certificate {} does not allow clientAuth", leaf.common_name());
        let way_out = "issue one with extended key usage clientAuth; public authorities no longer do, the SAP Cloud Root CA does";
        finding(Code::NoClientAuth, Level::Warning, text, way_out)
    })
}

fn small_key(leaf: &Certificate) -> Option<Finding> {
    let way_out = "renew with RSA from 2048 bits or an elliptic curve from 256 bits";
    weak_key(leaf).map(|text| finding(Code::WeakKey, Level::Warning, text, way_out))
}

fn weak_signature(leaf: &Certificate) -> Option<Finding> {
    (is_weak_signature(&leaf.signature) && !leaf.is_self_issued()).then(|| {
        let text = format!("the certificate {} is signed with {}", leaf.common_name(), leaf.signature);
        let way_out = "renew from an authority that signs with SHA-256 or better";
        finding(Code::WeakSignature, Level::Warning, text, way_out)
    })
}

/// A moment as people read it.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::certificate::ExtendedKeyUsage;
    use crate::domain::sample::{certificate, chain, noon, standing};

    /// The findings after this change to a sound chain, as `level code`.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Chain), expected: &[&str]) {
        let mut chain = chain(certificate("SFAPI", 365, 180));
        change(&mut chain);
        let found = judge(&chain, true, noon());
        let found: Vec<String> = found.iter().map(|one| format!("{} {}", one.level, one.code)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_wrong_with_a_certificate_by_itself() {
        check(|_| {}, &[]);
        check(|chain| chain.leaf.not_before = noon() + Duration::hours(1), &["critical not-yet-valid"]);
        check(|chain| chain.leaf.not_after = noon() - Duration::hours(1), &["critical expired"]);
        check(|chain| chain.issuers[0].not_after = noon() + Duration::days(1), &["notice chain-expires"]);
        check(|chain| chain.issuers[0].not_after = noon() - Duration::days(1), &["critical chain-expires"]);
        check(|chain| chain.issuers.clear(), &["notice chain-incomplete"]);
        check(|chain| chain.in_order = false, &["warning chain-misordered"]);
        check(
            |chain| {
                chain.leaf.extended_key_usage =
                    ExtendedKeyUsage { present: true, ..ExtendedKeyUsage::default() };
            },
            &["warning no-client-auth"],
        );
        check(|chain| chain.leaf.key = KeyAlgorithm::Rsa(1024), &["warning weak-key"]);
        check(|chain| chain.leaf.key = KeyAlgorithm::Rsa(2048), &[]);
        check(|chain| chain.leaf.signature = "sha1WithRSAEncryption".into(), &["warning weak-signature"]);
    }

    #[test]
    fn a_servers_certificate_needs_no_client_auth_and_no_chain() {
        let mut chain = chain(certificate("www", 90, 60));
        chain.issuers.clear();
        chain.extended_off();
        assert_eq!(judge(&chain, false, noon()), Vec::new());
    }

    impl Chain {
        fn extended_off(&mut self) {
            self.leaf.extended_key_usage = ExtendedKeyUsage { present: true, ..ExtendedKeyUsage::default() };
        }
    }

    #[test]
    fn a_candidate_without_key_or_before_its_time_is_unusable() {
        let sound = || standing("new.pem", certificate("SFAPI", 365, 365));
        assert_eq!(unusable(&sound(), true, noon()), None);
        assert!(unusable(&Standing { has_key: Some(false), ..sound() }, true, noon()).is_some());
        assert!(unusable(&Standing { has_key: None, ..sound() }, true, noon()).is_none());
        let mut early = sound();
        early.chain.leaf.not_before = noon() + Duration::minutes(1);
        assert!(unusable(&early, true, noon()).is_some());
        let mut bare = sound();
        bare.chain.issuers.clear();
        assert!(unusable(&bare, true, noon()).is_some() && unusable(&bare, false, noon()).is_none());
    }

    #[test]
    fn a_candidate_that_differs_where_it_must_not_is_a_misfit() {
        let old = certificate("SFAPI", 365, 60);
        let year = Duration::days(365);
        let good = certificate("SFAPI", 365, 365);
        assert_eq!(misfit(&good, &old, year, true), None);
        assert!(misfit(&certificate("SFAPI-2", 365, 365), &old, year, true).is_some());
        assert_eq!(misfit(&certificate("SFAPI-2", 365, 365), &old, year, false), None);
        assert!(misfit(&certificate("SFAPI", 365, 60), &old, year, true).is_some(), "no later end");
        let short = certificate("SFAPI", 90, 90);
        assert!(misfit(&short, &old, year, true).is_some(), "a year was ordered");
        assert_eq!(misfit(&short, &old, Duration::days(90), true), None, "90 days were ordered");
        let mut other = good;
        other.issuer = old.subject.clone();
        assert!(misfit(&other, &old, year, true).is_some());
    }
}
