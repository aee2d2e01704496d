//! One Destination service: its certificates and destinations, read and written.
//! It decides nothing, retries nothing, and fetches no private key where the public part is enough.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hyper::body::Bytes;
use zeroize::Zeroizing;

use super::api::{Api, Reply, Request, Verb, serialized};
use super::body::{self, Strange, Wrote};
use super::destination::Destination;
use super::refusal;
use super::token::{Tokens, encoded};
use super::wire::{attributes, whole};
use super::{ConnectionSettings, Level};
use crate::domain::Timestamp;
use crate::domain::chain::Chain;
use crate::domain::reason::{Answer, Failure, Reason, Unseen};
use crate::domain::record::Order;
use crate::net::Net;

/// A client for one Destination service, shared by every role that uses the connection.
pub struct DestinationService {
    pub(super) api: Api,
    seen: Mutex<HashMap<(Level, String), Seen>>,
}

/// What an entry's public side was when last read, and the tag that says it still is.
struct Seen {
    etag: String,
    public: Public,
}

/// The public side of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Public {
    /// The chain, in order.
    pub chain: Chain,
    /// Parts that could not be read.
    pub oddities: Vec<Unseen>,
}

/// What the service shows of an entry without its key.
#[derive(Debug, Clone, PartialEq)]
pub enum PublicKeys {
    /// There is no entry of that name.
    Absent,
    /// There is one, and the service cannot look into it because a password protects it.
    Protected,
    /// There is one, and this is its public side.
    Shown(Box<Public>),
}

/// A whole entry, with its key where the service holds one; wiped when dropped.
pub struct Content(Zeroizing<Vec<u8>>);

impl Content {
    /// The bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl DestinationService {
    /// Takes its settings; reads the service key with the first request, and again whenever its file changed.
    #[must_use]
    pub fn new(net: Net, settings: ConnectionSettings) -> Self {
        Self { api: Api::new(Tokens::new(net, settings)), seen: Mutex::default() }
    }

    /// The connection's name.
    #[must_use]
    pub fn connection(&self) -> &str {
        self.api.connection()
    }

    /// When the service key's certificate ends; none for a key with a secret.
    ///
    /// # Errors
    /// [`Reason::CredentialUnusable`] where the key cannot be read.
    pub fn credential_not_after(&self) -> Result<Option<Timestamp>, Unseen> {
        self.api.tokens().credential_not_after()
    }

    /// The public chain of an entry. An unchanged one (304) comes from memory.
    ///
    /// # Errors
    /// Why it could not be seen.
    pub async fn public_keys(&self, level: Level, name: &str) -> Result<PublicKeys, Unseen> {
        let known = self.seen().get(&(level, name.to_owned())).map(|seen| seen.etag.clone());
        let path = format!("{}/publicKeys", entry_path(level, name)?);
        let request =
            Request { known, ..read(path, format!("see the certificate {name} of the {}", level.word())) };
        let reply = self.api.call(&request).await?;
        match reply.status {
            200 => self.remember(level, name, &request, &reply),
            304 => self.remembered(level, name, &request, &reply),
            400 if is_protected(&reply) => Ok(PublicKeys::Protected),
            _ => {
                self.seen().remove(&(level, name.to_owned()));
                if reply.is_absent() {
                    return Ok(PublicKeys::Absent);
                }
                Err(self.api.refused(&request, &reply).into())
            }
        }
    }

    /// Whether there is an entry of that name.
    ///
    /// # Errors
    /// Why it could not be seen.
    pub async fn exists(&self, level: Level, name: &str) -> Result<bool, Unseen> {
        Ok(self.public_keys(level, name).await? != PublicKeys::Absent)
    }

    /// A whole entry, with its key; none where there is no entry of that name.
    ///
    /// # Errors
    /// Why it could not be seen.
    pub async fn certificate(&self, level: Level, name: &str) -> Result<Option<Content>, Unseen> {
        let what = format!("read the certificate {name} of the {}", level.word());
        let request = read(entry_path(level, name)?, what);
        let reply = self.api.call(&request).await?;
        match reply.status {
            200 => {}
            _ if reply.is_absent() => return Ok(None),
            _ => return Err(self.api.refused(&request, &reply).into()),
        }
        let bytes = body::content(&reply.body).map_err(|_| self.api.not_understood(&request, &reply))?;
        let bytes = bytes.ok_or_else(|| {
            let text =
                format!("could not {} ({}): its content is not Base64", request.what, self.connection());
            Unseen::new(Reason::UnexpectedAnswer, text)
        })?;
        Ok(Some(Content(bytes)))
    }

    /// Generates a certificate under a new name. What stands there already is left as it is.
    ///
    /// # Errors
    /// Why not, and whether it may have been generated.
    pub async fn generate(
        &self,
        level: Level,
        order: &Order,
        password: Option<&str>,
    ) -> Result<Answer, Failure> {
        let what = format!("generate the certificate {} in the {}", order.name, level.word());
        let body = attributes(order, password)?;
        match self.write(Verb::Post, certificates(level), &order.name, body, what).await {
            Err(Failure { reason: Reason::Conflict, answer: Some(refused), .. }) => {
                Ok(Answer::new(refused.request(), format!("{}: it stands there already", refused.answer())))
            }
            outcome => outcome,
        }
    }

    /// Generates a certificate in place of the one under that name.
    ///
    /// # Errors
    /// Why not, and whether it may have been generated.
    pub async fn regenerate(
        &self,
        level: Level,
        order: &Order,
        password: Option<&str>,
    ) -> Result<Answer, Failure> {
        let what = format!("generate the certificate {} of the {} anew", order.name, level.word());
        self.write(Verb::Put, certificates(level), &order.name, attributes(order, password)?, what).await
    }

    /// Uploads content under a new name.
    ///
    /// # Errors
    /// [`Reason::Conflict`] where something stands there; else why not, and whether it may have taken effect.
    pub async fn upload(&self, level: Level, name: &str, content: &[u8]) -> Result<Answer, Failure> {
        let what = format!("upload the certificate {name} to the {}", level.word());
        self.write(Verb::Post, certificates(level), name, whole(name, content)?, what).await
    }

    /// Puts content in place of what stands under that name.
    ///
    /// # Errors
    /// Why not, and whether it may have taken effect.
    pub async fn replace(&self, level: Level, name: &str, content: &[u8]) -> Result<Answer, Failure> {
        let what = format!("replace the certificate {name} of the {}", level.word());
        self.write(Verb::Put, certificates(level), name, whole(name, content)?, what).await
    }

    /// Removes an entry; one that is gone already is success.
    ///
    /// # Errors
    /// Why not, and whether it may have taken effect.
    pub async fn delete(&self, level: Level, name: &str) -> Result<Answer, Failure> {
        let request = Request {
            verb: Verb::Delete,
            ..read(
                entry_path(level, name)?,
                format!("remove the certificate {name} from the {}", level.word()),
            )
        };
        let reply = self.api.call(&request).await?;
        if reply.is_absent() {
            return Ok(Answer::new(request.short(), "404: it was gone already"));
        }
        if !matches!(reply.status, 200..=299) {
            return Err(self.api.refused(&request, &reply));
        }
        if body::removed(&reply.body) {
            return Ok(request.answered(&reply));
        }
        Err(self.api.not_understood(&request, &reply))
    }

    /// A destination, whole; none where there is none of that name at that level.
    ///
    /// # Errors
    /// Why it could not be seen.
    pub async fn destination(&self, level: Level, name: &str) -> Result<Option<Destination>, Unseen> {
        let what = format!("read the destination {name} of the {}", level.word());
        let request = read(format!("{}/{}", destinations(level), segment(name)?), what);
        let reply = self.api.call(&request).await?;
        match reply.status {
            200 => {}
            _ if reply.is_absent() => return Ok(None),
            _ => return Err(self.api.refused(&request, &reply).into()),
        }
        let destination =
            body::destination(&reply.body).map_err(|_| self.api.not_understood(&request, &reply))?;
        if destination.name() != name {
            return Err(self.api.not_understood(&request, &reply).into());
        }
        Ok(Some(destination))
    }

    /// Writes a whole destination over the one of its name.
    ///
    /// # Errors
    /// Why not, and whether it may have taken effect.
    pub async fn put_destination(&self, level: Level, destination: &Destination) -> Result<Answer, Failure> {
        let name = destination.name();
        let what = format!("write the destination {name} of the {}", level.word());
        let body = serialized(destination.properties())?;
        self.write(Verb::Put, destinations(level), name, body, what).await
    }

    async fn write(
        &self,
        verb: Verb,
        collection: &str,
        name: &str,
        body: Bytes,
        what: String,
    ) -> Result<Answer, Failure> {
        segment(name)?;
        let entry = Some(name.to_owned());
        let request = Request { verb, entry, body: Some(body), ..read(collection.to_owned(), what) };
        let reply = self.api.call(&request).await?;
        if !matches!(reply.status, 200..=299) {
            return Err(self.api.refused(&request, &reply));
        }
        match body::wrote(&reply.body) {
            Ok(Wrote::All) => Ok(request.answered(&reply)),
            Ok(Wrote::Nothing) => {
                Err(Failure { maybe_effective: false, ..self.api.not_understood(&request, &reply) })
            }
            Ok(Wrote::Refused(status, words)) => Err(self.api.item_refused(&request, status, &words)),
            Err(Strange) => Err(self.api.not_understood(&request, &reply)),
        }
    }

    fn remember(
        &self,
        level: Level,
        name: &str,
        request: &Request,
        reply: &Reply,
    ) -> Result<PublicKeys, Unseen> {
        let read = body::public_side(&reply.body).map_err(|_| self.api.not_understood(request, reply))?;
        let opened = read.map_err(|unseen| {
            let text = format!("could not {} ({}): {unseen}", request.what, self.connection());
            Unseen::new(unseen.reason, text)
        })?;
        let public = Public { chain: opened.chain, oddities: opened.oddities };
        let place = (level, name.to_owned());
        match &reply.etag {
            Some(etag) => self.seen().insert(place, Seen { etag: etag.clone(), public: public.clone() }),
            None => self.seen().remove(&place),
        };
        Ok(PublicKeys::Shown(Box::new(public)))
    }

    fn remembered(
        &self,
        level: Level,
        name: &str,
        request: &Request,
        reply: &Reply,
    ) -> Result<PublicKeys, Unseen> {
        match self.seen().get(&(level, name.to_owned())) {
            Some(seen) => Ok(PublicKeys::Shown(Box::new(seen.public.clone()))),
            None => Err(self.api.not_understood(request, reply).into()),
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, HashMap<(Level, String), Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_protected(reply: &Reply) -> bool {
    refusal::words(&reply.body).to_lowercase().contains("password")
}

pub(super) const fn read(path: String, what: String) -> Request {
    Request { verb: Verb::Get, path, entry: None, known: None, body: None, what }
}

pub(super) const fn certificates(level: Level) -> &'static str {
    match level {
        Level::Subaccount => "subaccountCertificates",
        Level::Instance => "instanceCertificates",
    }
}

pub(super) const fn destinations(level: Level) -> &'static str {
    match level {
        Level::Subaccount => "subaccountDestinations",
        Level::Instance => "instanceDestinations",
    }
}

fn entry_path(level: Level, name: &str) -> Result<String, Unseen> {
    Ok(format!("{}/{}", certificates(level), segment(name)?))
}

/// A name as one segment of a path. Dots alone would be taken for a way up, even encoded.
fn segment(name: &str) -> Result<String, Unseen> {
    if matches!(name, "" | "." | "..") {
        return Err(Unseen::new(Reason::Malformed, format!("{name:?} is not a name the service can have")));
    }
    Ok(encoded(name))
}
