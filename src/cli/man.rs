//! `certsteward man`: the manual pages, made from the same texts as the help.
//! It installs nothing.

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failed};
use super::output::Output;

/// Write the manual pages
///
/// Without --dir it prints one page: that of VERB, else the main one.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward man | man -l -\n  certsteward man probe\n  certsteward man --dir /usr/local/share/man/man1"
)]
pub(super) struct Arguments {
    /// The verb whose page is printed
    #[arg(conflicts_with = "dir")]
    verb: Option<String>,
    /// The folder all pages are written to
    #[arg(long, value_name = "D")]
    dir: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn perform(&self, output: &mut Output) -> Result<Exit, Failed> {
        let mut command = super::command().disable_help_subcommand(true);
        command.build();
        if let Some(dir) = &self.dir {
            let count = write_all(&command, dir)?;
            output.line(format_args!("wrote {count} pages to {}", dir.display()));
            return Ok(Exit::Done);
        }
        let page = match &self.verb {
            None => Page::of(&command),
            Some(verb) => Page::of(command.find_subcommand(verb).ok_or_else(|| unknown(verb))?),
        };
        output.bytes(&page.text?);
        Ok(Exit::Done)
    }
}

struct Page {
    file: String,
    text: Result<Vec<u8>, Failed>,
}

impl Page {
    fn of(command: &clap::Command) -> Self {
        let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
        let mut text = Vec::new();
        let rendered = clap_mangen::Man::new(command.clone()).title(&name).render(&mut text);
        let text = rendered.map(|()| text).map_err(|error| Failed::because(&error));
        Self { file: format!("{name}.1"), text }
    }
}

fn write_all(command: &clap::Command, dir: &Path) -> Result<usize, Failed> {
    std::fs::create_dir_all(dir)
        .map_err(|error| Failed::could_not(format!("cannot make the folder {}: {error}", dir.display())))?;
    let commands = std::iter::once(command).chain(command.get_subcommands()).collect::<Vec<_>>();
    for one in &commands {
        let page = Page::of(one);
        let path = dir.join(page.file);
        std::fs::write(&path, page.text?)
            .map_err(|error| Failed::could_not(format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(commands.len())
}

fn unknown(verb: &str) -> Failed {
    Failed::usage(format!("there is no verb {verb:?}; see certsteward --help"))
}
