//! Target lists in YAML, from the parser's events: every value stays the text that it is, as Prometheus takes labels.
//! It resolves no type and no tag, and an alias that would make a small text large is refused.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use super::Group;

/// How deep lists and mappings may stand in each other; a target list needs three levels.
const DEEPEST: usize = 16;
/// How many values a list may hold, aliases counted with all they stand for.
const MOST: usize = 1_000_000;

/// A piece of YAML as far as a target list needs it.
#[derive(Debug, Clone)]
enum Node {
    Nothing,
    Text(String),
    List(Vec<Self>),
    Mapping(BTreeMap<String, Self>),
}

/// The groups in this text, or what is wrong with it and where.
pub(super) fn groups(text: &str) -> Result<Vec<Group>, String> {
    let mut tree = Tree::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(step) = parser.next_event() {
        let (event, span) = step.map_err(|error| told(&error))?;
        tree.take(event).map_err(|wrong| format!("{wrong} (line {})", span.start.line()))?;
    }
    match tree.root {
        Some(Node::List(items)) => items.into_iter().map(group).collect(),
        None | Some(Node::Nothing) => Ok(Vec::new()),
        Some(Node::Text(_) | Node::Mapping(_)) => {
            Err("it does not begin with a list; begin each group with \"- targets:\"".to_owned())
        }
    }
}

fn told(error: &ScanError) -> String {
    let place = error.marker();
    format!("{} (line {}, column {})", error.info(), place.line(), place.col() + 1)
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn group(node: Node) -> Result<Group, String> {
    let Node::Mapping(members) = node else {
        return Err("a group is no mapping; write targets: and labels: in each".to_owned());
    };
    let mut group = Group::default();
    for (name, value) in members {
        match (name.as_str(), value) {
            ("targets", Node::List(items)) => {
                group.targets =
                    items.into_iter().map(|item| text("a target", item)).collect::<Result<_, _>>()?;
            }
            ("labels", Node::Mapping(members)) => group.labels = labels(members)?,
            ("targets" | "labels", Node::Nothing) => {}
            ("targets", _) => return Err("targets is no list".to_owned()),
            ("labels", _) => return Err("labels is no mapping".to_owned()),
            (other, _) => return Err(format!("a group has targets and labels, and nothing like {other:?}")),
        }
    }
    Ok(group)
}

fn labels(members: BTreeMap<String, Node>) -> Result<BTreeMap<String, String>, String> {
    let label = |(name, value)| match value {
        Node::Nothing => Ok((name, String::new())),
        value @ (Node::Text(_) | Node::List(_) | Node::Mapping(_)) => Ok((name, text("a label", value)?)),
    };
    members.into_iter().map(label).collect()
}

fn text(what: &str, node: Node) -> Result<String, String> {
    match node {
        Node::Text(text) => Ok(text),
        Node::Nothing | Node::List(_) | Node::Mapping(_) => Err(format!("{what} is no text")),
    }
}

/// What the events have built so far.
#[derive(Default)]
struct Tree {
    root: Option<Node>,
    open: Vec<(usize, Open)>,
    anchors: BTreeMap<usize, (Node, usize)>,
    documents: usize,
    values: usize,
}

/// A list or mapping that has not ended.
enum Open {
    List(Vec<Node>),
    Mapping(BTreeMap<String, Node>, Option<String>),
}

impl Tree {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err("a second document begins; write one list".to_owned());
                }
                Ok(())
            }
            Event::Scalar(value, ScalarStyle::Plain, anchor, _) if is_null(&value) => {
                self.put(Node::Nothing, anchor, 1)
            }
            Event::Scalar(value, _, anchor, _) => self.put(Node::Text(value.into_owned()), anchor, 1),
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let (node, size) = known.ok_or_else(|| "an alias stands for nothing".to_owned())?;
                self.put(node, 0, size)
            }
            Event::SequenceStart(anchor, _) => self.begin(anchor, Open::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.begin(anchor, Open::Mapping(BTreeMap::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, anchor: usize, open: Open) -> Result<(), String> {
        if self.open.len() >= DEEPEST {
            return Err(format!("more than {DEEPEST} lists and mappings stand in each other"));
        }
        self.open.push((anchor, open));
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let (anchor, node) = match self.open.pop() {
            Some((anchor, Open::List(items))) => (anchor, Node::List(items)),
            Some((anchor, Open::Mapping(members, None))) => (anchor, Node::Mapping(members)),
            Some((_, Open::Mapping(..))) | None => return Err("a mapping ends in the middle".to_owned()),
        };
        self.put(node, anchor, 1)
    }

    /// Puts a value where it belongs; `size` is how many values it stands for that are not counted yet.
    fn put(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), String> {
        self.values = self.values.saturating_add(size);
        if self.values > MOST {
            return Err(format!("it holds more than {MOST} values, aliases counted with all they stand for"));
        }
        if anchor > 0 {
            let whole = count(&node);
            self.anchors.insert(anchor, (node.clone(), whole));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some((_, Open::List(items))) => items.push(node),
            Some((_, Open::Mapping(members, key))) => match (key.take(), node) {
                (Some(name), value) => match members.entry(name) {
                    Entry::Vacant(place) => drop(place.insert(value)),
                    Entry::Occupied(known) => {
                        return Err(format!("{:?} stands twice in one mapping", known.key()));
                    }
                },
                (None, Node::Text(name)) => *key = Some(name),
                (None, Node::Nothing | Node::List(_) | Node::Mapping(_)) => {
                    return Err("a name is no text".to_owned());
                }
            },
        }
        Ok(())
    }
}

fn count(node: &Node) -> usize {
    match node {
        Node::Nothing | Node::Text(_) => 1,
        Node::List(items) => items.iter().map(count).sum::<usize>().saturating_add(1),
        Node::Mapping(members) => members.values().map(count).sum::<usize>().saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_the_text_that_they_are() {
        let text = "- targets: [10.0.0.1:443, 'b:443']\n  labels: {port: 0443, on: yes, empty: , quoted: \"a\\tb\"}\n";
        let [group] = groups(text).unwrap().try_into().unwrap();
        assert_eq!(group.targets, ["10.0.0.1:443", "b:443"]);
        let shown: Vec<String> = group.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(shown, ["empty=", "on=yes", "port=0443", "quoted=a\tb"]);
    }

    #[test]
    fn an_alias_is_what_it_stands_for() {
        let text = "- targets: [a:443]\n  labels: &team {team: one}\n- targets: [b:443]\n  labels: *team\n";
        let all = groups(text).unwrap();
        assert_eq!(all[1].labels, all[0].labels);
    }

    #[test]
    fn a_small_text_cannot_grow_large_by_aliases() {
        let mut text = "- &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (before, name) in ('a'..'h').zip('b'..='h') {
            let ten = vec![format!("*{before}"); 10].join(", ");
            text.push_str(&format!("- &{name} [{ten}]\n"));
        }
        let wrong = groups(&text).unwrap_err();
        assert!(wrong.contains("values"), "{wrong}");
    }

    #[test]
    fn what_is_no_list_is_told_with_its_place() {
        for (text, expected) in [
            ("targets: [a]\n", "begin with a list"),
            ("- a\n", "a group is no mapping"),
            ("- target: [a]\n", "target"),
            ("- targets: a\n", "targets is no list"),
            ("- targets: [[a]]\n", "a target is no text"),
            ("- targets: [a]\n  targets: [b]\n", "stands twice"),
            ("- targets: [a\n", "line"),
            ("---\n- targets: []\n---\n- targets: []\n", "second document"),
            ("- [[[[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]]]]\n", "stand in each other"),
        ] {
            let wrong = groups(text).unwrap_err();
            assert!(wrong.contains(expected), "{text}: {wrong}");
        }
        assert_eq!(groups("").unwrap(), Vec::new());
        assert_eq!(groups("# nothing yet\n").unwrap(), Vec::new());
    }
}
