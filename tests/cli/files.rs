//! inspect, export and probe on files and servers, good and bad.
//! No private key may appear in anything they print.

use std::path::Path;

use serde_json::Value;

use super::{Ran, certsteward, command, finish};
use crate::support::pki::{Authority, Pki, Wanted, server};
use crate::support::server::{Asks, Server, json};
use crate::support::wait::free_port;

/// A folder with a certificate, its key, both in one file, and the authority.
fn folder(pki: &Pki) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("good.pem", &pki.good.pem);
    write("good.key", &pki.good.key_pem());
    write("both.pem", &format!("{}{}{}", pki.good.key_pem(), pki.good.pem, pki.ca.pem));
    write("expired.pem", &pki.expired.pem);
    write("server.pem", &pki.server.pem);
    write("foreign.pem", &format!("{}{}", pki.good.pem, pki.stranger.key_pem()));
    write("ca.pem", &pki.ca.pem);
    write("words.txt", "no certificate at all\n");
    write("empty.pem", "");
    folder
}

#[track_caller]
fn has(ran: &Ran, parts: &[&str]) {
    for part in parts {
        assert!(
            ran.out.contains(part) || ran.err.contains(part),
            "{part:?} is not in\n{}{}",
            ran.out,
            ran.err
        );
    }
    assert!(!ran.out.contains("PRIVATE KEY") && !ran.err.contains("PRIVATE KEY"));
}

fn parsed(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err))
}

#[test]
fn inspect_tells_leaf_issuer_chain_and_key() {
    let folder = folder(&Pki::new());
    let ran = certsteward(folder.path(), &["inspect", "both.pem"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    has(
        &ran,
        &[
            "both.pem: PEM, 2 certificates\n",
            "\nleaf\n",
            "\nissuer\n",
            "2049-01-01 00:00:00 UTC (",
            "yes (extended key usage: clientAuth)",
            "in order; complete, its root is part of it",
            "beside it, belongs to the leaf",
        ],
    );
}

#[test]
fn inspect_gives_machines_both_forms_of_the_fingerprint() {
    let pki = Pki::new();
    let folder = folder(&pki);
    let shown = parsed(&certsteward(folder.path(), &["inspect", "good.pem", "--json"]));
    let leaf = &shown["certificates"][0];
    let hex = leaf["fingerprint_sha256"].as_str().unwrap();
    assert_eq!(leaf["fingerprint_sha256_colons"].as_str().unwrap().replace(':', "").to_lowercase(), hex);
    assert_eq!(leaf["role"], "leaf");
    assert_eq!(leaf["client_auth_allowed"], true);
    assert_eq!(shown["private_key"], "missing");
    assert_eq!(shown["chain"]["has_issuer"], false);
}

#[test]
fn inspect_says_what_is_wrong_with_a_certificate() {
    let folder = folder(&Pki::new());
    has(&certsteward(folder.path(), &["inspect", "expired.pem"]), &["(expired "]);
    has(&certsteward(folder.path(), &["inspect", "server.pem"]), &["no (extended key usage: serverAuth)"]);
    has(&certsteward(folder.path(), &["inspect", "foreign.pem"]), &["belongs to none of the certificates"]);
    has(
        &certsteward(folder.path(), &["inspect", "good.pem"]),
        &["incomplete: the issuer Example Test CA is missing"],
    );
}

#[test]
fn inspect_shows_every_certificate_of_a_bundle() {
    let ca = Authority::root("Example Test CA");
    let wanted = |name| Wanted { name, ..server((2020, 2049)) };
    let folder = tempfile::tempdir().unwrap();
    let two = format!("{}{}", ca.issue(&wanted("one")).pem, ca.issue(&wanted("two")).pem);
    std::fs::write(folder.path().join("two.pem"), two).unwrap();
    let ran = certsteward(folder.path(), &["inspect", "two.pem"]);
    assert_eq!(ran.code, 0);
    has(&ran, &["CN=one", "CN=two", "there are 2 end-entity certificates in it"]);
}

#[test]
fn inspect_reads_standard_input() {
    let folder = folder(&Pki::new());
    let input = std::fs::File::open(folder.path().join("good.pem")).unwrap();
    let ran = finish(command(folder.path(), &["inspect", "-"]).stdin(input).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    has(&ran, &["-: PEM, 1 certificate\n"]);
}

#[test]
fn inspect_of_what_is_no_certificate_says_so() {
    let folder = folder(&Pki::new());
    for (file, part) in [
        ("words.txt", "words.txt: "),
        ("empty.pem", "empty.pem: "),
        ("none.pem", "cannot read none.pem: No such file"),
    ] {
        let ran = certsteward(folder.path(), &["inspect", file]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{file}");
        assert!(ran.err.starts_with(&format!("certsteward: {part}")), "{}", ran.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inspect_shows_the_chain_of_a_server_that_is_not_trusted() {
    let pki = Pki::new();
    let server = Server::tls(&pki.server, &Asks::Never, json("200 OK", "{}")).await;
    let ran = certsteward(Path::new("."), &["inspect", &format!("localhost:{}", server.port)]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    has(&ran, &["TLS, 1 certificate\n", "CN=localhost", "DNS:localhost", "the server asks for none"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn inspect_says_that_a_server_asks_for_a_client_certificate() {
    let pki = Pki::new();
    let server = Server::tls(&pki.server, &Asks::Politely(&pki.ca), json("200 OK", "{}")).await;
    let place = format!("localhost:{}", server.port);
    has(&certsteward(Path::new("."), &["inspect", &place]), &["the server asks for one"]);
    let shown = parsed(&certsteward(Path::new("."), &["inspect", &place, "--json"]));
    assert_eq!(shown["asks_for_client_certificate"], true);
}

/// PKCS#8 that is encrypted (PBES2), in which nothing is.
const LOCKED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMBQwDQYJKoZIhvcNAQUNMAAEAwAAAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";

#[test]
fn a_locked_key_is_there_and_the_option_that_opens_it_is_named() {
    let pki = Pki::new();
    let folder = folder(&pki);
    std::fs::write(folder.path().join("locked.pem"), format!("{}{LOCKED}", pki.good.pem)).unwrap();
    let ran = certsteward(folder.path(), &["inspect", "locked.pem"]);
    has(&ran, &["there is one, which could not be read", "no password was given", "(--password-file F)"]);
    let shown = parsed(&certsteward(folder.path(), &["inspect", "locked.pem", "--json"]));
    assert_eq!(shown["private_key"], "unread");
}

#[test]
fn export_hands_out_the_public_part_and_says_what_it_left_out() {
    let pki = Pki::new();
    let folder = folder(&pki);
    let ran = certsteward(folder.path(), &["export", "both.pem"]);
    assert_eq!((ran.code, normal(&ran.out)), (0, normal(&pki.good.pem)), "{}", ran.err);
    assert_eq!(
        ran.err,
        "wrote the public part of SFAPI to standard output; left out: the private key; the issuer Example Test CA\n"
    );
}

#[test]
fn export_writes_each_form() {
    let pki = Pki::new();
    let folder = folder(&pki);
    for form in ["pem", "chain", "cer", "der"] {
        let ran = certsteward(folder.path(), &["export", "both.pem", "--format", form, "-o", "out"]);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
        let bytes = std::fs::read(folder.path().join("out")).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("PRIVATE"));
        assert_eq!(form == "der", bytes == pki.good.der.as_ref());
        let seen = parsed(&certsteward(folder.path(), &["inspect", "out", "--json"]));
        assert_eq!(seen["private_key"], "missing", "{form}");
    }
}

#[test]
fn export_of_nothing_writes_nothing() {
    let folder = folder(&Pki::new());
    let ran = certsteward(folder.path(), &["export", "words.txt", "-o", "out"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(!folder.path().join("out").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_exits_with_0_only_if_the_certificate_was_accepted() {
    let pki = Pki::new();
    let folder = folder(&pki);
    let server = Server::tls(&pki.server, &Asks::Firmly(&pki.ca), json("200 OK", "{}")).await;
    let url = format!("https://localhost:{}/odata", server.port);
    let base = ["probe", &url, "--ca", "ca.pem", "--json"];
    let good =
        certsteward(folder.path(), &[&base[..], &["--cert", "good.pem", "--key", "good.key"]].concat());
    let shown = parsed(&good);
    assert_eq!((good.code, &shown["verdict"]), (0, &Value::from("accepted")), "{}", good.out);
    for member in
        ["verdict", "detail", "status", "phases", "server_chain", "asked_for_certificate", "way_out"]
    {
        assert!(shown.get(member).is_some(), "{member}");
    }
    let none = certsteward(folder.path(), &base);
    assert_eq!(
        (none.code, &parsed(&none)["verdict"]),
        (1, &Value::from("certificate-required")),
        "{}",
        none.out
    );
}

#[test]
fn probe_says_what_stands_in_the_way() {
    let closed = format!("https://127.0.0.1:{}/", free_port());
    let ran = certsteward(Path::new("."), &["probe", &closed]);
    assert_eq!(ran.code, 1);
    has(&ran, &["connection-refused", "Way out", "check host and port, and that the service runs"]);
    let ran = certsteward(Path::new("."), &["probe", "https://no-such-host.invalid/"]);
    assert_eq!(ran.code, 1);
    has(&ran, &["dns-failed"]);
}

#[test]
fn probe_refuses_arguments_that_make_no_sense() {
    for arguments in [
        &["probe", "http://localhost/"][..],
        &["probe", "https://localhost/", "--key", "k.pem"],
        &["probe", "https://localhost/", "--header", "no colon"],
        &["probe", "https://localhost/", "--timeout", "0s"],
        &["probe", "some-watch", "--ca", "ca.pem"],
    ] {
        assert_eq!(certsteward(Path::new("."), arguments).code, 64, "{arguments:?}");
    }
}

#[test]
fn a_key_that_belongs_to_another_certificate_is_never_sent() {
    let pki = Pki::new();
    let folder = folder(&pki);
    std::fs::write(folder.path().join("other.key"), pki.stranger.key_pem()).unwrap();
    let ran = certsteward(
        folder.path(),
        &["probe", "https://localhost:1/", "--cert", "good.pem", "--key", "other.key"],
    );
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    has(&ran, &["the private key belongs to none of the certificates"]);
}

fn normal(pem: &str) -> String {
    pem.split_whitespace().collect()
}
