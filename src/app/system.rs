//! The operating system's side: signals, systemd, the log.
//! Each of them only tells or rings.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::Running;
use crate::config::{Log, LogFormat, LogLevel};

/// The signals that are obeyed.
pub(super) struct Signals {
    reload: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            reload: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for SIGTERM or SIGINT.
    pub(super) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Reloads on SIGHUP; returns at SIGTERM or SIGINT.
pub(super) async fn obey(signals: &mut Signals, running: &Running) {
    loop {
        tokio::select! {
            _ = signals.reload.recv() => reload(running).await,
            _ = signals.terminate.recv() => return,
            _ = signals.interrupt.recv() => return,
        }
    }
}

async fn reload(running: &Running) {
    let mut states = vec![sd_notify::NotifyState::Reloading];
    if let Ok(now) = sd_notify::NotifyState::monotonic_usec_now() {
        states.push(now);
    }
    tell(&states);
    let status = match running.shared.read_again().await {
        Ok(()) => "configuration read again".to_owned(),
        Err(problems) => {
            format!("the configuration has problems, the old one goes on: {}", first_line(&problems))
        }
    };
    tell(&[sd_notify::NotifyState::Ready, sd_notify::NotifyState::Status(&status)]);
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

/// Tells systemd that it runs.
pub(super) fn tell_ready(status: &str) {
    tell(&[sd_notify::NotifyState::Ready, sd_notify::NotifyState::Status(status)]);
}

/// Tells systemd that it stops.
pub(super) fn tell_stopping() {
    tell(&[sd_notify::NotifyState::Stopping]);
}

/// Tells systemd's watchdog that the loop of passes turns.
pub(super) fn alive() {
    tell(&[sd_notify::NotifyState::Watchdog]);
}

fn tell(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(error = %error, "systemd could not be told");
    }
}

/// Begins the log on standard error.
pub(super) fn log(log: &Log) {
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // The scheduler logs its own beginnings at info.
    let targets = Targets::new().with_default(LevelFilter::WARN).with_target("certsteward", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry().with(targets);
    let begun = match log.format {
        LogFormat::Text => registry.with(lines.with_ansi(is_terminal())).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    if let Err(error) = begun {
        tracing::debug!(error = %error, "the log was begun already");
    }
}

fn is_terminal() -> bool {
    use std::io::IsTerminal as _;
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
