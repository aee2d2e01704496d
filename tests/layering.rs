//! Claims about the shape of the source: who names whom, what the core never does, where the process ends.
//! They read text and run nothing.

use std::path::{Path, PathBuf};

use crate::source_text::{self, SourceFile};

const ROLES: [&str; 7] = ["sources", "finders", "renewers", "targets", "callers", "probers", "notifiers"];

/// Who may name whom: each module, and the modules beside it that it may name.
/// The roles name everything below them and never each other.
const TABLE: [(&str, &[&str]); 18] = [
    ("domain", &[]),
    ("clock", &["domain"]),
    ("secret", &["domain"]),
    ("command", &["domain"]),
    ("identity", &["domain"]),
    ("formats", &["domain", "identity"]),
    ("net", &["domain", "clock", "identity"]),
    ("sap", &["domain", "clock", "secret", "identity", "formats", "net"]),
    ("ROLES", &["domain", "clock", "secret", "command", "identity", "formats", "net", "sap"]),
    ("journal", &["domain"]),
    ("surfaces", &["domain", "formats"]),
    // Of the roles it names the settings.
    ("config", &["domain", "secret", "formats", "net", "sap", "ROLES"]),
    // Of the roles it names the traits.
    ("engine", &["domain", "clock", "identity", "journal", "ROLES"]),
    (
        "app",
        &[
            "domain", "clock", "secret", "command", "identity", "formats", "net", "sap", "ROLES", "journal",
            "surfaces", "config", "engine",
        ],
    ),
    // What lies below `config` is for inspect, export and the probe of a URL, which need no configuration.
    (
        "cli",
        &["app", "config", "domain", "clock", "sandbox", "secret", "identity", "formats", "net", "probers"],
    ),
    // Literal JSON, so that client and simulator cannot agree on one mistake.
    ("sandbox", &[]),
    ("lib", &["cli"]),
    ("main", &["cli"]),
];

fn allowed(module: &str) -> Vec<&'static str> {
    let row = if ROLES.contains(&module) { "ROLES" } else { module };
    let found = TABLE.iter().find(|(name, _)| *name == row);
    let (_, named) = found.unwrap_or_else(|| {
        panic!("src/{module} is in no row of the table of who may name whom; add it there")
    });
    let each = |name: &&'static str| if *name == "ROLES" { ROLES.to_vec() } else { vec![*name] };
    named.iter().flat_map(each).collect()
}

fn is_module(name: &str) -> bool {
    ROLES.contains(&name) || TABLE.iter().any(|(module, _)| *module == name)
}

fn source() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = source_text::read_folder(&root);
    let of_tests: Vec<PathBuf> = files.iter().flat_map(SourceFile::test_modules).collect();
    let files: Vec<SourceFile> = files.into_iter().filter(|file| !of_tests.contains(&file.path)).collect();
    assert!(files.len() > 50, "only {} files were found under src", files.len());
    files
}

fn assert_none(claim: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{claim}:\n  {}", offences.join("\n  "));
}

#[test]
fn every_module_names_only_those_below_it() {
    let mut offences = Vec::new();
    for file in source() {
        let module = file.module();
        let allowed = allowed(&module);
        for (line, path) in file.crate_paths() {
            let named = path.first().map_or("", String::as_str);
            if named != module && !allowed.contains(&named) && is_module(named) {
                offences.push(format!("{}:{line}: {module} names {named}", file.shown()));
            }
        }
    }
    assert_none("a module names one that it may not know", &offences);
}

#[test]
fn the_engine_knows_roles_only_by_their_traits() {
    let mut offences = Vec::new();
    for file in source().iter().filter(|file| file.module() == "engine") {
        for (line, path) in file.crate_paths() {
            if let [role, item, ..] = path.as_slice()
                && ROLES.contains(&role.as_str())
                && item.starts_with(char::is_lowercase)
            {
                offences.push(format!("{}:{line}: {role}::{item}", file.shown()));
            }
        }
    }
    assert_none("the engine names one way of playing a role", &offences);
}

#[test]
fn the_core_is_deaf_and_blind() {
    let banned =
        ["async ", "tokio", "tracing", "serde", "std::fs", "std::net::Tcp", "now()", "println", "reqwest"];
    assert_absent("the core has an effect", &banned, |file| file.module() == "domain");
}

#[test]
fn the_process_ends_only_in_main() {
    let banned = ["process::exit", "process::abort"];
    assert_absent("something else than main ends the process", &banned, |file| file.module() != "main");
}

#[test]
fn tasks_and_threads_begin_only_in_app_and_sandbox() {
    let banned = ["tokio::spawn", "task::spawn(", "thread::spawn", "spawn_local", "runtime::Handle"];
    assert_absent("a task begins outside app", &banned, |file| {
        !["app", "sandbox"].contains(&file.module().as_str())
    });
}

#[test]
fn only_the_clock_asks_the_system_for_the_time() {
    let banned = ["Utc::now", "Local::now", "SystemTime::now", "Instant::now"];
    assert_absent("the time is read elsewhere", &banned, |file| {
        !["clock", "sandbox"].contains(&file.module().as_str())
    });
}

fn assert_absent(claim: &str, banned: &[&str], of: impl Fn(&SourceFile) -> bool) {
    let mut offences = Vec::new();
    for file in source().iter().filter(|file| of(file)) {
        for (number, line) in file.product_lines() {
            for word in banned.iter().filter(|word| line.contains(**word)) {
                offences.push(format!("{}:{number}: {word}", file.shown()));
            }
        }
    }
    assert_none(claim, &offences);
}

#[test]
fn every_module_begins_by_saying_what_it_is() {
    let silent: Vec<String> =
        all_rust_files().iter().filter(|file| !file.text.starts_with("//!")).map(SourceFile::shown).collect();
    assert_none("a file does not begin with //!", &silent);
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let long: Vec<String> = all_rust_files()
        .iter()
        .filter(|file| file.text.lines().count() > 600)
        .map(|file| format!("{}: {} lines", file.shown(), file.text.lines().count()))
        .collect();
    assert_none("a file is too long", &long);
}

#[test]
fn no_function_is_longer_than_60_lines() {
    let mut long = Vec::new();
    for file in all_rust_files() {
        for (line, name, length) in file.functions() {
            if length > 60 {
                long.push(format!("{}:{line}: {name} has {length} lines", file.shown()));
            }
        }
    }
    assert_none("a function is too long", &long);
}

fn all_rust_files() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders: [PathBuf; 2] = [root.join("src"), root.join("tests")];
    folders.iter().flat_map(|folder| source_text::read_folder(folder)).collect()
}
