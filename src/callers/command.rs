//! A caller that is asked and switched by a command of the operator's own.
//! It knows nothing of what the command does.

use std::time::Duration;

/// Which command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Program and arguments; no shell. JSON with the question goes to its standard input.
    pub command: Vec<String>,
    /// Its limit.
    pub timeout: Duration,
}
