//! `certsteward check`: how all watches are, as monitoring plugins tell it.
//! It changes nothing.

use serde_json::{Value, json};

use super::Common;
use super::daemon::{Daemon, Reach};
use super::exit::{Exit, Failed};
use super::facts::{days_left, shown};
use super::output::{Output, Tone};
use super::picture::{choose, level, list, moment, text};
use super::watches;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::Timestamp;
use crate::domain::finding::Level;

/// Look once and say how the watches are; change nothing
///
/// While certsteward runs, its newest picture is shown; else every source is looked at and every probe made, once. Exits as
/// monitoring plugins do: 0 ok, 1 warning, 2 critical, 3 unknown.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward check\n  certsteward check sf-odata-prod --json\n  certsteward check --now        look anew even while certsteward runs"
)]
pub(super) struct Arguments {
    /// The watches' ids; without any: all
    watch: Vec<String>,
    /// Look anew even while certsteward runs
    #[arg(long)]
    now: bool,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        // What cannot be looked at is unknown, whatever stood in the way.
        let unknown =
            |failed: Failed| Failed { exit: Exit::Unknown, text: format!("UNKNOWN - {}", failed.text) };
        let all = self.look(common).await.map_err(unknown)?;
        let chosen = choose(&all, &self.watch).map_err(unknown)?;
        if chosen.is_empty() {
            return Err(unknown(Failed::could_not("no watch is configured")));
        }
        let now = SystemClock.now();
        let worst = chosen.iter().map(|watch| state_of(watch)).max().unwrap_or(State::Unknown);
        if self.json {
            output.json(&json!({ "state": worst.word().to_lowercase(), "watches": chosen }));
        } else {
            show(&chosen, worst, now, output);
        }
        Ok(worst.exit())
    }

    async fn look(&self, common: &Common) -> Result<Vec<Value>, Failed> {
        if self.now {
            return watches::look_once(common, &self.watch).await;
        }
        match ask(&Daemon::reach(&self.reach, common)).await {
            Ok(watches) => Ok(watches),
            Err(error) if error.is_not_running() => watches::look_once(common, &self.watch).await,
            Err(error) => Err(error.into()),
        }
    }
}

async fn ask(daemon: &Daemon) -> Result<Vec<Value>, super::daemon::AskDaemon> {
    Ok(list(&daemon.get("/api/v1/watches").await?, "watches").to_vec())
}

/// The states of monitoring plugins, in the order of seriousness that they use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Ok,
    Unknown,
    Warning,
    Critical,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Unknown => "UNKNOWN",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }

    const fn exit(self) -> Exit {
        match self {
            Self::Ok => Exit::Done,
            Self::Unknown => Exit::Unknown,
            Self::Warning => Exit::Warning,
            Self::Critical => Exit::Critical,
        }
    }

    const fn tone(self) -> Tone {
        match self {
            Self::Ok => Tone::Good,
            Self::Unknown | Self::Warning => Tone::Warning,
            Self::Critical => Tone::Bad,
        }
    }
}

fn state_of(watch: &Value) -> State {
    match level(watch) {
        Some(Level::Critical) => State::Critical,
        Some(Level::Warning) => State::Warning,
        // A watch that was never seen is not fine, whatever else is known of it.
        Some(Level::Ok | Level::Notice) if moment(watch, "seen_at").is_some() => State::Ok,
        Some(Level::Ok | Level::Notice) | None => State::Unknown,
    }
}

fn show(watches: &[&Value], worst: State, now: Timestamp, output: &mut Output) {
    let counts = [State::Critical, State::Warning, State::Unknown, State::Ok]
        .map(|state| (state, watches.iter().filter(|watch| state_of(watch) == state).count()));
    let counts: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {}", state.word().to_lowercase()))
        .collect();
    let word = output.tone(worst.tone(), worst.word());
    output.line(format_args!("{word} - {} | {}", counts.join(", "), performance(watches, now)));
    for watch in watches {
        show_one(watch, now, output);
    }
}

fn show_one(watch: &Value, now: Timestamp, output: &mut Output) {
    let state = state_of(watch);
    let expires = moment(watch, "expires").map_or_else(
        || "nothing was seen yet".to_owned(),
        |at| format!("{} until {} ({} days left)", text(watch, "common_name"), shown(at), days_left(at, now)),
    );
    let word = output.tone(state.tone(), format_args!("{:8}", state.word()));
    output.line(format_args!("{word} {}: {expires}, {}", text(watch, "id"), text(watch, "step")));
    for finding in list(watch, "findings") {
        let (level, text, way_out) =
            (text(finding, "level"), text(finding, "text"), text(finding, "way_out"));
        output.line(format_args!("  {level}: {text}"));
        if !way_out.is_empty() {
            output.line(format_args!("    {}", output.tone(Tone::Faint, format_args!("way out: {way_out}"))));
        }
    }
}

/// The days to each deadline, as monitoring plugins hand numbers on.
fn performance(watches: &[&Value], now: Timestamp) -> String {
    let values = watches.iter().filter_map(|watch| {
        let deadline = moment(watch, "deadline").or_else(|| moment(watch, "expires"))?;
        Some(format!("'{}_days_left'={}", text(watch, "id"), days_left(deadline, now)))
    });
    values.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(watch: &Value) -> u8 {
        state_of(watch).exit().number()
    }

    #[test]
    fn each_level_has_the_exit_of_a_monitoring_plugin() {
        let seen = "2026-11-01T00:00:00Z";
        for (level, number) in [("ok", 0), ("notice", 0), ("warning", 1), ("critical", 2), ("odd", 3)] {
            assert_eq!(exit(&json!({ "level": level, "seen_at": seen })), number, "{level}");
        }
    }

    #[test]
    fn what_was_never_seen_is_unknown_and_not_fine() {
        assert_eq!(exit(&json!({ "level": "ok", "seen_at": null })), 3);
    }
}
