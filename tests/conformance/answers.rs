//! What servers answer: one table for all of them, so that the same path means the same everywhere.
//! It serves nothing itself.

use certsteward::domain::verdict::{Detail, Verdict};

/// The path that is answered with success.
pub(super) const OK: &str = "/ok";

/// One answer.
pub(super) struct Answer {
    pub(super) path: &'static str,
    /// In words, for the page.
    pub(super) says: &'static str,
    pub(super) status: u16,
    pub(super) reason: &'static str,
    pub(super) kind: &'static str,
    /// One more header, name and value.
    pub(super) header: Option<(&'static str, &'static str)>,
    pub(super) body: &'static str,
    /// What it means where a good certificate was presented.
    pub(super) verdict: Verdict,
    pub(super) detail: Option<Detail>,
}

const JSON: &str = "application/json";
const HTML: &str = "text/html";

pub(super) const NOT_MAPPED: &str =
    r#"{"error":{"code":"AuthenticationFailed","details":"[AUTH0032]Invalid client certificate"}}"#;
const NO_PERMISSION: &str = r#"{"error":{"code":"COE_GENERAL_FORBIDDEN","message":{"lang":"en-US","value":"You do not have the permission to view the user."}}}"#;

const fn answer(
    path: &'static str,
    says: &'static str,
    (status, reason): (u16, &'static str),
    (kind, body): (&'static str, &'static str),
    verdict: Verdict,
) -> Answer {
    Answer { path, says, status, reason, kind, header: None, body, verdict, detail: None }
}

/// Every answer that is one whole text.
pub(super) static ANSWERS: [Answer; 15] = [
    answer(OK, "200 with JSON", (200, "OK"), (JSON, r#"{"d":{"results":[]}}"#), Verdict::Accepted),
    answer("/empty", "204", (204, "No Content"), (JSON, ""), Verdict::Accepted),
    Answer {
        header: Some(("Location", "/page")),
        ..answer("/moved", "301", (301, "Moved Permanently"), (HTML, ""), Verdict::UnexpectedAnswer)
    },
    Answer {
        header: Some(("Location", "/page")),
        ..answer("/found", "302 to a page", (302, "Found"), (HTML, ""), Verdict::UnexpectedAnswer)
    },
    answer(
        "/unmapped",
        "401: the certificate is not mapped",
        (401, "Unauthorized"),
        (JSON, NOT_MAPPED),
        Verdict::NotMapped,
    ),
    answer(
        "/login",
        "401: user name and password are wanted",
        (401, "Unauthorized"),
        (JSON, r#"{"error":{"code":"X","message":"Authentication credentials are required."}}"#),
        Verdict::CredentialsRequired,
    ),
    answer(
        "/forbidden",
        "403 in the API's own form",
        (403, "Forbidden"),
        (JSON, NO_PERMISSION),
        Verdict::NoPermission,
    ),
    answer(
        "/gateway",
        "403 in a gateway's form",
        (403, "Forbidden"),
        (JSON, r#"{"status":403,"error":"Forbidden"}"#),
        Verdict::UnexpectedAnswer,
    ),
    answer(
        "/missing",
        "404",
        (404, "Not Found"),
        (JSON, r#"{"error":{"code":"NotFoundException"}}"#),
        Verdict::UnexpectedAnswer,
    ),
    Answer {
        header: Some(("Retry-After", "300")),
        ..answer("/slow-down", "429", (429, "Too Many Requests"), (JSON, "{}"), Verdict::RateLimited)
    },
    answer(
        "/broken",
        "500",
        (500, "Internal Server Error"),
        (JSON, r#"{"error":{"message":"broken"}}"#),
        Verdict::Unavailable,
    ),
    answer(
        "/maintenance",
        "503 with a page",
        (503, "Service Unavailable"),
        (HTML, "<html><title>Maintenance</title></html>"),
        Verdict::Unavailable,
    ),
    answer(
        "/page",
        "200 with a page instead of JSON",
        (200, "OK"),
        (HTML, "<html><title>Sign in</title></html>"),
        Verdict::UnexpectedAnswer,
    ),
    answer(
        "/error",
        "200 with an error in its JSON",
        (200, "OK"),
        (JSON, r#"{"error":{"code":"X"}}"#),
        Verdict::UnexpectedAnswer,
    ),
    answer("/bad", "400", (400, "Bad Request"), (JSON, "{}"), Verdict::UnexpectedAnswer),
];

/// Answers that are no whole text, each with what it means to who presented a good certificate.
pub(super) const WAYS: [(&str, &str, Verdict); 11] = [
    ("/slow", "no answer within the limit", Verdict::Timeout),
    ("/endless", "an answer that does not end within the limit", Verdict::Timeout),
    ("/cut", "200, cut off in the middle", Verdict::ConnectionReset),
    ("/cut-head", "cut off in the middle of its head", Verdict::ConnectionReset),
    ("/cut-503", "503, cut off in the middle", Verdict::Unavailable),
    ("/slow-429", "429 that does not end within the limit", Verdict::RateLimited),
    ("/chunked", "200 in chunks", Verdict::Accepted),
    ("/early", "103, then 200", Verdict::Accepted),
    ("/to-the-end", "200 without a length, closed properly", Verdict::Accepted),
    ("/without-goodbye", "200 without a length, closed without TLS's goodbye", Verdict::ConnectionReset),
    ("/big", "200 with 8 MB of JSON", Verdict::Accepted),
];

/// The whole answer as bytes of HTTP.
pub(super) fn bytes(answer: &Answer) -> Vec<u8> {
    let Answer { status, reason, kind, body, .. } = answer;
    let more = answer.header.map(|(name, value)| format!("{name}: {value}\r\n")).unwrap_or_default();
    let length = body.len();
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\n{more}Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// In words, for the page.
pub(super) fn says(path: &str) -> &'static str {
    let whole = ANSWERS.iter().find(|answer| answer.path == path).map(|answer| answer.says);
    whole.or_else(|| WAYS.iter().find(|(known, ..)| *known == path).map(|(_, says, _)| *says)).unwrap()
}
