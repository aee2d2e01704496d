//! Changed files ring the bell: those of file sources, those that a discovery would find, and service keys.
//! It opens none of them; where a folder cannot be watched, the cron looks all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::build::Built;
use crate::config::{Connection, SourceConfig};
use crate::engine::schedule::Bell;
use crate::secret::SecretRef;

/// How long a file must be left alone: whoever is still writing it is not read meanwhile.
const QUIET: Duration = Duration::from_millis(300);
/// The longest wait for that, where something is written all the time.
const PATIENCE: u32 = 10;
/// How often it is looked whether a folder appeared, or is another one.
const FOLDERS: Duration = Duration::from_secs(30);

/// The folders to watch and which directory each is now; none where it is not there.
type Folders = BTreeMap<PathBuf, Option<(u64, u64)>>;

/// Rings after a file that matters changed, until stopped.
pub(super) async fn ring(built: Arc<Built>, bell: Bell, stop: CancellationToken) {
    let concern = Arc::new(Concern::new(built));
    let changed = Arc::new(Notify::new());
    let mut folders = concern.folders();
    let mut watcher = watch(&folders, &concern, &changed);
    if watcher.is_some() {
        // What changed between the last look and now was seen by nobody.
        changed.notify_one();
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = changed.notified() => {
                settle(&changed).await;
                bell.ring_everywhere();
            }
            () = tokio::time::sleep(FOLDERS) => {
                let now = concern.folders();
                if now != folders {
                    watcher = watch(&now, &concern, &changed);
                    folders = now;
                    bell.ring_everywhere();
                }
            }
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

/// Which files matter.
struct Concern {
    built: Arc<Built>,
    files: BTreeSet<PathBuf>,
}

impl Concern {
    fn new(built: Arc<Built>) -> Self {
        let sources = built.config.watches.iter().filter_map(|watch| match &watch.source {
            SourceConfig::File(settings) => Some(settings),
            SourceConfig::Tls(_) | SourceConfig::DestinationService(_) => None,
        });
        let files = sources.flat_map(|settings| [Some(settings.path.clone()), settings.key.clone()]);
        let keys = built.config.connections.values().filter_map(|connection| match connection {
            Connection::DestinationService(settings) => match &settings.service_key {
                SecretRef::File(path) => Some(path.clone()),
                SecretRef::Environment(_) | SecretRef::Credential(_) => None,
            },
            Connection::SuccessFactors { .. } => None,
        });
        let files = files.flatten().chain(keys).collect();
        Self { built, files }
    }

    /// The folders are watched, not the files: Kubernetes swaps links, and editors swap files.
    fn folders(&self) -> Folders {
        let of_files = self.files.iter().filter_map(|file| file.parent().map(Path::to_path_buf));
        let discoveries = self.built.config.discoveries.iter();
        let all = of_files.chain(discoveries.flat_map(|discovery| discovery.folders()));
        all.map(|folder| {
            let found = std::fs::metadata(&folder).ok().map(|found| (found.dev(), found.ino()));
            (folder, found)
        })
        .collect()
    }

    /// Whether what happened there matters. Without a place, something was missed.
    fn is_about(&self, event: &notify::Event) -> bool {
        let at = |path: &PathBuf| {
            // Kubernetes swaps the link `..data`, through which all files of a mounted secret lead.
            let swapped = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".."));
            let found = || self.built.config.discoveries.iter().any(|discovery| discovery.is_about(path));
            swapped || self.files.contains(path) || found()
        };
        !event.kind.is_access()
            && (event.paths.is_empty() || event.need_rescan() || event.paths.iter().any(at))
    }
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
        if event.is_ok_and(|event| concern.is_about(&event)) {
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
