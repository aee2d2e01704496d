//! What verbs do once, without a daemon: look at watches, probe one, look at a server, try a notifier, read the history.
//! Nothing is changed and nothing is kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;

use super::discoveries::{Discoveries, Owners};
use super::{Built, Start, build};
use crate::clock::{Clock as _, Stopwatch, SystemClock};
use crate::config::{Config, State};
use crate::domain::Timestamp;
use crate::domain::finding::Level;
use crate::domain::message::{Message, Topic};
use crate::domain::reason::{Failure, Reason, Unseen};
use crate::domain::record::Record;
use crate::domain::report::Sighting;
use crate::domain::serials::Serials;
use crate::domain::verdict::Probed;
use crate::domain::watch::no_watch;
use crate::engine::execute::Parts;
use crate::engine::pass::{House, Known, pass};
use crate::journal::sqlite::Sqlite;
use crate::journal::{EventQuery, Journal as _, JournalError, Places};
use crate::net::Net;
pub use crate::sources::tls::Settings as TlsServer;
use crate::sources::tls::Tls;

/// Looks at these watches once, or at all of them, and pictures them as the API does. No act begins, nobody is told, nothing is written.
/// What the store knows already, people's confirmations above all, is where the look begins.
///
/// # Errors
/// Where the parts cannot be built.
pub async fn look_once(config: Config, watches: &[String]) -> Result<LookedOnce, Start> {
    let clock = SystemClock;
    let (mut records, places) = stored(&config).await;
    let built = Built::new(config, Net::new()?).map_err(Start::Build)?;
    let (all, blind) = found_once(&built, &records, places).await.map_err(Start::Build)?;
    let journal = Sqlite::in_memory()?;
    let never = AtomicBool::new(false);
    let mut views = Vec::new();
    let serials = serials_of(&records, all.keys());
    let known = all.keys().map(ToString::to_string).collect();
    for (id, parts) in all {
        if !watches.is_empty() && !watches.iter().any(|watch| **watch == *id) {
            continue;
        }
        let house = House {
            journal: &journal,
            clock: &clock,
            recipients: &[],
            ladder: &[],
            paused: &|| None,
            seed: [0; 32],
            show: &|_| {},
            known: Known { twins: Some(&|leaf| serials.twins(&id, leaf)), ..Known::default() },
            may_act: &|| never.load(Ordering::Relaxed),
        };
        let record = records.remove(&*id).map(|record| Arc::new(to_be_looked_at(record, clock.now())));
        views.push(crate::surfaces::picture(&pass(&parts, record, Vec::new(), &house).await?.view));
    }
    Ok(LookedOnce { views, known, blind })
}

/// What was seen by looking once.
pub struct LookedOnce {
    /// The watches, as the API pictures them.
    pub views: Vec<serde_json::Value>,
    /// The ids of all watches there are.
    pub known: Vec<String>,
    /// What discoveries could not look into, by discovery: watches may be missing there.
    pub blind: Vec<(String, Unseen)>,
}

/// The records of the store and what discoveries found, read only; nothing where there is no store, or none that this version
/// can read.
async fn stored(config: &Config) -> (BTreeMap<String, Record>, Places) {
    let State::Sqlite(path) = &config.daemon.state;
    let Ok(store) = Sqlite::open_read_only(path) else { return Default::default() };
    (store.records().await.unwrap_or_default(), store.places().await.unwrap_or_default())
}

/// The certificates that these watches had when the store was last written.
fn serials_of<'a>(
    records: &BTreeMap<String, Record>,
    watches: impl Iterator<Item = &'a Arc<str>>,
) -> Serials {
    let mut serials = Serials::default();
    for id in watches {
        let in_force = records.get(&**id).and_then(|record| record.in_force.as_ref());
        // Whoever is woken by it is looked at anyway.
        drop(serials.note(id, in_force.map(|in_force| &*in_force.chain.leaf)));
    }
    serials
}

/// The watches there are once every discovery has looked, side by side; and what could not be looked into.
async fn found_once(
    built: &Built,
    records: &BTreeMap<String, Record>,
    places: Places,
) -> Result<(BTreeMap<Arc<str>, Arc<Parts>>, Vec<(String, Unseen)>), Unseen> {
    let mut discoveries = Discoveries::restored(places);
    discoveries.adopt(&built.config);
    built.watches(discoveries.watches(&built.config))?;
    let looks = built.config.discoveries.iter().filter_map(|discovery| {
        let finder = built.finders.get(&discovery.id)?;
        Some(async move { (discovery, finder.find().await.bounded()) })
    });
    for (discovery, found) in join_all(looks).await {
        let watches = built.watches_of_stores();
        let owners = Owners::of(watches.iter().map(|config| (config, records.get(&config.watch.id))));
        discoveries.absorb(discovery, found, &owners, SystemClock.now());
        built.watches(discoveries.watches(&built.config))?;
    }
    Ok((built.watches(discoveries.watches(&built.config))?, discoveries.blind()))
}

/// Somebody asks: every look and every probe is made anew, however lately the daemon made them.
fn to_be_looked_at(mut record: Record, now: Timestamp) -> Record {
    record.looked.clear();
    record.misses.clear();
    record.check_asked = Some(now);
    record
}

/// Makes every probe of one watch with the certificate that its source holds now.
///
/// # Errors
/// Where the key cannot be had.
pub async fn probe_once(config: Config, watch: &str) -> Result<Vec<(String, Probed)>, Unseen> {
    let (records, places) = stored(&config).await;
    let built = Built::new(config, open_net()?)?;
    let written_out = built.config.watches.iter().find(|config| config.watch.id == watch).cloned();
    let of_it = |unseen: Unseen| Unseen::new(unseen.reason, format!("{watch}: {}", unseen.text));
    let parts = match written_out {
        Some(config) => Arc::new(built.parts(&config).map_err(of_it)?),
        None => {
            let (mut all, blind) = found_once(&built, &records, places).await?;
            let found = all.remove(watch);
            found.ok_or_else(|| no_such(watch, all.keys(), &blind))?
        }
    };
    let mut results = Vec::new();
    for (id, (prober, brings_its_own)) in &parts.probers {
        let now = SystemClock.now();
        let probed = if *brings_its_own {
            prober.probe(None, now).await
        } else {
            let identity = parts.source.identity(None).await.map_err(of_it)?;
            prober.probe(Some(&identity), now).await
        };
        results.push((id.clone(), probed));
    }
    Ok(results)
}

fn no_such<'a>(watch: &str, known: impl Iterator<Item = &'a Arc<str>>, blind: &[(String, Unseen)]) -> Unseen {
    let (text, way_out) = no_watch(watch, known.map(|id| &**id));
    let blind: String = blind.iter().map(|(id, why)| format!("; the discovery {id}: {why}")).collect();
    Unseen::new(Reason::NotFound, format!("{text}; {way_out}{blind}"))
}

pub(super) fn open_net() -> Result<Net, Unseen> {
    Net::new().map_err(|error| Unseen::new(Reason::Unreadable, error.to_string()))
}

/// Looks once at the chain a TLS server presents, and whether it asks for a client certificate.
///
/// # Errors
/// Why it could not be seen.
pub async fn look_at_server(settings: TlsServer) -> Result<(Sighting, bool), Unseen> {
    Tls::new(open_net()?, settings).seen().await
}

/// Reads the newest events from the store of this configuration as the API shows them, beside a daemon or without one.
///
/// # Errors
/// Where the store cannot be read.
pub async fn stored_events(
    config: &Config,
    watch: Option<&str>,
    since: Option<Timestamp>,
    limit: usize,
) -> Result<Vec<serde_json::Value>, JournalError> {
    let State::Sqlite(path) = &config.daemon.state;
    let query = EventQuery { watch: watch.map(str::to_owned), before: None, since, limit };
    let rows = Sqlite::open_read_only(path)?.rows(query).await?;
    Ok(rows.iter().map(crate::surfaces::history_row).collect())
}

/// Checks the history in the store of this configuration as the API does, beside a daemon or without one.
///
/// # Errors
/// Where the store cannot be read.
pub async fn verified_store(
    config: &Config,
    watch: Option<&str>,
    heads: Vec<String>,
) -> Result<serde_json::Value, JournalError> {
    let State::Sqlite(path) = &config.daemon.state;
    let proof = Sqlite::open_read_only(path)?.verify(watch.map(str::to_owned), heads).await?;
    Ok(crate::surfaces::history_proof(&proof))
}

/// A notifier, tried once.
#[derive(Debug)]
pub struct Tried {
    /// Whether it took the message.
    pub outcome: Result<(), Failure>,
    /// How long that took.
    pub seconds: f64,
}

/// Sends one message, plainly marked as a test, through a notifier. It goes past the outbox: nothing is repeated.
///
/// # Errors
/// Where there is no such notifier, or its settings cannot be used.
pub async fn notify_test(config: &Config, name: &str) -> Result<Tried, Unseen> {
    let settings = config.notifiers.iter().find(|each| each.id == name);
    let settings = settings.ok_or_else(|| no_notifier(config, name))?;
    let unusable = |unseen: Unseen| Unseen::new(unseen.reason, format!("notifier {name}: {unseen}"));
    let notifier = open_net().and_then(|net| build::notifier(settings, &net)).map_err(unusable)?;
    let watch = Stopwatch::start();
    let outcome = notifier.send(&test_message(SystemClock.now())).await;
    Ok(Tried { outcome, seconds: watch.elapsed().as_secs_f64() })
}

fn no_notifier(config: &Config, name: &str) -> Unseen {
    let known: Vec<&str> = config.notifiers.iter().map(|each| each.id.as_str()).collect();
    let known = if known.is_empty() {
        "none is configured".to_owned()
    } else {
        format!("there are: {}", known.join(", "))
    };
    Unseen::new(Reason::NotFound, format!("there is no notifier {name:?}; {known}"))
}

fn test_message(at: Timestamp) -> Message {
    Message {
        watch: "test".to_owned(),
        labels: BTreeMap::new(),
        at,
        topic: Topic::Findings,
        level: Level::Notice,
        code: "test".to_owned(),
        key: format!("test-{}", at.timestamp()),
        resolved: false,
        subject: "test message of certsteward, nothing is wrong".to_owned(),
        text: "This message was sent by hand with certsteward notify test, to see whether messages arrive"
            .to_owned(),
        way_out: "nothing to do".to_owned(),
        hand_off: None,
        to: None,
        actor: None,
        deadline: None,
    }
}
