//! What is looked at and what is done: looks, acts, the steps of a life, and the certificates they are about.
//! It knows no record and carries nothing out.

use std::borrow::Cow;

use super::Timestamp;
use super::certificate::Fingerprint;
use super::record::{CopyOrder, Order};

/// A look: always allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// The certificate in force.
    Source {
        /// The entry, where certsteward has put it under another name than the configuration gives.
        entry: Option<String>,
    },
    /// What stands under a name: a name that should be free, or the candidate.
    Entry(String),
    /// What a caller uses.
    Caller(String),
    /// Whether a target holds the certificate.
    Target(String),
    /// A probe with a certificate.
    Probe {
        /// The probe's id.
        probe: String,
        /// With which.
        role: Role,
        /// The entry whose key is used; none means whatever the source shows.
        entry: Option<String>,
    },
}

impl Look {
    /// Names the look among those of its watch.
    #[must_use]
    pub fn key(&self) -> Cow<'static, str> {
        match self {
            Self::Source { .. } => "source".into(),
            Self::Entry(name) => format!("entry:{name}").into(),
            Self::Caller(id) => format!("caller:{id}").into(),
            Self::Target(id) => format!("target:{id}").into(),
            Self::Probe { probe, role, .. } => format!("probe:{probe}:{}", role.word()).into(),
        }
    }
}

/// When each look was last made, by its key. Most watches make one look, so it is a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked(Vec<(Cow<'static, str>, Timestamp)>);

impl Looked {
    /// When the look with this key was last made.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Timestamp> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, at)| at)
    }

    /// It was made then.
    pub fn insert(&mut self, key: impl Into<Cow<'static, str>>, at: Timestamp) {
        let key = key.into();
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, last)) => *last = at,
            None => self.0.push((key, at)),
        }
    }

    /// It counts as never made.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(known, _)| known != key);
    }

    /// What was made after this moment counts as never made.
    pub fn forget_after(&mut self, moment: Timestamp) {
        self.0.retain(|(_, at)| *at <= moment);
    }

    /// What was made before this moment counts as never made.
    pub fn forget_before(&mut self, moment: Timestamp) {
        self.0.retain(|(_, at)| *at >= moment);
    }

    /// Each key with its moment.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.0.iter().map(|(key, at)| (&**key, *at))
    }

    /// Whether no look was ever made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// No look counts as made.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Which certificate of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The one in force.
    InForce,
    /// The newly issued one.
    Candidate,
    /// The one that was in force before, while callers are watched after a switch.
    Replaced,
}

impl Role {
    /// The label value of the metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::Candidate => "candidate",
            Self::Replaced => "replaced",
        }
    }
}

/// An act: it changes something outside, and stands behind every gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Issue what the order says.
    Issue {
        /// The renewal.
        generation: u32,
        /// The order.
        order: Order,
    },
    /// Give a target the certificate.
    Publish {
        /// The target.
        target: String,
        /// Which certificate.
        role: Role,
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// Make a caller use the candidate.
    Switch {
        /// The renewal.
        generation: u32,
        /// The caller.
        caller: String,
        /// The entry it uses.
        from: String,
        /// The entry it shall use.
        to: String,
    },
    /// Make a caller use the replaced certificate again.
    RollBack {
        /// The renewal.
        generation: u32,
        /// The caller.
        caller: String,
        /// The entry it uses.
        from: String,
        /// The entry it shall use again.
        to: String,
    },
    /// Keep what is in force under another name of its own: for the way back, or beyond the store's own renewal.
    Keep {
        /// The renewal.
        generation: u32,
        /// What is copied where.
        copy: CopyOrder,
    },
    /// Put the proven candidate under the original name, for callers that nobody can list.
    Put {
        /// The renewal.
        generation: u32,
        /// What is copied where.
        copy: CopyOrder,
    },
    /// Put the replaced certificate under the original name again.
    PutBack {
        /// The renewal.
        generation: u32,
        /// What is copied where.
        copy: CopyOrder,
    },
    /// Probe with the candidate where that shuts the older certificate out.
    Try {
        /// The renewal.
        generation: u32,
        /// The probe.
        probe: String,
        /// The entry whose key is used.
        entry: String,
    },
    /// Remove an entry that nothing uses.
    Retire {
        /// The entry.
        name: String,
        /// The certificate in it.
        fingerprint: Fingerprint,
    },
}

impl Act {
    /// Names the act: the same facts give the same id, after a crash too. An approval names it.
    #[must_use]
    pub fn id(&self) -> String {
        let text = match self {
            Self::Issue { generation, order } => {
                format!("issue {generation} {} {}", order.name, order.common_name)
            }
            Self::Publish { target, fingerprint, .. } => format!("publish {target} {fingerprint}"),
            Self::Switch { generation, caller, to, .. } => format!("switch {generation} {caller} {to}"),
            Self::RollBack { generation, caller, to, .. } => format!("roll back {generation} {caller} {to}"),
            Self::Keep { generation, copy } => format!("keep {generation} {} {}", copy.to, copy.fingerprint),
            Self::Put { generation, copy } => format!("put {generation} {} {}", copy.to, copy.fingerprint),
            Self::PutBack { generation, copy } => {
                format!("put back {generation} {} {}", copy.to, copy.fingerprint)
            }
            Self::Try { generation, probe, entry } => format!("try {generation} {probe} {entry}"),
            Self::Retire { name, fingerprint } => format!("retire {name} {fingerprint}"),
        };
        format!("{}-{}", self.verb(), Fingerprint::of(text.as_bytes()).short())
    }

    /// Whether it gives the callers back what they used before.
    #[must_use]
    pub const fn goes_back(&self) -> bool {
        matches!(self, Self::RollBack { .. } | Self::PutBack { .. })
    }

    /// The kind of act, as the label of metrics and the start of its id.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Issue { .. } => "issue",
            Self::Publish { .. } => "publish",
            Self::Keep { .. } => "keep",
            Self::Switch { .. } | Self::Put { .. } => "switch",
            Self::RollBack { .. } | Self::PutBack { .. } => "rollback",
            Self::Try { .. } => "try",
            Self::Retire { .. } => "retire",
        }
    }

    /// What it will do, for a person.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Issue { order, .. } if order.in_place => {
                format!(
                    "issue a new certificate in place of {} (common name {})",
                    order.name, order.common_name
                )
            }
            Self::Issue { order, .. } => {
                format!("issue a new certificate as {} (common name {})", order.name, order.common_name)
            }
            Self::Publish { target, fingerprint, .. } => {
                format!("give the certificate {} to the target {target}", fingerprint.short())
            }
            Self::Switch { caller, from, to, .. } => {
                format!("switch the caller {caller} from {from} to {to}")
            }
            Self::RollBack { caller, from, to, .. } => {
                format!("switch the caller {caller} back from {from} to {to}")
            }
            Self::Keep { copy, .. } => {
                format!("keep the certificate in force ({}) as {}", copy.fingerprint.short(), copy.to)
            }
            Self::Put { copy, .. } => {
                format!("put the candidate ({}) under the name {}", copy.fingerprint.short(), copy.to)
            }
            Self::PutBack { copy, .. } => {
                let print = copy.fingerprint.short();
                format!("put the replaced certificate ({print}) under the name {} again", copy.to)
            }
            Self::Try { probe, .. } => {
                format!("probe {probe} with the candidate, which shuts the older certificate out")
            }
            Self::Retire { name, fingerprint } => {
                format!("remove the entry {name} ({}), which nothing uses any more", fingerprint.short())
            }
        }
    }
}

/// Where a watch stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Nothing is due.
    Watching,
    /// A candidate is being issued.
    Issuing,
    /// Targets are given the certificate.
    Publishing,
    /// Acceptance is being proven.
    Proving,
    /// Callers are being switched.
    Switching,
    /// Callers are watched after the switch.
    Settling,
}

impl Step {
    /// Every step, in the order of life.
    pub const ALL: &'static [Self] =
        &[Self::Watching, Self::Issuing, Self::Publishing, Self::Proving, Self::Switching, Self::Settling];

    /// The label value of the metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::Issuing => "issuing",
            Self::Publishing => "publishing",
            Self::Proving => "proving",
            Self::Switching => "switching",
            Self::Settling => "settling",
        }
    }
}
