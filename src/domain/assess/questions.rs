//! What is judged of an open question to a person: that it waits, what probably keeps it, and whether callers are cut off
//! meanwhile. It opens and closes none.

use super::Judge;
use crate::domain::doubt;
use crate::domain::finding::{Code, Level};
use crate::domain::lint;
use crate::domain::record::{HandOffFacts, Role, Standing};
use crate::domain::watch::{Probe, Target};

impl Judge<'_> {
    /// A person is asked, and has not done it, or has not done it right.
    pub(super) fn question(&mut self, target: &Target, facts: &HandOffFacts, in_force: &Standing) {
        let waits = format!(
            "{} waits for a person since {}: {}",
            target.id,
            lint::minute(facts.opened),
            facts.ask.sentence()
        );
        let page = format!(
            "certsteward plan {0} links to the page of the hand-off while certsteward runs; certsteward export {0} hands out the certificate",
            self.watch.id
        );
        let (text, way_out) = self.in_doubt(target, waits, page);
        self.add(Code::HandOffOpen, self.question_level(in_force), &target.id, text, way_out);
    }

    /// What waits and the way out, with what is probably wrong where somebody said that it is done and it is not.
    fn in_doubt(&self, target: &Target, waits: String, page: String) -> (String, String) {
        if let Some(cut_off) = doubt::cut_off(self.watch, self.record, target) {
            return (format!("{waits}; {}", cut_off.text), cut_off.way_out);
        }
        let role = self.record.asked(&target.id).unwrap_or(Role::InForce);
        let causes = doubt::about(self.watch, self.record, target, role, self.now);
        let Some(first) = causes.first() else {
            return (waits, page);
        };
        let more = match causes.len() {
            1 => String::new(),
            2 => "; the hand-off page has one more cause".to_owned(),
            count => format!("; the hand-off page has {} more causes, the likeliest first", count - 1),
        };
        (format!("{waits}; what probably keeps it: {}", first.text), format!("{}{more}", first.way_out))
    }

    /// An open question is a warning, and critical once the deadline is that near.
    fn question_level(&self, in_force: &Standing) -> Level {
        let moments = self.watch.moments(in_force, false);
        let late = self.now >= moments.critical.min(moments.last_safe);
        if late { Level::Critical } else { Level::Warning }
    }

    /// Whether this probe shows that the mapping in use was deleted while a person is asked about the next one: critical at
    /// once, because callers are cut off and somebody is at it right now.
    pub(super) fn cut_off(&mut self, probe: &Probe) -> bool {
        let served = self
            .watch
            .targets
            .iter()
            .filter(|target| self.watch.probe_of(target).is_some_and(|other| other.id == probe.id));
        let first = served.filter_map(|target| doubt::cut_off(self.watch, self.record, target)).next();
        let Some(cut_off) = first else {
            return false;
        };
        let text = format!("the API rejects the certificate in force; {}", cut_off.text);
        self.add(Code::Rejected, Level::Critical, &probe.id, text, cut_off.way_out);
        true
    }
}
