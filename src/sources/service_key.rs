//! The certificate of a service key: what certsteward itself, or a binding, opens a service with.
//! It opens nothing with it.

use std::sync::{Mutex, PoisonError};

use super::Source;
use crate::domain::certificate::Fingerprint;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::report::Sighting;
use crate::identity::Identity;
use crate::sap::service_key::ServiceKey;
use crate::secret::SecretRef;

/// Which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where it is, as SAP hands it out.
    pub key: SecretRef,
}

/// A service key as a source.
pub struct Key {
    settings: Settings,
    /// What was shown of a key with this content, public parts only.
    known: Mutex<Option<(Fingerprint, Sighting)>>,
}

impl Key {
    /// Reads nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, known: Mutex::default() }
    }

    fn read(&self) -> Result<(Fingerprint, ServiceKey), Unseen> {
        let place = self.settings.key.to_string();
        let bytes = self.settings.key.read_bytes()?;
        Ok((Fingerprint::of(&bytes), ServiceKey::read(&bytes, &place)?))
    }

    fn sighting(&self) -> Result<Sighting, Unseen> {
        let (content, key) = self.read()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, sighting)) = known.as_ref().filter(|(of, _)| *of == content) {
            return Ok(sighting.clone());
        }
        let place = self.settings.key.to_string();
        let chain = key.chain().cloned().ok_or_else(|| {
            let text = format!("the service key in {place} opens the service with a secret, which has no end that could be watched; create one with a certificate (X.509), or take the watch out");
            Unseen::new(Reason::NoCertificate, text)
        })?;
        let sighting = Sighting {
            chain,
            name: Some(place),
            has_key: Some(true),
            destination: None,
            oddities: Vec::new(),
        };
        *known = Some((content, sighting.clone()));
        Ok(sighting)
    }
}

#[async_trait::async_trait]
impl Source for Key {
    async fn look(&self, entry: Option<&str>) -> Result<Option<Sighting>, Unseen> {
        if entry.is_some() {
            return Ok(None);
        }
        self.sighting().map(Some)
    }

    async fn identity(&self, entry: Option<&str>) -> Result<Identity, Unseen> {
        let place = &self.settings.key;
        if let Some(entry) = entry {
            return Err(Unseen::new(
                Reason::NotFound,
                format!("a service key has no entries, so none is called {entry}"),
            ));
        }
        let (_, key) = self.read()?;
        key.into_identity().ok_or_else(|| {
            Unseen::new(Reason::KeyUnavailable, format!("the service key in {place} has no certificate"))
        })
    }
}
