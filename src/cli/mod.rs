//! The command line: one file per verb, one table of exits, one writer.
//! It decides nothing about certificates; it asks the running daemon, the configuration or the world, and shows the answer.

mod answer;
mod approve;
mod cancel;
mod check;
mod completions;
mod config;
mod confirm;
mod daemon;
mod draft;
mod exit;
mod export;
mod facts;
mod history;
mod inspect;
#[cfg(feature = "sandbox")]
mod landscape;
mod man;
mod notify;
mod order;
mod outcome;
mod output;
mod pause;
mod picture;
mod plan;
mod probe;
mod reject;
mod renew;
mod resume;
mod retire;
mod retry;
mod rollback;
mod run;
#[cfg(feature = "sandbox")]
pub mod sandbox;
#[cfg(feature = "sandbox")]
mod show;
mod silence;
#[cfg(feature = "sandbox")]
mod soak;
mod span;
mod watches;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, Parser as _};

pub use exit::Exit;

use exit::Failed;
use output::Output;

/// Keeps the mutual-TLS trust between a calling system and an API alive
///
/// certsteward watches client certificates, renews them before they expire, gets the new public certificate to the
/// system that must know it, proves by a real mTLS call that the API accepts it, only then switches the caller over,
/// and tells people what it did or what they must do.
#[derive(Debug, clap::Parser)]
#[command(name = "certsteward", version, max_term_width = 110, after_help = AFTER)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb takes.
#[derive(Debug, clap::Args)]
struct Common {
    /// The configuration [default: /etc/certsteward/certsteward.toml]
    #[arg(long, global = true, value_name = "F", env = "CERTSTEWARD_CONFIG")]
    config: Option<PathBuf>,
    /// The daemon's socket, for what is asked of it [default: the configuration's daemon.socket]
    #[arg(long, global = true, value_name = "F")]
    socket: Option<PathBuf>,
}

impl Common {
    fn path(&self) -> &Path {
        self.config.as_deref().unwrap_or(Path::new(crate::config::DEFAULT_PATH))
    }

    /// What starts the daemon: the service runs with the default file.
    fn start(&self) -> String {
        match &self.config {
            None => "systemctl start certsteward".to_owned(),
            Some(file) => format!("certsteward --config {} run", file.display()),
        }
    }

    /// Only the default place may be empty.
    const fn kind(&self) -> crate::config::Kind {
        match self.config {
            Some(_) => crate::config::Kind::Given,
            None => crate::config::Kind::Default,
        }
    }
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Run(run::Arguments),
    Check(check::Arguments),
    Plan(plan::Arguments),
    Renew(renew::Arguments),
    Approve(approve::Arguments),
    Reject(reject::Arguments),
    Cancel(cancel::Arguments),
    Retry(retry::Arguments),
    Rollback(rollback::Arguments),
    Retire(retire::Arguments),
    Confirm(confirm::Arguments),
    Pause(pause::Arguments),
    Resume(resume::Arguments),
    Silence(silence::Arguments),
    Probe(probe::Arguments),
    Inspect(inspect::Arguments),
    Export(export::Arguments),
    History(history::Arguments),
    Config(config::Arguments),
    Notify(notify::Arguments),
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

const AFTER: &str = "\
Examples:
  certsteward sandbox                      try it: a simulated landscape, nothing to install
  certsteward inspect sfapi.pem            what is in a file, and may a TLS client use it
  certsteward probe https://api.example.org/ --cert c.pem --key k.pem
  certsteward config check                 every problem of the configuration at once
  certsteward check                        look once; exits like a monitoring plugin
  certsteward plan                         what happens next, why, and what holds it

Exit codes:
  0 done   1 could not   64 usage   78 configuration
  check: 0 ok   1 warning   2 critical   3 unknown

Verbs that change something ask the running daemon over its socket; --comment and --ticket are kept in the history.";

/// Does what the arguments say and tells how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let mut output = Output::standard();
    let exit = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => perform(arguments, &mut output),
        Err(error) => show_usage(&error, &mut output),
    };
    output.finish(exit)
}

/// The whole command line as clap knows it, for completions, manual pages and tests.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

fn show_usage(error: &clap::Error, output: &mut Output) -> Exit {
    let text = error.render().to_string();
    if error.use_stderr() {
        output.aside(text.trim_end());
        return Exit::Usage;
    }
    output.line(text.trim_end());
    Exit::Done
}

fn perform(arguments: Arguments, output: &mut Output) -> Exit {
    // Several libraries ask the process for its cryptography; a second installation would only repeat the first.
    drop(rustls::crypto::ring::default_provider().install_default());
    let ended = runtime(&arguments.verb).and_then(|runtime| {
        let ended = runtime.block_on(arguments.verb.perform(&arguments.common, output));
        // A name look-up that hangs in the operating system must not keep a finished process alive.
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|failed| {
        output.complain(&failed.text);
        failed.exit
    })
}

fn runtime(verb: &Verb) -> Result<tokio::runtime::Runtime, Failed> {
    let mut builder = if verb.is_long() {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let built = builder.enable_all().build();
    built.map_err(|error| Failed::could_not(format!("cannot start the asynchronous runtime: {error}")))
}

impl Verb {
    const fn is_long(&self) -> bool {
        #[cfg(feature = "sandbox")]
        if matches!(self, Self::Sandbox(_)) {
            return true;
        }
        matches!(self, Self::Run(_))
    }

    async fn perform(self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        match self {
            Self::Run(arguments) => arguments.perform(common, output).await,
            Self::Check(arguments) => arguments.perform(common, output).await,
            Self::Plan(arguments) => arguments.perform(common, output).await,
            Self::Renew(arguments) => arguments.perform(common, output).await,
            Self::Approve(arguments) => arguments.perform(common, output).await,
            Self::Reject(arguments) => arguments.perform(common, output).await,
            Self::Cancel(arguments) => arguments.perform(common, output).await,
            Self::Retry(arguments) => arguments.perform(common, output).await,
            Self::Rollback(arguments) => arguments.perform(common, output).await,
            Self::Retire(arguments) => arguments.perform(common, output).await,
            Self::Confirm(arguments) => arguments.perform(common, output).await,
            Self::Pause(arguments) => arguments.perform(common, output).await,
            Self::Resume(arguments) => arguments.perform(common, output).await,
            Self::Silence(arguments) => arguments.perform(common, output).await,
            Self::Probe(arguments) => arguments.perform(common, output).await,
            Self::Inspect(arguments) => arguments.perform(output).await,
            Self::Export(arguments) => arguments.perform(common, output).await,
            Self::History(arguments) => arguments.perform(common, output).await,
            Self::Config(arguments) => arguments.perform(common, output).await,
            Self::Notify(arguments) => arguments.perform(common, output).await,
            #[cfg(feature = "sandbox")]
            Self::Sandbox(arguments) => arguments.perform(output).await,
            Self::Completions(arguments) => arguments.perform(output),
            Self::Man(arguments) => arguments.perform(output),
        }
    }
}
