//! What is probably wrong where a person said that it is done and the API says otherwise, the likeliest first; and whether
//! the callers are cut off meanwhile. It asks nobody and probes nothing.

use super::certificate::Certificate;
use super::lint::minute;
use super::record::{Ask, HandOffFacts, Record, Role, Standing};
use super::report::Sign;
use super::verdict::{Detail, Verdict};
use super::watch::{Mapping, Target, Watch};
use super::{Duration, Timestamp};

/// One thing that is probably wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What it may be, as a sentence without a full stop.
    pub text: String,
    /// What to do then, likewise.
    pub way_out: String,
}

/// How an upload and the API's answer to it stand to each other.
#[derive(Debug, Clone, Copy)]
pub struct Doubt<'a> {
    /// What was asked.
    pub ask: Ask,
    /// What the mapping was to be.
    pub mapping: &'a Mapping,
    /// The certificate that was to be mapped.
    pub leaf: &'a Certificate,
    /// When a person first said that it is saved.
    pub first_saved: Option<Timestamp>,
    /// When a person last said so, where the API was asked since.
    pub saved: Option<Timestamp>,
    /// What the API said of it last.
    pub verdict: Verdict,
    /// What more it said.
    pub detail: Option<Detail>,
    /// When it last recognised the certificate, where it once did.
    pub recognised: Option<Timestamp>,
    /// What the same call said last of the certificate in force, where that is another one.
    pub beside: Option<Verdict>,
    /// Whether the mapping of the certificate in force was deleted meanwhile, which says nothing against the call.
    pub is_cut_off: bool,
    /// The authorities that the server named as acceptable; empty where it named none.
    pub authorities: &'a [String],
    /// The moment.
    pub now: Timestamp,
}

/// How long an upload is given to be known everywhere.
///
/// `sap/successfactors.md` §2.4: the time is not documented; KBA 3505973 speaks of uploads that did not get synchronised.
const SYNCHRONISED_WITHIN: Duration = Duration::hours(1);

/// What is probably wrong, in the order of blame of `sap/successfactors.md` §3.3: the call itself, the age of the upload, what
/// was uploaded and where, and at last the platform.
#[must_use]
pub fn causes(doubt: &Doubt<'_>) -> Vec<Cause> {
    match doubt.verdict {
        Verdict::NotMapped if doubt.saved.is_some() => not_mapped(doubt),
        Verdict::NoPermission if doubt.beside != Some(Verdict::NoPermission) => vec![no_permission(doubt)],
        Verdict::CertificateRefused => vec![refused(doubt)],
        Verdict::CredentialsRequired => vec![wrong_call()],
        Verdict::LoginRefused => vec![login(doubt)],
        Verdict::NotMapped
        | Verdict::Accepted
        | Verdict::NoPermission
        | Verdict::CertificateRequired
        | Verdict::RateLimited
        | Verdict::Unavailable
        | Verdict::UnexpectedAnswer
        | Verdict::ServerUntrusted
        | Verdict::ServerExpired
        | Verdict::ServerNameMismatch
        | Verdict::TlsFailed
        | Verdict::Timeout
        | Verdict::ConnectionRefused
        | Verdict::ConnectionReset
        | Verdict::DnsFailed => Vec::new(),
    }
}

fn cause(text: impl Into<String>, way_out: impl Into<String>) -> Cause {
    Cause { text: text.into(), way_out: way_out.into() }
}

fn not_mapped(doubt: &Doubt<'_>) -> Vec<Cause> {
    let is_young = |saved: Timestamp| doubt.now - saved < SYNCHRONISED_WITHIN;
    let beside_recognised = doubt.beside.is_some_and(Verdict::recognised);
    let mut causes = Vec::new();
    // Where the same call is accepted with the certificate in force, its host and its company id are right.
    if !beside_recognised && !doubt.is_cut_off {
        causes.push(call_in_doubt(doubt));
    }
    causes.extend(doubt.recognised.map(was_lost));
    if doubt.ask == Ask::Replace && beside_recognised {
        causes.push(old_still_there());
    }
    if doubt.saved.is_some_and(is_young) {
        causes.push(too_young(doubt.saved));
    }
    causes.extend([other_company(doubt.mapping), other_file(doubt.leaf), not_saved(doubt.ask)]);
    causes.extend(other_integration(doubt.mapping));
    causes.extend([other_login(doubt.mapping), found_first(doubt.ask)]);
    if doubt.first_saved.is_some_and(|first| !is_young(first)) {
        causes.push(not_synchronised(doubt.first_saved));
    }
    causes
}

/// Company id and host: KBA 3333286, 3737619.
fn call_in_doubt(doubt: &Doubt<'_>) -> Cause {
    let beside = match doubt.beside {
        Some(verdict) => format!("the API does not accept the certificate in force either ({verdict})"),
        None => "no other certificate shows that the call itself is right".to_owned(),
    };
    cause(
        format!("the call may be wrong rather than the mapping: {beside}"),
        "whoever runs certsteward compares the company id and the host of the probe with the tenant; the host has .cert. in it (KBA 3737619)",
    )
}

fn wrong_call() -> Cause {
    cause(
        "the call did not reach the host that reads client certificates, or names no company",
        "nothing is to be uploaded; whoever runs certsteward uses the host with .cert. and sends the company id (KBA 3737619)",
    )
}

fn was_lost(until: Timestamp) -> Cause {
    cause(
        format!("it was accepted until {}: its line has been deleted since", minute(until)),
        "look for the line in the list; where it is gone, add it again",
    )
}

fn old_still_there() -> Cause {
    cause(
        "the old certificate is still accepted: its line was not deleted, or the old file was uploaded again",
        "delete the line and add the new file; both have the same subject, only the end date and the fingerprint tell them apart",
    )
}

/// KBA 3505973.
fn too_young(saved: Option<Timestamp>) -> Cause {
    cause(
        format!("the upload is young{}: it can take a while until the API knows it", since(saved)),
        "wait; certsteward looks again by itself, and says so when an hour has passed",
    )
}

fn since(saved: Option<Timestamp>) -> String {
    saved.map(|saved| format!(" (saved {})", minute(saved))).unwrap_or_default()
}

fn other_company(mapping: &Mapping) -> Cause {
    let company = mapping.company_id.as_deref().map_or_else(String::new, |id| format!(" than {id}"));
    cause(
        format!("it was saved in another company{company}: production and preview look alike"),
        "compare the company at the top of the Admin Center; in the wrong one delete your own line, then add it in the right one",
    )
}

fn other_file(leaf: &Certificate) -> Cause {
    cause(
        "another file was uploaded: an older certificate, another system's, or a file with the private key",
        format!(
            "compare the line with the name {}, the end date {} and the fingerprint; delete the line that you added, then upload the file of this hand-off. Was it a file with a private key? Say so at once to whoever runs certsteward: that key is no secret any more",
            leaf.common_name(),
            leaf.not_after.format("%Y-%m-%d")
        ),
    )
}

/// KBA 3574501.
fn not_saved(ask: Ask) -> Cause {
    let way_out = match ask {
        Ask::Add => {
            "look for the line in the list; where it is missing, add it again. \"Already registered\" means that the same issuer and subject stand in this or another company: tell whoever runs certsteward, delete nothing for it (KBA 3574501)"
        }
        Ask::Replace | Ask::Remove => {
            "look for the line in the list; where it is missing, add it again. \"Already registered\" means that the old line is still there: delete it first (KBA 3574501)"
        }
    };
    cause("it was not saved: the form was closed before Save, or the page refused the file", way_out)
}

/// KBA 3417151.
fn other_integration(mapping: &Mapping) -> Option<Cause> {
    let wanted = Some(&mapping.integration_name).filter(|name| !name.is_empty())?;
    Some(cause(
        format!("the line has another Integration Name than {wanted}"),
        "a line cannot be changed: delete the one that you added, then add it with that name (KBA 3417151)",
    ))
}

fn other_login(mapping: &Mapping) -> Cause {
    match &mapping.login_name {
        Some(login) => cause(
            format!(
                "the Login Name is not exactly {login}: misspelt, with a blank before or behind, or the user is inactive"
            ),
            "delete the line that you added, then add it with the name copied from here",
        ),
        None => cause(
            "a Login Name was given where none is wanted",
            "delete the line that you added, then add it with that field empty",
        ),
    }
}

fn found_first(ask: Ask) -> Cause {
    let text = "another line with the same issuer and subject is found first";
    match ask {
        Ask::Replace => {
            cause(text, "delete every line with that subject and issuer, then upload this file again")
        }
        Ask::Add | Ask::Remove => cause(
            text,
            "delete nothing but the line that you added yourself: the other one may be in use; tell whoever runs certsteward",
        ),
    }
}

/// KBA 3505973: delete and upload again, else a ticket.
fn not_synchronised(saved: Option<Timestamp>) -> Cause {
    cause(
        format!("the upload did not arrive everywhere{}", since(saved)),
        "delete the line that you added and upload the same file again (KBA 3505973); if the API still says no an hour later, open a ticket with SAP",
    )
}

/// KBA 3417151, 3363735.
fn no_permission(doubt: &Doubt<'_>) -> Cause {
    let login = doubt.mapping.login_name.as_deref();
    let who =
        login.map_or_else(|| "its login".to_owned(), |login| format!("its login, which should be {login},"));
    cause(
        format!("the mapping is found, but {who} may not read what the probe reads (403)"),
        "compare the Login Name of the new line with the one on this hand-off; where it differs, delete the line that you added and add it again, else give that user the permission (KBA 3417151)",
    )
}

/// KBA 3419621, 3711618.
fn refused(doubt: &Doubt<'_>) -> Cause {
    let issuer = doubt.leaf.issuer.to_string();
    let strange = !doubt.authorities.is_empty() && !doubt.authorities.contains(&issuer);
    let text = match (doubt.detail, strange) {
        (Some(Detail::Expired), _) => {
            "the server holds the certificate itself to be expired or not yet valid".to_owned()
        }
        (Some(Detail::Revoked), _) => "the server holds the certificate itself to be revoked".to_owned(),
        (Some(Detail::Unsupported), _) => {
            "the server does not take this kind of certificate: the use clientAuth may be missing".to_owned()
        }
        (Some(Detail::UnknownCa), _) | (_, true) => {
            format!("the server does not trust the authority that issued the certificate ({issuer})")
        }
        (Some(_) | None, false) => "the server refuses the certificate itself".to_owned(),
    };
    cause(
        text,
        "no upload mends that; whoever runs certsteward looks at its dates, its chain and its issuer (KBA 3419621)",
    )
}

/// KBA 2161058, 2253200, 2254423, 2524436.
fn login(doubt: &Doubt<'_>) -> Cause {
    let login = doubt.mapping.login_name.as_deref().unwrap_or("the technical user");
    let (text, way_out) = match doubt.detail {
        Some(Detail::IpNotAllowed) => (
            format!("{login} may not log in from this machine's address"),
            "allow the address under Set API Login Exceptions (KBA 2253200)",
        ),
        Some(Detail::UserLocked) => (format!("{login} is locked"), "unlock the user"),
        Some(Detail::PasswordExpired) => {
            (format!("the password of {login} has expired"), "set one that does not expire for API users")
        }
        Some(Detail::CompanyUnknown) => (
            "the company id of the probe is not known there".to_owned(),
            "whoever runs certsteward compares the company id with the tenant; its case matters",
        ),
        Some(Detail::ApiOff) => {
            ("the API is switched off for this company".to_owned(), "have it switched on in Provisioning")
        }
        Some(Detail::UnknownCa | Detail::Expired | Detail::Revoked | Detail::Unsupported)
        | Some(Detail::Bad | Detail::Unspecified)
        | None => {
            (format!("{login} is not let in"), "look at the user: locked, inactive, or its password expired")
        }
    };
    cause(text, format!("{way_out}; the upload itself may be right"))
}

/// What is probably wrong with what was asked of this target about the certificate of this role.
#[must_use]
pub fn about(watch: &Watch, record: &Record, target: &Target, role: Role, now: Timestamp) -> Vec<Cause> {
    let Some((facts, standing)) = asked(record, target, role) else {
        return Vec::new();
    };
    let Some(probe) = watch.probe_of(target) else {
        return Vec::new();
    };
    let Some((probes, last)) =
        standing.probes.get(&probe.id).and_then(|probes| Some((probes, probes.last.as_ref()?)))
    else {
        return Vec::new();
    };
    let beside = record.in_force.as_ref().filter(|other| other.fingerprint() != standing.fingerprint());
    causes(&Doubt {
        ask: facts.ask,
        mapping: &target.mapping,
        leaf: &standing.chain.leaf,
        first_saved: saved(facts).next(),
        saved: saved(facts).filter(|saved| *saved <= last.at).last(),
        verdict: last.verdict,
        detail: last.detail,
        recognised: probes.recognised_at,
        beside: beside.and_then(|other| other.verdict(&probe.id)),
        is_cut_off: cut_off(watch, record, target).is_some(),
        authorities: &last.acceptable_authorities,
        now,
    })
}

fn asked<'a>(record: &'a Record, target: &Target, role: Role) -> Option<(&'a HandOffFacts, &'a Standing)> {
    let standing = record.standing(role)?;
    Some((standing.targets.get(&target.id)?.open_hand_off()?, standing))
}

fn saved(facts: &HandOffFacts) -> impl Iterator<Item = Timestamp> {
    facts.signs.iter().filter(|(_, sign, _)| *sign == Sign::Saved).map(|(at, _, _)| *at)
}

/// The callers are cut off while a person is asked about the certificate that comes next: the mapping in use is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutOff {
    /// Since when, as far as calls showed.
    pub since: Timestamp,
    /// What is the case, as a sentence without a full stop.
    pub text: String,
    /// What to do at once, likewise.
    pub way_out: String,
}

/// Whether the mapping of the certificate in force was deleted while this target's question about the candidate is open.
#[must_use]
pub fn cut_off(watch: &Watch, record: &Record, target: &Target) -> Option<CutOff> {
    let (facts, candidate) = asked(record, target, Role::Candidate)?;
    let in_force = record.in_force.as_ref()?;
    let probes = in_force.probes.get(&watch.probe_of(target)?.id)?;
    let last = probes.last.as_ref().filter(|last| last.verdict == Verdict::NotMapped)?;
    probes.recognised_at?;
    let since = probes.since.unwrap_or(last.at);
    let (old, new) = (&in_force.chain.leaf, &candidate.chain.leaf);
    let text = format!(
        "{} does not know the certificate in force ({}) any more since {}: the callers are cut off now",
        target.id,
        old.common_name(),
        minute(since)
    );
    let way_out = match facts.ask {
        Ask::Add | Ask::Remove => format!(
            "put it back first: add the certificate in force again ({}, fingerprint {}, the file in-force in the mail and on the page, or /watches/{}/in-force.pem) with the same fields; then add the new one beside it, and delete nothing",
            old.common_name(),
            old.fingerprint.short(),
            watch.id
        ),
        Ask::Replace => format!(
            "upload the new certificate at once (fingerprint {}): the switch follows as soon as the API accepts it. If that cannot be done now, put the old one back ({}, /watches/{}/in-force.pem)",
            new.fingerprint.short(),
            old.fingerprint.short(),
            watch.id
        ),
    };
    Some(CutOff { since, text, way_out })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample::{answered, certificate, noon, renewing, standing, watch};

    struct Case {
        ask: Ask,
        verdict: Verdict,
        detail: Option<Detail>,
        saved_minutes_ago: &'static [i64],
        beside: Option<Verdict>,
        recognised: bool,
        authorities: &'static [&'static str],
    }

    const UPLOADED: Case = Case {
        ask: Ask::Add,
        verdict: Verdict::NotMapped,
        detail: None,
        saved_minutes_ago: &[5],
        beside: Some(Verdict::Accepted),
        recognised: false,
        authorities: &[],
    };

    /// The probable causes, each by its first words.
    fn blamed(case: &Case) -> Vec<String> {
        let leaf = certificate("SFAPI-2", 365, 365);
        let authorities: Vec<String> = case.authorities.iter().map(ToString::to_string).collect();
        let ago = |minutes: &i64| noon() - Duration::minutes(*minutes);
        let doubt = Doubt {
            ask: case.ask,
            mapping: &watch().targets[0].mapping,
            leaf: &leaf,
            first_saved: case.saved_minutes_ago.first().map(ago),
            saved: case.saved_minutes_ago.last().map(ago),
            verdict: case.verdict,
            detail: case.detail,
            recognised: case.recognised.then(noon),
            beside: case.beside,
            is_cut_off: false,
            authorities: &authorities,
            now: noon(),
        };
        let words = |text: &str| text.split(' ').take(4).collect::<Vec<_>>().join(" ");
        causes(&doubt).iter().map(|cause| words(&cause.text)).collect()
    }

    const PERSON: [&str; 6] = [
        "it was saved in",
        "another file was uploaded:",
        "it was not saved:",
        "the line has another",
        "the Login Name is",
        "another line with the",
    ];

    fn check(case: &Case, before: &[&str], after: &[&str]) {
        let expected: Vec<&str> = before.iter().chain(&PERSON).chain(after).copied().collect();
        assert_eq!(blamed(case), expected);
    }

    #[test]
    fn what_nobody_says_is_done_is_in_no_doubt() {
        assert!(blamed(&Case { saved_minutes_ago: &[], ..UPLOADED }).is_empty());
    }

    #[test]
    fn a_young_upload_is_first_given_time_and_deleted_and_uploaded_again_after_an_hour() {
        check(&UPLOADED, &["the upload is young"], &[]);
        check(&Case { saved_minutes_ago: &[61], ..UPLOADED }, &[], &["the upload did not"]);
        let again = Case { saved_minutes_ago: &[120, 3], ..UPLOADED };
        check(&again, &["the upload is young"], &["the upload did not"]);
    }

    #[test]
    fn the_call_is_blamed_first_unless_the_certificate_in_force_shows_that_it_is_right() {
        for beside in
            [None, Some(Verdict::NotMapped), Some(Verdict::CredentialsRequired), Some(Verdict::Timeout)]
        {
            check(&Case { beside, ..UPLOADED }, &["the call may be", "the upload is young"], &[]);
        }
        let no_permission = Case { beside: Some(Verdict::NoPermission), ..UPLOADED };
        check(&no_permission, &["the upload is young"], &[]);
    }

    #[test]
    fn where_the_old_one_was_to_go_and_is_still_accepted_that_is_blamed_first() {
        let replace = Case { ask: Ask::Replace, ..UPLOADED };
        check(&replace, &["the old certificate is", "the upload is young"], &[]);
    }

    #[test]
    fn what_was_accepted_before_was_deleted_since() {
        check(&Case { recognised: true, ..UPLOADED }, &["it was accepted until", "the upload is young"], &[]);
    }

    #[test]
    fn what_no_upload_mends_is_said_without_one() {
        let of = |verdict, detail| blamed(&Case { verdict, detail, saved_minutes_ago: &[], ..UPLOADED });
        assert_eq!(of(Verdict::NoPermission, None), ["the mapping is found,"]);
        assert_eq!(of(Verdict::CertificateRefused, Some(Detail::Expired)), ["the server holds the"]);
        assert_eq!(of(Verdict::CertificateRefused, Some(Detail::Unspecified)), ["the server refuses the"]);
        assert_eq!(of(Verdict::CredentialsRequired, None), ["the call did not"]);
        assert_eq!(of(Verdict::LoginRefused, Some(Detail::UserLocked)), ["SFAPI is locked"]);
        for verdict in [Verdict::Accepted, Verdict::Unavailable, Verdict::Timeout, Verdict::RateLimited] {
            assert!(of(verdict, None).is_empty(), "{verdict}");
        }
    }

    #[test]
    fn a_403_of_both_is_the_logins_and_no_reason_for_another_upload() {
        let both = Verdict::NoPermission;
        assert!(blamed(&Case { verdict: both, beside: Some(both), ..UPLOADED }).is_empty());
    }

    #[test]
    fn an_issuer_that_the_server_does_not_name_is_blamed() {
        let refused = Case { verdict: Verdict::CertificateRefused, ..UPLOADED };
        let strange = Case { authorities: &["CN=Another CA"], ..refused };
        assert_eq!(blamed(&strange), ["the server does not"]);
        let named = Case { authorities: &["CN=Sample CA"], ..strange };
        assert_eq!(blamed(&named), ["the server refuses the"]);
    }

    fn record(ask: Ask, in_force: Verdict, was_recognised: bool) -> Record {
        let mut old = answered(standing("sfapi.pem", certificate("SFAPI", 365, 30)), in_force);
        old.probes.get_mut("odata").unwrap().recognised_at = was_recognised.then(noon);
        let mut new = answered(standing("sfapi-2.pem", certificate("SFAPI-2", 365, 365)), Verdict::NotMapped);
        let facts = HandOffFacts {
            ask,
            opened: noon(),
            token: String::new(),
            signs: Vec::new(),
            reminded: Vec::new(),
            escalated: None,
            closed: None,
            withdrawn: false,
        };
        new.targets.entry("centre".to_owned()).or_default().hand_off = Some(facts);
        let mut record = renewing(&watch());
        record.in_force = Some(old);
        record.renewal.as_mut().unwrap().candidate = Some(new);
        record
    }

    #[test]
    fn callers_are_cut_off_once_the_mapping_in_use_is_gone_while_another_is_asked_for() {
        let watch = watch();
        let of = |record: &Record| cut_off(&watch, record, &watch.targets[0]).map(|cut_off| cut_off.way_out);
        let add = of(&record(Ask::Add, Verdict::NotMapped, true)).unwrap();
        assert!(add.starts_with("put it back first: add the certificate in force again (SFAPI"), "{add}");
        let replace = of(&record(Ask::Replace, Verdict::NotMapped, true)).unwrap();
        assert!(replace.starts_with("upload the new certificate at once"), "{replace}");
        assert_eq!(of(&record(Ask::Add, Verdict::NotMapped, false)), None, "never known to be mapped");
        for verdict in [Verdict::Accepted, Verdict::Unavailable, Verdict::LoginRefused] {
            assert_eq!(of(&record(Ask::Add, verdict, true)), None, "{verdict}");
        }
    }
}
