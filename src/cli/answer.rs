//! Yes or no to an act that waits: which one is meant, and the answer handed in.
//! It decides for nobody: without an id or `--yes` it only shows what waits.

use serde_json::Value;

use super::Common;
use super::daemon::segment;
use super::exit::{Exit, Failed};
use super::order::{Order, Remarks, path};
use super::output::Output;

/// What approve and reject take.
#[derive(Debug, clap::Args)]
pub(super) struct Answer {
    /// The watch's id
    watch: String,
    /// The act's id, as plan and the mails name it; without it: shows which act waits
    act: Option<String>,
    /// Answer for the act that waits now, whichever it is
    #[arg(long, conflicts_with = "act")]
    yes: bool,
    #[command(flatten)]
    remarks: Remarks,
}

/// The act a watch waits with.
struct Waiting {
    id: String,
    what: String,
}

impl Answer {
    /// Hands in the answer, or shows what it would be about.
    pub(super) async fn give(
        &self,
        verb: &str,
        done: &str,
        common: &Common,
        output: &mut Output,
    ) -> Result<Exit, Failed> {
        let watch = &self.watch;
        let act = match &self.act {
            Some(act) => act.clone(),
            None => {
                let waiting = self.waiting(common).await?;
                output.aside(format_args!("{watch} waits with {}: {}", waiting.id, waiting.what));
                if !self.yes {
                    return Err(Failed::could_not(format!(
                        "nothing was done; to {verb} it, run: certsteward {verb} {watch} {}",
                        waiting.id
                    )));
                }
                waiting.id
            }
        };
        let order = Order {
            path: path(watch, verb)?,
            done: format!("{act} of {watch} is {done}"),
            fields: vec![("act", Value::from(act))],
            remarks: &self.remarks,
        };
        order.send(common, output).await
    }

    async fn waiting(&self, common: &Common) -> Result<Waiting, Failed> {
        let watch = segment("watch", &self.watch)?;
        let shown = self.remarks.daemon(common).get(&format!("/api/v1/watches/{watch}")).await?;
        let text = |pointer: &str| shown.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        match (text("/plan/act/id"), text("/plan/act/what")) {
            (Some(id), Some(what)) => Ok(Waiting { id, what }),
            (_, _) => Err(Failed::could_not(format!(
                "no act of {watch} waits for an answer; see what happens next with: certsteward plan {watch}"
            ))),
        }
    }
}
