//! Reads the main file and those it includes, and runs the readings in turn.
//! It knows no key but `include`, and which keys belong to the main file alone.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::catalogue::ROOT;
use super::document::{self, Entry, File, Node, Place, Table, Value};
use super::problem::{Ledger, Problems};
use super::settings::Config;
use super::{effective, imply, read, shape};

/// The largest configuration file that is read, in bytes.
const LIMIT: u64 = 4 * 1024 * 1024;

/// How the path came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody named it: it must be there.
    Given,
    /// It is the default place: where nothing is, the defaults hold and nothing is watched.
    Default,
}

/// Keys that only the main file may hold.
const MAIN_ONLY: &[&str] = &["include", "daemon", "policy"];

/// Reads a configuration.
///
/// # Errors
/// Every problem there is, in file order.
pub fn load(path: &Path, kind: Kind) -> Result<Config, Problems> {
    all_of_it(load_to_begin(path, kind)?)
}

/// Reads a configuration to begin with: it may lack secrets of single watches, connections and notifiers, which are told
/// beside it. What needs one reads it at each use, and says then what is wrong; the others are not held up by it.
///
/// # Errors
/// Every problem there is, in file order, where there is any other.
pub fn load_to_begin(path: &Path, kind: Kind) -> Result<(Config, Option<Problems>), Problems> {
    let mut ledger = Ledger::default();
    let (root, whole) = gather(path, kind, &mut ledger);
    finished(root, whole, ledger)
}

fn all_of_it((config, unread): (Config, Option<Problems>)) -> Result<Config, Problems> {
    unread.map_or(Ok(config), Err)
}

const fn nothing() -> Table {
    Table { place: Place { file: 0, offset: 0 }, entries: Vec::new() }
}

/// The readings that follow the first.
fn finished(root: Table, whole: bool, mut ledger: Ledger) -> Result<(Config, Option<Problems>), Problems> {
    shape::check(&root, &ROOT, "", &mut ledger);
    let root = imply::fill(root, &ledger);
    let read = read::read(&root, whole, &mut ledger);
    let text = effective::write(&root, &ledger);
    let files = ledger.files.iter().map(|file| file.path.clone()).filter(|path| path.is_file()).collect();
    let may_begin = ledger.lacks_only_secrets();
    match (ledger.problems(), read) {
        (Some(problems), _) if !may_begin => Err(problems),
        (unread, Some(config)) => Ok((Config { effective: text, files, ..config }, unread)),
        (unread, None) => Err(unread.unwrap_or(Problems(Vec::new()))),
    }
}

/// Reads a configuration from this text, as if it stood at this place: paths begin there, and includes are followed.
///
/// # Errors
/// Every problem there is.
pub fn load_text(text: &str, place: &Path) -> Result<Config, Problems> {
    let mut ledger = Ledger::default();
    let (root, whole) = match parsed(text.to_owned(), place, &mut ledger) {
        Some(root) => with_included(root, place, &mut ledger),
        None => (nothing(), false),
    };
    all_of_it(finished(root, whole, ledger)?)
}

/// The main file's table with those of included files merged in, and whether all could be read.
fn gather(path: &Path, kind: Kind, ledger: &mut Ledger) -> (Table, bool) {
    if kind == Kind::Default && matches!(path.try_exists(), Ok(false)) {
        ledger.files.push(File { path: path.to_owned(), folder: folder_of(path), text: String::new() });
        return (nothing(), true);
    }
    let Some(root) = one(path, ledger) else { return (nothing(), false) };
    with_included(root, path, ledger)
}

fn with_included(mut root: Table, path: &Path, ledger: &mut Ledger) -> (Table, bool) {
    let mut whole = true;
    for included in included(&root, path, ledger) {
        match one(&included, ledger) {
            Some(table) => merge(&mut root, table, ledger),
            None => whole = false,
        }
    }
    (root, whole)
}

fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

fn one(path: &Path, ledger: &mut Ledger) -> Option<Table> {
    let text = match text_of(path) {
        Ok(text) => text,
        Err(problem) => {
            ledger.say_of_file(path.to_owned(), problem);
            return None;
        }
    };
    parsed(text, path, ledger)
}

fn parsed(text: String, path: &Path, ledger: &mut Ledger) -> Option<Table> {
    let number = ledger.files.len();
    let parsed = document::parse(&text, number);
    ledger.files.push(File { path: path.to_owned(), folder: folder_of(path), text });
    parsed
        .map_err(|wrong| {
            let text = format!("this is not TOML: {}; the rest of the file was not read", wrong.text);
            ledger.say(Place { file: number, offset: wrong.offset }, "", text);
        })
        .ok()
}

fn text_of(path: &Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| unreadable(path, &error);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(LIMIT.saturating_add(1)).read_to_end(&mut bytes).map_err(cannot)?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size > LIMIT) {
        return Err(format!(
            "is larger than {LIMIT} bytes, the most for a configuration; split it with include"
        ));
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text; save it as UTF-8".to_owned())
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    let kind = error.kind();
    if kind == ErrorKind::NotFound {
        let path = path.display();
        format!(
            "there is no such file; begin one with certsteward config example --minimal > {path}, or name another with --config"
        )
    } else if kind == ErrorKind::PermissionDenied {
        format!(
            "cannot be read by this user ({error}); run this as root or as the user that certsteward runs as"
        )
    } else {
        format!("cannot be read: {error}")
    }
}

/// The files that `include` names, each once, in the order of patterns and names.
fn included(root: &Table, main: &Path, ledger: &mut Ledger) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    // A wide pattern finds the main file too.
    let main = std::path::absolute(main).unwrap_or_else(|_| main.to_owned());
    let patterns: Vec<&Node> = root.value("include").and_then(Node::list).into_iter().flatten().collect();
    for node in patterns {
        let Some(text) = node.text() else { continue };
        let pattern = shape::resolve_glob(text, node.place, ledger);
        let Ok(found) = glob::glob(&pattern) else { continue };
        let found: Vec<PathBuf> = found.filter_map(Result::ok).filter(|path| path.is_file()).collect();
        if found.is_empty() && !text.contains(['*', '?', '[']) {
            ledger.say(node.place, "include", format!("there is no file {pattern}; make it or leave it out"));
        }
        let new = |path: &PathBuf| *path != main && !paths.contains(path);
        let new: Vec<PathBuf> = found.into_iter().filter(new).collect();
        paths.extend(new);
    }
    paths
}

fn merge(root: &mut Table, table: Table, ledger: &mut Ledger) {
    for entry in table.entries {
        if MAIN_ONLY.contains(&entry.key.as_str()) {
            ledger.say(entry.place, entry.key, "belongs to the main file; move it there");
            continue;
        }
        match root.entries.iter_mut().find(|known| known.key == entry.key) {
            None => root.entries.push(entry),
            Some(known) => merge_entry(known, entry, ledger),
        }
    }
}

fn merge_entry(known: &mut Entry, entry: Entry, ledger: &mut Ledger) {
    match (&mut known.node.value, entry.node.value) {
        (Value::List(items), Value::List(more)) => items.extend(more),
        (Value::Table(items), Value::Table(more)) => {
            for named in more.entries {
                if let Some(first) = items.entries.iter().find(|first| first.key == named.key) {
                    let text =
                        format!("is already defined in {}; choose another name", ledger.name(first.place));
                    ledger.say(named.place, shape::join(&entry.key, &named.key), text);
                } else {
                    items.entries.push(named);
                }
            }
        }
        (_, value) => {
            let node = Node { place: entry.node.place, value };
            let text = format!(
                "is {} here and {} in {}; make them alike",
                node.kind(),
                known.node.kind(),
                ledger.name(known.place)
            );
            ledger.say(entry.place, entry.key, text);
        }
    }
}
