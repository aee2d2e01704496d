//! `certsteward probe`: one real mTLS call, diagnosed to a verdict.
//! It changes nothing and follows no redirect.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::Common;
use super::exit::{Exit, Failed, as_options};
use super::facts;
use super::output::{Output, Tone};
use super::span;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;
use crate::domain::reason::Unseen;
use crate::domain::verdict::{Phase, Probed, Verdict};
use crate::formats::{self, Wanted};
use crate::identity::Identity;
use crate::net;
use crate::probers::{Prober as _, mtls};
use crate::secret::SecretRef;

/// Make one real mTLS call and say what the API thinks of the certificate
///
/// With a watch: its probes, with the certificate its source holds. With a URL: one call with --cert and --key. A finished
/// handshake proves nothing, so the answer is read and judged. Exits with 0 only if the certificate was accepted.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward probe sf-odata-prod\n  certsteward probe 'https://api4.cert.successfactors.com/odata/v2/User?$top=1' --cert c.pem --key k.pem --company-id ACME\n  certsteward probe https://localhost:8443/ --ca ca.pem --cert client.p12 --password-file pw --json"
)]
pub(super) struct Arguments {
    /// The watch's id, or an address that begins with https://
    #[arg(value_name = "WATCH|URL")]
    what: String,
    #[command(flatten)]
    call: Call,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// How to call a URL; a watch's configuration says it all itself.
#[derive(Debug, clap::Args)]
struct Call {
    /// The client certificate, in any form that inspect reads
    #[arg(long, value_name = "F")]
    cert: Option<PathBuf>,
    /// Its private key, where it is not in the same file
    #[arg(long, value_name = "F", requires = "cert")]
    key: Option<PathBuf>,
    /// The file with the password that opens them
    #[arg(long, value_name = "F", requires = "cert")]
    password_file: Option<PathBuf>,
    /// The entry that is meant, where --cert is a keystore with several
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
    /// Authorities to trust for this call, beside the system's
    #[arg(long, value_name = "F")]
    ca: Option<PathBuf>,
    /// Sent as successfactors-companyid
    #[arg(long, value_name = "ID")]
    company_id: Option<String>,
    /// One more header; may be given several times
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// The HTTP proxy, or none to ignore the environment's
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Connect there instead of to the URL's host: HOST:PORT, as of one node, or unix:/PATH
    #[arg(long, value_name = "ADDRESS", value_parser = net::Address::parse)]
    connect: Option<net::Address>,
    /// Insist on a family of addresses: v4 or v6
    #[arg(long, value_name = "FAMILY", value_parser = super::inspect::family)]
    ip: Option<net::Family>,
    /// The limit for the whole call
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = span::limit)]
    timeout: std::time::Duration,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let now = SystemClock.now();
        if self.what.starts_with("https://") {
            let probed = self.call.make(&self.what, now).await?;
            return Ok(self.show(&[(self.what.clone(), probed)], now, output));
        }
        if self.what.contains("://") {
            return Err(Failed::usage(format!(
                "{:?} does not begin with https://; only TLS can carry a client certificate",
                self.what
            )));
        }
        self.call.refuse_beside_watch()?;
        let probed = super::watches::probe(&self.what, common).await?;
        Ok(self.show(&probed, now, output))
    }

    fn show(&self, probes: &[(String, Probed)], now: Timestamp, output: &mut Output) -> Exit {
        if self.json {
            let values: Vec<Value> = probes.iter().map(|(name, probed)| as_json(name, probed, now)).collect();
            match values.as_slice() {
                [one] => output.json(one),
                several => output.json(&Value::from(several.to_vec())),
            }
        } else {
            for (name, probed) in probes {
                show_one(name, probed, output);
            }
        }
        let accepted = probes.iter().all(|(_, probed)| probed.verdict == Verdict::Accepted);
        if accepted && !probes.is_empty() { Exit::Done } else { Exit::CouldNot }
    }
}

impl Call {
    async fn make(&self, url: &str, now: Timestamp) -> Result<Probed, Failed> {
        let identity = self.identity()?;
        let settings = mtls::Settings {
            url: url.to_owned(),
            connect: self.connect.clone(),
            company_id: self.company_id.clone(),
            headers: self.header.clone(),
            timeout: self.timeout,
            files: None,
            net: net::Settings {
                ca: self.ca.clone(),
                proxy: self.proxy.clone(),
                family: self.ip,
                timeout: self.timeout,
            },
        };
        let net = net::Net::new().map_err(|error| Failed::because(&error));
        let net = net.map_err(|failed| Failed { text: as_options(&failed.text), ..failed })?;
        Ok(mtls::Mtls::new(net, settings).probe(identity.as_ref(), now).await)
    }

    fn identity(&self) -> Result<Option<Identity>, Failed> {
        let Some(path) = &self.cert else { return Ok(None) };
        let place = path.display();
        let failed = |unseen: Unseen| Failed::could_not(as_options(&format!("{place}: {unseen}")));
        let certificate = super::inspect::read_file(path)?;
        let password = match &self.password_file {
            Some(file) => Some(SecretRef::File(file.clone()).read().map_err(failed)?),
            None => None,
        };
        let password = password.as_ref().map(|text| text.as_str());
        let wanted = Wanted { password, alias: self.alias.as_deref(), ..Wanted::default() };
        match &self.key {
            None => formats::identity_wanted(&certificate, wanted).map(Some).map_err(failed),
            Some(key) => {
                let key = super::inspect::read_file(key)?;
                formats::identity_from_wanted_parts(&certificate, &key, wanted).map(Some).map_err(failed)
            }
        }
    }

    fn refuse_beside_watch(&self) -> Result<(), Failed> {
        let given = [
            (self.cert.is_some(), "--cert"),
            (self.ca.is_some(), "--ca"),
            (self.company_id.is_some(), "--company-id"),
            (!self.header.is_empty(), "--header"),
            (self.proxy.is_some(), "--proxy"),
            (self.connect.is_some(), "--connect"),
            (self.ip.is_some(), "--ip"),
        ];
        match given.iter().find(|(set, _)| *set) {
            Some((_, option)) => Err(Failed::usage(format!(
                "{option} goes with a URL; a watch is probed as its configuration says"
            ))),
            None => Ok(()),
        }
    }
}

/// A URL is probed as the options say, a watch as its configuration says.
fn way_out(name: &str, probed: &Probed) -> String {
    let way_out = probed.verdict.way_out();
    if name.starts_with("https://") { as_options(way_out) } else { way_out.to_owned() }
}

fn show_one(name: &str, probed: &Probed, output: &mut Output) {
    let tone = match (probed.verdict.recognised(), probed.verdict.blames_certificate()) {
        (true, _) => Tone::Good,
        (false, true) => Tone::Bad,
        (false, false) => Tone::Warning,
    };
    let detail = probed.detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
    output.line(format_args!("{name}: {}{detail}", output.tone(tone, probed.verdict)));
    let mut rows = vec![("Meaning", meaning(probed)), ("Way out", way_out(name, probed))];
    if let Some(status) = probed.status {
        rows.push(("Status", status.to_string()));
    }
    if !probed.text.is_empty() {
        rows.push(("Said", probed.text.clone()));
    }
    rows.push(("Phases", phases(probed)));
    if let Some(version) = &probed.tls_version {
        rows.push(("TLS", format!("{version}, {}", probed.cipher.as_deref().unwrap_or("cipher unknown"))));
    }
    // Before the handshake nobody could ask for a certificate.
    if probed.phases.iter().any(|(phase, _)| *phase == Phase::Tls) {
        rows.push(("Client certificate", client_certificate(probed)));
    }
    if !probed.acceptable_authorities.is_empty() {
        rows.push(("Acceptable authorities", probed.acceptable_authorities.join("\n")));
    }
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    output.facts(2, &rows);
}

fn meaning(probed: &Probed) -> String {
    match probed.detail {
        Some(detail) => format!("{}: {}", probed.verdict.meaning(), detail.meaning()),
        None => probed.verdict.meaning().to_owned(),
    }
}

fn phases(probed: &Probed) -> String {
    let phases = probed.phases.iter().map(|(phase, seconds)| format!("{phase} {:.1} ms", seconds * 1000.0));
    phases.collect::<Vec<_>>().join(", ")
}

fn client_certificate(probed: &Probed) -> String {
    let asked = if probed.asked_for_certificate { "asked for" } else { "not asked for" };
    match probed.presented {
        Some(fingerprint) => format!("{asked}, presented {fingerprint}"),
        None => format!("{asked}, none presented"),
    }
}

fn as_json(name: &str, probed: &Probed, now: Timestamp) -> Value {
    let phases: Map<String, Value> = probed
        .phases
        .iter()
        .map(|(phase, seconds)| (phase.code().to_owned(), Value::from(*seconds)))
        .collect();
    json!({
        "probe": name,
        "verdict": probed.verdict.code(),
        "detail": probed.detail.map(|detail| detail.code()),
        "status": probed.status,
        "phases": phases,
        "server_chain": server_chain(probed, now),
        "asked_for_certificate": probed.asked_for_certificate,
        "presented_sha256": probed.presented.map(|print| print.hex()),
        "acceptable_authorities": probed.acceptable_authorities,
        "tls_version": probed.tls_version,
        "cipher": probed.cipher,
        "retry_after_seconds": probed.retry_after_seconds,
        "text": probed.text,
        "way_out": way_out(name, probed),
        "at": facts::stamp(probed.at),
    })
}

fn server_chain(probed: &Probed, now: Timestamp) -> Vec<Value> {
    let role = |n: usize| if n == 0 { "leaf" } else { "issuer" };
    let described = probed.server_chain.iter().enumerate().map(|(n, der)| match Certificate::from_der(der) {
        Ok(certificate) => facts::certificate_json(&certificate, role(n), now),
        Err(unseen) => json!({ "role": role(n), "reason": unseen.reason.code(), "text": unseen.text }),
    });
    described.collect()
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it like \"Name: value\"")?;
    let (name, value) = (name.trim(), value.trim());
    if hyper::header::HeaderName::try_from(name).is_err()
        || hyper::header::HeaderValue::try_from(value).is_err()
    {
        return Err("a name or value has characters that a header may not have".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}
