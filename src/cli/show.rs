//! The sandbox's show: certsteward and the simulated landscape side by side, the life of the watch line by line, and at
//! the end what the calling application lost.
//! It runs the same daemon as `certsteward run`, and asks it what any surface may ask.

use std::path::Path;
use std::time::Duration;

use super::exit::{Exit, Failed};
use super::landscape::{self, Laid, Stop};
use super::output::{Output, Tone};
use super::sandbox::Arguments;
use crate::app::{self, Running};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Kind};
use crate::domain::Timestamp;
use crate::domain::event::{Event, EventKind};
use crate::domain::snapshot::WatchView;

/// How often new events are looked for.
const TICK: Duration = Duration::from_millis(100);
/// How long `--once` waits for the whole renewal, beside the spans it was given.
const LIMIT: Duration = Duration::from_secs(300);
/// What a call under way may take beyond the application's cache.
const SLACK: Duration = Duration::from_secs(1);
/// The watch of the sandbox's configuration.
pub(super) const WATCH: &str = "sf-odata";

/// Runs the show until it is stopped, or with `--once` until one renewal has ended.
pub(super) async fn run(arguments: &Arguments, folder: &Path, output: &mut Output) -> Result<Exit, Failed> {
    let mut stop = Stop::listen()?;
    let arguments = with_free_port(arguments)?;
    let laid = landscape::lay(&arguments, folder).await?;
    let running = start(&laid).await?;
    announce(&laid, &running, output);
    let mut show = Show {
        running,
        began: SystemClock.now(),
        row: 0,
        gaps: Gaps::new(arguments.pace().caller_cache),
        ended: None,
        good: false,
        told: false,
    };
    let outcome = tokio::select! {
        () = stop.signalled() => Ok(()),
        outcome = show.go_on(&arguments, &laid, output) => outcome,
    };
    let exit = show.conclude(&laid, arguments.once, output);
    show.running.stop().await;
    laid.landscape.stop().await;
    outcome.map(|()| exit)
}

/// Starts certsteward on what was laid.
pub(super) async fn start(laid: &Laid) -> Result<Running, Failed> {
    let config = config::load(&laid.configuration, Kind::Given)
        .map_err(|problems| Failed::configuration(problems.to_string()))?;
    app::start(config, Some((laid.configuration.clone(), Kind::Given))).await.map_err(|error| {
        let text = Failed::because(&error).text;
        Failed::could_not(format!("{text}; another address: --listen 127.0.0.1:0"))
    })
}

/// Port 0 means any: links in mails must name it, so it is chosen before the configuration is written.
pub(super) fn with_free_port(arguments: &Arguments) -> Result<Arguments, Failed> {
    let mut arguments = arguments.clone();
    if arguments.listen.port() == 0 {
        let bound = std::net::TcpListener::bind(arguments.listen).and_then(|listener| listener.local_addr());
        arguments.listen = bound
            .map_err(|error| Failed::could_not(format!("no free port on {}: {error}", arguments.listen)))?;
    }
    Ok(arguments)
}

pub(super) fn announce(laid: &Laid, running: &Running, output: &mut Output) {
    output.line("certsteward runs for real; every system it speaks to is SIMULATED, on this machine only:");
    let mut places = vec![("certsteward".to_owned(), format!("http://{}/", running.listens()))];
    places.extend(landscape::places(&laid.landscape.addresses()));
    let configuration = laid.configuration.display();
    places.push(("Its command line".to_owned(), format!("certsteward --config {configuration} plan")));
    output.facts(2, &places);
    output.line("");
    output.flush();
}

/// The announced gaps, each from its announcement to its end.
pub(super) struct Gaps {
    spans: Vec<(Timestamp, Timestamp)>,
    /// What the application goes on using for so long.
    cache: chrono::Duration,
}

impl Gaps {
    /// None yet.
    pub(super) fn new(cache: Duration) -> Self {
        Self { spans: Vec::new(), cache: chrono::Duration::from_std(cache + SLACK).unwrap_or_default() }
    }

    /// All of them.
    pub(super) fn spans(&self) -> &[(Timestamp, Timestamp)] {
        &self.spans
    }

    /// One is over once the new certificate is settled and the application has let go of the old one, or once the renewal
    /// ended without that.
    pub(super) fn note(&mut self, event: &Event) {
        if event.kind == EventKind::GapAnnounced {
            self.spans.push((event.at, Timestamp::MAX_UTC));
        } else if matches!(event.kind, EventKind::Settled | EventKind::RenewalEnded) {
            for gap in self.spans.iter_mut().filter(|gap| gap.1 == Timestamp::MAX_UTC) {
                gap.1 = event.at + self.cache;
            }
        }
    }
}

struct Show {
    running: Running,
    began: Timestamp,
    row: i64,
    gaps: Gaps,
    ended: Option<Timestamp>,
    good: bool,
    told: bool,
}

impl Show {
    /// Prints events as they happen. Returns when, with `--once`, the whole renewal has ended.
    async fn go_on(&mut self, arguments: &Arguments, laid: &Laid, output: &mut Output) -> Result<(), Failed> {
        let pace = arguments.pace();
        let spans = pace.hands_take + pace.settle + pace.caller_cache * 4;
        let limit = chrono::Duration::from_std(LIMIT + spans).unwrap_or(chrono::Duration::MAX);
        loop {
            self.print_new(output).await?;
            if self.is_over(laid, arguments) {
                if arguments.once {
                    return Ok(());
                }
                self.tell_once(laid, output);
            }
            if arguments.once && SystemClock.now() - self.began > limit {
                return Err(Failed::could_not(format!(
                    "the renewal had not ended after {} s",
                    limit.num_seconds()
                )));
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// Without `--once` the show goes on; the outcome is told as soon as it stands.
    fn tell_once(&mut self, laid: &Laid, output: &mut Output) {
        if !std::mem::replace(&mut self.told, true) {
            self.conclude(laid, true, output);
            output.line("certsteward goes on; look at the pages, or end it with Ctrl-C");
            output.flush();
        }
    }

    async fn print_new(&mut self, output: &mut Output) -> Result<(), Failed> {
        let events = self.running.daemon().events(None, None, 200).await;
        let mut events = events.map_err(|refused| Failed::could_not(refused.to_string()))?;
        events.reverse();
        let seen = self.row;
        for (row, event) in events.into_iter().filter(|(row, _)| *row > seen) {
            self.row = row;
            self.gaps.note(&event);
            if event.kind == EventKind::RenewalEnded {
                self.ended = Some(event.at);
            }
            print(&event, self.began, output);
        }
        output.flush();
        Ok(())
    }

    /// One renewal has ended, everything replaced is gone, and the application has called with the new certificate.
    fn is_over(&mut self, laid: &Laid, arguments: &Arguments) -> bool {
        let Some(ended) = self.ended else {
            return false;
        };
        let snapshot = self.running.daemon().snapshot();
        let Some(view) = snapshot.watches.get(WATCH) else {
            return false;
        };
        let record = &view.record;
        if record.ended.is_some() {
            return true;
        }
        self.good =
            record.renewal.is_none() && record.leftovers.is_empty() && in_force_everywhere(view, laid);
        let cached = chrono::Duration::from_std(arguments.pace().caller_cache).unwrap_or_default();
        self.good && SystemClock.now() > ended + cached
    }

    /// What the application lost, and whether that was announced.
    fn conclude(&self, laid: &Laid, once: bool, output: &mut Output) -> Exit {
        let report = laid.landscape.caller_report();
        let unannounced = report.failures_outside(self.gaps.spans()).len();
        output.line("");
        let gap = match (self.gaps.spans().is_empty(), report.failures) {
            (true, _) => "no gap was announced",
            (false, 0) => "a gap was announced beforehand, and did not come",
            (false, _) => "a gap was announced beforehand",
        };
        let text = format!(
            "the application made {} calls, {} failed, {unannounced} of them outside an announced gap; {gap}; {}",
            report.calls,
            report.failures,
            match laid.landscape.issued() {
                1 => "1 certificate was issued".to_owned(),
                issued => format!("{issued} certificates were issued"),
            }
        );
        let fine = unannounced == 0 && (self.good || !once);
        let tone = if fine { Tone::Good } else { Tone::Bad };
        let text = output.tone(tone, text);
        output.line(text);
        if fine { Exit::Done } else { Exit::CouldNot }
    }
}

pub(super) fn in_force_everywhere(view: &WatchView, laid: &Laid) -> bool {
    let used = laid.landscape.caller_report().certificate.map(|in_use| in_use.fingerprint);
    let in_force = view.record.in_force.as_ref().map(|standing| standing.fingerprint().hex());
    used.is_some() && used == in_force
}

fn print(event: &Event, began: Timestamp, output: &mut Output) {
    let seconds = (event.at - began).num_milliseconds().max(0);
    let kind = output.tone(Tone::Strong, format_args!("{:20}", event.kind.code()));
    let by = match &event.actor {
        crate::domain::event::Actor::Daemon => String::new(),
        crate::domain::event::Actor::Named(name) => format!(" [{name}]"),
    };
    output.line(format_args!(
        "{:>4}.{} s  {kind} {}{by}",
        seconds / 1000,
        (seconds % 1000) / 100,
        event.text
    ));
}
