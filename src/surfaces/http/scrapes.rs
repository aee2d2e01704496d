//! What Prometheus scrapes: our own metrics, and the same certificates under the names of other exporters.
//! It encodes nothing itself.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::Shared;
use super::problem::Problem;
use crate::surfaces::metrics::CONTENT_TYPE;

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
