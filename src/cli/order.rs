//! What the verbs that change something share: who is asked, the remarks that are kept, the answer that is shown.
//! It chooses no verb.

use serde_json::{Map, Value};

use super::Common;
use super::daemon::{Daemon, segment};
use super::exit::{Exit, Failed};
use super::outcome::{self, Outcome};
use super::output::Output;
use super::picture::{moment_shown, text};

/// The options of every verb that changes something.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Remarks {
    /// Why; kept in the history
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// The ticket it belongs to; kept in the history
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// One change that is asked for.
pub(super) struct Order<'a> {
    /// Where it is posted.
    pub(super) path: String,
    /// What is sent beside the remarks.
    pub(super) fields: Vec<(&'static str, Value)>,
    /// What to say once the daemon has stored it.
    pub(super) done: String,
    /// The remarks.
    pub(super) remarks: &'a Remarks,
}

/// What is said where a pass took a command up.
pub(super) enum Said<'a> {
    /// What the order says is done.
    Done,
    /// The history's own sentence.
    Sentence,
    /// What the order says is done, unless the history's sentence holds some of these words: then what stands with them.
    Unless(Vec<(&'a str, String)>),
    /// The history's own sentence, and the next event of one of these kinds; what the order says where none comes.
    Next(&'static [&'static str]),
}

impl Remarks {
    /// The daemon these arguments mean.
    pub(super) fn daemon(&self, common: &Common) -> Result<Daemon, Failed> {
        Daemon::reach(common)
    }
}

impl Order<'_> {
    /// Hands it to the daemon, waits until it is obeyed, and says so: for what changes no act. `names` stands in the
    /// history's sentence about it; no watch means all of them. Where that sentence holds these words instead, there was nothing
    /// to change, and that is said. Returns whether there was.
    pub(super) async fn obeyed(
        self,
        (watch, names): (&str, &str),
        idle: Option<(&str, String)>,
        common: &Common,
        output: &mut Output,
    ) -> Result<bool, Failed> {
        let (_, event) = self.taken_up(&self.remarks.daemon(common)?, (watch, names), output).await?;
        let instead =
            idle.filter(|(words, _)| text(&event, "text").contains(words)).map(|(_, instead)| instead);
        let changed = instead.is_none();
        if !self.remarks.json {
            output.line(instead.unwrap_or(self.done));
        }
        Ok(changed)
    }

    /// Hands it to the daemon, waits until a pass took it up, and says what became of it and what came next, or which
    /// pause keeps anything from coming.
    pub(super) async fn see_through(
        self,
        (watch, names): (&str, &str),
        said: Said<'_>,
        common: &Common,
        output: &mut Output,
    ) -> Result<Exit, Failed> {
        let daemon = self.remarks.daemon(common)?;
        let (outcome, event) = self.taken_up(&daemon, (watch, names), output).await?;
        if self.remarks.json {
            return Ok(Exit::Done);
        }
        let sentence = text(&event, "text");
        match &said {
            Said::Sentence | Said::Next(_) => output.line(format_args!("{watch}: {sentence}")),
            Said::Done => output.line(&self.done),
            Said::Unless(others) => {
                let other = others.iter().find(|(words, _)| sentence.contains(words));
                output.line(other.map_or(&self.done, |(_, instead)| instead));
            }
        }
        if let Some(paused) = paused(&daemon, watch).await {
            output.aside(paused);
        } else if let Said::Next(kinds) = said {
            output.flush();
            match outcome.next(&event, kinds).await? {
                Some(next) => output.line(format_args!("{watch}: {}", text(&next, "text"))),
                None => output.line(self.done),
            }
        }
        Ok(Exit::Done)
    }

    /// Hands it to the daemon and waits for what the history says of it; that may be a no.
    async fn taken_up<'d>(
        &self,
        daemon: &'d Daemon,
        (watch, names): (&'d str, &str),
        output: &mut Output,
    ) -> Result<(Outcome<'d>, Value), Failed> {
        let outcome = Outcome::begin(daemon, watch).await?;
        let mut answer = daemon.post(&self.path, &self.body()).await?;
        let event = outcome.wait(text(&answer, "actor"), names).await?;
        if let (true, Some(fields)) = (self.remarks.json, answer.as_object_mut()) {
            fields.insert("outcome".to_owned(), event.clone().unwrap_or(Value::Null));
            output.json(&answer);
        }
        let event = event.ok_or_else(|| not_taken_up(watch))?;
        if outcome::is_no(&event) {
            let of = if watch.is_empty() { String::new() } else { format!("{watch}: ") };
            return Err(Failed::could_not(format!("{of}{}", text(&event, "text"))));
        }
        Ok((outcome, event))
    }

    fn body(&self) -> Value {
        let mut body = Map::new();
        for (name, value) in [("comment", &self.remarks.comment), ("ticket", &self.remarks.ticket)] {
            if let Some(text) = value {
                body.insert(name.to_owned(), Value::from(text.as_str()));
            }
        }
        body.extend(self.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::Object(body)
    }
}

fn not_taken_up(watch: &str) -> Failed {
    let history = format!("certsteward history {watch}");
    Failed::could_not(format!(
        "it is handed in and will be obeyed, but no pass took it up within {} s (one may be under way); see what came of it: {}",
        outcome::WAIT.as_secs(),
        history.trim_end()
    ))
}

/// The pause that keeps the acts of a watch from happening, in words. Where that cannot be asked, nothing is said of it.
pub(super) async fn paused(daemon: &Daemon, watch: &str) -> Option<String> {
    if let Some(everywhere) = everywhere(daemon).await {
        return Some(everywhere);
    }
    let shown = daemon.get(&format!("/api/v1/watches/{watch}")).await.ok()?;
    let own = shown.get("paused").filter(|paused| paused.is_object())?;
    Some(format!(
        "but acts of {watch} are paused by {} since {}, so nothing happens until: certsteward resume {watch}",
        text(own, "by"),
        moment_shown(own, "since")
    ))
}

/// The arguments of a verb that needs nothing but the watch.
#[derive(Debug, clap::Args)]
pub(super) struct OneWatch {
    /// The watch's id
    pub(super) watch: String,
    #[command(flatten)]
    remarks: Remarks,
}

impl OneWatch {
    /// Asks for the verb, waits for its outcome and says it; `names` stands in the history's sentence about it.
    pub(super) async fn see_through(
        &self,
        (verb, names): (&str, &str),
        (done, said): (String, Said<'_>),
        common: &Common,
        output: &mut Output,
    ) -> Result<Exit, Failed> {
        self.order(verb, done)?.see_through((&self.watch, names), said, common, output).await
    }

    fn order(&self, verb: &str, done: String) -> Result<Order<'_>, Failed> {
        Ok(Order { path: path(&self.watch, verb)?, fields: Vec::new(), done, remarks: &self.remarks })
    }
}

/// The arguments of a verb on one watch or on all of them.
#[derive(Debug, clap::Args)]
pub(super) struct OneOrAll {
    /// The watch's id; without it: all of them
    pub(super) watch: Option<String>,
    #[command(flatten)]
    pub(super) remarks: Remarks,
}

impl OneOrAll {
    /// Asks for the verb, waits until it is obeyed and says what was done: `one` of that watch, or `all`. Returns whether there
    /// was anything to do.
    pub(super) async fn ask(
        &self,
        verb: &str,
        (one, all): (impl Fn(&str) -> String, &str),
        common: &Common,
        output: &mut Output,
    ) -> Result<bool, Failed> {
        let (path, done) = match &self.watch {
            Some(watch) => (path(watch, verb)?, one(watch)),
            None => (format!("/api/v1/{verb}"), all.to_owned()),
        };
        let watch = self.watch.as_deref().unwrap_or_default();
        let order = Order { path, fields: Vec::new(), done, remarks: &self.remarks };
        let idle = if watch.is_empty() {
            "nothing was paused".to_owned()
        } else {
            format!("{watch} was not paused")
        };
        order.obeyed((watch, verb), Some(("were not paused", idle)), common, output).await
    }
}

/// The pause of all watches, in words.
pub(super) async fn everywhere(daemon: &Daemon) -> Option<String> {
    let status = daemon.get("/api/v1/status").await.ok()?;
    let pause = status.get("paused").filter(|paused| paused.is_object())?;
    Some(format!(
        "but acts are paused everywhere by {} since {}, so nothing happens until: certsteward resume",
        text(pause, "by"),
        moment_shown(pause, "since")
    ))
}

/// The path of a verb on a watch.
pub(super) fn path(watch: &str, verb: &str) -> Result<String, Failed> {
    Ok(format!("/api/v1/watches/{}/{verb}", segment("watch", watch)?))
}
