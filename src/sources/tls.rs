//! The chain a TLS server presents, kept even when verification fails.
//! It presents no client certificate and sends no request.

use std::sync::Arc;

use crate::domain::certificate::Certificate;
use crate::domain::chain::Chain;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::report::Sighting;
use crate::identity::Identity;
use crate::net::handshake::{self, Ask, Observed};
use crate::net::starttls::StartTls;
use crate::net::{self, Address, Net, Turn, reason_of, told, within};

use super::Source;

/// Which server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where it is.
    pub address: Address,
    /// What is spoken before TLS; none where TLS is spoken from the first byte.
    pub starttls: Option<StartTls>,
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

    fn name(&self) -> Result<&str, Unseen> {
        let given = self.settings.server_name.as_deref();
        given.or_else(|| self.settings.address.server_name()).ok_or_else(|| {
            let place = &self.settings.address;
            let text = format!("{place} has no name that TLS could ask for; give server_name = \"…\"");
            Unseen::new(Reason::UnsupportedFormat, text)
        })
    }

    /// Looks, and tells besides whether the server asks for a client certificate.
    ///
    /// # Errors
    /// As [`Source::look`].
    pub async fn seen(&self) -> Result<(Sighting, bool), Unseen> {
        let Settings { address, starttls, net, .. } = &self.settings;
        let turn = self.net.turn(address).await;
        let limit = net.timeout;
        let late = || match starttls {
            None => format!(
                "{address} did not finish a TLS handshake within {limit:?}{}",
                hint(address, *starttls)
            ),
            Some(protocol) => format!(
                "{address} did not come to TLS by {protocol} within {limit:?}; where it speaks TLS from the first byte, leave starttls out"
            ),
        };
        within(limit, self.chain(turn), late).await
    }

    async fn chain(&self, turn: Turn) -> Result<(Sighting, bool), Unseen> {
        let Settings { address, starttls, net, .. } = &self.settings;
        let name = self.name()?;
        let prepared = handshake::prepare(&self.net, net, Ask { name, protocols: &[], identity: None })?;
        let at = |unseen: Unseen| Unseen::new(unseen.reason, format!("{address}: {}", unseen.text));
        let mut stream = self.net.connect(turn, net, address).await.map_err(at)?;
        if let Some(protocol) = starttls {
            let asked = protocol.ask(&mut stream, name).await;
            asked.map_err(|unseen| {
                Unseen::new(unseen.reason, format!("{address} ({protocol}): {}", unseen.text))
            })?;
        }
        let shaken = prepared.glance(stream).await;
        let observed = prepared.observed();
        match shaken {
            Err(error) if observed.chain.is_empty() => Err(self.nothing_shown(&error)),
            Ok(()) | Err(_) => Ok((self.sighting(&observed)?, observed.asked)),
        }
    }

    fn nothing_shown(&self, error: &std::io::Error) -> Unseen {
        let Settings { address, starttls, .. } = &self.settings;
        let reason = reason_of(error).unwrap_or(Reason::TlsFailed);
        let text = format!("{address} showed no certificate: {}{}", told(error), hint(address, *starttls));
        Unseen::new(reason, text)
    }

    fn sighting(&self, observed: &Observed) -> Result<Sighting, Unseen> {
        let (chain, mut oddities) = assembled(&observed.chain).map_err(|unseen| {
            Unseen::new(unseen.reason, format!("{}: {}", self.settings.address, unseen.text))
        })?;
        if let Some(error) = &observed.untrusted {
            let (address, what, way_out) = (&self.settings.address, told(error), way_out(error));
            let text = format!("the certificate of {address} is not accepted: {what}; {way_out}");
            let named = self.settings.net.ca.is_some() && is_about_trust(error);
            oddities.push(Unseen::new(if named { Reason::Untrusted } else { Reason::ServerUntrusted }, text));
        }
        Ok(Sighting {
            chain,
            name: Some(self.settings.address.to_string()),
            has_key: None,
            destination: None,
            oddities,
        })
    }
}

/// Whether it is about whom the chain leads to, and neither about a name nor about a validity: those have judgements of their own.
fn is_about_trust(error: &rustls::Error) -> bool {
    use rustls::CertificateError as Wrong;
    let rustls::Error::InvalidCertificate(wrong) = error else { return true };
    !matches!(
        wrong,
        Wrong::NotValidForName
            | Wrong::NotValidForNameContext { .. }
            | Wrong::Expired
            | Wrong::ExpiredContext { .. }
            | Wrong::NotValidYet
            | Wrong::NotValidYetContext { .. }
    )
}

/// What helps where a server's certificate is not accepted.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's list is open")]
const fn way_out(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError as Wrong;
    let rustls::Error::InvalidCertificate(wrong) = error else { return "look at what the server presents" };
    match wrong {
        Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
            "have one issued for this name, or ask for one of its names with server_name = \"…\""
        }
        Wrong::Expired | Wrong::ExpiredContext { .. } => "have it renewed on that server",
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
            "have it replaced on that server, or put the clock of this host right"
        }
        Wrong::UnknownIssuer => {
            "have the server send the issuers between, or name the authority with ca = { file = … }"
        }
        _ => "have one issued that clients accept",
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

/// On a port where something else is usually spoken first, the way out is to say so.
fn hint(address: &Address, starttls: Option<StartTls>) -> String {
    let Address::Host { port, .. } = address else { return String::new() };
    match StartTls::of_port(*port) {
        Some(usual) if starttls.is_none() => {
            format!("; port {port} usually begins without TLS: set starttls = \"{usual}\"")
        }
        Some(_) | None => String::new(),
    }
}

#[async_trait::async_trait]
impl Source for Tls {
    async fn look(&self, entry: Option<&str>) -> Result<Option<Sighting>, Unseen> {
        if entry.is_some() {
            return Ok(None);
        }
        Ok(Some(self.seen().await?.0))
    }

    async fn identity(&self, _: Option<&str>) -> Result<Identity, Unseen> {
        let text = format!("the private key of {} stays on that server", self.settings.address);
        Err(Unseen::new(Reason::KeyUnavailable, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_server_brings_the_way_out_of_just_that() {
        use rustls::CertificateError as Wrong;
        for (wrong, expected) in [
            (Wrong::Expired, "renewed on that server"),
            (Wrong::NotValidForName, "server_name"),
            (Wrong::NotValidYet, "clock"),
            (Wrong::UnknownIssuer, "ca = { file = … }"),
            (Wrong::BadSignature, "clients accept"),
        ] {
            let way_out = way_out(&rustls::Error::InvalidCertificate(wrong.clone()));
            assert!(way_out.contains(expected), "{wrong:?}: {way_out}");
        }
    }

    #[test]
    fn a_port_that_usually_begins_in_the_clear_is_told_how() {
        let hint = |port, starttls| hint(&Address::host("h", port), starttls);
        assert_eq!(hint(587, None), "; port 587 usually begins without TLS: set starttls = \"smtp\"");
        assert_eq!(hint(5432, None), "; port 5432 usually begins without TLS: set starttls = \"postgres\"");
        assert_eq!(hint(5432, Some(StartTls::Postgres)), "");
        assert_eq!(hint(443, None), "");
    }
}
