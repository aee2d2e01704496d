//! The identity of a probe from two PEM files, read anew for each probe.
//! It makes no connection and keeps nothing.

use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::domain::certificate::Certificate;
use crate::domain::chain::Chain;
use crate::domain::reason::{Reason, Unseen};
use crate::identity::{Identity, public_key_fingerprint};
use crate::net::read_file;

/// Joins certificate and key; one file may hold both.
pub(super) fn identity(certificate: &Path, key: &Path) -> Result<Identity, Unseen> {
    let bytes = read_file(certificate)?;
    let shown = certificate.display();
    let ders: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(unmarked(&bytes)).collect::<Result<_, _>>().map_err(|error| {
            Unseen::new(Reason::Malformed, format!("{shown} is not a PEM file of certificates: {error}"))
        })?;
    let certificates = ders.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>();
    let pkcs8 = private_key(key)?;
    let owner = public_key_fingerprint(&pkcs8).map_err(|unseen| beside(key, unseen))?;
    let chain = certificates
        .and_then(|certificates| Chain::assemble(certificates, Some(owner)))
        .map_err(|unseen| beside(certificate, unseen))?;
    Identity::new(chain, pkcs8).map_err(|unseen| beside(key, unseen))
}

fn private_key(path: &Path) -> Result<Zeroizing<Vec<u8>>, Unseen> {
    let bytes = read_file(path)?;
    let shown = path.display();
    if bytes.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED) {
        let text = format!("the key in {shown} is protected by a password; give one without");
        return Err(Unseen::new(Reason::PasswordNeeded, text));
    }
    let key = PrivateKeyDer::from_pem_slice(unmarked(&bytes)).map_err(|_| {
        let text = format!("{shown} holds no private key; it must be PEM with -----BEGIN PRIVATE KEY-----");
        Unseen::new(Reason::UnsupportedFormat, text)
    })?;
    let mut key = key;
    let copy = Zeroizing::new(key.secret_der().to_vec());
    zeroize::Zeroize::zeroize(&mut key);
    Ok(copy)
}

fn beside(path: &Path, unseen: Unseen) -> Unseen {
    Unseen::new(unseen.reason, format!("{}: {}", path.display(), unseen.text))
}

/// Without the mark that some editors put before UTF-8 text.
fn unmarked(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

const ENCRYPTED: &[u8] = b"ENCRYPTED";
