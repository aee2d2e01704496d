//! Certificates of the simulated authorities: real DER, signed with keys that are the same in every run.
//! They protect nothing.

use std::sync::{Arc, LazyLock};

use certsteward::domain::Timestamp;
use certsteward::domain::certificate::{Certificate, Fingerprint};
use certsteward::domain::chain::Chain;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PKCS_ED25519, SerialNumber, date_time_ymd,
};
use zeroize::Zeroizing;

/// How many different private keys there are.
const KEYS: usize = 24;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
}

static AUTHORITIES: LazyLock<Vec<Authority>> =
    LazyLock::new(|| vec![authority("Sample Client CA", 900), authority("Other Client CA", 901)]);
static KEY_PAIRS: LazyLock<Vec<KeyPair>> = LazyLock::new(|| (0..KEYS).map(key_pair).collect());

/// The private key with this number, as PKCS#8: Ed25519, because its signatures are the same in every run.
fn pkcs8(number: usize) -> Vec<u8> {
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend(raw_key(number));
    der
}

/// The secret itself.
fn raw_key(number: usize) -> [u8; 32] {
    Fingerprint::of(format!("simulated key {number}").as_bytes()).0
}

fn key_pair(number: usize) -> KeyPair {
    let der = pkcs8(number);
    KeyPair::from_pkcs8_der_and_sign_algo(&der.as_slice().into(), &PKCS_ED25519).unwrap()
}

fn authority(name: &str, key: usize) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.serial_number = Some(SerialNumber::from(vec![1]));
    let key = key_pair(key);
    let certificate = Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap();
    Authority { issuer: Issuer::new(params, key), certificate }
}

/// A certificate with its chain, and the number of its key.
#[derive(Clone)]
pub struct Issued {
    pub chain: Arc<Chain>,
    key: usize,
}

impl Issued {
    /// A new client certificate. `number` makes it another one than any before.
    pub fn new(common_name: &str, from: Timestamp, to: Timestamp, number: u32, authority: usize) -> Self {
        let at = |moment: Timestamp| {
            let seconds = u64::try_from(moment.timestamp()).unwrap_or(0);
            date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds)
        };
        let key = usize::try_from(number).unwrap_or(0) % KEYS;
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(SerialNumber::from(u64::from(number) + 2));
        (params.not_before, params.not_after) = (at(from), at(to));
        let authority = &AUTHORITIES[authority];
        let leaf = params.signed_by(&KEY_PAIRS[key], &authority.issuer).unwrap();
        let leaf = Certificate::from_der(leaf.der()).unwrap();
        let chain = Chain::assemble(vec![leaf, authority.certificate.clone()], None).unwrap();
        Self { chain: Arc::new(chain), key }
    }

    /// The private key.
    pub fn key(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(pkcs8(self.key))
    }
}

/// Every form in which a private key of this world could be written down.
pub fn secrets() -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let forms = |number| {
        let raw = raw_key(number);
        let hex = |upper: bool| -> Vec<u8> {
            let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
            if upper { hex.to_uppercase().into_bytes() } else { hex.into_bytes() }
        };
        let base64 =
            |bytes: &[u8]| base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes).into_bytes();
        let decimal = format!("{:?}", &raw[..8]).trim_matches(['[', ']']).to_owned().into_bytes();
        // The PEM body of the whole key: its first characters are the same for every key, its middle is not.
        let body = base64(&pkcs8(number));
        let pem = body[24..56].to_vec();
        [raw.to_vec(), hex(false), hex(true), base64(&raw), pem, decimal]
    };
    (0..KEYS).flat_map(forms).collect()
}
