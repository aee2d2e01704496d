//! `certsteward retire`: removes the replaced certificate where it is still known.
//! It only asks; the daemon's gates decide.

use super::Common;
use super::exit::{Exit, Failed};
use super::order::{Remarks, send_plain};
use super::output::Output;

/// Remove the replaced certificate now
///
/// Says yes to a removal that waits for a person (retire = "ask"). Nothing is removed that a visible destination still names.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  certsteward retire sf-odata-prod")]
pub(super) struct Arguments {
    /// The watch's id
    watch: String,
    #[command(flatten)]
    remarks: Remarks,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let watch = &self.watch;
        let done =
            format!("the replaced certificate of {watch} will be removed unless something still uses it");
        send_plain(watch, "retire", done, &self.remarks, common, output).await
    }
}
