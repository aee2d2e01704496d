//! What must hold at every moment of every life, and what is nobody's fault but somebody else's.
//! It changes nothing; the first invariant that breaks ends the life.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use certsteward::domain::act::Act;
use certsteward::domain::certificate::Fingerprint;
use certsteward::domain::chain::Chain;
use certsteward::domain::event::{Actor, Event, EventKind};
use certsteward::domain::finding::Level;
use certsteward::domain::message::Message;
use certsteward::domain::policy::{Emergency, Retire};
use certsteward::domain::reason::Reason;
use certsteward::domain::record::{Ask, HandOffFacts, Leftover, Order, Record, Role, Standing};
use certsteward::domain::snapshot::WatchView;
use certsteward::domain::verdict::Verdict;
use certsteward::domain::watch::{Mode, Rotation, SubjectChoice};
use certsteward::domain::{Duration, Timestamp};
use certsteward::journal::Change;

use super::certificates::secrets;
use super::systems::Outside;

/// What the judge remembers.
#[derive(Default)]
pub struct Judge {
    /// The first invariant that broke, and how.
    pub broken: Option<String>,
    /// Certificates issued in each generation.
    issued: BTreeMap<u32, u32>,
    /// Who approved which act, where four eyes allow it.
    approved: BTreeMap<String, BTreeSet<String>>,
    pub paused_everywhere: bool,
    /// Messages by notifier, moment and subject: how often saved, how often received.
    messages: BTreeMap<(String, i64, String), (u32, u32)>,
    /// How many events were saved.
    pub events: u64,
    /// A person said that something shall stay.
    pub kept_by_person: bool,
    /// Since when which system refuses the certificate in force although calls could show it.
    refused_since: BTreeMap<String, Timestamp>,
    /// Since when a renewal is under way of which nothing is said.
    quiet_since: Option<Timestamp>,
    pub level: Option<(Timestamp, Level)>,
    /// Whether everything written down is searched for secrets.
    pub searches: bool,
    /// Which caller was led to which entry and certificate by an act.
    pub led: BTreeSet<(String, String, Fingerprint)>,
    pub generation: u32,
}

impl Judge {
    pub fn breaks(&mut self, text: impl FnOnce() -> String) {
        if self.broken.is_none() {
            self.broken = Some(text());
        }
    }

    pub fn approve(&mut self, record: Option<&Record>, four_eyes: bool, act: &str, actor: &str) {
        let leftover = record.and_then(|record| {
            record.leftovers.iter().find(|leftover| leftover.retirement().as_deref() == Some(act))
        });
        let asked = match leftover {
            Some(leftover) => leftover.asked_by.as_ref(),
            None => record.and_then(|record| record.renewal.as_ref()).map(|renewal| &renewal.cause),
        };
        let own = asked == Some(&Actor::Named(actor.to_owned()));
        if !(four_eyes && own) {
            self.approved.entry(act.to_owned()).or_default().insert(actor.to_owned());
        }
    }

    pub fn receive(&mut self, notifier: &str, message: &Message) {
        self.messages.entry(name_of(notifier, message)).or_default().1 += 1;
    }

    /// At the end, with every way open: everything saved was received.
    pub fn judge_messages(&mut self) {
        let lost = self.messages.iter().find(|(_, (saved, got))| got < saved);
        let lost = lost.map(|((notifier, _, subject), counts)| format!("{notifier} {subject:?} {counts:?}"));
        if let Some(lost) = lost {
            self.breaks(|| format!("a saved message never arrived: {lost}"));
        }
    }
}

fn name_of(notifier: &str, message: &Message) -> (String, i64, String) {
    (notifier.to_owned(), message.at.timestamp_millis(), message.subject.clone())
}

/// The ids of the switches to a copy of what is in force: they end no gap, and wait for nobody.
fn switches_to_the_hold(record: &Record) -> Vec<String> {
    let renewal = record.renewal.as_ref();
    let Some((renewal, keep)) = renewal.and_then(|renewal| Some((renewal, renewal.keep.as_ref()?))) else {
        return Vec::new();
    };
    let to = |caller: &String| {
        let (caller, from, to) = (caller.clone(), String::new(), keep.name.clone());
        Act::Switch { generation: renewal.generation, caller, from, to }.id()
    };
    record.callers.keys().map(to).collect()
}

/// Whether these bytes hold any private key of the world.
pub fn holds_secret(bytes: &[u8]) -> bool {
    // The first byte decides nearly always, and this is asked of everything that is saved.
    let starts = |part: &[u8], secret: &[u8]| part.first() == secret.first() && part == secret;
    secrets().iter().any(|secret| bytes.windows(secret.len()).any(|part| starts(part, secret)))
}

/// The acts that are carried out by this call.
fn is_carried_out_by(act: &Act, kind: &str) -> bool {
    match kind {
        "switch" => matches!(act.verb(), "switch" | "rollback"),
        "remove" => act.verb() == "retire",
        "issue" | "publish" => act.verb() == kind,
        _ => true,
    }
}

impl Outside {
    /// Before an act: its intent is saved, the mode, pauses, approvals and hours allow it.
    pub fn judge_beginning(&mut self, kind: &str) {
        let Some(record) = self.saved.clone() else {
            return self.judge.breaks(|| format!("{kind} without a saved record"));
        };
        let Some((act, _)) = record.in_flight.as_deref().filter(|(act, _)| is_carried_out_by(act, kind))
        else {
            return self.judge.breaks(|| format!("{kind} without its saved intent"));
        };
        let id = act.id();
        if self.watch.mode == Mode::Observe {
            self.judge.breaks(|| format!("{id} although the watch only observes"));
        }
        if record.paused.is_some() || self.judge.paused_everywhere {
            self.judge.breaks(|| format!("{id} although acts are paused"));
        }
        if self.needs_approval(&record, act) && !self.judge.approved.contains_key(&id) {
            self.judge.breaks(|| format!("{id} without an approval"));
        }
        if self.is_outside_hours(&record, act) {
            self.judge.breaks(|| format!("{id} outside its window or on a frozen day"));
        }
    }

    fn needs_approval(&self, record: &Record, act: &Act) -> bool {
        let proposes = self.watch.mode == Mode::Propose;
        let (verb, id) = (act.verb(), act.id());
        if verb == "rollback" {
            return false;
        }
        let told = matches!(act, Act::Publish { role: Role::InForce, .. });
        let in_place = record.renewal.as_ref().is_some_and(|renewal| renewal.replaced.is_some());
        if verb != "retire" {
            return proposes
                && !(told
                    && in_place
                    && self.watch.renewal.as_ref().is_some_and(|terms| terms.rotation == Rotation::InPlace));
        }
        let leftover = record.leftovers.iter().find(|leftover| leftover.retirement().as_ref() == Some(&id));
        let alone = !self.watch.policy.four_eyes;
        let (asked, unused) =
            leftover.map_or((false, false), |leftover| (leftover.asked && alone, leftover.is_unused()));
        !asked && (proposes || (self.watch.policy.retire == Retire::Ask && !unused))
    }

    fn is_outside_hours(&self, record: &Record, act: &Act) -> bool {
        let in_place = matches!(act, Act::Issue { order, .. } if order.in_place);
        if !(in_place || matches!(act.verb(), "switch" | "put" | "try" | "retire")) {
            return false;
        }
        let now = self.our_time();
        let terms = record.renewal.as_ref().map(|renewal| &renewal.terms).or(self.watch.renewal.as_deref());
        let window = terms.and_then(|terms| terms.window.as_ref());
        // The decision was made some readings of the clock before.
        let before = now - Duration::minutes(5);
        let closed = window.is_some_and(|window| !window.contains(now) && !window.contains(before));
        let frozen = self.watch.freezes.iter().any(|freeze| freeze.contains(now) && freeze.contains(before));
        let emergency = matches!(act.verb(), "switch" | "put" | "try") && self.is_emergency(record);
        (closed || frozen) && !emergency
    }

    fn is_emergency(&self, record: &Record) -> bool {
        let gap = record.renewal.as_ref().is_some_and(|renewal| renewal.gap_announced.is_some());
        let Some(in_force) = &record.in_force else { return gap };
        let (moments, now) = (self.watch.moments(in_force, false), self.our_time());
        let candidate = record.standing(Role::Candidate);
        let shut_out = self.watch.probes.iter().any(|probe| {
            in_force.verdict(&probe.id).is_some_and(Verdict::blames_certificate)
                && candidate.is_some_and(|new| new.verdict(&probe.id).is_some_and(Verdict::recognised))
        });
        let let_through = self.watch.policy.emergency != Emergency::Never;
        gap || (shut_out && let_through)
            || match self.watch.policy.emergency {
                Emergency::FromCritical => now >= moments.critical,
                Emergency::Within(span) => now >= moments.deadline - span,
                Emergency::Never => false,
            }
    }

    /// One certificate a generation; the counted try of `auto` belongs to it.
    pub fn judge_issue(&mut self, order: &Order) {
        let Some(record) = self.saved.clone() else { return };
        let Some(renewal) = &record.renewal else {
            return self.judge.breaks(|| "issued without a renewal".to_owned());
        };
        let count = self.judge.issued.entry(renewal.generation).or_default();
        *count += 1;
        let count = *count;
        let auto =
            renewal.terms.subject == SubjectChoice::Auto && renewal.terms.rotation != Rotation::InPlace;
        let counted = record
            .in_force
            .as_ref()
            .is_none_or(|standing| standing.chain.leaf.common_name() != order.common_name);
        let most = 1 + u32::from(auto && counted);
        let generation = renewal.generation;
        if count > most {
            self.judge.breaks(|| format!("{count} certificates were issued in generation {generation}"));
        }
    }

    /// No act takes a caller's service away, but in a gap that was announced before.
    pub fn judge_effect(&mut self, kind: &str, before: &BTreeMap<String, bool>) {
        let renewal = self.saved.as_ref().and_then(|record| record.renewal.as_ref());
        let announced = renewal.is_some_and(|renewal| renewal.gap_announced.is_some());
        let goes_back = self.saved.as_ref().is_some_and(|record| {
            record.in_flight.as_ref().is_some_and(|begun| matches!(begun.0.verb(), "rollback" | "put-back"))
        });
        if self.judge_cut_off(&format!("the act {kind}"), before, announced && !goes_back) {
            self.judge_readiness(kind);
        } else if kind == "call" {
            return;
        }
        let id = self.saved.as_ref().and_then(|record| record.in_flight.as_deref()).map(|(act, _)| act.id());
        let now = self.now;
        self.timeline.say(now, || format!("** {kind} took effect ({})", id.unwrap_or_default()));
    }

    /// A person did what an open question asked: that counts as ours.
    pub fn judge_told(&mut self, ask: Ask, about: Fingerprint, before: &BTreeMap<String, bool>) {
        let gap = |record: &Arc<Record>| {
            let in_force = record.in_force.as_ref().is_some_and(|standing| standing.fingerprint() == about);
            in_force || record.renewal.as_ref().is_none_or(|renewal| renewal.gap_announced.is_some())
        };
        // About the certificate in force a question is asked when it is refused already.
        let announced = ask == Ask::Replace && self.saved.as_ref().is_some_and(gap);
        // Whom somebody led away since the last look is not known to use what a person was asked about then.
        let known = before.iter().filter(|(id, _)| !self.was_led_away_unseen(id));
        let known = known.map(|(id, served)| (id.clone(), *served)).collect();
        self.judge_cut_off(&format!("what a person was asked ({})", ask.word()), &known, announced);
    }

    /// A gap is begun only once its end stands ready; what switches ends one.
    fn judge_readiness(&mut self, kind: &str) {
        if kind == "switch" {
            return;
        }
        let Some(record) = self.saved.clone() else { return };
        let side_by_side =
            self.watch.renewal.as_ref().is_some_and(|terms| terms.rotation == Rotation::SideBySide);
        let Some(candidate) = record.standing(Role::Candidate).filter(|_| side_by_side) else { return };
        // A person who was asked to has begun it: from then on it is the wait that hurts.
        let asked = |facts: &HandOffFacts| facts.ask == Ask::Replace && facts.is_begun();
        if candidate.targets.values().any(|told| told.hand_off.as_ref().is_some_and(asked)) {
            return;
        }
        let (chain, now) = (&candidate.chain, self.now);
        let begun = record.in_flight.as_ref().map(|begun| begun.0.clone());
        let told = |id: &str| matches!(&begun, Some(Act::Publish { target, .. }) if target == id);
        let blind = record.callers.iter().find(|(_, facts)| facts.unseen.is_some()).map(|(id, _)| id.clone());
        if let Some(id) = blind {
            self.judge.breaks(|| format!("{kind} began a gap although {id} could not be seen"));
        }
        let behind = self.systems.iter().find(|system| {
            let certain = !system.tampered && !system.lies.contains(&chain.fingerprint());
            let opens = system.ratchet || told(&system.id) || system.has_same_name(chain);
            certain && !opens && !system.serves(chain, now)
        });
        if let Some(id) = behind.map(|system| system.id.clone()) {
            self.judge.breaks(|| format!("{kind} began a gap although {id} does not know the candidate"));
        }
        let approved = |id: &String| self.judge.approved.contains_key(id);
        let holds = switches_to_the_hold(&record);
        let counts = |id: &&String| id.starts_with("switch-") && !approved(id) && !holds.contains(*id);
        let switch = record.pending.keys().find(counts).cloned();
        if let Some(id) = switch.filter(|_| self.watch.mode == Mode::Propose) {
            self.judge.breaks(|| format!("{kind} began a gap although {id} was not approved"));
        }
    }

    /// What callers used is not removed like what nobody ever used.
    pub fn judge_removal(&mut self, name: &str) {
        let (Some(record), Some(entry)) = (self.saved.clone(), self.entry(name).cloned()) else { return };
        let print = entry.issued.chain.fingerprint();
        let mut left = record.leftovers.iter().filter(|left| left.name.as_deref() == Some(name));
        let left = left.find(|left| left.chain.fingerprint() == print);
        let Some(left) = left else {
            return self.judge.breaks(|| format!("{name} is removed, which is no leftover"));
        };
        let waited = self.our_time() - left.since >= self.watch.policy.retire_after;
        let led_there =
            record.callers.keys().any(|id| self.judge.led.contains(&(id.clone(), name.to_owned(), print)));
        if led_there && !left.asked && (left.is_unused() || !waited) {
            self.judge.breaks(|| format!("{name}, which callers used, is removed at once"));
        }
    }

    fn judge_cut_off(&mut self, by: &str, before: &BTreeMap<String, bool>, announced: bool) -> bool {
        let after = self.service();
        let mut cut = false;
        for (id, served) in before.iter().filter(|(id, _)| after.get(*id) == Some(&false)) {
            if !*served {
                continue;
            }
            let now = self.now;
            self.timeline.say(now, || format!("<< {id} is not served any more, by {by}"));
            self.timeline.count("gaps begun by an act");
            cut = true;
            if !announced && !self.is_of_false_word(id) {
                let (id, by) = (id.clone(), by.to_owned());
                self.judge.breaks(|| format!("{id} was cut off by {by}, and no gap was announced"));
            }
        }
        cut
    }

    /// Whether only a person's false word made the difference: where no call can tell, somebody said that a system knows a
    /// certificate that it does not know, or took the mapping away again behind the word.
    fn is_of_false_word(&self, id: &str) -> bool {
        let contents = self.may_use(id);
        contents.iter().all(|content| {
            let Some(chain) = content.as_deref() else { return false };
            self.systems.iter().filter(|system| !system.serves(chain, self.now)).all(|system| {
                !system.probed && (system.lies.contains(&chain.fingerprint()) || system.tampered)
            })
        })
    }

    /// A certificate in use expired: nobody may be surprised by it.
    pub fn judge_expiry(&mut self, before: &BTreeMap<String, bool>) {
        let after = self.service();
        let lost: Vec<&String> = before
            .iter()
            .filter(|(id, served)| **served && after.get(*id) == Some(&false))
            .map(|(id, _)| id)
            .collect();
        let Some(id) = lost.first().map(|id| (*id).clone()) else { return };
        let now = self.now;
        self.timeline.say(now, || format!("<< {id} is not served any more, by an expiry"));
        self.timeline.count("expiries in use");
        let recent = |at: Timestamp| now - at < Duration::days(3) && now - self.skewed_at > Duration::days(3);
        let awake = self.weather.suspended.is_none_or(|until| until <= now);
        let silent =
            awake && self.judge.level.is_some_and(|(at, level)| recent(at) && level < Level::Critical);
        if silent && !self.was_led_away_unseen(&id) {
            self.judge.breaks(|| format!("{id} was cut off by an expiry, and nothing critical was said"));
        }
    }

    /// Whether somebody led the caller elsewhere, and nobody has looked since.
    fn was_led_away_unseen(&self, id: &str) -> bool {
        let known = self.saved.as_ref().and_then(|record| record.callers.get(id)?.uses.clone());
        self.destinations
            .get(id)
            .is_some_and(|caller| caller.strayed && known.as_ref() != Some(&caller.names))
    }

    /// A refused logon of ours: never the one that locks the login.
    pub fn judge_logon(&mut self, system: usize) {
        let lately =
            self.skewed_at > super::timeline::epoch() && self.now - self.skewed_at < Duration::hours(49);
        let system = &self.systems[system];
        let locked = system.locks_at.is_some_and(|limit| system.refused >= limit);
        if locked && !lately {
            let text = format!("the login of {} was locked by {} refused logons", system.id, system.refused);
            self.judge.breaks(|| text);
        }
    }

    /// Before a change is written down.
    pub fn judge_saving(&mut self, change: &Change) {
        let silenced = change.record.as_ref().and_then(|record| record.silenced_until);
        for event in change.events.iter().filter(|event| must_be_told(event.kind)) {
            let told = change.messages.iter().any(|(_, message)| message.code == event.kind.code());
            if !told && silenced.is_none_or(|until| until <= event.at) {
                let text = format!("nobody is told of {}: {}", event.kind, event.text);
                self.judge.breaks(|| text);
            }
        }
        if self.judge.searches && !change.events.is_empty() && holds_secret(format!("{change:?}").as_bytes())
        {
            self.judge.breaks(|| "a private key is to be written down".to_owned());
        }
        for (notifier, message) in &change.messages {
            self.judge.messages.entry(name_of(notifier, message)).or_default().0 += 1;
        }
    }

    /// After a change was written down.
    pub fn saved(&mut self, record: Option<Record>, events: Vec<Event>) {
        let now = self.now;
        for event in events {
            self.judge.events += 1;
            self.timeline.count(&format!("event {}", event.kind));
            if event.kind != EventKind::ActStarted {
                self.timeline.say(now, || format!("   {}: {} ({})", event.kind, event.text, event.actor));
            }
            self.happened(event.kind);
        }
        if let Some(record) = record {
            if record.generation < self.judge.generation {
                self.judge.breaks(|| "the number of renewals went back".to_owned());
            }
            self.judge.generation = record.generation;
            self.saved = Some(Arc::new(record));
        }
    }

    /// After a pass.
    pub fn judge_pass(&mut self, view: &WatchView, reads: &[Option<Reason>], restless: bool) {
        if restless {
            let now = self.our_time();
            let want = certsteward::domain::lifecycle::want(&self.watch, &view.record, None, now, now);
            self.judge.breaks(|| format!("a pass did not come to rest: {:?} {:?}", want.looks, want.act));
        }
        let now = self.now;
        let level = view.level;
        if self.judge.level.is_none_or(|(_, before)| before != level) {
            let codes: Vec<String> =
                view.findings.iter().map(|finding| format!("{} {}", finding.level, finding.key())).collect();
            self.timeline.say(now, || format!("== {level}: {}", codes.join(", ")));
        }
        self.judge.level = Some((now, level));
        if reads.last().is_some_and(Option::is_some) && level < Level::Warning {
            self.judge.breaks(|| "the source could not be seen, and it is shown as healthy".to_owned());
        }
        self.judge_unproven(view);
        self.judge_lateness(view);
        self.judge_candidates(&view.record);
        self.judge_refusal(view);
    }

    /// A target of which nothing is known is not healthy.
    fn judge_unproven(&mut self, view: &WatchView) {
        let Some(in_force) = &view.record.in_force else {
            if view.level < Level::Warning {
                self.judge.breaks(|| "nothing was seen, and it is shown as healthy".to_owned());
            }
            return;
        };
        let in_force = if view.record.renewal.as_ref().is_some_and(|renewal| renewal.candidate.is_some()) {
            return;
        } else {
            in_force
        };
        for target in &self.watch.targets {
            let known = in_force.targets.get(&target.id).is_some_and(|publication| {
                publication.is_known()
                    || publication.follows.is_some()
                    || publication.published.is_some()
                    || publication.held == Some(true)
            });
            if !known && view.level < Level::Warning {
                let id = target.id.clone();
                self.judge.breaks(|| {
                    format!("nothing shows that {id} knows the certificate, and it is shown as healthy")
                });
            }
        }
    }

    /// Nothing comes near its last safe moment, and no renewal lasts, without anybody hearing of it.
    fn judge_lateness(&mut self, view: &WatchView) {
        let (record, now) = (&view.record, self.our_time());
        let Some(in_force) = &record.in_force else { return };
        let leaf = &in_force.chain.leaf;
        let late = now >= self.watch.moments(in_force, true).last_safe && !self.watch.leaves_to_source();
        if (late || now > leaf.not_after) && view.level < Level::Warning {
            self.judge.breaks(|| "the last safe moment is over, and nobody is told".to_owned());
        }
        let frozen = self.watch.freezes.iter().any(|freeze| freeze.contains(now));
        let quiet = record.renewal.is_some() && view.level < Level::Warning && !frozen;
        let steady = self.now - self.skewed_at > Duration::days(2);
        let since = self.judge.quiet_since.filter(|_| quiet && steady).unwrap_or(self.now);
        self.judge.quiet_since = Some(since);
        if self.now - since > Duration::days(9) {
            let said: Vec<String> =
                view.findings.iter().map(|found| format!("{} {}", found.level, found.text)).collect();
            let said = said.join("; ");
            self.judge
                .breaks(|| format!("a renewal lasts for more than nine days, and nobody is told: {said}"));
        }
    }

    /// At most one candidate lives, and none is forgotten.
    fn judge_candidates(&mut self, record: &Record) {
        if self.watch.policy.retire == Retire::Never || self.judge.kept_by_person {
            return;
        }
        let prints = |standing: Option<&Standing>| standing.map(Standing::fingerprint);
        let renewal = record.renewal.as_ref();
        let mut known: Vec<Fingerprint> =
            record.leftovers.iter().map(|left: &Leftover| left.chain.fingerprint()).collect();
        known.extend(prints(record.in_force.as_ref()));
        known.extend(prints(renewal.and_then(|renewal| renewal.replaced.as_ref())));
        let order = renewal.and_then(|renewal| renewal.order.as_ref()).map(|order| order.name.clone());
        let live = self.stores[self.level].iter().filter(|(_, entry)| {
            entry.ours && !entry.used && !known.contains(&entry.issued.chain.fingerprint())
        });
        let live: Vec<String> = live.map(|(name, _)| name.clone()).collect();
        if live.len() > 1 {
            self.judge.breaks(|| format!("several candidates live: {}", live.join(", ")));
        } else if live.first().is_some_and(|name| Some(name) != order.as_ref()) {
            self.judge.breaks(|| format!("the candidate {} is forgotten", live.join(", ")));
        }
    }

    /// What calls could show is known within the time between two probes.
    fn judge_refusal(&mut self, view: &WatchView) {
        let Some(in_force) = view.record.in_force.as_ref().filter(|_| !self.watch.probes.is_empty()) else {
            return;
        };
        let chain: &Chain = &in_force.chain;
        let clear = self.weather.api.is_none_or(|(until, _, _)| until + Duration::hours(30) <= self.now)
            && self.now - self.skewed_at > Duration::days(2)
            && self.weather.key.is_none_or(|until| until + Duration::hours(30) <= self.now);
        let every = self.watch.probes.iter().map(|probe| probe.every).max().unwrap_or_else(Duration::zero);
        for system in self.systems.iter().filter(|system| system.probed) {
            if system.serves(chain, self.now) || !clear {
                self.judge.refused_since.remove(&system.id);
                continue;
            }
            let since = *self.judge.refused_since.entry(system.id.clone()).or_insert(self.now);
            if self.now - since > every + Duration::hours(26) && view.level < Level::Warning {
                let id = system.id.clone();
                self.judge
                    .breaks(|| format!("{id} refuses the certificate in force, and it is shown as healthy"));
            }
        }
    }

    /// The host was away: what was not looked at could not be noticed.
    pub fn forget_waits(&mut self) {
        self.judge.refused_since.clear();
        self.judge.quiet_since = None;
    }
}

const fn must_be_told(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::RenewalStarted
            | EventKind::GapAnnounced
            | EventKind::RenewedElsewhere
            | EventKind::RolledBack
            | EventKind::Settled
            | EventKind::RenewalEnded
            | EventKind::Learned
    )
}
