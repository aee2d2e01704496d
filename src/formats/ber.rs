//! BER, in which ends are marked rather than counted and values stand in pieces, as older programs write it, made into DER.
//! It knows no form of file; it only counts what was left uncounted.

use zeroize::Zeroizing;

use super::der::{self, Cut, Element};

/// How deep elements may stand in each other.
const DEEPEST: usize = 32;
/// An OCTET STRING in pieces.
const IN_PIECES: u8 = 0x24;
const CONSTRUCTED: u8 = 0x20;
const MARKED: u8 = 0x80;

/// What is made over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// What counts its length is taken over byte for byte, so that nothing signed changes.
    Marked,
    /// Everything down to the plain values.
    All,
}

/// The first element with counted lengths, what was counted before taken over byte for byte.
///
/// # Errors
/// [`Cut::Truncated`] where it breaks off, [`Cut::Alien`] where it is no BER.
pub(super) fn to_der(bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Cut> {
    counted(bytes, Reach::Marked, DEEPEST).map(|(element, _)| element)
}

/// The first element made into DER all the way down; what stands in plain values stays as it is.
///
/// # Errors
/// As [`to_der`].
pub(super) fn whole(bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Cut> {
    counted(bytes, Reach::All, DEEPEST).map(|(element, _)| element)
}

/// The octets of a plain value, or of one in pieces, under whatever tag; none where it holds something else.
pub(super) fn octets(element: &Element<'_>) -> Option<Zeroizing<Vec<u8>>> {
    if element.tag & CONSTRUCTED == 0 {
        return Some(Zeroizing::new(element.content.to_vec()));
    }
    joined(element.content)
}

fn joined(pieces: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut content = Zeroizing::new(Vec::with_capacity(pieces.len()));
    let mut rest = pieces;
    while !rest.is_empty() {
        let (piece, after) = der::element(rest).ok().filter(|(piece, _)| piece.tag == der::OCTET_STRING)?;
        content.extend_from_slice(piece.content);
        rest = after;
    }
    Some(content)
}

/// One element with counted lengths, and what follows it.
fn counted(bytes: &[u8], reach: Reach, depth: usize) -> Result<(Zeroizing<Vec<u8>>, &[u8]), Cut> {
    let deeper = depth.checked_sub(1).ok_or(Cut::Alien)?;
    if let [tag, MARKED, inside @ ..] = bytes {
        if tag & CONSTRUCTED == 0 {
            return Err(Cut::Alien);
        }
        let (content, rest) = marked(inside, reach, deeper)?;
        return Ok((rewritten(*tag, &content)?, rest));
    }
    let (element, rest) = der::element(bytes)?;
    if reach == Reach::Marked || element.tag & CONSTRUCTED == 0 {
        return Ok((Zeroizing::new(element.whole.to_vec()), rest));
    }
    let mut content = Zeroizing::new(Vec::with_capacity(element.content.len()));
    let mut left = element.content;
    while !left.is_empty() {
        let (child, after) = counted(left, reach, deeper)?;
        append(&mut content, &child);
        left = after;
    }
    Ok((rewritten(element.tag, &content)?, rest))
}

/// What stands before the mark of an end, and what follows it.
fn marked(mut rest: &[u8], reach: Reach, depth: usize) -> Result<(Zeroizing<Vec<u8>>, &[u8]), Cut> {
    let mut content = Zeroizing::new(Vec::new());
    loop {
        if let [0, 0, after @ ..] = rest {
            return Ok((content, after));
        }
        let (child, after) = counted(rest, reach, depth)?;
        append(&mut content, &child);
        rest = after;
    }
}

/// Puts more behind it. Where it has to grow, what it grew from is wiped: it may be a key.
fn append(content: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    let length = content.len() + more.len();
    if length > content.capacity() {
        let mut grown = Zeroizing::new(Vec::with_capacity(length.max(content.capacity() * 2)));
        grown.extend_from_slice(content);
        *content = grown;
    }
    content.extend_from_slice(more);
}

fn rewritten(tag: u8, content: &[u8]) -> Result<Zeroizing<Vec<u8>>, Cut> {
    if tag == IN_PIECES {
        return Ok(der::write(der::OCTET_STRING, &[&joined(content).ok_or(Cut::Alien)?]));
    }
    Ok(der::write(tag, &[content]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKED_ENDS: [u8; 23] =
        [0x30, 0x80, 0x02, 1, 7, 0xa0, 0x80, 0x24, 0x80, 4, 2, 1, 2, 4, 1, 3, 0, 0, 0, 0, 0, 0, 9];
    const AS_DER: [u8; 12] = [0x30, 10, 0x02, 1, 7, 0xa0, 5, 4, 3, 1, 2, 3];

    #[test]
    fn marked_ends_become_counted_lengths() {
        for reach in [Reach::Marked, Reach::All] {
            let (der, rest) = counted(&MARKED_ENDS, reach, DEEPEST).unwrap();
            assert_eq!((der.as_slice(), rest), (AS_DER.as_slice(), [9].as_slice()));
        }
        assert_eq!(whole(&AS_DER).unwrap().as_slice(), AS_DER);
    }

    #[test]
    fn what_counts_its_length_stays_unless_all_is_made_over() {
        let inside = [0x30, 9, 0x24, 0x80, 4, 1, 1, 4, 0, 0, 0];
        assert_eq!(to_der(&inside).unwrap().as_slice(), inside);
        assert_eq!(whole(&inside).unwrap().as_slice(), [0x30, 3, 4, 1, 1]);
        assert_eq!(whole(&[0x24, 6, 4, 1, 1, 4, 1, 2]).unwrap().as_slice(), [4, 2, 1, 2]);
    }

    #[test]
    fn what_is_no_ber_is_refused() {
        assert_eq!(to_der(&[0x30, 0x80, 0x02, 1, 7]).err(), Some(Cut::Truncated), "its end is missing");
        for alien in [
            // Nothing stands in a plain value.
            [0x04, 0x80, 0, 0].as_slice(),
            // A piece of another kind.
            &[0x24, 0x80, 0x02, 1, 7, 0, 0],
            // Too deep.
            &[0x30, 0x80].repeat(100_000),
        ] {
            assert_eq!((to_der(alien).err(), whole(alien).err()), (Some(Cut::Alien), Some(Cut::Alien)));
        }
    }

    #[test]
    fn octets_are_read_whole_and_in_pieces() {
        for bytes in [[0x80, 2, 1, 2].as_slice(), &[0xa0, 6, 4, 1, 1, 4, 1, 2], &[4, 2, 1, 2]] {
            let (element, _) = der::element(bytes).unwrap();
            assert_eq!(octets(&element).unwrap().as_slice(), [1, 2]);
        }
        let (other, _) = der::element(&[0xa0, 3, 2, 1, 1]).unwrap();
        assert!(octets(&other).is_none());
    }
}
