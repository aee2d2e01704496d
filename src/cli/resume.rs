//! `certsteward resume`: lets acts happen again, of one watch or of all.
//! It only asks; the daemon ends the pause.

use super::Common;
use super::exit::{Exit, Failed};
use super::order::OneOrAll;
use super::output::Output;

/// Let acts happen again, of one watch or of all
///
/// Ends the pause of the same kind: the one of all watches does not end the pause of a single one.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward resume\n  certsteward resume sf-odata-prod --ticket CHG-1042"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    of: OneOrAll,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let one = |watch: &str| format!("acts of {watch} may happen again");
        self.of.ask("resume", (one, "acts may happen again"), common, output).await
    }
}
