//! JKS and JCEKS as `keytool` writes them.

use std::process::Command;

use certsteward::domain::reason::Reason;
use certsteward::formats::{self, EntryKind, Wanted};

use super::fixtures::{LANDSCAPE, Workshop};
use super::{names, refusal, writer};
use crate::support::process::program;

const PASSWORD: &str = "sesame";

/// A workshop in which keystores of both kinds can be made; none where `keytool` is not installed.
fn workshop() -> Option<Workshop> {
    program("keytool").map(|_| Workshop::new())
}

/// Runs `keytool` with these words.
pub(super) fn keytool(shop: &Workshop, words: &str) {
    let output = Command::new("keytool")
        .args(words.split_whitespace())
        .args(["-J-Xshare:auto", "-J-XX:TieredStopAtLevel=1"])
        .current_dir(shop.path())
        .output()
        .expect("keytool");
    assert!(output.status.success(), "keytool {words}: {}", String::from_utf8_lossy(&output.stdout));
}

/// Puts key and chain under an alias into a keystore.
fn put_key(shop: &Workshop, store: &str, kind: &str, alias: &str) {
    let archive =
        shop.openssl(&format!("pkcs12 -export -in bundle.pem -passout pass:{PASSWORD} -name {alias}"));
    shop.put("in.p12", archive);
    keytool(
        shop,
        &format!(
            "-importkeystore -noprompt -srckeystore in.p12 -srcstorepass {PASSWORD} -destkeystore {store} -deststoretype {kind} -deststorepass {PASSWORD}"
        ),
    );
}

fn put_root(shop: &Workshop, store: &str, kind: &str) {
    shop.put("root.pem", &LANDSCAPE.root.pem);
    keytool(
        shop,
        &format!(
            "-importcert -noprompt -alias root -file root.pem -keystore {store} -storetype {kind} -storepass {PASSWORD}"
        ),
    );
}

fn read(shop: &Workshop, store: &str) -> Vec<u8> {
    std::fs::read(shop.path().join(store)).expect("a keystore")
}

#[track_caller]
fn whole(bytes: &[u8], form: &str) {
    let open = formats::open(bytes, Some(PASSWORD)).unwrap_or_else(|odd| panic!("{form}: {odd}"));
    assert_eq!((open.form, open.has_key, open.oddities.as_slice()), (form, true, [].as_slice()));
    assert_eq!(names(&open), ["SFAPI", "ACME Issuing", "ACME Root"], "{form}");
    let identity = formats::identity(bytes, Some(PASSWORD)).unwrap_or_else(|odd| panic!("{form}: {odd}"));
    assert_eq!(identity.chain().leaf.common_name(), "SFAPI");
}

#[test]
fn a_key_with_its_chain_and_what_lies_beside_it_is_read() {
    let Some(shop) = workshop() else { return };
    for (kind, form) in [("jks", "JKS"), ("jceks", "JCEKS")] {
        let store = format!("store.{kind}");
        put_key(&shop, &store, kind, "sfapi");
        put_root(&shop, &store, kind);
        if kind == "jceks" {
            let words = format!(
                "-genseckey -alias token -keyalg AES -keysize 128 -keystore {store} -storetype {kind} -storepass {PASSWORD}"
            );
            keytool(&shop, &words);
        }
        let bytes = read(&shop, &store);
        whole(&bytes, form);
        let content = formats::read(&bytes, None).expect("certificates without a password");
        let mut entries: Vec<(&str, EntryKind)> =
            content.entries.iter().map(|entry| (entry.alias.as_str(), entry.kind)).collect();
        entries.sort_by_key(|(alias, _)| *alias);
        let secret = (kind == "jceks").then_some(("token", EntryKind::Secret));
        let expected = [("root", EntryKind::Trusted), ("sfapi", EntryKind::Key)];
        assert_eq!(entries, expected.into_iter().chain(secret).collect::<Vec<_>>(), "{form}");
    }
}

#[test]
fn without_a_password_the_leaf_is_known_and_with_a_wrong_one_it_is_said() {
    let Some(shop) = workshop() else { return };
    for kind in ["jks", "jceks"] {
        let store = format!("store.{kind}");
        put_key(&shop, &store, kind, "sfapi");
        put_root(&shop, &store, kind);
        let bytes = read(&shop, &store);
        let open = formats::open(&bytes, None).expect("a chain");
        assert_eq!((open.chain.leaf.common_name(), open.has_key), ("SFAPI".to_owned(), true));
        assert_eq!(refusal(formats::identity(&bytes, None)).0, Reason::PasswordNeeded);
        let wrong = formats::open(&bytes, Some("wrong")).expect("what lies open");
        let reasons: Vec<Reason> = wrong.oddities.iter().map(|odd| odd.reason).collect();
        assert_eq!(reasons, [Reason::PasswordWrong, Reason::PasswordWrong], "{:?}", wrong.oddities);
        assert_eq!(refusal(formats::identity(&bytes, Some("wrong"))).0, Reason::PasswordWrong);
    }
}

#[test]
fn a_keystore_that_was_changed_without_its_password_is_told() {
    let Some(shop) = workshop() else { return };
    put_root(&shop, "trust.jks", "jks");
    let mut bytes = read(&shop, "trust.jks");
    // The alias is no part of the certificate, so only the digest tells.
    let at = bytes.windows(4).position(|window| window == b"root").expect("its alias");
    bytes[at] = b'b';
    let open = formats::open(&bytes, Some(PASSWORD)).expect("a certificate");
    assert_eq!(open.oddities.len(), 1);
    assert!(open.oddities[0].text.contains("changed the keystore"), "{}", open.oddities[0]);
}

#[test]
fn of_several_keys_the_one_that_is_named_is_taken_and_else_all_are_named() {
    let Some(shop) = workshop() else { return };
    let other = &LANDSCAPE.other;
    for (kind, store) in [("jks", "two.jks"), ("pkcs12", "two.p12")] {
        shop.put("bundle.pem", LANDSCAPE.bundle_pem());
        put_key(&shop, store, kind, "sfapi");
        shop.put("bundle.pem", format!("{}{}", other.key_pem, other.pem));
        put_key(&shop, store, kind, "payroll");
        put_root(&shop, store, kind);
        let bytes = read(&shop, store);
        let named = |alias| Wanted { password: Some(PASSWORD), alias: Some(alias), ..Wanted::default() };
        for (alias, leaf) in [("sfapi", "SFAPI"), ("Payroll", "Payroll")] {
            let open =
                formats::open_wanted(&bytes, named(alias)).unwrap_or_else(|odd| panic!("{kind}: {odd}"));
            assert_eq!((open.chain.leaf.common_name().as_str(), open.has_key), (leaf, true), "{kind}");
            let identity =
                formats::identity_wanted(&bytes, named(alias)).unwrap_or_else(|odd| panic!("{kind}: {odd}"));
            assert_eq!(identity.chain().leaf.common_name(), leaf);
        }
        let root = formats::open_wanted(&bytes, named("root")).expect("a trusted certificate");
        assert_eq!((root.chain.leaf.common_name().as_str(), root.has_key), ("ACME Root", false), "{kind}");
        let (reason, text) = refusal(formats::open(&bytes, Some(PASSWORD)));
        assert_eq!(reason, Reason::SeveralLeaves);
        assert!(text.contains("sfapi") && text.contains("payroll") && text.contains("alias = "), "{text}");
        assert!(!text.contains("root"), "{text}");
        let (reason, text) = refusal(formats::open_wanted(&bytes, named("none")));
        assert_eq!(reason, Reason::NotFound);
        assert!(text.starts_with("it has no entry called none; there are: "), "{text}");
    }
}

#[test]
fn an_alias_of_what_has_none_is_told() {
    let wanted = Wanted { alias: Some("sfapi"), ..Wanted::default() };
    let (reason, text) = refusal(formats::open_wanted(LANDSCAPE.chain_pem().as_bytes(), wanted));
    assert_eq!(reason, Reason::NotFound);
    assert!(text.contains("leave alias out"), "{text}");
}

#[test]
fn a_keystore_cut_short_shows_what_stands_before_the_cut() {
    let Some(shop) = workshop() else { return };
    put_root(&shop, "cut.jks", "jks");
    let bytes = read(&shop, "cut.jks");
    put_key(&shop, "cut.jks", "jks", "sfapi");
    let both = read(&shop, "cut.jks");
    assert_eq!(refusal(formats::open(&bytes[..bytes.len() - 200], None)).0, Reason::Truncated);
    for length in (16..both.len()).step_by(7) {
        if let Ok(open) = formats::open(&both[..length], None) {
            assert_eq!(open.oddities.last().map(|odd| odd.reason), Some(Reason::Truncated), "{length}");
        }
    }
}

#[test]
fn a_keystore_whose_key_has_a_password_of_its_own_says_so() {
    let Some(shop) = workshop() else { return };
    put_key(&shop, "own.jks", "jks", "sfapi");
    keytool(
        &shop,
        &format!(
            "-keypasswd -alias sfapi -keypass {PASSWORD} -new another -keystore own.jks -storetype jks -storepass {PASSWORD}"
        ),
    );
    let (reason, text) = refusal(formats::identity(&read(&shop, "own.jks"), Some(PASSWORD)));
    assert_eq!(reason, Reason::PasswordWrong);
    let (said, command) = text.rsplit_once(": keytool ").expect("a command");
    assert!(said.starts_with("entry sfapi: "), "{text}");
    let command = command.replace("NAME", "sfapi").replace("FILE", "own.jks");
    keytool(&shop, &format!("{command} -keypass another -new {PASSWORD} -storepass {PASSWORD}"));
    assert!(formats::identity(&read(&shop, "own.jks"), Some(PASSWORD)).is_ok());
}

#[test]
fn a_key_entry_with_the_certificates_of_another_key_is_a_mismatch() {
    let Some(shop) = workshop() else { return };
    put_key(&shop, "store.jks", "JKS", "sfapi");
    let bytes = read(&shop, "store.jks");
    let own = formats::open(&bytes, Some(PASSWORD)).expect("a keystore").chain.leaf;
    // The certificate that the entry shows is for another point of the curve.
    let key = own.der.windows(4).position(|part| part == [0x03, 0x42, 0x00, 0x04]).expect("its key");
    let at = bytes.windows(own.der.len()).position(|part| *part == *own.der).expect("its place");
    let mut changed = bytes;
    changed[at + key + 10] ^= 1;
    let opened = formats::open(&changed, Some(PASSWORD)).expect("a keystore");
    let reasons: Vec<Reason> = opened.oddities.iter().map(|odd| odd.reason).collect();
    assert!(!opened.has_key && reasons.contains(&Reason::KeyMismatch), "{reasons:?}");
    assert_eq!(opened.chain.leaf.common_name(), "SFAPI");
}

#[test]
fn a_key_of_a_length_that_no_password_opens_is_broken_and_no_password_is_blamed() {
    const JKS: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
    const JCEKS: [u8; 4] = [0xce, 0xce, 0xce, 0xce];
    let jks = |sealed: usize| writer::encrypted_by_java(&[2, 17, 1, 1], &[5, 0], &vec![7; sealed]);
    let jceks = |salt: usize, sealed: usize| {
        writer::encrypted_by_java(&[2, 19, 1], &writer::of_jceks(&vec![7; salt]), &vec![7; sealed])
    };
    for (mark, key, reason) in [
        (JKS, jks(41), Reason::PasswordWrong),
        (JKS, jks(40), Reason::Malformed),
        (JCEKS, jceks(8, 64), Reason::PasswordWrong),
        (JCEKS, jceks(8, 63), Reason::Malformed),
        (JCEKS, jceks(8, 0), Reason::Malformed),
        (JCEKS, jceks(7, 64), Reason::Malformed),
    ] {
        let keystore = writer::keystore(mark, &key, &LANDSCAPE.leaf);
        let told = refusal(formats::identity(&keystore, Some(PASSWORD)));
        assert_eq!(told.0, reason, "{}", told.1);
    }
}

#[test]
fn a_locked_key_is_a_key_all_the_same() {
    let sealed = writer::encrypted_by_java(&[2, 17, 1, 1], &[5, 0], &[7; 100]);
    let keystore = writer::keystore([0xfe, 0xed, 0xfe, 0xed], &sealed, &LANDSCAPE.leaf);
    let content = formats::read(&keystore, None).expect("a certificate");
    assert_eq!((content.keys.len(), content.has_key, content.oddities.len()), (0, true, 1));
    assert!(!formats::read(&LANDSCAPE.leaf.der, None).expect("a certificate").has_key);
}
