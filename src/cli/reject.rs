//! `certsteward reject`: says no to the act a watch waits with.
//! It only asks; the daemon checks that the act is still the one that waits.

use super::Common;
use super::answer::Answer;
use super::exit::{Exit, Failed};
use super::order::Said;
use super::output::Output;

/// Do not let the act that waits happen
///
/// The renewal it belongs to is cancelled; callers keep the certificate they use.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward reject sf-odata-prod\n  certsteward reject sf-odata-prod switch-2-3f9c --comment \"month end, try again on the 3rd\""
)]
pub(super) struct Arguments {
    #[command(flatten)]
    answer: Answer,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        self.answer.give("reject", Said::Sentence, common, output).await
    }
}
