//! Target lists in files, as Prometheus' `file_sd` reads them: JSON or YAML, by the name's end.
//! A file that cannot be read keeps what it held when it last could.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::target_list::{self, Group};
use super::{Finder, Found, Place};
use crate::domain::reason::{Reason, Unseen};
use crate::finders::file;
use crate::formats::files::{self, Stamp};

/// Which lists.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The files.
    pub files: file::Settings,
    /// The port of a target that names none.
    pub port: u16,
}

/// A file as it was when it last could be read.
#[derive(Clone)]
struct Read {
    stamp: Stamp,
    groups: Arc<Vec<Group>>,
}

type Remembered = BTreeMap<PathBuf, Read>;

/// Target lists in files.
pub struct FileSd {
    settings: Settings,
    remembered: Arc<Mutex<Remembered>>,
}

impl FileSd {
    /// Reads nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, remembered: Arc::default() }
    }
}

#[async_trait::async_trait]
impl Finder for FileSd {
    async fn find(&self) -> Found {
        let (settings, remembered) = (self.settings.clone(), Arc::clone(&self.remembered));
        let read = files::apart(self.settings.files.base(), move || {
            look(&settings, &mut remembered.lock().unwrap_or_else(PoisonError::into_inner))
        });
        read.await.unwrap_or_else(Found::nothing)
    }
}

fn look(settings: &Settings, remembered: &mut Remembered) -> Found {
    let Found { places, mut unseen, .. } = settings.files.walk();
    let mut before = std::mem::take(remembered);
    let mut groups = Vec::new();
    for place in places {
        let Place::File(path) = place else { continue };
        let known = before.remove(&path);
        match read(&path, known.as_ref()) {
            Ok(read) => {
                groups.extend(read.groups.iter().cloned());
                remembered.insert(path, read);
            }
            Err(why) => {
                groups.extend(known.iter().flat_map(|known| known.groups.iter().cloned()));
                remembered.extend(known.map(|known| (path, known)));
                unseen.push(why);
            }
        }
    }
    let (servers, left_out) = target_list::servers(groups, settings.port);
    Found { places: servers.into_iter().map(Place::Server).collect(), unseen, left_out, holds_for: None }
}

/// The list in this file; an unchanged one comes from memory.
fn read(path: &Path, known: Option<&Read>) -> Result<Read, Unseen> {
    let stamp = files::stamp(path)?;
    if let Some(known) = known.filter(|known| Some(known.stamp) == stamp) {
        return Ok(known.clone());
    }
    let (bytes, stamp) = files::read(path)?;
    let ends = |end: &str| path.extension().is_some_and(|own| own.eq_ignore_ascii_case(end));
    let groups = if ends("yml") || ends("yaml") {
        target_list::from_yaml(&bytes)
    } else {
        target_list::from_json(&bytes)
    };
    let groups = groups.map_err(|wrong| {
        let text = format!("the target list {}: {wrong}; what it held before goes on", path.display());
        Unseen::new(Reason::Malformed, text)
    })?;
    Ok(Read { stamp, groups: Arc::new(groups) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(settings: &Settings, remembered: &mut Remembered) -> (Vec<String>, Vec<String>) {
        let found = look(settings, remembered);
        let shown = |place: &Place| place.to_string();
        (found.places.iter().map(shown).collect(), found.unseen.iter().map(|why| why.text.clone()).collect())
    }

    #[test]
    fn a_broken_file_keeps_what_it_held_and_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let pattern = |end: &str| format!("{}/*.{end}", folder.path().display());
        let files = file::Settings::new(&[pattern("json"), pattern("yml")], &[]);
        let (settings, mut remembered) = (Settings { files, port: 443 }, Remembered::new());
        write("a.json", r#"[{"targets":["a:443"]}]"#);
        write("b.yml", "- targets: [b:443]\n");
        assert_eq!(found(&settings, &mut remembered), (vec!["a:443".into(), "b:443".into()], Vec::new()));

        write("a.json", r#"[{"targets":["a:443""#);
        write("b.yml", "- targets: [c:443]\n");
        let (places, unseen) = found(&settings, &mut remembered);
        assert_eq!(places, ["a:443", "c:443"]);
        assert!(
            unseen.len() == 1 && unseen[0].contains("a.json") && unseen[0].contains("line 1"),
            "{unseen:?}"
        );

        write("a.json", "[]");
        std::fs::remove_file(folder.path().join("b.yml")).unwrap();
        assert_eq!(found(&settings, &mut remembered), (Vec::new(), Vec::new()));
        assert_eq!(remembered.len(), 1, "what is gone is not remembered");
    }
}
