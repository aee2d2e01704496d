//! The sandbox's Destination service as a stage for the roles that speak to it, with faults at will.

use std::sync::Arc;
use std::time::Duration;

use certsteward::net::{self, Net};
use certsteward::sandbox::{Fault, Landscape, Level as Place, Options};
use certsteward::sap::{ConnectionSettings, DestinationService, Level};
use certsteward::secret::SecretRef;

pub(super) const AT: Level = Level::Subaccount;
pub(super) const DESTINATION: &str = "sap_hcmcloud_core_odata";

/// A landscape, and a client for it.
pub(super) struct Sandbox {
    pub(super) landscape: Landscape,
    pub(super) service: Arc<DestinationService>,
    pub(super) folder: tempfile::TempDir,
}

impl Sandbox {
    pub(super) async fn open() -> Self {
        let landscape = Landscape::start(Options::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        landscape.write_files(folder.path()).unwrap();
        let service = client(folder.path());
        Self { landscape, service, folder }
    }

    /// Another client: somebody else.
    pub(super) fn somebody(&self) -> Arc<DestinationService> {
        client(self.folder.path())
    }

    /// The next such request is refused and changes nothing.
    pub(super) fn refuse(&self, method: &str, path: &str) {
        let body = "Forbidden".to_owned();
        self.landscape.fault(Fault { status: Some(403), body, ..on(method, path) });
    }

    /// The next such request takes effect, and its answer is lost.
    pub(super) fn lose(&self, method: &str, path: &str) {
        self.landscape.fault(Fault { drop_answer_after_effect: true, ..on(method, path) });
    }

    /// The next such request fails on the platform's side and changes nothing, which nobody is told.
    pub(super) fn fail(&self, method: &str, path: &str) {
        let body = "<html><title>502 Bad Gateway</title></html>".to_owned();
        self.landscape.fault(Fault { status: Some(502), body, ..on(method, path) });
    }

    /// The next such request is answered with success, and changes nothing.
    pub(super) fn pretend(&self, method: &str, path: &str) {
        let body = r#"{"Count":1}"#.to_owned();
        self.landscape.fault(Fault { status: Some(200), body, ..on(method, path) });
    }

    /// From now on nothing can be seen.
    pub(super) fn blind(&self) {
        let body = "Service Unavailable".to_owned();
        self.landscape.fault(Fault { status: Some(503), body, times: 1000, ..on("GET", "") });
    }

    /// The leaf's fingerprint of an entry, in hex.
    pub(super) fn holds(&self, name: &str) -> Option<String> {
        let mut entries = self.landscape.entries().into_iter();
        entries.find(|entry| entry.level == Place::Subaccount && entry.name == name)?.fingerprint
    }

    /// How many writes reached the service.
    pub(super) fn writes(&self) -> usize {
        let requests = self.landscape.requests();
        let ours = requests.iter().filter(|line| line.part == "destination-service" && line.method != "GET");
        ours.count()
    }
}

fn on(method: &str, path: &str) -> Fault {
    let path_contains = if path.is_empty() { "destination-configuration" } else { path };
    let path_contains = path_contains.to_owned();
    Fault { method: Some(method.to_owned()), path_contains, ..Fault::default() }
}

fn client(folder: &std::path::Path) -> Arc<DestinationService> {
    let settings = ConnectionSettings {
        name: "sandbox".to_owned(),
        service_key: SecretRef::File(folder.join("service-key.json")),
        net: net::Settings {
            family: None,
            ca: Some(folder.join("server-ca.pem")),
            proxy: Some("none".to_owned()),
            timeout: Duration::from_secs(10),
        },
    };
    Arc::new(DestinationService::new(Net::new().unwrap(), settings))
}
