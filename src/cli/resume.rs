//! `certsteward resume`: lets acts happen again, of one watch or of all.
//! It only asks; the daemon ends the pause.

use super::Common;
use super::daemon::Daemon;
use super::exit::{Exit, Failed};
use super::order::{OneOrAll, everywhere};
use super::output::Output;
use super::picture::{list, text};

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
        let one = |watch: &str| format!("the pause of {watch} is ended");
        let ended = self.of.ask("resume", (one, "the pause of all watches is ended"), common, output).await?;
        if ended && !self.of.remarks.json {
            let daemon = self.of.remarks.daemon(common)?;
            match &self.of.watch {
                Some(watch) => match everywhere(&daemon).await {
                    Some(paused) => output.aside(paused),
                    None => output.line(format_args!("acts of {watch} may happen again")),
                },
                None => output.line(still(&daemon).await),
            }
        }
        Ok(Exit::Done)
    }
}

/// What may happen once the pause of all watches is over: some may be paused by themselves.
async fn still(daemon: &Daemon) -> String {
    let Ok(all) = daemon.get("/api/v1/watches").await else {
        return "acts may happen again".to_owned();
    };
    let paused = list(&all, "watches").iter().filter(|watch| watch["paused"].is_object());
    let ids: Vec<&str> = paused.map(|watch| text(watch, "id")).collect();
    if ids.is_empty() {
        return "acts may happen again".to_owned();
    }
    format!("acts may happen again, but not those of watches that are paused themselves: {}", ids.join(", "))
}
