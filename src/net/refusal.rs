//! Why a certificate is refused by the library that verifies it, in words for people.
//! It verifies nothing itself.

use rustls::CertificateError as Problem;
use rustls::pki_types::UnixTime;

use crate::domain::lint::minute;

/// What is wrong with a server's certificate, to stand behind "the server's certificate".
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's list is open")]
pub(super) fn of_server(problem: &Problem) -> String {
    match problem {
        Problem::UnknownIssuer => "is not signed by a trusted authority".to_owned(),
        Problem::Expired => "or its issuer's has expired".to_owned(),
        Problem::ExpiredContext { not_after, .. } => {
            format!("or its issuer's expired on {}", day(*not_after))
        }
        Problem::NotValidYet => "or its issuer's is not valid yet".to_owned(),
        Problem::NotValidYetContext { not_before, .. } => {
            format!("or its issuer's is not valid before {}", day(*not_before))
        }
        Problem::NotValidForName => "is for another name".to_owned(),
        Problem::NotValidForNameContext { expected, presented } => {
            let names: Vec<String> = presented.iter().map(|name| bare(name).to_owned()).collect();
            let names = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
            format!("is for {names}, not for {}", expected.to_str())
        }
        Problem::InvalidPurpose | Problem::InvalidPurposeContext { .. } => {
            "is not for servers: its extended key usage does not name serverAuth".to_owned()
        }
        Problem::Revoked => "is revoked".to_owned(),
        Problem::BadEncoding => "or its issuer's does not follow its own format".to_owned(),
        Problem::BadSignature => "is not signed by the issuer that it names".to_owned(),
        Problem::UnhandledCriticalExtension => {
            "or its issuer's has a critical extension that is not known here".to_owned()
        }
        Problem::UnsupportedSignatureAlgorithmContext { .. }
        | Problem::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "or its issuer's is signed in a way that is not accepted".to_owned()
        }
        Problem::Other(other) => {
            let why = other.0.downcast_ref::<webpki::Error>().map_or(UNTOLD.to_owned(), of_chain);
            format!("is refused: {why}")
        }
        other => format!("is refused: {}", plain(other)),
    }
}

/// Why a chain leads to no authority of a store.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's list is open, and what is rare is named as it names it"
)]
pub(crate) fn of_chain(error: &webpki::Error) -> String {
    use webpki::Error;
    match error {
        Error::UnknownIssuer => "the chain leads to none of its authorities".to_owned(),
        Error::CertExpired { not_after, .. } => {
            format!("a certificate on the way expired on {}", day(*not_after))
        }
        Error::CertNotValidYet { not_before, .. } => {
            format!("a certificate on the way is not valid before {}", day(*not_before))
        }
        Error::NameConstraintViolation => {
            "an issuer may not issue for the names in it (name constraints)".to_owned()
        }
        Error::PathLenConstraintViolated => {
            "an issuer may not have so many authorities below it (path length)".to_owned()
        }
        Error::RequiredEkuNotFoundContext(_) => {
            "an issuer may not issue for this use (extended key usage)".to_owned()
        }
        Error::CaUsedAsEndEntity => {
            "it is the certificate of an authority, which verifiers do not take from a client or server"
                .to_owned()
        }
        Error::EndEntityUsedAsCa => "a certificate on the way is not one of an authority".to_owned(),
        Error::InvalidSignatureForPublicKey => {
            "a signature on the way is not by the issuer that it names".to_owned()
        }
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "a certificate on the way is signed in a way that is not accepted".to_owned()
        }
        Error::UnsupportedCriticalExtension => {
            "a certificate on the way has a critical extension that is not known here".to_owned()
        }
        Error::UnsupportedCertVersion => "a certificate on the way is of a version other than 3".to_owned(),
        Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => {
            "the way to an authority is too long to be verified".to_owned()
        }
        other => format!("a verifier does not take it ({})", plain(other)),
    }
}

const UNTOLD: &str = "the verifier does not say why";

/// The library's name for what is rare, as words: `invalid serial number` of `InvalidSerialNumber`.
fn plain(error: &impl std::fmt::Debug) -> String {
    let debug = format!("{error:?}");
    let name: String = debug.chars().take_while(char::is_ascii_alphanumeric).collect();
    let mut words = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).ok();
    let at = seconds.and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    at.map_or_else(|| "a day beyond all calendars".to_owned(), minute)
}

/// `api.example.org` of `DnsName("api.example.org")`.
fn bare(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn no_words_of_the_library_are_left() {
        let other = |error: webpki::Error| Problem::Other(rustls::OtherError(Arc::new(error)));
        for (problem, words) in [
            (Problem::Expired, "or its issuer's has expired"),
            (Problem::BadSignature, "is not signed by the issuer that it names"),
            (
                other(webpki::Error::CaUsedAsEndEntity),
                "is refused: it is the certificate of an authority, which verifiers do not take from a client or server",
            ),
            (
                other(webpki::Error::InvalidSerialNumber),
                "is refused: a verifier does not take it (invalid serial number)",
            ),
            (Problem::ApplicationVerificationFailure, "is refused: application verification failure"),
        ] {
            assert_eq!(of_server(&problem), words);
        }
    }
}
