//! `history` and `history verify` as an auditor meets them: what is printed, what is asked, how it exits.

use certsteward::domain::event::{Actor, Event, EventKind};
use certsteward::journal::sqlite::Sqlite;
use certsteward::journal::{Change, Journal as _};
use serde_json::{Value, json};

use super::certsteward;
use super::daemon::against;
use crate::support::samples;

/// A folder with a configuration whose daemon is not running, and a store with three events.
fn stopped() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = "[daemon]\nsocket = \"s\"\nstate = \"sqlite:state.db\"\n";
    std::fs::write(folder.path().join("c.toml"), config).unwrap();
    let at = samples::at("2026-11-01T08:00:00Z");
    let (journal, _) = Sqlite::open(&folder.path().join("state.db"), at).unwrap();
    let event = |watch: &str, actor, kind, text: &str, facts: &[(&str, &str)]| Event {
        watch: watch.to_owned(),
        at,
        actor,
        kind,
        text: text.to_owned(),
        facts: facts.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
    };
    let anna = Actor::Named("anna".to_owned());
    let remarks = [("comment", "agreed with HR"), ("ticket", "CHG-1")];
    let answer = [("request", "POST subaccountCertificates sfapi-2.pem"), ("answer", "201")];
    let events = vec![
        event("", Actor::Daemon, EventKind::Started, "certsteward started", &[]),
        event("sf", anna, EventKind::Approved, "approved issue-1", &remarks),
        event("sf", Actor::Daemon, EventKind::ActStarted, "about to issue", &[("cause", "approved by anna")]),
        event("sf", Actor::Daemon, EventKind::ActSucceeded, "done: issue", &answer),
    ];
    let change =
        Change { watch: "sf".to_owned(), record: None, events, messages: Vec::new(), absorbed: Vec::new() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(journal.save(change)).unwrap();
    folder
}

fn asked(folder: &tempfile::TempDir, arguments: &[&str]) -> super::Ran {
    certsteward(folder.path(), &[&["--config", "c.toml", "history"], arguments].concat())
}

fn heads(folder: &tempfile::TempDir) -> Vec<String> {
    let proof: Value = serde_json::from_str(&asked(folder, &["verify", "--json"]).out).unwrap();
    let heads =
        proof["chains"].as_array().unwrap().iter().map(|chain| chain["head"].as_str().unwrap().to_owned());
    heads.collect()
}

fn tamper(folder: &tempfile::TempDir, statement: &str) {
    let triggers = ["events_are_not_changed", "events_are_not_removed", "events_are_added_at_the_end"];
    let drop = triggers.map(|name| format!("DROP TRIGGER {name};")).concat();
    let connection = rusqlite::Connection::open(folder.path().join("state.db")).unwrap();
    connection.execute_batch(&format!("{drop} {statement}")).unwrap();
}

#[test]
fn an_act_is_told_with_its_cause_and_its_answer() {
    asked(&stopped(), &["sf"]).expect(
        0,
        "2026-11-01 08:00:00 UTC  sf: approved: approved issue-1 (by anna)\n    \
             comment: agreed with HR\n    ticket: CHG-1\n\
         2026-11-01 08:00:00 UTC  sf: act-started: about to issue\n    cause: approved by anna\n\
         2026-11-01 08:00:00 UTC  sf: act-succeeded: done: issue\n    \
             asked: POST subaccountCertificates sfapi-2.pem → 201\n",
        "",
    );
}

#[test]
fn the_export_has_everything_that_the_chain_is_made_of() {
    let folder = stopped();
    let ran = asked(&folder, &["--all", "--json"]);
    let events: Value = serde_json::from_str(&ran.out).unwrap();
    let events = events.as_array().unwrap();
    assert_eq!(events.len(), 4);
    let names: Vec<&str> = events[1].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["id", "watch", "at", "actor", "kind", "text", "facts", "previous", "hash"]);
    assert_eq!(events[1]["facts"], json!({"comment": "agreed with HR", "ticket": "CHG-1"}));
    assert_eq!((&events[1]["previous"], &events[2]["previous"]), (&json!(""), &events[1]["hash"]));
    assert_eq!(asked(&folder, &["--since", "2026-11-02", "--json"]).out, "[]\n");
    assert_eq!(asked(&folder, &["--all", "--limit", "3"]).code, 64);
}

#[test]
fn a_history_that_nobody_touched_is_proven() {
    let folder = stopped();
    let newest = heads(&folder);
    let expected = format!(
        "certsteward itself: 1 event, row 1, newest hash {}\nsf: 3 events, rows 2 to 4, newest hash {}\n\
         proven: every event is as its hash says and follows from the one before it; keep the newest hashes elsewhere, and give them back with --heads\n",
        newest[0], newest[1]
    );
    let ran = asked(&folder, &["verify"]);
    ran.expect(0, &expected, "");
    std::fs::write(folder.path().join("heads.txt"), ran.out).unwrap();
    let ran = asked(&folder, &["verify", "sf", "--head", &newest[1]]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(
        ran.out.contains(&format!("the kept hash {}… is still there: row 4\n", &newest[1][..12])),
        "{}",
        ran.out
    );
    let ran = asked(&folder, &["verify", "--heads", "heads.txt"]);
    assert_eq!((ran.code, ran.out.matches("is still there").count()), (0, 2), "{}", ran.out);
}

#[test]
fn a_changed_event_is_told_with_its_row_and_the_way_out_and_exits_with_1() {
    let folder = stopped();
    tamper(&folder, "UPDATE events SET actor = 'bob' WHERE id = 2");
    let ran = asked(&folder, &["verify"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let told: Vec<&str> = ran.out.lines().skip(2).collect();
    assert_eq!(
        told,
        [
            "broken: sf: row 2 was changed: what stands in it does not give its hash",
            "this is not the history that was written; keep a copy of the store as evidence, compare it with a backup or an earlier export (certsteward history --all --json), and find out who could write the file; certsteward goes on and adds to the chain as it stands",
        ]
    );
    let proof: Value = serde_json::from_str(&asked(&folder, &["verify", "--json"]).out).unwrap();
    assert_eq!((&proof["proven"], &proof["breaks"][0]["row"]), (&json!(false), &json!(2)));
}

#[test]
fn an_end_that_was_cut_is_shown_by_a_kept_hash() {
    let folder = stopped();
    std::fs::write(folder.path().join("heads.json"), asked(&folder, &["verify", "--json"]).out).unwrap();
    tamper(
        &folder,
        "DELETE FROM events WHERE id = 4; UPDATE sqlite_sequence SET seq = 3 WHERE name = 'events'",
    );
    assert_eq!(asked(&folder, &["verify"]).code, 0, "the chain alone cannot know");
    let ran = asked(&folder, &["verify", "--heads", "heads.json"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("… is not in the chain any more: the history was cut or written anew"),
        "{}",
        ran.out
    );
}

#[test]
fn what_is_no_hash_is_a_matter_of_usage() {
    let folder = stopped();
    std::fs::write(folder.path().join("heads.txt"), "nothing of the kind\n").unwrap();
    assert_eq!(asked(&folder, &["verify", "--head", "abc"]).code, 64);
    asked(&folder, &["verify", "--heads", "heads.txt"]).expect(
        64,
        "",
        "certsteward: there is no hash in heads.txt; give a file that certsteward history verify printed\n",
    );
}

#[test]
fn the_running_daemon_is_asked_page_by_page_and_for_its_proof() {
    let page = |n: i64, next: Value| ("200 OK", json!({"events": [{"id": n, "text": "x"}], "next": next}));
    let (ran, asked) =
        against(vec![page(9, json!(9)), page(8, Value::Null)], &["history", "--all", "--json"]);
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(lines, ["GET /api/v1/events?limit=1000", "GET /api/v1/events?limit=1000&before=9"]);
    let events: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&events[0]["id"], &events[1]["id"]), (&json!(8), &json!(9)), "oldest first");

    let hash = "ab".repeat(32);
    let proof =
        json!({"proven": true, "chains": [], "breaks": [], "broken": 0, "found": [{"head": hash, "row": 7}]});
    let (ran, asked) = against(
        vec![("200 OK", proof), ("200 OK", json!({"events": [{"id": 1}]}))],
        &["history", "verify", "a", "--head", &hash],
    );
    assert_eq!(asked[0].line, format!("GET /api/v1/events/verify?heads={hash}&watch=a"));
    ran.expect(0, "the kept hash abababababab… is still there: row 7\nnothing happened yet to a\n", "");
}

#[test]
fn many_kept_hashes_are_asked_about_in_parts() {
    let heads: String = (0..501).map(|n| format!("{n:064x}\n")).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), heads).unwrap();
    let first = json!({"proven": true, "chains": [], "breaks": [], "broken": 0, "found": []});
    let lost = json!([{"watch": "", "row": null, "text": "it is gone", "way_out": "look"}]);
    let second = json!({"proven": false, "chains": [], "breaks": lost, "broken": 1, "found": []});
    let arguments = ["history", "verify", "--heads", file.path().to_str().unwrap()];
    let (ran, asked) = against(vec![("200 OK", first), ("200 OK", second)], &arguments);
    assert_eq!(asked.len(), 2);
    ran.expect(1, "broken: it is gone\nthis is not the history that was written; look\n", "");
}
