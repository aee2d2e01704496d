//! What is encrypted by a password: the ways of PKCS#5 (PBES1, PBES2) and of PKCS#12.
//! It tells no right password from a wrong one but by the padding; what was decrypted is judged by whoever asked for it.

mod cipher;
mod hash;
mod kdf;
mod names;

use zeroize::Zeroizing;

use super::ber;
use super::der::{self, Element, Kind};
use super::given::Given;
use crate::domain::reason::{Reason, Unseen};
use cipher::Cipher;
pub(super) use hash::Hash;
pub(super) use kdf::{Pbkdf2, Rounds, salt};
pub(super) use names::called;

/// A password as the ways of deriving keys take it: its UTF-8, and its UTF-16 with a zero at the end.
pub(super) struct Secret {
    utf8: Zeroizing<Vec<u8>>,
    units: Zeroizing<Vec<u8>>,
}

impl Secret {
    /// What may be meant by what was given. Without a password, and with an empty one, programs write two things: the zero at
    /// the end of an empty text, and nothing at all.
    pub(super) fn all(password: Option<&str>) -> Vec<Self> {
        let text = password.unwrap_or_default();
        let given = Self::of(text);
        if text.is_empty() { vec![given, Self::none()] } else { vec![given] }
    }

    fn of(text: &str) -> Self {
        let mut units = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 2));
        text.encode_utf16().for_each(|unit| units.extend_from_slice(&unit.to_be_bytes()));
        units.extend_from_slice(&[0, 0]);
        Self { utf8: Zeroizing::new(text.as_bytes().to_vec()), units }
    }

    fn none() -> Self {
        Self { utf8: Zeroizing::default(), units: Zeroizing::default() }
    }

    /// As PKCS#5 takes it.
    pub(super) fn utf8(&self) -> &[u8] {
        &self.utf8
    }

    /// As PKCS#12 takes it.
    pub(super) fn units(&self) -> &[u8] {
        &self.units
    }
}

/// Why something stays shut.
#[derive(Debug)]
pub(super) enum Shut {
    /// The password does not open it.
    Wrong,
    /// Nobody's password would: its cipher is not read here, it asks for too much work, or it is broken.
    Refused(Unseen),
}

impl From<Unseen> for Shut {
    fn from(unseen: Unseen) -> Self {
        Self::Refused(unseen)
    }
}

/// An algorithm by its name, with its parameters where it has some.
#[derive(Clone, Copy)]
pub(super) struct Algorithm<'a> {
    pub(super) name: &'a [u8],
    pub(super) parameters: Option<Element<'a>>,
}

impl<'a> Algorithm<'a> {
    pub(super) fn of(element: &Element<'a>) -> Option<Self> {
        let mut parts = der::children(element.content);
        let name = parts.next().filter(|name| name.tag == der::OBJECT_IDENTIFIER)?;
        (element.tag == der::SEQUENCE).then(|| Self { name: name.content, parameters: parts.next() })
    }

    /// What its parameters consist of.
    pub(super) fn parts(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        self.parameters.into_iter().flat_map(|parameters| der::children(parameters.content))
    }
}

/// Opens what is encrypted with whichever secret leaves something that `fits`.
///
/// # Errors
/// [`Shut::Wrong`] where none does.
pub(super) fn open(
    algorithm: &Element<'_>,
    sealed: &[u8],
    secrets: &[Secret],
    given: &Given<'_>,
    fits: impl Fn(&[u8]) -> bool,
) -> Result<Zeroizing<Vec<u8>>, Shut> {
    let algorithm = Algorithm::of(algorithm).ok_or_else(|| broken("its encryption has no name"))?;
    for secret in secrets {
        match opened(&algorithm, sealed, secret, given) {
            Ok(plain) if fits(&plain) => return Ok(plain),
            Ok(_) | Err(Shut::Wrong) => {}
            Err(refused) => return Err(refused),
        }
    }
    Err(Shut::Wrong)
}

/// Opens an encrypted private key (PKCS#8), whatever form the key inside has.
///
/// # Errors
/// As [`open`].
pub(super) fn open_key(
    encrypted: &Element<'_>,
    secrets: &[Secret],
    given: &Given<'_>,
) -> Result<Zeroizing<Vec<u8>>, Shut> {
    let mut parts = der::children(encrypted.content);
    let (Some(algorithm), Some(sealed)) = (parts.next(), parts.next().as_ref().and_then(ber::octets)) else {
        return Err(broken("the encrypted private key is not built as one").into());
    };
    open(&algorithm, &sealed, secrets, given, |plain| key_kind(plain).is_some())
}

/// What kind of private key some bytes are, where they are one and nothing more.
pub(super) fn key_kind(plain: &[u8]) -> Option<Kind> {
    let (outer, rest) = der::element(plain).ok()?;
    let kind = der::kind(&outer);
    (rest.is_empty() && matches!(kind, Kind::Pkcs8 | Kind::Pkcs1 | Kind::Sec1)).then_some(kind)
}

fn opened(
    algorithm: &Algorithm<'_>,
    sealed: &[u8],
    secret: &Secret,
    given: &Given<'_>,
) -> Result<Zeroizing<Vec<u8>>, Shut> {
    if algorithm.name == PBES2 {
        return pbes2(algorithm, sealed, secret, given);
    }
    let (cipher, key, begin) = match algorithm.name {
        [of @ .., number] if of == OF_PKCS12 => kdf::pkcs12(*number, algorithm, secret, given)?,
        [of @ .., number] if of == OF_PKCS5 => kdf::pbes1(*number, algorithm, secret, given)?,
        _ => None,
    }
    .ok_or_else(|| unknown(algorithm.name))?;
    cipher.check(&begin, sealed)?;
    cipher.decrypt(&key, &begin, sealed).ok_or(Shut::Wrong)
}

fn pbes2(
    algorithm: &Algorithm<'_>,
    sealed: &[u8],
    secret: &Secret,
    given: &Given<'_>,
) -> Result<Zeroizing<Vec<u8>>, Shut> {
    let mut parts = algorithm.parts();
    let mut named = || parts.next().as_ref().and_then(Algorithm::of);
    let (Some(derivation), Some(encryption)) = (named(), named()) else {
        return Err(broken("the parameters of its encryption (PBES2) are not built as such").into());
    };
    let derivation = kdf::Derivation::of(&derivation)?;
    let (cipher, begin) = Cipher::of(&encryption)?;
    let length = derivation.length().unwrap_or_else(|| cipher.key_length());
    if !cipher.takes(length) {
        return Err(
            broken("its encryption (PBES2) asks for a key of another length than its cipher takes").into()
        );
    }
    cipher.check(begin, sealed)?;
    let key = derivation.key(secret, length, given)?;
    cipher.decrypt(&key, begin, sealed).ok_or(Shut::Wrong)
}

/// What is said of something that is encrypted in a way that is not read here.
pub(super) fn unknown(name: &[u8]) -> Unseen {
    let text = format!("it is protected with {}, which is not read here", called(name));
    Unseen::new(Reason::UnsupportedFormat, text)
}

pub(super) fn broken(text: &str) -> Unseen {
    Unseen::new(Reason::Malformed, text)
}

/// 1.2.840.113549.1.5.13
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
/// 1.2.840.113549.1.5
const OF_PKCS5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05];
/// 1.2.840.113549.1.12.1
const OF_PKCS12: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];
