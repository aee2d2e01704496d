//! The outbox, emptied: nothing is lost, nothing is sent twice, and nobody waits for somebody else's server.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use certsteward::clock::Clock;
use certsteward::domain::message::Message;
use certsteward::domain::reason::{Failure, Reason};
use certsteward::domain::{Duration, Timestamp};
use certsteward::engine::deliver::{Deliverer, DeliveryReport, ROUND};
use certsteward::journal::sqlite::Sqlite;
use certsteward::journal::{Change, Journal};
use certsteward::notifiers::Notifier;
use tokio::sync::Notify;

use crate::notifiers::samples::{at, finding};

struct HandClock(Mutex<Timestamp>);

impl HandClock {
    fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Answers as it was told to, then with success.
#[derive(Default)]
struct Told {
    answers: Mutex<VecDeque<Failure>>,
    sent: Mutex<Vec<String>>,
    /// Waits for it before it answers.
    gate: Option<Arc<Notify>>,
}

#[async_trait::async_trait]
impl Notifier for Told {
    async fn send(&self, message: &Message) -> Result<(), Failure> {
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        if let Some(failure) = self.answers.lock().unwrap().pop_front() {
            return Err(failure);
        }
        self.sent.lock().unwrap().push(message.subject.clone());
        Ok(())
    }
}

impl Told {
    fn failing(failures: impl IntoIterator<Item = Failure>) -> Self {
        Self { answers: Mutex::new(failures.into_iter().collect()), ..Self::default() }
    }

    fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }
}

struct World {
    journal: Arc<Sqlite>,
    clock: Arc<HandClock>,
    deliverer: Deliverer,
}

impl World {
    fn new(notifiers: &[(&str, &Arc<Told>)]) -> Self {
        let journal = Arc::new(Sqlite::in_memory().unwrap());
        let clock = Arc::new(HandClock(Mutex::new(at("2026-11-21T20:00:00Z"))));
        let mut all = BTreeMap::<String, Arc<dyn Notifier>>::new();
        for (id, told) in notifiers {
            all.insert((*id).to_owned(), (*told).clone());
        }
        let deliverer = Deliverer::new(journal.clone(), all, clock.clone());
        Self { journal, clock, deliverer }
    }

    /// Puts messages for a notifier into the outbox.
    async fn tell(&self, notifier: &str, subjects: &[&str]) {
        let message = |subject: &&str| Message { subject: (*subject).to_owned(), ..finding() };
        let messages = subjects.iter().map(|subject| (notifier.to_owned(), message(subject))).collect();
        let (watch, record) = ("sf".to_owned(), None);
        let change = Change { watch, record, messages, events: Vec::new(), absorbed: Vec::new() };
        self.journal.save(change).await.unwrap();
    }

    async fn round(&self) -> DeliveryReport {
        self.deliverer.deliver_due().await.unwrap()
    }

    async fn waiting(&self) -> u64 {
        self.journal.outbox().await.unwrap().waiting.values().sum()
    }
}

fn away() -> Failure {
    Failure::certain(Reason::ConnectionRefused, "nothing listens there")
}

#[tokio::test]
async fn what_is_due_is_delivered_once_and_in_order() {
    let ops = Arc::new(Told::default());
    let world = World::new(&[("ops", &ops)]);
    world.tell("ops", &["one", "two", "three"]).await;
    let report = world.round().await;
    assert_eq!(report.delivered["ops"], 3);
    assert_eq!(report.next, None);
    assert_eq!(world.round().await, DeliveryReport::default());
    assert_eq!(ops.sent(), ["one", "two", "three"]);
}

#[tokio::test]
async fn what_fails_is_tried_again_later_and_keeps_its_order() {
    let ops = Arc::new(Told::failing([away(), away()]));
    let world = World::new(&[("ops", &ops)]);
    world.tell("ops", &["one", "two"]).await;
    let report = world.round().await;
    assert_eq!(report.failed.len(), 1, "the second waits behind the first");
    assert_eq!((report.failed[0].reason, report.failed[0].tries), (Reason::ConnectionRefused, 0));
    assert_eq!(report.next, Some(report.failed[0].next));
    assert_eq!(world.round().await.failed, [], "not yet due");
    world.clock.advance(Duration::seconds(70));
    let again = world.round().await;
    assert!(again.failed[0].next - world.clock.now() >= Duration::minutes(2), "the wait grows");
    world.clock.advance(Duration::minutes(3));
    assert_eq!(world.round().await.delivered["ops"], 2);
    assert_eq!(ops.sent(), ["one", "two"]);
}

#[tokio::test]
async fn a_message_nobody_takes_does_not_hold_up_the_next() {
    let ops = Arc::new(Told::failing([Failure::certain(Reason::Refused, "550")]));
    let world = World::new(&[("ops", &ops)]);
    world.tell("ops", &["refused", "fine"]).await;
    world.round().await;
    assert_eq!(ops.sent(), ["fine"]);
    assert_eq!(world.waiting().await, 1);
}

#[tokio::test]
async fn a_notifier_that_keeps_silent_holds_up_no_other() {
    let gate = Arc::new(Notify::new());
    let silent = Arc::new(Told { gate: Some(Arc::clone(&gate)), ..Told::default() });
    let ops = Arc::new(Told::default());
    let world = World::new(&[("a-silent", &silent), ("ops", &ops)]);
    world.tell("a-silent", &["one"]).await;
    world.tell("ops", &["one"]).await;
    let others = async {
        crate::support::wait::until("the other's delivery", async || ops.sent().first().cloned()).await;
        gate.notify_one();
    };
    let (report, ()) = tokio::join!(world.round(), others);
    assert_eq!(report.delivered.len(), 2);
}

#[tokio::test]
async fn many_messages_of_a_dead_notifier_keep_no_other_from_the_next_round() {
    let dead = Arc::new(Told::failing(std::iter::repeat_n(away(), 3 * ROUND)));
    let ops = Arc::new(Told::default());
    let world = World::new(&[("dead", &dead), ("ops", &ops)]);
    world.tell("dead", &vec!["lost?"; ROUND + 50]).await;
    world.tell("ops", &["one"]).await;
    assert_eq!(world.round().await.failed.len(), 1);
    let second = world.round().await;
    assert_eq!((second.failed.len(), second.delivered["ops"]), (0, 1));
    assert_eq!(world.waiting().await, u64::try_from(ROUND).unwrap() + 50);
}

#[tokio::test]
async fn a_wish_to_wait_is_obeyed() {
    let limited = Failure::certain(Reason::RateLimited, "429").retry_after(Some(1800));
    let chat = Arc::new(Told::failing([limited]));
    let world = World::new(&[("chat", &chat)]);
    world.tell("chat", &["one"]).await;
    let report = world.round().await;
    assert_eq!(report.failed[0].next, world.clock.now() + Duration::minutes(30));
    world.clock.advance(Duration::minutes(29));
    assert_eq!(world.round().await.delivered.len(), 0);
    world.clock.advance(Duration::minutes(1));
    assert_eq!(world.round().await.delivered["chat"], 1);
}

#[tokio::test]
async fn messages_for_a_notifier_that_is_gone_are_kept_and_said_once() {
    let world = World::new(&[]);
    world.tell("gone", &["one", "two"]).await;
    let report = world.round().await;
    assert_eq!(report.failed.len(), 1);
    assert!(
        report.failed[0].text.starts_with("2 messages wait for the notifier gone, which is not configured")
    );
    assert_eq!(report.next, Some(world.clock.now() + Duration::days(1)));
    world.clock.advance(Duration::days(1));
    assert_eq!(world.round().await.failed, []);
    assert_eq!(world.waiting().await, 2);
}

/// A journal that cannot be told of deliveries while it is told so.
struct Forgetful {
    inner: Arc<Sqlite>,
    refuses: Mutex<bool>,
}

#[tokio::test]
async fn what_was_sent_is_not_sent_again_because_the_journal_could_not_be_told() {
    let ops = Arc::new(Told::default());
    let world = World::new(&[("ops", &ops)]);
    world.tell("ops", &["one"]).await;
    let forgetful = Arc::new(Forgetful { inner: Arc::clone(&world.journal), refuses: Mutex::new(true) });
    let mut notifiers = BTreeMap::<String, Arc<dyn Notifier>>::new();
    notifiers.insert("ops".to_owned(), ops.clone());
    let deliverer = Deliverer::new(forgetful.clone(), notifiers, world.clock.clone());
    assert!(deliverer.deliver_due().await.is_err());
    *forgetful.refuses.lock().unwrap() = false;
    assert_eq!(deliverer.deliver_due().await.unwrap().delivered["ops"], 1);
    assert_eq!(ops.sent(), ["one"]);
    assert_eq!(world.waiting().await, 0);
}

#[tokio::test]
async fn a_journal_that_cannot_be_told_keeps_nobody_from_what_it_holds() {
    let ops = Arc::new(Told::default());
    let world = World::new(&[("ops", &ops)]);
    world.tell("ops", &["one", "two", "three"]).await;
    let forgetful = Arc::new(Forgetful { inner: Arc::clone(&world.journal), refuses: Mutex::new(true) });
    let mut notifiers = BTreeMap::<String, Arc<dyn Notifier>>::new();
    notifiers.insert("ops".to_owned(), ops.clone());
    let deliverer = Deliverer::new(forgetful.clone(), notifiers, world.clock.clone());
    assert!(deliverer.deliver_due().await.is_err());
    assert!(deliverer.deliver_due().await.is_err());
    assert_eq!(ops.sent(), ["one", "two", "three"], "each once, although none could be marked");
    *forgetful.refuses.lock().unwrap() = false;
    assert_eq!(deliverer.deliver_due().await.unwrap().delivered["ops"], 3);
    assert_eq!((ops.sent().len(), world.waiting().await), (3, 0));
}

mod forgetful {
    use certsteward::domain::event::{Actor, Event};
    use certsteward::domain::message::Outgoing;
    use certsteward::domain::record::Record;
    use certsteward::domain::report::Command;
    use certsteward::domain::trail::{Proof, Row};
    use certsteward::journal::{EventQuery, JournalError, OutboxState};

    use super::{BTreeMap, Change, Forgetful, Journal, Timestamp};

    #[async_trait::async_trait]
    impl Journal for Forgetful {
        async fn records(&self) -> Result<BTreeMap<String, Record>, JournalError> {
            self.inner.records().await
        }
        async fn save(&self, change: Change) -> Result<(), JournalError> {
            self.inner.save(change).await
        }
        async fn forget(&self, watch: &str) -> Result<(), JournalError> {
            self.inner.forget(watch).await
        }
        async fn accept(&self, command: Command) -> Result<i64, JournalError> {
            self.inner.accept(command).await
        }
        async fn commands(&self) -> Result<Vec<Command>, JournalError> {
            self.inner.commands().await
        }
        async fn events(&self, query: EventQuery) -> Result<Vec<(i64, Event)>, JournalError> {
            self.inner.events(query).await
        }
        async fn rows(&self, query: EventQuery) -> Result<Vec<Row>, JournalError> {
            self.inner.rows(query).await
        }

        async fn verify(&self, watch: Option<String>, heads: Vec<String>) -> Result<Proof, JournalError> {
            self.inner.verify(watch, heads).await
        }

        async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Outgoing>, JournalError> {
            self.inner.due(now, limit).await
        }
        async fn delivered(&self, id: i64, at: Timestamp) -> Result<(), JournalError> {
            if *self.refuses.lock().unwrap() {
                return Err(JournalError::InUse { place: "here".to_owned() });
            }
            self.inner.delivered(id, at).await
        }
        async fn postponed(&self, id: i64, next: Timestamp, why: &str) -> Result<(), JournalError> {
            self.inner.postponed(id, next, why).await
        }
        async fn outbox(&self) -> Result<OutboxState, JournalError> {
            self.inner.outbox().await
        }
        async fn rested(&self, id: i64, next: Timestamp, why: &str) -> Result<(), JournalError> {
            self.inner.rested(id, next, why).await
        }

        fn take_kept_apart(&self) -> Vec<certsteward::journal::KeptApart> {
            self.inner.take_kept_apart()
        }

        async fn paused(&self) -> Result<Option<(Timestamp, Actor)>, JournalError> {
            self.inner.paused().await
        }
        async fn set_paused(&self, paused: Option<(Timestamp, Actor)>) -> Result<(), JournalError> {
            self.inner.set_paused(paused).await
        }
    }
}
