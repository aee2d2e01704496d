//! Fills in what is implied: a watch's whole policy, and the caller of a watch that follows a destination.
//! Defaults of single keys are not its matter; the catalogue has them.

use super::document::{Node, Table, Value};

/// The whole file's table with everything implied written out.
pub(super) fn fill(mut root: Table) -> Table {
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
