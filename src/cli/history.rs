//! `certsteward history`: what happened, when, and who or what caused it.
//! It changes nothing; without a daemon it reads the store beside it.

use serde_json::{Value, json};

use super::Common;
use super::daemon::{AskDaemon, Daemon, Reach, segment};
use super::exit::{Exit, Failed};
use super::facts::stamp;
use super::output::{Output, Tone};
use super::picture::{list, moment_shown, text};
use super::watches;
use crate::app;
use crate::config::State;

/// Show what happened, newest last
///
/// Commands stand there with who gave them, their comment and their ticket.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward history sf-odata-prod\n  certsteward history --limit 500 --json"
)]
pub(super) struct Arguments {
    /// The watch's id; without it: everything
    watch: Option<String>,
    /// How many events at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Print them as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let mut events = match self.ask(&Daemon::reach(&self.reach, common)?).await {
            Ok(events) => events,
            Err(Ask::Daemon(error)) if error.is_not_running() => self.read_store(common, &error).await?,
            Err(Ask::Daemon(error)) => return Err(error.into()),
            Err(Ask::Usage(failed)) => return Err(failed),
        };
        events.reverse();
        if self.json {
            output.json(&Value::from(events));
            return Ok(Exit::Done);
        }
        if events.is_empty() {
            output.line("nothing happened yet");
        }
        for event in &events {
            show(event, output);
        }
        Ok(Exit::Done)
    }

    async fn ask(&self, daemon: &Daemon) -> Result<Vec<Value>, Ask> {
        let mut path = format!("/api/v1/events?limit={}", self.limit);
        if let Some(watch) = &self.watch {
            path = format!("{path}&watch={}", segment("watch", watch).map_err(Ask::Usage)?);
        }
        let answer = daemon.get(&path).await.map_err(Ask::Daemon)?;
        Ok(list(&answer, "events").to_vec())
    }

    async fn read_store(&self, common: &Common, no_daemon: &AskDaemon) -> Result<Vec<Value>, Failed> {
        let config = watches::configuration(common)?;
        let State::Sqlite(path) = &config.daemon.state;
        if !path.exists() {
            return Err(Failed::could_not(format!(
                "there is no history yet: the store {} does not exist, and {no_daemon}",
                path.display()
            )));
        }
        let events = app::stored_events(&config, self.watch.as_deref(), usize::from(self.limit)).await;
        let events = events.map_err(|error| Failed::because(&error))?;
        let as_json = |(number, event): &(i64, crate::domain::event::Event)| {
            let facts: serde_json::Map<String, Value> =
                event.facts.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
            json!({
                "id": number,
                "watch": event.watch,
                "at": stamp(event.at),
                "actor": event.actor.to_string(),
                "kind": event.kind.code(),
                "text": event.text,
                "facts": facts,
            })
        };
        Ok(events.iter().map(as_json).collect())
    }
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
    let by = match text(event, "actor") {
        "certsteward" | "" => String::new(),
        actor => format!(" (by {actor})"),
    };
    let kind = output.tone(Tone::Faint, text(event, "kind"));
    output.line(format_args!("{}  {watch}{kind}: {}{by}", moment_shown(event, "at"), text(event, "text")));
    let facts = event.get("facts").and_then(Value::as_object);
    for (name, value) in
        facts.into_iter().flatten().filter(|(name, _)| ["comment", "ticket"].contains(&name.as_str()))
    {
        output.line(format_args!("    {name}: {}", value.as_str().unwrap_or_default()));
    }
}
