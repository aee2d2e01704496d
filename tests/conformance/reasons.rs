//! The words by which another tool tells a reason: generous, because each has its own.
//! certsteward's own verdicts are not judged by words.

use certsteward::domain::verdict::{Detail, Verdict};

use super::answers::ANSWERS;
use super::scenario::Scenario;

/// Whether the reason stands in what a tool said.
pub(super) fn tells(scenario: &Scenario, said: &str) -> bool {
    // Its own address is quoted by many, and would tell what only we know.
    let said = said.replace(scenario.path, "").to_lowercase();
    let numbers: Vec<&str> = said.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    words(scenario).iter().any(|word| {
        let number = word.chars().all(|c| c.is_ascii_digit());
        if number { numbers.contains(&word.as_str()) } else { said.contains(word) }
    })
}

fn words(scenario: &Scenario) -> Vec<String> {
    let status = ANSWERS.iter().find(|answer| answer.path == scenario.path).map(|answer| answer.status);
    // A success that is none is not told by its status.
    let status = status.filter(|status| *status >= 300).map(|status| status.to_string());
    let fixed: &[&str] = match scenario.verdict {
        Verdict::CertificateRequired => &["certificate required", "no required ssl certificate"],
        Verdict::CertificateRefused => scenario.detail.map_or(&[], refused),
        Verdict::ServerExpired => &["expired", "not yet valid"],
        Verdict::ServerNameMismatch => {
            &["no alternative", "mismatch", "is valid for", "not match", "n't match", "not valid for"]
        }
        Verdict::ServerUntrusted => &["unknown authority", "unable to get local issuer", "self-signed"],
        Verdict::DnsFailed => &["resolv", "lookup", "name or service", "no such host", "invalid hostname"],
        Verdict::ConnectionRefused => &["refused"],
        Verdict::ConnectionReset => &["reset", "eof", "closed", "errno=104", "no data received", "errno 104"],
        Verdict::Timeout => &["timeout", "timed out", "deadline"],
        Verdict::TlsFailed => &[
            "does not look like",
            "wrong version",
            "to https client",
            "application protocol",
            "renegotiation",
        ],
        Verdict::RateLimited => &["429"],
        Verdict::Unavailable => &["500", "503"],
        Verdict::UnexpectedAnswer => {
            let odd = ["malformed", "http/0.9", "invalid http"].map(str::to_owned);
            return odd.into_iter().chain(status).collect();
        }
        Verdict::NoPermission => &["permission"],
        Verdict::NotMapped => &["mapped", "invalid client certificate"],
        Verdict::CredentialsRequired => &["credentials"],
        Verdict::Accepted | Verdict::LoginRefused => &[],
    };
    fixed.iter().map(|word| (*word).to_owned()).collect()
}

fn refused(detail: Detail) -> &'static [&'static str] {
    match detail {
        Detail::UnknownCa => &["unknown ca", "unknown certificate authority"],
        Detail::Expired => &["certificate expired", "expired certificate"],
        Detail::Revoked => &["revoked"],
        Detail::Bad => &["bad certificate"],
        Detail::Unsupported => &["unsupported certificate", "signature algorithm"],
        Detail::Unspecified
        | Detail::IpNotAllowed
        | Detail::UserLocked
        | Detail::PasswordExpired
        | Detail::CompanyUnknown
        | Detail::ApiOff => &["ssl certificate error"],
    }
}
