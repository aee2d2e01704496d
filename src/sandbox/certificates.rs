//! The certificates of the simulated Destination service: uploaded, generated, replaced, read, deleted; and renewed on demand.
//! It says nothing of expiry or automatic renewal, because the real interface says nothing either.

use super::http::{Answer, Request};
use super::listing::{self, Refusal, Write};
use super::pki::{self, Authority};
use super::time::{Moment, now};
use super::world::{Level, State, World};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{Months, TimeDelta};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, Pkcs12ImportPolicy, PrivateKey, PrivateKeyChain};
use serde_json::{Value, json};
use std::io;

/// One named file of the store. It may hold a private key, so it is neither copied nor printed.
pub(super) struct Entry {
    pub(super) content: Vec<u8>,
    /// What it was generated from; none for an upload.
    pub(super) attributes: Option<Attributes>,
    /// The certificates in it, leaf first; empty where they cannot be read.
    pub(super) chain: Vec<Vec<u8>>,
}

/// What a certificate is generated from.
pub(super) struct Attributes {
    common_name: String,
    validity: Validity,
    automatic_renew: bool,
    password: String,
    /// The public key of a signing request, where one was given.
    requested_key: Option<Vec<u8>>,
}

#[derive(Clone, Copy)]
enum Validity {
    Days(i64),
    Months(u32),
}

#[derive(Clone, Copy)]
enum Format {
    Pem,
    Pkcs12,
}

impl Entry {
    pub(super) fn as_json(&self, name: &str) -> Value {
        json!({"Name": name, "Type": "CERTIFICATE", "Content": BASE64.encode(&self.content)})
    }

    /// The SHA-256 of the leaf in hex, where there is one.
    pub(super) fn fingerprint(&self) -> Option<String> {
        self.chain.first().map(|leaf| pki::fingerprint(leaf))
    }

    fn uploaded(name: &str, content: Vec<u8>) -> Self {
        let chain = if is_keystore(name) {
            chain_of_keystore(&content).unwrap_or_default()
        } else {
            pki::certificates_in(&content)
        };
        Self { content, attributes: None, chain }
    }
}

impl Attributes {
    pub(super) fn of_days(common_name: &str, days: i64, automatic_renew: bool) -> Self {
        Self {
            common_name: common_name.to_owned(),
            validity: Validity::Days(days),
            automatic_renew,
            password: String::new(),
            requested_key: None,
        }
    }

    fn parse(name: &str, given: &Value, now: Moment) -> Result<Self, Refusal> {
        let text = |field: &str| given.get(field).and_then(Value::as_str);
        let common_name = text("CN").unwrap_or(name).to_owned();
        if common_name.is_empty()
            || common_name.len() > 64
            || !common_name.chars().all(|c| (' '..='~').contains(&c))
        {
            return Err(Refusal::json(400, "CN must be ASCII text of 1 to 64 characters"));
        }
        let validity = given.get("Validity").filter(|validity| !validity.is_null());
        let requested_key = text("CSR").map(public_key_of_request).transpose()?;
        Ok(Self {
            common_name,
            validity: validity.map_or(Ok(Validity::Months(3)), |given| Validity::parse(given, now))?,
            automatic_renew: given.get("AutomaticRenew").and_then(Value::as_bool).unwrap_or(false),
            password: text("Password").unwrap_or_default().to_owned(),
            requested_key,
        })
    }
}

impl Validity {
    fn parse(given: &Value, now: Moment) -> Result<Self, Refusal> {
        let refused = || Refusal::json(400, "Validity must be between 1 day and 1 year");
        let value = given.get("Value").and_then(Value::as_i64).ok_or_else(refused)?;
        let months = |value: i64| u32::try_from(value).map_err(|_| refused());
        let validity = match given.get("TimeUnit").and_then(Value::as_str) {
            Some("DAYS") => Self::Days(value),
            Some("MONTHS") => Self::Months(months(value)?),
            Some("YEARS") => Self::Months(months(value)?.saturating_mul(12)),
            Some(_) | None => return Err(Refusal::json(400, "TimeUnit must be DAYS, MONTHS or YEARS")),
        };
        let longest = now.checked_add_months(Months::new(12));
        match validity.end(now) {
            Some(end) if value >= 1 && longest.is_some_and(|longest| end <= longest) => Ok(validity),
            Some(_) | None => Err(refused()),
        }
    }

    fn end(self, from: Moment) -> Option<Moment> {
        match self {
            Self::Days(days) => from.checked_add_signed(TimeDelta::try_days(days)?),
            Self::Months(months) => from.checked_add_months(Months::new(months)),
        }
    }
}

impl Format {
    fn of(name: &str) -> Result<Self, Refusal> {
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("pem") => Ok(Self::Pem),
            Some("p12" | "pfx") => Ok(Self::Pkcs12),
            Some("jks") => {
                Err(Refusal::json(400, "The sandbox does not generate JKS; use a .pem or .p12 name"))
            }
            Some(_) | None => Err(Refusal::json(400, "Name must end in .pem, .p12, .pfx or .jks")),
        }
    }
}

/// Answers one request to a certificates collection.
pub(super) fn answer(
    world: &World,
    request: &Request,
    level: Level,
    collection: &str,
    rest: &[&str],
) -> Result<Answer, Refusal> {
    let mut state = world.state();
    let key = |name: &str| (level, name.to_owned());
    match (request.method.as_str(), rest) {
        ("GET", []) => listing::list(request, &format!("/{collection}"), &state.certificates_at(level)),
        ("POST", []) => listing::write(request, Write::Create, |body| {
            state.write_certificate(&world.authority, level, body, Write::Create)
        }),
        ("PUT", []) => listing::write(request, Write::Replace, |body| {
            state.write_certificate(&world.authority, level, body, Write::Replace)
        }),
        ("DELETE", []) => state.delete_certificates(level, request),
        ("GET", [name]) => {
            let entry = state.entries.get(&key(name)).ok_or_else(Refusal::not_found)?;
            let body = entry.as_json(name);
            Ok(listing::conditional(request, &listing::etag(&body), &body))
        }
        ("GET", [name, "publicKeys"]) => {
            public_keys(name, state.entries.get(&key(name)).ok_or_else(Refusal::not_found)?, request)
        }
        ("DELETE", [name]) => {
            state.entries.remove(&key(name)).ok_or_else(Refusal::not_found)?;
            Ok(Answer::json(200, &json!({"Count": 1})))
        }
        _ => Err(Refusal::plain(405, "Method Not Allowed")),
    }
}

impl State {
    fn certificates_at(&self, level: Level) -> Vec<Value> {
        let at_level = self.entries.iter().filter(|((at, _), _)| *at == level);
        at_level.map(|((_, name), entry)| entry.as_json(name)).collect()
    }

    fn write_certificate(
        &mut self,
        authority: &Authority,
        level: Level,
        body: &Value,
        write: Write,
    ) -> Result<String, Refusal> {
        let name = body.get("Name").and_then(Value::as_str).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Refusal::json(400, "Name is missing"))?.to_owned();
        let key = (level, name.clone());
        match (write, self.entries.contains_key(&key)) {
            (Write::Create, true) => return Err(Refusal::duplicate()),
            (Write::Replace, false) => return Err(Refusal::not_found()),
            (Write::Create, false) | (Write::Replace, true) => {}
        }
        let entry = match (body.get("Content"), body.get("Attributes")) {
            (Some(content), None) => {
                let content = content.as_str().and_then(|text| BASE64.decode(text).ok());
                Entry::uploaded(&name, content.ok_or_else(|| Refusal::json(400, "Content is not Base64"))?)
            }
            (None, Some(attributes)) => {
                let moment = now();
                let attributes = Attributes::parse(&name, attributes, moment)?;
                self.issue(authority, &key, attributes, moment)?
            }
            (None, None) | (Some(_), Some(_)) => {
                return Err(Refusal::json(400, "exactly one of Content and Attributes must be given"));
            }
        };
        let etag = listing::etag(&entry.as_json(&name));
        self.entries.insert(key, entry);
        Ok(etag)
    }

    /// Makes what `attributes` ask for, as of `moment`, and counts it.
    fn issue(
        &mut self,
        authority: &Authority,
        key: &(Level, String),
        attributes: Attributes,
        moment: Moment,
    ) -> Result<Entry, Refusal> {
        let entry = generate(authority, &key.1, attributes, moment)?;
        *self.issued.entry(key.clone()).or_default() += 1;
        Ok(entry)
    }

    /// Puts a certificate generated in the past into the store, as the landscape starts.
    pub(super) fn seed(
        &mut self,
        authority: &Authority,
        level: Level,
        name: &str,
        attributes: Attributes,
        issued_at: Moment,
    ) -> io::Result<()> {
        let key = (level, name.to_owned());
        let entry = self
            .issue(authority, &key, attributes, issued_at)
            .map_err(|refusal| io::Error::other(format!("{refusal:?}")))?;
        self.entries.insert(key, entry);
        Ok(())
    }

    /// Does what the service's own job does: same name, subject and validity, a new certificate. False where it would not.
    pub(super) fn renew(&mut self, authority: &Authority, level: Level, name: &str) -> bool {
        let key = (level, name.to_owned());
        let renews = self.entries.get(&key).and_then(|entry| entry.attributes.as_ref());
        if !renews.is_some_and(|attributes| attributes.automatic_renew) {
            return false;
        }
        let Some(attributes) = self.entries.remove(&key).and_then(|entry| entry.attributes) else {
            return false;
        };
        match self.issue(authority, &key, attributes, now()) {
            Ok(entry) => self.entries.insert(key, entry).is_none(),
            Err(_) => false,
        }
    }

    fn delete_certificates(&mut self, level: Level, request: &Request) -> Result<Answer, Refusal> {
        let filter =
            request.parameter("$filter").ok_or_else(|| Refusal::json(400, "$filter is mandatory"))?;
        let mut count = 0;
        let summary: Vec<Value> = listing::filtered_names(filter)?
            .into_iter()
            .map(|name| match self.entries.remove(&(level, name.clone())) {
                Some(_) => {
                    count += 1;
                    json!({"name": name, "status": "DELETED"})
                }
                None => {
                    json!({"name": name, "status": "NOT_FOUND", "reason": "Could not find configuration"})
                }
            })
            .collect();
        Ok(Answer::json(200, &json!({"Count": count, "Summary": summary})))
    }
}

fn generate(
    authority: &Authority,
    name: &str,
    attributes: Attributes,
    moment: Moment,
) -> Result<Entry, Refusal> {
    let broken = |error: io::Error| Refusal::json(500, error.to_string());
    let format = Format::of(name)?;
    let until =
        attributes.validity.end(moment).ok_or_else(|| Refusal::json(400, "Validity is out of range"))?;
    let from = moment - TimeDelta::hours(1);
    if let Some(public_key) = &attributes.requested_key {
        if matches!(format, Format::Pkcs12) {
            return Err(Refusal::json(400, "A signing request gives PEM only"));
        }
        let chain =
            authority.issue(&attributes.common_name, public_key.clone(), from, until).map_err(broken)?;
        let content = pki::chain_pem(&chain).into_bytes();
        return Ok(Entry { content, attributes: Some(attributes), chain });
    }
    let key = pki::fresh_key().map_err(broken)?;
    let chain = authority.issue(&attributes.common_name, key.public, from, until).map_err(broken)?;
    let content = match format {
        Format::Pem if attributes.password.is_empty() => {
            (pki::pem("PRIVATE KEY", &key.pkcs8) + &pki::chain_pem(&chain)).into_bytes()
        }
        Format::Pem => {
            return Err(Refusal::json(
                400,
                "The sandbox does not encrypt PEM; use a .p12 name with a Password",
            ));
        }
        Format::Pkcs12 => pkcs12(name, &key.pkcs8, &chain, &attributes.password)
            .map_err(|error| Refusal::json(500, error.to_string()))?,
    };
    Ok(Entry { content, attributes: Some(attributes), chain })
}

fn pkcs12(alias: &str, key: &[u8], chain: &[Vec<u8>], password: &str) -> p12_keystore::Result<Vec<u8>> {
    let certificates = chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>()?;
    let chain = PrivateKeyChain::new("1", PrivateKey::from_der(key)?, certificates);
    let mut store = KeyStore::new();
    store.add_entry(alias, KeyStoreEntry::PrivateKeyChain(chain));
    store.writer(password).encryption_iterations(2048).mac_iterations(2048).write()
}

fn public_key_of_request(csr: &str) -> Result<Vec<u8>, Refusal> {
    use x509_parser::prelude::{FromDer as _, X509CertificationRequest};
    let refused = || Refusal::json(400, "CSR is not the Base64 of a signing request in PEM");
    let text = BASE64.decode(csr).map_err(|_| refused())?;
    let (_, block) = x509_parser::pem::parse_x509_pem(&text).map_err(|_| refused())?;
    let (_, request) = X509CertificationRequest::from_der(&block.contents).map_err(|_| refused())?;
    request.verify_signature().map_err(|_| refused())?;
    Ok(request.certification_request_info.subject_pki.raw.to_vec())
}

fn public_keys(name: &str, entry: &Entry, request: &Request) -> Result<Answer, Refusal> {
    if is_keystore(name) && entry.chain.is_empty() {
        let words = "The keystore is password-protected and public keys cannot be retrieved";
        return Err(Refusal::json(400, words));
    }
    let subject = entry.chain.first().and_then(|leaf| pki::facts(leaf)).map(|facts| facts.subject_text);
    let subject = subject.ok_or_else(|| Refusal::plain(400, "Bad Request"))?;
    let mut row = json!({"Content": pki::chain_pem(&entry.chain), "SubjectDN": subject});
    if let (true, Some(fields)) = (is_keystore(name), row.as_object_mut()) {
        fields.insert("Alias".into(), name.into());
    }
    let body = Value::Array(vec![row]);
    Ok(listing::conditional(request, &listing::etag(&body), &body))
}

fn is_keystore(name: &str) -> bool {
    [".p12", ".pfx", ".jks"].iter().any(|extension| name.ends_with(extension))
}

/// The chain of an uploaded keystore that needs no password.
fn chain_of_keystore(content: &[u8]) -> Option<Vec<Vec<u8>>> {
    let store = KeyStore::from_pkcs12(content, "", Pkcs12ImportPolicy::Strict).ok()?;
    let (_, chain) = store.private_key_chain()?;
    Some(chain.certs().iter().map(|certificate| certificate.as_der().to_vec()).collect())
}
