//! What happened since a question was opened, in sentences: since when and of whom, how long is left, what was said, what
//! the API answered. It judges nothing.

use crate::domain::Timestamp;
use crate::domain::lifecycle::words;
use crate::domain::lint::minute;
use crate::domain::record::{HandOffFacts, Publication, Record};
use crate::domain::report::Sign;
use crate::domain::watch::{Target, Watch};

/// How long there is until then, or that it has passed.
pub(super) fn left(until: Timestamp, now: Timestamp) -> String {
    if until <= now { "the deadline has passed".to_owned() } else { format!("{} left", words(until - now)) }
}

/// The sentences about the open question of this target; none where none is open.
pub(super) fn lines(watch: &Watch, record: &Record, target: &Target, now: Timestamp) -> Vec<String> {
    let standing = record.asked(&target.id).and_then(|role| record.standing(role));
    let open =
        standing.and_then(|standing| standing.targets.get(&target.id)).and_then(Publication::open_hand_off);
    let (Some(standing), Some(facts)) = (standing, open) else {
        return Vec::new();
    };
    let probes = watch.probe_of(target).and_then(|probe| standing.probes.get(&probe.id));
    let mut lines = vec![asked(target, facts, now)];
    lines.extend(time_left(watch, record, now));
    lines.push(said(facts));
    let answered = probes.and_then(|probes| {
        let last = probes.last.as_ref()?;
        let status = last.status.map(|status| format!(", HTTP {status}")).unwrap_or_default();
        let since = minute(probes.since.unwrap_or(last.at));
        let calls =
            if probes.repeated == 1 { "1 call".to_owned() } else { format!("{} calls", probes.repeated) };
        Some(format!(
            "The API says {} since {since} ({calls}{status}), last on {}.",
            last.verdict,
            minute(last.at)
        ))
    });
    let silent = match watch.probe_of(target) {
        Some(_) => "The API has not been asked with it yet.",
        None => "certsteward cannot ask the API with this key: it waits for a person's word.",
    };
    lines.push(answered.unwrap_or_else(|| silent.to_owned()));
    lines
}

fn asked(target: &Target, facts: &HandOffFacts, now: Timestamp) -> String {
    let whom = target.assignee.as_deref().unwrap_or("everybody who gets these messages");
    let deputy = match (&target.deputy, facts.escalated) {
        (Some(deputy), Some(at)) => format!(", {deputy} since {}", minute(at)),
        (Some(_) | None, _) => String::new(),
    };
    format!("Asked since {} ({}): {whom}{deputy}.", minute(facts.opened), words(now - facts.opened))
}

fn time_left(watch: &Watch, record: &Record, now: Timestamp) -> Option<String> {
    let moments = watch.moments(record.in_force.as_ref()?, true);
    let until = |name: &str, at: Timestamp| {
        if at <= now {
            format!("the {name} was {}", minute(at))
        } else {
            format!("{} to the {name} ({})", words(at - now), minute(at))
        }
    };
    let (safe, deadline) =
        (until("last safe moment", moments.last_safe), until("deadline", moments.deadline));
    Some(format!("Left: {safe}; {deadline}."))
}

fn said(facts: &HandOffFacts) -> String {
    let words = |sign: Sign| match sign {
        Sign::Saved => "I have saved it",
        Sign::Deleting => "I am deleting the old one now",
        Sign::CheckNow => "check now",
    };
    let signs: Vec<String> = facts
        .signs
        .iter()
        .rev()
        .take(3)
        .map(|(at, sign, by)| format!("{by} said \"{}\" on {}", words(*sign), minute(*at)))
        .collect();
    if signs.is_empty() {
        "Nobody has said anything about it yet.".to_owned()
    } else {
        format!("{}.", signs.join("; "))
    }
}
