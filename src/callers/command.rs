//! A caller that is asked and switched by a command of the operator's own.
//! It knows nothing of what the command does.
//!
//! The command gets one line of JSON on its standard input and answers with an exit code ([`crate::command`]):
//!
//! - `{"question":"look"}`: it writes `{"uses":"sfapi.pem"}` (or `null` for none) to standard output;
//! - `{"question":"switch","from":"sfapi.pem","to":"sfapi-2.pem"}`: it makes the caller use `to`.
//!
//! Before and after a switch it is asked to look.

use std::time::Duration;

use serde_json::json;

use super::Caller;
use crate::command;
use crate::domain::reason::{Answer, Failure, Reason, Unseen};
use crate::domain::report::CallerSighting;

/// Which command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Program and arguments; no shell. JSON with the question goes to its standard input.
    pub command: Vec<String>,
    /// Its limit.
    pub timeout: Duration,
}

/// The caller behind a command.
pub struct CommandCaller {
    settings: Settings,
}

impl CommandCaller {
    /// Takes its settings; starts nothing.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self { settings }
    }

    async fn ask(&self, question: serde_json::Value) -> Result<String, Failure> {
        command::ask(&self.settings.command, self.settings.timeout, &question).await
    }

    fn program(&self) -> &str {
        self.settings.command.first().map_or("", String::as_str)
    }
}

#[derive(serde::Deserialize)]
struct Uses {
    #[serde(deserialize_with = "present")]
    uses: Option<String>,
}

/// `null` says that none is used; a missing member says nothing and is an error.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    serde::Deserialize::deserialize(from)
}

#[async_trait::async_trait]
impl Caller for CommandCaller {
    async fn look(&self) -> Result<CallerSighting, Unseen> {
        let answer = self.ask(json!({"question": "look"})).await?;
        let answer: Uses = serde_json::from_str(&answer).map_err(|error| {
            let text = format!(
                "the command {} did not answer \"look\" with {{\"uses\": \"name\"}}: {error}",
                self.program()
            );
            Unseen::new(Reason::UnexpectedAnswer, text)
        })?;
        Ok(CallerSighting { uses: answer.uses })
    }

    async fn switch(&self, from: &str, to: &str) -> Result<Answer, Failure> {
        let before = self.look().await?.uses;
        if before.as_deref() == Some(to) {
            return Ok(Answer::new(format!("{} look", self.program()), format!("uses {to} already")));
        }
        if before.as_deref() != Some(from) {
            let uses = before.as_deref().unwrap_or("nothing");
            let text = format!(
                "the caller behind the command {} uses {uses}, not {from}; nothing was changed",
                self.program()
            );
            return Err(Failure::certain(Reason::StateChanged, text));
        }
        let question = json!({"question": "switch", "from": from, "to": to});
        let answer = command::done(&self.settings.command, &question);
        self.ask(question).await?;
        let after = self
            .look()
            .await
            .map_err(|unseen| Failure::uncertain(unseen.reason, unseen.text).answered(answer.clone()))?;
        let after = after.uses;
        if after.as_deref() == Some(to) {
            return Ok(answer);
        }
        let uses = after.as_deref().unwrap_or("nothing");
        let text = format!(
            "the command {} said it had switched to {to}, but the caller uses {uses}",
            self.program()
        );
        Err(Failure::uncertain(Reason::UnexpectedAnswer, text).answered(answer))
    }
}
