//! `certsteward retry`: tries a failed act again at once.
//! It only asks; the daemon's gates decide.

use super::Common;
use super::exit::{Exit, Failed};
use super::order::{Remarks, send_plain};
use super::output::Output;

/// Do not wait for the next attempt
///
/// Skips the waiting time of one failed act once; it does not reset the number of tries.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  certsteward retry sf-odata-prod")]
pub(super) struct Arguments {
    /// The watch's id
    watch: String,
    #[command(flatten)]
    remarks: Remarks,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let watch = &self.watch;
        let done = format!("{watch} is tried again now; see how it went with: certsteward history {watch}");
        send_plain(watch, "retry", done, &self.remarks, common, output).await
    }
}
