//! From an HTTP answer to a verdict: one pure function over status, content type and body.
//! It knows nothing of TLS nor of how the answer came.
//!
//! Sources: KBA 3419621, 3333286, 3505973, 3737619, 3417151, 2524436, 2161058, 2253200, 2255660, 2254423, 3159263, 2545055.

use crate::domain::verdict::{Detail, Verdict};

/// What an answer means. `proven` says that the server asked for a client certificate and one was presented: without that a
/// success proves nothing about the certificate.
#[must_use]
pub fn classify(
    status: u16,
    content_type: Option<&str>,
    body: &[u8],
    proven: bool,
) -> (Verdict, Option<Detail>) {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    let kind = Kind::of(content_type.unwrap_or_default(), &text);
    match status {
        200..=299 => success(&text, kind, proven),
        429 => (Verdict::RateLimited, None),
        495 => (Verdict::CertificateRefused, Some(Detail::Unspecified)),
        496 => (Verdict::CertificateRequired, None),
        400..=499 => refusal(status, &text, kind, proven),
        500..=599 => (Verdict::Unavailable, None),
        _ => (Verdict::UnexpectedAnswer, None),
    }
}

/// Whether the status alone tells the verdict, so that an answer whose body does not come whole is one all the same.
pub(super) const fn tells_by_status(status: u16) -> bool {
    matches!(status, 300..=399 | 429 | 495 | 496 | 500..=599)
}

/// What kind of body came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Page,
    /// JSON or XML in the form in which SAP's APIs tell an error.
    ApiError,
    Other,
}

impl Kind {
    fn of(content_type: &str, text: &str) -> Self {
        let start = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        let page = content_type.to_ascii_lowercase().contains("text/html")
            || start.starts_with("<!doctype html")
            || start.starts_with("<html");
        if page {
            return Self::Page;
        }
        let json = serde_json::from_str::<serde_json::Value>(start).ok();
        let told = json.is_some_and(|json| json.get("error").is_some_and(is_odata_error))
            || start.contains("urn:ietf:params:scim:api:messages:2.0:error")
            || (start.starts_with('<') && start.contains("<error"));
        if told { Self::ApiError } else { Self::Other }
    }
}

/// `{"code": …, "message": …}`. A gateway's `{"status":403,"error":"Forbidden"}` is none.
fn is_odata_error(error: &serde_json::Value) -> bool {
    error.get("code").or_else(|| error.get("message")).is_some_and(|told| !told.is_null())
}

fn success(text: &str, kind: Kind, proven: bool) -> (Verdict, Option<Detail>) {
    match kind {
        Kind::Page => (Verdict::UnexpectedAnswer, None),
        Kind::ApiError => signed(text, proven).unwrap_or((Verdict::UnexpectedAnswer, None)),
        Kind::Other if proven => (Verdict::Accepted, None),
        Kind::Other => (Verdict::UnexpectedAnswer, None),
    }
}

fn refusal(status: u16, text: &str, kind: Kind, proven: bool) -> (Verdict, Option<Detail>) {
    if let Some(found) = signed(text, proven) {
        return found;
    }
    match status {
        400 if text.contains("no required ssl certificate was sent") => (Verdict::CertificateRequired, None),
        400 if text.contains("the ssl certificate error") => {
            (Verdict::CertificateRefused, Some(Detail::Unspecified))
        }
        401 | 403 if login(text).is_some() => (Verdict::LoginRefused, login(text)),
        401 if text.contains("authenticationfailed") => (Verdict::LoginRefused, Some(Detail::Unspecified)),
        401 => (Verdict::CredentialsRequired, None),
        403 if proven && (kind == Kind::ApiError || names_permission(text)) && kind != Kind::Page => {
            (Verdict::NoPermission, None)
        }
        _ => (Verdict::UnexpectedAnswer, None),
    }
}

/// Codes that mean the same whatever the status beside them. They tell of the certificate only where one was presented.
fn signed(text: &str, proven: bool) -> Option<(Verdict, Option<Detail>)> {
    if text.contains("auth0032") {
        return Some((if proven { Verdict::NotMapped } else { Verdict::CertificateRequired }, None));
    }
    if text.contains("authentication credentials are required") {
        return Some((Verdict::CredentialsRequired, None));
    }
    let (_, after) = text.split_once("lgn")?;
    let code: u32 = after.get(..4)?.parse().ok()?;
    Some(match code {
        // An endpoint or a host that is none: the certificate was not looked at.
        1 | 4 => (Verdict::UnexpectedAnswer, None),
        2 if proven => (Verdict::NoPermission, None),
        2 => (Verdict::UnexpectedAnswer, None),
        // The server looked for a password or a token, so it did not see the certificate as a login.
        3 | 5..=7 | 10 => (Verdict::CredentialsRequired, None),
        8 => (Verdict::LoginRefused, Some(Detail::CompanyUnknown)),
        9 => (Verdict::LoginRefused, Some(Detail::ApiOff)),
        _ => (Verdict::LoginRefused, Some(Detail::Unspecified)),
    })
}

/// Why a login is refused, by its status number (8 address, 13 locked, 19 password) or by words.
fn login(text: &str) -> Option<Detail> {
    let numbered = text.match_indices("status").find_map(|(at, word)| {
        let after = text.get(at + word.len()..)?;
        let digits = after.trim_start_matches("code").trim_start_matches(SEPARATORS);
        let digits = digits.trim_start_matches("code").trim_start_matches(SEPARATORS);
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        match digits.get(..end)? {
            "8" => Some(Detail::IpNotAllowed),
            "13" => Some(Detail::UserLocked),
            "19" => Some(Detail::PasswordExpired),
            _ => None,
        }
    });
    numbered.or_else(|| {
        let all = |words: &[&str]| words.iter().all(|word| text.contains(word));
        if all(&["ip address", "not allowed"]) || all(&["ip restriction"]) {
            Some(Detail::IpNotAllowed)
        } else if all(&["user", "locked"]) || all(&["account", "locked"]) {
            Some(Detail::UserLocked)
        } else if all(&["password", "expired"]) {
            Some(Detail::PasswordExpired)
        } else {
            None
        }
    })
}

const SEPARATORS: [char; 8] = [' ', ':', '=', '"', '\'', '[', '(', '_'];

fn names_permission(text: &str) -> bool {
    ["permission", "not authorized", "insufficient privilege"].iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Option<&str> = Some("application/json;charset=utf-8");
    const HTML: Option<&str> = Some("text/html");
    const NOT_MAPPED: &str = r#"{"error":{"code":"AuthenticationFailed","message":"Authentication service failed to return token.","details":"[AUTH0032]Invalid client certificate"}}"#;
    const NO_PERMISSION: &str = r#"{"error":{"code":"COE_GENERAL_FORBIDDEN","message":{"lang":"en-US","value":"You don't have permission to view the user."}}}"#;
    const CREDENTIALS: &str =
        "Authentication credentials are required. Please provide a valid username, password, and company id";

    fn page(title: &str) -> String {
        format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body><center><h1>{title}</h1></center></body></html>"
        )
    }

    fn code(code: &str) -> String {
        format!(r#"{{"error":{{"code":"{code}","message":{{"lang":"en-US","value":"[{code}] refused"}}}}}}"#)
    }

    #[track_caller]
    fn check(status: u16, kind: Option<&str>, body: &str, verdict: Verdict, detail: Option<Detail>) {
        assert_eq!(classify(status, kind, body.as_bytes(), true), (verdict, detail), "{status} {body}");
    }

    #[test]
    fn the_certificate_itself_is_judged_at_the_front() {
        let refused = page("400 The SSL certificate error");
        check(400, HTML, &refused, Verdict::CertificateRefused, Some(Detail::Unspecified));
        let none = page("400 No required SSL certificate was sent");
        check(400, HTML, &none, Verdict::CertificateRequired, None);
        check(400, HTML, &page("400 Bad Request"), Verdict::UnexpectedAnswer, None);
        check(495, HTML, "", Verdict::CertificateRefused, Some(Detail::Unspecified));
        check(496, HTML, "", Verdict::CertificateRequired, None);
    }

    #[test]
    fn an_unknown_certificate_is_told_from_a_missing_login() {
        check(401, JSON, NOT_MAPPED, Verdict::NotMapped, None);
        check(401, JSON, CREDENTIALS, Verdict::CredentialsRequired, None);
        check(
            401,
            None,
            &format!(r#"{{"error":{{"message":"{CREDENTIALS}"}}}}"#),
            Verdict::CredentialsRequired,
            None,
        );
        check(401, JSON, "", Verdict::CredentialsRequired, None);
        let other = r#"{"error":{"code":"AuthenticationFailed","message":"[AUTH0001] refused"}}"#;
        check(401, JSON, other, Verdict::LoginRefused, Some(Detail::Unspecified));
    }

    #[test]
    fn a_missing_permission_proves_the_certificate_only_in_the_apis_own_words() {
        check(403, JSON, NO_PERMISSION, Verdict::NoPermission, None);
        check(403, JSON, "You don't have permission to view the user.", Verdict::NoPermission, None);
        check(403, HTML, &page("403 Forbidden"), Verdict::UnexpectedAnswer, None);
        check(403, JSON, r#"{"message":"Forbidden"}"#, Verdict::UnexpectedAnswer, None);
        for gateways in [
            r#"{"status":403,"error":"Forbidden"}"#,
            r#"{"error":true,"message":"Forbidden"}"#,
            r#"{"error":{}}"#,
            r#"{"error":{"status":403}}"#,
            r#"{"timestamp":1,"status":403,"error":"Forbidden","path":"/odata/v2/User"}"#,
        ] {
            check(403, JSON, gateways, Verdict::UnexpectedAnswer, None);
        }
        for apis in [
            r#"{"error":{"code":"COE_0020","message":null}}"#,
            r#"{"error":{"message":{"lang":"en","value":"refused"}}}"#,
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"403"}"#,
            "<?xml version='1.0'?><error xmlns='http://schemas.microsoft.com/ado/2007/08/dataservices/metadata'><code>X</code></error>",
        ] {
            check(403, JSON, apis, Verdict::NoPermission, None);
        }
        let unproven = classify(403, JSON, NO_PERMISSION.as_bytes(), false);
        assert_eq!(unproven, (Verdict::UnexpectedAnswer, None));
    }

    #[test]
    fn each_login_code_has_its_verdict() {
        for (written, status, verdict, detail) in [
            ("LGN0001", 404, Verdict::UnexpectedAnswer, None),
            ("LGN0002", 403, Verdict::NoPermission, None),
            ("LGN0003", 403, Verdict::CredentialsRequired, None),
            ("LGN0004", 403, Verdict::UnexpectedAnswer, None),
            ("LGN0005", 401, Verdict::CredentialsRequired, None),
            ("LGN0006", 401, Verdict::CredentialsRequired, None),
            ("LGN0007", 401, Verdict::CredentialsRequired, None),
            ("LGN0008", 401, Verdict::LoginRefused, Some(Detail::CompanyUnknown)),
            ("LGN0009", 403, Verdict::LoginRefused, Some(Detail::ApiOff)),
            ("LGN0010", 401, Verdict::CredentialsRequired, None),
            ("LGN0015", 401, Verdict::LoginRefused, Some(Detail::Unspecified)),
            ("LGN0099", 401, Verdict::LoginRefused, Some(Detail::Unspecified)),
        ] {
            check(status, JSON, &code(written), verdict, detail);
        }
    }

    #[test]
    fn without_a_presented_certificate_nothing_is_said_about_one() {
        for (status, body, verdict) in [
            (401, NOT_MAPPED, Verdict::CertificateRequired),
            (403, NO_PERMISSION, Verdict::UnexpectedAnswer),
            (403, &code("LGN0002"), Verdict::UnexpectedAnswer),
            (200, "{}", Verdict::UnexpectedAnswer),
        ] {
            let (found, detail) = classify(status, JSON, body.as_bytes(), false);
            assert_eq!((found, detail), (verdict, None), "{status} {body}");
            assert!(!found.recognised() && !found.blames_certificate());
        }
    }

    #[test]
    fn each_login_status_number_has_its_detail() {
        for (said, detail) in [
            ("Login failed with status code 8", Detail::IpNotAllowed),
            ("login status: 13", Detail::UserLocked),
            ("statusCode=19", Detail::PasswordExpired),
            (r#"{"error":{"status_code":"13"}}"#, Detail::UserLocked),
            ("The IP address is not allowed", Detail::IpNotAllowed),
            ("The user is locked", Detail::UserLocked),
            ("The password has expired", Detail::PasswordExpired),
        ] {
            check(401, JSON, said, Verdict::LoginRefused, Some(detail));
            check(403, JSON, said, Verdict::LoginRefused, Some(detail));
        }
        check(401, JSON, "status code 80", Verdict::CredentialsRequired, None);
    }

    #[test]
    fn the_platforms_own_trouble_never_blames_the_certificate() {
        check(429, JSON, "", Verdict::RateLimited, None);
        check(503, HTML, &page("Maintenance"), Verdict::Unavailable, None);
        check(500, JSON, r#"{"error":{"message":"metadata is being rebuilt"}}"#, Verdict::Unavailable, None);
        check(502, None, NOT_MAPPED, Verdict::Unavailable, None);
    }

    #[test]
    fn only_an_api_answer_to_a_certificate_that_was_asked_for_is_accepted() {
        check(200, JSON, r#"{"d":{"results":[]}}"#, Verdict::Accepted, None);
        check(200, Some("application/atom+xml"), "<feed><title>User</title></feed>", Verdict::Accepted, None);
        check(204, None, "", Verdict::Accepted, None);
        check(200, JSON, r#"{"error":null,"value":[]}"#, Verdict::Accepted, None);
        assert_eq!(classify(200, JSON, b"{}", false), (Verdict::UnexpectedAnswer, None));
        check(200, HTML, &page("Sign in"), Verdict::UnexpectedAnswer, None);
        check(200, None, "\u{feff} <!DOCTYPE html><p>", Verdict::UnexpectedAnswer, None);
        check(200, JSON, NOT_MAPPED, Verdict::NotMapped, None);
        check(200, JSON, r#"{"error":{"code":"X"}}"#, Verdict::UnexpectedAnswer, None);
    }

    #[test]
    fn anything_else_is_unexpected() {
        check(302, HTML, "", Verdict::UnexpectedAnswer, None);
        check(304, None, "", Verdict::UnexpectedAnswer, None);
        check(404, JSON, r#"{"error":{"code":"NotFoundException"}}"#, Verdict::UnexpectedAnswer, None);
        check(405, JSON, "", Verdict::UnexpectedAnswer, None);
        check(101, None, "", Verdict::UnexpectedAnswer, None);
    }
}
