//! Certificates issued by the BTP Destination service (SAP Cloud Root CA), side by side or in place.
//! It chooses no name and no subject; the order does.

use std::sync::Arc;

use super::Renewer;
use crate::domain::certificate::Fingerprint;
use crate::domain::reason::{Answer, Failure, Reason, Unseen};
use crate::domain::record::{CopyOrder, Order};
use crate::domain::report::Sighting;
use crate::sap::{DestinationService, Level, Password};

/// Where certificates are issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The connection's name, for messages.
    pub connection: String,
    /// Where the entry lives.
    pub level: Level,
}

/// A Destination service as a renewer.
pub struct DestinationServiceRenewer {
    service: Arc<DestinationService>,
    settings: Settings,
    password: Password,
}

impl DestinationServiceRenewer {
    /// Takes the connection's client, its own settings, and what opens the entries it renews: a candidate gets the
    /// password of the entry it is like, where that one has any.
    #[must_use]
    pub const fn new(service: Arc<DestinationService>, settings: Settings, password: Password) -> Self {
        Self { service, settings, password }
    }
}

#[async_trait::async_trait]
impl Renewer for DestinationServiceRenewer {
    async fn look(&self, name: &str) -> Result<Option<Sighting>, Unseen> {
        self.service.sighting(self.settings.level, name, &self.password).await
    }

    async fn issue(&self, order: &Order) -> Result<Answer, Failure> {
        let level = self.settings.level;
        let password = match &order.like {
            Some(like) => self.service.password_like(level, like, &self.password).await?,
            None => None,
        };
        let password = password.as_deref().map(String::as_str);
        if order.in_place {
            return self.service.regenerate(level, order, password).await;
        }
        // Whatever stands there already is ours: the name was seen to be free before the order was saved.
        self.service.generate(level, order, password).await
    }

    async fn copy(&self, copy: &CopyOrder) -> Result<Answer, Failure> {
        let level = self.settings.level;
        let holds = self.look(&copy.to).await?.map(|seen| seen.chain.fingerprint());
        if holds == Some(copy.fingerprint) {
            return Ok(Answer::new(format!("GET certificate {}", copy.to), "holds it already"));
        }
        if holds != copy.over {
            return Err(changed(&copy.to, holds, copy.over));
        }
        let content = self.service.certificate(level, &copy.from).await?;
        // Looked at after it was read: where the entry shows the certificate still, that is what was read.
        let from = self.look(&copy.from).await?.map(|seen| seen.chain.fingerprint());
        if from != Some(copy.fingerprint) {
            return Err(changed(&copy.from, from, Some(copy.fingerprint)));
        }
        let content = content.ok_or_else(|| changed(&copy.from, None, Some(copy.fingerprint)))?;
        match copy.over {
            Some(_) => self.service.replace(level, &copy.to, content.bytes()).await,
            None => self.service.upload(level, &copy.to, content.bytes()).await.map_err(taken),
        }
    }

    async fn remove(&self, name: &str, fingerprint: Fingerprint) -> Result<Answer, Failure> {
        let naming = self.service.named_by(name).await?;
        if !naming.is_empty() {
            let text = format!(
                "the entry {name} is still named by {}; let them name the new entry, then it is removed",
                naming.join(", ")
            );
            return Err(Failure::certain(Reason::StateChanged, text));
        }
        match self.look(name).await?.map(|seen| seen.chain.fingerprint()) {
            None => Ok(Answer::new(format!("GET certificate {name}"), "it is gone already")),
            Some(holds) if holds == fingerprint => self.service.delete(self.settings.level, name).await,
            holds @ Some(_) => Err(changed(name, holds, Some(fingerprint))),
        }
    }
}

/// A name that was free when it was looked at is not free any more.
fn taken(failure: Failure) -> Failure {
    let reason = if failure.reason == Reason::Conflict { Reason::StateChanged } else { failure.reason };
    Failure { reason, ..failure }
}

/// An entry holds something else than the copy was to find there.
fn changed(name: &str, holds: Option<Fingerprint>, expected: Option<Fingerprint>) -> Failure {
    let words =
        |print: Option<Fingerprint>| print.map_or_else(|| "nothing".to_owned(), |print| print.short());
    let text = format!("the entry {name} holds {} instead of {}", words(holds), words(expected));
    Failure::certain(Reason::StateChanged, text)
}
