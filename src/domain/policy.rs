//! When things are due for a certificate of a given lifetime, and how serious that is.
//! It knows certificates only by their dates.

use super::certificate::Certificate;
use super::finding::Level;
use super::watch::AutoRenew;
use super::{Duration, Timestamp};

/// A span of time, or a share of the certificate's lifetime in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Span {
    /// A fixed span.
    Fixed(Duration),
    /// A share of the lifetime, in percent.
    Share(f64),
}

impl Span {
    fn of(self, lifetime: Duration) -> Duration {
        match self {
            Self::Fixed(span) => span,
            Self::Share(percent) => share(lifetime, percent),
        }
    }
}

/// When a switch may go through a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emergency {
    /// From the critical level on.
    FromCritical,
    /// From this long before the deadline on.
    Within(Duration),
    /// Never.
    Never,
}

/// What becomes of a replaced certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retire {
    /// A person approves the removal.
    Ask,
    /// It is removed.
    Auto,
    /// It stays.
    Never,
}

/// The settings of a watch that say when and how serious.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// From when a notice is due, before the deadline.
    pub notice: Span,
    /// When the renewal begins, before the deadline.
    pub renew_before: Span,
    /// How long a person is given.
    pub person_time: Span,
    /// From when it is a warning.
    pub warning: Span,
    /// From when it is critical.
    pub critical: Span,
    /// How long callers are watched after a switch.
    pub settle: Duration,
    /// What becomes of the replaced certificate.
    pub retire: Retire,
    /// How long it is kept at least.
    pub retire_after: Duration,
    /// When a switch may go through a window.
    pub emergency: Emergency,
    /// How long before the store's own renewal what is in force is kept from it, while a person is still asked; none for never.
    pub hold: Option<Duration>,
    /// How many outside changes a day one watch may make.
    pub acts_per_day: u32,
    /// Whether an approval must come from somebody else than who asked.
    pub four_eyes: bool,
    /// How long a place may show another certificate than the source before it is said.
    pub drift_after: Duration,
    /// What becomes of judgements about the certificate alone.
    pub lints: super::lint::Lints,
}

/// The share of the lifetime that caps each span, in percent: so that a 7-day key is not always critical and never renews in a loop.
pub mod caps {
    /// Caps `notice`.
    pub const NOTICE: f64 = 40.0;
    /// Caps `renew_before`.
    pub const RENEW_BEFORE: f64 = 33.0;
    /// Caps `person_time`.
    pub const PERSON_TIME: f64 = 15.0;
    /// Caps `warning`.
    pub const WARNING: f64 = 20.0;
    /// Caps `critical`.
    pub const CRITICAL: f64 = 5.0;
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            notice: Span::Fixed(Duration::days(65)),
            renew_before: Span::Fixed(Duration::days(60)),
            person_time: Span::Fixed(Duration::days(21)),
            warning: Span::Fixed(Duration::days(30)),
            critical: Span::Fixed(Duration::days(7)),
            settle: Duration::minutes(20),
            retire: Retire::Ask,
            retire_after: Duration::days(14),
            emergency: Emergency::FromCritical,
            hold: Some(Duration::days(3)),
            acts_per_day: 20,
            four_eyes: false,
            drift_after: Duration::hours(1),
            lints: super::lint::Lints::new(),
        }
    }
}

/// The moments that matter for one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    /// The store's own renewal threshold where it may renew by itself, else the expiry.
    pub deadline: Timestamp,
    /// From when it is worth knowing.
    pub notice: Timestamp,
    /// When the renewal is due, before jitter.
    pub due: Timestamp,
    /// From when it is a warning.
    pub warning: Timestamp,
    /// From when it is critical.
    pub critical: Timestamp,
    /// The last moment at which a switch leaves time to settle, and a person enough time where one is needed.
    pub last_safe: Timestamp,
    /// The widest jitter by which the due moment may come earlier.
    pub jitter: Duration,
}

impl Policy {
    /// The moments of this certificate.
    #[must_use]
    pub fn moments(&self, certificate: &Certificate, auto_renew: AutoRenew, person_needed: bool) -> Moments {
        let lifetime = certificate.lifetime();
        let deadline = deadline(certificate, auto_renew);
        let capped = |span: Span, cap: f64| span.of(lifetime).min(share(lifetime, cap));
        let person =
            if person_needed { capped(self.person_time, caps::PERSON_TIME) } else { Duration::zero() };
        let renew_before = capped(self.renew_before, caps::RENEW_BEFORE);
        Moments {
            deadline,
            notice: deadline - capped(self.notice, caps::NOTICE),
            due: deadline - renew_before,
            warning: deadline - capped(self.warning, caps::WARNING),
            critical: deadline - capped(self.critical, caps::CRITICAL),
            last_safe: deadline - self.settle - person,
            jitter: renew_before / 20,
        }
    }
}

impl Moments {
    /// How serious the nearness of the deadline is.
    #[must_use]
    pub fn level(&self, now: Timestamp) -> Level {
        if now >= self.critical {
            Level::Critical
        } else if now >= self.warning {
            Level::Warning
        } else if now >= self.notice {
            Level::Notice
        } else {
            Level::Ok
        }
    }
}

/// The moment at which the certificate in force may stop being the one in force.
#[must_use]
pub fn deadline(certificate: &Certificate, auto_renew: AutoRenew) -> Timestamp {
    match auto_renew {
        AutoRenew::No => certificate.not_after,
        AutoRenew::Yes | AutoRenew::Unknown => {
            certificate.not_after - renewal_threshold(certificate.lifetime())
        }
    }
}

/// How long before expiry the Destination service renews by itself (sap/destination-service.md §2.3).
///
/// The lifetime is rounded to whole days first, because the service backdates `notBefore` by an hour.
#[must_use]
pub fn renewal_threshold(lifetime: Duration) -> Duration {
    match (lifetime - Duration::hours(1)).num_days() {
        ..=1 => Duration::hours(12),
        2..=14 => Duration::days(1),
        15..=31 => Duration::days(3),
        32..=154 => Duration::days(7),
        155.. => Duration::days(30),
    }
}

fn share(lifetime: Duration, percent: f64) -> Duration {
    let seconds = i32::try_from(lifetime.num_seconds() / 60).unwrap_or(i32::MAX);
    let minutes = f64::from(seconds) * percent / 100.0;
    Duration::milliseconds(round(minutes * 60_000.0))
}

#[expect(
    clippy::as_conversions,
    reason = "the value is a span of milliseconds of a certificate's life, far inside i64; `as` saturates"
)]
#[expect(clippy::cast_possible_truncation, reason = "as above")]
fn round(value: f64) -> i64 {
    value.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample::certificate;

    #[test]
    fn the_store_renews_as_early_as_sap_says() {
        let cases = [
            (1, 12),
            (2, 24),
            (14, 24),
            (15, 72),
            (31, 72),
            (32, 7 * 24),
            (154, 7 * 24),
            (155, 30 * 24),
            (365, 30 * 24),
            (730, 30 * 24),
        ];
        for (days, hours) in cases {
            let backdated = Duration::days(days) + Duration::hours(1);
            assert_eq!(renewal_threshold(backdated).num_hours(), hours, "{days} days");
        }
    }

    /// The moments as hours before the expiry.
    fn line(days: i64, auto_renew: AutoRenew, person: bool) -> String {
        let leaf = certificate("SFAPI", days, days);
        let moments = Policy::default().moments(&leaf, auto_renew, person);
        let hours = |at: Timestamp| (leaf.not_after - at).num_minutes() / 60;
        let [notice, due, warning] = [moments.notice, moments.due, moments.warning].map(hours);
        let [critical, safe, deadline] = [moments.critical, moments.last_safe, moments.deadline].map(hours);
        format!(
            "{days} d {auto_renew:?}: notice {notice} due {due} warning {warning} critical {critical} last safe {safe} deadline {deadline} jitter {}",
            moments.jitter.num_hours()
        )
    }

    #[test]
    fn the_moments_of_each_lifetime() {
        let mut lines = Vec::new();
        for days in [1, 7, 90, 365, 730] {
            for auto_renew in [AutoRenew::No, AutoRenew::Yes, AutoRenew::Unknown] {
                lines.push(line(days, auto_renew, true));
            }
        }
        insta::assert_snapshot!(lines.join("\n"), @r"
        1 d No: notice 10 due 8 warning 5 critical 1 last safe 4 deadline 0 jitter 0
        1 d Yes: notice 22 due 20 warning 17 critical 13 last safe 16 deadline 12 jitter 0
        1 d Unknown: notice 22 due 20 warning 17 critical 13 last safe 16 deadline 12 jitter 0
        7 d No: notice 67 due 55 warning 33 critical 8 last safe 25 deadline 0 jitter 2
        7 d Yes: notice 91 due 79 warning 57 critical 32 last safe 49 deadline 24 jitter 2
        7 d Unknown: notice 91 due 79 warning 57 critical 32 last safe 49 deadline 24 jitter 2
        90 d No: notice 864 due 713 warning 432 critical 108 last safe 324 deadline 0 jitter 35
        90 d Yes: notice 1032 due 881 warning 600 critical 276 last safe 492 deadline 168 jitter 35
        90 d Unknown: notice 1032 due 881 warning 600 critical 276 last safe 492 deadline 168 jitter 35
        365 d No: notice 1560 due 1440 warning 720 critical 168 last safe 504 deadline 0 jitter 72
        365 d Yes: notice 2280 due 2160 warning 1440 critical 888 last safe 1224 deadline 720 jitter 72
        365 d Unknown: notice 2280 due 2160 warning 1440 critical 888 last safe 1224 deadline 720 jitter 72
        730 d No: notice 1560 due 1440 warning 720 critical 168 last safe 504 deadline 0 jitter 72
        730 d Yes: notice 2280 due 2160 warning 1440 critical 888 last safe 1224 deadline 720 jitter 72
        730 d Unknown: notice 2280 due 2160 warning 1440 critical 888 last safe 1224 deadline 720 jitter 72
        ");
    }

    #[test]
    fn every_moment_lies_inside_the_life_and_in_order() {
        for days in 1..=800 {
            for auto_renew in [AutoRenew::No, AutoRenew::Yes, AutoRenew::Unknown] {
                let leaf = certificate("SFAPI", days, days);
                let moments = Policy::default().moments(&leaf, auto_renew, true);
                let earliest = moments.due - moments.jitter;
                let order = [leaf.not_before, moments.notice.min(earliest), moments.due, moments.warning];
                assert!(order.is_sorted(), "{days} {auto_renew:?}");
                assert!(moments.warning < moments.critical && moments.critical < moments.deadline);
                assert!(moments.due <= moments.last_safe, "{days} {auto_renew:?}: no time for a person");
                assert!(leaf.not_before < earliest, "{days}: due at once");
            }
        }
    }
}
