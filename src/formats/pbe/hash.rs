//! The hash functions by which passwords become keys, and what is built of them: HMAC, PBKDF2, and the older ways of PKCS#5
//! and PKCS#12.
//! It counts no work: whoever calls it has asked for that before.

use std::num::NonZeroU32;

use ring::{digest, hmac, pbkdf2};
use zeroize::Zeroizing;

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::formats) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512To224,
    Sha512To256,
}

type Bytes = Zeroizing<Vec<u8>>;

impl Hash {
    /// The one of this name: 1.3.14.3.2.26, 2.16.840.1.101.3.4.2.N.
    pub(in crate::formats) const fn of_digest(name: &[u8]) -> Option<Self> {
        match name {
            [0x2b, 0x0e, 0x03, 0x02, 0x1a] => Some(Self::Sha1),
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, number] => match number {
                1 => Some(Self::Sha256),
                2 => Some(Self::Sha384),
                3 => Some(Self::Sha512),
                4 => Some(Self::Sha224),
                5 => Some(Self::Sha512To224),
                6 => Some(Self::Sha512To256),
                _ => None,
            },
            _ => None,
        }
    }

    /// The one that an HMAC of this name is made of: 1.2.840.113549.2.N.
    pub(in crate::formats) const fn of_hmac(name: &[u8]) -> Option<Self> {
        let [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, number] = name else { return None };
        match number {
            7 => Some(Self::Sha1),
            8 => Some(Self::Sha224),
            9 => Some(Self::Sha256),
            10 => Some(Self::Sha384),
            11 => Some(Self::Sha512),
            12 => Some(Self::Sha512To224),
            13 => Some(Self::Sha512To256),
            _ => None,
        }
    }

    /// The bytes that come of it.
    pub(in crate::formats) const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha512To224 => 28,
            Self::Sha256 | Self::Sha512To256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The bytes that it takes in at a time.
    const fn block(self) -> usize {
        match self {
            Self::Sha1 | Self::Sha224 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 | Self::Sha512To224 | Self::Sha512To256 => 128,
        }
    }

    /// What a round of PBKDF2 costs, beside one by ring.
    pub(super) const fn weight(self) -> usize {
        match self {
            Self::Sha1 | Self::Sha256 | Self::Sha384 | Self::Sha512 => 1,
            Self::Sha224 | Self::Sha512To224 | Self::Sha512To256 => 4,
        }
    }

    /// The one of ring; none where it has none.
    fn of_ring(self) -> Option<&'static digest::Algorithm> {
        match self {
            Self::Sha1 => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => Some(&digest::SHA256),
            Self::Sha384 => Some(&digest::SHA384),
            Self::Sha512 => Some(&digest::SHA512),
            Self::Sha512To256 => Some(&digest::SHA512_256),
            Self::Sha224 | Self::Sha512To224 => None,
        }
    }

    /// The digest of these parts, one after the other.
    pub(in crate::formats) fn digest(self, parts: &[&[u8]]) -> Bytes {
        let Some(algorithm) = self.of_ring() else {
            let is_short = self == Self::Sha224;
            return if is_short {
                digest_of::<sha2::Sha224>(parts)
            } else {
                digest_of::<sha2::Sha512_224>(parts)
            };
        };
        let mut context = digest::Context::new(algorithm);
        parts.iter().for_each(|part| context.update(part));
        Zeroizing::new(context.finish().as_ref().to_vec())
    }

    /// The digest of the digest, so many times more.
    fn again(self, first: Bytes, times: u32) -> Bytes {
        let Some(algorithm) = self.of_ring().filter(|_| times > 0) else {
            return (0..times).fold(first, |made, _| self.digest(&[&made]));
        };
        let second = digest::digest(algorithm, &first);
        let last = (1..times).fold(second, |made, _| digest::digest(algorithm, made.as_ref()));
        Zeroizing::new(last.as_ref().to_vec())
    }

    /// The HMAC of these bytes.
    pub(in crate::formats) fn hmac(self, key: &[u8], bytes: &[u8]) -> Bytes {
        let with = |algorithm| {
            let tag = hmac::sign(&hmac::Key::new(algorithm, key), bytes);
            Zeroizing::new(tag.as_ref().to_vec())
        };
        match self {
            Self::Sha1 => with(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => with(hmac::HMAC_SHA256),
            Self::Sha384 => with(hmac::HMAC_SHA384),
            Self::Sha512 => with(hmac::HMAC_SHA512),
            Self::Sha224 | Self::Sha512To224 | Self::Sha512To256 => Keyed::new(self, key).of(&[bytes]),
        }
    }

    /// PBKDF2 (RFC 8018 section 5.2).
    pub(in crate::formats) fn pbkdf2(
        self,
        password: &[u8],
        salt: &[u8],
        rounds: NonZeroU32,
        length: usize,
    ) -> Bytes {
        let mut made = Zeroizing::new(vec![0; length]);
        let mut with = |algorithm| pbkdf2::derive(algorithm, rounds, salt, password, &mut made);
        match self {
            Self::Sha1 => with(pbkdf2::PBKDF2_HMAC_SHA1),
            Self::Sha256 => with(pbkdf2::PBKDF2_HMAC_SHA256),
            Self::Sha384 => with(pbkdf2::PBKDF2_HMAC_SHA384),
            Self::Sha512 => with(pbkdf2::PBKDF2_HMAC_SHA512),
            Self::Sha224 | Self::Sha512To224 | Self::Sha512To256 => {
                Keyed::new(self, password).pbkdf2(salt, rounds, &mut made);
            }
        }
        made
    }

    /// The way of PKCS#12 (RFC 7292 appendix B.2); `purpose` is 1 for a key, 2 for what a cipher begins with, 3 for a MAC.
    pub(in crate::formats) fn pkcs12(
        self,
        purpose: u8,
        units: &[u8],
        salt: &[u8],
        rounds: NonZeroU32,
        length: usize,
    ) -> Bytes {
        let block = self.block();
        let diversifier = vec![purpose; block];
        let filled = |part: &[u8]| part.len().div_ceil(block) * block;
        let repeated = |part: &[u8]| part.iter().copied().cycle().take(filled(part)).collect::<Vec<u8>>();
        let mut input = Zeroizing::new(repeated(salt));
        input.extend_from_slice(&Zeroizing::new(repeated(units)));
        let mut made = Zeroizing::new(Vec::with_capacity(length + self.length()));
        loop {
            let digested = self.again(self.digest(&[&diversifier, &input]), rounds.get() - 1);
            made.extend_from_slice(&digested);
            if made.len() >= length {
                made.truncate(length);
                return made;
            }
            for part in input.chunks_mut(block) {
                add_one_and(part, &digested);
            }
        }
    }
}

/// Adds another number, repeated to the same length, and one; what overflows is lost.
fn add_one_and(number: &mut [u8], other: &[u8]) {
    let mut carry = 1;
    let length = number.len();
    let repeated: Zeroizing<Vec<u8>> = Zeroizing::new(other.iter().copied().cycle().take(length).collect());
    for (digit, other) in number.iter_mut().zip(repeated.iter()).rev() {
        let sum = u16::from(*digit) + u16::from(*other) + carry;
        carry = sum >> 8;
        *digit = sum.to_le_bytes()[0];
    }
}

fn digest_of<D: sha2::Digest>(parts: &[&[u8]]) -> Bytes {
    let mut digest = D::new();
    parts.iter().for_each(|part| digest.update(part));
    Zeroizing::new(digest.finalize().to_vec())
}

/// An HMAC with its key, for the hash functions that ring has none of.
struct Keyed {
    hash: Hash,
    inner: Bytes,
    outer: Bytes,
}

impl Keyed {
    fn new(hash: Hash, key: &[u8]) -> Self {
        let short = if key.len() > hash.block() { hash.digest(&[key]) } else { Zeroizing::new(key.to_vec()) };
        let masked = |mask: u8| {
            let padded = short.iter().copied().chain(std::iter::repeat(0)).take(hash.block());
            Zeroizing::new(padded.map(|byte| byte ^ mask).collect::<Vec<u8>>())
        };
        Self { hash, inner: masked(0x36), outer: masked(0x5c) }
    }

    fn of(&self, parts: &[&[u8]]) -> Bytes {
        let inner: Vec<&[u8]> = std::iter::once(self.inner.as_slice()).chain(parts.iter().copied()).collect();
        self.hash.digest(&[&self.outer, &self.hash.digest(&inner)])
    }

    fn pbkdf2(&self, salt: &[u8], rounds: NonZeroU32, made: &mut [u8]) {
        for (number, block) in (1_u32..).zip(made.chunks_mut(self.hash.length())) {
            let mut link = self.of(&[salt, &number.to_be_bytes()]);
            let mut sum = link.clone();
            for _ in 1..rounds.get() {
                link = self.of(&[&link]);
                sum.iter_mut().zip(link.iter()).for_each(|(sum, byte)| *sum ^= byte);
            }
            block.iter_mut().zip(sum.iter()).for_each(|(to, from)| *to = *from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_RING: [Hash; 4] = [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512];

    #[test]
    fn what_is_built_here_gives_what_ring_gives() {
        let rounds = NonZeroU32::new(3).unwrap();
        for hash in OF_RING {
            for key in [b"".as_slice(), b"sesame", &[7; 300]] {
                let keyed = Keyed::new(hash, key);
                assert_eq!(keyed.of(&[b"some ", b"bytes"]), hash.hmac(key, b"some bytes"), "{hash:?}");
                let mut made = vec![0; 100];
                keyed.pbkdf2(b"salt", rounds, &mut made);
                assert_eq!(made, *hash.pbkdf2(key, b"salt", rounds, 100), "{hash:?}");
            }
            assert_eq!(hash.digest(&[b"a"]).len(), hash.length());
        }
    }

    #[test]
    fn a_sum_carries_and_loses_what_overflows() {
        let mut number = [0x00, 0xff, 0xff];
        add_one_and(&mut number, &[0x00, 0x00, 0x01]);
        assert_eq!(number, [0x01, 0x00, 0x01]);
        let mut number = [0xff; 4];
        add_one_and(&mut number, &[0x00, 0x00]);
        assert_eq!(number, [0; 4]);
    }
}
