//! Opening the store's file: one daemon at a time, readable by its owner only, a corrupt one set aside.
//! It reads and writes no row of ours.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema;
use crate::domain::Timestamp;
use crate::journal::JournalError;

/// A store that could not be read and was put out of the way, so that a fresh one could be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is kept now.
    pub path: PathBuf,
    /// Why it could not be read.
    pub why: String,
}

/// A store that is open for writing, and the lock that keeps others from it.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) lock: Flock<File>,
    pub(super) set_aside: Option<SetAside>,
}

/// Opens for writing; a file that is corrupt is set aside and a fresh one begun.
pub(super) fn exclusive(path: &Path, now: Timestamp) -> Result<Opened, JournalError> {
    make_folder(path).map_err(|error| failed(path, "create the folder of", error))?;
    let lock = lock(path)?;
    let (mut connection, set_aside) = match sound(path)? {
        Ok(connection) => (connection, None),
        Err(why) => {
            let aside = set_aside(path, now, why).map_err(|error| failed(path, "set aside", error))?;
            let fresh = sound(path)?.map_err(|why| failed(path, "begin anew", why))?;
            (fresh, Some(aside))
        }
    };
    check_owner(path, &connection)?;
    prepare(&mut connection, now).map_err(|error| failed(path, "prepare", error))?;
    sync_folders(path).map_err(|error| failed(path, "keep the place of", error))?;
    Ok(Opened { connection, lock, set_aside })
}

/// Opens beside a running daemon, for reading only.
pub(super) fn read_only(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| failed(path, "open", error))?;
    connection.busy_timeout(BUSY).map_err(|error| failed(path, "open", error))?;
    check_owner(path, &connection)?;
    let found = schema::version(&connection).map_err(|error| failed(path, "read", error))?;
    if found < schema::newest() {
        let why = format!(
            "its schema is {found}, this version reads {}; start the daemon once, it brings the store up to date",
            schema::newest()
        );
        return Err(failed(path, "read", why));
    }
    Ok(connection)
}

/// Sets what every writing connection needs, and brings the tables up to date.
pub(super) fn prepare(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // Reads are rare and small; the file system keeps what is read often.
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    // Without it a statement is planned anew for each value it is asked with.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    schema::migrate(connection, now)
}

pub(super) fn failed(
    path: &Path,
    act: &'static str,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> JournalError {
    let (place, cause) = (path.display().to_string(), cause.into());
    let denied = |error: &std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    // SQLite says only that it cannot be opened; the operating system says why.
    let is_denied = match cause.downcast_ref::<std::io::Error>() {
        Some(error) => denied(error),
        None => act == "open" && File::open(path).is_err_and(|error| denied(&error)),
    };
    if is_denied {
        let cause = nix::errno::Errno::EACCES.desc().to_owned();
        return JournalError::Denied { act, place, cause };
    }
    JournalError::Store { act, place, cause }
}

fn make_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)
        }
        Some(_) | None => Ok(()),
    }
}

/// What is saved is on the disk, and so is the way to it: the names in the store's folder, and the folder's own in its parent.
fn sync_folders(path: &Path) -> std::io::Result<()> {
    let named = |folder: &&Path| !folder.as_os_str().is_empty();
    for folder in path.ancestors().skip(1).filter(named).take(2) {
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            // A parent that may not be read is not of our making, so it is there to stay.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
            other => other?,
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<Flock<File>, JournalError> {
    let file = private(&beside(path, ".lock")).map_err(|error| failed(path, "lock", error))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut lock) => {
            // For people only: the lock is what counts, so a full disk or a stale number harms nobody.
            let _for_people = lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id()));
            Ok(lock)
        }
        Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
            let mut holder = String::new();
            let read = file.read_to_string(&mut holder).is_ok();
            let number = holder.trim().parse::<u32>().ok().filter(|_| read);
            let by = number.map(|id| format!(" (process {id})")).unwrap_or_default();
            Err(JournalError::InUse { place: format!("{}{by}", path.display()) })
        }
        Err((_, error)) => Err(failed(path, "lock", error)),
    }
}

/// Opens or creates a file that only its owner can read, whatever the umask.
fn private(path: &Path) -> std::io::Result<File> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// The connection, or why the file is not a sound SQLite file; an error is what no setting aside would mend.
fn sound(path: &Path) -> Result<Result<Connection, String>, JournalError> {
    private(path).map_err(|error| failed(path, "open", error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let checked = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.busy_timeout(BUSY)?;
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        Ok((connection, verdict))
    });
    match checked {
        Ok((connection, verdict)) if verdict == "ok" => Ok(Ok(connection)),
        Ok((_, verdict)) => Ok(Err(verdict)),
        Err(error) if is_corruption(&error) => Ok(Err(error.to_string())),
        Err(error) if is_about_the_disk(&error) => {
            Err(failed(path, "open", format!("{error}; is its disk full, or mounted read-only?")))
        }
        Err(error) => Err(failed(path, "open", error)),
    }
}

fn is_corruption(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

fn is_about_the_disk(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::SystemIoFailure | ErrorCode::DiskFull | ErrorCode::ReadOnly))
}

fn check_owner(path: &Path, connection: &Connection) -> Result<(), JournalError> {
    let read = |error| failed(path, "read", error);
    if schema::is_foreign(connection).map_err(read)? {
        let why = "it is the SQLite file of another program; name another path in daemon.state";
        return Err(failed(path, "use", why));
    }
    let found = schema::version(connection).map_err(read)?;
    if found > schema::newest() {
        let place = path.display().to_string();
        return Err(JournalError::Newer { place, found, known: schema::newest() });
    }
    Ok(())
}

/// Renames the file and what SQLite keeps beside it, so that it can be examined.
fn set_aside(path: &Path, now: Timestamp, why: String) -> std::io::Result<SetAside> {
    let stamp = now.format("%Y%m%dT%H%M%SZ");
    let aside = (1..)
        .map(|n: u32| if n == 1 { String::new() } else { format!("-{n}") })
        .map(|suffix| beside(path, &format!(".corrupt-{stamp}{suffix}")))
        .find(|candidate| !candidate.exists())
        .ok_or_else(|| std::io::Error::other("no free name beside it"))?;
    for suffix in ["-wal", "-shm"] {
        let companion = beside(path, suffix);
        if companion.exists() {
            std::fs::rename(companion, beside(&aside, suffix))?;
        }
    }
    std::fs::rename(path, &aside)?;
    Ok(SetAside { path: aside, why })
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// How much of the store is kept in memory, in KiB.
const CACHE_KIB: i64 = 512;
const BUSY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_kept_from_the_store_is_told_whose_it_is() {
        let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = failed(Path::new("/var/lib/certsteward/state.db"), "lock", denied);
        assert_eq!(
            error.to_string(),
            "this user may not lock the store /var/lib/certsteward/state.db: Permission denied; run certsteward as the user it belongs to (systemctl start certsteward does), or give that user the file, /var/lib/certsteward/state.db.lock and their folder"
        );
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert!(matches!(failed(Path::new("s"), "lock", full), JournalError::Store { .. }));
    }
}
