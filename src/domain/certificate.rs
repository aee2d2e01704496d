//! The facts of one certificate, read from its DER.
//! It judges nothing and holds no key.

use std::borrow::Cow;
use std::sync::Arc;

use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_X509_EXT_EXTENDED_KEY_USAGE;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::Timestamp;
use super::name::DistinguishedName;
use super::reason::{Reason, Unseen};

/// A SHA-256 fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The SHA-256 of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Lower-case hexadecimal without separators.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// The first twelve hexadecimal digits: enough to tell two certificates apart in a sentence.
    #[must_use]
    pub fn short(&self) -> String {
        self.hex().chars().take(12).collect()
    }

    /// Upper-case pairs with colons, as other tools print it.
    #[must_use]
    pub fn colons(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// Reads the form that [`Fingerprint::hex`] writes; colons and case are ignored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect::<Option<_>>()?;
        let bytes: Vec<u8> =
            digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |sum, d| sum * 16 + d)).collect();
        if digits.len() != 64 {
            return None;
        }
        bytes.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hex())
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend([digit(byte >> 4), digit(byte & 0x0f)]);
    }
    text
}

/// What kind of public key it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// RSA with the size of its modulus in bits.
    Rsa(usize),
    /// An elliptic curve with its size in bits.
    Ec(usize),
    /// Ed25519.
    Ed25519,
    /// Anything else, by its object identifier.
    Other(String),
}

impl std::fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
            Self::Ec(bits) => write!(f, "EC {bits}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(oid) => f.write_str(oid),
        }
    }
}

/// What the certificate may be used for (RFC 5280, 4.2.1.12).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtendedKeyUsage {
    /// Whether the extension is there at all; without it every use is allowed.
    pub present: bool,
    /// `anyExtendedKeyUsage`.
    pub any: bool,
    /// `id-kp-clientAuth`.
    pub client_auth: bool,
    /// `id-kp-serverAuth`.
    pub server_auth: bool,
    /// Every other purpose, by object identifier.
    pub other: Vec<String>,
}

impl ExtendedKeyUsage {
    /// Whether a TLS client may present it.
    #[must_use]
    pub const fn allows_client_auth(&self) -> bool {
        !self.present || self.any || self.client_auth
    }

    /// Whether a TLS server may present it.
    #[must_use]
    pub const fn allows_server_auth(&self) -> bool {
        !self.present || self.any || self.server_auth
    }
}

/// The facts of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate itself.
    pub der: Arc<[u8]>,
    /// SHA-256 of the DER.
    pub fingerprint: Fingerprint,
    /// SHA-256 of the subject public key info: the same for every certificate of one key.
    pub key_fingerprint: Fingerprint,
    /// The subject.
    pub subject: DistinguishedName,
    /// The issuer.
    pub issuer: DistinguishedName,
    /// The serial number, lower-case hexadecimal.
    pub serial: String,
    /// The start of validity (inclusive).
    pub not_before: Timestamp,
    /// The end of validity (inclusive).
    pub not_after: Timestamp,
    /// The kind and size of its key.
    pub key: KeyAlgorithm,
    /// The signature algorithm's short name, such as `sha256WithRSAEncryption`.
    pub signature: Cow<'static, str>,
    /// Extended key usage.
    pub extended_key_usage: ExtendedKeyUsage,
    /// Whether it is an authority (basic constraints).
    pub is_ca: bool,
}

impl Certificate {
    /// Reads the facts from DER.
    ///
    /// # Errors
    /// [`Reason::Empty`], [`Reason::Truncated`] or [`Reason::Malformed`] with what is wrong.
    pub fn from_der(der: &[u8]) -> Result<Self, Unseen> {
        if der.is_empty() {
            return Err(Unseen::new(Reason::Empty, "the certificate is empty"));
        }
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| unreadable(der, &error))?;
        if !rest.is_empty() {
            let text = format!("{} bytes follow the certificate", rest.len());
            return Err(Unseen::new(Reason::Malformed, text));
        }
        Self::from_parsed(der, &parsed)
    }

    fn from_parsed(der: &[u8], parsed: &X509Certificate<'_>) -> Result<Self, Unseen> {
        Ok(Self {
            der: der.into(),
            fingerprint: Fingerprint::of(der),
            key_fingerprint: Fingerprint::of(parsed.public_key().raw),
            subject: DistinguishedName::from_x509(parsed.subject()),
            issuer: DistinguishedName::from_x509(parsed.issuer()),
            serial: serial(parsed.raw_serial()),
            not_before: timestamp(parsed.validity().not_before, "notBefore")?,
            not_after: timestamp(parsed.validity().not_after, "notAfter")?,
            key: key_algorithm(parsed),
            signature: signature_name(parsed),
            extended_key_usage: extended_key_usage(parsed),
            is_ca: parsed.is_ca(),
        })
    }

    /// How long it is valid in all.
    #[must_use]
    pub fn lifetime(&self) -> chrono::Duration {
        self.not_after - self.not_before
    }

    /// Whether `now` is within its validity.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// Whether subject and issuer are the same name.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Key usage flags by their RFC 5280 names; empty where the extension is missing. Read from the certificate each time.
    #[must_use]
    pub fn key_usage(&self) -> Vec<&'static str> {
        self.parsed().as_ref().map(key_usage).unwrap_or_default()
    }

    /// Subject alternative names as text, such as `DNS:api.example.org`. Read from the certificate each time.
    #[must_use]
    pub fn alternative_names(&self) -> Vec<String> {
        self.parsed().as_ref().map(alternative_names).unwrap_or_default()
    }

    /// The address of the responder that it names for questions about its revocation (RFC 5280 §4.2.2.1, RFC 6960 §3.1).
    #[must_use]
    pub fn ocsp_responder(&self) -> Option<String> {
        self.find_extension(|extension| {
            let ParsedExtension::AuthorityInfoAccess(access) = extension else { return None };
            access.accessdescs.iter().find_map(|one| {
                let GeneralName::URI(url) = one.access_location else { return None };
                (one.access_method.to_id_string() == OCSP).then(|| url.to_owned())
            })
        })
    }

    fn parsed(&self) -> Option<X509Certificate<'_>> {
        X509Certificate::from_der(&self.der).ok().map(|(_, parsed)| parsed)
    }

    /// The identifier it gives its own key (subject key identifier).
    pub(super) fn key_identifier(&self) -> Option<Vec<u8>> {
        self.find_extension(|extension| {
            let ParsedExtension::SubjectKeyIdentifier(id) = extension else { return None };
            Some(id.0.to_vec())
        })
    }

    /// The identifier it gives its issuer's key (authority key identifier).
    pub(super) fn issuer_key_identifier(&self) -> Option<Vec<u8>> {
        self.find_extension(|extension| {
            let ParsedExtension::AuthorityKeyIdentifier(id) = extension else { return None };
            Some(id.key_identifier.as_ref()?.0.to_vec())
        })
    }

    fn find_extension<T>(&self, wanted: impl Fn(&ParsedExtension<'_>) -> Option<T>) -> Option<T> {
        self.parsed()?.extensions().iter().find_map(|extension| wanted(extension.parsed_extension()))
    }

    /// The subject's common name, else the whole subject as text; fit for a sentence.
    #[must_use]
    pub fn common_name(&self) -> String {
        for_sentences(&self.subject)
    }

    /// The issuer's common name, else the whole issuer as text; fit for a sentence.
    #[must_use]
    pub fn issuer_name(&self) -> String {
        for_sentences(&self.issuer)
    }
}

/// How a name is told: on one line, and no longer than a sentence bears. X.520 allows a common name 64 characters.
fn for_sentences(name: &DistinguishedName) -> String {
    let told = name.common_name().map_or_else(|| Cow::Owned(name.to_string()), Cow::Borrowed);
    let mut plain = told.chars().map(|c| if c.is_control() { ' ' } else { c });
    let shown: String = plain.by_ref().take(LONGEST_NAME).collect();
    if plain.next().is_none() { shown } else { format!("{shown}…") }
}

const LONGEST_NAME: usize = 200;
/// `id-ad-ocsp`.
const OCSP: &str = "1.3.6.1.5.5.7.48.1";

fn unreadable(der: &[u8], error: &x509_parser::nom::Err<x509_parser::error::X509Error>) -> Unseen {
    use x509_parser::nom::Err::{Error, Failure, Incomplete};
    let outer = x509_parser::asn1_rs::Any::from_der(der);
    match (outer, error) {
        (Err(Incomplete(_)), _) | (_, Incomplete(_)) => {
            Unseen::new(Reason::Truncated, "the certificate ends in the middle")
        }
        (_, Error(cause) | Failure(cause)) => {
            Unseen::new(Reason::Malformed, format!("the certificate cannot be read as X.509: {cause}"))
        }
    }
}

fn timestamp(time: x509_parser::time::ASN1Time, field: &str) -> Result<Timestamp, Unseen> {
    chrono::DateTime::from_timestamp(time.timestamp(), 0).ok_or_else(|| {
        Unseen::new(Reason::Malformed, format!("{field} is not a time that can be represented"))
    })
}

fn key_algorithm(parsed: &X509Certificate<'_>) -> KeyAlgorithm {
    let key = parsed.public_key();
    let oid = key.algorithm.algorithm.to_id_string();
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => KeyAlgorithm::Rsa(bits(rsa.modulus)),
        Ok(PublicKey::EC(point)) => KeyAlgorithm::Ec(curve_bits(parsed).unwrap_or(point.key_size())),
        Ok(_) | Err(_) if oid == "1.3.101.112" => KeyAlgorithm::Ed25519,
        Ok(_) | Err(_) => KeyAlgorithm::Other(oid),
    }
}

/// The size of a number without its leading zeros.
fn bits(number: &[u8]) -> usize {
    let zeros: usize = number.iter().map_while(|byte| (*byte == 0).then_some(8_usize)).sum::<usize>();
    let first = number.iter().find(|byte| **byte != 0).map_or(0, |byte| byte.leading_zeros());
    (number.len() * 8).saturating_sub(zeros + usize::try_from(first).unwrap_or_default())
}

/// The size of the named curve; a point's length tells it only roughly (P-521).
fn curve_bits(parsed: &X509Certificate<'_>) -> Option<usize> {
    let curve = parsed.public_key().algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string();
    match curve.as_str() {
        "1.2.840.10045.3.1.7" | "1.3.132.0.10" | "1.3.36.3.3.2.8.1.1.7" => Some(256),
        "1.3.132.0.34" | "1.3.36.3.3.2.8.1.1.11" => Some(384),
        "1.3.132.0.35" => Some(521),
        _ => None,
    }
}

/// Hexadecimal without the zero byte that only marks it as positive.
fn serial(raw: &[u8]) -> String {
    match raw {
        [0, rest @ ..] if !rest.is_empty() => hex(rest),
        all => hex(all),
    }
}

fn signature_name(parsed: &X509Certificate<'_>) -> Cow<'static, str> {
    let oid = parsed.signature_algorithm.algorithm.to_owned();
    let known = x509_parser::objects::oid_registry().get(&oid);
    known.map_or_else(|| oid.to_id_string().into(), |entry| entry.sn().into())
}

fn extended_key_usage(parsed: &X509Certificate<'_>) -> ExtendedKeyUsage {
    let usage = match parsed.extended_key_usage() {
        Ok(Some(extension)) => extension.value,
        // There but unreadable is not the same as missing: nothing is known to be allowed.
        Ok(None) | Err(_) => {
            let there = parsed.extensions().iter().any(|one| one.oid == OID_X509_EXT_EXTENDED_KEY_USAGE);
            return ExtendedKeyUsage { present: there, ..ExtendedKeyUsage::default() };
        }
    };
    let named = [
        (usage.code_signing, "1.3.6.1.5.5.7.3.3"),
        (usage.email_protection, "1.3.6.1.5.5.7.3.4"),
        (usage.time_stamping, "1.3.6.1.5.5.7.3.8"),
        (usage.ocsp_signing, "1.3.6.1.5.5.7.3.9"),
    ];
    let named = named.iter().filter(|(set, _)| *set).map(|(_, oid)| (*oid).to_owned());
    ExtendedKeyUsage {
        present: true,
        any: usage.any,
        client_auth: usage.client_auth,
        server_auth: usage.server_auth,
        other: named.chain(usage.other.iter().map(x509_parser::der_parser::oid::Oid::to_id_string)).collect(),
    }
}

fn key_usage(parsed: &X509Certificate<'_>) -> Vec<&'static str> {
    let Ok(Some(extension)) = parsed.key_usage() else {
        return Vec::new();
    };
    let usage = extension.value;
    [
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
        (usage.encipher_only(), "encipherOnly"),
        (usage.decipher_only(), "decipherOnly"),
    ]
    .iter()
    .filter(|(set, _)| *set)
    .map(|(_, name)| *name)
    .collect()
}

fn alternative_names(parsed: &X509Certificate<'_>) -> Vec<String> {
    use x509_parser::extensions::GeneralName;
    let Ok(Some(extension)) = parsed.subject_alternative_name() else {
        return Vec::new();
    };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(host) => format!("DNS:{host}"),
        GeneralName::RFC822Name(mail) => format!("email:{mail}"),
        GeneralName::URI(uri) => format!("URI:{uri}"),
        GeneralName::IPAddress(bytes) => format!("IP:{}", address(bytes)),
        GeneralName::DirectoryName(name) => format!("DirName:{}", DistinguishedName::from_x509(name)),
        GeneralName::OtherName(oid, _) | GeneralName::RegisteredID(oid) => {
            format!("other:{}", oid.to_id_string())
        }
        GeneralName::X400Address(_) | GeneralName::EDIPartyName(_) | GeneralName::Invalid(..) => {
            "other".to_owned()
        }
    };
    extension.value.general_names.iter().map(text).collect()
}

fn address(bytes: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return std::net::Ipv4Addr::from(four).to_string();
    }
    <[u8; 16]>::try_from(bytes)
        .map_or_else(|_| hex(bytes), |sixteen| std::net::Ipv6Addr::from(sixteen).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{
        CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    };

    fn made(change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to refuse");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "ACME");
        params.distinguished_name.push(DnType::CommonName, "SFAPI");
        params.serial_number = Some(vec![0x9a, 0x0b].into());
        params.not_before = rcgen::date_time_ymd(2026, 1, 2);
        params.not_after = rcgen::date_time_ymd(2027, 3, 4);
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        Certificate::from_der(params.self_signed(&key).expect("a certificate").der()).expect("its facts")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn the_plain_facts_are_read() {
        let certificate = made(|_| {});
        assert_eq!(certificate.subject.to_string(), "CN=SFAPI, O=ACME");
        assert_eq!(certificate.issuer, certificate.subject);
        assert_eq!((certificate.common_name(), certificate.issuer_name()), ("SFAPI".into(), "SFAPI".into()));
        assert_eq!(certificate.serial, "9a0b");
        assert_eq!(certificate.not_before, at("2026-01-02T00:00:00Z"));
        assert_eq!(certificate.not_after, at("2027-03-04T00:00:00Z"));
        assert_eq!(certificate.lifetime(), chrono::Duration::days(426));
        assert_eq!(certificate.key, KeyAlgorithm::Ec(256));
        assert_eq!(certificate.signature, "ecdsa-with-SHA256");
        assert!(!certificate.is_ca);
        assert!(certificate.is_self_issued());
    }

    #[test]
    fn a_name_in_a_sentence_is_one_line_and_not_long() {
        let named = |name: &str| {
            made(|params| params.distinguished_name.push(DnType::CommonName, name)).common_name()
        };
        assert_eq!(named("SF\nAPI\u{1b}[31m"), "SF API [31m");
        let long = named(&"ä".repeat(5000));
        assert_eq!((long.chars().count(), long.ends_with("ä…")), (201, true));
    }

    #[test]
    fn validity_includes_both_ends() {
        let certificate = made(|_| {});
        let valid = |text| certificate.is_valid_at(at(text));
        assert!(valid("2026-01-02T00:00:00Z") && valid("2027-03-04T00:00:00Z"));
        assert!(!valid("2026-01-01T23:59:59Z") && !valid("2027-03-04T00:00:01Z"));
    }

    #[test]
    fn dates_beyond_2050_are_read() {
        let certificate = made(|params| params.not_after = rcgen::date_time_ymd(9999, 12, 31));
        assert_eq!(certificate.not_after, at("9999-12-31T00:00:00Z"));
    }

    #[test]
    fn the_use_of_the_key_is_read() {
        let usage = |purposes: Vec<ExtendedKeyUsagePurpose>| {
            made(|params| params.extended_key_usages = purposes).extended_key_usage
        };
        use ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, ServerAuth};
        assert!(!usage(vec![]).present && usage(vec![]).allows_client_auth());
        assert!(usage(vec![ClientAuth]).client_auth && usage(vec![Any]).allows_client_auth());
        let server = usage(vec![ServerAuth, CodeSigning]);
        assert!(server.present && server.server_auth && !server.allows_client_auth());
        assert_eq!(server.other, ["1.3.6.1.5.5.7.3.3"]);
    }

    #[test]
    fn a_use_that_cannot_be_read_allows_nothing() {
        let broken = CustomExtension::from_oid_content(&[2, 5, 29, 37], vec![0x05, 0x00]);
        let usage = made(|params| params.custom_extensions = vec![broken]).extended_key_usage;
        assert!(usage.present && !usage.allows_client_auth());
    }

    #[test]
    fn key_usage_and_alternative_names_are_read() {
        let certificate = made(|params| {
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
            params.subject_alt_names = vec![
                rcgen::SanType::DnsName("api.example.org".try_into().expect("a name")),
                rcgen::SanType::IpAddress([192, 0, 2, 7].into()),
                rcgen::SanType::Rfc822Name("ops@example.org".try_into().expect("a name")),
            ];
        });
        assert_eq!(certificate.key_usage(), ["digitalSignature", "keyEncipherment"]);
        assert_eq!(
            certificate.alternative_names(),
            ["DNS:api.example.org", "IP:192.0.2.7", "email:ops@example.org"]
        );
    }

    #[test]
    fn an_authority_is_known_as_one() {
        let unconstrained = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        assert!(made(|params| params.is_ca = unconstrained).is_ca);
        assert!(!made(|params| params.is_ca = rcgen::IsCa::ExplicitNoCa).is_ca);
    }

    #[test]
    fn sizes_of_keys_are_exact() {
        assert_eq!(bits(&[0, 0x80, 0]), 16);
        assert_eq!(bits(&[0x7f, 0xff]), 15);
        assert_eq!((bits(&[0, 1]), bits(&[0]), bits(&[])), (1, 0, 0));
    }

    #[test]
    fn a_fingerprint_reads_back_in_every_writing() {
        let print = Fingerprint::of(b"sample");
        assert_eq!(Fingerprint::parse(&print.hex()), Some(print));
        assert_eq!(Fingerprint::parse(&print.colons()), Some(print));
        assert_eq!(print.short().len(), 12);
        assert_eq!(Fingerprint::parse("12ab"), None);
        assert_eq!(Fingerprint::parse(&print.hex().replace('a', "x")), None);
    }

    #[test]
    fn what_is_no_certificate_has_a_reason() {
        let der = made(|_| {}).der;
        let refused = |der: &[u8]| Certificate::from_der(der).expect_err("a refusal").reason;
        assert_eq!(refused(&[]), Reason::Empty);
        assert_eq!(refused(&der[..der.len() - 1]), Reason::Truncated);
        assert_eq!(refused(&[&der[..], b"x"].concat()), Reason::Malformed);
        assert_eq!(refused(&[0x30, 3, 2, 1, 1]), Reason::Malformed);
    }
}
