//! `certsteward pause`: stops every act, of one watch or of all; never a look.
//! It only asks; the daemon keeps the pause.

use super::Common;
use super::exit::{Exit, Failed};
use super::order::{Order, Remarks, send_plain};
use super::output::Output;

/// Stop acts, of one watch or of all
///
/// Looks, probes, findings and messages go on. The pause survives a restart and is itself reported after a day.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward pause --comment \"maintenance of the tenant\"\n  certsteward pause sf-odata-prod"
)]
pub(super) struct Arguments {
    /// The watch's id; without it: every watch
    watch: Option<String>,
    #[command(flatten)]
    remarks: Remarks,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let remarks = &self.remarks;
        if let Some(watch) = &self.watch {
            let done = format!("acts of {watch} are paused; end it with: certsteward resume {watch}");
            return send_plain(watch, "pause", done, remarks, common, output).await;
        }
        let done = "all acts are paused; end it with: certsteward resume".to_owned();
        Order { path: "/api/v1/pause".to_owned(), fields: Vec::new(), done, remarks }
            .send(common, output)
            .await
    }
}
