//! An answer that says what went wrong and the way out: JSON in one form, and a page for a browser.
//! Watches and hand-offs that cannot be found have pages of their own.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Map, Value};

use super::Shared;
use crate::domain::snapshot::Snapshot;
use crate::surfaces::shown;

/// What went wrong.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    error: Box<str>,
    way_out: Box<str>,
    more: Vec<(&'static str, Value)>,
}

impl Problem {
    fn new(status: StatusCode, error: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self { status, error: error.into().into(), way_out: way_out.into().into(), more: Vec::new() }
    }

    pub(super) fn bad_request(error: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, way_out)
    }

    pub(super) fn unauthorized(error: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, error, way_out)
    }

    pub(super) fn forbidden(error: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, error, way_out)
    }

    pub(super) fn not_found(error: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error, way_out)
    }

    pub(super) fn method_not_allowed(error: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, error, way_out)
    }

    pub(super) fn conflict(error: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, error, way_out)
    }

    pub(super) fn too_large(error: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, error, way_out)
    }

    pub(super) fn unprocessable(error: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error, way_out)
    }

    pub(super) fn internal(error: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error, way_out)
    }

    pub(super) fn unavailable(error: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error, way_out)
    }

    /// The watch is not there.
    pub(super) fn no_watch(id: &str, snapshot: &Snapshot) -> Self {
        let (error, way_out) = shown::no_watch(id, snapshot);
        Self::not_found(error, way_out)
    }

    /// Adds a fact beside the text.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.more.push((name, value.into()));
        self
    }
}

/// What a page says of a problem; it travels beside the JSON.
#[derive(Debug, Clone)]
struct ForPeople {
    error: Box<str>,
    way_out: Box<str>,
}

/// A browser that asked for a page gets one; whoever asks the API gets the API's form.
pub(super) async fn as_page(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let machine = ["/api/", "/-/", "/metrics", "/probe"].iter().any(|start| path.starts_with(start));
    let wanted = !machine && wants_html(request.headers());
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<ForPeople>().filter(|_| wanted).cloned() else {
        return response;
    };
    let status = response.status();
    match shared.pages.problem(status.as_u16(), &problem.error, &problem.way_out, shared.daemon.now()) {
        Ok(page) => (status, Html(page)).into_response(),
        Err(_) => response,
    }
}

/// Whether it is a browser that asks for a page.
pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let for_people = ForPeople { error: self.error.clone(), way_out: self.way_out.clone() };
        let mut body = Map::new();
        body.insert("error".to_owned(), String::from(self.error).into());
        body.insert("way_out".to_owned(), String::from(self.way_out).into());
        body.extend(self.more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let mut response = (self.status, Json(Value::Object(body))).into_response();
        response.extensions_mut().insert(for_people);
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
