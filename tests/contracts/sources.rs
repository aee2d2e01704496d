//! The contract of a source, clause by clause: a destination of the sandbox, a file, an address, a TLS server, and the fake world's store.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use certsteward::domain::reason::Reason;
use certsteward::domain::record::Order;
use certsteward::domain::watch::{Matching, Usage, Validity};
use certsteward::net::{self, Address, Net};
use certsteward::sources::Source;
use certsteward::sources::destination_service::{DestinationServiceSource, Entry, Settings};
use certsteward::sources::file::{File, Settings as FileSettings};
use certsteward::sources::tls::{Settings as TlsSettings, Tls};
use certsteward::sources::url::{Settings as UrlSettings, Url};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::sandbox::{AT, DESTINATION, Sandbox};
use crate::sap::stage::{API, Stage as Literal, says};
use crate::support::pki::{Authority, Made, NOW, Wanted, server};
use crate::support::server::{Asks, tls_config};
use crate::support::world::{Everything, World};

/// A place with a certificate in force.
trait Stage: Sized {
    async fn open() -> Option<Self>;
    fn source(&self) -> &dyn Source;
    /// The fingerprint of the certificate in force, seen without the source.
    fn stands(&self) -> String;
    /// Somebody puts another certificate in force.
    async fn replace(&self);
    /// Another entry that stands there; none where the place has room for one only.
    fn other(&self) -> Option<&'static str>;
    /// It cannot be seen from now on.
    async fn blind(&self);
    /// Whether the private key can be had from there.
    fn gives_keys(&self) -> bool;
}

held! {
    [
        a_look_shows_what_stands_there,
        a_look_may_be_repeated_and_changes_nothing,
        a_change_is_seen_at_the_next_look,
        an_entry_that_is_not_there_is_none,
        another_entry_is_seen_by_its_name,
        what_cannot_be_seen_is_a_failure_and_no_older_state,
        an_identity_belongs_to_what_stands_there_or_cannot_be_had,
        an_identity_of_what_is_not_there_is_a_failure,
    ] on
    destination_service: RealDestination,
    file: RealFile,
    tls: RealServer,
    url: RealAddress,
    fake_world: Everything,
}

async fn seen(stage: &impl Stage, entry: Option<&str>) -> String {
    stage.source().look(entry).await.unwrap().unwrap().chain.fingerprint().to_string()
}

async fn a_look_shows_what_stands_there(stage: &impl Stage) {
    assert_eq!(seen(stage, None).await, stage.stands());
    assert!(stage.source().look(None).await.unwrap().unwrap().name.is_some());
}

async fn a_look_may_be_repeated_and_changes_nothing(stage: &impl Stage) {
    let before = stage.stands();
    let (one, two) = (stage.source().look(None).await.unwrap(), stage.source().look(None).await.unwrap());
    assert_eq!(one, two);
    assert_eq!(stage.stands(), before);
}

async fn a_change_is_seen_at_the_next_look(stage: &impl Stage) {
    let before = seen(stage, None).await;
    stage.replace().await;
    let after = seen(stage, None).await;
    assert_eq!(after, stage.stands());
    assert_ne!(after, before);
}

async fn an_entry_that_is_not_there_is_none(stage: &impl Stage) {
    assert_eq!(stage.source().look(Some("none.pem")).await, Ok(None));
}

async fn another_entry_is_seen_by_its_name(stage: &impl Stage) {
    let Some(other) = stage.other() else { return };
    assert_ne!(seen(stage, Some(other)).await, stage.stands());
    assert_eq!(seen(stage, None).await, stage.stands());
}

async fn what_cannot_be_seen_is_a_failure_and_no_older_state(stage: &impl Stage) {
    seen(stage, None).await;
    stage.blind().await;
    for _ in 0..2 {
        assert!(stage.source().look(None).await.is_err());
    }
}

async fn an_identity_belongs_to_what_stands_there_or_cannot_be_had(stage: &impl Stage) {
    for entry in [None, stage.other()] {
        match stage.source().identity(entry).await {
            Ok(identity) => {
                assert_eq!(identity.chain().fingerprint().to_string(), seen(stage, entry).await);
                assert!(stage.gives_keys());
            }
            Err(unseen) => assert_eq!((unseen.reason, stage.gives_keys()), (Reason::KeyUnavailable, false)),
        }
    }
}

async fn an_identity_of_what_is_not_there_is_a_failure(stage: &impl Stage) {
    let reason = stage.source().identity(Some("none.pem")).await.err().unwrap().reason;
    assert_eq!(reason, if stage.gives_keys() { Reason::NotFound } else { Reason::KeyUnavailable });
}

/// A destination of the sandbox, through our client.
struct RealDestination {
    sandbox: Sandbox,
    source: DestinationServiceSource,
}

const OTHER: &str = "other.pem";

fn order(name: &str) -> Order {
    Order {
        name: name.to_owned(),
        common_name: "SFAPI".to_owned(),
        validity: Validity::Days(30),
        in_place: false,
        like: None,
        replaces: certsteward::domain::certificate::Fingerprint::of(b"old"),
        placed: chrono::DateTime::UNIX_EPOCH,
    }
}

impl Stage for RealDestination {
    async fn open() -> Option<Self> {
        let sandbox = Sandbox::open().await;
        sandbox.somebody().generate(AT, &order(OTHER), None).await.unwrap();
        let (connection, entry) = ("sandbox".to_owned(), Entry::Destination(DESTINATION.to_owned()));
        let settings = Settings { connection, level: AT, entry, password: None };
        let source = DestinationServiceSource::new(sandbox.service.clone(), settings);
        Some(Self { sandbox, source })
    }

    fn source(&self) -> &dyn Source {
        &self.source
    }

    fn stands(&self) -> String {
        self.sandbox.holds("sfapi.pem").unwrap()
    }

    async fn replace(&self) {
        self.sandbox.somebody().regenerate(AT, &order("sfapi.pem"), None).await.unwrap();
    }

    fn other(&self) -> Option<&'static str> {
        Some(OTHER)
    }

    async fn blind(&self) {
        self.sandbox.blind();
    }

    fn gives_keys(&self) -> bool {
        true
    }
}

fn client(authority: &Authority) -> Made {
    authority.issue(&Wanted { name: "SFAPI", hosts: &[], years: NOW, usages: &[] })
}

fn print_of(made: &Made) -> String {
    made.identity().chain().fingerprint().to_string()
}

/// A file that holds certificate and key.
struct RealFile {
    folder: tempfile::TempDir,
    authority: Authority,
    source: File,
    stands: Mutex<String>,
}

impl RealFile {
    fn path(&self) -> PathBuf {
        self.folder.path().join("sfapi.pem")
    }

    /// Moves a new file into its place, as those who replace files safely do.
    fn put(&self, name: &str) -> String {
        let made = client(&self.authority);
        let next = self.folder.path().join("next");
        std::fs::write(&next, format!("{}{}{}", made.key_pem(), made.pem, self.authority.pem)).unwrap();
        std::fs::rename(next, self.folder.path().join(name)).unwrap();
        print_of(&made)
    }
}

impl Stage for RealFile {
    async fn open() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sfapi.pem");
        let source =
            File::new(FileSettings { path, password: None, key: None, alias: None, usage: Usage::Any });
        let authority = Authority::root("Example Client CA");
        let stage = Self { folder, authority, source, stands: Mutex::default() };
        stage.replace().await;
        stage.put(OTHER);
        Some(stage)
    }

    fn source(&self) -> &dyn Source {
        &self.source
    }

    fn stands(&self) -> String {
        self.stands.lock().unwrap().clone()
    }

    async fn replace(&self) {
        let print = self.put("sfapi.pem");
        *self.stands.lock().unwrap() = print;
    }

    fn other(&self) -> Option<&'static str> {
        Some(OTHER)
    }

    async fn blind(&self) {
        std::fs::remove_file(self.path()).unwrap();
        std::fs::create_dir(self.path()).unwrap();
    }

    fn gives_keys(&self) -> bool {
        true
    }
}

/// A TLS server whose certificate can be replaced while it runs.
struct RealServer {
    authority: Authority,
    own: Arc<Mutex<Option<Made>>>,
    source: Tls,
    _folder: tempfile::TempDir,
    _running: JoinSet<()>,
}

impl Stage for RealServer {
    async fn open() -> Option<Self> {
        let authority = Authority::root("Example Test CA");
        let own = Arc::new(Mutex::new(Some(authority.issue(&server(NOW)))));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = Arc::clone(&own);
        let mut running = JoinSet::new();
        running.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let config = served.lock().unwrap().as_ref().map(|own| tls_config(own, &Asks::Never));
                // Without a certificate it hangs up.
                if let Some(config) = config {
                    drop(TlsAcceptor::from(Arc::new(config)).accept(stream).await);
                }
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, &authority.pem).unwrap();
        let net = net::Settings {
            ca: Some(ca),
            proxy: Some("none".to_owned()),
            family: None,
            timeout: Duration::from_secs(10),
        };
        let settings =
            TlsSettings { address: Address::host("localhost", port), starttls: None, server_name: None, net };
        let source = Tls::new(Net::new().unwrap(), settings);
        Some(Self { authority, own, source, _folder: folder, _running: running })
    }

    fn source(&self) -> &dyn Source {
        &self.source
    }

    fn stands(&self) -> String {
        print_of(self.own.lock().unwrap().as_ref().unwrap())
    }

    async fn replace(&self) {
        *self.own.lock().unwrap() = Some(self.authority.issue(&server(NOW)));
    }

    fn other(&self) -> Option<&'static str> {
        None
    }

    async fn blind(&self) {
        *self.own.lock().unwrap() = None;
    }

    fn gives_keys(&self) -> bool {
        false
    }
}

/// An address whose answers say how to tell whether they changed.
struct RealAddress {
    authority: Authority,
    server: Literal,
    source: Url,
    stands: Mutex<String>,
}

impl Stage for RealAddress {
    async fn open() -> Option<Self> {
        let server = Literal::open().await;
        let net = net::Settings {
            proxy: Some("none".to_owned()),
            timeout: Duration::from_secs(5),
            ..net::Settings::default()
        };
        let url = format!("{}{API}/sfapi.cer?version=1", server.address);
        let settings = UrlSettings { url, password: None, alias: None, usage: Usage::Any, net };
        let source = Url::new(Net::new().unwrap(), settings);
        let authority = Authority::root("Example Client CA");
        let stage = Self { authority, server, source, stands: Mutex::default() };
        stage.replace().await;
        Some(stage)
    }

    fn source(&self) -> &dyn Source {
        &self.source
    }

    fn stands(&self) -> String {
        self.stands.lock().unwrap().clone()
    }

    async fn replace(&self) {
        let made = client(&self.authority);
        let print = print_of(&made);
        let answer = says(200, &made.pem).with("etag", format!("\"{print}\""));
        self.server.on("GET /sfapi.cer", [answer, says(304, "")]);
        *self.stands.lock().unwrap() = print;
    }

    fn other(&self) -> Option<&'static str> {
        None
    }

    async fn blind(&self) {
        self.server.on("GET /sfapi.cer", [says(503, "in maintenance until noon")]);
    }

    fn gives_keys(&self) -> bool {
        false
    }
}

impl Stage for Everything {
    async fn open() -> Option<Self> {
        let facts = World::new(Matching::Dn).facts;
        facts.0.lock().unwrap().issue(OTHER, "SFAPI", 30);
        Some(facts)
    }

    fn source(&self) -> &dyn Source {
        self
    }

    fn stands(&self) -> String {
        self.0.lock().unwrap().chain("sfapi.pem").fingerprint().to_string()
    }

    async fn replace(&self) {
        self.0.lock().unwrap().issue("sfapi.pem", "SFAPI", 30);
    }

    fn other(&self) -> Option<&'static str> {
        Some(OTHER)
    }

    async fn blind(&self) {
        self.0.lock().unwrap().sees = false;
    }

    fn gives_keys(&self) -> bool {
        true
    }
}
