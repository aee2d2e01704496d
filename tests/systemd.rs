//! The systemd unit: systemd itself finds nothing wrong with it and holds it to be well locked up.
//! Nothing is installed or started.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::process::program;

const UNIT: &str = include_str!("../systemd/certsteward.service");

/// The unit beside a binary that is there, so that only the unit itself is judged.
fn unit(folder: &Path) -> PathBuf {
    let path = folder.join("certsteward.service");
    let command = "ExecStart=/usr/bin/certsteward run";
    assert!(UNIT.contains(command), "the unit starts something else");
    let here = format!("ExecStart={} run", env!("CARGO_BIN_EXE_certsteward"));
    std::fs::write(&path, UNIT.replace(command, &here)).unwrap();
    path
}

fn analyze(arguments: &[&str]) -> Option<Output> {
    let analyze = program("systemd-analyze")?;
    let folder = tempfile::tempdir().unwrap();
    Some(Command::new(analyze).args(arguments).arg(unit(folder.path())).output().unwrap())
}

#[track_caller]
fn assert_clean(output: &Output) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {out}{err}", output.status);
    assert_eq!(err, "", "{out}");
}

#[test]
fn the_unit_has_no_mistake() {
    if let Some(output) = analyze(&["verify", "--recursive-errors=yes", "--man=no"]) {
        assert_clean(&output);
    }
}

#[test]
fn the_unit_is_locked_up() {
    if let Some(output) = analyze(&["security", "--offline=true", "--threshold=20", "--no-pager"]) {
        assert_clean(&output);
    }
}

#[test]
fn no_core_dump_can_hold_a_key() {
    for line in ["LimitCORE=0", "MemoryDenyWriteExecute=yes", "ProtectProc=invisible"] {
        assert!(UNIT.lines().any(|one| one == line), "{line}");
    }
}

#[test]
fn starting_again_does_not_repeat_a_configuration_that_cannot_be_used() {
    assert!(UNIT.lines().any(|line| line == "RestartPreventExitStatus=64 78"));
}
