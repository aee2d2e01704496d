//! From a connection that failed, during the handshake or after it, to a verdict.
//! It looks only at errors, never at an answer.

use std::error::Error;

use rustls::{AlertDescription, CertificateError};

use super::probing::{ASKS_LATER, Conclusion};
use crate::domain::reason::Reason;
use crate::domain::verdict::{Detail, Verdict};
use crate::net::handshake::Observed;
use crate::net::{is_about_our_certificate, reason_of, tls_error, told};

/// What it means that the connection ended with this error.
pub(in crate::probers) fn failed(
    observed: &Observed,
    place: &str,
    error: &(dyn Error + Send + Sync + 'static),
) -> Conclusion {
    let text = told(error);
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(problem)) => Conclusion::new(server(problem), None, text),
        Some(rustls::Error::AlertReceived(alert)) => refused(observed, *alert),
        Some(_) => Conclusion::new(Verdict::TlsFailed, None, text),
        None => broken_off(reason_of(error), place, &text),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's list is open")]
fn server(problem: &CertificateError) -> Verdict {
    match problem {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Verdict::ServerExpired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Verdict::ServerNameMismatch
        }
        _ => Verdict::ServerUntrusted,
    }
}

/// An alert blames the client certificate only where the server had asked for one.
fn refused(observed: &Observed, alert: AlertDescription) -> Conclusion {
    let mut said = format!("the server sent the TLS alert {}", name(alert));
    if alert == AlertDescription::NoApplicationProtocol {
        said.push_str(": it does not speak HTTP/1.1, which is all that the probe speaks");
    }
    if !observed.asked {
        // Its answer to our refusal to begin anew is this alert, long after the handshake.
        let later = alert == AlertDescription::HandshakeFailure && observed.version.is_some();
        let remark = if later { format!(" ({ASKS_LATER})") } else { String::new() };
        return Conclusion::new(Verdict::TlsFailed, None, format!("{said}{remark}"));
    }
    let general = matches!(
        alert,
        AlertDescription::HandshakeFailure | AlertDescription::AccessDenied | AlertDescription::DecryptError
    );
    if !general && !is_about_our_certificate(alert) {
        return Conclusion::new(Verdict::TlsFailed, None, said);
    }
    if observed.presented.is_none() {
        let text = format!("{said} after it had asked for a client certificate and got none");
        return Conclusion::new(Verdict::CertificateRequired, None, text);
    }
    if matches!(alert, AlertDescription::CertificateRequired | AlertDescription::NoCertificate) {
        return Conclusion::new(Verdict::CertificateRequired, None, said);
    }
    Conclusion::new(Verdict::CertificateRefused, Some(detail(alert)), said)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's list is open")]
const fn detail(alert: AlertDescription) -> Detail {
    match alert {
        AlertDescription::UnknownCA => Detail::UnknownCa,
        AlertDescription::CertificateExpired => Detail::Expired,
        AlertDescription::CertificateRevoked => Detail::Revoked,
        AlertDescription::UnsupportedCertificate => Detail::Unsupported,
        AlertDescription::BadCertificate | AlertDescription::DecryptError => Detail::Bad,
        _ => Detail::Unspecified,
    }
}

/// The alert's name as RFC 8446 writes it.
fn name(alert: AlertDescription) -> String {
    let debug = format!("{alert:?}").replace("CA", "Ca");
    let mut name = String::with_capacity(debug.len() + 4);
    for c in debug.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

fn broken_off(reason: Option<Reason>, place: &str, text: &str) -> Conclusion {
    if reason == Some(Reason::UnexpectedAnswer) {
        return Conclusion::new(Verdict::UnexpectedAnswer, None, format!("{place}: {text}"));
    }
    let verdict = if reason == Some(Reason::Timeout) { Verdict::Timeout } else { Verdict::ConnectionReset };
    Conclusion::new(verdict, None, format!("the connection to {place} broke off: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::certificate::Fingerprint;

    fn observed(asked: bool, presented: bool) -> Observed {
        let presented = presented.then(|| Fingerprint::of(b"leaf"));
        Observed { asked, presented, ..Observed::default() }
    }

    fn verdict(asked: bool, presented: bool, alert: AlertDescription) -> (Verdict, Option<Detail>) {
        let error = std::io::Error::other(rustls::Error::AlertReceived(alert));
        let conclusion = failed(&observed(asked, presented), "api.example.org", &error);
        (conclusion.verdict, conclusion.detail)
    }

    #[test]
    fn each_alert_after_a_presented_certificate_has_its_detail() {
        for (alert, detail) in [
            (AlertDescription::UnknownCA, Detail::UnknownCa),
            (AlertDescription::CertificateExpired, Detail::Expired),
            (AlertDescription::CertificateRevoked, Detail::Revoked),
            (AlertDescription::UnsupportedCertificate, Detail::Unsupported),
            (AlertDescription::BadCertificate, Detail::Bad),
            (AlertDescription::DecryptError, Detail::Bad),
            (AlertDescription::CertificateUnknown, Detail::Unspecified),
            (AlertDescription::HandshakeFailure, Detail::Unspecified),
            (AlertDescription::AccessDenied, Detail::Unspecified),
        ] {
            assert_eq!(verdict(true, true, alert), (Verdict::CertificateRefused, Some(detail)), "{alert:?}");
            assert_eq!(verdict(true, false, alert), (Verdict::CertificateRequired, None), "{alert:?}");
            assert_eq!(verdict(false, false, alert), (Verdict::TlsFailed, None), "{alert:?}");
        }
        let required = verdict(true, true, AlertDescription::CertificateRequired);
        assert_eq!(required, (Verdict::CertificateRequired, None));
    }

    #[test]
    fn an_alert_about_something_else_never_blames_the_certificate() {
        for alert in [
            AlertDescription::ProtocolVersion,
            AlertDescription::InternalError,
            AlertDescription::UnrecognisedName,
        ] {
            assert_eq!(verdict(true, true, alert), (Verdict::TlsFailed, None), "{alert:?}");
        }
    }

    #[test]
    fn alerts_are_named_as_the_standard_names_them() {
        assert_eq!(name(AlertDescription::UnknownCA), "unknown_ca");
        assert_eq!(name(AlertDescription::CertificateRequired), "certificate_required");
    }
}
