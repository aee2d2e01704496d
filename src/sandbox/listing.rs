//! What certificates and destinations have in common on the wire: lists, ETags, refusals, single and bulk writes.
//! It knows nothing of what is listed or written.

use super::http::{Answer, Request, decoded};
use super::pki;
use serde_json::{Value, json};

/// A request that is not served, in the shapes the service uses.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    words: String,
    shape: Shape,
}

/// How the words of a refusal are sent.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// `{"ErrorMessage": …}`.
    Object,
    /// The words as a JSON string.
    JsonString,
    /// The bare words.
    Text,
}

impl Refusal {
    /// `{"ErrorMessage": …}`.
    pub(super) fn json(status: u16, words: impl Into<String>) -> Self {
        Self { status, words: words.into(), shape: Shape::Object }
    }

    /// The bare words.
    pub(super) fn plain(status: u16, words: impl Into<String>) -> Self {
        Self { status, words: words.into(), shape: Shape::Text }
    }

    pub(super) fn not_found() -> Self {
        Self::json(404, "Configuration with the specified name was not found")
    }

    /// What is to be created stands there already.
    pub(super) fn duplicate() -> Self {
        Self { status: 409, words: "Duplicate key".to_owned(), shape: Shape::JsonString }
    }

    pub(super) fn answer(self, always_plain: bool) -> Answer {
        let shape = if always_plain { Shape::Text } else { self.shape };
        match shape {
            Shape::Object => Answer::json(self.status, &json!({"ErrorMessage": self.words})),
            Shape::JsonString => Answer::json(self.status, &Value::String(self.words)),
            Shape::Text => Answer::text(self.status, self.words),
        }
    }
}

/// Whether a write makes something new or replaces what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Create,
    Replace,
}

impl Write {
    fn status(self) -> u16 {
        match self {
            Self::Create => 201,
            Self::Replace => 200,
        }
    }
}

/// Writes one object or an array of them through `one`, which gives back the new ETag.
pub(super) fn write(
    request: &Request,
    kind: Write,
    mut one: impl FnMut(&Value) -> Result<String, Refusal>,
) -> Result<Answer, Refusal> {
    let body = request.json().ok_or_else(|| Refusal::plain(400, "Bad Request"))?;
    let Some(all) = body.as_array() else {
        one(&body)?;
        return Ok(match kind {
            Write::Create => Answer::empty(201),
            Write::Replace => Answer::json(200, &json!({"Count": 1})),
        });
    };
    let mut failed = false;
    let rows: Vec<Value> = all
        .iter()
        .map(|object| {
            let name = object.get("Name").and_then(Value::as_str).unwrap_or_default();
            match one(object) {
                Ok(etag) => json!({"name": name, "status": kind.status(), "etag": etag}),
                Err(refusal) => {
                    failed = true;
                    json!({"name": name, "status": refusal.status, "cause": refusal.words})
                }
            }
        })
        .collect();
    Ok(Answer::json(if failed { 207 } else { kind.status() }, &Value::Array(rows)))
}

/// The list `objects` as the query asks for it.
pub(super) fn list(request: &Request, path: &str, objects: &[Value]) -> Result<Answer, Refusal> {
    let modes = ["$filter", "$select", "$page"];
    if modes.iter().filter(|mode| request.parameter(mode).is_some()).count() > 1 {
        return Err(Refusal::json(400, "$filter, $select and $page cannot be combined"));
    }
    if let Some(select) = request.parameter("$select") {
        if select != "Name" {
            return Err(Refusal::json(400, "$select supports only Name"));
        }
        let names: Vec<Value> = objects.iter().map(|object| json!({"Name": object.get("Name")})).collect();
        return Ok(Answer::json(200, &Value::Array(names)));
    }
    if let Some(filter) = request.parameter("$filter") {
        let names = filtered_names(filter)?;
        let kept: Vec<Value> = objects.iter().filter(|object| is_named(object, &names)).cloned().collect();
        return Ok(Answer::json(200, &Value::Array(kept)));
    }
    match request.parameter("$page") {
        Some(page) => paged(request, path, page, objects),
        None => Ok(Answer::json(200, &Value::Array(objects.to_vec()))),
    }
}

/// The names of `Name in ('a.pem','b%27s.pem')`, each decoded once more.
pub(super) fn filtered_names(filter: &str) -> Result<Vec<String>, Refusal> {
    let refused = || Refusal::json(400, "$filter supports only Name in ('name',…)");
    let inner = filter
        .trim()
        .strip_prefix("Name in (")
        .and_then(|rest| rest.strip_suffix(')'))
        .ok_or_else(refused)?;
    inner
        .split(',')
        .map(|quoted| {
            let quoted = quoted.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            quoted.map(|name| decoded(name, false)).ok_or_else(refused)
        })
        .collect()
}

/// One object with its ETag, unless the request's preconditions say otherwise.
pub(super) fn conditional(request: &Request, etag: &str, body: &Value) -> Answer {
    let lists = |name: &str| {
        request.header(name).map(|value| {
            value.split(',').any(|one| {
                let bare = one.trim().trim_start_matches("W/").trim_matches('"');
                bare == etag || bare == "*"
            })
        })
    };
    let answer = if lists("if-match") == Some(false) {
        Answer::empty(412)
    } else if lists("if-none-match") == Some(true) {
        Answer::empty(304)
    } else {
        Answer::json(200, body)
    };
    answer.with("etag", etag)
}

/// The ETag of a stored object: 64 hex digits.
pub(super) fn etag(object: &Value) -> String {
    pki::fingerprint(object.to_string().as_bytes())
}

fn paged(request: &Request, path: &str, page: &str, objects: &[Value]) -> Result<Answer, Refusal> {
    let number = |text: &str| text.parse::<usize>().ok().filter(|value| *value >= 1);
    let page = number(page).ok_or_else(|| Refusal::json(400, "$page must be at least 1"))?;
    let size = number(request.parameter("$pageSize").unwrap_or("10"))
        .filter(|size| *size <= 1000)
        .ok_or_else(|| Refusal::json(400, "$pageSize must be between 1 and 1000"))?;
    let pages = objects.len().div_ceil(size);
    let shown: Vec<Value> = objects.iter().skip((page - 1) * size).take(size).cloned().collect();
    let mut links = Vec::new();
    if page > 1 {
        links.push(format!("<{path}?$page={}&$pageSize={size}>; rel='previous'", page - 1));
    }
    if page < pages {
        links.push(format!("<{path}?$page={}&$pageSize={size}>; rel='next'", page + 1));
    }
    let mut answer = Answer::json(200, &Value::Array(shown));
    if !links.is_empty() {
        answer = answer.with("link", links.join(", "));
    }
    if request.parameter("$pageCount") == Some("true") {
        answer = answer.with("page-count", pages.to_string());
    }
    if request.parameter("$entityCount") == Some("true") {
        answer = answer.with("entity-count", objects.len().to_string());
    }
    Ok(answer)
}

fn is_named(object: &Value, names: &[String]) -> bool {
    object.get("Name").and_then(Value::as_str).is_some_and(|name| names.iter().any(|wanted| wanted == name))
}
