//! `certsteward rollback`: makes the callers use the replaced certificate again.
//! It only asks; the daemon's gates decide.

use super::Common;
use super::exit::{Exit, Failed};
use super::order::{OneWatch, Said};
use super::output::Output;

/// Make the callers use the replaced certificate again
///
/// Possible while the replaced certificate is still there and accepted; the renewal then waits for a person.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  certsteward rollback sf-odata-prod --comment \"payroll run failed\" --ticket INC-77"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    of: OneWatch,
}

/// What tells how it went: the renewal has ended, or the way back is refused or failed.
const NEXT: [&str; 2] = ["renewal-ended", "act-failed"];

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let watch = &self.of.watch;
        let done = format!("it is not over yet; see how it goes with: certsteward plan {watch}");
        self.of.see_through(("rollback", "roll back"), (done, Said::Next(&NEXT)), common, output).await
    }
}
