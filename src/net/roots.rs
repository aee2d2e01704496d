//! The authorities that are trusted: the system's, and those of a connection's own file.
//! It verifies nothing.

use std::io::Read as _;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::domain::reason::{Reason, Unseen};

/// Why the system's trusted authorities could not be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "the system's trusted authorities cannot be read ({0}); repair ca-certificates, or point SSL_CERT_FILE at a PEM file"
)]
pub struct LoadRoots(String);

/// The largest file of authorities that is read, in bytes.
const LIMIT: u64 = 8 * 1024 * 1024;

pub(super) fn system() -> Result<Vec<CertificateDer<'static>>, LoadRoots> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() && !found.errors.is_empty() {
        let errors: Vec<String> = found.errors.iter().map(|error| super::told(error)).collect();
        return Err(LoadRoots(errors.join("; ")));
    }
    Ok(found.certs)
}

/// What a file of authorities says.
pub(super) fn parsed(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Unseen> {
    let shown = path.display();
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| {
        Unseen::new(Reason::Malformed, format!("{shown} is not a PEM file of authorities: {error}"))
    })?;
    if found.is_empty() && text.first() == Some(&0x30) {
        return Ok(vec![CertificateDer::from(text.to_vec())]);
    }
    if found.is_empty() {
        let text = format!("{shown} holds no certificate; ca wants PEM, with -----BEGIN CERTIFICATE-----");
        return Err(Unseen::new(Reason::NoCertificate, text));
    }
    Ok(found)
}

/// Reads a small file, saying what went wrong in the words of the closed list.
pub(crate) fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Unseen> {
    let shown = path.display();
    let failed =
        |error: std::io::Error| Unseen::new(Reason::of_file(&error), format!("cannot read {shown}: {error}"));
    let file = std::fs::File::open(path).map_err(failed)?;
    let room = usize::try_from(file.metadata().map_err(failed)?.len().min(LIMIT)).unwrap_or_default();
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(room.saturating_add(1)));
    // What is no regular file tells no size, or a wrong one.
    file.take(LIMIT.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size > LIMIT) {
        return Err(Unseen::new(Reason::TooLarge, format!("{shown} is larger than {LIMIT} bytes")));
    }
    Ok(bytes)
}
