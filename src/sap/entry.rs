//! An entry as the roles want it: a sighting, or the identity in it, opened with whatever password it needs.
//! It writes nothing, and fetches the private part only where the public one cannot be seen or the key is asked for.

use zeroize::Zeroizing;

use super::Level;
use super::destination_service::{DestinationService, PublicKeys};
use crate::domain::reason::{Reason, Unseen};
use crate::domain::report::Sighting;
use crate::formats;
use crate::identity::Identity;
use crate::secret::SecretRef;

/// What opens a protected entry.
pub enum Password {
    /// Nothing that we know of.
    Unknown,
    /// A secret of the configuration.
    Secret(SecretRef),
    /// The `KeyStorePassword` of this destination.
    OfDestination(Level, String),
    /// This.
    Known(Zeroizing<String>),
}

impl DestinationService {
    /// What the entry shows; none where there is no entry of that name.
    ///
    /// # Errors
    /// Why it could not be seen.
    pub async fn sighting(
        &self,
        level: Level,
        name: &str,
        password: &Password,
    ) -> Result<Option<Sighting>, Unseen> {
        let sighting = |chain, has_key, oddities| Sighting {
            chain,
            name: Some(name.to_owned()),
            has_key,
            destination: None,
            oddities,
        };
        match self.public_keys(level, name).await? {
            PublicKeys::Absent => Ok(None),
            PublicKeys::Shown(public) => Ok(Some(sighting(public.chain, None, public.oddities))),
            PublicKeys::Protected => {
                let Some(content) = self.certificate(level, name).await? else { return Ok(None) };
                let password = self.password(password).await?;
                let opened = formats::open(content.bytes(), password.as_deref().map(String::as_str))
                    .map_err(|unseen| self.unopened(level, name, &unseen))?;
                Ok(Some(sighting(opened.chain, Some(opened.has_key), opened.oddities)))
            }
        }
    }

    /// The certificate with its key.
    ///
    /// # Errors
    /// Why not; [`Reason::KeyUnavailable`] where the entry holds no key.
    pub async fn identity(&self, level: Level, name: &str, password: &Password) -> Result<Identity, Unseen> {
        let content = self.certificate(level, name).await?.ok_or_else(|| {
            let text =
                format!("there is no certificate {name} in the {} ({})", level.word(), self.connection());
            Unseen::new(Reason::NotFound, text)
        })?;
        let password = self.password(password).await?;
        formats::identity(content.bytes(), password.as_deref().map(String::as_str))
            .map_err(|unseen| self.unopened(level, name, &unseen))
    }

    /// The password that an entry like this one needs: none where that one opens without.
    ///
    /// # Errors
    /// [`Reason::PasswordNeeded`] where it needs one that we do not know; else why it could not be seen.
    pub async fn password_like(
        &self,
        level: Level,
        name: &str,
        password: &Password,
    ) -> Result<Option<Zeroizing<String>>, Unseen> {
        let Some(content) = self.certificate(level, name).await? else { return Ok(None) };
        let Err(unseen) = formats::identity(content.bytes(), None) else { return Ok(None) };
        if !matches!(unseen.reason, Reason::PasswordNeeded | Reason::PasswordWrong) {
            return Ok(None);
        }
        match self.password(password).await? {
            Some(password) => Ok(Some(password)),
            None => Err(self.unopened(level, name, &unseen)),
        }
    }

    async fn password(&self, password: &Password) -> Result<Option<Zeroizing<String>>, Unseen> {
        match password {
            Password::Unknown => Ok(None),
            Password::Secret(secret) => secret.read().map(Some),
            Password::OfDestination(level, name) => {
                let destination = self.destination(*level, name).await?;
                Ok(destination.and_then(|destination| destination.keystore_password()))
            }
            Password::Known(password) => Ok(Some(Zeroizing::new(password.as_str().to_owned()))),
        }
    }

    fn unopened(&self, level: Level, name: &str, unseen: &Unseen) -> Unseen {
        let text = format!(
            "the certificate {name} of the {} ({}): {}",
            level.word(),
            self.connection(),
            unseen.text
        );
        Unseen::new(unseen.reason, text)
    }
}
