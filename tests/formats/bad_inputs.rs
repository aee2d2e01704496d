//! Each thing that is no certificate is refused with its own reason, in words that read well aloud.

use certsteward::domain::reason::{Reason, Unseen};
use certsteward::formats;

use super::fixtures::{LANDSCAPE, Workshop, authority, self_signed};
use super::odd_forms::zipped;
use super::{names, open, refusal};

#[track_caller]
fn refused(bytes: impl AsRef<[u8]>, reason: Reason, words: &str) {
    let (given, text) = refusal(formats::open(bytes.as_ref(), None));
    assert_eq!((given, text.as_str()), (reason, words));
    assert_eq!(refusal(formats::identity(bytes.as_ref(), None)).0, reason);
}

#[test]
fn nothing_is_empty() {
    for bytes in [&b""[..], b" \r\n\t ", b"\xef\xbb\xbf", b"\xff\xfe", &[0; 64]] {
        refused(bytes, Reason::Empty, "it is empty");
    }
    refused(zipped(&[]), Reason::Empty, "it is a ZIP archive without any file");
}

#[test]
fn what_ends_in_the_middle_is_truncated() {
    let leaf = &LANDSCAPE.leaf;
    let again = "ends in the middle; copy or download the whole of it again";
    refused(&leaf.der[..200], Reason::Truncated, &format!("it is DER that {again}"));
    refused(
        &leaf.pem[..300],
        Reason::Truncated,
        &format!("block 1 (CERTIFICATE) has no END line: it {again}"),
    );
    let body: String =
        leaf.pem.lines().take(4).chain(["-----END CERTIFICATE-----"]).collect::<Vec<_>>().join("\n");
    refused(body, Reason::Truncated, &format!("block 1 (CERTIFICATE) {again}"));
    refused(
        [0x30, 0x80, 0x02, 0x01, 0x03, 0x30, 0x80, 0x06, 0x09],
        Reason::Truncated,
        &format!("it is BER that {again}"),
    );
    let base64: String = leaf.pem.lines().skip(1).take(3).collect();
    refused(&base64[..101], Reason::Truncated, &format!("it is DER that {again}"));
    let export = zipped(&[("leaf.pem", leaf.pem.as_bytes())]);
    assert_eq!(refusal(formats::open(&export[..100], None)).0, Reason::Truncated);
}

#[test]
fn what_holds_something_else_says_what() {
    let shop = Workshop::new();
    let way_out = "name the file that holds the certificate";
    let key = &LANDSCAPE.leaf.key_pem;
    refused(key, Reason::NoCertificate, &format!("it holds a private key and no certificate; {way_out}"));
    refused(
        shop.openssl("req -new -key key.pem -subj /CN=SFAPI"),
        Reason::NoCertificate,
        "it holds a certificate signing request and no certificate; the certificate is what the authority sends back for that request",
    );
    refused(
        shop.openssl("pkey -in key.pem -pubout"),
        Reason::NoCertificate,
        &format!("it holds a public key and no certificate; {way_out}"),
    );
    refused(
        revocation_list(),
        Reason::NoCertificate,
        &format!("it holds a certificate revocation list and no certificate; {way_out}"),
    );
}

fn revocation_list() -> Vec<u8> {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = authority("ACME Root", 2040);
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 1, 1),
        next_update: rcgen::date_time_ymd(2026, 2, 1),
        crl_number: rcgen::SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    list.signed_by(&rcgen::Issuer::from_params(&params, &key)).expect("a list").der().to_vec()
}

#[test]
fn what_is_no_certificate_file_says_what_it_seems_to_be() {
    refused(
        "<!DOCTYPE html><html><body>Please log in</body></html>",
        Reason::UnsupportedFormat,
        "it seems to be an HTML page (a login or error page saved instead of the file?); download the certificate again",
    );
    refused(
        [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1],
        Reason::UnsupportedFormat,
        "it begins as a Java keystore (JKS) of a version that nobody writes",
    );
    refused(
        [0x8f, 0x12, 0x00, 0xc3, 0x55, 0xaa, 0x01, 0xfe],
        Reason::UnsupportedFormat,
        "it is none of the forms that can be read: PEM, DER, CER, Base64, PKCS#7, PKCS#12, JKS, JCEKS, or a ZIP of these",
    );
    refused(
        [0x30, 0x80, 0x02, 0x01, 0x04, 0x30, 0x80, 0x06, 0x01, 0x2a, 0, 0, 0, 0],
        Reason::UnsupportedFormat,
        "it is BER, in which ends are marked rather than counted, but neither PKCS#7 nor PKCS#12; export it anew as DER or PEM",
    );
    refused(
        "{\"Name\": \"sfapi.pem\"}",
        Reason::UnsupportedFormat,
        "it seems to be JSON; take the certificate out of it as PEM",
    );
    refused(
        "certificates for payroll are kept elsewhere",
        Reason::NoCertificate,
        "it is text without any certificate; a PEM file has a line -----BEGIN CERTIFICATE-----",
    );
    refused(
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBF\n-----END PGP PUBLIC KEY BLOCK-----\n",
        Reason::UnsupportedFormat,
        "it holds an OpenPGP block, not an X.509 certificate",
    );
}

#[test]
fn more_than_the_limit_is_not_looked_at() {
    let (reason, text) = refusal(formats::open(&vec![b'x'; formats::LIMIT + 1], None));
    assert_eq!(reason, Reason::TooLarge);
    assert_eq!(text, "it has 16777217 bytes, which is more than the limit of 16 MiB");
}

#[test]
fn several_leaves_without_a_key_are_named() {
    let land = &*LANDSCAPE;
    refused(
        format!("{}{}{}", land.leaf.pem, land.other.pem, land.issuing.pem),
        Reason::SeveralLeaves,
        "there are 2 end-entity certificates in it (SFAPI, Payroll); put each in its own file, or set use = \"trust\" where all of them are trusted",
    );
}

#[test]
fn several_leaves_each_with_its_key_are_named() {
    let land = &*LANDSCAPE;
    refused(
        [&land.leaf.pem, &land.leaf.key_pem, &land.other.pem, &land.other.key_pem]
            .map(String::as_str)
            .concat(),
        Reason::SeveralLeaves,
        "there are 2 certificates with a private key in it (SFAPI, Payroll) and nothing says which is meant; put each in its own file",
    );
}

#[test]
fn a_key_of_another_certificate_is_a_mismatch() {
    let land = &*LANDSCAPE;
    let text = format!("{}{}{}", land.leaf.pem, land.issuing.pem, land.other.key_pem);
    let says = "the private key belongs to none of the certificates beside it";
    let opened = formats::open(text.as_bytes(), None).unwrap();
    assert_eq!((opened.chain.leaf.common_name(), opened.has_key), ("SFAPI".to_owned(), false));
    assert_eq!(opened.oddities, [Unseen::new(Reason::KeyMismatch, says)]);
    assert_eq!(refusal(formats::identity(text.as_bytes(), None)), (Reason::KeyMismatch, says.to_owned()));
    let parts = formats::identity_from_parts(land.leaf.pem.as_bytes(), land.other.key_pem.as_bytes(), None);
    assert_eq!(refusal(parts).0, Reason::KeyMismatch);
}

#[test]
fn an_identity_needs_a_key() {
    let land = &*LANDSCAPE;
    let (reason, text) = refusal(formats::identity(land.leaf.pem.as_bytes(), None));
    assert_eq!(reason, Reason::KeyUnavailable);
    assert_eq!(text, "there is no private key in it; name the file that holds the key beside it");
    let parts = formats::identity_from_parts(land.leaf.pem.as_bytes(), land.leaf.pem.as_bytes(), None);
    assert_eq!(refusal(parts), (Reason::KeyUnavailable, "the key file holds no private key".to_owned()));
}

#[test]
fn old_encryption_of_a_key_says_how_to_change_it() {
    let shop = Workshop::new();
    let key = shop.openssl("ec -in key.pem -aes256 -passout pass:sesame");
    let parts = formats::identity_from_parts(LANDSCAPE.leaf.pem.as_bytes(), &key, Some("sesame"));
    let (reason, text) = refusal(parts);
    assert_eq!(reason, Reason::UnsupportedFormat);
    assert_eq!(
        text,
        "the private key is encrypted in the old way of OpenSSL (DEK-Info); turn it into PKCS#8 with: openssl pkcs8 -topk8 -provider legacy -provider default -in OLD.pem -out NEW.pem"
    );
}

#[test]
fn a_weak_key_is_read_and_judged_elsewhere() {
    let shop = Workshop::new();
    let weak = shop.openssl("req -x509 -newkey rsa:1024 -noenc -keyout weak.pem -subj /CN=old -days 30");
    assert_eq!(open(weak).chain.leaf.key.to_string(), "RSA 1024");
}

#[test]
fn a_bundle_of_authorities_shows_the_one_that_expires_first() {
    let land = &*LANDSCAPE;
    let chain = open(format!("{}{}", land.root.pem, land.issuing.pem));
    assert_eq!(names(&chain), ["ACME Issuing", "ACME Root"]);
    let early = self_signed(&authority("Early Root", 2028));
    let late = self_signed(&authority("Late Root", 2045));
    let bundle =
        open([&late.pem, &land.root.pem, &early.pem, &land.issuing.pem].map(String::as_str).concat());
    assert_eq!(names(&bundle), ["Early Root"]);
    assert_eq!(bundle.chain.strays.len(), 3);
}
