//! One certificate identity an operator cares about, as configured: the pure side of it.
//! It holds no connection and no secret; the roles hold those.

use std::collections::BTreeMap;

use super::policy::{Moments, Policy, deadline};
use super::record::Standing;
use super::shared::Shared;
use super::window::{Freeze, Window};
use super::{Duration, Timestamp};

/// Everything that decides about one watch.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    /// Unique; letters, digits, `-`, `_`, `.`.
    pub id: String,
    /// The operator's own labels.
    pub labels: BTreeMap<String, String>,
    /// What certsteward may do by itself.
    pub mode: Mode,
    /// When things are due and how serious they are.
    pub policy: Shared<Policy>,
    /// Where the certificate in force is read from, in words and kind.
    pub source: SourceFacts,
    /// Where the same certificate should be too.
    pub places: Vec<String>,
    /// How it is renewed; none where certsteward does not renew it.
    pub renewal: Option<Box<Terms>>,
    /// What uses it.
    pub callers: Vec<Caller>,
    /// Who must know it.
    pub targets: Vec<Target>,
    /// How acceptance is proven.
    pub probes: Vec<Probe>,
    /// Days in which nothing that can hurt is done.
    pub freezes: Vec<Freeze>,
    /// The discovery that found it; none where it is written out.
    pub found_by: Option<String>,
}

impl Watch {
    /// The target with this id.
    #[must_use]
    pub fn target(&self, id: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.id == id)
    }

    /// The probe with this id.
    #[must_use]
    pub fn probe(&self, id: &str) -> Option<&Probe> {
        self.probes.iter().find(|probe| probe.id == id)
    }

    /// The caller with this id.
    #[must_use]
    pub fn caller(&self, id: &str) -> Option<&Caller> {
        self.callers.iter().find(|caller| caller.id == id)
    }

    /// The moments that matter for this certificate.
    #[must_use]
    pub fn moments(&self, standing: &Standing, person_needed: bool) -> Moments {
        self.policy.moments(&standing.chain.leaf, self.auto_renew(standing), person_needed)
    }

    /// When this certificate may stop being the one in force.
    #[must_use]
    pub fn deadline(&self, standing: &Standing) -> Timestamp {
        deadline(&standing.chain.leaf, self.auto_renew(standing))
    }

    /// Whether the store may take this certificate away before it expires. What certsteward issues does not renew itself;
    /// where issuing is left to the store, its renewal is what is hoped for and only the expiry is feared.
    fn auto_renew(&self, standing: &Standing) -> AutoRenew {
        let hoped_for = self.leaves_to_source();
        if standing.ours || standing.held || hoped_for { AutoRenew::No } else { self.source.auto_renew }
    }

    /// Whether issuing is left to the store.
    #[must_use]
    pub fn leaves_to_source(&self) -> bool {
        self.renewal.as_ref().is_some_and(|terms| terms.rotation == Rotation::LeftToSource)
    }

    /// Whether a call of this probe with a newer certificate shuts out the older.
    #[must_use]
    pub fn is_ratchet(&self, probe: &str) -> bool {
        self.targets
            .iter()
            .any(|target| target.ratchet && self.probe_of(target).is_some_and(|other| other.id == probe))
    }

    /// The probe that proves this target: the one it names, else the only one there is for anybody.
    #[must_use]
    pub fn probe_of(&self, target: &Target) -> Option<&Probe> {
        match (&target.proven_by, self.probes.as_slice()) {
            (Some(id), _) => self.probe(id),
            (None, [only]) if self.source.key_readable => Some(only),
            (None, _) => None,
        }
    }
}

/// What certsteward may do by itself (DESIGN: modes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Look, judge, ask people; never act.
    Observe,
    /// Act only after approval of each act.
    Propose,
    /// Act.
    Act,
}

impl Mode {
    /// The word of the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Propose => "propose",
            Self::Act => "act",
        }
    }
}

/// What is known of the source without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFacts {
    /// The kind: `file`, `tls`, `destination-service`.
    pub kind: String,
    /// The connection's name, where it uses one.
    pub connection: Option<String>,
    /// Where it is, for people: a path, `host:port`, `btp-prod subaccount sfapi.pem`.
    pub place: String,
    /// The destination that is followed, where one is.
    pub destination: Option<String>,
    /// Whether the store renews the entry by itself.
    pub auto_renew: AutoRenew,
    /// Whether the source can give the private key to a prober.
    pub key_readable: bool,
    /// What its certificate is for.
    pub usage: Usage,
    /// The names under which a server presents it, as far as they are known.
    pub served_as: Vec<String>,
}

/// What a certificate is for: `use` of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Usage {
    /// A TLS client presents it.
    Client,
    /// A TLS server presents it.
    Server,
    /// It and those beside it are trusted, each on its own: nobody presents them.
    Trust,
    /// Nobody said.
    #[default]
    Any,
}

impl Usage {
    /// Every use that can be said, by its word of the configuration.
    pub const WORDS: [(&'static str, Self); 3] =
        [("client", Self::Client), ("server", Self::Server), ("trust", Self::Trust)];

    /// The use of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.into_iter().find(|(known, _)| *known == word).map(|(_, usage)| usage)
    }
}

/// Whether the store renews the entry by itself; the flag cannot be read back (sap/destination-service.md §0.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoRenew {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Nobody knows: the store's threshold counts as the deadline.
    Unknown,
}

/// The terms of a renewal; fixed when it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// The kind of renewer: `destination-service` or `command`.
    pub kind: String,
    /// A new name beside the old one, the same name, or nothing at all.
    pub rotation: Rotation,
    /// Which subject the candidate gets.
    pub subject: SubjectChoice,
    /// The template of the counted subject's common name; `{n}` counts renewals.
    pub common_name: Option<String>,
    /// How long the candidate lives.
    pub validity: Validity,
    /// The hours in which something that can hurt may happen.
    pub window: Option<Window>,
    /// Who is switched.
    pub switch: SwitchBy,
}

/// How long a new certificate lives (sap/destination-service.md §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Days.
    Days(u32),
    /// Months.
    Months(u32),
    /// Years.
    Years(u32),
}

impl Validity {
    /// The shortest span it can mean: months and years differ in length.
    #[must_use]
    pub fn shortest(self) -> Duration {
        match self {
            Self::Days(count) => Duration::days(count.into()),
            Self::Months(count) => Duration::days(i64::from(count) * 28),
            Self::Years(count) => Duration::days(i64::from(count) * 365),
        }
    }
}

/// Where the candidate is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Under a new name, beside the one in force.
    SideBySide,
    /// Under the same name.
    InPlace,
    /// The store renews by itself; certsteward watches, proves and alarms.
    LeftToSource,
}

/// Which subject the candidate gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectChoice {
    /// What the tenant's way of matching allows without a gap; learned where unknown.
    Auto,
    /// The same as the one in force.
    Same,
    /// A new one, counted.
    Counted,
}

/// Who is switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwitchBy {
    /// Each listed caller is set to the candidate's name.
    Caller,
    /// The proven content is put under the original name.
    Entry,
}

/// Something that uses the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Unique within the watch: the destination's name, or the configured id.
    pub id: String,
    /// The kind: `destination-service`, `command`.
    pub kind: String,
    /// How long it may go on using what it read before.
    pub cache: Duration,
}

/// A relying party that must know the public certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Unique within the watch.
    pub id: String,
    /// The kind: `successfactors`, `file`, `http`, `command`.
    pub kind: String,
    /// How it gets the certificate.
    pub delivery: Delivery,
    /// The tenant (host and company) whose way of matching is learned; none where there is nothing to learn.
    pub tenant: Option<String>,
    /// What is known of its way of matching.
    pub matching: Matching,
    /// The probe that proves it, by id.
    pub proven_by: Option<String>,
    /// How many refused logons it takes before it locks the login; none where it does not.
    pub max_rejections: Option<u32>,
    /// Whether it refuses a second certificate with the same issuer and subject beside the first.
    pub refuses_same_subject: bool,
    /// Whether a certificate that is used shuts out those issued before it, so that a probe with the candidate is an act.
    pub ratchet: bool,
    /// How long after it was told it may go on answering as before.
    pub cache: Option<Duration>,
    /// What the hand-off tells a person.
    pub mapping: Mapping,
    /// The notifier that reaches whoever serves it.
    pub assignee: Option<String>,
    /// The notifier asked when the assignee does not act.
    pub deputy: Option<String>,
    /// After how long the deputy is asked.
    pub escalate_after: Duration,
}

/// How a target gets the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// A person does it.
    HandOff,
    /// certsteward does it, through the target role.
    Direct,
}

/// How a tenant recognises a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Matching {
    /// Not known.
    Unknown,
    /// By issuer and subject.
    Dn,
    /// By the certificate itself.
    Exact,
}

impl Matching {
    /// The word of configuration, metrics and pages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Dn => "dn",
            Self::Exact => "exact",
        }
    }
}

/// The values a person copies into the Security Center (sap/successfactors.md §2.1), and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping {
    /// Configuration Name.
    pub configuration_name: String,
    /// Integration Name, one of the list.
    pub integration_name: String,
    /// Login Name; optional there.
    pub login_name: Option<String>,
    /// The company id, for people to see which tenant is meant.
    pub company_id: Option<String>,
    /// The API's base address, for people.
    pub api: Option<String>,
}

/// A way of proving acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Unique within the watch.
    pub id: String,
    /// What is called, for people.
    pub url: String,
    /// The tenant (host and company) it speaks to.
    pub tenant: Option<String>,
    /// How often in steady state.
    pub every: Duration,
}

impl Probe {
    /// What its logons count against: the tenant, where it is known, else the probe alone.
    #[must_use]
    pub fn login(&self) -> &str {
        self.tenant.as_ref().unwrap_or(&self.id)
    }
}

/// That there is no watch of this id, and the way out: those there are.
#[must_use]
pub fn no_watch<'a>(id: &str, known: impl IntoIterator<Item = &'a str>) -> (String, String) {
    let known: Vec<&str> = known.into_iter().collect();
    let named = known.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let way_out = match known.len() {
        0 => "none is configured".to_owned(),
        count if count > NAMED => {
            format!("there are: {named} and {} more, which certsteward check lists", count - NAMED)
        }
        _ => format!("there are: {named}"),
    };
    (format!("there is no watch {id:?}"), way_out)
}

/// How many watches are named to whoever named none of them.
const NAMED: usize = 20;
