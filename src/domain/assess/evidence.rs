//! What the last look at the source brought along beside the certificate's own facts: whom it leads to, whose key lies beside it,
//! and what could not be read. It looks at nothing itself.

use std::collections::BTreeMap;

use super::Judge;
use crate::domain::finding::{Code, Level};
use crate::domain::reason::Reason;

/// What the presenter of an untrusted certificate can do.
const UNTRUSTED: &str = "present the issuers that lead to an authority of the store, have the certificate issued by one of them, or put its root into the store";

impl Judge<'_> {
    pub(super) fn evidence(&mut self) {
        let mut counts: BTreeMap<Code, usize> = BTreeMap::new();
        for (number, oddity) in self.record.oddities.iter().enumerate() {
            let Some((code, level, way_out)) = meaning(oddity.reason) else {
                let about = format!("{}-{number}", oddity.reason);
                let text = format!("part of {} could not be read: {oddity}", self.watch.source.place);
                let way_out = "look at the content; the rest of it was read";
                self.add(Code::OddContent, Level::Notice, &about, text, way_out);
                continue;
            };
            let count = counts.entry(code).or_default();
            let about = if *count == 0 { String::new() } else { (*count + 1).to_string() };
            *count += 1;
            self.add(code, level, &about, oddity.text.clone(), way_out);
        }
    }
}

/// The judgement that a reason stands for where it is more than content that could not be read.
const fn meaning(reason: Reason) -> Option<(Code, Level, &'static str)> {
    match reason {
        Reason::Untrusted => Some((Code::Untrusted, Level::Critical, UNTRUSTED)),
        Reason::TrustUnknown => Some((
            Code::Untrusted,
            Level::Warning,
            "put right what it says; certsteward looks again by itself",
        )),
        Reason::ServerUntrusted => Some((
            Code::Untrusted,
            Level::Notice,
            "do what it says; or switch this off: [policy.lint] untrusted = \"off\"",
        )),
        Reason::KeyMismatch => Some((
            Code::KeyMismatch,
            Level::Critical,
            "put the key that belongs to the certificate beside it, or have a certificate issued for this key; whoever loads both anew will fail",
        )),
        Reason::Revoked => Some((
            Code::Revoked,
            Level::Critical,
            "renew it with a new key now and give the new one to every target; ask the authority why it was revoked",
        )),
        Reason::RevocationUnknown => Some((
            Code::RevocationUnknown,
            Level::Notice,
            "put right what it says; certsteward looks again by itself",
        )),
        Reason::NotFound
        | Reason::LeadsNowhere
        | Reason::PermissionDenied
        | Reason::Unreadable
        | Reason::TooLarge
        | Reason::Empty
        | Reason::Truncated
        | Reason::NoCertificate
        | Reason::SeveralLeaves
        | Reason::PasswordNeeded
        | Reason::PasswordWrong
        | Reason::UnsupportedFormat
        | Reason::Malformed
        | Reason::DnsFailed
        | Reason::ConnectionRefused
        | Reason::ConnectionReset
        | Reason::TlsFailed
        | Reason::Timeout
        | Reason::Unauthorized
        | Reason::Forbidden
        | Reason::Conflict
        | Reason::Refused
        | Reason::RateLimited
        | Reason::Unavailable
        | Reason::UnexpectedAnswer
        | Reason::CommandFailed
        | Reason::CredentialUnusable
        | Reason::KeyUnavailable
        | Reason::KeyMaterial
        | Reason::StateChanged
        | Reason::EffectUnknown
        | Reason::Interrupted => None,
    }
}
