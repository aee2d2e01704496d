//! Puts every file below some folders through what `inspect` does, and counts what came of it:
//! `corpus [--seconds 10] [--mebibytes 512] [--passwords F] [--openssl] [--list F] FOLDER…`.
//! It keeps no file and judges no certificate; the folders hold what others collected to break readers.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measurement may fail by panicking, speaks to whoever runs it, and measures real time"
)]

mod asked;
mod tally;
mod worker;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use asked::{Asked, Outcome};
use tally::Tally;

/// What every file is held to.
#[derive(Clone)]
struct Bounds {
    seconds: u64,
    mebibytes: u64,
    passwords: Option<PathBuf>,
}

struct Arguments {
    bounds: Bounds,
    openssl: bool,
    list: Option<PathBuf>,
    folders: Vec<PathBuf>,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(worker::WORD) {
        return worker::serve();
    }
    let arguments = match arguments(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            eprintln!(
                "{wrong}\nusage: corpus [--seconds 10] [--mebibytes 512] [--passwords FILE] [--openssl] [--list FILE] FOLDER…"
            );
            return ExitCode::from(64);
        }
    };
    let mut tallies = Vec::new();
    for folder in &arguments.folders {
        let files = files_below(folder);
        eprintln!("{}: {} files", folder.display(), files.len());
        let outcomes = try_all(&files, &arguments.bounds, arguments.openssl);
        if let Some(list) = &arguments.list {
            tally::write_list(list, &outcomes);
        }
        tallies.push(Tally::of(folder, &outcomes));
    }
    print!("{}", tally::report(&tallies));
    if tallies.iter().all(Tally::is_sound) { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let bounds = Bounds { seconds: 10, mebibytes: 512, passwords: None };
    let mut arguments = Arguments { bounds, openssl: false, list: None, folders: Vec::new() };
    while let Some(word) = given.next() {
        let mut value = || given.next().ok_or_else(|| format!("{word} needs a value"));
        let number =
            |text: String| text.parse().map_err(|_| format!("{word} takes a whole number, not {text:?}"));
        match word.as_str() {
            "--seconds" => arguments.bounds.seconds = number(value()?)?,
            "--mebibytes" => arguments.bounds.mebibytes = number(value()?)?,
            "--passwords" => arguments.bounds.passwords = Some(value()?.into()),
            "--list" => arguments.list = Some(value()?.into()),
            "--openssl" => arguments.openssl = true,
            other if other.starts_with('-') => return Err(format!("there is no {other}")),
            folder => arguments.folders.push(folder.into()),
        }
    }
    if arguments.folders.is_empty() {
        return Err("name at least one folder".to_owned());
    }
    Ok(arguments)
}

/// Every regular file, in a fixed order; links are not followed.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for entry in entries.map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

/// Shares the files out to as many workers as there are processors.
fn try_all(files: &[PathBuf], bounds: &Bounds, openssl: bool) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::with_capacity(files.len()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut asked = Asked::start(bounds);
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut outcome = asked.about(file, Duration::from_secs(bounds.seconds));
                    if openssl && outcome.is_sound() {
                        outcome.openssl = asked::openssl_finds(file);
                    }
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap();
    outcomes.sort_by(|a, b| a.file.cmp(&b.file));
    outcomes
}
