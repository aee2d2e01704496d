//! A small HTTP/1.1 server for the simulated parts, with or without TLS, which counts, logs and breaks answers on order.
//! It is no router and no framework: each part maps one whole request to one whole answer, without waiting for anything.

use super::faults::{By, Planned, RequestLine, Stage};
use super::world::{Part, World};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What the simulated caller calls itself, so that its calls can be told from the others'.
pub(super) const CALLER_AGENT: &str = "sandbox-caller";

const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// One request, read to its end.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The client certificate and what was sent with it; empty where none was sent.
    pub(super) peer: Arc<[CertificateDer<'static>]>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The path's segments, decoded.
    pub(super) fn segments(&self) -> Vec<String> {
        self.path.split('/').filter(|part| !part.is_empty()).map(|part| decoded(part, false)).collect()
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(super) fn is_from_the_caller(&self) -> bool {
        self.header("user-agent") == Some(CALLER_AGENT)
    }
}

/// One answer.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::empty(status).with("content-type", "application/json").with_body(body.to_string())
    }

    pub(super) fn text(status: u16, body: impl Into<String>) -> Self {
        Self::empty(status).with("content-type", "text/plain;charset=UTF-8").with_body(body.into())
    }

    pub(super) fn html(status: u16, body: impl Into<String>) -> Self {
        Self::empty(status).with("content-type", "text/html;charset=UTF-8").with_body(body.into())
    }

    /// Sends a browser on with GET.
    pub(super) fn see(path: impl Into<String>) -> Self {
        Self::empty(303).with("location", path)
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn into_http(self) -> hyper::Response<Full<Bytes>> {
        let mut response = hyper::Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() =
            hyper::StatusCode::from_u16(self.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// Answers for one part until dropped; its connections end with it.
pub(super) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, part: Part, world: Arc<World>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, tls.clone(), part, world.clone()));
                }
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, part: Part, world: Arc<World>) {
    let Some(acceptor) = tls else {
        return converse(stream, Arc::from([]), part, world).await;
    };
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let peer = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let peer: Arc<[_]> = peer.iter().map(|certificate| certificate.clone().into_owned()).collect();
    converse(stream, peer, part, world).await;
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Arc<[CertificateDer<'static>]>,
    part: Part,
    world: Arc<World>,
) {
    let service = service_fn(|request| {
        let (peer, world) = (peer.clone(), world.clone());
        async move { answer(request, peer, part, &world).await.map(Answer::into_http) }
    });
    let served =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    drop(served);
}

/// An error here closes the connection without an answer.
async fn answer(
    request: hyper::Request<Incoming>,
    peer: Arc<[CertificateDer<'static>]>,
    part: Part,
    world: &World,
) -> io::Result<Answer> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: pairs(head.uri.query().unwrap_or_default()),
        headers: head.headers,
        body,
        peer,
    };
    let by = match (request.is_from_the_caller(), part.is_a_page()) {
        (true, _) => By::Caller,
        (false, true) => By::Person,
        (false, false) => By::Steward,
    };
    let planned = {
        let mut state = world.state();
        let ordered = state.next_fault(&request.method, &request.path, by);
        ordered.or_else(|| state.weather(by))
    };
    let Some(planned) = planned else {
        let answer = part.answer(world, &request);
        note(world, part, &request, answer.status);
        return Ok(answer);
    };
    broken(planned, part, world, &request).await
}

async fn broken(planned: Planned, part: Part, world: &World, request: &Request) -> io::Result<Answer> {
    late(planned.delay).await;
    if let Some(hold) = &planned.hold {
        hold.pass(Stage::Arrived, &request.method, &request.path).await;
    }
    if planned.drop_request {
        note(world, part, request, 0);
        return Err(io::Error::other("the connection is dropped on order"));
    }
    if let Some(answer) = planned.answer {
        note(world, part, request, answer.status);
        return Ok(answer);
    }
    let answer = part.answer(world, request);
    late(planned.delay_answer).await;
    if let Some(hold) = &planned.hold {
        hold.pass(Stage::Done, &request.method, &request.path).await;
    }
    if planned.drop_answer {
        note(world, part, request, 0);
        return Err(io::Error::other("the answer is dropped on order"));
    }
    note(world, part, request, answer.status);
    Ok(answer)
}

/// Waits, but not even for a moment where no time is given: whoever asked may be gone then, and what was held with them.
pub(super) async fn late(by: std::time::Duration) {
    if !by.is_zero() {
        tokio::time::sleep(by).await;
    }
}

fn note(world: &World, part: Part, request: &Request, status: u16) {
    if request.is_from_the_caller() {
        return;
    }
    let query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    world.state().note_request(RequestLine {
        at: super::time::now(),
        part: part.name(),
        method: request.method.clone(),
        path: request.path.clone(),
        query: query.join("&"),
        status,
    });
}

/// The pairs of a query or a form, decoded.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key, true), decoded(value, true))
        })
        .collect()
}

/// The byte that two hexadecimal digits stand for.
pub(super) fn byte_of(digits: [u8; 2]) -> Option<u8> {
    std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok())
}

/// Percent-decoded text; in forms and queries a plus is a blank.
pub(super) fn decoded(text: &str, plus_is_blank: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, tail @ ..]) => match byte_of([*high, *low]) {
                Some(value) => {
                    out.push(value);
                    rest = tail;
                }
                None => out.push(b'%'),
            },
            (b'+', _) if plus_is_blank => out.push(b' '),
            (other, _) => out.push(*other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
