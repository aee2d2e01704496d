//! The sample chain in every form that people and products give it.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certsteward::domain::reason::Reason;
use certsteward::formats;

use super::fixtures::{LANDSCAPE, Workshop};
use super::{names, open};

const WHOLE: [&str; 3] = ["SFAPI", "ACME Issuing", "ACME Root"];

#[track_caller]
fn gives_the_chain(form: &str, bytes: impl AsRef<[u8]>) {
    let opened = open(bytes);
    assert_eq!(names(&opened), WHOLE);
    assert_eq!(opened.form, form);
    assert_eq!(opened.oddities, []);
}

fn wrapped(text: &str, columns: usize, line_end: &str) -> String {
    let lines: Vec<&str> =
        text.as_bytes().chunks(columns).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    lines.join(line_end) + line_end
}

#[test]
fn pem_is_read_with_anything_around_it() {
    let chain = LANDSCAPE.chain_pem();
    gives_the_chain("PEM", &chain);
    gives_the_chain("PEM", chain.replace('\n', "\r\n"));
    gives_the_chain("PEM", chain.replace('\n', "\r"));
    gives_the_chain("PEM", format!("\u{feff}{chain}"));
    gives_the_chain("PEM", chain.lines().map(|line| format!("    {line}  \n")).collect::<String>());
    gives_the_chain(
        "PEM",
        format!("Bag Attributes\n    localKeyID: 01 02\nsubject=CN = SFAPI\n\n{chain}\nregards\n"),
    );
    gives_the_chain("PEM", [&[0xff, 0x00, 0x9c][..], chain.as_bytes()].concat());
}

#[test]
fn pem_is_read_whatever_its_lines() {
    let chain = LANDSCAPE.chain_pem();
    gives_the_chain("PEM", chain.replace('\n', ""));
    gives_the_chain("PEM", chain.replace('\n', " "));
    gives_the_chain("PEM", chain.replace('\n', "\\n"));
    let block = |der: &[u8]| {
        let body = wrapped(&STANDARD.encode(der), 76, "\r\n");
        format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
    };
    let land = &*LANDSCAPE;
    gives_the_chain("PEM", [&land.leaf, &land.issuing, &land.root].map(|one| block(&one.der)).concat());
}

#[test]
fn pem_of_a_windows_editor_is_read() {
    let units: Vec<u16> = LANDSCAPE.chain_pem().encode_utf16().collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    gives_the_chain("PEM", [&[0xff, 0xfe][..], &little].concat());
    gives_the_chain("PEM", [&[0xfe, 0xff][..], &big].concat());
}

#[test]
fn pem_encoded_once_or_twice_more_is_read() {
    let once = STANDARD.encode(LANDSCAPE.chain_pem());
    gives_the_chain("PEM in Base64", &once);
    gives_the_chain("PEM in Base64", wrapped(&once, 76, "\r\n"));
    gives_the_chain("PEM in Base64", STANDARD.encode(&once));
    gives_the_chain("PEM in Base64", format!("\"{once}\""));
}

#[test]
fn der_and_cer_are_read() {
    let land = &*LANDSCAPE;
    for (form, bytes) in [
        ("DER", land.leaf.der.clone()),
        ("DER", [land.leaf.der.as_slice(), b"\n"].concat()),
        ("Base64", STANDARD.encode(&land.leaf.der).into_bytes()),
        ("Base64", wrapped(&STANDARD.encode(&land.leaf.der), 64, "\r\n").into_bytes()),
        ("Base64", STANDARD.encode(&land.leaf.der).trim_end_matches('=').as_bytes().to_vec()),
    ] {
        let opened = open(bytes);
        assert_eq!((names(&opened), opened.form), (vec!["SFAPI".to_owned()], form));
    }
    gives_the_chain("DER", [land.leaf.der.clone(), land.issuing.der.clone(), land.root.der.clone()].concat());
}

#[test]
fn pkcs7_whose_ends_are_marked_is_read() {
    let shop = Workshop::new();
    shop.put("note.txt", "signed");
    shop.put("issuers.pem", [&LANDSCAPE.issuing, &LANDSCAPE.root].map(|one| one.pem.as_str()).concat());
    let sign =
        "cms -sign -stream -nodetach -in note.txt -signer leaf.pem -inkey key.pem -certfile issuers.pem";
    let der = shop.openssl(&format!("{sign} -outform DER"));
    assert!(der.starts_with(&[0x30, 0x80]), "openssl writes BER");
    gives_the_chain("PKCS#7", der);
    gives_the_chain("PEM", shop.openssl(&format!("{sign} -outform PEM")));
    // What is signed is no certificate to be seen, be it one.
    shop.put("note.txt", &LANDSCAPE.other.pem);
    gives_the_chain("PKCS#7", shop.openssl(&format!("{sign} -outform DER")));
}

#[test]
fn a_pkcs7_bundle_is_read() {
    let shop = Workshop::new();
    gives_the_chain("PEM", shop.openssl("crl2pkcs7 -nocrl -certfile chain.pem"));
    gives_the_chain("PKCS#7", shop.openssl("crl2pkcs7 -nocrl -certfile chain.pem -outform DER"));
}

#[test]
fn a_trusted_certificate_of_openssl_is_read() {
    let trusted = Workshop::new().openssl("x509 -in leaf.pem -trustout -addtrust clientAuth");
    assert!(trusted.starts_with(b"-----BEGIN TRUSTED CERTIFICATE"));
    let opened = open(trusted);
    assert_eq!((names(&opened), opened.oddities), (vec!["SFAPI".to_owned()], Vec::new()));
}

#[test]
fn order_does_not_matter_and_is_told() {
    let land = &*LANDSCAPE;
    let shuffled = [&land.root, &land.leaf, &land.issuing].map(|one| one.pem.as_str()).concat();
    let opened = open(shuffled);
    assert_eq!(names(&opened), WHOLE);
    assert!(!opened.chain.in_order);
    assert!(open(land.chain_pem()).chain.in_order);
}

#[test]
fn one_bad_block_never_hides_a_good_one() {
    let chain = LANDSCAPE.chain_pem();
    for (bad, reason) in [
        ("-----BEGIN CERTIFICATE-----\nMIIB*\n-----END CERTIFICATE-----\n", Reason::Malformed),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", Reason::Empty),
        (
            "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ\n-----END CERTIFICATE-----\n",
            Reason::Truncated,
        ),
        ("-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ\n", Reason::Truncated),
        ("-----BEGIN CERTIFICATE-----\naGVsbG8gd29ybGQ=\n-----END CERTIFICATE-----\n", Reason::Truncated),
        ("-----BEGIN SOMETHING-----\nMAMCAQE=\n-----END SOMETHING-----\n", Reason::UnsupportedFormat),
    ] {
        for text in [format!("{bad}{chain}"), format!("{chain}{bad}")] {
            let opened = open(text);
            assert_eq!(names(&opened), WHOLE);
            assert_eq!(opened.oddities.iter().map(|odd| odd.reason).collect::<Vec<_>>(), [reason], "{bad}");
        }
    }
}

#[test]
fn every_form_of_key_makes_an_identity() {
    let shop = Workshop::new();
    let leaf = &LANDSCAPE.leaf;
    let sec1 = shop.openssl("ec -in key.pem");
    assert!(sec1.starts_with(b"-----BEGIN EC PRIVATE KEY"));
    let without_public = shop.openssl("ec -in key.pem -no_public");
    shop.put("no-public.pem", &without_public);
    let keys = [
        leaf.key_pem.clone().into_bytes(),
        leaf.key_der.clone(),
        sec1,
        shop.openssl("ec -in key.pem -outform DER"),
        without_public,
        shop.openssl("pkcs8 -topk8 -nocrypt -in no-public.pem"),
        shop.openssl("ecparam -name prime256v1").into_iter().chain(leaf.key_pem.bytes()).collect(),
        STANDARD.encode(&leaf.key_pem).into_bytes(),
    ];
    for key in keys {
        let identity = formats::identity_from_parts(leaf.pem.as_bytes(), &key, None)
            .unwrap_or_else(|odd| panic!("{odd}: {}", String::from_utf8_lossy(&key)));
        assert_eq!(identity.chain().leaf.common_name(), "SFAPI");
    }
}

#[test]
fn rsa_keys_in_both_forms_make_an_identity() {
    let shop = Workshop::new();
    shop.openssl("req -x509 -newkey rsa:2048 -noenc -keyout rsa.pem -subj /CN=SFAPI -days 30");
    let certificate = std::fs::read(shop.path().join("out")).expect("a certificate");
    let pkcs8 = std::fs::read(shop.path().join("rsa.pem")).expect("a key");
    let pkcs1 = shop.openssl("rsa -in rsa.pem -traditional");
    assert!(pkcs1.starts_with(b"-----BEGIN RSA PRIVATE KEY"));
    for key in [pkcs8, pkcs1] {
        let together = [key.as_slice(), &certificate].concat();
        assert!(formats::identity(&together, None).is_ok());
        assert!(open(together).has_key);
    }
}

#[test]
fn an_encrypted_key_opens_with_its_password() {
    let shop = Workshop::new();
    let leaf = &LANDSCAPE.leaf;
    for words in [
        "pkcs8 -topk8 -in key.pem -passout pass:sesame",
        "pkcs8 -topk8 -in key.pem -passout pass:sesame -outform DER",
        "pkcs8 -topk8 -in key.pem -passout pass:sesame -v1 PBE-SHA1-3DES",
        "pkcs8 -topk8 -in key.pem -passout pass:sesame -scrypt",
    ] {
        let key = shop.openssl(words);
        let with = |password| formats::identity_from_parts(leaf.pem.as_bytes(), &key, password);
        assert!(with(Some("sesame")).is_ok(), "{words}");
        assert_eq!(with(None).err().map(|odd| odd.reason), Some(Reason::PasswordNeeded), "{words}");
        assert_eq!(with(Some("other")).err().map(|odd| odd.reason), Some(Reason::PasswordWrong), "{words}");
    }
}

#[test]
fn an_encrypted_key_does_not_hide_the_chain_beside_it() {
    let shop = Workshop::new();
    let key = shop.openssl("pkcs8 -topk8 -in key.pem -passout pass:sesame");
    let opened = open([key.as_slice(), LANDSCAPE.chain_pem().as_bytes()].concat());
    assert_eq!(names(&opened), WHOLE);
    assert!(opened.has_key);
    assert_eq!(opened.oddities.iter().map(|odd| odd.reason).collect::<Vec<_>>(), [Reason::PasswordNeeded]);
}

#[test]
fn a_key_that_cannot_be_used_still_tells_its_certificate() {
    let shop = Workshop::new();
    for words in [
        "req -x509 -newkey rsa:1024 -noenc -keyout weak.pem -subj /CN=SFAPI -days 30",
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-521 -noenc -keyout weak.pem -subj /CN=SFAPI -days 30",
    ] {
        let certificate = shop.openssl(words);
        let key = std::fs::read(shop.path().join("weak.pem")).expect("a key");
        let together = [key.as_slice(), &certificate, LANDSCAPE.chain_pem().as_bytes()].concat();
        let opened = open(&together);
        assert_eq!(opened.chain.leaf.fingerprint, open(&certificate).chain.leaf.fingerprint);
        let odd = formats::identity(&together, None).err().expect("no such key can sign here");
        assert_eq!(odd.reason, Reason::UnsupportedFormat);
    }
}

#[test]
fn the_key_chooses_the_leaf() {
    let land = &*LANDSCAPE;
    let text =
        [&land.other.pem, &land.leaf.pem, &land.leaf.key_pem, &land.issuing.pem].map(String::as_str).concat();
    let opened = open(text);
    assert_eq!(names(&opened), ["SFAPI", "ACME Issuing"]);
    assert_eq!(opened.chain.strays.len(), 1);
}

#[test]
fn a_cockpit_export_is_read_file_by_file() {
    let land = &*LANDSCAPE;
    let destination =
        "Type=HTTP\nURL=https\\://api.example.org\nAuthentication=ClientCertificateAuthentication\n";
    let export = zipped(&[
        ("acme/", b""),
        ("acme/sfapi", destination.as_bytes()),
        ("acme/sfapi.pem", STANDARD.encode(land.bundle_pem()).as_bytes()),
        ("__MACOSX/acme/._sfapi.pem", &[0, 5, 22, 7]),
    ]);
    let opened = open(&export);
    assert_eq!(
        (names(&opened), opened.form, opened.has_key),
        (WHOLE.map(String::from).to_vec(), "ZIP", true)
    );
    assert_eq!(opened.oddities, []);
    assert!(formats::identity(&export, None).is_ok());
}

#[test]
fn a_file_of_an_archive_that_unpacks_without_end_is_left_out() {
    let zeros = vec![b' '; 3 * 1024 * 1024];
    let large = vec![0_u8; 5 * 1024 * 1024];
    let export =
        zipped(&[("bomb.txt", &zeros), ("large.bin", &large), ("leaf.pem", LANDSCAPE.leaf.pem.as_bytes())]);
    let opened = open(export);
    assert_eq!(names(&opened), ["SFAPI"]);
    assert_eq!(opened.oddities.iter().map(|odd| odd.reason).collect::<Vec<_>>(), [Reason::TooLarge; 2]);
    assert!(opened.oddities[0].text.starts_with("in bomb.txt: "), "{}", opened.oddities[0].text);
}

pub(super) fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).expect("a file");
        archive.write_all(content).expect("its content");
    }
    archive.finish().expect("an archive").into_inner()
}
