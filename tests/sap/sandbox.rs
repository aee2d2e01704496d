//! The roles against the simulated landscape, which was written from SAP's documents and knows nothing of them.

use std::sync::Arc;
use std::time::Duration;

use certsteward::callers::Caller as _;
use certsteward::callers::destination_service::{DestinationServiceCaller, Settings as CallerSettings};
use certsteward::domain::certificate::Fingerprint;
use certsteward::domain::reason::Reason;
use certsteward::domain::record::Order;
use certsteward::domain::watch::Validity;
use certsteward::net::{self, Net};
use certsteward::renewers::Renewer as _;
use certsteward::renewers::destination_service::{DestinationServiceRenewer, Settings as RenewerSettings};
use certsteward::sandbox::{Landscape, Options};
use certsteward::sap::{ConnectionSettings, DestinationService, Level, Password};
use certsteward::secret::SecretRef;
use certsteward::sources::Source as _;
use certsteward::sources::destination_service::{DestinationServiceSource, Entry, Settings};

use super::stage::write_private;

const AT: Level = Level::Subaccount;
const DESTINATION: &str = "sap_hcmcloud_core_odata";

struct Roles {
    landscape: Landscape,
    folder: tempfile::TempDir,
    service: Arc<DestinationService>,
}

impl Roles {
    async fn open(options: Options, key: &str) -> Self {
        let landscape = Landscape::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = landscape.write_files(folder.path()).unwrap();
        let settings = ConnectionSettings {
            name: "sandbox".to_owned(),
            service_key: SecretRef::File(folder.path().join(key)),
            net: net::Settings {
                ca: Some(files.server_ca),
                proxy: None,
                family: None,
                timeout: Duration::from_secs(10),
            },
        };
        let service = Arc::new(DestinationService::new(Net::new().unwrap(), settings));
        Self { landscape, folder, service }
    }

    fn source(&self, entry: Entry) -> DestinationServiceSource {
        let settings = Settings { connection: "sandbox".to_owned(), level: AT, entry, password: None };
        DestinationServiceSource::new(Arc::clone(&self.service), settings)
    }

    fn renewer(&self, password: Password) -> DestinationServiceRenewer {
        let settings = RenewerSettings { connection: "sandbox".to_owned(), level: AT };
        DestinationServiceRenewer::new(Arc::clone(&self.service), settings, password)
    }

    fn caller(&self) -> DestinationServiceCaller {
        let settings = CallerSettings {
            connection: "sandbox".to_owned(),
            level: AT,
            destination: DESTINATION.to_owned(),
        };
        DestinationServiceCaller::new(Arc::clone(&self.service), settings)
    }
}

const SECRET: &str = "service-key.json";
const X509: &str = "service-key-x509.json";

fn order(name: &str, like: &str) -> Order {
    Order {
        name: name.to_owned(),
        common_name: "SFAPI".to_owned(),
        validity: Validity::Years(1),
        in_place: false,
        like: Some(like.to_owned()),
        replaces: Fingerprint::of(b"old"),
        placed: chrono::DateTime::UNIX_EPOCH,
    }
}

async fn renews_side_by_side(roles: &Roles) {
    let source = roles.source(Entry::Destination(DESTINATION.to_owned()));
    let renewer = roles.renewer(Password::OfDestination(AT, DESTINATION.to_owned()));
    let old = source.look(None).await.unwrap().unwrap();
    assert_eq!(old.name.as_deref(), Some("sfapi.pem"));
    assert_eq!(old.destination.unwrap().company_id.as_deref(), Some("ACME"));
    assert_eq!(renewer.look("sfapi-2.pem").await.unwrap(), None);
    renewer.issue(&order("sfapi-2.pem", "sfapi.pem")).await.unwrap();
    renewer.issue(&order("sfapi-2.pem", "sfapi.pem")).await.unwrap();
    assert_eq!(roles.landscape.issued(), 1, "what stands there is not issued again");
    let new = renewer.look("sfapi-2.pem").await.unwrap().unwrap();
    assert_ne!(new.chain.fingerprint(), old.chain.fingerprint());
    assert_eq!(new.chain.leaf.subject, old.chain.leaf.subject);
    let identity = source.identity(Some("sfapi-2.pem")).await.ok().unwrap();
    assert_eq!(identity.chain().fingerprint(), new.chain.fingerprint());
    roles.caller().switch("sfapi.pem", "sfapi-2.pem").await.unwrap();
    assert_eq!(roles.caller().look().await.unwrap().uses.as_deref(), Some("sfapi-2.pem"));
    assert_eq!(source.look(None).await.unwrap().unwrap().name.as_deref(), Some("sfapi-2.pem"));
    renewer.remove("sfapi.pem", old.chain.fingerprint()).await.unwrap();
    renewer.remove("sfapi.pem", old.chain.fingerprint()).await.unwrap();
    assert_eq!(roles.service.list_names(AT).await.unwrap(), ["sfapi-2.pem"]);
}

#[tokio::test]
async fn a_renewal_side_by_side_goes_all_the_way_with_a_secret_key() {
    renews_side_by_side(&Roles::open(Options::default(), SECRET).await).await;
}

#[tokio::test]
async fn a_renewal_side_by_side_goes_all_the_way_with_a_certificate_key_and_bare_text_errors() {
    let options = Options { plain_text_errors: true, ..Options::default() };
    renews_side_by_side(&Roles::open(options, X509).await).await;
}

#[tokio::test]
async fn a_keystore_with_a_password_gets_a_candidate_with_the_same_password() {
    let roles = Roles::open(Options::default(), SECRET).await;
    let file = roles.folder.path().join("password");
    write_private(&file, "sesame");
    roles.service.generate(AT, &order("k.p12", ""), Some("sesame")).await.unwrap();
    let known = Password::Secret(SecretRef::File(file.clone()));
    let renewer = roles.renewer(Password::Secret(SecretRef::File(file)));
    renewer.issue(&order("k-2.p12", "k.p12")).await.unwrap();
    assert!(renewer.look("k-2.p12").await.unwrap().is_some());
    let open = |password| roles.service.identity(AT, "k-2.p12", password);
    assert!(open(&known).await.is_ok());
    let without = open(&Password::Unknown).await.err().unwrap();
    assert!(matches!(without.reason, Reason::PasswordNeeded | Reason::PasswordWrong), "{without:?}");
}
