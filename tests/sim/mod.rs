//! Whole lives in a simulated world with its own time: random settings, faults and people, the same for each seed.
//! The pure core, the engine and the delivery are the real ones; everything outside them is simulated.
#![allow(clippy::wildcard_enum_match_arm, reason = "people answer the findings they know")]
#![allow(missing_docs, unreachable_pub, reason = "it is used by the tests and by the example soak only")]

mod certificates;
mod chance;
mod faults;
mod invariants;
mod people;
mod roles;
mod settings;
mod store;
mod systems;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use certsteward::domain::certificate::Fingerprint;
use certsteward::domain::event::EventKind;
use certsteward::domain::hand_off::HandOff;
use certsteward::domain::record::{Act, Record};
use certsteward::domain::snapshot::WatchView;
use certsteward::domain::{Duration, Timestamp};
use certsteward::engine::deliver::{Deliverer, Recipient};
use certsteward::engine::execute::Parts;
use certsteward::engine::pass::{House, pass};
use certsteward::journal::Journal as _;
use certsteward::journal::sqlite::Sqlite;
use certsteward::notifiers::Notifier;

use faults::{Fault, Happening, Trigger};
use people::{Habit, Mending};
use settings::Settings;
use store::{Mailbox, Store};
use systems::{Outside, World};
use timeline::epoch;

/// What is to happen at a moment.
pub enum Item {
    Fault(Fault),
    ClockIsRight,
    Serve(String),
    Finish(Box<HandOff>, Habit),
    Approve(String),
    Mend(Mending, String),
    Complain,
}

/// How one life went.
pub struct Outcome {
    pub seed: u64,
    pub days: i64,
    pub counts: BTreeMap<String, u64>,
    /// The invariant that broke, with the settings and the timeline.
    pub broken: Option<(String, String)>,
}

/// One life under way.
pub struct Life {
    seed: u64,
    settings: Settings,
    world: World,
    store: Arc<Store>,
    parts: Parts,
    deliverer: Deliverer,
    recipients: Vec<Recipient>,
    record: Option<Record>,
    view: Option<Arc<WatchView>>,
    agenda: BTreeMap<(Timestamp, u64), Item>,
    items: u64,
    noticed: BTreeSet<String>,
    people: u64,
    diligent: bool,
    paused: Option<String>,
    pass_at: Timestamp,
    deliver_at: Option<Timestamp>,
    passes: u64,
    _folder: Option<tempfile::TempDir>,
}

/// Lives one life, and where it breaks an invariant, lives it again with fewer faults and a timeline.
pub async fn live(seed: u64) -> Outcome {
    let settings = Settings::draw(seed);
    let mut happenings = faults::draw(seed, &settings);
    let outcome = one(seed, &settings, &happenings, false).await;
    let Some((broken, _)) = &outcome.broken else { return outcome };
    let kind = kind_of(broken);
    let mut at = happenings.len();
    while at > 0 && outcome.days < MOST_SHRUNK {
        at -= 1;
        let mut fewer = happenings.clone();
        fewer.remove(at);
        let again = one(seed, &settings, &fewer, false).await;
        if again.broken.is_some_and(|(broken, _)| kind_of(&broken) == kind) {
            happenings = fewer;
        }
    }
    let told = one(seed, &settings, &happenings, true).await;
    Outcome { broken: told.broken.or(outcome.broken), ..outcome }
}

/// Lives longer than this are shown as they are, because living them again takes long.
const MOST_SHRUNK: i64 = 300;

/// What broke, without the names in it.
fn kind_of(broken: &str) -> String {
    broken.chars().filter(|c| !c.is_ascii_digit()).take(40).collect()
}

async fn one(seed: u64, settings: &Settings, happenings: &[Happening], told: bool) -> Outcome {
    let mut life = Life::new(seed, settings.clone(), happenings, told);
    life.run().await;
    let broken = life.world.with(|outside| outside.judge.broken.take());
    let days = (life.now() - epoch()).num_days();
    life.world.with(|outside| {
        let broken = broken.map(|what| {
            let faults: Vec<String> = happenings.iter().map(|one| format!("  {one:?}")).collect();
            let text = format!(
                "seed {seed}: {what}\n{settings:?}\nfaults:\n{}\n{}",
                faults.join("\n"),
                outside.timeline.text(120)
            );
            (what, text)
        });
        Outcome { seed, days, counts: std::mem::take(&mut outside.timeline.counts), broken }
    })
}

fn deliverer(store: &Arc<Store>, world: &World) -> Deliverer {
    let mailbox = |id: &'static str| -> (String, Arc<dyn Notifier>) {
        (id.to_owned(), Arc::new(Mailbox(world.clone(), id)))
    };
    let notifiers = [mailbox("ops"), mailbox("hris")].into_iter().collect();
    Deliverer::new(store.clone(), notifiers, Arc::new(world.clone()))
}

impl Life {
    fn new(seed: u64, settings: Settings, happenings: &[Happening], told: bool) -> Self {
        let mut outside = Outside::new(Arc::new(settings.watch()), &settings);
        outside.timeline.kept = told;
        outside.judge.searches = settings.sqlite;
        outside.weather.late = settings.late;
        let world = World(Arc::new(Mutex::new(outside)));
        let folder = (settings.sqlite && seed.is_multiple_of(2)).then(|| tempfile::tempdir().unwrap());
        let sqlite = settings.sqlite.then(|| match &folder {
            Some(folder) => Sqlite::open(&folder.path().join("state.db"), epoch()).unwrap().0,
            None => Sqlite::in_memory().unwrap(),
        });
        let store = Arc::new(Store::new(world.clone(), sqlite));
        let recipient = Recipient { id: "ops".to_owned(), ..Recipient::default() };
        let mut life = Self {
            seed,
            parts: world.parts(),
            deliverer: deliverer(&store, &world),
            settings,
            world,
            store,
            recipients: vec![recipient],
            record: None,
            view: None,
            agenda: BTreeMap::new(),
            items: 0,
            noticed: BTreeSet::new(),
            people: 0,
            diligent: false,
            paused: None,
            pass_at: epoch(),
            deliver_at: None,
            passes: 0,
            _folder: folder,
        };
        for happening in happenings {
            match happening.trigger {
                Trigger::At(wait) => life.later(wait, Item::Fault(happening.fault)),
                Trigger::After(kind, nth, wait) => life.world.with(|outside| {
                    outside.awaited.push((kind, nth, wait, happening.fault));
                }),
            }
        }
        life
    }

    fn now(&self) -> Timestamp {
        self.world.with(|outside| outside.now)
    }

    fn record(&self) -> Option<Arc<Record>> {
        self.world.with(|outside| outside.saved.clone())
    }

    fn is_broken(&self) -> bool {
        self.world.with(|outside| outside.judge.broken.is_some())
    }

    fn later(&mut self, wait: Duration, item: Item) {
        self.items += 1;
        self.agenda.insert((self.now() + wait, self.items), item);
    }

    async fn run(&mut self) {
        let end = epoch() + self.settings.life;
        self.until(end).await;
        self.agenda.clear();
        self.noticed.clear();
        self.diligent = true;
        self.world.with(Outside::cure);
        self.pass_at = self.now();
        for day in 2..20 {
            self.later(Duration::days(day), Item::Complain);
        }
        self.until(end + Duration::days(24)).await;
        if !self.is_broken() {
            self.judge_end().await;
        }
    }

    /// With everything well for weeks and people who do what they are asked, every caller is served, and everybody knows.
    async fn judge_end(&mut self) {
        let findings: Vec<String> = self
            .view
            .iter()
            .flat_map(|view| &view.findings)
            .map(|finding| format!("{} {}", finding.level, finding.key()))
            .collect();
        let plan = self.view.as_ref().map(|view| view.plan());
        let held =
            plan.iter().flat_map(|plan| &plan.held).map(|held| format!("{}: {}", held.gate, held.text));
        let act = plan.as_ref().and_then(|plan| plan.act.as_ref().map(Act::id)).unwrap_or_default();
        let next = format!("{act} held by [{}]", held.collect::<Vec<_>>().join(", "));
        self.world.with(|outside| {
            // A renewal that has only begun may be in the gap that it announced.
            let begun = outside.saved.as_ref().and_then(|record| record.renewal.as_ref());
            let begun = begun.is_some_and(|renewal| outside.now - renewal.started < Duration::days(5));
            // What certsteward neither renews nor switches, and what waits for a person's decision, is served by others.
            let watch = &outside.watch;
            let theirs = watch.renewal.is_none()
                || watch.leaves_to_source()
                || watch.mode == certsteward::domain::watch::Mode::Observe;
            // What was shut out by a newer one that is gone is helped by nothing but a newer one still.
            let shut = outside.saved.as_ref().and_then(|record| record.in_force.as_ref());
            let shut =
                shut.is_some_and(|one| outside.systems.iter().any(|system| system.shuts_out(&one.chain)));
            // No emergency lets an in-place issue through frozen days, and a freeze may be longer than a certificate lives.
            let in_place = |terms: &certsteward::domain::watch::Terms| {
                terms.rotation == certsteward::domain::watch::Rotation::InPlace
            };
            let today = watch.freezes.iter().any(|freeze| freeze.contains(outside.now));
            let frozen = today && watch.renewal.as_deref().is_some_and(in_place);
            let theirs = theirs || shut || frozen;
            let waits = outside.saved.as_ref().is_some_and(|record| record.ended.is_some());
            let service = if begun || theirs || waits { BTreeMap::new() } else { outside.service() };
            if let Some((id, _)) = service.iter().find(|(_, served)| !**served) {
                let text = format!(
                    "{id} is not served in the end, with everything well: {}; next {next}",
                    findings.join(", ")
                );
                outside.judge.breaks(|| text);
            }
            outside.judge.judge_messages();
        });
        self.judge_history().await;
    }

    /// The history holds everything that was saved; nothing stored is a secret.
    async fn judge_history(&mut self) {
        let query = certsteward::journal::EventQuery { limit: usize::MAX / 4, ..Default::default() };
        let kept = self.store.events(query).await.map(|events| events.len()).unwrap_or(0);
        let mut bytes = Vec::new();
        if let Some(folder) = &self._folder {
            for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
                bytes.extend(std::fs::read(entry.path()).unwrap_or_default());
            }
        }
        self.world.with(|outside| {
            if u64::try_from(kept).ok() != Some(outside.judge.events) {
                let saved = outside.judge.events;
                outside.judge.breaks(|| format!("the history has {kept} events, and {saved} were saved"));
            }
            if invariants::holds_secret(&bytes) {
                outside.judge.breaks(|| "a private key is in the stored bytes".to_owned());
            }
        });
    }

    /// Lives until then.
    async fn until(&mut self, end: Timestamp) {
        let mut turns = (self.now(), 0_u32);
        while self.now() < end && !self.is_broken() {
            turns = if self.now() - turns.0 < Duration::days(1) {
                (turns.0, turns.1 + 1)
            } else {
                (self.now(), 0)
            };
            if turns.1 > 6_000 {
                self.world
                    .with(|outside| outside.judge.breaks(|| "it does not come to rest for a day".to_owned()));
            }
            let (renewal, expiry, suspended) = self.world.with(|outside| {
                (outside.next_self_renewal(), outside.next_expiry(), outside.weather.suspended)
            });
            let pass_at = suspended.map_or(self.pass_at, |until| until.max(self.pass_at));
            let item = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let others = [item, renewal.as_ref().map(|(at, _)| *at), expiry, self.deliver_at];
            let at = others.into_iter().flatten().chain([pass_at, end]).min().unwrap_or(end);
            self.advance(at, expiry);
            if let Some((due, name)) = renewal.filter(|(due, _)| *due <= self.now()) {
                self.world.with(|outside| outside.renew_by_itself(&name, due));
            } else if item.is_some_and(|due| due <= self.now()) {
                if let Some((_, item)) = self.agenda.pop_first() {
                    self.happen(item).await;
                }
                self.world.with(Outside::notice_callers);
            } else if pass_at <= self.now() {
                self.pass().await;
            } else if self.deliver_at.is_some_and(|due| due <= self.now()) {
                self.deliver().await;
            }
        }
    }

    fn advance(&mut self, at: Timestamp, expiry: Option<Timestamp>) {
        self.world.with(|outside| {
            if at <= outside.now {
                return;
            }
            let expires = expiry.is_some_and(|expiry| expiry <= at);
            let before = expires.then(|| outside.service());
            outside.now = at;
            before.iter().for_each(|before| outside.judge_expiry(before));
        });
    }

    async fn happen(&mut self, item: Item) {
        match item {
            Item::Fault(fault) => self.fault(fault).await,
            Item::ClockIsRight => self.world.with(|outside| {
                outside.skew = Duration::zero();
                outside.skewed_at = outside.now;
            }),
            Item::Serve(token) => self.serve(&token).await,
            Item::Finish(question, habit) => self.finish(*question, habit).await,
            Item::Approve(act) => self.approve(act).await,
            Item::Mend(mending, key) => self.mend(mending, &key).await,
            Item::Complain => self.complain(),
        }
    }

    async fn fault(&mut self, fault: Fault) {
        let now = self.now();
        self.world.with(|outside| {
            outside.timeline.say(now, || format!("!! {fault:?}"));
            let name = format!("{fault:?}");
            let name = name.split(['(', ' ']).next().unwrap_or_default();
            outside.timeline.count(&format!("fault {name}"));
        });
        let days = i64::from(self.settings.days);
        match fault {
            Fault::Restart => self.restart().await,
            Fault::Says(order) => self.order(order).await,
            Fault::ClockSteps(_, span) => {
                self.later(span, Item::ClockIsRight);
                self.world.with(|outside| outside.strike(fault));
                self.pass_at = now;
            }
            Fault::Meddles(meddling) => self.world.with(|outside| outside.meddle(meddling, days)),
            Fault::Suspended(_) => self.world.with(|outside| {
                outside.forget_waits();
                outside.strike(fault);
            }),
            _ => self.world.with(|outside| outside.strike(fault)),
        }
    }

    async fn pass(&mut self) {
        self.passes += 1;
        // The daemon begins no pass while its store cannot be written, and says so past it.
        if self.world.with(|outside| outside.is_until(outside.weather.disk)) {
            let now = self.now();
            self.world.with(|outside| outside.judge.level = None);
            self.pass_at = now + Duration::minutes(10);
            return;
        }
        let Ok(commands) = self.store.commands().await else { return };
        let seed = Fingerprint::of(format!("{} {}", self.seed, self.passes).as_bytes()).0;
        let paused = self.paused.clone();
        let house = House {
            journal: &*self.store,
            clock: &self.world,
            recipients: &self.recipients,
            ladder: &[Duration::days(7), Duration::days(1)],
            paused: &|| paused.clone(),
            seed,
            show: &|_| {},
            may_act: &|| true,
            known: certsteward::engine::pass::Known::default(),
        };
        let passed = pass(&self.parts, self.record.take().map(Arc::new), commands, &house).await;
        let now = self.now();
        match passed {
            Err(_) => {
                self.restart().await;
                self.pass_at = now + Duration::minutes(10);
            }
            Ok(passed) => {
                let view = passed.view;
                self.world.with(|outside| outside.judge_pass(&view, &passed.reads, passed.restless));
                self.record = Some(Arc::unwrap_or_clone(passed.record));
                let next = self.world.with(|outside| view.next.map(|next| next - outside.skew));
                let bell = now + self.settings.bell;
                self.pass_at = next.unwrap_or(bell).min(bell).max(now + Duration::seconds(1));
                self.react(&view);
                self.view = Some(view);
                if passed.messages > 0 {
                    self.deliver().await;
                }
            }
        }
        self.take_awaited();
    }

    /// Faults that waited for a turn of the life which has come.
    fn take_awaited(&mut self) {
        let ripe = self.world.with(|outside| std::mem::take(&mut outside.ripe));
        for (wait, fault) in ripe {
            if !self.diligent {
                self.later(wait, Item::Fault(fault));
            }
        }
    }

    async fn deliver(&mut self) {
        let delivered = self.deliverer.deliver_due().await;
        let now = self.now();
        self.deliver_at = match delivered {
            Ok(report) => {
                let next = self.world.with(|outside| report.next.map(|next| next - outside.skew));
                next.map(|next| next.max(now + Duration::minutes(1)))
            }
            Err(_) => Some(now + Duration::minutes(10)),
        };
        if self.world.with(|outside| outside.dead) {
            self.restart().await;
        }
    }

    /// The process starts anew with what the journal knows; where it only could not save, it reads that again.
    async fn restart(&mut self) {
        let died = self.world.with(|outside| {
            let now = outside.now;
            let died = std::mem::take(&mut outside.dead);
            outside.timeline.say(now, || "-- started again --".to_owned());
            outside.timeline.count("starts");
            died
        });
        self.record = self.store.records().await.unwrap_or_default().remove("sf");
        if died {
            self.deliverer = deliverer(&self.store, &self.world);
            self.deliver_at = Some(self.now());
        }
        self.paused = self.store.paused().await.ok().flatten().map(|(_, by)| by.to_string());
        self.pass_at = self.now() + Duration::seconds(5);
    }
}

impl Outside {
    /// SAP renews an entry by itself: in place, the same subject, without an event.
    fn renew_by_itself(&mut self, name: &str, _due: Timestamp) {
        let Some(entry) = self.entry(name) else { return };
        let leaf = &entry.issued.chain.leaf;
        let (common_name, days) = (leaf.common_name(), leaf.lifetime().num_days());
        let now = self.now;
        self.timeline.say(now, || format!("!! the store renews {name} by itself"));
        self.timeline.count("fault the store renews by itself");
        self.put(name, &common_name, days, true, 0);
        self.notice_callers();
    }

    /// An event of this kind was saved: faults may have waited for it.
    pub fn happened(&mut self, kind: EventKind) {
        let count = self.turns.entry(kind.code()).or_default();
        *count += 1;
        let count = *count;
        let ripe = self.awaited.iter().filter(|(awaited, nth, _, _)| *awaited == kind && *nth == count);
        let ripe: Vec<_> = ripe.map(|(_, _, wait, fault)| (*wait, *fault)).collect();
        self.ripe.extend(ripe);
    }

    /// A fault that changes nothing but how things go from now on.
    fn strike(&mut self, fault: Fault) {
        let now = self.now;
        match fault {
            Fault::Act(armed) => self.armed.push(armed),
            Fault::Dies(deaths) => self.deaths = deaths,
            Fault::SourceAway(reason, span) => self.weather.source = Some((now + span, reason)),
            Fault::CallersAway(span) => self.weather.callers = Some(now + span),
            Fault::TargetsAway(span) => self.weather.targets = Some(now + span),
            Fault::KeyAway(span) => self.weather.key = Some(now + span),
            Fault::ApiAnswers(verdict, wish, span) => self.weather.api = Some((now + span, verdict, wish)),
            Fault::PermissionLost(span) => self.weather.permission = Some(now + span),
            Fault::DiskFull(span) => self.weather.disk = Some(now + span),
            Fault::NotifiersDown(span) => self.weather.notifiers = Some(now + span),
            Fault::Suspended(span) => self.weather.suspended = Some(now + span),
            Fault::ClockSteps(by, _) => {
                self.skew = by;
                self.skewed_at = now;
            }
            Fault::Restart | Fault::Meddles(_) | Fault::Says(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_random_life_breaks_an_invariant() {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let first = number("CERTSTEWARD_SEED").unwrap_or(108);
        let lives = number("CERTSTEWARD_LIVES").unwrap_or(6);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for seed in first..first + lives {
            let outcome = live(seed).await;
            assert!(outcome.broken.is_none(), "seed {}: {}", outcome.seed, outcome.broken.unwrap().1);
            for (what, count) in outcome.counts {
                *counts.entry(what).or_default() += count;
            }
        }
        let some = |prefix: &str| counts.keys().any(|what| what.starts_with(prefix));
        assert!(lives < 6 || (some("act switch") && some("fault ")), "nothing happened: {counts:?}");
    }

    #[test]
    fn a_key_is_found_in_whatever_form_it_was_written_down() {
        for (number, secret) in certificates::secrets().into_iter().enumerate() {
            let text = [b"kept beside ".as_slice(), &secret, b" and more"].concat();
            assert!(invariants::holds_secret(&text), "{number}");
        }
        assert!(!invariants::holds_secret(b"kept beside nothing"));
    }
}
