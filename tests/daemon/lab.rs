//! The simulated landscape in the test's own process, and a daemon beside it.

use std::path::Path;
use std::time::Duration;

use certsteward::sandbox::{Hands, Landscape, Matching, Options, People};
use serde_json::Value;

use crate::support::daemon::{Daemon, ask};
use crate::support::wait::free_port;

/// The landscape and the folder its files are in.
pub(super) struct Lab {
    pub(super) landscape: Landscape,
    pub(super) folder: tempfile::TempDir,
}

impl Lab {
    /// A tenant that wants each certificate, and an administrator who is quick.
    pub(super) async fn new() -> Self {
        Self::with(People::Careful).await
    }

    /// The same, with people who answer like this.
    pub(super) async fn with(people: People) -> Self {
        let options = Options {
            people,
            matching: Matching::Exact,
            hands: Hands::Auto { after: Duration::from_millis(300) },
            caller_cache: Duration::from_millis(500),
            ..Options::default()
        };
        Self::of(options).await
    }

    pub(super) async fn of(options: Options) -> Self {
        let landscape = Landscape::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        landscape.write_files(folder.path()).unwrap();
        Self { landscape, folder }
    }

    /// The daemon, in this mode and with more configuration.
    pub(super) async fn daemon(&self, mode: &str, more: &str) -> Daemon {
        Daemon::start(self.folder.path(), &(self.configuration(mode) + more)).await
    }

    /// The landscape's configuration, in this mode.
    pub(super) fn configuration(&self, mode: &str) -> String {
        let addresses = self.landscape.addresses();
        let listen = format!("127.0.0.1:{}", free_port());
        let places = [
            ("@listen@", listen.as_str()),
            ("@api@", &addresses.successfactors),
            ("@smtp@", &addresses.smtp),
            ("@mode@", mode),
            ("@rotation@", "side-by-side"),
            ("@subject@", "auto"),
            ("@cache@", "500"),
            ("@settle@", "1500"),
            ("@retire_after@", "1000"),
            ("@patience@", "30000"),
            ("@acts@", "20"),
            ("control.sock", "c.sock"),
        ];
        let template = include_str!("../../src/cli/landscape.toml");
        places.iter().fold(template.to_owned(), |text, (place, value)| text.replace(place, value))
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What the landscape's own service key says.
    pub(super) fn key(&self, field: &str) -> String {
        let text = std::fs::read_to_string(self.path().join("service-key.json")).unwrap();
        let key: Value = serde_json::from_str(&text).unwrap();
        key[field].as_str().unwrap().to_owned()
    }

    /// A token, as any client of the Destination service gets one.
    pub(super) async fn token(&self) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            encoded(&self.key("clientid")),
            encoded(&self.key("clientsecret"))
        );
        let answer = ask(
            port(&self.landscape.addresses().token_service),
            "POST",
            "/oauth/token",
            "Content-Type: application/x-www-form-urlencoded\r\n",
            &form,
        )
        .await
        .unwrap();
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Every certificate of the store, with its content as the client gets it.
    pub(super) async fn entries(&self, token: &str) -> Vec<Value> {
        let answer = ask(
            port(&self.landscape.addresses().destination_service),
            "GET",
            "/destination-configuration/v1/subaccountCertificates",
            &format!("Authorization: Bearer {token}\r\n"),
            "",
        )
        .await
        .unwrap();
        serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

fn port(address: &str) -> u16 {
    address.rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap()
}

/// Whether the renewal is over and everything replaced is gone.
pub(super) fn is_over(watch: &Value) -> bool {
    watch["renewal"].is_null()
        && watch["certificates"]["in_force"]["issued_by_certsteward"] == true
        && watch["leftovers"].as_array().is_some_and(Vec::is_empty)
}
