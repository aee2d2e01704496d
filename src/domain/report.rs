//! Anything that came to be known: a sighting, a probe's result, an act's outcome, a person's command.
//! A report judges nothing.

use super::Timestamp;
use super::certificate::Fingerprint;
use super::chain::Chain;
use super::event::Actor;
use super::reason::{Answer, Failure, Unseen};
use super::record::{Act, Look};
use super::verdict::Probed;

/// What one source showed at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// The chain.
    pub chain: Chain,
    /// The entry's name in its store, or the file's path.
    pub name: Option<String>,
    /// Whether a private key was seen beside the certificate; none where the place shows public parts only.
    pub has_key: Option<bool>,
    /// The destination that was followed to it.
    pub destination: Option<DestinationFacts>,
    /// Parts that could not be read.
    pub oddities: Vec<Unseen>,
}

/// What a destination says, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DestinationFacts {
    /// Its name.
    pub name: String,
    /// `Authentication`.
    pub authentication: Option<String>,
    /// `KeyStoreLocation`.
    pub keystore_location: Option<String>,
    /// `URL`.
    pub url: Option<String>,
    /// `URL.headers.successfactors-companyid`, whatever its case.
    pub company_id: Option<String>,
}

/// Which entry a caller uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerSighting {
    /// The entry's name; none where it uses none.
    pub uses: Option<String>,
}

/// Anything that came to be known about one watch.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// A look's result.
    Looked {
        /// What was looked at.
        look: Look,
        /// When.
        at: Timestamp,
        /// What was found.
        found: Found,
    },
    /// An act's outcome.
    Acted {
        /// What was done.
        act: Act,
        /// When it ended.
        at: Timestamp,
        /// How it ended: what was asked and answered, or why not.
        outcome: Result<Answer, Failure>,
    },
    /// A person's command.
    Commanded(Command),
}

/// What a look found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// The source or an entry of it: something, nothing, or unseen.
    Entry(Result<Option<Box<Sighting>>, Unseen>),
    /// A caller.
    Caller(Result<CallerSighting, Unseen>),
    /// Whether a target holds the certificate with this fingerprint; none where it cannot be asked.
    Target(Result<(Fingerprint, Option<bool>), Unseen>),
    /// A probe's result, or why the key for it could not be had.
    Probe(Result<Box<Probed>, Unseen>),
}

/// A person's command, stored before it is absorbed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Unique; given by the journal.
    pub id: i64,
    /// The watch; empty for all.
    pub watch: String,
    /// When it was given.
    pub at: Timestamp,
    /// Who gave it.
    pub actor: Actor,
    /// What is wanted.
    pub verb: Verb,
    /// Why, in the person's words.
    pub comment: Option<String>,
    /// A ticket it belongs to.
    pub ticket: Option<String>,
}

/// What a person can want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Look again now, with every probe.
    Check,
    /// Begin a renewal now.
    Renew,
    /// Let the act with this id happen.
    Approve(String),
    /// Do not let the act with this id happen; the renewal is cancelled.
    Reject(String),
    /// End the renewal without using its candidate.
    Cancel,
    /// Do not wait for the next attempt.
    Retry,
    /// Make the callers use the replaced certificate again.
    RollBack,
    /// Remove the replaced certificate now.
    Retire,
    /// What was asked of the target is done, says a person. The fingerprint names the certificate that the question is
    /// about; without it the open question about a certificate to be added is meant, else the removal.
    Confirm(String, Option<Fingerprint>),
    /// A sign from the hand-off page about this target, and which certificate its question is about.
    Sign(String, Sign, Option<Fingerprint>),
    /// Stop acts.
    Pause,
    /// Let acts happen again.
    Resume,
    /// Send nothing about this watch until then.
    Silence(Timestamp),
}

/// What a person can say on the hand-off page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// "I have saved it."
    Saved,
    /// "I am deleting the old one now."
    Deleting,
    /// "Check now."
    CheckNow,
}
