//! `certsteward run`: the daemon.
//! Everything it does stands in the configuration.

/// Run the daemon
///
/// Watches, renews, proves and tells until it is stopped. SIGHUP reads the configuration again; SIGTERM waits for the acts
/// in hand, with a limit. The log goes to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  certsteward run\n  certsteward --config ./certsteward.toml run")]
pub(super) struct Arguments {}
