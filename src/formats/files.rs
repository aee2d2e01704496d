//! Regular files, read within a limit and written atomically.
//! It looks into none of them.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::LIMIT;
use crate::domain::reason::{Failure, Reason, Unseen};

/// How long a file may take, so that a network folder that hangs holds nobody up for ever.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Does blocking work with files where it keeps no other work waiting.
///
/// # Errors
/// [`Reason::Timeout`] where it takes longer than half a minute; it may still come to its end afterwards.
pub async fn apart<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Unseen> {
    match tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) => {
            Err(Unseen::new(Reason::Interrupted, format!("{}: the work with it ended early", path.display())))
        }
        Err(_) => {
            let text = format!("{}: the file system did not answer within 30 seconds", path.display());
            Err(Unseen::new(Reason::Timeout, text))
        }
    }
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    place: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(facts: &std::fs::Metadata) -> Self {
        Self {
            place: (facts.dev(), facts.ino()),
            size: facts.len(),
            modified: (facts.mtime(), facts.mtime_nsec()),
            changed: (facts.ctime(), facts.ctime_nsec()),
        }
    }
}

/// The state of a file, links followed; none where its folder can be seen and the file is not in it.
///
/// # Errors
/// Where the folder is missing or may not be entered, a link leads nowhere, or it is no regular file.
pub fn stamp(path: &Path) -> Result<Option<Stamp>, Unseen> {
    let facts = match std::fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == ErrorKind::NotFound => return absent(path),
        Err(error) => return Err(unreadable(path, &error)),
    };
    if !facts.is_file() {
        let text = format!("{} is not a regular file", path.display());
        return Err(Unseen::new(Reason::Unreadable, text));
    }
    Ok(Some(Stamp::of(&facts)))
}

/// A missing file is nothing to see only where it could have been seen.
fn absent(path: &Path) -> Result<Option<Stamp>, Unseen> {
    if let Ok(to) = std::fs::read_link(path) {
        let text = format!("{} is a link to {}, which does not exist", path.display(), to.display());
        return Err(Unseen::new(Reason::NotFound, text));
    }
    let folder = folder_of(path);
    match std::fs::metadata(&folder) {
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = format!(
                "the folder {} does not exist, so {} cannot be seen",
                folder.display(),
                path.display()
            );
            Err(Unseen::new(Reason::NotFound, text))
        }
        Err(error) => Err(unreadable(&folder, &error)),
    }
}

/// Reads a file with the stamp of the state that was read.
///
/// # Errors
/// As [`stamp`], and where it is missing, larger than the limit, or changed while it was read.
pub fn read(path: &Path) -> Result<(Zeroizing<Vec<u8>>, Stamp), Unseen> {
    let failed = |error: std::io::Error| unreadable(path, &error);
    // A pipe put in the file's place between two calls must not hold us up.
    let flags = nix::fcntl::OFlag::O_NONBLOCK.bits();
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    let facts = file.metadata().map_err(failed)?;
    if !facts.is_file() {
        let text = format!("{} is not a regular file", path.display());
        return Err(Unseen::new(Reason::Unreadable, text));
    }
    let before = Stamp::of(&facts);
    let too_large = || {
        let text = format!("{} is larger than the limit of {} MiB", path.display(), LIMIT >> 20);
        Unseen::new(Reason::TooLarge, text)
    };
    let size = usize::try_from(facts.len()).ok().filter(|size| *size <= LIMIT).ok_or_else(too_large)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(size + 1));
    let limit = u64::try_from(LIMIT).unwrap_or(u64::MAX);
    std::io::Read::by_ref(&mut file).take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > LIMIT {
        return Err(too_large());
    }
    if Stamp::of(&file.metadata().map_err(failed)?) != before {
        let text = format!(
            "{} changed while it was read; it is looked at again with the next check",
            path.display()
        );
        return Err(Unseen::new(Reason::StateChanged, text));
    }
    Ok((bytes, before))
}

/// Puts these bytes in a file, all or nothing: whoever reads it sees the old content or the new one.
///
/// The file is readable by everybody (0644) and keeps its owner where that may be set; a link is followed and stays a link.
///
/// # Errors
/// Where nothing was changed, [`Failure::certain`]; where only the safe storing of the new name is in doubt, [`Failure::uncertain`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = folder_of(path);
    let name = path
        .file_name()
        .ok_or_else(|| Failure::certain(Reason::Unreadable, format!("{} names no file", path.display())))?;
    let temporary = folder.join(format!(".{}.certsteward", name.to_string_lossy()));
    let written = write_temporary(&temporary, path, bytes)
        .and_then(|()| std::fs::rename(&temporary, path).map_err(|error| unwritable(path, &error)));
    if let Err(failure) = written {
        // Nothing is lost if this fails too: the next write begins by removing it.
        drop(std::fs::remove_file(&temporary));
        return Err(failure);
    }
    File::open(&folder).and_then(|folder| folder.sync_all()).map_err(|error| {
        let text =
            format!("{} was written, but its folder could not be stored safely: {error}", path.display());
        Failure::uncertain(Reason::EffectUnknown, text)
    })
}

fn write_temporary(temporary: &Path, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| unwritable(path, &error);
    match std::fs::remove_file(temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o644).open(temporary).map_err(failed)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(failed)?;
    if let Ok(facts) = std::fs::metadata(path) {
        // Only root may give a file away; for others the group may still be theirs to set, and if not, ours will do.
        use std::os::unix::fs::fchown;
        drop(
            fchown(&file, Some(facts.uid()), Some(facts.gid()))
                .or_else(|_| fchown(&file, None, Some(facts.gid()))),
        );
    }
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Unseen {
    let denied = error.kind() == ErrorKind::PermissionDenied;
    let way_out = if denied { "; let the user that certsteward runs as read it" } else { "" };
    Unseen::new(Reason::of_file(error), format!("cannot read {}: {error}{way_out}", path.display()))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    let way_out = if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) {
        "; let the user that certsteward runs as write in its folder (under systemd also ReadWritePaths=)"
    } else {
        ""
    };
    Failure::certain(Reason::of_file(error), format!("cannot write {}: {error}{way_out}", path.display()))
}
