//! The second reading of one table: plain typed values, defaults from the catalogue where a key is not given.
//! It tells no problem: what has not its form was told by the first reading, and reads as absent here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration as StdDuration;

use super::catalogue::{self, Keys, Shape, Without};
use super::document::{Node, Place, Table, Value, parse_value};
use super::problem::Ledger;
use super::{form, shape};
use crate::domain::Duration;
use crate::domain::host_pattern::HostPattern;
use crate::domain::policy::Span;
use crate::net;
use crate::probers::module::Statuses;
use crate::secret::SecretRef;
use crate::sources::checked::lists;

/// One table, with its keys and its path.
pub(super) struct Section<'a> {
    /// The table.
    pub(super) table: &'a Table,
    /// Its path, for messages.
    pub(super) path: String,
    keys: &'static Keys,
    kind: String,
}

impl<'a> Section<'a> {
    /// Opens a table; none where its type is not known.
    pub(super) fn open(table: &'a Table, shape: &'static Shape, path: impl Into<String>) -> Option<Self> {
        let keys = shape::keys_of(table, shape)?;
        let preset = match shape {
            Shape::One(_) => None,
            Shape::Several { preset, .. } => *preset,
        };
        let kind = table.text("type").or(preset).unwrap_or_default().to_owned();
        Some(Self { table, path: path.into(), keys, kind })
    }

    /// The table's `type`.
    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    /// Whether a key is given.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.value(key).is_some()
    }

    /// Where a key's value stands, else the table.
    pub(super) fn place(&self, key: &str) -> Place {
        self.table.value(key).map_or(self.table.place, |node| node.place)
    }

    /// The path of a key.
    pub(super) fn at(&self, key: &str) -> String {
        shape::join(&self.path, key)
    }

    /// Notes a problem with a key.
    pub(super) fn say(&self, key: &str, text: impl Into<String>, ledger: &mut Ledger) {
        ledger.say(self.place(key), self.at(key), text);
    }

    fn node(&self, key: &str) -> Option<Node> {
        let known = self.keys.find(key)?;
        if let Some(node) = self.table.value(key)
            && shape::fits(node, known.form)
        {
            return Some(node.clone());
        }
        match known.without {
            Without::Value(text) => parse_value(text, self.table.place),
            Without::Required | Without::Words(_) => None,
        }
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.node(key)?.text().map(ToOwned::to_owned)
    }

    /// A text that is there for its words; empty where it is not.
    pub(super) fn word(&self, key: &str) -> String {
        self.text(key).unwrap_or_default()
    }

    /// Texts.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        self.nodes(key).iter().filter_map(|node| node.text().map(ToOwned::to_owned)).collect()
    }

    fn nodes(&self, key: &str) -> Vec<Node> {
        self.node(key).and_then(|node| node.list().map(<[Node]>::to_vec)).unwrap_or_default()
    }

    /// True or false; false where it is not given.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.node(key).is_some_and(|node| matches!(node.value, Value::Flag(true)))
    }

    /// A whole number.
    pub(super) fn count(&self, key: &str) -> Option<u32> {
        match self.node(key)?.value {
            Value::Integer(Some(number)) => u32::try_from(number).ok(),
            Value::Integer(None)
            | Value::Text(_)
            | Value::Float(_)
            | Value::Flag(_)
            | Value::Date(_)
            | Value::List(_)
            | Value::Table(_) => None,
        }
    }

    /// A date.
    pub(super) fn date(&self, key: &str) -> Option<chrono::NaiveDate> {
        let node = self.node(key)?;
        let Value::Date(date) = node.value else { return None };
        let date = date.date?;
        chrono::NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))
    }

    /// A duration; every key read with it has a default.
    pub(super) fn duration(&self, key: &str) -> Duration {
        self.text(key).and_then(|text| form::duration(&text).ok()).unwrap_or_default()
    }

    /// A duration for a time limit.
    pub(super) fn limit(&self, key: &str) -> StdDuration {
        self.duration(key).to_std().unwrap_or_default()
    }

    /// Durations.
    pub(super) fn durations(&self, key: &str) -> Vec<Duration> {
        self.texts(key).iter().filter_map(|text| form::duration(text).ok()).collect()
    }

    /// A duration or a share.
    pub(super) fn span(&self, key: &str) -> Option<Span> {
        form::span(&self.text(key)?).ok()
    }

    /// A path, relative ones from the file's folder.
    pub(super) fn path_of(&self, key: &str, ledger: &Ledger) -> Option<PathBuf> {
        let node = self.node(key)?;
        node.text().map(|text| shape::resolve(text, node.place, ledger))
    }

    /// Patterns of files, relative ones from the file's folder.
    pub(super) fn globs(&self, key: &str, ledger: &Ledger) -> Vec<String> {
        let nodes = self.nodes(key);
        nodes
            .iter()
            .filter_map(|node| node.text().map(|text| shape::resolve_glob(text, node.place, ledger)))
            .collect()
    }

    /// Files and addresses, relative paths from the file's folder.
    pub(super) fn lists(&self, key: &str, ledger: &Ledger) -> Vec<lists::Place> {
        let place = |node: &Node| {
            let text = node.text()?;
            Some(if shape::is_address(text) {
                lists::Place::Url(text.to_owned())
            } else {
                lists::Place::File(shape::resolve(text, node.place, ledger))
            })
        };
        self.nodes(key).iter().filter_map(place).collect()
    }

    /// Patterns of hosts and ports.
    pub(super) fn host_patterns(&self, key: &str) -> Vec<HostPattern> {
        self.texts(key).iter().filter_map(|text| HostPattern::parse(text).ok()).collect()
    }

    /// HTTP statuses, as numbers or as texts.
    pub(super) fn statuses(&self, key: &str) -> Vec<Statuses> {
        let text = |node: &Node| {
            let Value::Integer(Some(number)) = node.value else { return node.text().map(ToOwned::to_owned) };
            Some(number.to_string())
        };
        self.nodes(key).iter().filter_map(text).filter_map(|text| Statuses::parse(&text)).collect()
    }

    /// A secret's place.
    pub(super) fn secret(&self, key: &str, ledger: &Ledger) -> Option<SecretRef> {
        shape::secret(self.table.value(key)?.table()?, ledger)
    }

    /// The path in `{ file = … }`.
    pub(super) fn file(&self, key: &str, ledger: &Ledger) -> Option<PathBuf> {
        match self.secret(key, ledger)? {
            SecretRef::File(path) => Some(path),
            SecretRef::Environment(_) | SecretRef::Credential(_) => None,
        }
    }

    /// Texts by name.
    pub(super) fn named(&self, key: &str) -> BTreeMap<String, String> {
        let table = self.table.value(key).and_then(Node::table);
        table
            .map(|table| {
                table
                    .entries
                    .iter()
                    .filter_map(|entry| Some((entry.key.clone(), entry.node.text()?.to_owned())))
                    .collect()
            })
            .unwrap_or_default()
    }

    /// The shape of the tables under a key.
    pub(super) fn shape(&self, key: &str) -> Option<&'static Shape> {
        catalogue::inner(self.keys.find(key)?.form)
    }

    /// The table under a key, or this empty one where there is none.
    pub(super) fn child(&self, key: &str, empty: &'a Table) -> Option<Self> {
        let table = self.table.value(key).and_then(Node::table).unwrap_or(empty);
        Section::open(table, self.shape(key)?, self.at(key))
    }

    /// The tables under a key.
    pub(super) fn each(&self, key: &str) -> Vec<Self> {
        let Some(shape) = self.shape(key) else { return Vec::new() };
        let path = self.at(key);
        let open = |(n, table): (usize, &'a Table)| Section::open(table, shape, shape::item(&path, table, n));
        let Some(items) = self.table.value(key).and_then(Node::list) else { return Vec::new() };
        items.iter().enumerate().filter_map(|(n, node)| Some((n, node.table()?))).filter_map(open).collect()
    }

    /// `ca`, `proxy`, `ip` and `timeout`.
    pub(super) fn net(&self, ledger: &Ledger) -> net::Settings {
        net::Settings {
            ca: self.file("ca", ledger),
            proxy: self.text("proxy"),
            family: self.text("ip").and_then(|word| net::Family::parse(&word)),
            timeout: self.limit("timeout"),
        }
    }
}
