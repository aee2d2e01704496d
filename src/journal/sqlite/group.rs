//! Changes that come while another is written are written together: one transaction, one wait for the disk.
//! Each stands or falls by itself, and none is answered before it is safe.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::super::{Change, JournalError};
use super::{Store, save};

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
    change: Change,
    answer: oneshot::Sender<Result<(), JournalError>>,
}

impl Group {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next changes; none where nothing waits any more, and then nobody writes.
    fn next(&self) -> Vec<Waiting> {
        let mut state = self.locked();
        let count = state.waiting.len().min(TOGETHER);
        state.writing = count > 0;
        state.waiting.drain(..count).collect()
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
    pub(super) async fn save(self: Arc<Self>, change: Change) -> Result<(), JournalError> {
        let (answer, answered) = oneshot::channel();
        let is_first = {
            let mut state = self.group.locked();
            state.waiting.push(Waiting { change, answer });
            !std::mem::replace(&mut state.writing, true)
        };
        if is_first {
            let store = Arc::clone(&self);
            // It is carried through even where whoever waits goes away.
            drop(tokio::task::spawn_blocking(move || store.write_all()));
        }
        let lost = |_| self.failed("the write ended in the middle by a fault of certsteward itself");
        answered.await.unwrap_or_else(|gone| Err(lost(gone)))
    }

    fn write_all(&self) {
        let _writer = Writer(&self.group);
        loop {
            let batch = self.group.next();
            if batch.is_empty() {
                return;
            }
            let (changes, answers): (Vec<Change>, Vec<_>) =
                batch.into_iter().map(|waiting| (waiting.change, waiting.answer)).unzip();
            let outcomes = {
                let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
                self.write_together(&mut connection, &changes)
            };
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // Whoever does not wait any more needs no answer.
                drop(answer.send(outcome));
            }
        }
    }

    /// One outcome for each change.
    fn write_together(
        &self,
        connection: &mut Connection,
        changes: &[Change],
    ) -> Vec<Result<(), JournalError>> {
        let all_failed =
            |error: &rusqlite::Error| changes.iter().map(|_| Err(self.failed(error.to_string()))).collect();
        let mut transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => transaction,
            Err(error) => return all_failed(&error),
        };
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            let outcome = write_one(&mut transaction, change);
            if let Err(error) = &outcome
                && transaction.is_autocommit()
            {
                // SQLite gave up the whole transaction, as it does where the disk is full.
                return all_failed(error);
            }
            outcomes.push(outcome.map_err(|error| self.failed(error)));
        }
        match transaction.commit() {
            Ok(()) => outcomes,
            Err(error) => all_failed(&error),
        }
    }

    fn failed(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> JournalError {
        JournalError::Store { act: "write to", place: self.place.clone(), cause: cause.into() }
    }
}

/// All of a change or nothing of it.
fn write_one(transaction: &mut Transaction<'_>, change: &Change) -> rusqlite::Result<()> {
    let savepoint = transaction.savepoint()?;
    save(&savepoint, change)?;
    savepoint.commit()
}
