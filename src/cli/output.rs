//! The one writer of the command line: standard output and error, colours where a terminal wants them, quiet when a pipe closes.
//! It knows no verb and formats nothing but lines and tables.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal as _, Write};

use super::exit::Exit;

/// How a piece of text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// A heading.
    Strong,
    /// All is well.
    Good,
    /// Needs somebody.
    Warning,
    /// Needs somebody now.
    Bad,
    /// Beside the point.
    Faint,
}

impl Tone {
    const fn escape(self) -> &'static str {
        match self {
            Self::Strong => "\u{1b}[1m",
            Self::Good => "\u{1b}[32m",
            Self::Warning => "\u{1b}[33m",
            Self::Bad => "\u{1b}[31m",
            Self::Faint => "\u{1b}[2m",
        }
    }
}

/// Where a verb writes.
pub(super) struct Output {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    colour: bool,
    broken: Option<std::io::Error>,
}

impl Output {
    /// The process's own standard output and error.
    pub(super) fn standard() -> Self {
        let colour = std::io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            out: Box::new(std::io::BufWriter::new(std::io::stdout().lock())),
            err: Box::new(std::io::stderr()),
            colour,
            broken: None,
        }
    }

    /// Writes one line.
    pub(super) fn line(&mut self, text: impl Display) {
        let written = writeln!(self.out, "{text}");
        self.note(written);
    }

    /// Writes bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let written = self.out.write_all(bytes);
        self.note(written);
    }

    /// Writes a value as indented JSON.
    pub(super) fn json(&mut self, value: &serde_json::Value) {
        self.line(format_args!("{value:#}"));
    }

    /// Writes a line for the person, not for the pipe.
    pub(super) fn aside(&mut self, text: impl Display) {
        self.flush();
        // Nothing is left to tell it to when standard error is gone.
        drop(writeln!(self.err, "{text}"));
    }

    /// Says why the verb ended.
    pub(super) fn complain(&mut self, text: impl Display) {
        self.aside(format_args!("certsteward: {text}"));
    }

    /// The text in this tone, where colours are wanted.
    pub(super) fn tone(&self, tone: Tone, text: impl Display) -> String {
        if self.colour { format!("{}{text}\u{1b}[0m", tone.escape()) } else { text.to_string() }
    }

    /// Writes lines of `name  value`, the values aligned; a value's further lines are aligned with its first.
    pub(super) fn facts(&mut self, indent: usize, facts: &[(String, String)]) {
        let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in facts {
            let mut label = name.as_str();
            for line in value.lines() {
                // What a certificate says must not steer the terminal.
                let line = line.replace(char::is_control, "\u{fffd}");
                let padding = " ".repeat(width.saturating_sub(label.chars().count()));
                let shown = self.tone(Tone::Faint, label);
                self.line(format_args!("{:indent$}{shown}{padding}  {line}", ""));
                label = "";
            }
        }
    }

    /// Hands on what was written so far, for verbs that go on.
    pub(super) fn flush(&mut self) {
        let flushed = self.out.flush();
        self.note(flushed);
    }

    /// Ends the output: a pipe that was closed is no failure, anything else is.
    pub(super) fn finish(mut self, exit: Exit) -> Exit {
        self.flush();
        match self.broken.take() {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => {
                self.complain(format_args!("cannot write the output: {error}"));
                if exit == Exit::Done { Exit::CouldNot } else { exit }
            }
            Some(_) | None => exit,
        }
    }

    fn note(&mut self, written: std::io::Result<()>) {
        if let Err(error) = written
            && self.broken.is_none()
        {
            self.broken = Some(error);
            self.out = Box::new(std::io::sink());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn exit_after(kind: ErrorKind) -> Exit {
        let mut output = Output {
            out: Box::new(Failing(kind)),
            err: Box::new(std::io::sink()),
            colour: false,
            broken: None,
        };
        output.line("anything");
        output.finish(Exit::Done)
    }

    #[test]
    fn a_closed_pipe_is_quiet_and_no_failure() {
        assert_eq!(exit_after(ErrorKind::BrokenPipe), Exit::Done);
    }

    #[test]
    fn a_full_disk_is_a_failure() {
        assert_eq!(exit_after(ErrorKind::StorageFull), Exit::CouldNot);
    }

    #[test]
    fn without_a_terminal_no_escape_is_written() {
        let output = Output {
            out: Box::new(std::io::sink()),
            err: Box::new(std::io::sink()),
            colour: false,
            broken: None,
        };
        assert_eq!(output.tone(Tone::Bad, "critical"), "critical");
    }
}
