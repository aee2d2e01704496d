//! Every route, and what holds for all of them: limits, headers, who may change anything.
//! It opens no socket; whoever has one serves the router on it.

mod access;
mod api;
mod commands;
mod futile;
mod guard;
mod hand_offs;
mod pages;
mod problem;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

pub use access::Peer;
use problem::Problem;

use super::metrics::Metrics;
use super::pages::Pages;
use super::{Daemon, metrics};

/// The largest body that is read, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// How the router is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What links begin with, such as `https://certsteward.example.org`; none where only relative links can be given.
    pub public_url: Option<String>,
    /// Who is believed to be who.
    pub trust: Trust,
    /// Whether only this host reaches it: then a name that merely resolves to this host is not answered.
    pub loopback: bool,
}

/// Who is believed to be who.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Anybody may come: reading is open, changing needs a bearer token with the right to it.
    Network,
    /// The operating system names the peer: the listener adds a [`Peer`] to each request, who may do everything.
    LocalSocket,
}

/// What every route needs.
#[derive(Clone)]
struct Shared {
    daemon: Arc<dyn Daemon>,
    options: Arc<Options>,
    metrics: Arc<Metrics>,
    pages: Arc<Pages>,
}

/// The whole HTTP surface.
pub fn router(daemon: Arc<dyn Daemon>, options: Options) -> Router {
    let pages = Arc::new(Pages::new(options.public_url.as_deref()));
    let shared = Shared { daemon, options: Arc::new(options), metrics: Arc::new(Metrics::default()), pages };
    Router::new()
        .merge(for_people())
        .merge(for_machines())
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_that_way)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(shared.clone(), guard::same_origin))
        .layer(from_fn_with_state(shared.clone(), guard::known_host))
        .layer(from_fn_with_state(shared.clone(), problem::as_page))
        .layer(from_fn(guard::time_limit))
        .layer(from_fn(guard::headers))
        .with_state(shared)
}

fn for_people() -> Router<Shared> {
    Router::new()
        .route("/", get(pages::overview))
        .route("/watches/{id}", get(pages::watch))
        .route("/watches/{id}/{file}", get(pages::public_file))
        .route("/assets/{file}", get(pages::asset))
        .route("/handoffs/{token}", get(hand_offs::page))
        .route("/handoffs/{token}/{file}", get(hand_offs::public_file))
        .route("/handoffs/{token}/say", post(hand_offs::say))
}

fn for_machines() -> Router<Shared> {
    Router::new()
        .route("/metrics", get(scrape))
        .route("/-/healthy", get(api::healthy))
        .route("/-/ready", get(api::ready))
        .route("/-/reload", post(commands::reload))
        .route("/api/v1/watches", get(api::watches))
        .route("/api/v1/watches/{id}", get(api::watch))
        .route("/api/v1/watches/{id}/{verb}", post(commands::of_watch))
        .route("/api/v1/watches/{id}/targets/{target}/confirm", post(commands::confirm))
        .route("/api/v1/events", get(api::events))
        .route("/api/v1/events/verify", get(api::verify))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/openapi.json", get(api::contract))
        .route("/api/v1/pause", post(commands::pause))
        .route("/api/v1/resume", post(commands::resume))
}

/// Compressed for whoever takes it so, which every Prometheus does; else family by family.
async fn scrape(shared: axum::extract::State<Shared>, headers: HeaderMap) -> Response {
    let snapshot = shared.daemon.snapshot();
    let kind = (header::CONTENT_TYPE, metrics::CONTENT_TYPE);
    let varies = (header::VARY, "Accept-Encoding");
    if takes_gzip(&headers) {
        let coding = (header::CONTENT_ENCODING, "gzip");
        return ([kind, varies, coding], shared.metrics.compressed(&snapshot)).into_response();
    }
    let families = shared.metrics.families(snapshot).map(Ok::<_, Infallible>);
    ([kind, varies], Body::from_stream(futures_util::stream::iter(families))).into_response()
}

/// Whether gzip is among what is accepted and not refused (RFC 9110, 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused =
            |part: &str| part.strip_prefix("q=").is_some_and(|q| q.parse().is_ok_and(|q: f32| q <= 0.0));
        named && !parts.any(refused)
    })
}

async fn nothing_here(uri: axum::http::Uri) -> Problem {
    Problem::not_found(
        format!("there is nothing at {}", uri.path()),
        "see /api/v1/openapi.json for what there is",
    )
}

async fn not_that_way(method: Method, uri: axum::http::Uri) -> Problem {
    Problem::method_not_allowed(
        format!("{} cannot be answered with {method}", uri.path()),
        "see /api/v1/openapi.json for what can be done there",
    )
}
