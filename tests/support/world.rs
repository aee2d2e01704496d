//! A small world with its own clock: a store of entries, a tenant with mappings, callers, and passes over one watch.
//! The life of a watch in it is read as a timeline.

mod outside;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use certsteward::callers::Caller;
use certsteward::clock::Clock;
use certsteward::domain::certificate::Fingerprint;
use certsteward::domain::event::{Actor, EventKind};
use certsteward::domain::hand_off::HandOff;
use certsteward::domain::message::Message;
use certsteward::domain::policy::Policy;
use certsteward::domain::record::{Ask, Record};
use certsteward::domain::report::{Command, Sign, Verb};
use certsteward::domain::snapshot::WatchView;
use certsteward::domain::watch::{
    AutoRenew, Delivery, Mapping, Matching, Mode, Probe, Rotation, SourceFacts, SubjectChoice, SwitchBy,
    Target, Terms, Validity, Watch,
};
use certsteward::domain::{Duration, Timestamp};
use certsteward::engine::deliver::Recipient;
use certsteward::engine::execute::Parts;
use certsteward::engine::pass::{House, pass};
use certsteward::journal::sqlite::Sqlite;
use certsteward::journal::{EventQuery, Journal};
use certsteward::probers::Prober;

pub use outside::{Destination, Everything, Facts, Mortal};

/// Day zero.
pub fn epoch() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
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
    /// Whether it was started, and no pass has ended since.
    pub fresh: bool,
    /// What has happened, as text.
    pub timeline: Vec<String>,
    /// Moments at which the caller was not served.
    pub cut_off: Vec<Timestamp>,
    /// When open questions are reminded of, before the deadline.
    pub ladder: Vec<Duration>,
    commands: i64,
    noted: i64,
}

impl World {
    /// A tenant that matches like this, and a certificate of a year in its first minute.
    pub fn new(matching: Matching) -> Self {
        let facts = Facts::new(matching);
        let facts = Everything(Arc::new(Mutex::new(facts)));
        Self {
            journal: Mortal(Sqlite::in_memory().unwrap(), facts.clone()),
            facts,
            watch: watch(),
            paused: None,
            person: "pat",
            record: None,
            view: None,
            fresh: true,
            timeline: Vec::new(),
            cut_off: Vec::new(),
            ladder: Vec::new(),
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

    pub fn parts(&self) -> Parts {
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
            places: Vec::new(),
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
        let paused = self.paused;
        let house = House {
            journal: &self.journal,
            clock: &self.facts,
            recipients: &[Recipient {
                id: "ops".to_owned(),
                labels: BTreeMap::new(),
                topics: Vec::new(),
                levels: Vec::new(),
            }],
            ladder: &self.ladder,
            paused: &|| paused.map(str::to_owned),
            seed: Fingerprint::of(now.to_rfc3339().as_bytes()).0,
            show: &|_| {},
            known: certsteward::engine::pass::Known::default(),
            may_act: &|| true,
        };
        let passed = pass(&parts, self.record.take().map(Arc::new), commands, &house).await;
        let Ok(passed) = passed else {
            self.note_events().await;
            return self.restart().await;
        };
        self.fresh = false;
        self.note_events().await;
        self.record = Some(Arc::unwrap_or_clone(passed.record));
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
        self.fresh = true;
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
            let next = self.view.as_ref().and_then(|view| view.next).unwrap_or(end);
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
            let next = self.view.as_ref().and_then(|view| view.next).unwrap_or(end);
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
        let print = Some(question.chain.fingerprint());
        let done = match question.ask {
            Ask::Remove => Verb::Confirm(question.target, print),
            Ask::Add | Ask::Replace => Verb::Sign(question.target, Sign::Saved, print),
        };
        self.command(done).await;
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
        let lines = self.view().plan().lines.iter().map(|line| {
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
        policy: Policy::default().into(),
        source: SourceFacts {
            kind: "destination-service".to_owned(),
            connection: Some("btp".to_owned()),
            place: "btp subaccount sfapi.pem".to_owned(),
            destination: Some("first".to_owned()),
            auto_renew: AutoRenew::No,
            key_readable: true,
            usage: certsteward::domain::watch::Usage::Client,
            served_as: Vec::new(),
        },
        renewal: Some(Box::new(Terms {
            kind: "destination-service".to_owned(),
            rotation: Rotation::SideBySide,
            subject: SubjectChoice::Auto,
            common_name: Some("SFAPI-{n}".to_owned()),
            validity: Validity::Years(1),
            window: None,
            switch: SwitchBy::Caller,
        })),
        callers: vec![caller("first")],
        targets: vec![Target {
            id: "security-center".to_owned(),
            kind: "successfactors".to_owned(),
            delivery: Delivery::HandOff,
            tenant: tenant.clone(),
            matching: Matching::Unknown,
            proven_by: Some("odata".to_owned()),
            max_rejections: None,
            refuses_same_subject: true,
            ratchet: false,
            cache: None,
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
        found_by: None,
        places: Vec::new(),
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
