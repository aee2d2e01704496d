//! The text of a configuration file as a tree in which everything knows its place.
//! It knows no key and judges nothing.

use std::path::PathBuf;

use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

/// Where something stands: in which file, at which byte. The order is the order in which problems are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Which of the files read.
    pub(super) file: usize,
    /// The byte in it.
    pub(super) offset: usize,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Where it stands.
    pub(super) place: Place,
    /// What stands there.
    pub(super) value: Value,
}

/// What can stand in a TOML file.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A string.
    Text(String),
    /// A whole number; none where it is too large.
    Integer(Option<i64>),
    /// A number with a fraction.
    Float(String),
    /// True or false.
    Flag(bool),
    /// A date, a time, or both.
    Date(Datetime),
    /// A list.
    List(Vec<Node>),
    /// A table.
    Table(Table),
}

/// A table, its entries in file order.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Where its header or its brace stands.
    pub(super) place: Place,
    /// What it holds.
    pub(super) entries: Vec<Entry>,
}

/// One `key = value`.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// Where the key stands.
    pub(super) place: Place,
    /// The value.
    pub(super) node: Node,
}

impl Table {
    /// The value of this key.
    pub(super) fn value(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The text of this key, where it is text.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.value(key).and_then(Node::text)
    }

    /// The tables under this key: of `[[key]]`, or the one of `[key]`.
    pub(super) fn tables(&self, key: &str) -> Vec<&Self> {
        match self.value(key).map(|node| &node.value) {
            Some(Value::Table(table)) => vec![table],
            Some(Value::List(items)) => items.iter().filter_map(Node::table).collect(),
            Some(Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Flag(_) | Value::Date(_))
            | None => Vec::new(),
        }
    }

    /// Puts a value under a key, in the place of one that is there.
    pub(super) fn put(&mut self, key: &str, node: Node) {
        self.entries.retain(|entry| entry.key != key);
        self.entries.push(Entry { key: key.to_owned(), place: node.place, node });
    }
}

impl Node {
    /// The text, where it is text.
    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The table, where it is one.
    pub(super) fn table(&self) -> Option<&Table> {
        if let Value::Table(table) = &self.value { Some(table) } else { None }
    }

    /// The list, where it is one.
    pub(super) fn list(&self) -> Option<&[Self]> {
        if let Value::List(items) = &self.value { Some(items) } else { None }
    }

    /// What kind of value it is, with its article.
    pub(super) const fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a string",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Flag(_) => "true or false",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// A file that was read.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// As messages name it.
    pub(super) path: PathBuf,
    /// What relative paths in it begin from.
    pub(super) folder: PathBuf,
    /// Its text.
    pub(super) text: String,
}

/// Why a text is no TOML: where, and what was found there. It never quotes the text, which may hold a secret.
pub(super) struct NotToml {
    /// The byte.
    pub(super) offset: usize,
    /// What is wrong.
    pub(super) text: String,
}

/// Reads one file's text.
pub(super) fn parse(text: &str, file: usize) -> Result<Table, NotToml> {
    let parsed = DeTable::parse(text).map_err(|error| NotToml {
        offset: error.span().map_or(0, |span| span.start),
        text: error.message().to_owned(),
    })?;
    Ok(table(parsed.get_ref(), Place { file, offset: 0 }))
}

/// Reads one value, such as a default.
pub(super) fn parse_value(text: &str, place: Place) -> Option<Node> {
    let parsed = DeValue::parse(text).ok()?;
    Some(Node { place, value: value(parsed.get_ref(), place) })
}

fn table(parsed: &DeTable<'_>, place: Place) -> Table {
    let at = |span: std::ops::Range<usize>| Place { file: place.file, offset: span.start };
    let mut entries: Vec<Entry> = parsed
        .iter()
        .map(|(key, held)| Entry {
            key: key.get_ref().clone().into_owned(),
            place: at(key.span()),
            node: Node { place: at(held.span()), value: value(held.get_ref(), at(held.span())) },
        })
        .collect();
    entries.sort_by_key(|entry| entry.place);
    Table { place, entries }
}

fn value(parsed: &DeValue<'_>, place: Place) -> Value {
    match parsed {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Integer(digits) => Value::Integer(i64::from_str_radix(digits.as_str(), digits.radix()).ok()),
        DeValue::Float(digits) => Value::Float(digits.as_str().to_owned()),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(date) => Value::Date(*date),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| {
                    let at = Place { file: place.file, offset: item.span().start };
                    Node { place: at, value: value(item.get_ref(), at) }
                })
                .collect(),
        ),
        DeValue::Table(inner) => Value::Table(table(inner, place)),
    }
}
