//! What is wrong with a certificate by itself, and whether a new one may be used in place of another.
//! It knows nothing of renewals and asks nobody.

use std::collections::BTreeMap;

use super::certificate::{Certificate, KeyAlgorithm};
use super::chain::Chain;
use super::finding::{Code, Finding, Level};
use super::record::Standing;
use super::watch::{SourceFacts, Usage};
use super::{Duration, Timestamp};

/// The smallest RSA modulus that is not weak, in bits (NIST SP 800-131A).
pub const MINIMUM_RSA_BITS: usize = 2048;
/// The smallest elliptic curve that is not weak, in bits (NIST SP 800-131A).
pub const MINIMUM_EC_BITS: usize = 224;

/// How long a server's certificate may live in days, by the day from which that holds (CA/Browser Forum, ballots SC-31 and SC-081v3).
const SERVER_LIVES: [((i32, u32, u32), i64); 4] =
    [((2029, 3, 15), 47), ((2027, 3, 15), 100), ((2026, 3, 15), 200), ((2020, 9, 1), 398)];

/// The judgements about a certificate alone, which an operator may switch off or give another level.
pub const LINTS: [Code; 19] = [
    Code::ChainExpires,
    Code::ChainIncomplete,
    Code::ChainMisordered,
    Code::NoClientAuth,
    Code::NoServerAuth,
    Code::KeyUsage,
    Code::NameMismatch,
    Code::SelfSigned,
    Code::Untrusted,
    Code::DuplicateSerial,
    Code::KeyMismatch,
    Code::Drift,
    Code::Revoked,
    Code::RevocationUnknown,
    Code::LifetimeOverLimit,
    Code::WeakKey,
    Code::WeakSignature,
    Code::SubjectChanged,
    Code::ShorterLived,
];

/// What becomes of a judgement: switched off, or this level; as it is where nothing is said.
pub type Lints = BTreeMap<Code, Option<Level>>;

/// Everything wrong with this chain at this moment, in this use.
#[must_use]
pub fn judge(chain: &Chain, source: &SourceFacts, now: Timestamp) -> Vec<Finding> {
    if source.usage == Usage::Trust {
        return judge_trusted(chain, now);
    }
    let leaf = &chain.leaf;
    let mut findings = vec![not_yet_valid(leaf, now), expired(leaf, now)];
    findings.extend(match source.usage {
        Usage::Client => vec![chain_incomplete(chain), chain_misordered(chain), no_client_auth(leaf)],
        Usage::Server => {
            let names = source.served_as.iter().map(|name| name_mismatch(leaf, name));
            [no_server_auth(leaf), lifetime_over_limit(leaf)].into_iter().chain(names).collect()
        }
        Usage::Trust | Usage::Any => Vec::new(),
    });
    if matches!(source.usage, Usage::Client | Usage::Server) {
        findings.extend([key_usage(leaf), self_signed(leaf)]);
    }
    findings.extend([small_key(leaf), weak_signature(leaf)]);
    findings.into_iter().flatten().chain(chain_expires(chain, now)).collect()
}

/// Each trusted certificate on its own; what is no longer valid helps nobody and may hide that its successor is missing.
fn judge_trusted(chain: &Chain, now: Timestamp) -> Vec<Finding> {
    let way_out = "put its successor beside it where one is needed, and take it out";
    let all = chain.iter().chain(chain.strays.iter().map(|stray| &**stray));
    let judged = all.enumerate().flat_map(|(number, one)| {
        let about = if number == 0 { String::new() } else { one.fingerprint.short() };
        let expired = expired(one, now).map(|found| Finding { way_out: way_out.to_owned(), ..found });
        let found = [not_yet_valid(one, now), expired, small_key(one), weak_signature(one)];
        found.into_iter().flatten().map(move |found| Finding { about: about.clone(), ..found })
    });
    judged.collect()
}

/// What the operator made of these judgements.
pub(super) fn weigh(findings: &mut Vec<Finding>, lints: &Lints) {
    // Rare enough to be worth saying only where somebody asks for it.
    let unasked =
        |finding: &Finding| finding.code == Code::LifetimeOverLimit && !lints.contains_key(&finding.code);
    findings.retain(|finding| !unasked(finding) && lints.get(&finding.code) != Some(&None));
    for finding in findings {
        if let Some(Some(level)) = lints.get(&finding.code) {
            finding.level = *level;
        }
    }
}

/// Why a candidate may not be used at all; none where it may.
#[must_use]
pub fn unusable(candidate: &Standing, usage: Usage, now: Timestamp) -> Option<String> {
    let (leaf, client) = (&candidate.chain.leaf, usage == Usage::Client);
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

/// Each issuer that ends before the certificate itself, apart.
fn chain_expires(chain: &Chain, now: Timestamp) -> impl Iterator<Item = Finding> {
    let early = chain.issuers.iter().filter(|issuer| issuer.not_after < chain.leaf.not_after);
    early.enumerate().map(move |(number, early)| {
        let text = format!(
            "the issuer {} ends on {}, before the certificate itself",
            early.common_name(),
            minute(early.not_after)
        );
        let level = if now > early.not_after { Level::Critical } else { Level::Notice };
        let way_out = "renew from an issuer that lives longer; until then the chain ends early";
        let about = if number == 0 { String::new() } else { early.fingerprint.short() };
        Finding { about, ..finding(Code::ChainExpires, level, text, way_out) }
    })
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

fn no_server_auth(leaf: &Certificate) -> Option<Finding> {
    (!leaf.extended_key_usage.allows_server_auth()).then(|| {
        let text = format!("the certificate {} does not allow serverAuth", leaf.common_name());
        let way_out = "issue one with extended key usage serverAuth; clients refuse it as a server's";
        finding(Code::NoServerAuth, Level::Warning, text, way_out)
    })
}

/// Where the use of the key is limited at all, TLS 1.3 needs signatures (RFC 5280 §4.2.1.3, RFC 8446 §4.4.2.2).
fn key_usage(leaf: &Certificate) -> Option<Finding> {
    let usage = leaf.key_usage();
    (!usage.is_empty() && !usage.contains(&"digitalSignature")).then(|| {
        let text = format!("the key of {} may not sign (key usage {})", leaf.common_name(), usage.join(", "));
        let way_out = "issue one with key usage digitalSignature; without it TLS 1.3 cannot be used";
        finding(Code::KeyUsage, Level::Warning, text, way_out)
    })
}

fn self_signed(leaf: &Certificate) -> Option<Finding> {
    leaf.is_self_issued().then(|| {
        let text = format!("the certificate {} is signed by itself", leaf.common_name());
        let way_out = "nothing, where everybody who must trust it knows it; else have an authority sign it";
        finding(Code::SelfSigned, Level::Notice, text, way_out)
    })
}

/// By subject alternative names only (RFC 9525): a common name is not looked at.
fn name_mismatch(leaf: &Certificate, name: &str) -> Option<Finding> {
    let names = leaf.alternative_names();
    (!names.iter().any(|known| is_for(known, name))).then(|| {
        let shown = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
        let text = format!("the certificate {} is not for {name}: it is for {shown}", leaf.common_name());
        let way_out = "issue one with this name as a subject alternative name, or correct server_name";
        Finding { about: name.to_owned(), ..finding(Code::NameMismatch, Level::Critical, text, way_out) }
    })
}

fn is_for(known: &str, name: &str) -> bool {
    if let Some(address) = known.strip_prefix("IP:") {
        let parsed: Option<(std::net::IpAddr, std::net::IpAddr)> =
            address.parse().ok().zip(name.parse().ok());
        return parsed.is_some_and(|(known, name)| known == name);
    }
    let Some(host) = known.strip_prefix("DNS:") else { return false };
    let name = name.trim_end_matches('.');
    if let Some(domain) = host.strip_prefix("*.") {
        let rest = name.split_once('.').filter(|(label, _)| !label.is_empty());
        return rest.is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain));
    }
    host.eq_ignore_ascii_case(name)
}

/// Public authorities may not issue longer; private ones may, so it is said only where somebody asks for it.
fn lifetime_over_limit(leaf: &Certificate) -> Option<Finding> {
    let issued = leaf.not_before.date_naive();
    let from = |(year, month, day)| chrono::NaiveDate::from_ymd_opt(year, month, day);
    let (_, limit) = SERVER_LIVES.into_iter().find(|(day, _)| from(*day).is_some_and(|day| day <= issued))?;
    let days = leaf.lifetime().num_days();
    (days > limit).then(|| {
        let text = format!(
            "the certificate {} lives {days} days; public authorities may issue for {limit} days since its day",
            leaf.common_name()
        );
        let way_out = "renew it for a shorter time; browsers refuse what public authorities issue for longer";
        finding(Code::LifetimeOverLimit, Level::Notice, text, way_out)
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
    use crate::domain::sample::{certificate, chain, noon, standing, watch};

    /// The findings after this change to a sound chain, as `level code`.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Chain), expected: &[&str]) {
        let mut chain = chain(certificate("SFAPI", 365, 180));
        change(&mut chain);
        let found = judge(&chain, &watch().source, noon());
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
        let nobodys = SourceFacts { usage: Usage::Any, ..watch().source };
        assert_eq!(judge(&chain, &nobodys, noon()), Vec::new());
    }

    /// The findings about a server's certificate that is served under this name, as `level code`.
    #[track_caller]
    fn check_server(name: &str, change: impl FnOnce(&mut rcgen::CertificateParams), expected: &[&str]) {
        let mut params = rcgen::CertificateParams::new([
            "www.example.org".to_owned(),
            "*.api.example.org".to_owned(),
            "192.0.2.7".to_owned(),
        ])
        .unwrap();
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = rcgen::date_time_ymd(2026, 4, 1);
        params.not_after = rcgen::date_time_ymd(2026, 9, 1);
        change(&mut params);
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap();
        let served_as = vec![name.to_owned()];
        let source = SourceFacts { usage: Usage::Server, served_as, ..watch().source };
        let found = judge(&chain(leaf), &source, noon());
        let found: Vec<String> = found
            .iter()
            .map(|one| format!("{} {}", one.level, one.code))
            .filter(|one| one != "notice self-signed" && !one.ends_with("chain-expires"))
            .collect();
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn a_servers_certificate_is_for_the_names_in_it_and_no_others() {
        let wrong = ["critical name-mismatch"];
        for name in ["www.example.org", "WWW.example.org.", "eu.api.example.org", "192.0.2.7"] {
            check_server(name, |_| {}, &[]);
        }
        for name in ["example.org", "api.example.org", "a.b.api.example.org", "192.0.2.8", ".api.example.org"]
        {
            check_server(name, |_| {}, &wrong);
        }
    }

    #[test]
    fn what_is_wrong_with_a_servers_certificate() {
        use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
        let client = vec![ExtendedKeyUsagePurpose::ClientAuth];
        check_server(
            "www.example.org",
            |params| params.extended_key_usages = client,
            &["warning no-server-auth"],
        );
        let agreement = vec![KeyUsagePurpose::KeyAgreement];
        check_server("www.example.org", |params| params.key_usages = agreement, &["warning key-usage"]);
        check_server(
            "www.example.org",
            |params| params.not_after = rcgen::date_time_ymd(2027, 1, 1),
            &["notice lifetime-over-limit"],
        );
        check_server("www.example.org", |params| params.not_before = rcgen::date_time_ymd(2026, 3, 1), &[]);
    }

    #[test]
    fn an_operator_may_switch_a_judgement_off_or_give_it_another_level() {
        let found = |lints: &[(Code, Option<Level>)]| {
            let mut chain = chain(certificate("SFAPI", 365, 180));
            (chain.leaf.key, chain.in_order) = (KeyAlgorithm::Rsa(1024), false);
            let mut findings = judge(&chain, &watch().source, noon());
            findings.push(finding(Code::LifetimeOverLimit, Level::Notice, String::new(), ""));
            weigh(&mut findings, &lints.iter().copied().collect());
            findings.iter().map(|one| format!("{} {}", one.level, one.code)).collect::<Vec<_>>()
        };
        assert_eq!(found(&[]), ["warning chain-misordered", "warning weak-key"]);
        let set = [
            (Code::ChainMisordered, None),
            (Code::WeakKey, Some(Level::Critical)),
            (Code::LifetimeOverLimit, Some(Level::Warning)),
        ];
        assert_eq!(found(&set), ["critical weak-key", "warning lifetime-over-limit"]);
    }

    #[test]
    fn each_trusted_certificate_is_judged_on_its_own_and_by_no_use() {
        let mut old = certificate("old root", 365, 10);
        old.not_after = noon() - Duration::days(2);
        let mut gone = certificate("gone root", 365, 10);
        gone.not_after = noon() - Duration::days(1);
        let mut sound = certificate("sound root", 365, 180);
        sound.extended_key_usage = ExtendedKeyUsage { present: true, ..ExtendedKeyUsage::default() };
        let print = gone.fingerprint.short();
        let chain = Chain::trusted(vec![sound, gone, old]).unwrap();
        let source = SourceFacts { usage: Usage::Trust, ..watch().source };
        let found = judge(&chain, &source, noon());
        let shown: Vec<(Code, &str)> = found.iter().map(|one| (one.code, one.about.as_str())).collect();
        assert_eq!(shown, [(Code::Expired, ""), (Code::Expired, print.as_str())]);
        assert!(found.iter().all(|one| one.way_out.starts_with("put its successor")));
    }

    impl Chain {
        fn extended_off(&mut self) {
            self.leaf.extended_key_usage = ExtendedKeyUsage { present: true, ..ExtendedKeyUsage::default() };
        }
    }

    #[test]
    fn a_candidate_without_key_or_before_its_time_is_unusable() {
        let sound = || standing("new.pem", certificate("SFAPI", 365, 365));
        assert_eq!(unusable(&sound(), Usage::Client, noon()), None);
        assert!(unusable(&Standing { has_key: Some(false), ..sound() }, Usage::Client, noon()).is_some());
        assert!(unusable(&Standing { has_key: None, ..sound() }, Usage::Client, noon()).is_none());
        let mut early = sound();
        early.chain.leaf.not_before = noon() + Duration::minutes(1);
        assert!(unusable(&early, Usage::Client, noon()).is_some());
        let mut bare = sound();
        bare.chain.issuers.clear();
        assert!(
            unusable(&bare, Usage::Client, noon()).is_some() && unusable(&bare, Usage::Any, noon()).is_none()
        );
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
