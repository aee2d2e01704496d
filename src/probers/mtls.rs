//! One real mTLS call: DNS → TCP → TLS → HTTP, each phase timed, the whole diagnosed to a verdict.
//! It follows no redirect and changes nothing.

mod call;
pub(super) mod handshake;

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use crate::clock::Stopwatch;
use crate::domain::Timestamp;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::verdict::{Detail, Phase, Probed, Verdict};
use crate::identity::Identity;
use crate::net::handshake::{Observed, prepare};
use crate::net::{self, Net, excerpt, one_line, retry_after};

use super::Prober;
use super::classify::classify;

/// What to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The whole address, `https://…`.
    pub url: String,
    /// Sent as `successfactors-companyid`.
    pub company_id: Option<String>,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// The limit for the whole probe.
    pub timeout: Duration,
    /// Certificate and key from files, where the source cannot give them.
    pub files: Option<(PathBuf, PathBuf)>,
    /// How to reach it.
    pub net: net::Settings,
}

/// A prober for one address.
pub struct Mtls {
    net: Net,
    settings: Settings,
}

impl Mtls {
    /// A prober that connects through `net`.
    #[must_use]
    pub const fn new(net: Net, settings: Settings) -> Self {
        Self { net, settings }
    }

    /// The certificate and key from the files of the settings, read anew; none where no files are set.
    ///
    /// # Errors
    /// Where a file cannot be read, or they do not belong together.
    pub fn identity(&self) -> Result<Option<Identity>, Unseen> {
        let files = self.settings.files.as_ref();
        files.map(|(certificate, key)| super::files::identity(certificate, key)).transpose()
    }

    async fn call(
        &self,
        identity: Option<&Identity>,
        probing: &mut Probing,
    ) -> Result<call::Answer, Conclusion> {
        let target = Target::parse(&self.settings.url)
            .map_err(|text| Conclusion::new(Verdict::UnexpectedAnswer, None, text))?;
        let prepared = prepare(&self.net, &self.settings.net, &target.host, identity)?;
        let limit = self.settings.timeout;
        let reach = net::Settings { timeout: limit, ..self.settings.net.clone() };
        let tcp = self.net.connect_timed(&reach, &target.host, target.port, &mut probing.phases).await?;

        let watch = Stopwatch::start();
        let shaken = tokio::time::timeout(probing.left(limit), prepared.shake(tcp)).await;
        probing.took(Phase::Tls, watch);
        probing.observed = prepared.observed();
        let stream = shaken
            .map_err(|_| Conclusion::late("TLS handshake", &target, limit))?
            .map_err(|error| handshake::failed(&probing.observed, &target.authority, &error))?;

        let watch = Stopwatch::start();
        let exchange = call::exchange(stream, &target, &self.settings);
        let answered = tokio::time::timeout(probing.left(limit), exchange).await;
        probing.took(Phase::Http, watch);
        answered
            .map_err(|_| Conclusion::late("answer", &target, limit))?
            .map_err(|error| handshake::failed(&probing.observed, &target.authority, &*error))
    }
}

#[async_trait::async_trait]
impl Prober for Mtls {
    async fn probe(&self, identity: Option<&Identity>, now: Timestamp) -> Probed {
        let own = match identity {
            Some(_) => Ok(None),
            None => self.identity(),
        };
        let mut probing = Probing::begin(now);
        let conclusion = match &own {
            Ok(own) => match self.call(identity.or(own.as_ref()), &mut probing).await {
                Ok(answer) => probing.judge(&answer),
                Err(conclusion) => conclusion,
            },
            // To call without the certificate would only be one more refused logon.
            Err(unseen) => Conclusion::new(Verdict::CertificateRequired, None, unseen.text.clone()),
        };
        probing.end(conclusion)
    }
}

/// Where to call.
struct Target {
    host: String,
    port: u16,
    /// The value of `Host`.
    authority: String,
    /// Path and query.
    path: String,
}

impl Target {
    fn parse(address: &str) -> Result<Self, String> {
        let url = Url::parse(address).map_err(|error| format!("the probe's url is no address: {error}"))?;
        if url.scheme() != "https" {
            return Err(format!("the probe's url must begin with https://, not {}://", url.scheme()));
        }
        let host = url.host_str().ok_or("the probe's url names no host")?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default().unwrap_or(443),
            authority,
            path: format!("{}{query}", url.path()),
        })
    }
}

/// What the probe has come to know so far.
struct Probing {
    at: Timestamp,
    whole: Stopwatch,
    phases: Vec<(Phase, f64)>,
    observed: Observed,
    status: Option<u16>,
    retry_after_seconds: Option<u64>,
}

impl Probing {
    fn begin(now: Timestamp) -> Self {
        Self {
            at: now,
            whole: Stopwatch::start(),
            phases: Vec::with_capacity(Phase::ALL.len()),
            observed: Observed::default(),
            status: None,
            retry_after_seconds: None,
        }
    }

    fn left(&self, limit: Duration) -> Duration {
        limit.saturating_sub(self.whole.elapsed())
    }

    fn took(&mut self, phase: Phase, watch: Stopwatch) {
        self.phases.push((phase, watch.elapsed().as_secs_f64()));
    }

    fn judge(&mut self, answer: &call::Answer) -> Conclusion {
        self.status = Some(answer.status);
        self.retry_after_seconds = retry_after(&answer.headers, self.at);
        let kind = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
        let proven = self.observed.asked && self.observed.presented.is_some();
        let (verdict, detail) = classify(answer.status, kind, &answer.body, proven);
        Conclusion::new(verdict, detail, self.said(answer, verdict))
    }

    /// What the answer said. A success's body is never shown: it is the API's data.
    fn said(&self, answer: &call::Answer, verdict: Verdict) -> String {
        let status = format!("HTTP {}{}", answer.status, destination(answer));
        let success = (200..300).contains(&answer.status);
        if success && verdict == Verdict::UnexpectedAnswer && !self.observed.asked {
            return format!(
                "{status}, but the server never asked for a client certificate, so this proves nothing about it"
            );
        }
        if success && verdict == Verdict::UnexpectedAnswer && self.observed.presented.is_none() {
            return format!("{status} without a certificate: the server asks for one but does not insist");
        }
        let data = success && (verdict == Verdict::Accepted || !is_page(&answer.body));
        let shown = if data { String::new() } else { excerpt(&answer.body) };
        if shown.is_empty() { status } else { format!("{status}: {shown}") }
    }

    fn end(self, conclusion: Conclusion) -> Probed {
        let Observed { chain, asked, authorities, presented, version, cipher, .. } = self.observed;
        Probed {
            verdict: conclusion.verdict,
            detail: conclusion.detail,
            status: self.status,
            at: self.at,
            phases: self.phases,
            presented,
            asked_for_certificate: asked,
            acceptable_authorities: authorities,
            tls_version: version,
            cipher,
            server_chain: chain,
            text: one_line(&conclusion.text),
            retry_after_seconds: self.retry_after_seconds,
        }
    }
}

/// Where a redirect points, without its query.
fn destination(answer: &call::Answer) -> String {
    let location = answer.headers.get("location").and_then(|value| value.to_str().ok());
    let plain = location.and_then(|address| address.split(['?', '#']).next());
    plain.filter(|_| (300..400).contains(&answer.status)).map(|to| format!(" to {to}")).unwrap_or_default()
}

fn is_page(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

/// What a probe ends with.
pub(super) struct Conclusion {
    pub(super) verdict: Verdict,
    pub(super) detail: Option<Detail>,
    pub(super) text: String,
}

impl Conclusion {
    pub(super) fn new(verdict: Verdict, detail: Option<Detail>, text: impl Into<String>) -> Self {
        Self { verdict, detail, text: text.into() }
    }

    fn late(what: &str, target: &Target, limit: Duration) -> Self {
        let text = format!("no {what} from {} within {limit:?}", target.authority);
        Self::new(Verdict::Timeout, None, text)
    }
}

/// No connection came about.
impl From<Unseen> for Conclusion {
    fn from(unseen: Unseen) -> Self {
        let verdict = UNREACHED
            .iter()
            .find(|(reason, _)| *reason == unseen.reason)
            .map_or(Verdict::TlsFailed, |(_, verdict)| *verdict);
        Self::new(verdict, None, unseen.text)
    }
}

/// What it means that no connection came about. Of files only that of the server's authorities is read on the way.
const UNREACHED: [(Reason, Verdict); 11] = [
    (Reason::DnsFailed, Verdict::DnsFailed),
    (Reason::Timeout, Verdict::Timeout),
    (Reason::ConnectionReset, Verdict::ConnectionReset),
    (Reason::ConnectionRefused, Verdict::ConnectionRefused),
    (Reason::Unauthorized, Verdict::ConnectionRefused),
    (Reason::ServerUntrusted, Verdict::ServerUntrusted),
    (Reason::NotFound, Verdict::ServerUntrusted),
    (Reason::PermissionDenied, Verdict::ServerUntrusted),
    (Reason::Unreadable, Verdict::ServerUntrusted),
    (Reason::NoCertificate, Verdict::ServerUntrusted),
    (Reason::Malformed, Verdict::ServerUntrusted),
];
