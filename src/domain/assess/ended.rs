//! A renewal that ended otherwise than in force: how serious that is. It says nothing of one that is under way.

use super::Judge;
use crate::domain::finding::{Code, Level};
use crate::domain::lint;
use crate::domain::record::Ended;

impl Judge<'_> {
    /// A roll back that a person asked for is what was wanted; one that the API forced needs somebody now.
    pub(super) fn ended(&mut self, ended: &Ended) {
        let wanted = ended.asked_by.is_some();
        let (code, level) = match (ended.rolled_back, ended.unfit) {
            (true, _) if wanted => (Code::RolledBack, Level::Warning),
            (true, _) => (Code::RolledBack, Level::Critical),
            (false, true) => (Code::CandidateUnfit, Level::Warning),
            (false, false) => (Code::Overdue, Level::Warning),
        };
        let (id, at) = (&self.watch.id, lint::minute(ended.at));
        let text = format!("renewal {} {} on {at}: {}", ended.generation, ended.words(), ended.text);
        self.add(code, level, "", text, format!("certsteward renew {id} begins a new one"));
    }
}
