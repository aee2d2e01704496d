//! Which password opens which archive, and what is seen of one that stays shut.

use certsteward::domain::reason::{Reason, Unseen};
use certsteward::formats::{self, EntryKind, Opened, Wanted};

use super::fixtures::{LANDSCAPE, Workshop};
use super::java_keystores::keytool;
use super::{names, refusal, writer};
use crate::support::process::program;

const WHOLE: [&str; 3] = ["SFAPI", "ACME Issuing", "ACME Root"];

fn reasons(opened: &Opened) -> Vec<Reason> {
    opened.oddities.iter().map(|odd| odd.reason).collect()
}

#[test]
fn an_empty_password_and_none_at_all_open_what_was_written_with_either() {
    if program("certtool").is_none() {
        return;
    }
    let shop = Workshop::new();
    for kind in ["--empty-password", "--null-password"] {
        shop.run(&format!(
            "certtool --to-p12 --outder --load-certificate leaf.pem --load-privkey key.pem --p12-name sfapi {kind} --pkcs-cipher 3des-pkcs12 --outfile out.p12"
        ));
        let archive = std::fs::read(shop.path().join("out.p12")).expect("an archive");
        for password in [None, Some("")] {
            let identity = formats::identity(&archive, password)
                .unwrap_or_else(|odd| panic!("{kind} {password:?}: {odd}"));
            assert_eq!(identity.chain().leaf.common_name(), "SFAPI");
        }
        assert_eq!(refusal(formats::identity(&archive, Some("sesame"))).0, Reason::PasswordWrong);
    }
}

#[test]
fn an_empty_password_is_wrong_where_there_is_another() {
    let archive = Workshop::new().openssl("pkcs12 -export -in bundle.pem -passout pass:sesame");
    assert_eq!(refusal(formats::open(&archive, Some(""))).0, Reason::PasswordWrong);
    assert_eq!(refusal(formats::open(&archive, None)).0, Reason::PasswordNeeded);
}

#[test]
fn certificates_that_lie_open_are_read_whatever_the_password() {
    let shop = Workshop::new();
    for more in ["", "-nomac", "-legacy"] {
        let archive = shop.openssl(&format!(
            "pkcs12 -export -in bundle.pem -passout pass:sesame -iter 9 {more} -certpbe NONE"
        ));
        let opened = formats::open(&archive, None).expect("certificates");
        assert_eq!((names(&opened), opened.has_key), (WHOLE.map(String::from).to_vec(), true));
        assert_eq!(reasons(&opened), [Reason::PasswordNeeded], "{more}");
        assert_eq!(refusal(formats::identity(&archive, None)).0, Reason::PasswordNeeded);
        let opened = formats::open(&archive, Some("other")).expect("certificates");
        assert_eq!(names(&opened), WHOLE);
        // It is said once, though the checksum tells it of the whole and the cipher of the key.
        assert_eq!(reasons(&opened), [Reason::PasswordWrong], "{more}");
        assert_eq!(refusal(formats::identity(&archive, Some("other"))).0, Reason::PasswordWrong);
        let whole = formats::open(&archive, Some("sesame")).expect("a chain");
        assert_eq!((reasons(&whole), whole.has_key), (vec![], true));
    }
}

#[test]
fn several_parts_that_stay_shut_are_told_once() {
    let shop = Workshop::new();
    let archive = shop.openssl("pkcs12 -export -in bundle.pem -passout pass:sesame -iter 9");
    let twice = [archive.clone(), archive, LANDSCAPE.leaf.der.clone()].concat();
    let opened = formats::open(&twice, None).expect("a certificate");
    let shut = opened.oddities.iter().filter(|odd| odd.text.starts_with("it is protected")).count();
    assert_eq!(shut, 1, "{:?}", opened.oddities);
}

#[test]
fn entries_without_a_name_are_called_by_the_number_that_java_shows() {
    let shop = Workshop::new();
    let mut bags = Vec::new();
    for (sample, id) in [(&LANDSCAPE.leaf, 1), (&LANDSCAPE.other, 2)] {
        shop.put("key.pem", &sample.key_pem);
        let key = shop.openssl("pkcs8 -topk8 -in key.pem -passout pass:sesame -outform DER -iter 9");
        bags.push(writer::joined_certificate(sample, id));
        bags.push(writer::joined_shrouded_key(&key, id));
    }
    let archive = writer::archive(&bags);
    let content = formats::read(&archive, None).expect("certificates");
    let aliases: Vec<&str> = content.entries.iter().map(|entry| entry.alias.as_str()).collect();
    assert_eq!((aliases.as_slice(), content.has_key), (["1", "2"].as_slice(), true));
    let (reason, text) = refusal(formats::open(&archive, Some("sesame")));
    assert!(reason == Reason::SeveralLeaves && text.contains("(1, 2)"), "{text}");
    let wanted = Wanted { password: Some("sesame"), alias: Some("2"), ..Wanted::default() };
    assert_eq!(
        formats::identity_wanted(&archive, wanted).expect("a key").chain().leaf.common_name(),
        "Payroll"
    );
    shown_by_java(&shop, &archive);
}

/// keytool shows the same numbers, where it is installed.
fn shown_by_java(shop: &Workshop, archive: &[u8]) {
    if program("keytool").is_none() {
        return;
    }
    shop.put("unnamed.p12", archive);
    for (alias, name) in [("1", "SFAPI"), ("2", "Payroll")] {
        let words =
            "-exportcert -rfc -keystore unnamed.p12 -storetype PKCS12 -storepass sesame -file out.pem";
        keytool(shop, &format!("{words} -alias {alias}"));
        let shown = std::fs::read(shop.path().join("out.pem")).expect("a certificate");
        assert_eq!(formats::open(&shown, None).expect("a chain").chain.leaf.common_name(), name);
    }
}

#[test]
fn a_key_with_a_password_of_its_own_is_told_as_such() {
    let shop = Workshop::new();
    let key = shop.openssl("pkcs8 -topk8 -in key.pem -passout pass:other -outform DER -iter 9");
    let bags = [writer::certificate(&LANDSCAPE.leaf), writer::shrouded_key(&key)];
    let archive = writer::checked(&bags, "sesame", 32);
    let (reason, text) = refusal(formats::identity(&archive, Some("sesame")));
    assert_eq!(reason, Reason::PasswordWrong);
    assert!(text.starts_with("the password given opens the archive, but not the private key"), "{text}");
}

#[test]
fn a_key_of_another_certificate_is_a_mismatch() {
    let shop = Workshop::new();
    let land = &*LANDSCAPE;
    shop.put("key.pem", &land.other.key_pem);
    let encrypted = shop.openssl("pkcs8 -topk8 -in key.pem -passout pass:sesame -outform DER -iter 9");
    let leaf = writer::certificate(&land.leaf);
    for archive in [
        writer::archive(&[leaf.clone(), writer::key(&land.other.key_der)]),
        writer::archive(&[leaf.clone(), writer::shrouded_key(&encrypted)]),
        writer::checked(&[leaf, writer::shrouded_key(&encrypted)], "sesame", 32),
    ] {
        let says = "the private key belongs to none of the certificates beside it";
        let opened = formats::open(&archive, Some("sesame")).expect("a certificate");
        assert_eq!((names(&opened), opened.has_key), (vec!["SFAPI".to_owned()], false));
        assert_eq!(opened.oddities, [Unseen::new(Reason::KeyMismatch, says)]);
        let refused = refusal(formats::identity(&archive, Some("sesame")));
        assert_eq!(refused, (Reason::KeyMismatch, says.to_owned()));
    }
}

#[test]
fn bags_in_bags_are_read_as_deep_as_anybody_puts_them() {
    let land = &*LANDSCAPE;
    let inner = [writer::certificate(&land.leaf), writer::key(&land.leaf.key_der)];
    let once = writer::nested(&inner);
    assert!(
        formats::identity(&writer::archive(&[writer::nested(std::slice::from_ref(&once))]), None).is_ok()
    );
    let deep = (0..40).fold(once, |bags, _| writer::nested(&[bags]));
    assert_eq!(refusal(formats::open(&writer::archive(&[deep]), None)).0, Reason::Malformed);
}

#[test]
fn secret_keys_beside_a_certificate_are_entries_that_nobody_opens() {
    if program("keytool").is_none() {
        return;
    }
    let shop = Workshop::new();
    shop.put("in.p12", shop.openssl("pkcs12 -export -in bundle.pem -passout pass:sesame -name sfapi"));
    shop.put("root.pem", &LANDSCAPE.root.pem);
    let store = "-keystore in.p12 -storetype PKCS12 -storepass sesame";
    keytool(&shop, &format!("-genseckey -alias token -keyalg AES -keysize 128 {store}"));
    keytool(&shop, &format!("-importcert -noprompt -alias root -file root.pem {store}"));
    let archive = std::fs::read(shop.path().join("in.p12")).expect("a keystore");
    let content = formats::read(&archive, Some("sesame")).expect("certificates");
    assert_eq!(content.oddities, []);
    let mut entries: Vec<(&str, EntryKind)> =
        content.entries.iter().map(|entry| (entry.alias.as_str(), entry.kind)).collect();
    entries.sort_by_key(|(alias, _)| *alias);
    let expected = [("root", EntryKind::Trusted), ("sfapi", EntryKind::Key), ("token", EntryKind::Secret)];
    assert_eq!(entries, expected);
    let named = Wanted { password: Some("sesame"), alias: Some("sfapi"), ..Wanted::default() };
    assert_eq!(formats::identity_wanted(&archive, named).expect("a key").chain().leaf.common_name(), "SFAPI");
}

#[test]
fn an_archive_is_known_by_its_content_whatever_it_is_called() {
    if program("keytool").is_none() {
        return;
    }
    let shop = Workshop::new();
    shop.put("store.jks", shop.openssl("pkcs12 -export -in bundle.pem -passout pass:sesame -name sfapi"));
    keytool(
        &shop,
        "-importkeystore -noprompt -srckeystore store.jks -srcstorepass sesame -destkeystore store.p12 -deststoretype JKS -deststorepass sesame",
    );
    for (file, form) in [("store.jks", "PKCS#12"), ("store.p12", "JKS")] {
        let (bytes, _) = formats::files::read(&shop.path().join(file)).expect("a file");
        let opened = formats::open(&bytes, Some("sesame")).expect("a chain");
        assert_eq!(
            (opened.form, opened.has_key, names(&opened)),
            (form, true, WHOLE.map(String::from).to_vec())
        );
    }
}
