//! Every answer of the sandbox's Destination service, to every operation it serves, as SAP's file describes it.

use std::collections::BTreeSet;

use certsteward::sandbox::{Landscape, Options};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::judge::{Exchange, Judge};
use super::{Known, file, only_known, split};

/// Where the sandbox answers otherwise, and what stands against SAP's file there.
const KNOWN: &[Known] = &[
    ("POST /v1/*Certificates: 201 has nothing", CREATED),
    ("POST /v1/*Destinations: 201 has nothing", CREATED),
    ("GET /v1/*Certificates: 200 has [{Name, Type, Content}]", LISTED),
    ("GET /v1/*Destinations: 200 has [{Name, Type, URL}]", LISTED),
    (
        "DELETE /v1/*Certificates: 200 has {Count, Summary}",
        "the file calls the summary a text and gives it members and an example as an object",
    ),
    (
        "DELETE /v1/*Certificates: answers 400",
        "the file demands the filter and names no answer to a request without one; for destinations it is 400",
    ),
    (
        "GET /v1/destinations/{name}: 200 has {owner, destinationConfiguration, certificates}",
        "the documentation's example has a null InstanceId where the subaccount owns the destination",
    ),
];

/// More of it where errors come as objects.
const AS_OBJECTS: &[Known] = &[
    ("GET /v1/*Certificates: 400 has {ErrorMessage}", OBJECT),
    ("POST /v1/*Certificates: 400 has {ErrorMessage}", OBJECT),
    ("PUT /v1/*Certificates: 400 has {ErrorMessage}", OBJECT),
    ("PUT /v1/*Certificates: 404 has {ErrorMessage}", OBJECT),
    ("GET /v1/*Certificates/{certificate name}: 404 has {ErrorMessage}", OBJECT),
    ("DELETE /v1/*Certificates/{certificate name}: 404 has {ErrorMessage}", OBJECT),
    ("GET /v1/*Certificates/{certificate name}/publicKeys: 400 has {ErrorMessage}", OBJECT),
    ("GET /v1/*Certificates/{certificate name}/publicKeys: 404 has {ErrorMessage}", OBJECT),
    ("GET /v1/*Destinations: 400 has {ErrorMessage}", OBJECT),
    ("GET /v1/*Destinations/{destination name}: 404 has {ErrorMessage}", OBJECT),
    ("DELETE /v1/*Destinations/{destination name}: 404 has {ErrorMessage}", OBJECT),
    ("GET /v2/destinations/{name}@{level}: 400 has {ErrorMessage}", OBJECT),
];

/// More of it where errors come as bare text.
const AS_TEXT: &[Known] = &[
    ("GET /v1/destinations/{name}: 404 has text", TEXT),
    ("GET /v2/destinations/{name}: 404 has text", TEXT),
    ("GET /v2/destinations/{name}@{level}: 404 has text", TEXT),
    ("POST /v1/*Certificates: 409 has text/plain", TEXT),
    ("POST /v1/*Destinations: 409 has text/plain", TEXT),
];

const CREATED: &str = "the file's own example of a single creation is empty; its schema forgets it";
const LISTED: &str =
    "the file wants exactly one of a whole object and a bare name, and every whole object has a name too";
const OBJECT: &str = "seen in recorded answers of SAP's, and the file's own example of publicKeys: an object with ErrorMessage where its schema says text";
const TEXT: &str = "the file says text for most errors, so a client must bear it for all; the sandbox sends it on demand only";

/// What the sandbox leaves out of SAP's file, and why: it answers 404 or 405.
const LEFT_OUT: &[Known] = &[
    ("GET /v1/subaccountDestinationFragments", FRAGMENTS),
    ("PUT /v1/subaccountDestinationFragments", FRAGMENTS),
    ("POST /v1/subaccountDestinationFragments", FRAGMENTS),
    ("GET /v1/subaccountDestinationFragments/{fragment name}", FRAGMENTS),
    ("DELETE /v1/subaccountDestinationFragments/{fragment name}", FRAGMENTS),
    ("GET /v1/instanceDestinationFragments", FRAGMENTS),
    ("PUT /v1/instanceDestinationFragments", FRAGMENTS),
    ("POST /v1/instanceDestinationFragments", FRAGMENTS),
    ("GET /v1/instanceDestinationFragments/{fragment name}", FRAGMENTS),
    ("DELETE /v1/instanceDestinationFragments/{fragment name}", FRAGMENTS),
    ("DELETE /v1/subaccountDestinations", "certsteward deletes no destination"),
    ("DELETE /v1/instanceDestinations", "certsteward deletes no destination"),
    ("GET /v1/saml2Metadata", SAML),
    ("GET /v1/saml2Metadata/certificate", SAML),
    ("POST /v1/saml2Metadata/certificate", SAML),
    ("GET /v1/saml2Metadata/certificate/passive", SAML),
    ("POST /v1/saml2Metadata/certificate/passive", SAML),
    ("DELETE /v1/saml2Metadata/certificate/passive", SAML),
    ("POST /v1/saml2Metadata/rotateCertificate", SAML),
    ("DELETE /maintenance/v1/caches/ias", "tokens of Identity Authentication are not simulated"),
];

const FRAGMENTS: &str = "no fragment names a certificate";
const SAML: &str = "the trust certificate of SAML is another life than that of a client certificate";

/// Asks a landscape and keeps what was said.
struct Desk {
    landscape: Landscape,
    client: Client,
    token: String,
    said: Vec<Exchange>,
}

impl Desk {
    async fn open(options: Options) -> Self {
        let landscape = Landscape::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = landscape.write_files(folder.path()).unwrap();
        let key: Value = serde_json::from_slice(&std::fs::read(&files.service_key).unwrap()).unwrap();
        let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let form = ["clientid", "clientsecret"].map(|name| key[name].as_str().unwrap());
        let form = [("grant_type", "client_credentials"), ("client_id", form[0]), ("client_secret", form[1])];
        let url = format!("{}/oauth/token", key["url"].as_str().unwrap());
        let granted: Value = client.post(url).form(&form).send().await.unwrap().json().await.unwrap();
        let token = granted["access_token"].as_str().unwrap().to_owned();
        Self { landscape, client, token, said: Vec::new() }
    }

    async fn ask(&mut self, method: &str, target: &str, body: Option<Value>) -> u16 {
        self.ask_with(method, target, body, None).await
    }

    /// One request below the server's address; its answer is kept.
    async fn ask_with(
        &mut self,
        method: &str,
        target: &str,
        body: Option<Value>,
        header: Option<(&str, &str)>,
    ) -> u16 {
        let base = self.landscape.addresses().destination_service;
        let url = format!("{base}/destination-configuration{target}");
        let method_of = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method_of, url).bearer_auth(&self.token);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let headers = answer.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let status = answer.status().as_u16();
        let (path, query) = split(target);
        let request_body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        self.said.push(Exchange {
            method: method.to_owned(),
            path,
            query,
            request_headers: Vec::new(),
            request_body,
            status,
            headers,
            body: answer.bytes().await.unwrap().to_vec(),
        });
        status
    }

    fn last(&self) -> &Exchange {
        self.said.last().unwrap()
    }

    /// Asks one after the other, and gets these statuses.
    async fn ask_all(&mut self, questions: Vec<(&str, String, Value, u16)>) {
        for (method, target, body, status) in questions {
            let body = Some(body).filter(|body| !body.is_null());
            assert_eq!(self.ask(method, &target, body).await, status, "{method} {target}");
        }
    }

    /// Every operation on the certificates of one level, with every status that the sandbox can give.
    async fn certificates(&mut self, level: &str) {
        let all = format!("/v1/{level}Certificates");
        let at = |name: &str| format!("{all}/{name}");
        let generated = |name: &str| json!({"Name": name, "Attributes": {"CN": "SFAPI"}});
        let protected = json!({"Name": "p.p12", "Attributes": {"CN": "SFAPI", "Password": "sample"}});
        self.ask_all(vec![
            ("POST", all.clone(), generated("a.pem"), 201),
            ("POST", all.clone(), generated("a.pem"), 409),
            ("POST", all.clone(), protected, 201),
            ("POST", all.clone(), json!({"Name": "x.pem"}), 400),
            ("PUT", all.clone(), generated("a.pem"), 200),
            ("PUT", all.clone(), generated("none.pem"), 404),
            ("PUT", all.clone(), json!({"Name": "a.pem", "Content": "%"}), 400),
            ("GET", at("p.p12"), Value::Null, 200),
        ])
        .await;
        let content: Value = serde_json::from_slice(&self.last().body).unwrap();
        let upload = |name: &str| json!({"Name": name, "Type": "CERTIFICATE", "Content": content["Content"]});
        self.ask_all(vec![
            ("POST", all.clone(), upload("copy.p12"), 201),
            ("GET", at("copy.p12/publicKeys"), Value::Null, 400),
            ("POST", all.clone(), json!([upload("b.p12"), upload("c.p12")]), 201),
            ("POST", all.clone(), json!([upload("b.p12"), upload("d.p12")]), 207),
            ("PUT", all.clone(), upload("copy.p12"), 200),
            ("PUT", all.clone(), json!([upload("b.p12"), upload("c.p12")]), 200),
            ("PUT", all.clone(), json!([upload("b.p12"), upload("none.p12")]), 207),
            ("GET", at("none.pem/publicKeys"), Value::Null, 404),
            ("DELETE", at("b.p12"), Value::Null, 200),
            ("DELETE", at("b.p12"), Value::Null, 404),
            ("DELETE", format!("{all}?$filter=Name%20in%20('c.p12','none.pem')"), Value::Null, 200),
            ("DELETE", all.clone(), Value::Null, 400),
        ])
        .await;
        self.reads(&all, "a.pem").await;
        for keys in ["a.pem", "p.p12"] {
            self.conditional(&at(&format!("{keys}/publicKeys"))).await;
        }
    }

    /// Every operation on the destinations of one level.
    async fn destinations(&mut self, level: &str) {
        let all = format!("/v1/{level}Destinations");
        let new = |name: &str| json!({"Name": name, "Type": "HTTP", "URL": "https://example.org"});
        self.ask_all(vec![
            ("POST", all.clone(), new("a"), 201),
            ("POST", all.clone(), new("a"), 409),
            ("POST", all.clone(), json!([new("b"), new("c")]), 201),
            ("POST", all.clone(), json!([new("b"), new("d")]), 207),
            ("POST", all.clone(), json!({"Type": "HTTP"}), 400),
            ("PUT", all.clone(), new("a"), 200),
            ("PUT", all.clone(), json!([new("a"), new("b")]), 200),
            ("PUT", all.clone(), json!([new("a"), new("none")]), 207),
            ("PUT", all.clone(), new("none"), 404),
            ("PUT", all.clone(), json!({"Name": "a"}), 400),
        ])
        .await;
        self.reads(&all, "a").await;
        self.ask_all(vec![
            ("DELETE", format!("{all}/c"), Value::Null, 200),
            ("DELETE", format!("{all}/c"), Value::Null, 404),
        ])
        .await;
    }

    /// A list in each of its forms, and one of its members.
    async fn reads(&mut self, all: &str, name: &str) {
        assert_eq!(self.ask("GET", all, None).await, 200);
        for form in [
            "$select=Name",
            "$filter=Name%20in%20('a.pem','a')",
            "$page=1&$pageSize=1&$pageCount=true&$entityCount=true",
        ] {
            assert_eq!(self.ask("GET", &format!("{all}?{form}"), None).await, 200, "{form}");
        }
        assert_eq!(self.ask("GET", &format!("{all}?$page=2&$pageSize=1"), None).await, 200);
        assert_eq!(self.ask("GET", &format!("{all}?$page=0"), None).await, 400);
        assert_eq!(self.ask("GET", &format!("{all}?$select=Name&$page=1"), None).await, 400);
        self.conditional(&format!("{all}/{name}")).await;
        assert_eq!(self.ask("GET", &format!("{all}/none"), None).await, 404);
    }

    /// One thing, and the same again if it changed, or did not.
    async fn conditional(&mut self, target: &str) {
        assert_eq!(self.ask("GET", target, None).await, 200);
        let etag = self.last().headers.iter().find(|(name, _)| name == "etag").unwrap().1.clone();
        let unchanged = Some(("if-none-match", etag.as_str()));
        assert_eq!(self.ask_with("GET", target, None, unchanged).await, 304);
        assert_eq!(self.ask_with("GET", target, None, Some(("if-match", "other"))).await, 412);
    }

    async fn lookups(&mut self) {
        for (target, status) in [
            ("/v1/destinations/sap_hcmcloud_core_odata", 200),
            ("/v1/destinations/instance_odata", 200),
            ("/v1/destinations/none", 404),
            ("/v2/destinations/sap_hcmcloud_core_odata", 200),
            ("/v2/destinations/none", 404),
            ("/v2/destinations/instance_odata@instance", 200),
            ("/v2/destinations/instance_odata@subaccount", 404),
            ("/v2/destinations/instance_odata@nowhere", 400),
        ] {
            assert_eq!(self.ask("GET", target, None).await, status, "{target}");
        }
        for target in [
            "/v1/destinations/sap_hcmcloud_core_odata",
            "/v2/destinations/sap_hcmcloud_core_odata",
            "/v2/destinations/instance_odata@instance",
        ] {
            self.conditional(target).await;
        }
    }

    /// Without a token everything is refused alike.
    async fn strangers(&mut self, judge: &Judge) {
        let token = std::mem::replace(&mut self.token, "none".to_owned());
        for operation in judge.operations() {
            let body = (operation.method == "POST" || operation.method == "PUT").then(|| json!({}));
            assert_eq!(self.ask(&operation.method, &concrete(operation.path), body).await, 401);
        }
        self.token = token;
    }
}

/// A path of this template.
fn concrete(template: &str) -> String {
    let names = template.replace("{level}", "subaccount").replace('{', "}").replace("@}", "@");
    names.split('}').enumerate().map(|(at, part)| if at % 2 == 0 { part } else { "none" }).collect()
}

async fn everything(judge: &Judge, options: Options) -> Vec<Exchange> {
    let mut desk = Desk::open(Options { instance_destination: true, ..options }).await;
    for level in ["subaccount", "instance"] {
        desk.certificates(level).await;
        desk.destinations(level).await;
    }
    desk.lookups().await;
    desk.strangers(judge).await;
    desk.landscape.stop().await;
    desk.said
}

#[tokio::test]
async fn every_answer_of_the_sandbox_fits_sap_s_file() {
    let Some(file) = file::sap() else { return };
    let judge = Judge::new(file);
    for (plain_text_errors, more) in [(false, AS_OBJECTS), (true, AS_TEXT)] {
        let said = everything(&judge, Options { plain_text_errors, ..Options::default() }).await;
        let found: Vec<(String, String)> = said.iter().flat_map(|exchange| judge.answer(exchange)).collect();
        only_known(&found, &[KNOWN, more].concat());
    }
}

#[tokio::test]
async fn every_operation_of_sap_s_file_is_asked_or_left_out_for_a_reason() {
    let Some(file) = file::sap() else { return };
    let judge = Judge::new(file);
    let mut desk = Desk::open(Options::default()).await;
    let mut unserved = Vec::new();
    for operation in judge.operations() {
        let name = format!("{} {}", operation.method, operation.path);
        let body = (operation.method == "POST" || operation.method == "PUT").then(|| json!({}));
        let status = desk.ask(&operation.method, &concrete(operation.path), body).await;
        let words = String::from_utf8_lossy(&desk.last().body).into_owned();
        if status == 405 || (status == 404 && words == "Not Found") {
            unserved.push((name, format!("{status} {words}")));
        }
    }
    only_known(&unserved, LEFT_OUT);
    let asked = everything(&judge, Options::default()).await;
    let asked: BTreeSet<String> = asked
        .iter()
        .filter(|exchange| exchange.status != 401)
        .filter_map(|exchange| judge.operation(&exchange.method, &exchange.path))
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    for operation in judge.operations() {
        let name = format!("{} {}", operation.method, operation.path);
        let left_out = LEFT_OUT.iter().any(|(known, _)| *known == name);
        assert!(left_out || asked.contains(&name), "{name} is served and not asked here");
    }
}
