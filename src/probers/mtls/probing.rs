//! What one probe has come to know so far, and what it ends with.
//! It connects to nothing.

use std::time::Duration;

use super::super::classify::{classify, tells_by_status};
use super::call::Answer;
use super::target::Target;
use crate::clock::Stopwatch;
use crate::domain::Timestamp;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::verdict::{Detail, Phase, Probed, Verdict};
use crate::net::handshake::{Observed, Unfit};
use crate::net::{excerpt, one_line, retry_after};

/// What the probe has come to know so far.
pub(super) struct Probing {
    at: Timestamp,
    whole: Stopwatch,
    pub(super) phases: Vec<(Phase, f64)>,
    pub(super) observed: Observed,
    status: Option<u16>,
    retry_after_seconds: Option<u64>,
}

impl Probing {
    pub(super) fn begin(now: Timestamp) -> Self {
        Self {
            at: now,
            whole: Stopwatch::start(),
            phases: Vec::with_capacity(Phase::ALL.len()),
            observed: Observed::default(),
            status: None,
            retry_after_seconds: None,
        }
    }

    pub(super) fn left(&self, limit: Duration) -> Duration {
        limit.saturating_sub(self.whole.elapsed())
    }

    pub(super) fn took(&mut self, phase: Phase, watch: Stopwatch) {
        self.phases.push((phase, watch.elapsed().as_secs_f64()));
    }

    /// What an answer means, and what it means that it was cut short: where its status tells enough, that counts.
    pub(super) fn heard(&mut self, answer: Option<Answer>, cut_short: Option<Conclusion>) -> Conclusion {
        let Some(answer) = answer else {
            let cut = cut_short
                .unwrap_or_else(|| Conclusion::new(Verdict::ConnectionReset, None, "no answer came"));
            return cut.before_any_answer(&self.observed);
        };
        self.status = Some(answer.status);
        self.retry_after_seconds = retry_after(&answer.headers, self.at);
        match cut_short {
            None => self.judge(&answer),
            Some(cut) if tells_by_status(answer.status) => {
                let judged = self.judge(&answer);
                Conclusion { text: format!("{} (then: {})", judged.text, cut.text), ..judged }
            }
            Some(cut) => Conclusion { text: format!("HTTP {}, then: {}", answer.status, cut.text), ..cut },
        }
    }

    fn judge(&self, answer: &Answer) -> Conclusion {
        let kind = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
        let proven = self.observed.asked && self.observed.presented.is_some();
        let (verdict, detail) = classify(answer.status, kind, &answer.body, proven);
        Conclusion::new(verdict, detail, self.said(answer, verdict))
    }

    /// What the answer said. A success's body is never shown: it is the API's data.
    fn said(&self, answer: &Answer, verdict: Verdict) -> String {
        let status = format!("HTTP {}{}", answer.status, destination(answer));
        let success = (200..300).contains(&answer.status);
        if success && verdict == Verdict::UnexpectedAnswer && !self.observed.asked {
            return format!(
                "{status}, but the server never asked for a client certificate, so this proves nothing about it"
            );
        }
        if success && verdict == Verdict::UnexpectedAnswer && self.observed.presented.is_none() {
            return format!("{status} without a certificate: the server asks for one but does not insist");
        }
        let data = success && (verdict == Verdict::Accepted || !is_page(&answer.body));
        let shown = if data { String::new() } else { excerpt(&answer.body) };
        let said = if shown.is_empty() { status } else { format!("{status}: {shown}") };
        let is_refusal = matches!(answer.status, 401 | 403);
        if is_refusal && !self.observed.asked { format!("{said} ({ASKS_LATER})") } else { said }
    }

    pub(super) fn end(self, conclusion: Conclusion) -> Probed {
        let conclusion = conclusion.fitting(&self.observed);
        let Observed { chain, asked, authorities, presented, version, cipher, .. } = self.observed;
        Probed {
            verdict: conclusion.verdict,
            detail: conclusion.detail,
            status: self.status,
            at: self.at,
            phases: self.phases,
            presented,
            asked_for_certificate: asked,
            acceptable_authorities: authorities,
            tls_version: version,
            cipher,
            server_chain: chain,
            text: one_line(&conclusion.text),
            retry_after_seconds: self.retry_after_seconds,
        }
    }
}

pub(super) const ASKS_LATER: &str = "the server asked for no certificate in the handshake; one that asks only after the request, by renegotiation or post-handshake authentication, cannot be probed";

/// Where a redirect points, without its query.
fn destination(answer: &Answer) -> String {
    let location = answer.headers.get("location").and_then(|value| value.to_str().ok());
    let plain = location.and_then(|address| address.split(['?', '#']).next());
    plain.filter(|_| (300..400).contains(&answer.status)).map(|to| format!(" to {to}")).unwrap_or_default()
}

fn is_page(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

/// What a probe ends with.
pub(in crate::probers) struct Conclusion {
    pub(in crate::probers) verdict: Verdict,
    pub(in crate::probers) detail: Option<Detail>,
    pub(in crate::probers) text: String,
}

impl Conclusion {
    pub(in crate::probers) fn new(verdict: Verdict, detail: Option<Detail>, text: impl Into<String>) -> Self {
        Self { verdict, detail, text: text.into() }
    }

    pub(super) fn late(what: &str, target: &Target, limit: Duration) -> Self {
        let text = format!("no {what} from {} within {limit:?}", target.shown());
        Self::new(Verdict::Timeout, None, text)
    }

    /// A connection that broke off before any answer may be a refusal too.
    pub(super) fn before_any_answer(self, observed: &Observed) -> Self {
        if self.verdict != Verdict::ConnectionReset || !observed.asked {
            return self;
        }
        let remark = match observed.presented {
            None => "after the server had asked for a client certificate and got none",
            Some(_) => {
                "after the server had asked for a client certificate and got one: some refuse it so, without a word"
            }
        };
        Self { text: format!("{} ({remark})", self.text), ..self }
    }

    /// A certificate that the server wants and that could not be presented to it was not missing: it is the wrong one, unless it
    /// is only certsteward that cannot sign as the server wants.
    fn fitting(self, observed: &Observed) -> Self {
        if self.verdict != Verdict::CertificateRequired {
            return self;
        }
        match observed.unfit {
            None => self,
            Some(Unfit::ForServer) => {
                let text = format!(
                    "{}; none was presented, because the server takes no signature by a key of its kind",
                    self.text
                );
                Self::new(Verdict::CertificateRefused, Some(Detail::Unsupported), text)
            }
            Some(Unfit::ForUs) => {
                let text = format!(
                    "{}; none was presented, because the server takes only signatures over SHA-1, which certsteward does not make; callers may",
                    self.text
                );
                Self::new(Verdict::TlsFailed, None, text)
            }
        }
    }
}

/// No connection came about.
impl From<Unseen> for Conclusion {
    fn from(unseen: Unseen) -> Self {
        let verdict = UNREACHED
            .iter()
            .find(|(reason, _)| *reason == unseen.reason)
            .map_or(Verdict::TlsFailed, |(_, verdict)| *verdict);
        Self::new(verdict, None, unseen.text)
    }
}

/// What it means that no connection came about. Of files only that of the server's authorities is read on the way.
const UNREACHED: [(Reason, Verdict); 11] = [
    (Reason::DnsFailed, Verdict::DnsFailed),
    (Reason::Timeout, Verdict::Timeout),
    (Reason::ConnectionReset, Verdict::ConnectionReset),
    (Reason::ConnectionRefused, Verdict::ConnectionRefused),
    (Reason::Unauthorized, Verdict::ConnectionRefused),
    (Reason::ServerUntrusted, Verdict::ServerUntrusted),
    (Reason::NotFound, Verdict::ServerUntrusted),
    (Reason::PermissionDenied, Verdict::ServerUntrusted),
    (Reason::Unreadable, Verdict::ServerUntrusted),
    (Reason::NoCertificate, Verdict::ServerUntrusted),
    (Reason::Malformed, Verdict::ServerUntrusted),
];
