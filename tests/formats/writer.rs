//! PKCS#12 archives that no tool at hand writes, put together by hand.

use std::num::NonZeroU32;

use super::fixtures::Sample;

/// 1.2.840.113549.1
const PKCS: [u8; 7] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01];

/// One element of DER.
pub(super) fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let digits = content.len().to_be_bytes();
    let digits = &digits[digits.iter().take_while(|digit| **digit == 0).count()..];
    let length = match (u8::try_from(content.len()), u8::try_from(digits.len())) {
        (Ok(short @ ..=0x7f), _) => vec![short],
        (_, count) => [&[0x80 | count.expect("its length")], digits].concat(),
    };
    [&[tag][..], &length, &content].concat()
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der(0x30, parts)
}

fn octets(content: &[u8]) -> Vec<u8> {
    der(4, &[content])
}

/// An object identifier below 1.2.840.113549.1.
fn pkcs(numbers: &[u8]) -> Vec<u8> {
    der(6, &[&PKCS, numbers])
}

fn data(content: &[u8]) -> Vec<u8> {
    sequence(&[&pkcs(&[7, 1]), &der(0xa0, &[&octets(content)])])
}

fn bag(kind: u8, value: &[u8]) -> Vec<u8> {
    sequence(&[&pkcs(&[12, 10, 1, kind]), &der(0xa0, &[value])])
}

/// The same, joined with others by an identifier.
fn joined(kind: u8, value: &[u8], id: u8) -> Vec<u8> {
    let attribute = sequence(&[&pkcs(&[9, 21]), &der(0x31, &[&octets(&[id])])]);
    sequence(&[&pkcs(&[12, 10, 1, kind]), &der(0xa0, &[value]), &der(0x31, &[&attribute])])
}

/// A plain private key (PKCS#8).
pub(super) fn key(pkcs8: &[u8]) -> Vec<u8> {
    bag(1, pkcs8)
}

/// An encrypted one.
pub(super) fn shrouded_key(encrypted: &[u8]) -> Vec<u8> {
    bag(2, encrypted)
}

/// A certificate that lies open.
pub(super) fn certificate(sample: &Sample) -> Vec<u8> {
    bag(3, &x509(sample))
}

/// A plain private key that belongs to the certificate of the same identifier.
pub(super) fn joined_key(pkcs8: &[u8], id: u8) -> Vec<u8> {
    joined(1, pkcs8, id)
}

/// An encrypted one.
pub(super) fn joined_shrouded_key(encrypted: &[u8], id: u8) -> Vec<u8> {
    joined(2, encrypted, id)
}

/// A certificate to which the keys of the same identifier belong.
pub(super) fn joined_certificate(sample: &Sample, id: u8) -> Vec<u8> {
    joined(3, &x509(sample), id)
}

fn x509(sample: &Sample) -> Vec<u8> {
    sequence(&[&pkcs(&[9, 22, 1]), &der(0xa0, &[&octets(&sample.der)])])
}

fn integer(number: u64) -> Vec<u8> {
    let digits = number.to_be_bytes();
    let zeros = digits.iter().take_while(|digit| **digit == 0).count().min(7);
    let sign: &[u8] = if digits[zeros] < 0x80 { &[] } else { &[0] };
    der(2, &[sign, &digits[zeros..]])
}

/// scrypt as an algorithm, with its cost, block and what is done side by side.
pub(super) fn scrypt(salt: &[u8], asked: [u64; 3]) -> Vec<u8> {
    let name = der(6, &[&[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b]]);
    sequence(&[&name, &sequence(&[&octets(salt), &asked.map(integer).concat()])])
}

/// PBKDF2 as an algorithm, of few rounds.
pub(super) fn pbkdf2(salt: &[u8]) -> Vec<u8> {
    sequence(&[&pkcs(&[5, 12]), &sequence(&[&octets(salt), &integer(7)])])
}

/// A key under AES-128-CBC that begins with these bytes, its own key derived so.
pub(super) fn encrypted(derivation: &[u8], begin: &[u8], sealed: &[u8]) -> Vec<u8> {
    let aes = der(6, &[&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x02]]);
    let ways = sequence(&[derivation, &sequence(&[&aes, &octets(begin)])]);
    sequence(&[&sequence(&[&pkcs(&[5, 13]), &ways]), &octets(sealed)])
}

/// A key under the older way of PKCS#12 with triple DES.
pub(super) fn encrypted_of_old(salt: &[u8], sealed: &[u8]) -> Vec<u8> {
    let parameters = sequence(&[&octets(salt), &integer(7)]);
    sequence(&[&sequence(&[&pkcs(&[12, 1, 3]), &parameters]), &octets(sealed)])
}

/// An algorithm of Java's (1.3.6.1.4.1.42.N) over a key.
pub(super) fn encrypted_by_java(numbers: &[u8], parameters: &[u8], sealed: &[u8]) -> Vec<u8> {
    let name = der(6, &[&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x2a], numbers]);
    sequence(&[&sequence(&[&name, parameters]), &octets(sealed)])
}

/// The parameters of JCEKS.
pub(super) fn of_jceks(salt: &[u8]) -> Vec<u8> {
    sequence(&[&octets(salt), &integer(7)])
}

/// A keystore of Java's with one entry: a key with its certificate, its digest left empty.
pub(super) fn keystore(mark: [u8; 4], encrypted: &[u8], sample: &Sample) -> Vec<u8> {
    let sized =
        |bytes: &[u8]| [&u32::try_from(bytes.len()).expect("its length").to_be_bytes()[..], bytes].concat();
    let head =
        [&mark[..], &[0, 0, 0, 2, 0, 0, 0, 1], &[0, 0, 0, 1, 0, 1, b'a', 0, 0, 1, 0x90, 0, 0, 0, 0]].concat();
    let chain = [&[0, 0, 0, 1, 0, 5][..], b"X.509", &sized(&sample.der)].concat();
    [head, sized(encrypted), chain, vec![0; 20]].concat()
}

/// Bags in bags.
pub(super) fn nested(bags: &[Vec<u8>]) -> Vec<u8> {
    bag(6, &sequence(&[&bags.concat()]))
}

/// An archive of these bags, all in one part that lies open, with what comes after it.
fn around(bags: &[Vec<u8>], after: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let safe = data(&sequence(&[&bags.concat()]));
    let safes = sequence(&[&safe]);
    sequence(&[&[2, 1, 3], &data(&safes), &after(&safes)])
}

/// An archive of these bags without a checksum.
pub(super) fn archive(bags: &[Vec<u8>]) -> Vec<u8> {
    around(bags, |_| Vec::new())
}

/// An archive of these bags with a checksum of RFC 9579 that a key of so many bytes is made for.
pub(super) fn checked(bags: &[Vec<u8>], password: &str, key_length: u8) -> Vec<u8> {
    around(bags, |safes| {
        let mut key = vec![0; key_length.into()];
        let rounds = NonZeroU32::new(7).expect("some");
        ring::pbkdf2::derive(
            ring::pbkdf2::PBKDF2_HMAC_SHA256,
            rounds,
            b"salt",
            password.as_bytes(),
            &mut key,
        );
        let sum = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key), safes);
        let hmac = sequence(&[&der(6, &[&PKCS[..6], &[2, 9]]), &[5, 0]]);
        let parameters = sequence(&[&octets(b"salt"), &[2, 1, 7], &[2, 1, key_length], &hmac]);
        let derivation = sequence(&[&pkcs(&[5, 12]), &parameters]);
        let algorithm = sequence(&[&pkcs(&[5, 14]), &sequence(&[&derivation, &hmac])]);
        sequence(&[&sequence(&[&algorithm, &octets(sum.as_ref())]), &octets(b"unused")])
    })
}

/// An archive of these bags with a checksum of the older kind that is not theirs.
pub(super) fn checked_of_old(bags: &[Vec<u8>], salt: &[u8]) -> Vec<u8> {
    around(bags, |_| {
        let sha1 = sequence(&[&der(6, &[&[0x2b, 0x0e, 3, 2, 0x1a]])]);
        sequence(&[&sequence(&[&sha1, &octets(&[7; 20])]), &octets(salt), &integer(7)])
    })
}

/// The same element with every end marked rather than counted, and every value of octets in pieces of so many bytes.
pub(super) fn uncounted(element: &[u8], piece: usize) -> Vec<u8> {
    let (tag, content, after) = cut(element);
    assert!(after.is_empty(), "one element");
    if tag == 4 {
        let pieces: Vec<Vec<u8>> = content.chunks(piece).map(octets).collect();
        return [&[0x24, 0x80][..], &pieces.concat(), &[0, 0]].concat();
    }
    if tag & 0x20 == 0 {
        return element.to_vec();
    }
    let mut made = vec![tag, 0x80];
    let mut rest = content;
    while !rest.is_empty() {
        let (_, _, after) = cut(rest);
        made.extend(uncounted(&rest[..rest.len() - after.len()], piece));
        rest = after;
    }
    [made, vec![0, 0]].concat()
}

/// The tag and the content of the first element, and what follows it.
fn cut(bytes: &[u8]) -> (u8, &[u8], &[u8]) {
    let digits = usize::from(bytes[1] & 0x7f);
    let (header, length) = if bytes[1] < 0x80 {
        (2, digits)
    } else {
        (2 + digits, bytes[2..2 + digits].iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)))
    };
    (bytes[0], &bytes[header..header + length], &bytes[header + length..])
}
