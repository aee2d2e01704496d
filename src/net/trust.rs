//! Whom connections trust: what verifies servers, and the chains that led to an authority, kept as long as the files stay the same.
//! It decides about no connection: there the verifier does.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::{Net, Settings, roots};
use crate::domain::Timestamp;
use crate::domain::certificate::{Certificate, Fingerprint};
use crate::domain::reason::{Reason, Unseen};

/// How many files of authorities are kept ready. A configuration names few; more are read anew.
const MOST: usize = 16;

/// How many chains are remembered for each.
const MOST_PATHS: usize = 256;

/// What verifies servers, by what the file of authorities says; none where only the system's are trusted.
pub(super) type Trusts = Mutex<HashMap<Option<Fingerprint>, Arc<Trust>>>;

/// The system's authorities and those of one file.
pub(super) struct Trust {
    own: Vec<CertificateDer<'static>>,
    anchors: Arc<RootCertStore>,
    verifier: Arc<WebPkiServerVerifier>,
    /// What led to an authority, by what the server sent.
    paths: Mutex<HashMap<Fingerprint, TrustedPath>>,
}

/// A chain that leads from what a server sent to an authority that is trusted here, leaf first and root included.
pub(crate) type TrustedPath = Arc<[Certificate]>;

impl Net {
    /// What checks a server's certificate: the system's authorities and the connection's own.
    pub(crate) fn verifier(&self, settings: &Settings) -> Result<Arc<WebPkiServerVerifier>, Unseen> {
        Ok(Arc::clone(&self.trust(settings)?.verifier))
    }

    /// The chain of trust as it holds at the first of these moments at which it does; none where nothing leads to an authority, or
    /// the leaf is not for servers. Names are not looked at. The first moment is the present.
    ///
    /// # Errors
    /// Where `ca` cannot be read, or no authority is trusted at all.
    pub(crate) fn trusted_path(
        &self,
        settings: &Settings,
        sent: &[Certificate],
        moments: &[Timestamp],
    ) -> Result<Option<TrustedPath>, Unseen> {
        let trust = self.trust(settings)?;
        let key = print(sent);
        let known = locked(&trust.paths).get(&key).map(Arc::clone);
        if let Some(known) = known.filter(|known| moments.first().is_some_and(|now| holds(known, *now))) {
            return Ok(Some(known));
        }
        let Some(path) = self.path(&trust, sent, moments) else { return Ok(None) };
        remember(&mut locked(&trust.paths), MOST_PATHS, key, Arc::clone(&path));
        Ok(Some(path))
    }

    fn trust(&self, settings: &Settings) -> Result<Arc<Trust>, Unseen> {
        let file = settings.ca.as_deref();
        let bytes = file.map(roots::read).transpose()?;
        let key = bytes.as_ref().map(|bytes| Fingerprint::of(bytes));
        if let Some(known) = locked(&self.0.trusts).get(&key) {
            return Ok(Arc::clone(known));
        }
        let own = file.zip(bytes).map(|(file, bytes)| roots::parsed(file, &bytes)).transpose()?;
        let trust = Arc::new(Trust::new(&self.0.roots, own.unwrap_or_default(), file)?);
        remember(&mut locked(&self.0.trusts), MOST, key, Arc::clone(&trust));
        Ok(trust)
    }

    fn path(&self, trust: &Trust, sent: &[Certificate], moments: &[Timestamp]) -> Option<TrustedPath> {
        let ders: Vec<CertificateDer<'_>> =
            sent.iter().map(|each| CertificateDer::from(&*each.der)).collect();
        let (leaf, others) = ders.split_first()?;
        let entity = EndEntityCert::try_from(leaf).ok()?;
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        let found = moments.iter().find_map(|at| {
            let (usage, anchors) = (KeyUsage::server_auth(), &trust.anchors.roots);
            entity.verify_for_usage(algorithms.all, anchors, others, unix(*at)?, usage, None, None).ok()
        })?;
        let issuers = found.intermediate_certificates().map(|issuer| issuer.der().into_owned());
        let mut known = self.0.roots.iter().chain(&trust.own);
        let root =
            known.find(|root| anchor_from_trusted_cert(root).is_ok_and(|anchor| anchor == *found.anchor()));
        let ders = std::iter::once(leaf.clone()).chain(issuers).chain(root.cloned());
        ders.map(|der| Certificate::from_der(&der)).collect::<Result<_, _>>().ok()
    }
}

impl Trust {
    fn new(
        system: &[CertificateDer<'static>],
        own: Vec<CertificateDer<'static>>,
        file: Option<&Path>,
    ) -> Result<Self, Unseen> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(system.iter().cloned());
        for root in &own {
            store.add(root.clone()).map_err(|error| {
                let shown = file.unwrap_or_else(|| Path::new("")).display();
                let text = format!("a certificate in {shown} cannot be trusted as an authority: {error}");
                Unseen::new(Reason::Malformed, text)
            })?;
        }
        let anchors = Arc::new(store);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::clone(&anchors), provider);
        let verifier = builder.build().map_err(|_| {
            Unseen::new(
                Reason::ServerUntrusted,
                "this machine has no trusted authorities: install ca-certificates, set SSL_CERT_FILE, or add ca = { file = … }",
            )
        })?;
        Ok(Self { own, anchors, verifier, paths: Mutex::default() })
    }
}

/// Whether every certificate is within its validity.
fn holds(path: &[Certificate], at: Timestamp) -> bool {
    path.iter().all(|each| each.not_before <= at && at < each.not_after)
}

/// Makes room by forgetting everything, which costs no more than to find it again.
fn remember<K: std::hash::Hash + Eq, V>(all: &mut HashMap<K, V>, most: usize, key: K, value: V) {
    if all.len() >= most {
        all.clear();
    }
    all.insert(key, value);
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What tells one list of certificates from every other: their fingerprints are of one length.
fn print(sent: &[Certificate]) -> Fingerprint {
    let prints: Vec<u8> = sent.iter().flat_map(|each| each.fingerprint.0).collect();
    Fingerprint::of(&prints)
}

fn unix(at: Timestamp) -> Option<UnixTime> {
    let seconds = u64::try_from(at.timestamp()).ok()?;
    Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    struct Authority(Issuer<'static, KeyPair>, String);

    impl Authority {
        fn new(name: &str) -> Self {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, name);
            let key = KeyPair::generate().unwrap();
            let pem = params.self_signed(&key).unwrap().pem();
            Self(Issuer::new(params, key), pem)
        }

        /// A server's certificate for one year.
        fn leaf(&self, year: i32) -> Certificate {
            let mut params = CertificateParams::new(vec!["api.example.org".to_owned()]).unwrap();
            params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
            params.not_before = rcgen::date_time_ymd(year, 1, 1);
            params.not_after = rcgen::date_time_ymd(year + 1, 1, 1);
            let made = params.signed_by(&KeyPair::generate().unwrap(), &self.0).unwrap();
            Certificate::from_der(made.der()).unwrap()
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn trusting(authority: &Authority, folder: &Path) -> Settings {
        let file = folder.join("ca.pem");
        std::fs::write(&file, &authority.1).unwrap();
        Settings { ca: Some(file), ..Settings::default() }
    }

    #[test]
    fn a_verifier_is_kept_until_the_file_says_something_else() {
        let folder = tempfile::tempdir().unwrap();
        let net = Net::new().unwrap();
        let settings = trusting(&Authority::new("One"), folder.path());
        let first = net.verifier(&settings).unwrap();
        assert!(Arc::ptr_eq(&first, &net.verifier(&settings).unwrap()));
        trusting(&Authority::new("Two"), folder.path());
        assert!(!Arc::ptr_eq(&first, &net.verifier(&settings).unwrap()), "whom it trusts has changed");
        std::fs::remove_file(folder.path().join("ca.pem")).unwrap();
        assert_eq!(net.verifier(&settings).unwrap_err().reason, Reason::NotFound);
    }

    #[test]
    fn a_chain_is_kept_for_whom_it_led_to_and_while_it_is_valid() {
        let folder = tempfile::tempdir().unwrap();
        let net = Net::new().unwrap();
        let (one, two) = (Authority::new("One"), Authority::new("Two"));
        let settings = trusting(&one, folder.path());
        let sent = [one.leaf(2026)];
        let (within, after) = (at("2026-06-01T00:00:00Z"), at("2027-06-01T00:00:00Z"));
        let path = |moments: &[Timestamp]| net.trusted_path(&settings, &sent, moments).unwrap();
        let first = path(&[within]).unwrap();
        assert_eq!(first.len(), 2, "the leaf and its root");
        assert!(Arc::ptr_eq(&first, &path(&[within]).unwrap()));
        assert!(path(&[after]).is_none(), "what was kept is not taken for the present");
        assert!(path(&[after, within]).is_some());

        let others = [two.leaf(2026)];
        assert!(net.trusted_path(&settings, &others, &[within]).unwrap().is_none());
        trusting(&two, folder.path());
        assert!(path(&[within]).is_none(), "its authority is trusted no longer");
        assert!(net.trusted_path(&settings, &others, &[within]).unwrap().is_some());
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut all = HashMap::new();
        for key in 0..5 {
            remember(&mut all, 2, key, ());
        }
        assert_eq!(all.len(), 1);
    }
}
