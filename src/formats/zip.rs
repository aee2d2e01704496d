//! The ZIP archive that a cockpit's export gives: every file in it is read, within limits.
//! It writes nothing to disk and follows no path.

use std::io::Read as _;

use zeroize::Zeroizing;

use super::gather::{Gathered, shown, unwrap};
use super::given::Given;
use crate::domain::reason::{Reason, Unseen};

/// How many files are looked at.
const MEMBERS: usize = 200;
/// The largest file that is read, unpacked.
const MEMBER_BYTES: u64 = 4 * 1024 * 1024;
/// How many times larger than packed a file may be.
const RATIO: u64 = 200;

/// Reads every file of the archive.
pub(super) fn gather(bytes: &[u8], given: &Given<'_>, depth: usize) -> Result<Gathered, Unseen> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).map_err(|error| {
        Unseen::new(
            Reason::Truncated,
            format!("it is a ZIP archive that cannot be read to its end ({error}); download it again"),
        )
    })?;
    if archive.len() > MEMBERS {
        let text = format!(
            "it is a ZIP archive of {} files, which is more than the limit of {MEMBERS}",
            archive.len()
        );
        return Err(Unseen::new(Reason::TooLarge, text));
    }
    let mut gathered = Gathered::of("ZIP");
    for at in 0..archive.len() {
        let name = shown(archive.name_for_index(at).unwrap_or_default());
        if is_by_the_way(&name) {
            continue;
        }
        let place = format!("in {name}: ");
        match unpack(&mut archive, at, given) {
            Ok(content) => add_member(&mut gathered, &content, &place, given, depth),
            Err(odd) => gathered.add_oddity(Unseen::new(odd.reason, format!("{place}{}", odd.text))),
        }
    }
    Ok(gathered)
}

fn add_member(gathered: &mut Gathered, content: &[u8], place: &str, given: &Given<'_>, depth: usize) {
    match unwrap(content, given, depth) {
        Ok(found) => gathered.absorb(found, place),
        // A destination's own file and a read-me travel along; they are no oddity.
        Err(odd) if is_by_the_way_too(content, odd.reason) => {}
        Err(odd) => gathered.add_oddity(Unseen::new(odd.reason, format!("{place}{}", odd.text))),
    }
}

fn unpack(
    archive: &mut zip::ZipArchive<std::io::Cursor<&[u8]>>,
    at: usize,
    given: &Given<'_>,
) -> Result<Zeroizing<Vec<u8>>, Unseen> {
    let too_large = |text: String| Unseen::new(Reason::TooLarge, text);
    let member = archive.by_index(at).map_err(|error| refusal(&error))?;
    let packed = member.compressed_size().max(1);
    let limit = MEMBER_BYTES.min(given.unpackable());
    if member.size() > limit {
        return Err(too_large(format!(
            "it has {} bytes, which is more than the limit of {limit} that is left for it",
            member.size()
        )));
    }
    let mut content =
        Zeroizing::new(Vec::with_capacity(usize::try_from(member.size()).unwrap_or_default() + 1));
    let read = member.take(limit + 1).read_to_end(&mut content);
    // Whatever is refused below was unpacked all the same.
    let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
    given.unpacked(size);
    read.map_err(|error| Unseen::new(Reason::Malformed, format!("it cannot be unpacked: {error}")))?;
    if size > limit || (size > 64 * 1024 && size / packed > RATIO) {
        return Err(too_large("it unpacks to more than its packed size allows".to_owned()));
    }
    Ok(content)
}

fn refusal(error: &zip::result::ZipError) -> Unseen {
    use zip::result::ZipError;
    let way_out = "unpack the archive and name the certificate's own file";
    if let ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword = error {
        Unseen::new(Reason::UnsupportedFormat, format!("it is encrypted; {way_out}"))
    } else if let ZipError::UnsupportedArchive(what) = error {
        Unseen::new(
            Reason::UnsupportedFormat,
            format!("it is packed in a way that is not read here ({what}); {way_out}"),
        )
    } else {
        Unseen::new(Reason::Malformed, format!("it cannot be unpacked: {error}"))
    }
}

/// Text without a certificate, or nothing at all.
fn is_by_the_way_too(content: &[u8], reason: Reason) -> bool {
    let is_text = std::str::from_utf8(content).is_ok_and(|text| !text.contains('\0'));
    reason == Reason::Empty
        || (is_text && (reason == Reason::UnsupportedFormat || reason == Reason::NoCertificate))
}

/// Folders and what file managers leave behind.
fn is_by_the_way(name: &str) -> bool {
    name.ends_with('/') || name.starts_with("__MACOSX/") || name.ends_with(".DS_Store")
}
