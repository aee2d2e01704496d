//! Why a source could not be read, in the words of x509-certificate-exporter.
//! It knows our list and that one, and counts nothing.

use crate::domain::reason::Reason;

/// The words of the other list that can be said here, in the order of output.
pub(super) const WORDS: [&str; 11] = [
    "not_found",
    "permission_denied",
    "read_failed",
    "no_certificate_found",
    "decode_failed",
    "bad_passphrase",
    "rate_limited",
    "http_401",
    "http_403",
    "http_5xx",
    WALK_ERROR,
];

/// A discovery could not look everywhere.
pub(super) const WALK_ERROR: &str = "walk_error";

/// The word for each reason: the one table.
pub(super) const fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::NotFound | Reason::LeadsNowhere => "not_found",
        Reason::PermissionDenied => "permission_denied",
        Reason::Empty | Reason::NoCertificate => "no_certificate_found",
        // Of which format it was is not known any more, so neither bad_pem, bad_pkcs12 nor bad_jks is said.
        Reason::Truncated
        | Reason::Malformed
        | Reason::UnsupportedFormat
        | Reason::SeveralLeaves
        | Reason::KeyMismatch => "decode_failed",
        Reason::PasswordNeeded | Reason::PasswordWrong => "bad_passphrase",
        Reason::RateLimited => "rate_limited",
        Reason::Unauthorized => "http_401",
        Reason::Forbidden => "http_403",
        Reason::Unavailable => "http_5xx",
        Reason::Unreadable
        | Reason::TooLarge
        | Reason::DnsFailed
        | Reason::ConnectionRefused
        | Reason::ConnectionReset
        | Reason::TlsFailed
        | Reason::ServerUntrusted
        | Reason::Untrusted
        | Reason::TrustUnknown
        | Reason::Revoked
        | Reason::RevocationUnknown
        | Reason::Timeout
        | Reason::Conflict
        | Reason::Refused
        | Reason::UnexpectedAnswer
        | Reason::CommandFailed
        | Reason::CredentialUnusable
        | Reason::KeyUnavailable
        | Reason::KeyMaterial
        | Reason::StateChanged
        | Reason::EffectUnknown
        | Reason::Interrupted => "read_failed",
    }
}

/// The words that can be said of a source of this kind: their counters are there from the start.
pub(super) fn possible(kind: &str, is_discovery: bool) -> impl Iterator<Item = &'static str> {
    let words = match kind {
        "file" => WORDS.get(..6),
        "tls" => WORDS.get(2..5),
        _ => WORDS.get(..10),
    };
    words.unwrap_or_default().iter().copied().chain(is_discovery.then_some(WALK_ERROR))
}

/// Whether it is about what was read, and not about the way to it or about whom it is trusted by.
pub(super) fn is_of_content(reason: Reason) -> bool {
    matches!(word(reason), "no_certificate_found" | "decode_failed" | "bad_passphrase")
        || matches!(reason, Reason::Unreadable | Reason::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_the_other_list() {
        for reason in Reason::ALL {
            assert!(WORDS.contains(&word(*reason)), "{reason}");
        }
    }

    #[test]
    fn a_counter_is_there_for_whatever_can_go_wrong_first() {
        let of = |kind, is_discovery| possible(kind, is_discovery).collect::<Vec<_>>();
        assert_eq!(of("tls", false), ["read_failed", "no_certificate_found", "decode_failed"]);
        assert!(of("file", false).contains(&"bad_passphrase") && !of("file", false).contains(&"http_401"));
        assert!(of("file", true).contains(&WALK_ERROR));
        assert!(of("destination-service", false).contains(&"http_5xx"));
    }
}
