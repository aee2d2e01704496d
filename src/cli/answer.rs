//! Yes or no to an act that waits: which one is meant, and the answer handed in.
//! It decides for nobody: without an id or `--yes` it only shows what waits.

use serde_json::Value;

use super::Common;
use super::daemon::segment;
use super::exit::{Exit, Failed};
use super::order::{Order, Remarks, path};
use super::output::Output;
use super::picture::{list, text};

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
        let shown = self.remarks.daemon(common)?.get(&format!("/api/v1/watches/{watch}")).await?;
        which_waits(&shown).ok_or_else(|| {
            Failed::could_not(format!(
                "no act of {watch} waits for an answer; see what happens next with: certsteward plan {watch}"
            ))
        })
    }
}

fn which_waits(watch: &Value) -> Option<Waiting> {
    let plan = watch.get("plan")?;
    let act = plan.get("act").unwrap_or(&Value::Null);
    let what = |id: &str| {
        if text(act, "id") == id { text(act, "what") } else { "an act of another step" }.to_owned()
    };
    let pending = plan.get("pending").map(|pending| list(pending, "")).unwrap_or_default();
    let held = plan.get("held").map(|held| list(held, "")).unwrap_or_default();
    let by_approval = held.iter().any(|gate| text(gate, "gate") == "approval");
    let id = match pending.first() {
        Some(first) => text(first, "id"),
        None if by_approval => text(act, "id"),
        None => "",
    };
    (!id.is_empty()).then(|| Waiting { id: id.to_owned(), what: what(id) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::which_waits;

    #[test]
    fn only_an_act_that_waits_for_approval_can_be_answered() {
        let act = json!({ "id": "switch-2", "what": "switch the caller" });
        let held_by =
            |gate: &str| json!({ "plan": { "act": act, "held": [{ "gate": gate }], "pending": [] } });
        assert_eq!(which_waits(&held_by("approval")).unwrap().what, "switch the caller");
        assert!(which_waits(&held_by("window")).is_none());
        assert!(which_waits(&json!({})).is_none());
    }

    #[test]
    fn an_act_that_is_pending_comes_before_the_one_that_is_planned() {
        let plan = json!({ "act": { "id": "b", "what": "b" }, "held": [], "pending": [{ "id": "a" }] });
        assert_eq!(which_waits(&json!({ "plan": plan })).unwrap().id, "a");
    }
}
