//! What is told to people: one message per finding, hand-off or turn of a renewal.
//! It is plain facts; notifiers choose the form.

use std::sync::Arc;

use super::Timestamp;
use super::codes::codes;
use super::finding::Level;
use super::hand_off::HandOff;

codes! {
    /// The kinds a notifier can choose with `send`.
    Topic {
        Findings = "findings": "judgements, and their end",
        HandOffs = "hand-offs": "questions to a person, reminders and escalations",
        Rotations = "rotations": "turns of a renewal: begun, switched, ended",
        Watches = "watches": "watches that came, changed or are gone",
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The watch's id.
    pub watch: String,
    /// The watch's labels, for the notifier's `match`.
    pub labels: std::collections::BTreeMap<String, String>,
    /// When it came to be.
    pub at: Timestamp,
    /// Which kind.
    pub topic: Topic,
    /// How serious.
    pub level: Level,
    /// A stable code: the finding's, the event's, or `hand-off`.
    pub code: String,
    /// Names what it is about: messages of one key belong together (a thread, an alert).
    pub key: String,
    /// Whether it says that something is over.
    pub resolved: bool,
    /// One line.
    pub subject: String,
    /// What is the case.
    pub text: String,
    /// What to do.
    pub way_out: String,
    /// The hand-off, where it is one.
    pub hand_off: Option<HandOff>,
    /// Only this notifier, where the message is for somebody in particular; else every one that matches.
    pub to: Option<String>,
    /// Who caused it, where a person did.
    pub actor: Option<String>,
    /// The deadline of the watch.
    pub deadline: Option<Timestamp>,
}

/// A message in the outbox: delivered at least once, to one notifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// Unique; given by the journal.
    pub id: i64,
    /// The notifier's id.
    pub notifier: String,
    /// The message.
    pub message: Arc<Message>,
    /// How often it was tried.
    pub tries: u32,
    /// Not before then.
    pub next: Timestamp,
}
