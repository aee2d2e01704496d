//! The second reading: sections become the plain values of [`super::settings`]; names that point nowhere are told.
//! It checks no form; the first reading did.

mod discover;
mod module;
mod parts;
mod people;
mod watch;

pub(super) use parts::Served;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::catalogue::ROOT;
use super::document::{Node, Place, Table, Value};
use super::problem::Ledger;
use super::rules::Closed;
use super::section::Section;
use super::settings::{Config, Connection, Daemon, Log, LogFormat, LogLevel, State, Tls, WatchConfig};
use super::{catalogue, shape};
use crate::domain::window::Freeze;
use crate::{net, sap};

/// What watches may name.
pub(super) struct Named {
    /// Connections that could be read.
    connections: BTreeMap<String, Connection>,
    /// Every connection's type by its name, also of those that could not be read.
    types: BTreeMap<String, String>,
    /// Where the whole file's policy stands.
    pub(super) policy: Option<Place>,
    /// Where the hold stands in it.
    pub(super) hold: Option<Place>,
    /// Every notifier's id.
    notifiers: Vec<String>,
    /// Days in which nothing that can hurt is done.
    pub(super) freezes: Vec<Freeze>,
    /// What each window leaves closed, found once for all watches that share it.
    pub(super) closed: RefCell<BTreeMap<Option<String>, Closed>>,
    /// Whether every file could be read, so that a name that is not known is a mistake.
    whole: bool,
}

/// Builds the configuration; what could not be built was told to the ledger.
pub(super) fn read(root: &Table, whole: bool, ledger: &mut Ledger) -> Option<Config> {
    let section = Section::open(root, &ROOT, "")?;
    let daemon = daemon(root, ledger)?;
    let tokens = people::tokens(root, ledger);
    guard_listener(&daemon, !tokens.is_empty(), root, ledger);
    let named = Named {
        connections: connections(root, ledger),
        types: types(root),
        policy: root.value("policy").map(|node| node.place),
        hold: root
            .value("policy")
            .and_then(Node::table)
            .and_then(|own| own.value("hold"))
            .map(|node| node.place),
        notifiers: ids(root, "notifier"),
        freezes: freezes(&section, ledger),
        closed: RefCell::default(),
        whole,
    };
    let notifiers = people::notifiers(&section, &daemon, ledger);
    let modules = module::modules(root, ledger);
    unique(root, "watch", "", ledger);
    unique(root, "notifier", "", ledger);
    unique(root, "discover", "", ledger);
    let watches = watches(&section, &named, ledger);
    let mut discoveries = discover::discoveries(&section, &named, ledger);
    discover::note_followed(&watches, &mut discoveries);
    Some(Config {
        watches,
        discoveries,
        daemon,
        tokens,
        notifiers,
        modules,
        freezes: named.freezes,
        connections: named.connections,
        files: Vec::new(),
        effective: String::new(),
    })
}

fn watches(section: &Section<'_>, named: &Named, ledger: &mut Ledger) -> Vec<WatchConfig> {
    section.each("watch").iter().filter_map(|section| watch::watch(section, named, ledger)).collect()
}

/// The shape of the tables under a key of the whole file.
fn inner_shape(key: &str) -> Option<&'static catalogue::Shape> {
    let catalogue::Shape::One(keys) = &ROOT else { return None };
    catalogue::inner(keys.find(key)?.form)
}

fn daemon(root: &Table, ledger: &mut Ledger) -> Option<Daemon> {
    let empty = Table { place: root.place, entries: Vec::new() };
    let table = root.value("daemon").and_then(Node::table).unwrap_or(&empty);
    let section = Section::open(table, inner_shape("daemon")?, "daemon")?;
    let log = section.child("log", &empty)?;
    Some(Daemon {
        listen: section.text("listen")?.parse().ok()?,
        tls: section.child("tls", &empty).and_then(|tls| {
            Some(Tls { certificate: tls.file("certificate", ledger)?, key: tls.secret("key", ledger)? })
        }),
        public_url: section.text("public_url").map(|url| without_slash(&url)),
        socket: section.path_of("socket", ledger)?,
        state: State::Sqlite(state(&section, ledger)?),
        check: section.text("check")?,
        log: Log {
            format: if log.word("format") == "json" { LogFormat::Json } else { LogFormat::Text },
            level: LogLevel::from_code(&log.word("level"))?,
        },
        templates: section.path_of("templates", ledger),
        connections: connections_at_once(&section, ledger),
        shutdown: section.limit("shutdown"),
        probe_targets: section.has("probe_targets").then(|| section.host_patterns("probe_targets")),
    })
}

/// A lookup of a name cannot be cancelled and takes a thread, so there is an end to how many connections can begin at once.
const MOST_CONNECTIONS: usize = 256;

fn connections_at_once(section: &Section<'_>, ledger: &mut Ledger) -> net::Limits {
    let count = |key| section.count(key).and_then(|count| usize::try_from(count).ok()).unwrap_or(1);
    let limits = net::Limits { whole: count("connections_at_once"), per_lane: count("connections_per_host") };
    if limits.whole > MOST_CONNECTIONS {
        let text = format!("{} is too many; give at most {MOST_CONNECTIONS}", limits.whole);
        section.say("connections_at_once", text, ledger);
    }
    if limits.per_lane > limits.whole {
        let text = format!(
            "{} to one host are more than there may be at all; give at most connections_at_once, which is {}",
            limits.per_lane, limits.whole
        );
        section.say("connections_per_host", text, ledger);
    }
    limits
}

/// The path in `sqlite:PATH` or in a table.
fn state(section: &Section<'_>, ledger: &Ledger) -> Option<PathBuf> {
    if let Some(table) = section.table.value("state").and_then(Node::table) {
        let node = table.value("path")?;
        return Some(shape::resolve(node.text()?, node.place, ledger));
    }
    let text = section.text("state")?;
    Some(shape::resolve(text.strip_prefix("sqlite:").unwrap_or(&text), section.place("state"), ledger))
}

fn without_slash(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

fn guard_listener(daemon: &Daemon, tokens: bool, root: &Table, ledger: &mut Ledger) {
    let tls = root.value("daemon").and_then(Node::table).is_some_and(|table| table.value("tls").is_some());
    if daemon.listen.ip().is_loopback() || tls || !tokens {
        return;
    }
    let place = root
        .value("daemon")
        .and_then(Node::table)
        .and_then(|table| table.value("listen"))
        .map_or(root.place, |node| node.place);
    let text = format!(
        "\"{}\" is open to other hosts, and tokens would cross the network in clear; add daemon.tls, or listen on 127.0.0.1",
        daemon.listen
    );
    ledger.say(place, "daemon.listen", text);
}

fn connections(root: &Table, ledger: &Ledger) -> BTreeMap<String, Connection> {
    let Some(shape) = inner_shape("connections") else { return BTreeMap::new() };
    let entries = root.value("connections").and_then(Node::table).map(|table| table.entries.as_slice());
    let one = |name: &str, table: &Table| {
        let section = Section::open(table, shape, shape::join("connections", name))?;
        let net = section.net(ledger);
        match section.kind() {
            "destination-service" => Some(Connection::DestinationService(sap::ConnectionSettings {
                name: name.to_owned(),
                service_key: section.secret("service_key", ledger)?,
                net,
            })),
            _ => Some(Connection::SuccessFactors {
                api: without_slash(&section.text("api")?),
                company_id: section.text("company_id")?,
                net,
            }),
        }
    };
    let found = entries.unwrap_or_default().iter();
    found.filter_map(|entry| Some((entry.key.clone(), one(&entry.key, entry.node.table()?)?))).collect()
}

fn types(root: &Table) -> BTreeMap<String, String> {
    let table = root.value("connections").and_then(Node::table);
    let entries = table.map(|table| table.entries.as_slice()).unwrap_or_default().iter();
    entries
        .map(|entry| {
            let kind = entry.node.table().and_then(|table| table.text("type")).unwrap_or_default();
            (entry.key.clone(), kind.to_owned())
        })
        .collect()
}

fn ids(table: &Table, key: &str) -> Vec<String> {
    table.tables(key).iter().filter_map(|table| table.text("id").map(ToOwned::to_owned)).collect()
}

fn freezes(section: &Section<'_>, ledger: &mut Ledger) -> Vec<Freeze> {
    let mut freezes = Vec::new();
    for freeze in section.each("freeze") {
        let (Some(from), Some(to)) = (freeze.date("from"), freeze.date("to")) else { continue };
        if to < from {
            freeze.say("to", format!("{to} is before {from}; give the last day, which is included"), ledger);
        } else {
            freezes.push(Freeze { from, to });
        }
    }
    freezes
}

/// Tells of ids that come twice among the tables of one key.
fn unique(table: &Table, key: &str, path: &str, ledger: &mut Ledger) {
    let mut known: BTreeMap<String, Place> = BTreeMap::new();
    let Some(Value::List(items)) = table.value(key).map(|node| &node.value) else { return };
    for (n, item) in items.iter().filter_map(Node::table).enumerate() {
        // A caller without an id is named by its destination.
        let Some(node) = item.value("id").or_else(|| item.value("destination")) else { continue };
        let Some(id) = node.text() else { continue };
        let at = shape::join(&shape::item(&shape::join(path, key), item, n), "id");
        match known.get(id) {
            Some(first) => {
                let text = format!("{id:?} is already used in {}; choose another", ledger.name(*first));
                ledger.say(node.place, at, text);
            }
            None => {
                known.insert(id.to_owned(), node.place);
            }
        }
    }
}

/// Tells of a name that points nowhere.
fn unknown(section: &Section<'_>, key: &str, thing: &str, given: &str, known: &[&str], ledger: &mut Ledger) {
    let way_out = if known.is_empty() {
        format!("there is none; add a {thing} of that name")
    } else {
        format!("use {}", catalogue::one_of(known))
    };
    section.say(key, format!("{given:?} is no {thing}; {way_out}"), ledger);
}
