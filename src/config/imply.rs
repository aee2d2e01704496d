//! Fills in what is implied: a watch's whole policy, the caller of a watch that follows a destination, and a watch of each service
//! key that has a certificate.
//! Defaults of single keys are not its matter; the catalogue has them.

use super::document::{Node, Place, Table, Value};
use super::problem::Ledger;
use super::{form, shape};
use crate::sap::service_key::ServiceKey;

/// The whole file's table with everything implied written out.
pub(super) fn fill(mut root: Table, ledger: &Ledger) -> Table {
    watch_service_keys(&mut root, ledger);
    for key in ["daemon", "policy"] {
        ensure(&mut root, key);
    }
    if let Some(Value::Table(daemon)) =
        root.entries.iter_mut().find(|entry| entry.key == "daemon").map(|entry| &mut entry.node.value)
    {
        ensure(daemon, "log");
    }
    let policy = root.value("policy").and_then(Node::table).cloned();
    for entry in root.entries.iter_mut().filter(|entry| entry.key == "watch" || entry.key == "discover") {
        let Value::List(items) = &mut entry.node.value else { continue };
        for item in items {
            if let Value::Table(table) = &mut item.value {
                if let Some(policy) = &policy {
                    override_policy(table, policy);
                }
                if entry.key == "watch" {
                    name_caller(table);
                }
            }
        }
    }
    root
}

/// What certsteward itself opens services with ends as any other certificate does.
fn watch_service_keys(root: &mut Table, ledger: &Ledger) {
    let connections = root.value("connections").and_then(Node::table);
    let keys = connections.into_iter().flat_map(|table| &table.entries).filter_map(|entry| {
        let key = entry.node.table()?.value("service_key")?;
        let secret = shape::secret(key.table()?, ledger)?;
        let read = secret.read_bytes().and_then(|bytes| ServiceKey::read(&bytes, &entry.key));
        read.ok()?.chain()?;
        Some((entry.key.clone(), key.place))
    });
    let new: Vec<Node> = keys
        .filter(|(name, _)| form::id(&watch_of(name)).is_ok() && !is_watched(root, name))
        .map(|(name, place)| Node { place, value: Value::Table(watch_of_key(&name, place)) })
        .collect();
    if new.is_empty() {
        return;
    }
    match root.entries.iter_mut().find(|entry| entry.key == "watch").map(|entry| &mut entry.node.value) {
        Some(Value::List(items)) => items.extend(new),
        Some(_) => {}
        None => root.put("watch", Node { place: root.place, value: Value::List(new) }),
    }
}

fn watch_of(connection: &str) -> String {
    format!("service-key-{connection}")
}

/// Whether a watch names this connection's key, or the name that its own watch would have is taken.
fn is_watched(root: &Table, connection: &str) -> bool {
    root.tables("watch").iter().any(|watch| {
        let source = watch.value("source").and_then(Node::table);
        let names = source.is_some_and(|source| {
            source.text("type") == Some("service-key") && source.text("connection") == Some(connection)
        });
        names || watch.text("id") == Some(&watch_of(connection))
    })
}

fn watch_of_key(connection: &str, place: Place) -> Table {
    let text = |text: &str| Node { place, value: Value::Text(text.to_owned()) };
    let mut source = Table { place, entries: Vec::new() };
    source.put("type", text("service-key"));
    source.put("connection", text(connection));
    let mut watch = Table { place, entries: Vec::new() };
    watch.put("id", text(&watch_of(connection)));
    watch.put("source", Node { place, value: Value::Table(source) });
    watch
}

/// An empty table stands for its defaults.
fn ensure(table: &mut Table, key: &str) {
    if table.value(key).is_none() {
        let place = table.place;
        table.put(key, Node { place, value: Value::Table(Table { place, entries: Vec::new() }) });
    }
}

fn override_policy(watch: &mut Table, policy: &Table) {
    let mut whole = policy.clone();
    match watch.value("policy").map(|node| &node.value) {
        Some(Value::Table(own)) => {
            whole.place = own.place;
            for entry in &own.entries {
                whole.put(&entry.key, entry.node.clone());
            }
        }
        Some(_) => return,
        None => {}
    }
    let node = Node { place: whole.place, value: Value::Table(whole) };
    watch.put("policy", node);
}

/// Without any caller, the destination that the source follows is the one.
fn name_caller(watch: &mut Table) {
    if watch.value("caller").is_some() {
        return;
    }
    let Some(source) = watch.value("source").and_then(Node::table) else { return };
    let Some(destination) = source.value("destination") else { return };
    let place = destination.place;
    let mut caller = Table { place, entries: Vec::new() };
    caller.put("type", Node { place, value: Value::Text("destination-service".to_owned()) });
    caller.put("destination", destination.clone());
    let item = Node { place, value: Value::Table(caller) };
    watch.put("caller", Node { place, value: Value::List(vec![item]) });
}
