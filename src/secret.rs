//! Secrets by reference: a file, an environment variable or a systemd credential, read anew at each use.
//! A secret never stands in the configuration itself, and is never printed.

use std::io::Read as _;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::domain::reason::{Reason, Unseen};

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// A file that only its owner can read.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A credential of the systemd unit (`LoadCredential=`), found in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// The largest secret that is read, in bytes.
pub const LIMIT: u64 = 1024 * 1024;

impl SecretRef {
    /// Reads it. One trailing line end is removed.
    ///
    /// # Errors
    /// Says where it was looked for and how to put it right; a file that others can read is refused.
    pub fn read(&self) -> Result<Zeroizing<String>, Unseen> {
        let bytes = self.read_bytes()?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Unseen::new(Reason::Malformed, format!("{self} is not text")))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        Ok(Zeroizing::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
    }

    /// Reads it as bytes, unchanged.
    ///
    /// # Errors
    /// As [`SecretRef::read`].
    pub fn read_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Unseen> {
        let bytes = match self {
            Self::File(path) => read_file(path, true)?,
            Self::Environment(name) => Zeroizing::new(
                std::env::var(name)
                    .map_err(|_| {
                        Unseen::new(Reason::NotFound, format!("the environment variable {name} is not set"))
                    })?
                    .into_bytes(),
            ),
            Self::Credential(name) => {
                let directory = std::env::var("CREDENTIALS_DIRECTORY").map_err(|_| {
                    let text = format!("the credential {name} needs systemd's LoadCredential= ($CREDENTIALS_DIRECTORY is not set)");
                    Unseen::new(Reason::NotFound, text)
                })?;
                read_file(&PathBuf::from(directory).join(name), false)?
            }
        };
        if bytes.is_empty() {
            return Err(Unseen::new(Reason::Empty, format!("{self} is empty")));
        }
        Ok(bytes)
    }
}

fn read_file(path: &std::path::Path, private: bool) -> Result<Zeroizing<Vec<u8>>, Unseen> {
    use std::os::unix::fs::MetadataExt as _;
    let shown = path.display();
    let failed = |error: std::io::Error| {
        Unseen::new(Reason::of_file(&error), format!("cannot read the secret file {shown}: {error}"))
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let facts = file.metadata().map_err(failed)?;
    if private && facts.mode() & 0o007 != 0 {
        let text = format!(
            "the secret file {shown} can be read by everybody (mode {:o}); run: chmod 600 {shown}",
            facts.mode() & 0o777
        );
        return Err(Unseen::new(Reason::PermissionDenied, text));
    }
    let room = usize::try_from(facts.len().min(LIMIT)).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room.saturating_add(1)));
    // What is no regular file tells no size, or a wrong one.
    file.take(LIMIT.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size > LIMIT) {
        let text = format!("the secret file {shown} is larger than {LIMIT} bytes");
        return Err(Unseen::new(Reason::TooLarge, text));
    }
    Ok(bytes)
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "the secret file {}", path.display()),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::Credential(name) => write!(f, "the systemd credential {name}"),
        }
    }
}
