//! PKCS#12 archives, modern and old, with and without password.
//! It chooses no leaf: it hands over every certificate and key.

use p12_keystore::error::Error;
use p12_keystore::{CertificateBag, Pkcs12Archive, PrivateKeyBag};
use zeroize::Zeroizing;

use super::der::{self, Element, Kind};
use super::entries::{Entry, EntryKind, is_called};
use super::gather::{Gathered, shown};
use super::given::Given;
use crate::domain::certificate::Certificate;
use crate::domain::reason::{Reason, Unseen};

/// Reads every certificate and key of an archive. Without a password the empty one is tried, which many programs write.
pub(super) fn gather(gathered: &mut Gathered, archive: &[u8], given: &Given<'_>) -> Result<(), Unseen> {
    given.unlock(archive)?;
    let password = given.password;
    let opened = Pkcs12Archive::from_pkcs12(archive, password.unwrap_or_default())
        .map_err(|error| refusal(archive, &error, password.is_some()))?;
    if let Some(odd) = opened.keys.iter().find_map(|bag| nonsense(bag.key.as_der(), password.is_some())) {
        return Err(odd);
    }
    let certificates: Vec<Option<Certificate>> =
        opened.certs.iter().map(|bag| Certificate::from_der(bag.cert.as_der()).ok()).collect();
    for bag in &opened.certs {
        gathered.add_certificate(bag.cert.as_der(), "");
    }
    for bag in &opened.keys {
        let entry = key_entry(bag, &opened, &certificates);
        let is_meant = given.alias.is_none_or(|wanted| is_called(&entry.alias, wanted));
        if is_meant {
            gathered.add_key(bag.key.as_der(), Kind::Pkcs8);
        }
        gathered.add_entry(entry);
    }
    // Java names the rest of a chain too, but marks what is an entry of its own.
    let own = |bag: &&CertificateBag| bag.trusted || opened.keys.is_empty();
    for (bag, certificate) in opened.certs.iter().zip(&certificates).filter(|(bag, _)| own(bag)) {
        let owner = certificate.as_ref().map(|certificate| certificate.key_fingerprint);
        if let Some(name) = &bag.friendly_name {
            gathered.add_entry(Entry { alias: shown(name), kind: EntryKind::Trusted, owner });
        }
    }
    Ok(())
}

/// A key is called as its certificate is, else as it is itself: Windows gives keys names that nobody knows.
fn key_entry(bag: &PrivateKeyBag, archive: &Pkcs12Archive, certificates: &[Option<Certificate>]) -> Entry {
    let own = archive.certs.iter().zip(certificates).find(|(certificate, _)| {
        let by_id = bag.local_key_id.as_ref().zip(certificate.local_key_id.as_ref());
        by_id.is_some_and(|(key, certificate)| key.0 == *certificate)
    });
    let name = own.and_then(|(own, _)| own.friendly_name.as_ref()).or(bag.friendly_name.as_ref());
    let owner = own.and_then(|(_, certificate)| Some(certificate.as_ref()?.key_fingerprint));
    Entry { alias: name.map(|name| shown(name)).unwrap_or_default(), kind: EntryKind::Key, owner }
}

/// What was decrypted to no key was decrypted with a wrong password: the reader does not look into a key.
pub(super) fn nonsense(key: &[u8], with_password: bool) -> Option<Unseen> {
    let is_key = der::element(key).is_ok_and(|(outer, _)| der::kind(&outer) == Kind::Pkcs8);
    (!is_key).then(|| wrong(with_password))
}

/// Says in our words why the archive was not opened.
pub(super) fn refusal(archive: &[u8], error: &Error, with_password: bool) -> Unseen {
    match error {
        Error::MacError(_) | Error::UnpadError => wrong(with_password),
        Error::Pkcs5Error(text) if text.ends_with("decryption failed") => wrong(with_password),
        Error::UnsupportedEncryptionScheme
        | Error::UnsupportedMacAlgorithm
        | Error::UnsupportedContentType
        | Error::UnsupportedCertificateType
        | Error::InvalidVersion
        | Error::Pkcs5Error(_) => Unseen::new(
            Reason::UnsupportedFormat,
            format!(
                "it is protected in a way that is not read here ({error}); write it anew with: openssl pkcs12 -legacy -in OLD.p12 -noenc | openssl pkcs12 -export -out NEW.p12"
            ),
        ),
        Error::InvalidParameters => Unseen::new(
            Reason::UnsupportedFormat,
            "it asks for more rounds of password hashing than the limit of a million; write it anew with fewer",
        ),
        // A wrong password now and then leaves a padding that looks right around nonsense (one in 256, RFC 8018 section 6.1.1).
        Error::IoError(_)
        | Error::DerError(_)
        | Error::X509Error(_)
        | Error::InvalidLength
        | Error::InvalidData
        | Error::InvalidPrivateKey
            if is_unchecked(archive) =>
        {
            wrong(with_password)
        }
        Error::IoError(_)
        | Error::DerError(_)
        | Error::X509Error(_)
        | Error::InvalidLength
        | Error::InvalidData
        | Error::InvalidPrivateKey => {
            Unseen::new(Reason::Malformed, format!("it looks like PKCS#12 but cannot be read: {error}"))
        }
    }
}

fn wrong(with_password: bool) -> Unseen {
    if with_password {
        let text = "the password given does not open it; check the file it is read from";
        Unseen::new(Reason::PasswordWrong, text)
    } else {
        let text = "it is protected by a password and none was given; name the file that holds it (password = { file = … })";
        Unseen::new(Reason::PasswordNeeded, text)
    }
}

/// Whether something in it is encrypted and no MAC would tell a wrong password from damage.
fn is_unchecked(archive: &[u8]) -> bool {
    let Ok((outer, _)) = der::element(archive) else {
        return false;
    };
    let parts: Vec<Element<'_>> = der::children(outer.content).take(3).collect();
    let [_, safe] = parts.as_slice() else {
        return false;
    };
    contents(safe).any(|content| {
        kind_of(&content) == Some(der::ENCRYPTED_DATA)
            || contents(&content).any(|bag| kind_of(&bag) == Some(der::SHROUDED_KEY_BAG))
    })
}

/// The object identifier that a content or a bag begins with, as a whole element.
fn kind_of<'a>(content: &Element<'a>) -> Option<&'a [u8]> {
    der::children(content.content).next().map(|kind| kind.whole)
}

/// What lies in the octets of a content of the type `id-data`.
fn contents<'a>(content: &Element<'a>) -> impl Iterator<Item = Element<'a>> {
    let octets = der::children(content.content).nth(1).and_then(|outer| der::children(outer.content).next());
    let list = octets.and_then(|octets| der::children(octets.content).next());
    list.into_iter().flat_map(|list| der::children(list.content))
}

/// An archive without MAC whose only content is this encrypted key.
pub(super) fn around_shrouded_key(encrypted: &[u8]) -> Zeroizing<Vec<u8>> {
    let value = der::write(der::CONTEXT_0, &[encrypted]);
    let bag = der::write(der::SEQUENCE, &[der::SHROUDED_KEY_BAG, &value]);
    let safe = in_data(&der::write(der::SEQUENCE, &[&bag]));
    let content = in_data(&der::write(der::SEQUENCE, &[&safe]));
    der::write(der::SEQUENCE, &[&[der::INTEGER, 1, 3], &content])
}

fn in_data(content: &[u8]) -> Zeroizing<Vec<u8>> {
    let octets = der::write(der::OCTET_STRING, &[content]);
    der::write(der::SEQUENCE, &[der::DATA, &der::write(der::CONTEXT_0, &[&octets])])
}
