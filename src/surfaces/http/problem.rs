//! An answer that says what went wrong and the way out, always in the same JSON form.
//! Pages for people that cannot be found have their own HTML.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

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
    pub(super) fn no_watch(id: &str) -> Self {
        Self::not_found(
            format!("there is no watch {id:?}"),
            "certsteward check lists them (over HTTP: GET /api/v1/watches); a new one needs a reload of the configuration",
        )
    }

    /// Adds a fact beside the text.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.more.push((name, value.into()));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = Map::new();
        body.insert("error".to_owned(), String::from(self.error).into());
        body.insert("way_out".to_owned(), String::from(self.way_out).into());
        body.extend(self.more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let mut response = (self.status, Json(Value::Object(body))).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
