//! The commands that messages advise are run as they stand there, but for the passwords that they would ask for, and what they
//! write is read.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use certsteward::domain::reason::Reason;
use certsteward::formats;

use super::fixtures::{LANDSCAPE, Workshop};
use super::refusal;
use crate::support::process::program;

/// Runs what stands behind `with: ` or, without that, behind the last colon, with a password behind each of these words.
#[track_caller]
fn follow(shop: &Workshop, told: &str, passwords: &[(&str, &str)]) {
    let (_, advice) = told.rsplit_once(" with: ").or_else(|| told.rsplit_once(": ")).expect("a command");
    let mut command = advice.split(" (").next().expect("a command").to_owned();
    for (words, password) in passwords {
        assert!(command.contains(words), "{words:?} in {command:?}");
        command = command.replace(words, &format!("{words} {password}"));
    }
    let ran = Command::new("sh").args(["-c", &command]).current_dir(shop.path()).output().expect("a shell");
    assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
}

fn made(shop: &Workshop, name: &str) -> Vec<u8> {
    std::fs::read(shop.path().join(name)).expect("what it wrote")
}

/// Follows what is said of a key beside the sample certificate.
#[track_caller]
fn follow_of_key(shop: &Workshop, key: &[u8], passwords: &[(&str, &str)]) {
    let leaf = &LANDSCAPE.leaf.der;
    shop.put("OLD.pem", key);
    std::fs::set_permissions(shop.path().join("OLD.pem"), std::fs::Permissions::from_mode(0o600))
        .expect("a mode");
    let (reason, told) = refusal(formats::identity_from_parts(leaf, key, Some("sesame")));
    assert_eq!(reason, Reason::UnsupportedFormat);
    follow(shop, &told, passwords);
    formats::identity_from_parts(leaf, &made(shop, "NEW.pem"), Some("sesame"))
        .unwrap_or_else(|odd| panic!("{told}: {odd}"));
}

#[test]
fn an_archive_in_a_way_that_is_not_read_is_written_anew_as_it_says() {
    let shop = Workshop::new();
    for old in
        ["-keypbe PBE-SHA1-RC4-128 -certpbe PBE-SHA1-RC4-40", "-certpbe camellia-128-cbc", "-macalg sha3-256"]
    {
        let words = "pkcs12 -export -in bundle.pem -passout pass:sesame -legacy";
        let archive = shop.openssl(&format!("{words} {old}"));
        shop.put("OLD.p12", &archive);
        let told = match formats::open(&archive, Some("sesame")) {
            Ok(opened) => opened.oddities.into_iter().next().expect("what is odd"),
            Err(odd) => odd,
        };
        assert_eq!(told.reason, Reason::UnsupportedFormat, "{old}");
        let between = ("-out ALL.pem", "-passin pass:sesame -passout pass:between");
        follow(&shop, &told.text, &[between, ("-in ALL.pem", "-passin pass:between -passout pass:sesame")]);
        let identity = formats::identity(&made(&shop, "NEW.p12"), Some("sesame"))
            .unwrap_or_else(|odd| panic!("{old}: {odd}"));
        assert_eq!(identity.chain().leaf.common_name(), "SFAPI");
    }
}

#[test]
fn a_key_in_a_way_that_is_not_read_is_written_anew_as_it_says() {
    let shop = Workshop::new();
    let both = "-provider legacy -provider default";
    for old in [
        format!("pkcs8 -topk8 -in key.pem -v1 PBE-SHA1-RC4-128 {both}"),
        "pkcs8 -topk8 -in key.pem -v2 camellia-128-cbc".to_owned(),
        // The old way of OpenSSL, with a cipher of today and with one that it keeps apart.
        "ec -in key.pem -aes256".to_owned(),
        format!("ec -in key.pem -des {both}"),
    ] {
        let key = shop.openssl(&format!("{old} -passout pass:sesame"));
        follow_of_key(&shop, &key, &[("-topk8", "-passin pass:sesame -passout pass:sesame")]);
    }
}

#[test]
fn a_key_of_openssh_is_turned_into_another_as_it_says() {
    if program("ssh-keygen").is_none() {
        return;
    }
    let shop = Workshop::new();
    let path = shop.path().join("key.pem");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    let without = ["-q", "-p", "-P", "", "-N", "", "-f"];
    let ran = Command::new("ssh-keygen").args(without).arg(&path).output().expect("ssh-keygen");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let key = std::fs::read(&path).expect("a key");
    assert!(key.starts_with(b"-----BEGIN OPENSSH PRIVATE KEY-----"), "ssh-keygen writes its own form");
    follow_of_key(&shop, &key, &[("ssh-keygen", "-P '' -N ''")]);
}
