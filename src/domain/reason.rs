//! Why something could not be done or seen: one closed list for the whole product.
//! It judges nothing; findings do.

use super::codes::codes;

codes! {
    /// Why a look, an act or a delivery failed. The code is the log field, the metric label and a row of the docs.
    Reason {
        NotFound = "not_found": "what was asked for does not exist there",
        LeadsNowhere = "leads_nowhere": "what leads to it was seen, and names something that does not exist",
        PermissionDenied = "permission_denied": "the operating system refused access",
        Unreadable = "unreadable": "it exists but could not be read",
        TooLarge = "too_large": "it is larger than the limit for its kind",
        Empty = "empty": "there is nothing in it",
        Truncated = "truncated": "it ends in the middle",
        NoCertificate = "no_certificate": "it holds no certificate",
        SeveralLeaves = "several_leaves": "it holds several end-entity certificates and nothing says which is meant",
        KeyMismatch = "key_mismatch": "the private key does not belong to the certificate",
        Untrusted = "untrusted": "the certificate leads to no authority of the trust store that was named",
        TrustUnknown = "trust_unknown": "whether the certificate leads to an authority of the trust store could not be found out",
        Revoked = "revoked": "the certificate was revoked by its issuer",
        RevocationUnknown = "revocation_unknown": "whether the certificate was revoked could not be found out",
        PasswordNeeded = "password_needed": "it is protected by a password and none was given",
        PasswordWrong = "password_wrong": "the password given does not open it",
        UnsupportedFormat = "unsupported_format": "its format is not one certsteward reads",
        Malformed = "malformed": "it does not follow its own format",
        DnsFailed = "dns_failed": "the host name could not be resolved",
        ConnectionRefused = "connection_refused": "nothing listens at that address",
        ConnectionReset = "connection_reset": "the other side closed the connection",
        TlsFailed = "tls_failed": "the TLS handshake failed",
        ServerUntrusted = "server_untrusted": "the server's certificate is not trusted, expired or for another name",
        Timeout = "timeout": "there was no answer within the limit",
        Unauthorized = "unauthorized": "the credentials were refused (401)",
        Forbidden = "forbidden": "the credentials are valid but not allowed to do this (403)",
        Conflict = "conflict": "something stands there already (409)",
        Refused = "refused": "the other side understood and refused (4xx)",
        RateLimited = "rate_limited": "the other side asked to slow down (429)",
        Unavailable = "unavailable": "the other side failed or is in maintenance (5xx)",
        UnexpectedAnswer = "unexpected_answer": "the answer is not what the contract says",
        CommandFailed = "command_failed": "the command ended with a failure",
        CredentialUnusable = "credential_unusable": "our own key or token for that system cannot be used",
        KeyUnavailable = "key_unavailable": "the private key cannot leave the system that holds it",
        KeyMaterial = "key_material": "private key material was found where only public output may go",
        StateChanged = "state_changed": "what was about to be changed had changed meanwhile",
        EffectUnknown = "effect_unknown": "the answer was lost, so it is not known whether it took effect",
        Interrupted = "interrupted": "certsteward stopped while this was under way",
    }
}

impl Reason {
    /// The reason for an error of the operating system about a file.
    #[must_use]
    pub fn of_file(error: &std::io::Error) -> Self {
        let kind = error.kind();
        if kind == std::io::ErrorKind::NotFound {
            Self::NotFound
        } else if kind == std::io::ErrorKind::PermissionDenied {
            Self::PermissionDenied
        } else {
            Self::Unreadable
        }
    }
}

/// A failure of a look: why something could not be seen, in a code and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// The member of the closed list.
    pub reason: Reason,
    /// What, where and the way out, for a person; never a secret.
    pub text: String,
}

impl Unseen {
    /// Builds one from its two parts.
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}

impl std::fmt::Display for Unseen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Unseen {}

/// What was asked of another system and what it answered, in short: a line of the history.
///
/// Never a body and never a secret: a method, a path or a program, and a status, an exit code or a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    request: String,
    answer: String,
}

impl Answer {
    /// The most characters of each half that are kept.
    pub const MOST: usize = 200;

    /// Keeps both on one line each, cut to [`Self::MOST`].
    pub fn new(request: impl AsRef<str>, answer: impl AsRef<str>) -> Self {
        Self { request: short(request.as_ref()), answer: short(answer.as_ref()) }
    }

    /// What was asked: `POST subaccountCertificates sfapi-2.pem`.
    #[must_use]
    pub fn request(&self) -> &str {
        &self.request
    }

    /// What was answered: `201`.
    #[must_use]
    pub fn answer(&self) -> &str {
        &self.answer
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {}", self.request, self.answer)
    }
}

fn short(text: &str) -> String {
    let mut kept = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let shown: String = kept.by_ref().take(Answer::MOST).collect();
    if kept.next().is_none() { shown } else { format!("{shown}…") }
}

/// A failure of an act, with what is known about its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The member of the closed list.
    pub reason: Reason,
    /// What, where and the way out, for a person; never a secret.
    pub text: String,
    /// False only where the other side certainly changed nothing (a refusal that was read, a connection never made).
    pub maybe_effective: bool,
    /// The other side's own wish (`Retry-After`), in seconds from the answer.
    pub retry_after_seconds: Option<u64>,
    /// What was asked and answered, where it came so far.
    pub answer: Option<Answer>,
}

impl Failure {
    /// A refusal that certainly changed nothing.
    pub fn certain(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into(), maybe_effective: false, retry_after_seconds: None, answer: None }
    }

    /// A failure after the request had left: it may have taken effect.
    pub fn uncertain(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into(), maybe_effective: true, retry_after_seconds: None, answer: None }
    }

    /// The same failure with the other side's wish to wait.
    #[must_use]
    pub fn retry_after(mut self, seconds: Option<u64>) -> Self {
        self.retry_after_seconds = seconds;
        self
    }

    /// The same failure with what was asked and answered.
    #[must_use]
    pub fn answered(mut self, answer: Answer) -> Self {
        self.answer = Some(answer);
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<Unseen> for Failure {
    fn from(unseen: Unseen) -> Self {
        Self::certain(unseen.reason, unseen.text)
    }
}

impl From<Failure> for Unseen {
    fn from(failure: Failure) -> Self {
        Self::new(failure.reason, failure.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_two_short_lines_whatever_is_put_in() {
        let answer = Answer::new("PUT a\nb".to_owned() + &"é".repeat(500), "20\u{1b}1");
        assert_eq!(answer.answer(), "20 1");
        assert!(answer.request().starts_with("PUT a bé") && answer.request().ends_with("é…"));
        assert_eq!(answer.request().chars().count(), Answer::MOST + 1);
    }
}
