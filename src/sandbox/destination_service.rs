//! The simulated Destination service: which of its paths is answered by what, and the destinations themselves.
//! It offers no expiry, no renewal flag and no renew endpoint, because the real one offers none.

use super::certificates;
use super::http::{Answer, Request};
use super::listing::{self, Refusal, Write};
use super::pki::{INSTANCE, SUBACCOUNT};
use super::world::{Level, State, World};
use serde_json::{Map, Value, json};

/// What stands in a collection.
#[derive(Clone, Copy)]
enum Kind {
    Certificates,
    Destinations,
}

/// Answers one request under `/destination-configuration`.
pub(super) fn answer(world: &World, request: &Request) -> Answer {
    let plain = world.options.plain_text_errors;
    if !world.knows_token(request) {
        return Refusal::plain(401, "Unauthorized").answer(plain);
    }
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let answered = match segments.as_slice() {
        ["destination-configuration", "v1", "destinations", name] => find(world, request, name),
        ["destination-configuration", "v2", "destinations", name] => find_at(world, request, name),
        ["destination-configuration", "v1", collection, rest @ ..] => {
            in_collection(world, request, collection, rest)
        }
        _ => Err(Refusal::plain(404, "Not Found")),
    };
    answered.unwrap_or_else(|refusal| refusal.answer(plain))
}

fn in_collection(
    world: &World,
    request: &Request,
    collection: &str,
    rest: &[&str],
) -> Result<Answer, Refusal> {
    let (level, kind) = match collection {
        "subaccountCertificates" => (Level::Subaccount, Kind::Certificates),
        "instanceCertificates" => (Level::Instance, Kind::Certificates),
        "subaccountDestinations" => (Level::Subaccount, Kind::Destinations),
        "instanceDestinations" => (Level::Instance, Kind::Destinations),
        _ => return Err(Refusal::plain(404, "Not Found")),
    };
    match kind {
        Kind::Certificates => certificates::answer(world, request, level, collection, rest),
        Kind::Destinations => destinations(world, request, level, collection, rest),
    }
}

fn destinations(
    world: &World,
    request: &Request,
    level: Level,
    collection: &str,
    rest: &[&str],
) -> Result<Answer, Refusal> {
    let mut state = world.state();
    match (request.method.as_str(), rest) {
        ("GET", []) => listing::list(request, &format!("/{collection}"), &state.destinations_at(level)),
        ("GET", [name]) => {
            let found =
                state.destinations.get(&(level, (*name).to_owned())).ok_or_else(Refusal::not_found)?;
            let body = Value::Object(found.clone());
            Ok(listing::conditional(request, &listing::etag(&body), &body))
        }
        ("POST", []) => listing::write(request, Write::Create, |body| state.put(level, body, Write::Create)),
        ("PUT", []) => listing::write(request, Write::Replace, |body| state.put(level, body, Write::Replace)),
        ("DELETE", [name]) => {
            state.destinations.remove(&(level, (*name).to_owned())).ok_or_else(Refusal::not_found)?;
            Ok(Answer::json(200, &json!({"Count": 1})))
        }
        _ => Err(Refusal::plain(405, "Method Not Allowed")),
    }
}

impl State {
    fn destinations_at(&self, level: Level) -> Vec<Value> {
        let at_level = self.destinations.iter().filter(|((at, _), _)| *at == level);
        at_level.map(|(_, destination)| Value::Object(destination.clone())).collect()
    }

    fn put(&mut self, level: Level, body: &Value, write: Write) -> Result<String, Refusal> {
        let fields: &Map<String, Value> =
            body.as_object().ok_or_else(|| Refusal::plain(400, "Bad Request"))?;
        let name = fields.get("Name").and_then(Value::as_str).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Refusal::json(400, "Name is missing"))?;
        if fields.get("Type").and_then(Value::as_str).is_none() {
            return Err(Refusal::json(400, "Type is missing"));
        }
        let key = (level, name.to_owned());
        match (write, self.destinations.contains_key(&key)) {
            (Write::Create, true) => return Err(Refusal::duplicate()),
            (Write::Replace, false) => return Err(Refusal::not_found()),
            (Write::Create, false) | (Write::Replace, true) => {}
        }
        self.destinations.insert(key, fields.clone());
        Ok(listing::etag(body))
    }
}

/// `GET /v1/destinations/{name}`: the instance's own first, then the subaccount's.
fn find(world: &World, request: &Request, name: &str) -> Result<Answer, Refusal> {
    let state = world.state();
    let (level, found) = [Level::Instance, Level::Subaccount]
        .into_iter()
        .find_map(|level| Some((level, state.destinations.get(&(level, name.to_owned()))?)))
        .ok_or_else(Refusal::not_found)?;
    let instance = match level {
        Level::Instance => json!(INSTANCE),
        Level::Subaccount => Value::Null,
    };
    let mut body = json!({
        "owner": {"SubaccountId": SUBACCOUNT, "InstanceId": instance},
        "destinationConfiguration": found,
    });
    add_certificates(&state, level, found, &mut body);
    Ok(listing::conditional(request, &listing::etag(&body), &body))
}

/// `GET /v2/destinations/{name}@{level}`: that level alone; without a level as v1, but without the owner.
fn find_at(world: &World, request: &Request, reference: &str) -> Result<Answer, Refusal> {
    let (name, levels) = match reference.rsplit_once('@') {
        Some((name, "subaccount" | "provider_subaccount")) => (name, vec![Level::Subaccount]),
        Some((name, "instance" | "provider_instance")) => (name, vec![Level::Instance]),
        Some(_) => return Err(Refusal::json(400, "the level is not one of those supported")),
        None => (reference, vec![Level::Instance, Level::Subaccount]),
    };
    let state = world.state();
    let (level, found) = levels
        .into_iter()
        .find_map(|level| Some((level, state.destinations.get(&(level, name.to_owned()))?)))
        .ok_or_else(Refusal::not_found)?;
    let mut body = json!({"destinationConfiguration": found});
    add_certificates(&state, level, found, &mut body);
    Ok(listing::conditional(request, &listing::etag(&body), &body))
}

fn add_certificates(state: &State, level: Level, destination: &Map<String, Value>, body: &mut Value) {
    let text = |name: &str| destination.get(name).and_then(Value::as_str);
    if text("Authentication") != Some("ClientCertificateAuthentication") {
        return;
    }
    let Some(location) = text("KeyStoreLocation") else { return };
    let levels = match level {
        Level::Instance => [Level::Instance, Level::Subaccount],
        Level::Subaccount => [Level::Subaccount, Level::Subaccount],
    };
    let found = levels.into_iter().find_map(|level| state.entries.get(&(level, location.to_owned())));
    let certificates: Vec<Value> = found.map(|entry| entry.as_json(location)).into_iter().collect();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("certificates".into(), Value::Array(certificates));
    }
}
