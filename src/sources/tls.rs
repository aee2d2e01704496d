//! The chain a TLS server presents, kept even when verification fails.
//! It presents no client certificate and sends no request.

use std::sync::Arc;

use crate::domain::certificate::Certificate;
use crate::domain::chain::Chain;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::report::Sighting;
use crate::identity::Identity;
use crate::net::handshake::{self, Observed};
use crate::net::{self, Net, one_line, reason_of, told, within};

use super::Source;

/// Which server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The name asked for and verified; the host where unset.
    pub server_name: Option<String>,
    /// How to reach it.
    pub net: net::Settings,
}

/// A TLS server.
pub struct Tls {
    net: Net,
    settings: Settings,
}

impl Tls {
    /// A server that is looked at through `net`.
    #[must_use]
    pub const fn new(net: Net, settings: Settings) -> Self {
        Self { net, settings }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.settings.host, self.settings.port)
    }

    async fn chain(&self) -> Result<Sighting, Unseen> {
        let Settings { host, port, server_name, net } = &self.settings;
        let name = server_name.as_ref().unwrap_or(host);
        let prepared = handshake::prepare(&self.net, net, name, None)?;
        let stream = self.net.connect(net, host, *port).await?;
        let shaken = prepared.shake(stream).await;
        let observed = prepared.observed();
        match shaken {
            Err(error) if observed.chain.is_empty() => {
                let reason = reason_of(&error).unwrap_or(Reason::TlsFailed);
                let text = format!("{} showed no certificate: {}", self.place(), told(&error));
                Err(Unseen::new(reason, text))
            }
            Ok(_) | Err(_) => self.sighting(&observed),
        }
    }

    fn sighting(&self, observed: &Observed) -> Result<Sighting, Unseen> {
        let (chain, mut oddities) = assembled(&observed.chain)
            .map_err(|unseen| Unseen::new(unseen.reason, format!("{}: {}", self.place(), unseen.text)))?;
        if let Some(error) = &observed.untrusted {
            let text = format!(
                "the certificate of {} is not accepted: {}",
                self.place(),
                one_line(&error.to_string())
            );
            oddities.push(Unseen::new(Reason::ServerUntrusted, text));
        }
        Ok(Sighting { chain, name: Some(self.place()), has_key: None, destination: None, oddities })
    }
}

/// The leaf is the one the server sent first: that is the one it holds the key of, whatever else it sends along.
fn assembled(sent: &[Arc<[u8]>]) -> Result<(Chain, Vec<Unseen>), Unseen> {
    let (first, others) = sent
        .split_first()
        .ok_or_else(|| Unseen::new(Reason::NoCertificate, "the server sent no certificate"))?;
    let leaf = Certificate::from_der(first)?;
    let key = leaf.key_fingerprint;
    let mut certificates = vec![leaf];
    let mut oddities = Vec::new();
    for der in others {
        match Certificate::from_der(der) {
            Ok(certificate) => certificates.push(certificate),
            Err(unseen) => oddities.push(unseen),
        }
    }
    Ok((Chain::assemble(certificates, Some(key))?, oddities))
}

#[async_trait::async_trait]
impl Source for Tls {
    async fn look(&self, entry: Option<&str>) -> Result<Option<Sighting>, Unseen> {
        if entry.is_some() {
            return Ok(None);
        }
        let limit = self.settings.net.timeout;
        let late = || format!("{} did not finish a TLS handshake within {limit:?}", self.place());
        within(limit, self.chain(), late).await.map(Some)
    }

    async fn identity(&self, _: Option<&str>) -> Result<Identity, Unseen> {
        let text = format!("the private key of {} stays on that server", self.place());
        Err(Unseen::new(Reason::KeyUnavailable, text))
    }
}
