//! One HTTP/1.1 request on a connection that stands already, with the times of its parts.
//! It judges nothing and shows no body.

use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::HeaderMap;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::super::mtls::first::{First, Opening};
use super::{Http, Method, Target, Wire};
use crate::clock::Stopwatch;
use crate::net::{LIMIT, USER_AGENT};

/// What came back.
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) version: f32,
    headers: HeaderMap,
    /// As much of the body as is needed to tell one answer from another.
    pub(super) beginning: Vec<u8>,
    /// The body's length; none where it is larger than what is read.
    pub(super) length: Option<u64>,
}

impl Heard {
    /// A header's value as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    #[cfg(test)]
    pub(super) fn sample(status: u16, location: &'static str) -> Self {
        let headers = [("location".parse().expect("a name"), location.parse().expect("a value"))];
        Self {
            status,
            version: 1.1,
            headers: HeaderMap::from_iter(headers),
            beginning: vec![],
            length: Some(0),
        }
    }
}

/// How long the parts took, also where the whole did not come about.
#[derive(Default)]
pub(super) struct Times {
    /// Until the answer began; none where nothing was asked.
    pub(super) processing: Option<Duration>,
    /// Until it ended; none where it did not begin.
    pub(super) transfer: Option<Duration>,
}

/// As much of a body as is looked at.
const BEGINNING: usize = 64 * 1024;

/// How long a connection may take to say why it ended, after the request has failed.
const LAST_WORDS: Duration = Duration::from_millis(500);

type Cause = Box<dyn Error + Send + Sync>;

/// Sends the request and reads the answer. A refusal that comes as a TLS alert is known to the connection only, and the request
/// merely hears that it was cancelled; so the connection's error goes before the request's.
pub(super) async fn exchange(
    stream: Box<dyn Wire>,
    target: &Target,
    host_name: Option<&str>,
    http: &Http,
    times: &mut Times,
) -> Result<Heard, Cause> {
    let opening = Opening::default();
    let (sender, connection) = http1::handshake(TokioIo::new(First::new(stream, opening.clone()))).await?;
    let mut connection = pin!(connection);
    let mut asked = pin!(ask(sender, target, host_name, http, times));
    let mut ended = None;
    let heard = loop {
        tokio::select! {
            heard = &mut asked => break heard,
            end = &mut connection, if ended.is_none() => ended = Some(end),
        }
    };
    let error = match heard {
        Ok(heard) => return Ok(heard),
        Err(error) => error,
    };
    let end = match ended {
        Some(end) => Ok(end),
        None => tokio::time::timeout(LAST_WORDS, connection).await,
    };
    let cause: Cause = match end {
        Ok(Err(cause)) => cause.into(),
        Ok(Ok(())) | Err(_) => error,
    };
    Err(opening.explained(cause))
}

async fn ask(
    mut sender: http1::SendRequest<Empty<Bytes>>,
    target: &Target,
    host_name: Option<&str>,
    http: &Http,
    times: &mut Times,
) -> Result<Heard, Cause> {
    let method = match http.method {
        Method::Get => hyper::Method::GET,
        Method::Head => hyper::Method::HEAD,
    };
    let mut request = hyper::Request::builder().method(method).uri(&target.path);
    let given = |name: &str| http.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let usual = [
        ("host", host_name.unwrap_or(&target.authority)),
        ("user-agent", USER_AGENT),
        ("accept", "*/*"),
        ("accept-encoding", "identity"),
        ("connection", "close"),
    ];
    for (name, value) in usual.into_iter().filter(|(name, _)| !given(name) || *name == "connection") {
        request = request.header(name, value);
    }
    for (name, value) in http.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("connection")) {
        request = request.header(name, value);
    }
    let watch = Stopwatch::start();
    let response = sender.send_request(request.body(Empty::new())?).await;
    times.processing = Some(watch.elapsed());
    let response = response?;
    let version = if response.version() == hyper::Version::HTTP_10 { 1.0 } else { 1.1 };
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let watch = Stopwatch::start();
    let read = read(response.into_body()).await;
    times.transfer = Some(watch.elapsed());
    let (beginning, length) = read?;
    Ok(Heard { status, version, headers, beginning, length })
}

/// The beginning of the body and its whole length, where it is not too long to be read.
async fn read(mut body: Incoming) -> Result<(Vec<u8>, Option<u64>), Cause> {
    let (mut beginning, mut length) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        let Some(part) = frame.data_ref() else { continue };
        length = length.saturating_add(part.len());
        if length > LIMIT {
            return Ok((beginning, None));
        }
        let room = BEGINNING.saturating_sub(beginning.len()).min(part.len());
        beginning.extend_from_slice(part.get(..room).unwrap_or_default());
    }
    Ok((beginning, u64::try_from(length).ok()))
}
