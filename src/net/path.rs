//! The chain that leads from what a server sent to an authority that is trusted here, root included.
//! It decides about no connection: there the verifier does.

use std::time::Duration;

use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::{Net, Settings, roots};
use crate::domain::Timestamp;
use crate::domain::reason::Unseen;

impl Net {
    /// The chain of trust, leaf first, as it holds at the first of these moments at which it does; none where nothing leads to an
    /// authority, or the leaf is not for servers. Names are not looked at.
    ///
    /// # Errors
    /// Where `ca` cannot be read.
    pub(crate) fn trusted_path(
        &self,
        settings: &Settings,
        sent: &[CertificateDer<'_>],
        moments: &[Timestamp],
    ) -> Result<Option<Vec<CertificateDer<'static>>>, Unseen> {
        let own = settings.ca.as_deref().map(roots::from_file).transpose()?.unwrap_or_default();
        let known: Vec<(&CertificateDer<'static>, TrustAnchor<'_>)> = (self.0.roots.iter().chain(&own))
            .filter_map(|root| Some((root, anchor_from_trusted_cert(root).ok()?)))
            .collect();
        let anchors: Vec<TrustAnchor<'_>> = known.iter().map(|(_, anchor)| anchor.clone()).collect();
        let Some((leaf, others)) = sent.split_first() else { return Ok(None) };
        let Ok(entity) = EndEntityCert::try_from(leaf) else { return Ok(None) };
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        let path = moments.iter().find_map(|at| {
            let usage = KeyUsage::server_auth();
            entity.verify_for_usage(algorithms.all, &anchors, others, unix(*at)?, usage, None, None).ok()
        });
        Ok(path.map(|path| {
            let issuers = path.intermediate_certificates().map(|issuer| issuer.der().into_owned());
            let root = known.iter().find(|(_, anchor)| anchor == path.anchor());
            let root = root.map(|(root, _)| (*root).clone());
            std::iter::once(leaf.clone().into_owned()).chain(issuers).chain(root).collect()
        }))
    }
}

fn unix(at: Timestamp) -> Option<UnixTime> {
    let seconds = u64::try_from(at.timestamp()).ok()?;
    Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}
