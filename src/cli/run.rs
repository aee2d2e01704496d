//! `certsteward run`: the daemon.
//! Everything it does stands in the configuration.

use super::Common;
use super::exit::{Exit, Failed};
use super::output::Output;
use super::watches;
use crate::app;

/// Run the daemon
///
/// Watches, renews, proves and tells until it is stopped. SIGHUP reads the configuration again; SIGTERM waits for the acts
/// in hand, with a limit. The log goes to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  certsteward run\n  certsteward --config ./certsteward.toml run")]
pub(super) struct Arguments {}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        if common.socket.is_some() {
            return Err(Failed::usage(
                "run listens on the socket that the configuration names; set socket in [daemon] instead of giving --socket",
            ));
        }
        if let Some(why) = watches::defaults_hold(common) {
            output.aside(format_args!("certsteward: {why}"));
        }
        match app::run(common.path(), common.kind()).await {
            Ok(true) => Ok(Exit::Done),
            Ok(false) => Err(Failed::could_not("stopped before everything in hand had ended")),
            Err(app::Start::Configuration(problems)) => Err(Failed::configuration(problems.to_string())),
            Err(error) => Err(Failed::because(&error)),
        }
    }
}
