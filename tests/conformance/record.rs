//! What the other tools said when they were last asked, kept beside the tests so that the page can be written without them.
//! One line a scenario, one column a tool: `ok`, `fails` with its words, or `-` where it was not asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
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
        let text = std::fs::read_to_string(path()).unwrap();
        let mut record = Self::default();
        for line in text.lines() {
            let mut parts = line.split('\t');
            match parts.next() {
                Some("version") => {
                    let mut next = || parts.next().unwrap().to_owned();
                    record.versions.push((next(), next()));
                }
                Some("scenario") => {}
                name => record.add(name.unwrap(), parts),
            }
        }
        record
    }

    fn add<'a>(&mut self, scenario: &str, columns: impl Iterator<Item = &'a str>) {
        for (peer, said) in Peer::ALL.into_iter().zip(columns).filter(|(_, said)| *said != "-") {
            let text = said.strip_prefix("fails").unwrap_or_default().trim().to_owned();
            self.answers.insert((scenario.to_owned(), peer), Said { ok: said == "ok", text });
        }
    }

    pub(super) fn write(&self) {
        let mut text = String::new();
        for (name, version) in &self.versions {
            writeln!(text, "version\t{name}\t{version}").unwrap();
        }
        let head = Peer::ALL.map(Peer::name).join("\t");
        writeln!(text, "scenario\t{head}").unwrap();
        let mut names: Vec<&String> = self.answers.keys().map(|(name, _)| name).collect();
        names.dedup();
        for name in names {
            let columns = Peer::ALL.map(|peer| match self.answers.get(&(name.clone(), peer)) {
                None => "-".to_owned(),
                Some(said) if said.ok => "ok".to_owned(),
                Some(said) => format!("fails {}", said.text),
            });
            writeln!(text, "{name}\t{}", columns.join("\t")).unwrap();
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
