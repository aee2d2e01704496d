//! BER whose ends are marked rather than counted, as some older programs write PKCS#7, made into DER.
//! What counts its length is taken over byte for byte, so that nothing signed changes.

use zeroize::Zeroizing;

use super::der;

/// How deep marked ends may stand in each other.
const DEEPEST: usize = 32;
/// An OCTET STRING in pieces.
const IN_PIECES: u8 = 0x24;
const CONSTRUCTED: u8 = 0x20;
const MARKED: u8 = 0x80;

/// The first element with counted lengths; none where it is no BER.
pub(super) fn to_der(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    counted(bytes, DEEPEST).map(|(element, _)| element)
}

/// One element with counted lengths, and what follows it.
fn counted(bytes: &[u8], depth: usize) -> Option<(Zeroizing<Vec<u8>>, &[u8])> {
    let deeper = depth.checked_sub(1)?;
    let [tag, MARKED, rest @ ..] = bytes else {
        let (element, rest) = der::element(bytes).ok()?;
        return Some((Zeroizing::new(element.whole.to_vec()), rest));
    };
    if tag & CONSTRUCTED == 0 {
        return None;
    }
    let mut rest = rest;
    let mut content = Zeroizing::new(Vec::new());
    loop {
        if let [0, 0, after @ ..] = rest {
            let tag = if *tag == IN_PIECES { der::OCTET_STRING } else { *tag };
            return Some((der::write(tag, &[&content]), after));
        }
        let (child, after) = counted(rest, deeper)?;
        if *tag == IN_PIECES {
            let (piece, _) = der::element(&child).ok().filter(|(piece, _)| piece.tag == der::OCTET_STRING)?;
            content.extend_from_slice(piece.content);
        } else {
            content.extend_from_slice(&child);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_ends_become_counted_lengths() {
        let marked =
            [0x30, 0x80, 0x02, 1, 7, 0xa0, 0x80, 0x24, 0x80, 4, 2, 1, 2, 4, 1, 3, 0, 0, 0, 0, 0, 0, 9];
        let (der, rest) = counted(&marked, DEEPEST).unwrap();
        assert_eq!(der.as_slice(), [0x30, 10, 0x02, 1, 7, 0xa0, 5, 4, 3, 1, 2, 3]);
        assert_eq!(rest, [9]);
    }

    #[test]
    fn what_is_no_ber_is_refused() {
        assert!(to_der(&[0x30, 0x80, 0x02, 1, 7]).is_none(), "its end is missing");
        assert!(to_der(&[0x04, 0x80, 0, 0]).is_none(), "nothing stands in a plain value");
        assert!(to_der(&[0x24, 0x80, 0x02, 1, 7, 0, 0]).is_none(), "a piece of another kind");
        assert!(to_der(&[0x30, 0x80].repeat(100_000)).is_none(), "too deep");
    }
}
