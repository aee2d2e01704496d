//! Commands of the operator's own, as callers and targets: the questions they get, the exit codes they give.

use std::time::Duration;

use certsteward::callers::Caller as _;
use certsteward::callers::command::{CommandCaller, Settings as CallerSettings};
use certsteward::clock::Stopwatch;
use certsteward::command;
use certsteward::domain::certificate::Certificate;
use certsteward::domain::chain::Chain;
use certsteward::domain::reason::{Failure, Reason};
use certsteward::domain::watch::Mapping;
use certsteward::targets::Target as _;
use certsteward::targets::command::{CommandTarget, Settings as TargetSettings};
use serde_json::{Value, json};

use super::stage::made;

fn shell(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}

async fn ask(script: &str) -> Result<String, Failure> {
    command::ask(&shell(script), Duration::from_secs(10), &json!({"question": "look"})).await
}

#[tokio::test]
async fn each_exit_code_has_its_meaning() {
    for (script, reason, maybe) in [
        ("echo why >&2; exit 1", Reason::CommandFailed, false),
        ("echo why >&2; exit 2", Reason::CommandFailed, true),
        ("echo why >&2; exit 3", Reason::StateChanged, false),
        ("echo why >&2; exit 77", Reason::CommandFailed, true),
        ("echo why >&2; kill -9 $$", Reason::CommandFailed, true),
    ] {
        let failure = ask(script).await.unwrap_err();
        assert_eq!((failure.reason, failure.maybe_effective), (reason, maybe), "{script}");
        assert!(failure.text.ends_with(": why"), "{}", failure.text);
    }
    assert_eq!(ask("echo done").await.unwrap(), "done\n");
}

#[tokio::test]
async fn the_question_is_one_line_of_json_on_standard_input() {
    assert_eq!(ask("cat").await.unwrap(), "{\"question\":\"look\"}\n");
    assert_eq!(ask("exec <&-; echo done").await.unwrap(), "done\n", "nobody must read it");
}

#[tokio::test]
async fn a_command_that_cannot_be_started_changed_nothing() {
    let nowhere = ["/nonexistent/command".to_owned()];
    let failure = command::ask(&nowhere, Duration::from_secs(1), &Value::Null).await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::NotFound, false));
    let failure = command::ask(&[], Duration::from_secs(1), &Value::Null).await.unwrap_err();
    assert_eq!(failure.reason, Reason::CommandFailed);
}

#[tokio::test]
async fn a_command_past_its_limit_is_killed_with_what_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("alive");
    let script = format!("mkfifo {0}; (exec 3>{0}; exec sleep 40) & wait", pipe.display());
    let limit = Duration::from_millis(300);
    let asked = async { command::ask(&shell(&script), limit, &Value::Null).await };
    // The pipe's other end closes only when the process behind the command is gone too.
    let closed = async {
        let mut file = loop {
            match tokio::fs::File::open(&pipe).await {
                Ok(file) => break file,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let mut rest = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut file, &mut rest).await.unwrap();
    };
    let watch = Stopwatch::start();
    let both = async { tokio::join!(asked, closed) };
    let (asked, ()) = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    let failure = asked.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::Timeout, true));
    assert!(watch.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_command_that_writes_without_end_is_stopped() {
    let failure = ask("yes").await.unwrap_err();
    assert_eq!(failure.reason, Reason::TooLarge);
    assert!(ask("head -c 65536 /dev/zero").await.is_ok());
}

#[tokio::test]
async fn much_on_standard_error_blocks_nothing_and_its_last_line_is_shown() {
    let failure =
        ask("head -c 300000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2; exit 1").await.unwrap_err();
    assert!(failure.text.ends_with(": end"), "{}", failure.text);
    assert_eq!(failure.answer.unwrap().to_string(), "/bin/sh look → exit 1");
}

fn caller(script: &str) -> CommandCaller {
    CommandCaller::new(CallerSettings { command: shell(script), timeout: Duration::from_secs(10) })
}

/// A caller whose state is a file.
fn caller_with_state(state: &std::path::Path) -> CommandCaller {
    let state = state.display();
    caller(&format!(
        r#"read question
           case "$question" in
             *'"look"'*) printf '{{"uses":"%s"}}' "$(cat {state})" ;;
             *) printf '%s' "$question" | sed 's/.*"to":"\([^"]*\)".*/\1/' > {state} ;;
           esac"#
    ))
}

#[tokio::test]
async fn a_caller_is_looked_at_and_switched() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::write(&state, "a.pem").unwrap();
    let caller = caller_with_state(&state);
    assert_eq!(caller.look().await.unwrap().uses.as_deref(), Some("a.pem"));
    let answer = caller.switch("a.pem", "a-2.pem").await.unwrap();
    assert_eq!(answer.to_string(), "/bin/sh switch → exit 0", "no argument and no value");
    assert_eq!(std::fs::read_to_string(&state).unwrap().trim(), "a-2.pem");
    caller.switch("a.pem", "a-2.pem").await.unwrap();
    let failure = caller.switch("a.pem", "a-3.pem").await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::StateChanged, false));
}

#[tokio::test]
async fn a_caller_that_uses_nothing_says_null_and_anything_else_is_unexpected() {
    assert_eq!(caller(r#"echo '{"uses":null}'"#).look().await.unwrap().uses, None);
    for said in ["echo", "echo a.pem", "echo '{}'"] {
        assert_eq!(caller(said).look().await.unwrap_err().reason, Reason::UnexpectedAnswer, "{said}");
    }
}

#[tokio::test]
async fn a_target_gets_the_fields_and_the_public_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let got = folder.path().join("got");
    let made = made("SFAPI", "x.example.org");
    let certificates = [&made.leaf_der, &made.root_der].map(|der| Certificate::from_der(der).unwrap());
    let chain = Chain::assemble(certificates.to_vec(), None).unwrap();
    let mapping = Mapping {
        configuration_name: "BTP mTLS".to_owned(),
        integration_name: "Business Technology Platform".to_owned(),
        login_name: Some("SFAPI".to_owned()),
        company_id: None,
        api: None,
    };
    let command = shell(&format!("cat > {}", got.display()));
    let target = CommandTarget::new(TargetSettings { command, timeout: Duration::from_secs(10), mapping });
    target.publish(&chain).await.unwrap();
    assert_eq!(target.look(&chain).await.unwrap(), None);
    let got: Value = serde_json::from_str(&std::fs::read_to_string(got).unwrap()).unwrap();
    assert_eq!(got["question"], "publish");
    assert_eq!(got["configuration_name"], "BTP mTLS");
    assert_eq!(got["login_name"], "SFAPI");
    assert_eq!(got.get("company_id"), None);
    assert_eq!(got["certificate"].as_str().unwrap().matches("BEGIN").count(), 1, "the leaf alone");
}
