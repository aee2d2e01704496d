//! What a look has come to know so far, and what it comes to in the end.
//! It connects to nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::http::{Heard, Times};
use super::{Conclusion, Target};
use crate::clock::Stopwatch;
use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;
use crate::domain::module::{Answer, Kind, Outcome, Stage};
use crate::domain::verdict::{Phase, Verdict};
use crate::net::handshake::Observed;
use crate::net::{self, Net, one_line};

/// A look that is under way.
pub(super) struct Looking {
    whole: Stopwatch,
    limit: Duration,
    stages: Vec<(Stage, f64)>,
    address: Option<IpAddr>,
    observed: Observed,
    /// Whether the last server was, or was to be, spoken to over TLS, and that was begun.
    shaken: bool,
    answer: Option<Answer>,
    log: Vec<String>,
}

impl Looking {
    pub(super) fn begin(limit: Duration) -> Self {
        Self {
            whole: Stopwatch::start(),
            limit,
            stages: Vec::new(),
            address: None,
            observed: Observed::default(),
            shaken: false,
            answer: None,
            log: Vec::new(),
        }
    }

    /// Of several servers the last one counts.
    pub(super) fn begin_anew(&mut self) {
        (self.observed, self.shaken, self.answer) = (Observed::default(), false, None);
    }

    pub(super) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.whole.elapsed())
    }

    pub(super) fn say(&mut self, text: impl AsRef<str>) {
        let at = self.whole.elapsed().as_secs_f64();
        self.log.push(format!("{at:7.3} s  {}", one_line(text.as_ref())));
    }

    pub(super) fn took(&mut self, stage: Stage, span: Duration) {
        let seconds = span.as_secs_f64();
        match self.stages.iter_mut().find(|(known, _)| *known == stage) {
            Some((_, sum)) => *sum += seconds,
            None => self.stages.push((stage, seconds)),
        }
    }

    pub(super) fn took_phases(&mut self, phases: &[(Phase, f64)]) {
        for (phase, seconds) in phases {
            let stage = match phase {
                Phase::Dns => Stage::Resolve,
                Phase::Tcp | Phase::Proxy => Stage::Connect,
                Phase::Tls => Stage::Tls,
                Phase::Http => Stage::Processing,
            };
            self.took(stage, Duration::from_secs_f64(seconds.max(0.0)));
        }
    }

    pub(super) fn took_times(&mut self, times: &Times) {
        for (stage, span) in [(Stage::Processing, times.processing), (Stage::Transfer, times.transfer)] {
            if let Some(span) = span {
                self.took(stage, span);
            }
        }
    }

    pub(super) fn connected(&mut self, peer: Option<SocketAddr>, target: &Target, proxied: bool) {
        let how = match peer {
            Some(_) if proxied => " through a proxy".to_owned(),
            Some(peer) => format!(" at {}", peer.ip()),
            None => String::new(),
        };
        self.address = peer.map(|peer| peer.ip().to_canonical()).filter(|_| !proxied);
        self.say(format!("connected to {}{how}", target.place()));
    }

    pub(super) fn observe(&mut self, observed: Observed, name: &str) {
        self.shaken = true;
        let count = match observed.chain.len() {
            0 => "no certificate".to_owned(),
            1 => "one certificate".to_owned(),
            more => format!("{more} certificates"),
        };
        self.say(format!("asked for {name}; the server sent {count}"));
        if observed.asked {
            let shown = if observed.presented.is_some() { "was shown one" } else { "got none" };
            self.say(format!("the server asked for a client certificate and {shown}"));
        }
        self.observed = observed;
    }

    pub(super) fn agreed(&mut self) {
        let Observed { version, cipher, .. } = &self.observed;
        let text = format!(
            "the handshake is done: {} {}",
            version.as_deref().unwrap_or_default(),
            cipher.as_deref().unwrap_or_default()
        );
        self.say(text);
    }

    pub(super) const fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Whether the last server is spoken to over TLS.
    pub(super) const fn is_tls(&self) -> bool {
        self.shaken
    }

    pub(super) fn heard(&mut self, heard: &Heard, target: &Target, redirects: u32) {
        let moment = |text: &str| chrono::DateTime::parse_from_rfc2822(text).ok();
        let answer = Answer {
            status: heard.status,
            version: heard.version,
            is_tls: target.is_secure,
            redirects,
            announced_length: heard.header("content-length").and_then(|length| length.parse().ok()),
            length: heard.length,
            last_modified: heard.header("last-modified").and_then(moment).map(|at| at.to_utc()),
        };
        let length = heard.length.map_or_else(|| "too many".to_owned(), |length| length.to_string());
        self.say(format!("HTTP {} from {}, {length} bytes", heard.status, target.place()));
        self.answer = Some(answer);
    }

    pub(super) fn late(&self, what: &str, target: &Target) -> Conclusion {
        let text = format!("no {what} from {} within {:.1?}", target.place(), self.limit);
        Conclusion::new(Verdict::Timeout, None, text)
    }

    pub(super) fn end(
        mut self,
        net: &Net,
        settings: &net::Settings,
        kind: Kind,
        ended: Result<Option<Verdict>, Conclusion>,
        now: Timestamp,
    ) -> Outcome {
        let (success, verdict, detail) = match ended {
            Ok(verdict) => (true, verdict, None),
            Err(conclusion) => {
                self.say(format!("{}: {}", conclusion.verdict, conclusion.text));
                (false, Some(conclusion.verdict), conclusion.detail)
            }
        };
        self.say(if success { "success" } else { "failure" });
        let seconds = self.whole.elapsed().as_secs_f64();
        let sent = self.certificates();
        let trusted = self.trusted(net, settings, &sent, now);
        Outcome {
            kind,
            success,
            verdict,
            detail,
            seconds,
            limit_seconds: self.limit.as_secs_f64(),
            stages: self.stages,
            address: self.address,
            answer: self.answer,
            tls_version: self.observed.version,
            cipher: self.observed.cipher,
            asked_for_certificate: (!sent.is_empty()).then_some(self.observed.asked),
            sent,
            trusted,
            log: self.log,
        }
    }

    fn certificates(&mut self) -> Vec<Certificate> {
        let chain: Vec<Arc<[u8]>> = self.observed.chain.clone();
        let mut read = Vec::with_capacity(chain.len());
        for der in &chain {
            match Certificate::from_der(der) {
                Ok(certificate) => read.push(certificate),
                Err(unseen) => self.say(format!("a certificate of the server: {unseen}")),
            }
        }
        read
    }

    /// The chain of trust, whatever the dates say: a server whose certificate has expired is the one whose end must stay visible.
    fn trusted(
        &mut self,
        net: &Net,
        settings: &net::Settings,
        sent: &[Certificate],
        now: Timestamp,
    ) -> Option<Arc<[Certificate]>> {
        let ends = sent.iter().map(|certificate| certificate.not_after).min();
        let begins = sent.iter().map(|certificate| certificate.not_before).max();
        let moments: Vec<Timestamp> = [Some(now), ends, begins].into_iter().flatten().collect();
        net.trusted_path(settings, sent, &moments).unwrap_or_else(|unseen| {
            self.say(unseen.text);
            None
        })
    }
}
