//! `certsteward sandbox --once` ends well for every combination that makes sense: the whole product in one command.
//! What it prints line by line is tested with the command's texts.

use std::process::Stdio;

use tokio::process::Command;
use tokio::task::JoinSet;

use crate::support::child::lasting_port;

/// Tenant, rotation, subject, and whether a gap is announced.
///
/// In place overwrites the old certificate at once, so a gap is announced wherever the tenant is not known to match by
/// issuer and subject; an exact tenant with the same subject deletes before it adds.
const COMBINATIONS: [(&str, &str, &str, bool); 10] = [
    ("dn", "side-by-side", "auto", false),
    ("dn", "side-by-side", "same", false),
    ("dn", "side-by-side", "counted", false),
    ("exact", "side-by-side", "auto", false),
    ("exact", "side-by-side", "same", true),
    ("exact", "side-by-side", "counted", false),
    ("dn", "in-place", "auto", true),
    ("dn", "in-place", "same", true),
    ("exact", "in-place", "auto", true),
    ("exact", "in-place", "same", true),
];

/// What one run said and how it ended.
struct Ran {
    name: String,
    code: Option<i32>,
    out: String,
}

async fn once(matching: &str, rotation: &str, subject: &str) -> Ran {
    let listen = format!("127.0.0.1:{}", lasting_port());
    let arguments = [
        ["--match", matching],
        ["--rotation", rotation],
        ["--subject", subject],
        ["--hands-take", "1s"],
        ["--caller-cache", "1s"],
        ["--settle", "2s"],
        ["--listen", &listen],
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_certsteward"));
    command.args(["sandbox", "--once"]).args(arguments.concat()).env("NO_PROXY", "*");
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran {
        name: format!("{matching} {rotation} {subject}"),
        code: output.status.code(),
        out: text(&output.stdout) + &text(&output.stderr),
    }
}

/// Five renewals in a row while calls fail by chance.
async fn soak(matching: &str) -> (Option<i32>, String) {
    let listen = format!("127.0.0.1:{}", lasting_port());
    let arguments = ["--match", matching, "--rotations", "5", "--faults=7", "--listen", &listen];
    let mut command = Command::new(env!("CARGO_BIN_EXE_certsteward"));
    command.args(["sandbox", "--once"]).args(arguments).env("NO_PROXY", "*");
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn renewals_in_a_row_end_without_a_lost_call_while_calls_fail_by_chance() {
    let (dn, exact) = tokio::join!(soak("dn"), soak("exact"));
    for ((code, out), issued) in [(dn, "5 issued, 0 of them"), (exact, "6 issued, 1 of them")] {
        let line = |name: &str| out.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        assert_eq!(code, Some(0), "{out}");
        assert!(line("Rotations").contains("5 of 5 ended"), "{out}");
        assert!(line("Failed calls").contains(" 0, 0 of them outside"), "{out}");
        assert!(line("Certificates").contains(issued), "{out}");
        assert!(line("Left over").ends_with("nothing"), "{out}");
        assert!(!line("Faults").contains("none"), "{out}");
    }
}

#[tokio::test]
async fn every_combination_ends_without_a_call_lost_outside_an_announced_gap() {
    let mut running = JoinSet::new();
    for (matching, rotation, subject, gap) in COMBINATIONS {
        running.spawn(async move { (once(matching, rotation, subject).await, gap) });
    }
    let mut bad = Vec::new();
    for (ran, gap) in running.join_all().await {
        let last = ran.out.lines().find(|line| line.starts_with("the application made ")).unwrap_or_default();
        let announced = if gap { "; a gap was announced beforehand" } else { "; no gap was announced;" };
        let lost_nothing = last.contains(", 0 of them outside an announced gap") && last.contains(announced);
        let without_gap = gap || last.contains(" calls, 0 failed, ");
        println!("{:32} {last}", ran.name);
        if ran.code != Some(0) || !lost_nothing || !without_gap {
            bad.push(format!("{} ended with {:?}:\n{}", ran.name, ran.code, ran.out));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n\n"));
}
