//! The exit codes: one table for every verb.
//! It ends nothing; `main` does.

use std::process::ExitCode;

/// How the command line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; for `check`: nothing is wrong; for `probe`: the certificate was accepted.
    Done,
    /// It could not be done, or the answer is no.
    CouldNot,
    /// `check`: the most serious level is a warning.
    Warning,
    /// `check`: the most serious level is critical.
    Critical,
    /// `check`: the state is not known.
    Unknown,
    /// The arguments make no sense (EX_USAGE).
    Usage,
    /// The configuration cannot be used (EX_CONFIG).
    Configuration,
}

impl Exit {
    /// The number the shell sees.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::CouldNot | Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
            Self::Usage => 64,
            Self::Configuration => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// A way out that names a setting, in the words of who gave options instead of a configuration.
pub(super) fn as_options(text: &str) -> String {
    let options = [
        ("(password = { file = … })", "(--password-file F)"),
        ("ca = { file = … }", "--ca F"),
        ("proxy = \"none\"", "--proxy none"),
        ("server_name = \"…\"", "--server-name NAME"),
        ("leave starttls out", "leave --starttls out"),
        ("ip = \"v4\"", "--ip v4"),
        ("ip = \"v6\"", "--ip v6"),
        ("starttls = \"", "--starttls \""),
    ];
    options.iter().fold(text.to_owned(), |text, (setting, option)| text.replace(setting, option))
}

/// Why a verb ended without doing what it was asked, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    /// How the process ends.
    pub(super) exit: Exit,
    /// What, where and the way out; one sentence or several lines.
    pub(super) text: String,
}

impl Failed {
    /// It could not be done.
    pub(super) fn could_not(text: impl Into<String>) -> Self {
        Self { exit: Exit::CouldNot, text: text.into() }
    }

    /// The arguments make no sense together.
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, text: text.into() }
    }

    /// The configuration cannot be used.
    pub(super) fn configuration(text: impl Into<String>) -> Self {
        Self { exit: Exit::Configuration, text: text.into() }
    }

    /// It could not be done, for this reason and the reasons below it.
    pub(super) fn because(error: &dyn std::error::Error) -> Self {
        Self::could_not(crate::app::chain(error))
    }
}
