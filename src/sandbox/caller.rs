//! The simulated calling application: it calls the API at a steady beat the way SAP's Cloud SDK would, and counts.
//! It knows nothing of rotation; it fetches its destination, opens the keystore named there, and either gets through or not.

use super::http::CALLER_AGENT;
use super::pki;
use super::time::{Moment, now};
use super::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::TimeDelta;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// The destination it calls through.
pub(super) const DESTINATION: &str = "sap_hcmcloud_core_odata";

const FAILURES_KEPT: usize = 10_000;
const CALLS_KEPT: usize = 100;
/// Longer than any answer takes on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// One call of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// When it ended.
    pub at: Moment,
    /// The API's status; none where the API was not reached.
    pub status: Option<u16>,
    /// Why it failed; none where it got through.
    pub failure: Option<String>,
}

/// The certificate the application calls with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InUse {
    /// The name its destination gives.
    pub name: String,
    /// The SHA-256 of the leaf, lower-case hex.
    pub fingerprint: String,
}

/// What the application went through so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerReport {
    /// All calls.
    pub calls: u64,
    /// Those that failed.
    pub failures: u64,
    /// The first failure.
    pub first_failure: Option<Moment>,
    /// The last failure.
    pub last_failure: Option<Moment>,
    /// The failed calls, oldest first; at most ten thousand are kept.
    pub failed: Vec<Call>,
    /// The latest calls, oldest first.
    pub recent: Vec<Call>,
    /// What it calls with now.
    pub certificate: Option<InUse>,
    /// When it began to call with which certificate, oldest first.
    pub switches: Vec<(Moment, InUse)>,
}

impl CallerReport {
    /// The failed calls in none of the announced gaps, each from its begin to its end.
    pub fn failures_outside(&self, gaps: &[(Moment, Moment)]) -> Vec<&Call> {
        let announced = |at: Moment| gaps.iter().any(|(from, to)| *from <= at && at <= *to);
        self.failed.iter().filter(|call| !announced(call.at)).collect()
    }
}

#[derive(Default)]
pub(super) struct CallerState {
    calls: u64,
    failures: u64,
    first_failure: Option<Moment>,
    failed: VecDeque<Call>,
    recent: VecDeque<Call>,
    switches: Vec<(Moment, InUse)>,
}

impl CallerState {
    pub(super) fn report(&self) -> CallerReport {
        CallerReport {
            calls: self.calls,
            failures: self.failures,
            first_failure: self.first_failure,
            last_failure: self.failed.back().map(|call| call.at),
            failed: self.failed.iter().cloned().collect(),
            recent: self.recent.iter().cloned().collect(),
            certificate: self.switches.last().map(|(_, certificate)| certificate.clone()),
            switches: self.switches.clone(),
        }
    }

    fn note(&mut self, call: Call) {
        self.calls += 1;
        if call.failure.is_some() {
            self.failures += 1;
            self.first_failure.get_or_insert(call.at);
            keep(&mut self.failed, call.clone(), FAILURES_KEPT);
        }
        keep(&mut self.recent, call, CALLS_KEPT);
    }

    fn note_certificate(&mut self, certificate: InUse) {
        if self.switches.last().map(|(_, last)| last) != Some(&certificate) {
            self.switches.push((now(), certificate));
        }
    }
}

/// Calls until dropped.
pub(super) async fn run(world: Arc<World>) {
    let mut beat = tokio::time::interval(world.options.caller_every.max(Duration::from_millis(1)));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut caller =
        Caller { world: world.clone(), plain: None, token: None, destination: None, agent: None };
    loop {
        beat.tick().await;
        let call = match caller.call().await {
            Ok(status) if (200..300).contains(&status) => {
                Call { at: now(), status: Some(status), failure: None }
            }
            Ok(status) => {
                Call { at: now(), status: Some(status), failure: Some(format!("the API answered {status}")) }
            }
            Err(failure) => Call { at: now(), status: None, failure: Some(failure) },
        };
        world.state().caller.note(call);
    }
}

struct Caller {
    world: Arc<World>,
    /// The client for the services that speak plain HTTP.
    plain: Option<reqwest::Client>,
    token: Option<(String, Moment)>,
    destination: Option<(Value, Moment)>,
    /// The TLS client, kept for the content it was made from.
    agent: Option<(String, reqwest::Client)>,
}

impl Caller {
    async fn call(&mut self) -> Result<u16, String> {
        let found = self.destination().await?;
        let configuration = found.get("destinationConfiguration").and_then(Value::as_object);
        let configuration = configuration.ok_or("the destination has no configuration")?;
        let keystore = keystore(configuration, &found)?;
        let agent = self.agent(&keystore)?;
        let url = configuration.get("URL").and_then(Value::as_str).ok_or("the destination has no URL")?;
        let url = format!("{}/User?$top=1&$select=userId&$format=json", url.trim_end_matches('/'));
        let mut request = agent.get(url).header("user-agent", CALLER_AGENT);
        for (name, value) in configuration {
            if let (Some(name), Some(value)) = (name.strip_prefix("URL.headers."), value.as_str()) {
                request = request.header(name, value);
            }
        }
        let answer = request.send().await.map_err(|error| format!("the API was not reached: {error}"))?;
        Ok(answer.status().as_u16())
    }

    async fn destination(&mut self) -> Result<Value, String> {
        let cache = TimeDelta::from_std(self.world.options.caller_cache).unwrap_or_default();
        if let Some((found, fetched)) = &self.destination
            && now() - *fetched < cache
        {
            return Ok(found.clone());
        }
        let token = self.token().await?;
        let url = format!(
            "{}/destination-configuration/v1/destinations/{DESTINATION}",
            self.world.addresses.destination_service
        );
        let request = self.plain()?.get(url).bearer_auth(token).header("user-agent", CALLER_AGENT);
        let answer =
            request.send().await.map_err(|error| format!("the destination was not fetched: {error}"))?;
        if !answer.status().is_success() {
            self.token = None;
            return Err(format!("the destination was not fetched: {}", answer.status()));
        }
        let found: Value =
            answer.json().await.map_err(|error| format!("the destination is unreadable: {error}"))?;
        self.destination = Some((found.clone(), now()));
        Ok(found)
    }

    async fn token(&mut self) -> Result<String, String> {
        if let Some((token, until)) = &self.token
            && *until > now()
        {
            return Ok(token.clone());
        }
        let plain = self.plain()?;
        let client = &self.world.client;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &client.id),
            ("client_secret", &client.secret),
        ];
        let url = format!("{}/oauth/token", self.world.addresses.token_service);
        let request = plain.post(url).form(&form).header("user-agent", CALLER_AGENT);
        let answer = request.send().await.map_err(|error| format!("no token: {error}"))?;
        let body: Value = answer.json().await.map_err(|error| format!("no token: {error}"))?;
        let token =
            body.get("access_token").and_then(Value::as_str).ok_or("no token in the answer")?.to_owned();
        let lifetime = body.get("expires_in").and_then(Value::as_i64).unwrap_or_default();
        // A token is fetched anew before it ends: it has to last for the call it is sent with.
        let lifetime = TimeDelta::seconds(lifetime);
        self.token = Some((token.clone(), now() + lifetime - (lifetime / 2).min(TimeDelta::seconds(60))));
        Ok(token)
    }

    fn plain(&mut self) -> Result<reqwest::Client, String> {
        if let Some(client) = &self.plain {
            return Ok(client.clone());
        }
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE);
        let client = builder.build().map_err(|error| error.to_string())?;
        self.plain = Some(client.clone());
        Ok(client)
    }

    fn agent(&mut self, keystore: &Keystore) -> Result<reqwest::Client, String> {
        let content = pki::fingerprint(&keystore.content);
        if let Some((made_from, agent)) = &self.agent
            && *made_from == content
        {
            return Ok(agent.clone());
        }
        let pem = keystore.pem()?;
        let identity =
            reqwest::Identity::from_pem(&pem).map_err(|error| format!("{}: {error}", keystore.name))?;
        let authority = reqwest::Certificate::from_pem(self.world.authority.server_authority().as_bytes())
            .map_err(|error| error.to_string())?;
        let agent = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .tls_certs_only([authority])
            .identity(identity)
            .build()
            .map_err(|error| {
                format!("{}: key and first certificate make no identity: {error:?}", keystore.name)
            })?;
        let leaf = pki::certificates_in(&pem).into_iter().next().unwrap_or_default();
        let in_use = InUse { name: keystore.name.clone(), fingerprint: pki::fingerprint(&leaf) };
        self.world.state().caller.note_certificate(in_use);
        self.agent = Some((content, agent.clone()));
        Ok(agent)
    }
}

/// The file a destination names, with its password. It holds a private key.
struct Keystore {
    name: String,
    password: String,
    content: Vec<u8>,
}

impl Keystore {
    /// The key and the chain as PEM; the format is told from the last extension alone, as the SDK does.
    fn pem(&self) -> Result<Vec<u8>, String> {
        match self.name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("pem") => Ok(self.content.clone()),
            Some("p12" | "pfx") => {
                let store = KeyStore::from_pkcs12(&self.content, &self.password, Pkcs12ImportPolicy::Strict)
                    .map_err(|error| format!("{}: {error}", self.name))?;
                let (_, chain) =
                    store.private_key_chain().ok_or_else(|| format!("{}: no key in it", self.name))?;
                let mut pem = pki::pem("PRIVATE KEY", chain.key().as_der());
                chain.certs().iter().for_each(|one| pem.push_str(&pki::pem("CERTIFICATE", one.as_der())));
                Ok(pem.into_bytes())
            }
            Some(_) | None => Err(format!("{}: the format of this keystore is not supported", self.name)),
        }
    }
}

fn keystore(configuration: &Map<String, Value>, found: &Value) -> Result<Keystore, String> {
    let text = |field: &str| configuration.get(field).and_then(Value::as_str);
    let name = text("KeyStoreLocation").ok_or("the destination names no keystore")?;
    let certificates =
        found.get("certificates").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let entry = certificates.iter().find(|entry| entry.get("Name").and_then(Value::as_str) == Some(name));
    let content = entry.and_then(|entry| entry.get("Content")).and_then(Value::as_str);
    let content = content.and_then(|content| BASE64.decode(content).ok());
    Ok(Keystore {
        name: name.to_owned(),
        password: text("KeyStorePassword").unwrap_or_default().to_owned(),
        content: content.ok_or_else(|| format!("no keystore named {name} came with the destination"))?,
    })
}

fn keep(calls: &mut VecDeque<Call>, call: Call, limit: usize) {
    if calls.len() >= limit {
        calls.pop_front();
    }
    calls.push_back(call);
}
