//! The binary as people and scripts meet it: exit codes and exact text.
//! What a verb's work itself is right about is tested where that work is.

mod check;
mod daemon;
mod files;
mod history;
#[cfg(feature = "sandbox")]
mod sandbox;
mod texts;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What one run of the binary gave.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// Runs the binary in a folder, without the outer environment's settings.
fn certsteward(folder: &Path, arguments: &[&str]) -> Ran {
    finish(command(folder, arguments).output().unwrap())
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_certsteward"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env_remove("CERTSTEWARD_CONFIG").env("COLUMNS", "100").env("NO_PROXY", "*");
    command
}

fn finish(output: Output) -> Ran {
    Ran {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs it with a configuration of this text.
fn with_config(text: &str, arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), text).unwrap();
    certsteward(folder.path(), &[&["--config", "c.toml"], arguments].concat())
}

impl Ran {
    #[track_caller]
    fn expect(&self, code: i32, out: &str, err: &str) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (code, out, err));
    }
}

#[test]
fn help_lists_every_verb_and_the_exit_codes() {
    let ran = certsteward(Path::new("."), &["--help"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for verb in ["run", "check", "plan", "approve", "probe", "inspect", "config", "sandbox", "man"] {
        assert!(
            ran.out.lines().any(|line| line.trim_start().starts_with(&format!("{verb} "))),
            "{verb}: {}",
            ran.out
        );
    }
    assert!(ran.out.contains("0 done   1 could not   64 usage   78 configuration"), "{}", ran.out);
}

#[test]
fn an_unknown_verb_is_a_matter_of_usage() {
    let ran = certsteward(Path::new("."), &["renue", "sf-odata-prod"]);
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert!(ran.err.starts_with("error: unrecognized subcommand 'renue'\n"), "{}", ran.err);
    assert!(ran.err.contains("'renew'"), "{}", ran.err);
}

#[test]
fn a_missing_argument_is_a_matter_of_usage() {
    for arguments in [&["renew"][..], &["silence", "a"], &["silence", "a", "--for", "soon"], &["probe"], &[]]
    {
        assert_eq!(certsteward(Path::new("."), arguments).code, 64, "{arguments:?}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let expected = format!("certsteward {}\n", env!("CARGO_PKG_VERSION"));
    certsteward(Path::new("."), &["--version"]).expect(0, &expected, "");
}

#[test]
fn every_problem_of_a_configuration_is_said_at_once_and_exits_with_78() {
    let ran = with_config("[daemon]\nlisten = \"nowhere\"\nsockets = \"x\"\n", &["config", "check"]);
    assert_eq!((ran.code, ran.out.as_str()), (78, ""));
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.err);
    assert!(lines[0].contains("c.toml:2:") && lines[0].contains("daemon.listen"), "{}", ran.err);
    assert!(lines[1].contains("c.toml:3:") && lines[1].contains("sockets"), "{}", ran.err);
}

#[test]
fn a_configuration_that_was_named_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let ran = certsteward(folder.path(), &["--config", "missing.toml", "config", "check"]);
    assert_eq!(ran.code, 78, "{}", ran.err);
    assert!(ran.err.contains("missing.toml"), "{}", ran.err);
}

#[test]
fn a_valid_configuration_is_counted() {
    let watch = "[[watch]]\nid = \"a\"\nsource = { type = \"file\", path = \"a.pem\" }\n";
    with_config(watch, &["config", "check"]).expect(0, "c.toml: valid, 1 watch, 0 notifiers\n", "");
    with_config(watch, &["config", "check", "--json"]).expect(
        0,
        "{\n  \"valid\": true,\n  \"problems\": []\n}\n",
        "",
    );
}

#[test]
fn what_config_show_prints_is_itself_a_valid_configuration() {
    let watch = "[[watch]]\nid = \"a\"\nsource = { type = \"file\", path = \"a.pem\" }\n";
    let shown = with_config(watch, &["config", "show"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    let again = with_config(&shown.out, &["config", "check"]);
    assert_eq!((again.code, again.err.as_str()), (0, ""));
    let json: serde_json::Value =
        serde_json::from_str(&with_config(watch, &["config", "show", "--json"]).out).unwrap();
    assert_eq!(json["watch"][0]["id"], "a");
}

#[test]
fn the_minimal_example_is_valid() {
    let example = certsteward(Path::new("."), &["config", "example", "--minimal"]);
    assert_eq!(with_config(&example.out, &["config", "check"]).code, 0);
}

#[test]
fn the_schema_is_json() {
    let ran = certsteward(Path::new("."), &["config", "schema"]);
    assert!(serde_json::from_str::<serde_json::Value>(&ran.out).unwrap().is_object());
}

#[test]
fn a_draft_needs_a_key_or_a_connection_and_says_where_the_key_was_looked_for() {
    let run = |arguments: &[&str]| certsteward(Path::new("."), &[&["config", "draft"], arguments].concat());
    let ran = run(&[]);
    assert!(ran.code == 64 && ran.err.contains("--service-key <F>|--connection <NAME>"), "{}", ran.err);
    let ran = run(&["--service-key", "nowhere.json"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.starts_with("certsteward: cannot read nowhere.json: No such file"), "{}", ran.err);
    let ran = run(&["--service-key", "x", "--api", "https://api4.successfactors.com", "--company-id", "A"]);
    assert!(
        ran.code == 64 && ran.err.contains("use \"https://api4.cert.successfactors.com\""),
        "{}",
        ran.err
    );
    assert_eq!(run(&["--service-key", "x", "--api", "https://api4.cert.successfactors.com"]).code, 64);
}

#[test]
fn a_closed_pipe_is_quiet() {
    let mut child = command(Path::new("."), &["config", "example"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = finish(child.wait_with_output().unwrap());
    ran.expect(0, "", "");
}
