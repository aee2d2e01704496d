//! Every request of our client in a whole rotation, overheard between it and the sandbox, as SAP's file describes it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use certsteward::callers::Caller as _;
use certsteward::callers::destination_service::{DestinationServiceCaller, Settings as CallerSettings};
use certsteward::domain::certificate::Fingerprint;
use certsteward::domain::record::{CopyOrder, Order};
use certsteward::domain::watch::Validity;
use certsteward::net::{self, Net};
use certsteward::renewers::Renewer as _;
use certsteward::renewers::destination_service::{DestinationServiceRenewer, Settings as RenewerSettings};
use certsteward::sandbox::{Fault, Landscape, Options};
use certsteward::sap::{ConnectionSettings, DestinationService, Level, Password};
use certsteward::secret::SecretRef;
use certsteward::sources::Source as _;
use certsteward::sources::destination_service::{
    DestinationServiceSource, Entry, Settings as SourceSettings,
};
use serde_json::Value;
use tokio::task::JoinSet;

use super::judge::{Exchange, Judge};
use super::{Known, file, only_known, split};

/// Where our client asks otherwise, and what stands against SAP's file there.
const KNOWN: &[Known] = &[];

/// What the client asks of the file's operations in the rotation below; more or less is a change to be looked at.
const ASKED: [&str; 11] = [
    "DELETE /v1/subaccountCertificates/{certificate name}",
    "GET /v1/instanceCertificates",
    "GET /v1/instanceDestinations",
    "GET /v1/subaccountCertificates",
    "GET /v1/subaccountCertificates/{certificate name}",
    "GET /v1/subaccountCertificates/{certificate name}/publicKeys",
    "GET /v1/subaccountDestinations",
    "GET /v1/subaccountDestinations/{destination name}",
    "POST /v1/subaccountCertificates",
    "PUT /v1/subaccountCertificates",
    "PUT /v1/subaccountDestinations",
];

const BASE: &str = "/destination-configuration";
const DESTINATION: &str = "sap_hcmcloud_core_odata";
const AT: Level = Level::Subaccount;

/// A proxy between client and service that keeps what it passes on.
struct Overheard {
    address: String,
    kept: Arc<Mutex<Vec<Exchange>>>,
    _running: JoinSet<()>,
}

#[derive(Clone)]
struct Between {
    service: String,
    client: reqwest::Client,
    kept: Arc<Mutex<Vec<Exchange>>>,
}

impl Overheard {
    async fn before(service: String) -> Self {
        let kept = Arc::<Mutex<Vec<Exchange>>>::default();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let between = Between { service, client, kept: Arc::clone(&kept) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(pass_on).with_state(between);
        let mut running = JoinSet::new();
        running.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, kept, _running: running }
    }

    fn kept(&self) -> Vec<Exchange> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn pass_on(
    State(between): State<Between>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = uri.path_and_query().unwrap().as_str();
    let mut request = between.client.request(method.clone(), format!("{}{target}", between.service));
    for (name, value) in
        headers.iter().filter(|(name, _)| !["host", "content-length"].contains(&name.as_str()))
    {
        request = request.header(name, value);
    }
    let answer = request.body(body.clone()).send().await.unwrap();
    let status = answer.status().as_u16();
    let answered = answer.headers().clone();
    let content = answer.bytes().await.unwrap();
    let (path, query) = split(target);
    between.kept.lock().unwrap_or_else(PoisonError::into_inner).push(Exchange {
        method: method.to_string(),
        path: path.strip_prefix(BASE).unwrap_or(&path).to_owned(),
        query,
        request_headers: plain(&headers),
        request_body: body.to_vec(),
        status,
        headers: plain(&answered),
        body: content.to_vec(),
    });
    let mut response = (StatusCode::from_u16(status).unwrap(), content).into_response();
    for name in ["content-type", "etag", "retry-after", "link"] {
        response.headers_mut().remove(name);
        if let Some(value) = answered.get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

fn plain(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

/// The sandbox, our client, and who listens between them.
struct Rotation {
    landscape: Landscape,
    service: Arc<DestinationService>,
    overheard: Overheard,
    _folder: tempfile::TempDir,
}

impl Rotation {
    async fn prepare() -> Self {
        let landscape = Landscape::start(Options::default()).await.unwrap();
        let overheard = Overheard::before(landscape.addresses().destination_service).await;
        let folder = tempfile::tempdir().unwrap();
        let files = landscape.write_files(folder.path()).unwrap();
        let mut key: Value = serde_json::from_slice(&std::fs::read(&files.service_key).unwrap()).unwrap();
        key["uri"] = overheard.address.clone().into();
        std::fs::write(&files.service_key, key.to_string()).unwrap();
        let settings = ConnectionSettings {
            name: "sandbox".to_owned(),
            service_key: SecretRef::File(files.service_key),
            net: net::Settings { timeout: Duration::from_secs(10), ..net::Settings::default() },
        };
        let service = Arc::new(DestinationService::new(Net::new().unwrap(), settings));
        Self { landscape, service, overheard, _folder: folder }
    }

    fn source(&self, entry: Entry) -> DestinationServiceSource {
        let connection = "sandbox".to_owned();
        let settings = SourceSettings { connection, level: AT, entry, password: None };
        DestinationServiceSource::new(Arc::clone(&self.service), settings)
    }

    fn renewer(&self) -> DestinationServiceRenewer {
        let settings = RenewerSettings { connection: "sandbox".to_owned(), level: AT };
        let password = Password::OfDestination(AT, DESTINATION.to_owned());
        DestinationServiceRenewer::new(Arc::clone(&self.service), settings, password)
    }

    fn caller(&self) -> DestinationServiceCaller {
        let (connection, destination) = ("sandbox".to_owned(), DESTINATION.to_owned());
        let settings = CallerSettings { connection, level: AT, destination };
        DestinationServiceCaller::new(Arc::clone(&self.service), settings)
    }

    async fn print_of(&self, name: &str) -> Fingerprint {
        self.renewer().look(name).await.unwrap().unwrap().chain.fingerprint()
    }

    /// Side by side: seen, issued, asked for again, switched, retired.
    async fn side_by_side(&self) {
        let (source, renewer) = (self.source(Entry::Destination(DESTINATION.to_owned())), self.renewer());
        for _ in 0..2 {
            source.look(None).await.unwrap().unwrap();
        }
        source.identity(None).await.ok().unwrap();
        assert_eq!(renewer.look("sfapi-2.pem").await.unwrap(), None);
        for validity in [Validity::Years(1), Validity::Days(30)] {
            renewer.issue(&order("sfapi-2.pem", validity)).await.unwrap();
        }
        source.identity(Some("sfapi-2.pem")).await.ok().unwrap();
        self.caller().switch("sfapi.pem", "sfapi-2.pem").await.unwrap();
        assert!(renewer.remove("sfapi-2.pem", self.print_of("sfapi-2.pem").await).await.is_err());
        let old = self.print_of("sfapi.pem").await;
        for _ in 0..2 {
            renewer.remove("sfapi.pem", old).await.unwrap();
        }
    }

    /// Under one name: replaced, copied aside and over, put back.
    async fn under_one_name(&self) {
        let renewer = self.renewer();
        let before = self.print_of("sfapi-2.pem").await;
        let copy = |from: &str, to: &str, fingerprint, over| CopyOrder {
            from: from.to_owned(),
            to: to.to_owned(),
            fingerprint,
            over,
        };
        renewer.copy(&copy("sfapi-2.pem", "sfapi-2-before.pem", before, None)).await.unwrap();
        let order = Order { in_place: true, ..order("sfapi-2.pem", Validity::Months(6)) };
        renewer.issue(&order).await.unwrap();
        let after = self.print_of("sfapi-2.pem").await;
        renewer.copy(&copy("sfapi-2-before.pem", "sfapi-2.pem", before, Some(after))).await.unwrap();
        assert_eq!(self.print_of("sfapi-2.pem").await, before);
        let names = self.service.list_names(AT).await.unwrap();
        assert_eq!(names, ["sfapi-2-before.pem", "sfapi-2.pem"]);
    }

    /// With a password, with odd names, and with everything that can be refused.
    async fn odd_ones(&self) {
        let protected = order("k.p12", Validity::Years(1));
        self.service.generate(AT, &protected, Some("sesame")).await.unwrap();
        let content = self.service.certificate(AT, "k.p12").await.unwrap().unwrap();
        self.service.upload(AT, "a'b c/ü@1.p12", content.bytes()).await.unwrap();
        let source = self.source(Entry::Certificate("a'b c/ü@1.p12".to_owned()));
        assert!(source.look(None).await.is_err(), "it is protected");
        assert!(self.service.replace(AT, "none.pem", content.bytes()).await.is_err());
        assert!(self.service.destination(AT, "none").await.unwrap().is_none());
        for (method, status) in [("GET", 503), ("POST", 500), ("GET", 401), ("DELETE", 403)] {
            let fault = Fault { method: Some(method.to_owned()), status: Some(status), ..Fault::default() };
            self.landscape.fault(Fault { path_contains: "Certificates".to_owned(), ..fault });
        }
        assert!(source.look(None).await.is_err());
        assert!(self.renewer().issue(&order("sfapi-3.pem", Validity::Years(1))).await.is_err());
        assert!(self.renewer().look("sfapi-2.pem").await.is_ok(), "a refused token is replaced");
        assert!(self.service.delete(AT, "k.p12").await.is_err());
    }
}

impl Rotation {
    /// Everything that is listed: whole, and by pages where the whole is too large.
    async fn lists(&self) {
        let whole = self.service.destinations(AT).await.unwrap();
        let body = format!("[{}]", " ".repeat(net::LIMIT));
        let path_contains = "subaccountDestinations".to_owned();
        self.landscape.fault(Fault { path_contains, status: Some(200), body, ..Fault::default() });
        let paged = self.service.destinations(AT).await.unwrap();
        assert!(!whole.is_empty() && whole.len() == paged.len());
        assert_eq!(self.service.list_names(Level::Instance).await.unwrap(), Vec::<String>::new());
    }
}

fn order(name: &str, validity: Validity) -> Order {
    Order {
        name: name.to_owned(),
        common_name: "SFAPI".to_owned(),
        validity,
        in_place: false,
        like: None,
        replaces: Fingerprint::of(b"old"),
        placed: chrono::DateTime::UNIX_EPOCH,
    }
}

#[tokio::test]
async fn every_request_of_a_whole_rotation_fits_sap_s_file() {
    let Some(file) = file::sap() else { return };
    let judge = Judge::new(file);
    let rotation = Rotation::prepare().await;
    rotation.side_by_side().await;
    rotation.under_one_name().await;
    rotation.odd_ones().await;
    rotation.lists().await;
    let kept = rotation.overheard.kept();
    let ours = |exchange: &&Exchange| {
        exchange.request_headers.iter().any(|(name, value)| name == "user-agent" && value == net::USER_AGENT)
    };
    let ours: Vec<&Exchange> = kept.iter().filter(ours).collect();
    let found: Vec<(String, String)> = ours.iter().flat_map(|exchange| judge.request(exchange)).collect();
    only_known(&found, KNOWN);
    let mut asked: Vec<String> = ours
        .iter()
        .filter_map(|exchange| judge.operation(&exchange.method, &exchange.path))
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    asked.sort();
    asked.dedup();
    assert_eq!(asked, ASKED);
}
