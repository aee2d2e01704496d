//! What revocation lists and a real responder (`openssl ocsp`) say of a certificate in a file, and who is not believed.

use std::path::{Path, PathBuf};
use std::process::Command;

use certsteward::domain::reason::{Reason, Unseen};
use certsteward::domain::watch::Usage as Use;
use certsteward::net::Net;
use certsteward::sources::checked::lists::Place;
use certsteward::sources::checked::{Checked, Settings, responder, trust};
use certsteward::sources::{Source as _, file};
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose as Usage};
use tempfile::TempDir;

use crate::support::pki::{Authority, Made, NOW, Wanted, server};
use crate::support::process::{Running, program};
use crate::support::server::{Server, json};
use crate::support::wait::{free_port, until};

/// An authority and a folder for what it issues.
struct House {
    folder: TempDir,
    ca: Authority,
}

impl House {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), ca: Authority::root("Revoking CA") }
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn issue(&self, serial: u64) -> Made {
        self.ca.issue_with(&server(NOW), |params| params.serial_number = Some(serial.into()))
    }

    /// The source of a file with this certificate and its issuer.
    fn source(&self, made: &Made, settings: Settings) -> Checked {
        let path = self.put("chain.pem", format!("{}{}", made.pem, self.ca.pem));
        checked(path, settings)
    }

    async fn said(&self, made: &Made, settings: Settings) -> Vec<(Reason, String)> {
        said(&self.source(made, settings)).await
    }
}

fn checked(path: PathBuf, settings: Settings) -> Checked {
    let file = file::Settings { path, password: None, key: None, alias: None, usage: Use::Server };
    Checked::new(std::sync::Arc::new(file::File::new(file)), Use::Server, Net::new().unwrap(), settings)
}

/// Every oddity, without the folder and what comes before its cause.
async fn said(source: &Checked) -> Vec<(Reason, String)> {
    let oddities = source.look(None).await.unwrap().unwrap().oddities;
    oddities.into_iter().map(|Unseen { reason, text }| (reason, text)).collect()
}

fn listed(places: &[&Path]) -> Settings {
    let lists = places.iter().map(|path| Place::File((*path).to_owned())).collect();
    Settings { lists, ..Settings::default() }
}

fn unknown(why: &str) -> (Reason, String) {
    (Reason::RevocationUnknown, format!("whether the certificate localhost was revoked is not known: {why}"))
}

#[tokio::test]
async fn a_list_revokes_or_clears_the_leaf() {
    let house = House::new();
    let (good, bad) = (house.issue(7), house.issue(8));
    let (pem, der) = house.ca.revocation_list(&[&bad]);
    for list in [house.put("ca.pem", pem), house.put("ca.crl", der)] {
        assert_eq!(house.said(&good, listed(&[&list])).await, []);
        let text = format!(
            "the certificate localhost was revoked on 2021-01-01 00:00 UTC (the key was compromised), says the list {}",
            list.display()
        );
        assert_eq!(house.said(&bad, listed(&[&list])).await, [(Reason::Revoked, text)]);
    }
}

#[tokio::test]
async fn a_list_that_is_missing_unreadable_or_by_somebody_else_clears_nobody() {
    let house = House::new();
    let made = house.issue(7);
    let none = house.folder.path().join("none.crl");
    let found = house.said(&made, listed(&[&none])).await;
    assert!(found.len() == 1 && found[0].0 == Reason::RevocationUnknown, "{found:?}");
    let page = house.put("page.crl", "<html></html>");
    let found = house.said(&made, listed(&[&page])).await;
    let text = "there is no whole revocation list in it, neither DER nor PEM (-----BEGIN X509 CRL-----)";
    assert_eq!(found, [unknown(&format!("{}: {text}", page.display()))]);
    let stranger = house.put("stranger.crl", Authority::root("Stranger CA").revocation_list(&[]).1);
    let found = house.said(&made, listed(&[&stranger])).await;
    assert!(found[0].1.ends_with("who issued nothing in the chain"), "{found:?}");
    let namesake = house.put("namesake.crl", Authority::root("Revoking CA").revocation_list(&[&made]).1);
    let found = house.said(&made, listed(&[&namesake])).await;
    assert_eq!(found, [unknown(&format!("{} is not signed by Revoking CA", namesake.display()))]);
    let own = house.put("own.crl", house.ca.revocation_list(&[]).1);
    assert_eq!(house.said(&made, listed(&[&namesake, &own])).await, [], "what clears it leaves no doubt");
}

#[tokio::test]
async fn an_issuer_that_was_revoked_takes_its_certificates_along() {
    let house = House::new();
    let issuing = house.ca.below("Issuing CA");
    let made = issuing.issue(&server(NOW));
    let of_root = house.put("root.crl", house.ca.revocation_list(&[&issuing.as_made()]).1);
    let of_issuing = house.put("issuing.crl", issuing.revocation_list(&[]).1);
    let path = house.put("chain.pem", format!("{}{}{}", made.pem, issuing.pem, house.ca.pem));
    let found = said(&checked(path.clone(), listed(&[&of_issuing, &of_root]))).await;
    assert!(
        found.len() == 1 && found[0].1.starts_with("the certificate Issuing CA was revoked on"),
        "{found:?}"
    );
    let good = house.put("good.crl", house.ca.revocation_list(&[]).1);
    assert_eq!(said(&checked(path.clone(), listed(&[&of_issuing, &good]))).await, []);
    let found = said(&checked(path, listed(&[&good]))).await;
    assert_eq!(found, [unknown("no list is by its issuer Issuing CA; name that list too")]);
}

#[tokio::test]
async fn the_issuer_may_be_in_the_trust_store_alone() {
    let house = House::new();
    let bad = house.issue(8);
    let list = house.put("ca.crl", house.ca.revocation_list(&[&bad]).1);
    let path = house.put("leaf.pem", &bad.pem);
    let found = said(&checked(path.clone(), listed(&[&list]))).await;
    assert!(found[0].1.contains("is not at hand"), "{found:?}");
    let trust = trust::Settings { path: house.put("roots.pem", &house.ca.pem), password: None };
    let found = said(&checked(path, Settings { trust: Some(trust), ..listed(&[&list]) })).await;
    assert_eq!(found.iter().map(|one| one.0).collect::<Vec<_>>(), [Reason::Revoked]);
}

#[tokio::test]
async fn a_list_that_changes_is_noticed_where_the_certificate_does_not() {
    let house = House::new();
    let made = house.issue(7);
    let list = house.put("ca.crl", house.ca.revocation_list(&[]).1);
    let source = house.source(&made, listed(&[&list]));
    assert!(!source.is_unchanged());
    assert_eq!(said(&source).await, []);
    assert!(source.is_unchanged());
    house.put("ca.crl", house.ca.revocation_list(&[&made]).1);
    assert!(!source.is_unchanged());
    assert_eq!(said(&source).await.len(), 1);
    assert!(!source.is_unchanged(), "what is wrong is looked at each time");
}

#[tokio::test]
async fn a_list_behind_an_address_is_asked_for_once_until_it_is_due() {
    let house = House::new();
    let bad = house.issue(8);
    let served = Server::http(json("200 OK", &house.ca.revocation_list(&[&bad]).0)).await;
    let url = format!("http://127.0.0.1:{}/ca.crl?token=secret", served.port);
    let settings = Settings { lists: vec![Place::Url(url)], ..Settings::default() };
    let source = house.source(&bad, settings);
    let first = said(&source).await;
    assert!(first[0].0 == Reason::Revoked && !first[0].1.contains("secret"), "{first:?}");
    drop(served);
    assert_eq!(said(&source).await, first);
}

/// A responder of OpenSSL for this authority, which knows 7 as good and 8 as revoked.
struct Responder {
    port: u16,
    _process: Running,
}

impl Responder {
    async fn start(house: &House, (certificate, key): (&str, &str)) -> Option<Self> {
        let openssl = program("openssl")?;
        let line = |state: &str, revoked: &str, serial: &str| {
            format!("{state}\t491231235959Z\t{revoked}\t{serial}\tunknown\t/CN=localhost\n")
        };
        let index = [line("V", "", "07"), line("R", "260203040506Z,keyCompromise", "08")].concat();
        house.put("index.txt", index);
        house.put("ca.pem", &house.ca.pem);
        house.put("signer.pem", certificate);
        house.put("signer.key", key);
        let port = free_port();
        let mut command = Command::new(openssl);
        command.current_dir(house.folder.path()).args(["ocsp", "-index", "index.txt", "-CA", "ca.pem"]);
        command.args([
            "-rsigner",
            "signer.pem",
            "-rkey",
            "signer.key",
            "-nmin",
            "60",
            "-port",
            &port.to_string(),
        ]);
        // A connection without a question would hold this responder up, so its own word is waited for.
        let said = house.folder.path().join("responder.log");
        let process = Running::start(command.stderr(std::fs::File::create(&said).unwrap()));
        let waits = async || {
            std::fs::read_to_string(&said)
                .ok()
                .filter(|text| text.contains("waiting for OCSP client connections"))
        };
        until("the responder", waits).await;
        Some(Self { port, _process: process })
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    fn asked(&self) -> Settings {
        Settings { responder: Some(responder::Settings { url: Some(self.url()) }), ..Settings::default() }
    }
}

/// Who signs answers, with these purposes.
fn signer(of: &Authority, usages: &[Usage]) -> Made {
    of.issue(&Wanted { name: "Responder", hosts: &[], years: NOW, usages })
}

#[tokio::test]
async fn a_responder_says_who_is_good_who_is_revoked_and_whom_it_does_not_know() {
    let house = House::new();
    let signer = signer(&house.ca, &[Usage::OcspSigning]);
    let Some(responder) = Responder::start(&house, (&signer.pem, &signer.key_pem())).await else { return };
    assert_eq!(house.said(&house.issue(7), responder.asked()).await, []);
    let by = format!("the responder {}", responder.url());
    let text = format!(
        "the certificate localhost was revoked on 2026-02-03 04:05 UTC (the key was compromised), says {by}"
    );
    assert_eq!(house.said(&house.issue(8), responder.asked()).await, [(Reason::Revoked, text)]);
    let found = house.said(&house.issue(9), responder.asked()).await;
    assert_eq!(found, [unknown(&format!("{by} does not know the certificate"))]);
}

#[tokio::test]
async fn the_issuer_itself_may_answer() {
    let house = House::new();
    let key = house.ca.key_pem();
    let Some(responder) = Responder::start(&house, (&house.ca.pem, &key)).await else { return };
    assert_eq!(house.said(&house.issue(7), responder.asked()).await, []);
}

#[tokio::test]
async fn whoever_else_signs_is_not_believed() {
    let house = House::new();
    let stranger = Authority::root("Revoking CA");
    for signer in [signer(&house.ca, &[Usage::ServerAuth]), signer(&stranger, &[Usage::OcspSigning])] {
        let Some(responder) = Responder::start(&house, (&signer.pem, &signer.key_pem())).await else {
            return;
        };
        let found = house.said(&house.issue(7), responder.asked()).await;
        let text = format!(
            "the responder {} gave an answer that is not signed by Revoking CA, nor by anybody it named for that (id-kp-OCSPSigning)",
            responder.url()
        );
        assert_eq!(found, [unknown(&text)]);
    }
}

#[tokio::test]
async fn the_responder_that_the_certificate_names_is_asked_and_its_answer_holds_for_a_while() {
    let house = House::new();
    let key = house.ca.key_pem();
    let Some(responder) = Responder::start(&house, (&house.ca.pem, &key)).await else { return };
    let url = responder.url();
    let named = house.ca.issue_with(&server(NOW), |params| {
        params.serial_number = Some(8_u64.into());
        params.custom_extensions.push(access(&url));
    });
    let own = Settings { responder: Some(responder::Settings { url: None }), ..Settings::default() };
    let source = house.source(&named, own.clone());
    let first = said(&source).await;
    assert_eq!(first.iter().map(|one| one.0).collect::<Vec<_>>(), [Reason::Revoked]);
    drop(responder);
    assert_eq!(said(&source).await, first);
    let found = house.said(&house.issue(7), own).await;
    let text = "the certificate names no responder; name one with ocsp_url, or set ocsp = false";
    assert_eq!(found, [unknown(text)]);
}

/// The extension that names this responder (authority information access).
fn access(url: &str) -> CustomExtension {
    let length = |length: usize| u8::try_from(length).unwrap();
    let mut description = vec![0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 0x86, length(url.len())];
    description.extend_from_slice(url.as_bytes());
    let mut content = vec![0x30, length(description.len() + 2), 0x30, length(description.len())];
    content.extend_from_slice(&description);
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content)
}

#[tokio::test]
async fn a_responder_that_is_away_leaves_it_unknown() {
    let house = House::new();
    let url = format!("http://127.0.0.1:{}/", free_port());
    let settings =
        Settings { responder: Some(responder::Settings { url: Some(url) }), ..Settings::default() };
    let found = house.said(&house.issue(7), settings).await;
    assert!(found.len() == 1 && found[0].0 == Reason::RevocationUnknown, "{found:?}");
}
