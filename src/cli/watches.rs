//! What verbs do with a configuration and without a daemon: load it, look once, probe a watch.
//! It keeps nothing and changes nothing.

use std::sync::Arc;

use serde_json::Value;

use super::Common;
use super::exit::Failed;
use crate::config::{self, Config, Connection, SourceConfig, WatchConfig};
use crate::domain::Timestamp;
use crate::domain::reason::Unseen;
use crate::domain::verdict::Probed;
use crate::identity::Identity;
use crate::net::Net;
use crate::probers::{Prober as _, mtls::Mtls};
use crate::sap::DestinationService;
use crate::sources::{Source, destination_service, file, tls};

/// The configuration, or every problem of it.
pub(super) fn configuration(common: &Common) -> Result<Config, Failed> {
    config::load(common.path(), common.kind()).map_err(|problems| Failed::configuration(problems.to_string()))
}

/// What a configuration holds, in numbers.
pub(super) fn count(config: &Config) -> String {
    let number = |count: usize, one: &str, several: &str| {
        format!("{count} {}", if count == 1 { one } else { several })
    };
    let mut parts = vec![number(config.watches.len(), "watch", "watches")];
    if !config.discoveries.is_empty() {
        parts.push(number(config.discoveries.len(), "discovery", "discoveries"));
    }
    parts.push(number(config.notifiers.len(), "notifier", "notifiers"));
    parts.join(", ")
}

/// Looks at these watches once, or at all of them, without a daemon.
pub(super) async fn look_once(common: &Common, _watches: &[String]) -> Result<Vec<Value>, Failed> {
    configuration(common)?;
    Err(Failed::could_not("certsteward is not running; start it with systemctl start certsteward"))
}

/// Makes every probe of a watch with the certificate that its source holds now.
pub(super) async fn probe(
    id: &str,
    common: &Common,
    now: Timestamp,
) -> Result<Vec<(String, Probed)>, Failed> {
    let config = configuration(common)?;
    let all = config.all_watches();
    let watch = all.iter().find(|one| one.watch.id == id).ok_or_else(|| no_watch(id, &all))?;
    if watch.probes.is_empty() {
        return Err(Failed::could_not(format!(
            "{id} has no probe; add one as [[watch.probe]], or probe a URL"
        )));
    }
    let net = Net::new().map_err(|error| Failed::because(&error))?;
    let mut results = Vec::with_capacity(watch.probes.len());
    let mut held: Option<Identity> = None;
    for (probe, settings) in &watch.probes {
        if settings.files.is_none() && held.is_none() {
            let failed = |unseen: Unseen| Failed::could_not(format!("{id}: {unseen}"));
            let source = source(&watch.source, &config, &net).map_err(failed)?;
            held = Some(source.identity(None).await.map_err(failed)?);
        }
        let identity = held.as_ref().filter(|_| settings.files.is_none());
        let probed = Mtls::new(net.clone(), settings.clone()).probe(identity, now).await;
        results.push((format!("{id} {probe}"), probed));
    }
    Ok(results)
}

fn no_watch(id: &str, all: &[WatchConfig]) -> Failed {
    let known: Vec<&str> = all.iter().map(|one| one.watch.id.as_str()).collect();
    Failed::could_not(format!("there is no watch {id:?}; there are: {}", known.join(", ")))
}

fn source(settings: &SourceConfig, config: &Config, net: &Net) -> Result<Box<dyn Source>, Unseen> {
    Ok(match settings {
        SourceConfig::File(settings) => Box::new(file::File::new(settings.clone())),
        SourceConfig::Tls(settings) => Box::new(tls::Tls::new(net.clone(), settings.clone())),
        SourceConfig::DestinationService(settings) => {
            let Some(Connection::DestinationService(connection)) =
                config.connections.get(&settings.connection)
            else {
                let text = format!("there is no connection {} to a Destination service", settings.connection);
                return Err(Unseen::new(crate::domain::reason::Reason::NotFound, text));
            };
            let service = Arc::new(DestinationService::new(net.clone(), connection.clone()));
            Box::new(destination_service::DestinationServiceSource::new(service, settings.clone()))
        }
    })
}
