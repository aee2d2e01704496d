//! Moments in the words of the pages; spans are worded alike everywhere.
//! It knows no language but one, and no zone but UTC.

use crate::domain::Timestamp;
pub(super) use crate::domain::span::{distance, span};

/// The date, for people.
pub(super) fn date(at: Timestamp) -> String {
    at.format("%-d %b %Y").to_string()
}

/// Date and time, for people.
pub(super) fn date_and_time(at: Timestamp) -> String {
    at.format("%-d %b %Y, %H:%M UTC").to_string()
}

/// Text as a whole sentence: a capital first, a full stop last.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}
