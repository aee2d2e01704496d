//! Counts outcomes and puts them into tables.
//! It tries nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use crate::asked::Outcome;

/// How many files are named in full in each list.
const SHOWN: usize = 40;

/// One folder's outcomes, counted.
pub(crate) struct Tally {
    folder: String,
    files: usize,
    accepted: usize,
    certificates: usize,
    oddities: usize,
    /// By reason.
    refused: BTreeMap<String, usize>,
    /// What must not be: panics, hangs, deaths.
    broken: Vec<String>,
    openssl: Vec<String>,
    slowest: (u64, String),
    largest: (u64, String),
}

impl Tally {
    pub(crate) fn of(folder: &Path, outcomes: &[Outcome]) -> Self {
        let below = |one: &Outcome| one.file.strip_prefix(folder).unwrap_or(&one.file).display().to_string();
        let most = |of: fn(&Outcome) -> u64| {
            outcomes.iter().max_by_key(|one| of(one)).map_or((0, String::new()), |one| (of(one), below(one)))
        };
        let mut refused = BTreeMap::new();
        for one in outcomes.iter().filter(|one| one.is_refused()) {
            *refused.entry(one.word.clone()).or_default() += 1;
        }
        let listed = |wanted: fn(&&Outcome) -> bool, told: fn(&Outcome) -> String| {
            outcomes.iter().filter(wanted).map(|one| format!("{}: {}", below(one), told(one))).collect()
        };
        Self {
            folder: folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned(),
            files: outcomes.len(),
            accepted: outcomes.iter().filter(|one| one.is_accepted()).count(),
            certificates: outcomes.iter().map(|one| one.certificates).sum(),
            oddities: outcomes.iter().map(|one| one.oddities).sum(),
            refused,
            broken: listed(|one| !one.is_sound(), |one| format!("{} {}", one.word, one.text)),
            openssl: listed(
                |one| one.openssl > one.certificates,
                |one| format!("{} {} ({})", one.word, one.text, one.openssl),
            ),
            slowest: most(|one| one.millis),
            largest: most(|one| one.kibibytes),
        }
    }

    /// Whether nothing happened that must not.
    pub(crate) fn is_sound(&self) -> bool {
        self.broken.is_empty()
    }

    fn row(&self, reasons: &[String]) -> String {
        let mut row = format!(
            "| {} | {} | {} | {} | {} |",
            self.folder, self.files, self.accepted, self.certificates, self.oddities
        );
        for reason in reasons {
            write!(row, " {} |", self.refused.get(reason).copied().unwrap_or_default()).unwrap();
        }
        write!(row, " {} |", self.broken.len()).unwrap();
        row
    }

    /// All folders as one.
    fn sum(all: &[Self]) -> Self {
        let total = |of: fn(&Self) -> usize| all.iter().map(of).sum();
        let mut refused = BTreeMap::new();
        for (reason, count) in all.iter().flat_map(|one| &one.refused) {
            *refused.entry(reason.clone()).or_default() += count;
        }
        Self {
            folder: "all".to_owned(),
            files: total(|one| one.files),
            accepted: total(|one| one.accepted),
            certificates: total(|one| one.certificates),
            oddities: total(|one| one.oddities),
            refused,
            broken: all.iter().flat_map(|one| one.broken.clone()).collect(),
            openssl: all.iter().flat_map(|one| one.openssl.clone()).collect(),
            slowest: all.iter().map(|one| one.slowest.clone()).max().unwrap_or_default(),
            largest: all.iter().map(|one| one.largest.clone()).max().unwrap_or_default(),
        }
    }
}

/// The table, then what stood out.
pub(crate) fn report(tallies: &[Tally]) -> String {
    let sum = Tally::sum(tallies);
    let reasons: Vec<String> = sum.refused.keys().cloned().collect();
    let mut text = "| collection | files | accepted | certificates | oddities |".to_owned();
    for reason in &reasons {
        write!(text, " `{reason}` |").unwrap();
    }
    text.push_str(" panics, hangs, deaths |\n|---|");
    text.push_str(&"--:|".repeat(reasons.len() + 5));
    for one in tallies.iter().chain([&sum]) {
        write!(text, "\n{}", one.row(&reasons)).unwrap();
    }
    let (millis, slow) = &sum.slowest;
    let (kibibytes, large) = &sum.largest;
    write!(text, "\n\nslowest: {millis} ms, {slow}\nmost memory: {} MiB, {large}\n", kibibytes >> 10)
        .unwrap();
    for (what, list) in [("broken", &sum.broken), ("openssl finds more certificates", &sum.openssl)] {
        write!(text, "\n{what}: {}\n", list.len()).unwrap();
        for line in list.iter().take(SHOWN) {
            writeln!(text, "  {line}").unwrap();
        }
    }
    text
}

/// Adds a line for each file to a list that can be searched.
pub(crate) fn write_list(list: &Path, outcomes: &[Outcome]) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(list).unwrap();
    for one in outcomes {
        let Outcome { word, certificates, oddities, text, millis, kibibytes, openssl, .. } = one;
        let path = one.file.display();
        writeln!(
            file,
            "{word}\t{certificates}\t{oddities}\t{millis}\t{kibibytes}\t{openssl}\t{path}\t{text}"
        )
        .unwrap();
    }
}
