//! `certsteward plan`: what happens next, by which rule, and what holds it.
//! It changes nothing and decides nothing; the plan comes from a pass.

use serde_json::Value;

use super::Common;
use super::daemon::{AskDaemon, Daemon, segment};
use super::exit::{Exit, Failed};
use super::facts::shown;
use super::output::{Output, Tone};
use super::picture::{choose, list, list_of, moment, moment_shown, text};
use super::{check, watches};
use crate::domain::plan::STOP;

/// Show what happens next, why, what holds it, and whether a gap is expected
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  certsteward plan\n  certsteward plan sf-odata-prod --json")]
pub(super) struct Arguments {
    /// The watches' ids; without any: all
    watch: Vec<String>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let (whole, looked_once, blind) = self.plans(common).await?;
        if self.json {
            output.json(&Value::from(whole.iter().map(only_plan).collect::<Vec<_>>()));
            return Ok(Exit::Done);
        }
        blind.iter().for_each(|why| output.aside(why));
        if whole.is_empty() {
            return Err(watches::none_configured(common));
        }
        if looked_once {
            output.aside(format_args!(
                "certsteward is not running: looked once; nothing of this happens until it runs ({})",
                common.start()
            ));
        }
        if !looked_once {
            beside(common).await.iter().for_each(|why| output.aside(why));
        }
        for watch in &whole {
            show(watch, output);
        }
        Ok(Exit::Done)
    }

    /// The watches in full, whether they had to be looked at without a daemon, and what discoveries could not look into then.
    async fn plans(&self, common: &Common) -> Result<(Vec<Value>, bool, Vec<String>), Failed> {
        for id in &self.watch {
            segment("watch", id)?;
        }
        match self.ask(&Daemon::reach(common)?).await {
            Err(error) if error.is_not_running() => {
                let (all, blind) = watches::look_once(common, &self.watch).await?;
                let chosen = choose(&all, &self.watch)?;
                Ok((chosen.into_iter().cloned().collect(), true, blind))
            }
            asked => Ok((asked?, false, Vec::new())),
        }
    }

    async fn ask(&self, daemon: &Daemon) -> Result<Vec<Value>, AskDaemon> {
        let mut ids = self.watch.clone();
        if ids.is_empty() {
            let all = daemon.get("/api/v1/watches").await?;
            ids = list(&all, "watches").iter().map(|watch| text(watch, "id").to_owned()).collect();
        }
        let mut whole = Vec::with_capacity(ids.len());
        for id in ids {
            whole.push(daemon.get(&format!("/api/v1/watches/{id}")).await?);
        }
        Ok(whole)
    }
}

/// What keeps the daemon from going on as planned: a store that cannot be written, a pause of everything, a configuration that
/// could not be read again.
async fn beside(common: &Common) -> Vec<String> {
    let Ok(daemon) = Daemon::reach(common) else { return Vec::new() };
    let Ok(status) = daemon.get("/api/v1/status").await else { return Vec::new() };
    let failing = status.get("store").and_then(|store| store.get("failing"));
    let failing = failing.filter(|failing| failing.is_object()).map(check::unwritable);
    [failing, check::paused(&status), check::reload(&status)].into_iter().flatten().collect()
}

fn only_plan(watch: &Value) -> Value {
    let names = [
        "id",
        "mode",
        "step",
        "level",
        "deadline",
        "due",
        "plan",
        "targets",
        "hand_offs",
        "silenced_until",
        "in_flight",
        "attempts",
    ];
    let kept = names.iter().filter_map(|name| Some(((*name).to_owned(), watch.get(*name)?.clone())));
    Value::Object(kept.collect())
}

fn show(watch: &Value, output: &mut Output) {
    let title = output.tone(Tone::Strong, text(watch, "id"));
    output.line(format_args!("{title}: {}, mode {}", text(watch, "step"), text(watch, "mode")));
    let plan = watch.get("plan").unwrap_or(&Value::Null);
    let mut facts = vec![
        ("Due".to_owned(), moment_shown(watch, "due")),
        ("Deadline".to_owned(), moment_shown(watch, "deadline")),
    ];
    if let Some(unlooked) = check::unlooked(watch) {
        facts.insert(0, ("Not looked at yet".to_owned(), unlooked.to_owned()));
    }
    if let Some(until) = moment(watch, "silenced_until") {
        facts.push(("Silenced until".to_owned(), format!("{}: no message is sent about it", shown(until))));
    }
    facts.extend(
        list_of(watch, "targets").iter().map(|target| ("Recognises by".to_owned(), recognises(target))),
    );
    if !text(plan, "gap").is_empty() {
        facts.push(("Gap expected".to_owned(), text(plan, "gap").to_owned()));
    }
    // Only a daemon has pages to link to.
    for open in list_of(watch, "hand_offs").iter().filter(|open| !text(open, "link").is_empty()) {
        facts.push((
            "Hand-off page".to_owned(),
            format!("{}\n{}", text(open, "headline"), text(open, "link")),
        ));
    }
    facts.extend(list_of(plan, "lines").iter().enumerate().map(|(at, line)| told(plan, at, line)));
    output.facts(2, &facts);
}

/// One line of the plan with its moment; the act that comes next with its id and with each gate that holds it.
fn told(plan: &Value, number: usize, line: &Value) -> (String, String) {
    let what = text(line, "what");
    if what == STOP {
        return (what.to_owned(), text(line, "why").to_owned());
    }
    let undated = if number == 0 { "now" } else { "then" };
    let at = moment(line, "at").map_or_else(|| undated.to_owned(), shown);
    let act = plan.get("act").filter(|act| act.is_object() && text(act, "what") == what);
    let held = list_of(plan, "held");
    let Some(act) = act.filter(|_| !held.is_empty()) else {
        let id = act.map(|act| format!("{}: ", text(act, "id"))).unwrap_or_default();
        return (at, format!("{id}{what}\nbecause {}", text(line, "why")));
    };
    let mut told = format!("{}: {what}", text(act, "id"));
    for held in held {
        let until = moment(held, "until").map(|at| format!(" (until {})", shown(at))).unwrap_or_default();
        told.push_str(&format!("\nheld by {}: {}{until}", text(held, "gate"), text(held, "text")));
    }
    (at, told)
}

/// How a target recognises certificates, since when that is known and from what.
fn recognises(target: &Value) -> String {
    let how = match text(target, "matching") {
        "dn" => "issuer and subject",
        "exact" => "the exact certificate",
        _ => "not known yet; the first candidate shows it",
    };
    let learned = moment(target, "learned_at").map(|at| format!(" (learned {})", shown(at)));
    let configured = learned.is_none() && text(target, "matching") != "unknown";
    let since =
        learned.unwrap_or_else(|| if configured { " (configured)".to_owned() } else { String::new() });
    let from = text(target, "learned_from");
    let from = if from.is_empty() { String::new() } else { format!("\nbecause {from}") };
    format!("{}: {how}{since}{from}", text(target, "id"))
}
