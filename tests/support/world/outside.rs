//! Everything outside certsteward: a store of entries, a tenant with mappings, destinations, and faults at will.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use certsteward::callers::Caller;
use certsteward::clock::Clock;
use certsteward::domain::certificate::{Certificate, Fingerprint};
use certsteward::domain::chain::Chain;
use certsteward::domain::event::{Actor, Event};
use certsteward::domain::message::Outgoing;
use certsteward::domain::reason::{Answer, Failure, Reason, Unseen};
use certsteward::domain::record::{CopyOrder, Order, Record};
use certsteward::domain::report::{CallerSighting, Command, Sighting};
use certsteward::domain::trail::{Proof, Row};
use certsteward::domain::verdict::{Probed, Verdict};
use certsteward::domain::watch::{Matching, Validity};
use certsteward::domain::{Duration, Timestamp};
use certsteward::identity::Identity;
use certsteward::journal::sqlite::Sqlite;
use certsteward::journal::{Change, EventQuery, Journal, JournalError, OutboxState};
use certsteward::probers::Prober;
use certsteward::renewers::Renewer;
use certsteward::sources::Source;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use zeroize::Zeroizing;

use super::epoch;

#[derive(Clone)]
struct Issued {
    chain: Chain,
    key: Vec<u8>,
}

/// Everything outside certsteward.
pub struct Facts {
    pub now: Timestamp,
    authority: Issuer<'static, KeyPair>,
    root: Vec<u8>,
    entries: BTreeMap<String, Issued>,
    pub destinations: BTreeMap<String, String>,
    pub mappings: Vec<Chain>,
    pub matching: Matching,
    pub issued: u32,
    pub sees: bool,
    pub api: Option<Verdict>,
    pub verdict_for: BTreeMap<Fingerprint, Verdict>,
    pub permission: bool,
    pub probes: u32,
    /// When the last of them was made.
    pub last_probe: Option<Timestamp>,
    /// The next acts of this kind fail: before they take effect, or after it (the answer is lost).
    pub fail_before: Vec<&'static str>,
    pub fail_after: Vec<&'static str>,
    /// The next acts of this kind fail before they take effect, in a way that leaves open whether they did.
    pub fail_open: Vec<&'static str>,
    pub readable_key: bool,
    /// The answer to the next switch of this caller is lost, and from then on it cannot be seen.
    pub lose: Option<&'static str>,
    /// Callers that cannot be seen.
    pub unseen: BTreeSet<String>,
    /// Entries that cannot be seen.
    pub unseen_entries: BTreeSet<String>,
    /// Entries that stand there and are not shown yet.
    pub not_yet_shown: BTreeSet<String>,
    /// What our clock is ahead of the true time.
    pub skew: Duration,
    /// How far each reading moves the clock; a real one is never read twice at the same moment.
    pub tick: Duration,
    /// certsteward dies at the next act of this kind: before it takes effect, or after it.
    pub die_before: Option<&'static str>,
    pub die_after: Option<&'static str>,
    /// It has died: nothing more is saved.
    pub dead: bool,
    /// Whether a certificate that was used shuts out those issued before it; and when the newest used one was issued.
    pub ratchet: bool,
    newest_used: Option<Timestamp>,
    /// Refused logons, as the tenant counts them.
    pub refused: u32,
    /// Every act that was tried, in order.
    pub tried: Vec<String>,
    /// How often a destination was written.
    pub written: usize,
}

impl Facts {
    /// A tenant that matches like this, and a certificate of a year in its first minute, known there.
    pub fn new(matching: Matching) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Sample Client CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().der().to_vec();
        let mut facts = Self {
            now: epoch(),
            authority: Issuer::new(params, key),
            root,
            entries: BTreeMap::new(),
            destinations: BTreeMap::from([("first".to_owned(), "sfapi.pem".to_owned())]),
            mappings: Vec::new(),
            matching,
            issued: 0,
            sees: true,
            api: None,
            verdict_for: BTreeMap::new(),
            permission: true,
            probes: 0,
            last_probe: None,
            fail_before: Vec::new(),
            fail_after: Vec::new(),
            fail_open: Vec::new(),
            readable_key: true,
            lose: None,
            unseen: BTreeSet::new(),
            unseen_entries: BTreeSet::new(),
            not_yet_shown: BTreeSet::new(),
            skew: Duration::zero(),
            tick: Duration::zero(),
            die_before: None,
            die_after: None,
            dead: false,
            ratchet: false,
            newest_used: None,
            refused: 0,
            tried: Vec::new(),
            written: 0,
        };
        facts.issue("sfapi.pem", "SFAPI", 365);
        facts.mappings.push(facts.chain("sfapi.pem"));
        facts
    }

    /// Somebody puts a certificate of so many days under this name.
    pub fn issue(&mut self, name: &str, common_name: &str, days: i64) {
        let from = self.now - Duration::hours(1);
        let issued = self.make(common_name, from, from + Duration::days(days) + Duration::hours(1));
        self.entries.insert(name.to_owned(), issued);
    }

    fn make(&self, common_name: &str, from: Timestamp, to: Timestamp) -> Issued {
        let at = |moment: Timestamp| {
            date_time_ymd(1970, 1, 1)
                + std::time::Duration::from_secs(u64::try_from(moment.timestamp()).unwrap())
        };
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        (params.not_before, params.not_after) = (at(from), at(to));
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.authority).unwrap();
        let certificates = [leaf.der().to_vec(), self.root.clone()];
        let certificates = certificates.iter().map(|der| Certificate::from_der(der).unwrap()).collect();
        Issued { chain: Chain::assemble(certificates, None).unwrap(), key: key.serialize_der() }
    }

    fn answers(&self, chain: &Chain) -> Verdict {
        self.api.unwrap_or_else(|| self.accepts(chain))
    }

    fn accepts(&self, chain: &Chain) -> Verdict {
        if let Some(verdict) = self.verdict_for.get(&chain.fingerprint()) {
            return *verdict;
        }
        if self.newest_used.is_some_and(|newest| chain.leaf.not_before < newest) {
            return Verdict::NotMapped;
        }
        let same = |mapped: &Chain| match self.matching {
            Matching::Dn => {
                mapped.leaf.subject == chain.leaf.subject && mapped.leaf.issuer == chain.leaf.issuer
            }
            Matching::Exact | Matching::Unknown => mapped.fingerprint() == chain.fingerprint(),
        };
        match self.mappings.iter().any(same) {
            true if self.permission => Verdict::Accepted,
            true => Verdict::NoPermission,
            false => Verdict::NotMapped,
        }
    }

    /// Whether a caller of this destination is served now.
    pub fn is_served(&self, destination: &str) -> bool {
        let name = &self.destinations[destination];
        self.entries.get(name).is_some_and(|issued| self.accepts(&issued.chain).recognised())
    }

    pub fn chain(&self, name: &str) -> Chain {
        self.entries[name].chain.clone()
    }

    /// A person adds a mapping; one of the same subject must be gone.
    pub fn map(&mut self, chain: &Chain) {
        let taken = self.mappings.iter().any(|mapped| mapped.leaf.subject == chain.leaf.subject);
        assert!(!taken, "a second mapping of {} is refused", chain.leaf.common_name());
        self.mappings.push(chain.clone());
    }

    pub fn unmap(&mut self, chain: &Chain) {
        self.mappings.retain(|mapped| mapped.leaf.subject != chain.leaf.subject);
    }

    /// Somebody removes this entry.
    pub fn forget(&mut self, name: &str) {
        self.entries.remove(name);
    }

    pub fn names(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    /// What is looked at before it is changed is not changed where it cannot be seen.
    fn must_see(&self) -> Result<(), Failure> {
        if self.sees { Ok(()) } else { Err(Failure::certain(Reason::Unavailable, "503 Service Unavailable")) }
    }

    fn take(list: &mut Vec<&'static str>, kind: &str) -> bool {
        list.iter().position(|one| *one == kind).map(|at| list.remove(at)).is_some()
    }
}

/// The roles, all served by the same facts.
#[derive(Clone)]
pub struct Everything(pub Arc<Mutex<Facts>>);

impl Everything {
    fn act(
        &self,
        kind: &'static str,
        effect: impl FnOnce(&mut Facts) -> Result<(), Failure>,
    ) -> Result<Answer, Failure> {
        let facts = &mut *self.0.lock().unwrap();
        facts.tried.push(kind.to_owned());
        if facts.die_before.take_if(|one| *one == kind).is_some() {
            facts.dead = true;
            return Err(Failure::uncertain(Reason::Interrupted, "died before it"));
        }
        if Facts::take(&mut facts.fail_before, kind) {
            let failure = Failure::certain(Reason::Unavailable, "503 Service Unavailable");
            return Err(failure.answered(Answer::new(kind, "503")));
        }
        if Facts::take(&mut facts.fail_open, kind) {
            return Err(Failure::uncertain(Reason::Unavailable, "502 Bad Gateway"));
        }
        effect(facts)?;
        if facts.die_after.take_if(|one| *one == kind).is_some() {
            facts.dead = true;
        }
        if Facts::take(&mut facts.fail_after, kind) {
            return Err(Failure::uncertain(Reason::Timeout, "no answer within 30 s"));
        }
        Ok(Answer::new(kind, "200"))
    }

    fn see(&self, name: &str) -> Result<Option<Sighting>, Unseen> {
        let facts = self.0.lock().unwrap();
        if !facts.sees || facts.unseen_entries.contains(name) {
            return Err(Unseen::new(Reason::Unavailable, "503 Service Unavailable"));
        }
        let shown = facts.entries.get(name).filter(|_| !facts.not_yet_shown.contains(name));
        Ok(shown.map(|issued| Sighting {
            chain: issued.chain.clone(),
            name: Some(name.to_owned()),
            has_key: None,
            destination: None,
            oddities: Vec::new(),
        }))
    }
}

impl Clock for Everything {
    fn now(&self) -> Timestamp {
        let mut facts = self.0.lock().unwrap();
        let tick = facts.tick;
        facts.now += tick;
        facts.now + facts.skew
    }
}

#[async_trait::async_trait]
impl Source for Everything {
    async fn look(&self, entry: Option<&str>) -> Result<Option<Sighting>, Unseen> {
        let name = entry.map_or_else(|| self.0.lock().unwrap().destinations["first"].clone(), str::to_owned);
        self.see(&name)
    }

    async fn identity(&self, entry: Option<&str>) -> Result<Identity, Unseen> {
        let facts = self.0.lock().unwrap();
        let in_force = &facts.destinations["first"];
        let issued = facts.entries.get(entry.unwrap_or(in_force));
        let issued = issued.ok_or_else(|| Unseen::new(Reason::NotFound, "there is no such entry"))?;
        if !facts.readable_key {
            return Err(Unseen::new(Reason::KeyUnavailable, "the key cannot be had"));
        }
        Identity::new(issued.chain.clone(), Zeroizing::new(issued.key.clone()))
    }
}

#[async_trait::async_trait]
impl Renewer for Everything {
    async fn look(&self, name: &str) -> Result<Option<Sighting>, Unseen> {
        self.see(name)
    }

    async fn issue(&self, order: &Order) -> Result<Answer, Failure> {
        let days = match order.validity {
            Validity::Days(days) => i64::from(days),
            Validity::Months(months) => i64::from(months) * 30,
            Validity::Years(years) => i64::from(years) * 365,
        };
        self.act("issue", |facts| {
            match (order.in_place, facts.entries.contains_key(&order.name)) {
                (false, true) => return Ok(()),
                (true, false) => return Err(Failure::certain(Reason::NotFound, "there is no such entry")),
                (false, false) | (true, true) => {}
            }
            facts.issued += 1;
            facts.issue(&order.name, &order.common_name, days);
            Ok(())
        })
    }

    async fn copy(&self, copy: &CopyOrder) -> Result<Answer, Failure> {
        self.act("copy", |facts| {
            facts.must_see()?;
            let holds = facts.entries.get(&copy.to).map(|issued| issued.chain.fingerprint());
            if holds == Some(copy.fingerprint) {
                return Ok(());
            }
            let from = facts.entries.get(&copy.from).cloned();
            let from = from.filter(|issued| issued.chain.fingerprint() == copy.fingerprint);
            let Some(from) = from.filter(|_| holds == copy.over) else {
                return Err(Failure::certain(Reason::StateChanged, "an entry holds something else"));
            };
            facts.entries.insert(copy.to.clone(), from);
            Ok(())
        })
    }

    async fn remove(&self, name: &str, fingerprint: Fingerprint) -> Result<Answer, Failure> {
        self.act("remove", |facts| {
            facts.must_see()?;
            if facts.entries.get(name).is_some_and(|issued| issued.chain.fingerprint() != fingerprint) {
                return Err(Failure::certain(Reason::StateChanged, "the entry holds another certificate"));
            }
            if facts.destinations.values().any(|uses| uses == name) {
                return Err(Failure::certain(Reason::StateChanged, "a destination names the entry"));
            }
            facts.entries.remove(name);
            Ok(())
        })
    }
}

/// One destination.
pub struct Destination(pub Everything, pub String);

#[async_trait::async_trait]
impl Caller for Destination {
    async fn look(&self) -> Result<CallerSighting, Unseen> {
        let facts = self.0.0.lock().unwrap();
        if facts.unseen.contains(&self.1) {
            return Err(Unseen::new(Reason::Unavailable, "503 Service Unavailable"));
        }
        let uses = facts.destinations.get(&self.1).cloned();
        let uses = uses.ok_or_else(|| Unseen::new(Reason::NotFound, "there is no such destination"))?;
        Ok(CallerSighting { uses: Some(uses) })
    }

    async fn switch(&self, from: &str, to: &str) -> Result<Answer, Failure> {
        let answer = self.0.act("switch", |facts| {
            if facts.unseen.contains(&self.1) {
                return Err(Failure::certain(Reason::Unavailable, "503 Service Unavailable"));
            }
            let Some(uses) = facts.destinations.get_mut(&self.1) else {
                return Err(Failure::certain(Reason::NotFound, "there is no such destination"));
            };
            if uses != to && uses != from {
                return Err(Failure::certain(Reason::StateChanged, format!("it uses {uses} now")));
            }
            facts.written += usize::from(uses != to);
            *uses = to.to_owned();
            Ok(())
        })?;
        let facts = &mut *self.0.0.lock().unwrap();
        if facts.lose.take_if(|lose| *lose == self.1).is_some() {
            facts.unseen.insert(self.1.clone());
            return Err(Failure::uncertain(Reason::Timeout, "no answer within 30 s"));
        }
        Ok(answer)
    }
}

#[async_trait::async_trait]
impl Prober for Everything {
    async fn probe(&self, identity: Option<&Identity>, now: Timestamp) -> Probed {
        let mut facts = self.0.lock().unwrap();
        facts.probes += 1;
        facts.last_probe = Some(now);
        let chain = identity.map(Identity::chain);
        let verdict = chain.map_or(Verdict::CertificateRequired, |chain| facts.answers(chain));
        if let Some(chain) = chain.filter(|_| facts.ratchet && verdict.recognised()) {
            facts.newest_used = facts.newest_used.max(Some(chain.leaf.not_before));
        }
        facts.refused += u32::from(verdict == Verdict::NotMapped);
        Probed {
            verdict,
            detail: None,
            status: None,
            at: now,
            phases: Vec::new(),
            presented: chain.map(Chain::fingerprint),
            asked_for_certificate: true,
            acceptable_authorities: Vec::new(),
            tls_version: None,
            cipher: None,
            server_chain: Vec::new(),
            text: String::new(),
            retry_after_seconds: None,
        }
    }
}

#[async_trait::async_trait]
impl certsteward::targets::Target for Everything {
    async fn look(&self, chain: &Chain) -> Result<Option<bool>, Unseen> {
        Ok(Some(
            self.0.lock().unwrap().mappings.iter().any(|mapped| mapped.fingerprint() == chain.fingerprint()),
        ))
    }

    async fn publish(&self, chain: &Chain) -> Result<Answer, Failure> {
        self.act("publish", |facts| {
            facts.unmap(chain);
            facts.map(chain);
            Ok(())
        })
    }
}

/// A journal whose process can die: then nothing more is saved.
pub struct Mortal(pub Sqlite, pub Everything);

#[async_trait::async_trait]
impl Journal for Mortal {
    async fn records(&self) -> Result<BTreeMap<String, Record>, JournalError> {
        self.0.records().await
    }

    async fn save(&self, change: Change) -> Result<(), JournalError> {
        if self.1.0.lock().unwrap().dead {
            return Err(JournalError::Store {
                act: "write",
                place: "memory".to_owned(),
                cause: "dead".into(),
            });
        }
        self.0.save(change).await
    }

    async fn forget(&self, watch: &str) -> Result<(), JournalError> {
        self.0.forget(watch).await
    }

    async fn accept(&self, command: Command) -> Result<i64, JournalError> {
        self.0.accept(command).await
    }

    async fn commands(&self) -> Result<Vec<Command>, JournalError> {
        self.0.commands().await
    }

    async fn events(&self, query: EventQuery) -> Result<Vec<(i64, Event)>, JournalError> {
        self.0.events(query).await
    }

    async fn rows(&self, query: EventQuery) -> Result<Vec<Row>, JournalError> {
        self.0.rows(query).await
    }

    async fn verify(&self, watch: Option<String>, heads: Vec<String>) -> Result<Proof, JournalError> {
        self.0.verify(watch, heads).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Outgoing>, JournalError> {
        self.0.due(now, limit).await
    }

    async fn delivered(&self, id: i64, at: Timestamp) -> Result<(), JournalError> {
        self.0.delivered(id, at).await
    }

    async fn postponed(&self, id: i64, next: Timestamp, why: &str) -> Result<(), JournalError> {
        self.0.postponed(id, next, why).await
    }

    async fn outbox(&self) -> Result<OutboxState, JournalError> {
        self.0.outbox().await
    }

    async fn rested(&self, id: i64, next: Timestamp, why: &str) -> Result<(), JournalError> {
        self.0.rested(id, next, why).await
    }

    fn take_kept_apart(&self) -> Vec<certsteward::journal::KeptApart> {
        self.0.take_kept_apart()
    }

    async fn paused(&self) -> Result<Option<(Timestamp, Actor)>, JournalError> {
        self.0.paused().await
    }

    async fn set_paused(&self, paused: Option<(Timestamp, Actor)>) -> Result<(), JournalError> {
        self.0.set_paused(paused).await
    }
}
