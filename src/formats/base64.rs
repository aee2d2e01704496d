//! Base64 as it is met in the wild: any line length, mixed line ends, with or without padding.
//! It knows nothing of what is encoded.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Whether this byte is one of the 64.
pub(super) const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// Decodes; blanks and line ends are ignored. A text that stops in the middle is decoded as far as it goes.
///
/// # Errors
/// The first character that is not Base64.
pub(super) fn decode(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, char> {
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
    digits.extend(text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()));
    let end = digits.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    digits.truncate(end);
    if let Some(alien) = digits.iter().find(|byte| !is_digit(**byte)) {
        return Err(char::from(*alien));
    }
    if end % 4 == 1 {
        digits.truncate(end - 1);
    }
    LENIENT.decode(digits.as_slice()).map(Zeroizing::new).map_err(|_| '=')
}

/// Encodes in one line.
pub(super) fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
