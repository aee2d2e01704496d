//! What must hold at the end of every rotation, whatever was done to it; and the line of the table that says so.

use std::collections::BTreeMap;
use std::fmt;

use certsteward::clock::Stopwatch;
use certsteward::domain::record::Record;
use certsteward::journal::Journal as _;
use certsteward::journal::sqlite::Sqlite;

use super::scene::{Line, Scene, Terms, now};

/// One line of the table.
pub(super) struct Outcome {
    case: String,
    kills: u32,
    issued: u32,
    calls: u64,
    failures: u64,
    outside: usize,
    twice: usize,
    nudges: u32,
    longest: i64,
    seconds: u64,
    wrong: Vec<String>,
    pub(super) story: String,
}

impl Outcome {
    pub(super) fn head(title: &str) -> String {
        format!(
            "\n{:75} kills issued calls failed outside mails2 skipped longest seconds outcome",
            format!("{title}: subject, rotation, and what was done to it")
        )
    }

    /// What was wrong, with the story that led to it.
    pub(super) fn complaint(&self) -> Option<String> {
        (!self.wrong.is_empty()).then(|| format!("{}\n{}", self, self.story))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, kills, issued, calls, failures, outside, twice, nudges, longest, seconds, .. } =
            self;
        let outcome = if self.wrong.is_empty() { "ended well".to_owned() } else { self.wrong.join("; ") };
        write!(
            f,
            "{case:75} {kills:5} {issued:6} {calls:5} {failures:6} {outside:7} {twice:6} {nudges:7} {longest:5} s {seconds:5} s {outcome}"
        )
    }
}

/// Ends the daemon and looks at everything it leaves behind.
pub(super) async fn judge(
    mut scene: Scene,
    terms: Terms,
    name: String,
    twice_allowed: usize,
    driven: Result<(), String>,
    watch: Stopwatch,
) -> Outcome {
    let mut wrong: Vec<String> = driven.err().into_iter().collect();
    let log = scene.log_end();
    match scene.stop().await {
        Some(0) => {}
        code => wrong.push(format!("SIGTERM ended the daemon with {code:?}")),
    }
    scene.look();
    let lines = scene.lines().to_vec();
    wrong.extend(of_state(&scene.state()).await);
    wrong.extend(of_history(&lines, terms));
    wrong.extend(of_landscape(&scene, terms));
    let report = scene.landscape.caller_report();
    let outside = report.failures_outside(&gaps(&lines)).len();
    if outside > 0 {
        wrong.push(format!("{outside} calls of the application lost outside an announced gap"));
    }
    let twice = mails_twice(&scene);
    if twice.len() > twice_allowed {
        wrong.push(format!("mails came twice: {twice:?}"));
    }
    let story: Vec<String> = lines
        .iter()
        .map(|line| format!("  {} {:20} {}", line.at.format("%H:%M:%S%.3f"), line.kind, line.text))
        .collect();
    let requests = requests_told(&scene);
    let outcome = Outcome {
        case: format!("{}: {name}", terms.name()),
        kills: scene.kills,
        issued: scene.landscape.issued(),
        calls: report.calls,
        failures: report.failures,
        outside,
        twice: twice.len(),
        nudges: scene.nudges,
        longest: scene.longest,
        seconds: watch.elapsed().as_secs(),
        wrong,
        story: format!("{}\n requests\n{}\n log\n{log}", story.join("\n"), requests.join("\n")),
    };
    scene.landscape.stop().await;
    outcome
}

/// Every request that changed something or was not answered with success.
fn requests_told(scene: &Scene) -> Vec<String> {
    let requests = scene.landscape.requests();
    let telling = requests.iter().filter(|request| request.method != "GET" || request.status != 200);
    telling
        .map(|request| {
            let at = request.at.format("%H:%M:%S%.3f");
            format!("  {at} {} {} {}", request.status, request.method, request.path)
        })
        .collect()
}

/// What is wrong with the store that the daemon left.
async fn of_state(state: &std::path::Path) -> Vec<String> {
    let journal = match Sqlite::open(state, now()) {
        Ok((journal, None)) => journal,
        Ok((_, Some(aside))) => return vec![format!("the state was set aside: {}", aside.why)],
        Err(error) => return vec![error.to_string()],
    };
    match journal.records().await {
        Ok(records) => records.get("sf-odata").map_or(vec!["no record".into()], of_record),
        Err(error) => vec![error.to_string()],
    }
}

fn of_record(record: &Record) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    must(record.generation == 1, format!("{} generations", record.generation));
    must(record.renewal.is_none(), "the renewal goes on".to_owned());
    must(record.leftovers.is_empty(), format!("{} leftovers", record.leftovers.len()));
    must(record.in_flight.is_none(), format!("in flight: {:?}", record.in_flight));
    must(record.ended.is_none(), format!("ended badly: {:?}", record.ended));
    must(record.counts.renewals == [1, 0], format!("renewals {:?}", record.counts.renewals));
    must(record.unseen.is_none(), "the source is unseen".to_owned());
    wrong
}

fn of_history(lines: &[Line], terms: Terms) -> Vec<String> {
    let count = |kind: &str| lines.iter().filter(|line| line.kind == kind).count();
    let discarded = usize::from(terms.issued() == 2);
    let mut wanted = vec![
        ("renewal-started", 1),
        ("renewal-ended", 1),
        ("settled", 1),
        ("switched", usize::from(terms.rotation != "in-place")),
        ("candidate-discarded", discarded),
        ("renewed-elsewhere", 0),
        ("rolled-back", 0),
        ("store-rebuilt", 0),
        ("watched", 1),
    ];
    if !terms.may_gap() {
        wanted.push(("gap-announced", 0));
    }
    let wrong = wanted.into_iter().filter(|(kind, n)| count(kind) != *n);
    wrong.map(|(kind, n)| format!("{kind} {} times instead of {n}", count(kind))).collect()
}

fn of_landscape(scene: &Scene, terms: Terms) -> Vec<String> {
    let mut wrong = Vec::new();
    let issued = scene.landscape.issued();
    if issued != terms.issued() {
        wrong.push(format!("{issued} certificates issued instead of {}", terms.issued()));
    }
    let entries: Vec<_> = scene.landscape.entries();
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let used = scene.landscape.caller_report().certificate;
    if entries.len() != 1 || used.as_ref().map(|used| used.name.as_str()) != names.first().copied() {
        wrong.push(format!("the store holds {names:?}, the application uses {used:?}"));
    }
    let mapped: Vec<String> =
        scene.landscape.mappings().into_iter().map(|mapping| mapping.fingerprint).collect();
    let exact = terms.matching == certsteward::sandbox::Matching::Exact;
    let in_force = used.map(|used| used.fingerprint).unwrap_or_default();
    if mapped.len() != 1 || (exact && mapped[0] != in_force) {
        wrong.push(format!("mapped is {mapped:?} instead of {in_force}"));
    }
    wrong
}

fn gaps(lines: &[Line]) -> Vec<(certsteward::domain::Timestamp, certsteward::domain::Timestamp)> {
    let ended = lines.iter().find(|line| line.kind == "renewal-ended").map_or_else(now, |line| line.at);
    let announced = lines.iter().filter(|line| line.kind == "gap-announced");
    announced.map(|line| (line.at, ended)).collect()
}

/// The questions that were mailed more than once: same subject, same question, same certificate. A finding may come again.
fn mails_twice(scene: &Scene) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for mail in scene.landscape.mails().iter().filter(|mail| mail.line("Ask").is_some()) {
        let key = ["Ask", "Fingerprint (SHA-256)"].map(|name| mail.line(name).unwrap_or_default().to_owned());
        *seen.entry(format!("{} {}", mail.subject, key.join(" "))).or_default() += 1;
    }
    seen.into_iter().filter(|(_, count)| *count > 1).map(|(key, count)| format!("{count}× {key}")).collect()
}
