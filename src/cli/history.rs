//! `certsteward history`: what happened, when, and who or what caused it; and the proof that nobody changed it.
//! It changes nothing; without a daemon it reads the store beside it.

mod verify;

use serde_json::Value;

use super::Common;
use super::daemon::{AskDaemon, Daemon, segment};
use super::exit::{Exit, Failed};
use super::facts::shown;
use super::output::{Output, Tone};
use super::picture::{choose, list, moment_shown, text};
use super::{span, watches};
use crate::app;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, State};
use crate::domain::Timestamp;

/// Show what happened, newest last
///
/// Commands stand there with who gave them, their comment and their ticket; acts with what caused them, what was asked of
/// the other system and what it answered. The JSON is the whole history as it is kept, with the hashes that chain it.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  certsteward history sf-odata-prod\n  certsteward history --since 2027-01-01\n  certsteward history --all --json > history.json\n  certsteward history verify"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verify: Option<Verify>,
    /// The watch's id; without it: everything
    watch: Option<String>,
    /// How many events at most [default: 50, or all where --since or --all is given]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: Option<u16>,
    /// Nothing before this day or moment, such as 2027-01-04 or 2027-01-04T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = span::moment)]
    since: Option<Timestamp>,
    /// Everything since the store was begun
    #[arg(long, conflicts_with_all = ["limit", "since"])]
    all: bool,
    /// Print them as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Verify {
    Verify(verify::Arguments),
}

/// How many events are shown where nothing says how many.
const USUAL: usize = 50;
/// How many events are asked for at once.
const PAGE: usize = 1000;

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        if let Some(Verify::Verify(arguments)) = &self.verify {
            return arguments.perform(common, output).await;
        }
        let mut events = match self.ask(&Daemon::reach(common)?).await {
            Ok(events) => events,
            Err(Ask::Daemon(error)) if error.is_not_running() => self.read_store(common, &error).await?,
            Err(Ask::Daemon(error)) => return Err(error.into()),
            Err(Ask::Usage(failed)) => return Err(failed),
        };
        if let (true, Some(watch)) = (events.is_empty(), &self.watch) {
            must_be_known(watch, common).await?;
        }
        if let Some(since) = self.since.filter(|since| *since > SystemClock.now()) {
            output.aside(format_args!("{} lies in the future", shown(since)));
        }
        events.reverse();
        if self.json {
            output.json(&Value::from(events));
            return Ok(Exit::Done);
        }
        if events.is_empty() {
            output.line(self.since.map_or_else(
                || "nothing happened yet".to_owned(),
                |since| format!("nothing happened since {}", shown(since)),
            ));
        }
        for event in &events {
            show(event, output);
        }
        Ok(Exit::Done)
    }

    fn most(&self) -> usize {
        let everything = self.all || self.since.is_some();
        self.limit.map_or(if everything { usize::MAX } else { USUAL }, usize::from)
    }

    /// Asks page by page, newest first.
    async fn ask(&self, daemon: &Daemon) -> Result<Vec<Value>, Ask> {
        let mut rest = String::new();
        if let Some(watch) = &self.watch {
            rest = format!("&watch={}", segment("watch", watch).map_err(Ask::Usage)?);
        }
        if let Some(since) = self.since {
            rest = format!("{rest}&since={}", since.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true));
        }
        let mut events: Vec<Value> = Vec::new();
        let mut before = String::new();
        loop {
            let page = PAGE.min(self.most() - events.len());
            let path = format!("/api/v1/events?limit={page}{rest}{before}");
            let answer = daemon.get(&path).await.map_err(Ask::Daemon)?;
            events.extend(list(&answer, "events").iter().cloned());
            match answer.get("next").and_then(Value::as_i64) {
                Some(next) if events.len() < self.most() => before = format!("&before={next}"),
                Some(_) | None => return Ok(events),
            }
        }
    }

    async fn read_store(&self, common: &Common, no_daemon: &AskDaemon) -> Result<Vec<Value>, Failed> {
        let config = stored(common, no_daemon)?;
        let events = app::stored_events(&config, self.watch.as_deref(), self.since, self.most()).await;
        events.map_err(|error| Failed::because(&error))
    }
}

/// That a watch is configured, or was: its events stay when it is gone.
async fn must_be_known(watch: &str, common: &Common) -> Result<(), Failed> {
    let daemon = Daemon::reach(common)?;
    let known = match daemon.get(&format!("/api/v1/events?limit=1&watch={watch}")).await {
        Ok(events) if !list(&events, "events").is_empty() => return Ok(()),
        Ok(_) => list(&daemon.get("/api/v1/watches").await?, "watches").to_vec(),
        Err(no_daemon) if no_daemon.is_not_running() => {
            let config = stored(common, &no_daemon)?;
            let events = app::stored_events(&config, Some(watch), None, 1).await;
            if !events.map_err(|error| Failed::because(&error))?.is_empty() {
                return Ok(());
            }
            config.watches.iter().map(|watch| serde_json::json!({ "id": watch.watch.id })).collect()
        }
        Err(error) => return Err(error.into()),
    };
    choose(&known, &[watch.to_owned()]).map(drop)
}

/// The configuration whose store can be read where no daemon answers.
fn stored(common: &Common, no_daemon: &AskDaemon) -> Result<Config, Failed> {
    let config = watches::configuration(common)?;
    let State::Sqlite(path) = &config.daemon.state;
    if path.exists() {
        return Ok(config);
    }
    Err(Failed::could_not(format!(
        "there is no history yet: the store {} does not exist, and {no_daemon}",
        path.display()
    )))
}

enum Ask {
    Daemon(AskDaemon),
    Usage(Failed),
}

fn show(event: &Value, output: &mut Output) {
    let watch = match text(event, "watch") {
        "" => String::new(),
        id => format!("{id}: "),
    };
    // Some sentences name them already.
    let by = match text(event, "actor") {
        "certsteward" | "" => String::new(),
        actor if names(text(event, "text"), actor) => String::new(),
        actor => format!(" (by {actor})"),
    };
    let kind = output.tone(Tone::Faint, text(event, "kind"));
    output.line(format_args!("{}  {watch}{kind}: {}{by}", moment_shown(event, "at"), text(event, "text")));
    let facts = event.get("facts").unwrap_or(&Value::Null);
    for name in ["comment", "ticket", "cause"] {
        if !text(facts, name).is_empty() {
            output.line(format_args!("    {name}: {}", text(facts, name)));
        }
    }
    if !text(facts, "request").is_empty() {
        output.line(format_args!("    asked: {} → {}", text(facts, "request"), text(facts, "answer")));
    }
}

/// Whether a sentence says already who did it, by the whole name.
fn names(sentence: &str, actor: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || "-_.@".contains(c));
    let after = |before: &str| sentence.split(&format!("{before}{actor}")).skip(1).any(ends);
    after(" by ") || after(" says ")
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_that_only_begins_another_is_not_said_already() {
        assert!(names("issue-1 was rejected by root: it is not done", "root"));
        assert!(names("it is gone from sc, says pat", "pat"));
        for (sentence, actor) in
            [("cancelled by rooter", "root"), ("done by pat-2", "pat"), ("roots", "root")]
        {
            assert!(!names(sentence, actor), "{sentence}");
        }
    }
}
