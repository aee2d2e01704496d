//! The status page, a page for each watch, and the public files beside them.
//! What stands on them is put together in `surfaces::pages`.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use serde::Deserialize;

use super::Shared;
use super::problem::Problem;
use crate::domain::chain::Chain;
use crate::domain::finding::Level;
use crate::domain::record::Ask;
use crate::domain::snapshot::WatchView;
use crate::formats::PublicForm;
use crate::surfaces::pages::{Asked, RenderPage, asset as stored_asset};
use crate::surfaces::shown;

/// How many events of its history a watch's page shows at a time.
const HISTORY: usize = 50;

pub(super) fn html_or_problem(page: Result<String, RenderPage>) -> Result<Html<String>, Problem> {
    page.map(Html).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(%error, cause, "a page could not be shown");
        Problem::internal(error.to_string(), "use the API or the command line; the log has more")
    })
}

pub(super) async fn overview(
    State(shared): State<Shared>,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, Problem> {
    if let Some(level) = asked.unknown_level() {
        let levels: Vec<&str> = Level::ALL.iter().map(|level| level.code()).collect();
        return Err(Problem::bad_request(
            format!("{level:?} is no level"),
            format!("use one of {}, or none for all", levels.join(", ")),
        ));
    }
    let daemon = &shared.daemon;
    html_or_problem(shared.pages.overview(&daemon.snapshot(), daemon.is_ready(), &asked, daemon.now()))
}

#[derive(Deserialize)]
pub(super) struct From {
    before: Option<i64>,
}

pub(super) async fn watch(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Query(from): Query<From>,
) -> Result<Response, Problem> {
    let (snapshot, now) = (shared.daemon.snapshot(), shared.daemon.now());
    let Some(view) = snapshot.watches.get(id.as_str()) else {
        let page = html_or_problem(shared.pages.no_watch(&id, &snapshot, now));
        return page.map(|page| (StatusCode::NOT_FOUND, page).into_response());
    };
    let history = shared.daemon.events(Some(&id), from.before, HISTORY).await;
    let history = history.map_err(|refused| refused.to_string());
    html_or_problem(shared.pages.watch(view, history, HISTORY, now)).map(Html::into_response)
}

pub(super) async fn public_file(
    State(shared): State<Shared>,
    Path((id, file)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let snapshot = shared.daemon.snapshot();
    let view = snapshot.watches.get(id.as_str()).ok_or_else(|| Problem::no_watch(&id, &snapshot))?;
    let unseen = || {
        Problem::not_found(
            format!("no certificate of {id} has been seen yet"),
            "wait until its source can be read",
        )
    };
    let stem = |chain: &Chain| format!("{id}-{}", chain.fingerprint().short());
    if file == "in-force.pem" {
        let chain = in_force(view).ok_or_else(unseen)?;
        return pem(&chain, PublicForm::Chain, &format!("in-force-{}", chain.fingerprint().short()));
    }
    let chain = to_hand_over(view).ok_or_else(unseen)?;
    download(&chain, &stem(&chain), &file)
}

/// The certificate in force, whatever is asked about another one: what a mapping that was deleted too early needs back.
fn in_force(view: &WatchView) -> Option<Chain> {
    view.record.in_force.as_ref().map(|standing| standing.chain.clone())
}

/// While a hand-off is open the certificate to hand over, else the one in force.
fn to_hand_over(view: &WatchView) -> Option<Chain> {
    let asked = shown::hand_offs(view).into_iter().find(|open| open.ask != Ask::Remove);
    asked.map(|open| open.chain).or_else(|| in_force(view))
}

/// The public part of a certificate as a file to save.
pub(super) fn download(chain: &Chain, stem: &str, file: &str) -> Result<Response, Problem> {
    let (form, kind, extension) = match file {
        "public.pem" => (PublicForm::Pem, "application/x-pem-file", "pem"),
        "public.cer" => (PublicForm::Cer, "application/pkix-cert", "cer"),
        "public.der" => (PublicForm::Der, "application/pkix-cert", "der"),
        "chain.pem" => (PublicForm::Chain, "application/x-pem-file", "chain.pem"),
        other => {
            return Err(Problem::not_found(
                format!("there is no file {other:?}"),
                "use public.pem, public.cer, public.der, chain.pem or in-force.pem",
            ));
        }
    };
    file_of(chain, form, kind, &format!("{stem}.{extension}"))
}

/// One PEM file to save, in the form that was asked for, under the plain name.
pub(super) fn pem(chain: &Chain, form: PublicForm, stem: &str) -> Result<Response, Problem> {
    file_of(chain, form, "application/x-pem-file", &format!("{stem}.pem"))
}

fn file_of(chain: &Chain, form: PublicForm, kind: &'static str, name: &str) -> Result<Response, Problem> {
    let bytes = crate::formats::public::public(chain, form).map_err(|unseen| {
        Problem::internal(unseen.to_string(), "nothing was given out; look at the source")
    })?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok((headers, bytes).into_response())
}

pub(super) async fn asset(Path(file): Path<String>) -> Result<Response, Problem> {
    let (kind, text) = stored_asset(&file)
        .ok_or_else(|| Problem::not_found(format!("there is no file {file:?}"), "reload the page"))?;
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=86400")];
    Ok((headers, text).into_response())
}
