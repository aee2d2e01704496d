//! Keystores as Java wrote them before PKCS#12: JKS and JCEKS. Their certificates lie open; a digest over all of it and the
//! protection of each key come from the password.
//! It chooses no entry, and opens no secret key.

use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _, block_padding::Pkcs7};
use md5::Digest as _;
use zeroize::Zeroizing;

use super::der::{self, Element};
use super::entries::{Entry, EntryKind, is_called};
use super::gather::{Gathered, shown};
use super::given::Given;
use super::pbe::{self, Hash, Rounds};
use crate::domain::reason::{Reason, Unseen};

/// What a JCEKS begins with; a JKS begins otherwise.
const JCEKS: [u8; 4] = [0xce, 0xce, 0xce, 0xce];

/// The longest alias, in bytes, by which the end of a secret key is found.
const LONGEST_ALIAS: usize = 1024;

const DIGEST: usize = 20;
const SALT: usize = 20;

/// Reads every entry. What breaks off in the middle hides nothing that stands before it.
pub(super) fn gather(bytes: &[u8], given: &Given<'_>) -> Result<Gathered, Unseen> {
    let form = if bytes.starts_with(&JCEKS) { "JCEKS" } else { "JKS" };
    let mut gathered = Gathered::of(form);
    gathered.saw(if form == "JKS" { "a Java keystore (JKS)" } else { "a Java keystore (JCEKS)" });
    let (signed, digest) = bytes.split_at_checked(bytes.len().saturating_sub(DIGEST)).unwrap_or((bytes, &[]));
    let mut rest = Reader(signed.get(4..).unwrap_or_default());
    let (Some(version @ (1 | 2)), Some(count)) = (rest.number(), rest.number()) else {
        let text = format!("it begins as a Java keystore ({form}) of a version that nobody writes");
        return Err(Unseen::new(Reason::UnsupportedFormat, text));
    };
    check(&mut gathered, signed, digest, given);
    for number in 0..count {
        let read = entry(&mut gathered, rest, version, given).or_else(|| skipped(&mut gathered, rest));
        let Some(after) = read else {
            let text =
                format!("the keystore ends or breaks off in entry {} of {count}; copy it again", number + 1);
            gathered.add_oddity(Unseen::new(Reason::Truncated, text));
            return Ok(gathered);
        };
        rest = after;
    }
    if !rest.0.is_empty() {
        let text = format!("{} bytes follow the last entry of the keystore", rest.0.len());
        gathered.add_oddity(Unseen::new(Reason::Malformed, text));
    }
    Ok(gathered)
}

/// Compares the digest over the whole keystore, which only whoever knows the password can write.
fn check(gathered: &mut Gathered, signed: &[u8], digest: &[u8], given: &Given<'_>) {
    let Some(password) = given.password else { return };
    if Hash::Sha1.digest(&[&utf16(password), b"Mighty Aphrodite", signed]).as_slice() != digest {
        let text = "the password given is not the one of the keystore, or somebody changed the keystore without it; what lies open in it was read";
        gathered.add_oddity(Unseen::new(Reason::PasswordWrong, text));
    }
}

/// What is left to be read.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// Bytes with their length before them.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    fn text(&mut self) -> Option<String> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        Some(shown(&String::from_utf8_lossy(self.take(length.into())?)))
    }

    /// Tag and alias of an entry; its date is told nowhere.
    fn head(&mut self) -> Option<(u32, String)> {
        let (tag, alias) = (self.number()?, self.text()?);
        self.take(8)?;
        Some((tag, alias))
    }

    fn certificate(&mut self, version: u32) -> Option<(String, &'a [u8])> {
        let kind = if version == 1 { "X.509".to_owned() } else { self.text()? };
        Some((kind, self.sized()?))
    }
}

/// Reads one entry that says how long it is; none where it is another, or broken.
fn entry<'a>(
    gathered: &mut Gathered,
    mut rest: Reader<'a>,
    version: u32,
    given: &Given<'_>,
) -> Option<Reader<'a>> {
    let (tag, alias) = rest.head()?;
    let (kind, key, count) = match tag {
        1 => (EntryKind::Key, Some(rest.sized()?), rest.number()?),
        2 => (EntryKind::Trusted, None, 1),
        _ => return None,
    };
    let place = format!("entry {alias}: ");
    // Nothing is taken, and nothing kept for it, before it is known to be whole.
    let mut certificates = rest;
    for _ in 0..count {
        rest.certificate(version)?;
    }
    let mut owner = None;
    for number in 0..count {
        let (kind, der) = certificates.certificate(version)?;
        if matches!(kind.as_str(), "X.509" | "X509") {
            let print = gathered.add_certificate(der, &place);
            owner = if number == 0 { print } else { owner };
        } else {
            let text = format!("{place}it holds a certificate of the kind {kind}, which is not X.509");
            gathered.add_oddity(Unseen::new(Reason::UnsupportedFormat, text));
        }
    }
    gathered.add_entry(Entry { alias: alias.clone(), kind, owner });
    if let Some(key) = key.filter(|_| given.alias.is_none_or(|wanted| is_called(&alias, wanted))) {
        match unlocked(key, given) {
            Ok(key) => gathered.add_key(&key, der::Kind::Pkcs8),
            Err(odd) => gathered.add_key_oddity(Unseen::new(odd.reason, format!("{place}{}", odd.text))),
        }
    }
    Some(rest)
}

/// A secret key is an object of Java's, whose length nothing tells: the next entry begins where one can be read, and after the
/// last of them nothing does.
fn skipped<'a>(gathered: &mut Gathered, mut rest: Reader<'a>) -> Option<Reader<'a>> {
    let (tag, alias) = rest.head()?;
    if tag != 3 || !rest.0.starts_with(&OBJECT) {
        return None;
    }
    gathered.saw("a secret key");
    gathered.add_entry(Entry { alias, kind: EntryKind::Secret, owner: None });
    let next = rest.0.windows(4).enumerate().filter(|(_, tag)| matches!(tag, [0, 0, 0, 1..=3]));
    let next = next.filter_map(|(at, _)| rest.0.get(at..)).find(|rest| begins_entry(Reader(rest)));
    Some(Reader(next.unwrap_or_default()))
}

fn begins_entry(mut rest: Reader<'_>) -> bool {
    let dated = |rest: &mut Reader<'_>| {
        let tag = rest.number()?;
        let length = u16::from_be_bytes(rest.take(2)?.try_into().ok()?);
        let alias =
            rest.take(usize::from(length)).filter(|alias| (1..=LONGEST_ALIAS).contains(&alias.len()))?;
        // Milliseconds since 1970, in a year of four digits from 1978 on. It costs less to look at than the alias.
        let date = matches!(rest.take(8)?, [0, 0, 0x00..=0xe6, a, ..] if *a > 0);
        let follows = match tag {
            3 => rest.0.starts_with(&OBJECT),
            1 => usize::try_from(rest.number()?).is_ok_and(|length| length < rest.0.len()),
            _ => rest.0.len() > DIGEST,
        };
        let is_name = |alias| std::str::from_utf8(alias).is_ok_and(|name| !name.contains(char::is_control));
        Some(date && follows && is_name(alias))
    };
    dated(&mut rest) == Some(true)
}

/// What an object of Java's begins with.
const OBJECT: [u8; 4] = [0xac, 0xed, 0x00, 0x05];

/// Opens a key with the password, in either of the two ways of Java's.
fn unlocked(key: &[u8], given: &Given<'_>) -> Result<Zeroizing<Vec<u8>>, Unseen> {
    let Some(password) = given.password else {
        let text = "the private key is protected by a password and none was given; name the file that holds it (password = { file = … })";
        return Err(Unseen::new(Reason::PasswordNeeded, text));
    };
    given.unlock()?;
    let parts = protection(key).ok_or_else(|| {
        Unseen::new(
            Reason::Malformed,
            "the private key is not kept as Java keeps one; export the keystore anew",
        )
    })?;
    let plain = match parts {
        Protection::Jks(sealed) => unmask(sealed, password),
        Protection::Jceks { salt, rounds, sealed } => {
            decrypt(salt, &Rounds::of(&rounds, 2, given)?, sealed, password)
        }
        Protection::Another => {
            let text = "the private key is protected in a way that neither certsteward nor keytool reads; have it exported anew where it comes from, as PKCS#12";
            return Err(Unseen::new(Reason::UnsupportedFormat, text));
        }
    };
    plain.filter(|plain| pbe::key_kind(plain) == Some(der::Kind::Pkcs8)).ok_or_else(|| {
        let text = "the password given does not open the private key; where it has a password of its own, give it that of the keystore: keytool -keypasswd -alias NAME -keystore FILE";
        Unseen::new(Reason::PasswordWrong, text)
    })
}

/// How a key is protected.
enum Protection<'a> {
    /// Masked by a chain of SHA-1 digests.
    Jks(&'a [u8]),
    /// Triple DES with a key from MD5 digests.
    Jceks {
        salt: &'a [u8],
        rounds: Element<'a>,
        sealed: &'a [u8],
    },
    Another,
}

/// None where it is built otherwise, or of a length that no key has under it.
fn protection(key: &[u8]) -> Option<Protection<'_>> {
    let (outer, _) = der::element(key).ok()?;
    let mut parts = der::children(outer.content);
    let (algorithm, sealed) = (parts.next()?, parts.next()?);
    let mut named = der::children(algorithm.content);
    let name = named.next()?;
    if name.content == OF_JKS {
        return (sealed.content.len() > SALT + DIGEST).then_some(Protection::Jks(sealed.content));
    }
    if name.content != OF_JCEKS {
        return Some(Protection::Another);
    }
    let parameters = named.next()?;
    let mut parameters = der::children(parameters.content);
    let (salt, rounds) = (parameters.next()?, parameters.next()?);
    let (salt, sealed) = (salt.content, sealed.content);
    let is_whole = salt.len() == 8 && !sealed.is_empty() && sealed.len().is_multiple_of(8);
    is_whole.then_some(Protection::Jceks { salt, rounds, sealed })
}

/// Each block is masked by the digest of the password and the digest before it, the salt at first; a digest of the password and
/// the plain key stands at the end.
fn unmask(sealed: &[u8], password: &str) -> Option<Zeroizing<Vec<u8>>> {
    let password = utf16(password);
    let digest = |with: &[u8]| Hash::Sha1.digest(&[&password, with]);
    let (salt, rest) = sealed.split_at_checked(SALT)?;
    let (masked, expected) = rest.split_at_checked(rest.len().checked_sub(DIGEST)?)?;
    let mut mask = Zeroizing::new(salt.to_vec());
    let mut plain = Zeroizing::new(Vec::with_capacity(masked.len()));
    for block in masked.chunks(DIGEST) {
        mask = digest(&mask);
        plain.extend(block.iter().zip(mask.iter()).map(|(byte, mask)| byte ^ mask));
    }
    (digest(&plain).as_slice() == expected).then_some(plain)
}

/// Each half of the salt is digested with the password as often as it says: 24 bytes of key and 8 to begin with come of it.
fn decrypt(salt: &[u8], rounds: &Rounds, sealed: &[u8], password: &str) -> Option<Zeroizing<Vec<u8>>> {
    let password: Zeroizing<Vec<u8>> = Zeroizing::new(password.chars().map(seven_bits).collect());
    let (first, second) = salt.split_at_checked(4).filter(|(_, second)| second.len() == 4)?;
    let mut made = Zeroizing::new(Vec::with_capacity(32));
    for half in [first, second] {
        let mut digested = Zeroizing::new(half.to_vec());
        for _ in 0..rounds.get().get() {
            let next = md5::Md5::new().chain_update(&*digested).chain_update(&*password).finalize();
            digested.clear();
            digested.extend_from_slice(&next);
        }
        made.extend_from_slice(&digested);
    }
    let (key, begin) = made.split_at_checked(24)?;
    let cipher = cbc::Decryptor::<des::TdesEde3>::new_from_slices(key, begin).ok()?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    let length = cipher.decrypt_padded::<Pkcs7>(&mut plain).ok()?.len();
    plain.truncate(length);
    Some(plain)
}

/// Java takes the low seven bits of each character of such a password.
fn seven_bits(character: char) -> u8 {
    u8::try_from(u32::from(character) & 0x7f).unwrap_or_default()
}

fn utf16(text: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 2));
    text.encode_utf16().for_each(|unit| bytes.extend_from_slice(&unit.to_be_bytes()));
    bytes
}

/// 1.3.6.1.4.1.42.2.17.1.1
const OF_JKS: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x2a, 0x02, 0x11, 0x01, 0x01];
/// 1.3.6.1.4.1.42.2.19.1
const OF_JCEKS: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x2a, 0x02, 0x13, 0x01];
