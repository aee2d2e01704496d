//! A rotation ends well wherever the daemon is killed and whichever call fails: nothing is lost, nothing is left over,
//! nothing is issued twice, and the calling application is served throughout.
//! The systems are the simulated landscape in this process; the daemon is a process of its own.
//!
//! With `CERTSTEWARD_TESTS_LONG=1` the tables are complete and every wait is waited for; else a representative part is
//! run, and waits of a minute and more are cut short as a person would, with `certsteward retry`.

mod faults;
mod judge;
mod points;
mod scene;

use std::time::Duration;

use certsteward::clock::Stopwatch;
use certsteward::sandbox::{Fault, Matching};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use judge::{Outcome, judge};
use points::Point;
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

const fn terms(matching: Matching, subject: &'static str, rotation: &'static str) -> Terms {
    Terms { matching, rotation, subject }
}

const LEARNS: Terms = terms(Matching::Exact, "auto", "side-by-side");
const SAME_DN: Terms = terms(Matching::Dn, "auto", "side-by-side");
const REPLACES: Terms = terms(Matching::Exact, "same", "side-by-side");
const IN_PLACE_DN: Terms = terms(Matching::Dn, "same", "in-place");
const IN_PLACE_EXACT: Terms = terms(Matching::Exact, "same", "in-place");

/// So many rotations run at once, over both tables.
static ROOM: Semaphore = Semaphore::const_new(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_survives_a_kill_at_every_point() {
    table("killed", points::cases()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_survives_the_failure_of_every_call() {
    table("faults", faults::cases()).await;
}

/// Runs every case, prints the table, and fails with every case that did not end well.
#[expect(clippy::print_stdout, reason = "the table is what these tests show")]
async fn table(title: &str, cases: Vec<Case>) {
    let only = std::env::var("CERTSTEWARD_TESTS_CASE").unwrap_or_default();
    let mut running = JoinSet::new();
    for (number, case) in cases.into_iter().enumerate() {
        if format!("{}: {}", case.terms.name(), case.name).contains(&only) {
            running.spawn(async move {
                let _room = ROOM.acquire().await.unwrap();
                (number, run(case).await)
            });
        }
    }
    let mut outcomes = running.join_all().await;
    outcomes.sort_by_key(|(number, _)| *number);
    println!("{}", Outcome::head(title));
    for (_, outcome) in &outcomes {
        println!("{outcome}");
        if !only.is_empty() {
            println!("{}", outcome.story);
        }
    }
    let bad: Vec<String> = outcomes.iter().filter_map(|(_, outcome)| outcome.complaint()).collect();
    assert!(bad.is_empty(), "{} of {} did not end well:\n\n{}", bad.len(), outcomes.len(), bad.join("\n\n"));
}

async fn run(case: Case) -> Outcome {
    let watch = Stopwatch::start();
    let Case { terms, name, trouble, twice } = case;
    let lifetime = match &trouble {
        Trouble::Faults { token_lifetime, .. } => *token_lifetime,
        Trouble::Kill(_) => None,
    };
    let mut scene = Scene::lay(terms, lifetime).await;
    let driven = async {
        match trouble {
            Trouble::Kill(point) => point.kill(&mut scene).await?,
            Trouble::Faults { faults, .. } => {
                faults.into_iter().for_each(|fault| scene.landscape.fault(fault));
                scene.start();
            }
        }
        scene.over().await
    };
    let driven = driven.await;
    judge(scene, terms, name, twice, driven, watch).await
}
