//! A first configuration, written from what a Destination service shows: what is used is watched, what cannot be known is asked.
//! It asks nobody and judges nothing; what is wrong there already is handed in.

mod page;
mod plan;
mod text;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::domain::Timestamp;
use crate::domain::chain::Chain;
use crate::domain::finding::{self, Finding};
use crate::domain::reason::Unseen;
use crate::domain::report::DestinationFacts;
use crate::net;
use crate::sap::Level;
use crate::secret::SecretRef;

/// What a Destination service shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Survey {
    /// Its entries.
    pub entries: Vec<SeenEntry>,
    /// Its destinations.
    pub destinations: Vec<SeenDestination>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenEntry {
    /// Where it lives.
    pub level: Level,
    /// Its name.
    pub name: String,
    /// Its public side.
    pub shows: Shows,
}

/// What an entry shows without its key.
#[derive(Debug, Clone, PartialEq)]
pub enum Shows {
    /// Its chain, and parts that could not be read.
    Chain(Box<Chain>, Vec<Unseen>),
    /// Nothing, because a password protects it.
    Nothing,
    /// It could not be seen.
    Unseen(Unseen),
}

/// One destination, without anything secret.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenDestination {
    /// Where it lives.
    pub level: Level,
    /// What it says.
    pub facts: DestinationFacts,
    /// Whether whoever uses it brings the keystore along.
    pub client_provided: bool,
    /// What else of it names an entry: the property, and the entry.
    pub others: Vec<(String, String)>,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// The connection's name.
    pub connection: String,
    /// Where its service key is.
    pub service_key: SecretRef,
    /// The levels that were asked for.
    pub levels: Vec<Level>,
    /// The API and the company, where a destination does not say its own.
    pub tenant: Option<(String, String)>,
    /// How the systems are reached.
    pub net: net::Settings,
    /// Where the file will stand, as far as that is known: paths are written from there.
    pub folder: Option<PathBuf>,
    /// Whether state and socket are kept beside the file.
    pub beside: bool,
    /// What their names begin with.
    pub stem: String,
    /// What is watched already: its destinations and entries.
    pub watched: Watched,
    /// The moment.
    pub now: Timestamp,
}

/// What is watched already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watched {
    /// The destinations that are followed.
    pub destinations: BTreeSet<(Level, String)>,
    /// The entries that are watched by their name.
    pub entries: BTreeSet<(Level, String)>,
}

/// Something that is wrong there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The watch that shows it.
    pub watch: String,
    /// What it is.
    pub finding: Finding,
}

/// A written configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drafted {
    /// Its text.
    pub text: String,
    /// How many watches it has.
    pub watches: usize,
    /// How many entries are left to a discovery, which is written and switched off.
    pub unnamed: usize,
    /// How many destinations and entries are watched already.
    pub watched: usize,
    /// How much is told at its head as wrong; what is only worth knowing is not counted.
    pub wrong: usize,
}

/// Writes it; `wrong` is told at its head, the most serious first.
#[must_use]
pub fn write(survey: &Survey, wish: &Wish, wrong: &[Wrong]) -> Drafted {
    let plan = plan::plan(survey, wish);
    Drafted {
        text: text::whole(survey, wish, &plan, wrong),
        watches: plan.watches.len(),
        unnamed: plan.unnamed.len(),
        watched: plan.watched,
        wrong: wrong.iter().filter(|each| each.finding.level >= finding::Level::Warning).count()
            + plan.odd_companies().len(),
    }
}

/// The entry that a destination of this level leads to: an instance's own first, then the subaccount's.
#[must_use]
pub fn led_to<'s>(survey: &'s Survey, level: Level, entry: &str) -> Option<&'s SeenEntry> {
    let at = |level| survey.entries.iter().find(|seen| seen.level == level && seen.name == entry);
    match level {
        Level::Instance => at(Level::Instance).or_else(|| at(Level::Subaccount)),
        Level::Subaccount => at(Level::Subaccount),
    }
}

#[cfg(test)]
mod tests;
