//! A certificate with its private key: made by a source or from files, borrowed by a prober inside `execute`.
//! It is never cloned, printed, stored or serialised, and never part of a report.

use zeroize::Zeroizing;

use crate::domain::certificate::Fingerprint;
use crate::domain::chain::Chain;
use crate::domain::reason::{Reason, Unseen};

/// A chain and the private key of its leaf.
pub struct Identity {
    chain: Chain,
    key: Zeroizing<Vec<u8>>,
}

impl Identity {
    /// Joins a chain with its key.
    ///
    /// `pkcs8` is the key as PKCS#8 DER (PKCS#1 and SEC1 are turned into it by `formats`).
    ///
    /// # Errors
    /// [`Reason::KeyMismatch`] where the key does not belong to the leaf, [`Reason::UnsupportedFormat`] where it cannot be used.
    pub fn new(chain: Chain, pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, Unseen> {
        let public = public_key_fingerprint(&pkcs8)?;
        if public != chain.leaf.key_fingerprint {
            let text =
                format!("the private key does not belong to the certificate {}", chain.leaf.common_name());
            return Err(Unseen::new(Reason::KeyMismatch, text));
        }
        Ok(Self { chain, key: pkcs8 })
    }

    /// The public part.
    #[must_use]
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The key as rustls wants it: a copy that lives as long as the connection.
    pub(crate) fn signing_key(&self) -> Result<std::sync::Arc<dyn rustls::sign::SigningKey>, Unseen> {
        signing_key(&self.key)
    }
}

/// The SHA-256 of the public key (SPKI) that belongs to this private key (PKCS#8, PKCS#1 or SEC1 DER).
///
/// # Errors
/// [`Reason::UnsupportedFormat`] where the key cannot be used.
pub fn public_key_fingerprint(key: &[u8]) -> Result<Fingerprint, Unseen> {
    let key = signing_key(key)?;
    let public = key.public_key().ok_or_else(|| {
        Unseen::new(Reason::UnsupportedFormat, "the private key does not tell its public key")
    })?;
    Ok(Fingerprint::of(&public))
}

fn signing_key(key: &[u8]) -> Result<std::sync::Arc<dyn rustls::sign::SigningKey>, Unseen> {
    let unusable = || {
        let text = "the private key is of a kind that cannot be used here; RSA from 2048 bits, P-256, P-384 and Ed25519 can";
        Unseen::new(Reason::UnsupportedFormat, text)
    };
    // Borrowed, so that no copy is left behind unwiped.
    let der = rustls::pki_types::PrivateKeyDer::try_from(key).map_err(|_| unusable())?;
    rustls::crypto::ring::sign::any_supported_type(&der).map_err(|_| unusable())
}
