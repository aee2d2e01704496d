//! The block ciphers behind passwords, all of them in CBC mode.
//! It derives no key.

use cbc::cipher::{
    BlockCipherDecrypt, BlockModeDecrypt as _, InnerIvInit as _, KeyInit, block_padding::Pkcs7,
};
use zeroize::Zeroizing;

use super::{Algorithm, broken, unknown};
use crate::domain::reason::Unseen;

/// A block cipher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    Des,
    TwoKeyDes,
    ThreeKeyDes,
    /// With so many bits of its key in effect, which need not be its length.
    Rc2(usize),
}

impl Cipher {
    /// The cipher of PBES2 with what it begins with.
    pub(super) fn of<'a>(algorithm: &Algorithm<'a>) -> Result<(Self, &'a [u8]), Unseen> {
        let cipher = match algorithm.name {
            [of @ .., number] if of == OF_AES => match number {
                0x02 => Self::Aes128,
                0x16 => Self::Aes192,
                0x2a => Self::Aes256,
                _ => return Err(unknown(algorithm.name)),
            },
            DES => Self::Des,
            THREE_KEY_DES => Self::ThreeKeyDes,
            RC2 => return rc2(algorithm),
            _ => return Err(unknown(algorithm.name)),
        };
        let begin = algorithm.parameters.map(|parameters| parameters.content).unwrap_or_default();
        Ok((cipher, begin))
    }

    /// How long its key is where nothing else is told, in bytes.
    pub(super) const fn key_length(self) -> usize {
        match self {
            Self::Des => 8,
            Self::Aes128 | Self::TwoKeyDes => 16,
            Self::Aes192 | Self::ThreeKeyDes => 24,
            Self::Aes256 => 32,
            Self::Rc2(bits) => bits / 8,
        }
    }

    /// Whether its key may have this length.
    pub(super) const fn takes(self, length: usize) -> bool {
        match self {
            Self::Rc2(_) => 1 <= length && length <= 128,
            Self::Aes128 | Self::Aes192 | Self::Aes256 | Self::Des | Self::TwoKeyDes | Self::ThreeKeyDes => {
                length == self.key_length()
            }
        }
    }

    /// The bytes that it takes in at a time.
    const fn block(self) -> usize {
        match self {
            Self::Aes128 | Self::Aes192 | Self::Aes256 => 16,
            Self::Des | Self::TwoKeyDes | Self::ThreeKeyDes | Self::Rc2(_) => 8,
        }
    }

    /// Looks at what no password has a part in.
    ///
    /// # Errors
    /// Where it cannot begin with this, or it never made what is sealed.
    pub(super) fn check(self, begin: &[u8], sealed: &[u8]) -> Result<(), Unseen> {
        if begin.len() != self.block() {
            let (is, needed) = (begin.len(), self.block());
            return Err(broken(&format!(
                "its cipher is to begin with {is} bytes (the IV), but takes {needed}"
            )));
        }
        if sealed.is_empty() || !sealed.len().is_multiple_of(self.block()) {
            let text =
                "what is encrypted in it is no whole number of blocks: a part is missing, or was added";
            return Err(broken(text));
        }
        Ok(())
    }

    /// What it decrypts to; none where the padding is none, or the key or the beginning does not fit it.
    pub(super) fn decrypt(self, key: &[u8], begin: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Aes128 => keyed::<aes::Aes128>(key, begin, sealed),
            Self::Aes192 => keyed::<aes::Aes192>(key, begin, sealed),
            Self::Aes256 => keyed::<aes::Aes256>(key, begin, sealed),
            Self::Des => keyed::<des::Des>(key, begin, sealed),
            Self::TwoKeyDes => keyed::<des::TdesEde2>(key, begin, sealed),
            Self::ThreeKeyDes => keyed::<des::TdesEde3>(key, begin, sealed),
            Self::Rc2(bits) => {
                let cipher = self.takes(key.len()).then(|| rc2::Rc2::new_with_eff_key_len(key, bits))?;
                chained(cipher, begin, sealed)
            }
        }
    }
}

/// RC2 tells its bits by a number of a table (RFC 8018 section B.2.3).
fn rc2<'a>(algorithm: &Algorithm<'a>) -> Result<(Cipher, &'a [u8]), Unseen> {
    let parts: Vec<_> = algorithm.parts().take(3).collect();
    let (bits, begin) = match parts.as_slice() {
        [begin] => (32, begin),
        [version, begin] => match version.content {
            [0x00, 0xa0] => (40, begin),
            [0x78] => (64, begin),
            [0x3a] => (128, begin),
            _ => return Err(unknown(algorithm.name)),
        },
        _ => return Err(broken("the parameters of its cipher (RC2) are not built as such")),
    };
    Ok((Cipher::Rc2(bits), begin.content))
}

fn keyed<C: BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    begin: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    chained(C::new_from_slice(key).ok()?, begin, sealed)
}

fn chained<C: BlockCipherDecrypt>(cipher: C, begin: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let chain = cbc::Decryptor::inner_iv_slice_init(cipher, begin).ok()?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    let length = chain.decrypt_padded::<Pkcs7>(&mut plain).ok()?.len();
    plain.truncate(length);
    Some(plain)
}

/// 2.16.840.1.101.3.4.1
const OF_AES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];
/// 1.3.14.3.2.7
const DES: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x07];
/// 1.2.840.113549.3.7
const THREE_KEY_DES: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x03, 0x07];
/// 1.2.840.113549.3.2
const RC2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x03, 0x02];
