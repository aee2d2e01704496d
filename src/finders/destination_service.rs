//! The entries of a Destination service, by name, and the destinations that name them.
//! It fetches no entry: neither a certificate nor a key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use glob::Pattern;

use super::place::Destination as Naming;
use super::{Entry, Finder, Found, Place};
use crate::domain::reason::Unseen;
use crate::sap::{Destination, DestinationService, Level};

/// Which entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The connection's name.
    pub connection: String,
    /// Where they live.
    pub levels: Vec<Level>,
    /// Whether destinations are asked for what they name.
    pub destinations: bool,
    /// The destinations that other watches follow: what these name is watched already. Asked for one by one where they are
    /// not listed anyway.
    pub followed: Vec<Naming>,
    exclude: Vec<Pattern>,
}

impl Settings {
    /// The entries of these levels but those whose names these patterns match.
    #[must_use]
    pub fn new(connection: String, levels: Vec<Level>, destinations: bool, exclude: &[String]) -> Self {
        let exclude = exclude.iter().filter_map(|text| Pattern::new(text).ok()).collect();
        Self { connection, levels, destinations, followed: Vec::new(), exclude }
    }

    /// Whether an entry of this name at this level would be found.
    #[must_use]
    pub fn would_find(&self, level: Level, entry: &str) -> bool {
        self.levels.contains(&level) && !self.exclude.iter().any(|pattern| pattern.matches(entry))
    }
}

/// The entries of a Destination service.
pub struct Entries {
    service: Arc<DestinationService>,
    settings: Settings,
}

/// What the service was seen to hold.
struct Seen {
    entries: BTreeMap<Level, BTreeSet<String>>,
    /// Destinations and the entries that they name.
    naming: Vec<(Naming, String)>,
    /// Those of them that callers use with the entry alone, so that it must be there.
    needed: BTreeSet<Naming>,
}

impl Entries {
    /// Asks nothing yet.
    #[must_use]
    pub const fn new(service: Arc<DestinationService>, settings: Settings) -> Self {
        Self { service, settings }
    }

    /// All of it or nothing: an entry without those that name it would be watched otherwise than it is.
    async fn look(&self) -> Result<Seen, Unseen> {
        let mut seen = Seen { entries: BTreeMap::new(), naming: Vec::new(), needed: BTreeSet::new() };
        for level in Level::ALL {
            // What an instance's destination names is looked for there and then in the subaccount.
            if self.settings.destinations || self.settings.levels.contains(&level) {
                seen.entries.insert(level, self.service.list_names(level).await?.into_iter().collect());
            }
        }
        if self.settings.destinations {
            for level in Level::ALL {
                for destination in self.service.destinations(level).await? {
                    seen.note(level, &destination);
                }
            }
        } else {
            for Naming { level, name } in &self.settings.followed {
                if let Some(destination) = self.service.destination(*level, name).await? {
                    seen.note(*level, &destination);
                }
            }
        }
        Ok(seen)
    }
}

impl Seen {
    fn note(&mut self, level: Level, destination: &Destination) {
        let Some(entry) = destination.keystore_location().filter(|_| !destination.is_client_provided())
        else {
            return;
        };
        let naming = Naming { level, name: destination.name().to_owned() };
        if destination.facts().authentication.as_deref() == Some("ClientCertificateAuthentication") {
            self.needed.insert(naming.clone());
        }
        self.naming.push((naming, entry.to_owned()));
    }

    /// Where the entry lives that a destination of this level names; none where there is none.
    fn home(&self, level: Level, entry: &str) -> Option<Level> {
        let candidates: &[Level] = match level {
            Level::Instance => &[Level::Instance, Level::Subaccount],
            Level::Subaccount => &[Level::Subaccount],
        };
        let holds = |level: &&Level| self.entries.get(level).is_some_and(|names| names.contains(entry));
        candidates.iter().find(holds).copied()
    }

    fn places(&self, settings: &Settings) -> Vec<Place> {
        let mut named: BTreeMap<(Level, &str), Vec<Naming>> = BTreeMap::new();
        let mut nowhere = Vec::new();
        for (destination, entry) in &self.naming {
            match self.home(destination.level, entry) {
                Some(home) => named.entry((home, entry.as_str())).or_default().push(destination.clone()),
                None if self.needed.contains(destination) && settings.destinations => {
                    nowhere.push((destination.clone(), entry.clone()));
                }
                None => {}
            }
        }
        let all = self.entries.iter().flat_map(|(level, names)| names.iter().map(|name| (*level, name)));
        let found = all.filter(|(level, name)| settings.would_find(*level, name)).map(|(level, name)| {
            let mut named_by = named.remove(&(level, name.as_str())).unwrap_or_default();
            named_by.sort();
            Place::Entry(Entry { level, name: name.clone(), named_by })
        });
        let mut places: Vec<Place> = found.collect();
        nowhere.sort();
        let nowhere = nowhere.into_iter().filter(|(from, entry)| settings.would_find(from.level, entry));
        places.extend(nowhere.map(|(destination, entry)| Place::Nowhere { destination, entry }));
        places
    }
}

#[async_trait::async_trait]
impl Finder for Entries {
    async fn find(&self) -> Found {
        match self.look().await {
            Ok(seen) => Found { places: seen.places(&self.settings), ..Found::default() },
            Err(why) => Found::nothing(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(level: Level, name: &str) -> Naming {
        Naming { level, name: name.to_owned() }
    }

    fn seen(naming: &[(Naming, &str)]) -> Seen {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Seen {
            entries: [
                (Level::Subaccount, names(&["a.pem", "both.pem", "old-test.pem"])),
                (Level::Instance, names(&["both.pem"])),
            ]
            .into(),
            naming: naming.iter().map(|(naming, entry)| (naming.clone(), (*entry).to_owned())).collect(),
            needed: naming.iter().map(|(naming, _)| naming.clone()).collect(),
        }
    }

    fn shown(levels: &[Level], naming: &[(Naming, &str)]) -> Vec<String> {
        let exclude = ["*-test.pem".to_owned()];
        let settings = Settings::new("btp".to_owned(), levels.to_vec(), true, &exclude);
        let show = |place: &Place| match place {
            Place::Entry(entry) => {
                let by: Vec<&str> = entry.named_by.iter().map(|naming| naming.name.as_str()).collect();
                format!("{} {} by {by:?}", entry.level.word(), entry.name)
            }
            Place::File(_) | Place::Server(_) | Place::Nowhere { .. } => place.to_string(),
        };
        seen(naming).places(&settings).iter().map(show).collect()
    }

    #[test]
    fn an_instance_s_destination_names_its_own_entry_and_else_the_subaccount_s() {
        let naming = [
            (at(Level::Instance, "own"), "both.pem"),
            (at(Level::Instance, "far"), "a.pem"),
            (at(Level::Subaccount, "sub"), "both.pem"),
        ];
        let found = shown(&Level::ALL, &naming);
        assert_eq!(
            found,
            [
                "subaccount a.pem by [\"far\"]",
                "subaccount both.pem by [\"sub\"]",
                "instance both.pem by [\"own\"]"
            ]
        );
        assert_eq!(shown(&[Level::Instance], &naming), ["instance both.pem by [\"own\"]"]);
    }

    #[test]
    fn a_destination_that_leads_nowhere_is_a_place_of_its_own() {
        let naming =
            [(at(Level::Subaccount, "lost"), "gone.p12"), (at(Level::Subaccount, "t"), "x-test.pem")];
        let found = shown(&[Level::Subaccount], &naming);
        assert_eq!(found.last().unwrap(), "the subaccount destination lost, which names gone.p12");
        assert!(!found.iter().any(|place| place.contains("x-test.pem")), "{found:?}");
    }
}
