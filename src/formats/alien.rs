//! What bytes seem to be that are nothing which is read here: a page, a key of another kind, a text.
//! It reads none of them.

use crate::domain::reason::{Reason, Unseen};

/// Says what it seems to be, where it is nothing that is read here.
pub(super) fn alien(bytes: &[u8]) -> Unseen {
    let start: Vec<u8> = bytes.trim_ascii_start().iter().take(16).map(u8::to_ascii_lowercase).collect();
    let starts = |prefix: &str| start.starts_with(prefix.as_bytes());
    if starts("<!doctype html") || starts("<html") || starts("<head") {
        unsupported(
            "it seems to be an HTML page (a login or error page saved instead of the file?); download the certificate again",
        )
    } else if starts("<") {
        unsupported("it seems to be XML; export the certificate itself as PEM, CER or P12")
    } else if starts("{") || starts("[") {
        unsupported("it seems to be JSON; take the certificate out of it as PEM")
    } else if starts("ssh-") || starts("ecdsa-sha2") {
        let text = "it seems to be an SSH public key, not an X.509 certificate";
        Unseen::new(Reason::NoCertificate, text)
    } else if std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0')) {
        let text = "it is text without any certificate; a PEM file has a line -----BEGIN CERTIFICATE-----";
        Unseen::new(Reason::NoCertificate, text)
    } else {
        unsupported(
            "it is none of the forms that can be read: PEM, DER, CER, Base64, PKCS#7, PKCS#12, JKS, JCEKS, or a ZIP of these",
        )
    }
}

pub(super) fn unsupported(text: impl Into<String>) -> Unseen {
    Unseen::new(Reason::UnsupportedFormat, text)
}
