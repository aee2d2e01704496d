//! A daemon that is told to stop while it starts ends cleanly, however far it has come.

use std::path::Path;
use std::time::Duration;

use certsteward::sandbox::Matching;

use super::scene::Scene;
use super::terms;
use crate::support::child::DaemonProcess;

/// How far a start has come.
#[derive(Debug, Clone, Copy)]
enum Far {
    /// It listens for signals, and did nothing else yet.
    Hears,
    /// The store's file is there.
    Opens,
    /// The socket is there.
    Binds,
    /// It says that it started.
    Says,
}

impl Far {
    const ALL: [Self; 4] = [Self::Hears, Self::Opens, Self::Binds, Self::Says];

    fn is_come(self, daemon: &DaemonProcess, folder: &Path) -> bool {
        match self {
            Self::Hears => daemon.hears_sigterm(),
            Self::Opens => folder.join("state.db").exists(),
            Self::Binds => folder.join("control.sock").exists(),
            Self::Says => daemon.log_end(5).contains(" started, listening on "),
        }
    }
}

/// The configuration comes through a pipe, so that the start waits while it reads it.
#[tokio::test]
async fn a_stop_is_heard_before_the_configuration_is_read() {
    let scene = Scene::lay(terms(Matching::Dn, "auto", "side-by-side"), None, "30s").await;
    let text = std::fs::read(scene.folder.path().join("certsteward.toml")).unwrap();
    let pipe = scene.folder.path().join("piped.toml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let daemon = DaemonProcess::start(&pipe);
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    for _ in 0..60_000 {
        if daemon.hears_sigterm() {
            break;
        }
        tick.tick().await;
    }
    assert!(daemon.hears_sigterm());
    let ended = tokio::task::spawn_blocking(move || std::fs::write(pipe, text));
    assert_eq!(daemon.stop().await, Some(0));
    ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_daemon_that_is_told_to_stop_while_it_starts_ends_with_0() {
    for far in Far::ALL {
        let scene = Scene::lay(terms(Matching::Dn, "auto", "side-by-side"), None, "30s").await;
        let folder = scene.folder.path();
        let daemon = DaemonProcess::start(&folder.join("certsteward.toml"));
        let mut tick = tokio::time::interval(Duration::from_millis(1));
        for _ in 0..60_000 {
            if far.is_come(&daemon, folder) {
                break;
            }
            tick.tick().await;
        }
        assert!(daemon.hears_sigterm(), "{far:?} before it hears");
        assert_eq!(daemon.stop().await, Some(0), "{far:?}");
        let again = DaemonProcess::start(&folder.join("certsteward.toml"));
        while !again.hears_sigterm() {
            tick.tick().await;
        }
        assert_eq!(again.stop().await, Some(0), "the start after {far:?}");
    }
}
