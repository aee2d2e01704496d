//! Who asks for a change, and whether they may.
//! It keeps no session and sets no cookie: each request says who it is.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use super::problem::Problem;
use super::{Shared, Trust};
use crate::domain::event::Actor;
use crate::surfaces::Grant;

/// The user at the other end of the Unix socket, as the operating system names it. The listener adds it to each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The user's name.
    pub name: String,
}

/// Whoever asks for a change, once they have said who they are.
#[derive(Debug)]
pub(super) struct Caller(Grant);

impl Caller {
    /// The actor, if it has the right to this verb.
    pub(super) fn may(self, verb: &str) -> Result<Actor, Problem> {
        if self.0.allows(verb) {
            return Ok(Actor::Named(self.0.name));
        }
        Err(Problem::forbidden(
            format!("{} has no right to {verb}", self.0.name),
            format!("add \"{verb}\" to may = […] of its token in the configuration, then reload"),
        ))
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        match shared.options.trust {
            Trust::LocalSocket => peer(parts),
            Trust::Network => bearer(parts, shared),
        }
    }
}

fn peer(parts: &Parts) -> Result<Caller, Problem> {
    let peer = parts.extensions.get::<Peer>().ok_or_else(|| {
        Problem::forbidden(
            "the operating system did not say who is at the other end of the socket",
            "use the command line on this machine, or the HTTP API with a token",
        )
    })?;
    Ok(Caller(Grant { name: peer.name.clone(), may: vec!["*".to_owned()] }))
}

fn bearer(parts: &Parts, shared: &Shared) -> Result<Caller, Problem> {
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let Some(token) = token else {
        return Err(Problem::unauthorized(
            "a change needs a token",
            "send Authorization: Bearer TOKEN with a token of [tokens.NAME], or use the command line on this machine",
        ));
    };
    shared.daemon.grant(token).map(Caller).ok_or_else(|| {
        Problem::unauthorized("the token is not known", "compare it with the file that [tokens.NAME] names")
    })
}
