//! One rotation against a simulated landscape of its own, with the daemon as a process that can be killed and started again.
//! It judges nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use certsteward::clock::Stopwatch;
use certsteward::domain::Timestamp;
use certsteward::sandbox::{Hands, Hold, Landscape, Level, Matching, Options};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::support::child::{DaemonProcess, lasting_port};

/// What the tenant is like, and what the renewal is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) matching: Matching,
    pub(super) rotation: &'static str,
    pub(super) subject: &'static str,
    /// Whether more destinations, on both levels, name the same certificate.
    pub(super) shared: bool,
}

impl Terms {
    pub(super) fn name(self) -> String {
        let matching = if self.matching == Matching::Dn { "dn" } else { "exact" };
        let shared = if self.shared { " shared" } else { "" };
        format!("{matching} {} {}{shared}", self.subject, self.rotation)
    }

    /// How many certificates one generation issues: `auto` learns from the first one that it needs another.
    pub(super) fn issued(self) -> u32 {
        let learns =
            self.matching == Matching::Exact && self.subject == "auto" && self.rotation == "side-by-side";
        if learns { 2 } else { 1 }
    }

    /// Whether calls may be lost in a gap that was announced.
    pub(super) fn may_gap(self) -> bool {
        self.rotation == "in-place" || (self.matching == Matching::Exact && self.subject == "same")
    }

    /// Whether SAP renews, and certsteward follows.
    pub(super) fn is_left(self) -> bool {
        self.rotation == "left-to-source"
    }

    /// How many destinations are switched.
    pub(super) fn switches(self) -> usize {
        match (self.rotation, self.shared) {
            ("side-by-side", true) => 1 + MORE.len(),
            ("side-by-side", false) => 1,
            _ => 0,
        }
    }

    fn renewal(self) -> String {
        if self.is_left() {
            return "rotation = \"left-to-source\"".to_owned();
        }
        format!(
            "type = \"destination-service\"\nrotation = \"{}\"\nsubject = \"{}\"\ncommon_name = \"SFAPI-{{n}}\"\nvalidity = \"1y\"",
            self.rotation, self.subject
        )
    }

    fn more_callers(self) -> String {
        let one = |(level, name): &(Level, &str)| {
            let level = if *level == Level::Instance { "instance" } else { "subaccount" };
            format!(
                "\n[[watch.caller]]\ntype = \"destination-service\"\ndestination = \"{name}\"\nlevel = \"{level}\"\ncache = \"400ms\"\n"
            )
        };
        if self.shared { MORE.iter().map(one).collect() } else { String::new() }
    }
}

/// The destinations that share the certificate with the application's own.
const MORE: [(Level, &str); 2] = [(Level::Subaccount, "hr_sync"), (Level::Instance, "payroll_odata")];

/// One line of the history.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) id: i64,
    pub(super) at: Timestamp,
    pub(super) kind: String,
    pub(super) text: String,
}

/// The state file as last seen, read beside the daemon.
#[derive(Default)]
struct Seen {
    store: Option<Connection>,
    version: i64,
    lines: Vec<Line>,
    record: Value,
    mails_wait: bool,
}

impl Seen {
    /// Looks whether anything was written, and reads what is new; true where something is.
    fn look(&mut self, path: &Path) -> rusqlite::Result<bool> {
        if self.store.is_none() {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            (self.store, self.version) = (Some(Connection::open_with_flags(path, flags)?), 0);
        }
        let Some(store) = &self.store else { return Ok(false) };
        let version = store.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        if version == self.version {
            return Ok(false);
        }
        let last = self.lines.last().map_or(0, |line| line.id);
        let mut query = store.prepare("SELECT id, at, kind, text FROM events WHERE id > ? ORDER BY id")?;
        let fresh = query.query_map([last], |row| {
            let at: String = row.get(1)?;
            Ok(Line { id: row.get(0)?, at: at.parse().unwrap(), kind: row.get(2)?, text: row.get(3)? })
        })?;
        let fresh = fresh.collect::<rusqlite::Result<Vec<Line>>>()?;
        let body: Option<String> =
            store.query_row("SELECT body FROM records", [], |row| row.get(0)).optional()?;
        self.record = body.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default();
        let waiting = "SELECT count(*) FROM outbox WHERE delivered_at IS NULL";
        self.mails_wait = store.query_row(waiting, [], |row| row.get::<_, i64>(0))? > 0;
        self.version = version;
        let any = !fresh.is_empty();
        self.lines.extend(fresh);
        Ok(any)
    }
}

pub(super) struct Scene {
    pub(super) landscape: Landscape,
    pub(super) folder: tempfile::TempDir,
    daemon: Option<DaemonProcess>,
    seen: Seen,
    pub(super) kills: u32,
    /// How often a wait was cut short, as a person would with `certsteward retry`.
    pub(super) nudges: u32,
    /// The longest wait that was cut short, in seconds.
    pub(super) longest: i64,
    /// The latest moment that came and was slept through.
    pub(super) overslept: Option<Timestamp>,
    terms: Terms,
    /// When SAP renewed the certificate by itself.
    pub(super) left_renewed: Option<Timestamp>,
    /// Whether the bell rang since SAP renewed and the daemon started.
    rung: bool,
}

impl Scene {
    /// Lays the landscape and the configuration. The daemon waits for an answer so long: where none is held back, so long
    /// that a busy machine makes no fault of its own.
    pub(super) async fn lay(terms: Terms, token_lifetime: Option<Duration>, timeout: &str) -> Self {
        let mut options = Options {
            matching: terms.matching,
            hands: Hands::Auto { after: Duration::from_millis(100) },
            caller_cache: Duration::from_millis(400),
            caller_every: Duration::from_millis(200),
            auto_renew_first: terms.is_left(),
            ..Options::default()
        };
        options.token_lifetime = token_lifetime.unwrap_or(options.token_lifetime);
        if terms.shared {
            options.more_destinations = MORE.map(|(level, name)| (level, name.to_owned())).to_vec();
        }
        let landscape = Landscape::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        landscape.write_files(folder.path()).unwrap();
        let addresses = landscape.addresses();
        let places = [
            ("@listen@", format!("127.0.0.1:{}", lasting_port())),
            ("@api@", addresses.successfactors),
            ("@smtp@", addresses.smtp),
            ("@auto_renew@", if terms.is_left() { "yes" } else { "no" }.to_owned()),
            ("@renewal@", terms.renewal()),
            ("@timeout@", timeout.to_owned()),
            ("@more@", terms.more_callers()),
        ];
        let text = include_str!("scene.toml").to_owned();
        let text = places.iter().fold(text, |text, (place, value)| text.replace(place, value));
        std::fs::write(folder.path().join("certsteward.toml"), text).unwrap();
        Self {
            landscape,
            folder,
            daemon: None,
            seen: Seen::default(),
            kills: 0,
            nudges: 0,
            longest: 0,
            overslept: None,
            terms,
            left_renewed: None,
            rung: false,
        }
    }

    pub(super) fn start(&mut self) {
        self.rung = false;
        self.daemon = Some(DaemonProcess::start(&self.folder.path().join("certsteward.toml")));
    }

    pub(super) fn kill(&mut self) {
        self.kills += 1;
        // Whoever opens the state next finds it as the killed daemon left it.
        self.seen.store = None;
        self.daemon.take().unwrap().kill();
    }

    /// Kills it and starts it again.
    pub(super) fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// Asks it to stop, once it listens: before that it knows no signal.
    pub(super) async fn stop(&mut self) -> Option<i32> {
        let socket = self.folder.path().join("control.sock");
        let mut tick = tokio::time::interval(TICK);
        for _ in 0..500 {
            if UnixStream::connect(&socket).await.is_ok() {
                break;
            }
            tick.tick().await;
        }
        self.daemon.take()?.stop().await
    }

    pub(super) fn log_end(&self) -> String {
        self.daemon.as_ref().map(|daemon| daemon.log_end(30)).unwrap_or_default()
    }

    /// What stands in the way of going on; the daemon may not end by itself.
    fn fault(&mut self) -> Option<String> {
        let gone = self.daemon.as_mut().is_some_and(DaemonProcess::is_gone);
        gone.then(|| format!("the daemon ended by itself\n{}", self.log_end()))
    }

    pub(super) fn state(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    /// Looks at the state file; true where a line came to the history.
    pub(super) fn look(&mut self) -> bool {
        let path = self.folder.path().join("state.db");
        // Before the daemon has made it, and while it makes it, there is nothing to see.
        self.seen.look(&path).unwrap_or(false)
    }

    /// The history as last looked at, oldest first.
    pub(super) fn lines(&self) -> &[Line] {
        &self.seen.lines
    }

    /// Takes the state file's write lock: what the daemon wants to save has to wait.
    pub(super) fn lock_state(&self) -> Connection {
        let store = Connection::open(self.state()).unwrap();
        store.busy_timeout(LIMIT).unwrap();
        store.execute_batch("BEGIN IMMEDIATE").unwrap();
        store
    }

    /// The n-th event of a kind, from 1; waits are cut short meanwhile.
    pub(super) async fn event(&mut self, kind: &str, n: usize) -> Result<Line, String> {
        self.until(&format!("event {n} of kind {kind}"), |scene| {
            scene.lines().iter().filter(|line| line.kind == kind).nth(n - 1).cloned()
        })
        .await
    }

    /// Whether the hold is reached; false where the rotation is over before. Waits are cut short meanwhile.
    pub(super) async fn reached(&mut self, hold: &Hold) -> Result<bool, String> {
        let mut reached = Box::pin(hold.reached());
        let waker = std::task::Waker::noop();
        self.until("the held request", |scene| {
            let mut context = std::task::Context::from_waker(waker);
            let came = Future::poll(reached.as_mut(), &mut context).is_ready();
            if came { Some(true) } else { scene.is_over().then_some(false) }
        })
        .await
    }

    /// The rotation is over.
    pub(super) async fn over(&mut self) -> Result<(), String> {
        self.until("the end of the rotation", |scene| scene.is_over().then_some(())).await
    }

    /// The rotation is over, and the source was looked at once more and seen: a fault that nobody has met by then is met before
    /// the end is judged.
    pub(super) async fn over_and_seen(&mut self) -> Result<(), String> {
        self.over().await?;
        let over = now();
        let socket = self.folder.path().join("control.sock");
        ask(&socket, "POST", "/check").await.map_err(|error| format!("no look was asked for: {error:?}"))?;
        self.until("another look at the source", |scene| {
            let seen = scene.seen.record["seen_at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
            (seen.is_some_and(|at| at > over) && scene.is_over()).then_some(())
        })
        .await
    }

    /// Ended, everything replaced gone, every mail out, the application on the new certificate, and the source in sight again
    /// where the last fault hid it.
    pub(super) fn is_over(&self) -> bool {
        let record = &self.seen.record;
        let used = self.landscape.caller_report().certificate.map(|used| used.fingerprint);
        let stands = self.landscape.entries().iter().any(|entry| entry.fingerprint == used);
        let none_left = record["leftovers"].as_array().is_none_or(Vec::is_empty);
        let in_sight = record["unseen"].is_null();
        let rests = record["renewal"].is_null() && none_left && !self.seen.mails_wait && in_sight;
        let ended = if self.terms.is_left() {
            self.is_left_proven(used.as_deref())
        } else {
            self.lines().iter().any(|line| line.kind == "renewal-ended")
        };
        ended && rests && stands
    }

    /// SAP's own renewal was noticed, the application uses it, and it is accepted.
    fn is_left_proven(&self, used: Option<&str>) -> bool {
        let Some(renewed) = self.left_renewed else { return false };
        let noticed = self.lines().iter().any(|line| line.kind == "renewed-elsewhere");
        let standing = &self.seen.record["in_force"];
        let last = &standing["probes"]["odata"]["last"];
        let accepted = last["verdict"] == "accepted"
            && last["at"].as_str().and_then(|at| at.parse().ok()).is_some_and(|at: Timestamp| at > renewed);
        let asked =
            standing["targets"]["security-center"]["hand_offs"].as_array().cloned().unwrap_or_default();
        let closed = asked.iter().all(|asked| !asked["closed"].is_null());
        let switched = self.landscape.caller_report().switches.len() == 2;
        noticed && accepted && closed && switched && used.is_some()
    }

    /// Waits until something is there. Where nothing new happens and the next moment is far, the wait is cut short with `retry`.
    pub(super) async fn until<T>(
        &mut self,
        what: &str,
        mut found: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T, String> {
        let whole = Stopwatch::start();
        let mut quiet = Stopwatch::start();
        let mut tick = tokio::time::interval(TICK);
        let limit = if super::long() { LIMIT * 5 } else { LIMIT };
        while whole.elapsed() < limit {
            tick.tick().await;
            if self.look() {
                quiet = Stopwatch::start();
            }
            if let Some(found) = found(self) {
                return Ok(found);
            }
            if let Some(fault) = self.fault() {
                return Err(fault);
            }
            if self.terms.is_left() {
                self.renew_in_its_place().await;
            }
            if quiet.elapsed() > QUIET {
                self.nudge().await;
                quiet = Stopwatch::start();
            }
        }
        Err(format!("not within {} s: {what}", limit.as_secs()))
    }

    /// SAP renews once certsteward has proven what is there; then a bell rings, as it would within the hour.
    async fn renew_in_its_place(&mut self) {
        let seen = |scene: &Self, kind: &str| scene.lines().iter().any(|line| line.kind == kind);
        if self.left_renewed.is_none() && seen(self, "probed") {
            assert!(self.landscape.auto_renew_now("sfapi.pem"), "it does not renew itself");
            self.left_renewed = Some(now());
        }
        if self.left_renewed.is_some() && !seen(self, "renewed-elsewhere") && !self.rung {
            let socket = self.folder.path().join("control.sock");
            self.rung = ask(&socket, "POST", "/check").await.is_ok();
        }
    }

    /// Cuts a wait that is too long for a test short, and notes how long it would have been.
    async fn nudge(&mut self) {
        let socket = self.folder.path().join("control.sock");
        let Ok(watch) = ask(&socket, "GET", "").await else { return };
        if let Some(next) = watch["plan"]["next"].as_str().and_then(|at| at.parse::<Timestamp>().ok()) {
            let left = (next - now()).num_seconds();
            if (0..=super::waited_for()).contains(&left) {
                return;
            }
            if left < -OVERSLEPT {
                self.overslept = Some(next);
            }
            self.longest = self.longest.max(left);
        }
        let leftover = &self.seen.record["leftovers"][0];
        let asked = leftover["hand_offs"]["security-center"].as_object();
        let asked = asked.is_some_and(|asked| asked.get("closed").is_none_or(Value::is_null));
        let removed = self.landscape.mappings().len() == 1;
        let verb = if asked && removed { "/targets/security-center/confirm" } else { "/retry" };
        if ask(&socket, "POST", verb).await.is_ok() {
            self.nudges += 1;
        }
    }
}

/// Asks the daemon on its socket about its one watch.
async fn ask(socket: &Path, method: &str, verb: &str) -> io::Result<Value> {
    let mut stream = UnixStream::connect(socket).await?;
    let head = format!(
        "{method} /api/v1/watches/sf-odata{verb} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    serde_json::from_str(body).map_err(io::Error::other)
}

/// The time, as the daemon's own clock tells it.
pub(super) fn now() -> Timestamp {
    certsteward::clock::Clock::now(&certsteward::clock::SystemClock)
}

const TICK: Duration = Duration::from_millis(20);
/// After so long without an event a wait that is far longer is cut short.
const QUIET: Duration = Duration::from_millis(2500);
/// So many seconds after its moment nobody can say that it is about to be noticed.
const OVERSLEPT: i64 = 60;
const LIMIT: Duration = Duration::from_secs(90);
