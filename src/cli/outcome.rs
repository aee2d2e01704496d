//! What became of a command: the sentence that the history has for it, once a pass has taken it up.
//! It judges nothing; the daemon said yes or no, and this reads which.

use std::time::Duration;

use serde_json::Value;

use super::daemon::{AskDaemon, Daemon};
use super::picture::{list, text};

/// How long an outcome is waited for, and how often it is asked for meanwhile.
pub(super) const WAIT: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_millis(200);
/// How many of the newest events are read each time.
const NEWEST: usize = 50;
/// What the history says of a command that was taken up and changed nothing.
const NO: [&str; 6] = [
    ": refused",
    "renew: a renewal is under way already",
    "there was no renewal to end",
    "roll back: nothing was switched",
    "confirm: ",
    "retire: ",
];

/// Reads the history for the outcome of one command.
pub(super) struct Outcome<'a> {
    daemon: &'a Daemon,
    watch: &'a str,
    /// The newest event before the command was given.
    before: i64,
}

impl<'a> Outcome<'a> {
    /// Notes where the history stands; the command is given after this.
    pub(super) async fn begin(daemon: &'a Daemon, watch: &'a str) -> Result<Self, AskDaemon> {
        let newest = daemon.get(&format!("/api/v1/events?limit=1&watch={watch}")).await?;
        let before = list(&newest, "events").first().map(number).unwrap_or_default();
        Ok(Self { daemon, watch, before })
    }

    /// The event that tells what became of the command of this person, whose text names this; none where no pass has
    /// taken it up in time.
    pub(super) async fn wait(&self, actor: &str, names: &str) -> Result<Option<Value>, AskDaemon> {
        self.first(|event| self.is_about(event, actor, names)).await
    }

    /// The first event of one of these kinds after this one; none where none comes in time.
    pub(super) async fn next(&self, after: &Value, kinds: &[&str]) -> Result<Option<Value>, AskDaemon> {
        self.first(|event| number(event) > number(after) && kinds.contains(&text(event, "kind"))).await
    }

    async fn first(&self, is_it: impl Fn(&Value) -> bool) -> Result<Option<Value>, AskDaemon> {
        let path = format!("/api/v1/events?limit={NEWEST}&watch={}", self.watch);
        let ask = async {
            loop {
                let events = self.daemon.get(&path).await?;
                let mut oldest_first = list(&events, "events").iter().rev();
                if let Some(found) = oldest_first.find(|event| is_it(event)) {
                    return Ok(found.clone());
                }
                tokio::time::sleep(EVERY).await;
            }
        };
        tokio::time::timeout(WAIT, ask).await.ok().transpose()
    }

    fn is_about(&self, event: &Value, actor: &str, names: &str) -> bool {
        let kinds =
            ["command", "approved", "rejected-by-person", "confirmed", "hand-off-sign", "hand-off-closed"];
        let sentence = text(event, "text");
        number(event) > self.before
            && text(event, "actor") == actor
            && kinds.contains(&text(event, "kind"))
            && sentence.contains(names)
    }
}

/// Whether an event says that the command did nothing.
pub(super) fn is_no(event: &Value) -> bool {
    text(event, "kind") != "confirmed" && NO.iter().any(|no| text(event, "text").contains(no))
}

fn number(event: &Value) -> i64 {
    event.get("id").and_then(Value::as_i64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::is_no;

    #[test]
    fn a_refusal_is_told_apart_from_a_yes() {
        let event = |kind: &str, text: &str| json!({ "kind": kind, "text": text });
        for (kind, text) in [
            ("command", "approve issue-1: refused, because root asked for it (four_eyes)"),
            ("rejected-by-person", "reject issue-1: refused, because nothing by that id waits for approval"),
            ("command", "renew: a renewal is under way already"),
            ("command", "cancelled by root: there was no renewal to end"),
            ("command", "roll back: nothing was switched that could be switched back"),
            ("command", "confirm: no certificate was seen yet"),
        ] {
            assert!(is_no(&event(kind, text)), "{text}");
        }
        for (kind, text) in [
            ("approved", "approved issue-1"),
            ("command", "renew now"),
            ("command", "roll back now"),
            ("rejected-by-person", "renewal 2 ended: issue-2 was rejected by root"),
            ("confirmed", "the target sc knows the certificate ab12, confirmed by root"),
        ] {
            assert!(!is_no(&event(kind, text)), "{text}");
        }
    }
}
