//! A target that is told by a command of the operator's own: JSON on standard input, documented exit codes.
//! It knows nothing of what the command does.

use std::time::Duration;

use crate::domain::watch::Mapping;

/// Which command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Program and arguments; no shell.
    pub command: Vec<String>,
    /// Its limit.
    pub timeout: Duration,
    /// The values beside the certificate.
    pub mapping: Mapping,
}
