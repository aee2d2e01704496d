//! The reading half of the API.
//! Everything it answers comes from the snapshot or from the history.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::{Shared, Trust};
use crate::domain::Timestamp;
use crate::domain::hand_off::HandOff;
use crate::surfaces::{Refused, json};

/// How many events are answered where the request does not say, and at most.
const EVENTS: (usize, usize) = (100, 1000);

pub(super) async fn healthy() -> &'static str {
    "certsteward is alive\n"
}

pub(super) async fn ready(State(shared): State<Shared>) -> Result<&'static str, Problem> {
    if shared.daemon.is_ready() {
        return Ok("certsteward is ready\n");
    }
    if let Some((since, why)) = &shared.daemon.snapshot().daemon.store.failing {
        return Err(Problem::unavailable(
            format!("the store cannot be written since {}: {why}", json::moment(*since)),
            "make room or put right what it says; certsteward goes on by itself",
        ));
    }
    Err(Problem::unavailable(
        "the first pass over all watches is not done yet, or the last one could not be saved",
        "wait; if it stays so, look at the log for a source that does not answer or a store that cannot be written",
    ))
}

pub(super) async fn watches(State(shared): State<Shared>) -> Json<Value> {
    let snapshot = shared.daemon.snapshot();
    let watches: Vec<Value> = snapshot.watches.values().map(|view| json::glance(view)).collect();
    Json(json!({"at": json::moment(snapshot.at), "watches": watches}))
}

pub(super) async fn watch(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let snapshot = shared.daemon.snapshot();
    let view = snapshot.watches.get(id.as_str()).ok_or_else(|| Problem::no_watch(&id, &snapshot))?;
    Ok(Json(json::watch(view, |open| link(&shared, open))))
}

/// The address of a hand-off's page holds its token, so it is told to local users only.
fn link(shared: &Shared, open: &HandOff) -> Option<String> {
    let local = shared.options.trust == Trust::LocalSocket;
    let base = shared.options.public_url.as_ref().unwrap_or(&shared.options.own_url).trim_end_matches('/');
    local.then(|| format!("{base}/handoffs/{}", open.token))
}

pub(super) async fn status(State(shared): State<Shared>) -> Json<Value> {
    Json(json::status(&shared.daemon.snapshot(), shared.daemon.is_ready()))
}

pub(super) async fn contract() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../../../docs/openapi.json"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    watch: Option<String>,
    before: Option<i64>,
    since: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn events(
    State(shared): State<Shared>,
    page: Result<Query<Page>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    const WAY_OUT: &str = "use watch=ID, before=EVENT_ID, since=2027-01-04T08:00:00Z, limit=NUMBER";
    let Query(page) = page.map_err(|rejection| Problem::bad_request(rejection.body_text(), WAY_OUT))?;
    let since = page.since.as_deref().map(str::parse::<Timestamp>).transpose();
    let since = since.map_err(|_| Problem::bad_request("since is not a moment", WAY_OUT))?;
    let (usual, most) = EVENTS;
    let limit = page.limit.unwrap_or(usual).clamp(1, most);
    let rows = shared.daemon.history(page.watch.as_deref(), (page.before, since), limit).await;
    let rows = rows.map_err(unreadable)?;
    let next = rows.last().map(|row| row.number).filter(|_| rows.len() == limit);
    let events: Vec<Value> = rows.iter().map(json::row).collect();
    Ok(Json(json!({"events": events, "next": next})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checked {
    watch: Option<String>,
    heads: Option<String>,
}

pub(super) async fn verify(
    State(shared): State<Shared>,
    checked: Result<Query<Checked>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    const WAY_OUT: &str = "use watch=ID, heads=HASH,HASH; a hash has 64 hexadecimal digits";
    let Query(checked) = checked.map_err(|rejection| Problem::bad_request(rejection.body_text(), WAY_OUT))?;
    let heads = checked.heads.iter().flat_map(|heads| heads.split(',')).map(str::to_ascii_lowercase);
    let heads: Vec<String> = heads.filter(|head| !head.is_empty()).collect();
    let is_hash = |head: &&String| head.len() == 64 && head.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(head) = heads.iter().find(|head| !is_hash(head)) {
        return Err(Problem::bad_request(format!("{head:?} is not a hash"), WAY_OUT));
    }
    let proof = shared.daemon.verify(checked.watch.as_deref(), heads).await.map_err(unreadable)?;
    Ok(Json(json::proof(&proof)))
}

fn unreadable(refused: Refused) -> Problem {
    Problem::unavailable(refused.to_string(), "try again; the history is kept in the state store")
}
