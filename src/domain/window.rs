//! Times in which something that can hurt may happen, and times in which it may not.
//! It knows nothing of acts.

use chrono::{Datelike as _, NaiveDate, NaiveTime, Weekday};

use super::{Duration, Timestamp};

/// Weekly hours in a time zone, such as `Mon-Thu 08:00-16:00 Europe/Berlin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    days: Vec<Weekday>,
    from: NaiveTime,
    to: NaiveTime,
    zone: chrono_tz::Tz,
    text: String,
}

/// Why a window's text could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write it like \"Mon-Thu 08:00-16:00 Europe/Berlin\"")]
pub struct ReadWindow(String);

impl Window {
    /// Reads `DAY[-DAY][,DAY…] HH:MM-HH:MM [ZONE]`; without a zone it is UTC. Hours that end before they begin go past midnight.
    ///
    /// # Errors
    /// [`ReadWindow`] says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, ReadWindow> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let (days, hours, zone) = match parts.as_slice() {
            [days, hours] => (*days, *hours, "UTC"),
            [days, hours, zone] => (*days, *hours, *zone),
            _ => return Err(ReadWindow(format!("{text:?} is not days, hours and a time zone"))),
        };
        let zone = zone.parse().map_err(|_| ReadWindow(format!("{zone:?} is not a time zone")))?;
        let (from, to) =
            hours.split_once('-').ok_or_else(|| ReadWindow(format!("{hours:?} is not a span of hours")))?;
        let (from, to) = (time(from)?, time(to)?);
        if from == to {
            return Err(ReadWindow(format!("{hours:?} is empty")));
        }
        Ok(Self { days: weekdays(days)?, from, to, zone, text: text.to_owned() })
    }

    /// Whether `at` is inside.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        let local = at.with_timezone(&self.zone);
        let (day, time) = (local.weekday(), local.time());
        if self.from < self.to {
            return self.days.contains(&day) && self.from <= time && time < self.to;
        }
        (self.days.contains(&day) && self.from <= time) || (self.days.contains(&day.pred()) && time < self.to)
    }

    /// The first minute at or after `from` that is inside, looking ahead at most `limit`; none where there is none.
    #[must_use]
    pub fn next_within(&self, from: Timestamp, limit: Duration) -> Option<Timestamp> {
        let step = Duration::minutes(15);
        let mut at = from;
        while at <= from + limit {
            if self.contains(at) {
                return Some(self.first_inside(from.max(at - step), at));
            }
            at += step;
        }
        None
    }

    fn first_inside(&self, outside: Timestamp, inside: Timestamp) -> Timestamp {
        if self.contains(outside) {
            return outside;
        }
        let minutes = (inside - outside).num_minutes();
        (0..=minutes).map(|n| outside + Duration::minutes(n)).find(|at| self.contains(*at)).unwrap_or(inside)
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

fn time(text: &str) -> Result<NaiveTime, ReadWindow> {
    if text == "24:00" {
        return Ok(NaiveTime::MIN);
    }
    NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| ReadWindow(format!("{text:?} is not a time of day")))
}

fn weekdays(text: &str) -> Result<Vec<Weekday>, ReadWindow> {
    let day = |name: &str| -> Result<Weekday, ReadWindow> {
        name.parse().map_err(|_| ReadWindow(format!("{name:?} is not a day of the week")))
    };
    let mut days = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let mut current = first;
        loop {
            if !days.contains(&current) {
                days.push(current);
            }
            if current == last {
                break;
            }
            current = current.succ();
        }
    }
    Ok(days)
}

/// Whole days in which nothing that can hurt is done (`[[freeze]]`), both ends inclusive, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freeze {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
}

impl Freeze {
    /// Whether `at` is inside.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        let day = at.date_naive();
        self.from <= day && day <= self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn inside(window: &str, moment: &str) -> bool {
        Window::parse(window).unwrap().contains(at(moment))
    }

    #[test]
    fn hours_are_local_to_the_zone() {
        assert!(inside("Mon-Thu 08:00-16:00 Europe/Berlin", "2026-07-06T06:00:00Z"));
        assert!(!inside("Mon-Thu 08:00-16:00 Europe/Berlin", "2026-01-05T06:30:00Z"));
        assert!(!inside("Mon-Thu 08:00-16:00 Europe/Berlin", "2026-07-06T14:00:00Z"));
    }

    #[test]
    fn hours_past_midnight_belong_to_the_day_they_began() {
        assert!(inside("Sat 22:00-04:00", "2026-07-05T03:59:00Z"));
        assert!(!inside("Sat 22:00-04:00", "2026-07-04T03:59:00Z"));
    }

    #[test]
    fn the_next_moment_is_found_to_the_minute() {
        let window = Window::parse("Mon 08:10-09:00").unwrap();
        let next = window.next_within(at("2026-07-03T12:00:00Z"), Duration::days(8));
        assert_eq!(next, Some(at("2026-07-06T08:10:00Z")));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let text = Window::parse("Mon-Thx 08:00-16:00").unwrap_err().to_string();
        assert!(text.starts_with("\"Thx\" is not a day of the week"), "{text}");
        assert!(Window::parse("Mon 08:00-16:00 Europe/Nowhere").is_err());
        assert!(Window::parse("always").is_err());
    }
}
