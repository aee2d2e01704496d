//! What a valid configuration says, as plain values: the daemon, who may and who is told, every watch with its roles' settings.
//! It holds no secret, only where each is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration as StdDuration;

use super::discovery::Discovery;
use crate::domain::Duration;
use crate::domain::codes::codes;
use crate::domain::finding::Level;
use crate::domain::host_pattern::HostPattern;
use crate::domain::message::Topic;
use crate::domain::watch::Watch;
use crate::domain::window::Freeze;
use crate::secret::SecretRef;
use crate::{callers, finders, net, notifiers, probers, renewers, sap, sources, targets};

/// A valid configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The daemon itself.
    pub daemon: Daemon,
    /// Who may change something over HTTP.
    pub tokens: Vec<Token>,
    /// Systems that watches speak to, by name.
    pub connections: BTreeMap<String, Connection>,
    /// The watches that are written out.
    pub watches: Vec<WatchConfig>,
    /// What finds more watches at each pass.
    pub discoveries: Vec<Discovery>,
    /// Ways to reach people.
    pub notifiers: Vec<NotifierConfig>,
    /// How `/probe` looks at servers, by name; the built-in ones are not among them.
    pub modules: BTreeMap<String, probers::module::Settings>,
    /// Days in which nothing that can hurt is done; every watch holds them too.
    pub freezes: Vec<Freeze>,
    /// The files it was read from, the main one first; none where the defaults hold.
    pub files: Vec<PathBuf>,
    pub(super) effective: String,
}

impl Config {
    /// Every setting that holds, given or by default, as TOML with full paths; secrets only by where they are.
    /// Loading it again gives the same configuration.
    #[must_use]
    pub fn effective(&self) -> &str {
        &self.effective
    }
}

/// The daemon itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// TLS of the HTTP server; none for plain HTTP.
    pub tls: Option<Tls>,
    /// What links in mails begin with, without a slash at its end.
    pub public_url: Option<String>,
    /// The Unix socket of the command line.
    pub socket: PathBuf,
    /// Where records and history are kept.
    pub state: State,
    /// When every watch is looked at: five cron fields, UTC.
    pub check: String,
    /// The log.
    pub log: Log,
    /// A folder with templates that replace the built-in ones.
    pub templates: Option<PathBuf>,
    /// How many connections there may be at once.
    pub connections: net::Limits,
    /// How long a shutdown waits for the acts in hand.
    pub shutdown: StdDuration,
    /// Which targets may be looked at through `/probe`; none where that was not said.
    pub probe_targets: Option<Vec<HostPattern>>,
}

/// TLS of the daemon's own HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate and its issuers (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: SecretRef,
}

/// Where records and history are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// A SQLite file.
    Sqlite(PathBuf),
}

/// The log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// How a line is written.
    pub format: LogFormat,
    /// The least serious lines that are written.
    pub level: LogLevel,
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

codes! {
    /// How serious a line of the log is.
    LogLevel {
        Error = "error": "something could not be done",
        Warn = "warn": "something needs attention",
        Info = "info": "something happened",
        Debug = "debug": "what certsteward does in detail",
        Trace = "trace": "everything",
    }
}

codes! {
    /// What a token can allow.
    Right {
        Check = "check": "look again now",
        Renew = "renew": "begin a renewal",
        Approve = "approve": "let an act happen",
        Reject = "reject": "do not let an act happen",
        Cancel = "cancel": "end a renewal",
        Retry = "retry": "do not wait for the next attempt",
        RollBack = "rollback": "make the callers use the replaced certificate again",
        Retire = "retire": "remove the replaced certificate now",
        Confirm = "confirm": "say that a target knows the certificate",
        Pause = "pause": "stop acts",
        Resume = "resume": "let acts happen again",
        Silence = "silence": "send nothing for a while",
        Reload = "reload": "read the configuration again",
    }
}

/// A named token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its name: the actor in the history.
    pub name: String,
    /// Where the token is.
    pub secret: SecretRef,
    /// What it allows; `"*"` is written out.
    pub may: Vec<Right>,
}

/// A system that watches speak to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// The BTP Destination service.
    DestinationService(sap::ConnectionSettings),
    /// A SuccessFactors tenant.
    SuccessFactors {
        /// The API's base address, without a slash at its end.
        api: String,
        /// Sent as `successfactors-companyid`.
        company_id: String,
        /// How to reach it.
        net: net::Settings,
    },
}

/// A watch with the settings of its roles.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchConfig {
    /// What decides.
    pub watch: Watch,
    /// Where the certificate is read from.
    pub source: SourceConfig,
    /// Where it should be too, by place.
    pub places: Vec<(String, SourceConfig)>,
    /// What it is held against.
    pub checks: sources::checked::Settings,
    /// What issues a new one; none where certsteward does not.
    pub renewer: Option<RenewerConfig>,
    /// What uses it, by id.
    pub callers: Vec<(String, CallerConfig)>,
    /// Who must know it, by id; none where a person tells them.
    pub targets: Vec<(String, Option<TargetConfig>)>,
    /// How acceptance is proven, by id.
    pub probes: Vec<(String, probers::mtls::Settings)>,
}

impl WatchConfig {
    /// Mappings without a name of their own are called as the watch is.
    pub(super) fn name_mappings(&mut self) {
        let id = &self.watch.id;
        let mappings = self.watch.targets.iter_mut().map(|target| &mut target.mapping);
        let told = self.targets.iter_mut().filter_map(|(_, settings)| match settings.as_mut()? {
            TargetConfig::Http(settings) => Some(&mut settings.mapping),
            TargetConfig::Command(settings) => Some(&mut settings.mapping),
            TargetConfig::File(_) => None,
        });
        for mapping in mappings.chain(told).filter(|mapping| mapping.configuration_name.is_empty()) {
            mapping.configuration_name.clone_from(id);
        }
    }
}

/// A source's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceConfig {
    /// A file.
    File(sources::file::Settings),
    /// A TLS server.
    Tls(sources::tls::Settings),
    /// An address.
    Url(sources::url::Settings),
    /// The Destination service.
    DestinationService(sources::destination_service::Settings),
    /// A service key.
    ServiceKey(sources::service_key::Settings),
}

/// How a discovery finds places.
#[derive(Debug, Clone, PartialEq)]
pub enum FinderConfig {
    /// Files by pattern.
    File(finders::file::Settings),
    /// The entries of a Destination service.
    DestinationService(finders::destination_service::Settings),
    /// Target lists in files.
    FileSd(finders::file_sd::Settings),
    /// A target list behind an address.
    HttpSd(finders::http_sd::Settings),
}

impl FinderConfig {
    /// The word of configuration, messages and metrics.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::DestinationService(_) => "destination-service",
            Self::FileSd(_) => "file-sd",
            Self::HttpSd(_) => "http-sd",
        }
    }
}

/// A renewer's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenewerConfig {
    /// The Destination service.
    DestinationService(renewers::destination_service::Settings),
}

/// A caller's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerConfig {
    /// A destination.
    DestinationService(callers::destination_service::Settings),
    /// A command.
    Command(callers::command::Settings),
}

/// A target's settings, where certsteward tells it by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetConfig {
    /// An upload service.
    Http(targets::http::Settings),
    /// A command.
    Command(targets::command::Settings),
    /// A file.
    File(targets::file::Settings),
}

/// A notifier with its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifierConfig {
    /// Its id.
    pub id: String,
    /// How it reaches people.
    pub kind: NotifierKind,
    /// Only watches with these labels; empty for all.
    pub filter: BTreeMap<String, String>,
    /// What is sent.
    pub send: Vec<Topic>,
    /// Of findings, which levels.
    pub levels: Vec<Level>,
    /// When it reminds, before the deadline; the longest first.
    pub remind: Vec<Duration>,
}

/// How a notifier reaches people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifierKind {
    /// Mail.
    Smtp(notifiers::smtp::Settings),
    /// A POST.
    Webhook(notifiers::webhook::Settings),
}
