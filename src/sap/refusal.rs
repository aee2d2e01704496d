//! What an answer of SAP's that is no success means: both documented error shapes, and everything a proxy may say instead.
//! It sends nothing and shows nothing that could be secret.

use serde_json::Value;

use crate::domain::reason::Reason;
use crate::net;

/// The most of an answer that is shown, in characters.
const SHOWN: usize = 160;

/// The longest word that is shown: keys, tokens and contents have longer ones.
const LONGEST_WORD: usize = 48;

/// The reason that belongs to a status.
pub(crate) const fn reason_of(status: u16) -> Reason {
    match status {
        401 => Reason::Unauthorized,
        403 => Reason::Forbidden,
        404 => Reason::NotFound,
        408 => Reason::Timeout,
        409 => Reason::Conflict,
        429 => Reason::RateLimited,
        400..=499 => Reason::Refused,
        500..=599 => Reason::Unavailable,
        _ => Reason::UnexpectedAnswer,
    }
}

/// Whether a write that was answered like this certainly changed nothing.
pub(crate) const fn is_clear_refusal(status: u16) -> bool {
    matches!(status, 400..=499) && status != 408
}

/// Whether a 404 was said by the platform's router or a proxy, and so says nothing about the entry.
pub(crate) fn is_missing_route(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_lowercase();
    text.contains("requested route") || text.trim_start().starts_with('<')
}

/// What an error's body says, in a few words: `{"ErrorMessage": …}`, OAuth's `error_description`, a JSON string, plain text.
pub(crate) fn words(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(members)) => ["ErrorMessage", "error_description", "error", "cause", "message"]
            .iter()
            .find_map(|member| members.get(*member).and_then(Value::as_str))
            .map_or_else(|| "a JSON object without a message".to_owned(), str::to_owned),
        Ok(Value::String(text)) => text,
        Ok(Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_)) | Err(_) => net::excerpt(body),
    };
    let words = shortened(&text);
    if words.is_empty() { "no explanation".to_owned() } else { words }
}

/// What a success that cannot be understood looks like, without anything of its content.
pub(crate) fn shape(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start();
    match text.chars().next() {
        None => "an empty answer".to_owned(),
        Some('<') => format!("a page instead of JSON, beginning \"{}\"", shortened(&net::excerpt(body))),
        Some('{' | '[') => {
            let end = if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
                "of another shape than documented"
            } else {
                "that ends in the middle"
            };
            format!("{} bytes of JSON {end}", body.len())
        }
        Some(_) => format!("{} bytes that are not JSON", body.len()),
    }
}

fn shortened(text: &str) -> String {
    if text.contains("PRIVATE KEY") {
        return "(not shown)".to_owned();
    }
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if word.chars().count() > LONGEST_WORD { "…".to_owned() } else { word.to_owned() })
        .collect();
    let line = words.join(" ");
    let mut shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(body: &str, expected: &str) {
        assert_eq!(words(body.as_bytes()), expected);
    }

    #[test]
    fn both_documented_error_shapes_and_others_are_read() {
        says(r#"{"ErrorMessage":"Duplicate key","$metadata":{}}"#, "Duplicate key");
        says(r#""Bad Request""#, "Bad Request");
        says("Bad Request\n", "Bad Request");
        says(r#"{"error":"unauthorized","error_description":"Bad credentials"}"#, "Bad credentials");
        says("<html><h1>502</h1> Bad Gateway</html>", "502 Bad Gateway");
        says("", "no explanation");
    }

    #[test]
    fn long_words_and_keys_are_never_shown() {
        says(&format!("x {} y", "A".repeat(64)), "x … y");
        says(r#""-----BEGIN PRIVATE KEY----- AAAA""#, "(not shown)");
    }

    #[test]
    fn the_shape_of_a_success_shows_nothing_of_its_content() {
        assert_eq!(shape(br#"{"KeyStorePassword":"secret"#), "27 bytes of JSON that ends in the middle");
        assert_eq!(shape(br#"{"a":1}"#), "7 bytes of JSON of another shape than documented");
        assert_eq!(shape(b"hello"), "5 bytes that are not JSON");
    }

    #[test]
    fn a_router_s_404_says_nothing_about_an_entry() {
        assert!(is_missing_route(b"404 Not Found: Requested route ('x.example.org') does not exist."));
        assert!(is_missing_route(b"<html>not found</html>"));
        assert!(!is_missing_route(
            br#"{"ErrorMessage":"Configuration with the specified name was not found"}"#
        ));
    }
}
