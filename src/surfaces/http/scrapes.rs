//! What Prometheus scrapes: our own metrics, the same certificates under the names of another exporter, and a look at a server.
//! It encodes nothing itself.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Shared;
use super::problem::Problem;
use crate::domain::module::{Ask, NotLooked, Outcome};
use crate::surfaces::metrics::{CONTENT_TYPE, X509Page, encode_probe};

pub(super) async fn metrics(shared: State<Shared>, headers: HeaderMap) -> Response {
    let snapshot = shared.daemon.snapshot();
    if takes_gzip(&headers) {
        return compressed(shared.metrics.compressed(&snapshot));
    }
    plain(shared.metrics.families(snapshot))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    relative: bool,
}

pub(super) async fn x509(
    shared: State<Shared>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|rejection| {
        Problem::bad_request(
            rejection.body_text(),
            "use relative=true for spans relative to the scrape, or nothing",
        )
    })?;
    let (snapshot, now) = (shared.daemon.snapshot(), shared.daemon.now());
    if takes_gzip(&headers) {
        return Ok(compressed(shared.x509.compressed(&snapshot, now, asked.relative)));
    }
    Ok(plain(X509Page::families(snapshot, now, asked.relative)))
}

const KIND: (HeaderName, &str) = (header::CONTENT_TYPE, CONTENT_TYPE);
const VARIES: (HeaderName, &str) = (header::VARY, "Accept-Encoding");

/// For whoever takes it so, which every Prometheus does.
fn compressed(page: Vec<u8>) -> Response {
    ([KIND, VARIES, (header::CONTENT_ENCODING, "gzip")], page).into_response()
}

/// Family by family, so that the whole page never lies in memory.
fn plain(families: impl Iterator<Item = String> + Send + 'static) -> Response {
    let families = families.map(Ok::<_, Infallible>);
    ([KIND, VARIES], Body::from_stream(futures_util::stream::iter(families))).into_response()
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

/// Others than these are left alone, as other exporters do.
#[derive(Deserialize)]
pub(super) struct Wanted {
    target: Option<String>,
    module: Option<String>,
    hostname: Option<String>,
    debug: Option<String>,
}

pub(super) async fn probe(
    shared: State<Shared>,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    const WAY_OUT: &str = "ask for /probe?module=NAME&target=host:port";
    let Query(wanted) = wanted.map_err(|rejection| Problem::bad_request(rejection.body_text(), WAY_OUT))?;
    let target = wanted.target.filter(|target| !target.is_empty());
    let target = target.ok_or_else(|| Problem::bad_request("the parameter target is missing", WAY_OUT))?;
    let ask = Ask {
        module: wanted.module.filter(|module| !module.is_empty()),
        target,
        host_name: wanted.hostname,
        patience: patience(&headers)?,
        is_local: shared.options.is_local(),
    };
    let outcome = shared.daemon.look(ask.clone()).await.map_err(refused)?;
    if wanted.debug.as_deref() == Some("true") {
        return Ok(told(&ask, &outcome).into_response());
    }
    Ok(([KIND], encode_probe(&outcome)).into_response())
}

/// How long Prometheus waits, which it says in a header.
fn patience(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let Some(value) = headers.get("x-prometheus-scrape-timeout-seconds") else { return Ok(None) };
    let seconds = value.to_str().ok().and_then(|text| text.trim().parse::<f64>().ok());
    let seconds = seconds.filter(|seconds| *seconds > 0.0);
    let patience = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    patience.map(Some).ok_or_else(|| {
        Problem::bad_request(
            "X-Prometheus-Scrape-Timeout-Seconds is no number of seconds",
            "give a number above zero, or leave the header out",
        )
    })
}

fn refused(why: NotLooked) -> Problem {
    match why {
        NotLooked::Unclear { text, way_out } => Problem::bad_request(text, way_out),
        NotLooked::Forbidden { text, way_out } => Problem::forbidden(text, way_out),
        NotLooked::Busy { text, way_out } => Problem::unavailable(text, way_out),
    }
}

/// What was done, step by step, for whoever wonders about the metrics.
fn told(ask: &Ask, outcome: &Outcome) -> String {
    let module = ask.module.as_deref().unwrap_or("(the one that fits the target)");
    let verdict = outcome
        .verdict
        .map_or_else(String::new, |verdict| format!("\n{}: {}\n", verdict.code(), verdict.meaning()));
    format!(
        "module {module}, type {}: {}\ntarget {}\nlimit {:.1} s\n\nWhat was done:\n{}\n{verdict}\nMetrics that would have been returned:\n{}",
        outcome.kind,
        outcome.kind.meaning(),
        ask.target,
        outcome.limit_seconds,
        outcome.log.join("\n"),
        encode_probe(outcome)
    )
}
