//! The files of some patterns, in one walk.
//! It opens no file; the watches' sources do.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::{Finder, Found, Place};
use crate::domain::reason::{Reason, Unseen};
use crate::formats::files;

/// A star stands for no `/`, as in the walk.
const AS_WALKED: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// Which files.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    paths: Vec<(String, Pattern)>,
    exclude: Vec<(bool, Pattern)>,
    /// The folders on the way to the files, where patterns stand for them.
    ways: Vec<Pattern>,
    base: PathBuf,
}

impl Settings {
    /// The files that these patterns find; those of `exclude` are compared with whole paths where they hold a `/`, else with
    /// names. What is no pattern finds and leaves out nothing: the configuration's first reading told of it.
    #[must_use]
    pub fn new(paths: &[String], exclude: &[String]) -> Self {
        let pattern = |text: &String| Some((text.clone(), Pattern::new(text).ok()?));
        let left_out = |text: &String| Some((text.contains('/'), Pattern::new(text).ok()?));
        Self {
            paths: paths.iter().filter_map(pattern).collect(),
            exclude: exclude.iter().filter_map(left_out).collect(),
            ways: paths.iter().flat_map(ways).collect(),
            base: base(paths),
        }
    }

    /// The deepest folder that holds whatever the patterns can find.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The folders below which a file that matches may appear, each as deep as it is named without a pattern.
    #[must_use]
    pub fn folders(&self) -> BTreeSet<PathBuf> {
        self.paths.iter().map(|(text, _)| base(std::slice::from_ref(text))).collect()
    }

    /// Whether files that match may be in a folder at this place, or deeper.
    #[must_use]
    pub fn leads_through(&self, folder: &Path) -> bool {
        self.ways.iter().any(|way| way.matches_path_with(folder, AS_WALKED))
    }

    /// Whether a file at this place would be found.
    #[must_use]
    pub fn would_find(&self, path: &Path) -> bool {
        self.paths.iter().any(|(_, pattern)| pattern.matches_path_with(path, AS_WALKED))
            && !self.leaves_out(path)
    }

    fn leaves_out(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
        self.exclude
            .iter()
            .any(|(whole, pattern)| if *whole { pattern.matches_path(path) } else { pattern.matches(name) })
    }

    /// Everything the patterns find now, looked at once.
    pub(super) fn walk(&self) -> Found {
        let mut found = Found::default();
        let mut known = BTreeSet::new();
        let folders = self.folders();
        let gone = folders.iter().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
        found.unseen.extend(gone.map(|folder| missing(folder)));
        for (text, _) in &self.paths {
            for step in glob::glob(text).into_iter().flatten() {
                match step {
                    Ok(path) if path.is_file() && !self.leaves_out(&path) && known.insert(path.clone()) => {
                        // Thousands of them are kept, without the room in which they grew.
                        found.places.push(Place::File(path.into_boxed_path().into()));
                    }
                    Ok(_) => {}
                    Err(error) => found.unseen.push(unreadable(&error)),
                }
            }
        }
        found
    }
}

fn missing(folder: &Path) -> Unseen {
    let text = format!(
        "cannot look for files in {}: there is no such folder; put it back, or take its pattern out of [[discover]]",
        folder.display()
    );
    Unseen::new(Reason::NotFound, text)
}

fn unreadable(error: &glob::GlobError) -> Unseen {
    let (path, cause) = (error.path().display(), error.error());
    let text = format!("cannot look for files in {path}: {cause}; let certsteward read it");
    Unseen::new(Reason::of_file(cause), text)
}

/// The folders between the pattern's fixed part and its files, one pattern for each depth.
fn ways(pattern: &String) -> Vec<Pattern> {
    let fixed = base(std::slice::from_ref(pattern));
    let parents = Path::new(pattern).ancestors().skip(1).take_while(|folder| *folder != fixed);
    parents.filter_map(|folder| Pattern::new(folder.to_str()?).ok()).collect()
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

/// Files by pattern.
pub struct Files(Settings);

impl Files {
    /// Walks nothing yet.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self(settings)
    }
}

#[async_trait::async_trait]
impl Finder for Files {
    async fn find(&self) -> Found {
        let settings = self.0.clone();
        let walked = files::apart(&self.0.base, move || settings.walk()).await;
        walked.unwrap_or_else(Found::nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_on_the_way_to_files_lead_there() {
        let one = Settings::new(&["/live/*/fullchain.pem".to_owned()], &[]);
        assert_eq!(one.folders(), BTreeSet::from(["/live".into()]));
        let leads = |settings: &Settings, folder: &str| settings.leads_through(Path::new(folder));
        assert!(leads(&one, "/live/api.example.org"));
        for folder in ["/live", "/live/a/b", "/other/a", "/"] {
            assert!(!leads(&one, folder), "{folder}");
        }
        assert!(one.would_find(Path::new("/live/a/fullchain.pem")));
        assert!(!one.would_find(Path::new("/live/a/b/fullchain.pem")), "the walk would not find it either");

        let deep = Settings::new(&["/certs/**/tls/*.pem".to_owned(), "/etc/x.pem".to_owned()], &[]);
        assert_eq!(deep.folders(), BTreeSet::from(["/certs".into(), "/etc".into()]));
        assert!(leads(&deep, "/certs/a") && leads(&deep, "/certs/a/tls") && leads(&deep, "/certs/a/b/tls"));
        assert!(!leads(&deep, "/etc") && !leads(&deep, "/etc/tls"));
    }
}
