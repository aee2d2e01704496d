//! Requests and answers against the operations of an OpenAPI 3.0 file: which operation is meant, and what in it is not kept.
//! Every schema is judged by the `jsonschema` crate; nothing of it is understood here.

use serde_json::{Map, Value, json};

/// One request and its answer, as they went over the wire.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) method: String,
    /// Below the server's address of the file.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) request_headers: Vec<(String, String)>,
    pub(super) request_body: Vec<u8>,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Exchange {
    fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
        headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The file, to be judged by.
pub(super) struct Judge {
    file: Value,
}

/// One operation of the file.
pub(super) struct Operation<'file> {
    pub(super) method: String,
    pub(super) path: &'file str,
    described: &'file Value,
}

/// Headers of HTTP itself, which an OpenAPI file does not list.
const OF_HTTP: [&str; 6] =
    ["accept", "authorization", "content-type", "content-length", "host", "user-agent"];

impl<'file> Operation<'file> {
    /// Its answers by status.
    pub(super) fn responses(&self) -> impl Iterator<Item = (&'file String, &'file Value)> {
        self.described["responses"].as_object().unwrap().iter()
    }
}

impl Judge {
    pub(super) fn new(file: Value) -> Self {
        // The schemas of OpenAPI 3.0 are those of JSON Schema, draft 4, but for this one word.
        assert!(!file.to_string().contains("\"nullable\""), "`nullable` has to be translated first");
        Self { file }
    }

    pub(super) fn operations(&self) -> Vec<Operation<'_>> {
        let paths = self.file["paths"].as_object().unwrap();
        let each = paths.iter().flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, described)| Operation {
                method: method.to_uppercase(),
                path,
                described,
            })
        });
        each.collect()
    }

    /// The operation that is meant; where several paths fit, the one that says more literally.
    pub(super) fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let fitting =
            self.operations().into_iter().filter(|one| one.method == method && fits(one.path, path));
        fitting.max_by_key(|one| literal(one.path))
    }

    /// The example that the file has for a schema.
    pub(super) fn component_example(&self, name: &str) -> Value {
        self.file["components"]["examples"][name]["value"].clone()
    }

    /// What a reference leads to, or the value itself.
    pub(super) fn resolved<'v>(&'v self, value: &'v Value) -> &'v Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(place) => self.file.pointer(place.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }

    /// What in the request is not as the file says.
    pub(super) fn request(&self, exchange: &Exchange) -> Vec<(String, String)> {
        let Some(operation) = self.operation(&exchange.method, &exchange.path) else {
            let text = format!("{} {} is no operation of the file", exchange.method, exchange.path);
            return vec![(text, String::new())];
        };
        let mut found = self.parameters(&operation, exchange);
        found.extend(self.request_body(&operation, exchange));
        named(&operation, found)
    }

    /// What in the answer is not as the file says.
    pub(super) fn answer(&self, exchange: &Exchange) -> Vec<(String, String)> {
        let Some(operation) = self.operation(&exchange.method, &exchange.path) else {
            let text = format!("{} {} is no operation of the file", exchange.method, exchange.path);
            return vec![(text, String::new())];
        };
        let status = exchange.status.to_string();
        let found = match operation.described["responses"].get(&status) {
            None => vec![(format!("answers {status}"), text(&exchange.body))],
            Some(response) => {
                let response = self.resolved(response);
                let kind = Exchange::header(&exchange.headers, "content-type");
                let mut found = self.body(response, &format!("{status} has"), kind, &exchange.body);
                found.extend(self.answer_headers(response, exchange));
                found
            }
        };
        named(&operation, found)
    }

    fn answer_headers(&self, response: &Value, exchange: &Exchange) -> Vec<(String, String)> {
        let declared = response["headers"].as_object().cloned().unwrap_or_default();
        let sent = declared.iter().filter_map(|(name, header)| {
            let value = Exchange::header(&exchange.headers, name)?;
            let wrong = self.mistakes(&header["schema"], &typed(&header["schema"], value))?;
            Some((format!("{} has another {name} header", exchange.status), wrong))
        });
        sent.collect()
    }

    fn parameters(&self, operation: &Operation<'_>, exchange: &Exchange) -> Vec<(String, String)> {
        let declared: Vec<&Value> = operation.described["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| self.resolved(one))
            .collect();
        let find = |place: &str, name: &str| {
            let same =
                |own: &str| if place == "header" { own.eq_ignore_ascii_case(name) } else { own == name };
            declared.iter().find(|one| one["in"] == place && one["name"].as_str().is_some_and(same)).copied()
        };
        let headers = exchange.request_headers.iter().filter(|(name, _)| !OF_HTTP.contains(&name.as_str()));
        let given =
            exchange.query.iter().map(|pair| ("query", pair)).chain(headers.map(|pair| ("header", pair)));
        let mut found = Vec::new();
        for (place, (name, value)) in given {
            match find(place, name) {
                None => found.push((format!("sends the {place} parameter {name}"), value.clone())),
                Some(parameter) => {
                    let schema = &parameter["schema"];
                    let wrong = self.mistakes(schema, &typed(schema, value));
                    found.extend(
                        wrong.map(|wrong| (format!("sends another {place} parameter {name}"), wrong)),
                    );
                }
            }
        }
        let wanted = declared.iter().filter(|one| one["required"] == true && one["in"] == "query");
        for name in wanted.filter_map(|one| one["name"].as_str()) {
            if !exchange.query.iter().any(|(own, _)| own == name) {
                found.push((format!("leaves out the query parameter {name}"), String::new()));
            }
        }
        found
    }

    fn request_body(&self, operation: &Operation<'_>, exchange: &Exchange) -> Vec<(String, String)> {
        let declared = self.resolved(&operation.described["requestBody"]);
        if declared.is_null() {
            let empty = exchange.request_body.is_empty();
            return if empty { Vec::new() } else { vec![("sends a body".to_owned(), String::new())] };
        }
        let kind = Exchange::header(&exchange.request_headers, "content-type");
        self.body(declared, "sends", kind, &exchange.request_body)
    }

    /// One body against the media types that are declared for it.
    fn body(&self, declared: &Value, says: &str, kind: Option<&str>, body: &[u8]) -> Vec<(String, String)> {
        let Some(content) = declared["content"].as_object() else {
            let empty = body.is_empty();
            return if empty { Vec::new() } else { vec![(format!("{says} a body"), text(body))] };
        };
        let bare = kind.and_then(|kind| kind.split(';').next()).unwrap_or("no content type").trim();
        let Some(media) = content.get(bare).or_else(|| content.get("*/*")) else {
            return vec![(format!("{says} {bare}"), text(body))];
        };
        let value = match serde_json::from_slice(body) {
            Ok(value) if bare == "application/json" => value,
            Ok(_) | Err(_) if bare != "application/json" => Value::String(text(body)),
            Ok(_) | Err(_) => return vec![(format!("{says} JSON that is none"), text(body))],
        };
        let wrong = self.mistakes(&media["schema"], &value);
        let shape = shape(&value);
        wrong.map(|wrong| (format!("{says} {shape}"), wrong)).into_iter().collect()
    }

    /// What the public validator says of it; none where it fits.
    pub(super) fn mistakes(&self, schema: &Value, value: &Value) -> Option<String> {
        let whole = json!({"allOf": [schema], "components": self.file["components"]});
        let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft4).build(&whole).unwrap();
        let wrong: Vec<String> =
            validator.iter_errors(value).map(|error| shortened(&error.to_string())).collect();
        (!wrong.is_empty()).then(|| wrong.join("; "))
    }
}

fn named(operation: &Operation<'_>, found: Vec<(String, String)>) -> Vec<(String, String)> {
    // Both levels are described alike, so what deviates at one deviates at the other.
    let path = operation.path.replace("/v1/subaccount", "/v1/*").replace("/v1/instance", "/v1/*");
    let name = format!("{} {path}", operation.method);
    found.into_iter().map(|(what, details)| (format!("{name}: {what}"), details)).collect()
}

/// Whether a path is one of this template, segment by segment.
fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let same = |(wanted, given): (&&str, &&str)| match wanted.split_once('{') {
        None => wanted == given,
        // `{name}` or `{name}@{level}`
        Some(_) => {
            !given.is_empty() && (!wanted.contains('@') || given.contains('@') || given.contains("%40"))
        }
    };
    template.len() == path.len() && template.iter().zip(&path).all(same)
}

/// How much of a template is literal.
fn literal(template: &str) -> usize {
    let mut depth = 0_usize;
    let outside = template.chars().filter(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    outside.count()
}

/// A parameter's text as the type that its schema names, as OpenAPI writes parameters.
fn typed(schema: &Value, text: &str) -> Value {
    let read = match schema["type"].as_str() {
        Some("integer" | "number" | "boolean") => serde_json::from_str(text).ok(),
        _ => None,
    };
    read.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn text(body: &[u8]) -> String {
    shortened(&String::from_utf8_lossy(body))
}

fn shortened(text: &str) -> String {
    text.chars().take(300).collect()
}

/// What a body is, without its values.
fn shape(value: &Value) -> String {
    let members = |object: &Map<String, Value>| object.keys().cloned().collect::<Vec<_>>().join(", ");
    match value {
        Value::Object(object) if object.len() > 4 => "an object of many members".to_owned(),
        Value::Object(object) => format!("{{{}}}", members(object)),
        Value::Array(items) => match items.first() {
            Some(Value::Object(object)) => format!("[{{{}}}]", members(object)),
            Some(_) | None => "an array".to_owned(),
        },
        Value::String(text) if text.is_empty() => "nothing".to_owned(),
        Value::String(_) => "text".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => "a bare value".to_owned(),
    }
}

/// A file of two operations, to judge the judge by.
fn small_file() -> Judge {
    Judge::new(json!({
        "paths": {"/v1/things": {"put": {
            "parameters": [{"name": "$page", "in": "query", "schema": {"type": "integer", "minimum": 1}},
                {"name": "$filter", "in": "query", "required": true, "schema": {"type": "string"}}],
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
            "responses": {"200": {"headers": {"Count": {"schema": {"type": "integer"}}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}},
        }}},
        "components": {"schemas": {"Thing": {"type": "object", "required": ["Name"], "properties": {"Name": {"type": "string"}}}}},
    }))
}

fn put(query: &[(&str, &str)], request_body: &str, status: u16, kind: &str, body: &str) -> Exchange {
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    Exchange {
        method: "PUT".to_owned(),
        path: "/v1/things".to_owned(),
        query: owned(query),
        request_headers: owned(&[("content-type", "application/json")]),
        request_body: request_body.into(),
        status,
        headers: owned(&[("content-type", kind), ("count", "many")]),
        body: body.into(),
    }
}

#[test]
fn whatever_is_not_kept_is_noticed() {
    let judge = small_file();
    let said = |found: Vec<(String, String)>| found.into_iter().map(|(what, _)| what).collect::<Vec<_>>();
    let good = put(
        &[("$filter", "x"), ("$page", "2")],
        r#"{"Name":"a"}"#,
        200,
        "application/json",
        r#"{"Name":"a"}"#,
    );
    assert_eq!(said(judge.request(&good)), [""; 0]);
    assert_eq!(said(judge.answer(&good)), ["PUT /v1/things: 200 has another Count header"]);
    let bad = put(&[("$page", "0"), ("$top", "1")], r#"{"name":"a"}"#, 200, "text/plain", "a");
    let expected = [
        "PUT /v1/things: sends another query parameter $page",
        "PUT /v1/things: sends the query parameter $top",
        "PUT /v1/things: leaves out the query parameter $filter",
        "PUT /v1/things: sends {name}",
    ];
    assert_eq!(said(judge.request(&bad)), expected);
    assert_eq!(said(judge.answer(&bad))[0], "PUT /v1/things: 200 has text/plain");
    assert_eq!(said(judge.answer(&Exchange { status: 201, ..bad.clone() })), ["PUT /v1/things: answers 201"]);
    let elsewhere = Exchange { path: "/v1/others".to_owned(), ..bad };
    assert_eq!(said(judge.request(&elsewhere)), ["PUT /v1/others is no operation of the file"]);
}
