//! Changes that come while another is written are written together: one transaction, one wait for the disk.
//! Each stands or falls by itself, and none is answered before it is safe.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::super::{Change, JournalError};
use super::{Store, save, to_text};

/// The most that is written in one transaction.
const TOGETHER: usize = 500;

/// What waits to be written.
#[derive(Default)]
pub(super) struct Group {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    /// Somebody writes: whoever comes now is written next.
    writing: bool,
}

struct Waiting {
    written: Written,
    answer: oneshot::Sender<Result<(), JournalError>>,
}

/// An answer that is ready to be given.
struct Answered {
    answer: oneshot::Sender<Result<(), JournalError>>,
    outcome: Result<(), JournalError>,
}

impl Answered {
    fn send(self) {
        // Whoever does not wait any more needs no answer.
        drop(self.answer.send(self.outcome));
    }
}

/// A change, its record in the form in which it is stored: that takes time, and the store is not kept waiting for it.
struct Written {
    change: Change,
    record: Option<String>,
}

impl Group {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next changes to write.
    fn next(&self) -> Vec<Waiting> {
        let mut state = self.locked();
        let count = state.waiting.len().min(TOGETHER);
        state.waiting.drain(..count).collect()
    }

    /// Whether nothing waits any more; then nobody writes.
    fn is_done(&self) -> bool {
        let mut state = self.locked();
        state.writing = !state.waiting.is_empty();
        !state.writing
    }
}

/// Whoever writes stops writing, however that comes about; what waits then is not written.
struct Writer<'a>(&'a Group);

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            *self.0.locked() = State::default();
        }
    }
}

impl Store {
    /// Writes this change with those that come together with it.
    pub(super) async fn save(self: &Arc<Self>, change: Change) -> Result<(), JournalError> {
        let (answer, answered) = oneshot::channel();
        let record = change.record.as_ref().map(to_text);
        let written = Written { change, record };
        let is_first = {
            let mut state = self.group.locked();
            state.waiting.push(Waiting { written, answer });
            !std::mem::replace(&mut state.writing, true)
        };
        if is_first {
            let store = Arc::clone(self);
            // It is carried through even where whoever waits goes away.
            drop(tokio::task::spawn_blocking(move || store.write_all()));
        }
        answered.await.unwrap_or_else(|_| {
            Err(self.failed("the write ended in the middle by a fault of certsteward itself"))
        })
    }

    /// Writes until nothing waits any more. Whoever has the last answer may let go of the store, so that another daemon can have
    /// it: it is let go of here before.
    fn write_all(self: Arc<Self>) {
        loop {
            let answered = self.write_next();
            if self.group.is_done() {
                drop(self);
                return answered.into_iter().for_each(Answered::send);
            }
            answered.into_iter().for_each(Answered::send);
        }
    }

    fn write_next(&self) -> Vec<Answered> {
        let _writer = Writer(&self.group);
        let waiting = self.group.next();
        let (changes, answers): (Vec<Written>, Vec<_>) =
            waiting.into_iter().map(|waiting| (waiting.written, waiting.answer)).unzip();
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let outcomes = self.write_together(&mut connection, &changes);
        answers.into_iter().zip(outcomes).map(|(answer, outcome)| Answered { answer, outcome }).collect()
    }

    /// One outcome for each change. Where one of them cannot be written, each is written by itself, so that it takes no other
    /// with it.
    fn write_together(
        &self,
        connection: &mut Connection,
        changes: &[Written],
    ) -> Vec<Result<(), JournalError>> {
        if write(connection, changes).is_ok() {
            return changes.iter().map(|_| Ok(())).collect();
        }
        let alone =
            changes.chunks(1).map(|change| write(connection, change).map_err(|error| self.failed(error)));
        alone.collect()
    }

    fn failed(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> JournalError {
        JournalError::Store { act: "write to", place: self.place.clone(), cause: cause.into() }
    }
}

/// All of these changes or nothing of them.
fn write(connection: &mut Connection, changes: &[Written]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for Written { change, record } in changes {
        save(&transaction, change, record.as_deref())?;
    }
    transaction.commit()
}
