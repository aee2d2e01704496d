//! People: who serves hand-offs in minutes or weeks, rightly or wrongly, who approves, mends, meddles and commands.
//! What they do as an open question told them counts as certsteward's; all else is theirs.

use std::sync::Arc;

use certsteward::domain::Duration;
use certsteward::domain::event::Actor;
use certsteward::domain::finding::{Code, Finding, Level};
use certsteward::domain::hand_off::HandOff;
use certsteward::domain::record::Ask;
use certsteward::domain::report::{Command, Sign, Verb};
use certsteward::domain::snapshot::WatchView;
use certsteward::domain::watch::Mode;
use certsteward::journal::Journal as _;

use super::chance::Chance;
use super::faults::{Meddling, Order};
use super::systems::Outside;
use super::{Item, Life};

/// How a person serves a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Does it and says so.
    Right,
    /// Does it and says nothing.
    Silent,
    /// Says so without doing it.
    SaysOnly,
    /// Uploads what is in force already, and says so.
    WrongFile,
    /// Deletes what stands there although it was to be left alone.
    DeletesOld,
}

/// What somebody mends when certsteward said what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mending {
    Callers,
    Source,
    RenewAgain,
    Resume,
    RenewByHand,
    Retry,
    Confirm,
}

impl Life {
    fn person(&mut self) -> Chance {
        self.people += 1;
        Chance::of(self.seed, &format!("person {}", self.people))
    }

    /// How long people take; a few come only when it is too late.
    fn delay(&mut self) -> Duration {
        let diligent = self.diligent;
        let chance = &mut self.person();
        if diligent {
            return Duration::minutes(chance.between(5, 90));
        }
        if chance.percent(8) {
            Duration::days(chance.between(30, 90))
        } else {
            chance.span(Duration::days(21))
        }
    }

    /// Whether nobody was told of this yet; while people are diligent, they are told anew each day.
    fn is_news(&mut self, key: &str) -> bool {
        let day = if self.diligent { self.now().timestamp() / 86_400 } else { 0 };
        self.noticed.insert(format!("{day} {key}"))
    }

    /// What people make of what they are shown after a pass.
    pub fn react(&mut self, view: &WatchView) {
        for question in &view.hand_offs {
            if self.is_news(&question.token) {
                let delay = self.delay();
                self.later(delay, Item::Serve(question.token.clone()));
            }
        }
        for (act, since) in &view.record.pending {
            if self.is_news(&format!("{act} {since}")) {
                let delay = self.delay();
                self.later(delay, Item::Approve(act.clone()));
            }
        }
        for finding in view.findings.iter().filter(|finding| finding.level >= Level::Notice) {
            let Some(mending) = self.mending(finding, view) else { continue };
            let since = view.record.ended.as_ref().map_or(0, |ended| ended.at.timestamp());
            if self.is_news(&format!("{} {since}", finding.key())) {
                let delay = self.delay();
                self.later(delay, Item::Mend(mending, finding.key()));
            }
        }
    }

    fn mending(&self, finding: &Finding, view: &WatchView) -> Option<Mending> {
        let by_hand =
            self.settings.file || self.settings.mode == Mode::Observe || view.watch.leaves_to_source();
        match finding.code {
            Code::SwitchedBack | Code::CallerElsewhere => Some(Mending::Callers),
            Code::SourceVanished => Some(Mending::Source),
            Code::RolledBack | Code::CandidateUnfit => Some(Mending::RenewAgain),
            Code::Overdue if view.record.ended.is_some() => Some(Mending::RenewAgain),
            Code::Paused => Some(Mending::Resume),
            Code::Expires | Code::Expired if by_hand && finding.level >= Level::Warning => {
                Some(Mending::RenewByHand)
            }
            Code::Stuck | Code::ActFailed => Some(Mending::Retry),
            Code::Unproven if view.hand_offs.is_empty() => Some(Mending::Confirm),
            _ => None,
        }
    }

    /// A person gives a command: it is stored first.
    pub async fn command(&mut self, actor: &str, verb: Verb) {
        let at = self.world.with(|outside| outside.our_time());
        let now = self.now();
        let shown = verb != Verb::Retry || !self.diligent;
        self.world.with(|outside| shown.then(|| outside.timeline.say(now, || said(actor, &verb))));
        self.world.with(|outside| outside.timeline.count("commands"));
        let command = Command {
            id: 0,
            watch: "sf".to_owned(),
            at,
            actor: Actor::Named(actor.to_owned()),
            verb,
            comment: None,
            ticket: None,
        };
        if self.store.accept(command).await.is_ok() {
            self.pass_at = now;
        }
    }

    fn anybody(&mut self) -> &'static str {
        self.person().one(&["pat", "kim", "sam"])
    }

    pub async fn approve(&mut self, act: String) {
        let actor = self.anybody();
        let four_eyes = self.settings.four_eyes;
        self.world.with(|outside| {
            let record = outside.saved.clone();
            outside.judge.approve(record.as_deref(), four_eyes, &act, actor);
        });
        self.command(actor, Verb::Approve(act)).await;
    }

    /// Somebody serves the question with this token, where it is still open.
    pub async fn serve(&mut self, token: &str) {
        let view = self.view.clone();
        let question = view.iter().flat_map(|view| &view.hand_offs).find(|open| open.token == token).cloned();
        let Some(question) = question else { return };
        let sloppy = if self.diligent { 0 } else { self.settings.sloppy };
        let mut chance = self.person();
        let habits = [Habit::SaysOnly, Habit::WrongFile, Habit::DeletesOld];
        let habit = if chance.percent(sloppy) {
            chance.one(&habits)
        } else {
            chance.one(&[Habit::Right, Habit::Silent])
        };
        let now = self.now();
        let text = format!(">> a person serves {} of {} ({habit:?})", question.ask.word(), question.target);
        self.world.with(|outside| outside.timeline.say(now, || text));
        self.world.with(|outside| outside.timeline.count(&format!("hand-off served {habit:?}")));
        if !matches!(habit, Habit::Right | Habit::Silent) {
            self.noticed.retain(|key| !key.ends_with(token));
        }
        if question.ask == Ask::Replace && matches!(habit, Habit::Right | Habit::Silent) {
            self.world.with(|outside| outside.delete_as_told(&question));
            if chance.percent(50) {
                self.sign(&question, Sign::Deleting).await;
            }
            let wait = Duration::minutes(chance.one(&[1, 5, 240]));
            self.later(wait, Item::Finish(Box::new(question), habit));
            return;
        }
        self.world.with(|outside| outside.serve(&question, habit));
        self.say_done(&question, habit).await;
    }

    async fn sign(&mut self, question: &HandOff, sign: Sign) {
        let actor = self.anybody();
        let print = Some(question.chain.fingerprint());
        self.command(actor, Verb::Sign(question.target.clone(), sign, print)).await;
    }

    /// The second half of a replacement: what was deleted is added anew.
    pub async fn finish(&mut self, question: HandOff, habit: Habit) {
        self.world.with(|outside| outside.add_as_told(&question));
        self.say_done(&question, habit).await;
    }

    async fn say_done(&mut self, question: &HandOff, habit: Habit) {
        let probed = self.world.with(|outside| outside.is_probed(&question.target));
        if probed && habit == Habit::Silent {
            return;
        }
        let mut chance = self.person();
        let removes = question.ask == Ask::Remove;
        if !removes && (probed || chance.percent(30)) {
            self.sign(question, Sign::Saved).await;
        }
        if removes || !probed {
            let actor = self.anybody();
            let print = Some(question.chain.fingerprint());
            self.command(actor, Verb::Confirm(question.target.clone(), print)).await;
        }
    }

    pub async fn mend(&mut self, mending: Mending, key: &str) {
        let still = self.view.as_ref().is_some_and(|view| view.findings.iter().any(|one| one.key() == key));
        if !still {
            return;
        }
        let actor = self.anybody();
        match mending {
            Mending::Callers => self.world.with(Outside::mend_callers),
            Mending::Source => {
                let days = i64::from(self.settings.days);
                self.world.with(|outside| outside.mend_source(days));
            }
            Mending::RenewAgain => self.command(actor, Verb::Renew).await,
            Mending::Retry => self.command(actor, Verb::Retry).await,
            Mending::Resume => {
                self.world.with(|outside| outside.judge.paused_everywhere = false);
                if self.store.set_paused(None).await.is_ok() {
                    self.paused = None;
                }
                self.command(actor, Verb::Resume).await;
            }
            Mending::RenewByHand => {
                let days = i64::from(self.settings.days);
                self.world.with(|outside| outside.renew_in_place(days, true, 0));
            }
            Mending::Confirm => {
                let ids: Vec<String> = self.world.with(|outside| outside.map_in_force());
                for id in ids {
                    self.command(actor, Verb::Confirm(id, None)).await;
                }
            }
        }
    }

    /// A person says something unasked.
    pub async fn order(&mut self, order: Order) {
        let actor = self.anybody();
        let now = self.world.with(|outside| outside.our_time());
        let pending = self.record().and_then(|record| record.pending.keys().next().cloned());
        let verb = match order {
            Order::Renew => Verb::Renew,
            Order::Retry => Verb::Retry,
            Order::Cancel => Verb::Cancel,
            Order::RollBack => Verb::RollBack,
            Order::Retire => Verb::Retire,
            Order::Check => Verb::Check,
            Order::Pause => Verb::Pause,
            Order::Silence(hours) => Verb::Silence(now + Duration::hours(hours)),
            Order::RejectAny => {
                let Some(act) = pending else { return };
                self.world.with(|outside| outside.judge.kept_by_person |= act.starts_with("retire"));
                Verb::Reject(act)
            }
            Order::ConfirmFalsely(number) => {
                let id = self.world.with(|outside| outside.believe_all(number));
                Verb::Confirm(id, None)
            }
            Order::PauseAll => {
                let paused = Some((now, Actor::Named(actor.to_owned())));
                if self.store.set_paused(paused).await.is_ok() {
                    self.paused = Some(actor.to_owned());
                    self.world.with(|outside| outside.judge.paused_everywhere = true);
                    self.pass_at = self.now();
                }
                return;
            }
        };
        self.command(actor, verb).await;
    }

    /// Whoever is not served for a day says so, where no call can.
    pub fn complain(&mut self) {
        self.world.with(Outside::map_what_is_used);
    }
}

/// A command, short enough to be read.
fn said(actor: &str, verb: &Verb) -> String {
    let text = format!("{verb:?}");
    format!(">> {actor}: {}", text.split(", Some(Fingerprint").next().unwrap_or_default())
}

impl Outside {
    fn delete_as_told(&mut self, question: &HandOff) {
        let before = self.service();
        if let Some(system) = self.system(&question.target) {
            system.delete_name(&question.chain);
        }
        self.judge_told(Ask::Replace, question.chain.fingerprint(), &before);
    }

    fn add_as_told(&mut self, question: &HandOff) {
        let chain = Arc::new(question.chain.clone());
        if let Some(system) = self.system(&question.target) {
            system.delete_name(&chain);
            system.add(&chain);
        }
    }

    fn serve(&mut self, question: &HandOff, habit: Habit) {
        let chain = Arc::new(question.chain.clone());
        let before = self.service();
        let in_force = self.saved.as_ref().and_then(|record| record.in_force.as_ref());
        let old = in_force.map(|standing| Arc::new(standing.chain.clone()));
        let Some(system) = self.system(&question.target) else { return };
        match (habit, question.ask) {
            (Habit::Right | Habit::Silent, Ask::Add | Ask::Replace) => {
                // What stands in the way though somebody said that they removed it is in nobody's books.
                let falsely_gone = system.mappings.iter().any(|mapped| {
                    mapped.leaf.subject == chain.leaf.subject && system.lies.contains(&mapped.fingerprint())
                });
                let impossible = !system.add(&chain);
                let excused = system.tampered || falsely_gone;
                if impossible {
                    system.delete_name(&chain);
                    system.add(&chain);
                    system.tampered = true;
                }
                if impossible && !excused {
                    self.judge.breaks(|| {
                        "a person was asked to add what the system refuses beside what stands there"
                            .to_owned()
                    });
                }
            }
            (Habit::Right | Habit::Silent, Ask::Remove) => {
                system.delete(&chain);
                self.judge_told(Ask::Remove, chain.fingerprint(), &before);
            }
            (Habit::SaysOnly, _) => drop(system.lies.insert(chain.fingerprint())),
            (Habit::WrongFile, _) => {
                old.iter().for_each(|old| _ = system.add(old));
                system.tampered = true;
                system.lies.insert(chain.fingerprint());
            }
            (Habit::DeletesOld, _) => {
                system.mappings.clear();
                system.tampered = true;
                system.add(&chain);
            }
        }
    }

    /// The destinations are set to what is in force.
    fn mend_callers(&mut self) {
        let name = self.saved.as_ref().and_then(|record| record.in_force.as_ref()?.name.clone());
        let Some(name) = name.filter(|name| self.entry(name).is_some()) else { return };
        for destination in self.destinations.values_mut() {
            destination.names.clone_from(&name);
            destination.deployed.clone_from(&name);
        }
    }

    /// What the source names is put back: the entry in force, or else a new one.
    fn mend_source(&mut self, days: i64) {
        self.mend_callers();
        let named = self.saved.as_ref().and_then(|record| record.in_force.as_ref()?.name.clone());
        let watched = named.filter(|_| self.watch.source.destination.is_none());
        let watched = watched.unwrap_or_else(|| self.followed());
        if self.entry(&watched).is_none() {
            self.put(&watched, "SFAPI", days, false, 0);
            self.destinations.values_mut().for_each(|one| one.names.clone_from(&watched));
        }
    }

    /// Somebody replaces the entry in force.
    fn renew_in_place(&mut self, days: i64, same: bool, authority: usize) {
        let name = self.followed();
        let common_name = self.entry(&name).map(|entry| entry.issued.chain.leaf.common_name());
        let number = self.issued;
        let common_name = common_name.filter(|_| same).unwrap_or_else(|| format!("HAND-{number}"));
        self.put(&name, &common_name, days, false, authority);
    }

    fn map_in_force(&mut self) -> Vec<String> {
        let chain =
            self.saved.as_ref().and_then(|record| record.in_force.as_ref()).map(|one| one.chain.clone());
        let Some(chain) = chain.map(Arc::new) else { return Vec::new() };
        for system in &mut self.systems {
            if !system.knows(&chain) {
                system.delete_name(&chain);
                system.add(&chain);
            }
        }
        self.systems.iter().map(|system| system.id.clone()).collect()
    }

    fn map_what_is_used(&mut self) {
        let ids: Vec<String> = self.destinations.keys().cloned().collect();
        for chain in ids.iter().flat_map(|id| self.may_use(id)).flatten().collect::<Vec<_>>() {
            let unprobed = self.systems.iter_mut().filter(|system| !system.probed);
            for system in unprobed.filter(|system| !system.knows(&chain)) {
                system.delete_name(&chain);
                system.add(&chain);
                system.tampered = true;
            }
        }
    }

    /// Somebody says of a system that it knows whatever is asked about.
    fn believe_all(&mut self, number: u64) -> String {
        let record = self.saved.clone();
        let concern = record.as_ref().and_then(|record| record.standing(record.concern()));
        let print = concern.map(|standing| standing.fingerprint());
        let at = usize::try_from(number).unwrap_or(0) % self.systems.len();
        self.systems[at].lies.extend(print);
        self.systems[at].id.clone()
    }

    fn is_probed(&self, system: &str) -> bool {
        self.systems.iter().any(|one| one.id == system && one.probed)
    }

    fn candidate_entry(&self) -> Option<String> {
        let renewal = self.saved.as_ref().and_then(|record| record.renewal.as_ref());
        renewal.and_then(|renewal| renewal.candidate.as_ref()?.name.clone())
    }

    fn hide_candidate(&mut self, minutes: i64) {
        let until = self.now + Duration::minutes(minutes);
        let name = self.candidate_entry();
        let entry = name.and_then(|name| self.entries().get_mut(&name));
        entry.into_iter().for_each(|entry| entry.seen_from = until);
    }

    fn lose_newest(&mut self, number: u64) {
        let systems = self.systems.len();
        let system = &mut self.systems[usize::try_from(number).unwrap_or(0) % systems];
        if system.mappings.len() > 1 {
            system.mappings.pop();
            system.tampered = true;
        }
    }

    /// Somebody else changes something.
    pub fn meddle(&mut self, meddling: Meddling, days: i64) {
        let systems = self.systems.len();
        match meddling {
            Meddling::Redeploys(number) => {
                let at = usize::try_from(number).unwrap_or(0) % self.destinations.len();
                if let Some(destination) = self.destinations.values_mut().nth(at) {
                    destination.strayed |= destination.names != destination.deployed;
                    destination.names.clone_from(&destination.deployed);
                }
            }
            Meddling::RenewsInPlace { same, authority } => self.renew_in_place(days, same, authority),
            Meddling::RenewsBeside => {
                let number = self.issued;
                let name = format!("hand{number}.pem");
                self.put(&name, &format!("HAND-{number}"), days, false, 0);
                let chain = self.stores[self.level][&name].issued.chain.clone();
                self.systems.iter_mut().for_each(|system| _ = system.add(&chain));
                self.configured.clone_from(&name);
                self.destinations.values_mut().for_each(|one| one.names.clone_from(&name));
            }
            Meddling::DeletesCandidate => {
                let name = self.candidate_entry();
                name.iter().for_each(|name| drop(self.entries().remove(name)));
            }
            Meddling::HidesCandidate(minutes) => self.hide_candidate(minutes),
            Meddling::DeletesKept => {
                let renewal = self.saved.as_ref().and_then(|record| record.renewal.as_ref());
                let name = renewal.and_then(|renewal| Some(renewal.keep.as_ref()?.name.clone()));
                name.iter().for_each(|name| drop(self.entries().remove(name)));
            }
            Meddling::LosesNewest(number) => self.lose_newest(number),
            Meddling::DeletesInForce => {
                let name = self.followed();
                self.entries().remove(&name);
            }
            Meddling::TakesNextName => {
                let free = (2..).map(|count| format!("sfapi-{count}.pem"));
                let free = free.into_iter().find(|name| self.entry(name).is_none());
                free.iter().for_each(|name| self.put(name, "SOMEBODY", 400, false, 0));
            }
            Meddling::LosesMappings(number) => {
                let system = &mut self.systems[usize::try_from(number).unwrap_or(0) % systems];
                system.mappings.clear();
                system.tampered = true;
            }
            Meddling::DeletesOldMappings(number) => {
                let system = &mut self.systems[usize::try_from(number).unwrap_or(0) % systems];
                let surplus = system.mappings.len().saturating_sub(1);
                system.mappings.drain(..surplus);
                system.tampered = true;
            }
        }
    }
}
