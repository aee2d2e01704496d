//! The sandbox's soak: many renewals in a row in one landscape, with faults by chance while the application calls, and one
//! summary of what came of it.
//! It judges by what any surface shows and by what the landscape counted; it knows nothing of how certsteward works.

use std::path::Path;
use std::time::Duration;

use super::exit::{Exit, Failed};
use super::landscape::{self, Laid, Stop};
use super::output::{Output, Tone};
use super::sandbox::Arguments;
use super::show::{self, Gaps, WATCH};
use crate::app::Running;
use crate::clock::{Clock as _, Stopwatch, SystemClock};
use crate::domain::Timestamp;
use crate::domain::event::{Actor, EventKind};
use crate::domain::report::{Command, Verb};
use crate::domain::snapshot::WatchView;
use crate::sandbox::Chances;

/// How often it looks.
const TICK: Duration = Duration::from_millis(50);
/// How long one renewal may take.
const LIMIT: Duration = Duration::from_secs(120);
/// Where nothing happened for so long and nothing is near, the wait is cut short with `retry`, as a person does.
const QUIET: Duration = Duration::from_millis(700);
/// What comes within this time is near.
const NEAR: chrono::Duration = chrono::Duration::seconds(3);
/// One call in so many meets a fault: about one in every renewal.
const ONE_IN: u64 = 40;
/// How many events are read at once.
const PAGE: usize = 200;

/// Runs so many renewals, and tells what came of them.
pub(super) async fn run(
    arguments: &Arguments,
    rotations: u32,
    folder: &Path,
    output: &mut Output,
) -> Result<Exit, Failed> {
    let mut stop = Stop::listen()?;
    let arguments = show::with_free_port(arguments)?;
    let pace = arguments.pace();
    let laid = landscape::lay(&arguments, folder).await?;
    if let Some(seed) = arguments.faults {
        laid.landscape.begin_weather(Chances { seed, one_in: ONE_IN, slow: pace.patience * 2 });
    }
    let running = show::start(&laid).await?;
    show::announce(&laid, &running, output);
    let mut soak = Soak {
        running,
        laid,
        gaps: Gaps::new(pace.caller_cache),
        row: 0,
        quiet: Stopwatch::start(),
        discarded: 0,
        cuts: 0,
        tally: Tally::default(),
    };
    let outcome = tokio::select! {
        () = stop.signalled() => Ok(()),
        outcome = soak.go_on(rotations, output) => outcome,
    };
    let exit = soak.conclude(rotations, output);
    soak.running.stop().await;
    soak.laid.landscape.stop().await;
    outcome.map(|()| exit)
}

/// How the renewals went, in time.
#[derive(Default)]
struct Tally {
    done: u32,
    stuck: Option<String>,
    whole: Duration,
    longest: Duration,
}

struct Soak {
    running: Running,
    laid: Laid,
    gaps: Gaps,
    row: i64,
    /// Since the last event.
    quiet: Stopwatch,
    /// Candidates that were given up.
    discarded: u32,
    /// Waits cut short.
    cuts: u32,
    tally: Tally,
}

impl Soak {
    async fn go_on(&mut self, rotations: u32, output: &mut Output) -> Result<(), Failed> {
        for number in 1..=rotations {
            // The first one is due by itself.
            if number > 1 {
                self.command(Verb::Renew).await?;
            }
            let took = Stopwatch::start();
            if let Some(stuck) = self.rotated(number).await? {
                self.tally.stuck = Some(format!("rotation {number} did not end: {stuck}"));
                return Ok(());
            }
            let took = took.elapsed();
            self.tally.done = number;
            self.tally.whole += took;
            self.tally.longest = self.tally.longest.max(took);
            if number % 10 == 0 || number == rotations {
                let report = self.laid.landscape.caller_report();
                output.line(format_args!(
                    "{number:>4} rotations, {} calls, {} failed, {} faults met",
                    report.calls,
                    report.failures,
                    self.met()
                ));
                output.flush();
            }
        }
        Ok(())
    }

    /// Waits until this renewal is wholly over; says why where it is not.
    async fn rotated(&mut self, number: u32) -> Result<Option<String>, Failed> {
        let whole = Stopwatch::start();
        let mut tick = tokio::time::interval(TICK);
        loop {
            tick.tick().await;
            self.read_events().await?;
            let snapshot = self.running.daemon().snapshot();
            if let Some(view) = snapshot.watches.get(WATCH) {
                if let Some(ended) = &view.record.ended {
                    return Ok(Some(format!("{ended:?}")));
                }
                if self.is_over(view, number) {
                    return Ok(None);
                }
                if whole.elapsed() > LIMIT {
                    return Ok(Some(told(view)));
                }
                if self.quiet.elapsed() > QUIET && is_far(view, SystemClock.now()) {
                    self.command(Verb::Retry).await?;
                    self.cuts += 1;
                    self.quiet = Stopwatch::start();
                }
            } else if whole.elapsed() > LIMIT {
                return Ok(Some("the watch was never seen".to_owned()));
            }
        }
    }

    /// This renewal has ended, everything replaced is gone, and the application calls with the new certificate.
    fn is_over(&self, view: &WatchView, number: u32) -> bool {
        let record = &view.record;
        record.generation == number
            && record.renewal.is_none()
            && record.leftovers.is_empty()
            && show::in_force_everywhere(view, &self.laid)
    }

    async fn read_events(&mut self) -> Result<(), Failed> {
        let events = self.running.daemon().events(None, None, PAGE).await;
        let mut events = events.map_err(|refused| Failed::could_not(refused.to_string()))?;
        events.reverse();
        let seen = self.row;
        for (row, event) in events.into_iter().filter(|(row, _)| *row > seen) {
            self.row = row;
            self.gaps.note(&event);
            self.discarded += u32::from(event.kind == EventKind::CandidateDiscarded);
            self.quiet = Stopwatch::start();
        }
        Ok(())
    }

    async fn command(&self, verb: Verb) -> Result<(), Failed> {
        let command = Command {
            id: 0,
            watch: WATCH.to_owned(),
            at: SystemClock.now(),
            actor: Actor::Named("sandbox".to_owned()),
            verb,
            comment: None,
            ticket: None,
        };
        let stored = self.running.daemon().command(command).await;
        stored.map(drop).map_err(|refused| Failed::could_not(refused.to_string()))
    }

    /// How many faults came.
    fn met(&self) -> u64 {
        self.laid.landscape.weather().into_iter().map(|(_, count)| count).sum()
    }

    fn conclude(&self, rotations: u32, output: &mut Output) -> Exit {
        let report = self.laid.landscape.caller_report();
        let outside = report.failures_outside(self.gaps.spans()).len();
        let left = self.left_over();
        let tally = &self.tally;
        let issued = self.laid.landscape.issued();
        let twice = issued.saturating_sub(tally.done + self.discarded);
        let fine = outside == 0 && tally.done == rotations && left.is_empty() && twice == 0;
        output.line("");
        output.facts(0, &self.facts(rotations, outside, &left));
        if let Some(stuck) = &tally.stuck {
            output.line(output.tone(Tone::Bad, stuck));
        }
        for call in report.failures_outside(self.gaps.spans()).iter().take(10) {
            let why = call.failure.as_deref().unwrap_or_default();
            output.line(format_args!("lost at {}: {why}", call.at.format("%H:%M:%S%.3f")));
        }
        let (tone, verdict) = if fine {
            (Tone::Good, "every rotation ended, and no call was lost outside an announced gap")
        } else {
            (Tone::Bad, "not every rotation ended well")
        };
        output.line(output.tone(tone, verdict));
        if fine { Exit::Done } else { Exit::CouldNot }
    }

    fn facts(&self, rotations: u32, outside: usize, left: &[String]) -> Vec<(String, String)> {
        let report = self.laid.landscape.caller_report();
        let tally = &self.tally;
        let faults: Vec<String> = self
            .laid
            .landscape
            .weather()
            .into_iter()
            .map(|(kind, count)| format!("{count} × {}", kind.name()))
            .collect();
        let seconds = |span: Duration| format!("{}.{} s", span.as_secs(), span.subsec_millis() / 100);
        let each = tally.whole.checked_div(tally.done).unwrap_or_default();
        let facts = [
            (
                "Rotations",
                format!(
                    "{} of {rotations} ended, {} each, the longest {}; {} waits were cut short with retry",
                    tally.done,
                    seconds(each),
                    seconds(tally.longest),
                    self.cuts
                ),
            ),
            ("Faults", if faults.is_empty() { "none ordered".to_owned() } else { faults.join(", ") }),
            ("Calls", format!("{} by the application", report.calls)),
            (
                "Failed calls",
                format!(
                    "{}, {outside} of them outside an announced gap ({} announced)",
                    report.failures,
                    self.gaps.spans().len()
                ),
            ),
            (
                "Certificates",
                format!(
                    "{} issued, {} of them given up while learning",
                    self.laid.landscape.issued(),
                    self.discarded
                ),
            ),
            ("Left over", if left.is_empty() { "nothing".to_owned() } else { left.join(", ") }),
        ];
        facts.map(|(name, text)| (name.to_owned(), text)).into()
    }

    /// Entries that no destination names, and mappings beside the one.
    fn left_over(&self) -> Vec<String> {
        let destinations = self.laid.landscape.destinations();
        let named = |name: &str| destinations.iter().any(|(_, _, keystore)| keystore == name);
        let entries = self.laid.landscape.entries().into_iter().filter(|entry| !named(&entry.name));
        let mut left: Vec<String> = entries.map(|entry| format!("entry {}", entry.name)).collect();
        let mappings = self.laid.landscape.mappings();
        let older = mappings.len().saturating_sub(1);
        left.extend(mappings.iter().take(older).map(|mapping| format!("mapping of {}", mapping.subject)));
        left
    }
}

/// Whether nothing happens by itself for a while.
fn is_far(view: &WatchView, now: Timestamp) -> bool {
    view.next.is_none_or(|next| next > now + NEAR)
}

/// Where a renewal stands that does not go on.
fn told(view: &WatchView) -> String {
    let findings: Vec<&str> = view.findings.iter().map(|finding| finding.text.as_str()).collect();
    format!(
        "{:?}, next at {:?}, held by {:?}; {}; leftovers {:?}; open {:?}",
        view.step,
        view.next,
        view.plan().held,
        findings.join("; "),
        view.record.leftovers.iter().map(|leftover| &leftover.name).collect::<Vec<_>>(),
        view.hand_offs.iter().map(|open| &open.target).collect::<Vec<_>>(),
    )
}
