//! The simulated certificate authorities: a three-tier one for clients, shaped like SAP's, and one for the servers.
//! It is not SAP's: the names say "Sandbox", and keys are EC P-256, because the RSA keys SAP makes cannot be made with ring.

use super::der::{self, COMMON_NAME, COUNTRY, LOCALITY, ORGANISATION, Purpose, UNIT, Unsigned};
use super::time::Moment;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{Duration, TimeZone as _, Utc};
use rcgen::{CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData as _, SigningKey as _};
use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The subaccount every simulated token belongs to.
pub(super) const SUBACCOUNT: &str = "5a4db0c5-0000-4000-8000-5ab4cc0c0a7e";
/// The service instance every simulated token belongs to.
pub(super) const INSTANCE: &str = "1a57a9ce-0000-4000-8000-5e5f1ce00001";

const UNIT_OF_ALL: &str = "SAP Cloud Platform Clients";
const UNIT_OF_LANDSCAPE: &str = "Sandbox";
const UNIT_OF_SERVICE: &str = "5ab0c5a0-0000-4000-8000-0de57a710000";
const HOST: &str = "destination-configuration.cfapps.sandbox";

/// The client authorities and the server's certificate.
pub(super) struct Authority {
    root: Vec<u8>,
    root_key: KeyPair,
    root_name: Vec<u8>,
    issuing: Mutex<Arc<Issuing>>,
    server_authority: String,
    server: Server,
}

struct Issuing {
    certificate: Vec<u8>,
    name: Vec<u8>,
    key: KeyPair,
}

struct Server {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

/// A key just made, in PKCS#8, with its public part.
pub(super) struct FreshKey {
    pub(super) pkcs8: Vec<u8>,
    pub(super) public: Vec<u8>,
}

impl Authority {
    pub(super) fn new(now: Moment) -> io::Result<Self> {
        let root_key = KeyPair::generate().map_err(io::Error::other)?;
        let root_name = der::name(&[
            (COUNTRY, "DE"),
            (LOCALITY, "Walldorf"),
            (ORGANISATION, "SAP SE"),
            (COMMON_NAME, "Sandbox Cloud Root CA"),
        ]);
        let root = sign(
            &Unsigned {
                serial: serial()?,
                issuer: root_name.clone(),
                subject: root_name.clone(),
                from: Utc.with_ymd_and_hms(2019, 2, 13, 0, 0, 0).single().unwrap_or(now),
                until: Utc.with_ymd_and_hms(2039, 2, 13, 0, 0, 0).single().unwrap_or(now),
                public_key: root_key.subject_public_key_info(),
                key_id: key_id(&root_key),
                issuer_key_id: key_id(&root_key),
                purpose: Purpose::Authority { path_length: None },
            },
            &root_key,
        )?;
        let issuing = issuing(&root_key, &root_name, "EU10-Sandbox", now)?;
        let (server_authority, server) = server(now)?;
        let issuing = Mutex::new(Arc::new(issuing));
        Ok(Self { root, root_key, root_name, issuing, server_authority, server })
    }

    /// A leaf for `common_name` holding `public_key`, and its chain: leaf, issuing, root.
    pub(super) fn issue(
        &self,
        common_name: &str,
        public_key: Vec<u8>,
        from: Moment,
        until: Moment,
    ) -> io::Result<Vec<Vec<u8>>> {
        let issuing = self.issuing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let leaf = sign(
            &Unsigned {
                serial: serial()?,
                issuer: issuing.name.clone(),
                subject: subject(common_name),
                from,
                until,
                key_id: short_hash(&public_key),
                public_key,
                issuer_key_id: key_id(&issuing.key),
                purpose: Purpose::ClientAuthentication,
            },
            &issuing.key,
        )?;
        Ok(vec![leaf, issuing.certificate.clone(), self.root.clone()])
    }

    /// From now on certificates come from an issuing authority with another name.
    pub(super) fn change_issuer(&self, locality: &str, now: Moment) -> io::Result<()> {
        let next = issuing(&self.root_key, &self.root_name, locality, now)?;
        *self.issuing.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(())
    }

    /// The root of the client certificates.
    pub(super) fn root(&self) -> &[u8] {
        &self.root
    }

    /// The authority of the simulated servers, in PEM.
    pub(super) fn server_authority(&self) -> &str {
        &self.server_authority
    }

    /// The servers' certificate and key.
    pub(super) fn server_identity(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = PrivatePkcs8KeyDer::from(self.server.key.clone());
        (vec![self.server.certificate.clone()], key.into())
    }
}

/// A new EC P-256 key.
pub(super) fn fresh_key() -> io::Result<FreshKey> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    Ok(FreshKey { pkcs8: key.serialize_der(), public: key.subject_public_key_info() })
}

/// PEM the way the service writes it: lines of 76, `\r\n` inside, `\n` around the markers.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\r\n"))
}

/// The certificates of a chain in PEM, in their order.
pub(super) fn chain_pem(chain: &[Vec<u8>]) -> String {
    chain.iter().map(|certificate| pem("CERTIFICATE", certificate)).collect()
}

/// The SHA-256 of some bytes in lower-case hex.
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the landscape wants to know of a certificate.
pub(super) struct Facts {
    pub(super) issuer: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) issuer_text: String,
    pub(super) subject_text: String,
}

/// Reads a certificate; `None` where it is none.
pub(super) fn facts(certificate: &[u8]) -> Option<Facts> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(Facts {
        issuer: parsed.issuer().as_raw().to_vec(),
        subject: parsed.subject().as_raw().to_vec(),
        issuer_text: reversed(parsed.issuer()),
        subject_text: reversed(parsed.subject()),
    })
}

/// The certificates in some PEM text, in their order.
pub(super) fn certificates_in(text: &[u8]) -> Vec<Vec<u8>> {
    x509_parser::pem::Pem::iter_from_buffer(text)
        .map_while(Result::ok)
        .filter(|block| block.label == "CERTIFICATE")
        .map(|block| block.contents)
        .collect()
}

/// Random text of 32 hex digits.
pub(super) fn random_hex() -> io::Result<String> {
    Ok(serial()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn issuing(root_key: &KeyPair, root_name: &[u8], locality: &str, now: Moment) -> io::Result<Issuing> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let name = der::name(&[
        (COUNTRY, "DE"),
        (LOCALITY, locality),
        (ORGANISATION, "SAP SE"),
        (UNIT, UNIT_OF_ALL),
        (COMMON_NAME, "Sandbox Cloud Platform Client CA"),
    ]);
    let certificate = sign(
        &Unsigned {
            serial: serial()?,
            issuer: root_name.to_vec(),
            subject: name.clone(),
            from: now - Duration::days(3 * 365),
            until: now + Duration::days(7 * 365),
            public_key: key.subject_public_key_info(),
            key_id: key_id(&key),
            issuer_key_id: key_id(root_key),
            purpose: Purpose::Authority { path_length: Some(0) },
        },
        root_key,
    )?;
    Ok(Issuing { certificate, name, key })
}

fn subject(common_name: &str) -> Vec<u8> {
    let locality = format!("{HOST}/{SUBACCOUNT}");
    der::name(&[
        (COUNTRY, "DE"),
        (ORGANISATION, "SAP SE"),
        (UNIT, UNIT_OF_ALL),
        (UNIT, UNIT_OF_LANDSCAPE),
        (UNIT, UNIT_OF_SERVICE),
        (LOCALITY, &locality),
        (COMMON_NAME, common_name),
    ])
}

fn server(now: Moment) -> io::Result<(String, Server)> {
    let authority_key = KeyPair::generate().map_err(io::Error::other)?;
    let mut authority = CertificateParams::new(Vec::<String>::new()).map_err(io::Error::other)?;
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "Sandbox Server CA");
    let year = now.format("%Y").to_string().parse().unwrap_or(2026);
    authority.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
    authority.not_after = rcgen::date_time_ymd(year + 9, 1, 1);
    let authority_pem = authority.self_signed(&authority_key).map_err(io::Error::other)?.pem();
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate().map_err(io::Error::other)?;
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut leaf = CertificateParams::new(names).map_err(io::Error::other)?;
    leaf.distinguished_name.push(DnType::CommonName, "localhost");
    leaf.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
    leaf.not_after = rcgen::date_time_ymd(year + 2, 1, 1);
    leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = leaf.signed_by(&key, &issuer).map_err(io::Error::other)?.der().clone();
    Ok((authority_pem, Server { certificate, key: key.serialize_der() }))
}

fn sign(unsigned: &Unsigned, key: &KeyPair) -> io::Result<Vec<u8>> {
    let to_be_signed = unsigned.to_be_signed();
    let signature = key.sign(&to_be_signed).map_err(io::Error::other)?;
    Ok(der::signed(&to_be_signed, &signature))
}

fn serial() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("no random bytes from the system"))?;
    let [first, ..] = &mut bytes;
    *first = (*first & 0x3f) | 0x40;
    Ok(bytes)
}

fn key_id(key: &KeyPair) -> Vec<u8> {
    short_hash(&key.subject_public_key_info())
}

fn short_hash(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).iter().take(20).copied().collect()
}

/// A name as Java writes it: last RDN first, no blanks after the commas.
fn reversed(name: &x509_parser::x509::X509Name<'_>) -> String {
    let mut rdns: Vec<String> = name
        .iter_rdn()
        .map(|rdn| {
            let attributes = rdn.iter().map(|attribute| {
                let kind = x509_parser::objects::oid2abbrev(
                    attribute.attr_type(),
                    x509_parser::objects::oid_registry(),
                )
                .unwrap_or("?");
                let value = attribute.as_str().unwrap_or("?").replace('\\', "\\\\").replace(',', "\\,");
                format!("{kind}={value}")
            });
            attributes.collect::<Vec<_>>().join("+")
        })
        .collect();
    rdns.reverse();
    rdns.join(",")
}
