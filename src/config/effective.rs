//! Every setting that holds, given or by default, as TOML with full paths.
//! It shows no secret, only where each is.

use super::catalogue::{Form, Key, Keys, ROOT, Shape, Without};
use super::document::{Node, Place, Table, Value, parse_value};
use super::problem::Ledger;
use super::shape;

/// Writes the whole configuration.
pub(super) fn write(root: &Table, ledger: &Ledger) -> String {
    let mut text = String::new();
    // Included files are part of what is written here.
    let mut whole = root.clone();
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
    // A probe's `url` holds its path, so the default of `path` does not hold beside it.
    if key.name == "path" && held.value("url").is_some() && held.value("path").is_none() {
        return None;
    }
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
        Value::Text(text) => quoted(&whole(text, node.place, form, ledger)),
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

/// A text with its path in full, where it is one.
fn whole(text: &str, place: Place, form: Form, ledger: &Ledger) -> String {
    if matches!(form, Form::Globs) {
        return shape::resolve_glob(text, place, ledger);
    }
    if matches!(form, Form::Path | Form::Folder) || (matches!(form, Form::Lists) && !shape::is_address(text))
    {
        return full(text, place, ledger);
    }
    match text.strip_prefix("sqlite:").filter(|_| matches!(form, Form::State)) {
        Some(path) => format!("sqlite:{}", full(path, place, ledger)),
        None => text.to_owned(),
    }
}

fn full(text: &str, place: Place, ledger: &Ledger) -> String {
    shape::resolve(text, place, ledger).display().to_string()
}

/// A key as TOML writes it.
pub(super) fn bare(key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if plain { key.to_owned() } else { quoted(key) }
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
