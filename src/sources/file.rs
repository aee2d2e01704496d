//! A certificate in a file: any form that [`crate::formats`] opens, changes noticed by looking again.
//! It watches no directory; the bell does.

use std::path::PathBuf;

use crate::secret::SecretRef;

/// How to read one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The file.
    pub path: PathBuf,
    /// What opens it, where it is protected.
    pub password: Option<SecretRef>,
    /// A file with the private key, where it is not in the same file; without both no probe is possible.
    pub key: Option<PathBuf>,
}
