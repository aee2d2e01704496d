//! Places that show another certificate than the source. It compares what was seen and changes none of them.

use super::Judge;
use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;
use crate::domain::drift::Shown;
use crate::domain::finding::{Code, Level};
use crate::domain::lint::minute;

impl Judge<'_> {
    pub(super) fn drift(&mut self, leaf: &Certificate) {
        let grace = self.watch.policy.drift_after;
        for place in &self.watch.places {
            let Some(facts) = self.record.places.get(place) else { continue };
            if let Some((since, why)) = facts.unseen.as_ref().filter(|(since, _)| self.now - *since > grace) {
                let text = format!("the place {place} cannot be seen since {}: {why}", minute(*since));
                let way_out = "put right what it says, or take the place out of the watch";
                self.add(Code::Unseen, Level::Warning, place, text, way_out);
            } else if let Some(since) = facts.differs.filter(|since| self.now - *since > grace) {
                let text = self.differs(place, facts.shows.as_ref(), leaf, since);
                let way_out = "bring the newer one to where the older one is, and have what reads it read it anew; certsteward only looks";
                self.add(Code::Drift, Level::Warning, place, text, way_out);
            }
        }
    }

    fn differs(&self, place: &str, shows: Option<&Shown>, leaf: &Certificate, since: Timestamp) -> String {
        let source = &self.watch.source.place;
        let since = minute(since);
        let Some(shows) = shows else {
            return format!(
                "nothing stands at {place} since {since}, and {source} shows {}",
                described(&Shown::of(leaf))
            );
        };
        let own = Shown::of(leaf);
        let older = match shows.not_before.cmp(&own.not_before) {
            std::cmp::Ordering::Less => format!("the one at {place} is the older"),
            std::cmp::Ordering::Greater => format!("the one at {source} is the older"),
            std::cmp::Ordering::Equal => "both begin at one time".to_owned(),
        };
        format!(
            "{place} shows {} since {since}, and {source} shows {}; {older}",
            described(shows),
            described(&own)
        )
    }
}

fn described(shown: &Shown) -> String {
    format!("{} (until {})", shown.fingerprint.short(), minute(shown.not_after))
}
