//! What servers say about the time, by the `Date` of answers that are got anyway.
//! It judges no clock and asks nobody.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;

use crate::clock::Stopwatch;
use crate::domain::Timestamp;

/// How long an answer counts.
const KEPT: Duration = Duration::from_secs(3600);

/// The last answer of each server.
#[derive(Default)]
pub(super) struct Skews(Mutex<BTreeMap<String, (Stopwatch, chrono::Duration)>>);

impl Skews {
    /// Notes what one answer says, got at this moment. One from a cache says when it was put there.
    pub(super) fn note(&self, server: &str, headers: &HeaderMap, now: Timestamp) {
        let date = headers.get("date").filter(|_| !headers.contains_key("age"));
        let date = date.and_then(|date| chrono::DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
        if let Some(date) = date {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(server.to_owned(), (Stopwatch::start(), now - date.to_utc()));
        }
    }

    /// The least difference among the servers that answered lately.
    pub(super) fn least(&self) -> Option<chrono::Duration> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (since, _)| since.elapsed() < KEPT);
        known.values().map(|(_, skew)| *skew).min_by_key(chrono::Duration::abs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(skews: &Skews, server: &str, headers: &[(&'static str, &str)]) -> Option<i64> {
        let now = "2026-11-21T10:00:00Z".parse().unwrap();
        let headers = headers.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()));
        skews.note(server, &headers.collect(), now);
        skews.least().map(|skew| skew.num_minutes())
    }

    #[test]
    fn the_server_that_agrees_best_counts_and_an_answer_from_a_cache_does_not() {
        let skews = Skews::default();
        let old = ("date", "Sat, 21 Nov 2026 09:00:00 GMT");
        assert_eq!(said(&skews, "cache", &[old, ("age", "3600")]), None);
        assert_eq!(said(&skews, "silent", &[("date", "soon")]), None);
        assert_eq!(said(&skews, "a", &[old]), Some(60));
        assert_eq!(said(&skews, "b", &[("date", "Sat, 21 Nov 2026 10:02:00 GMT")]), Some(-2));
        assert_eq!(said(&skews, "b", &[("date", "Sat, 21 Nov 2026 12:00:00 GMT")]), Some(60));
    }
}
