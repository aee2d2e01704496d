//! One HTTP/1.1 request on a connection that stands already, with the connection's own error where it ends early.
//! It judges nothing.

use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::HeaderMap;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio_rustls::client::TlsStream;

use super::first::{First, Opening};
use super::{Settings, Target};
use crate::net::{self, Stream};

/// What came back, as far as it came.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// The body, as far as it is needed to tell one answer from another.
    pub(super) body: Vec<u8>,
}

/// As much of a body as is read.
const LIMIT: usize = 64 * 1024;

/// How long a connection may take to say why it ended, after the request has failed.
const LAST_WORDS: Duration = Duration::from_millis(500);

pub(in crate::probers) type Cause = Box<dyn Error + Send + Sync>;

/// Sends the request and reads the answer into `heard`, which keeps what came where the rest does not. A refusal that comes as a
/// TLS alert is known to the connection only, and the request merely hears that it was cancelled; so the connection's error goes
/// before the request's.
pub(super) async fn exchange(
    stream: TlsStream<Stream>,
    target: &Target,
    settings: &Settings,
    heard: &mut Option<Answer>,
) -> Result<(), Cause> {
    let opening = Opening::default();
    let (sender, connection) = http1::handshake(TokioIo::new(First::new(stream, opening.clone()))).await?;
    let mut connection = pin!(connection);
    let mut asked = pin!(ask(sender, target, settings, heard));
    let mut ended = None;
    let answered = loop {
        tokio::select! {
            answered = &mut asked => break answered,
            end = &mut connection, if ended.is_none() => ended = Some(end),
        }
    };
    let Err(error) = answered else { return Ok(()) };
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
    settings: &Settings,
    heard: &mut Option<Answer>,
) -> Result<(), Cause> {
    let mut request = hyper::Request::get(&target.path).body(Empty::new())?;
    *request.headers_mut() = headers(target, settings)?;
    let response = sender.send_request(request).await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let answer = heard.insert(Answer { status, headers, body: Vec::new() });
    beginning(response.into_body(), &mut answer.body).await
}

/// Ours, each of which the settings may replace, and theirs. An answer that is compressed could not be read.
fn headers(target: &Target, settings: &Settings) -> Result<HeaderMap, Cause> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::try_from(&target.authority)?);
    headers.insert(USER_AGENT, HeaderValue::from_static(net::USER_AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if let Some(company) = &settings.company_id {
        headers.insert("successfactors-companyid", HeaderValue::try_from(company)?);
    }
    for (name, value) in &settings.headers {
        headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    Ok(headers)
}

async fn beginning(mut body: Incoming, read: &mut Vec<u8>) -> Result<(), Cause> {
    while read.len() < LIMIT {
        let Some(frame) = body.frame().await else { break };
        if let Some(part) = frame?.data_ref() {
            let room = LIMIT.saturating_sub(read.len()).min(part.len());
            read.extend_from_slice(part.get(..room).unwrap_or_default());
        }
    }
    Ok(())
}
