//! `certsteward completions`: a completion script for a shell.
//! It installs nothing.

use super::exit::{Exit, Failed};
use super::output::Output;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  certsteward completions bash > /usr/share/bash-completion/completions/certsteward"
)]
pub(super) struct Arguments {
    /// The shell
    shell: clap_complete::Shell,
}

impl Arguments {
    pub(super) fn perform(&self, output: &mut Output) -> Result<Exit, Failed> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "certsteward", &mut script);
        output.bytes(&script);
        Ok(Exit::Done)
    }
}
