//! The contract of a target, clause by clause: a file, an upload service, a command, and the fake world's tenant.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use certsteward::domain::chain::Chain;
use certsteward::domain::watch::{Mapping, Matching};
use certsteward::formats::{self, PublicForm};
use certsteward::net::{self, Net};
use certsteward::targets::Target;
use certsteward::targets::command::{CommandTarget, Settings as CommandSettings};
use certsteward::targets::file::{File, Settings as FileSettings};
use certsteward::targets::http::{Format, HttpTarget, Settings as HttpSettings};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::pki::{Authority, NOW, Wanted};
use crate::support::world::{Everything, World};

/// A target that knows neither of the certificates it will be given.
trait Stage: Sized {
    async fn open() -> Option<Self>;
    fn target(&self) -> &dyn Target;
    /// Whether it can be asked what it holds.
    fn can_be_asked(&self) -> bool;
    /// The fingerprints of what it holds, each once.
    fn holds(&self) -> BTreeSet<String>;
    /// Everything it was ever given, as it came.
    fn given(&self) -> String;
    /// The next publication is refused.
    fn refuse(&self);
    /// The next publication takes effect, and its answer is lost; false where no answer can be lost.
    fn lose(&self) -> bool;
}

held! {
    [
        a_certificate_that_it_does_not_hold_is_not_seen_there,
        a_publication_gives_it_the_certificate,
        a_publication_twice_is_one_publication,
        a_look_tells_one_certificate_from_another,
        a_look_changes_nothing,
        nothing_but_public_output_is_given,
        a_refusal_is_a_certain_failure_and_changes_nothing,
        a_lost_answer_is_an_uncertain_failure_and_the_publication_may_be_repeated,
    ] on
    file: RealFile,
    upload_service: RealUploads,
    command: RealCommand,
    fake_world: Everything,
}

/// A chain as it comes out of a bundle with its key.
fn chain(name: &str) -> Chain {
    let authority = Authority::root("Example Client CA");
    let made = authority.issue(&Wanted { name, hosts: &[], years: NOW, usages: &[] });
    let bundle = format!("{}{}{}", made.key_pem(), made.pem, authority.pem);
    formats::open(bundle.as_bytes(), None).unwrap().chain
}

fn print_of(chain: &Chain) -> String {
    chain.fingerprint().to_string()
}

async fn sees(stage: &impl Stage, chain: &Chain, holds: bool) {
    let expected = stage.can_be_asked().then_some(holds);
    assert_eq!(stage.target().look(chain).await, Ok(expected));
}

async fn a_certificate_that_it_does_not_hold_is_not_seen_there(stage: &impl Stage) {
    sees(stage, &chain("SFAPI-2"), false).await;
}

async fn a_publication_gives_it_the_certificate(stage: &impl Stage) {
    let chain = chain("SFAPI-2");
    stage.target().publish(&chain).await.unwrap();
    assert!(stage.holds().contains(&print_of(&chain)));
    sees(stage, &chain, true).await;
}

async fn a_publication_twice_is_one_publication(stage: &impl Stage) {
    let chain = chain("SFAPI-2");
    stage.target().publish(&chain).await.unwrap();
    let once = stage.holds();
    stage.target().publish(&chain).await.unwrap();
    assert_eq!(stage.holds(), once);
    sees(stage, &chain, true).await;
}

async fn a_look_tells_one_certificate_from_another(stage: &impl Stage) {
    stage.target().publish(&chain("SFAPI-2")).await.unwrap();
    sees(stage, &chain("SFAPI-2"), false).await;
}

async fn a_look_changes_nothing(stage: &impl Stage) {
    let before = stage.holds();
    sees(stage, &chain("SFAPI-2"), false).await;
    assert_eq!((stage.holds(), stage.given()), (before, String::new()));
}

async fn nothing_but_public_output_is_given(stage: &impl Stage) {
    stage.target().publish(&chain("SFAPI-2")).await.unwrap();
    formats::public::scan(stage.given().as_bytes()).unwrap();
}

async fn a_refusal_is_a_certain_failure_and_changes_nothing(stage: &impl Stage) {
    let before = stage.holds();
    stage.refuse();
    let failure = stage.target().publish(&chain("SFAPI-2")).await.unwrap_err();
    assert!(!failure.maybe_effective, "{failure}");
    assert_eq!(stage.holds(), before);
}

async fn a_lost_answer_is_an_uncertain_failure_and_the_publication_may_be_repeated(stage: &impl Stage) {
    if !stage.lose() {
        return;
    }
    let chain = chain("SFAPI-2");
    let failure = stage.target().publish(&chain).await.unwrap_err();
    assert!(failure.maybe_effective, "{failure}");
    let once = stage.holds();
    assert!(once.contains(&print_of(&chain)), "nothing else had to be done");
    stage.target().publish(&chain).await.unwrap();
    assert_eq!(stage.holds(), once);
}

/// A file that a relying party reads.
struct RealFile {
    folder: tempfile::TempDir,
    target: File,
}

impl RealFile {
    fn path(&self) -> PathBuf {
        self.folder.path().join("public.pem")
    }
}

impl Stage for RealFile {
    async fn open() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("public.pem");
        Some(Self { folder, target: File::new(FileSettings { path, format: PublicForm::Chain }) })
    }

    fn target(&self) -> &dyn Target {
        &self.target
    }

    fn can_be_asked(&self) -> bool {
        true
    }

    fn holds(&self) -> BTreeSet<String> {
        let there = formats::open(self.given().as_bytes(), None);
        there.iter().map(|opened| print_of(&opened.chain)).collect()
    }

    fn given(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap_or_default()
    }

    fn refuse(&self) {
        std::fs::create_dir(self.path()).unwrap();
    }

    fn lose(&self) -> bool {
        false
    }
}

/// What an upload service does with the next upload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Takes,
    Refuses,
    TakesAndFallsSilent,
}

type Uploads = Arc<Mutex<(Vec<Value>, Next)>>;

/// An upload service that keeps what it is sent.
struct RealUploads {
    uploads: Uploads,
    target: HttpTarget,
    _running: JoinSet<()>,
}

async fn take(State(uploads): State<Uploads>, axum::Json(body): axum::Json<Value>) -> StatusCode {
    let next = {
        let mut uploads = uploads.lock().unwrap();
        let next = std::mem::replace(&mut uploads.1, Next::Takes);
        if next != Next::Refuses {
            uploads.0.push(body);
        }
        next
    };
    match next {
        Next::Takes => StatusCode::NO_CONTENT,
        Next::Refuses => StatusCode::UNPROCESSABLE_ENTITY,
        Next::TakesAndFallsSilent => std::future::pending().await,
    }
}

fn mapping() -> Mapping {
    Mapping {
        configuration_name: "BTP mTLS".to_owned(),
        integration_name: "Business Technology Platform".to_owned(),
        login_name: Some("SFAPI".to_owned()),
        company_id: Some("ACME".to_owned()),
        api: None,
    }
}

/// The fingerprints of the certificates in these uploads.
fn prints(uploads: &[Value]) -> BTreeSet<String> {
    let pems = uploads.iter().map(|upload| upload["certificate"].as_str().unwrap());
    pems.map(|pem| print_of(&formats::open(pem.as_bytes(), None).unwrap().chain)).collect()
}

impl Stage for RealUploads {
    async fn open() -> Option<Self> {
        let uploads: Uploads = Arc::new(Mutex::new((Vec::new(), Next::Takes)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/upload", listener.local_addr().unwrap());
        let router =
            axum::Router::new().route("/upload", axum::routing::post(take)).with_state(Arc::clone(&uploads));
        let mut running = JoinSet::new();
        running.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let net = net::Settings {
            ca: None,
            proxy: Some("none".to_owned()),
            family: None,
            timeout: Duration::from_secs(2),
        };
        let settings = HttpSettings { url, format: Format::Json, token: None, mapping: mapping(), net };
        let target = HttpTarget::new(Net::new().unwrap(), settings);
        Some(Self { uploads, target, _running: running })
    }

    fn target(&self) -> &dyn Target {
        &self.target
    }

    fn can_be_asked(&self) -> bool {
        false
    }

    fn holds(&self) -> BTreeSet<String> {
        prints(&self.uploads.lock().unwrap().0)
    }

    fn given(&self) -> String {
        self.uploads.lock().unwrap().0.iter().map(Value::to_string).collect()
    }

    fn refuse(&self) {
        self.uploads.lock().unwrap().1 = Next::Refuses;
    }

    fn lose(&self) -> bool {
        self.uploads.lock().unwrap().1 = Next::TakesAndFallsSilent;
        true
    }
}

/// A shell that writes down what it is given.
struct RealCommand {
    folder: tempfile::TempDir,
    target: CommandTarget,
}

const SCRIPT: &str = r#"cd "$0" || exit 1
if rm refuse 2>/dev/null; then exit 1; fi
cat >> given
if rm lose 2>/dev/null; then exit 2; fi
exit 0"#;

impl Stage for RealCommand {
    async fn open() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display().to_string();
        let command = ["/bin/sh", "-c", SCRIPT, &place].map(str::to_owned).to_vec();
        let settings = CommandSettings { command, timeout: Duration::from_secs(10), mapping: mapping() };
        Some(Self { folder, target: CommandTarget::new(settings) })
    }

    fn target(&self) -> &dyn Target {
        &self.target
    }

    fn can_be_asked(&self) -> bool {
        false
    }

    fn holds(&self) -> BTreeSet<String> {
        let given = self.given();
        prints(&given.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>())
    }

    fn given(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("given")).unwrap_or_default()
    }

    fn refuse(&self) {
        std::fs::write(self.folder.path().join("refuse"), "").unwrap();
    }

    fn lose(&self) -> bool {
        std::fs::write(self.folder.path().join("lose"), "").unwrap();
        true
    }
}

impl Stage for Everything {
    async fn open() -> Option<Self> {
        Some(World::new(Matching::Exact).facts)
    }

    fn target(&self) -> &dyn Target {
        self
    }

    fn can_be_asked(&self) -> bool {
        true
    }

    fn holds(&self) -> BTreeSet<String> {
        self.0.lock().unwrap().mappings.iter().map(print_of).collect()
    }

    /// A chain has no key to give.
    fn given(&self) -> String {
        String::new()
    }

    fn refuse(&self) {
        self.0.lock().unwrap().fail_before.push("publish");
    }

    fn lose(&self) -> bool {
        self.0.lock().unwrap().fail_after.push("publish");
        true
    }
}
