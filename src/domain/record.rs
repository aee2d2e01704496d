//! What is known of a watch: facts only. Step and findings are computed from it, never stored in it.

use std::collections::BTreeMap;

use super::Timestamp;
pub use super::act::{Act, Look, Looked, Role, Step};
pub use super::asked::{Ask, HandOffFacts};
use super::certificate::Fingerprint;
use super::chain::Chain;
use super::drift::PlaceFacts;
use super::event::Actor;
use super::few::Few;
use super::finding::Level;
use super::reason::{Failure, Reason, Unseen};
use super::report::{DestinationFacts, Sighting};
use super::verdict::{Probed, Verdict};
use super::watch::{Matching, Rotation, SubjectChoice, SwitchBy, Terms};

/// Everything known of one watch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// How many renewals have begun: names each of them, and derives the keys of their acts.
    pub generation: u32,
    /// When the source was last seen.
    pub seen_at: Option<Timestamp>,
    /// Since when it has not been seen, and why; none while it is seen.
    pub unseen: Option<(Timestamp, Unseen)>,
    /// Since when the source shows that nothing stands there.
    pub absent_since: Option<Timestamp>,
    /// The certificate in force.
    pub in_force: Option<Standing>,
    /// The chain that was in force before it.
    pub previous: Option<Box<Chain>>,
    /// What each target was made to know, the newest of each subject and issuer: it may stand there, whatever is in force.
    pub mapped: Few<String, Vec<Chain>>,
    /// What the source showed last: fingerprint and entry name.
    pub shown: Option<(Fingerprint, Option<String>)>,
    /// The destination that leads to it, as last seen.
    pub destination: Option<Box<DestinationFacts>>,
    /// Parts of the source that could not be read.
    pub oddities: Vec<Unseen>,
    /// What the places show where the certificate should be too, by place.
    pub places: Few<String, PlaceFacts>,
    /// When the renewal of the certificate in force is due: drawn once per certificate.
    pub due: Option<Due>,
    /// A person asked for a renewal that has not begun yet.
    pub renewal_asked: Option<Actor>,
    /// The renewal under way.
    pub renewal: Option<Box<Renewal>>,
    /// Replaced certificates that are still known somewhere.
    pub leftovers: Vec<Leftover>,
    /// What each tenant showed of its way of matching, by tenant.
    pub learned: Few<String, Learned>,
    /// The entry each caller used when last looked at.
    pub callers: Few<String, CallerFacts>,
    /// The intent of the act in flight: saved before it begins, removed with its outcome.
    pub in_flight: Option<Box<(Act, Timestamp)>>,
    /// Failures of acts, by act id: what the backoff is computed from.
    pub attempts: Few<String, Attempts>,
    /// When each look was last made, by look.
    pub looked: Looked,
    /// Failures of looks, by look: so that what is away is not hammered.
    pub misses: Few<String, Attempts>,
    /// Refused logons since one worked, and the last of them, by login: whatever certificate they were made with.
    pub refused: Few<String, (u32, Timestamp)>,
    /// The highest number that a name or a subject of ours was given: none is given twice.
    pub highest: u32,
    /// Approvals by act id.
    pub approvals: Few<String, Approval>,
    /// Acts that a person rejected and that no renewal ends with, by id: who, and when. An approval takes that back.
    pub rejected: Few<String, Approval>,
    /// Acts that wait for approval, by id, and since when.
    pub pending: Few<String, Timestamp>,
    /// Outside changes made, newest last: what the daily budget is computed from.
    pub acts: Vec<Timestamp>,
    /// Since when acts are paused everywhere, as far as this watch has noticed.
    pub paused_everywhere: Option<Timestamp>,
    /// Since when and by whom acts of this watch are paused.
    pub paused: Option<(Timestamp, Actor)>,
    /// What they said about it.
    pub paused_why: Option<String>,
    /// Until when nothing is sent.
    pub silenced_until: Option<Timestamp>,
    /// What people were told, by finding key, so that it is told once and its end is told once.
    pub told: Few<String, Told>,
    /// Somebody asked to look now: until the looks are done.
    pub check_asked: Option<Timestamp>,
    /// Since when the clock of this host is in doubt, and why; none while it is not.
    pub clock_doubt: Option<(Timestamp, String)>,
    /// How many candidates in a row were removed by somebody before they were used.
    pub tidied: u32,
    /// How the last renewal ended, where it did not end well.
    pub ended: Option<Box<Ended>>,
    /// Counters of the watch, by kind and result.
    pub counts: Counts,
}

/// One certificate and what is known of its acceptance.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The certificate and its issuers.
    pub chain: Chain,
    /// The entry's name in its store.
    pub name: Option<String>,
    /// When it was first seen.
    pub since: Timestamp,
    /// Whether it stands under a name of its own that the store never renews: a content that was kept there.
    pub held: bool,
    /// Whether the source holds its key; none where that is not known.
    pub has_key: Option<bool>,
    /// What each target knows of it, by target id.
    pub targets: Few<String, Publication>,
    /// The last result of each probe with it, by probe id.
    pub probes: Few<String, ProbeFacts>,
    /// Whether certsteward issued it.
    pub ours: bool,
}

impl Standing {
    /// A standing of which nothing is known yet.
    #[must_use]
    pub fn new(sighting: &Sighting, since: Timestamp, ours: bool) -> Self {
        Self {
            chain: sighting.chain.clone(),
            name: sighting.name.clone(),
            since,
            has_key: sighting.has_key,
            held: false,
            targets: Few::default(),
            probes: Few::default(),
            ours,
        }
    }

    /// The leaf's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.chain.fingerprint()
    }

    /// The last result of this probe.
    #[must_use]
    pub fn probed(&self, probe: &str) -> Option<&Probed> {
        self.probes.get(probe).and_then(|facts| facts.last.as_ref())
    }

    /// The last verdict of this probe.
    #[must_use]
    pub fn verdict(&self, probe: &str) -> Option<Verdict> {
        self.probed(probe).map(|probed| probed.verdict)
    }
}

/// What is remembered of one probe with one certificate.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProbeFacts {
    /// The last result.
    pub last: Option<Probed>,
    /// Since when the verdict is what it is.
    pub since: Option<Timestamp>,
    /// How many probes in a row ended with the same verdict.
    pub repeated: u32,
    /// The last verdict that said something about the certificate.
    pub conclusive: Option<(Timestamp, Verdict)>,
    /// When the certificate was last recognised.
    pub recognised_at: Option<Timestamp>,
    /// Refused logons in a row.
    pub rejections: u32,
    /// The key for the probe could not be had, and why.
    pub no_key: Option<(Timestamp, Unseen)>,
    /// When the next probe may be made at the earliest, where the other side asked to wait.
    pub not_before: Option<Timestamp>,
    /// This probe said something about another certificate of the watch: what says nothing about this one is a disturbance.
    pub tells: bool,
}

/// What one target knows of one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Publication {
    /// The hand-off, where a person was asked.
    pub hand_off: Option<HandOffFacts>,
    /// When certsteward gave it the certificate itself.
    pub published: Option<Timestamp>,
    /// Whether giving it was ever begun: from then on it may know it by us.
    pub begun: bool,
    /// It was given, or may have been: what stood in its place may be gone, whatever became of it since.
    pub given: bool,
    /// Whether the target, asked, said that it holds the certificate.
    pub held: Option<bool>,
    /// When a probe showed that it knows the certificate.
    pub proven: Option<Timestamp>,
    /// When and by whom it was confirmed.
    pub confirmed: Option<(Timestamp, String)>,
    /// When it followed from issuer and subject, which are those of a certificate that the target knows.
    pub follows: Option<Timestamp>,
    /// Another watch is let in by the mapping that would have to make room for it.
    pub shared: bool,
}

impl Publication {
    /// Whether a call or a person ever said that the target knows the certificate.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.proven.is_some() || self.confirmed.is_some()
    }

    /// The question, while it is open.
    #[must_use]
    pub fn open_hand_off(&self) -> Option<&HandOffFacts> {
        self.hand_off.as_ref().filter(|facts| facts.closed.is_none())
    }
}

/// When the renewal of one certificate is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The certificate.
    pub fingerprint: Fingerprint,
    /// When.
    pub at: Timestamp,
}

/// One life of a candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Renewal {
    /// Its number.
    pub generation: u32,
    /// When it began.
    pub started: Timestamp,
    /// Why: the due time, or a person.
    pub cause: Actor,
    /// The terms, fixed when it began.
    pub terms: Terms,
    /// The certificate it replaces.
    pub replaces: Fingerprint,
    /// The entry it replaces.
    pub replaces_name: Option<String>,
    /// The subject that is tried now.
    pub subject: SubjectChoice,
    /// The order, once its name is chosen: the saved intent of issuing.
    pub order: Option<Order>,
    /// When the order's entry was last looked at and showed nothing new.
    pub looked_empty: Option<Timestamp>,
    /// When issuing was first begun: from then on, what stands under the order's name is ours.
    pub issue_started: Option<Timestamp>,
    /// Names that were seen to be taken while choosing.
    pub taken: Vec<String>,
    /// The candidate, once seen.
    pub candidate: Option<Standing>,
    /// The replaced certificate, once the candidate is in force.
    pub replaced: Option<Standing>,
    /// Callers that were switched, and when.
    pub switched: BTreeMap<String, Timestamp>,
    /// When settling began.
    pub settling_since: Option<Timestamp>,
    /// It is being rolled back: since when, and why.
    pub rolling_back: Option<(Timestamp, String)>,
    /// The gap that was announced: when, and in what words.
    pub gap_announced: Option<(Timestamp, String)>,
    /// When the step last moved on, for `stuck`.
    pub moved: Timestamp,
    /// Since when the candidate's entry is gone, or holds something else.
    pub candidate_gone: Option<Timestamp>,
    /// A person ended it before what was asked of the store could be seen: when, and in what words.
    pub given_up: Option<(Timestamp, String)>,
    /// When a roll back was given up last: only a newer answer about the old certificate decides again.
    pub back_refused: Option<Timestamp>,
    /// A person asked for the way back: when, and in what words. It is taken once the old certificate is seen to be accepted.
    pub back_asked: Option<(Timestamp, String)>,
    /// Who asked for the way back, while it is asked or taken; none where certsteward takes it by itself.
    pub back_by: Option<Actor>,
    /// Since when the entry that callers are led back to is gone.
    pub back_gone: Option<Timestamp>,
    /// What is in force, kept under another name.
    pub keep: Option<Keep>,
    /// When the old certificate was last accepted and the new one first.
    pub overlap: Overlap,
}

/// What is in force, put under another name of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// The name.
    pub name: String,
    /// For what.
    pub purpose: Purpose,
    /// The certificate.
    pub fingerprint: Fingerprint,
    /// When the name was last looked at and was free.
    pub looked_empty: Option<Timestamp>,
    /// When it was first seen to stand there.
    pub stands: Option<Timestamp>,
}

/// Why what is in force is kept under another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The original name gets the candidate; this is the way back (`switch = "entry"`).
    WayBack,
    /// The store may renew the original at any moment while a person is still asked (`hold`).
    Hold,
}

/// When calls with the old certificate stopped being accepted, and calls with the new one began to be: as probes saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overlap {
    /// The last time the old one was accepted.
    pub old_accepted: Option<Timestamp>,
    /// The first time after it that the old one was refused.
    pub old_refused: Option<Timestamp>,
    /// The first time the new one was accepted.
    pub new_accepted: Option<Timestamp>,
    /// The first time the new one was refused while a caller used it already.
    pub new_refused: Option<Timestamp>,
    /// When the first caller was switched.
    pub first_switch: Option<Timestamp>,
    /// When the last caller was switched.
    pub last_switch: Option<Timestamp>,
}

/// What to issue. Saved before it is done, so that a crash never issues twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The entry's name.
    pub name: String,
    /// The subject's common name.
    pub common_name: String,
    /// How long it lives.
    pub validity: super::watch::Validity,
    /// Whether it replaces what stands under the name.
    pub in_place: bool,
    /// The entry whose password and format it takes over.
    pub like: Option<String>,
    /// The certificate that stood in force when it was placed.
    pub replaces: Fingerprint,
    /// When it was placed.
    pub placed: Timestamp,
}

/// What one entry holds, put under another name as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOrder {
    /// The entry it is read from.
    pub from: String,
    /// The entry it is written to.
    pub to: String,
    /// The certificate that is copied.
    pub fingerprint: Fingerprint,
    /// The certificate that it takes the place of; none where the name is free.
    pub over: Option<Fingerprint>,
}

/// A replaced certificate that is still known somewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Leftover {
    /// Which.
    pub chain: Chain,
    /// The entry's name; none where the entry is gone, holds the newer content, or shall stay.
    pub name: Option<String>,
    /// When it was replaced or given up.
    pub since: Timestamp,
    /// Whether it was a candidate that never came into force.
    pub never_in_force: bool,
    /// The entry was removed.
    pub entry_removed: Option<Timestamp>,
    /// Hand-offs to remove it, by target.
    pub hand_offs: BTreeMap<String, HandOffFacts>,
    /// A person asked for its removal now.
    pub asked: bool,
    /// Who did.
    pub asked_by: Option<Actor>,
    /// Callers used it before they were led back, or may have.
    pub was_used: bool,
    /// A person wants it kept: nobody is asked to remove it anywhere.
    pub kept: bool,
}

impl Leftover {
    /// Whether no caller ever used it, so that nothing can miss it.
    #[must_use]
    pub const fn is_unused(&self) -> bool {
        self.never_in_force && !self.was_used
    }

    /// What it is, as a noun: what callers used for long, or what a renewal made for nothing.
    #[must_use]
    pub fn noun(&self) -> String {
        let short = self.chain.fingerprint().short();
        match (self.never_in_force, self.was_used) {
            (false, _) => format!("the replaced certificate {short}"),
            (true, true) => format!("the certificate {short}, from which callers were led back"),
            (true, false) => format!("the certificate {short}, which was never used"),
        }
    }

    /// The id of the act that removes its entry, where there is one to remove.
    #[must_use]
    pub fn retirement(&self) -> Option<String> {
        let name = self.name.clone().filter(|_| self.entry_removed.is_none())?;
        Some(Act::Retire { name, fingerprint: self.chain.fingerprint() }.id())
    }
}

/// What a tenant showed of its way of matching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    /// How it matches.
    pub matching: Matching,
    /// When it showed it.
    pub at: Timestamp,
    /// By what it showed it, as a sentence without a full stop; none where an older version learned it.
    pub from: Option<String>,
}

/// What is known of a caller.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallerFacts {
    /// The entry it used when last looked at.
    pub uses: Option<String>,
    /// When.
    pub seen: Option<Timestamp>,
    /// Why it could not be seen.
    pub unseen: Option<Unseen>,
    /// What stands in that entry, where it is none that certsteward knows of.
    pub stray: Option<Chain>,
}

/// Failures in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    /// How many.
    pub count: u32,
    /// When the last one was.
    pub last: Timestamp,
    /// Not before then.
    pub next: Timestamp,
    /// Why.
    pub reason: Reason,
    /// In words.
    pub text: String,
    /// Whether the last one may have taken effect.
    pub maybe_effective: bool,
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What people were told about one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The level it had.
    pub level: Level,
    /// When.
    pub at: Timestamp,
    /// Its sentence.
    pub text: String,
}

/// How a renewal ended that did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Which.
    pub generation: u32,
    /// Whether it was rolled back (else cancelled, rejected or unfit).
    pub rolled_back: bool,
    /// Whether its candidate could not be used.
    pub unfit: bool,
    /// The person who asked for the roll back; none where nobody did.
    pub asked_by: Option<Actor>,
    /// Why.
    pub text: String,
}

/// How often what was done, by result: `[succeeded, failed]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Renewals that ended in force, and that ended otherwise.
    pub renewals: [u64; 2],
    /// Publications.
    pub publications: [u64; 2],
    /// Switches of a caller.
    pub switches: [u64; 2],
    /// Roll backs of a caller.
    pub rollbacks: [u64; 2],
}

impl Ended {
    /// What became of it, in words.
    #[must_use]
    pub const fn words(&self) -> &'static str {
        if self.rolled_back { "was rolled back" } else { "ended without effect" }
    }
}

impl Record {
    /// How many mappings of one target are remembered.
    const MAPPED: usize = 8;

    /// What was said about the pause of this watch, to be put behind a sentence about it.
    pub(in crate::domain) fn pause_comment(&self) -> String {
        self.paused_why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default()
    }

    /// A target may know this from now on.
    pub(in crate::domain) fn remember_mapped(&mut self, target: &str, chain: &Chain) {
        let mapped = self.mapped.entry(target.to_owned()).or_default();
        let leaf = &chain.leaf;
        mapped.retain(|other| (&other.leaf.subject, &other.leaf.issuer) != (&leaf.subject, &leaf.issuer));
        mapped.push(chain.clone());
        let surplus = mapped.len().saturating_sub(Self::MAPPED);
        mapped.drain(..surplus);
    }

    /// The standing with this role.
    #[must_use]
    pub fn standing(&self, role: Role) -> Option<&Standing> {
        match role {
            Role::InForce => self.in_force.as_ref(),
            Role::Candidate => self.renewal.as_ref().and_then(|renewal| renewal.candidate.as_ref()),
            Role::Replaced => self.renewal.as_ref().and_then(|renewal| renewal.replaced.as_ref()),
        }
    }

    /// The standing with this role, to be changed.
    pub fn standing_mut(&mut self, role: Role) -> Option<&mut Standing> {
        match role {
            Role::InForce => self.in_force.as_mut(),
            Role::Candidate => self.renewal.as_mut().and_then(|renewal| renewal.candidate.as_mut()),
            Role::Replaced => self.renewal.as_mut().and_then(|renewal| renewal.replaced.as_mut()),
        }
    }

    /// The certificate about which this target has an open question.
    #[must_use]
    pub fn asked(&self, target: &str) -> Option<Role> {
        [Role::Candidate, Role::InForce].into_iter().find(|role| {
            let publication = self.standing(*role).and_then(|standing| standing.targets.get(target));
            publication.is_some_and(|publication| publication.open_hand_off().is_some())
        })
    }

    /// The role whose acceptance matters now: the candidate where there is one, else the one in force.
    #[must_use]
    pub fn concern(&self) -> Role {
        let candidate = self.renewal.as_ref().is_some_and(|renewal| renewal.candidate.is_some());
        if candidate { Role::Candidate } else { Role::InForce }
    }
}

impl Renewal {
    /// Whether the candidate stands under the old name.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.terms.rotation == Rotation::InPlace
    }

    /// Whether callers are switched one by one.
    #[must_use]
    pub fn switches_callers(&self) -> bool {
        !self.is_in_place() && self.terms.switch == SwitchBy::Caller
    }

    /// Whether the candidate is put under the original name.
    #[must_use]
    pub fn switches_entry(&self) -> bool {
        !self.is_in_place() && self.terms.switch == SwitchBy::Entry
    }

    /// What is kept for this purpose.
    #[must_use]
    pub fn kept(&self, purpose: Purpose) -> Option<&Keep> {
        self.keep.as_ref().filter(|keep| keep.purpose == purpose)
    }
}

impl From<&Failure> for Unseen {
    fn from(failure: &Failure) -> Self {
        Self::new(failure.reason, failure.text.clone())
    }
}
