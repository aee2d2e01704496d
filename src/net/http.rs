//! HTTP with limits: no redirect, no cookie, a bounded body, and failures that say whether a request can have left.
//! It knows no API.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use zeroize::Zeroizing;

use super::proxy::{Choice, Proxy};
use super::resolver::OfFamily;
use super::{Address, Family, Net, Settings, bare_host, cause, excerpt, one_line, reason_of, told};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::Timestamp;
use crate::domain::reason::{self, Failure, Reason, Unseen};

/// The largest body that is read, in bytes.
pub const LIMIT: usize = 8 * 1024 * 1024;

/// The longest time to make a connection; half the whole limit where that is shorter.
const CONNECT: Duration = Duration::from_secs(10);

/// A client for one system. Cloning it is cheap and shares its connections.
#[derive(Clone)]
pub struct HttpClient {
    net: Net,
    client: reqwest::Client,
    family: Option<Family>,
}

impl HttpClient {
    pub(super) fn build(
        net: &Net,
        tls: rustls::ClientConfig,
        proxy: Choice,
        settings: &Settings,
    ) -> Result<Self, Unseen> {
        let timeout = settings.timeout;
        let resolver = OfFamily(net.0.resolver.clone(), settings.family);
        let chosen = move |url: &reqwest::Url| {
            proxy.of(url.scheme() == "https", url.host_str()?).map(|proxy: &Proxy| proxy.url.clone())
        };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(super::USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .proxy(reqwest::Proxy::custom(chosen))
            .dns_resolver(Arc::new(resolver))
            .timeout(timeout)
            .connect_timeout(CONNECT.min(timeout / 2))
            .pool_max_idle_per_host(2)
            .pool_idle_timeout(Duration::from_secs(30))
            .build()
            .map_err(|error| {
                Unseen::new(Reason::TlsFailed, format!("the HTTP client cannot be set up: {}", told(&error)))
            })?;
        Ok(Self { net: net.clone(), client, family: settings.family })
    }

    /// Begins a request.
    pub fn request(&self, method: reqwest::Method, url: &str) -> reqwest::RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends it and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// Whatever kept the whole answer from coming. `maybe_effective` is false only where no request can have left.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, Failure> {
        let (client, request) = request.build_split();
        let request = request.map_err(|error| {
            let text = format!("the request cannot be made: {}", told(&error.without_url()));
            Failure::certain(Reason::UnsupportedFormat, text)
        })?;
        let place = place(&request);
        let server = request.url().authority().to_owned();
        let address = self.address(&request, &place)?;
        // Its limit begins with the request, not before its turn.
        let _turn = self.net.turn(&address).await;
        let response = client.execute(request).await.map_err(|error| unsent(&place, error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        self.net.0.skews.note(&server, &headers, SystemClock.now());
        let body = body(response, &place).await?;
        Ok(Answer { status, headers, body, place })
    }

    /// Where it goes. An address that is written out is resolved by nobody, so its family is looked at here.
    fn address(&self, request: &reqwest::Request, place: &str) -> Result<Address, Failure> {
        let url = request.url();
        let host = bare_host(url.host_str().unwrap_or_default()).unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        if let (Some(family), Ok(literal)) = (self.family, host.parse()) {
            let chosen = family.chosen(host, vec![std::net::SocketAddr::new(literal, port)]);
            chosen.map_err(|text| Failure::certain(Reason::DnsFailed, format!("{place}: {text}")))?;
        }
        Ok(Address::host(host, port))
    }
}

/// Method and address as shown to people: without user, password and query.
fn place(request: &reqwest::Request) -> String {
    let url = request.url();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    format!("{} {}://{host}{port}{}", request.method(), url.scheme(), url.path())
}

fn unsent(place: &str, error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let connecting = error.is_connect() || error.is_builder();
    let reason = match reason_of(&error) {
        _ if error.is_timeout() => Reason::Timeout,
        Some(reason) => reason,
        None if connecting => Reason::ConnectionRefused,
        None => Reason::ConnectionReset,
    };
    let text = format!("{place}: {}", told(&error));
    let answer = reason::Answer::new(place, format!("no answer ({reason})"));
    if connecting || refused_in_handshake(&error) {
        return Failure::certain(reason, text).answered(answer);
    }
    Failure::uncertain(reason, text).answered(answer)
}

/// A server that refuses our certificate by an alert has not read the request that was sent along.
fn refused_in_handshake(error: &reqwest::Error) -> bool {
    matches!(
        cause::tls_error(error),
        Some(rustls::Error::AlertReceived(alert)) if cause::is_about_our_certificate(*alert)
    )
}

async fn body(mut response: reqwest::Response, place: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut body = Zeroizing::new(Vec::new());
    loop {
        let chunk = response.chunk().await.map_err(|error| cut_off(place, error))?;
        let Some(chunk) = chunk else { return Ok(body) };
        if body.len() + chunk.len() > LIMIT {
            let text = format!("{place}: the answer is larger than {LIMIT} bytes");
            return Err(Failure::uncertain(Reason::TooLarge, text));
        }
        append(&mut body, &chunk);
    }
}

/// Grows the buffer without leaving an unwiped copy of the old one behind.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    if body.capacity() < body.len() + chunk.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity((body.len() + chunk.len()).saturating_mul(2)));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(chunk);
}

fn cut_off(place: &str, error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let (reason, what) = if error.is_timeout() {
        (Reason::Timeout, "the answer did not end within the limit")
    } else {
        (Reason::Truncated, "the answer ends in the middle")
    };
    let answer = reason::Answer::new(place, format!("no whole answer ({reason})"));
    Failure::uncertain(reason, format!("{place}: {what}: {}", told(&error))).answered(answer)
}

/// A whole answer. Its body is wiped when dropped, and is not shown by `Debug`.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Zeroizing<Vec<u8>>,
    place: String,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {} ({} bytes)", self.place, self.status, self.body.len())
    }
}

impl Answer {
    /// Method and address it answers, without query and credentials.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What was asked and answered, in short.
    #[must_use]
    pub fn short(&self) -> reason::Answer {
        reason::Answer::new(&self.place, self.status.to_string())
    }

    /// A header's value as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The body as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(String::from_utf8_lossy(&self.body).into_owned())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`Reason::UnexpectedAnswer`] with where it stops fitting, or an excerpt where it is no JSON at all. Values of a JSON
    /// answer are never shown: they may be secrets.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let found = match self.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
                None => "an empty body".to_owned(),
                Some(b'{' | b'[') => {
                    let problem = if error.is_data() { "another shape" } else { "a mistake" };
                    format!("JSON with {problem} at line {}, column {}", error.line(), error.column())
                }
                Some(_) => format!("“{}”", excerpt(&self.body)),
            };
            let text = format!("{}: JSON was expected, but {} came with {found}", self.place, self.status);
            Failure::uncertain(Reason::UnexpectedAnswer, text)
        })
    }

    /// The other side's wish to wait, in seconds from `now`.
    #[must_use]
    pub fn retry_after(&self, now: Timestamp) -> Option<u64> {
        retry_after(&self.headers, now)
    }

    /// The answer where its status is 2xx; else what the status means, with an excerpt of an error's text.
    ///
    /// # Errors
    /// 401 `unauthorized`, 403 `forbidden`, 404 `not_found`, 408 `timeout`, 409 `conflict`, 429 `rate_limited`, other 4xx
    /// `refused`, 5xx `unavailable`, anything else `unexpected_answer`. Only 4xx but 408 certainly changed nothing.
    pub fn success(self, now: Timestamp) -> Result<Self, Failure> {
        if self.is_success() {
            return Ok(self);
        }
        let reason = reason_of_status(self.status);
        let said = excerpt(&self.body);
        let said = if said.is_empty() { String::new() } else { format!(": {}", one_line(&said)) };
        let text = format!("{}: HTTP {}{said}", self.place, self.status);
        let failure = if (400..500).contains(&self.status) && self.status != 408 {
            Failure::certain(reason, text)
        } else {
            Failure::uncertain(reason, text)
        };
        Err(failure.retry_after(self.retry_after(now)).answered(self.short()))
    }
}

const fn reason_of_status(status: u16) -> Reason {
    match status {
        401 => Reason::Unauthorized,
        403 => Reason::Forbidden,
        404 => Reason::NotFound,
        408 => Reason::Timeout,
        409 => Reason::Conflict,
        429 => Reason::RateLimited,
        400..=499 => Reason::Refused,
        500..=599 => Reason::Unavailable,
        _ => Reason::UnexpectedAnswer,
    }
}

/// `Retry-After` as seconds from `now`: a number, or an HTTP date; a date that has passed is 0.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<u64> {
    let value = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(seconds);
    }
    let until = chrono::DateTime::parse_from_rfc2822(value).ok()?;
    Some(u64::try_from((until.to_utc() - now).num_seconds()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let place = "GET https://api.example.org/v1".to_owned();
        let body = Zeroizing::new(body.as_bytes().to_vec());
        Answer { status, headers: HeaderMap::new(), body, place }
    }

    #[test]
    fn a_json_answer_of_another_shape_is_told_without_its_values() {
        let failure = answer(200, r#"{"access":"hunter2"}"#).json::<Vec<u8>>().unwrap_err();
        assert_eq!(failure.reason, Reason::UnexpectedAnswer);
        assert!(failure.text.contains("line 1") && !failure.text.contains("hunter2"), "{}", failure.text);
    }

    #[test]
    fn a_page_instead_of_json_is_told_by_its_title() {
        let page = "<html><head><title>Maintenance\n today</title></head><body>…</body></html>";
        let failure = answer(200, page).json::<Vec<u8>>().unwrap_err();
        assert!(failure.text.ends_with("“Maintenance today”"), "{}", failure.text);
    }

    #[test]
    fn only_a_refusal_is_certain_to_have_changed_nothing() {
        let now = Timestamp::UNIX_EPOCH;
        for (status, reason, maybe) in [
            (401, Reason::Unauthorized, false),
            (408, Reason::Timeout, true),
            (409, Reason::Conflict, false),
            (422, Reason::Refused, false),
            (503, Reason::Unavailable, true),
            (302, Reason::UnexpectedAnswer, true),
        ] {
            let failure = answer(status, "").success(now).unwrap_err();
            assert_eq!((failure.reason, failure.maybe_effective), (reason, maybe), "{status}");
        }
        assert!(answer(204, "").success(now).is_ok());
    }

    #[test]
    fn retry_after_may_be_seconds_or_a_date() {
        let now = chrono::DateTime::parse_from_rfc3339("2026-11-21T10:00:00Z").unwrap().to_utc();
        for (value, seconds) in [
            ("300", Some(300)),
            ("Sat, 21 Nov 2026 10:01:30 GMT", Some(90)),
            ("Sat, 21 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", value.parse().unwrap());
            assert_eq!(retry_after(&headers, now), seconds, "{value}");
        }
    }
}
