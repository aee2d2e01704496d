//! What the other tools said when they were last asked, kept beside the tests so that the page can be written without them.
//! One line a scenario, one column a tool: `ok`, or `fails: ` and what it said, or nothing where it was not asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::peers::{Peer, Said};
use super::scenario::Scenario;

/// The answers, and the versions of what was asked.
#[derive(Default)]
pub(super) struct Record {
    pub(super) versions: Vec<(String, String)>,
    answers: BTreeMap<(String, Peer), Said>,
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/peers.tsv")
}

/// What a scenario is called in the record.
fn name(scenario: &Scenario) -> String {
    let site = scenario.site;
    let words = [
        format!("{:?}", site.kind),
        site.version.name().to_owned(),
        format!("{:?}", site.asking),
        format!("{:?}", site.own),
        format!("{:?}", scenario.client),
        scenario.path.to_owned(),
    ];
    words.join(" ")
}

fn cell(said: Option<&Said>) -> String {
    match said {
        None => String::new(),
        Some(said) if said.ok => "ok".to_owned(),
        Some(said) => format!("fails: {}", said.text),
    }
}

fn from_cell(cell: &str) -> Option<Said> {
    let text = cell.strip_prefix("fails: ");
    (!cell.is_empty()).then(|| Said { ok: text.is_none(), text: text.unwrap_or_default().to_owned() })
}

impl Record {
    pub(super) fn read() -> Self {
        let text = std::fs::read_to_string(path()).unwrap_or_default();
        let mut record = Self::default();
        for line in text.lines() {
            let parts: Vec<&str> = line.split('\t').collect();
            match parts.as_slice() {
                ["version", name, version] => {
                    record.versions.push(((*name).to_owned(), (*version).to_owned()))
                }
                [name, cells @ ..] if cells.len() == Peer::ALL.len() => {
                    let answers = Peer::ALL.into_iter().zip(cells);
                    let said = answers.filter_map(|(peer, cell)| Some((peer, from_cell(cell)?)));
                    record.answers.extend(said.map(|(peer, said)| (((*name).to_owned(), peer), said)));
                }
                _ => panic!("a line of the record is damaged: {line}"),
            }
        }
        record
    }

    pub(super) fn write(&self) {
        let mut text = String::new();
        for (name, version) in &self.versions {
            text.push_str(&format!("version\t{name}\t{version}\n"));
        }
        let names: BTreeSet<&String> = self.answers.keys().map(|(name, _)| name).collect();
        for name in names {
            let cell = |peer| cell(self.answers.get(&(name.clone(), peer)));
            text.push_str(&format!("{name}\t{}\n", Peer::ALL.map(cell).join("\t")));
        }
        std::fs::write(path(), text).unwrap();
    }

    pub(super) fn note(&mut self, scenario: &Scenario, peer: Peer, said: Said) {
        self.answers.insert((name(scenario), peer), said);
    }

    pub(super) fn said(&self, scenario: &Scenario, peer: Peer) -> Option<&Said> {
        self.answers.get(&(name(scenario), peer))
    }
}
