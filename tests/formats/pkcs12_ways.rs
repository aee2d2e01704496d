//! The ways in which PKCS#12 archives and keys are protected: each cipher, each way to make a key of a password and each
//! checksum, as openssl, keytool, NSS and GnuTLS write them; and those that nobody here reads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certsteward::domain::reason::Reason;
use certsteward::formats;

use super::fixtures::{LANDSCAPE, Workshop};
use super::java_keystores::keytool;
use super::writer::{self, uncounted};
use super::{names, refusal};
use crate::support::process::program;

const WHOLE: [&str; 3] = ["SFAPI", "ACME Issuing", "ACME Root"];

#[track_caller]
fn opens(archive: &[u8], password: Option<&str>, told: &str) {
    let opened = formats::open(archive, password).unwrap_or_else(|odd| panic!("{told}: {odd}"));
    assert_eq!(names(&opened), WHOLE, "{told}");
    assert_eq!((opened.form, opened.has_key, opened.oddities), ("PKCS#12", true, Vec::new()), "{told}");
    formats::identity(archive, password).unwrap_or_else(|odd| panic!("{told}: {odd}"));
}

#[test]
fn every_cipher_of_openssl_opens_and_knows_a_wrong_password() {
    let shop = Workshop::new();
    for cipher in [
        "PBE-SHA1-3DES",
        "PBE-SHA1-2DES",
        "PBE-SHA1-RC2-128",
        "PBE-SHA1-RC2-40",
        "aes-128-cbc",
        "aes-192-cbc",
        "aes-256-cbc",
        "des-ede3-cbc",
        "des-cbc",
        "rc2-cbc",
        "rc2-64-cbc",
        "rc2-40-cbc",
    ] {
        for more in ["", "-nomac"] {
            let archive = shop.openssl(&format!(
                "pkcs12 -export -in bundle.pem -passout pass:sesame -iter 9 -legacy {more} -keypbe {cipher} -certpbe {cipher}"
            ));
            opens(&archive, Some("sesame"), cipher);
            assert_eq!(refusal(formats::open(&archive, Some("other"))).0, Reason::PasswordWrong, "{cipher}");
            assert_eq!(refusal(formats::open(&archive, None)).0, Reason::PasswordNeeded, "{cipher}");
        }
    }
}

#[test]
fn every_checksum_of_openssl_is_held_against() {
    let shop = Workshop::new();
    for hash in ["sha1", "sha224", "sha256", "sha384", "sha512", "sha512-224", "sha512-256"] {
        for rounds in ["-iter 9", "-nomaciter"] {
            let mut archive = shop.openssl(&format!(
                "pkcs12 -export -in bundle.pem -passout pass:sesame -macalg {hash} -keypbe NONE -certpbe NONE {rounds}"
            ));
            opens(&archive, Some("sesame"), hash);
            // Nothing in it is encrypted, so only the checksum knows.
            let wrong = formats::open(&archive, Some("other")).expect("what lies open");
            let reasons: Vec<Reason> = wrong.oddities.iter().map(|odd| odd.reason).collect();
            assert_eq!(reasons, [Reason::PasswordWrong], "{hash}");
            let at = archive.windows(5).position(|part| part == b"SFAPI").expect("its name");
            archive[at] ^= 1;
            let changed = formats::open(&archive, Some("sesame")).expect("what lies open");
            assert_eq!(changed.oddities.first().map(|odd| odd.reason), Some(Reason::PasswordWrong), "{hash}");
        }
    }
}

/// A key that openssl encrypted, as a file of its own and as the only key of an archive.
#[track_caller]
fn key_opens(encrypted: &[u8], told: &str) {
    let leaf = &LANDSCAPE.leaf;
    let archive = writer::archive(&[writer::certificate(leaf), writer::shrouded_key(encrypted)]);
    let identity = formats::identity(&archive, Some("sesame")).unwrap_or_else(|odd| panic!("{told}: {odd}"));
    assert_eq!(identity.chain().leaf.common_name(), "SFAPI");
    formats::identity_from_parts(&leaf.der, encrypted, Some("sesame"))
        .unwrap_or_else(|odd| panic!("{told}: {odd}"));
    for (password, reason) in [(Some("other"), Reason::PasswordWrong), (None, Reason::PasswordNeeded)] {
        assert_eq!(refusal(formats::identity(&archive, password)).0, reason, "{told}");
        let parts = formats::identity_from_parts(&leaf.der, encrypted, password);
        assert_eq!(refusal(parts).0, reason, "{told}");
    }
}

#[test]
fn every_way_from_a_password_to_a_key_opens() {
    let shop = Workshop::new();
    let write = |words: &str| {
        shop.openssl(&format!("pkcs8 -topk8 -in key.pem -passout pass:sesame -outform DER {words}"))
    };
    for hash in ["SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA512-224", "SHA512-256"] {
        for cipher in ["aes-128-cbc", "aes-256-cbc"] {
            let key = write(&format!("-iter 9 -v2 {cipher} -v2prf hmacWith{hash}"));
            // SHA-1 is what is meant where nothing is said.
            let is_said = key.windows(7).any(|part| part == [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02]);
            assert_eq!(is_said, hash != "SHA1", "{hash}");
            key_opens(&key, hash);
        }
    }
    key_opens(&write("-scrypt -scrypt_N 16 -scrypt_r 2 -scrypt_p 3"), "scrypt");
    for old in ["PBE-MD5-DES", "PBE-SHA1-DES", "PBE-MD5-RC2-64", "PBE-SHA1-RC2-64", "PBE-SHA1-RC2-40"] {
        key_opens(&write(&format!("-iter 9 -v1 {old} -provider legacy -provider default")), old);
    }
}

#[test]
fn scrypt_that_asks_for_too_much_is_not_begun() {
    let shop = Workshop::new();
    let words = "pkcs8 -topk8 -in key.pem -passout pass:sesame -outform DER -scrypt";
    let mut key = shop.openssl(&format!("{words} -scrypt_N 16384 -scrypt_r 8 -scrypt_p 1"));
    let asked = [2, 2, 0x40, 0, 2, 1, 8, 2, 1, 1];
    let at = key.windows(asked.len()).position(|part| part == asked).expect("what it asks for");
    key[at + 6] = 0x7f;
    let (reason, text) = refusal(formats::identity_from_parts(&LANDSCAPE.leaf.der, &key, Some("sesame")));
    assert_eq!(reason, Reason::TooLarge);
    assert!(text.contains("scrypt") && text.contains("64 MiB"), "{text}");
}

#[test]
fn what_no_password_would_open_is_broken_and_no_password_is_blamed() {
    let aes = |begin: usize, sealed: usize| {
        writer::encrypted(&writer::pbkdf2(b"salt"), &vec![7; begin], &vec![7; sealed])
    };
    let of_old = |sealed: usize| writer::encrypted_of_old(b"salt", &vec![7; sealed]);
    let leaf = &LANDSCAPE.leaf;
    for (key, says) in [
        (aes(15, 64), "begin with 15 bytes (the IV), but takes 16"),
        (aes(0, 64), "begin with 0 bytes (the IV), but takes 16"),
        (aes(16, 63), "no whole number of blocks"),
        (aes(16, 0), "no whole number of blocks"),
        (of_old(60), "no whole number of blocks"),
    ] {
        let archive = writer::archive(&[writer::certificate(leaf), writer::shrouded_key(&key)]);
        let parts = formats::identity_from_parts(&leaf.der, &key, Some("sesame"));
        for (reason, text) in [refusal(parts), refusal(formats::identity(&archive, Some("sesame")))] {
            assert!(reason == Reason::Malformed && text.contains(says), "{reason}: {text}");
        }
    }
    for key in [aes(16, 64), of_old(64)] {
        let parts = formats::identity_from_parts(&leaf.der, &key, Some("sesame"));
        assert_eq!(refusal(parts).0, Reason::PasswordWrong);
    }
}

#[test]
fn what_nobody_here_reads_is_named_and_no_password_is_blamed() {
    let shop = Workshop::new();
    for (cipher, name) in [
        ("PBE-SHA1-RC4-128", "RC4 with 128 bits (1.2.840.113549.1.12.1.1)"),
        ("PBE-SHA1-RC4-40", "RC4 with 40 bits (1.2.840.113549.1.12.1.2)"),
        ("camellia-128-cbc", "Camellia-128 (1.2.392.200011.61.1.1.1.2)"),
        ("aria-256-cbc", "1.2.410.200046.1.1.12"),
        ("sm4-cbc", "SM4 (1.2.156.10197.1.104.2)"),
    ] {
        for more in ["", "-nomac"] {
            let words = format!("pkcs12 -export -in bundle.pem -passout pass:sesame -iter 9 -legacy {more}");
            let archive = shop.openssl(&format!("{words} -keypbe {cipher} -certpbe {cipher}"));
            let (reason, text) = refusal(formats::open(&archive, Some("sesame")));
            assert_eq!(reason, Reason::UnsupportedFormat, "{cipher}");
            assert!(
                text.starts_with(&format!(
                    "it is protected with {name}, which is not read here; write it anew with: openssl"
                )),
                "{text}"
            );
            // The certificates lie open, and only the key stays shut.
            let archive = shop.openssl(&format!("{words} -keypbe {cipher} -certpbe NONE"));
            let opened = formats::open(&archive, Some("sesame")).expect("certificates");
            assert_eq!((names(&opened), opened.has_key), (WHOLE.map(String::from).to_vec(), true));
            assert_eq!(
                opened.oddities.iter().map(|odd| odd.reason).collect::<Vec<_>>(),
                [Reason::UnsupportedFormat]
            );
            let identity = refusal(formats::identity(&archive, Some("sesame")));
            assert_eq!(identity.0, Reason::UnsupportedFormat);
        }
    }
}

#[test]
fn a_checksum_that_nobody_here_reads_hides_nothing_and_is_named() {
    let archive =
        Workshop::new().openssl("pkcs12 -export -in bundle.pem -passout pass:sesame -macalg sha3-256");
    let opened = formats::open(&archive, Some("sesame")).expect("a chain");
    assert_eq!((names(&opened), opened.has_key), (WHOLE.map(String::from).to_vec(), true));
    assert_eq!(opened.oddities.len(), 1);
    let text = &opened.oddities[0].text;
    assert!(text.starts_with("whether the archive is whole cannot be checked: "), "{text}");
    assert!(text.contains("2.16.840.1.101.3.4.2.8"), "{text}");
    assert_eq!(refusal(formats::identity(&archive, Some("other"))).0, Reason::UnsupportedFormat);
}

#[test]
fn the_checksum_of_rfc_9579_is_held_against() {
    for sample in [include_str!("rfc9579-a1.txt"), include_str!("rfc9579-a3.txt")] {
        let archive = STANDARD.decode(sample.replace('\n', "")).expect("Base64");
        let opened = formats::open(&archive, Some("1234")).expect("the sample of the RFC");
        assert_eq!((opened.has_key, opened.oddities), (true, Vec::new()));
        assert!(formats::identity(&archive, Some("1234")).is_ok());
        assert_eq!(refusal(formats::open(&archive, Some("other"))).0, Reason::PasswordWrong);
        assert_eq!(refusal(formats::open(&archive, None)).0, Reason::PasswordNeeded);
    }
}

#[test]
fn a_checksum_of_rfc_9579_with_a_short_key_counts_for_nothing() {
    let land = &*LANDSCAPE;
    let bags = [writer::certificate(&land.leaf), writer::key(&land.leaf.key_der)];
    let opened = formats::open(&writer::checked(&bags, "sesame", 20), Some("sesame")).expect("a chain");
    assert_eq!(opened.oddities, []);
    let opened = formats::open(&writer::checked(&bags, "sesame", 19), Some("sesame")).expect("a chain");
    assert_eq!(opened.oddities.iter().map(|odd| odd.reason).collect::<Vec<_>>(), [Reason::Malformed]);
    let wrong = formats::open(&writer::checked(&bags, "sesame", 20), Some("other")).expect("what lies open");
    assert_eq!(wrong.oddities.iter().map(|odd| odd.reason).collect::<Vec<_>>(), [Reason::PasswordWrong]);
}

#[test]
fn every_way_of_java_opens() {
    if program("keytool").is_none() {
        return;
    }
    let shop = Workshop::new();
    shop.put("in.p12", shop.openssl("pkcs12 -export -in bundle.pem -passout pass:sesame -name sfapi"));
    for (number, (cipher, mac)) in [
        ("PBEWithHmacSHA1AndAES_128", "HmacPBESHA1"),
        ("PBEWithHmacSHA224AndAES_256", "HmacPBESHA224"),
        ("PBEWithHmacSHA384AndAES_128", "HmacPBESHA384"),
        ("PBEWithHmacSHA512AndAES_256", "HmacPBESHA512"),
        ("PBEWithSHA1AndDESede", "HmacPBESHA256"),
        ("PBEWithSHA1AndRC2_128", "HmacPBESHA512/256"),
        ("PBEWithSHA1AndRC2_40", "NONE"),
    ]
    .into_iter()
    .enumerate()
    {
        let words = format!(
            "-importkeystore -noprompt -srckeystore in.p12 -srcstorepass sesame -destkeystore {number}.p12 -deststoretype PKCS12 -deststorepass sesame -J-Dkeystore.pkcs12.keyProtectionAlgorithm={cipher} -J-Dkeystore.pkcs12.certProtectionAlgorithm={cipher} -J-Dkeystore.pkcs12.macAlgorithm={mac}"
        );
        keytool(&shop, &words);
        let archive = std::fs::read(shop.path().join(format!("{number}.p12"))).expect("a keystore");
        opens(&archive, Some("sesame"), cipher);
        assert_eq!(refusal(formats::open(&archive, Some("other"))).0, Reason::PasswordWrong, "{cipher}");
    }
}

#[test]
fn every_way_of_nss_opens_whose_ends_are_marked() {
    if program("pk12util").is_none() {
        return;
    }
    let shop = Workshop::new();
    shop.put("in.p12", shop.openssl("pkcs12 -export -in bundle.pem -passout pass:sesame -name sfapi"));
    shop.run("certutil -N -d sql:. --empty-password");
    shop.run("pk12util -i in.p12 -d sql:. -W sesame");
    for words in ["", "-c DES-EDE3-CBC -C none -M SHA-512"] {
        shop.run(&format!("pk12util -o out.p12 -n sfapi -d sql:. -W sesame {words}"));
        let archive = std::fs::read(shop.path().join("out.p12")).expect("an archive");
        assert!(archive.starts_with(&[0x30, 0x80]), "NSS writes BER");
        opens(&archive, Some("sesame"), words);
    }
}

#[test]
fn an_archive_in_ber_opens_however_it_is_cut() {
    let shop = Workshop::new();
    for words in ["", "-legacy", "-nomac -certpbe aes-256-cbc"] {
        let archive =
            shop.openssl(&format!("pkcs12 -export -in bundle.pem -passout pass:sesame -iter 9 {words}"));
        for piece in [1, 100, 1 << 20] {
            let marked = uncounted(&archive, piece);
            opens(&marked, Some("sesame"), words);
            // Only what stands inside is in BER; the length of the whole is counted.
            opens(&writer::der(0x30, &[&marked[2..marked.len() - 2]]), Some("sesame"), words);
            for form in [STANDARD.encode(&marked), STANDARD.encode(&archive)] {
                let armoured = format!("-----BEGIN PKCS12-----\n{form}\n-----END PKCS12-----\n");
                let opened = formats::open(armoured.as_bytes(), Some("sesame")).expect("a chain");
                assert_eq!((names(&opened), opened.has_key), (WHOLE.map(String::from).to_vec(), true));
            }
            assert_eq!(refusal(formats::open(&marked, Some("other"))).0, Reason::PasswordWrong);
            for end in [marked.len() / 2, marked.len() - 1] {
                assert_eq!(refusal(formats::open(&marked[..end], Some("sesame"))).0, Reason::Truncated);
            }
        }
    }
}
