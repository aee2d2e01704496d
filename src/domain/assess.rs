//! Watch, record and moment → step and findings. It decides nothing and remembers nothing.

mod callers;
mod destination;
mod drift;
mod ended;
mod evidence;
mod questions;
mod sight;
mod twins;

use super::certificate::Certificate;
use super::finding::{Code, Finding, Level};
use super::lifecycle::{is_known, sentence_of, shows_leftover, waits_by_rule, words};
use super::lint;
use super::policy::{Moments, deadline};
use super::reason::Reason;
use super::record::{Attempts, Record, Role, Standing, Step};
use super::serials::Twin;
use super::verdict::{Probed, Verdict};
use super::watch::{Delivery, Mode, Probe, Watch};
use super::{Duration, Timestamp};

pub use sight::assess_unlooked;

/// What a record means at one moment.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// Where the watch stands.
    pub step: Step,
    /// The judgements, most serious first.
    pub findings: Vec<Finding>,
    /// The most serious level.
    pub level: Level,
    /// The moments that matter; none while nothing was seen.
    pub moments: Option<Moments>,
}

/// How long a step may take before it is stuck: steps that need nobody.
const STUCK_AFTER: Duration = Duration::hours(6);
/// How long a probe may fail to ask before people are told.
const PROBE_PATIENCE: Duration = Duration::hours(6);
/// How long after its own threshold the store may take to renew.
const STORE_PATIENCE: Duration = Duration::days(1);
/// How long a pause may last before people are told.
const PAUSE_PATIENCE: Duration = Duration::days(1);

/// Judges a watch by itself.
#[must_use]
pub fn assess(watch: &Watch, record: &Record, paused: Option<&str>, now: Timestamp) -> Assessment {
    assess_among(watch, record, &[], paused, now)
}

/// Judges a watch; `twins` are the other certificates with its issuer and serial number ([`Serials::twins`]).
///
/// [`Serials::twins`]: super::serials::Serials::twins
#[must_use]
pub fn assess_among(
    watch: &Watch,
    record: &Record,
    twins: &[Twin],
    paused: Option<&str>,
    now: Timestamp,
) -> Assessment {
    let moments = record.in_force.as_ref().map(|in_force| watch.moments(in_force, needs_person(watch)));
    let step = step(watch, record);
    let mut judge = Judge { watch, record, now, findings: Vec::new() };
    judge.source();
    judge.evidence();
    judge.clock();
    if let (Some(in_force), Some(moments)) = (&record.in_force, &moments) {
        judge.findings.extend(lint::judge(&in_force.chain, &watch.source, now));
        judge.nearness(&in_force.chain.leaf, moments);
        judge.twins(&in_force.chain.leaf, twins);
        judge.drift(&in_force.chain.leaf);
        judge.candidate_in_use();
        judge.changes(in_force);
        judge.probes(in_force);
        judge.targets(in_force);
        judge.destination();
        judge.callers(in_force);
        judge.renewal(moments, step, paused);
    }
    judge.acts();
    judge.pauses(paused);
    let mut findings = judge.findings;
    lint::weigh(&mut findings, &watch.policy.lints);
    findings.sort_by(|a, b| b.level.cmp(&a.level).then(a.code.cmp(&b.code)).then(a.about.cmp(&b.about)));
    let level = findings.first().map_or(Level::Ok, |finding| finding.level);
    Assessment { step, findings, level, moments }
}

/// Whether a person may be needed before a switch.
#[must_use]
pub fn needs_person(watch: &Watch) -> bool {
    watch.mode != Mode::Act || watch.targets.iter().any(|target| target.delivery == Delivery::HandOff)
}

/// Where the watch stands in its life.
#[must_use]
pub fn step(watch: &Watch, record: &Record) -> Step {
    let told = |standing: &Standing| {
        watch.targets.iter().filter(|target| !is_known(watch, target, standing)).any(|target| {
            let publication = standing.targets.get(&target.id);
            publication
                .is_some_and(|publication| publication.hand_off.is_some() || publication.published.is_some())
        })
    };
    let Some(renewal) = &record.renewal else {
        return if record.in_force.as_ref().is_some_and(told) { Step::Publishing } else { Step::Watching };
    };
    if renewal.rolling_back.is_some() {
        return Step::Switching;
    }
    if renewal.settling_since.is_some() {
        return Step::Settling;
    }
    if renewal.candidate.is_none() && renewal.replaced.is_none() {
        return Step::Issuing;
    }
    let Some(standing) = record.standing(record.concern()) else {
        return Step::Issuing;
    };
    if told(standing) {
        Step::Publishing
    } else if super::lifecycle::is_everywhere_known(watch, record, standing) {
        Step::Switching
    } else {
        Step::Proving
    }
}

struct Judge<'a> {
    watch: &'a Watch,
    record: &'a Record,
    now: Timestamp,
    findings: Vec<Finding>,
}

impl Judge<'_> {
    fn add(&mut self, code: Code, level: Level, about: &str, text: String, way_out: impl Into<String>) {
        self.findings.push(Finding { code, level, about: about.to_owned(), text, way_out: way_out.into() });
    }

    fn nearness(&mut self, leaf: &Certificate, moments: &Moments) {
        let patient = self.store_may_still_renew(leaf);
        let level =
            if patient { moments.level(self.now).min(Level::Notice) } else { moments.level(self.now) };
        if level == Level::Ok || self.now > leaf.not_after {
            return;
        }
        let left = words(moments.deadline - self.now);
        let what = if moments.deadline == leaf.not_after {
            format!(
                "the certificate {} expires on {}, in {left}",
                leaf.common_name(),
                lint::minute(leaf.not_after)
            )
        } else if self.now < moments.deadline {
            format!(
                "the store may renew {} by itself from {} on, in {left}; it expires on {}",
                leaf.common_name(),
                lint::minute(moments.deadline),
                lint::minute(leaf.not_after)
            )
        } else {
            format!(
                "the store may renew {} by itself at any time since {}; it expires on {}",
                leaf.common_name(),
                lint::minute(moments.deadline),
                lint::minute(leaf.not_after)
            )
        };
        let settled = self.record.renewal.is_some();
        let way_out = match (&self.watch.renewal, settled) {
            (_, true) => format!("a renewal is under way; certsteward plan {} shows its way", self.watch.id),
            (Some(_), false) => format!("certsteward plan {} shows what happens next", self.watch.id),
            (None, false) => "renew it where it is issued; certsteward notices".to_owned(),
        };
        self.add(Code::Expires, level, "", what, way_out);
    }

    /// A candidate that some callers use already may expire under them, whatever became of the certificate in force.
    fn candidate_in_use(&mut self) {
        let switched = self.record.renewal.as_ref().is_some_and(|renewal| !renewal.switched.is_empty());
        let Some(candidate) = self.record.standing(Role::Candidate).filter(|_| switched) else {
            return;
        };
        let leaf = &candidate.chain.leaf;
        let level = self.watch.moments(candidate, false).level(self.now);
        if level == Level::Ok {
            return;
        }
        let name = leaf.common_name();
        let until = lint::minute(leaf.not_after);
        let text = format!("the candidate {name}, which callers use already, expires on {until}");
        let way_out = format!("certsteward plan {} shows what the other callers wait for", self.watch.id);
        self.add(Code::Expires, level, "candidate", text, way_out);
    }

    /// Where issuing is left to the store, nothing is wrong before it is a day late.
    fn store_may_still_renew(&self, leaf: &Certificate) -> bool {
        let renews = deadline(leaf, self.watch.source.auto_renew);
        self.watch.leaves_to_source() && renews < leaf.not_after && self.now < renews + STORE_PATIENCE
    }

    fn changes(&mut self, in_force: &Standing) {
        let Some(before) = self.record.previous.as_ref().map(|chain| &chain.leaf) else {
            return;
        };
        let leaf = &in_force.chain.leaf;
        let fresh = self.now - in_force.since < Duration::days(14);
        if !fresh {
            return;
        }
        if leaf.issuer != before.issuer {
            let text = format!("the issuer changed from {} to {}", before.issuer, leaf.issuer);
            self.add(
                Code::IssuerChanged,
                Level::Warning,
                "",
                text,
                "mappings by issuer and subject must be made anew at every target",
            );
        }
        if leaf.subject != before.subject && !in_force.ours {
            let text = format!("the subject changed from {} to {}", before.subject, leaf.subject);
            self.add(
                Code::SubjectChanged,
                Level::Notice,
                "",
                text,
                "targets that match issuer and subject need the new one",
            );
        }
        if leaf.lifetime() * 10 < before.lifetime() * 9 {
            let days = |certificate: &Certificate| certificate.lifetime().num_days();
            let text = format!("it lives {} days, the one before lived {}", days(leaf), days(before));
            self.add(
                Code::ShorterLived,
                Level::Notice,
                "",
                text,
                "ask whoever issued it whether that was meant",
            );
        }
        if !in_force.ours {
            let text =
                format!("the certificate was renewed by someone else on {}", lint::minute(in_force.since));
            self.add(
                Code::RenewedElsewhere,
                Level::Notice,
                "",
                text,
                "nothing, if it was meant; its acceptance is probed at once",
            );
        }
    }

    fn probes(&mut self, in_force: &Standing) {
        for probe in &self.watch.probes {
            let Some(facts) = in_force.probes.get(&probe.id) else {
                continue;
            };
            if let Some((at, why)) = &facts.no_key
                && facts.last.as_ref().is_none_or(|last| last.at < *at)
            {
                let text = format!("probe {} could not be made: {why}", probe.id);
                self.add(
                    Code::ProbeFailing,
                    Level::Warning,
                    &probe.id,
                    text,
                    "make the key readable, or give the probe its own certificate and key",
                );
            }
            if let Some(last) = &facts.last {
                self.probe_verdict(probe, last, facts.since.unwrap_or(last.at), facts.repeated);
            }
        }
    }

    fn probe_verdict(&mut self, probe: &Probe, last: &Probed, since: Timestamp, repeated: u32) {
        let detail = last.detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
        let says = format!("probe {} of {}: {}{detail}", probe.id, probe.url, last.verdict);
        let way_out = last.verdict.way_out();
        if self.cut_off(probe) {
            return;
        }
        if last.verdict.blames_certificate() {
            let level =
                if repeated >= 2 || self.record.renewal.is_none() { Level::Critical } else { Level::Warning };
            let text = format!("the API rejects the certificate in force; {says}");
            self.add(Code::Rejected, level, &probe.id, text, way_out);
            return;
        }
        match last.verdict {
            Verdict::Accepted | Verdict::NotMapped | Verdict::CertificateRefused => {}
            Verdict::NoPermission => self.add(Code::NoPermission, Level::Warning, &probe.id, says, way_out),
            Verdict::LoginRefused => self.add(Code::LoginRefused, Level::Warning, &probe.id, says, way_out),
            Verdict::RateLimited | Verdict::Unavailable => {
                let patient = self.now - since < PROBE_PATIENCE;
                let level = if patient { Level::Notice } else { Level::Warning };
                self.add(Code::ProbeFailing, level, &probe.id, says, way_out);
            }
            Verdict::CertificateRequired
            | Verdict::CredentialsRequired
            | Verdict::UnexpectedAnswer
            | Verdict::ServerUntrusted
            | Verdict::ServerExpired
            | Verdict::ServerNameMismatch
            | Verdict::TlsFailed
            | Verdict::Timeout
            | Verdict::ConnectionRefused
            | Verdict::ConnectionReset
            | Verdict::DnsFailed => self.add(Code::ProbeFailing, Level::Warning, &probe.id, says, way_out),
        }
    }

    fn targets(&mut self, in_force: &Standing) {
        let concern = self.record.concern();
        for target in &self.watch.targets {
            let open = self
                .record
                .asked(&target.id)
                .and_then(|role| self.record.standing(role)?.targets.get(&target.id)?.hand_off.as_ref());
            // Of what somebody else put in force no call may have told anything yet, whatever is asked of the candidate.
            let probe = self.watch.probe_of(target);
            let matters =
                concern == Role::InForce || probe.is_some_and(|it| in_force.probed(&it.id).is_none());
            if let Some(facts) = open {
                self.question(target, facts, in_force);
            } else if matters && !is_known(self.watch, target, in_force) {
                let text = format!("nothing has shown yet that {} knows the certificate", target.id);
                let way_out =
                    format!("wait for the probe, or: certsteward confirm {} {}", self.watch.id, target.id);
                self.add(Code::Unproven, Level::Warning, &target.id, text, way_out);
            }
        }
        for leftover in &self.record.leftovers {
            for (id, _) in leftover.hand_offs.iter().filter(|(_, facts)| facts.closed.is_none()) {
                let what = if leftover.is_unused() { "unused" } else { "replaced" };
                let text = format!(
                    "the {what} certificate {} can be removed from {id}",
                    leftover.chain.fingerprint().short()
                );
                self.add(
                    Code::RetirePending,
                    Level::Notice,
                    id,
                    text,
                    "remove it when there is time, then confirm it on its hand-off page",
                );
            }
        }
    }

    fn renewal(&mut self, moments: &Moments, step: Step, paused: Option<&str>) {
        self.put_back();
        if let Some(ended) = &self.record.ended {
            self.ended(ended);
        } else if let Some(since) = self.store_is_late() {
            let text = format!("the store should have renewed the certificate since {}", lint::minute(since));
            let way_out =
                "look at the entry in the store; renew it there, or give certsteward another rotation";
            self.add(Code::Overdue, Level::Warning, "", text, way_out);
        } else if self.is_overdue() {
            let text = "the renewal is due and has not begun".to_owned();
            let way_out = match self.watch.mode {
                Mode::Observe => "renew it by hand, or set mode = \"propose\" or \"act\"".to_owned(),
                Mode::Propose | Mode::Act => {
                    format!("certsteward plan {} shows what holds it", self.watch.id)
                }
            };
            self.add(Code::Overdue, Level::Warning, "", text, way_out);
        }
        let Some(renewal) = &self.record.renewal else {
            return;
        };
        if let Some((at, text)) = renewal.gap_announced.clone().filter(|_| renewal.settling_since.is_none()) {
            self.add(
                Code::GapExpected,
                Level::Notice,
                "",
                format!("{text} (announced {})", lint::minute(at)),
                "agree on a window with whoever uses it",
            );
        }
        self.candidate();
        let waits = waits_by_rule(self.watch, self.record, paused, self.now)
            || self.findings.iter().any(|finding| finding.code == Code::HandOffOpen);
        let limit = if step == Step::Settling { STUCK_AFTER + self.watch.policy.settle } else { STUCK_AFTER };
        if !waits && self.now - renewal.moved > limit {
            let text = format!("the step {} takes since {}", step.word(), lint::minute(renewal.moved));
            let level = if self.now >= moments.last_safe { Level::Critical } else { Level::Warning };
            self.add(
                Code::Stuck,
                level,
                "",
                text,
                format!(
                    "certsteward plan {} shows what holds it; certsteward retry {0} skips waits",
                    self.watch.id
                ),
            );
        }
    }

    /// The replaced certificate is used again: the more serious the sooner it expires.
    fn put_back(&mut self) {
        if let Some(print) = shows_leftover(self.record) {
            let text = format!("the replaced certificate {} is used again", print.short());
            let way_out = "find out what put it back (a redeployment?) and let it name the new entry; the replaced one is kept meanwhile";
            let used = self.record.leftovers.iter().find(|leftover| leftover.chain.fingerprint() == print);
            let replaced = self.record.standing(Role::Replaced).map(|standing| &standing.chain);
            let chain = used.map(|leftover| &leftover.chain).or(replaced);
            let level = chain.map_or(Level::Warning, |chain| self.level_of(chain)).max(Level::Warning);
            self.add(Code::SwitchedBack, level, "", text, way_out);
        }
    }

    fn store_is_late(&self) -> Option<Timestamp> {
        let leaf = &self.record.in_force.as_ref()?.chain.leaf;
        let renews = deadline(leaf, self.watch.source.auto_renew);
        let late = self.watch.leaves_to_source() && self.now >= renews + STORE_PATIENCE;
        late.then_some(renews)
    }

    fn candidate(&mut self) {
        let Some(candidate) = self.record.standing(Role::Candidate) else {
            return;
        };
        for probe in &self.watch.probes {
            if let Some(last) = candidate.probed(&probe.id).filter(|last| !last.verdict.recognised()) {
                let text = format!("probe {} with the candidate: {}", probe.id, last.verdict);
                let asked =
                    candidate.targets.values().any(|publication| publication.open_hand_off().is_some());
                let way_out = if asked && last.verdict == Verdict::NotMapped {
                    "the open hand-off is the way out; the mapping in force stays as it is until it says otherwise"
                } else if last.verdict == Verdict::NotMapped {
                    "nothing to do yet: certsteward asks when somebody is needed; delete no mapping for it"
                } else {
                    last.verdict.way_out()
                };
                self.add(Code::CandidateRejected, Level::Notice, &probe.id, text, way_out);
            }
        }
    }

    fn is_overdue(&self) -> bool {
        let renews = self.watch.renewal.is_some() && !self.watch.leaves_to_source();
        let due = self.record.due.is_some_and(|due| self.now > due.at + Duration::hours(1));
        renews && due && self.record.renewal.is_none()
    }

    fn acts(&mut self) {
        let attempts: Vec<(String, Attempts)> =
            self.record.attempts.iter().map(|(id, attempts)| (id.clone(), attempts.clone())).collect();
        for (id, attempts) in attempts {
            // What the store is slow to show took effect; that it is not seen yet leaves nothing open.
            if attempts.maybe_effective && attempts.reason != Reason::NotFound {
                self.effect_unknown(&id);
            }
            if attempts.count == 0 {
                continue;
            }
            let next = attempts.next.format("%Y-%m-%d %H:%M:%S UTC");
            let text =
                format!("{id} failed {} times, last: {}; next attempt {next}", attempts.count, attempts.text);
            let rolls_back = id.starts_with("rollback-");
            let code = if rolls_back { Code::RollBackFailed } else { Code::ActFailed };
            let level = match (rolls_back, attempts.count) {
                (true, _) => Level::Critical,
                (false, 1) => Level::Notice,
                (false, _) => Level::Warning,
            };
            self.add(code, level, &id, text, format!("certsteward retry {} skips the wait", self.watch.id));
        }
        for (id, since) in self.record.pending.clone() {
            let what = sentence_of(self.watch, self.record, &id);
            let what = what.map(|what| format!(", to {what},")).unwrap_or_default();
            let text = format!("{id}{what} waits for approval since {}", lint::minute(since));
            let level = match id.split('-').next() {
                Some("retire") => Level::Notice,
                Some("switch") if super::lifecycle::is_in_gap(self.watch, self.record) => Level::Critical,
                Some(_) | None => Level::Warning,
            };
            self.add(
                Code::ApprovalPending,
                level,
                &id,
                text,
                format!("certsteward approve {} {id}", self.watch.id),
            );
        }
    }

    /// An answer was lost, and looking has not settled it yet: it is said while that lasts.
    fn effect_unknown(&mut self, id: &str) {
        let unseen_caller = self.record.callers.values().any(|facts| facts.unseen.is_some());
        let switches = id.starts_with("switch-") || id.starts_with("rollback-");
        let way_out = if id.starts_with("publish-") {
            "look at the target; the same certificate is given again, which changes nothing where it is known"
        } else if switches && unseen_caller {
            "look at the caller: which entry does it name? certsteward goes on by itself once it can see that"
        } else if self.record.unseen.is_some() {
            "certsteward looks before it acts again; make the source visible, or look there yourself"
        } else {
            return;
        };
        let text = format!("it is not known whether {id} took effect");
        self.add(Code::EffectUnknown, Level::Warning, id, text, way_out);
    }

    fn pauses(&mut self, everywhere: Option<&str>) {
        if let Some(by) = everywhere {
            let since = self.record.paused_everywhere;
            let long = since.is_some_and(|since| self.now - since > PAUSE_PATIENCE);
            self.add(
                Code::Paused,
                if long { Level::Warning } else { Level::Notice },
                "everywhere",
                format!("acts are paused everywhere by {by}"),
                "certsteward resume",
            );
        }
        if let Some((since, by)) = self.record.paused.clone() {
            let long = self.now - since > PAUSE_PATIENCE;
            let level = if long { Level::Warning } else { Level::Notice };
            let text = format!(
                "acts are paused by {by} since {}{}",
                lint::minute(since),
                self.record.pause_comment()
            );
            self.add(Code::Paused, level, "", text, format!("certsteward resume {}", self.watch.id));
        }
    }
}

#[cfg(test)]
mod tests;
