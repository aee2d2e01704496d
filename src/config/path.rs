//! Paths as people would write them.
//! It opens nothing.

use std::path::{Component, PathBuf};

/// The same path without `..`, as people would write it. Behind a link, and where no folder is, `..` means something else: then
/// it stays.
pub(super) fn without_steps_up(path: PathBuf) -> PathBuf {
    if !path.components().any(|part| part == Component::ParentDir) {
        return path;
    }
    let mut tidy = PathBuf::new();
    for part in path.components() {
        if part != Component::ParentDir {
            tidy.push(part);
        } else if !tidy.symlink_metadata().is_ok_and(|facts| facts.is_dir()) || !tidy.pop() {
            return path;
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_up_is_taken_out_of_a_path_where_that_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("etc/conf")).unwrap();
        std::os::unix::fs::symlink("/tmp", root.join("etc/link")).unwrap();
        for (path, expected) in [
            ("etc/conf/../ssl/a.pem", "etc/ssl/a.pem"),
            ("etc/conf/../../a.pem", "a.pem"),
            ("etc/link/../a.pem", "etc/link/../a.pem"),
            ("etc/absent/../a.pem", "etc/absent/../a.pem"),
            ("etc/a.pem", "etc/a.pem"),
        ] {
            assert_eq!(without_steps_up(root.join(path)), root.join(expected), "{path}");
        }
    }
}
