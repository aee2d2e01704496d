//! `certsteward resume`: lets acts happen again, of one watch or of all.
//! It only asks; the daemon ends the pause.

use super::Common;
use super::exit::{Exit, Failed};
use super::order::{Order, Remarks, send_plain};
use super::output::Output;

/// Let acts happen again, of one watch or of all
///
/// Ends the pause of the same kind: the one of all watches does not end the pause of a single one.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward resume\n  certsteward resume sf-odata-prod --ticket CHG-1042"
)]
pub(super) struct Arguments {
    /// The watch's id; without it: the pause of all watches
    watch: Option<String>,
    #[command(flatten)]
    remarks: Remarks,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let remarks = &self.remarks;
        if let Some(watch) = &self.watch {
            let done = format!("acts of {watch} may happen again");
            return send_plain(watch, "resume", done, remarks, common, output).await;
        }
        let done = "acts may happen again".to_owned();
        Order { path: "/api/v1/resume".to_owned(), fields: Vec::new(), done, remarks }
            .send(common, output)
            .await
    }
}
