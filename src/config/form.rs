//! The forms of single values: durations, shares, validities, addresses, schedules. Each says what it wants.
//! It knows no key.

use chrono::TimeZone as _;
use croner::parser::{CronParser, Seconds, Year};
use reqwest::Url;

use crate::domain::Duration;
use crate::domain::policy::{Emergency, Span};
use crate::domain::watch::Validity;
use crate::net;

/// The units of durations, longest first, in milliseconds.
const UNITS: [(&str, i64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

const DURATION: &str =
    "write a number and a unit above zero, like \"30d\", \"12h\", \"20m\", \"45s\", \"250ms\" or \"1w\"";

/// Reads `30d`, `1h30m`: whole numbers with units, added up; above zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    milliseconds(text)
        .filter(|sum| *sum > 0)
        .and_then(Duration::try_milliseconds)
        .ok_or_else(|| format!("{text:?} is not a duration; {DURATION}"))
}

fn milliseconds(text: &str) -> Option<i64> {
    let (mut sum, mut rest) = (0_i64, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters)?;
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.parse::<i64>().ok()?.checked_mul(*factor)?)?;
        rest = tail;
    }
    // A hundred years: what is longer is a slip, and sums with dates must stay in range.
    (sum <= 36_525 * 86_400_000).then_some(sum)
}

/// Writes a duration the way [`duration`] reads it.
pub(super) fn write_duration(span: Duration) -> String {
    let mut rest = span.num_milliseconds();
    let mut text = String::new();
    for (unit, factor) in UNITS.iter().skip(1) {
        if rest >= *factor {
            text.push_str(&format!("{}{unit}", rest / factor));
            rest %= factor;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Reads a duration, or a share of the lifetime such as `33%`.
pub(super) fn span(text: &str) -> Result<Span, String> {
    let wrong = || {
        format!(
            "{text:?} is neither a duration nor a share of the lifetime; write it like \"60d\" or \"33%\""
        )
    };
    match text.strip_suffix('%') {
        Some(number) => number
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|share| *share > 0.0 && *share <= 100.0)
            .map(Span::Share)
            .ok_or_else(wrong),
        None => duration(text).map(Span::Fixed).map_err(|_| wrong()),
    }
}

/// Reads `critical`, `never`, or a duration.
pub(super) fn emergency(text: &str) -> Result<Emergency, String> {
    match text {
        "critical" => Ok(Emergency::FromCritical),
        "never" => Ok(Emergency::Never),
        other => duration(other).map(Emergency::Within).map_err(|_| {
            format!("{text:?} is not accepted; use \"critical\", \"never\" or a duration like \"3d\"")
        }),
    }
}

/// Reads `never` (none) or a duration.
pub(super) fn unless_never(text: &str) -> Result<Option<Duration>, String> {
    match text {
        "never" => Ok(None),
        other => duration(other)
            .map(Some)
            .map_err(|_| format!("{text:?} is not accepted; use \"never\" or a duration like \"3d\"")),
    }
}

/// Reads `1y`, `6mo`, `90d`.
pub(super) fn validity(text: &str) -> Result<Validity, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
    let count = number.parse::<u32>().ok().filter(|count| (1..=36_525).contains(count));
    match (count, unit) {
        (Some(count), "y") if count <= 100 => Ok(Validity::Years(count)),
        (Some(count), "mo") if count <= 1200 => Ok(Validity::Months(count)),
        (Some(count), "d") => Ok(Validity::Days(count)),
        (Some(_) | None, _) => Err(format!(
            "{text:?} is not a validity; write years, months or days, like \"1y\", \"6mo\" or \"90d\""
        )),
    }
}

/// Checks a schedule: five fields, UTC, with a next run.
pub(super) fn cron(text: &str) -> Result<(), String> {
    const WANTED: &str =
        "write five fields (minute hour day-of-month month day-of-week, UTC), like \"*/15 * * * *\"";
    let fields = text.split_whitespace().count();
    if fields != 5 {
        let s = if fields == 1 { "" } else { "s" };
        return Err(format!("{text:?} has {fields} field{s}; {WANTED}"));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let schedule = parser.parse(text).map_err(|_| format!("{text:?} is not a schedule; {WANTED}"))?;
    // Five fields repeat, so that any moment will do to ask whether there is a next run.
    let start = chrono::Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single().unwrap_or_default();
    match schedule.find_next_occurrence(&start, true) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("{text:?} never comes round: no such day exists; {WANTED}")),
    }
}

/// Which addresses a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UrlKind {
    /// The API: `https://`, and the certificate host where it is SuccessFactors.
    Api,
    /// `https://`, or `http://` to this host.
    Safe,
    /// `https://` or `http://`.
    Page,
    /// `smtps://`, `smtp://`, `smtp+plain://`.
    Mail,
    /// An HTTP proxy, or `none`.
    Proxy,
}

/// Reads an address.
pub(super) fn url(text: &str, kind: UrlKind) -> Result<Url, String> {
    let wanted = match kind {
        UrlKind::Api | UrlKind::Safe | UrlKind::Page => "write it like \"https://host.example.org/path\"",
        UrlKind::Mail => "write it like \"smtps://mail.example.org:465\"",
        UrlKind::Proxy => "write it like \"http://proxy.example.org:3128\", or \"none\"",
    };
    // What stands before an @ may be a password, so the address is shown only once there is none.
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    if rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
        return Err(format!("an address with a user or password in it; secrets never stand here: {wanted}"));
    }
    let parsed = Url::parse(text)
        .ok()
        .filter(|url| url.host_str().is_some_and(|host| !host.is_empty()))
        .ok_or_else(|| format!("{text:?} is not an address; {wanted}"))?;
    scheme(text, &parsed, kind)?;
    Ok(parsed)
}

fn scheme(text: &str, url: &Url, kind: UrlKind) -> Result<(), String> {
    let unencrypted = |note: &str| Err(format!("{text:?} is not encrypted; begin it with https://{note}"));
    let unknown = |wanted: &str| Err(format!("{text:?} has an unknown scheme; use {wanted}"));
    match (kind, url.scheme()) {
        (UrlKind::Api, "https") => match certificate_host(url) {
            None => Ok(()),
            Some(host) => {
                let path =
                    text.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
                let path = path.unwrap_or_default();
                Err(format!("{text:?} has no client-certificate host; use \"https://{host}{path}\""))
            }
        },
        (UrlKind::Safe | UrlKind::Page, "https") | (UrlKind::Page, "http") => Ok(()),
        (UrlKind::Safe, "http") if is_loopback(url) => Ok(()),
        (UrlKind::Safe, "http") => unencrypted(" (http:// is for this host only)"),
        (UrlKind::Api, "http") => unencrypted(""),
        (UrlKind::Api | UrlKind::Safe | UrlKind::Page, _) => unknown("https://"),
        (UrlKind::Mail, "smtps" | "smtp" | "smtp+plain") => Ok(()),
        (UrlKind::Mail, _) => unknown(
            "smtps:// (TLS), smtp:// (STARTTLS, demanded) or smtp+plain:// (not encrypted, takes no credentials)",
        ),
        (UrlKind::Proxy, "http") => Ok(()),
        (UrlKind::Proxy, _) => unknown("http://, or \"none\" instead of an address"),
    }
}

/// Whether the address stays on this host.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The certificate host of a SuccessFactors API host that lacks it (`cert` is the second label; KBA 3737619).
pub(super) fn certificate_host(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let (first, rest) = host.split_once('.')?;
    let ours = rest.starts_with("successfactors.") || rest.starts_with("sapsf.");
    (first.starts_with("api") && ours).then(|| format!("{first}.cert.{rest}"))
}

/// Whether this is a SuccessFactors API host, with `.cert.` or without.
pub(super) fn is_successfactors(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host.split_once('.').is_some_and(|(first, rest)| {
        let rest = rest.strip_prefix("cert.").unwrap_or(rest);
        first.starts_with("api") && (rest.starts_with("successfactors.") || rest.starts_with("sapsf."))
    })
}

/// Checks a name that a server's certificate can be for.
pub(super) fn server_name(text: &str) -> Result<(), String> {
    if net::is_server_name(text) {
        return Ok(());
    }
    Err(format!("{text:?} is not a host name or address; write it like \"api.example.org\", without a port"))
}

/// Checks an id: it names files, series and paths of the API.
pub(super) fn id(text: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && text.len() <= 128 && text.chars().all(allowed) {
        return Ok(());
    }
    Err(format!(
        "{text:?} is not an id; use letters, digits, \"-\", \"_\" and \".\", beginning with a letter or digit, at most 128"
    ))
}

/// Checks a label's name: it becomes a label of Prometheus.
pub(super) fn label(name: &str) -> Result<(), String> {
    let ours = ["watch", "mode", "source"];
    let allowed = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if ours.contains(&name) {
        return Err(format!("the label {name:?} is set by certsteward itself; choose another name"));
    }
    if !allowed || !begins || name.starts_with("__") {
        return Err(format!(
            "{name:?} is not a label name; use letters, digits and \"_\", not beginning with a digit or \"__\""
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        let cases = [
            ("30d", Some(30 * 86_400_000)),
            ("1w", Some(604_800_000)),
            ("1h30m", Some(5_400_000)),
            ("250ms", Some(250)),
            ("0s", None),
            ("", None),
            ("5", None),
            ("d", None),
            ("1 d", None),
            ("-1d", None),
            ("9999999w", None),
            ("99999999999999999999d", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration(text).ok().map(|span| span.num_milliseconds()), expected, "{text}");
        }
    }

    #[test]
    fn a_written_duration_reads_the_same() {
        for text in ["30d", "12h", "1d5h54m24s", "250ms"] {
            assert_eq!(write_duration(duration(text).unwrap()), text);
        }
    }

    #[test]
    fn the_certificate_host_is_asked_of_api_hosts_only() {
        let cases = [
            ("https://api4.successfactors.com/", Some("api4.cert.successfactors.com")),
            ("https://api55preview.sapsf.eu", Some("api55preview.cert.sapsf.eu")),
            ("https://api4.cert.successfactors.com", None),
            ("https://hcm.successfactors.com", None),
            ("https://api.example.org", None),
            ("https://localhost:8443", None),
        ];
        for (text, expected) in cases {
            assert_eq!(certificate_host(&Url::parse(text).unwrap()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_address_with_a_password_is_not_shown() {
        let text = url("https://user:hidden@hooks.example.org/", UrlKind::Safe).unwrap_err();
        assert!(!text.contains("hidden"), "{text}");
        assert!(url("https://hooks.example.org/a@b/c", UrlKind::Safe).is_ok());
    }

    #[test]
    fn plain_http_stays_on_this_host() {
        assert!(url("http://127.0.0.1:9093/", UrlKind::Safe).is_ok());
        assert!(url("http://[::1]:9093/", UrlKind::Safe).is_ok());
        assert!(url("http://hooks.example.org/", UrlKind::Safe).is_err());
        assert!(url("http://127.0.0.1/", UrlKind::Api).is_err());
    }

    #[test]
    fn a_server_name_is_a_host_name_or_an_address() {
        for text in ["api.example.org", "xn--bcher-kva.example", "127.0.0.1", "::1", "api.example.org."] {
            assert_eq!(server_name(text), Ok(()));
        }
        for text in
            ["", "api.example.org:443", "https://api.example.org", "a b", "b\u{fc}cher.example", "[::1]"]
        {
            assert!(server_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn validities_are_years_months_or_days() {
        assert_eq!(validity("1y"), Ok(Validity::Years(1)));
        assert_eq!(validity("6mo"), Ok(Validity::Months(6)));
        assert_eq!(validity("90d"), Ok(Validity::Days(90)));
        assert!(["6m", "0d", "y", "", "1y6mo"].iter().all(|text| validity(text).is_err()));
    }
}
