//! What the other tools said when they were last asked, kept beside the tests so that the page can be written without them.
//! One line an answer: scenario, tool, whether it called it a success, what it said.

use std::collections::BTreeMap;
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
                [name, peer, ok, said] => {
                    let said = Said { ok: *ok == "ok", text: (*said).to_owned() };
                    let peer = Peer::from_name(peer).unwrap();
                    record.answers.insert(((*name).to_owned(), peer), said);
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
        for ((name, peer), said) in &self.answers {
            let ok = if said.ok { "ok" } else { "fails" };
            text.push_str(&format!("{name}\t{}\t{ok}\t{}\n", peer.name(), said.text));
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
