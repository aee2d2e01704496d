//! A certificate of the BTP Destination service: by name, or by following a destination's `KeyStoreLocation`.
//! It changes nothing there.

use std::sync::Arc;

use super::Source;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::report::Sighting;
use crate::identity::Identity;
use crate::sap::{Destination, DestinationService, Level, Password};
use crate::secret::SecretRef;

/// Which certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The connection's name, for messages.
    pub connection: String,
    /// Where it lives.
    pub level: Level,
    /// What names it.
    pub entry: Entry,
    /// What opens the keystore where the destination does not say; needed for probes only.
    pub password: Option<SecretRef>,
}

/// What names the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Its own name.
    Certificate(String),
    /// A destination that points to it.
    Destination(String),
}

/// An entry of a Destination service as a source.
pub struct DestinationServiceSource {
    service: Arc<DestinationService>,
    settings: Settings,
}

impl DestinationServiceSource {
    /// Takes the connection's client and its own settings; asks nothing yet.
    #[must_use]
    pub const fn new(service: Arc<DestinationService>, settings: Settings) -> Self {
        Self { service, settings }
    }

    async fn look_at(&self, entry: &str) -> Result<Option<Sighting>, Unseen> {
        self.service.sighting(self.settings.level, entry, &self.password(None)).await
    }

    /// The destination leads to an entry: that it leads nowhere must be seen, unlike a destination that is gone.
    async fn follow(&self, name: &str) -> Result<Option<Sighting>, Unseen> {
        let Some(destination) = self.service.destination(self.settings.level, name).await? else {
            return Ok(None);
        };
        let entry = self.entry_of(&destination)?;
        let password = self.password(Some(&destination));
        let seen = self.service.sighting(self.settings.level, entry, &password).await?;
        let seen =
            seen.ok_or_else(|| leads_nowhere(name, entry, self.settings.level, &self.settings.connection))?;
        Ok(Some(Sighting { destination: Some(destination.facts()), ..seen }))
    }

    async fn destination(&self, name: &str) -> Result<Destination, Unseen> {
        self.service.destination(self.settings.level, name).await?.ok_or_else(|| {
            let (level, connection) = (self.settings.level.word(), &self.settings.connection);
            let text = format!("there is no destination {name} in the {level} ({connection})");
            Unseen::new(Reason::NotFound, text)
        })
    }

    fn entry_of<'destination>(
        &self,
        destination: &'destination Destination,
    ) -> Result<&'destination str, Unseen> {
        let (name, connection) = (destination.name(), &self.settings.connection);
        if destination.is_client_provided() {
            let text = format!(
                "the destination {name} ({connection}) has its keystore brought along by the caller (KeyStore.Source = ClientProvided); watch that keystore where it lies"
            );
            return Err(Unseen::new(Reason::KeyUnavailable, text));
        }
        destination.keystore_location().ok_or_else(|| {
            let text = format!(
                "the destination {name} ({connection}) names no keystore; set its KeyStoreLocation, or watch the certificate by its name"
            );
            Unseen::new(Reason::NotFound, text)
        })
    }

    /// What opens the entry: what the destination says, else what the configuration says.
    fn password(&self, destination: Option<&Destination>) -> Password {
        if let Some(password) = destination.and_then(Destination::keystore_password) {
            return Password::Known(password);
        }
        match (&self.settings.password, &self.settings.entry) {
            (Some(secret), _) => Password::Secret(secret.clone()),
            (None, Entry::Destination(name)) if destination.is_none() => {
                Password::OfDestination(self.settings.level, name.clone())
            }
            (None, Entry::Destination(_) | Entry::Certificate(_)) => Password::Unknown,
        }
    }
}

/// What is said of a destination that names an entry which is not there.
#[must_use]
pub fn leads_nowhere(destination: &str, entry: &str, level: Level, connection: &str) -> Unseen {
    let text = format!(
        "the destination {destination} names the keystore {entry}, which does not exist in the {} ({connection}); create it, or correct KeyStoreLocation",
        level.word()
    );
    Unseen::new(Reason::LeadsNowhere, text)
}

#[async_trait::async_trait]
impl Source for DestinationServiceSource {
    async fn look(&self, entry: Option<&str>) -> Result<Option<Sighting>, Unseen> {
        match (entry, &self.settings.entry) {
            (Some(entry), _) => self.look_at(entry).await,
            (None, Entry::Certificate(entry)) => self.look_at(entry).await,
            (None, Entry::Destination(name)) => self.follow(name).await,
        }
    }

    async fn identity(&self, entry: Option<&str>) -> Result<Identity, Unseen> {
        let level = self.settings.level;
        match (entry, &self.settings.entry) {
            (named, Entry::Certificate(name)) => {
                self.service.identity(level, named.unwrap_or(name), &self.password(None)).await
            }
            (Some(entry), Entry::Destination(name)) => {
                let destination = self.service.destination(level, name).await?;
                self.service.identity(level, entry, &self.password(destination.as_ref())).await
            }
            (None, Entry::Destination(name)) => {
                let destination = self.destination(name).await?;
                let entry = self.entry_of(&destination)?;
                self.service.identity(level, entry, &self.password(Some(&destination))).await
            }
        }
    }
}
