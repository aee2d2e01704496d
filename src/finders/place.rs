//! Where a certificate can be: what a discovery finds, and keeps as text through a restart.
//! It holds no secret and opens nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::sap::Level;

/// Where a certificate can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In a file.
    File(PathBuf),
    /// At a TLS server.
    Server(Server),
    /// In an entry of a Destination service.
    Entry(Entry),
    /// Where a destination leads, which is nowhere: it names an entry that does not exist.
    Nowhere {
        /// The destination.
        destination: Destination,
        /// The entry that it names.
        entry: String,
    },
}

/// A TLS server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Host name in lower case, or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What the list says of it.
    pub labels: BTreeMap<String, String>,
}

/// An entry of a Destination service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it lives.
    pub level: Level,
    /// Its name.
    pub name: String,
    /// The destinations whose `KeyStoreLocation` names it, as far as they were asked for.
    pub named_by: Vec<Destination>,
}

/// A destination, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Destination {
    /// Where it lives.
    pub level: Level,
    /// Its name.
    pub name: String,
}

impl Entry {
    /// The one destination that leads to it, where a watch can follow it: no other names the entry, and it lives beside it.
    #[must_use]
    pub fn followed(&self) -> Option<&Destination> {
        match self.named_by.as_slice() {
            [only] if only.level == self.level => Some(only),
            _ => None,
        }
    }
}

impl Place {
    /// As text, to be kept.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Plain texts and numbers: there is nothing in it that could not be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From kept text; none where another version wrote something that this one does not know.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(server) => write!(f, "{}", server.address()),
            Self::Entry(entry) => write!(f, "the {} entry {}", entry.level.word(), entry.name),
            Self::Nowhere { destination, entry } => {
                write!(
                    f,
                    "the {} destination {}, which names {entry}",
                    destination.level.word(),
                    destination.name
                )
            }
        }
    }
}

impl Server {
    /// Host and port, as they are written.
    #[must_use]
    pub fn address(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_kept_and_read_again() {
        let destination = Destination { level: Level::Instance, name: "d".to_owned() };
        let labels = [("team".to_owned(), "payroll \"x\"".to_owned())].into();
        for place in [
            Place::File(PathBuf::from("/etc/ssl/a b.pem")),
            Place::Server(Server { host: "::1".to_owned(), port: 443, labels }),
            Place::Entry(Entry {
                level: Level::Subaccount,
                name: "a.pem".to_owned(),
                named_by: vec![destination.clone()],
            }),
            Place::Nowhere { destination, entry: "gone.p12".to_owned() },
        ] {
            assert_eq!(Place::from_text(&place.to_text()), Some(place));
        }
        assert_eq!(Place::from_text("{\"moon\":1}"), None);
    }

    #[test]
    fn a_watch_follows_the_only_destination_that_lives_beside_its_entry() {
        let at = |level, name: &str| Destination { level, name: name.to_owned() };
        let entry = |named_by| Entry { level: Level::Subaccount, name: "a.pem".to_owned(), named_by };
        let beside = at(Level::Subaccount, "d");
        assert_eq!(entry(vec![beside.clone()]).followed(), Some(&beside));
        assert_eq!(entry(vec![at(Level::Instance, "d")]).followed(), None);
        assert_eq!(entry(vec![beside, at(Level::Subaccount, "e")]).followed(), None);
        assert_eq!(entry(Vec::new()).followed(), None);
    }
}
