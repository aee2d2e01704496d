//! The public chain in a file, written atomically.
//! It never writes a key.

use std::path::PathBuf;

use crate::formats::PublicForm;

/// Which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The file.
    pub path: PathBuf,
    /// In which form.
    pub format: PublicForm,
}
