//! `certsteward notify test`: sends one plainly marked message through a notifier and says what happened.
//! It goes past the outbox: nothing is repeated and nothing is kept.

use serde_json::json;

use super::Common;
use super::exit::{Exit, Failed};
use super::output::Output;
use super::watches;
use crate::app::{self, Tried};

/// Try a way to reach people
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Send one message, plainly marked as a test, through a notifier
    #[command(after_help = "Example:\n  certsteward notify test ops")]
    Test(Test),
}

#[derive(Debug, clap::Args)]
struct Test {
    /// The notifier's id
    name: String,
    /// Print what happened as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let Act::Test(test) = &self.act;
        test.perform(common, output).await
    }
}

impl Test {
    async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let tried = app::notify_test(&watches::configuration(common)?, &self.name).await;
        let Tried { outcome: sent, seconds } = tried.map_err(|unseen| Failed::because(&unseen))?;
        if self.json {
            let failure = sent.as_ref().err();
            output.json(&json!({
                "notifier": self.name,
                "sent": sent.is_ok(),
                "seconds": seconds,
                "reason": failure.map(|failure| failure.reason.code()),
                "text": failure.map(|failure| &failure.text),
            }));
        }
        match sent {
            Ok(()) if self.json => Ok(Exit::Done),
            Ok(()) => {
                output.line(format_args!(
                    "notifier {} took the test message in {seconds:.1} s; look whether it arrived",
                    self.name
                ));
                Ok(Exit::Done)
            }
            Err(_) if self.json => Ok(Exit::CouldNot),
            Err(failure) => Err(Failed::could_not(format!("notifier {}: {failure}", self.name))),
        }
    }
}
