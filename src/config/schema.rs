//! The configuration as a JSON Schema, for editors and reviews.
//! It checks forms only; what settings must not say together it does not know.

use serde_json::{Map, Value, json};

use super::catalogue::{Form, Key, Keys, ROOT, Shape, Without};

/// The JSON Schema (draft 2020-12) of a configuration file.
#[must_use]
pub fn schema() -> Value {
    let mut schema = shape(&ROOT);
    if let Some(map) = schema.as_object_mut() {
        map.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        map.insert("title".to_owned(), json!("certsteward configuration"));
    }
    schema
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::One(keys) => table(keys, None, true),
        Shape::Several { preset, types, .. } => {
            let kinds: Vec<Value> =
                types.iter().map(|(name, keys)| table(keys, Some(name), preset.is_none())).collect();
            json!({ "oneOf": kinds })
        }
    }
}

fn table(keys: &Keys, kind: Option<&str>, kind_required: bool) -> Value {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    if let Some(kind) = kind {
        properties.insert("type".to_owned(), json!({ "const": kind }));
        if kind_required {
            required.push("type");
        }
    }
    for key in keys.iter() {
        properties.insert(key.name.to_owned(), property(key));
        if matches!(key.without, Without::Required) {
            required.push(key.name);
        }
    }
    json!({
        "type": "object",
        "description": keys.says,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut value = form(key.form);
    if let Some(map) = value.as_object_mut() {
        map.insert("description".to_owned(), json!(key.says));
        let default = match key.without {
            Without::Value(text) => toml::from_str::<toml::Table>(&format!("value = {text}")).ok(),
            Without::Required | Without::Words(_) => None,
        };
        if let Some(default) = default.as_ref().and_then(|table| table.get("value")) {
            map.insert("default".to_owned(), json!(default));
        }
    }
    value
}

const DURATION: &str = "^([0-9]+(w|d|h|m|s|ms))+$";

fn form(form: Form) -> Value {
    let file = json!({ "type": "object", "properties": { "file": { "type": "string" } }, "required": ["file"], "additionalProperties": false });
    match form {
        Form::Word(words) => json!({ "enum": words }),
        Form::Words(words) => json!({ "type": "array", "items": { "enum": words }, "minItems": 1 }),
        Form::Flag => json!({ "type": "boolean" }),
        Form::Count => json!({ "type": "integer", "minimum": 1 }),
        Form::Duration => json!({ "type": "string", "pattern": DURATION }),
        Form::Durations => json!({ "type": "array", "items": { "type": "string", "pattern": DURATION } }),
        Form::Span => {
            json!({ "type": "string", "pattern": "^(([0-9]+(w|d|h|m|s|ms))+|[0-9]+(\\.[0-9]+)?%)$" })
        }
        Form::Validity => json!({ "type": "string", "pattern": "^[0-9]+(y|mo|d)$" }),
        Form::Id => json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" }),
        Form::Globs | Form::Lists | Form::Texts => {
            json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 })
        }
        Form::Patterns | Form::HostPatterns => json!({ "type": "array", "items": { "type": "string" } }),
        Form::Statuses => {
            json!({ "type": "array", "items": { "oneOf": [{ "type": "integer", "minimum": 100, "maximum": 599 }, { "type": "string", "pattern": "^[1-5]([0-9]{2}|xx)$" }] }, "minItems": 1 })
        }
        Form::Date => json!({ "type": "string", "format": "date" }),
        Form::State => json!({ "oneOf": [
            { "type": "string", "pattern": "^sqlite:." },
            { "type": "object", "properties": { "type": { "const": "sqlite" }, "path": { "type": "string" } }, "required": ["type", "path"], "additionalProperties": false },
        ] }),
        Form::Secret => json!({
            "type": "object",
            "properties": { "file": { "type": "string" }, "environment": { "type": "string" }, "credential": { "type": "string" } },
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false,
        }),
        Form::KeyFile | Form::Certificates => file,
        Form::Labels | Form::Headers => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        Form::Table(inner) => shape(inner),
        Form::Named(inner) => json!({ "type": "object", "additionalProperties": shape(inner) }),
        Form::Many(inner) => json!({ "type": "array", "items": shape(inner) }),
        Form::Text
        | Form::Emergency
        | Form::UnlessNever
        | Form::Cron
        | Form::Window
        | Form::Url(_)
        | Form::Address
        | Form::ServerName
        | Form::Listen
        | Form::Path
        | Form::Folder => json!({ "type": "string" }),
    }
}
