//! The checksum of a PKCS#12 archive, by which its password is known and a change to it is seen: the MAC of PKCS#12 itself and
//! PBMAC1 (RFC 9579).
//! It opens nothing.

use std::hint::black_box;
use std::num::NonZeroU32;

use zeroize::Zeroizing;

use super::super::der::{self, Element};
use super::super::given::Given;
use super::super::pbe::{self, Algorithm, Hash, Pbkdf2, Rounds, Secret, broken, unknown};
use crate::domain::reason::Unseen;

/// The shortest key that PBMAC1 may ask for, in bytes: with a shorter one a checksum is easily forged.
const SHORTEST_KEY: usize = 20;

/// A checksum.
pub(super) struct Mac<'a> {
    way: Way<'a>,
    digest: &'a [u8],
}

/// How the key comes of the password.
enum Way<'a> {
    Pkcs12 { hash: Hash, salt: &'a [u8], rounds: Option<Element<'a>> },
    Pbmac1 { derivation: Pbkdf2<'a>, length: usize, hash: Hash },
}

impl<'a> Mac<'a> {
    /// Reads it from the part of the archive that holds it.
    ///
    /// # Errors
    /// Where it is made in a way that is not read here, or not built as one.
    pub(super) fn of(part: &Element<'a>) -> Result<Self, Unseen> {
        let malformed = || broken("the checksum of the archive is not built as one");
        let mut parts = der::children(part.content);
        let (sum, salt) = parts.next().zip(parts.next()).ok_or_else(malformed)?;
        let mut inside = der::children(sum.content);
        let algorithm = inside.next().as_ref().and_then(Algorithm::of).ok_or_else(malformed)?;
        let digest = inside.next().filter(|digest| digest.tag == der::OCTET_STRING).ok_or_else(malformed)?;
        let way = if algorithm.name == PBMAC1 {
            pbmac1(&algorithm)?
        } else {
            let hash = Hash::of_digest(algorithm.name).ok_or_else(|| unknown(algorithm.name))?;
            let salt = pbe::salt(&salt)?.ok_or_else(malformed)?;
            Way::Pkcs12 { hash, salt, rounds: parts.next() }
        };
        Ok(Self { way, digest: digest.content })
    }

    /// Whether it was made of these bytes with this secret.
    ///
    /// # Errors
    /// Where finding out is more work than is allowed.
    pub(super) fn holds(&self, bytes: &[u8], secret: &Secret, given: &Given<'_>) -> Result<bool, Unseen> {
        let made: Zeroizing<Vec<u8>> = match &self.way {
            Way::Pkcs12 { hash, salt, rounds } => {
                let rounds = rounds.map(|rounds| Rounds::of(&rounds, 1, given)).transpose()?;
                let rounds = rounds.map_or(NonZeroU32::MIN, |rounds| rounds.get());
                hash.hmac(&hash.pkcs12(3, secret.units(), salt, rounds, hash.length()), bytes)
            }
            Way::Pbmac1 { derivation, length, hash } => {
                hash.hmac(&derivation.key(secret, *length, given)?, bytes)
            }
        };
        Ok(is_same(&made, self.digest))
    }
}

/// Compares in a time that does not tell how far they agree.
fn is_same(made: &[u8], expected: &[u8]) -> bool {
    let differing = made.iter().zip(expected).fold(0, |bits, (one, other)| black_box(bits | (one ^ other)));
    made.len() == expected.len() && differing == 0
}

fn pbmac1<'a>(algorithm: &Algorithm<'a>) -> Result<Way<'a>, Unseen> {
    let malformed = || broken("the parameters of the archive's checksum (PBMAC1) are not built as such");
    let mut parts = algorithm.parts();
    let mut next = || parts.next().as_ref().and_then(Algorithm::of).ok_or_else(malformed);
    let (derivation, scheme) = (next()?, next()?);
    if derivation.name != Pbkdf2::NAME {
        return Err(unknown(derivation.name));
    }
    let hash = Hash::of_hmac(scheme.name).ok_or_else(|| unknown(scheme.name))?;
    let derivation = Pbkdf2::of(&derivation)?;
    let length = derivation.length.filter(|length| *length >= SHORTEST_KEY).ok_or_else(|| {
        broken(
            "the archive's checksum (PBMAC1) names no key length, or one below 20 bytes, as RFC 9579 forbids",
        )
    })?;
    Ok(Way::Pbmac1 { derivation, length, hash })
}

/// 1.2.840.113549.1.5.14
const PBMAC1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0e];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_the_same_only_in_every_byte_and_in_length() {
        let sum = [7_u8; 20];
        assert!(is_same(&sum, &sum));
        assert!(!is_same(&sum, &sum[..19]) && !is_same(&sum[..19], &sum) && !is_same(&sum, &[]));
        for at in 0..sum.len() {
            let mut other = sum;
            other[at] ^= 0x80;
            assert!(!is_same(&sum, &other), "byte {at}");
        }
    }
}
