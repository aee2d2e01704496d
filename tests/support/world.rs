//! A small world with its own clock: a store of entries, a tenant with mappings, callers, and passes over one watch.
//! The life of a watch in it is read as a timeline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use certsteward::callers::Caller;
use certsteward::clock::Clock;
use certsteward::domain::certificate::{Certificate, Fingerprint};
use certsteward::domain::chain::Chain;
use certsteward::domain::event::{Actor, Event, EventKind};
use certsteward::domain::hand_off::HandOff;
use certsteward::domain::message::{Message, Outgoing};
use certsteward::domain::policy::Policy;
use certsteward::domain::reason::{Failure, Reason, Unseen};
use certsteward::domain::record::{Ask, Order, Record};
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
    /// What our clock is ahead of the true time.
    pub skew: Duration,
    /// certsteward dies at the next act of this kind: before it takes effect, or after it.
    pub die_before: Option<&'static str>,
    pub die_after: Option<&'static str>,
    /// It has died: nothing more is saved.
    pub dead: bool,
    /// Refused logons, as the tenant counts them.
    pub refused: u32,
    /// Every act that was tried, in order.
    pub tried: Vec<String>,
}

impl Facts {
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
        facts.tried.push(kind.to_owned());
        if facts.die_before.take_if(|one| *one == kind).is_some() {
            facts.dead = true;
            return Err(Failure::uncertain(Reason::Interrupted, "died before it"));
        }
        if Facts::take(&mut facts.fail_before, kind) {
            return Err(Failure::certain(Reason::Unavailable, "503 Service Unavailable"));
        }
        effect(facts)?;
        if facts.die_after.take_if(|one| *one == kind).is_some() {
            facts.dead = true;
        }
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
        let facts = self.0.lock().unwrap();
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
        facts.refused += u32::from(facts.answers(chain) == Verdict::NotMapped);
        Probed {
            verdict: facts.answers(chain),
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

#[async_trait::async_trait]
impl certsteward::targets::Target for Everything {
    async fn look(&self, chain: &Chain) -> Result<Option<bool>, Unseen> {
        Ok(Some(
            self.0.lock().unwrap().mappings.iter().any(|mapped| mapped.fingerprint() == chain.fingerprint()),
        ))
    }

    async fn publish(&self, chain: &Chain) -> Result<(), Failure> {
        self.act("publish", |facts| {
            facts.unmap(chain);
            facts.map(chain);
            Ok(())
        })
    }
}

/// A journal whose process can die: then nothing more is saved.
pub struct Mortal(pub Sqlite, Everything);

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

    async fn paused(&self) -> Result<Option<(Timestamp, Actor)>, JournalError> {
        self.0.paused().await
    }

    async fn set_paused(&self, paused: Option<(Timestamp, Actor)>) -> Result<(), JournalError> {
        self.0.set_paused(paused).await
    }
}

/// A watch in its world.
pub struct World {
    pub facts: Everything,
    pub watch: Watch,
    pub journal: Mortal,
    pub record: Option<Record>,
    pub view: Option<Arc<WatchView>>,
    /// Who paused everything.
    pub paused: Option<&'static str>,
    /// Who gives commands.
    pub person: &'static str,
    /// Whether the next pass is the first after a start.
    pub first: bool,
    /// What has happened, as text.
    pub timeline: Vec<String>,
    /// Moments at which the caller was not served.
    pub cut_off: Vec<Timestamp>,
    commands: i64,
    noted: i64,
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
            skew: Duration::zero(),
            die_before: None,
            die_after: None,
            dead: false,
            refused: 0,
            tried: Vec::new(),
        };
        facts.issue("sfapi.pem", "SFAPI", 365);
        facts.mappings.push(facts.chain("sfapi.pem"));
        let facts = Everything(Arc::new(Mutex::new(facts)));
        Self {
            journal: Mortal(Sqlite::in_memory().unwrap(), facts.clone()),
            facts,
            watch: watch(),
            paused: None,
            person: "pat",
            record: None,
            view: None,
            first: true,
            timeline: Vec::new(),
            cut_off: Vec::new(),
            commands: 0,
            noted: 0,
        }
    }

    /// The same, a few days before the renewal is due: these are the days that matter.
    pub fn late(matching: Matching) -> Self {
        let world = Self::new(matching);
        world.change(|facts| facts.now = epoch() + Duration::days(300));
        world
    }

    /// The first pass after which the renewal has begun.
    pub async fn begin(&mut self) {
        self.until_event(EventKind::RenewalStarted, 10).await;
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
        let direct = |id: &String| -> (String, Arc<dyn certsteward::targets::Target>) {
            (id.clone(), Arc::new(role.clone()))
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
            targets: self.watch.targets.iter().map(|target| direct(&target.id)).collect(),
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
            actor: Actor::Named(self.person.to_owned()),
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
            paused: self.paused,
            seed: Fingerprint::of(now.to_rfc3339().as_bytes()).0,
            may_act: &|| true,
        };
        let passed = pass(&parts, self.record.take(), commands, self.first, &house).await;
        let Ok(passed) = passed else {
            self.note_events().await;
            return self.restart().await;
        };
        self.first = false;
        self.note_events().await;
        self.record = Some(passed.record);
        self.view = Some(passed.view);
        if !self.change(|facts| {
            facts.destinations.keys().cloned().collect::<Vec<_>>().iter().all(|id| facts.is_served(id))
        }) {
            self.cut_off.push(now);
        }
    }

    /// What the journal knows of what has happened since.
    async fn note_events(&mut self) {
        let query = EventQuery { limit: 60, ..EventQuery::default() };
        let mut events = self.journal.events(query).await.unwrap();
        events.reverse();
        for (row, event) in events.into_iter().filter(|(row, _)| *row > self.noted).collect::<Vec<_>>() {
            self.noted = row;
            if event.kind != EventKind::ActStarted {
                self.timeline.push(format!("{} {}: {}", stamp(event.at), event.kind, event.text));
            }
        }
    }

    /// The process starts anew with what the journal knows.
    pub async fn restart(&mut self) {
        self.timeline.push(format!("{} -- started again --", stamp(self.change(|facts| facts.now))));
        self.change(|facts| facts.dead = false);
        self.record = self.journal.records().await.unwrap().remove(&self.watch.id);
        self.first = true;
    }

    /// So many minutes pass, then there is a pass.
    pub async fn after(&mut self, minutes: i64) {
        self.change(|facts| facts.now += Duration::minutes(minutes));
        self.pass(Vec::new()).await;
    }

    /// Passes whenever something is due, for so many minutes.
    pub async fn run(&mut self, minutes: i64) {
        let end = self.change(|facts| facts.now) + Duration::minutes(minutes);
        self.until_moment(end).await;
    }

    /// Passes whenever something is due, and at least daily, until then.
    pub async fn until(&mut self, day: i64) {
        self.until_moment(epoch() + Duration::days(day)).await;
    }

    async fn until_moment(&mut self, end: Timestamp) {
        for _ in 0..5_000 {
            self.pass(Vec::new()).await;
            let now = self.change(|facts| facts.now);
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
        let question = self.question();
        self.change(|facts| {
            facts.now += Duration::minutes(minutes);
            if question.ask != Ask::Add {
                facts.unmap(&question.chain);
            }
            if question.ask != Ask::Remove {
                facts.map(&question.chain);
            }
        });
        self.command(Verb::Sign(question.target, Sign::Saved)).await;
    }

    /// The first open question.
    pub fn question(&self) -> HandOff {
        self.view()
            .hand_offs
            .first()
            .unwrap_or_else(|| panic!("no question is open:\n{}", self.text()))
            .clone()
    }

    pub fn view(&self) -> &WatchView {
        self.view.as_ref().unwrap()
    }

    pub fn record(&self) -> &Record {
        self.record.as_ref().unwrap()
    }

    /// The id of the act of this kind that waits for approval.
    pub fn pending(&self, kind: &str) -> String {
        let mut waiting = self.record().pending.keys().filter(|id| id.starts_with(kind));
        waiting.next().unwrap_or_else(|| panic!("no {kind} waits:\n{}", self.text())).clone()
    }

    pub async fn approve(&mut self, kind: &str) {
        let act = self.pending(kind);
        self.command(Verb::Approve(act)).await;
    }

    /// The findings, as `level code`.
    pub fn findings(&self) -> Vec<String> {
        self.view().findings.iter().map(|finding| format!("{} {}", finding.level, finding.code)).collect()
    }

    /// The plan, as people read it.
    pub fn plan(&self) -> String {
        let lines = self.view().plan.lines.iter().map(|line| {
            let at = line.at.map(|at| format!("{} ", stamp(at))).unwrap_or_default();
            format!("{at}{} -- {}", line.what, line.why)
        });
        plain(&lines.collect::<Vec<_>>().join("\n"))
    }

    /// The timeline with certificates numbered in the order they appear.
    pub fn story(&self) -> String {
        plain(&self.text())
    }

    pub async fn messages(&self) -> Vec<Message> {
        let far = self.facts.now() + Duration::days(3650);
        let due = self.journal.0.due(far, 10_000).await.unwrap();
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

/// Fingerprints and what is made of them are numbered, so that every run reads the same.
fn plain(text: &str) -> String {
    let is_hex =
        |word: &str| word.len() == 12 && word.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    let mut known: Vec<String> = Vec::new();
    let mut plain = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if !is_hex(bare) {
            plain.push_str(word);
            continue;
        }
        let at = known.iter().position(|one| one == bare).unwrap_or_else(|| {
            known.push(bare.to_owned());
            known.len() - 1
        });
        plain.push_str(&format!("#{}{}", at + 1, &word[bare.len()..]));
    }
    plain
}
