//! A rotation ends well wherever the daemon is killed and whichever call fails: nothing is lost, nothing is left over,
//! nothing is issued twice, and the calling application is served throughout.
//! The systems are the simulated landscape in this process; the daemon is a process of its own.
//!
//! With `CERTSTEWARD_TESTS_LONG=1` the tables are complete and a wait of up to a minute and a half is waited for; else a
//! covering part is run, and waits of more than four seconds are cut short as a person would, with `certsteward retry`.

mod faults;
mod judge;
mod points;
mod scene;
mod stop;
mod wake;

use std::sync::LazyLock;
use std::time::Duration;

use certsteward::clock::Stopwatch;
use certsteward::sandbox::{Fault, Matching};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use judge::{Outcome, judge};
use points::{Met, Point};
use scene::{Scene, Terms};

/// What is done to a rotation.
enum Trouble {
    /// The daemon is killed there, once.
    Kill(Point),
    /// Calls fail.
    Faults { faults: Vec<Fault>, token_lifetime: Option<Duration> },
}

struct Case {
    terms: Terms,
    name: String,
    trouble: Trouble,
    /// How many mails may come twice: those whose sending was cut.
    twice: usize,
}

/// Whether everything is run, and nothing cut short.
fn long() -> bool {
    std::env::var_os("CERTSTEWARD_TESTS_LONG").is_some()
}

/// So many seconds a wait may take and is waited for.
fn waited_for() -> i64 {
    if long() { 90 } else { 4 }
}

const fn terms(matching: Matching, subject: &'static str, rotation: &'static str) -> Terms {
    Terms { matching, rotation, subject, shared: false }
}

const fn shared(terms: Terms) -> Terms {
    Terms { shared: true, ..terms }
}

const LEARNS: Terms = terms(Matching::Exact, "auto", "side-by-side");
const SAME_DN: Terms = terms(Matching::Dn, "auto", "side-by-side");
const REPLACES: Terms = terms(Matching::Exact, "same", "side-by-side");
const IN_PLACE_DN: Terms = terms(Matching::Dn, "same", "in-place");
const IN_PLACE_EXACT: Terms = terms(Matching::Exact, "same", "in-place");

/// Every combination that the configuration allows; where SAP renews there is no choice of a subject.
const COMBINATIONS: [Terms; 15] = [
    SAME_DN,
    terms(Matching::Dn, "same", "side-by-side"),
    terms(Matching::Dn, "counted", "side-by-side"),
    LEARNS,
    REPLACES,
    terms(Matching::Exact, "counted", "side-by-side"),
    terms(Matching::Dn, "auto", "in-place"),
    IN_PLACE_DN,
    terms(Matching::Exact, "auto", "in-place"),
    IN_PLACE_EXACT,
    terms(Matching::Dn, "same", "left-to-source"),
    terms(Matching::Exact, "same", "left-to-source"),
    shared(SAME_DN),
    shared(LEARNS),
    shared(IN_PLACE_EXACT),
];

/// So many rotations run at once, over both tables. Each waits most of its time, and more where waits are waited for.
static ROOM: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(if long() { 12 } else { 16 }));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_survives_a_kill_at_every_point() {
    let unharmed = COMBINATIONS.map(|terms| Case {
        terms,
        name: "left alone".to_owned(),
        trouble: Trouble::Kill(Point::Never),
        twice: 0,
    });
    let unharmed = outcomes(unharmed.into(), "").await;
    let cases = unharmed.iter().enumerate().flat_map(|(number, outcome)| points::cases(number, outcome));
    let only = std::env::var("CERTSTEWARD_TESTS_CASE").unwrap_or_default();
    let killed = outcomes(cases.collect(), &only).await;
    told("killed", unharmed.into_iter().chain(killed).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_survives_the_failure_of_every_call() {
    let only = std::env::var("CERTSTEWARD_TESTS_CASE").unwrap_or_default();
    told("faults", outcomes(faults::cases(), &only).await);
}

/// Runs every case whose name holds `only`; what never came about is left out. Each is told when it is over, because all of
/// them take long.
#[expect(clippy::print_stdout, reason = "progress is for whoever runs it with --nocapture")]
async fn outcomes(cases: Vec<Case>, only: &str) -> Vec<Outcome> {
    let mut running = JoinSet::new();
    for (number, case) in cases.into_iter().enumerate() {
        if format!("{}: {}", case.terms.name(), case.name).contains(only) {
            running.spawn(async move {
                let _room = ROOM.acquire().await.unwrap();
                let outcome = run(case).await;
                println!("over: {outcome}");
                (number, outcome)
            });
        }
    }
    let mut outcomes = running.join_all().await;
    outcomes.sort_by_key(|(number, _)| *number);
    outcomes.into_iter().map(|(_, outcome)| outcome).filter(|outcome| outcome.came).collect()
}

/// Prints the table, and fails with every case that did not end well.
#[expect(clippy::print_stdout, reason = "the table is for whoever runs it with --nocapture")]
fn told(title: &str, outcomes: Vec<Outcome>) {
    let only = std::env::var("CERTSTEWARD_TESTS_CASE").unwrap_or_default();
    println!("{}", Outcome::head(title));
    for outcome in &outcomes {
        println!("{outcome}");
        if !only.is_empty() && outcome.kills > 0 && outcome.is_named(&only) {
            println!("{}", outcome.story);
        }
    }
    println!("{}", judge::sums(&outcomes));
    let bad: Vec<String> = outcomes.iter().filter_map(Outcome::complaint).collect();
    assert!(bad.is_empty(), "{} of {} did not end well:\n\n{}", bad.len(), outcomes.len(), bad.join("\n\n"));
}

async fn run(case: Case) -> Outcome {
    let watch = Stopwatch::start();
    let Case { terms, mut name, trouble, twice } = case;
    let (lifetime, timeout) = match &trouble {
        Trouble::Faults { token_lifetime, .. } => (*token_lifetime, "3s"),
        Trouble::Kill(_) => (None, "30s"),
    };
    let mut scene = Scene::lay(terms, lifetime, timeout).await;
    let mut came = true;
    let driven = async {
        match trouble {
            Trouble::Kill(point) => match point.kill(&mut scene).await? {
                Met::Here(at) => name = at,
                Met::Never => came = false,
            },
            Trouble::Faults { faults, .. } => {
                faults.into_iter().for_each(|fault| scene.landscape.fault(fault));
                scene.start();
                return scene.over_and_seen().await;
            }
        }
        scene.over().await
    };
    let driven = driven.await;
    let mut outcome = judge(scene, terms, name, twice, driven, watch).await;
    outcome.came = came;
    outcome
}
