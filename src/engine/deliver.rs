//! The outbox, emptied: what is due is sent, marked or postponed, each notifier on its own.
//! It decides neither what is told nor in which form.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

use crate::clock::{Clock, Stopwatch};
use crate::domain::finding::Level;
use crate::domain::message::{Message, Outgoing, Topic};
use crate::domain::reason::{Failure, Reason};
use crate::domain::{Duration, Timestamp};
use crate::journal::{Journal, JournalError};
use crate::notifiers::Notifier;

/// Which messages a notifier wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipient {
    /// The notifier's id.
    pub id: String,
    /// Only watches that have all of these labels; empty: every watch, and the daemon itself.
    pub labels: BTreeMap<String, String>,
    /// Only these topics; empty: every topic.
    pub topics: Vec<Topic>,
    /// Only findings of these levels; empty: every level. Hand-offs and rotations have no part in it.
    pub levels: Vec<Level>,
}

impl Recipient {
    fn wants(&self, message: &Message) -> bool {
        let labels = self.labels.iter().all(|(name, value)| message.labels.get(name) == Some(value));
        let topic = self.topics.is_empty() || self.topics.contains(&message.topic);
        let level = self.levels.is_empty()
            || message.topic != Topic::Findings
            || self.levels.contains(&message.level)
            || (message.resolved && message.level == Level::Ok);
        labels && topic && level
    }
}

/// The notifiers a message goes to: the one it names, else each that wants it.
#[must_use]
pub fn recipients(message: &Message, notifiers: &[Recipient]) -> Vec<String> {
    match &message.to {
        Some(to) => vec![to.clone()],
        None => notifiers
            .iter()
            .filter(|recipient| recipient.wants(message))
            .map(|recipient| recipient.id.clone())
            .collect(),
    }
}

/// What one round of deliveries did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryReport {
    /// How many messages each notifier delivered.
    pub delivered: BTreeMap<String, u64>,
    /// What could not be delivered; it stays in the outbox.
    pub failed: Vec<Undelivered>,
    /// When the next message is due.
    pub next: Option<Timestamp>,
}

/// A message that could not be delivered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The notifier.
    pub notifier: String,
    /// Why.
    pub reason: Reason,
    /// In words, with the way out.
    pub text: String,
    /// How often it was tried before.
    pub tries: u32,
    /// When it is tried again.
    pub next: Timestamp,
}

/// Delivers what the journal holds. Cloning it is cheap and shares everything.
#[derive(Clone)]
pub struct Deliverer {
    journal: Arc<dyn Journal>,
    notifiers: Arc<BTreeMap<String, Arc<dyn Notifier>>>,
    clock: Arc<dyn Clock>,
    memory: Arc<Mutex<Memory>>,
}

/// What need not survive the process.
#[derive(Default)]
struct Memory {
    /// Sent, but the journal could not be told: to be marked, not to be sent again.
    unmarked: BTreeSet<i64>,
    /// Notifiers that just failed as a whole, and until when they are left alone.
    resting: BTreeMap<String, Timestamp>,
    /// Notifiers whose absence was said.
    said: BTreeSet<String>,
}

impl Deliverer {
    /// A deliverer over these notifiers, by id.
    #[must_use]
    pub fn new(
        journal: Arc<dyn Journal>,
        notifiers: BTreeMap<String, Arc<dyn Notifier>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { journal, notifiers: Arc::new(notifiers), clock, memory: Arc::default() }
    }

    /// One round: at most [`ROUND`] messages, in order for each notifier, the notifiers side by side.
    ///
    /// They are tasks of their own so that a notifier that is slow holds up no other: after [`ROUND_TIME`] it begins no
    /// further message, and what is left is due in the next round. None outlives this call.
    ///
    /// # Errors
    /// Where the journal fails. What was sent by then is not sent again by this deliverer.
    pub async fn deliver_due(&self) -> Result<DeliveryReport, JournalError> {
        let mut queues: BTreeMap<String, Vec<Outgoing>> = BTreeMap::new();
        for outgoing in self.journal.due(self.clock.now(), ROUND).await? {
            queues.entry(outgoing.notifier.clone()).or_default().push(outgoing);
        }
        let mut rounds = JoinSet::new();
        for (id, queue) in queues {
            let deliverer = self.clone();
            rounds.spawn(async move { deliverer.queue(id, queue).await });
        }
        let mut report = DeliveryReport::default();
        let mut first_error = None;
        while let Some(ended) = rounds.join_next().await {
            match ended {
                Ok(Ok(part)) => report.add(part),
                Ok(Err(error)) => first_error = first_error.or(Some(error)),
                Err(error) => first_error = first_error.or(Some(broken(error))),
            }
        }
        if let Some(error) = first_error {
            return Err(error);
        }
        report.next = self.journal.outbox().await?.next;
        Ok(report)
    }

    async fn queue(&self, id: String, queue: Vec<Outgoing>) -> Result<DeliveryReport, JournalError> {
        let Some(notifier) = self.notifiers.get(&id) else {
            return self.keep(&id, queue).await;
        };
        let mut report = DeliveryReport::default();
        let mut unmarked = None;
        let began = Stopwatch::start();
        for outgoing in queue {
            if began.elapsed() >= ROUND_TIME {
                break;
            }
            if let Some(until) = self.resting(&id) {
                self.journal.rested(outgoing.id, until, "an earlier message could not be delivered").await?;
                continue;
            }
            match self.send(notifier.as_ref(), &outgoing).await {
                Ok(()) => {
                    // A store that cannot be written keeps nobody from what stands in it; it is remembered what was sent.
                    unmarked = self.mark(outgoing.id).await.err().or(unmarked);
                    *report.delivered.entry(id.clone()).or_default() += 1;
                }
                Err(failure) => report.failed.push(self.postpone(&outgoing, failure).await?),
            }
        }
        unmarked.map_or(Ok(report), Err)
    }

    async fn send(&self, notifier: &dyn Notifier, outgoing: &Outgoing) -> Result<(), Failure> {
        if self.memory().unmarked.contains(&outgoing.id) {
            return Ok(());
        }
        notifier.send(&outgoing.message).await
    }

    async fn mark(&self, id: i64) -> Result<(), JournalError> {
        self.memory().unmarked.insert(id);
        self.journal.delivered(id, self.clock.now()).await?;
        self.memory().unmarked.remove(&id);
        Ok(())
    }

    async fn postpone(&self, outgoing: &Outgoing, failure: Failure) -> Result<Undelivered, JournalError> {
        let next = self.clock.now() + wait(outgoing, failure.retry_after_seconds);
        if !is_about_the_message(failure.reason) {
            self.memory().resting.insert(outgoing.notifier.clone(), next);
        }
        self.journal.postponed(outgoing.id, next, &failure.text).await?;
        let Failure { reason, text, .. } = failure;
        Ok(Undelivered { notifier: outgoing.notifier.clone(), reason, text, tries: outgoing.tries, next })
    }

    /// Messages for a notifier that is not configured: kept, in case it comes back, and said once.
    async fn keep(&self, id: &str, queue: Vec<Outgoing>) -> Result<DeliveryReport, JournalError> {
        let next = self.clock.now() + Duration::days(1);
        let text = format!(
            "{} messages wait for the notifier {id}, which is not configured; add a [[notifier]] with this id, they are kept until then",
            queue.len()
        );
        for outgoing in &queue {
            self.journal.rested(outgoing.id, next, "the notifier is not configured").await?;
        }
        let mut report = DeliveryReport::default();
        if self.memory().said.insert(id.to_owned()) {
            let notifier = id.to_owned();
            let tries = queue.first().map_or(0, |outgoing| outgoing.tries);
            report.failed.push(Undelivered { notifier, reason: Reason::NotFound, text, tries, next });
        }
        Ok(report)
    }

    fn resting(&self, id: &str) -> Option<Timestamp> {
        let now = self.clock.now();
        // A rest that is longer than any was begun by a clock that was ahead.
        let longest = now + Duration::seconds(LONGEST_ASKED);
        self.memory().resting.get(id).copied().filter(|until| *until > now && *until <= longest)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeliveryReport {
    fn add(&mut self, part: Self) {
        for (notifier, count) in part.delivered {
            *self.delivered.entry(notifier).or_default() += count;
        }
        self.failed.extend(part.failed);
    }
}

/// Whether the failure is this message's own, so that the notifier's other messages may go on.
const fn is_about_the_message(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Refused | Reason::TooLarge | Reason::Malformed | Reason::KeyMaterial | Reason::NoCertificate
    )
}

/// 1, 2, 4 … minutes up to an hour, a little more for some than for others, and never sooner than the other side asked.
fn wait(outgoing: &Outgoing, retry_after_seconds: Option<u64>) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1_i64.checked_shl(outgoing.tries.min(30)).unwrap_or(i64::MAX));
    let seconds = doubled.min(LONGEST_WAIT);
    let jitter = seconds * outgoing.id.wrapping_mul(37).rem_euclid(10) / 100;
    let asked = i64::try_from(retry_after_seconds.unwrap_or(0)).unwrap_or(LONGEST_ASKED).min(LONGEST_ASKED);
    Duration::seconds((seconds + jitter).max(asked))
}

fn broken(error: tokio::task::JoinError) -> JournalError {
    JournalError::Store { act: "finish deliveries from", place: "outbox".to_owned(), cause: error.into() }
}

/// How many messages one round takes at most.
pub const ROUND: usize = 200;

/// How long one notifier may go on beginning messages in a round.
pub const ROUND_TIME: std::time::Duration = std::time::Duration::from_secs(10);

/// Seconds.
const FIRST_WAIT: i64 = 60;
const LONGEST_WAIT: i64 = 3600;
const LONGEST_ASKED: i64 = 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: Topic, level: Level) -> Message {
        Message {
            watch: "sf-odata-prod".to_owned(),
            labels: BTreeMap::from([("stage".to_owned(), "prod".to_owned())]),
            at: Timestamp::UNIX_EPOCH,
            topic,
            level,
            code: "expires".to_owned(),
            key: "expires".to_owned(),
            resolved: false,
            subject: "the deadline comes near".to_owned(),
            text: String::new(),
            way_out: String::new(),
            hand_off: None,
            to: None,
            actor: None,
            deadline: None,
        }
    }

    fn notifiers() -> Vec<Recipient> {
        let recipient = |id: &str| Recipient { id: id.to_owned(), ..Recipient::default() };
        vec![
            recipient("all"),
            Recipient {
                levels: vec![Level::Warning, Level::Critical],
                topics: vec![Topic::Findings, Topic::HandOffs],
                ..recipient("ops")
            },
            Recipient {
                labels: BTreeMap::from([("stage".to_owned(), "test".to_owned())]),
                ..recipient("testers")
            },
        ]
    }

    #[test]
    fn levels_are_of_findings_only() {
        let notice = message(Topic::Findings, Level::Notice);
        assert_eq!(recipients(&notice, &notifiers()), ["all"]);
        let critical = message(Topic::Findings, Level::Critical);
        assert_eq!(recipients(&critical, &notifiers()), ["all", "ops"]);
        let asked = message(Topic::HandOffs, Level::Notice);
        assert_eq!(recipients(&asked, &notifiers()), ["all", "ops"]);
    }

    #[test]
    fn topics_and_labels_narrow() {
        assert_eq!(recipients(&message(Topic::Rotations, Level::Ok), &notifiers()), ["all"]);
        let mut of_test = message(Topic::HandOffs, Level::Notice);
        of_test.labels.insert("stage".to_owned(), "test".to_owned());
        assert_eq!(recipients(&of_test, &notifiers()), ["all", "ops", "testers"]);
    }

    #[test]
    fn the_end_of_a_finding_reaches_whoever_wants_findings() {
        let resolved = Message { resolved: true, ..message(Topic::Findings, Level::Ok) };
        assert_eq!(recipients(&resolved, &notifiers()), ["all", "ops"]);
    }

    #[test]
    fn a_message_for_somebody_in_particular_goes_to_nobody_else() {
        let asked = Message { to: Some("hris".to_owned()), ..message(Topic::HandOffs, Level::Notice) };
        assert_eq!(recipients(&asked, &notifiers()), ["hris"]);
    }

    #[test]
    fn waits_double_up_to_an_hour_and_obey_what_was_asked() {
        let waited = |tries, asked| {
            let message = Arc::new(message(Topic::Findings, Level::Ok));
            let next = Timestamp::UNIX_EPOCH;
            wait(&Outgoing { id: 10, notifier: "ops".to_owned(), message, tries, next }, asked).num_seconds()
        };
        assert_eq!([0, 1, 2, 5, 6, 40].map(|tries| waited(tries, None)), [60, 120, 240, 1920, 3600, 3600]);
        assert_eq!(waited(0, Some(600)), 600);
        assert_eq!(waited(3, Some(5)), 480);
    }
}
