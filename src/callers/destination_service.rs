//! A destination of the BTP Destination service that names the certificate in `KeyStoreLocation`.
//! It touches that one property and keeps every other.

use std::sync::Arc;

use super::Caller;
use crate::domain::reason::{Answer, Failure, Reason, Unseen};
use crate::domain::report::CallerSighting;
use crate::sap::{Destination, DestinationService, Level};

/// Which destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The connection's name, for messages.
    pub connection: String,
    /// Where it lives.
    pub level: Level,
    /// Its name.
    pub destination: String,
}

/// A destination as a caller.
pub struct DestinationServiceCaller {
    service: Arc<DestinationService>,
    settings: Settings,
}

impl DestinationServiceCaller {
    /// Takes the connection's client and its own settings; asks nothing yet.
    #[must_use]
    pub const fn new(service: Arc<DestinationService>, settings: Settings) -> Self {
        Self { service, settings }
    }

    async fn read(&self) -> Result<Destination, Unseen> {
        let Settings { connection, level, destination } = &self.settings;
        self.service.destination(*level, destination).await?.ok_or_else(|| {
            let text =
                format!("there is no destination {destination} in the {} ({connection})", level.word());
            Unseen::new(Reason::NotFound, text)
        })
    }

    /// Where this is called the destination uses something else than `to`.
    fn writable(&self, destination: &Destination, from: &str) -> Result<(), Failure> {
        let Settings { connection, destination: name, .. } = &self.settings;
        let uses = destination.keystore_location();
        if uses != Some(from) {
            let uses = uses.unwrap_or("nothing");
            let text = format!(
                "the destination {name} ({connection}) uses {uses}, not {from}; nothing was changed: look who changed it"
            );
            return Err(Failure::certain(Reason::StateChanged, text));
        }
        if let Some(property) = destination.hidden_property() {
            let text = format!(
                "the destination {name} ({connection}) hides its {property} from us, so writing it back would lose it; switch it by hand to the new entry"
            );
            return Err(Failure::certain(Reason::UnexpectedAnswer, text));
        }
        Ok(())
    }

    /// Reads back what was written and tells what is not as it should be.
    async fn confirm(&self, written: &Destination, to: &str) -> Result<(), Failure> {
        let Settings { connection, destination: name, .. } = &self.settings;
        let found = self.read().await.map_err(|unseen| {
            let text = format!("{name} was set to {to}, but could not be read back: {unseen}");
            Failure::uncertain(unseen.reason, text)
        })?;
        let differing = written.differences(&found);
        if differing.is_empty() {
            return Ok(());
        }
        let text = format!(
            "the destination {name} ({connection}) was set to {to}, but differs from what was written in: {}; compare it with what it should be",
            differing.join(", ")
        );
        Err(Failure::uncertain(Reason::UnexpectedAnswer, text))
    }
}

#[async_trait::async_trait]
impl Caller for DestinationServiceCaller {
    async fn look(&self) -> Result<CallerSighting, Unseen> {
        let destination = self.read().await?;
        Ok(CallerSighting { uses: destination.keystore_location().map(str::to_owned) })
    }

    async fn switch(&self, from: &str, to: &str) -> Result<Answer, Failure> {
        let mut destination = self.read().await?;
        if destination.keystore_location() == Some(to) {
            let request = format!("GET destination {}", self.settings.destination);
            return Ok(Answer::new(request, format!("uses {to} already")));
        }
        self.writable(&destination, from)?;
        destination.use_entry(to);
        let answer = self.service.put_destination(self.settings.level, &destination).await?;
        match self.confirm(&destination, to).await {
            Ok(()) => Ok(answer),
            Err(failure) => Err(failure.answered(answer)),
        }
    }
}
