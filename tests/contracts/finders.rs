//! The contract of a finder, clause by clause: files, target lists in files and behind an address, a Destination service.

use std::sync::Arc;
use std::time::Duration;

use certsteward::finders::destination_service::{Entries, Settings as EntrySettings};
use certsteward::finders::file::{Files, Settings as FileSettings};
use certsteward::finders::file_sd::{FileSd, Settings as FileSdSettings};
use certsteward::finders::http_sd::{Credential, HttpSd, Settings as HttpSdSettings};
use certsteward::finders::{Finder, Place};
use certsteward::net::{self, Net};
use certsteward::sap::Level;

use super::sandbox::{DESTINATION, Sandbox};
use crate::sap::stage::{API, Stage as Literal, says};

/// Something that lists places.
trait Stage: Sized {
    async fn open() -> Option<Self>;
    fn finder(&self) -> &dyn Finder;
    /// Somebody adds a place; what it is shown as.
    async fn add(&self, name: &str) -> String;
    /// Somebody takes it away again.
    async fn remove(&self, name: &str);
    /// It cannot be looked into from now on.
    async fn blind(&self);
    /// Somebody lists what is no place for a certificate; false where that cannot be listed.
    async fn add_nonsense(&self) -> bool;
    /// Whatever was done there beyond listing.
    fn done_there(&self) -> Vec<String>;
}

held! {
    [
        what_is_there_is_found_once_and_in_the_same_order,
        a_look_changes_nothing_and_opens_nothing,
        what_comes_and_goes_is_found_at_the_next_look,
        what_cannot_be_looked_into_is_said,
        what_is_no_place_hides_nothing_else,
    ] on
    file: RealFiles,
    file_sd: RealFileSd,
    http_sd: RealHttpSd,
    destination_service: RealEntries,
}

async fn shown(stage: &impl Stage) -> Vec<String> {
    let found = stage.finder().find().await;
    assert_eq!(found.unseen, Vec::new());
    found.places.iter().map(Place::to_string).collect()
}

async fn what_is_there_is_found_once_and_in_the_same_order(stage: &impl Stage) {
    let (a, b) = (stage.add("a").await, stage.add("b").await);
    let first = shown(stage).await;
    for place in [a, b] {
        assert_eq!(first.iter().filter(|found| **found == place).count(), 1, "{place} in {first:?}");
    }
    assert_eq!(shown(stage).await, first);
}

async fn a_look_changes_nothing_and_opens_nothing(stage: &impl Stage) {
    stage.add("a").await;
    shown(stage).await;
    shown(stage).await;
    assert_eq!(stage.done_there(), Vec::<String>::new());
}

async fn what_comes_and_goes_is_found_at_the_next_look(stage: &impl Stage) {
    let a = stage.add("a").await;
    let before = shown(stage).await;
    let b = stage.add("b").await;
    assert!(!before.contains(&b) && shown(stage).await.contains(&b));
    stage.remove("a").await;
    let after = shown(stage).await;
    assert!(!after.contains(&a) && after.contains(&b), "{after:?}");
}

async fn what_cannot_be_looked_into_is_said(stage: &impl Stage) {
    stage.add("a").await;
    shown(stage).await;
    stage.blind().await;
    let found = stage.finder().find().await;
    let [why] = found.unseen.as_slice() else { panic!("{found:?}") };
    assert!(why.text.len() > 30, "what, where and the way out: {why}");
}

async fn what_is_no_place_hides_nothing_else(stage: &impl Stage) {
    let a = stage.add("a").await;
    if !stage.add_nonsense().await {
        return;
    }
    let found = stage.finder().find().await;
    assert!(found.places.iter().any(|place| place.to_string() == a), "{found:?}");
    assert!(found.unseen.is_empty() && found.left_out.len() == 1, "{found:?}");
}

/// Files in a folder that can be taken away.
struct RealFiles {
    folder: tempfile::TempDir,
    finder: Files,
}

impl RealFiles {
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("certs").join(format!("{name}.pem"))
    }
}

impl Stage for RealFiles {
    async fn open() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("certs")).unwrap();
        // Two patterns that find the same.
        let patterns = ["*.pem", "?.pem"].map(|end| format!("{}/certs/{end}", folder.path().display()));
        Some(Self { finder: Files::new(FileSettings::new(&patterns, &["not-*".to_owned()])), folder })
    }

    fn finder(&self) -> &dyn Finder {
        &self.finder
    }

    async fn add(&self, name: &str) -> String {
        std::fs::write(self.path(name), "anything").unwrap();
        self.path(name).display().to_string()
    }

    async fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).unwrap();
    }

    async fn blind(&self) {
        std::fs::rename(self.folder.path().join("certs"), self.folder.path().join("elsewhere")).unwrap();
    }

    async fn add_nonsense(&self) -> bool {
        std::fs::create_dir(self.path("folder")).unwrap();
        std::fs::write(self.path("not-this"), "anything").unwrap();
        // A folder and an excluded file are not even worth a word.
        assert_eq!(shown(self).await.len(), 1);
        false
    }

    fn done_there(&self) -> Vec<String> {
        let folder = std::fs::read_dir(self.folder.path().join("certs")).unwrap();
        let names = folder.map(|entry| entry.unwrap().file_name().display().to_string());
        names.filter(|name| name != "a.pem").collect()
    }
}

/// The lines of a target list, as JSON.
fn listed(targets: &[String]) -> String {
    serde_json::json!([{ "targets": targets, "labels": { "team": "one" } }]).to_string()
}

struct RealFileSd {
    folder: tempfile::TempDir,
    finder: FileSd,
}

impl Stage for RealFileSd {
    async fn open() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let patterns =
            ["*.json".to_owned(), "*.yml".to_owned()].map(|end| format!("{}/{end}", folder.path().display()));
        let settings = FileSdSettings { files: FileSettings::new(&patterns, &[]), port: 443 };
        Some(Self { finder: FileSd::new(settings), folder })
    }

    fn finder(&self) -> &dyn Finder {
        &self.finder
    }

    async fn add(&self, name: &str) -> String {
        let target = format!("{name}.example.org:443");
        let list = format!("- targets: [{target}, {target}]\n");
        std::fs::write(self.folder.path().join(format!("{name}.yml")), list).unwrap();
        target
    }

    async fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder.path().join(format!("{name}.yml"))).unwrap();
    }

    async fn blind(&self) {
        std::fs::write(self.folder.path().join("z.json"), "[{\"targets\":").unwrap();
    }

    async fn add_nonsense(&self) -> bool {
        let list = listed(&["http://plain.example.org/".to_owned()]);
        std::fs::write(self.folder.path().join("n.json"), list).unwrap();
        true
    }

    fn done_there(&self) -> Vec<String> {
        let folder = std::fs::read_dir(self.folder.path()).unwrap();
        let names = folder.map(|entry| entry.unwrap().file_name().display().to_string());
        names.filter(|name| name != "a.yml").collect()
    }
}

/// A list behind an address, and the requests that reached it.
struct RealHttpSd {
    server: Literal,
    targets: std::sync::Mutex<Vec<String>>,
    finder: HttpSd,
    _secret: tempfile::TempDir,
}

impl RealHttpSd {
    fn tell(&self) {
        let list = listed(&self.targets.lock().unwrap());
        self.server.on("GET /targets", [says(200, list).with("content-type", "application/json")]);
    }
}

impl Stage for RealHttpSd {
    async fn open() -> Option<Self> {
        let server = Literal::open().await;
        let secret = tempfile::tempdir().unwrap();
        crate::sap::stage::write_private(&secret.path().join("token"), "a-token-of-some-length\n");
        let settings = HttpSdSettings {
            url: format!("{}{API}/targets?group=1", server.address),
            headers: [("x-team".to_owned(), "ops".to_owned())].into(),
            credential: Credential::Token(certsteward::secret::SecretRef::File(secret.path().join("token"))),
            port: 443,
            net: net::Settings { timeout: Duration::from_secs(5), ..net::Settings::default() },
        };
        let finder = HttpSd::new(Net::new().unwrap(), settings);
        let stage = Self { server, targets: std::sync::Mutex::default(), finder, _secret: secret };
        stage.tell();
        Some(stage)
    }

    fn finder(&self) -> &dyn Finder {
        &self.finder
    }

    async fn add(&self, name: &str) -> String {
        let target = format!("{name}.example.org:8443");
        self.targets.lock().unwrap().push(target.clone());
        self.tell();
        target
    }

    async fn remove(&self, name: &str) {
        self.targets.lock().unwrap().retain(|target| !target.starts_with(name));
        self.tell();
    }

    async fn blind(&self) {
        self.server.on("GET /targets", [says(503, "in maintenance until noon")]);
    }

    async fn add_nonsense(&self) -> bool {
        self.add("no port at all, a blank").await;
        true
    }

    fn done_there(&self) -> Vec<String> {
        let asked = self.server.asked("");
        for one in &asked {
            assert_eq!(one.header("authorization"), Some("Bearer a-token-of-some-length"));
            assert_eq!((one.header("accept"), one.header("x-team")), (Some("application/json"), Some("ops")));
        }
        let lines = asked.into_iter().map(|asked| asked.line);
        lines.filter(|line| !line.starts_with("GET ") || !line.ends_with("/targets?group=1")).collect()
    }
}

/// The sandbox's Destination service: whatever is asked there stands in its log.
struct RealEntries {
    sandbox: Sandbox,
    finder: Entries,
}

impl Stage for RealEntries {
    async fn open() -> Option<Self> {
        let sandbox = Sandbox::open().await;
        let settings = EntrySettings::new("sandbox".to_owned(), Level::ALL.to_vec(), true, &[]);
        let finder = Entries::new(Arc::clone(&sandbox.service), settings);
        Some(Self { sandbox, finder })
    }

    fn finder(&self) -> &dyn Finder {
        &self.finder
    }

    async fn add(&self, name: &str) -> String {
        let somebody = self.sandbox.somebody();
        somebody.upload(Level::Subaccount, &format!("{name}.pem"), b"anything").await.unwrap();
        format!("the subaccount entry {name}.pem")
    }

    async fn remove(&self, name: &str) {
        self.sandbox.somebody().delete(Level::Subaccount, &format!("{name}.pem")).await.unwrap();
    }

    async fn blind(&self) {
        self.sandbox.blind();
    }

    async fn add_nonsense(&self) -> bool {
        false
    }

    fn done_there(&self) -> Vec<String> {
        let lists = [
            "subaccountCertificates?$select=Name",
            "instanceCertificates?$select=Name",
            "subaccountDestinations?",
            "instanceDestinations?",
        ];
        let requests = self.sandbox.landscape.requests().into_iter();
        let there = requests.filter(|line| line.part == "destination-service");
        let listing = |line: &String| lists.iter().any(|list| line.ends_with(list));
        let shown = there
            .map(|line| format!("{} {}?{}", line.method, line.path, line.query))
            .filter(|line| !listing(line));
        // The one write is the test's own.
        shown.filter(|line| !line.starts_with("POST ")).collect()
    }
}

#[tokio::test]
async fn a_destination_that_names_an_entry_leads_to_it_or_nowhere() {
    let stage = RealEntries::open().await.unwrap();
    let found = stage.finder.find().await;
    let [Place::Entry(entry)] = found.places.as_slice() else { panic!("{found:?}") };
    assert_eq!((entry.name.as_str(), entry.followed().unwrap().name.as_str()), ("sfapi.pem", DESTINATION));
    stage.remove("sfapi").await;
    let found = stage.finder.find().await;
    let [Place::Nowhere { destination, entry }] = found.places.as_slice() else { panic!("{found:?}") };
    assert_eq!((destination.name.as_str(), entry.as_str()), (DESTINATION, "sfapi.pem"));
}

#[tokio::test]
async fn without_destinations_only_names_are_asked_for_and_those_that_are_followed() {
    let sandbox = Sandbox::open().await;
    let mut settings = EntrySettings::new("sandbox".to_owned(), vec![Level::Subaccount], false, &[]);
    let followed =
        certsteward::finders::place::Destination { level: Level::Subaccount, name: DESTINATION.to_owned() };
    settings.followed = vec![followed.clone()];
    let finder = Entries::new(Arc::clone(&sandbox.service), settings);
    let found = finder.find().await;
    let [Place::Entry(entry)] = found.places.as_slice() else { panic!("{found:?}") };
    assert_eq!(entry.named_by, [followed]);
    let asked: Vec<String> = sandbox.landscape.requests().into_iter().map(|line| line.path).collect();
    assert!(!asked.iter().any(|path| path.ends_with("Destinations")), "{asked:?}");
}

#[tokio::test]
async fn an_unchanged_list_is_said_to_be_unchanged_and_holds_as_long_as_it_says() {
    let stage = RealHttpSd::open().await.unwrap();
    let list = listed(&["a:443".to_owned()]);
    let first = says(200, list).with("content-type", "application/json; charset=utf-8").with("etag", "\"7\"");
    stage.server.on("GET /targets", [first.with("cache-control", "max-age=120"), says(304, "")]);
    let found = stage.finder.find().await;
    assert_eq!((found.places.len(), found.holds_for), (1, Some(Duration::from_secs(120))));
    let again = stage.finder.find().await;
    assert_eq!((again.places, again.holds_for), (found.places, None));
    let asked = stage.server.asked("GET");
    assert_eq!((asked[0].header("if-none-match"), asked[1].header("if-none-match")), (None, Some("\"7\"")));
}

#[tokio::test]
async fn an_answer_that_is_no_list_is_told_and_no_redirect_is_followed() {
    let stage = RealHttpSd::open().await.unwrap();
    let answers = [
        (says(200, "<html>Sign in</html>").with("content-type", "text/html"), "not application/json"),
        (says(200, "[{\"targets\":").with("content-type", "application/json"), "line 1"),
        (
            says(302, "").with("location", "https://elsewhere.example.org/"),
            "leads to https://elsewhere.example.org/",
        ),
        (says(404, "no such list"), "no such list"),
        (says(304, ""), "304"),
    ];
    for (answer, expected) in answers {
        stage.server.on("GET /targets", [answer]);
        let found = stage.finder.find().await;
        let [why] = found.unseen.as_slice() else { panic!("{found:?}") };
        assert!(why.text.contains(expected) && !why.text.contains("group=1"), "{why}");
    }
}
