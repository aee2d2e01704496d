//! The simulated landscape answers as SAP's documents say: literal JSON, literal words.
//! These tests know nothing of certsteward's own clients.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what is missing in an answer fails the test that asked"
)]

mod destination_service;
mod faults;
mod people;
mod successfactors;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use certsteward::sandbox::{Landscape, Options};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use std::time::Duration;
use x509_parser::prelude::{FromDer as _, X509Certificate};

const LIMIT: Duration = Duration::from_secs(20);

/// A landscape with a client that holds a token.
struct Desk {
    landscape: Landscape,
    client: Client,
    token: String,
    server_ca: Vec<u8>,
    x509_key: Value,
}

impl Desk {
    async fn open(options: Options) -> Self {
        let landscape = Landscape::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = landscape.write_files(folder.path()).unwrap();
        let key: Value = serde_json::from_slice(&std::fs::read(&files.service_key).unwrap()).unwrap();
        let x509_key = serde_json::from_slice(&std::fs::read(&files.service_key_x509).unwrap()).unwrap();
        let server_ca = std::fs::read(&files.server_ca).unwrap();
        let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", key["clientid"].as_str().unwrap()),
            ("client_secret", key["clientsecret"].as_str().unwrap()),
        ];
        let url = format!("{}/oauth/token", key["url"].as_str().unwrap());
        let answer: Value = client.post(url).form(&form).send().await.unwrap().json().await.unwrap();
        let token = answer["access_token"].as_str().unwrap().to_owned();
        Self { landscape, client, token, server_ca, x509_key }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let base = self.landscape.addresses().destination_service;
        self.client
            .request(method, format!("{base}/destination-configuration{path}"))
            .bearer_auth(&self.token)
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, String) {
        seen(self.request(method, path).json(body).send().await.unwrap()).await
    }

    async fn json(&self, path: &str) -> Value {
        self.request(Method::GET, path).send().await.unwrap().json().await.unwrap()
    }

    async fn content(&self, name: &str) -> Vec<u8> {
        let entry = self.json(&format!("/v1/subaccountCertificates/{name}")).await;
        BASE64.decode(entry["Content"].as_str().unwrap()).unwrap()
    }

    async fn generate(&self, name: &str, attributes: Value) -> (u16, String) {
        let body = json!({"Name": name, "Attributes": attributes});
        self.send(Method::POST, "/v1/subaccountCertificates", &body).await
    }

    /// One call of the API with the given key and chain, or without any.
    async fn call(&self, identity: Option<&[u8]>, company: &str, path: &str) -> (u16, String) {
        let ca = reqwest::Certificate::from_pem(&self.server_ca).unwrap();
        let mut client = Client::builder().no_proxy().tls_certs_only([ca]);
        if let Some(pem) = identity {
            client = client.identity(reqwest::Identity::from_pem(pem).unwrap());
        }
        let url = format!("{}{path}", self.landscape.addresses().successfactors);
        let request = client.build().unwrap().get(url).header("successfactors-companyid", company);
        seen(request.send().await.unwrap()).await
    }

    async fn call_as(&self, name: &str) -> (u16, String) {
        self.call(Some(&self.content(name).await), "ACME", USER).await
    }
}

const USER: &str = "/odata/v2/User?$top=1&$select=userId&$format=json";
const NOT_MAPPED: &str = r#"{"error":{"code":"AuthenticationFailed","message":"Authentication service failed to return token.","details":"[AUTH0032]Invalid client certificate"}}"#;

async fn seen(answer: Response) -> (u16, String) {
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, waiting).await.is_ok(), "not within {LIMIT:?}: {what}");
}

fn quick() -> Options {
    Options { caller_cache: Duration::ZERO, caller_every: Duration::from_millis(30), ..Options::default() }
}

fn certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    let blocks = x509_parser::pem::Pem::iter_from_buffer(pem).map(Result::unwrap);
    blocks.filter(|block| block.label == "CERTIFICATE").map(|block| block.contents).collect()
}

fn subject(pem: &[u8]) -> String {
    let leaf = certificates(pem).remove(0);
    X509Certificate::from_der(&leaf).unwrap().1.subject().to_string()
}
