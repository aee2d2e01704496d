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
        self.of.see_through(("retire", "retire"), (String::new(), Said::Sentence), common, output).await
    }
}
