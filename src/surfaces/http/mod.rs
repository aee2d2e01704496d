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
mod scrapes;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

pub use access::Peer;
use problem::Problem;

use super::Daemon;
use super::metrics::{Metrics, X509Page};
use super::pages::Pages;

/// The largest body that is read, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// How the router is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What links begin with, such as `https://certsteward.example.org`; none where nobody said how others reach it.
    pub public_url: Option<String>,
    /// How this host itself reaches it, such as `http://127.0.0.1:9790`: what links begin with where there is no public address.
    pub own_url: String,
    /// Who is believed to be who.
    pub trust: Trust,
    /// Whether only this host reaches it: then a name that merely resolves to this host is not answered.
    pub loopback: bool,
}

impl Options {
    /// Whether nobody beyond this host can ask: not over the listener, and not through a proxy before it, which a public address
    /// tells of.
    fn is_local(&self) -> bool {
        let here = |url: &str| {
            let host =
                url.parse::<Uri>().ok().and_then(|url| url.host().map(str::to_owned)).unwrap_or_default();
            let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        };
        self.trust == Trust::LocalSocket || (self.loopback && self.public_url.as_deref().is_none_or(here))
    }
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
    x509: Arc<X509Page>,
    pages: Arc<Pages>,
}

/// The whole HTTP surface.
pub fn router(daemon: Arc<dyn Daemon>, options: Options) -> Router {
    let pages = Arc::new(Pages::new(options.public_url.as_deref()));
    let shared =
        Shared { daemon, options: Arc::new(options), metrics: Arc::default(), x509: Arc::default(), pages };
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
        .route("/metrics", get(scrapes::metrics))
        .route("/metrics/x509", get(scrapes::x509))
        .route("/probe", get(scrapes::probe))
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

async fn nothing_here(uri: Uri) -> Problem {
    Problem::not_found(
        format!("there is nothing at {}", uri.path()),
        "see /api/v1/openapi.json for what there is",
    )
}

async fn not_that_way(method: Method, uri: Uri) -> Problem {
    Problem::method_not_allowed(
        format!("{} cannot be answered with {method}", uri.path()),
        "see /api/v1/openapi.json for what can be done there",
    )
}
