//! PKCS#12 archives that no tool at hand writes, put together by hand.

use std::num::NonZeroU32;

use super::fixtures::Sample;

/// 1.2.840.113549.1
const PKCS: [u8; 7] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01];

/// One element of DER.
pub(super) fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = match u8::try_from(content.len()) {
        Ok(short @ ..=0x7f) => vec![short],
        _ => [&[0x83][..], &u32::try_from(content.len()).expect("its length").to_be_bytes()[1..]].concat(),
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
    let x509 = pkcs(&[9, 22, 1]);
    bag(3, &sequence(&[&x509, &der(0xa0, &[&octets(&sample.der)])]))
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
