//! `certsteward check`: how all watches are, as monitoring plugins tell it.
//! It changes nothing.

use serde_json::{Value, json};

use super::Common;
use super::daemon::Daemon;
use super::exit::{Exit, Failed};
use super::facts::{days_left, shown};
use super::output::{Output, Tone};
use super::picture::{choose, level, list, list_of, moment, text};
use super::watches;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::Timestamp;
use crate::domain::finding::{Code, Level};
use crate::domain::lint;
use crate::domain::span::left;

/// Say how the watches are; change nothing
///
/// While certsteward runs, its newest picture is shown, and a warning where that is old. Where it does not run, every source
/// is looked at and every probe made, once, and that nobody keeps watch is a warning. Exits as monitoring plugins do: 0 ok,
/// 1 warning, 2 critical, 3 unknown.
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
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        // What cannot be looked at is unknown, whatever stood in the way; who runs plugins reads standard output.
        match self.judged(common, output).await {
            Err(failed) => {
                output.line(format!("UNKNOWN - {}", failed.text));
                Ok(Exit::Unknown)
            }
            exit => exit,
        }
    }

    async fn judged(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let seen = self.look(common).await?;
        let starting = matches!(seen.looker, Looker::Unready { why: None });
        if starting && seen.watches.is_empty() {
            return Err(Failed::could_not(UNREADY));
        }
        let mut chosen = choose(&seen.watches, &self.watch)
            .map_err(|failed| if starting { Failed::could_not(UNREADY) } else { failed })?;
        if chosen.is_empty() {
            let none = watches::none_configured(common);
            let said = seen.blind.iter().fold(none.text, |text, why| format!("{text}; {why}"));
            return Err(Failed { text: said, ..none });
        }
        chosen.sort_by_key(|watch| std::cmp::Reverse(state_of(watch)));
        let worst = chosen.iter().map(|watch| state_of(watch)).max().unwrap_or(State::Unknown);
        let is_troubled = seen.reload.is_some() || !seen.blind.is_empty();
        let beside = if is_troubled { State::Warning } else { State::Ok };
        let worst = worst.max(seen.looker.at_least()).max(beside);
        if self.json {
            output.json(&json!({
                "state": worst.word().to_lowercase(), "daemon": seen.looker.word(), "note": seen.looker.note(),
                "configuration": seen.reload, "paused": seen.paused, "blind": seen.blind, "watches": chosen,
            }));
        } else {
            let notes =
                seen.looker.note().into_iter().chain(seen.reload).chain(seen.blind).chain(seen.paused);
            show(&chosen, worst, notes.collect(), output);
        }
        Ok(worst.exit())
    }

    async fn look(&self, common: &Common) -> Result<Seen, Failed> {
        if self.now {
            let (watches, blind) = watches::look_once(common, &self.watch).await?;
            return Ok(Seen::once(watches, blind, Looker::ThisOnce));
        }
        match ask(&Daemon::reach(common)?).await {
            Ok(seen) => Ok(seen),
            Err(error) if error.is_not_running() => {
                let (watches, blind) = watches::look_once(common, &self.watch).await?;
                Ok(Seen::once(watches, blind, Looker::NobodyElse))
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn ask(daemon: &Daemon) -> Result<Seen, super::daemon::AskDaemon> {
    let watches = list(&daemon.get("/api/v1/watches").await?, "watches").to_vec();
    let status = daemon.get("/api/v1/status").await?;
    let old = age_of_old_picture(&status, SystemClock.now());
    let unready = status.get("ready") == Some(&Value::Bool(false));
    let failing =
        status.get("store").and_then(|store| store.get("failing")).filter(|failing| !failing.is_null());
    let looker = match failing {
        Some(failing) => Looker::Unready { why: Some(unwritable(failing)) },
        None if unready => Looker::Unready { why: None },
        None => Looker::Daemon { old },
    };
    Ok(Seen { watches, blind: blind(&status), looker, paused: paused(&status), reload: reload(&status) })
}

/// That acts are paused everywhere: so it is from the command on, while the pictures of the watches show it one by one.
pub(super) fn paused(status: &Value) -> Option<String> {
    let pause = status.get("paused").filter(|pause| pause.is_object())?;
    let since = moment(pause, "since").map(lint::minute).unwrap_or_default();
    let by = text(pause, "by").replace('|', "/");
    Some(format!("acts are paused everywhere by {by} since {since} (end it with: certsteward resume)"))
}

/// That the configuration was broken when it was last read, and where its first problem is.
pub(super) fn reload(status: &Value) -> Option<String> {
    let failed = status.get("last_reload")?;
    let is_failed = failed.get("succeeded") == Some(&Value::Bool(false));
    let problems = text(failed, "text").replace('|', "/");
    let first = problems.lines().next().filter(|_| is_failed)?;
    let more = match problems.lines().count() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more: certsteward config check)"),
    };
    let at = moment(failed, "at").map(lint::minute).unwrap_or_default();
    Some(format!(
        "the configuration could not be read again at {at}, so the one before goes on: {first}{more}"
    ))
}

/// The discoveries that cannot look everywhere, each with since when and why: watches may be missing there.
pub(super) fn blind(status: &Value) -> Vec<String> {
    let blind = |discovery: &Value| {
        let unseen = discovery.get("unseen").filter(|unseen| unseen.is_object())?;
        let since = moment(unseen, "since").map(lint::minute).unwrap_or_default();
        let (id, why) = (text(discovery, "id"), text(unseen, "text").replace('|', "/"));
        Some(format!("the discovery {id} cannot look everywhere since {since}: {why}"))
    };
    list_of(status, "discoveries").iter().filter_map(blind).collect()
}

/// That the daemon cannot write its store, since when and why.
pub(super) fn unwritable(failing: &Value) -> String {
    let since = moment(failing, "since").map(lint::minute).unwrap_or_default();
    let why = text(failing, "text").replace('|', "/");
    format!("certsteward cannot write its store since {since} and does nothing until it can: {why}")
}

/// How many minutes ago the daemon last passed over a watch, where that is too long ago: nothing came of it for half an hour,
/// and the moment it had set for itself is over.
fn age_of_old_picture(status: &Value, now: Timestamp) -> Option<i64> {
    let newest = moment(status, "last_pass").or_else(|| moment(status, "started"))?;
    let minutes = (now - newest).num_minutes();
    let overdue = moment(status, "next_pass").is_none_or(|next| next < now);
    (minutes > OLD && overdue).then_some(minutes)
}

/// What was seen, and who looked.
struct Seen {
    watches: Vec<Value>,
    /// What discoveries could not look into.
    blind: Vec<String>,
    looker: Looker,
    /// The pause of all watches.
    paused: Option<String>,
    /// What is wrong with the configuration that would not be read again.
    reload: Option<String>,
}

impl Seen {
    const fn once(watches: Vec<Value>, blind: Vec<String>, looker: Looker) -> Self {
        Self { watches, blind, looker, paused: None, reload: None }
    }
}

/// Who looked.
enum Looker {
    /// The daemon; this many minutes ago, where that is too long ago.
    Daemon { old: Option<i64> },
    /// The daemon, which says itself that it is not ready, and why where it knows.
    Unready { why: Option<String> },
    /// This command, because it was asked to.
    ThisOnce,
    /// This command, because the daemon does not run.
    NobodyElse,
}

impl Looker {
    /// How serious it is that it was looked this way: without a store that can be written nothing is renewed at all.
    const fn at_least(&self) -> State {
        match self {
            Self::Daemon { old: None } | Self::ThisOnce => State::Ok,
            Self::Daemon { old: Some(_) } | Self::Unready { why: None } | Self::NobodyElse => State::Warning,
            Self::Unready { why: Some(_) } => State::Critical,
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Daemon { .. } => "running",
            Self::Unready { .. } => "not ready",
            Self::ThisOnce => "not asked",
            Self::NobodyElse => "not running",
        }
    }

    /// What there is to say about it.
    fn note(&self) -> Option<String> {
        match self {
            Self::Daemon { old } => old.map(|minutes| format!("the newest picture is {minutes} minutes old")),
            Self::Unready { why } => Some(why.clone().unwrap_or_else(|| UNREADY.to_owned())),
            Self::ThisOnce => Some("looked once".to_owned()),
            Self::NobodyElse => Some("certsteward is not running, looked once".to_owned()),
        }
    }
}

const UNREADY: &str = "certsteward is starting: not every watch was looked at yet";

/// How many minutes old the newest picture may be.
const OLD: i64 = 30;

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
        // What nobody has looked at yet is neither fine nor at fault.
        Some(Level::Warning) if is_only_unlooked(watch) => State::Unknown,
        Some(Level::Warning) => State::Warning,
        // A watch that was never seen is not fine, whatever else is known of it.
        Some(Level::Ok | Level::Notice) if moment(watch, "seen_at").is_some() => State::Ok,
        Some(Level::Ok | Level::Notice) | None => State::Unknown,
    }
}

/// Whether nothing is worse about a watch than that it was not looked at yet.
fn is_only_unlooked(watch: &Value) -> bool {
    let mut serious =
        list_of(watch, "findings").iter().filter(|finding| level(finding) >= Some(Level::Warning));
    unlooked(watch).is_some() && serious.all(|finding| text(finding, "code") == Code::NotLooked.code())
}

/// That a watch was not looked at yet, where it is so.
pub(super) fn unlooked(watch: &Value) -> Option<&str> {
    let mut findings = list_of(watch, "findings").iter();
    findings.find(|finding| text(finding, "code") == Code::NotLooked.code()).map(|found| text(found, "text"))
}

fn show(watches: &[&Value], worst: State, notes: Vec<String>, output: &mut Output) {
    let now = SystemClock.now();
    let counts = [State::Critical, State::Warning, State::Unknown, State::Ok]
        .map(|state| (state, watches.iter().filter(|watch| state_of(watch) == state).count()));
    let counts = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {}", state.word().to_lowercase()));
    let mut said = notes;
    said.push(counts.collect::<Vec<_>>().join(", "));
    said.extend(watches.first().and_then(|watch| worst_of_all(watch)));
    let word = output.tone(worst.tone(), worst.word());
    output.line(format_args!("{word} - {} | {}", said.join("; "), performance(watches, now)));
    for watch in watches {
        show_one(watch, now, output);
    }
}

/// The most serious watch and what is wrong with it, on the one line that many monitoring systems show.
fn worst_of_all(watch: &Value) -> Option<String> {
    let id = text(watch, "id");
    let finding = list_of(watch, "findings").first().map(|finding| text(finding, "text"));
    // What follows a bar on this line is read as numbers.
    (state_of(watch) != State::Ok).then(|| match finding {
        Some(finding) => format!("{id}: {}", finding.replace('|', "/")),
        None => format!("worst is {id}"),
    })
}

fn show_one(watch: &Value, now: Timestamp, output: &mut Output) {
    let state = state_of(watch);
    let expires = moment(watch, "expires").map_or_else(
        || "nothing was seen yet".to_owned(),
        |at| format!("{} expires {} ({})", text(watch, "common_name"), shown(at), left(at, now)),
    );
    let earlier = moment(watch, "deadline").filter(|at| Some(*at) != moment(watch, "expires"));
    let deadline =
        earlier.map(|at| format!(", deadline {} ({})", shown(at), left(at, now))).unwrap_or_default();
    let word = output.tone(state.tone(), format_args!("{:8}", state.word()));
    output.line(format_args!("{word} {}: {expires}{deadline}, {}", text(watch, "id"), text(watch, "step")));
    if let Some(until) = moment(watch, "silenced_until") {
        output.line(format_args!("  silenced until {}: no message is sent about it", shown(until)));
    }
    for finding in list_of(watch, "findings") {
        let (level, text, way_out) =
            (text(finding, "level"), text(finding, "text"), text(finding, "way_out"));
        output.line(format_args!("  {level}: {text}"));
        if !way_out.is_empty() {
            output.line(format_args!("    {}", output.tone(Tone::Faint, format_args!("way out: {way_out}"))));
        }
    }
}

/// The whole days to each expiry and each deadline, as monitoring plugins hand numbers on.
fn performance(watches: &[&Value], now: Timestamp) -> String {
    let values = watches.iter().flat_map(|watch| {
        let days = |name: &str, at: &str| {
            let days = days_left(moment(watch, at)?, now);
            Some(format!("'{}_days_to_{name}'={days}", text(watch, "id")))
        };
        [days("expiry", "expires"), days("deadline", "deadline")].into_iter().flatten()
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
    fn a_picture_is_old_once_its_daemon_is_behind_its_own_time() {
        let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
        let old = |last: &str, next: &str| {
            age_of_old_picture(&json!({ "last_pass": last, "next_pass": next }), now)
        };
        assert_eq!(old("2026-11-01T11:00:00Z", "2026-11-01T11:15:00Z"), Some(60));
        assert_eq!(old("2026-11-01T11:00:00Z", "2026-11-01T13:00:00Z"), None);
        assert_eq!(old("2026-11-01T11:50:00Z", "2026-11-01T11:55:00Z"), None);
        let never = json!({ "last_pass": null, "started": "2026-11-01T11:00:00Z" });
        assert_eq!(age_of_old_picture(&never, now), Some(60));
    }

    #[test]
    fn what_was_not_looked_at_yet_is_unknown_unless_something_worse_is_known_of_it() {
        let seen = |level: &str, findings: &[(&str, &str)]| {
            let findings = findings.iter().map(|(code, level)| json!({ "code": code, "level": level }));
            let findings: Vec<Value> = findings.collect();
            exit(&json!({ "level": level, "seen_at": "2026-11-01T00:00:00Z", "findings": findings }))
        };
        let unlooked = ("not-looked-yet", "warning");
        assert_eq!(seen("warning", &[unlooked, ("expires", "notice")]), 3);
        assert_eq!(seen("warning", &[unlooked, ("expires", "warning")]), 1);
        assert_eq!(seen("critical", &[("expired", "critical"), unlooked]), 2);
        assert_eq!(seen("warning", &[("expires", "warning")]), 1);
    }

    #[test]
    fn what_was_never_seen_is_unknown_and_not_fine() {
        assert_eq!(exit(&json!({ "level": "ok", "seen_at": null })), 3);
    }
}
