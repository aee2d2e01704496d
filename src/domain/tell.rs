//! What people are told: each finding once when it begins or grows worse, once when it is over; each question, its
//! reminders, its escalation; each turn of a renewal. It sends nothing.

mod so_far;

use super::assess::Assessment;
use super::doubt;
use super::event::{Actor, Event, EventKind};
use super::finding::{Code, Finding, Level};
use super::hand_off::HandOff;
use super::message::{Message, Topic};
use super::record::{Ask, HandOffFacts, Publication, Record, Role, Told};
use super::watch::{Target, Watch};
use super::{Duration, Timestamp};

/// The open questions of a watch, complete.
#[must_use]
pub fn hand_offs(watch: &Watch, record: &Record, now: Timestamp) -> Vec<HandOff> {
    let wanted_by = wanted_by(watch, record);
    let open = |facts: &&HandOffFacts| facts.closed.is_none();
    let mut questions: Vec<HandOff> = Vec::new();
    for target in &watch.targets {
        for role in [Role::Candidate, Role::InForce] {
            let Some(standing) = record.standing(role) else {
                continue;
            };
            if let Some(facts) = standing.targets.get(&target.id).and_then(Publication::open_hand_off) {
                let question = HandOff::new(watch, target, &standing.chain, facts, wanted_by);
                let causes = doubt::about(watch, record, target, role, now);
                questions.push(question.against(watch, record).with_story(Vec::new(), causes));
            }
        }
        for leftover in &record.leftovers {
            if let Some(facts) = leftover.hand_offs.get(&target.id).filter(open) {
                questions.push(HandOff::of_leftover(watch, target, leftover, facts));
            }
        }
    }
    questions
}

/// By when a question should be answered: with a renewal, the last moment that leaves a person and a switch their time;
/// about the certificate in force, now.
fn wanted_by(watch: &Watch, record: &Record) -> Option<Timestamp> {
    let in_force = record.in_force.as_ref()?;
    record.renewal.as_ref().map(|_| watch.moments(in_force, true).last_safe)
}

/// Messages for what happened, and each open question once; what was asked while silent is told when the silence is over.
#[must_use]
pub fn of_events(watch: &Watch, record: &mut Record, events: &[Event], now: Timestamp) -> Vec<Message> {
    if is_silent(record, now) {
        return Vec::new();
    }
    let mut messages: Vec<Message> = events.iter().filter_map(|event| of_event(watch, event)).collect();
    if is_led_back_by_a_person(record) {
        let led_back = messages.iter_mut().filter(|message| message.code == EventKind::RolledBack.code());
        led_back.for_each(|message| message.level = Level::Warning);
    }
    let questions = hand_offs(watch, record, now);
    let key = |question: &HandOff| format!("{ASKED}{}", question.token);
    let urgent = |question: &HandOff| question.urgent.as_ref().map(|_| format!("{}{URGENT}", key(question)));
    record.told.retain(|told, _| {
        let open = |open: &HandOff| key(open) == *told || urgent(open).as_ref() == Some(told);
        !told.starts_with(ASKED) || questions.iter().any(open)
    });
    for question in questions {
        let (first, urgent) = (key(&question), urgent(&question));
        if !record.told.contains_key(&first) {
            let told = Told { level: Level::Warning, at: now, text: question.headline.clone() };
            record.told.insert(first, told);
            messages.push(of_question(watch, question.clone(), now, ""));
        }
        if let Some(key) = urgent.filter(|key| !record.told.contains_key(key)) {
            let told = Told { level: Level::Critical, at: now, text: question.headline.clone() };
            record.told.insert(key, told);
            let question = with_story(watch, record, question, now);
            messages.push(of_question(watch, question, now, "callers are cut off: "));
        }
    }
    messages
}

/// Whether the callers go back, or have just gone, because a person asked for it: that is no news that wakes anybody.
fn is_led_back_by_a_person(record: &Record) -> bool {
    match record.renewal.as_ref().filter(|renewal| renewal.rolling_back.is_some()) {
        Some(renewal) => renewal.back_by.is_some(),
        None => record.ended.as_ref().is_some_and(|ended| ended.rolled_back && ended.asked_by.is_some()),
    }
}

/// What the key of a question ends with once people were told that callers are cut off meanwhile.
const URGENT: &str = "/urgent";

/// What the keys of told questions begin with, so that they are not taken for those of findings.
const ASKED: &str = "asked/";

fn is_silent(record: &Record, now: Timestamp) -> bool {
    record.silenced_until.is_some_and(|until| now < until)
}

fn of_event(watch: &Watch, event: &Event) -> Option<Message> {
    let level = match event.kind {
        EventKind::RenewalStarted | EventKind::Settled | EventKind::RenewalEnded | EventKind::Learned => {
            Level::Ok
        }
        EventKind::GapAnnounced | EventKind::RenewedElsewhere | EventKind::Held | EventKind::PassedOver => {
            Level::Notice
        }
        EventKind::RolledBack => Level::Critical,
        EventKind::Watched
        | EventKind::Found
        | EventKind::Changed
        | EventKind::Vanished
        | EventKind::SeenAgain
        | EventKind::WentUnseen
        | EventKind::ActStarted
        | EventKind::ActSucceeded
        | EventKind::ActFailed
        | EventKind::Issued
        | EventKind::CandidateDiscarded
        | EventKind::Published
        | EventKind::HandOffOpened
        | EventKind::HandOffSign
        | EventKind::HandOffClosed
        | EventKind::Confirmed
        | EventKind::Recognised
        | EventKind::Proven
        | EventKind::Probed
        | EventKind::Kept
        | EventKind::Measured
        | EventKind::Switched
        | EventKind::Retired
        | EventKind::Command
        | EventKind::ApprovalWanted
        | EventKind::Approved
        | EventKind::RejectedByPerson
        | EventKind::Reminded
        | EventKind::Reloaded
        | EventKind::Started
        | EventKind::Stopped
        | EventKind::StoreRecovered
        | EventKind::StoreRebuilt
        | EventKind::Chained => return None,
    };
    let actor = match &event.actor {
        Actor::Named(name) => Some(name.clone()),
        Actor::Daemon => None,
    };
    Some(Message {
        level,
        code: event.kind.code().to_owned(),
        key: format!("{}/renewal", watch.id),
        subject: event.text.clone(),
        text: event.text.clone(),
        actor,
        ..blank(watch, event.at, Topic::Rotations)
    })
}

fn of_question(watch: &Watch, question: HandOff, now: Timestamp, prefix: &str) -> Message {
    let target = watch.target(&question.target);
    let level = match (question.ask, &question.urgent) {
        (Ask::Remove, _) => Level::Notice,
        (Ask::Add | Ask::Replace, Some(_)) => Level::Critical,
        (Ask::Add | Ask::Replace, None) => Level::Warning,
    };
    Message {
        level,
        code: "hand-off".to_owned(),
        key: format!("{}/hand-off/{}/{}", watch.id, question.target, question.chain.fingerprint().short()),
        subject: format!("{prefix}please {}", question.headline),
        text: question.headline.clone(),
        way_out: way_out(&question),
        to: target.and_then(|target| target.assignee.clone()),
        deadline: question.wanted_by,
        hand_off: Some(question),
        ..blank(watch, now, Topic::HandOffs)
    }
}

fn way_out(question: &HandOff) -> String {
    if question.urgent.is_some() {
        "what stands under \"At once\" first; the steps come after it"
    } else if question.causes.is_empty() {
        "do the steps below; nothing else is needed"
    } else {
        "go through what is probably wrong, from the top; the steps are below once more"
    }
    .to_owned()
}

/// What a reminder says more than the first message: what happened meanwhile, and what is probably wrong.
fn with_story(watch: &Watch, record: &Record, question: HandOff, now: Timestamp) -> HandOff {
    let Some(target) = watch.target(&question.target) else {
        return question;
    };
    let causes = record
        .asked(&target.id)
        .map(|role| doubt::about(watch, record, target, role, now))
        .unwrap_or_default();
    let so_far = so_far::lines(watch, record, target, now);
    question.with_story(so_far, causes)
}

fn blank(watch: &Watch, at: Timestamp, topic: Topic) -> Message {
    Message {
        watch: watch.id.clone(),
        labels: watch.labels.clone(),
        at,
        topic,
        level: Level::Ok,
        code: String::new(),
        key: String::new(),
        resolved: false,
        subject: String::new(),
        text: String::new(),
        way_out: String::new(),
        hand_off: None,
        to: None,
        actor: None,
        deadline: None,
    }
}

/// Messages for findings that began, grew worse or are over; what was told is remembered in the record.
pub fn of_findings(
    watch: &Watch,
    record: &mut Record,
    assessment: &Assessment,
    now: Timestamp,
) -> Vec<Message> {
    if is_silent(record, now) {
        return Vec::new();
    }
    let deadline = assessment.moments.map(|moments| moments.deadline);
    let mut messages = Vec::new();
    for finding in assessment.findings.iter().filter(|finding| is_told(finding)) {
        let told = record.told.get(&finding.key());
        if told.is_none_or(|told| told.level < finding.level) {
            messages.push(of_finding(watch, finding, deadline, now));
            let told = Told { level: finding.level, at: now, text: finding.text.clone() };
            record.told.insert(finding.key(), told);
        }
    }
    let is_over = |key: &String| !assessment.findings.iter().any(|finding| &finding.key() == key);
    let of_finding = record.told.keys().filter(|key| !key.starts_with(ASKED));
    let over: Vec<String> = of_finding.filter(|key| is_over(key)).cloned().collect();
    for key in over {
        if let Some(told) = record.told.remove(&key) {
            messages.push(of_end(watch, &key, &told, deadline, now));
        }
    }
    messages
}

/// Questions have messages of their own; what is under way anyway is shown, not told.
const fn is_told(finding: &Finding) -> bool {
    !matches!(
        finding.code,
        Code::HandOffOpen | Code::RetirePending | Code::CandidateRejected | Code::GapExpected
    )
}

fn of_finding(watch: &Watch, finding: &Finding, deadline: Option<Timestamp>, now: Timestamp) -> Message {
    Message {
        level: finding.level,
        code: finding.code.code().to_owned(),
        key: format!("{}/{}", watch.id, finding.key()),
        subject: finding.text.clone(),
        text: finding.text.clone(),
        way_out: finding.way_out.clone(),
        deadline,
        ..blank(watch, now, Topic::Findings)
    }
}

fn of_end(watch: &Watch, key: &str, told: &Told, deadline: Option<Timestamp>, now: Timestamp) -> Message {
    let code = key.split(':').next().unwrap_or(key).to_owned();
    Message {
        level: told.level,
        code,
        key: format!("{}/{key}", watch.id),
        resolved: true,
        subject: told.text.clone(),
        text: format!("this is over: {}", told.text),
        way_out: "nothing to do".to_owned(),
        deadline,
        ..blank(watch, now, Topic::Findings)
    }
}

/// Reminders of open questions on a ladder before the deadline, each rung once, and the deputy once.
pub fn reminders(watch: &Watch, record: &mut Record, ladder: &[Duration], now: Timestamp) -> Vec<Message> {
    let Some(deadline) = record.in_force.as_ref().map(|in_force| watch.deadline(in_force)) else {
        return Vec::new();
    };
    if is_silent(record, now) {
        return Vec::new();
    }
    let mut messages = Vec::new();
    for target in &watch.targets {
        let role = record.asked(&target.id).unwrap_or(record.concern());
        messages.extend(remind(watch, record, role, target, &Ladder { rungs: ladder, deadline, now }));
    }
    messages
}

/// What the history keeps of a reminder or an escalation.
#[must_use]
pub fn reminded(message: &Message) -> Event {
    let to = message.to.iter().map(|to| ("to".to_owned(), to.clone()));
    Event {
        watch: message.watch.clone(),
        at: message.at,
        actor: Actor::Daemon,
        kind: EventKind::Reminded,
        text: message.subject.clone(),
        facts: to.collect(),
    }
}

struct Ladder<'a> {
    rungs: &'a [Duration],
    deadline: Timestamp,
    now: Timestamp,
}

/// What is due now of one open question; it is marked as sent.
#[derive(Default)]
struct DueNow {
    rung: bool,
    deputy: bool,
}

fn remind(
    watch: &Watch,
    record: &mut Record,
    role: Role,
    target: &Target,
    ladder: &Ladder<'_>,
) -> Vec<Message> {
    let due = mark(record, role, target, ladder);
    let wanted_by = wanted_by(watch, record).or(Some(ladder.deadline));
    let Some(standing) = record.standing(role).filter(|_| due.rung || due.deputy) else {
        return Vec::new();
    };
    let Some(facts) = standing.targets.get(&target.id).and_then(Publication::open_hand_off) else {
        return Vec::new();
    };
    let question = HandOff::new(watch, target, &standing.chain, facts, wanted_by).against(watch, record);
    let question = with_story(watch, record, question, ladder.now);
    let mut messages = Vec::new();
    if due.rung {
        let left = so_far::left(ladder.deadline, ladder.now);
        messages.push(of_question(watch, question.clone(), ladder.now, &format!("reminder, {left}: ")));
    }
    if due.deputy {
        let mut message = of_question(watch, question, ladder.now, "escalated to you: ");
        message.to.clone_from(&target.deputy);
        messages.push(message);
    }
    messages
}

fn mark(record: &mut Record, role: Role, target: &Target, ladder: &Ladder<'_>) -> DueNow {
    let publication = record.standing_mut(role).and_then(|standing| standing.targets.get_mut(&target.id));
    let facts = publication.and_then(|publication| publication.hand_off.as_mut());
    let Some(facts) = facts.filter(|facts| facts.closed.is_none()) else {
        return DueNow::default();
    };
    let crossed =
        |rung: &&Duration| ladder.now >= ladder.deadline - **rung && facts.opened < ladder.deadline - **rung;
    let new: Vec<i64> = ladder
        .rungs
        .iter()
        .filter(crossed)
        .map(Duration::num_seconds)
        .filter(|rung| !facts.reminded.contains(rung))
        .collect();
    let rung = !new.is_empty();
    facts.reminded.extend(new);
    let deputy = target.deputy.is_some()
        && facts.escalated.is_none()
        && ladder.now >= facts.opened + target.escalate_after;
    if deputy {
        facts.escalated = Some(ladder.now);
    }
    DueNow { rung, deputy }
}
