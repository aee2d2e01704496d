//! Yes or no to an act that waits: which one is meant, and the answer handed in.
//! It decides for nobody: without an id or `--yes` it only shows what waits.

use serde_json::Value;

use super::Common;
use super::daemon::segment;
use super::exit::{Exit, Failed};
use super::order::{Order, Remarks, Said, path};
use super::output::Output;
use super::picture::{list_of, text};

/// What approve and reject take.
#[derive(Debug, clap::Args)]
pub(super) struct Answer {
    /// The watch's id
    watch: String,
    /// The act's id, as plan and the mails name it; without it: shows which act waits
    act: Option<String>,
    /// Answer for the only act that waits now; refused where several wait
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
        said: Said<'_>,
        common: &Common,
        output: &mut Output,
    ) -> Result<Exit, Failed> {
        let watch = &self.watch;
        let act = match &self.act {
            Some(act) => act.clone(),
            None => self.only_one(verb, common, output).await?,
        };
        let order = Order {
            path: path(watch, verb)?,
            done: format!("{act} of {watch} is approved"),
            fields: vec![("act", Value::from(act.as_str()))],
            remarks: &self.remarks,
        };
        order.see_through((watch, &act), said, common, output).await
    }

    /// The only act that waits, where `--yes` says to answer for it. Where several wait, nobody answers for one unseen.
    async fn only_one(&self, verb: &str, common: &Common, output: &mut Output) -> Result<String, Failed> {
        let watch = &self.watch;
        let waiting = self.waiting(common).await?;
        for act in &waiting {
            output.aside(format_args!("{watch} waits with {}: {}", act.id, act.what));
        }
        match waiting.as_slice() {
            [] => Err(Failed::could_not(format!(
                "no act of {watch} waits for an answer; see what happens next with: certsteward plan {watch}"
            ))),
            [act] if self.yes => Ok(act.id.clone()),
            [act] => Err(Failed::could_not(format!(
                "nothing was done; to {verb} it, run: certsteward {verb} {watch} {}",
                act.id
            ))),
            [first, ..] => Err(Failed::could_not(format!(
                "nothing was done, because {} acts wait; name the one that you mean, such as: certsteward {verb} {watch} {}",
                waiting.len(),
                first.id
            ))),
        }
    }

    /// Every act that waits, the one that `plan` shows first.
    async fn waiting(&self, common: &Common) -> Result<Vec<Waiting>, Failed> {
        let watch = segment("watch", &self.watch)?;
        let daemon = self.remarks.daemon(common)?;
        let mut waiting = which_wait(&daemon.get(&format!("/api/v1/watches/{watch}")).await?);
        if waiting.iter().any(|act| act.what.is_empty()) {
            let events = daemon.get(&format!("/api/v1/events?limit=1000&watch={watch}")).await?;
            for act in waiting.iter_mut().filter(|act| act.what.is_empty()) {
                act.what = what_waits(&events, &act.id);
            }
        }
        Ok(waiting)
    }
}

/// The acts that wait, with their sentences where the picture has them.
fn which_wait(watch: &Value) -> Vec<Waiting> {
    let plan = watch.get("plan").unwrap_or(&Value::Null);
    let act = plan.get("act").unwrap_or(&Value::Null);
    let next = text(act, "id");
    let by_approval = list_of(plan, "held").iter().any(|gate| text(gate, "gate") == "approval");
    let pending = list_of(plan, "pending").iter().map(|pending| text(pending, "id"));
    let mut ids: Vec<&str> = pending.filter(|id| *id != next).collect();
    let is_pending = list_of(plan, "pending").iter().any(|pending| text(pending, "id") == next);
    if !next.is_empty() && (by_approval || is_pending) {
        ids.insert(0, next);
    }
    let what = |id: &str| if id == next { text(act, "what") } else { "" }.to_owned();
    ids.into_iter().map(|id| Waiting { id: id.to_owned(), what: what(id) }).collect()
}

/// What the history says an act is, since when it waits.
fn what_waits(events: &Value, id: &str) -> String {
    let words = format!("waits for approval of {id}: ");
    let mut told =
        list_of(events, "events").iter().filter_map(|event| text(event, "text").strip_prefix(&words));
    told.next().unwrap_or("an act whose beginning the history no longer shows").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{what_waits, which_wait};

    #[test]
    fn only_an_act_that_waits_for_approval_can_be_answered() {
        let act = json!({ "id": "switch-2", "what": "switch the caller" });
        let held_by =
            |gate: &str| json!({ "plan": { "act": act, "held": [{ "gate": gate }], "pending": [] } });
        assert_eq!(which_wait(&held_by("approval"))[0].what, "switch the caller");
        assert!(which_wait(&held_by("window")).is_empty());
        assert!(which_wait(&json!({})).is_empty());
    }

    #[test]
    fn the_act_that_the_plan_shows_comes_first_and_no_other_is_left_out() {
        let plan = json!({ "act": { "id": "b", "what": "do b" }, "held": [{ "gate": "approval" }], "pending": [{ "id": "a" }, { "id": "b" }] });
        let waiting = which_wait(&json!({ "plan": plan }));
        let told: Vec<_> = waiting.iter().map(|act| (act.id.as_str(), act.what.as_str())).collect();
        assert_eq!(told, [("b", "do b"), ("a", "")]);
    }

    #[test]
    fn the_history_says_what_an_act_is_that_the_plan_does_not_show() {
        let events = json!({ "events": [{ "text": "waits for approval of a: remove sfapi-1.pem" }] });
        assert_eq!(what_waits(&events, "a"), "remove sfapi-1.pem");
    }
}
