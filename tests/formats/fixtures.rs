//! Sample certificates, made anew for each test run, and the `openssl` tool for what rcgen cannot make.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// A certificate with its key.
pub(crate) struct Sample {
    pub(crate) der: Vec<u8>,
    pub(crate) pem: String,
    pub(crate) key_pem: String,
    pub(crate) key_der: Vec<u8>,
}

/// A leaf of ACME's, its issuing authority and its root; and another leaf of the same authority.
pub(crate) struct Landscape {
    pub(crate) root: Sample,
    pub(crate) issuing: Sample,
    pub(crate) leaf: Sample,
    pub(crate) other: Sample,
}

pub(crate) static LANDSCAPE: LazyLock<Landscape> = LazyLock::new(Landscape::new);

pub(crate) fn params(common_name: &str, year: i32) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("no names to refuse");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "DE");
    params.distinguished_name.push(DnType::OrganizationName, "ACME");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = rcgen::date_time_ymd(2026, 1, 2);
    params.not_after = rcgen::date_time_ymd(year, 3, 4);
    params
}

pub(crate) fn authority(common_name: &str, year: i32) -> CertificateParams {
    let mut params = params(common_name, year);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub(crate) fn client(common_name: &str) -> CertificateParams {
    let mut params = params(common_name, 2027);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
}

pub(crate) fn sample(certificate: &rcgen::Certificate, key: &KeyPair) -> Sample {
    Sample {
        der: certificate.der().to_vec(),
        pem: certificate.pem(),
        key_pem: key.serialize_pem(),
        key_der: key.serialize_der(),
    }
}

pub(crate) fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

pub(crate) fn self_signed(params: &CertificateParams) -> Sample {
    let key = key();
    sample(&params.self_signed(&key).expect("a certificate"), &key)
}

impl Landscape {
    fn new() -> Self {
        let (root_key, issuing_key, leaf_key, other_key) = (key(), key(), key(), key());
        let root_params = authority("ACME Root", 2040);
        let root = root_params.self_signed(&root_key).expect("a root");
        let root_issuer = Issuer::from_params(&root_params, &root_key);
        let issuing_params = authority("ACME Issuing", 2035);
        let issuing = issuing_params.signed_by(&issuing_key, &root_issuer).expect("an authority");
        let issuer = Issuer::from_params(&issuing_params, &issuing_key);
        let signed = |name: &str, key: &KeyPair| client(name).signed_by(key, &issuer).expect("a leaf");
        Self {
            root: sample(&root, &root_key),
            issuing: sample(&issuing, &issuing_key),
            leaf: sample(&signed("SFAPI", &leaf_key), &leaf_key),
            other: sample(&signed("Payroll", &other_key), &other_key),
        }
    }

    /// Leaf, issuing authority, root.
    pub(crate) fn chain_pem(&self) -> String {
        [&self.leaf, &self.issuing, &self.root].map(|one| one.pem.as_str()).concat()
    }

    /// The key, then the chain.
    pub(crate) fn bundle_pem(&self) -> String {
        format!("{}{}", self.leaf.key_pem, self.chain_pem())
    }
}

/// A folder in which `openssl` makes what rcgen cannot.
pub(crate) struct Workshop(tempfile::TempDir);

impl Workshop {
    /// With the sample bundle, chain, key and certificate in it, as `bundle.pem`, `chain.pem`, `key.pem` and `leaf.pem`.
    pub(crate) fn new() -> Self {
        let shop = Self(tempfile::tempdir().expect("a folder"));
        let land = &*LANDSCAPE;
        shop.put("bundle.pem", land.bundle_pem());
        shop.put("chain.pem", land.chain_pem());
        shop.put("key.pem", &land.leaf.key_pem);
        shop.put("leaf.pem", &land.leaf.pem);
        shop
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    /// Runs a program with these words.
    pub(crate) fn run(&self, words: &str) {
        let mut words = words.split_whitespace();
        let program = words.next().expect("a program");
        let output = Command::new(program).args(words).current_dir(self.path()).output();
        let output = output.unwrap_or_else(|why| panic!("{program}: {why}"));
        let (said, complained) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{program}: {said}{complained}");
    }

    /// Runs `openssl` with these words; the result is the file `out`.
    pub(crate) fn openssl(&self, words: &str) -> Vec<u8> {
        let output = Command::new("openssl")
            .args(words.split_whitespace().map(|word| if word == "EMPTY" { "pass:" } else { word }))
            .args(["-out", "out"])
            .current_dir(self.path())
            .output()
            .expect("openssl");
        assert!(output.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::read(self.path().join("out")).expect("its output")
    }
}
