//! Finds out what some bytes are and collects every certificate and key from them, however they are wrapped.
//! It opens the wrappings; what lies inside each is read by its neighbours.

use zeroize::Zeroizing;

use super::alien::{alien, unsupported};
use super::der::{self, Cut, Element, Kind};
use super::entries::Entry;
use super::given::Given;
use super::{LIMIT, base64, ber, jks, keys, pem, pkcs12, zip};
use crate::domain::certificate::{Certificate, Fingerprint};
use crate::domain::reason::{Reason, Unseen};

/// How many wrappings inside each other are opened.
const DEPTH: usize = 5;
/// How many certificates are read from one input.
const CERTIFICATES: usize = 5000;
/// The largest certificate that is read: what it says stands in pages, series and mails, and a TLS server takes no more than 100 KiB.
const CERTIFICATE_BYTES: usize = 256 * 1024;
/// How many private keys are read from one input.
const KEYS: usize = 1000;
/// The largest private key that is read: each may be tried with many certificates, and RSA of 16384 bits has 9 KiB.
const KEY_BYTES: usize = 32 * 1024;
/// How many oddities are kept.
const ODDITIES: usize = 50;

/// What has been collected so far.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) certificates: Vec<Certificate>,
    /// As PKCS#8.
    pub(super) keys: Vec<Zeroizing<Vec<u8>>>,
    /// What could not be read, keys aside.
    pub(super) oddities: Vec<Unseen>,
    /// Keys that could not be read.
    pub(super) key_oddities: Vec<Unseen>,
    /// What was understood and is neither certificate nor private key.
    pub(super) seen: Vec<&'static str>,
    pub(super) form: &'static str,
    /// The named entries of keystores.
    pub(super) entries: Vec<Entry>,
    left_out: usize,
}

impl Gathered {
    /// Nothing yet, in this form.
    pub(super) fn of(form: &'static str) -> Self {
        Self { form, ..Self::default() }
    }

    /// Takes a certificate, and tells its public key; none where it was not taken.
    pub(super) fn add_certificate(&mut self, der: &[u8], place: &str) -> Option<Fingerprint> {
        if self.certificates.len() >= CERTIFICATES {
            self.left_out += 1;
            return None;
        }
        match certificate(der) {
            Ok(certificate) => {
                let print = certificate.key_fingerprint;
                self.certificates.push(certificate);
                Some(print)
            }
            Err(odd) => {
                self.add_oddity(Unseen::new(odd.reason, format!("{place}{}", odd.text)));
                None
            }
        }
    }

    /// Takes a plain private key in any of its three forms.
    pub(super) fn add_key(&mut self, der: &[u8], kind: Kind) {
        match keys::to_pkcs8(der, kind) {
            Ok(key) => self.add_pkcs8(key),
            Err(odd) => self.add_key_oddity(odd),
        }
    }

    /// Takes a plain private key that is PKCS#8 already.
    pub(super) fn add_pkcs8(&mut self, key: Zeroizing<Vec<u8>>) {
        if key.len() > KEY_BYTES {
            let (bytes, limit) = (key.len(), KEY_BYTES >> 10);
            let text =
                format!("a private key has {bytes} bytes, which is more than the limit of {limit} KiB");
            self.add_key_oddity(Unseen::new(Reason::TooLarge, text));
        } else if self.keys.len() < KEYS {
            self.keys.push(key);
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn add_key_oddity(&mut self, odd: Unseen) {
        if self.key_oddities.len() < ODDITIES {
            self.key_oddities.push(odd);
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn add_oddity(&mut self, odd: Unseen) {
        if self.oddities.len() < ODDITIES {
            self.oddities.push(odd);
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn saw(&mut self, what: &'static str) {
        if !self.seen.contains(&what) {
            self.seen.push(what);
        }
    }

    pub(super) fn add_entry(&mut self, entry: Entry) {
        if self.entries.len() < CERTIFICATES {
            self.entries.push(entry);
        } else {
            self.left_out += 1;
        }
    }

    /// So many parts were passed over.
    pub(super) const fn leave_out(&mut self, count: usize) {
        self.left_out += count;
    }

    pub(super) fn holds_key(&self) -> bool {
        !self.keys.is_empty() || !self.key_oddities.is_empty()
    }

    /// Takes over what another collection found, its oddities prefixed with where that was.
    pub(super) fn absorb(&mut self, other: Self, place: &str) {
        let room = CERTIFICATES.saturating_sub(self.certificates.len());
        self.left_out += other.certificates.len().saturating_sub(room);
        self.certificates.extend(other.certificates.into_iter().take(room));
        for key in other.keys {
            self.add_pkcs8(key);
        }
        let placed = |odd: Unseen| Unseen::new(odd.reason, format!("{place}{}", odd.text));
        for odd in other.key_oddities {
            self.add_key_oddity(placed(odd));
        }
        for odd in other.oddities {
            self.add_oddity(placed(odd));
        }
        for entry in other.entries {
            self.add_entry(entry);
        }
        for what in other.seen {
            self.saw(what);
        }
        self.left_out += other.left_out;
    }

    /// Everything odd, in one list. What is to be said of several parts in the same words is said once.
    pub(super) fn all_oddities(self) -> Vec<Unseen> {
        let left_out = self.left_out;
        let more = (left_out > 0).then(|| {
            Unseen::new(
                Reason::TooLarge,
                format!("{left_out} more parts were left out: there are too many in it"),
            )
        });
        let mut told = Vec::new();
        for odd in self.oddities.into_iter().chain(self.key_oddities).chain(more) {
            if !told.contains(&odd) {
                told.push(odd);
            }
        }
        told
    }

    pub(super) fn take_key_oddities(&mut self) -> Vec<Unseen> {
        std::mem::take(&mut self.key_oddities)
    }

    pub(super) fn take_first_oddity(&mut self) -> Option<Unseen> {
        (!self.oddities.is_empty()).then(|| self.oddities.swap_remove(0))
    }

    /// Says why, where there is no certificate: what broke, else what was found instead.
    pub(super) fn demand_certificate(&mut self) -> Result<(), Unseen> {
        if !self.certificates.is_empty() {
            return Ok(());
        }
        if let Some(odd) = self.take_first_oddity() {
            return Err(odd);
        }
        if self.holds_key() {
            self.saw("a private key");
        }
        let held = match self.seen.as_slice() {
            [] => "there is no certificate in it".to_owned(),
            seen => format!("it holds {} and no certificate", seen.join(" and ")),
        };
        let way_out = if self.seen.contains(&"a certificate signing request") {
            "the certificate is what the authority sends back for that request"
        } else {
            "name the file that holds the certificate"
        };
        Err(Unseen::new(Reason::NoCertificate, format!("{held}; {way_out}")))
    }
}

fn certificate(der: &[u8]) -> Result<Certificate, Unseen> {
    if der.len() > CERTIFICATE_BYTES {
        let (bytes, limit) = (der.len(), CERTIFICATE_BYTES >> 10);
        let text = format!("the certificate has {bytes} bytes, which is more than the limit of {limit} KiB");
        return Err(Unseen::new(Reason::TooLarge, text));
    }
    let certificate = Certificate::from_der(der)?;
    // The parser passes over tags that everybody else looks at.
    if der::element(der).is_ok_and(|(element, _)| der::kind(&element) == Kind::Certificate) {
        return Ok(certificate);
    }
    let text = "the certificate is not built as one: other programs will refuse it";
    Err(Unseen::new(Reason::Malformed, text))
}

/// Collects everything.
///
/// # Errors
/// Where the bytes as a whole are nothing that is read here.
pub(super) fn gather(bytes: &[u8], given: &Given<'_>) -> Result<Gathered, Unseen> {
    if bytes.len() > LIMIT {
        let text =
            format!("it has {} bytes, which is more than the limit of {} MiB", bytes.len(), LIMIT >> 20);
        return Err(Unseen::new(Reason::TooLarge, text));
    }
    unwrap(bytes, given, DEPTH)
}

/// Opens one wrapping.
pub(super) fn unwrap(bytes: &[u8], given: &Given<'_>, depth: usize) -> Result<Gathered, Unseen> {
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(unsupported("it is wrapped in too many layers"));
    };
    let decoded = from_utf16(bytes);
    let bytes = decoded.as_ref().map_or(bytes, |text| text.as_bytes());
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
        return Err(Unseen::new(Reason::Empty, "it is empty"));
    }
    match bytes {
        [0xfe, 0xed, 0xfe, 0xed, ..] | [0xce, 0xce, 0xce, 0xce, ..] => jks::gather(bytes, given),
        [b'P', b'K', 3, 4, ..] => zip::gather(bytes, given, deeper),
        [b'P', b'K', 5, 6, ..] => Err(Unseen::new(Reason::Empty, "it is a ZIP archive without any file")),
        // What is signed, or a remark in a certificate, may hold PEM too; the length tells DER from text.
        [der::SEQUENCE, 0x80..=0x84, ..] => {
            from_der(bytes, given).unwrap_or_else(|| from_armour(bytes, given, deeper))
        }
        _ => from_armour(bytes, given, deeper),
    }
}

fn from_armour(bytes: &[u8], given: &Given<'_>, depth: usize) -> Result<Gathered, Unseen> {
    if pem::is_pem(bytes) {
        return Ok(pem::gather(bytes, given));
    }
    from_der(bytes, given).unwrap_or_else(|| from_text(bytes, given, depth))
}

/// DER, of whatever kind and as many as there are; none where it is not DER.
fn from_der(bytes: &[u8], given: &Given<'_>) -> Option<Result<Gathered, Unseen>> {
    if bytes.first() != Some(&der::SEQUENCE) {
        return None;
    }
    let mut gathered = Gathered::of("DER");
    let mut rest = bytes;
    // Blanks may be elements too, so where they begin to be all that follows is found only once.
    let blanks = bytes.len() - bytes.trim_ascii_end().len();
    while rest.len() > blanks {
        match der::element(rest) {
            Ok((element, after)) => {
                let known = add_element(&mut gathered, &element, given);
                if !known && rest.len() == bytes.len() {
                    return None;
                }
                rest = after;
            }
            Err(_) if rest.len() != bytes.len() => {
                let text = format!("{} bytes follow that cannot be read", rest.len());
                gathered.add_oddity(Unseen::new(Reason::Malformed, text));
                break;
            }
            Err(Cut::Truncated) if looks_like_der(bytes) => {
                return Some(Err(Unseen::new(Reason::Truncated, truncated("it is DER that"))));
            }
            Err(Cut::Indefinite) if add_uncounted(&mut gathered, bytes, given) => break,
            Err(Cut::Indefinite) if looks_like_der(bytes) => return Some(Err(uncounted(bytes))),
            Err(Cut::Truncated | Cut::Indefinite | Cut::Alien) => return None,
        }
    }
    Some(Ok(gathered))
}

/// Puts one element where it belongs; false where nobody knows what it is.
pub(super) fn add_element(gathered: &mut Gathered, element: &Element<'_>, given: &Given<'_>) -> bool {
    let kind = der::kind(element);
    match kind {
        Kind::Certificate => {
            gathered.add_certificate(element.whole, "");
        }
        Kind::Request => gathered.saw("a certificate signing request"),
        Kind::RevocationList => gathered.saw("a certificate revocation list"),
        Kind::PublicKey => gathered.saw("a public key"),
        Kind::Pkcs8 | Kind::Pkcs1 | Kind::Sec1 => gathered.add_key(element.whole, kind),
        Kind::EncryptedPkcs8 => match keys::decrypt(element, given) {
            Ok(key) => gathered.add_pkcs8(key),
            Err(odd) => gathered.add_key_oddity(odd),
        },
        Kind::Pkcs7 => {
            gathered.form = "PKCS#7";
            gathered.saw("a PKCS#7 structure");
            for certificate in der::pkcs7_certificates(element) {
                gathered.add_certificate(certificate, "");
            }
        }
        Kind::Pkcs12 => {
            gathered.form = "PKCS#12";
            gathered.saw("a PKCS#12 structure");
            if let Err(odd) = pkcs12::gather(gathered, element.whole, given) {
                gathered.add_oddity(odd);
            }
        }
        // It may count its own length and still hold what does not.
        Kind::Unknown => return add_uncounted(gathered, element.whole, given),
    }
    true
}

/// Takes PKCS#7 and PKCS#12 in BER, whose ends are marked rather than counted; false where it is something else.
pub(super) fn add_uncounted(gathered: &mut Gathered, bytes: &[u8], given: &Given<'_>) -> bool {
    let mut add = |wanted: Kind, der: Result<Zeroizing<Vec<u8>>, Cut>| {
        let der = der.unwrap_or_default();
        let element = der::element(&der).map(|(element, _)| element);
        element.is_ok_and(|element| der::kind(&element) == wanted && add_element(gathered, &element, given))
    };
    // What is signed must stay as it is.
    add(Kind::Pkcs7, ber::to_der(bytes)) || add(Kind::Pkcs12, ber::whole(bytes))
}

fn uncounted(bytes: &[u8]) -> Unseen {
    match ber::whole(bytes) {
        Err(Cut::Truncated) => Unseen::new(Reason::Truncated, truncated("it is BER that")),
        Ok(_) | Err(Cut::Indefinite | Cut::Alien) => unsupported(
            "it is BER, in which ends are marked rather than counted, but neither PKCS#7 nor PKCS#12; export it anew as DER or PEM",
        ),
    }
}

/// Whether it begins as the things read here do, so that a broken end is worth naming.
fn looks_like_der(bytes: &[u8]) -> bool {
    let inner = match bytes {
        [_, 0..=0x80, tag, ..]
        | [_, 0x81, _, tag, ..]
        | [_, 0x82, _, _, tag, ..]
        | [_, 0x83, _, _, _, tag, ..] => *tag,
        _ => return false,
    };
    matches!(inner, der::SEQUENCE | der::INTEGER | der::OBJECT_IDENTIFIER)
}

/// Base64 without armour around it, or something that is no certificate at all.
fn from_text(bytes: &[u8], given: &Given<'_>, depth: usize) -> Result<Gathered, Unseen> {
    let Some(decoded) = undecorated(bytes) else {
        return Err(alien(bytes));
    };
    let mut gathered = unwrap(&decoded, given, depth).map_err(|odd| {
        // What decodes to nothing known was no Base64 to begin with.
        let known = odd.reason != Reason::UnsupportedFormat || decoded.starts_with(&[0xfe, 0xed]);
        if known { odd } else { alien(bytes) }
    })?;
    gathered.form = in_base64(gathered.form);
    Ok(gathered)
}

/// The bytes that this text stands for, where all of it is Base64 (quotes around it aside).
fn undecorated(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = bytes.trim_ascii();
    let text = text.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(text);
    if text.len() < 16 {
        return None;
    }
    base64::decode(text).ok()
}

fn in_base64(form: &'static str) -> &'static str {
    match form {
        "DER" => "Base64",
        "PEM" => "PEM in Base64",
        "PKCS#12" => "PKCS#12 in Base64",
        "PKCS#7" => "PKCS#7 in Base64",
        "JKS" => "JKS in Base64",
        "JCEKS" => "JCEKS in Base64",
        "ZIP" => "ZIP in Base64",
        other => other,
    }
}

/// UTF-16 with its mark, as some editors and shells of Windows write it.
fn from_utf16(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let (units, big): (&[u8], bool) = match bytes {
        [0xff, 0xfe, rest @ ..] => (rest, false),
        [0xfe, 0xff, rest @ ..] => (rest, true),
        _ => return None,
    };
    let pair = |pair: &[u8]| match pair {
        [high, low] if big => u16::from_be_bytes([*high, *low]),
        [low, high] => u16::from_le_bytes([*low, *high]),
        _ => 0,
    };
    // A unit of two bytes becomes three at most: it never grows, which would leave a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(units.len() / 2 * 3));
    text.extend(
        char::decode_utf16(units.chunks_exact(2).map(pair)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)),
    );
    Some(text)
}

pub(super) fn truncated(what: &str) -> String {
    format!("{what} ends in the middle; copy or download the whole of it again")
}

/// A name as it may stand in a message.
pub(super) fn shown(name: &str) -> String {
    name.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect()
}
