//! Every setting that holds, given or by default, as TOML with full paths.
//! It shows no secret, only where each is.

use std::fmt::Write as _;

use super::catalogue::{Form, Key, Keys, ROOT, Shape, Without};
use super::document::{Node, Place, Table, Value, parse_value};
use super::problem::Ledger;
use super::shape;

/// Writes the whole configuration.
pub(super) fn write(root: &Table, ledger: &Ledger) -> String {
    let mut text = String::new();
    // The daemon's and the policy's defaults are worth seeing where the file says nothing of them.
    let mut whole = root.clone();
    for key in ["daemon", "policy"] {
        if whole.value(key).is_none() {
            let table = Table { place: root.place, entries: Vec::new() };
            whole.put(key, Node { place: root.place, value: Value::Table(table) });
        }
    }
    whole.entries.retain(|entry| entry.key != "include");
    table(&whole, &ROOT, "", ledger, &mut text);
    text
}

fn table(held: &Table, shape: &'static Shape, path: &str, ledger: &Ledger, text: &mut String) {
    let Some(keys) = shape::keys_of(held, shape) else { return };
    if let Shape::Several { preset, .. } = shape
        && let Some(kind) = held.text("type").or(*preset)
    {
        line("type", &quoted(kind), text);
    }
    for key in keys.iter().filter(|key| !is_table(key.form)) {
        if let Some(shown) = shown(held, key, ledger) {
            line(key.name, &shown, text);
        }
    }
    inner_tables(held, keys, path, ledger, text);
}

fn is_table(form: Form) -> bool {
    matches!(form, Form::Table(_) | Form::Named(_) | Form::Many(_))
}

fn inner_tables(held: &Table, keys: &'static Keys, path: &str, ledger: &Ledger, text: &mut String) {
    for key in keys.iter() {
        let Some(node) = held.value(key.name) else { continue };
        let at = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        match (key.form, &node.value) {
            (Form::Table(shape), Value::Table(inner)) => section(inner, shape, &at, ledger, text),
            (Form::Many(shape), Value::List(items)) => {
                for inner in items.iter().filter_map(Node::table) {
                    text.push_str(&format!("\n[[{at}]]\n"));
                    table(inner, shape, &at, ledger, text);
                }
            }
            (Form::Named(shape), Value::Table(named)) => {
                for entry in &named.entries {
                    if let Some(inner) = entry.node.table() {
                        section(inner, shape, &format!("{at}.{}", bare(&entry.key)), ledger, text);
                    }
                }
            }
            (_, _) => {}
        }
    }
}

fn section(inner: &Table, shape: &'static Shape, at: &str, ledger: &Ledger, text: &mut String) {
    text.push_str(&format!("\n[{at}]\n"));
    table(inner, shape, at, ledger, text);
}

fn line(key: &str, value: &str, text: &mut String) {
    text.push_str(&format!("{} = {value}\n", bare(key)));
}

fn shown(held: &Table, key: &Key, ledger: &Ledger) -> Option<String> {
    match (held.value(key.name), &key.without) {
        (Some(node), _) => Some(value(node, key.form, ledger)),
        (None, Without::Value(text)) => {
            parse_value(text, Place { ..held.place }).map(|node| value(&node, key.form, ledger))
        }
        (None, Without::Required | Without::Words(_)) => None,
    }
}

/// A value in one line; paths in full.
fn value(node: &Node, form: Form, ledger: &Ledger) -> String {
    match &node.value {
        Value::Text(text) => quoted(&match form {
            Form::Path | Form::Folder => full(text, node.place, ledger),
            Form::Globs => shape::resolve_glob(text, node.place, ledger),
            Form::State => text
                .strip_prefix("sqlite:")
                .map_or_else(|| text.clone(), |path| format!("sqlite:{}", full(path, node.place, ledger))),
            _ => text.clone(),
        }),
        Value::Integer(number) => number.unwrap_or_default().to_string(),
        Value::Float(text) => text.clone(),
        Value::Flag(flag) => flag.to_string(),
        Value::Date(date) => date.to_string(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|held| value(held, form, ledger)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(table) => {
            let parts: Vec<String> = table
                .entries
                .iter()
                .map(|entry| {
                    let path = matches!(
                        (form, entry.key.as_str()),
                        (Form::Secret | Form::KeyFile | Form::Certificates, "file") | (Form::State, "path")
                    );
                    let form = if path { Form::Path } else { Form::Text };
                    format!("{} = {}", bare(&entry.key), value(&entry.node, form, ledger))
                })
                .collect();
            if parts.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", parts.join(", ")) }
        }
    }
}

fn full(text: &str, place: Place, ledger: &Ledger) -> String {
    shape::resolve(text, place, ledger).display().to_string()
}

fn bare(key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if plain { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
