//! What must hold at the end of every rotation, whatever was done to it; and the line of the table that says so.

use std::collections::BTreeMap;
use std::fmt;

use certsteward::clock::Stopwatch;
use certsteward::domain::Timestamp;
use certsteward::domain::record::Record;
use certsteward::journal::Journal as _;
use certsteward::journal::sqlite::Sqlite;
use certsteward::sandbox::Matching;

use super::scene::{Line, Scene, Terms, now};

/// One line of the table.
pub(super) struct Outcome {
    pub(super) terms: Terms,
    name: String,
    /// Whether what was to be done to the rotation came about.
    pub(super) came: bool,
    pub(super) kills: u32,
    issued: u32,
    orphans: usize,
    calls: u64,
    failures: usize,
    outside: usize,
    twice: usize,
    nudges: u32,
    longest: i64,
    seconds: u64,
    wrong: Vec<String>,
    /// The calls that certsteward made, each by method and path.
    pub(super) calls_made: Vec<String>,
    /// The kinds of the lines of the history.
    pub(super) kinds: Vec<String>,
    pub(super) story: String,
}

impl Outcome {
    pub(super) fn head(title: &str) -> String {
        let limit = super::waited_for();
        format!(
            "
{title}, {}. Lost: calls of the application that failed, in an announced gap (or the one that SAP's own renewal makes) and
outside. Orphans: entries and mappings left that nothing uses. Mails2: questions mailed twice. Cut: waits of more than {limit} s,
cut short as a person does with `retry` (or the removal confirmed, where the daemon was dead when it was said); longest: the longest.

{:112} kills issued orphans calls in-gap outside mails2 cut   longest seconds how it ended",
            if super::long() { "everything" } else { "a part that covers each write of each combination" },
            "what was done to it"
        )
    }

    fn case(&self) -> String {
        format!("{}: {}", self.terms.name(), self.name)
    }

    pub(super) fn is_named(&self, part: &str) -> bool {
        self.case().contains(part)
    }

    /// What was wrong, with the story that led to it.
    pub(super) fn complaint(&self) -> Option<String> {
        (!self.wrong.is_empty()).then(|| format!("{}\n{}", self, self.story))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kills, issued, orphans, calls, failures, outside, twice, nudges, longest, seconds, ..
        } = self;
        let (case, gap) = (self.case(), failures - outside);
        let ended = if self.wrong.is_empty() { "well".to_owned() } else { self.wrong.join("; ") };
        write!(
            f,
            "{case:112} {kills:5} {issued:6} {orphans:7} {calls:5} {gap:6} {outside:7} {twice:6} {nudges:3} {longest:7} s {seconds:5} s {ended}"
        )
    }
}

/// One line for each combination, over all that was done to it.
pub(super) fn sums(outcomes: &[Outcome]) -> String {
    let mut names: Vec<String> = outcomes.iter().map(|outcome| outcome.terms.name()).collect();
    names.sort();
    names.dedup();
    let mut lines =
        vec![format!("\n{:36} rotations kills  calls in-gap outside orphans issued-each cut bad", "in all")];
    for name in names {
        let of: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.terms.name() == name).collect();
        let sum = |what: &dyn Fn(&Outcome) -> u64| of.iter().map(|outcome| what(outcome)).sum::<u64>();
        let mut issued: Vec<String> = of.iter().map(|outcome| outcome.issued.to_string()).collect();
        issued.sort();
        issued.dedup();
        lines.push(format!(
            "{name:36} {:9} {:5} {:6} {:6} {:7} {:7} {:>11} {:3} {:3}",
            of.len(),
            sum(&|outcome| u64::from(outcome.kills)),
            sum(&|outcome| outcome.calls),
            sum(&|outcome| u64::try_from(outcome.failures - outcome.outside).unwrap()),
            sum(&|outcome| u64::try_from(outcome.outside).unwrap()),
            sum(&|outcome| u64::try_from(outcome.orphans).unwrap()),
            issued.join("/"),
            sum(&|outcome| u64::from(outcome.nudges)),
            of.iter().filter(|outcome| !outcome.wrong.is_empty()).count(),
        ));
    }
    lines.join("\n")
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
    wrong.extend(of_state(&scene.state(), terms).await);
    wrong.extend(of_history(&lines, terms));
    wrong.extend(of_landscape(&scene, terms));
    let orphans = orphans(&scene, terms);
    wrong.extend(orphans.iter().cloned());
    wrong.extend(scene.overslept.map(|at| format!("what was due at {at} was slept through")));
    let report = scene.landscape.caller_report();
    let lost = report.failures_outside(&gaps(&lines, scene.left_renewed));
    let outside = lost.len();
    if let Some(first) = lost.first() {
        let why = first.failure.as_deref().unwrap_or_default();
        wrong
            .push(format!("{outside} calls lost outside an announced gap, the first at {}: {why}", first.at));
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
        terms,
        name,
        came: true,
        kills: scene.kills,
        issued: scene.landscape.issued(),
        orphans: orphans.len(),
        calls: report.calls,
        failures: usize::try_from(report.failures).unwrap(),
        outside,
        twice: twice.len(),
        nudges: scene.nudges,
        longest: scene.longest,
        seconds: watch.elapsed().as_secs(),
        wrong,
        calls_made: calls_made(&scene),
        kinds: lines.into_iter().map(|line| line.kind).collect(),
        story: format!("{}\n requests\n{}\n log\n{log}", story.join("\n"), requests.join("\n")),
    };
    scene.landscape.stop().await;
    outcome
}

fn calls_made(scene: &Scene) -> Vec<String> {
    let requests = scene.landscape.requests();
    let made = requests.iter().filter(|request| request.is_from_certsteward());
    let told = made.map(|request| format!("{} {}", request.method, request.path));
    told.map(|told| told.replace("/destination-configuration/v1", "")).collect()
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
async fn of_state(state: &std::path::Path, terms: Terms) -> Vec<String> {
    let journal = match Sqlite::open(state, now()) {
        Ok((journal, None)) => journal,
        Ok((_, Some(aside))) => return vec![format!("the state was set aside: {}", aside.why)],
        Err(error) => return vec![error.to_string()],
    };
    match journal.records().await {
        Ok(records) => {
            records.get("sf-odata").map_or(vec!["no record".into()], |record| of_record(record, terms))
        }
        Err(error) => vec![error.to_string()],
    }
}

fn of_record(record: &Record, terms: Terms) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let renewals = u32::from(!terms.is_left());
    must(record.generation == renewals, format!("{} generations", record.generation));
    must(record.renewal.is_none(), "the renewal goes on".to_owned());
    must(record.leftovers.is_empty(), format!("{} leftovers", record.leftovers.len()));
    must(record.in_flight.is_none(), format!("in flight: {:?}", record.in_flight));
    must(record.ended.is_none(), format!("ended badly: {:?}", record.ended));
    must(
        record.counts.renewals == [u64::from(renewals), 0],
        format!("renewals {:?}", record.counts.renewals),
    );
    must(record.unseen.is_none(), "the source is unseen".to_owned());
    wrong
}

fn of_history(lines: &[Line], terms: Terms) -> Vec<String> {
    let count = |kind: &str| lines.iter().filter(|line| line.kind == kind).count();
    let discarded = usize::from(terms.issued() == 2);
    let own = usize::from(!terms.is_left());
    let mut wanted = vec![
        ("renewal-started", own),
        ("renewal-ended", own),
        ("settled", own),
        ("switched", terms.switches()),
        ("candidate-discarded", discarded),
        ("renewed-elsewhere", 1 - own),
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
    let used = scene.landscape.caller_report().certificate;
    let in_use = used.as_ref().map(|used| used.name.clone()).unwrap_or_default();
    for (_, name, keystore) in scene.landscape.destinations() {
        if keystore != in_use {
            wrong.push(format!("{name} names {keystore:?}, the application uses {in_use:?}"));
        }
    }
    let mapped: Vec<String> =
        scene.landscape.mappings().into_iter().map(|mapping| mapping.fingerprint).collect();
    let exact = terms.matching == Matching::Exact;
    let in_force = used.map(|used| used.fingerprint).unwrap_or_default();
    if mapped.is_empty() || (exact && !mapped.contains(&in_force)) {
        wrong.push(format!("mapped is {mapped:?} instead of {in_force}"));
    }
    wrong
}

/// Entries that no destination names, and mappings beside the one that lets the application in.
fn orphans(scene: &Scene, terms: Terms) -> Vec<String> {
    let destinations = scene.landscape.destinations();
    let named = |name: &str| destinations.iter().any(|(_, _, keystore)| keystore == name);
    let entries = scene.landscape.entries();
    let entries = entries.iter().filter(|entry| !named(&entry.name));
    let entries = entries.map(|entry| format!("entry {} is left over", entry.name));
    let used = scene.landscape.caller_report().certificate.map(|used| used.fingerprint);
    let exact = terms.matching == Matching::Exact;
    let mappings = scene.landscape.mappings();
    let serves = |at: usize, fingerprint: &String| {
        if exact { Some(fingerprint) == used.as_ref() } else { at + 1 == mappings.len() }
    };
    let mappings = mappings.iter().enumerate().filter(|(at, mapping)| !serves(*at, &mapping.fingerprint));
    let mappings = mappings.map(|(_, mapping)| format!("mapping {} is left over", mapping.subject));
    entries.chain(mappings).collect()
}

/// The announced gaps; where SAP renews by itself, the time from then until the new certificate is accepted.
fn gaps(lines: &[Line], left: Option<Timestamp>) -> Vec<(Timestamp, Timestamp)> {
    let ended = lines.iter().find(|line| line.kind == "renewal-ended").map_or_else(now, |line| line.at);
    let announced = lines.iter().filter(|line| line.kind == "gap-announced");
    announced.map(|line| (line.at, ended)).chain(left.map(|left| (left, now()))).collect()
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
