//! `certsteward retry`: tries a failed act again at once.
//! It only asks; the daemon's gates decide.

use super::Common;
use super::exit::{Exit, Failed};
use super::order::{OneWatch, Said};
use super::output::Output;

/// Do not wait for the next attempt
///
/// Skips the waiting time of one failed act once; it does not reset the number of tries.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  certsteward retry sf-odata-prod")]
pub(super) struct Arguments {
    #[command(flatten)]
    of: OneWatch,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let watch = &self.of.watch;
        let done = format!("{watch} is tried again now; see how it went with: certsteward history {watch}");
        self.of.see_through(("retry", "retry now"), (done, Said::Done), common, output).await
    }
}
