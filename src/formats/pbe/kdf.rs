//! How a password becomes a key: PBKDF2 and scrypt, and the older ways of PKCS#5 and PKCS#12, each with the work it asks for.
//! It decrypts nothing.

use std::num::NonZeroU32;

use md5::Digest as _;
use zeroize::Zeroizing;

use super::cipher::Cipher;
use super::{Algorithm, Hash, Secret, broken, unknown};
use crate::domain::reason::{Reason, Unseen};
use crate::formats::der::{self, Element};
use crate::formats::given::Given;

/// The memory that scrypt may ask for, in bytes; what openssl writes asks for a quarter of it.
const SCRYPT_BYTES: u64 = 64 * 1024 * 1024;

/// The longest salt, in bytes: it is digested anew for each part of a key, and what programs write has 8 to 64.
const LONGEST_SALT: usize = 1024;

/// The longest key that is derived, in bytes; no cipher and no HMAC gains by a longer one.
const LONGEST_KEY: usize = 128;

/// A number of rounds that was asked for, and granted.
pub(in crate::formats) struct Rounds(NonZeroU32);

impl Rounds {
    /// Reads the number and asks for the work, which is done so many `times`.
    pub(in crate::formats) fn of(
        integer: &Element<'_>,
        times: usize,
        given: &Given<'_>,
    ) -> Result<Self, Unseen> {
        let rounds = number(integer).ok_or_else(|| broken("its rounds of password hashing are no number"))?;
        given.hash(rounds.saturating_mul(u64::try_from(times).unwrap_or(u64::MAX)))?;
        let rounds = u32::try_from(rounds).ok().and_then(NonZeroU32::new);
        rounds.map(Self).ok_or_else(|| broken("it asks for no round of password hashing at all"))
    }

    pub(in crate::formats) const fn get(&self) -> NonZeroU32 {
        self.0
    }
}

/// A number that is not negative; too large for any purpose where it is longer than eight bytes.
fn number(integer: &Element<'_>) -> Option<u64> {
    match integer.content {
        [] | [0x80..=0xff, ..] => None,
        _ if integer.tag != der::INTEGER => None,
        digits if digits.len() > 8 => Some(u64::MAX),
        digits => Some(digits.iter().fold(0, |sum, digit| (sum << 8) | u64::from(*digit))),
    }
}

fn key_length(integer: &Element<'_>) -> Result<usize, Unseen> {
    let length = number(integer).and_then(|length| usize::try_from(length).ok());
    length
        .filter(|length| (1..=LONGEST_KEY).contains(length))
        .ok_or_else(|| broken("its password hashing asks for a key of a length that nothing takes"))
}

/// The salt in a value of octets; none where it holds something else.
///
/// # Errors
/// Where it is longer than any salt.
pub(in crate::formats) fn salt<'a>(octets: &Element<'a>) -> Result<Option<&'a [u8]>, Unseen> {
    if octets.content.len() > LONGEST_SALT {
        let text = format!("its password hashing has a salt of more than {LONGEST_SALT} bytes");
        return Err(Unseen::new(Reason::TooLarge, text));
    }
    Ok((octets.tag == der::OCTET_STRING).then_some(octets.content))
}

/// PBKDF2 with what it is told.
pub(in crate::formats) struct Pbkdf2<'a> {
    salt: &'a [u8],
    rounds: Element<'a>,
    /// The length of the key, where it tells one.
    pub(in crate::formats) length: Option<usize>,
    hash: Hash,
}

impl<'a> Pbkdf2<'a> {
    /// 1.2.840.113549.1.5.12
    pub(in crate::formats) const NAME: &'static [u8] =
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];

    pub(in crate::formats) fn of(algorithm: &Algorithm<'a>) -> Result<Self, Unseen> {
        let malformed = || broken("the parameters of its password hashing (PBKDF2) are not built as such");
        let mut parts = algorithm.parts();
        let (octets, rounds) = parts.next().zip(parts.next()).ok_or_else(malformed)?;
        let salt = salt(&octets)?.ok_or_else(malformed)?;
        let (mut length, mut hash) = (None, Hash::Sha1);
        for part in parts {
            if part.tag == der::INTEGER {
                length = Some(key_length(&part)?);
            } else {
                let function = Algorithm::of(&part).ok_or_else(malformed)?;
                hash = Hash::of_hmac(function.name).ok_or_else(|| unknown(function.name))?;
            }
        }
        Ok(Self { salt, rounds, length, hash })
    }

    /// A key of this many bytes.
    pub(in crate::formats) fn key(
        &self,
        secret: &Secret,
        length: usize,
        given: &Given<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, Unseen> {
        let times = length.div_ceil(self.hash.length()) * self.hash.weight();
        let rounds = Rounds::of(&self.rounds, times, given)?;
        Ok(self.hash.pbkdf2(secret.utf8(), self.salt, rounds.get(), length))
    }
}

/// scrypt with what it is told (RFC 7914 section 7).
pub(super) struct Scrypt<'a> {
    salt: &'a [u8],
    cost: u64,
    block: u64,
    parallel: u64,
    length: Option<usize>,
}

impl<'a> Scrypt<'a> {
    /// 1.3.6.1.4.1.11591.4.11
    const NAME: &'static [u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b];

    fn of(algorithm: &Algorithm<'a>) -> Result<Self, Unseen> {
        let malformed = || broken("the parameters of its password hashing (scrypt) are not built as such");
        let mut parts = algorithm.parts();
        let octets = parts.next().ok_or_else(malformed)?;
        let salt = salt(&octets)?.ok_or_else(malformed)?;
        let mut next = || parts.next().as_ref().and_then(number).ok_or_else(malformed);
        let (cost, block, parallel) = (next()?, next()?, next()?);
        let length = parts.next().as_ref().map(key_length).transpose()?;
        Ok(Self { salt, cost, block, parallel, length })
    }

    /// The bytes that it works in: a block for each step and for each of those side by side, and one between.
    const fn memory(&self) -> u64 {
        self.cost
            .saturating_add(self.parallel)
            .saturating_add(1)
            .saturating_mul(self.block)
            .saturating_mul(128)
    }

    /// One step of its memory costs about as much as a round of hashing. Before the steps PBKDF2 makes each of the blocks side by
    /// side in four pieces, each with the whole salt, and after them it takes in all of these.
    fn work(&self) -> u64 {
        let salt = u64::try_from(self.salt.len()).unwrap_or(u64::MAX);
        let around = (salt / 128).saturating_add(3).saturating_mul(4);
        self.parallel.saturating_mul(self.block).saturating_mul(self.cost.saturating_add(around))
    }

    fn key(&self, secret: &Secret, length: usize, given: &Given<'_>) -> Result<Zeroizing<Vec<u8>>, Unseen> {
        if self.memory() > SCRYPT_BYTES {
            let text = format!(
                "its password hashing (scrypt) asks for more than the limit of {} MiB of memory; write it anew with less where it comes from: openssl pkcs8 -topk8 -scrypt asks for 16 MiB by itself, and reads no more than 32",
                SCRYPT_BYTES >> 20
            );
            return Err(Unseen::new(Reason::TooLarge, text));
        }
        given.hash(self.work())?;
        let small = |number: u64| u32::try_from(number).ok();
        let exponent = self.cost.checked_ilog2().filter(|_| self.cost >= 2 && self.cost.is_power_of_two());
        let parameters = exponent.zip(small(self.block)).zip(small(self.parallel)).and_then(
            |((exponent, block), parallel)| {
                scrypt::Params::new(u8::try_from(exponent).ok()?, block, parallel).ok()
            },
        );
        let mut key = Zeroizing::new(vec![0; length]);
        parameters
            .and_then(|parameters| scrypt::scrypt(secret.utf8(), self.salt, &parameters, &mut key).ok())
            .map(|()| key)
            .ok_or_else(|| {
                broken("the parameters of its password hashing (scrypt) are none that scrypt takes")
            })
    }
}

/// How PBES2 makes its key.
pub(super) enum Derivation<'a> {
    Pbkdf2(Pbkdf2<'a>),
    Scrypt(Scrypt<'a>),
}

impl<'a> Derivation<'a> {
    pub(super) fn of(algorithm: &Algorithm<'a>) -> Result<Self, Unseen> {
        match algorithm.name {
            Pbkdf2::NAME => Pbkdf2::of(algorithm).map(Self::Pbkdf2),
            Scrypt::NAME => Scrypt::of(algorithm).map(Self::Scrypt),
            _ => Err(unknown(algorithm.name)),
        }
    }

    /// The length of the key, where it tells one.
    pub(super) const fn length(&self) -> Option<usize> {
        match self {
            Self::Pbkdf2(derivation) => derivation.length,
            Self::Scrypt(derivation) => derivation.length,
        }
    }

    pub(super) fn key(
        &self,
        secret: &Secret,
        length: usize,
        given: &Given<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, Unseen> {
        match self {
            Self::Pbkdf2(derivation) => derivation.key(secret, length, given),
            Self::Scrypt(derivation) => derivation.key(secret, length, given),
        }
    }
}

/// A cipher, its key, and what it begins with.
type Made = (Cipher, Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>);

/// The older ways of PKCS#12 by their numbers, all of them with SHA-1; none where the number is of another.
pub(super) fn pkcs12(
    number: u8,
    algorithm: &Algorithm<'_>,
    secret: &Secret,
    given: &Given<'_>,
) -> Result<Option<Made>, Unseen> {
    let (cipher, length): (_, usize) = match number {
        3 => (Cipher::ThreeKeyDes, 24),
        4 => (Cipher::TwoKeyDes, 16),
        5 => (Cipher::Rc2(128), 16),
        6 => (Cipher::Rc2(40), 5),
        _ => return Ok(None),
    };
    let hash = Hash::Sha1;
    // A round here is one digest, and one of PBKDF2 is two of them.
    let digests = length.div_ceil(hash.length()) + 1;
    let (salt, rounds) = salt_and_rounds(algorithm, digests.div_ceil(2), given)?;
    let made = |purpose, length| hash.pkcs12(purpose, secret.units(), salt, rounds.get(), length);
    Ok(Some((cipher, made(1, length), made(2, 8))))
}

/// The older ways of PKCS#5 (PBES1) by their numbers; none where the number is of another.
pub(super) fn pbes1(
    number: u8,
    algorithm: &Algorithm<'_>,
    secret: &Secret,
    given: &Given<'_>,
) -> Result<Option<Made>, Unseen> {
    let cipher = match number {
        3 | 10 => Cipher::Des,
        6 | 11 => Cipher::Rc2(64),
        _ => return Ok(None),
    };
    let digest = |bytes: &[&[u8]]| {
        if matches!(number, 10 | 11) {
            return Hash::Sha1.digest(bytes);
        }
        let mut digest = md5::Md5::new();
        bytes.iter().for_each(|part| digest.update(part));
        Zeroizing::new(digest.finalize().to_vec())
    };
    let (salt, rounds) = salt_and_rounds(algorithm, 1, given)?;
    let mut made = digest(&[secret.utf8(), salt]);
    for _ in 1..rounds.get().get() {
        made = digest(&[&made]);
    }
    let (key, begin) = made.split_at_checked(8).ok_or_else(|| broken("no key came of it"))?;
    let begin = begin.iter().copied().take(8).collect::<Vec<u8>>();
    Ok(Some((cipher, Zeroizing::new(key.to_vec()), Zeroizing::new(begin))))
}

fn salt_and_rounds<'a>(
    algorithm: &Algorithm<'a>,
    times: usize,
    given: &Given<'_>,
) -> Result<(&'a [u8], Rounds), Unseen> {
    let mut parts = algorithm.parts();
    let malformed = || broken("the parameters of its encryption are not built as such");
    let (octets, number) = parts.next().zip(parts.next()).ok_or_else(malformed)?;
    let salt = salt(&octets)?.ok_or_else(malformed)?;
    Ok((salt, Rounds::of(&number, times, given)?))
}
