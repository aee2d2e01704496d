//! The chain of the history: what a row's hash is made of, and whether rows follow from each other.
//! It reads no store and mends nothing.
//!
//! # The encoding
//! A row is one JSON object with the members `actor`, `at`, `facts`, `id`, `kind`, `previous`, `text` and `watch`: exactly what
//! the API and `certsteward history --json` show of it, without `hash`. It is written with its members sorted by name (those
//! of `facts` too), without spaces, in UTF-8, and with only those characters escaped that JSON demands (`"`, `\`, and the control
//! characters below U+0020: `\b` `\t` `\n` `\f` `\r` by their letter, the others as `\u00xx` in small digits). The row's hash
//! is the SHA-256 of these bytes in small hexadecimal digits; `previous` is the hash of the watch's row before it, or empty
//! where the chain begins. So in Python, with an exported event:
//!
//! ```python
//! hash = event.pop("hash")
//! text = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
//! assert hashlib.sha256(text.encode()).hexdigest() == hash
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::domain::certificate::Fingerprint;
use crate::domain::event::{Event, EventKind};
use crate::domain::trail::{Break, Links, Proof, Row};

/// How many breaks are told one by one.
const TOLD: usize = 50;

/// The row that this event becomes.
pub(super) fn row(event: &Event, number: i64, previous: String) -> Row {
    let mut row = Row {
        number,
        watch: event.watch.clone(),
        at: moment(event.at),
        actor: event.actor.to_string(),
        kind: event.kind.code().to_owned(),
        text: event.text.clone(),
        facts: event.facts.clone(),
        previous,
        hash: String::new(),
    };
    row.hash = hash(&row);
    row
}

/// A moment as rows show it.
pub(super) fn moment(at: crate::domain::Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// The hash of a row, by the encoding above.
pub(super) fn hash(row: &Row) -> String {
    let facts: BTreeMap<&str, &str> =
        row.facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let facts: Map<String, Value> =
        facts.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    let members: Map<String, Value> = [
        ("actor", Value::from(row.actor.as_str())),
        ("at", Value::from(row.at.as_str())),
        ("facts", Value::from(facts)),
        ("id", Value::from(row.number)),
        ("kind", Value::from(row.kind.as_str())),
        ("previous", Value::from(row.previous.as_str())),
        ("text", Value::from(row.text.as_str())),
        ("watch", Value::from(row.watch.as_str())),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    Fingerprint::of(Value::from(members).to_string().as_bytes()).hex()
}

/// A check under way: it is shown the rows in the order of their numbers.
pub(super) struct Check {
    chains: BTreeMap<String, Links>,
    /// The number of the row before, where every row is shown; none where only those of one watch are.
    before: Option<i64>,
    wanted: BTreeSet<String>,
    proof: Proof,
}

impl Check {
    /// A check of every row, or of those of one watch, that looks for these kept hashes.
    pub(super) fn new(everything: bool, heads: &[String]) -> Self {
        Self {
            chains: BTreeMap::new(),
            before: everything.then_some(0),
            wanted: heads.iter().cloned().collect(),
            proof: Proof::default(),
        }
    }

    /// The next row.
    pub(super) fn see(&mut self, row: &Row) {
        if let Some(before) = self.before {
            self.gap(before, row.number);
            self.before = Some(row.number);
        }
        if hash(row) != row.hash {
            let text = format!("row {} was changed: what stands in it does not give its hash", row.number);
            self.broken(row, text);
        }
        if let Some(text) = misplaced(row, self.chains.get(&row.watch)) {
            self.broken(row, text);
        }
        if self.wanted.remove(&row.hash) {
            self.proof.found.push((row.hash.clone(), row.number));
        }
        self.follow(row);
    }

    /// What the check showed. `newest` is the number that was given last, where that is known.
    pub(super) fn end(mut self, newest: Option<i64>) -> Proof {
        if let (Some(before), Some(newest)) = (self.before, newest) {
            self.gap(before, newest.saturating_add(1));
        }
        for head in std::mem::take(&mut self.wanted) {
            let text = format!(
                "the kept hash {}… is not in the chain any more: the history was cut or written anew after it was kept, or it is the hash of another store or watch",
                short(&head)
            );
            self.tell(Break { watch: String::new(), row: None, text });
        }
        Proof { chains: self.chains.into_values().collect(), ..self.proof }
    }

    fn gap(&mut self, before: i64, next: i64) {
        let (first, last) = (before.saturating_add(1), next.saturating_sub(1));
        if first > last {
            return;
        }
        let text = if first == last {
            format!("row {first} is missing")
        } else {
            format!("the rows {first} to {last} are missing")
        };
        self.tell(Break { watch: String::new(), row: Some(first), text });
    }

    fn broken(&mut self, row: &Row, text: String) {
        self.tell(Break { watch: row.watch.clone(), row: Some(row.number), text });
    }

    fn tell(&mut self, found: Break) {
        self.proof.broken += 1;
        if self.proof.breaks.len() < TOLD {
            self.proof.breaks.push(found);
        }
    }

    fn follow(&mut self, row: &Row) {
        let chain = self.chains.entry(row.watch.clone()).or_insert_with(|| Links {
            watch: row.watch.clone(),
            rows: 0,
            first: row.number,
            last: row.number,
            last_at: String::new(),
            head: String::new(),
            chained_afterwards: None,
        });
        chain.rows += 1;
        chain.last = row.number;
        chain.last_at.clone_from(&row.at);
        chain.head.clone_from(&row.hash);
        if row.kind == EventKind::Chained.code() {
            chain.chained_afterwards = Some(row.number);
        }
    }
}

/// What is wrong with the place where a row stands in its chain.
fn misplaced(row: &Row, before: Option<&Links>) -> Option<String> {
    let number = row.number;
    match before {
        Some(chain) if chain.head == row.previous => None,
        None if row.previous.is_empty() => None,
        Some(chain) if row.previous.is_empty() => {
            Some(format!("row {number} begins a new chain, though row {} stands before it", chain.last))
        }
        Some(chain) => Some(format!(
            "row {number} does not follow row {}: a row between them is missing, or one of them was changed or moved",
            chain.last
        )),
        None => Some(format!(
            "row {number} is the first there is, but was not the first: rows before it are missing"
        )),
    }
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}
