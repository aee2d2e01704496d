//! One HTTP/1.1 request on a connection that stands already, with the connection's own error where it ends early.
//! It judges nothing.

use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::HeaderMap;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{Settings, Target};
use crate::net::USER_AGENT;

/// What came back.
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

type Cause = Box<dyn Error + Send + Sync>;

/// Sends the request and reads the answer. A refusal that comes as a TLS alert is known to the connection only, and the request
/// merely hears that it was cancelled; so the connection's error goes before the request's.
pub(super) async fn exchange(
    stream: TlsStream<TcpStream>,
    target: &Target,
    settings: &Settings,
) -> Result<Answer, Cause> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = pin!(connection);
    let mut asked = pin!(ask(sender, target, settings));
    let mut ended = None;
    let answered = loop {
        tokio::select! {
            answered = &mut asked => break answered,
            end = &mut connection, if ended.is_none() => ended = Some(end),
        }
    };
    let error = match answered {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    let end = match ended {
        Some(end) => Ok(end),
        None => tokio::time::timeout(LAST_WORDS, connection).await,
    };
    match end {
        Ok(Err(cause)) => Err(cause.into()),
        Ok(Ok(())) | Err(_) => Err(error),
    }
}

async fn ask(
    mut sender: http1::SendRequest<Empty<Bytes>>,
    target: &Target,
    settings: &Settings,
) -> Result<Answer, Cause> {
    let mut request = hyper::Request::get(&target.path)
        .header("host", &target.authority)
        .header("user-agent", USER_AGENT)
        .header("accept", "application/json")
        .header("connection", "close");
    if let Some(company) = &settings.company_id {
        request = request.header("successfactors-companyid", company);
    }
    for (name, value) in &settings.headers {
        request = request.header(name, value);
    }
    let response = sender.send_request(request.body(Empty::new())?).await?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = beginning(response.into_body()).await?;
    Ok(Answer { status, headers, body })
}

async fn beginning(mut body: Incoming) -> Result<Vec<u8>, Cause> {
    let mut read = Vec::new();
    while read.len() < LIMIT {
        let Some(frame) = body.frame().await else { break };
        if let Some(part) = frame?.data_ref() {
            let room = LIMIT.saturating_sub(read.len()).min(part.len());
            read.extend_from_slice(part.get(..room).unwrap_or_default());
        }
    }
    Ok(read)
}
