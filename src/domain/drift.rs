//! What places show where the certificate of a watch should be too, and since when it is another one.
//! It looks at none of them and judges nothing.

use super::Timestamp;
use super::certificate::{Certificate, Fingerprint};
use super::reason::Unseen;
use super::record::Record;

/// What one place showed, or why it could not be seen; none where nothing stands there.
pub type PlaceSeen = Result<Option<Shown>, Unseen>;

/// The certificate that a place shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Which one.
    pub fingerprint: Fingerprint,
    /// The start of its validity: which of two is the older.
    pub not_before: Timestamp,
    /// The end of its validity.
    pub not_after: Timestamp,
}

impl Shown {
    /// What is compared of a certificate.
    #[must_use]
    pub const fn of(leaf: &Certificate) -> Self {
        Self { fingerprint: leaf.fingerprint, not_before: leaf.not_before, not_after: leaf.not_after }
    }
}

/// What is known of a place.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlaceFacts {
    /// What it showed when it was last seen; none where nothing stood there.
    pub shows: Option<Shown>,
    /// Since when that is another certificate than the one in force, or none.
    pub differs: Option<Timestamp>,
    /// Since when it cannot be seen, and why; none while it can.
    pub unseen: Option<(Timestamp, Unseen)>,
}

/// Notes what the places showed at this moment, beside the certificate in force. What is not among them is a place no longer.
pub fn note(record: &mut Record, seen: Vec<(String, PlaceSeen)>, now: Timestamp) {
    let in_force = record.in_force.as_ref().map(super::record::Standing::fingerprint);
    let mut before = std::mem::take(&mut record.places);
    let facts = seen.into_iter().map(|(place, seen)| {
        let known = before.remove(&place).unwrap_or_default();
        (place, after(known, seen, in_force, now))
    });
    record.places = facts.collect();
}

fn after(known: PlaceFacts, seen: PlaceSeen, in_force: Option<Fingerprint>, now: Timestamp) -> PlaceFacts {
    match seen {
        Ok(shows) => {
            let differs = in_force.is_some() && shows.as_ref().map(|shown| shown.fingerprint) != in_force;
            PlaceFacts { differs: differs.then(|| known.differs.unwrap_or(now)), shows, unseen: None }
        }
        Err(unseen) => {
            let since = known.unseen.map_or(now, |(since, _)| since);
            PlaceFacts { unseen: Some((since, unseen)), ..known }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Duration;
    use crate::domain::reason::Reason;
    use crate::domain::sample::{certificate, noon, record};

    fn own() -> Shown {
        Shown::of(&record().in_force.unwrap().chain.leaf)
    }

    fn other() -> Shown {
        Shown::of(&certificate("another", 90, 60))
    }

    /// Since when it differs after these looks, one an hour from noon on, in hours after noon.
    #[track_caller]
    fn check(looks: Vec<PlaceSeen>, expected: Option<i64>) {
        let mut record = record();
        for (hour, seen) in (0..).zip(looks) {
            note(&mut record, vec![("copy".to_owned(), seen)], noon() + Duration::hours(hour));
        }
        let differs = record.places.get("copy").unwrap().differs;
        assert_eq!(differs.map(|since| (since - noon()).num_hours()), expected);
    }

    #[test]
    fn a_place_differs_since_the_first_look_at_which_it_did() {
        let away = || Err(Unseen::new(Reason::Timeout, "as a sample"));
        check(vec![Ok(Some(own()))], None);
        check(vec![Ok(Some(own())), Ok(Some(other())), Ok(Some(other()))], Some(1));
        check(vec![Ok(Some(other())), Ok(Some(own())), Ok(Some(other()))], Some(2));
        check(vec![Ok(Some(other())), Ok(None)], Some(0));
        check(vec![Ok(Some(other())), away(), Ok(Some(other()))], Some(0));
        check(vec![away(), Ok(Some(own()))], None);
    }

    #[test]
    fn a_place_that_cannot_be_seen_is_known_as_it_was() {
        let mut record = record();
        let away = || vec![("copy".to_owned(), Err(Unseen::new(Reason::Timeout, "as a sample")))];
        note(&mut record, vec![("copy".to_owned(), Ok(Some(own())))], noon());
        note(&mut record, away(), noon() + Duration::hours(1));
        note(&mut record, away(), noon() + Duration::hours(2));
        let facts = record.places.get("copy").unwrap();
        assert_eq!(facts.shows, Some(own()));
        assert_eq!(facts.unseen.as_ref().map(|(since, _)| *since), Some(noon() + Duration::hours(1)));
        note(&mut record, Vec::new(), noon());
        assert!(record.places.is_empty(), "a place that is configured no longer is forgotten");
    }
}
