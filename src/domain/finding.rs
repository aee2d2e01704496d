//! Judgements on a watch: a stable code, a level, a sentence, a way out.
//! It decides nothing; `assess` computes findings from the record at each pass and nobody stores them.

use super::codes::codes;

codes! {
    /// How serious it is. The order of the list is the order of seriousness.
    Level {
        Ok = "ok": "nothing to say",
        Notice = "notice": "worth knowing",
        Warning = "warning": "needs somebody within days",
        Critical = "critical": "needs somebody now",
    }
}

impl Level {
    /// 0 ok, 1 notice, 2 warning, 3 critical: the value of `certsteward_watch_level`.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Notice => 1,
            Self::Warning => 2,
            Self::Critical => 3,
        }
    }
}

codes! {
    /// Every judgement certsteward can make on a watch.
    Code {
        NotLooked = "not-looked-yet": "the watch was not looked at yet since certsteward started or the watch is there",
        Unseen = "unseen": "the source could not be seen",
        SourceVanished = "source-vanished": "the certificate or destination that the watch names is no longer there",
        NotYetValid = "not-yet-valid": "the certificate is not yet valid",
        Expired = "expired": "the certificate has expired",
        Expires = "expires": "the deadline comes near",
        ChainExpires = "chain-expires": "a certificate further up the chain ends before the leaf",
        ChainIncomplete = "chain-incomplete": "the issuer is missing from the chain",
        ChainMisordered = "chain-misordered": "the chain is not in order, leaf first",
        NoClientAuth = "no-client-auth": "the certificate may not be used by a TLS client",
        NoServerAuth = "no-server-auth": "the certificate may not be used by a TLS server",
        KeyUsage = "key-usage": "the key may not sign, which TLS 1.3 needs",
        NameMismatch = "name-mismatch": "the server's certificate is not for the name it is served under",
        SelfSigned = "self-signed": "the certificate is signed by itself",
        Untrusted = "untrusted": "the certificate leads to no authority that is trusted, or that cannot be told",
        DuplicateSerial = "duplicate-serial": "another certificate has the same issuer and serial number",
        KeyMismatch = "key-mismatch": "the private key beside the certificate belongs to another one",
        Revoked = "revoked": "the certificate, or an issuer in its chain, was revoked",
        RevocationUnknown = "revocation-unknown": "whether the certificate was revoked could not be found out",
        Drift = "drift": "a place shows another certificate than the source",
        LifetimeOverLimit = "lifetime-over-limit": "the server's certificate lives longer than public authorities may issue",
        WeakKey = "weak-key": "the key is too small",
        WeakSignature = "weak-signature": "the signature algorithm is broken",
        IssuerChanged = "issuer-changed": "the new certificate has another issuer",
        SubjectChanged = "subject-changed": "the new certificate has another subject",
        ShorterLived = "shorter-lived": "the new certificate lives shorter than the one before",
        OddContent = "odd-content": "part of what the source holds could not be read",
        DestinationAuthentication = "destination-authentication": "the destination does not use ClientCertificateAuthentication",
        DestinationKeystore = "destination-keystore": "the destination names a keystore that does not exist or cannot be used by callers",
        DestinationHost = "destination-host": "the destination does not point to a certificate host",
        DestinationCompany = "destination-company": "the destination sends another company id than the target",
        Rejected = "rejected": "the API rejects the certificate in force",
        NoPermission = "no-permission": "the login of the mapping lacks a permission",
        LoginRefused = "login-refused": "the login is refused",
        ProbeFailing = "probe-failing": "the probe cannot tell because the API cannot be asked",
        Unproven = "unproven": "nothing has shown yet that the target knows the certificate",
        CandidateRejected = "candidate-rejected": "the API does not accept the candidate yet",
        CandidateUnfit = "candidate-unfit": "the newly issued certificate cannot be used",
        HandOffOpen = "hand-off-open": "a person is asked to do something",
        ApprovalPending = "approval-pending": "an act waits for approval",
        Overdue = "overdue": "the renewal should have begun and has not",
        Stuck = "stuck": "the step takes longer than it should",
        ActFailed = "act-failed": "an act failed and will be tried again",
        EffectUnknown = "effect-unknown": "an answer was lost and looking could not settle it",
        GapExpected = "gap-expected": "the plan expects a time in which calls fail",
        RolledBack = "rolled-back": "a renewal was rolled back and waits for a person",
        RollBackFailed = "roll-back-failed": "rolling back failed",
        SwitchedBack = "switched-back": "a caller names the replaced certificate again",
        CallerElsewhere = "caller-elsewhere": "a caller uses neither the certificate in force nor the candidate",
        RetirePending = "retire-pending": "a replaced certificate waits to be removed",
        RenewedElsewhere = "renewed-elsewhere": "the certificate was renewed by someone else",
        Paused = "paused": "acts are paused",
        Clock = "clock": "the clock of this host differs from what servers say, so no outside change begins",
        WatchVanished = "watch-vanished": "the watch is no longer configured, or its place no longer found",
    }
}

/// One judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which judgement.
    pub code: Code,
    /// How serious.
    pub level: Level,
    /// What it is about where a watch may have several of one code, such as a target's id; else empty.
    pub about: String,
    /// What is the case, as a sentence without a full stop.
    pub text: String,
    /// What to do about it.
    pub way_out: String,
}

impl Finding {
    /// Names the finding among those of its watch: what is told once is told once for this key.
    #[must_use]
    pub fn key(&self) -> String {
        if self.about.is_empty() {
            self.code.code().to_owned()
        } else {
            format!("{}:{}", self.code, self.about)
        }
    }
}
