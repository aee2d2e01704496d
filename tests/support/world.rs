//! A small world with its own clock: a store of entries, a tenant with mappings, callers, and passes over one watch.
//! The life of a watch in it is read as a timeline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use certsteward::callers::Caller;
use certsteward::clock::Clock;
use certsteward::domain::certificate::{Certificate, Fingerprint};
use certsteward::domain::chain::Chain;
use certsteward::domain::event::{Actor, EventKind};
use certsteward::domain::message::Message;
use certsteward::domain::policy::Policy;
use certsteward::domain::reason::{Failure, Reason, Unseen};
use certsteward::domain::record::{Order, Record};
use certsteward::domain::report::{CallerSighting, Command, Sighting, Sign, Verb};
use certsteward::domain::snapshot::WatchView;
use certsteward::domain::verdict::{Probed, Verdict};
use certsteward::domain::watch::{
    AutoRenew, Delivery, Mapping, Matching, Mode, Probe, Rotation, SourceFacts, SubjectChoice, SwitchBy,
    Target, Terms, Validity, Watch,
};
use certsteward::domain::{Duration, Timestamp};
use certsteward::engine::deliver::Recipient;
use certsteward::engine::execute::Parts;
use certsteward::engine::pass::{House, pass};
use certsteward::identity::Identity;
use certsteward::journal::Journal;
use certsteward::journal::sqlite::Sqlite;
use certsteward::probers::Prober;
use certsteward::renewers::Renewer;
use certsteward::sources::Source;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use zeroize::Zeroizing;

/// Day zero.
pub fn epoch() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

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
    /// The next acts of this kind fail: before they take effect, or after it (the answer is lost).
    pub fail_before: Vec<&'static str>,
    pub fail_after: Vec<&'static str>,
    pub readable_key: bool,
}

impl Facts {
    fn issue(&mut self, name: &str, common_name: &str, days: i64) {
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

    fn accepts(&self, chain: &Chain) -> Verdict {
        if let Some(verdict) = self.api {
            return verdict;
        }
        if let Some(verdict) = self.verdict_for.get(&chain.fingerprint()) {
            return *verdict;
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
        self.entries.get(name).is_some_and(|issued| self.accepts(&issued.chain) == Verdict::Accepted)
    }

    pub fn chain(&self, name: &str) -> Chain {
        self.entries[name].chain.clone()
    }

    pub fn names(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
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
    ) -> Result<(), Failure> {
        let facts = &mut *self.0.lock().unwrap();
        if Facts::take(&mut facts.fail_before, kind) {
            return Err(Failure::certain(Reason::Unavailable, "503 Service Unavailable"));
        }
        effect(facts)?;
        if Facts::take(&mut facts.fail_after, kind) {
            return Err(Failure::uncertain(Reason::Timeout, "no answer within 30 s"));
        }
        Ok(())
    }

    fn see(&self, name: &str) -> Result<Option<Sighting>, Unseen> {
        let facts = self.0.lock().unwrap();
        if !facts.sees {
            return Err(Unseen::new(Reason::Unavailable, "503 Service Unavailable"));
        }
        Ok(facts.entries.get(name).map(|issued| Sighting {
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
        self.0.lock().unwrap().now
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
        let issued = facts.entries.get(entry.unwrap_or_default());
        let issued = issued.filter(|_| facts.readable_key);
        let issued = issued.ok_or_else(|| Unseen::new(Reason::KeyUnavailable, "the key cannot be had"))?;
        Identity::new(issued.chain.clone(), Zeroizing::new(issued.key.clone()))
    }
}

#[async_trait::async_trait]
impl Renewer for Everything {
    async fn look(&self, name: &str) -> Result<Option<Sighting>, Unseen> {
        self.see(name)
    }

    async fn issue(&self, order: &Order) -> Result<(), Failure> {
        let days = match order.validity {
            Validity::Days(days) => i64::from(days),
            Validity::Months(months) => i64::from(months) * 30,
            Validity::Years(years) => i64::from(years) * 365,
        };
        self.act("issue", |facts| {
            if !order.in_place && facts.entries.contains_key(&order.name) {
                return Ok(());
            }
            facts.issued += 1;
            facts.issue(&order.name, &order.common_name, days);
            Ok(())
        })
    }

    async fn remove(&self, name: &str) -> Result<(), Failure> {
        self.act("remove", |facts| {
            facts.entries.remove(name);
            Ok(())
        })
    }
}

/// One destination.
pub struct Destination(Everything, String);

#[async_trait::async_trait]
impl Caller for Destination {
    async fn look(&self) -> Result<CallerSighting, Unseen> {
        let facts = self.0.0.lock().unwrap();
        Ok(CallerSighting { uses: facts.destinations.get(&self.1).cloned() })
    }

    async fn switch(&self, from: &str, to: &str) -> Result<(), Failure> {
        self.0.act("switch", |facts| {
            let uses = facts.destinations.get_mut(&self.1).unwrap();
            if uses != to && uses != from {
                return Err(Failure::certain(Reason::StateChanged, format!("it uses {uses} now")));
            }
            *uses = to.to_owned();
            Ok(())
        })
    }
}

#[async_trait::async_trait]
impl Prober for Everything {
    async fn probe(&self, identity: Option<&Identity>, now: Timestamp) -> Probed {
        let mut facts = self.0.lock().unwrap();
        facts.probes += 1;
        let chain = identity.unwrap().chain();
        Probed {
            verdict: facts.accepts(chain),
            detail: None,
            status: None,
            at: now,
            phases: Vec::new(),
            presented: Some(chain.fingerprint()),
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

/// A watch in its world.
pub struct World {
    pub facts: Everything,
    pub watch: Watch,
    pub journal: Sqlite,
    pub record: Option<Record>,
    pub view: Option<Arc<WatchView>>,
    /// Acts may begin in so many more passes; none for always.
    pub first: bool,
    /// What has happened, as text.
    pub timeline: Vec<String>,
    /// Moments at which the caller was not served.
    pub cut_off: Vec<Timestamp>,
    commands: i64,
}

impl World {
    /// A tenant that matches like this, and a certificate of a year in its first minute.
    pub fn new(matching: Matching) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Sample Client CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().der().to_vec();
        let mut facts = Facts {
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
            fail_before: Vec::new(),
            fail_after: Vec::new(),
            readable_key: true,
        };
        facts.issue("sfapi.pem", "SFAPI", 365);
        facts.mappings.push(facts.chain("sfapi.pem"));
        Self {
            facts: Everything(Arc::new(Mutex::new(facts))),
            watch: watch(),
            journal: Sqlite::in_memory().unwrap(),
            record: None,
            view: None,
            first: true,
            timeline: Vec::new(),
            cut_off: Vec::new(),
            commands: 0,
        }
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut Facts) -> T) -> T {
        change(&mut self.facts.0.lock().unwrap())
    }

    pub fn terms(&mut self) -> &mut Terms {
        self.watch.renewal.as_mut().unwrap()
    }

    fn parts(&self) -> Parts {
        let role = &self.facts;
        let caller = |id: &String| -> (String, Arc<dyn Caller>) {
            (id.clone(), Arc::new(Destination(role.clone(), id.clone())))
        };
        let probers = self.watch.probes.iter().map(|probe| {
            let prober: Arc<dyn Prober> = Arc::new(role.clone());
            (probe.id.clone(), (prober, false))
        });
        Parts {
            watch: Arc::new(self.watch.clone()),
            source: Arc::new(role.clone()),
            renewer: Some(Arc::new(role.clone())),
            callers: self.watch.callers.iter().map(|each| caller(&each.id)).collect(),
            targets: BTreeMap::new(),
            probers: probers.collect(),
        }
    }

    /// A person's command.
    pub async fn command(&mut self, verb: Verb) {
        self.commands += 1;
        let command = Command {
            id: self.commands,
            watch: self.watch.id.clone(),
            at: self.facts.now(),
            actor: Actor::Named("pat".to_owned()),
            verb,
            comment: None,
            ticket: None,
        };
        self.pass(vec![command]).await;
    }

    /// One pass now.
    pub async fn pass(&mut self, commands: Vec<Command>) {
        let parts = self.parts();
        let now = self.facts.now();
        let house = House {
            journal: &self.journal,
            clock: &self.facts,
            recipients: &[Recipient {
                id: "ops".to_owned(),
                labels: BTreeMap::new(),
                topics: Vec::new(),
                levels: Vec::new(),
            }],
            ladder: &[],
            paused: None,
            seed: Fingerprint::of(now.to_rfc3339().as_bytes()).0,
            may_act: &|| true,
        };
        let passed = pass(&parts, self.record.take(), commands, self.first, &house).await.unwrap();
        self.first = false;
        for event in &passed.events {
            if event.kind != EventKind::ActStarted {
                self.timeline.push(format!("{} {}: {}", stamp(event.at), event.kind, event.text));
            }
        }
        self.record = Some(passed.record);
        self.view = Some(passed.view);
        if !self.change(|facts| {
            facts.destinations.keys().cloned().collect::<Vec<_>>().iter().all(|id| facts.is_served(id))
        }) {
            self.cut_off.push(now);
        }
    }

    /// Passes whenever something is due, and at least daily, until then.
    pub async fn until(&mut self, day: i64) {
        let end = epoch() + Duration::days(day);
        for _ in 0..5_000 {
            self.pass(Vec::new()).await;
            let now = self.facts.now();
            if now >= end {
                return;
            }
            let next = self.view.as_ref().and_then(|view| view.plan.next).unwrap_or(end);
            let at = next.max(now + Duration::seconds(1)).min(now + Duration::days(1)).min(end);
            self.change(|facts| facts.now = at);
        }
        panic!("the world does not come to rest:\n{}", self.text());
    }

    /// Passes until an event of this kind happened, at most so many days.
    pub async fn until_event(&mut self, kind: EventKind, days: i64) {
        let prefix = format!(" {}: ", kind.code());
        let before = self.timeline.len();
        let end = self.facts.now() + Duration::days(days);
        while self.facts.now() < end {
            self.pass(Vec::new()).await;
            if self.timeline[before..].iter().any(|line| line.contains(&prefix)) {
                return;
            }
            let now = self.facts.now();
            let next = self.view.as_ref().and_then(|view| view.plan.next).unwrap_or(end);
            self.change(|facts| {
                facts.now = next.max(now + Duration::seconds(1)).min(now + Duration::days(1))
            });
        }
        panic!("no {kind} within {days} days:\n{}", self.text());
    }

    /// A person does what the open hand-off asks and says so.
    pub async fn serve(&mut self, minutes: i64) {
        let question = self.view.as_ref().unwrap().hand_offs.first().expect("a question is open").clone();
        self.change(|facts| {
            facts.now += Duration::minutes(minutes);
            let subject = question.chain.leaf.subject.clone();
            facts.mappings.retain(|mapped| mapped.leaf.subject != subject);
            facts.mappings.push(question.chain.clone());
        });
        self.command(Verb::Sign(question.target, Sign::Saved)).await;
    }

    pub async fn messages(&self) -> Vec<Message> {
        let far = self.facts.now() + Duration::days(3650);
        let due = self.journal.due(far, 10_000).await.unwrap();
        due.into_iter().map(|outgoing| (*outgoing.message).clone()).collect()
    }

    pub fn text(&self) -> String {
        self.timeline.join("\n")
    }

    pub fn kinds(&self) -> BTreeSet<String> {
        self.timeline.iter().filter_map(|line| line.split([' ', ':']).nth(2).map(str::to_owned)).collect()
    }
}

fn stamp(at: Timestamp) -> String {
    let since = at - epoch();
    let (days, rest) = (since.num_days(), since - Duration::days(since.num_days()));
    format!("day{days:>4} {:02}:{:02}", rest.num_hours(), rest.num_minutes() % 60)
}

fn watch() -> Watch {
    let tenant = Some("api.example.org/ACME".to_owned());
    Watch {
        id: "sf".to_owned(),
        labels: BTreeMap::new(),
        mode: Mode::Act,
        policy: Policy::default(),
        source: SourceFacts {
            kind: "destination-service".to_owned(),
            connection: Some("btp".to_owned()),
            place: "btp subaccount sfapi.pem".to_owned(),
            destination: Some("first".to_owned()),
            auto_renew: AutoRenew::No,
            key_readable: true,
            client_certificate: true,
        },
        renewal: Some(Terms {
            kind: "destination-service".to_owned(),
            rotation: Rotation::SideBySide,
            subject: SubjectChoice::Auto,
            common_name: Some("SFAPI-{n}".to_owned()),
            validity: Validity::Years(1),
            window: None,
            switch: SwitchBy::Caller,
        }),
        callers: vec![caller("first")],
        targets: vec![Target {
            id: "security-center".to_owned(),
            kind: "successfactors".to_owned(),
            delivery: Delivery::HandOff,
            tenant: tenant.clone(),
            matching: Matching::Unknown,
            proven_by: Some("odata".to_owned()),
            max_rejections: None,
            mapping: Mapping::default(),
            assignee: None,
            deputy: None,
            escalate_after: Duration::days(5),
        }],
        probes: vec![Probe {
            id: "odata".to_owned(),
            url: "https://api.example.org/odata".to_owned(),
            tenant,
            every: Duration::hours(6),
        }],
        freezes: Vec::new(),
    }
}

pub fn caller(id: &str) -> certsteward::domain::watch::Caller {
    certsteward::domain::watch::Caller {
        id: id.to_owned(),
        kind: "destination-service".to_owned(),
        cache: Duration::minutes(5),
    }
}
