//! The first reading: every key known, every value of its form, every secret readable. It goes on after each problem.
//! It builds nothing and compares no two values.

use std::path::{Path, PathBuf};

use x509_parser::pem::Pem;

use super::catalogue::{Form, Key, Keys, Shape, Without, one_of};
use super::document::{Node, Place, Table, Value};
use super::form;
use super::path::without_steps_up;
use super::problem::Ledger;
use crate::domain::host_pattern::HostPattern;
use crate::domain::reason::Reason;
use crate::domain::window::Window;
use crate::net::Address;
use crate::probers::module::Statuses;
use crate::secret::SecretRef;

/// Checks a table against its shape.
pub(super) fn check(table: &Table, shape: &'static Shape, path: &str, ledger: &mut Ledger) {
    let Some(keys) = kind(table, shape, path, ledger) else { return };
    for entry in &table.entries {
        let at = join(path, &entry.key);
        match keys.find(&entry.key) {
            Some(key) => value(&entry.node, key.form, &at, ledger),
            None if is_type(shape, &entry.key) => {}
            None => ledger.say(entry.place, at, unknown(&entry.key, keys)),
        }
    }
    for key in keys.iter().filter(|key| matches!(key.without, Without::Required)) {
        if table.value(key.name).is_none() {
            let text = format!("is missing; give {}: {}", key.form.wanted(), says(key));
            ledger.say(table.place, join(path, key.name), text);
        }
    }
}

/// The keys that a table of this shape may hold; none where its type is not known.
pub(super) fn keys_of(table: &Table, shape: &'static Shape) -> Option<&'static Keys> {
    match shape {
        Shape::One(keys) => Some(keys),
        Shape::Several { preset, types, .. } => {
            let given = match table.value("type") {
                Some(node) => node.text()?,
                None => (*preset)?,
            };
            types.iter().find(|(name, _)| *name == given).map(|(_, keys)| keys)
        }
    }
}

fn is_type(shape: &Shape, key: &str) -> bool {
    matches!(shape, Shape::Several { .. }) && key == "type"
}

fn kind(table: &Table, shape: &'static Shape, path: &str, ledger: &mut Ledger) -> Option<&'static Keys> {
    let known = keys_of(table, shape);
    let Shape::Several { thing, types, later, .. } = shape else { return known };
    if known.is_some() {
        return known;
    }
    let words: Vec<&str> = types.iter().map(|(name, _)| *name).collect();
    let words = one_of(&words);
    let at = join(path, "type");
    let Some(node) = table.value("type") else {
        ledger.say(table.place, at, format!("is missing; give {words}"));
        return None;
    };
    let text = match node.text() {
        Some(given) => match later.iter().find(|(name, _)| *name == given) {
            Some((_, way_out)) => format!("{given:?} is not available: {way_out}"),
            None => format!("{given:?} is no type of {thing}; use {words}"),
        },
        None => wrong_type(node, &words, false),
    };
    ledger.say(node.place, at, text);
    None
}

/// Joins a path and a key, in quotes where it holds a dot.
pub(super) fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let key = if plain { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// The path of one of several tables: by its id, else by its number.
pub(super) fn item(path: &str, table: &Table, number: usize) -> String {
    match table.text("id") {
        Some(id) if form::id(id).is_ok() => format!("{path}[{id}]"),
        Some(_) | None => format!("{path}[{number}]"),
    }
}

fn says(key: &Key) -> String {
    let mut letters = key.says.trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn unknown(given: &str, keys: &Keys) -> String {
    let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
    let nearest = names.iter().map(|name| (distance(given, name), *name)).min();
    match nearest {
        Some((steps, name)) if steps <= given.len().max(name.len()).div_ceil(3) => {
            format!("is not a key here; did you mean {name:?}? Known here: {}", names.join(", "))
        }
        Some(_) | None => format!("is not a key here; known here: {}", names.join(", ")),
    }
}

/// How many letters must be put in, left out or changed to get from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (n, letter) in one.chars().enumerate() {
        let mut next = vec![n + 1];
        for ((expected, above), diagonal) in other.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or_default();
            next.push((left + 1).min(above + 1).min(diagonal + usize::from(letter != *expected)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

fn wrong_type(node: &Node, wanted: &str, secret: bool) -> String {
    let given = match &node.value {
        Value::Text(text) if !secret => format!("{text:?} is a string"),
        Value::Integer(Some(number)) if !secret => format!("{number} is a whole number"),
        Value::Flag(flag) if !secret => format!("{flag} is true or false"),
        Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Flag(_)
        | Value::Date(_)
        | Value::List(_)
        | Value::Table(_) => format!("is {}", node.kind()),
    };
    format!("{given}; give {wanted}")
}

fn value(node: &Node, form: Form, path: &str, ledger: &mut Ledger) {
    match form {
        Form::Table(shape) => match node.table() {
            Some(inner) => check(inner, shape, path, ledger),
            None => ledger.say(node.place, path, wrong_type(node, &form.wanted(), true)),
        },
        Form::Named(shape) => named(node, shape, path, ledger),
        Form::Many(shape) => many(node, shape, path, ledger),
        Form::Secret | Form::KeyFile | Form::Certificates => reference(node, form, path, ledger),
        Form::Labels | Form::Headers => texts_by_name(node, form, path, ledger),
        Form::Words(_)
        | Form::Durations
        | Form::Globs
        | Form::Patterns
        | Form::HostPatterns
        | Form::Lists
        | Form::Statuses
        | Form::Texts => {
            list(node, form, path, ledger);
        }
        Form::State => state(node, path, ledger),
        Form::Path | Form::Folder => {
            if let Err(text) = scalar(node, form) {
                ledger.say(node.place, path, text);
            } else if matches!(form, Form::Folder) {
                folder(node, path, ledger);
            }
        }
        Form::Text
        | Form::Id
        | Form::Word(_)
        | Form::Flag
        | Form::Count
        | Form::Duration
        | Form::Span
        | Form::Emergency
        | Form::UnlessNever
        | Form::Validity
        | Form::Cron
        | Form::Window
        | Form::Url(_)
        | Form::Address
        | Form::ServerName
        | Form::Listen
        | Form::Date => {
            if let Err(text) = scalar(node, form) {
                ledger.say(node.place, path, text);
            }
        }
    }
}

/// Checks a single value; also what a list of such values holds.
pub(super) fn scalar(node: &Node, form: Form) -> Result<(), String> {
    let wrong = || wrong_type(node, &form.wanted(), false);
    match (form, &node.value) {
        (Form::Flag, Value::Flag(_)) => return Ok(()),
        (Form::Count, Value::Integer(Some(number))) => {
            return u32::try_from(*number).ok().filter(|number| *number > 0).map(|_| ()).ok_or_else(|| {
                format!("{number} is out of range; give a whole number from 1 to {}", u32::MAX)
            });
        }
        (Form::Statuses, Value::Integer(Some(number))) => return text_of(&number.to_string(), form),
        (Form::Date, Value::Date(date)) => {
            return (date.date.is_some() && date.time.is_none())
                .then_some(())
                .ok_or_else(|| format!("{date} is not a date alone; give {}", form.wanted()));
        }
        (Form::Flag | Form::Count | Form::Date, _) => return Err(wrong()),
        _ => {}
    }
    let text = node.text().ok_or_else(wrong)?;
    if text.trim().is_empty() {
        return Err(format!("is empty; give {}", form.wanted()));
    }
    if text.contains(char::is_control) {
        return Err(format!(
            "holds a line break or another control character; give {} of one line",
            form.wanted()
        ));
    }
    text_of(text, form)
}

fn text_of(text: &str, form: Form) -> Result<(), String> {
    match form {
        Form::Id => form::id(text),
        Form::Word(words) => words
            .contains(&text)
            .then_some(())
            .ok_or_else(|| format!("{text:?} is not accepted; use {}", one_of(words))),
        Form::Duration => form::duration(text).map(|_| ()),
        Form::Span => form::span(text).map(|_| ()),
        Form::Emergency => form::emergency(text).map(|_| ()),
        Form::UnlessNever => form::unless_never(text).map(|_| ()),
        Form::Validity => form::validity(text).map(|_| ()),
        Form::Cron => form::cron(text),
        Form::Window => Window::parse(text).map(|_| ()).map_err(|error| error.to_string()),
        Form::Url(form::UrlKind::Proxy) if text == "none" => Ok(()),
        Form::Url(kind) => form::url(text, kind).map(|_| ()),
        Form::Address => Address::parse(text).map(|_| ()),
        Form::ServerName => form::server_name(text),
        Form::Listen => text
            .parse::<std::net::SocketAddr>()
            .map(|_| ())
            .map_err(|_| format!("{text:?} is not an address and a port; give {}", form.wanted())),
        Form::Globs | Form::Patterns => glob::Pattern::new(text)
            .map(|_| ())
            .map_err(|error| format!("{text:?} is not a pattern ({}); give {}", error.msg, form.wanted())),
        Form::Lists if is_address(text) => form::url(text, form::UrlKind::Page).map(|_| ()),
        Form::HostPatterns => HostPattern::parse(text).map(|_| ()).map_err(|refused| refused.to_string()),
        Form::Statuses => Statuses::parse(text)
            .map(|_| ())
            .ok_or_else(|| format!("{text:?} is no status; give {}", form.wanted())),
        Form::Text
        | Form::Words(_)
        | Form::Flag
        | Form::Count
        | Form::Durations
        | Form::Path
        | Form::Folder
        | Form::Texts
        | Form::Lists
        | Form::State
        | Form::Secret
        | Form::KeyFile
        | Form::Certificates
        | Form::Labels
        | Form::Headers
        | Form::Date
        | Form::Table(_)
        | Form::Named(_)
        | Form::Many(_) => Ok(()),
    }
}

/// Whether it is an address rather than a path.
pub(super) fn is_address(text: &str) -> bool {
    text.contains("://")
}

/// What a list of this form holds.
fn element(form: Form) -> Form {
    if let Form::Words(words) = form {
        return Form::Word(words);
    }
    if matches!(form, Form::Durations) {
        return Form::Duration;
    }
    if matches!(form, Form::Texts) { Form::Text } else { form }
}

fn list(node: &Node, form: Form, path: &str, ledger: &mut Ledger) {
    let Some(items) = node.list() else {
        return ledger.say(node.place, path, wrong_type(node, &form.wanted(), false));
    };
    let inner = element(form);
    let may_be_empty = matches!(form, Form::Durations | Form::Patterns | Form::HostPatterns);
    if items.is_empty() && !may_be_empty {
        ledger.say(node.place, path, format!("is empty; give {}", form.wanted()));
    }
    for (n, held) in items.iter().enumerate() {
        if let Err(text) = scalar(held, inner) {
            ledger.say(held.place, format!("{path}[{n}]"), text);
        }
    }
}

fn named(node: &Node, shape: &'static Shape, path: &str, ledger: &mut Ledger) {
    let Some(table) = node.table() else {
        return ledger.say(node.place, path, wrong_type(node, "a table of named tables", true));
    };
    for entry in &table.entries {
        let at = join(path, &entry.key);
        if let Err(text) = form::id(&entry.key) {
            ledger.say(entry.place, path, text);
        }
        match entry.node.table() {
            Some(inner) => check(inner, shape, &at, ledger),
            None => ledger.say(
                entry.place,
                at.clone(),
                wrong_type(&entry.node, &format!("a table, begun with [{at}]"), true),
            ),
        }
    }
}

fn many(node: &Node, shape: &'static Shape, path: &str, ledger: &mut Ledger) {
    let wanted = format!("a list of tables, each begun with [[{}]]", without_ids(path));
    let Some(items) = node.list() else {
        return ledger.say(node.place, path, wrong_type(node, &wanted, true));
    };
    for (n, held) in items.iter().enumerate() {
        match held.table() {
            Some(inner) => check(inner, shape, &item(path, inner, n), ledger),
            None => ledger.say(held.place, format!("{path}[{n}]"), wrong_type(held, &wanted, true)),
        }
    }
}

fn without_ids(path: &str) -> String {
    let mut depth = 0_u32;
    path.chars()
        .filter(|c| {
            depth += u32::from(*c == '[');
            let keep = depth == 0;
            depth -= u32::from(*c == ']' && depth > 0);
            keep
        })
        .collect()
}

fn texts_by_name(node: &Node, form: Form, path: &str, ledger: &mut Ledger) {
    let Some(table) = node.table() else {
        return ledger.say(node.place, path, wrong_type(node, &form.wanted(), true));
    };
    for entry in &table.entries {
        let at = join(path, &entry.key);
        let name = if matches!(form, Form::Labels) { form::label(&entry.key) } else { header(&entry.key) };
        if let Err(text) = name {
            ledger.say(entry.place, at, text);
        } else if entry.node.text().is_none_or(|text| text.contains(['\r', '\n'])) {
            ledger.say(entry.node.place, at, wrong_type(&entry.node, "a string of one line", true));
        }
    }
}

fn header(name: &str) -> Result<(), String> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(format!("{name:?} is not the name of a header"));
    }
    let secret = ["authorization", "proxy-authorization", "cookie"];
    if secret.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(
            "carries a secret, which never stands here; a probe proves the certificate alone, and a target list is opened by token or username: leave it out"
                .to_owned(),
        );
    }
    Ok(())
}

fn state(node: &Node, path: &str, ledger: &mut Ledger) {
    const POSTGRES: &str = "this build keeps its state in SQLite; PostgreSQL is not available yet: use \"sqlite:/var/lib/certsteward/state.db\"";
    match &node.value {
        Value::Text(text) if text.strip_prefix("sqlite:").is_some_and(|path| !path.is_empty()) => {}
        Value::Text(text) if text.starts_with("postgres") => ledger.say(node.place, path, POSTGRES),
        Value::Text(_) => ledger.say(
            node.place,
            path,
            format!("is not a place for the state; give {}", Form::State.wanted()),
        ),
        Value::Table(table) => match table.text("type") {
            Some("postgres") => ledger.say(node.place, path, POSTGRES),
            Some("sqlite") => sqlite(table, path, ledger),
            Some(other) => {
                ledger.say(node.place, path, format!("{other:?} is no type of state; use \"sqlite\""))
            }
            None => ledger.say(node.place, path, format!("has no type; give {}", Form::State.wanted())),
        },
        Value::Integer(_) | Value::Float(_) | Value::Flag(_) | Value::Date(_) | Value::List(_) => {
            ledger.say(node.place, path, wrong_type(node, &Form::State.wanted(), true));
        }
    }
}

fn sqlite(table: &Table, path: &str, ledger: &mut Ledger) {
    for entry in table.entries.iter().filter(|entry| entry.key != "type" && entry.key != "path") {
        ledger.say(entry.place, join(path, &entry.key), "is not a key here; known here: type, path");
    }
    if table.text("path").is_none_or(str::is_empty) {
        ledger.say(table.place, join(path, "path"), "is missing; give a path");
    }
}

fn folder(node: &Node, path: &str, ledger: &mut Ledger) {
    let full = resolve(node.text().unwrap_or_default(), node.place, ledger);
    if !full.is_dir() {
        ledger.say(
            node.place,
            path,
            format!("there is no folder {}; make it or leave the key out", full.display()),
        );
    }
}

/// The full path of a text: relative ones begin from the folder of the file they stand in.
pub(super) fn resolve(text: &str, place: Place, ledger: &Ledger) -> PathBuf {
    let full =
        ledger.files.get(place.file).map_or_else(|| PathBuf::from(text), |file| file.folder.join(text));
    without_steps_up(full)
}

/// The full pattern of a text: the folder before a relative one is meant as it stands.
pub(super) fn resolve_glob(text: &str, place: Place, ledger: &Ledger) -> String {
    if Path::new(text).is_absolute() {
        return text.to_owned();
    }
    let folder = resolve("", place, ledger).display().to_string();
    format!("{}/{text}", glob::Pattern::escape(folder.trim_end_matches('/')))
}

/// Reads `{ file = … }` and its sisters; also the three keys of a token.
pub(super) fn secret(table: &Table, ledger: &Ledger) -> Option<SecretRef> {
    let file = |node: &Node| node.text().map(|text| SecretRef::File(resolve(text, node.place, ledger)));
    table
        .value("file")
        .and_then(file)
        .or_else(|| table.text("environment").map(|name| SecretRef::Environment(name.to_owned())))
        .or_else(|| table.text("credential").map(|name| SecretRef::Credential(name.to_owned())))
}

fn reference(node: &Node, form: Form, path: &str, ledger: &mut Ledger) {
    let Some(table) = node.table() else {
        let text = if matches!(form, Form::Certificates) {
            wrong_type(node, &form.wanted(), true)
        } else {
            let wanted = form.wanted();
            format!("is {}; a secret never stands in the configuration: write {wanted}", node.kind())
        };
        return ledger.say(node.place, path, text);
    };
    let accepted: &[&str] =
        if matches!(form, Form::Secret) { &["file", "environment", "credential"] } else { &["file"] };
    for entry in table.entries.iter().filter(|entry| !accepted.contains(&entry.key.as_str())) {
        ledger.say(
            entry.place,
            join(path, &entry.key),
            format!("is not a key here; write {}", form.wanted()),
        );
    }
    let given: Vec<&str> = accepted.iter().copied().filter(|name| table.value(name).is_some()).collect();
    match given.as_slice() {
        [name] if table.text(name).is_some_and(|text| !text.is_empty()) => {
            readable(table, node.place, form, path, ledger)
        }
        [_] => ledger.say(node.place, path, format!("names nothing; write {}", form.wanted())),
        [] => ledger.say(node.place, path, format!("says not where it is; write {}", form.wanted())),
        _ => ledger.say(node.place, path, format!("names several places; write one of {}", form.wanted())),
    }
}

/// Looks whether what is named is there and fit. Only files: variables and credentials belong to the daemon's own surroundings.
pub(super) fn readable(table: &Table, place: Place, form: Form, path: &str, ledger: &mut Ledger) {
    let Some(SecretRef::File(file)) = secret(table, ledger) else { return };
    if matches!(form, Form::Certificates) {
        if let Err(text) = certificates(&file) {
            ledger.say(place, path, text);
        }
    } else if let Err(unseen) = SecretRef::File(file).read_bytes() {
        let text = format!("{}{}", unseen.text, way_out(unseen.reason));
        if OF_ALL.iter().any(|part| path.starts_with(part)) {
            ledger.say(place, path, text);
        } else {
            ledger.say_unread(place, path, text);
        }
    }
}

/// Whose secrets concern everybody: what certsteward is served by, and who may do what.
const OF_ALL: [&str; 2] = ["daemon.", "tokens."];

/// What to do about a secret that could not be read, where the reason does not say it already.
fn way_out(reason: Reason) -> &'static str {
    if reason == Reason::NotFound {
        return "; put the secret there (chmod 600), or name another place";
    }
    if reason == Reason::Empty { "; put the secret into it" } else { "" }
}

fn certificates(file: &Path) -> Result<(), String> {
    let shown = file.display();
    let bytes = std::fs::read(file)
        .map_err(|error| format!("cannot read {shown}: {error}; name a file with certificates in PEM"))?;
    let mut count = 0_u32;
    for pem in Pem::iter_from_buffer(&bytes) {
        let pem = pem.map_err(|_| format!("{shown} is broken PEM; give certificates in PEM"))?;
        if pem.label == "CERTIFICATE" {
            count += 1;
            pem.parse_x509().map_err(|_| {
                format!("certificate {count} in {shown} cannot be read; give certificates in PEM")
            })?;
        }
    }
    if count == 0 {
        return Err(format!("{shown} holds no certificate in PEM; give certificates in PEM"));
    }
    Ok(())
}

/// Whether a value has its form, as far as it can be read alone.
pub(super) fn fits(node: &Node, form: Form) -> bool {
    let every = |inner| node.list().is_some_and(|items| items.iter().all(|held| scalar(held, inner).is_ok()));
    match form {
        Form::Words(words) => every(Form::Word(words)),
        Form::Durations => every(Form::Duration),
        Form::Texts => every(Form::Text),
        Form::Globs | Form::Patterns | Form::HostPatterns | Form::Lists | Form::Statuses => every(form),
        Form::Secret
        | Form::KeyFile
        | Form::Certificates
        | Form::Labels
        | Form::Headers
        | Form::State
        | Form::Table(_)
        | Form::Named(_)
        | Form::Many(_) => true,
        Form::Text
        | Form::Id
        | Form::Word(_)
        | Form::Flag
        | Form::Count
        | Form::Duration
        | Form::Span
        | Form::Emergency
        | Form::UnlessNever
        | Form::Validity
        | Form::Cron
        | Form::Window
        | Form::Url(_)
        | Form::Address
        | Form::ServerName
        | Form::Listen
        | Form::Path
        | Form::Folder
        | Form::Date => scalar(node, form).is_ok(),
    }
}
