//! Spans in the words of people, rounded in one way wherever they are shown.
//! It knows no calendar.

use super::{Duration, Timestamp};

/// A span in its largest useful unit, rounded down: a time that is left is never shown longer than it is.
#[must_use]
pub fn span(span: Duration) -> String {
    let units =
        [(span.num_days(), 2, "day"), (span.num_hours(), 2, "hour"), (span.num_minutes(), 1, "minute")];
    let (count, unit) = units
        .into_iter()
        .find(|(count, least, _)| count >= least)
        .map_or_else(|| (span.num_seconds(), "second"), |(count, _, unit)| (count, unit));
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// How far away a moment is: `in 23 days`, `3 hours ago`, `now`.
#[must_use]
pub fn distance(at: Timestamp, now: Timestamp) -> String {
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

/// What is left until then: `54 days left`, `over since 3 hours`.
#[must_use]
pub fn left(until: Timestamp, now: Timestamp) -> String {
    let away = until - now;
    if away > Duration::zero() {
        format!("{} left", span(away))
    } else {
        format!("over since {}", span(away.abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> (Timestamp, Timestamp) {
        let now: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        (now + Duration::seconds(seconds), now)
    }

    #[test]
    fn a_distance_is_in_its_largest_useful_unit() {
        let cases = [
            (20, "now"),
            (60, "in 1 minute"),
            (-7_100, "118 minutes ago"),
            (47 * 3_600, "in 47 hours"),
            (23 * 86_400 + 80_000, "in 23 days"),
            (-3 * 86_400, "3 days ago"),
        ];
        for (seconds, words) in cases {
            let (at, now) = at(seconds);
            assert_eq!(distance(at, now), words);
        }
    }

    #[test]
    fn what_is_left_is_never_more_than_it_is() {
        for (seconds, words) in
            [(55 * 86_400 - 1, "54 days left"), (90, "1 minute left"), (-7_200, "over since 2 hours")]
        {
            let (at, now) = at(seconds);
            assert_eq!(left(at, now), words);
        }
    }
}
