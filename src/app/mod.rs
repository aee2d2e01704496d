//! Builds every part from the configuration; starts, reloads, stops. The only place that spawns.
//! It decides nothing about certificates.

mod build;
mod discoveries;
mod draft;
mod files;
mod listen;
mod modules;
mod once;
mod origin;
mod passes;
mod serve;
mod state;
mod store;
mod system;

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use crate::sap::Level;
pub use build::Built;
pub use draft::{connection, draft, watched};
pub use listen::Bind;
pub use once::{
    LookedOnce, TlsServer, Tried, look_at_server, look_once, notify_test, probe_once, stored_events,
    verified_store,
};
use serve::Door;
pub use state::{Shared, chain};

use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, Kind, Problems, State};
use crate::domain::Timestamp;
use crate::domain::event::{Actor, EventKind};
use crate::domain::reason::Unseen;
use crate::engine::deliver::Deliverer;
use crate::engine::schedule::Cron;
use crate::journal::JournalError;
use crate::journal::sqlite::{SetAside, Sqlite};
use crate::net::{LoadRoots, Net};
use crate::surfaces::Daemon;
use crate::surfaces::http::{Options, Trust, router};

/// Why certsteward could not start.
#[derive(Debug, thiserror::Error)]
pub enum Start {
    /// The configuration has problems.
    #[error("{0}")]
    Configuration(Problems),
    /// A part of it cannot be used.
    #[error("the configuration cannot be used: {0}")]
    Build(Unseen),
    /// No roots.
    #[error(transparent)]
    Roots(#[from] LoadRoots),
    /// An address.
    #[error(transparent)]
    Bind(#[from] Bind),
    /// The store.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The folder of the store.
    #[error(
        "cannot make the folder {0} of the store ([daemon] state); make it, owned by the user that certsteward runs as, or name another"
    )]
    Folder(String, #[source] std::io::Error),
    /// Signals.
    #[error("signals cannot be listened for")]
    Signals(#[source] std::io::Error),
    /// A part ended while the daemon ran.
    #[error(
        "a part of certsteward ended by a fault of its own, so it stopped as a whole; please report it with the log"
    )]
    BrokeDown,
}

/// A daemon that runs.
pub struct Running {
    shared: Arc<Shared>,
    stop: CancellationToken,
    /// A part ended before it was told to.
    broken: CancellationToken,
    tasks: TaskTracker,
    limit: Duration,
    listens: std::net::SocketAddr,
}

/// Runs until a signal says to stop. Returns true where everything in hand was finished.
///
/// # Errors
/// Where it cannot start.
pub async fn run(path: &Path, kind: Kind) -> Result<bool, Start> {
    // Before anything else: who stops what only begins gets the same clean end.
    let mut signals = system::Signals::new().map_err(Start::Signals)?;
    let (config, unread) = config::load_to_begin(path, kind).map_err(Start::Configuration)?;
    system::log(&config.daemon.log);
    for problem in unread.iter().flat_map(|unread| &unread.0) {
        tracing::error!(%problem, "a secret cannot be read; what needs it says so until it can, everything else goes on");
    }
    let started = tokio::select! {
        started = start(config, Some((path.to_owned(), kind))) => started,
        () = signals.stop() => {
            tracing::info!("told to stop before the start was over: nothing was begun");
            return Ok(true);
        }
    };
    let running = started?;
    system::tell_ready(&format!("listening on {}", running.listens));
    let broken = running.broken.clone();
    tokio::select! {
        () = system::obey(&mut signals, &running) => {}
        () = broken.cancelled() => {}
    }
    system::tell_stopping();
    tokio::select! {
        ended = running.stop() => if broken.is_cancelled() { Err(Start::BrokeDown) } else { Ok(ended) },
        () = signals.stop() => {
            tracing::warn!("told to stop a second time: not waiting any more; what was begun is looked at after the next start");
            Ok(false)
        }
    }
}

/// Starts a daemon on this configuration. Addresses are bound and the store is opened before anything runs.
///
/// # Errors
/// Where a part cannot be had.
pub async fn start(config: Config, origin: Option<(std::path::PathBuf, Kind)>) -> Result<Running, Start> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let net = Net::new()?;
    let (daemon, limit) = (config.daemon.clone(), config.daemon.shutdown);
    let (journal, set_aside) = open_journal(&config, clock.now())?;
    let tls = daemon.tls.as_ref().map(listen::tls).transpose()?;
    let tcp = listen::tcp(daemon.listen).await?;
    let unix = listen::unix(&daemon.socket).await?;
    let listens = tcp.local_addr().unwrap_or(daemon.listen);
    let built = Built::new(config, net.clone()).map_err(Start::Build)?;
    for apart in journal.kept_apart().await? {
        tracing::error!("as before this start: {apart}");
    }
    let (journal, health) = store::Observed::new(Arc::new(journal), Arc::clone(&clock));
    let shared = Arc::new(Shared::new(clock, (Arc::new(journal), health), net, built, origin));
    let passes = passes::Passes::new(Arc::clone(&shared)).await?;
    let running = Running {
        shared: Arc::clone(&shared),
        stop: CancellationToken::new(),
        broken: CancellationToken::new(),
        tasks: TaskTracker::new(),
        limit,
        listens,
    };
    running.say_started(set_aside).await;
    let stop = running.stop.clone();
    running.spawn("the loop of passes", passes.run(stop, system::alive));
    let network = match tls {
        Some(acceptor) => Door::Tls(tcp, acceptor),
        None => Door::Tcp(tcp),
    };
    running.serve(network, Door::Unix(unix), daemon.public_url.as_deref());
    running.spawn("the deliveries", deliver(Arc::clone(&shared), running.stop.clone()));
    running.spawn("the keeper of the store", store::keep(Arc::clone(&shared), running.stop.clone()));
    running.spawn("the bell", ring(Arc::clone(&shared), running.stop.clone()));
    running.tasks.close();
    Ok(running)
}

fn open_journal(config: &Config, now: Timestamp) -> Result<(Sqlite, Option<SetAside>), Start> {
    let State::Sqlite(path) = &config.daemon.state;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Start::Folder(folder.display().to_string(), error))?;
    }
    Ok(Sqlite::open(path, now)?)
}

impl Running {
    /// What surfaces may ask of it.
    #[must_use]
    pub fn daemon(&self) -> Arc<dyn Daemon> {
        Arc::<Shared>::clone(&self.shared)
    }

    /// Where HTTP is served.
    #[must_use]
    pub const fn listens(&self) -> std::net::SocketAddr {
        self.listens
    }

    async fn say_started(&self, set_aside: Option<SetAside>) {
        if let Some(aside) = set_aside {
            let text = format!(
                "the store could not be read ({}); it was set aside as {} and is rebuilt from what the sources show; the history begins a new chain",
                aside.why,
                aside.path.display()
            );
            self.shared.note_trouble(EventKind::StoreRebuilt, text).await;
        }
        let text =
            format!("certsteward {} started, listening on {}", env!("CARGO_PKG_VERSION"), self.listens);
        self.shared.note(Actor::Daemon, EventKind::Started, text).await;
    }

    fn serve(&self, network: Door, local: Door, public_url: Option<&str>) {
        let own_url = listen::own_url(self.listens, matches!(network, Door::Tls(..)));
        let options = |trust| Options {
            public_url: public_url.map(str::to_owned),
            own_url: own_url.clone(),
            trust,
            loopback: self.listens.ip().is_loopback(),
        };
        let doors = [("HTTP", network, Trust::Network), ("the socket", local, Trust::LocalSocket)];
        for (name, door, trust) in doors {
            let router = router(self.daemon(), options(trust));
            self.spawn(name, door.serve(router, self.stop.clone()));
        }
    }

    /// Runs a part until it is told to stop. One that ends before that, in whatever way, ends the daemon: a daemon that
    /// lacks a part looks alive and does not do its work.
    fn spawn(&self, part: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let (stop, broken) = (self.stop.clone(), self.broken.clone());
        self.tasks.spawn(async move {
            let ended = AssertUnwindSafe(work).catch_unwind().await;
            if ended.is_err() || !stop.is_cancelled() {
                tracing::error!(
                    part,
                    panicked = ended.is_err(),
                    "a part of certsteward ended by a fault of its own; certsteward stops, please report it"
                );
                broken.cancel();
            }
        });
    }

    /// Stops: no act begins any more, the ones in hand are waited for, with a limit. True where all of them ended.
    pub async fn stop(self) -> bool {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.note(Actor::Daemon, EventKind::Stopped, "certsteward stops".to_owned()).await;
        self.stop.cancel();
        let ended = tokio::time::timeout(self.limit, self.tasks.wait()).await.is_ok();
        if !ended {
            tracing::warn!(
                limit_seconds = self.limit.as_secs(),
                "not everything in hand ended within [daemon] shutdown; what was begun is looked at after the next start"
            );
        }
        ended
    }
}

/// How long the outbox waits at most before it is looked at again.
const OUTBOX_TICK: Duration = Duration::from_secs(5);

/// Delivers what is due, until stopped.
async fn deliver(shared: Arc<Shared>, stop: CancellationToken) {
    let mut built = shared.built.load_full();
    let mut deliverer = deliverer(&shared, &built);
    while !stop.is_cancelled() {
        if !Arc::ptr_eq(&built, &shared.built.load()) {
            built = shared.built.load_full();
            deliverer = self::deliverer(&shared, &built);
        }
        let more = deliver_once(&shared, &deliverer).await;
        if more {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = shared.outbox.notified() => {}
            () = tokio::time::sleep(OUTBOX_TICK) => {}
        }
    }
}

fn deliverer(shared: &Shared, built: &Built) -> Deliverer {
    Deliverer::new(Arc::clone(&shared.journal), built.notifiers.clone(), Arc::clone(&shared.clock))
}

/// One round; true where more is due now.
async fn deliver_once(shared: &Shared, deliverer: &Deliverer) -> bool {
    let report = match deliverer.deliver_due().await {
        Ok(report) => report,
        // Where the store cannot be written, that was said once.
        Err(_) if shared.store.is_failing() => return false,
        Err(error) => {
            tracing::error!(error = %chain(&error), "the outbox could not be read from the store; it is tried again within seconds");
            return false;
        }
    };
    for undelivered in &report.failed {
        tracing::warn!(notifier = undelivered.notifier, reason = undelivered.reason.code(), tries = undelivered.tries, next = %undelivered.next, "{}", undelivered.text);
    }
    let counted = !report.delivered.is_empty() || !report.failed.is_empty();
    let outbox = shared.journal.outbox().await;
    let mut daemon = shared.daemon();
    for id in shared.built.load().notifiers.keys() {
        let count = daemon.notifications.entry(id.clone()).or_default();
        let failed = report.failed.iter().filter(|failed| &failed.notifier == id).count();
        count[0] += report.delivered.get(id).copied().unwrap_or(0);
        count[1] += u64::try_from(failed).unwrap_or(0);
        daemon.notifiers.entry(id.clone()).or_default();
    }
    if let Ok(outbox) = outbox {
        daemon.outbox_oldest = outbox.oldest;
        for (id, at) in outbox.last_delivered {
            daemon.notifiers.insert(id, Some(at));
        }
    }
    drop(daemon);
    if counted {
        shared.publish();
    }
    !report.delivered.is_empty() && report.next.is_some_and(|next| next <= shared.clock.now())
}

/// Cron and changed files ring the bell, until stopped; both begin anew with another configuration.
async fn ring(shared: Arc<Shared>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let built = shared.built.load_full();
        let cron = match Cron::start(&built.config.daemon.check, shared.bell.clone()).await {
            Ok(cron) => Some(cron),
            Err(error) => {
                tracing::error!(error = %error, "the cron scheduler did not start; watches are looked at when something is due");
                None
            }
        };
        tokio::select! {
            () = files::ring(built, &shared, stop.clone()) => {}
            () = shared.reloaded.notified() => {}
        }
        if let Some(cron) = cron {
            cron.stop().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sample(folder: &Path) -> Running {
        let file = folder.join("certsteward.toml");
        let text = "[daemon]\nlisten = \"127.0.0.1:0\"\nsocket = \"c.sock\"\nstate = \"sqlite:state.db\"\n";
        std::fs::write(&file, text).unwrap();
        let config = config::load(&file, Kind::Given).map_err(|problems| problems.to_string()).unwrap();
        start(config, None).await.unwrap()
    }

    #[tokio::test]
    async fn a_part_that_ends_before_its_time_is_noticed_however_it_ends() {
        for panics in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let running = sample(folder.path()).await;
            assert!(!running.broken.is_cancelled());
            running.spawn("a sample", async move { assert!(!panics, "a sample of a fault") });
            running.broken.cancelled().await;
            assert!(running.stop().await);
        }
    }

    #[tokio::test]
    async fn parts_that_end_because_they_are_told_to_are_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let running = sample(folder.path()).await;
        let broken = running.broken.clone();
        assert!(running.stop().await);
        assert!(!broken.is_cancelled());
    }
}
