//! A service key of the Destination service, as SAP hands it out: with a secret or a certificate, wrapped or not.
//! It fetches no token and is never printed.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::domain::Timestamp;
use crate::domain::chain::Chain;
use crate::domain::reason::{Reason, Unseen};
use crate::formats;
use crate::identity::Identity;

/// What opens the Destination service.
pub struct ServiceKey {
    /// The OAuth client.
    pub(crate) client_id: String,
    /// The Destination service's base address, without a slash at its end.
    pub(crate) uri: String,
    /// What proves that we are that client.
    pub(crate) credential: Credential,
}

/// What proves to the token service who we are.
pub(crate) enum Credential {
    /// A secret, sent to `url`.
    Secret { url: String, secret: Zeroizing<String> },
    /// A certificate, presented to `certurl`.
    Certificate { url: String, identity: Box<Identity> },
}

impl ServiceKey {
    /// Reads a service key. `place` says where it came from, for messages.
    ///
    /// # Errors
    /// [`Reason::CredentialUnusable`] naming the member that is missing or wrong, and the way out.
    pub fn read(json: &[u8], place: &str) -> Result<Self, Unseen> {
        let unusable = |text: String| Unseen::new(Reason::CredentialUnusable, text);
        let parsed = |error: serde_json::Error| unusable(not_json(place, &error));
        let wrapped: Wrapped = serde_json::from_slice(json).map_err(parsed)?;
        let members = match wrapped.credentials {
            Some(members) => members,
            None => serde_json::from_slice(json).map_err(parsed)?,
        };
        let required = |value: Option<String>, member: &str| {
            value.filter(|text| !text.is_empty()).ok_or_else(|| unusable(missing(place, member)))
        };
        let address = |value: Option<String>, member: &str| {
            let text = required(value, member)?;
            let text = text.trim_end_matches('/').to_owned();
            if text.starts_with("https://") || is_loopback(&text) {
                return Ok(text);
            }
            Err(unusable(format!("\"{member}\" in {place} is {}, not an https:// address", what_else(&text))))
        };
        let client_id = required(members.clientid, "clientid")?;
        let uri = address(members.uri, "uri")?;
        let credential = match (members.certificate, members.key, members.clientsecret) {
            (Some(certificate), Some(key), _) => Credential::Certificate {
                url: address(members.certurl, "certurl")?,
                identity: Box::new(join(&certificate, &key.0, place)?),
            },
            (Some(_), None, None) => return Err(unusable(without_key(place))),
            (None, Some(_), None) => return Err(unusable(missing(place, "certificate"))),
            (_, _, Some(secret)) => {
                Credential::Secret { url: address(members.url, "url")?, secret: secret.0 }
            }
            (None, None, None) => {
                let what = missing(place, "clientsecret");
                return Err(unusable(format!("{what}, nor \"certificate\" and \"key\"")));
            }
        };
        Ok(Self { client_id, uri, credential })
    }

    /// When its certificate ends; none for a secret, whose end nobody tells.
    #[must_use]
    pub fn not_after(&self) -> Option<Timestamp> {
        self.chain().map(|chain| chain.leaf.not_after)
    }

    /// Its certificate with the issuers beside it; none for a secret.
    #[must_use]
    pub fn chain(&self) -> Option<&Chain> {
        match &self.credential {
            Credential::Secret { .. } => None,
            Credential::Certificate { identity, .. } => Some(identity.chain()),
        }
    }

    /// Its certificate and key, for one connection; none for a secret.
    #[must_use]
    pub fn into_identity(self) -> Option<Identity> {
        match self.credential {
            Credential::Secret { .. } => None,
            Credential::Certificate { identity, .. } => Some(*identity),
        }
    }
}

#[derive(Deserialize)]
struct Wrapped {
    credentials: Option<Members>,
}

#[derive(Deserialize)]
struct Members {
    clientid: Option<String>,
    clientsecret: Option<Secret>,
    certificate: Option<String>,
    key: Option<Secret>,
    url: Option<String>,
    certurl: Option<String>,
    uri: Option<String>,
}

/// Text that is wiped when dropped.
struct Secret(Zeroizing<String>);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Zeroizing::new(text)))
    }
}

fn join(certificate: &str, key: &str, place: &str) -> Result<Identity, Unseen> {
    let both = Zeroizing::new(format!("{}\n{}", certificate.trim_end(), key).into_bytes());
    formats::identity(&both, None).map_err(|unseen| {
        let text = format!("the certificate and key in {place} cannot be used: {unseen}");
        Unseen::new(Reason::CredentialUnusable, text)
    })
}

/// Where a plain `http://` address is no risk: this very machine.
fn is_loopback(address: &str) -> bool {
    ["http://127.0.0.1:", "http://[::1]:", "http://localhost:"].iter().any(|start| address.starts_with(start))
}

/// A position only: serde's own words may quote what stands there.
/// What stands where an address should, without its value: somebody may have put the secret there.
fn what_else(text: &str) -> String {
    let schemes = ["http", "ldap", "ldaps", "ftp"];
    match text.split_once("://") {
        Some((scheme, _)) if schemes.contains(&scheme) => format!("an address with {scheme}://"),
        Some(_) | None => format!("a text of {} characters", text.chars().count()),
    }
}

fn not_json(place: &str, error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Data => {
            format!("{place} is no service key: a member is not text (line {line}, column {column})")
        }
        serde_json::error::Category::Io
        | serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof => format!(
            "{place} is not JSON (line {line}, column {column}); store the service key as the BTP cockpit shows it"
        ),
    }
}

fn missing(place: &str, member: &str) -> String {
    format!(
        "the service key in {place} has no \"{member}\"; store a key of the Destination service, whole, as the BTP cockpit shows it"
    )
}

fn without_key(place: &str) -> String {
    format!(
        "the service key in {place} has a \"certificate\" but no \"key\": it was made for a certificate of your own; add its private key (PEM) as the member \"key\""
    )
}
