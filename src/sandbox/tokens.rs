//! The simulated token service: client credentials against a secret, or against a client certificate on its own listener.
//! Its tokens look like JWTs and carry the tenant, but nobody signs them: the Destination service knows them by heart.

use super::http::{Answer, Request, decoded, pairs};
use super::pki::{self, INSTANCE, SUBACCOUNT};
use super::time::now;
use super::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::io;

/// The one OAuth client of the landscape, with a secret and with a certificate.
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) key: Vec<u8>,
}

impl Client {
    pub(super) fn new(authority: &pki::Authority) -> io::Result<Self> {
        let key = pki::fresh_key()?;
        let moment = now();
        let until = moment + TimeDelta::days(7);
        let chain = authority.issue("sb-sandbox", key.public, moment - TimeDelta::hours(1), until)?;
        Ok(Self {
            id: "sb-clone00000000000000000000000000005a4d!b1|destination-xsappname!b1".to_owned(),
            secret: format!("{INSTANCE}${}=", pki::random_hex()?),
            chain,
            key: key.pkcs8,
        })
    }
}

impl World {
    /// The service key of the secret type.
    pub(super) fn secret_key(&self) -> Value {
        let mut key = self.common_key();
        if let Some(fields) = key.as_object_mut() {
            fields.insert("clientsecret".into(), self.client.secret.clone().into());
            fields.insert("credential-type".into(), "binding-secret".into());
        }
        key
    }

    /// The service key of the x509 type, with its own private key.
    pub(super) fn x509_key(&self) -> Value {
        let mut key = self.common_key();
        if let Some(fields) = key.as_object_mut() {
            fields.insert("certificate".into(), pki::chain_pem(&self.client.chain).into());
            fields.insert("key".into(), pki::pem("PRIVATE KEY", &self.client.key).into());
            fields.insert("certurl".into(), self.addresses.mutual_token_service.clone().into());
            fields.insert("certificate-pinning".into(), true.into());
            fields.insert("credential-type".into(), "x509".into());
        }
        key
    }

    fn common_key(&self) -> Value {
        json!({
            "tenantmode": "dedicated",
            "token-type": ["xsuaa"],
            "clientid": self.client.id,
            "xsappname": self.client.id.trim_start_matches("sb-"),
            "uri": self.addresses.destination_service,
            "url": self.addresses.token_service,
            "uaadomain": "authentication.sandbox",
            "identityzone": "sandbox",
            "tenantid": SUBACCOUNT,
            "instanceid": INSTANCE,
        })
    }

    /// Whether the request carries a token that was issued here and has not expired.
    pub(super) fn knows_token(&self, request: &Request) -> bool {
        let moment = now();
        request
            .header("authorization")
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .is_some_and(|(_, token)| self.state().tokens.get(token).is_some_and(|until| *until > moment))
    }

    fn token(&self, bound_to: Option<String>) -> io::Result<Value> {
        let (moment, lifetime) = (now(), self.options.token_lifetime);
        let until = moment + TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::hours(12));
        let id = pki::random_hex()?;
        let mut claims = json!({
            "jti": id,
            "zid": SUBACCOUNT,
            "client_id": self.client.id,
            "iss": format!("{}/oauth/token", self.addresses.token_service),
            "ext_attr": {"enhancer": "XSUAA", "subaccountid": SUBACCOUNT, "zdn": "sandbox", "serviceinstanceid": INSTANCE},
            "iat": moment.timestamp(),
            "exp": until.timestamp(),
        });
        if let (Some(hash), Some(fields)) = (bound_to, claims.as_object_mut()) {
            fields.insert("cnf".into(), json!({"x5t#S256": hash}));
        }
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let token = format!("{head}.{}.{id}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut state = self.state();
        state.tokens.retain(|_, until| *until > moment);
        state.tokens.insert(token.clone(), until);
        Ok(
            json!({"access_token": token, "token_type": "bearer", "expires_in": lifetime.as_secs(), "scope": "uaa.resource", "jti": id}),
        )
    }
}

/// `POST /oauth/token` with a secret, in the form or as Basic authentication.
pub(super) fn answer_secret(world: &World, request: &Request) -> Answer {
    checked(request).map_or_else(
        |refusal| refusal,
        |form| {
            let given = basic(request).or_else(|| {
                Some((field(&form, "client_id")?.to_owned(), field(&form, "client_secret")?.to_owned()))
            });
            let right =
                given.is_some_and(|(id, secret)| id == world.client.id && secret == world.client.secret);
            if right { granted(world, None) } else { unauthorized() }
        },
    )
}

/// `POST /oauth/token` with the client certificate of the x509 service key.
pub(super) fn answer_mutual(world: &World, request: &Request) -> Answer {
    checked(request).map_or_else(
        |refusal| refusal,
        |form| {
            let right = field(&form, "client_id") == Some(world.client.id.as_str())
                && request.peer.first().map(AsRef::as_ref) == world.client.chain.first().map(Vec::as_slice);
            let hash = request
                .peer
                .first()
                .map(|leaf| URL_SAFE_NO_PAD.encode(<sha2::Sha256 as sha2::Digest>::digest(leaf)));
            if right { granted(world, hash) } else { unauthorized() }
        },
    )
}

fn checked(request: &Request) -> Result<Vec<(String, String)>, Answer> {
    if request.path != "/oauth/token" {
        return Err(Answer::json(404, &json!({"error": "not_found"})));
    }
    if request.method != "POST" {
        return Err(Answer::json(405, &json!({"error": "method_not_allowed"})));
    }
    let form = pairs(&String::from_utf8_lossy(&request.body));
    match field(&form, "grant_type") {
        Some("client_credentials") => Ok(form),
        Some(_) => Err(Answer::json(
            400,
            &json!({"error": "unsupported_grant_type", "error_description": "Unsupported grant type"}),
        )),
        None => Err(Answer::json(
            400,
            &json!({"error": "invalid_request", "error_description": "Missing grant type"}),
        )),
    }
}

fn granted(world: &World, bound_to: Option<String>) -> Answer {
    match world.token(bound_to) {
        Ok(body) => Answer::json(200, &body).with("cache-control", "no-store"),
        Err(error) => Answer::text(500, error.to_string()),
    }
}

fn unauthorized() -> Answer {
    Answer::json(401, &json!({"error": "unauthorized", "error_description": "Bad credentials"}))
}

fn basic(request: &Request) -> Option<(String, String)> {
    let (scheme, value) = request.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decoded(id, true), decoded(secret, true)))
}

fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}
