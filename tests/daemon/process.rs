//! The daemon's own life: start, reload, stop, its store, its log, and what systemd is told.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use certsteward::clock::Stopwatch;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{certificate, file_watch};
use crate::support::daemon::{Daemon, LIMIT, ask, configure, head, run, verb};
use crate::support::wait::within;

/// A folder with one good certificate and a configuration that watches it.
fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.pem"), certificate("a", 30, 335).0).unwrap();
    let config = head() + &file_watch("a", "a.pem");
    (folder, config)
}

#[tokio::test]
async fn a_reload_takes_what_is_good_and_keeps_the_old_where_it_is_bad() {
    let (folder, config) = folder();
    let daemon = Daemon::start(folder.path(), &config).await;
    configure(folder.path(), &(config.clone() + &file_watch("b", "a.pem")));
    daemon.signal(Signal::SIGHUP);
    daemon.watch("b", "the new watch", |_| true).await;
    assert_eq!(daemon.metric("certsteward_config_last_reload_successful").await, Some(1.0));

    configure(folder.path(), &(config + "[[watch]]\nid = \"c\"\nnonsense = 1\n"));
    daemon.signal(Signal::SIGHUP);
    let line = daemon.logged("the old one goes on").await;
    assert!(line.contains("ERROR"), "{line}");
    assert!(line.contains("nonsense") && line.contains("certsteward.toml:"), "{line}");
    let reload = &daemon.json("/api/v1/status").await["last_reload"];
    assert_eq!(reload["succeeded"], false);
    assert!(reload["text"].as_str().unwrap().contains("nonsense"), "{reload}");
    assert_eq!(daemon.metric("certsteward_config_last_reload_successful").await, Some(0.0));
    let checked = verb(folder.path(), &["check"]).await;
    let first = checked.out.lines().next().unwrap_or_default();
    assert!(
        checked.code == 1 && first.starts_with("WARNING - the configuration could not be read"),
        "{first}"
    );
    assert!(first.contains("certsteward.toml:13:1: watch[c].source: is missing"), "{first}");
    daemon.watch("b", "the watch of the old configuration", |_| true).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_cannot_be_read_is_told_by_the_watch_that_needs_it_and_by_no_other() {
    let (folder, config) = folder();
    let locked =
        file_watch("locked", "a.pem").replace("\"a.pem\"", "\"a.pem\", password = { file = \"pw\" }");
    let daemon = Daemon::start(folder.path(), &(config + &locked)).await;
    assert!(daemon.logged("a secret cannot be read").await.contains("watch[locked].source.password"));
    daemon.watch("a", "the watch beside it", |watch| watch["level"] == "ok").await;
    let unseen = |watch: &Value| watch["findings"][0]["code"] == "unseen";
    let watch = daemon.watch("locked", "what is missing", unseen).await;
    let finding = &watch["findings"][0];
    assert!(finding["text"].as_str().unwrap().contains("cannot read the secret file"), "{finding}");

    let pw = folder.path().join("pw");
    std::fs::write(&pw, "secret").unwrap();
    std::fs::set_permissions(&pw, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    daemon.post("/api/v1/watches/locked/check", "", "").await;
    verb(folder.path(), &["retry", "locked"]).await;
    daemon.watch("locked", "the certificate", |watch| watch["level"] == "ok").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_reload_says_what_only_a_restart_changes() {
    let (folder, config) = folder();
    let daemon = Daemon::start(folder.path(), &config).await;
    configure(folder.path(), &config.replace("c.sock", "d.sock"));
    daemon.signal(Signal::SIGHUP);
    daemon.logged("[daemon] socket takes effect after a restart").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_stop_waits_for_nobody_who_says_nothing() {
    let (folder, config) = folder();
    let mut daemon = Daemon::start(folder.path(), &config).await;
    let silent = std::net::TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
    let mut halfway = std::net::TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
    std::io::Write::write_all(&mut halfway, b"GET / HTTP/1.1\r\nHo").unwrap();
    let local = std::os::unix::net::UnixStream::connect(folder.path().join("c.sock")).unwrap();
    assert_eq!(ask(daemon.port, "GET", "/-/healthy", "", "").await.unwrap().status, 200);
    let began = Stopwatch::start();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.log());
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    drop((silent, halfway, local));
}

#[tokio::test]
async fn a_second_signal_ends_what_the_first_one_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let watch = format!("[[watch]]\nid = \"slow\"\nsource = {{ type = \"tls\", address = \"{address}\" }}\n");
    configure(folder.path(), &(head() + &watch));
    let mut daemon = Daemon::begun(folder.path(), &[]);
    let held = tokio::time::timeout(LIMIT, server.accept()).await.unwrap().unwrap();
    daemon.signal(Signal::SIGTERM);
    daemon.logged("certsteward stops").await;
    let began = Stopwatch::start();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.ended().await.code(), Some(1), "{}", daemon.log());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(daemon.log().contains("a second time"), "{}", daemon.log());
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_watch_is_shown_before_it_was_looked_at_and_never_as_fine() {
    let (folder, config) = folder();
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let watch = format!("[[watch]]\nid = \"slow\"\nsource = {{ type = \"tls\", address = \"{address}\" }}\n");
    configure(folder.path(), &(config + &watch));
    let daemon = Daemon::begun(folder.path(), &[]);
    let held = tokio::time::timeout(LIMIT, server.accept()).await.unwrap().unwrap();
    let not_yet = format!("{address} was not looked at yet");
    let shown = daemon.watch("slow", "a watch that was not looked at", |_| true).await;
    assert_eq!(
        (&shown["level"], &shown["findings"][0]["code"]),
        (&"warning".into(), &"not-looked-yet".into()),
        "{shown}"
    );
    assert_eq!(daemon.metric("certsteward_watch_level{watch=\"slow\"}").await, Some(2.0));
    assert!(
        daemon.page("/").await.contains("/watches/slow")
            && daemon.page("/watches/slow").await.contains(&not_yet)
    );
    daemon.watch("a", "the watch beside it", |watch| watch["level"] == "ok").await;
    let checked = verb(folder.path(), &["check", "slow"]).await;
    let expected = "WARNING - certsteward is starting: not every watch was looked at yet; 1 unknown; slow: ";
    assert!(checked.code == 1 && checked.out.starts_with(expected), "{}", checked.out);
    assert!(checked.out.contains("\nUNKNOWN  slow: nothing was seen yet, watching\n"), "{}", checked.out);
    let planned = verb(folder.path(), &["plan", "slow"]).await;
    assert!(
        planned.code == 0 && planned.out.contains(&format!("Not looked at yet  {address}")),
        "{}",
        planned.out
    );
    let silenced = daemon.post("/api/v1/watches/slow/silence", "", "").await;
    assert_ne!(silenced.status, 404, "a watch can be steered before it was looked at: {silenced:?}");
    drop((held, server));
    daemon.watch("slow", "what the look came to", |watch| watch["findings"][0]["code"] == "unseen").await;
    daemon.stop().await;
}

/// What systemd was told until one message is like this.
async fn told(socket: &UnixDatagram, what: &str, is_it: impl Fn(&str) -> bool) -> String {
    let mut buffer = [0; 4096];
    within(LIMIT, what, async || {
        let read = socket.recv(&mut buffer).ok()?;
        let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
        is_it(&text).then_some(text)
    })
    .await
}

#[tokio::test]
async fn systemd_is_told_of_every_turn() {
    let (folder, config) = folder();
    configure(folder.path(), &config);
    let place = folder.path().join("notify");
    let socket = UnixDatagram::bind(&place).unwrap();
    socket.set_nonblocking(true).unwrap();
    let environment = [("NOTIFY_SOCKET", place.to_str().unwrap()), ("WATCHDOG_USEC", "60000000")];
    let daemon = Daemon::started(folder.path(), &environment).await;
    let ready = told(&socket, "READY=1", |text| text.contains("READY=1")).await;
    assert!(ready.contains(&format!("STATUS=listening on 127.0.0.1:{}", daemon.port)), "{ready}");
    told(&socket, "WATCHDOG=1", |text| text.contains("WATCHDOG=1")).await;
    daemon.signal(Signal::SIGHUP);
    let reloading = told(&socket, "RELOADING=1", |text| text.contains("RELOADING=1")).await;
    let stamp = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
    assert!(stamp.parse::<u64>().unwrap() > 0, "{reloading}");
    told(&socket, "READY=1 after the reload", |text| text.contains("READY=1")).await;
    daemon.signal(Signal::SIGTERM);
    told(&socket, "STOPPING=1", |text| text.contains("STOPPING=1")).await;
    let mut daemon = daemon;
    assert_eq!(daemon.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_second_daemon_is_refused_wherever_it_would_meet_the_first() {
    let (folder, config) = folder();
    let daemon = Daemon::start(folder.path(), &config).await;
    let refused = |text: &str, words: &str| {
        configure(folder.path(), text);
        let ran = run(folder.path(), &["run"]);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    };
    refused(&config, "state.db");
    let elsewhere = config.replace("state/state.db", "other/state.db");
    refused(&elsewhere, &format!("cannot listen on 127.0.0.1:{}", daemon.port));
    let port = format!("127.0.0.1:{}", daemon.port);
    refused(
        &elsewhere.replace(&format!("listen = \"{port}\""), "listen = \"127.0.0.1:0\""),
        "another certsteward listens on the socket",
    );
    assert_eq!(
        ask(daemon.port, "GET", "/-/ready", "", "").await.unwrap().status,
        200,
        "the first one goes on"
    );
    // One that hangs is there all the same.
    daemon.signal(Signal::SIGSTOP);
    refused(&config, &format!("(process {}); stop it first (one daemon per store)", daemon.pid()));
    refused(
        &elsewhere.replace(&format!("listen = \"{port}\""), "listen = \"127.0.0.1:0\""),
        "another certsteward listens on the socket",
    );
    daemon.signal(Signal::SIGCONT);
    daemon.stop().await;
}

#[tokio::test]
async fn a_folder_of_a_discovery_that_vanishes_is_an_error_and_its_watches_go_on() {
    let (folder, _) = folder();
    let certificates = folder.path().join("certs");
    std::fs::create_dir(&certificates).unwrap();
    std::fs::write(certificates.join("b.pem"), certificate("b", 30, 335).0).unwrap();
    let config = head() + "[[discover]]\ntype = \"file\"\npaths = [\"certs/*.pem\"]\nprefix = \"found-\"\n";
    let daemon = Daemon::start(folder.path(), &config).await;
    daemon.watch("found-b.pem", "the discovered watch", |_| true).await;
    std::fs::rename(&certificates, folder.path().join("elsewhere")).unwrap();
    daemon.signal(Signal::SIGHUP);
    let line = daemon.logged("there is no such folder").await;
    assert!(line.contains("ERROR") && line.contains("go on"), "{line}");
    let unseen = |watch: &Value| watch["unseen"].is_object();
    daemon.watch("found-b.pem", "the watch, unseen and not gone", unseen).await;
    std::fs::rename(folder.path().join("elsewhere"), &certificates).unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.logged("the discovery file-1 can look everywhere again").await;
    daemon.watch("found-b.pem", "the watch, seen again", |watch| !unseen(watch)).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_set_aside_said_and_rebuilt() {
    let (folder, config) = folder();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::write(state.join("state.db"), b"this is no database at all, whatever its name says").unwrap();
    let daemon = Daemon::start(folder.path(), &config).await;
    assert!(daemon.logged("set aside").await.contains("ERROR"));
    let events = daemon.page("/api/v1/events").await;
    assert!(events.contains("store-rebuilt"), "{events}");
    let kept = std::fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(kept.into_iter().any(|name| name.to_string_lossy().starts_with("state.db.corrupt-")));
    daemon.watch("a", "the watch, rebuilt", |watch| !watch["certificates"]["in_force"].is_null()).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let (folder, config) = folder();
    Daemon::start(folder.path(), &config).await.stop().await;
    let store = folder.path().join("state/state.db");
    rusqlite::Connection::open(&store).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let before = std::fs::read(&store).unwrap();
    let ran = run(folder.path(), &["run"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("999") && ran.err.contains("newer"), "{}", ran.err);
    assert_eq!(std::fs::read(&store).unwrap(), before);
}

#[tokio::test]
async fn what_is_known_survives_a_restart_and_a_kill() {
    let (folder, config) = folder();
    let daemon = Daemon::start(folder.path(), &config).await;
    let due = daemon.json("/api/v1/watches/a").await["due"].clone();
    assert!(due.is_string(), "{due}");
    daemon.signal(Signal::SIGKILL);
    drop(daemon);
    let daemon = Daemon::started(folder.path(), &[]).await;
    assert_eq!(daemon.json("/api/v1/watches/a").await["due"], due, "the drawn moment is not drawn again");
    let history = daemon.page("/api/v1/events?watch=a").await;
    assert_eq!(history.matches("\"watched\"").count(), 1, "{history}");
    daemon.stop().await;
}

#[test]
fn a_configuration_that_cannot_be_used_exits_with_78() {
    let (folder, config) = folder();
    assert_eq!(run(folder.path(), &["run"]).code, 78, "it is not there");
    configure(folder.path(), &(config + "[daemon.nonsense]\n"));
    let ran = run(folder.path(), &["run"]);
    assert_eq!(ran.code, 78);
    assert!(ran.err.contains("nonsense"), "{}", ran.err);
}

async fn lines_of(format: &str) -> (tempfile::TempDir, Vec<String>) {
    let (folder, config) = folder();
    let config = config + &format!("[daemon.log]\nformat = \"{format}\"\nlevel = \"debug\"\n");
    let daemon = Daemon::start(folder.path(), &config).await;
    std::fs::write(folder.path().join("a.pem"), certificate("b\n2026-01-01T00:00:00Z INFO forged", 0, 365).0)
        .unwrap();
    daemon.logged("renewed-elsewhere").await;
    std::fs::remove_file(folder.path().join("a.pem")).unwrap();
    daemon.logged("went-unseen").await;
    daemon.stop().await;
    let log = log(folder.path());
    (folder, log)
}

fn log(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("log")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_log_as_json_is_one_object_a_line() {
    let (_folder, lines) = lines_of("json").await;
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for kind in ["started", "watched", "went-unseen", "stopped"] {
        assert_eq!(lines.iter().filter(|line| line["event"] == kind).count(), 1, "{kind}: {lines:#?}");
    }
    let unseen = lines.iter().find(|line| line["event"] == "went-unseen").unwrap();
    assert_eq!((&unseen["level"], &unseen["watch"]), (&"WARN".into(), &"a".into()));
}

#[tokio::test]
async fn the_log_as_text_is_one_line_an_event() {
    let (_folder, lines) = lines_of("text").await;
    for kind in ["started", "watched", "went-unseen", "stopped"] {
        let field = format!("event=\"{kind}\"");
        assert_eq!(lines.iter().filter(|line| line.contains(&field)).count(), 1, "{kind}: {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.starts_with("2026-01-01T00:00:00Z INFO forged")), "{lines:#?}");
    let stamped =
        |line: &String| line.get(..19).is_some_and(|at| at.parse::<chrono::NaiveDateTime>().is_ok());
    assert!(lines.iter().all(stamped), "{lines:#?}");
}

#[tokio::test]
async fn a_watch_that_is_gone_and_comes_back_goes_on_with_its_record() {
    let (folder, config) = folder();
    let both = config.clone() + &file_watch("b", "a.pem");
    let daemon = Daemon::start(folder.path(), &both).await;
    daemon.watch("b", "the second watch", |watch| !watch["certificates"].is_null()).await;
    let gone = async |daemon: &Daemon| {
        within(LIMIT, "the watch among the vanished", async || {
            let status = daemon.json("/api/v1/status").await;
            let vanished = status["vanished"].as_array()?.clone();
            vanished.iter().any(|watch| watch["id"] == "b").then_some(vanished)
        })
        .await
    };
    configure(folder.path(), &config);
    daemon.signal(Signal::SIGHUP);
    let vanished = gone(&daemon).await;
    daemon.stop().await;
    let daemon = Daemon::started(folder.path(), &[]).await;
    assert_eq!(gone(&daemon).await, vanished, "it is gone since the same moment");
    configure(folder.path(), &both);
    daemon.signal(Signal::SIGHUP);
    daemon.watch("b", "the watch that is back", |_| true).await;
    let events = daemon.json("/api/v1/events?watch=b&limit=100").await["events"].clone();
    let came_and_went = |event: &&Value| event["kind"] == "watched" || event["kind"] == "vanished";
    let texts = events.as_array().unwrap().iter().filter(came_and_went);
    let texts: Vec<&str> = texts.filter_map(|event| event["text"].as_str()).collect();
    assert_eq!(texts.len(), 3, "{texts:#?}");
    assert!(texts[0].contains("goes on with the record it had"), "{texts:#?}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_told_of_and_kept() {
    let (folder, config) = folder();
    let daemon = Daemon::start(folder.path(), &config).await;
    daemon.stop().await;
    let store = rusqlite::Connection::open(folder.path().join("state/state.db")).unwrap();
    assert_eq!(store.execute("UPDATE records SET body = 'nonsense'", []).unwrap(), 1);
    drop(store);
    let daemon = Daemon::start(folder.path(), &config).await;
    daemon.logged("a record of \"a\" in the store could not be read").await;
    let events = daemon.json("/api/v1/events?limit=100").await["events"].clone();
    let told = events.as_array().unwrap().iter().filter(|event| event["kind"] == "store-rebuilt").count();
    assert_eq!(told, 1, "{events:#}");
    daemon.stop().await;
}
