//! A simulated SAP landscape in one process, on loopback: for trying certsteward and for its tests.
//! It is not part of certsteward's work and names none of its types: what it answers is written down from SAP's documents, so
//! that client and simulator cannot agree on one mistake.
//!
//! Where it differs from SAP on purpose: keys are EC P-256 instead of RSA-4096; all names say "Sandbox"; tokens are unsigned;
//! the Destination service speaks plain HTTP; an encrypted PEM and JKS are not generated; labels, metadata, fragments and the
//! SAML trust certificate are left out.
//!
//! ```text
//!  token service ── Destination service ── calling application ──mTLS──▶ API ◀── mappings ── Security Center page
//!                                                            mail server ── mailbox page ── simulated administrator ──┘
//! ```

mod admin;
mod caller;
mod caller_page;
mod certificates;
mod der;
mod destination_service;
mod faults;
mod files;
mod http;
mod listing;
mod mailbox;
mod mappings;
mod mime;
mod pages;
mod pki;
mod security_center;
mod smtp;
mod successfactors;
mod tasks;
mod time;
mod tokens;
mod untidy;
mod weather;
mod world;

pub use caller::{Call, CallerReport, InUse};
pub use faults::{Fault, Hold, RequestLine, Stage};
pub use files::Files;
pub use mailbox::{Attachment, Mail};
pub use mappings::Mapping;
pub use time::Moment;
pub use weather::{Chances, Kind};
pub use world::Level;

use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tasks::Tasks;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use world::{Part, World};

/// How the tenant finds the mapping of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matching {
    /// By issuer and subject.
    #[default]
    Dn,
    /// By the exact certificate.
    Exact,
}

/// Who does what hand-off mails ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hands {
    /// A simulated administrator, this long after the mail came.
    ///
    /// They read the mail's text, in which these lines stand: `Ask: add`, `replace` or `remove`; `Configuration Name:`,
    /// `Integration Name:` and `Login Name:`; `Hand-off page:` with the link, to which they post `sign=deleting` and
    /// `sign=saved` under `/say`; and for `remove` the `Fingerprint (SHA-256):`, whose removal they confirm with `sign=confirmed` and a name. The certificate is the attached `.pem`.
    Auto {
        /// How long they take.
        after: Duration,
    },
    /// The person who tries the sandbox, or the test.
    #[default]
    Me,
}

/// How the simulated administrator answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum People {
    /// As they are asked.
    #[default]
    Careful,
    /// They upload another system's certificate and say that it is saved.
    WrongFile,
    /// They delete the mapping in use first, say that it is saved, and add nothing until a mail says what to do at once.
    TooEarly,
    /// They say that it is saved, and do nothing.
    Liar,
    /// They do it right, ten times as late.
    Late,
}

/// What a landscape is like.
#[derive(Debug, Clone)]
pub struct Options {
    /// How the simulated administrator answers, where there is one.
    pub people: People,
    /// How the tenant matches certificates.
    pub matching: Matching,
    /// Who does what hand-off mails ask.
    pub hands: Hands,
    /// How long the calling application keeps its destination.
    pub caller_cache: Duration,
    /// How often it calls.
    pub caller_every: Duration,
    /// The lifetime of the first certificate, in days.
    pub valid_for_days: i64,
    /// How much of it has gone by, in days.
    pub age_days: i64,
    /// Whether the first certificate renews itself (see [`Landscape::auto_renew_now`]).
    pub auto_renew_first: bool,
    /// The CN of the first certificate.
    pub common_name: String,
    /// The company the API knows.
    pub company_id: String,
    /// Login names that may not read users: they get 403.
    pub without_permission: Vec<String>,
    /// How long a saved mapping takes to be effective.
    pub sync_delay: Duration,
    /// How long a token is valid.
    pub token_lifetime: Duration,
    /// Send every error of the Destination service as bare text.
    pub plain_text_errors: bool,
    /// Also create the instance-level destination `instance_odata`, which names the same certificate.
    pub instance_destination: bool,
    /// More destinations that name the same certificate.
    pub more_destinations: Vec<(Level, String)>,
    /// Also fill in what a subaccount gathers over the years: destinations and certificates that are wrong in some way.
    pub untidy: bool,
    /// The first of eight consecutive ports; none lets the system choose.
    pub base_port: Option<u16>,
    /// Faults to begin with.
    pub faults: Vec<Fault>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            people: People::default(),
            matching: Matching::default(),
            hands: Hands::default(),
            caller_cache: Duration::from_secs(300),
            caller_every: Duration::from_millis(500),
            valid_for_days: 365,
            age_days: 310,
            auto_renew_first: false,
            common_name: "SFAPI".to_owned(),
            company_id: "ACME".to_owned(),
            without_permission: vec!["NOPERM".to_owned()],
            sync_delay: Duration::ZERO,
            token_lifetime: Duration::from_secs(43_199),
            plain_text_errors: false,
            instance_destination: false,
            more_destinations: Vec::new(),
            untidy: false,
            base_port: None,
            faults: Vec::new(),
        }
    }
}

/// Where the parts listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The Destination service: `uri` of the service key.
    pub destination_service: String,
    /// The token service: `url` of the service key.
    pub token_service: String,
    /// The token service that asks for a client certificate: `certurl` of the x509 service key.
    pub mutual_token_service: String,
    /// The API behind mutual TLS, without a path.
    pub successfactors: String,
    /// The Security Center page.
    pub security_center: String,
    /// The mailbox page.
    pub mailbox: String,
    /// The calling application's page.
    pub caller: String,
    /// The mail server, as host and port.
    pub smtp: String,
}

/// One certificate of the Destination service, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryLine {
    /// Where it stands.
    pub level: Level,
    /// Its name.
    pub name: String,
    /// The SHA-256 of its leaf, lower-case hex; none where it cannot be read.
    pub fingerprint: Option<String>,
    /// How many certificates were issued under this name so far; 0 for an upload.
    pub issued: u32,
}

/// A running landscape. Dropping it stops it too, without waiting.
pub struct Landscape {
    world: Arc<World>,
    tasks: Tasks,
}

impl Landscape {
    /// Binds every part, fills in the initial state and starts; returns when all parts listen.
    pub async fn start(options: Options) -> io::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // The HTTP client wants a process-wide provider; one that is installed already serves as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let sockets = Sockets::bind(options.base_port).await?;
        let addresses = sockets.addresses()?;
        let authority = pki::Authority::new(time::now())?;
        let client = tokens::Client::new(&authority)?;
        let check = successfactors::balancer_check(&authority, provider.clone())?;
        let tls = TlsAcceptor::from(Arc::new(server_tls(&authority, provider)?));
        let world = Arc::new(World::new(options, addresses, authority, client, check));
        files::seed(&world)?;
        if world.options.untidy {
            untidy::seed(&world)?;
        }
        let tasks = Tasks::new();
        sockets.serve(&world, &tls, &tasks);
        tasks.run(caller::run(world.clone()));
        if let Hands::Auto { after } = world.options.hands {
            tasks.run(admin::run(world.clone(), after));
        }
        Ok(Self { world, tasks })
    }

    /// Where the parts listen.
    pub fn addresses(&self) -> Addresses {
        self.world.addresses.clone()
    }

    /// Writes what a configuration points at into `folder`: the servers' authority and both kinds of service key.
    pub fn write_files(&self, folder: &Path) -> io::Result<Files> {
        Files::write(&self.world, folder)
    }

    /// What the calling application went through so far.
    pub fn caller_report(&self) -> CallerReport {
        self.world.state().caller.report()
    }

    /// The mails that came in, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.world.state().mails.iter().cloned().collect()
    }

    /// The mappings, oldest first.
    pub fn mappings(&self) -> Vec<Mapping> {
        self.world.state().mappings.clone()
    }

    /// The certificates of the Destination service, by level and name.
    pub fn entries(&self) -> Vec<EntryLine> {
        let state = self.world.state();
        let line = |((level, name), entry): (&(Level, String), &certificates::Entry)| EntryLine {
            level: *level,
            name: name.clone(),
            fingerprint: entry.fingerprint(),
            issued: state.issued.get(&(*level, name.clone())).copied().unwrap_or_default(),
        };
        state.entries.iter().map(line).collect()
    }

    /// Each destination and the certificate that it names, by level and name.
    pub fn destinations(&self) -> Vec<(Level, String, String)> {
        let state = self.world.state();
        let of =
            |((level, name), fields): (&(Level, String), &serde_json::Map<String, serde_json::Value>)| {
                let keystore = fields.get("KeyStoreLocation").and_then(serde_json::Value::as_str);
                (*level, name.clone(), keystore.unwrap_or_default().to_owned())
            };
        state.destinations.iter().map(of).collect()
    }

    /// How many certificates were issued since the landscape started; the first one does not count.
    pub fn issued(&self) -> u32 {
        self.world.state().issued.values().sum::<u32>().saturating_sub(1)
    }

    /// The public chain of a subaccount-level certificate in PEM.
    pub fn public_chain(&self, name: &str) -> Option<String> {
        let state = self.world.state();
        state.entries.get(&(Level::Subaccount, name.to_owned())).map(|entry| pki::chain_pem(&entry.chain))
    }

    /// Registers a certificate in PEM as a person would, or says with which words the page refused it.
    pub fn add_mapping(
        &self,
        configuration_name: &str,
        login_name: &str,
        certificate: &str,
    ) -> Result<u64, String> {
        self.world.add_mapping(mappings::Entered {
            configuration_name: configuration_name.to_owned(),
            integration_name: "Business Technology Platform".to_owned(),
            login_name: login_name.to_owned(),
            certificate: certificate.as_bytes().to_vec(),
        })
    }

    /// Deletes a mapping as a person would; false where there is none of that number.
    pub fn delete_mapping(&self, id: u64) -> bool {
        self.world.state().delete_mapping(id)
    }

    /// Does now what SAP's renewal job does: same name, subject and validity, a new certificate. False where the certificate
    /// does not renew itself.
    pub fn auto_renew_now(&self, name: &str) -> bool {
        let mut state = self.world.state();
        [Level::Subaccount, Level::Instance]
            .into_iter()
            .any(|level| state.renew(&self.world.authority, level, name))
    }

    /// From now on certificates are issued by an authority of another name, as after a move of the landscape.
    pub fn change_issuer(&self, locality: &str) -> io::Result<()> {
        self.world.authority.change_issuer(locality, time::now())
    }

    /// Orders a fault.
    pub fn fault(&self, fault: Fault) {
        self.world.state().faults.push(fault);
    }

    /// From now on requests of certsteward meet faults by chance.
    pub fn begin_weather(&self, chances: Chances) {
        self.world.state().weather = Some(weather::Weather::new(chances));
    }

    /// How many faults came by chance, by kind; each kind is listed.
    pub fn weather(&self) -> Vec<(Kind, u64)> {
        self.world.state().weather.as_ref().map(weather::Weather::met).unwrap_or_default()
    }

    /// The requests that reached the simulated parts, oldest first, without the simulated caller's own.
    pub fn requests(&self) -> Vec<RequestLine> {
        self.world.state().requests.iter().cloned().collect()
    }

    /// What the simulated administrator did, oldest first.
    pub fn admin_log(&self) -> Vec<String> {
        self.world.state().admin.clone()
    }

    /// Stops every part and waits until the last one is gone.
    pub async fn stop(self) {
        self.tasks.end().await;
    }
}

/// The listeners, before anything is served on them.
struct Sockets {
    parts: Vec<(Part, TcpListener)>,
    smtp: TcpListener,
}

impl Sockets {
    async fn bind(base_port: Option<u16>) -> io::Result<Self> {
        let order = [
            Part::Token,
            Part::TokenMutual,
            Part::DestinationService,
            Part::SuccessFactors,
            Part::SecurityCenter,
            Part::Mailbox,
            Part::Caller,
        ];
        let mut next = base_port;
        let mut parts = Vec::new();
        for part in order {
            parts.push((part, bind(&mut next).await?));
        }
        Ok(Self { parts, smtp: bind(&mut next).await? })
    }

    fn addresses(&self) -> io::Result<Addresses> {
        let mut ports =
            self.parts.iter().map(|(_, listener)| listener.local_addr().map(|address| address.port()));
        let mut address = |scheme_and_host: &str| -> io::Result<String> {
            let port: u16 = ports.next().unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()))?;
            Ok(format!("{scheme_and_host}:{port}"))
        };
        Ok(Addresses {
            token_service: address("http://127.0.0.1")?,
            mutual_token_service: address("https://localhost")?,
            destination_service: address("http://127.0.0.1")?,
            successfactors: address("https://localhost")?,
            security_center: address("http://127.0.0.1")?,
            mailbox: address("http://127.0.0.1")?,
            caller: address("http://127.0.0.1")?,
            smtp: self.smtp.local_addr()?.to_string(),
        })
    }

    fn serve(self, world: &Arc<World>, tls: &TlsAcceptor, tasks: &Tasks) {
        for (part, listener) in self.parts {
            let tls = matches!(part, Part::TokenMutual | Part::SuccessFactors).then(|| tls.clone());
            tasks.run(http::serve(listener, tls, part, world.clone()));
        }
        tasks.run(smtp::serve(self.smtp, world.clone()));
    }
}

async fn bind(next: &mut Option<u16>) -> io::Result<TcpListener> {
    let port = next.unwrap_or(0);
    if let Some(port) = next {
        *port = port.checked_add(1).ok_or(io::ErrorKind::AddrNotAvailable)?;
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))
}

fn server_tls(authority: &pki::Authority, provider: Arc<CryptoProvider>) -> io::Result<rustls::ServerConfig> {
    let verifier: Arc<dyn ClientCertVerifier> = Arc::new(successfactors::TakesAny::new(provider.clone()));
    let (chain, key) = authority.server_identity();
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(io::Error::other)
}
