//! The verbs that ask the daemon: what they send to its socket, and what they say without one.
//! The daemon here is a listener with one prepared answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use serde_json::{Value, json};

use super::{Ran, certsteward, with_config};

/// One request as it came in.
pub(super) struct Asked {
    pub(super) line: String,
    body: Value,
}

/// Runs a verb against a daemon that gives these answers, one a connection.
pub(super) fn against(answers: Vec<(&'static str, Value)>, arguments: &[&str]) -> (Ran, Vec<Asked>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::scope(|scope| {
        let daemon = scope.spawn(|| answers.iter().map_while(|answer| serve(&listener, answer)).collect());
        let ran = certsteward(folder.path(), &[arguments, &["--socket", "s"]].concat());
        // A daemon that still waits for a question that never came is told so by a connection without one.
        drop(UnixStream::connect(&socket));
        (ran, daemon.join().unwrap())
    })
}

fn serve(listener: &UnixListener, (status, answer): &(&str, Value)) -> Option<Asked> {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let head: Vec<String> =
        reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let line = head.first()?.trim_end_matches(" HTTP/1.1").to_owned();
    let length =
        head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let answer = answer.to_string();
    let length = answer.len();
    let reply = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{answer}"
    );
    reader.get_mut().write_all(reply.as_bytes()).unwrap();
    Some(Asked { line, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
}

fn accepted() -> (&'static str, Value) {
    ("202 Accepted", json!({ "command": 7, "watch": "a", "actor": "root" }))
}

/// What a daemon answers where a pass takes the command up and the history then says this; nothing is paused.
fn taken_up(kind: &str, text: &str) -> Vec<(&'static str, Value)> {
    told(kind, text, json!({}))
}

/// The history once something followed the command that [`taken_up`] tells of.
fn came_next(kind: &str, text: &str) -> (&'static str, Value) {
    let event = json!({ "id": 9, "watch": "a", "actor": "certsteward", "kind": kind, "text": text });
    ("200 OK", json!({ "events": [event], "next": null }))
}

fn told(kind: &str, text: &str, status: Value) -> Vec<(&'static str, Value)> {
    let event = |id: i64, actor: &str, kind: &str, text: &str| json!({ "id": id, "watch": "a", "at": "2026-11-01T00:00:00Z", "actor": actor, "kind": kind, "text": text, "facts": {} });
    let before = event(6, "root", kind, text);
    let other = event(7, "anna", kind, text);
    let events = |events: Vec<Value>| ("200 OK", json!({ "events": events, "next": null }));
    vec![
        events(vec![before.clone()]),
        accepted(),
        events(vec![other.clone(), before.clone()]),
        events(vec![event(8, "root", kind, text), other, before]),
        ("200 OK", status),
        ("200 OK", json!({ "id": "a" })),
    ]
}

#[test]
fn each_verb_asks_for_what_it_is_named_after() {
    for (verb, said, next) in [
        ("renew", "renew now", Some("renewal-started")),
        ("cancel", "renewal 2 ended: cancelled by root", None),
        ("rollback", "roll back, if a call shows that it is accepted", Some("renewal-ended")),
        ("retire", "retire the replaced certificate ab12, unless something still uses it", None),
        ("retry", "retry now, without waiting", None),
        ("pause", "pause acts of this watch", None),
        ("resume", "resume acts of this watch", None),
    ] {
        let mut answers = taken_up("command", said);
        answers.extend(next.map(|kind| came_next(kind, "what came of it")));
        let (ran, asked) = against(answers, &[verb, "a", "--comment", "why", "--ticket", "T-1"]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{verb}");
        assert_eq!(asked[1].line, format!("POST /api/v1/watches/a/{verb}"));
        assert_eq!(asked[1].body, json!({ "comment": "why", "ticket": "T-1" }), "{verb}");
        assert_eq!(ran.out.ends_with("\na: what came of it\n"), next.is_some(), "{verb}: {}", ran.out);
    }
}

#[test]
fn a_pause_is_said_to_hold_once_it_does() {
    let (ran, asked) = against(taken_up("command", "pause acts of this watch"), &["pause", "a"]);
    ran.expect(0, "acts of a are paused; end it with: certsteward resume a\n", "");
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    let history = "GET /api/v1/events?limit=50&watch=a";
    let expected = ["GET /api/v1/events?limit=1&watch=a", "POST /api/v1/watches/a/pause", history, history];
    assert_eq!(lines, expected);
}

#[test]
fn what_no_pass_takes_up_in_time_is_said_to_be_kept() {
    let none = || ("200 OK", json!({ "events": [] }));
    let answers = [vec![none(), accepted()], std::iter::repeat_with(none).take(200).collect()].concat();
    let (ran, _) = against(answers, &["pause", "a"]);
    ran.expect(
        1,
        "",
        "certsteward: it is handed in and will be obeyed, but no pass took it up within 10 s (one may be under way); \
see what came of it: certsteward history a\n",
    );
}

#[test]
fn what_the_pass_refused_is_told_in_the_words_of_the_history_and_exits_with_1() {
    let refused =
        "approve switch-2: refused, because root asked for it (four_eyes); somebody else has to approve";
    let (ran, _) = against(taken_up("command", refused), &["approve", "a", "switch-2"]);
    ran.expect(1, "", &format!("certsteward: a: {refused}\n"));
    let (ran, _) = against(taken_up("command", "renew: a renewal is under way already"), &["renew", "a"]);
    ran.expect(1, "", "certsteward: a: renew: a renewal is under way already\n");
}

#[test]
fn a_removal_that_somebody_else_has_to_approve_says_so() {
    let said = "retire the replaced certificate ab12, once somebody else approves it (four_eyes): certsteward approve a";
    let (ran, _) = against(taken_up("command", said), &["retire", "a"]);
    ran.expect(0, &format!("a: {said}\n"), "");
    let (ran, _) = against(taken_up("command", "retire: there is no entry left to remove"), &["retire", "a"]);
    ran.expect(1, "", "certsteward: a: retire: there is no entry left to remove\n");
}

#[test]
fn a_word_about_a_removal_is_not_taken_for_one_about_the_certificate() {
    for (kind, text, expected) in [
        (
            "confirmed",
            "the target sc knows the certificate ab12, confirmed by root",
            "sc knows the certificate of a, confirmed by you",
        ),
        (
            "hand-off-sign",
            "the target sc knows the certificate ab12, says root; the next call decides",
            "sc knows the certificate of a, you say; the next call decides",
        ),
        (
            "hand-off-closed",
            "the replaced certificate ab12 is gone from sc, says root",
            "the certificate that sc was to remove for a is gone there, confirmed by you",
        ),
    ] {
        let (ran, _) = against(taken_up(kind, text), &["confirm", "a", "sc"]);
        ran.expect(0, &format!("noted: {expected}\n"), "");
    }
}

#[test]
fn an_approval_while_acts_are_paused_says_what_keeps_them_from_happening() {
    let status = json!({ "paused": { "since": "2026-11-01T00:00:00Z", "by": "anna" } });
    let (ran, _) = against(told("approved", "approved switch-2", status), &["approve", "a", "switch-2"]);
    ran.expect(
        0,
        "switch-2 of a is approved\n",
        "but acts are paused everywhere by anna since 2026-11-01 00:00:00 UTC, so nothing happens until: certsteward resume\n",
    );
}

#[test]
fn pause_and_resume_without_a_watch_mean_all() {
    let (ran, asked) = against(taken_up("command", "pause acts everywhere"), &["pause"]);
    ran.expect(0, "all acts are paused; end it with: certsteward resume\n", "");
    assert_eq!(
        (&*asked[0].line, &*asked[1].line),
        ("GET /api/v1/events?limit=1&watch=", "POST /api/v1/pause")
    );
    let resumed = |all: Value| {
        let mut answers = taken_up("command", "resume acts everywhere");
        answers[4] = ("200 OK", all);
        against(answers, &["resume"])
    };
    let (ran, asked) = resumed(json!({ "watches": [{ "id": "a", "paused": null }] }));
    assert_eq!(asked[1].line, "POST /api/v1/resume");
    ran.expect(0, "the pause of all watches is ended\nacts may happen again\n", "");
    let (ran, _) = resumed(json!({ "watches": [{ "id": "a", "paused": { "by": "root" } }] }));
    assert!(ran.out.ends_with("but not those of watches that are paused themselves: a\n"), "{}", ran.out);
}

#[test]
fn the_end_of_one_pause_says_that_another_still_holds() {
    let resumed =
        |status: Value| against(told("command", "resume acts of this watch", status), &["resume", "a"]);
    let (ran, asked) = resumed(json!({ "paused": null }));
    assert_eq!(asked[1].line, "POST /api/v1/watches/a/resume");
    ran.expect(0, "the pause of a is ended\nacts of a may happen again\n", "");
    let status = json!({ "paused": { "since": "2026-11-01T00:00:00Z", "by": "anna" } });
    let (ran, _) = resumed(status);
    ran.expect(
        0,
        "the pause of a is ended\n",
        "but acts are paused everywhere by anna since 2026-11-01 00:00:00 UTC, so nothing happens until: certsteward resume\n",
    );
}

#[test]
fn confirm_names_watch_and_target_and_says_who_decides() {
    let arguments = ["confirm", "a", "security-center"];
    let said = "the target security-center knows the certificate ab12, confirmed by root";
    let (ran, asked) = against(taken_up("confirmed", said), &arguments);
    ran.expect(0, "noted: security-center knows the certificate of a, confirmed by you\n", "");
    assert_eq!(asked[1].line, "POST /api/v1/watches/a/targets/security-center/confirm");
    let (_, asked) =
        against(taken_up("confirmed", said), &[&arguments[..], &["--certificate", "ab12"]].concat());
    assert_eq!(asked[1].body, json!({ "certificate": "ab12" }));
    let said = "the target security-center knows the certificate ab12, says root; the next call decides";
    let (ran, _) = against(taken_up("hand-off-sign", said), &arguments);
    ran.expect(0, "noted: security-center knows the certificate of a, you say; the next call decides\n", "");
}

#[test]
fn what_was_not_paused_is_not_said_to_go_on() {
    let none = "resume: acts of this watch were not paused";
    against(taken_up("command", none), &["resume", "a"]).0.expect(0, "a was not paused\n", "");
    let none = "resume: acts were not paused everywhere";
    against(taken_up("command", none), &["resume"]).0.expect(0, "nothing was paused\n", "");
}

#[test]
fn a_silence_can_be_ended_and_is_shown_while_it_lasts() {
    let said = "end the silence, messages are sent again";
    let (ran, asked) = against(taken_up("command", said), &["silence", "a", "--end"]);
    ran.expect(0, "messages about a are sent again\n", "");
    assert_eq!(asked[1].body, json!({ "until": "now" }));
    let (ran, _) =
        against(taken_up("command", "end the silence: there was none"), &["silence", "a", "--end"]);
    ran.expect(0, "nothing was silenced about a\n", "");
    let watch =
        json!({ "id": "a", "level": "ok", "step": "watching", "silenced_until": "2099-01-04T00:00:00Z" });
    let list = ("200 OK", json!({ "watches": [watch] }));
    let (ran, _) = against(vec![list, ("200 OK", json!({}))], &["check"]);
    assert!(ran.out.contains("\n  silenced until 2099-01-04 00:00:00 UTC: no message"), "{}", ran.out);
    let (ran, _) = against(vec![("200 OK", watch), ("200 OK", json!({}))], &["plan", "a"]);
    assert!(ran.out.contains("Silenced until"), "{}", ran.out);
}

#[test]
fn silence_sends_its_end() {
    let said = "send nothing until 2099-01-04 00:00 UTC";
    let (ran, asked) = against(taken_up("command", said), &["silence", "a", "--until", "2099-01-04"]);
    ran.expect(0, "nothing is sent about a until 2099-01-04T00:00:00Z\n", "");
    assert_eq!(asked[1].body, json!({ "until": "2099-01-04T00:00:00Z" }));
}

#[test]
fn a_silence_that_is_over_is_a_matter_of_usage() {
    let ran = certsteward(Path::new("."), &["silence", "a", "--until", "2020-01-04"]);
    ran.expect(64, "", "certsteward: 2020-01-04 00:00 UTC is over already\n");
}

fn waiting() -> (&'static str, Value) {
    let act = json!({ "id": "switch-2", "what": "switch the caller core-odata to sfapi-2.pem" });
    let plan = json!({ "act": act, "held": [{ "gate": "approval" }], "pending": [{ "id": "switch-2" }] });
    ("200 OK", json!({ "id": "a", "plan": plan }))
}

#[test]
fn approve_without_an_act_shows_it_and_does_nothing() {
    let (ran, asked) = against(vec![waiting()], &["approve", "a"]);
    assert_eq!(asked.len(), 1);
    ran.expect(
        1,
        "",
        "a waits with switch-2: switch the caller core-odata to sfapi-2.pem\n\
certsteward: nothing was done; to approve it, run: certsteward approve a switch-2\n",
    );
}

#[test]
fn approve_with_yes_names_the_act_that_was_shown() {
    let answers = [vec![waiting()], taken_up("approved", "approved switch-2")].concat();
    let (ran, asked) = against(answers, &["approve", "a", "--yes"]);
    ran.expect(
        0,
        "switch-2 of a is approved\n",
        "a waits with switch-2: switch the caller core-odata to sfapi-2.pem\n",
    );
    assert_eq!(asked[2].line, "POST /api/v1/watches/a/approve");
    assert_eq!(asked[2].body, json!({ "act": "switch-2" }));
}

#[test]
fn yes_answers_for_no_act_where_several_wait() {
    let act = json!({ "id": "switch-2", "what": "switch the caller core-odata to sfapi-2.pem" });
    let plan = json!({ "act": act, "held": [{ "gate": "approval" }], "pending": [{ "id": "retire-ab12" }, { "id": "switch-2" }] });
    let events =
        json!({ "events": [{ "text": "waits for approval of retire-ab12: remove the entry sfapi-1.pem" }] });
    for verb in ["approve", "reject"] {
        let answers = vec![("200 OK", json!({ "id": "a", "plan": plan })), ("200 OK", events.clone())];
        let (ran, asked) = against(answers, &[verb, "a", "--yes"]);
        assert_eq!(asked.len(), 2, "nothing is handed in");
        ran.expect(
            1,
            "",
            &format!(
                "a waits with switch-2: switch the caller core-odata to sfapi-2.pem\n\
a waits with retire-ab12: remove the entry sfapi-1.pem\n\
certsteward: nothing was done, because 2 acts wait; name the one that you mean, such as: certsteward {verb} a switch-2\n"
            ),
        );
    }
}

#[test]
fn reject_with_an_id_asks_nothing_else() {
    let said = "renewal 2 ended: switch-2 was rejected by root";
    let (ran, asked) = against(taken_up("rejected-by-person", said), &["reject", "a", "switch-2"]);
    ran.expect(0, "a: renewal 2 ended: switch-2 was rejected by root\n", "");
    assert_eq!(asked[1].line, "POST /api/v1/watches/a/reject");
}

#[test]
fn a_refusal_is_told_in_the_daemons_words() {
    let refusal =
        json!({ "error": "the act \"x\" does not wait for approval", "way_out": "look at the plan" });
    let none = ("200 OK", json!({ "events": [] }));
    let (ran, _) = against(vec![none, ("409 Conflict", refusal)], &["approve", "a", "x"]);
    ran.expect(1, "", "certsteward: the act \"x\" does not wait for approval; look at the plan\n");
}

#[test]
fn json_hands_the_daemons_answer_on() {
    let (ran, _) = against(taken_up("command", "renew now"), &["renew", "a", "--json"]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&told["command"], &told["outcome"]["text"]), (&json!(7), &json!("renew now")));
}

#[test]
fn without_a_watch_check_and_plan_say_that_none_is_configured() {
    let nothing = "[daemon]\nsocket = \"s\"\n";
    let ran = with_config(nothing, &["plan"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.starts_with("certsteward: no watch is configured: c.toml names none"), "{}", ran.err);
    assert_eq!(with_config(nothing, &["check"]).code, 3);
    let ran = with_config(nothing, &["plan", "x"]);
    ran.expect(1, "", "certsteward: there is no watch \"x\"; none is configured\n");
    let watched =
        "[daemon]\nsocket = \"s\"\n[[watch]]\nid = \"a\"\nsource = { type = \"file\", path = \"a.pem\" }\n";
    let said = "there is no watch \"x\"; there are: a\n";
    with_config(watched, &["plan", "x"]).expect(1, "", &format!("certsteward: {said}"));
    with_config(watched, &["probe", "x"]).expect(1, "", &format!("certsteward: {said}"));
    with_config(watched, &["check", "x"]).expect(3, &format!("UNKNOWN - {said}"), "");
}

#[test]
fn a_broken_configuration_never_means_another_daemon() {
    let ran = with_config("[daemon\n", &["renew", "a"]);
    assert_eq!((ran.code, ran.out.as_str()), (78, ""));
    assert!(
        ran.err.starts_with("certsteward: c.toml cannot be read as a configuration (line 1: "),
        "{}",
        ran.err
    );
    assert!(
        ran.err.ends_with("; mend it (certsteward config check); or name the socket with --socket\n"),
        "{}",
        ran.err
    );
}

#[test]
fn a_configuration_that_is_not_there_has_a_way_out_whatever_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let run =
        |arguments: &[&str]| certsteward(folder.path(), &[&["--config", "missing.toml"], arguments].concat());
    let begin = "missing.toml: there is no such file; begin one with certsteward config example --minimal > missing.toml, or name another with --config\n";
    run(&["config", "check"]).expect(78, "", begin);
    run(&["run"]).expect(78, "", &format!("certsteward: {begin}"));
    let asked = "there is no configuration missing.toml; name the one that certsteward runs with (--config); or name the socket with --socket\n";
    run(&["pause"]).expect(78, "", &format!("certsteward: {asked}"));
    run(&["check"]).expect(3, &format!("UNKNOWN - {asked}"), "");
}

#[test]
fn plan_shows_the_page_of_each_open_hand_off() {
    let open = json!({ "headline": "add the certificate", "link": "https://c.example.org/handoffs/t" });
    let watch = json!({ "id": "a", "step": "proving", "mode": "act", "plan": {}, "hand_offs": [open] });
    let (ran, _) = against(vec![("200 OK", watch), ("200 OK", json!({}))], &["plan", "a"]);
    let page = ran.out.lines().skip_while(|line| !line.contains("Hand-off page")).collect::<Vec<_>>();
    assert!(
        page[0].ends_with("add the certificate") && page[1].ends_with(" https://c.example.org/handoffs/t"),
        "{}",
        ran.out
    );
}

#[test]
fn plan_says_what_is_next_and_what_holds_it() {
    let plan = json!({
        "lines": [
            { "at": null, "what": "issue sfapi-2.pem", "why": "held by approval: waits for approval" },
            { "at": null, "what": "prove it", "why": "nobody is switched before" },
            { "at": "2026-12-01T08:00:00Z", "what": "it becomes a warning", "why": "30d before the deadline" },
        ],
        "act": { "id": "issue-2", "what": "issue sfapi-2.pem" },
        "held": [{ "gate": "approval", "text": "waits for approval", "until": null }],
        "gap": null, "next": "2026-12-01T08:00:00Z",
    });
    let watch = json!({ "id": "a", "step": "watching", "mode": "propose", "plan": plan });
    let (ran, asked) = against(vec![("200 OK", watch), ("200 OK", json!({}))], &["plan", "a"]);
    assert_eq!(asked[0].line, "GET /api/v1/watches/a");
    let expected = [
        "a: watching, mode propose",
        "  Due                      -",
        "  Deadline                 -",
        "  now                      issue-2: issue sfapi-2.pem",
        "                           held by approval: waits for approval",
        "  then                     prove it",
        "                           because nobody is switched before",
        "  2026-12-01 08:00:00 UTC  it becomes a warning",
        "                           because 30d before the deadline",
        "",
    ];
    ran.expect(0, &expected.join("\n"), "");
}

#[test]
fn plan_names_the_act_that_waits_once_and_how_to_stop_it_last() {
    let line = |what: &str, why: &str| json!({ "at": null, "what": what, "why": why });
    let lines = [
        line("switch core", "held by approval: it waits; held by window: it waits for Sat"),
        line("remove the old entry", "retire_after"),
        line("to stop it", "certsteward cancel a ends it"),
    ];
    let held =
        json!([{ "gate": "approval", "text": "it waits" }, { "gate": "window", "text": "it waits for Sat" }]);
    let plan = json!({ "lines": lines, "act": { "id": "switch-2", "what": "switch core" }, "held": held });
    let watch = json!({ "id": "a", "step": "switching", "mode": "propose", "plan": plan });
    let (ran, _) = against(vec![("200 OK", watch), ("200 OK", json!({}))], &["plan", "a"]);
    assert_eq!(ran.out.matches("switch core").count(), 1, "{}", ran.out);
    assert_eq!(ran.out.matches("held by").count(), 2, "{}", ran.out);
    assert!(ran.out.trim_end().ends_with("to stop it  certsteward cancel a ends it"), "{}", ran.out);
}

#[test]
fn the_history_of_a_watch_that_never_was_is_refused() {
    let none = || ("200 OK", json!({ "events": [], "next": null }));
    let all = || ("200 OK", json!({ "watches": [{ "id": "sf" }] }));
    let (ran, _) = against(vec![none(), none(), all()], &["history", "nosuch"]);
    ran.expect(1, "", "certsteward: there is no watch \"nosuch\"; there are: sf\n");
    let proof = ("200 OK", json!({ "proven": true, "chains": [], "breaks": [], "broken": 0, "found": [] }));
    let (ran, _) = against(vec![proof, none(), all()], &["history", "verify", "nosuch"]);
    ran.expect(1, "", "certsteward: there is no watch \"nosuch\"; there are: sf\n");
    let gone = ("200 OK", json!({ "events": [{ "id": 1, "watch": "old", "text": "x" }], "next": null }));
    let (ran, _) = against(vec![none(), gone], &["history", "old", "--since", "2099-01-01"]);
    ran.expect(
        0,
        "nothing happened since 2099-01-01 00:00:00 UTC\n",
        "2099-01-01 00:00:00 UTC lies in the future\n",
    );
}

#[test]
fn history_is_told_oldest_first_with_who_and_why() {
    let event = |n: i64, text: &str, actor: &str, facts: Value| json!({ "id": n, "watch": "a", "at": "2026-11-01T00:00:00Z", "actor": actor, "kind": "command", "text": text, "facts": facts });
    let events = json!({ "events": [
        event(2, "renewal asked for", "root", json!({ "ticket": "T-1" })),
        event(1, "first seen", "certsteward", json!({})),
        event(0, "sc: \"I have saved it\", says somebody", "somebody", json!({})),
    ], "next": null });
    let (ran, asked) = against(vec![("200 OK", events)], &["history", "a", "--limit", "5"]);
    assert_eq!(asked[0].line, "GET /api/v1/events?limit=5&watch=a");
    ran.expect(
        0,
        "2026-11-01 00:00:00 UTC  a: command: sc: \"I have saved it\", says somebody\n2026-11-01 00:00:00 UTC  a: command: first seen\n2026-11-01 00:00:00 UTC  a: command: renewal asked for (by root)\n    ticket: T-1\n",
        "",
    );
}

#[test]
fn without_a_daemon_the_way_out_is_said() {
    let ran = with_config("[daemon]\nsocket = \"/nowhere/s\"\n", &["renew", "a"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    let parts: Vec<&str> = ran.err.split("certsteward --config ").collect();
    assert_eq!(parts.len(), 2, "{}", ran.err);
    assert_eq!(
        parts[0],
        "certsteward: certsteward is not running, or its socket is elsewhere: /nowhere/s; start it with "
    );
    assert!(parts[1].ends_with(" run, or name the socket with --socket\n"), "{}", ran.err);
}

#[test]
fn without_a_daemon_and_a_store_there_is_no_history() {
    let ran = with_config("[daemon]\nsocket = \"s\"\nstate = \"sqlite:state.db\"\n", &["history"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.starts_with("certsteward: there is no history yet: the store "), "{}", ran.err);
}

#[test]
fn the_socket_may_be_named_before_the_verb_too() {
    let ran = certsteward(Path::new("."), &["--socket", "/nowhere/s", "renew", "a"]);
    assert!(ran.err.contains("its socket is elsewhere: /nowhere/s;"), "{}", ran.err);
    let ran = certsteward(Path::new("."), &["run", "--socket", "/nowhere/s"]);
    ran.expect(
        64,
        "",
        "certsteward: run listens on the socket that the configuration names; set socket in [daemon] instead of giving --socket\n",
    );
}

#[test]
fn an_id_that_is_none_never_reaches_the_daemon() {
    for arguments in [&["renew", "a/b"][..], &["confirm", "a", "../x"], &["plan", "a?b"], &["history", "a b"]]
    {
        let ran = certsteward(Path::new("."), arguments);
        assert_eq!(ran.code, 64, "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn notify_test_names_the_notifiers_there_are() {
    let notifier = "[[notifier]]\nid = \"chat\"\ntype = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\n";
    let ran = with_config(notifier, &["notify", "test", "ops"]);
    ran.expect(1, "", "certsteward: there is no notifier \"ops\"; there are: chat\n");
    let ran = with_config(notifier, &["notify", "test", "chat"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.starts_with("certsteward: notifier chat: "), "{}", ran.err);
}
