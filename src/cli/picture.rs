//! Reads the daemon's JSON answers: texts, moments, lists.
//! What is missing in an answer is shown as missing, never guessed.

use serde_json::Value;

use super::exit::Failed;
use super::facts::shown;
use super::watches::no_such;
use crate::domain::Timestamp;
use crate::domain::finding::Level;

/// The text there; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The moment there.
pub(super) fn moment(value: &Value, key: &str) -> Option<Timestamp> {
    text(value, key).parse().ok()
}

/// The moment there, for people; a dash where there is none.
pub(super) fn moment_shown(value: &Value, key: &str) -> String {
    moment(value, key).map_or_else(|| "-".to_owned(), shown)
}

/// The list there; the answer itself may be the list.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).unwrap_or(value).as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The list of that name there; none where there is none of it.
pub(super) fn list_of<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).map(|found| list(found, "")).unwrap_or_default()
}

/// The level there; none where the answer has no level that is known.
pub(super) fn level(value: &Value) -> Option<Level> {
    Level::from_code(text(value, "level"))
}

/// The watches with these ids in the order asked for, or all of them.
pub(super) fn choose<'a>(all: &'a [Value], ids: &[String]) -> Result<Vec<&'a Value>, Failed> {
    if ids.is_empty() {
        return Ok(all.iter().collect());
    }
    let unknown = |id: &String| no_such(id, all.iter().map(|watch| text(watch, "id")));
    let find = |id: &String| all.iter().find(|watch| text(watch, "id") == id).ok_or_else(|| unknown(id));
    ids.iter().map(find).collect()
}
