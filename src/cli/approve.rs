//! `certsteward approve`: says yes to the act a watch waits with.
//! It only asks; the daemon checks that the act is still the one that waits.

use super::Common;
use super::answer::Answer;
use super::exit::{Exit, Failed};
use super::order::Said;
use super::output::Output;

/// Let the act that waits happen
///
/// In mode propose each act waits for approval. The approval names the act's id, so that nobody approves something else than what was seen; that of a switch covers its roll back. With four_eyes it must come from somebody else than who asked for the renewal.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward approve sf-odata-prod\n  certsteward approve sf-odata-prod switch-2-3f9c --ticket CHG-1042\n  certsteward approve sf-odata-prod --yes --comment \"seen in the change board\""
)]
pub(super) struct Arguments {
    #[command(flatten)]
    answer: Answer,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        self.answer.give("approve", Said::Done, common, output).await
    }
}
