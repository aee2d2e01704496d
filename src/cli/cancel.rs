//! `certsteward cancel`: ends a renewal under way without using its candidate.
//! It only asks; the daemon's gates decide.

use super::Common;
use super::exit::{Exit, Failed};
use super::order::{OneWatch, Said};
use super::output::Output;

/// End the renewal without using its candidate
///
/// Callers keep the certificate they use. A candidate that was issued becomes something to retire.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  certsteward cancel sf-odata-prod --ticket CHG-1042")]
pub(super) struct Arguments {
    #[command(flatten)]
    of: OneWatch,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let watch = &self.of.watch;
        let done = format!("the renewal of {watch} is cancelled");
        self.of.see_through(("cancel", "cancelled by"), (done, Said::Sentence), common, output).await
    }
}
