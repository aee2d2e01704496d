//! Every connection certsteward makes begins here: roots and own authorities, proxy, size and time limits.
//! It knows no SAP system and no role.

mod address;
mod cause;
mod connect;
mod dial;
mod fair;
pub(crate) mod handshake;
mod http;
mod proxy;
pub(crate) mod refusal;
mod resolver;
mod roots;
mod skew;
pub mod starttls;
mod stream;
mod trust;
mod tunnel;
mod turn;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::domain::reason::{Reason, Unseen};
use crate::identity::Identity;

pub use address::{Address, Family, bare_host};
pub use cause::{excerpt, one_line, reason_of, told};
pub(crate) use cause::{is_about_our_certificate, tls_error};
pub(crate) use connect::within;
pub use fair::{Fair, Limits};
pub use http::{Answer, HttpClient, LIMIT, retry_after};
pub use roots::LoadRoots;
pub(crate) use roots::read as read_file;
pub use stream::Stream;
pub use turn::{LIMITS, Turn};

/// How certsteward names itself to servers.
pub const USER_AGENT: &str = concat!("certsteward/", env!("CARGO_PKG_VERSION"));

/// How to reach one system; from `ca`, `proxy`, `ip` and `timeout` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Authorities trusted for this connection, beside the system's (PEM file).
    pub ca: Option<PathBuf>,
    /// HTTP proxy (`http://host:port`), or `none` to ignore the environment's; unset means the environment's.
    pub proxy: Option<String>,
    /// The only family of addresses it is reached by, or its proxy; unset means any.
    pub family: Option<Family>,
    /// The limit for one whole request.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { ca: None, proxy: None, family: None, timeout: Duration::from_secs(30) }
    }
}

/// Where every connection begins. Cloning it is cheap and shares everything.
#[derive(Clone)]
pub struct Net(Arc<Shared>);

struct Shared {
    roots: Vec<CertificateDer<'static>>,
    trusts: trust::Trusts,
    environment: proxy::Environment,
    resolver: resolver::Resolver,
    turns: turn::Turns,
    skews: Arc<skew::Skews>,
}

impl Net {
    /// Reads the system's authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` hold) and the environment's proxy, once.
    ///
    /// # Errors
    /// Where the place that the environment names, or the system's own, cannot be read. A machine without any trust store is
    /// not an error here: connections that name their own `ca` work, and the others say what is missing.
    pub fn new() -> Result<Self, LoadRoots> {
        Ok(Self(Arc::new(Shared {
            roots: roots::system()?,
            trusts: trust::Trusts::default(),
            environment: proxy::Environment::read(),
            resolver: resolver::Resolver::new(),
            turns: turn::Turns::new(LIMITS),
            skews: Arc::default(),
        })))
    }

    /// Sets how many connections there may be at once. Those there are go on.
    pub fn limit(&self, limits: Limits) {
        self.0.turns.limit(limits);
    }

    /// The TLS settings for one system, presenting this identity where the server asks for one.
    ///
    /// # Errors
    /// Where `ca` cannot be read, no authority is trusted at all, or the key cannot be used.
    pub fn tls_config(
        &self,
        settings: &Settings,
        identity: Option<&Identity>,
    ) -> Result<rustls::ClientConfig, Unseen> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Unseen::new(Reason::TlsFailed, format!("TLS cannot be set up: {error}")))?
            .with_webpki_verifier(self.verifier(settings)?);
        Ok(match identity {
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified_key(identity)?)))
            }
            None => builder.with_no_client_auth(),
        })
    }

    /// An HTTP client for one system. It follows no redirect and keeps no cookie.
    ///
    /// # Errors
    /// As [`Net::tls_config`], and where `proxy` cannot be used.
    pub fn http(&self, settings: &Settings, identity: Option<&Identity>) -> Result<HttpClient, Unseen> {
        let tls = self.tls_config(settings, identity)?;
        let proxy = proxy::Choice::new(settings.proxy.as_deref(), &self.0.environment)?;
        HttpClient::build(self, tls, proxy, settings)
    }

    /// How far the clock of this host is ahead of what the servers that answered within the hour say; negative where it is
    /// behind; none where none answered. Of several servers the one that agrees best counts.
    #[must_use]
    pub fn clock_skew(&self) -> Option<chrono::Duration> {
        self.0.skews.least()
    }

    /// Whether a connection to this host would go through a proxy.
    ///
    /// # Errors
    /// Where `proxy` cannot be used.
    pub(crate) fn is_proxied(&self, settings: &Settings, host: &str) -> Result<bool, Unseen> {
        let choice = proxy::Choice::new(settings.proxy.as_deref(), &self.0.environment)?;
        Ok(choice.of(true, host).is_some())
    }
}

/// Whether a server's certificate can be for this name.
#[must_use]
pub fn is_server_name(name: &str) -> bool {
    handshake::server_name(name).is_some()
}

/// What rustls presents: the leaf and its issuers without the root, and a copy of the key that lives as long as the connection.
pub(crate) fn certified_key(identity: &Identity) -> Result<CertifiedKey, Unseen> {
    let presented = identity
        .chain()
        .iter()
        .enumerate()
        .filter(|(at, certificate)| *at == 0 || !certificate.is_self_issued())
        .map(|(_, certificate)| CertificateDer::from(certificate.der.to_vec()))
        .collect();
    Ok(CertifiedKey::new(presented, identity.signing_key()?))
}

/// The TLS settings of our own server, with this certificate and key.
///
/// # Errors
/// [`Reason::CredentialUnusable`] where the key cannot be used.
pub fn server_config(identity: &Identity) -> Result<rustls::ServerConfig, Unseen> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Unseen::new(Reason::TlsFailed, format!("TLS cannot be set up: {error}")))?
        .with_no_client_auth();
    Ok(builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified_key(identity)?))))
}
