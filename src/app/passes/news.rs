//! Who came, changed and went since the watches were last made: events for the history, and one message for all of it.
//! It writes nothing down itself.

use std::collections::BTreeMap;

use crate::config::{Config, Discovery};
use crate::domain::event::{Actor, Event, EventKind};
use crate::domain::finding::Level;
use crate::domain::message::{Message, Topic};
use crate::domain::reason::Unseen;
use crate::domain::watch::Watch;
use crate::domain::{Timestamp, lint};
use crate::engine::deliver::{Recipient, recipients};
use crate::journal::Change;

/// How many watches a message names.
const NAMED: usize = 20;

/// What is new about the watches.
pub(super) struct News {
    now: Timestamp,
    events: Vec<(Option<String>, Event)>,
}

impl News {
    pub(super) const fn new(now: Timestamp) -> Self {
        Self { now, events: Vec::new() }
    }

    /// A discovery found it.
    pub(super) fn found(&mut self, watch: &Watch) {
        let by = watch.found_by.as_deref().unwrap_or_default();
        let text = format!("the discovery {by} found {}; it is watched from now on", watch.source.place);
        self.note(watch.found_by.clone(), &watch.id, EventKind::Found, text);
    }

    /// It is configured or found otherwise than before.
    pub(super) fn changed(&mut self, before: &Watch, watch: &Watch) {
        let what = differences(before, watch);
        if what.is_empty() {
            return;
        }
        let text = format!("the watch {} is otherwise than before: {}", watch.id, what.join(", "));
        self.note(watch.found_by.clone(), &watch.id, EventKind::Changed, text);
    }

    /// It is there again, within the time in which its record is kept.
    pub(super) fn back(&mut self, watch: &Watch) {
        let how = if watch.found_by.is_some() { "found" } else { "configured" };
        let text = format!("the watch {} is {how} again; it goes on with the record it had", watch.id);
        self.note(watch.found_by.clone(), &watch.id, EventKind::Watched, text);
    }

    /// It is gone.
    pub(super) fn gone(&mut self, id: &str, found_by: Option<String>, kept_days: i64) {
        let how = match &found_by {
            Some(by) => format!("is no longer found by the discovery {by}"),
            None => "is no longer configured".to_owned(),
        };
        let text = format!("the watch {id} {how}; its history stays, and its record for {kept_days} days");
        self.note(found_by, id, EventKind::Vanished, text);
    }

    fn note(&mut self, found_by: Option<String>, watch: &str, kind: EventKind, text: String) {
        let facts = found_by.iter().map(|by| ("found_by".to_owned(), by.clone())).collect();
        let event = Event { watch: watch.to_owned(), at: self.now, actor: Actor::Daemon, kind, text, facts };
        self.events.push((found_by, event));
    }

    /// As changes to be saved: one message for each discovery and for the configuration, which wait for nothing, and then each
    /// event with its watch.
    pub(super) fn changes(self, config: &Config, to: &[Recipient]) -> impl Iterator<Item = Change> {
        let mut by_origin: BTreeMap<Option<String>, Vec<&Event>> = BTreeMap::new();
        for (found_by, event) in &self.events {
            by_origin.entry(found_by.clone()).or_default().push(event);
        }
        let messages = by_origin.into_iter().flat_map(|(found_by, events)| {
            let discovery = config.discoveries.iter().find(|each| Some(&each.id) == found_by.as_ref());
            let message = message(found_by.as_deref(), discovery, &events, self.now);
            recipients(&message, to).into_iter().map(move |id| (id, message.clone()))
        });
        let messages: Vec<(String, Message)> = messages.collect();
        let of_event = |event: Event| change(event.watch.clone(), vec![event], Vec::new());
        let told = (!messages.is_empty()).then(|| change(String::new(), Vec::new(), messages));
        told.into_iter().chain(self.events.into_iter().map(move |(_, event)| of_event(event)))
    }
}

fn change(watch: String, events: Vec<Event>, messages: Vec<(String, Message)>) -> Change {
    Change { watch, record: None, events, messages, absorbed: Vec::new() }
}

/// What of a watch is not as it was; the days in which nothing is done are the whole house's, and told of by the reload.
fn differences(before: &Watch, now: &Watch) -> Vec<String> {
    let mut parts = Vec::new();
    if before.source != now.source {
        parts.push(format!("it reads {}, not {}", now.source.place, before.source.place));
    }
    let plain = [
        ("labels", before.labels != now.labels),
        ("mode", before.mode != now.mode),
        ("policy", before.policy != now.policy),
        ("renewal", before.renewal != now.renewal),
        ("callers", before.callers != now.callers),
        ("targets", before.targets != now.targets),
        ("probes", before.probes != now.probes),
        ("who found it", before.found_by != now.found_by),
    ];
    parts.extend(plain.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()));
    parts
}

fn message(
    found_by: Option<&str>,
    discovery: Option<&Discovery>,
    events: &[&Event],
    now: Timestamp,
) -> Message {
    let of = |kinds: &[EventKind]| -> Vec<&str> {
        events.iter().filter(|event| kinds.contains(&event.kind)).map(|event| event.watch.as_str()).collect()
    };
    let new = of(&[EventKind::Found, EventKind::Watched]);
    let (changed, gone) = (of(&[EventKind::Changed]), of(&[EventKind::Vanished]));
    let groups = [("new", &new), ("changed", &changed), ("gone", &gone)];
    let present = || groups.iter().filter(|(_, ids)| !ids.is_empty());
    let counts: Vec<String> = present().map(|(word, ids)| format!("{} {word}", ids.len())).collect();
    let lists: Vec<String> = present().map(|(word, ids)| format!("{word}: {}", named(ids))).collect();
    let origin = found_by.map_or_else(|| "the configuration".to_owned(), |by| format!("the discovery {by}"));
    Message {
        level: if gone.is_empty() { Level::Notice } else { Level::Warning },
        code: "watches".to_owned(),
        key: format!("watches/{}", found_by.unwrap_or_default()),
        subject: format!("watches of {origin}: {}", counts.join(", ")),
        text: format!("Watches of {origin}: {}", lists.join("; ")),
        way_out: "nothing, if that was meant; certsteward history shows each".to_owned(),
        labels: discovery.map(|discovery| discovery.labels().clone()).unwrap_or_default(),
        ..blank(now, Topic::Watches)
    }
}

fn named(ids: &[&str]) -> String {
    let shown = ids.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match ids.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// People are told that a discovery cannot look everywhere.
pub(super) fn blind_message(
    discovery: &Discovery,
    since: Timestamp,
    why: &[Unseen],
    now: Timestamp,
) -> Message {
    let id = &discovery.id;
    let why: Vec<String> = why.iter().map(ToString::to_string).collect();
    Message {
        level: Level::Warning,
        code: BLIND.to_owned(),
        key: format!("{BLIND}/{id}"),
        subject: format!("the discovery {id} cannot look everywhere since {}", lint::minute(since)),
        text: format!(
            "The discovery {id} cannot look everywhere since {}: {}. The watches that it found before go on; what is new there is watched by nobody",
            lint::minute(since),
            why.join("; ")
        ),
        way_out: "put right what it says; certsteward looks again by itself".to_owned(),
        labels: discovery.labels().clone(),
        ..blank(now, Topic::Findings)
    }
}

/// And that it can again.
pub(super) fn sees_again_message(discovery: &Discovery, now: Timestamp) -> Message {
    let id = &discovery.id;
    Message {
        level: Level::Warning,
        code: BLIND.to_owned(),
        key: format!("{BLIND}/{id}"),
        resolved: true,
        subject: format!("the discovery {id} can look everywhere again"),
        text: format!("this is over: the discovery {id} can look everywhere again"),
        way_out: "nothing to do".to_owned(),
        labels: discovery.labels().clone(),
        ..blank(now, Topic::Findings)
    }
}

/// The stable code of both.
const BLIND: &str = "discovery-blind";

fn blank(at: Timestamp, topic: Topic) -> Message {
    Message {
        watch: String::new(),
        labels: BTreeMap::new(),
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
