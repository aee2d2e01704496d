//! One pass of one watch: absorb, assess, want, admit, save, execute, again until nothing is admitted.
//! It knows no kind of source, renewer, target or caller.

use std::sync::Arc;

use futures_util::future::{join, join_all};

use super::deliver::{Recipient, recipients};
use super::execute::{self, Parts};
use crate::clock::Clock;
use crate::domain::assess::{Assessment, assess_among, assess_unlooked};
use crate::domain::certificate::Certificate;
use crate::domain::drift::{self, PlaceSeen};
use crate::domain::event::Event;
use crate::domain::lifecycle::{
    Chronicle, Dice, Lessons, Want, absorb, advance, matching_by_target, note_pending, want,
};
use crate::domain::message::Message;
use crate::domain::record::{Look, Record};
use crate::domain::report::{Command, Found, Report};
use crate::domain::serials::Twin;
use crate::domain::snapshot::{Asked, WatchView};
use crate::domain::watch::Watch;
use crate::domain::{Duration, Timestamp, lifecycle, tell};
use crate::journal::{Change, Journal, JournalError};

/// More rounds than any life needs in one pass; reaching it means that something does not come to rest.
const MOST_ROUNDS: u32 = 40;

/// What every pass needs beside the watch.
pub struct House<'a> {
    /// Where everything is written down.
    pub journal: &'a dyn Journal,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Who is told.
    pub recipients: &'a [Recipient],
    /// When open questions are reminded of, before the deadline.
    pub ladder: &'a [Duration],
    /// Who paused everything, asked in each round: a pause holds the acts of a pass under way too.
    pub paused: &'a (dyn Fn() -> Option<String> + Sync),
    /// Chance, fresh for this pass.
    pub seed: [u8; 32],
    /// Whether acts may begin, asked in each round: no longer once a shutdown was asked for.
    pub may_act: &'a (dyn Fn() -> bool + Sync),
    /// What the rest of the house knows.
    pub known: Known<'a>,
    /// Shows the watch in the midst of its pass: what people are told of must be there when they come to look.
    pub show: &'a (dyn Fn(WatchView) + Sync),
}

/// What the house knows beside the watch's own record; nothing by default.
#[derive(Clone, Copy, Default)]
pub struct Known<'a> {
    /// What other watches learned of tenants.
    pub lessons: Option<&'a Lessons>,
    /// Why the clock is in doubt, asked in each round: what the round before has seen may have shown it.
    pub clock_doubt: Option<&'a (dyn Fn() -> Option<String> + Sync)>,
    /// What other watches use.
    pub beside: Option<&'a lifecycle::Beside<'a>>,
    /// Which other watches have another certificate with the issuer and serial number of this one.
    pub twins: Option<&'a TwinsOf<'a>>,
    /// Whether a pass has looked at the watch since the start.
    pub looked: bool,
}

/// Tells which other watches have another certificate with the issuer and serial number of this one.
pub type TwinsOf<'a> = dyn Fn(&Certificate) -> Vec<Twin> + Sync + 'a;

/// What a pass came to.
pub struct Passed {
    /// The record after it.
    pub record: Arc<Record>,
    /// The picture of the watch.
    pub view: Arc<WatchView>,
    /// Every look at the source: `Ok` or why not.
    pub reads: Vec<Option<crate::domain::reason::Reason>>,
    /// What happened, for the log.
    pub events: Vec<Event>,
    /// How many messages were written to the outbox.
    pub messages: usize,
    /// It did not come to rest within its rounds: a fault of certsteward itself.
    pub restless: bool,
}

/// The state of one pass between its rounds.
struct Round<'a> {
    parts: &'a Parts,
    house: &'a House<'a>,
    record: Record,
    /// What the journal holds.
    saved: Option<Arc<Record>>,
    dice: Dice,
    began: Timestamp,
    /// The moment of its last round.
    now: Timestamp,
    /// Who had paused everything in its last round.
    paused: Option<String>,
    absorbed: Vec<i64>,
    /// What the places showed that were looked at with the source.
    places: Vec<(String, PlaceSeen)>,
    events: Vec<Event>,
    reads: Vec<Option<crate::domain::reason::Reason>>,
    messages: usize,
    restless: bool,
}

/// Runs the sentence once for one watch. The passes of a watch never overlap, so an act that is in flight in its record
/// was interrupted.
///
/// # Errors
/// Where the journal cannot save: nothing outside is changed then.
pub async fn pass(
    parts: &Parts,
    record: Option<Arc<Record>>,
    commands: Vec<Command>,
    house: &House<'_>,
) -> Result<Passed, JournalError> {
    let began = house.clock.now();
    let mut round = Round {
        parts,
        house,
        record: record.as_deref().cloned().unwrap_or_default(),
        saved: record,
        dice: Dice::new(house.seed),
        began,
        now: began,
        paused: None,
        absorbed: commands.iter().map(|command| command.id).collect(),
        places: Vec::new(),
        events: Vec::new(),
        reads: Vec::new(),
        messages: 0,
        restless: false,
    };
    let mut reports: Vec<Report> = commands.into_iter().map(Report::Commanded).collect();
    let mut interrupted = true;
    for number in 1..=MOST_ROUNDS {
        let now = house.clock.now();
        round.now = now;
        round.paused = (house.paused)();
        let events = round.absorb(reports, std::mem::take(&mut interrupted), now);
        let (want, act) = round.want(now);
        // Nothing begins in the last round, because nobody would absorb its report.
        let is_last = number == MOST_ROUNDS;
        round.restless = is_last && (act.is_some() || !want.looks.is_empty());
        let act = act.filter(|_| !is_last);
        let events = round.admit(events, &want, act.as_ref(), now);
        // Before anything was seen there is nothing to write down but an intent, what people said, and what follows from it.
        let facts = number > 1 || act.is_some();
        round.save(facts, events, now).await?;
        if is_last {
            break;
        }
        reports = round.execute(&want, act).await;
        if reports.is_empty() {
            break;
        }
    }
    round.finish().await
}

impl Round<'_> {
    /// Reports become facts, and what follows from the facts.
    fn absorb(&mut self, reports: Vec<Report>, interrupted: bool, now: Timestamp) -> Vec<Event> {
        let watch = &self.parts.watch;
        let mut chronicle = Chronicle::new(watch, now).beside(self.house.known.beside);
        lifecycle::note_clock(&mut self.record, self.house.known.clock_doubt.and_then(|doubt| doubt()), now);
        lifecycle::note_pause(&mut self.record, self.paused.is_some(), now);
        if interrupted {
            lifecycle::recover(&mut self.record, &mut chronicle);
            if let Some(lessons) = self.house.known.lessons {
                lifecycle::share(watch, &mut self.record, lessons, &mut chronicle);
            }
        }
        for report in reports {
            if let Report::Looked { look: Look::Source { .. }, found: Found::Entry(seen), .. } = &report {
                self.reads.push(seen.as_ref().err().map(|unseen| unseen.reason));
            }
            absorb(watch, &mut self.record, report, &mut chronicle);
        }
        if !self.places.is_empty() {
            drift::note(&mut self.record, std::mem::take(&mut self.places), now);
        }
        self.record.places.retain(|place, _| watch.places.contains(place));
        advance(watch, &mut self.record, &mut self.dice, &mut chronicle);
        chronicle.into_events()
    }

    /// What is wanted now; the act only where every gate is open.
    fn want(&self, now: Timestamp) -> (Want, Option<crate::domain::record::Act>) {
        let want = want(&self.parts.watch, &self.record, self.paused.as_deref(), self.began, now);
        let act = want.admitted().filter(|_| (self.house.may_act)()).cloned();
        (want, act)
    }

    /// The intent of an admitted act stands in the record before it begins; one that waits for approval is noted.
    fn admit(
        &mut self,
        mut events: Vec<Event>,
        want: &Want,
        act: Option<&crate::domain::record::Act>,
        now: Timestamp,
    ) -> Vec<Event> {
        let mut chronicle = Chronicle::new(&self.parts.watch, now);
        if want.looks.is_empty() {
            note_pending(&mut self.record, want, &mut chronicle);
        }
        if let Some(act) = act {
            lifecycle::begin(&mut self.record, act, &mut chronicle);
        }
        events.extend(chronicle.into_events());
        events
    }

    /// Writes down what happened and who is told; the facts with it, or alone where they are worth it.
    async fn save(
        &mut self,
        facts: bool,
        mut events: Vec<Event>,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let watch = &self.parts.watch;
        let mut messages = tell::of_events(watch, &mut self.record, &events, now);
        let reminders = tell::reminders(watch, &mut self.record, self.house.ladder, now);
        events.extend(reminders.iter().map(tell::reminded));
        messages.extend(reminders);
        let (told, obeyed) = (!messages.is_empty(), !self.absorbed.is_empty());
        if facts || told || obeyed || !events.is_empty() {
            self.write(events, messages).await?;
        }
        // Whoever was told, or has just been obeyed, looks now, and not only once every call of this pass was answered.
        if told || obeyed {
            // In its first round a pass has not looked yet.
            let looked = self.house.known.looked || facts;
            let paused = self.paused.as_deref();
            let assessment =
                if looked { self.assess(now) } else { assess_unlooked(watch, &self.record, paused, now) };
            let asked = Asked { pass: LOOKED, ..self.asked(now) };
            (self.house.show)(picture(watch, Arc::new(self.record.clone()), assessment, asked));
        }
        Ok(())
    }

    fn assess(&self, now: Timestamp) -> Assessment {
        let leaf = self.record.in_force.as_ref().map(|in_force| &in_force.chain.leaf);
        let twins = leaf.zip(self.house.known.twins).map(|(leaf, twins)| twins(leaf)).unwrap_or_default();
        assess_among(&self.parts.watch, &self.record, &twins, self.paused.as_deref(), now)
    }

    /// As of the last round: what became due while it was saved is still ahead, and wakes the next pass at once.
    fn asked(&self, now: Timestamp) -> Asked {
        Asked { pass: self.began, round: self.now, at: now, paused: self.paused.as_deref().map(Box::from) }
    }

    async fn write(&mut self, events: Vec<Event>, messages: Vec<Message>) -> Result<(), JournalError> {
        let unchanged = self.saved.as_deref() == Some(&self.record);
        if unchanged && events.is_empty() && messages.is_empty() && self.absorbed.is_empty() {
            return Ok(());
        }
        let addressed = messages.into_iter().flat_map(|message| {
            let to = recipients(&message, self.house.recipients);
            to.into_iter().map(move |id| (id, message.clone()))
        });
        let messages: Vec<(String, Message)> = addressed.collect();
        self.messages += messages.len();
        let change = Change {
            watch: self.parts.watch.id.clone(),
            record: Some(self.record.clone()),
            events: events.clone(),
            messages,
            absorbed: std::mem::take(&mut self.absorbed),
        };
        self.house.journal.save(change).await?;
        self.saved = Some(Arc::new(self.record.clone()));
        self.events.extend(events);
        Ok(())
    }

    async fn execute(&mut self, want: &Want, act: Option<crate::domain::record::Act>) -> Vec<Report> {
        let clock = self.house.clock;
        if let Some(act) = act {
            return execute::act(self.parts, &self.record, act, clock).await;
        }
        let sees_source = want.looks.contains(&Look::Source { entry: None });
        let looks = want.looks.iter().cloned();
        let looks = join_all(looks.map(|look| execute::look(self.parts, &self.record, look, clock)));
        if !sees_source || self.parts.places.is_empty() {
            return looks.await;
        }
        let (reports, places) = join(looks, execute::places(self.parts)).await;
        self.places = places;
        reports
    }

    /// The judgement of the pass, told and pictured.
    async fn finish(mut self) -> Result<Passed, JournalError> {
        let now = self.house.clock.now();
        let watch = Arc::clone(&self.parts.watch);
        let assessment = self.assess(now);
        let messages = tell::of_findings(&watch, &mut self.record, &assessment, now);
        self.write(Vec::new(), messages).await?;
        let record = match self.saved.take().filter(|saved| **saved == self.record) {
            Some(saved) => saved,
            None => Arc::new(std::mem::take(&mut self.record)),
        };
        let view = Arc::new(picture(&watch, Arc::clone(&record), assessment, self.asked(now)));
        Ok(Passed {
            record,
            view,
            reads: self.reads,
            events: self.events,
            messages: self.messages,
            restless: self.restless,
        })
    }
}

/// The picture of a watch before its first pass: what its configuration and the store say of it.
#[must_use]
pub fn unlooked(
    watch: &Arc<Watch>,
    record: Option<Arc<Record>>,
    paused: Option<&str>,
    now: Timestamp,
) -> WatchView {
    let record = record.unwrap_or_default();
    let assessment = assess_unlooked(watch, &record, paused, now);
    let asked = Asked { pass: LOOKED, round: now, at: now, paused: paused.map(Box::from) };
    picture(watch, record, assessment, asked)
}

/// For a picture that is shown before everything was looked at: its plan tells what comes by what is known, not that it is
/// looked at first.
const LOOKED: Timestamp = Timestamp::MIN_UTC;

fn picture(watch: &Arc<Watch>, record: Arc<Record>, assessment: Assessment, asked: Asked) -> WatchView {
    let next = want(watch, &record, asked.paused.as_deref(), asked.pass, asked.round).next;
    WatchView {
        next,
        hand_offs: tell::hand_offs(watch, &record, asked.at),
        planned: asked.into(),
        matching: matching_by_target(watch, &record),
        due: record.due.map(|due| due.at),
        seen_at: record.seen_at,
        record,
        step: assessment.step,
        findings: assessment.findings,
        level: assessment.level,
        moments: assessment.moments,
        watch: Arc::clone(watch),
    }
}
