//! The changing half of the API: a person's or a token's command, checked and handed to the daemon.
//! What a command leads to is decided by the next pass.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::access::Caller;
use super::futile;
use super::problem::Problem;
use crate::domain::Timestamp;
use crate::domain::certificate::Fingerprint;
use crate::domain::event::Actor;
use crate::domain::hand_off::HandOff;
use crate::domain::report::{Command, Verb};
use crate::domain::snapshot::WatchView;
use crate::surfaces::{json, shown};

/// How long comment and ticket may be, in characters.
const WORDS_LIMIT: usize = 2000;

/// What comes with a command.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Wish {
    comment: Option<String>,
    ticket: Option<String>,
    act: Option<String>,
    until: Option<String>,
    certificate: Option<String>,
}

type Accepted = Result<(StatusCode, Json<Value>), Problem>;
type Body = Result<Bytes, BytesRejection>;

pub(super) async fn of_watch(
    State(shared): State<Shared>,
    Path((id, verb)): Path<(String, String)>,
    caller: Caller,
    body: Body,
) -> Accepted {
    let actor = caller.may(known(&verb)?)?;
    let wish = Wish::read(body)?;
    let snapshot = shared.daemon.snapshot();
    let view = snapshot.watches.get(id.as_str()).ok_or_else(|| Problem::no_watch(&id, &snapshot))?;
    let wanted = wanted(&verb, &wish, view, shared.daemon.now())?;
    give(&shared, &id, actor, wanted, wish).await
}

pub(super) async fn confirm(
    State(shared): State<Shared>,
    Path((id, target)): Path<(String, String)>,
    caller: Caller,
    body: Body,
) -> Accepted {
    let actor = caller.may("confirm")?;
    let wish = Wish::read(body)?;
    let snapshot = shared.daemon.snapshot();
    let view = snapshot.watches.get(id.as_str()).ok_or_else(|| Problem::no_watch(&id, &snapshot))?;
    if view.watch.target(&target).is_none() {
        let known: Vec<&str> = view.watch.targets.iter().map(|target| target.id.as_str()).collect();
        let way_out = if known.is_empty() {
            "it has none, so there is nothing to confirm".to_owned()
        } else {
            format!("its targets are: {}", known.join(", "))
        };
        return Err(Problem::not_found(format!("the watch {id} has no target {target:?}"), way_out));
    }
    let meant = question(view, &target, wish.certificate.as_deref())?;
    give(&shared, &id, actor, Verb::Confirm(target, meant), wish).await
}

/// Which of the open questions about a target is meant: by the certificate that it is about, which has to be named where there
/// are several.
fn question(view: &WatchView, target: &str, named: Option<&str>) -> Result<Option<Fingerprint>, Problem> {
    let open: Vec<HandOff> =
        shown::hand_offs(view).into_iter().filter(|open| open.target == target).collect();
    let named = named.map(|named| named.replace(':', "").to_lowercase());
    let is_named = |open: &&HandOff| {
        let hex = open.chain.fingerprint().hex();
        named.as_ref().is_some_and(|named| !named.is_empty() && hex.starts_with(named.as_str()))
    };
    let meant: Vec<&HandOff> = open.iter().filter(is_named).collect();
    match (meant.as_slice(), &named) {
        ([one], _) => return Ok(Some(one.chain.fingerprint())),
        (_, None) if open.len() < 2 => return Ok(None),
        _ => {}
    }
    let asked: Vec<String> =
        open.iter().map(|open| format!("{} ({})", open.headline, open.chain.fingerprint().short())).collect();
    let watch = &view.watch.id;
    let Some(first) = open.first().map(|open| open.chain.fingerprint().short()) else {
        return Err(Problem::conflict(
            format!("nothing is asked of {target} about this certificate"),
            format!("leave the certificate out, or look at what is asked: certsteward plan {watch}"),
        ));
    };
    let error = match named {
        None => format!("several things are asked of {target}: {}", asked.join("; ")),
        Some(_) => format!("that names none, or not one, of what is asked of {target}: {}", asked.join("; ")),
    };
    Err(Problem::conflict(
        error,
        format!(
            "name the certificate that you mean, such as: certsteward confirm {watch} {target} --certificate {first} (over HTTP: {{\"certificate\": \"{first}\"}})"
        ),
    ))
}

pub(super) async fn pause(State(shared): State<Shared>, caller: Caller, body: Body) -> Accepted {
    let actor = caller.may("pause")?;
    give(&shared, "", actor, Verb::Pause, Wish::read(body)?).await
}

pub(super) async fn resume(State(shared): State<Shared>, caller: Caller, body: Body) -> Accepted {
    let actor = caller.may("resume")?;
    give(&shared, "", actor, Verb::Resume, Wish::read(body)?).await
}

pub(super) async fn reload(State(shared): State<Shared>, caller: Caller) -> Result<Json<Value>, Problem> {
    caller.may("reload")?;
    shared.daemon.reload().await.map_err(|refused| {
        Problem::unprocessable(
            refused.to_string(),
            "mend the configuration (certsteward config check), then reload again; the old one stays in force",
        )
    })?;
    Ok(Json(json!({"reloaded": true})))
}

impl Wish {
    fn read(body: Body) -> Result<Self, Problem> {
        let body = body.map_err(|rejection| {
            Problem::too_large(
                rejection.body_text(),
                "send at most 64 KiB: comment, ticket, act, until, certificate",
            )
        })?;
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let wish: Self = serde_json::from_slice(&body).map_err(|error| {
            Problem::bad_request(
                format!("the body cannot be read: {error}"),
                "send a JSON object with any of comment, ticket, act, until (RFC 3339), certificate",
            )
        })?;
        let too_long = [&wish.comment, &wish.ticket]
            .into_iter()
            .flatten()
            .any(|text| text.chars().count() > WORDS_LIMIT);
        if too_long {
            let text = format!("comment or ticket is longer than {WORDS_LIMIT} characters");
            return Err(Problem::bad_request(text, "shorten it and name where the rest is"));
        }
        Ok(wish)
    }
}

/// The verbs of a watch; the name of each is the right to it.
const VERBS: [&str; 11] = [
    "check", "renew", "approve", "reject", "cancel", "retry", "rollback", "retire", "pause", "resume",
    "silence",
];

fn known(verb: &str) -> Result<&str, Problem> {
    VERBS.into_iter().find(|known| *known == verb).ok_or_else(|| {
        Problem::not_found(
            format!("{verb:?} is nothing a watch can be asked"),
            format!("use one of {}", VERBS.join(", ")),
        )
    })
}

fn wanted(verb: &str, wish: &Wish, view: &WatchView, now: Timestamp) -> Result<Verb, Problem> {
    match verb {
        "renew" => futile::renew(view).map(|()| Verb::Renew),
        "approve" => named_act(verb, wish, view).map(Verb::Approve),
        "reject" => named_act(verb, wish, view).map(Verb::Reject),
        "cancel" => futile::cancel(view).map(|()| Verb::Cancel),
        "retry" => Ok(Verb::Retry),
        "rollback" => futile::roll_back(view).map(|()| Verb::RollBack),
        "retire" => futile::retire(view).map(|()| Verb::Retire),
        "pause" => Ok(Verb::Pause),
        "resume" => Ok(Verb::Resume),
        "silence" => silence(wish, now),
        _ => Ok(Verb::Check),
    }
}

fn silence(wish: &Wish, now: Timestamp) -> Result<Verb, Problem> {
    let refused = |error: &str| {
        Problem::bad_request(
            error,
            "send until as RFC 3339, such as {\"until\": \"2027-01-31T08:00:00Z\"}, or {\"until\": \"now\"} to end a silence",
        )
    };
    let text = wish.until.as_deref().ok_or_else(|| refused("a silence needs its end"))?;
    if text == "now" {
        return Ok(Verb::Silence(now));
    }
    let until: Timestamp = text.parse().map_err(|_| refused("the end of the silence is not a moment"))?;
    if until <= now {
        return Err(refused("the end of the silence lies in the past"));
    }
    Ok(Verb::Silence(until))
}

/// The act that is approved or rejected: named by the request, and waiting right now.
fn named_act(verb: &str, wish: &Wish, view: &WatchView) -> Result<String, Problem> {
    let planned = view.plan().act.as_ref().map(crate::domain::record::Act::id);
    let held = view.plan().held.iter().any(|held| held.gate == "approval");
    let mut waiting: Vec<&str> = view.record.pending.keys().map(String::as_str).collect();
    if let Some(id) = planned.as_deref().filter(|id| held && !waiting.contains(id)) {
        waiting.push(id);
    }
    if let Some(named) = wish.act.as_deref().filter(|named| waiting.contains(named)) {
        return Ok(named.to_owned());
    }
    let current = waiting.first().copied();
    let error = match (wish.act.as_deref(), current) {
        (_, None) => "no act waits for approval".to_owned(),
        (None, Some(_)) => "the request does not name the act".to_owned(),
        (Some(named), Some(_)) => format!("the act {named:?} does not wait for approval"),
    };
    let way_out = current.map_or_else(
        || format!("look at the plan: certsteward plan {}", view.watch.id),
        |id| {
            let watch = &view.watch.id;
            format!("look at what waits (certsteward plan {watch}), then name it: certsteward {verb} {watch} {id} (over HTTP: {{\"act\": \"{id}\"}})")
        },
    );
    Err(Problem::conflict(error, way_out).with("act", current).with("waiting", waiting))
}

async fn give(shared: &Shared, watch: &str, actor: Actor, verb: Verb, wish: Wish) -> Accepted {
    let at = shared.daemon.now();
    let by = actor.to_string();
    let Wish { comment, ticket, .. } = wish;
    let command = Command { id: 0, watch: watch.to_owned(), at, actor, verb, comment, ticket };
    let id = store(shared, command).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(json!({"command": id, "watch": watch, "at": json::moment(at), "actor": by})),
    ))
}

/// Hands a command to the daemon.
pub(super) async fn store(shared: &Shared, command: Command) -> Result<i64, Problem> {
    shared.daemon.command(command).await.map_err(|refused| {
        Problem::unavailable(
            refused.to_string(),
            "nothing was changed; try again, and look at the log if it stays so",
        )
    })
}
