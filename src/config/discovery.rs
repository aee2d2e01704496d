//! One entry, many watches: every file of some patterns, looked for anew at each call.
//! It opens no file; the watches' sources do.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use sha2::Digest as _;

use super::settings::{SourceConfig, WatchConfig};
use crate::domain::reason::{Reason, Unseen};

/// What finds watches, and what they are like.
#[derive(Debug, Clone, PartialEq)]
pub struct Discovery {
    name: Arc<str>,
    prefix: String,
    paths: Vec<String>,
    exclude: Vec<String>,
    base: PathBuf,
    like: WatchConfig,
}

impl Discovery {
    pub(super) fn new(
        prefix: String,
        paths: Vec<String>,
        exclude: Vec<String>,
        mut like: WatchConfig,
    ) -> Self {
        let base = base(&paths);
        let name: Arc<str> = format!("{prefix}*").into();
        like.watch.source.discovered_by = Some(Arc::clone(&name));
        Self { name, prefix, paths, exclude, base, like }
    }

    /// What names it: what the ids of its watches begin with, and a star, which no id holds.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The kind of the sources it finds.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.like.watch.source.kind
    }

    /// The watches of the files that are there now, in the order of patterns and names.
    #[must_use]
    pub fn watches(&self) -> Vec<WatchConfig> {
        let mut known = BTreeSet::new();
        let found = self.paths.iter().filter_map(|pattern| glob::glob(pattern).ok()).flatten();
        found
            .filter_map(Result::ok)
            .filter(|path| path.is_file() && !self.leaves_out(path) && known.insert(path.clone()))
            .map(|path| self.watch(path))
            .collect()
    }

    /// The folders in which a file that matches may appear, as far as they are named without a pattern.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        let folder = |pattern: &String| Path::new(pattern).parent().map(Path::to_path_buf);
        self.paths.iter().filter_map(folder).filter(|folder| folder.is_dir()).collect()
    }

    /// Whether a file at this place would be found.
    #[must_use]
    pub fn would_find(&self, path: &Path) -> bool {
        let matches =
            |text: &String| glob::Pattern::new(text).is_ok_and(|pattern| pattern.matches_path(path));
        self.paths.iter().any(matches) && !self.leaves_out(path)
    }

    /// What the patterns lead to and could not be looked into, or is not there at all: files there may be unseen.
    #[must_use]
    pub fn unseen(&self) -> Vec<Unseen> {
        let looked = self.paths.iter().filter_map(|pattern| glob::glob(pattern).ok()).flatten();
        let gone = self.paths.iter().map(|pattern| base(std::slice::from_ref(pattern)));
        let gone = gone.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
        let gone = gone.map(|folder| {
            let text = format!(
                "cannot look for files in {}: there is no such folder; put it back, or take its pattern out of [[discover]]",
                folder.display()
            );
            Unseen::new(Reason::NotFound, text)
        });
        let unreadable = looked.filter_map(Result::err).map(|error| {
            let (path, cause) = (error.path().display(), error.error());
            let denied = cause.kind() == std::io::ErrorKind::PermissionDenied;
            let reason = if denied { Reason::PermissionDenied } else { Reason::Unreadable };
            Unseen::new(reason, format!("cannot look for files in {path}: {cause}; let certsteward read it"))
        });
        gone.chain(unreadable).collect()
    }

    fn leaves_out(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
        self.exclude.iter().any(|text| {
            let pattern = glob::Pattern::new(text);
            pattern.is_ok_and(|pattern| {
                if text.contains('/') { pattern.matches_path(path) } else { pattern.matches(name) }
            })
        })
    }

    fn watch(&self, path: PathBuf) -> WatchConfig {
        let mut found = self.like.clone();
        found.watch.id = self.id(&path);
        found.watch.source.place = path.display().to_string();
        if let SourceConfig::File(settings) = &mut found.source {
            settings.path = path;
        }
        found
    }

    /// The file's name where that alone tells it from every other file there can be; else with a piece of a hash of its
    /// path, so that an id neither depends on which other files there are nor belongs to two of them.
    fn id(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.base).unwrap_or(path).display().to_string();
        let safe: String = relative
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
            .collect();
        let begins = !self.prefix.is_empty() || safe.starts_with(|c: char| c.is_ascii_alphanumeric());
        let fits = self.prefix.len() + safe.len() <= LONGEST;
        if safe == relative && begins && fits && !ends_like_a_hash(&safe) {
            return format!("{}{safe}", self.prefix);
        }
        let digest = sha2::Sha256::digest(path.as_os_str().as_encoded_bytes());
        let hash: String = digest.iter().take(HASH / 2).map(|byte| format!("{byte:02x}")).collect();
        let room = LONGEST.saturating_sub(self.prefix.len() + HASH + 1);
        let kept: String = safe.trim_start_matches(['-', '_', '.']).chars().take(room).collect();
        format!("{}{kept}-{hash}", self.prefix)
    }
}

/// The longest id.
const LONGEST: usize = 128;
/// How many digits of a hash tell two files apart.
const HASH: usize = 12;

fn ends_like_a_hash(text: &str) -> bool {
    text.rsplit_once('-')
        .is_some_and(|(_, end)| end.len() == HASH && end.chars().all(|c| c.is_ascii_hexdigit()))
}

/// The deepest folder that holds whatever the patterns can find.
fn base(patterns: &[String]) -> PathBuf {
    let fixed = |pattern: &String| -> PathBuf {
        let parent = Path::new(pattern).parent().unwrap_or(Path::new(""));
        let wild = |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
        parent.components().take_while(|part| !wild(part)).collect()
    };
    let common = |one: PathBuf, other: PathBuf| -> PathBuf {
        one.components().zip(other.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
    };
    patterns.iter().map(fixed).reduce(common).unwrap_or_default()
}
