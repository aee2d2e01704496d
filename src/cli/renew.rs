//! `certsteward renew`: starts a renewal of the watch without waiting for it to be due.
//! It only asks; the daemon's gates decide.

use super::Common;
use super::exit::{Exit, Failed};
use super::order::{OneWatch, Said};
use super::output::Output;

/// Begin a renewal now
///
/// Its terms are those of the configuration. Gates hold as always: in mode propose each act waits for approval, in mode observe nothing is issued.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  certsteward renew sf-odata-prod --comment \"audit asked for a new key\"")]
pub(super) struct Arguments {
    #[command(flatten)]
    of: OneWatch,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let watch = &self.of.watch;
        let done = format!("it has not begun yet; see what holds it with: certsteward plan {watch}");
        self.of
            .see_through(("renew", "renew"), (done, Said::Next(&["renewal-started"])), common, output)
            .await
    }
}
