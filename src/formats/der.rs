//! The skeleton of DER: elements, what kind of thing they make up, and how to write one.
//! It reads no certificate; it tells what some bytes are.

use zeroize::Zeroizing;

/// One element.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    /// Tag, length and content.
    pub(super) whole: &'a [u8],
    pub(super) content: &'a [u8],
}

/// Why no element could be cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Fewer bytes than its length says.
    Truncated,
    /// The end is marked rather than counted: BER, not DER.
    Indefinite,
    /// No element at all.
    Alien,
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const CONTEXT_0: u8 = 0xa0;
pub(super) const CONTEXT_1: u8 = 0xa1;

/// Cuts off the first element and gives what follows it.
pub(super) fn element(bytes: &[u8]) -> Result<(Element<'_>, &[u8]), Cut> {
    let (tag, first) = match bytes {
        [] | [_] => return Err(Cut::Truncated),
        [tag, first, ..] => (*tag, *first),
    };
    if tag & 0x1f == 0x1f || tag == 0 {
        return Err(Cut::Alien);
    }
    let (header, length) = match first {
        0..=0x7f => (2, usize::from(first)),
        0x80 => return Err(Cut::Indefinite),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7f);
            let digits = bytes.get(2..2 + count).ok_or(Cut::Truncated)?;
            (2 + count, digits.iter().fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit)))
        }
        0x85.. => return Err(Cut::Alien),
    };
    let end = header.checked_add(length).ok_or(Cut::Truncated)?;
    let (whole, rest) = bytes.split_at_checked(end).ok_or(Cut::Truncated)?;
    let content = whole.get(header..).unwrap_or_default();
    Ok((Element { tag, whole, content }, rest))
}

/// The elements inside, as far as they can be read.
pub(super) fn children(content: &[u8]) -> impl Iterator<Item = Element<'_>> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let (child, after) = element(rest).ok()?;
        rest = after;
        Some(child)
    })
}

/// What an element as a whole is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Certificate,
    Request,
    RevocationList,
    PublicKey,
    Pkcs8,
    Pkcs1,
    Sec1,
    EncryptedPkcs8,
    Pkcs7,
    Pkcs12,
    Unknown,
}

impl Kind {
    /// Whether it is, or may hold, a private key.
    pub(super) const fn is_secret(self) -> bool {
        match self {
            Self::Pkcs8 | Self::Pkcs1 | Self::Sec1 | Self::EncryptedPkcs8 | Self::Pkcs12 => true,
            Self::Certificate
            | Self::Request
            | Self::RevocationList
            | Self::PublicKey
            | Self::Pkcs7
            | Self::Unknown => false,
        }
    }
}

/// Tells by its structure what an element is.
pub(super) fn kind(outer: &Element<'_>) -> Kind {
    if outer.tag != SEQUENCE {
        return Kind::Unknown;
    }
    let parts: Vec<Element<'_>> = children(outer.content).take(10).collect();
    let tags: Vec<u8> = parts.iter().map(|part| part.tag).collect();
    match (tags.as_slice(), parts.as_slice()) {
        ([SEQUENCE, SEQUENCE, BIT_STRING], [body, ..]) => signed_kind(body),
        ([SEQUENCE, BIT_STRING], [algorithm, _]) if names_algorithm(algorithm) => Kind::PublicKey,
        ([SEQUENCE, OCTET_STRING], [algorithm, _]) if names_algorithm(algorithm) => Kind::EncryptedPkcs8,
        ([INTEGER, SEQUENCE, OCTET_STRING, ..], [version, algorithm, ..])
            if matches!(version.content, [0 | 1]) && names_algorithm(algorithm) =>
        {
            Kind::Pkcs8
        }
        ([INTEGER, SEQUENCE] | [INTEGER, SEQUENCE, SEQUENCE], [version, safe, ..])
            if version.content == [3] && names_algorithm(safe) =>
        {
            Kind::Pkcs12
        }
        ([INTEGER, INTEGER], _) => Kind::PublicKey,
        ([INTEGER, INTEGER, INTEGER, ..], [version, ..])
            if tags.iter().filter(|tag| **tag == INTEGER).count() >= 9
                && matches!(version.content, [0 | 1]) =>
        {
            Kind::Pkcs1
        }
        ([INTEGER, OCTET_STRING], [version, _])
        | ([INTEGER, OCTET_STRING, CONTEXT_0 | CONTEXT_1, ..], [version, ..])
            if version.content == [1] =>
        {
            Kind::Sec1
        }
        ([OBJECT_IDENTIFIER, CONTEXT_0], [oid, _]) if oid.content == SIGNED_DATA => Kind::Pkcs7,
        _ => Kind::Unknown,
    }
}

fn signed_kind(body: &Element<'_>) -> Kind {
    let parts: Vec<Element<'_>> = children(body.content).take(6).collect();
    let tags: Vec<u8> = parts.iter().map(|part| part.tag).collect();
    let first_inside = |at: usize| parts.get(at).and_then(|part| children(part.content).next());
    match tags.as_slice() {
        [CONTEXT_0, INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, ..] => Kind::Certificate,
        [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, ..]
            if first_inside(3).is_some_and(|part| is_time(part.tag)) =>
        {
            Kind::Certificate
        }
        [INTEGER, SEQUENCE, SEQUENCE, ..] if first_inside(2).is_some_and(|part| part.tag == SEQUENCE) => {
            Kind::Request
        }
        [INTEGER, SEQUENCE, SEQUENCE, time, ..] | [SEQUENCE, SEQUENCE, time, ..] if is_time(*time) => {
            Kind::RevocationList
        }
        _ => Kind::Unknown,
    }
}

const fn is_time(tag: u8) -> bool {
    matches!(tag, 0x17 | 0x18)
}

fn names_algorithm(part: &Element<'_>) -> bool {
    part.tag == SEQUENCE && children(part.content).next().is_some_and(|first| first.tag == OBJECT_IDENTIFIER)
}

/// The certificates of a PKCS#7 bundle, each as DER.
pub(super) fn pkcs7_certificates<'a>(bundle: &Element<'a>) -> Vec<&'a [u8]> {
    let signed = children(bundle.content).nth(1).and_then(|outer| children(outer.content).next());
    let Some(signed) = signed else {
        return Vec::new();
    };
    children(signed.content)
        .filter(|part| part.tag == CONTEXT_0)
        .flat_map(|set| children(set.content))
        .map(|certificate| certificate.whole)
        .collect()
}

/// Writes one element around these parts; what it holds may be secret, so it is wiped when dropped.
pub(super) fn write(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 10));
    bytes.push(tag);
    let digits = length.to_be_bytes();
    let digits = digits.get(digits.iter().take_while(|digit| **digit == 0).count()..).unwrap_or_default();
    match (u8::try_from(length), u8::try_from(digits.len())) {
        (Ok(short @ ..=0x7f), _) => bytes.push(short),
        (_, count) => {
            bytes.push(0x80 | count.unwrap_or_default());
            bytes.extend_from_slice(digits);
        }
    }
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// `rsaEncryption` with its NULL, as a whole algorithm identifier.
pub(super) const RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// `id-ecPublicKey`, as a whole element.
pub(super) const EC: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// P-256, P-384 and P-521, as whole elements, with the length of their private keys.
pub(super) const CURVES: [(usize, &[u8]); 3] = [
    (32, &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]),
    (48, &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]),
    (66, &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23]),
];
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
