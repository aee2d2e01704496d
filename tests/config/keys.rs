//! The list of keys: example, schema, reference and defaults say the same.

use serde_json::Value;

use super::*;

#[test]
fn the_example_loads() {
    let config = loaded(config::EXAMPLE);
    let ids: Vec<&str> = config.watches.iter().map(|watch| watch.watch.id.as_str()).collect();
    assert_eq!(ids, ["sf-odata-prod", "payroll-export", "partner-authorities", "our-own-key", "api-server"]);
    assert_eq!((config.notifiers.len(), config.tokens.len(), config.discoveries.len()), (3, 1, 4));
}

#[test]
fn the_minimal_configuration_loads() {
    assert_eq!(loaded(config::MINIMAL).watches.len(), 1);
}

#[test]
fn what_is_effective_loads_to_the_same() {
    let folder = folder();
    for text in
        [config::EXAMPLE, config::MINIMAL, "", "[daemon]\nstate = { type = \"sqlite\", path = \"x.db\" }\n"]
    {
        let first = load_in(&folder, text).unwrap();
        let second = load_in(&folder, first.effective()).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(first, second);
    }
}

#[test]
fn what_is_effective_shows_defaults_and_full_paths() {
    let folder = folder();
    let text =
        "[connections.btp]\ntype = \"destination-service\"\nservice_key = { file = \"credentials/key\" }\n";
    let config = load_in(&folder, text).unwrap();
    let key = folder.path().join("credentials/key");
    assert!(config.effective().contains(&format!("service_key = {{ file = \"{}\" }}", key.display())));
    assert!(config.effective().contains("check = \"*/15 * * * *\""));
    assert!(!config.effective().contains("sixteen"));
}

fn names(schema: &Value, into: &mut Vec<String>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        into.extend(properties.keys().cloned());
    }
    match schema {
        Value::Object(map) => map.values().for_each(|value| names(value, into)),
        Value::Array(items) => items.iter().for_each(|value| names(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_example_has_every_key() {
    let mut keys = Vec::new();
    names(&config::schema(), &mut keys);
    let text = config::EXAMPLE;
    let shown = |key: &str| {
        [format!("{key} = "), format!("[{key}]"), format!("[{key}."), format!(".{key}]")]
            .iter()
            .any(|form| text.contains(form))
    };
    let missing: Vec<&String> = keys.iter().filter(|key| !shown(key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Enough of JSON Schema for our own: says where a value does not fit.
fn fits(value: &Value, schema: &Value, path: &str) -> Result<(), String> {
    if let Some(kinds) = schema.get("oneOf").and_then(Value::as_array) {
        let fitting = kinds.iter().filter(|kind| fits(value, kind, path).is_ok()).count();
        return if fitting == 1 { Ok(()) } else { Err(format!("{path}: fits {fitting} of {}", kinds.len())) };
    }
    let allowed = |key: &str| schema.get(key).is_none_or(|one| one == value);
    let listed = schema.get("enum").and_then(Value::as_array).is_none_or(|all| all.contains(value));
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Number(_) | Value::Null => "integer",
    };
    if !allowed("const") || !listed || schema.get("type").is_some_and(|wanted| wanted != kind) {
        return Err(format!("{path}: {value} does not fit {schema}"));
    }
    if let Some(items) = value.as_array() {
        items.iter().try_for_each(|item| fits(item, &schema["items"], &format!("{path}[]")))?;
    }
    let Some(map) = value.as_object() else { return Ok(()) };
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        map.get(key).ok_or_else(|| format!("{path}.{key} is missing"))?;
    }
    map.iter().try_for_each(|(key, held)| {
        let inner = schema["properties"].get(key).unwrap_or(&schema["additionalProperties"]);
        if inner == &Value::Bool(false) {
            return Err(format!("{path}.{key} is not in the schema"));
        }
        fits(held, inner, &format!("{path}.{key}"))
    })
}

#[test]
fn the_example_fits_the_schema() {
    let example: toml::Table = toml::from_str(config::EXAMPLE).unwrap();
    let mut value = serde_json::to_value(&example).unwrap();
    // A date of TOML becomes an object of the toml crate's own; in JSON it is a string.
    for freeze in value["freeze"].as_array_mut().unwrap() {
        for key in ["from", "to"] {
            freeze[key] = Value::String("2026-12-18".to_owned());
        }
    }
    assert_eq!(fits(&value, &config::schema(), ""), Ok(()));
}

#[test]
fn the_reference_is_the_list_of_keys() {
    let path = root().join("docs/configuration.md");
    assert!(same_or_written(&path, &config::reference()), "write it anew: CERTSTEWARD_WRITE=1 cargo test");
}

#[test]
fn without_a_policy_the_defaults_of_the_domain_hold() {
    assert_eq!(loaded(config::MINIMAL).watches[0].watch.policy, Policy::default().into());
}
