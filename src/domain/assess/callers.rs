//! Which entry each caller uses, judged against the certificate in force.
//! It switches nobody.

use super::Judge;
use crate::domain::chain::Chain;
use crate::domain::finding::{Code, Level};
use crate::domain::lifecycle::{moments_of_stray, shows_leftover};
use crate::domain::reason::Unseen;
use crate::domain::record::{Purpose, Role, Standing};
use crate::domain::{Duration, Timestamp, lint};

/// How long a caller may be away before people are told.
const CALLER_PATIENCE: Duration = Duration::hours(1);
/// The kind of source and of caller whose entries have names that can be compared.
const DESTINATION_SERVICE: &str = "destination-service";

impl Judge<'_> {
    /// Every caller is to use the certificate in force, or the candidate once it was switched.
    pub(super) fn callers(&mut self, in_force: &Standing) {
        let rolling = self.record.renewal.as_ref().is_some_and(|renewal| renewal.rolling_back.is_some());
        let Some(wanted) = in_force.name.as_deref().filter(|_| self.watch.source.kind == DESTINATION_SERVICE)
        else {
            return;
        };
        for caller in self.watch.callers.iter().filter(|caller| caller.kind == DESTINATION_SERVICE) {
            let Some(facts) = self.record.callers.get(&caller.id) else {
                continue;
            };
            if let Some(why) = &facts.unseen {
                self.unseen_caller(&caller.id, facts.seen.unwrap_or(in_force.since), why);
            } else if !rolling && facts.uses.as_deref() != Some(wanted) {
                self.strayed_caller(&caller.id, facts.uses.as_deref(), wanted);
            }
        }
    }

    fn unseen_caller(&mut self, id: &str, since: Timestamp, why: &Unseen) {
        if self.now - since < CALLER_PATIENCE {
            return;
        }
        let text = format!("the caller {id} cannot be seen since {}: {why}", lint::minute(since));
        let way_out =
            "put right what it says, or take the caller out of the watch; nothing is switched meanwhile";
        self.add(Code::Unseen, Level::Warning, id, text, way_out);
    }

    /// How serious it is to use what is left under this name: more so the sooner it expires.
    fn nearness_of(&self, uses: Option<&str>) -> Level {
        let named = |name: Option<&String>| uses.is_some() && name.map(String::as_str) == uses;
        let left = self.record.leftovers.iter().find(|leftover| named(leftover.name.as_ref()));
        let replaced = self.record.standing(Role::Replaced).filter(|standing| named(standing.name.as_ref()));
        let chain = left.map(|leftover| &leftover.chain).or(replaced.map(|standing| &standing.chain));
        let level = chain.map(|chain| self.level_of(chain));
        level.unwrap_or(Level::Warning).max(Level::Warning)
    }

    /// The level of a certificate that callers use though it was replaced.
    pub(super) fn level_of(&self, chain: &Chain) -> Level {
        moments_of_stray(self.watch, chain).level(self.now)
    }

    fn strayed_caller(&mut self, id: &str, uses: Option<&str>, wanted: &str) {
        let named = |name: Option<&String>| uses.is_some() && name.map(String::as_str) == uses;
        let candidate = self.record.standing(Role::Candidate);
        let renewal = self.record.renewal.as_ref();
        let on_the_way = renewal.is_some_and(|renewal| {
            named(renewal.replaces_name.as_ref()) || named(renewal.keep.as_ref().map(|keep| &keep.name))
        });
        let is_held = renewal.is_some_and(|renewal| renewal.kept(Purpose::Hold).is_some());
        if candidate.is_some_and(|candidate| named(candidate.name.as_ref())) || (is_held && on_the_way) {
            return;
        }
        let shown = self.record.shown.as_ref().and_then(|(_, name)| name.as_ref());
        if shows_leftover(self.record).is_some() && named(shown) {
            return;
        }
        let replaced = self.record.standing(Role::Replaced).and_then(|replaced| replaced.name.as_ref());
        let mut leftovers = self.record.leftovers.iter().filter(|leftover| !leftover.never_in_force);
        let back = named(replaced) || leftovers.any(|leftover| named(leftover.name.as_ref()));
        let used = uses.map_or_else(|| "no entry".to_owned(), str::to_owned);
        let way_out = format!("find out what changed it (a redeployment?) and let it name {wanted}");
        if back {
            let text = format!("the caller {id} uses the replaced entry {used} again, not {wanted}");
            self.add(Code::SwitchedBack, self.nearness_of(uses), id, text, way_out);
        } else {
            let stray = self.record.callers.get(id).and_then(|facts| facts.stray.as_ref());
            let end = stray.map_or_else(String::new, |chain| {
                format!("; it expires on {}", lint::minute(chain.leaf.not_after))
            });
            let text = format!("the caller {id} uses {used}, not {wanted}{end}");
            let level = stray.map_or(Level::Warning, |chain| self.level_of(chain).max(Level::Warning));
            self.add(Code::CallerElsewhere, level, id, text, way_out);
        }
    }
}
