//! What happened to a watch, when, and who or what caused it: the history.
//! Events are written once and never changed; nothing is decided from them.

use super::Timestamp;
use super::codes::codes;

codes! {
    /// Every kind of event.
    EventKind {
        Watched = "watched": "the watch was seen for the first time, or is configured again",
        Found = "found": "a discovery found a place, which is watched from now on",
        Changed = "changed": "the watch is configured, or found, otherwise than before",
        Vanished = "vanished": "the watch is no longer configured, or its place no longer found",
        SeenAgain = "seen-again": "the source can be seen again, or a discovery can look everywhere again",
        WentUnseen = "went-unseen": "the source could not be seen, or a discovery could not look everywhere",
        RenewedElsewhere = "renewed-elsewhere": "the certificate was renewed by someone else",
        RenewalStarted = "renewal-started": "a renewal began; its terms are fixed",
        GapAnnounced = "gap-announced": "a time in which calls fail is expected",
        ActStarted = "act-started": "an act began; its intent was saved first",
        ActSucceeded = "act-succeeded": "an act took effect",
        ActFailed = "act-failed": "an act failed",
        PassedOver = "passed-over": "a name that certsteward would have used is taken by something it has no record of",
        Issued = "issued": "a candidate was issued",
        CandidateDiscarded = "candidate-discarded": "a candidate was given up",
        Published = "published": "a target was given the certificate",
        HandOffOpened = "hand-off-opened": "a person was asked",
        HandOffSign = "hand-off-sign": "a person gave a sign",
        HandOffClosed = "hand-off-closed": "what was asked is done",
        Confirmed = "confirmed": "a person confirmed that the target knows the certificate",
        Recognised = "recognised": "a target recognises the certificate by its issuer and subject, and no call can tell otherwise",
        Proven = "proven": "a probe showed that the target knows the certificate",
        Probed = "probed": "a probe's verdict changed",
        Learned = "learned": "the tenant showed how it matches certificates",
        Kept = "kept": "what is in force was kept under another name as well",
        Held = "held": "the callers are kept from the store's own renewal",
        Measured = "measured": "how long the old and the new certificate were accepted beside each other, or neither was",
        Switched = "switched": "a caller uses the candidate",
        RolledBack = "rolled-back": "the callers use the replaced certificate again",
        Settled = "settled": "the candidate is the certificate in force",
        Retired = "retired": "a replaced certificate was removed",
        RenewalEnded = "renewal-ended": "the renewal ended",
        Command = "command": "a person gave a command",
        ApprovalWanted = "approval-wanted": "an act waits for approval",
        Approved = "approved": "an act was approved",
        RejectedByPerson = "rejected-by-person": "an act was rejected by a person",
        Reminded = "reminded": "people were reminded",
        Reloaded = "reloaded": "the configuration was read again",
        Started = "started": "certsteward started",
        Stopped = "stopped": "certsteward stopped",
        StoreRecovered = "store-recovered": "the store can be written again, after a time in which nothing could be saved",
        StoreRebuilt = "store-rebuilt": "the store, or a row of it, could not be read: it was set aside, and is rebuilt from what the sources show",
        Chained = "chained": "the events before were given their hashes only now; from here on each has its hash when it is written",
    }
}

/// Who or what caused an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// certsteward itself.
    Daemon,
    /// A person or a token, as it is named in the configuration or by the operating system.
    Named(String),
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Daemon => f.write_str("certsteward"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The watch's id; empty for the daemon's own.
    pub watch: String,
    /// When.
    pub at: Timestamp,
    /// Who or what.
    pub actor: Actor,
    /// What kind of thing.
    pub kind: EventKind,
    /// One sentence without a full stop.
    pub text: String,
    /// Facts beside it, in order; never a secret.
    pub facts: Vec<(String, String)>,
}
