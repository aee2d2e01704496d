//! The history as it is kept: rows that follow from each other, and what a check of them showed.
//! It computes no hash and reads no store; the journal does.

/// One event as the history keeps it. The rows of one watch are a chain: each has the hash of the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number: the events of a store are counted without a gap, whatever watch they are of.
    pub number: i64,
    /// The watch's id; empty for the daemon's own.
    pub watch: String,
    /// When, as RFC 3339 in UTC.
    pub at: String,
    /// Who or what.
    pub actor: String,
    /// The code of its kind; it may be one that only a newer version knows.
    pub kind: String,
    /// One sentence without a full stop.
    pub text: String,
    /// Facts beside it.
    pub facts: Vec<(String, String)>,
    /// The hash of the row before it of the same watch; empty where the chain begins.
    pub previous: String,
    /// The hash over all of that, in hexadecimal digits.
    pub hash: String,
}

/// The chain of one watch, as far as it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// The watch's id; empty for the daemon's own.
    pub watch: String,
    /// How many rows it has.
    pub rows: u64,
    /// The number of its first row.
    pub first: i64,
    /// The number of its newest row.
    pub last: i64,
    /// When the newest row was written.
    pub last_at: String,
    /// The hash of its newest row: kept elsewhere, it proves later that nothing up to there was changed.
    pub head: String,
    /// The row that says that all rows before it were chained only when certsteward was brought up to date.
    pub chained_afterwards: Option<i64>,
}

/// A place where the history is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The watch's id; empty for the daemon's own, or where it is not known whose row it was.
    pub watch: String,
    /// The row, where it is one.
    pub row: Option<i64>,
    /// What is wrong.
    pub text: String,
}

/// What a check of the history showed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proof {
    /// The chains, by watch.
    pub chains: Vec<Links>,
    /// Where the history is not what was written: the first ones, in order.
    pub breaks: Vec<Break>,
    /// How many there are in all.
    pub broken: u64,
    /// The kept hashes that were found, each with the row it is of.
    pub found: Vec<(String, i64)>,
}

impl Proof {
    /// Whether everything that was checked is what was written.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.broken == 0
    }
}

/// What to do about a break, for a person.
pub const WAY_OUT: &str = "keep a copy of the store as evidence, compare it with a backup or an earlier export (certsteward history --all --json), and find out who could write the file; certsteward goes on and adds to the chain as it stands";
