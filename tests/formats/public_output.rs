//! What leaves is certificates, written anew, and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certsteward::domain::chain::Chain;
use certsteward::domain::reason::Reason;
use certsteward::formats::public::{public, scan};
use certsteward::formats::{self, PublicForm};

use super::fixtures::{LANDSCAPE, Workshop};
use super::{names, open, refusal};

fn output(form: PublicForm) -> Vec<u8> {
    let noisy = format!(
        "Bag Attributes\n  friendlyName: secret plan\n{}",
        LANDSCAPE.bundle_pem().replace('\n', "\r\n")
    );
    public(&open(noisy).chain, form).expect("public output")
}

#[test]
fn pem_is_the_leaf_in_lines_of_64() {
    let text = String::from_utf8(output(PublicForm::Pem)).expect("text");
    let lines: Vec<&str> = text.strip_suffix('\n').expect("a last line end").split('\n').collect();
    assert_eq!(lines.first(), Some(&"-----BEGIN CERTIFICATE-----"));
    assert_eq!(lines.last(), Some(&"-----END CERTIFICATE-----"));
    let body = &lines[1..lines.len() - 1];
    assert!(body[..body.len() - 1].iter().all(|line| line.len() == 64), "{text}");
    assert_eq!(STANDARD.decode(body.concat()).expect("Base64"), LANDSCAPE.leaf.der);
}

#[test]
fn a_chain_is_the_leaf_and_its_intermediates_without_the_root() {
    let chain = output(PublicForm::Chain);
    let opened = open(&chain);
    assert_eq!(names(&opened), ["SFAPI", "ACME Issuing"]);
    assert!(opened.chain.in_order && !opened.has_key);
    assert!(!String::from_utf8(chain).expect("text").contains("secret plan"));
}

#[test]
fn cer_and_der_are_the_leaf_alone() {
    let cer = String::from_utf8(output(PublicForm::Cer)).expect("text");
    assert_eq!(cer.replace("\r\n", "\n").into_bytes(), output(PublicForm::Pem));
    assert_eq!(cer.matches('\n').count(), cer.matches("\r\n").count());
    assert_eq!(output(PublicForm::Der), LANDSCAPE.leaf.der);
}

#[test]
fn a_self_signed_leaf_is_given_out_as_it_is() {
    let root = open(&LANDSCAPE.root.pem).chain;
    assert_eq!(names(&open(public(&root, PublicForm::Chain).expect("public output"))), ["ACME Root"]);
}

#[test]
fn a_certificate_that_does_not_read_back_is_not_given_out() {
    let mut chain = open(LANDSCAPE.chain_pem()).chain;
    chain.leaf.der = [LANDSCAPE.leaf.der.as_slice(), &LANDSCAPE.leaf.key_der].concat().into();
    assert_eq!(refusal(public(&chain, PublicForm::Der)).0, Reason::Malformed);
    chain.leaf.der = LANDSCAPE.other.der.as_slice().into();
    assert_eq!(refusal(public(&chain, PublicForm::Pem)).0, Reason::Malformed);
}

/// A key in every form, inside every wrapping.
#[test]
fn the_scan_refuses_a_key_however_it_is_hidden() {
    let shop = Workshop::new();
    shop.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    std::fs::rename(shop.path().join("out"), shop.path().join("rsa.pem")).expect("a key");
    let keys = [
        LANDSCAPE.leaf.key_der.clone(),
        shop.openssl("ec -in key.pem -outform DER"),
        shop.openssl("ec -in key.pem -outform DER -no_public"),
        shop.openssl("rsa -in rsa.pem -outform DER -traditional"),
        shop.openssl("pkcs8 -topk8 -in rsa.pem -outform DER -nocrypt"),
        shop.openssl("pkcs8 -topk8 -in rsa.pem -outform DER -passout pass:sesame"),
        shop.openssl("pkcs12 -export -in bundle.pem -passout pass:sesame"),
        shop.openssl("genpkey -algorithm ed25519 -outform DER"),
    ];
    let mut hidden: Vec<Vec<u8>> = vec![LANDSCAPE.bundle_pem().into_bytes()];
    for key in keys {
        let base64 = STANDARD.encode(&key);
        let lines: String = base64
            .as_bytes()
            .chunks(50)
            .map(|line| format!("  {}\r\n", String::from_utf8_lossy(line)))
            .collect();
        hidden.extend([
            [LANDSCAPE.leaf.der.as_slice(), &key].concat(),
            format!("see below\n{lines}").into_bytes(),
            format!("{}note: {base64}", LANDSCAPE.leaf.pem).into_bytes(),
            STANDARD.encode(&base64).into_bytes(),
            format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n").into_bytes(),
            key,
        ]);
    }
    for (at, bytes) in hidden.iter().enumerate() {
        assert_eq!(scan(bytes).err().map(|odd| odd.reason), Some(Reason::KeyMaterial), "number {at}");
    }
}

#[test]
fn the_scan_lets_public_things_pass() {
    let shop = Workshop::new();
    for bytes in [
        LANDSCAPE.chain_pem().into_bytes(),
        STANDARD.encode(LANDSCAPE.chain_pem()).into_bytes(),
        LANDSCAPE.leaf.der.clone(),
        shop.openssl("req -x509 -newkey rsa:2048 -noenc -keyout rsa.pem -subj /CN=PRIVATE-KEY -days 30"),
        shop.openssl("pkey -in key.pem -pubout"),
        b"This mail holds the public certificate; the private key stays where it is.".to_vec(),
    ] {
        assert_eq!(scan(&bytes), Ok(()));
    }
}

#[test]
fn the_certificates_of_this_machine_pass_and_read_back() {
    let Ok(bundle) = std::fs::read("/etc/ssl/certs/ca-certificates.crt") else {
        return;
    };
    for certificate in formats::read(&bundle, None).expect("a bundle").certificates {
        let chain = Chain::assemble(vec![certificate.clone()], None).expect("a chain");
        let text =
            public(&chain, PublicForm::Cer).unwrap_or_else(|odd| panic!("{odd}: {}", certificate.subject));
        assert_eq!(open(text).chain.leaf, certificate.into());
    }
}
