//! The page a person is sent to, and what can be said there: download, done, check now.
//! The token of the link is all it takes, and it gives no other right.

use axum::extract::rejection::FormRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::{Form, Json};
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::pages::{download, html_or_problem, pem};
use super::problem::{Problem, wants_html};
use crate::domain::certificate::Fingerprint;
use crate::domain::event::Actor;
use crate::domain::hand_off::HandOff;
use crate::domain::record::Ask;
use crate::domain::report::{Command, Sign, Verb};
use crate::domain::snapshot::{Snapshot, WatchView};
use crate::formats::PublicForm;
use crate::surfaces::shown;

/// How long a person's name may be, in characters.
const NAME_LIMIT: usize = 80;

#[derive(Deserialize)]
pub(super) struct Back {
    said: Option<String>,
}

pub(super) async fn page(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    Query(back): Query<Back>,
) -> Result<Response, Problem> {
    let (snapshot, now) = (shared.daemon.snapshot(), shared.daemon.now());
    let Some((view, open)) = find(&snapshot, &token) else {
        let closed = closed(&snapshot, &token);
        let page = shared.pages.no_hand_off(closed, now);
        return html_or_problem(page).map(|page| (StatusCode::NOT_FOUND, page).into_response());
    };
    html_or_problem(shared.pages.hand_off(view, &open, back.said.as_deref(), now)).map(Html::into_response)
}

/// `public.pem` is here the very file that the message has attached: the leaf, then its intermediates.
pub(super) async fn public_file(
    State(shared): State<Shared>,
    Path((token, file)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let snapshot = shared.daemon.snapshot();
    let (_, open) = find(&snapshot, &token).ok_or_else(gone)?;
    if file == "in-force.pem" {
        let old = open.put_back.as_ref().zip(open.put_back_stem()).ok_or_else(|| {
            Problem::not_found(
                "nothing has to be put back here",
                "use public.pem, the certificate that is asked for",
            )
        })?;
        return pem(old.0, PublicForm::Chain, &old.1);
    }
    if file == "public.pem" {
        return pem(&open.chain, PublicForm::Chain, &open.file_stem);
    }
    download(&open.chain, &open.file_stem, &file)
}

#[derive(Deserialize)]
pub(super) struct Said {
    sign: String,
    name: Option<String>,
}

pub(super) async fn say(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Said>, FormRejection>,
) -> Result<Response, Problem> {
    let snapshot = shared.daemon.snapshot();
    let (view, open) = find(&snapshot, &token).ok_or_else(gone)?;
    let said = read(form)?;
    let verb = verb(&said, &open)?;
    let command = Command {
        id: 0,
        watch: view.watch.id.clone(),
        at: shared.daemon.now(),
        actor: actor(&said, &open)?,
        verb,
        comment: None,
        ticket: None,
    };
    super::commands::store(&shared, command).await?;
    let page = format!("{}/handoffs/{token}", shared.pages.base());
    if wants_html(&headers) {
        return Ok(Redirect::to(&format!("{page}?said={}", said.sign)).into_response());
    }
    Ok((StatusCode::ACCEPTED, Json(json!({"said": said.sign, "page": page}))).into_response())
}

/// The open hand-off with this token. Every token is compared in full, whichever fits, so that time tells nothing.
fn find<'a>(snapshot: &'a Snapshot, token: &str) -> Option<(&'a WatchView, HandOff)> {
    let wanted = Fingerprint::of(token.as_bytes());
    let mut found = None;
    for view in snapshot.watches.values() {
        for open in shown::hand_offs(view) {
            if is_same(wanted, Fingerprint::of(open.token.as_bytes())) && !open.token.is_empty() {
                found = Some((&**view, open));
            }
        }
    }
    found
}

/// When the hand-off with this token was closed.
fn closed(snapshot: &Snapshot, token: &str) -> Option<crate::domain::Timestamp> {
    let wanted = Fingerprint::of(token.as_bytes());
    let all = snapshot.watches.values().flat_map(|view| shown::hand_off_facts(&view.record));
    all.filter(|facts| is_same(wanted, Fingerprint::of(facts.token.as_bytes())))
        .filter_map(|facts| facts.closed)
        .last()
}

/// Compares without stopping at the first difference.
fn is_same(one: Fingerprint, other: Fingerprint) -> bool {
    let difference = one.0.iter().zip(other.0).fold(0, |sum, (a, b)| sum | (a ^ b));
    std::hint::black_box(difference) == 0
}

fn gone() -> Problem {
    Problem::not_found(
        "this hand-off is closed, or the link is not complete",
        "open the link from the newest message; if the work is done, nothing is left to do",
    )
}

fn read(form: Result<Form<Said>, FormRejection>) -> Result<Said, Problem> {
    let Form(said) = form.map_err(|rejection| {
        Problem::bad_request(
            rejection.body_text(),
            "send sign=saved, deleting, check or confirmed, and name=… to confirm, as application/x-www-form-urlencoded",
        )
    })?;
    Ok(said)
}

/// What is said counts for the question of this link alone, whatever else is asked of the target.
fn verb(said: &Said, open: &HandOff) -> Result<Verb, Problem> {
    let (target, question) = (open.target.clone(), Some(open.chain.fingerprint()));
    match said.sign.as_str() {
        "saved" => Ok(Verb::Sign(target, Sign::Saved, question)),
        "deleting" if open.ask == Ask::Replace => Ok(Verb::Sign(target, Sign::Deleting, question)),
        "check" => Ok(Verb::Sign(target, Sign::CheckNow, question)),
        "confirmed" if takes_a_word(open) => Ok(Verb::Confirm(target, question)),
        "confirmed" => Err(Problem::conflict(
            "a probe proves this target, so nobody's word is needed",
            "save the mapping; certsteward notices by itself",
        )),
        other => Err(Problem::bad_request(
            format!("{other:?} is nothing that can be said here"),
            "say saved, check, deleting (where something is replaced) or confirmed (where nothing can be probed)",
        )),
    }
}

/// Whether a person's word is what closes the question, because nothing can be probed.
fn takes_a_word(open: &HandOff) -> bool {
    open.test.is_some() || open.ask == Ask::Remove
}

fn actor(said: &Said, open: &HandOff) -> Result<Actor, Problem> {
    let name = said.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let Some(name) = name else {
        if said.sign == "confirmed" {
            return Err(Problem::bad_request(
                "a confirmation counts as somebody's word, and nobody is named",
                "send name=… with your own name",
            ));
        }
        return Ok(Actor::Named(format!("somebody with the hand-off link of {}", open.target)));
    };
    if name.chars().count() > NAME_LIMIT || name.chars().any(char::is_control) {
        let text = format!("a name has at most {NAME_LIMIT} characters, on one line");
        return Err(Problem::bad_request(text, "send a shorter name"));
    }
    Ok(Actor::Named(format!("{name} (hand-off link)")))
}
