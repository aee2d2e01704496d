//! What a watch sees by: its source, and the clock of its host. It judges no certificate.

use super::{Assessment, Judge, assess};
use crate::domain::finding::{Code, Finding, Level};
use crate::domain::reason::Reason;
use crate::domain::record::Record;
use crate::domain::watch::Watch;
use crate::domain::{Duration, Timestamp, lint};

/// How long a source may be away before it is more than a warning.
const UNSEEN_CRITICAL: Duration = Duration::days(1);

/// Judges a watch that nobody looked at yet since the start: by what the store knew of it, and never as fine.
#[must_use]
pub fn assess_unlooked(watch: &Watch, record: &Record, paused: Option<&str>, now: Timestamp) -> Assessment {
    let mut assessment = assess(watch, record, paused, now);
    // That nothing was seen yet is no news where nobody has looked.
    assessment.findings.retain(|finding| finding.code != Code::Unseen || record.unseen.is_some());
    let place = &watch.source.place;
    let text = match &record.in_force {
        Some(_) => {
            format!("{place} was not looked at yet since the start; the rest is what was known before")
        }
        None => format!("{place} was not looked at yet"),
    };
    let way_out = "wait for its first pass, which begins by itself; where it does not, look at the log";
    let (code, level) = (Code::NotLooked, Level::Warning);
    let finding = Finding { code, level, about: String::new(), text, way_out: way_out.to_owned() };
    let place = assessment.findings.partition_point(|finding| finding.level > level);
    assessment.findings.insert(place, finding);
    assessment.level = assessment.level.max(level);
    assessment
}

impl Judge<'_> {
    pub(super) fn source(&mut self) {
        let place = &self.watch.source.place;
        if let Some((since, why)) = &self.record.unseen {
            // What was never seen is not known to be there: nothing good is known of it that a while could bridge.
            let never = self.record.in_force.is_none() && !may_pass(why.reason);
            let long = self.now - *since >= UNSEEN_CRITICAL;
            let level = if never || long { Level::Critical } else { Level::Warning };
            // The place may be named by the reason already.
            let why_text = why.text.strip_prefix(&format!("{place}: ")).unwrap_or(&why.text);
            let text = format!("{place} cannot be seen since {}: {why_text}", lint::minute(*since));
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

/// Whether it is of the kind that ends by itself: the way there, or the other side's state.
const fn may_pass(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::DnsFailed
            | Reason::ConnectionRefused
            | Reason::ConnectionReset
            | Reason::TlsFailed
            | Reason::Timeout
            | Reason::RateLimited
            | Reason::Unavailable
            | Reason::Interrupted
    )
}

/// What to do about a source that cannot be seen; a refused key has a way out of its own.
fn way_to_see(watch: &Watch, reason: Reason) -> String {
    if reason == Reason::PasswordWrong {
        return "put the password that opens it where password of the watch's source names it; it is read at each look, no restart is needed".to_owned();
    }
    let is_key = matches!(reason, Reason::Unauthorized | Reason::CredentialUnusable);
    match watch.source.connection.as_ref().filter(|_| is_key) {
        Some(connection) => format!(
            "create a new service key (binding) and put it in place of the one that [connections.{connection}] service_key names; it is read at each use, no restart is needed"
        ),
        None => "put right what it says; certsteward looks again by itself".to_owned(),
    }
}
