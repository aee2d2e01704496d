//! A server on loopback that gives literal answers and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use certsteward::net::{self, Net};
use certsteward::sap::{ConnectionSettings, DestinationService};
use certsteward::secret::SecretRef;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// One literal answer.
#[derive(Clone)]
pub(crate) struct Says {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    never: bool,
}

pub(crate) fn says(status: u16, body: impl ToString) -> Says {
    Says { status, headers: Vec::new(), body: body.to_string().into_bytes(), never: false }
}

pub(crate) fn never() -> Says {
    Says { never: true, ..says(200, "") }
}

impl Says {
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// One request as it arrived.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

#[derive(Default)]
struct Script {
    /// By the start of `METHOD path`; the last answer of a line is given for ever.
    rules: Vec<(String, VecDeque<Says>)>,
    asked: Vec<Asked>,
    tokens: u32,
}

type Shared = Arc<Mutex<Script>>;

pub(crate) struct Stage {
    pub(crate) address: String,
    pub(crate) folder: tempfile::TempDir,
    script: Shared,
    _server: JoinSet<()>,
}

pub(crate) const API: &str = "/destination-configuration/v1";

impl Stage {
    pub(crate) async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let script = Shared::default();
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&script));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, folder: tempfile::tempdir().unwrap(), script, _server: server }
    }

    /// Whatever begins with `line` (method and path below the API's root) is answered by these, one after the other.
    pub(crate) fn on(&self, line: &str, answers: impl IntoIterator<Item = Says>) {
        let (method, path) = line.split_once(' ').unwrap();
        let begin =
            if path.starts_with("/oauth") { line.to_owned() } else { format!("{method} {API}{path}") };
        let mut script = self.script.lock().unwrap();
        script.rules.retain(|(known, _)| *known != begin);
        script.rules.push((begin, answers.into_iter().collect()));
    }

    pub(crate) fn asked(&self, begin: &str) -> Vec<Asked> {
        let script = self.script.lock().unwrap();
        script.asked.iter().filter(|asked| asked.line.starts_with(begin)).cloned().collect()
    }

    pub(crate) fn tokens_asked(&self) -> usize {
        self.asked("POST /oauth/token").len()
    }

    pub(crate) fn secret_key(&self) -> Value {
        json!({
            "clientid": "sb-clone!b1|destination!b1",
            "clientsecret": "a$b=",
            "uri": self.address,
            "url": self.address,
        })
    }

    pub(crate) fn write_key(&self, key: &Value) {
        write_private(&self.folder.path().join("key.json"), &key.to_string());
    }

    pub(crate) fn settings(&self) -> ConnectionSettings {
        let settings = net::Settings { timeout: Duration::from_secs(5), ..net::Settings::default() };
        ConnectionSettings {
            name: "btp-test".to_owned(),
            service_key: SecretRef::File(self.folder.path().join("key.json")),
            net: settings,
        }
    }

    /// A client with a secret key.
    pub(crate) fn client(&self) -> Arc<DestinationService> {
        self.write_key(&self.secret_key());
        Arc::new(DestinationService::new(Net::new().unwrap(), self.settings()))
    }

    /// A client that waits a moment only.
    pub(crate) fn impatient_client(&self) -> Arc<DestinationService> {
        self.write_key(&self.secret_key());
        let mut settings = self.settings();
        settings.net.timeout = Duration::from_millis(300);
        Arc::new(DestinationService::new(Net::new().unwrap(), settings))
    }
}

pub(crate) fn write_private(path: &std::path::Path, text: &str) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

async fn answer(
    State(script): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let line = format!("{method} {uri}");
    let said = {
        let mut script = script.lock().unwrap();
        let body = String::from_utf8_lossy(&body).into_owned();
        script.asked.push(Asked { line: line.clone(), headers, body });
        script.next(&line)
    };
    if said.never {
        std::future::pending::<()>().await;
    }
    let mut response = (StatusCode::from_u16(said.status).unwrap(), said.body).into_response();
    for (name, value) in said.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

impl Script {
    fn next(&mut self, line: &str) -> Says {
        // The longest beginning wins, so that an entry and its public keys can be told apart.
        let rule = self
            .rules
            .iter_mut()
            .filter(|(begin, _)| line.starts_with(begin.as_str()))
            .max_by_key(|(begin, _)| begin.len());
        match rule {
            Some((_, answers)) if answers.len() > 1 => answers.pop_front().unwrap(),
            Some((_, answers)) => answers.front().cloned().unwrap(),
            None if line.starts_with("POST /oauth/token") => {
                self.tokens += 1;
                says(200, json!({"access_token": format!("token-{}", self.tokens), "expires_in": 43199}))
            }
            None => says(404, json!({"ErrorMessage": "Configuration with the specified name was not found"})),
        }
    }
}

/// A certificate with its issuer, made for the test.
pub(crate) struct Made {
    pub(crate) leaf_pem: String,
    pub(crate) leaf_der: Vec<u8>,
    pub(crate) root_pem: String,
    pub(crate) root_der: Vec<u8>,
    pub(crate) key_pem: String,
    pub(crate) key_der: Vec<u8>,
}

pub(crate) fn made(common_name: &str, host: &str) -> Made {
    let mut root = rcgen::CertificateParams::default();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    root.distinguished_name = name("Sample Root");
    let root = rcgen::CertifiedIssuer::self_signed(root, rcgen::KeyPair::generate().unwrap()).unwrap();
    let mut leaf = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
    leaf.distinguished_name = name(common_name);
    let key = rcgen::KeyPair::generate().unwrap();
    let signed = leaf.signed_by(&key, &root).unwrap();
    let root: &rcgen::Certificate = root.as_ref();
    Made {
        leaf_pem: signed.pem(),
        leaf_der: signed.der().to_vec(),
        root_pem: root.pem(),
        root_der: root.der().to_vec(),
        key_pem: key.serialize_pem(),
        key_der: key.serialize_der(),
    }
}

fn name(common_name: &str) -> rcgen::DistinguishedName {
    let mut name = rcgen::DistinguishedName::new();
    name.push(rcgen::DnType::CommonName, common_name);
    name
}

impl Made {
    /// The answer of `…/publicKeys`.
    pub(crate) fn public_keys(&self) -> Says {
        let pem = format!("{}{}", self.leaf_pem, self.root_pem);
        says(200, json!([{"Alias": "a", "Content": pem, "SubjectDN": "CN=a"}]))
    }

    /// The answer of the whole entry: key, leaf, root, in Base64.
    pub(crate) fn whole(&self, name: &str) -> Says {
        let text = format!("{}{}{}", self.key_pem, self.leaf_pem, self.root_pem);
        whole(name, text.as_bytes())
    }

    pub(crate) fn pkcs12(&self, password: &str) -> Vec<u8> {
        let certificate = |der: &[u8]| p12_keystore::Certificate::from_der(der).unwrap();
        let key = p12_keystore::PrivateKey::from_der(&self.key_der).unwrap();
        let chain = [certificate(&self.leaf_der), certificate(&self.root_der)];
        let mut store = p12_keystore::KeyStore::new();
        let entry = p12_keystore::PrivateKeyChain::new([1_u8, 2, 3].as_slice(), key, chain);
        store.add_entry("a", p12_keystore::KeyStoreEntry::PrivateKeyChain(entry));
        store.writer(password).encryption_iterations(1000).mac_iterations(1000).write().unwrap()
    }
}

pub(crate) fn whole(name: &str, content: &[u8]) -> Says {
    use base64::Engine as _;
    let content = base64::engine::general_purpose::STANDARD.encode(content);
    says(200, json!({"Name": name, "Type": "CERTIFICATE", "Content": content}))
}
