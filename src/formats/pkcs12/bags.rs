//! The bags that lie in the parts of a PKCS#12 archive, with what they are called.
//! It opens none: a key is kept as it lies there.

use zeroize::Zeroizing;

use super::super::ber;
use super::super::der::{self, Element};
use super::super::gather::shown;

/// How deep bags may lie in bags.
const DEEPEST: usize = 4;

/// How many bags are kept: as many certificates and keys as are read from one input have room in them.
const MOST: usize = 10_000;

/// Everything that lies in the parts that could be opened, in the order it lies there.
#[derive(Default)]
pub(super) struct Bags {
    pub(super) certificates: Vec<CertificateBag>,
    pub(super) keys: Vec<KeyBag>,
    /// What secrets are called; they are not looked at.
    pub(super) secrets: Vec<Option<String>>,
    pub(super) has_revocation_list: bool,
    /// How many certificates are of another kind than X.509.
    pub(super) other_certificates: usize,
    /// How many bags were passed over, as there are too many.
    pub(super) left_out: usize,
    kept: usize,
}

/// A certificate.
pub(super) struct CertificateBag {
    pub(super) label: Label,
    pub(super) der: Vec<u8>,
}

/// A private key.
pub(super) struct KeyBag {
    pub(super) label: Label,
    pub(super) der: Zeroizing<Vec<u8>>,
    pub(super) is_encrypted: bool,
}

/// What a bag says of itself.
#[derive(Default)]
pub(super) struct Label {
    /// The name for people, in one line.
    pub(super) name: Option<String>,
    /// What joins a key and its certificate.
    pub(super) id: Option<Vec<u8>>,
    /// Whether Java marks it as an entry of its own.
    pub(super) is_trusted: bool,
}

impl Bags {
    /// Takes what lies in these contents; false where they are none.
    pub(super) fn add(&mut self, contents: &[u8]) -> bool {
        self.add_below(contents, DEEPEST)
    }

    fn add_below(&mut self, contents: &[u8], depth: usize) -> bool {
        let list = der::element(contents).ok().map(|(list, _)| list).filter(is_list);
        for bag in list.iter().flat_map(|list| der::children(list.content)) {
            self.add_bag(&bag, depth);
        }
        list.is_some()
    }

    fn add_bag(&mut self, bag: &Element<'_>, depth: usize) {
        if self.kept >= MOST {
            self.left_out += 1;
            return;
        }
        self.kept += 1;
        let mut parts = der::children(bag.content);
        let (Some(kind), Some(wrapped)) = (parts.next(), parts.next()) else { return };
        let Some(value) = der::children(wrapped.content).next() else { return };
        let label = parts.next().map(|attributes| Label::of(&attributes)).unwrap_or_default();
        let Some(number) = kind.content.strip_prefix(OF_BAGS) else { return };
        match number {
            [KEY | SHROUDED_KEY] => {
                let der = Zeroizing::new(value.whole.to_vec());
                self.keys.push(KeyBag { label, der, is_encrypted: number == [SHROUDED_KEY] });
            }
            [CERTIFICATE] => match certificate(&value) {
                Some(der) => self.certificates.push(CertificateBag { label, der: der.to_vec() }),
                None => self.other_certificates += 1,
            },
            [REVOCATION_LIST] => self.has_revocation_list = true,
            [SECRET] => self.secrets.push(label.name),
            [BAGS] => {
                if let Some(deeper) = depth.checked_sub(1) {
                    self.add_below(value.whole, deeper);
                }
            }
            _ => {}
        }
    }
}

/// Whether these contents are bags, be it none of them.
pub(super) fn are_bags(contents: &[u8]) -> bool {
    der::element(contents).is_ok_and(|(list, _)| is_list(&list))
}

/// Whether it is a list of bags, each beginning with its name.
fn is_list(list: &Element<'_>) -> bool {
    let named = |bag: Element<'_>| {
        der::children(bag.content).next().is_some_and(|name| name.tag == der::OBJECT_IDENTIFIER)
    };
    list.tag == der::SEQUENCE
        && (list.content.is_empty() || der::children(list.content).next().is_some_and(named))
}

/// The X.509 certificate in a bag; none where it holds another kind.
fn certificate(value: &Element<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let mut parts = der::children(value.content);
    let (kind, wrapped) = (parts.next()?, parts.next()?);
    (kind.content == X509).then(|| der::children(wrapped.content).next().as_ref().and_then(ber::octets))?
}

impl Label {
    fn of(attributes: &Element<'_>) -> Self {
        let mut label = Self::default();
        for attribute in der::children(attributes.content) {
            let mut parts = der::children(attribute.content);
            let (Some(kind), Some(values)) = (parts.next(), parts.next()) else { continue };
            let value = der::children(values.content).next();
            match kind.content {
                FRIENDLY_NAME => label.name = value.map(|value| shown(&utf16(value.content))),
                LOCAL_KEY_ID => label.id = value.map(|value| value.content.to_vec()),
                TRUSTED => label.is_trusted = true,
                _ => {}
            }
        }
        label
    }
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    });
    char::decode_utf16(units).map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// 1.2.840.113549.1.12.10.1, which the number of a kind of bag follows.
const OF_BAGS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01];
const KEY: u8 = 1;
const SHROUDED_KEY: u8 = 2;
const CERTIFICATE: u8 = 3;
const REVOCATION_LIST: u8 = 4;
const SECRET: u8 = 5;
const BAGS: u8 = 6;
/// 1.2.840.113549.1.9.22.1
const X509: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
/// 1.2.840.113549.1.9.20
const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];
/// 1.2.840.113549.1.9.21
const LOCAL_KEY_ID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x15];
/// 2.16.840.1.113894.746875.1.1
const TRUSTED: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 0x01, 0x01];
