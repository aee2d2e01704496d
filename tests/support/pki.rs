//! A small public-key infrastructure made for one test.

use certsteward::clock::{Clock as _, SystemClock};
use certsteward::domain::certificate::Certificate;
use certsteward::domain::chain::Chain;
use certsteward::identity::Identity;
use chrono::Datelike as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose as Usage, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// An authority with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub der: CertificateDer<'static>,
    /// The same as PEM.
    pub pem: String,
}

/// A certificate with its key.
pub struct Made {
    /// The certificate.
    pub der: CertificateDer<'static>,
    /// The certificate as PEM.
    pub pem: String,
    key: KeyPair,
}

/// What a certificate shall be.
pub struct Wanted<'w> {
    /// The common name.
    pub name: &'w str,
    /// Host names and addresses.
    pub hosts: &'w [&'w str],
    /// First and last year of validity, each from 1 January.
    pub years: (i32, i32),
    /// Extended key usages; none for no such extension.
    pub usages: &'w [Usage],
}

/// Valid now, and for long.
pub const NOW: (i32, i32) = (2020, 2049);
/// Over.
pub const PAST: (i32, i32) = (2020, 2021);
/// Not yet begun.
pub const FUTURE: (i32, i32) = (2048, 2049);

impl Authority {
    /// A root of this name.
    pub fn root(name: &str) -> Self {
        let (params, key) = authority(name);
        let certificate = params.self_signed(&key).unwrap();
        Self { der: certificate.der().clone(), pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// An authority of this name below this one.
    pub fn below(&self, name: &str) -> Self {
        let (params, key) = authority(name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self { der: certificate.der().clone(), pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// Its own certificate, as what another authority issued.
    pub fn as_made(&self) -> Made {
        let key = KeyPair::try_from(self.issuer.key().serialize_der()).unwrap();
        Made { der: self.der.clone(), pem: self.pem.clone(), key }
    }

    /// Its key as PEM.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Issues what is wanted.
    pub fn issue(&self, wanted: &Wanted<'_>) -> Made {
        let (from, to) = (date_time_ymd(wanted.years.0, 1, 1), date_time_ymd(wanted.years.1, 1, 1));
        self.issue_with(wanted, |params| (params.not_before, params.not_after) = (from, to))
    }

    /// Issues what is wanted, valid for years until this many days from today.
    pub fn issue_until(&self, wanted: &Wanted<'_>, days: i64) -> Made {
        let end = SystemClock.now() + chrono::Duration::days(days);
        let (month, day) = (end.month().try_into().unwrap(), end.day().try_into().unwrap());
        let end = date_time_ymd(end.year(), month, day);
        self.issue_with(wanted, |params| {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), end)
        })
    }

    /// Issues what is wanted, changed in this way.
    pub fn issue_with(&self, wanted: &Wanted<'_>, change: impl FnOnce(&mut CertificateParams)) -> Made {
        let hosts: Vec<String> = wanted.hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, wanted.name);
        params.extended_key_usages = wanted.usages.to_vec();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Made { der: certificate.der().clone(), pem: certificate.pem(), key }
    }
}

impl Authority {
    /// A list (PEM and DER) that revokes these of its certificates, valid for long.
    pub fn revocation_list(&self, revoked: &[&Made]) -> (String, Vec<u8>) {
        let serial = |made: &&Made| {
            let (_, parsed) = x509_parser::parse_x509_certificate(&made.der).unwrap();
            rcgen::RevokedCertParams {
                serial_number: rcgen::SerialNumber::from_slice(parsed.raw_serial()),
                revocation_time: date_time_ymd(2021, 1, 1),
                reason_code: Some(rcgen::RevocationReason::KeyCompromise),
                invalidity_date: None,
            }
        };
        let params = rcgen::CertificateRevocationListParams {
            this_update: date_time_ymd(2021, 1, 1),
            next_update: date_time_ymd(2049, 1, 1),
            crl_number: rcgen::SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(serial).collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).unwrap();
        (list.pem().unwrap(), list.der().to_vec())
    }
}

fn authority(name: &str) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "ACME");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2050, 1, 1));
    (params, KeyPair::generate().unwrap())
}

impl Made {
    /// The key as PEM.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// The key as rustls' servers want it.
    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }

    /// Certificate and key as a prober borrows them.
    pub fn identity(&self) -> Identity {
        self.identity_with(&[])
    }

    /// The same with its issuers beside it.
    pub fn identity_with(&self, issuers: &[&Authority]) -> Identity {
        let ders = std::iter::once(&self.der).chain(issuers.iter().map(|issuer| &issuer.der));
        let certificates = ders.map(|der| Certificate::from_der(der).unwrap()).collect();
        let chain = Chain::assemble(certificates, None).unwrap();
        Identity::new(chain, Zeroizing::new(self.key.serialize_der())).unwrap()
    }
}

/// Everything most tests need: a server on loopback, and clients good and bad.
pub struct Pki {
    /// Issues the server and the good clients.
    pub ca: Authority,
    /// Trusted by nobody.
    pub other_ca: Authority,
    /// For `localhost` and `127.0.0.1`.
    pub server: Made,
    /// Good.
    pub good: Made,
    /// Of an authority the server does not know.
    pub stranger: Made,
    /// Over.
    pub expired: Made,
    /// Not yet begun.
    pub not_yet: Made,
    /// For servers only.
    pub no_client_auth: Made,
}

impl Pki {
    /// Makes it all.
    pub fn new() -> Self {
        let ca = Authority::root("Example Test CA");
        let other_ca = Authority::root("Example Unknown CA");
        let client = |years| Wanted { name: "SFAPI", hosts: &[], years, usages: &[Usage::ClientAuth] };
        Self {
            server: ca.issue(&server(NOW)),
            good: ca.issue(&client(NOW)),
            stranger: other_ca.issue(&client(NOW)),
            expired: ca.issue(&client(PAST)),
            not_yet: ca.issue(&client(FUTURE)),
            no_client_auth: ca.issue(&Wanted { usages: &[Usage::ServerAuth], ..client(NOW) }),
            ca,
            other_ca,
        }
    }
}

/// A server's certificate for loopback.
pub fn server(years: (i32, i32)) -> Wanted<'static> {
    let hosts = &["localhost", "127.0.0.1"];
    Wanted { name: "localhost", hosts, years, usages: &[Usage::ServerAuth] }
}
