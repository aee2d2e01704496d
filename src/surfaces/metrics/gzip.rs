//! Text that is compressed once, joined at each scrape with what is new into one gzip member (RFC 1952).
//! It knows nothing of metrics.

use axum::body::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};

/// Compressed text that more may follow: whole deflate blocks (RFC 1951), none of them the last.
pub(super) struct Deflated {
    blocks: Bytes,
    crc: Crc,
}

/// Compresses text as it comes, so that the whole of it never lies in memory.
pub(super) struct Deflater {
    compress: Compress,
    blocks: Vec<u8>,
    crc: Crc,
}

impl Deflater {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self { compress: Compress::new(Compression::fast(), false), blocks: Vec::new(), crc: Crc::new() }
    }

    /// Adds text.
    pub(super) fn write(&mut self, text: &str) {
        self.crc.update(text.as_bytes());
        self.feed(text.as_bytes(), FlushCompress::None);
    }

    /// Ends at a block's end, so that other blocks can follow.
    pub(super) fn finish(mut self) -> Deflated {
        self.feed(&[], FlushCompress::Sync);
        self.blocks.shrink_to_fit();
        Deflated { blocks: self.blocks.into(), crc: self.crc }
    }

    fn feed(&mut self, mut bytes: &[u8], flush: FlushCompress) {
        loop {
            self.blocks.reserve(ROOM);
            let before = self.compress.total_in();
            let fed = self.compress.compress_vec(bytes, &mut self.blocks, flush);
            let taken = usize::try_from(self.compress.total_in() - before).unwrap_or(bytes.len());
            bytes = bytes.get(taken..).unwrap_or_default();
            let has_room = self.blocks.len() < self.blocks.capacity();
            if fed.is_err() || (bytes.is_empty() && has_room) {
                return;
            }
        }
    }
}

/// One gzip member: what was compressed before, then this text.
pub(super) fn member(kept: &Deflated, fresh: &str) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.combine(&kept.crc);
    let mut tail = Deflater::new();
    tail.crc.update(fresh.as_bytes());
    tail.feed(fresh.as_bytes(), FlushCompress::Finish);
    crc.combine(&tail.crc);
    let mut member = Vec::with_capacity(HEAD.len() + kept.blocks.len() + tail.blocks.len() + 8);
    member.extend_from_slice(&HEAD);
    member.extend_from_slice(&kept.blocks);
    member.extend_from_slice(&tail.blocks);
    member.extend_from_slice(&crc.sum().to_le_bytes());
    member.extend_from_slice(&crc.amount().to_le_bytes());
    member
}

/// The head of a member: deflate, no name, no time, whatever system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// The room that is made for output at a time.
const ROOM: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[track_caller]
    fn check(parts: &[&str], fresh: &str) {
        let mut deflater = Deflater::new();
        parts.iter().for_each(|part| deflater.write(part));
        let kept = deflater.finish();
        // Asked twice: what is kept is not used up.
        for _ in 0..2 {
            let member = member(&kept, fresh);
            let mut text = String::new();
            let mut decoder = flate2::read::GzDecoder::new(&*member);
            decoder.read_to_string(&mut text).unwrap();
            assert!(text == parts.concat() + fresh, "{} bytes", text.len());
            assert!(decoder.into_inner().is_empty(), "one member and nothing behind it");
        }
    }

    #[test]
    fn what_was_compressed_before_and_what_is_new_are_one_text() {
        let long: String = (0..200_000)
            .map(|n: u32| format!("series{{n=\"{n}\"}} {}\n", n.wrapping_mul(2_654_435_761)))
            .collect();
        check(&[], "");
        check(&[], "fresh\n");
        check(&["kept\n"], "");
        check(&["kept\n", "", "more\n"], "fresh\n");
        check(&[&long], &long);
    }
}
