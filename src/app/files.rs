//! Changed files ring the bell: those of file sources, those that a discovery would find, and service keys.
//! It opens none of them; where a folder cannot be watched, the cron looks all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::event::{CreateKind, ModifyKind, RemoveKind};
use notify::{EventKind, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::build::Built;
use super::state::Shared;
use crate::config::{Connection, SourceConfig};
use crate::formats::files;
use crate::secret::SecretRef;

/// How long a file must be left alone: whoever is still writing it is not read meanwhile.
const QUIET: Duration = Duration::from_millis(300);
/// The longest wait for that, where something is written all the time.
const PATIENCE: u32 = 10;
/// How often it is looked whether a folder appeared, or is another one.
const FOLDERS: Duration = Duration::from_secs(30);

/// In how many folders with discovered files changes are noticed at once; in the others the cron finds them.
const AT_ONCE: usize = 1_000;

/// The folders to watch and which directory each is now; none where it is not there.
type Folders = BTreeMap<PathBuf, Option<(u64, u64)>>;

/// Rings after a file that matters changed, until stopped.
pub(super) async fn ring(built: Arc<Built>, shared: &Shared, stop: CancellationToken) {
    let concern = Arc::new(Concern::new(built));
    let changed = Arc::new(Notify::new());
    let mut found_in = shared.found_in.subscribe();
    let mut folders = Folders::new();
    let mut watcher = None;
    loop {
        let known = found_in.borrow_and_update().clone();
        let now = concern.folders(known).await.unwrap_or_else(|| folders.clone());
        if now != folders {
            watcher = watch(&now, &concern, &changed);
            folders = now;
            // What changed between the last look and now was seen by nobody.
            shared.bell.ring_everywhere();
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = changed.notified() => {
                settle(&changed).await;
                shared.bell.ring_everywhere();
            }
            () = tokio::time::sleep(FOLDERS) => {}
            Ok(()) = found_in.changed() => {}
        }
    }
    drop(watcher);
}

/// Waits until nothing changes any more, but not for ever.
async fn settle(changed: &Notify) {
    for _ in 0..PATIENCE {
        if tokio::time::timeout(QUIET, changed.notified()).await.is_err() {
            return;
        }
    }
}

/// The files that a source reads, as far as there are any.
fn files_of(source: &SourceConfig) -> [Option<PathBuf>; 2] {
    match source {
        SourceConfig::File(settings) => [Some(settings.path.clone()), settings.key.clone()],
        SourceConfig::ServiceKey(settings) => match &settings.key {
            SecretRef::File(path) => [Some(path.clone()), None],
            SecretRef::Environment(_) | SecretRef::Credential(_) => [None, None],
        },
        SourceConfig::Tls(_) | SourceConfig::Url(_) | SourceConfig::DestinationService(_) => [None, None],
    }
}

/// Which files matter.
struct Concern {
    built: Arc<Built>,
    files: BTreeSet<PathBuf>,
    /// Folders that appeared where a discovery looks, and may still be empty.
    fresh: Mutex<BTreeSet<PathBuf>>,
}

impl Concern {
    fn new(built: Arc<Built>) -> Self {
        let files = built.config.watches.iter().flat_map(|watch| {
            let places = watch.places.iter().map(|(_, place)| place);
            let sources = std::iter::once(&watch.source).chain(places).flat_map(files_of);
            sources.chain(watch.checks.files().map(|path| Some(path.to_owned())))
        });
        let keys = built.config.connections.values().filter_map(|connection| match connection {
            Connection::DestinationService(settings) => match &settings.service_key {
                SecretRef::File(path) => Some(path.clone()),
                SecretRef::Environment(_) | SecretRef::Credential(_) => None,
            },
            Connection::SuccessFactors { .. } => None,
        });
        let files = files.flatten().chain(keys).collect();
        Self { built, files, fresh: Mutex::default() }
    }

    /// The folders are watched, not the files: Kubernetes swaps links, and editors swap files. None where the file system does
    /// not answer.
    async fn folders(&self, found_in: BTreeSet<PathBuf>) -> Option<Folders> {
        let of_files = self.files.iter().filter_map(|file| file.parent().map(Path::to_path_buf));
        let discoveries = self.built.config.discoveries.iter();
        let named: BTreeSet<PathBuf> =
            of_files.chain(discoveries.flat_map(|discovery| discovery.folders())).collect();
        let fresh = self.fresh().clone();
        let looked_at = move || {
            let with_directory = |folder: PathBuf| (directory(&folder), folder);
            let passing = found_in.into_iter().chain(fresh).map(with_directory);
            let there = passing.filter(|(found, _)| found.is_some()).take(AT_ONCE);
            named.into_iter().map(with_directory).chain(there).map(|(found, at)| (at, found)).collect()
        };
        let folders: Folders = files::apart(Path::new("/"), looked_at).await.ok()?;
        self.fresh().retain(|folder| folders.contains_key(folder));
        Some(folders)
    }

    fn fresh(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes which folders appeared where files may be found.
    fn note_folders(&self, event: &notify::Event) {
        let appeared = matches!(
            event.kind,
            EventKind::Create(CreateKind::Folder) | EventKind::Modify(ModifyKind::Name(_))
        );
        for path in event.paths.iter().filter(|path| appeared && self.leads_through(path) && path.is_dir()) {
            self.fresh().insert(path.clone());
        }
    }

    fn leads_through(&self, folder: &Path) -> bool {
        self.built.config.discoveries.iter().any(|discovery| discovery.leads_through(folder))
    }

    /// Whether what happened there matters. Without a place, something was missed.
    fn is_about(&self, event: &notify::Event) -> bool {
        let folder = may_be_a_folder(event.kind);
        let at = |path: &PathBuf| {
            // Kubernetes swaps the link `..data`, through which all files of a mounted secret lead.
            let swapped = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".."));
            let found = || self.built.config.discoveries.iter().any(|discovery| discovery.is_about(path));
            swapped || self.files.contains(path) || found() || folder && self.leads_through(path)
        };
        !event.kind.is_access()
            && (event.paths.is_empty() || event.need_rescan() || event.paths.iter().any(at))
    }
}

/// Which directory is there.
fn directory(folder: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(folder).ok().map(|found| (found.dev(), found.ino()))
}

/// Whether a folder may have come or gone, with files in it that nobody tells of one by one.
const fn may_be_a_folder(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Create(CreateKind::Folder)
            | EventKind::Remove(RemoveKind::Folder)
            | EventKind::Modify(ModifyKind::Name(_))
    )
}

fn watch(
    folders: &Folders,
    concern: &Arc<Concern>,
    changed: &Arc<Notify>,
) -> Option<notify::RecommendedWatcher> {
    let there: Vec<&PathBuf> =
        folders.iter().filter(|(_, found)| found.is_some()).map(|(at, _)| at).collect();
    if there.is_empty() {
        return None;
    }
    let (concern, changed) = (Arc::clone(concern), Arc::clone(changed));
    let seen = move |event: notify::Result<notify::Event>| {
        if let Ok(event) = event
            && concern.is_about(&event)
        {
            concern.note_folders(&event);
            changed.notify_one();
        }
    };
    let mut watcher = notify::recommended_watcher(seen)
        .inspect_err(|error| {
            tracing::warn!(error = %error, "files cannot be watched for changes; the cron looks at them");
        })
        .ok()?;
    for folder in there {
        if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
            tracing::warn!(folder = %folder.display(), error = %error, "the folder cannot be watched for changes; the cron looks at it");
        }
    }
    Some(watcher)
}
