//! `certsteward retire`: removes the replaced certificate where it is still known.
//! It only asks; the daemon's gates decide.

use super::Common;
use super::exit::{Exit, Failed};
use super::order::{OneWatch, Said};
use super::output::Output;

/// Remove the replaced certificate now
///
/// Says yes to a removal that waits for a person (retire = "ask"). Nothing is removed that a visible destination still names.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  certsteward retire sf-odata-prod")]
pub(super) struct Arguments {
    #[command(flatten)]
    of: OneWatch,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let watch = &self.of.watch;
        let done =
            format!("the replaced certificate of {watch} will be removed unless something still uses it");
        let by_another = format!(
            "the replaced certificate of {watch} will be removed once somebody else approves it (four_eyes): certsteward approve {watch}"
        );
        let said = Said::Unless("once somebody else approves it", by_another);
        self.of.see_through(("retire", "retire"), (done, said), common, output).await
    }
}
