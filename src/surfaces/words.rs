//! Moments and spans in the words of the pages.
//! It knows no language but one, and no zone but UTC.

use crate::domain::{Duration, Timestamp};

/// The date, for people.
pub(super) fn date(at: Timestamp) -> String {
    at.format("%-d %b %Y").to_string()
}

/// Date and time, for people.
pub(super) fn date_and_time(at: Timestamp) -> String {
    at.format("%-d %b %Y, %H:%M UTC").to_string()
}

/// How far away a moment is: `in 23 days`, `3 hours ago`, `now`.
pub(super) fn distance(at: Timestamp, now: Timestamp) -> String {
    let away = at - now;
    let text = span(away.abs());
    if away.abs() < Duration::minutes(1) {
        "now".to_owned()
    } else if away > Duration::zero() {
        format!("in {text}")
    } else {
        format!("{text} ago")
    }
}

/// A span in its largest useful unit, rounded down: a time that is left is never shown longer than it is.
pub(super) fn span(span: Duration) -> String {
    let units =
        [(span.num_days(), 2, "day"), (span.num_hours(), 2, "hour"), (span.num_minutes(), 1, "minute")];
    let (count, unit) = units
        .into_iter()
        .find(|(count, least, _)| count >= least)
        .map_or_else(|| (span.num_seconds(), "second"), |(count, _, unit)| (count, unit));
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// Text as a whole sentence: a capital first, a full stop last.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seconds: i64) -> String {
        let now: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        distance(now + Duration::seconds(seconds), now)
    }

    #[test]
    fn a_distance_is_in_its_largest_useful_unit() {
        assert_eq!(of(20), "now");
        assert_eq!(of(60), "in 1 minute");
        assert_eq!(of(-7_100), "118 minutes ago");
        assert_eq!(of(47 * 3_600), "in 47 hours");
        assert_eq!(of(23 * 86_400 + 80_000), "in 23 days");
        assert_eq!(of(-3 * 86_400), "3 days ago");
    }
}
