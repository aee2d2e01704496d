//! What Prometheus scrapes: our own metrics, the same certificates under the names of another exporter, and a look at a server.
//! It encodes nothing itself.

use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Shared;
use super::problem::Problem;
use crate::domain::module::{Ask, NotLooked, Outcome};
use crate::surfaces::metrics::{CONTENT_TYPE, encode_probe};

pub(super) async fn metrics(shared: State<Shared>) -> impl IntoResponse {
    let page = shared.metrics.page(&shared.daemon.snapshot());
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], page)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    relative: bool,
}

pub(super) async fn x509(
    shared: State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Query(asked) = asked.map_err(|rejection| {
        Problem::bad_request(
            rejection.body_text(),
            "use relative=true for spans relative to the scrape, or nothing",
        )
    })?;
    let daemon = &shared.daemon;
    let page = shared.x509.page(&daemon.snapshot(), daemon.now(), asked.relative);
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], page))
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
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], encode_probe(&outcome)).into_response())
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
