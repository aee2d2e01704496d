//! What a watch sees by: its source, and the clock of its host. It judges no certificate.

use super::Judge;
use crate::domain::finding::{Code, Level};
use crate::domain::reason::Reason;
use crate::domain::watch::Watch;
use crate::domain::{Duration, lint};

/// How long a source may be away before it is more than a warning.
const UNSEEN_CRITICAL: Duration = Duration::days(1);

impl Judge<'_> {
    pub(super) fn source(&mut self) {
        let place = &self.watch.source.place;
        if let Some((since, why)) = &self.record.unseen {
            let level = if self.now - *since >= UNSEEN_CRITICAL { Level::Critical } else { Level::Warning };
            let text = format!("{place} cannot be seen since {}: {why}", lint::minute(*since));
            self.add(Code::Unseen, level, "", text, way_to_see(self.watch, why.reason));
        } else if let Some(since) = self.record.absent_since {
            let since = lint::minute(since);
            let misses = self.record.misses.get("source");
            let leads = misses.filter(|misses| misses.reason == Reason::LeadsNowhere);
            let (text, way_out) = match leads {
                Some(misses) => (
                    format!("{}, since {since}", misses.text),
                    "every caller that follows it finds nothing: put the keystore back, or let the destination name the one that is there",
                ),
                None => (
                    format!("{place} is not there since {since}"),
                    "put it back, or change the source of the watch",
                ),
            };
            self.add(Code::SourceVanished, Level::Critical, "", text, way_out);
        } else if self.record.in_force.is_none() {
            let text = format!("{place} was not seen yet");
            self.add(Code::Unseen, Level::Warning, "", text, "wait for the first look");
        }
    }

    /// Said only where something could be changed: every watch of a house has the same clock.
    pub(super) fn clock(&mut self) {
        let Some((since, why)) = self.record.clock_doubt.as_ref().filter(|_| self.watch.renewal.is_some())
        else {
            return;
        };
        let text = format!("{why}, since {} by that clock; no outside change begins", lint::minute(*since));
        let way_out =
            "put the clock of this host right (timedatectl, chronyc tracking); certsteward notices by itself";
        self.add(Code::Clock, Level::Warning, "", text, way_out);
    }
}

/// What to do about a source that cannot be seen; a refused key has a way out of its own.
fn way_to_see(watch: &Watch, reason: Reason) -> String {
    let is_key = matches!(reason, Reason::Unauthorized | Reason::CredentialUnusable);
    match watch.source.connection.as_ref().filter(|_| is_key) {
        Some(connection) => format!(
            "create a new service key (binding) and put it in place of the one that [connections.{connection}] service_key names; it is read at each use, no restart is needed"
        ),
        None => "put right what it says; certsteward looks again by itself".to_owned(),
    }
}
