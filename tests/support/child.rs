//! The daemon as a process of its own, ended by its own id: killed without warning, or asked to stop.
//! It knows nothing of what the daemon is to do.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A running `certsteward run`.
pub struct DaemonProcess {
    child: Child,
    log: PathBuf,
}

impl DaemonProcess {
    /// Starts it on this configuration; its log is added to a file beside that.
    pub fn start(configuration: &Path) -> Self {
        let log = configuration.with_extension("log");
        let file = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_certsteward"));
        command.arg("--config").arg(configuration).arg("run");
        command.env_remove("CERTSTEWARD_CONFIG").env("NO_PROXY", "*");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        Self { child: command.spawn().unwrap(), log }
    }

    /// Ends it as a power cut does: SIGKILL, nothing is finished.
    pub fn kill(mut self) {
        self.end();
    }

    /// Whether it has come so far that it listens for SIGTERM, by what the kernel knows of it.
    pub fn hears_sigterm(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
        let sigterm = 15;
        caught & (1 << (sigterm - 1)) != 0
    }

    /// Asks it to stop and waits; its exit code, none where a signal ended it or it did not stop within a minute.
    pub async fn stop(mut self) -> Option<i32> {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..3000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            pause.tick().await;
        }
        None
    }

    /// Whether it has ended although nobody ended it.
    pub fn is_gone(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// The last lines of its log.
    pub fn log_end(&self, lines: usize) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    fn end(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

impl Drop for DaemonProcess {
    fn drop(&mut self) {
        self.end();
    }
}

static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// A port for a daemon that is to find it again after its end: below those that the system hands out by itself, so that
/// no connection takes it meanwhile.
pub fn lasting_port() -> u16 {
    let first = 10_000 + u16::try_from(std::process::id() % 200).unwrap() * 100;
    loop {
        let port = first + NEXT_PORT.fetch_add(1, Ordering::Relaxed) % 100;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
