//! Every example of an answer in SAP's file, to every operation that our client uses: it understands each of them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use certsteward::domain::certificate::Fingerprint;
use certsteward::domain::reason::{Failure, Reason, Unseen};
use certsteward::domain::record::Order;
use certsteward::domain::watch::Validity;
use certsteward::sap::destination_service::PublicKeys;
use certsteward::sap::{DestinationService, Level};
use serde_json::Value;

use super::file;
use super::judge::Judge;
use crate::sap::stage::{Stage, says};

/// One answer that the file gives as an example.
struct Example {
    status: u16,
    name: String,
    body: Value,
}

/// What came of one call: a word for its success, or the failure.
type Outcome = Result<&'static str, Failure>;

/// One call of the client, the operation it uses, and what each success comes to by the example's name.
struct Call {
    operation: &'static str,
    line: &'static str,
    make: fn(Arc<DestinationService>) -> Making,
}

type Making = Pin<Box<dyn Future<Output = Outcome>>>;

const AT: Level = Level::Subaccount;

/// The name of everything in the file's examples.
const NAME: &str = "string";

fn order() -> Order {
    Order {
        name: NAME.to_owned(),
        common_name: "SFAPI".to_owned(),
        validity: Validity::Years(1),
        in_place: false,
        like: None,
        replaces: Fingerprint::of(b"old"),
        placed: chrono::DateTime::UNIX_EPOCH,
    }
}

fn look(unseen: Unseen) -> Failure {
    unseen.into()
}

const CALLS: [Call; 9] = [
    Call {
        operation: "GET /v1/subaccountCertificates",
        line: "GET /subaccountCertificates",
        make: |client| {
            Box::pin(async move {
                let names = client.list_names(AT).await.map_err(look)?;
                Ok(if names == [NAME, NAME] { "both names" } else { "other names" })
            })
        },
    },
    Call {
        operation: "GET /v1/subaccountCertificates/{certificate name}",
        line: "GET /subaccountCertificates/string",
        make: |client| {
            Box::pin(async move {
                let content = client.certificate(AT, NAME).await.map_err(look)?;
                Ok(content.map_or("nothing", |_| "content"))
            })
        },
    },
    Call {
        operation: "GET /v1/subaccountCertificates/{certificate name}/publicKeys",
        line: "GET /subaccountCertificates/string/publicKeys",
        make: |client| {
            Box::pin(async move {
                Ok(match client.public_keys(AT, NAME).await.map_err(look)? {
                    PublicKeys::Absent => "nothing",
                    PublicKeys::Protected => "protected",
                    PublicKeys::Shown(public) if public.chain.reaches_root() => "a whole chain",
                    PublicKeys::Shown(_) => "a part of a chain",
                })
            })
        },
    },
    Call {
        operation: "POST /v1/subaccountCertificates",
        line: "POST /subaccountCertificates",
        make: |client| {
            Box::pin(async move {
                let generated = client.generate(AT, &order(), None).await?;
                Ok(if generated.answer().contains("stands there") { "stood there" } else { "issued" })
            })
        },
    },
    Call {
        operation: "PUT /v1/subaccountCertificates",
        line: "PUT /subaccountCertificates",
        make: |client| {
            Box::pin(async move { client.regenerate(AT, &order(), None).await.map(|_| "written") })
        },
    },
    Call {
        operation: "DELETE /v1/subaccountCertificates/{certificate name}",
        line: "DELETE /subaccountCertificates/string",
        make: |client| Box::pin(async move { client.delete(AT, NAME).await.map(|_| "gone") }),
    },
    Call {
        operation: "GET /v1/subaccountDestinations",
        line: "GET /subaccountDestinations",
        make: |client| {
            Box::pin(async move {
                let naming = client.named_by("a.pem").await.map_err(look)?;
                Ok(if naming.is_empty() { "nobody names it" } else { "somebody names it" })
            })
        },
    },
    Call {
        operation: "GET /v1/subaccountDestinations/{destination name}",
        line: "GET /subaccountDestinations/string",
        make: |client| {
            Box::pin(async move {
                let found = client.destination(AT, NAME).await.map_err(look)?;
                Ok(found.map_or("nothing", |_| "a destination"))
            })
        },
    },
    Call {
        operation: "PUT /v1/subaccountDestinations",
        line: "PUT /subaccountDestinations",
        make: |client| {
            Box::pin(async move {
                let found = client.destination(AT, NAME).await.map_err(look)?.unwrap();
                client.put_destination(AT, &found).await.map(|_| "written")
            })
        },
    },
];

/// What each success of the file comes to.
const UNDERSTOOD: &[(&str, u16, &str, &str)] = &[
    ("GET /v1/subaccountCertificates", 200, "Get All", "both names"),
    ("GET /v1/subaccountCertificates", 200, "Get All Selecting Name", "both names"),
    ("GET /v1/subaccountCertificates/{certificate name}", 200, "Certificate", "content"),
    ("GET /v1/subaccountCertificates/{certificate name}", 404, "example", "nothing"),
    (
        "GET /v1/subaccountCertificates/{certificate name}/publicKeys",
        200,
        "ValidKeystorePublicKeysResponse",
        "a whole chain",
    ),
    (
        "GET /v1/subaccountCertificates/{certificate name}/publicKeys",
        200,
        "ValidNonKeystorePublicKeysResponse",
        "a whole chain",
    ),
    (
        "GET /v1/subaccountCertificates/{certificate name}/publicKeys",
        400,
        "PasswordProtectedKeystoreResponse",
        "protected",
    ),
    ("GET /v1/subaccountCertificates/{certificate name}/publicKeys", 404, "example", "nothing"),
    ("POST /v1/subaccountCertificates", 201, "*", "issued"),
    ("POST /v1/subaccountCertificates", 207, "Post certificates", "stood there"),
    ("POST /v1/subaccountCertificates", 409, "example", "stood there"),
    ("PUT /v1/subaccountCertificates", 200, "*", "written"),
    ("DELETE /v1/subaccountCertificates/{certificate name}", 200, "example", "gone"),
    ("DELETE /v1/subaccountCertificates/{certificate name}", 404, "example", "gone"),
    ("GET /v1/subaccountDestinations", 200, "*", "nobody names it"),
    ("GET /v1/subaccountDestinations/{destination name}", 200, "Destination", "a destination"),
    ("GET /v1/subaccountDestinations/{destination name}", 404, "example", "nothing"),
    ("PUT /v1/subaccountDestinations", 200, "*", "written"),
];

/// What every other answer of the file comes to, and whether a write that got it may have taken effect.
const REFUSED: [(u16, Reason, bool); 9] = [
    (207, Reason::Conflict, false),
    (400, Reason::Refused, false),
    (401, Reason::Unauthorized, false),
    (403, Reason::Forbidden, false),
    (404, Reason::NotFound, false),
    (409, Reason::Conflict, false),
    (412, Reason::Refused, false),
    (500, Reason::Unavailable, true),
    (503, Reason::Unavailable, true),
];

/// Every example of every answer to one operation; where an answer has none, what its schema stands for.
fn examples(judge: &Judge, operation: &str) -> Vec<Example> {
    let (method, path) = operation.split_once(' ').unwrap();
    let found = judge.operations().into_iter().find(|one| one.method == method && one.path == path).unwrap();
    let mut all = Vec::new();
    for (status, response) in found.responses() {
        let status: u16 = status.parse().unwrap();
        let contents = response["content"].as_object();
        if contents.is_none() && status != 304 {
            all.push(Example { status, name: "empty".to_owned(), body: Value::String(String::new()) });
        }
        for media in contents.into_iter().flat_map(|contents| contents.values()) {
            all.extend(of_media(judge, status, media));
        }
    }
    all
}

fn of_media(judge: &Judge, status: u16, media: &Value) -> Vec<Example> {
    let named = media["examples"].as_object().into_iter().flatten();
    let mut all: Vec<Example> = named
        .map(|(name, example)| {
            let body = judge.resolved(example)["value"].clone();
            Example { status, name: name.clone(), body }
        })
        .collect();
    if let Some(body) = media.get("example") {
        all.push(Example { status, name: "example".to_owned(), body: body.clone() });
    }
    let schema = media["schema"]["$ref"].as_str().and_then(|place| place.rsplit('/').next());
    if let (true, Some(name)) = (all.is_empty(), schema) {
        let body = judge.component_example(name);
        all.push(Example { status, name: name.to_owned(), body });
    }
    all
}

/// The forms in which a text of the file may come: as JSON, bare, and as an error's object.
fn forms(example: &Example) -> Vec<String> {
    if example.body == "" {
        return vec![String::new()];
    }
    let as_json = example.body.to_string();
    if let (Value::String(text), 400..) = (&example.body, example.status) {
        let object = serde_json::json!({"ErrorMessage": text});
        return vec![as_json, text.clone(), object.to_string()];
    }
    // The file's placeholder for a content is no Base64, which the schema says a content is.
    vec![as_json.replace(r#""Content":"string""#, r#""Content":"AAE=""#)]
}

fn expected(operation: &str, example: &Example) -> Outcome {
    let known = UNDERSTOOD.iter().find(|(known, status, name, _)| {
        *known == operation && *status == example.status && (*name == "*" || *name == example.name)
    });
    if let Some((_, _, _, comes_to)) = known {
        return Ok(comes_to);
    }
    let (_, reason, maybe) =
        REFUSED.iter().find(|(status, _, _)| *status == example.status).unwrap_or_else(|| {
            panic!("{operation}: nobody says what {} ({}) comes to", example.status, example.name)
        });
    // One item's refusal in an answer about several is told by its own status.
    let reason =
        if example.status == 207 && operation.starts_with("PUT") { Reason::NotFound } else { *reason };
    let maybe = *maybe && !operation.starts_with("GET");
    let failure = Failure::certain(reason, "");
    Err(Failure { maybe_effective: maybe, ..failure })
}

#[tokio::test]
async fn every_example_of_an_answer_is_understood() {
    let Some(file) = file::sap() else { return };
    let judge = Judge::new(file);
    for call in CALLS {
        let examples = examples(&judge, call.operation);
        assert!(examples.len() >= 5, "{} has few examples: {}", call.operation, examples.len());
        for example in &examples {
            for body in forms(example) {
                let stage = Stage::open().await;
                // What the call needs beside the answer at hand.
                let destination = judge.component_example("Destination");
                stage.on("GET /subaccountDestinations/string", [says(200, destination)]);
                stage.on("GET /instanceDestinations", [says(200, "[]")]);
                stage.on(call.line, [says(example.status, &body)]);
                let got = (call.make)(stage.client()).await;
                let wanted = expected(call.operation, example);
                let compared = |outcome: &Outcome| match outcome {
                    Ok(word) => Ok(*word),
                    // Of a look nothing took effect, so nothing is said about it.
                    Err(failure) if call.operation.starts_with("GET") => Err((failure.reason, false)),
                    Err(failure) => Err((failure.reason, failure.maybe_effective)),
                };
                let place = format!("{} {} {}: {body}", call.operation, example.status, example.name);
                assert_eq!(compared(&got), compared(&wanted), "{place}\n{got:?}");
            }
        }
    }
}
