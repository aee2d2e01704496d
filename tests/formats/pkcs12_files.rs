//! PKCS#12 as modern and old programs write it.

use certsteward::domain::reason::Reason;
use certsteward::formats;

use super::fixtures::Workshop;
use super::{names, refusal};

#[track_caller]
fn opens(words: &str, password: Option<&str>) {
    let archive = Workshop::new().openssl(words);
    let opened = formats::open(&archive, password).unwrap_or_else(|odd| panic!("{words}: {odd}"));
    assert_eq!(names(&opened), ["SFAPI", "ACME Issuing", "ACME Root"], "{words}");
    assert_eq!((opened.form, opened.has_key), ("PKCS#12", true));
    assert!(formats::identity(&archive, password).is_ok(), "{words}");
}

#[test]
fn modern_and_old_encryption_open() {
    opens("pkcs12 -export -in bundle.pem -passout pass:sesame", Some("sesame"));
    opens("pkcs12 -export -in bundle.pem -passout pass:sesame -legacy", Some("sesame"));
    opens(
        "pkcs12 -export -in bundle.pem -passout pass:sesame -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES",
        Some("sesame"),
    );
    opens("pkcs12 -export -in bundle.pem -passout pass:sesame -macalg sha512", Some("sesame"));
    opens("pkcs12 -export -in bundle.pem -passout pass:s€same -name SFAPI", Some("s€same"));
}

#[test]
fn an_archive_without_protection_opens_without_password() {
    opens("pkcs12 -export -in bundle.pem -passout EMPTY", None);
    opens("pkcs12 -export -in bundle.pem -passout EMPTY -legacy", None);
    opens("pkcs12 -export -in bundle.pem -passout EMPTY", Some(""));
    opens("pkcs12 -export -in bundle.pem -passout EMPTY -keypbe NONE -certpbe NONE -nomac", None);
    opens("pkcs12 -export -in bundle.pem -passout pass:sesame -nomac", Some("sesame"));
}

#[test]
fn an_archive_of_certificates_alone_opens() {
    let archive = Workshop::new().openssl("pkcs12 -export -nokeys -in chain.pem -passout pass:sesame");
    let opened = formats::open(&archive, Some("sesame")).expect("a chain");
    assert_eq!(names(&opened), ["SFAPI", "ACME Issuing", "ACME Root"]);
    assert!(!opened.has_key);
}

#[test]
fn a_missing_password_and_a_wrong_one_are_told_apart() {
    // Without a checksum openssl leaves the certificates open unless it is told otherwise afterwards.
    let unchecked = ["-nomac -certpbe aes-256-cbc", "-legacy -nomac -certpbe PBE-SHA1-RC2-40"];
    for more in ["", "-legacy"].into_iter().chain(unchecked) {
        let archive =
            Workshop::new().openssl(&format!("pkcs12 -export -in bundle.pem -passout pass:sesame {more}"));
        assert_eq!(refusal(formats::open(&archive, None)).0, Reason::PasswordNeeded, "{more}");
        assert_eq!(refusal(formats::open(&archive, Some("other"))).0, Reason::PasswordWrong, "{more}");
    }
}

#[test]
fn a_wrong_password_is_told_where_no_checksum_does_and_nonsense_looks_well_padded() {
    let workshop = Workshop::new();
    for form in ["-nokeys -in chain.pem -nomac -certpbe aes-128-cbc", "-in bundle.pem -nomac -certpbe NONE"] {
        let archive = workshop.openssl(&format!("pkcs12 -export -passout pass:sesame -iter 1 {form}"));
        for attempt in 0..600 {
            let wrong = format!("other-{attempt}");
            let (reason, _) = refusal(formats::identity(&archive, Some(&wrong)));
            assert_eq!(reason, Reason::PasswordWrong, "{form}: {wrong}");
        }
    }
}

#[test]
fn an_archive_cut_short_is_truncated() {
    let archive = Workshop::new().openssl("pkcs12 -export -in bundle.pem -passout pass:sesame");
    let (reason, _) = refusal(formats::open(&archive[..archive.len() / 2], Some("sesame")));
    assert_eq!(reason, Reason::Truncated);
}
