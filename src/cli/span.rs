//! Spans of time and moments as people type them: `90s`, `12h`, `30d`, `2027-01-04`.
//! It knows no configuration.

use crate::domain::{Duration, Timestamp};

/// Reads a span such as `30s`, `15m`, `12h`, `7d`, `2w`; `ms` too, as the configuration does.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return Err(FORM.to_owned()),
    };
    let number: i64 = number.parse().map_err(|_| FORM.to_owned())?;
    let span = number.checked_mul(milliseconds).and_then(Duration::try_milliseconds);
    span.ok_or_else(|| "that is too long".to_owned())
}

/// Reads a span that is the limit of one call.
pub(super) fn limit(text: &str) -> Result<std::time::Duration, String> {
    let limit = span(text)?.to_std().map_err(|_| FORM.to_owned())?;
    if limit.is_zero() {
        return Err("a limit of nothing leaves no time for the call".to_owned());
    }
    Ok(limit)
}

/// Reads a moment such as `2027-01-04` (midnight UTC) or `2027-01-04T08:00:00Z`.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<chrono::NaiveDate>() {
        return Ok(day.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    text.parse::<Timestamp>().map_err(|_| "write it like 2027-01-04 or 2027-01-04T08:00:00Z".to_owned())
}

const FORM: &str = "write it like 30s, 15m, 12h, 7d or 2w";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        assert_eq!(span("90s"), Ok(Duration::seconds(90)));
        assert_eq!(span("2w"), Ok(Duration::days(14)));
        assert_eq!(span("300ms"), Ok(Duration::milliseconds(300)));
        for text in ["", "30", "d", "1.5h", "-1d", "1y", "ü"] {
            assert_eq!(span(text), Err(FORM.to_owned()), "{text}");
        }
        assert!(span("99999999999999999999d").is_err());
        assert!(span("9223372036854775807d").is_err());
    }

    #[test]
    fn a_moment_is_a_day_or_an_instant() {
        assert_eq!(moment("2027-01-04").unwrap().to_rfc3339(), "2027-01-04T00:00:00+00:00");
        assert_eq!(moment("2027-01-04T08:00:00+01:00").unwrap().to_rfc3339(), "2027-01-04T07:00:00+00:00");
        assert!(moment("tomorrow").is_err());
    }
}
