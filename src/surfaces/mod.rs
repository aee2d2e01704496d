//! What people and machines look at and press: metrics, HTTP API, status page, hand-off page.
//! They read one snapshot, hand in commands, and compute nothing that a pass should.

pub mod http;
mod json;
mod life;
pub mod metrics;
mod pages;
mod shown;
mod words;

use std::sync::Arc;

use crate::domain::Timestamp;
use crate::domain::event::Event;
use crate::domain::module::{Ask, NotLooked, Outcome};
use crate::domain::report::Command;
use crate::domain::snapshot::{Snapshot, WatchView};
use crate::domain::trail::{Proof, Row};

/// One watch in full, as the API pictures it, without links.
#[must_use]
pub fn picture(view: &WatchView) -> serde_json::Value {
    json::watch(view, |_| None)
}

/// One row of the history, as the API shows it.
#[must_use]
pub fn history_row(row: &Row) -> serde_json::Value {
    json::row(row)
}

/// What a check of the history showed, as the API tells it.
#[must_use]
pub fn history_proof(proof: &Proof) -> serde_json::Value {
    json::proof(proof)
}

/// What surfaces may ask of the running daemon.
#[async_trait::async_trait]
pub trait Daemon: Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;
    /// The newest picture.
    fn snapshot(&self) -> Arc<Snapshot>;
    /// Whether the first pass over all watches is done.
    fn is_ready(&self) -> bool;
    /// Events with their row number, newest first.
    async fn events(
        &self,
        watch: Option<&str>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, Event)>, Refused>;
    /// Events as they are kept, newest first: at most `limit`, before this row, not before this moment.
    async fn history(
        &self,
        watch: Option<&str>,
        (before, since): (Option<i64>, Option<Timestamp>),
        limit: usize,
    ) -> Result<Vec<Row>, Refused>;
    /// Checks the chain of one watch, or of all, and that these kept hashes are still part of it.
    async fn verify(&self, watch: Option<&str>, heads: Vec<String>) -> Result<Proof, Refused>;
    /// Stores a command, rings the bell, and gives the command's id. An empty watch means the daemon itself (pause, resume).
    async fn command(&self, command: Command) -> Result<i64, Refused>;
    /// Reads the configuration again; what is wrong with it is the answer.
    async fn reload(&self) -> Result<(), Refused>;
    /// Looks at a server by a module, as a scrape asks for it.
    async fn look(&self, ask: Ask) -> Result<Outcome, NotLooked>;
    /// The name and rights of a bearer token.
    fn grant(&self, bearer: &str) -> Option<Grant>;
}

/// Why something was not done, for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Who a caller is and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The token's or the user's name, as it stands in the history.
    pub name: String,
    /// What it may: verbs such as `approve`, or `*`.
    pub may: Vec<String>,
}

impl Grant {
    /// Whether it may do this.
    #[must_use]
    pub fn allows(&self, verb: &str) -> bool {
        self.may.iter().any(|right| right == "*" || right == verb)
    }
}
