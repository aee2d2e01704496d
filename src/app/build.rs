//! Configuration → the parts that serve it: connections, roles, notifiers.
//! It starts nothing and looks at nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::modules::{Modules, modules};
use super::origin::Origin;
use crate::callers::Caller;
use crate::callers::command::CommandCaller;
use crate::callers::destination_service::DestinationServiceCaller;
use crate::config::{
    CallerConfig, Config, Connection, FinderConfig, NotifierConfig, NotifierKind, RenewerConfig,
    SourceConfig, TargetConfig, WatchConfig,
};
use crate::domain::Duration;
use crate::domain::reason::{Reason, Unseen};
use crate::engine::deliver::Recipient;
use crate::engine::execute::Parts;
use crate::finders::Finder;
use crate::finders::destination_service::Entries;
use crate::finders::file::Files;
use crate::finders::file_sd::FileSd;
use crate::finders::http_sd::HttpSd;
use crate::net::Net;
use crate::notifiers::Notifier;
use crate::notifiers::smtp::Smtp;
use crate::notifiers::webhook::Webhook;
use crate::probers::Prober;
use crate::probers::mtls::Mtls;
use crate::renewers::Renewer;
use crate::renewers::destination_service::DestinationServiceRenewer;
use crate::sap::{DestinationService, Password};
use crate::sources::Source;
use crate::sources::checked::Checked;
use crate::sources::destination_service::{DestinationServiceSource, Entry};
use crate::sources::tls::Tls;
use crate::sources::url::Url;
use crate::targets::Target;
use crate::targets::command::CommandTarget;
use crate::targets::http::HttpTarget;
use crate::{sources, targets};

/// Everything one configuration needs, built.
pub struct Built {
    /// The configuration.
    pub config: Config,
    net: Net,
    /// The clients of Destination services, by connection.
    pub services: BTreeMap<String, Arc<DestinationService>>,
    /// The notifiers, by id.
    pub notifiers: BTreeMap<String, Arc<dyn Notifier>>,
    /// Who wants which messages.
    pub recipients: Vec<Recipient>,
    /// How `/probe` looks at servers, by name.
    pub(super) modules: Modules,
    /// When open questions are reminded of.
    pub ladder: Vec<Duration>,
    /// What finds the places of discoveries, by the discovery's name.
    pub finders: BTreeMap<String, Arc<dyn Finder>>,
    known: Mutex<Known>,
}

/// The watches there are, by id: what each is made from, and what serves it.
type Known = BTreeMap<Arc<str>, (Origin, Arc<Parts>)>;

impl Built {
    /// Builds what the configuration names.
    ///
    /// # Errors
    /// Where a notifier's or a connection's settings cannot be used.
    pub fn new(config: Config, net: Net) -> Result<Self, Unseen> {
        net.limit(config.daemon.connections);
        let services = config.connections.iter().filter_map(|(name, connection)| match connection {
            Connection::DestinationService(settings) => {
                Some((name.clone(), Arc::new(DestinationService::new(net.clone(), settings.clone()))))
            }
            Connection::SuccessFactors { .. } => None,
        });
        let services: BTreeMap<String, Arc<DestinationService>> = services.collect();
        let finders = config.discoveries.iter().filter_map(|discovery| {
            Some((discovery.id.clone(), finder(&discovery.finder, &services, &net)?))
        });
        let finders = finders.collect();
        let mut notifiers = BTreeMap::new();
        for each in &config.notifiers {
            notifiers.insert(each.id.clone(), notifier(each, &net)?);
        }
        let recipients = config.notifiers.iter().map(recipient).collect();
        let mut ladder: Vec<Duration> =
            config.notifiers.iter().flat_map(|each| each.remind.clone()).collect();
        ladder.sort();
        ladder.dedup();
        let modules = modules(&config, &net);
        Ok(Self {
            config,
            net,
            services,
            notifiers,
            recipients,
            modules,
            ladder,
            finders,
            known: Mutex::default(),
        })
    }

    /// These watches, with their roles. What has not changed keeps its roles, and what they remember.
    ///
    /// # Errors
    /// Where a watch names a connection that does not exist, or comes from another configuration.
    pub(super) fn watches(
        &self,
        origins: Vec<(String, Origin)>,
    ) -> Result<BTreeMap<Arc<str>, Arc<Parts>>, Unseen> {
        let mut known = self.known();
        let mut next = Vec::with_capacity(origins.len());
        for (id, origin) in origins {
            let before = known.remove_entry(id.as_str()).filter(|(_, (before, _))| *before == origin);
            next.push(match before {
                Some(before) => before,
                None => {
                    let parts = self.parts(&*self.settings(&id, &origin)?)?;
                    (id.into(), (origin, Arc::new(parts)))
                }
            });
        }
        // Made at once of what is in order, a map is half as large as one that grows entry by entry.
        next.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        *known = next.into_iter().collect();
        Ok(known.iter().map(|(id, (_, parts))| (Arc::clone(id), Arc::clone(parts))).collect())
    }

    /// The settings of the watches there are, by id, of those that read from Destination services.
    #[must_use]
    pub fn watches_of_stores(&self) -> Vec<WatchConfig> {
        let of_store = |config: &WatchConfig| matches!(config.source, SourceConfig::DestinationService(_));
        let known = self.known();
        let from_store =
            known.iter().filter(|(_, (_, parts))| parts.watch.source.kind == "destination-service");
        let settings = from_store.filter_map(|(id, (origin, _))| origin.settings(id, &self.config));
        settings.map(Cow::into_owned).filter(of_store).collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settings(&self, id: &str, origin: &Origin) -> Result<Cow<'_, WatchConfig>, Unseen> {
        origin.settings(id, &self.config).ok_or_else(|| {
            Unseen::new(
                Reason::NotFound,
                format!("the watch {id} comes from another configuration than this"),
            )
        })
    }

    fn service(&self, name: &str) -> Result<Arc<DestinationService>, Unseen> {
        self.services.get(name).cloned().ok_or_else(|| {
            Unseen::new(
                Reason::NotFound,
                format!("there is no connection {name} of type destination-service"),
            )
        })
    }

    /// The roles of one watch.
    ///
    /// # Errors
    /// Where it names a connection that does not exist.
    pub fn parts(&self, config: &WatchConfig) -> Result<Parts, Unseen> {
        let mut callers = BTreeMap::new();
        for (id, settings) in &config.callers {
            callers.insert(id.clone(), self.caller(settings)?);
        }
        let told =
            config.targets.iter().filter_map(|(id, target)| target.as_ref().map(|target| (id, target)));
        let probers = config.probes.iter().map(|(id, settings)| {
            let prober: Arc<dyn Prober> = Arc::new(Mtls::new(self.net.clone(), settings.clone()));
            (id.clone(), (prober, settings.files.is_some()))
        });
        Ok(Parts {
            watch: Arc::new(config.watch.clone()),
            source: self.checked(config)?,
            places: config
                .places
                .iter()
                .map(|(place, settings)| Ok((place.clone(), self.source(settings)?)))
                .collect::<Result<_, Unseen>>()?,
            renewer: config
                .renewer
                .as_ref()
                .map(|renewer| self.renewer(renewer, &config.source))
                .transpose()?,
            callers,
            targets: told.map(|(id, target)| (id.clone(), self.target(target))).collect(),
            probers: probers.collect(),
        })
    }

    /// The source of a watch, with what its certificate is held against.
    fn checked(&self, config: &WatchConfig) -> Result<Arc<dyn Source>, Unseen> {
        let source = self.source(&config.source)?;
        if config.checks.is_empty() {
            return Ok(source);
        }
        let (usage, net) = (config.watch.source.usage, self.net.clone());
        Ok(Arc::new(Checked::new(source, usage, net, config.checks.clone())))
    }

    /// The source that these settings name.
    ///
    /// # Errors
    /// Where they name a connection that does not exist.
    pub fn source(&self, config: &SourceConfig) -> Result<Arc<dyn Source>, Unseen> {
        Ok(match config {
            SourceConfig::File(settings) => Arc::new(sources::file::File::new(settings.clone())),
            SourceConfig::Tls(settings) => Arc::new(Tls::new(self.net.clone(), settings.clone())),
            SourceConfig::Url(settings) => Arc::new(Url::new(self.net.clone(), settings.clone())),
            SourceConfig::ServiceKey(settings) => Arc::new(sources::service_key::Key::new(settings.clone())),
            SourceConfig::DestinationService(settings) => {
                Arc::new(DestinationServiceSource::new(self.service(&settings.connection)?, settings.clone()))
            }
        })
    }

    fn renewer(&self, config: &RenewerConfig, source: &SourceConfig) -> Result<Arc<dyn Renewer>, Unseen> {
        let RenewerConfig::DestinationService(settings) = config;
        let service = self.service(&settings.connection)?;
        Ok(Arc::new(DestinationServiceRenewer::new(service, settings.clone(), password(source))))
    }

    fn caller(&self, config: &CallerConfig) -> Result<Arc<dyn Caller>, Unseen> {
        Ok(match config {
            CallerConfig::DestinationService(settings) => {
                Arc::new(DestinationServiceCaller::new(self.service(&settings.connection)?, settings.clone()))
            }
            CallerConfig::Command(settings) => Arc::new(CommandCaller::new(settings.clone())),
        })
    }

    fn target(&self, config: &TargetConfig) -> Arc<dyn Target> {
        match config {
            TargetConfig::Http(settings) => Arc::new(HttpTarget::new(self.net.clone(), settings.clone())),
            TargetConfig::Command(settings) => Arc::new(CommandTarget::new(settings.clone())),
            TargetConfig::File(settings) => Arc::new(targets::file::File::new(settings.clone())),
        }
    }
}

/// What finds the places of a discovery; none where it names a connection that does not exist, which the configuration's
/// reading told of.
fn finder(
    config: &FinderConfig,
    services: &BTreeMap<String, Arc<DestinationService>>,
    net: &Net,
) -> Option<Arc<dyn Finder>> {
    Some(match config {
        FinderConfig::File(settings) => Arc::new(Files::new(settings.clone())),
        FinderConfig::FileSd(settings) => Arc::new(FileSd::new(settings.clone())),
        FinderConfig::HttpSd(settings) => Arc::new(HttpSd::new(net.clone(), settings.clone())),
        FinderConfig::DestinationService(settings) => {
            Arc::new(Entries::new(Arc::clone(services.get(&settings.connection)?), settings.clone()))
        }
    })
}

/// What opens the entries that a renewer makes: the same that opens the source's.
fn password(source: &SourceConfig) -> Password {
    let SourceConfig::DestinationService(settings) = source else {
        return Password::Unknown;
    };
    match (&settings.password, &settings.entry) {
        (Some(secret), _) => Password::Secret(secret.clone()),
        (None, Entry::Destination(name)) => Password::OfDestination(settings.level, name.clone()),
        (None, Entry::Certificate(_)) => Password::Unknown,
    }
}

/// The notifier that these settings name.
pub(super) fn notifier(config: &NotifierConfig, net: &Net) -> Result<Arc<dyn Notifier>, Unseen> {
    Ok(match &config.kind {
        NotifierKind::Smtp(settings) => Arc::new(Smtp::new(net.clone(), settings.clone())?),
        NotifierKind::Webhook(settings) => Arc::new(Webhook::new(net.clone(), settings.clone())),
    })
}

fn recipient(config: &NotifierConfig) -> Recipient {
    Recipient {
        id: config.id.clone(),
        labels: config.filter.clone(),
        topics: config.send.clone(),
        levels: config.levels.clone(),
    }
}
