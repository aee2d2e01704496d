//! `certsteward pause`: stops every act, of one watch or of all; never a look.
//! It only asks; the daemon keeps the pause.

use super::Common;
use super::exit::{Exit, Failed};
use super::order::OneOrAll;
use super::output::Output;

/// Stop acts, of one watch or of all
///
/// Looks, probes, findings and messages go on. The pause survives a restart and is itself reported after a day.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward pause --comment \"maintenance of the tenant\"\n  certsteward pause sf-odata-prod"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    of: OneOrAll,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let one =
            |watch: &str| format!("acts of {watch} are paused; end it with: certsteward resume {watch}");
        let all = "all acts are paused; end it with: certsteward resume";
        self.of.ask("pause", (one, all), common, output).await?;
        Ok(Exit::Done)
    }
}
