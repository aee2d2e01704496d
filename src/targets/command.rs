//! A target that is told by a command of the operator's own: JSON on standard input, documented exit codes.
//! It knows nothing of what the command does.
//!
//! The command gets one line of JSON and answers with an exit code ([`crate::command`]); it may be asked the same again:
//!
//! ```json
//! {"question":"publish","configuration_name":"BTP mTLS","integration_name":"Business Technology Platform",
//!  "login_name":"SFAPI","company_id":"ACME","certificate":"-----BEGIN CERTIFICATE-----\n…"}
//! ```

use std::time::Duration;

use super::Target;
use crate::command;
use crate::domain::chain::Chain;
use crate::domain::reason::{Answer, Failure, Unseen};
use crate::domain::watch::Mapping;

/// Which command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Program and arguments; no shell.
    pub command: Vec<String>,
    /// Its limit.
    pub timeout: Duration,
    /// The values beside the certificate.
    pub mapping: Mapping,
}

/// The target behind a command.
pub struct CommandTarget {
    settings: Settings,
}

impl CommandTarget {
    /// Takes its settings; starts nothing.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

#[async_trait::async_trait]
impl Target for CommandTarget {
    /// A command is not asked; a probe proves.
    async fn look(&self, _chain: &Chain) -> Result<Option<bool>, Unseen> {
        Ok(None)
    }

    async fn publish(&self, chain: &Chain) -> Result<Answer, Failure> {
        let mut question = serde_json::Map::new();
        question.insert("question".to_owned(), "publish".into());
        for (field, value) in super::fields(&self.settings.mapping, chain)? {
            question.insert(field.to_owned(), value.into());
        }
        let question = question.into();
        command::ask(&self.settings.command, self.settings.timeout, &question).await?;
        Ok(command::done(&self.settings.command, &question))
    }
}
