//! What the discoveries of a configuration have found, and which watches that makes.
//! It looks at nothing and writes nothing down; who lets a discovery look hands in what it found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::origin::Origin;
use crate::config::{Config, Discovery, FinderConfig, SourceConfig, WatchConfig};
use crate::domain::Timestamp;
use crate::domain::lifecycle::own_names;
use crate::domain::reason::Unseen;
use crate::domain::record::Record;
use crate::domain::snapshot::{Discoveries as DiscoveryViews, DiscoveryView};
use crate::finders::{Entry, Found, Place};
use crate::net::Address;
use crate::sap::Level;
use crate::sources::destination_service::Entry as Named;

/// What every discovery has found, by its name.
#[derive(Default)]
pub(super) struct Discoveries(BTreeMap<String, Known>);

/// What one discovery has found.
#[derive(Default)]
struct Known {
    /// The places, by the id of their watch.
    places: BTreeMap<String, Arc<Place>>,
    /// Whether it has looked since it is configured as it is.
    looked: bool,
    /// When it last could look everywhere.
    seen_at: Option<Timestamp>,
    /// Since when it cannot look everywhere, and why.
    unseen: Option<(Timestamp, Vec<Unseen>)>,
    /// In how many looks it could not.
    blind_total: u64,
    /// What is listed and is no place for a certificate.
    left_out: Vec<String>,
    /// Until when what it found holds by the word of whoever listed it.
    holds_until: Option<Timestamp>,
}

/// What a look changed.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Turn {
    /// Places that are new, or of which something else is said, by id.
    pub(super) kept: Vec<(String, Arc<Place>)>,
    /// Ids of places that are gone.
    pub(super) gone: Vec<String>,
    /// Since when it could not look everywhere, where it can again.
    pub(super) sees_again: bool,
    /// Why it cannot look everywhere, where that is new.
    pub(super) went_blind: Vec<Unseen>,
    /// What is left out, where that is new.
    pub(super) left_out: Vec<String>,
}

impl Turn {
    /// Whether the places are as they were.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.gone.is_empty()
    }
}

/// Who has which entries of a Destination service already.
#[derive(Default)]
pub(super) struct Owners {
    /// The watch that an entry belongs to, by connection, level and name.
    owned: BTreeMap<(String, Level, String), String>,
    /// The entry that a watch of certsteward's own renewing has moved on to.
    current: BTreeMap<String, String>,
}

impl Owners {
    /// What these watches have, by what their records know.
    pub(super) fn of<'a>(watches: impl Iterator<Item = (&'a WatchConfig, Option<&'a Record>)>) -> Self {
        let mut owners = Self::default();
        for (config, record) in watches {
            let SourceConfig::DestinationService(source) = &config.source else { continue };
            let id = &config.watch.id;
            let mut own = |name: String| {
                let place = (source.connection.clone(), source.level, name);
                owners.owned.entry(place).or_insert_with(|| id.clone());
            };
            if let Named::Certificate(name) = &source.entry {
                own(name.clone());
            }
            let Some(record) = record else { continue };
            own_names(record).into_iter().for_each(own);
            let moved = record.in_force.as_ref().filter(|standing| standing.ours || standing.held);
            if let Some(name) = moved.and_then(|standing| standing.name.clone()) {
                owners.current.insert(id.clone(), name);
            }
        }
        owners
    }

    fn owner(&self, connection: &str, entry: &Entry) -> Option<&String> {
        self.owned.get(&(connection.to_owned(), entry.level, entry.name.clone()))
    }
}

impl Discoveries {
    /// What was found before this start.
    pub(super) fn restored(kept: BTreeMap<String, BTreeMap<String, String>>) -> Self {
        let known = |places: BTreeMap<String, String>| Known {
            places: places
                .into_iter()
                .filter_map(|(id, text)| Some((id, Arc::new(Place::from_text(&text)?))))
                .collect(),
            ..Known::default()
        };
        Self(kept.into_iter().map(|(id, places)| (id, known(places))).collect())
    }

    /// Takes over another configuration: what a discovery of it cannot find is forgotten, and each looks anew. Returns what
    /// changed, by discovery.
    pub(super) fn adopt(&mut self, config: &Config) -> Vec<(String, Turn)> {
        let mut before = std::mem::take(&mut self.0);
        let mut turns = Vec::new();
        for discovery in &config.discoveries {
            let known = before.remove(&discovery.id).unwrap_or_default();
            let (known, turn) = readopted(discovery, known);
            self.0.insert(discovery.id.clone(), known);
            turns.push((discovery.id.clone(), turn));
        }
        let forgotten = |(id, known): (String, Known)| {
            (id, Turn { gone: known.places.into_keys().collect(), ..Turn::default() })
        };
        turns.extend(before.into_iter().map(forgotten));
        turns.retain(|(_, turn)| !turn.is_empty());
        turns
    }

    /// Whether this discovery should look at this moment: what it found may hold for longer.
    pub(super) fn may_look(&self, id: &str, now: Timestamp) -> bool {
        let holds = |known: &Known| known.looked && known.holds_until.is_some_and(|until| now < until);
        !self.0.get(id).is_some_and(holds)
    }

    /// When a discovery looks next by itself, because what it found holds until then.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|known| known.holds_until).min()
    }

    /// Those that are to look by themselves at this moment.
    pub(super) fn due(&self, now: Timestamp) -> Vec<String> {
        let is_due = |known: &Known| known.holds_until.is_some_and(|until| until <= now);
        self.0.iter().filter(|(_, known)| is_due(known)).map(|(id, _)| id.clone()).collect()
    }

    /// A discovery begins to look.
    pub(super) fn begins(&mut self, id: &str) {
        if let Some(known) = self.0.get_mut(id) {
            known.holds_until = None;
        }
    }

    /// Since when it cannot look everywhere, and why.
    pub(super) fn blind_since(&self, id: &str) -> Option<(Timestamp, Vec<Unseen>)> {
        self.0.get(id)?.unseen.clone()
    }

    /// Whether every discovery has looked since it is configured as it is.
    pub(super) fn have_looked(&self) -> bool {
        self.0.values().all(|known| known.looked)
    }

    /// Whether every discovery has looked, and could look everywhere: then what is not found is not there.
    pub(super) fn see_everything(&self) -> bool {
        self.0.values().all(|known| known.looked && known.unseen.is_none())
    }

    /// Whether anything was found whose owner must be known exactly.
    pub(super) fn is_news(&self, id: &str, found: &Found) -> bool {
        let Some(known) = self.0.get(id) else { return true };
        let names: BTreeSet<(Level, &str)> =
            known.places.values().filter_map(|place| entry_of(place)).collect();
        found.places.iter().filter_map(entry_of).any(|entry| !names.contains(&entry))
    }

    /// Takes what a discovery found.
    pub(super) fn absorb(
        &mut self,
        discovery: &Discovery,
        found: Found,
        owners: &Owners,
        now: Timestamp,
    ) -> Turn {
        let known = self.0.entry(discovery.id.clone()).or_default();
        let unseen = fewer(found.unseen);
        let blind = !unseen.is_empty();
        let mut next = placed(discovery, &known.places, found.places, owners);
        if blind {
            for (id, place) in known.places.iter().filter(|(_, place)| discovery.may_find(place)) {
                next.entry(id.clone()).or_insert_with(|| Arc::clone(place));
            }
        }
        let mut turn = changes(&known.places, &next);
        known.places = next;
        known.looked = true;
        known.holds_until = found
            .holds_for
            .and_then(|span| chrono::Duration::from_std(span).ok())
            .and_then(|span| now.checked_add_signed(span.clamp(SOONEST, LATEST)));
        if found.left_out != known.left_out {
            turn.left_out.clone_from(&found.left_out);
            known.left_out = found.left_out;
        }
        if blind {
            known.blind_total += 1;
            let (since, before) = known.unseen.take().unwrap_or((now, Vec::new()));
            if reasons(&before) != reasons(&unseen) {
                turn.went_blind.clone_from(&unseen);
            }
            known.unseen = Some((since, unseen));
        } else {
            turn.sees_again = known.unseen.take().is_some();
            known.seen_at = Some(now);
        }
        turn
    }

    /// The watches there are: those written out, then the discovered ones. A place that is watched already is not watched
    /// again, and an id that belongs to another watch is not taken from it.
    pub(super) fn watches(&self, config: &Config) -> Vec<(String, Origin)> {
        let mut ids: BTreeSet<&str> = config.watches.iter().map(|watch| watch.watch.id.as_str()).collect();
        let mut other_ids: BTreeSet<String> = BTreeSet::new();
        let mut taken: BTreeSet<Spot> = config.watches.iter().filter_map(spot_of_watch).collect();
        let followed: BTreeSet<Spot> =
            taken.iter().filter(|spot| matches!(spot, Spot::Destination(..))).cloned().collect();
        let written = config.watches.iter().enumerate();
        let mut all: Vec<_> =
            written.map(|(index, watch)| (watch.watch.id.clone(), Origin::Written(index))).collect();
        for (index, discovery) in config.discoveries.iter().enumerate() {
            let places = self.0.get(&discovery.id).into_iter().flat_map(|known| &known.places);
            for (id, place) in places.filter(|(_, place)| discovery.may_find(place)) {
                let is_followed = led_by(discovery, place).any(|spot| followed.contains(&spot));
                if is_followed || !taken.insert(spot(discovery, place)) {
                    continue;
                }
                let origin = Origin::Found(index, Arc::clone(place));
                if !other_ids.contains(id) && ids.insert(id) {
                    all.push((id.clone(), origin));
                    continue;
                }
                let other = discovery.other_id_of(place);
                if !ids.contains(other.as_str()) && other_ids.insert(other.clone()) {
                    all.push((other, origin));
                }
            }
        }
        all
    }

    /// How each of them is, for people and metrics.
    pub(super) fn views<'a>(
        &self,
        config: &Config,
        found_by: impl Iterator<Item = &'a str>,
    ) -> DiscoveryViews {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for id in found_by {
            *counts.entry(id).or_default() += 1;
        }
        let view = |discovery: &Discovery| {
            let known = self.0.get(&discovery.id);
            let unseen = known.and_then(|known| known.unseen.as_ref());
            DiscoveryView {
                kind: discovery.finder.word().to_owned(),
                source_kind: discovery.source_kind().to_owned(),
                watches: counts.get(discovery.id.as_str()).copied().unwrap_or_default(),
                looked: known.is_some_and(|known| known.looked),
                seen_at: known.and_then(|known| known.seen_at),
                unseen: unseen.map(|(since, why)| (*since, why.clone())),
                blind_total: known.map(|known| known.blind_total).unwrap_or_default(),
                left_out: known.map(|known| shortened(&known.left_out)).unwrap_or_default(),
            }
        };
        config.discoveries.iter().map(|discovery| (discovery.id.as_str().into(), view(discovery))).collect()
    }

    /// What could not be looked into, by discovery.
    pub(super) fn blind(&self) -> Vec<(String, Unseen)> {
        let each = |(id, known): (&String, &Known)| -> Vec<(String, Unseen)> {
            let why = known.unseen.iter().flat_map(|(_, why)| why.iter().cloned());
            why.map(|why| (id.clone(), why)).collect()
        };
        self.0.iter().flat_map(each).collect()
    }
}

/// What is listed holds for so long at least: a list that is made anew at each question must not be asked without end.
const SOONEST: chrono::Duration = chrono::Duration::seconds(30);
/// And at most, whatever whoever listed it says.
const LATEST: chrono::Duration = chrono::Duration::days(1);

/// How much of what is left out is shown.
const SHOWN: usize = 20;
/// How many places that could not be looked into are named.
const NAMED: usize = 5;

/// A configured discovery with what was known of the one with its name.
fn readopted(discovery: &Discovery, known: Known) -> (Known, Turn) {
    let mut next = BTreeMap::new();
    for (id, place) in known.places.iter().filter(|(_, place)| discovery.may_find(place)) {
        let id = if discovery.keeps_id(id, place) { id.clone() } else { discovery.id_of(place) };
        next.entry(id).or_insert_with(|| Arc::clone(place));
    }
    let turn = changes(&known.places, &next);
    (Known { places: next, looked: false, holds_until: None, ..known }, turn)
}

fn changes(before: &BTreeMap<String, Arc<Place>>, next: &BTreeMap<String, Arc<Place>>) -> Turn {
    let kept = next.iter().filter(|(id, place)| before.get(*id) != Some(*place));
    Turn {
        kept: kept.map(|(id, place)| (id.clone(), Arc::clone(place))).collect(),
        gone: before.keys().filter(|id| !next.contains_key(*id)).cloned().collect(),
        ..Turn::default()
    }
}

/// Every place with the id of its watch. An entry that a watch has moved on to stays that watch's, whatever its name.
fn placed(
    discovery: &Discovery,
    before: &BTreeMap<String, Arc<Place>>,
    found: Vec<Place>,
    owners: &Owners,
) -> BTreeMap<String, Arc<Place>> {
    let mut next = BTreeMap::new();
    let (entries, others): (Vec<Place>, Vec<Place>) =
        found.into_iter().partition(|place| matches!(place, Place::Entry(_)));
    for place in others {
        next.entry(discovery.id_of(&place)).or_insert_with(|| Arc::new(place));
    }
    let entries = entries.into_iter().filter_map(|place| match place {
        Place::Entry(entry) => Some(((entry.level, entry.name.clone()), entry)),
        Place::File(_) | Place::Server(_) | Place::Nowhere { .. } => None,
    });
    let mut listed: BTreeMap<(Level, String), Entry> = entries.collect();
    for (id, place) in before {
        let Place::Entry(known) = &**place else { continue };
        let moved = owners.current.get(id).map(|name| (known.level, name.clone()));
        let entry = moved.and_then(|place| listed.remove(&place));
        let entry = entry.or_else(|| listed.remove(&(known.level, known.name.clone())));
        if let Some(entry) = entry {
            next.insert(id.clone(), Arc::new(Place::Entry(entry)));
        }
    }
    for entry in listed.into_values() {
        if owners.owner(connection_of(discovery), &entry).is_some() {
            continue;
        }
        let place = Place::Entry(entry);
        let id = discovery.id_of(&place);
        let id = if next.contains_key(&id) { discovery.other_id_of(&place) } else { id };
        next.entry(id).or_insert_with(|| Arc::new(place));
    }
    next
}

/// The first few, and how many more there are.
fn shortened(texts: &[String]) -> Vec<String> {
    let more = texts.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("and {more} more"));
    texts.iter().take(SHOWN).cloned().chain(more).collect()
}

/// Each said once, and of many the first: a whole tree may be unreadable.
fn fewer(unseen: Vec<Unseen>) -> Vec<Unseen> {
    let mut said = BTreeSet::new();
    let mut each = unseen.into_iter().filter(|why| said.insert(why.text.clone()));
    let mut few: Vec<Unseen> = each.by_ref().take(NAMED).collect();
    if let Some(next) = each.next() {
        let more = each.count() + 1;
        few.push(Unseen::new(next.reason, format!("and {more} more")));
    }
    few
}

fn reasons(unseen: &[Unseen]) -> BTreeSet<crate::domain::reason::Reason> {
    unseen.iter().map(|why| why.reason).collect()
}

fn entry_of(place: &Place) -> Option<(Level, &str)> {
    match place {
        Place::Entry(entry) => Some((entry.level, &entry.name)),
        Place::File(_) | Place::Server(_) | Place::Nowhere { .. } => None,
    }
}

fn connection_of(discovery: &Discovery) -> &str {
    match &discovery.finder {
        FinderConfig::DestinationService(settings) => &settings.connection,
        FinderConfig::File(_) | FinderConfig::FileSd(_) | FinderConfig::HttpSd(_) => "",
    }
}

/// What is watched once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Spot {
    File(PathBuf),
    Server(String, u16),
    Entry(String, Level, String),
    Destination(String, Level, String),
}

fn spot(discovery: &Discovery, place: &Place) -> Spot {
    let connection = connection_of(discovery).to_owned();
    match place {
        Place::File(path) => Spot::File(path.clone()),
        Place::Server(server) => Spot::Server(server.host.clone(), server.port),
        Place::Entry(entry) => Spot::Entry(connection, entry.level, entry.name.clone()),
        Place::Nowhere { destination, .. } => {
            Spot::Destination(connection, destination.level, destination.name.clone())
        }
    }
}

/// The destinations that lead to a place.
fn led_by<'a>(discovery: &'a Discovery, place: &'a Place) -> impl Iterator<Item = Spot> + 'a {
    let named_by = match place {
        Place::Entry(entry) => entry.named_by.as_slice(),
        Place::File(_) | Place::Server(_) | Place::Nowhere { .. } => &[],
    };
    let connection = connection_of(discovery);
    named_by.iter().map(|by| Spot::Destination(connection.to_owned(), by.level, by.name.clone()))
}

fn spot_of_watch(watch: &WatchConfig) -> Option<Spot> {
    Some(match &watch.source {
        SourceConfig::File(settings) => Spot::File(settings.path.clone()),
        SourceConfig::Tls(settings) => match &settings.address {
            Address::Host { host, port } => Spot::Server(host.to_ascii_lowercase(), *port),
            Address::Unix(_) => return None,
        },
        SourceConfig::Url(_) | SourceConfig::ServiceKey(_) => return None,
        SourceConfig::DestinationService(settings) => {
            let connection = settings.connection.clone();
            match &settings.entry {
                Named::Certificate(name) => Spot::Entry(connection, settings.level, name.clone()),
                Named::Destination(name) => Spot::Destination(connection, settings.level, name.clone()),
            }
        }
    })
}

#[cfg(test)]
mod tests;
