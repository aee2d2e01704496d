//! What the verbs that change something share: who is asked, the remarks that are kept, the answer that is shown.
//! It chooses no verb.

use serde_json::{Map, Value};

use super::Common;
use super::daemon::{Daemon, Reach, segment};
use super::exit::{Exit, Failed};
use super::output::Output;

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
    #[command(flatten)]
    reach: Reach,
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

impl Remarks {
    /// The daemon these arguments mean.
    pub(super) fn daemon(&self, common: &Common) -> Result<Daemon, Failed> {
        Daemon::reach(&self.reach, common)
    }
}

impl Order<'_> {
    /// Hands it to the daemon and shows the answer.
    pub(super) async fn send(self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let mut body = Map::new();
        for (name, value) in [("comment", &self.remarks.comment), ("ticket", &self.remarks.ticket)] {
            if let Some(text) = value {
                body.insert(name.to_owned(), Value::from(text.as_str()));
            }
        }
        body.extend(self.fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let answer = self.remarks.daemon(common)?.post(&self.path, &Value::Object(body)).await?;
        if self.remarks.json {
            output.json(&answer);
        } else {
            output.line(self.done);
        }
        Ok(Exit::Done)
    }
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
    /// Asks for the verb and says what was done.
    pub(super) async fn ask(
        &self,
        verb: &str,
        done: String,
        common: &Common,
        output: &mut Output,
    ) -> Result<Exit, Failed> {
        let order =
            Order { path: path(&self.watch, verb)?, fields: Vec::new(), done, remarks: &self.remarks };
        order.send(common, output).await
    }
}

/// The arguments of a verb on one watch or on all of them.
#[derive(Debug, clap::Args)]
pub(super) struct OneOrAll {
    /// The watch's id; without it: all of them
    watch: Option<String>,
    #[command(flatten)]
    remarks: Remarks,
}

impl OneOrAll {
    /// Asks for the verb and says what was done: `one` of that watch, or `all`.
    pub(super) async fn ask(
        &self,
        verb: &str,
        (one, all): (impl Fn(&str) -> String, &str),
        common: &Common,
        output: &mut Output,
    ) -> Result<Exit, Failed> {
        let (path, done) = match &self.watch {
            Some(watch) => (path(watch, verb)?, one(watch)),
            None => (format!("/api/v1/{verb}"), all.to_owned()),
        };
        Order { path, fields: Vec::new(), done, remarks: &self.remarks }.send(common, output).await
    }
}

/// The path of a verb on a watch.
pub(super) fn path(watch: &str, verb: &str) -> Result<String, Failed> {
    Ok(format!("/api/v1/watches/{}/{verb}", segment("watch", watch)?))
}
