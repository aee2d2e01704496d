//! Whether a target knows a certificate, how it matches, and what it would have to be asked.
//! It opens no hand-off; `advance` does.

use std::collections::BTreeMap;

use crate::domain::record::{Ask, HandOffFacts, ProbeFacts, Record, Role, Standing};
use crate::domain::verdict::Verdict;
use crate::domain::watch::{Delivery, Matching, Mode, Target, Watch};
use crate::domain::{Duration, Timestamp};

/// Two probes this close belong to one comparison.
const SAME_PASS_MINUTES: i64 = 10;

/// How this target matches: as configured, else as its tenant showed.
#[must_use]
pub fn effective_matching(target: &Target, record: &Record) -> Matching {
    if target.matching != Matching::Unknown {
        return target.matching;
    }
    let learned = target.tenant.as_ref().and_then(|tenant| record.learned.get(tenant));
    learned.map_or(Matching::Unknown, |learned| learned.matching)
}

/// How each target matches, as far as is known.
#[must_use]
pub fn matching_by_target(watch: &Watch, record: &Record) -> BTreeMap<String, Matching> {
    watch.targets.iter().map(|target| (target.id.clone(), effective_matching(target, record))).collect()
}

/// How all targets together match: exact as soon as one does, dn only where every one does.
pub(super) fn overall_matching(watch: &Watch, record: &Record) -> Matching {
    let mut all = watch.targets.iter().map(|target| effective_matching(target, record)).peekable();
    if all.peek().is_none() {
        return Matching::Unknown;
    }
    all.fold(Matching::Dn, |sum, one| match (sum, one) {
        (Matching::Exact, _) | (_, Matching::Exact) => Matching::Exact,
        (Matching::Unknown, _) | (_, Matching::Unknown) => Matching::Unknown,
        (Matching::Dn, Matching::Dn) => Matching::Dn,
    })
}

/// Whether this target is known to know the certificate of this standing.
///
/// A person's word, and what follows from issuer and subject, count where no call can tell; where one can, only the call does.
#[must_use]
pub fn is_known(watch: &Watch, target: &Target, standing: &Standing) -> bool {
    let Some(publication) = standing.targets.get(&target.id) else {
        return false;
    };
    let said = publication.confirmed.is_some() || publication.follows.is_some();
    let by_word = said && !a_call_can_tell(watch, target, standing);
    if publication.proven.is_some() || publication.held == Some(true) || by_word {
        return true;
    }
    // What it was given counts only while it does not say that it holds it not.
    let given = publication.published.is_some() && publication.held != Some(false);
    target.delivery == Delivery::Direct && given && watch.probe_of(target).is_none()
}

/// Whether the target knows the one because it knows the other: it recognises certificates by issuer and subject, these are the
/// same, and no call can tell otherwise.
pub(super) fn follows(
    watch: &Watch,
    record: &Record,
    target: &Target,
    standing: &Standing,
    other: &Standing,
) -> bool {
    let (leaf, known) = (&standing.chain.leaf, &other.chain.leaf);
    effective_matching(target, record) == Matching::Dn
        && (&leaf.subject, &leaf.issuer) == (&known.subject, &known.issuer)
        && !a_call_can_tell(watch, target, standing)
        && is_known(watch, target, other)
}

/// Whether a probe answers, or will once the platform does, whether the target knows the certificate.
pub(super) fn a_call_can_tell(watch: &Watch, target: &Target, standing: &Standing) -> bool {
    let Some(probe) = watch.probe_of(target) else {
        return false;
    };
    let Some(facts) = standing.probes.get(&probe.id) else {
        return true;
    };
    // One call that said something about this certificate shows that calls can; what comes after it is a disturbance.
    if facts.conclusive.is_some() {
        return true;
    }
    let Some(last) = &facts.last else {
        return facts.no_key.is_none();
    };
    let keyless = is_keyless(facts);
    let mute = !facts.tells
        && matches!(
            last.verdict,
            Verdict::LoginRefused
                | Verdict::CredentialsRequired
                | Verdict::CertificateRequired
                | Verdict::UnexpectedAnswer
        );
    !keyless && !mute
}

/// Whether the key could not be had when a call was tried last.
fn is_keyless(facts: &ProbeFacts) -> bool {
    let tried = facts.last.as_ref().map(|last| last.at);
    facts.no_key.as_ref().is_some_and(|(at, _)| tried.is_none_or(|tried| *at > tried))
}

/// Whether the last calls with the candidate say that it is accepted, as far as calls can tell.
pub(super) fn is_accepted_now(watch: &Watch, record: &Record, standing: &Standing) -> bool {
    watch.probes.iter().all(|probe| {
        let mut mine = watch
            .targets
            .iter()
            .filter(|target| watch.probe_of(target).is_some_and(|other| other.id == probe.id))
            .peekable();
        if mine.peek().is_some() && mine.all(|target| !a_call_can_tell(watch, target, standing)) {
            return true;
        }
        if standing.probes.get(&probe.id).is_some_and(is_keyless) {
            return false;
        }
        match standing.verdict(&probe.id) {
            Some(Verdict::Accepted) => true,
            Some(Verdict::NoPermission) => reference(record, standing)
                .is_some_and(|other| other.verdict(&probe.id) == Some(Verdict::NoPermission)),
            Some(_) | None => false,
        }
    })
}

/// Whether the probe of this target proves that the standing is accepted.
///
/// Accepted proves it. A 403 proves it only where the certificate in force gets the same, probed in the same pass:
/// a mistyped login must not count as proof.
pub(super) fn is_proven_by_probe(
    watch: &Watch,
    record: &Record,
    target: &Target,
    standing: &Standing,
) -> bool {
    let Some(probe) = watch.probe_of(target) else {
        return false;
    };
    let Some(probed) = standing.probed(&probe.id) else {
        return false;
    };
    match probed.verdict {
        Verdict::Accepted => true,
        Verdict::NoPermission => {
            let beside = reference(record, standing).and_then(|other| other.probed(&probe.id));
            beside.is_some_and(|other| {
                other.verdict == Verdict::NoPermission && are_together(other.at, probed.at)
            })
        }
        Verdict::NotMapped
        | Verdict::CertificateRequired
        | Verdict::CertificateRefused
        | Verdict::CredentialsRequired
        | Verdict::LoginRefused
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
        | Verdict::DnsFailed => false,
    }
}

/// The standing to compare with: the one in force for a candidate, the replaced one for the one in force.
pub(super) fn reference<'a>(record: &'a Record, standing: &Standing) -> Option<&'a Standing> {
    let in_force = record.in_force.as_ref().filter(|other| other.fingerprint() != standing.fingerprint());
    in_force.or_else(|| record.standing(Role::Replaced))
}

pub(super) fn are_together(a: Timestamp, b: Timestamp) -> bool {
    (a - b).abs() <= Duration::minutes(SAME_PASS_MINUTES)
}

/// Whether this probe of the other certificate can stand beside one made then: it said something about its certificate, or
/// was made after it.
pub(super) fn can_compare(other: &ProbeFacts, then: Timestamp) -> bool {
    let probed = other.last.as_ref().is_none_or(|last| !last.verdict.inconclusive() || last.at >= then);
    probed || other.no_key.as_ref().is_some_and(|(at, _)| *at >= then)
}

/// Whether this target must be told about the standing now, and cannot find out by itself.
///
/// Where a probe exists it is asked first: only "not mapped" is answered by an upload. A refused login, a platform in
/// trouble or a certificate that the server refuses as such never is.
pub(super) fn needs_telling(watch: &Watch, target: &Target, standing: &Standing) -> bool {
    if is_known(watch, target, standing) {
        return false;
    }
    match watch.probe_of(target) {
        None => true,
        Some(probe) => {
            let facts = standing.probes.get(&probe.id);
            // Where a call shuts the older one out, it is made once the target knows the newer: nothing else can tell before.
            let recognised = facts.is_some_and(|facts| facts.recognised_at.is_some());
            if watch.is_ratchet(&probe.id) && standing.ours && !recognised && !knows_of_it(target, standing) {
                return true;
            }
            facts.and_then(|facts| facts.conclusive).is_some_and(|(_, verdict)| verdict == Verdict::NotMapped)
        }
    }
}

/// Whether a call with the candidate changes nothing for the certificate in force: the one that shuts it out was recognised
/// before. One that did not arrive, or came too early, shut nobody out, and the next may.
pub(super) fn may_be_probed(watch: &Watch, record: &Record, probe: &str) -> bool {
    let candidate = record.standing(Role::Candidate);
    !watch.is_ratchet(probe) || candidate.is_some_and(|candidate| !is_untried(watch, candidate, probe))
}

/// Whether the call that shuts the older certificate out is still ahead.
pub(super) fn is_untried(watch: &Watch, standing: &Standing, probe: &str) -> bool {
    let recognised = |facts: &ProbeFacts| facts.recognised_at.is_some();
    watch.is_ratchet(probe) && !standing.probes.get(probe).is_some_and(recognised)
}

/// Whether this target was told about the certificate: by us, or by a person who says so.
pub(super) fn knows_of_it(target: &Target, standing: &Standing) -> bool {
    standing.targets.get(&target.id).is_some_and(|publication| {
        let saved = publication.hand_off.as_ref().is_some_and(HandOffFacts::is_said_to_be_done);
        publication.published.is_some() || publication.is_known() || saved
    })
}

/// Whether what has to be done for this candidate shuts the certificate in force out before the switch: a person or
/// certsteward takes the old mapping away, or the first call does.
pub(super) fn opens_a_gap(watch: &Watch, record: &Record, standing: &Standing) -> bool {
    watch.probes.iter().any(|probe| is_untried(watch, standing, &probe.id))
        || watch.targets.iter().any(|target| telling_opens_a_gap(watch, record, target, standing))
}

/// Whether telling this target about the candidate takes the mapping of the certificate in force away.
pub(super) fn telling_opens_a_gap(
    watch: &Watch,
    record: &Record,
    target: &Target,
    standing: &Standing,
) -> bool {
    let by_person = target.delivery == Delivery::HandOff;
    needs_telling(watch, target, standing)
        && ask_for(target, record, standing) == Ask::Replace
        && (by_person || overwrites(target, record, standing))
}

/// In mode propose, whoever takes the old mapping away opens a gap that only the switch ends: so the switch is approved first.
pub(super) fn approval_comes_first(watch: &Watch, record: &Record, standing: &Standing) -> bool {
    watch.mode == Mode::Propose && opens_a_gap(watch, record, standing)
}

/// Whether telling this target about the standing takes the mapping of the certificate in force away.
pub(super) fn overwrites(target: &Target, record: &Record, standing: &Standing) -> bool {
    effective_matching(target, record) != Matching::Dn && ask_for(target, record, standing) == Ask::Replace
}

/// What a person would have to do for this standing: add it, or delete the one before it first.
///
/// A second mapping with the same issuer and subject is refused (KBA 3574501).
pub(super) fn ask_for(target: &Target, record: &Record, standing: &Standing) -> Ask {
    let leaf = &standing.chain.leaf;
    let before = match reference(record, standing) {
        Some(other) => Some(&other.chain.leaf),
        None => record.previous.as_ref().map(|chain| &chain.leaf),
    };
    // What a person was asked to put there for a renewal that was given up may stand there still.
    let asked = record.mapped.get(&target.id).into_iter().flatten().map(|chain| &chain.leaf);
    let same = before.into_iter().chain(asked).any(|other| {
        other.fingerprint != leaf.fingerprint && other.subject == leaf.subject && other.issuer == leaf.issuer
    });
    if same && target.refuses_same_subject { Ask::Replace } else { Ask::Add }
}
