//! What holds for every request: a time limit, headers that tell browsers to be careful, no writing from other sites.
//! It knows no route.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::problem::Problem;
use super::{Shared, Trust};

/// How long an answer may take.
const TIME_LIMIT: Duration = Duration::from_secs(20);

const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Where a look at a server is asked for: it has a limit of its own, and a browser may ask for it from certsteward's page only.
const PROBE: &str = "/probe";

/// Ends what takes too long.
pub(super) async fn time_limit(request: Request, next: Next) -> Response {
    if request.uri().path() == PROBE {
        return next.run(request).await;
    }
    tokio::time::timeout(TIME_LIMIT, next.run(request)).await.unwrap_or_else(|_| {
        let text = format!("no answer came together within {} s", TIME_LIMIT.as_secs());
        Problem::unavailable(
            text,
            "try again; if it stays so, look at the log and at certsteward_pass_last_timestamp_seconds",
        )
        .into_response()
    })
}

/// Adds the headers that every answer has.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses a change, or a look at a server, that a page of another site has a browser ask for.
pub(super) async fn same_origin(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let reads = request.method().is_safe() && request.uri().path() != PROBE;
    if reads || comes_from_here(request.headers(), shared.options.public_url.as_deref()) {
        return next.run(request).await;
    }
    Problem::forbidden(
        "a page of another site asked for this",
        "do it from certsteward's own page, from the command line, or with a client that is not a browser",
    )
    .into_response()
}

/// Refuses a page of another name that resolves to this host: a browser would let its scripts read what stands here.
pub(super) async fn known_host(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let options = &shared.options;
    let open = options.trust == Trust::LocalSocket || !options.loopback;
    if open || is_ours(request.headers(), options.public_url.as_deref()) {
        return next.run(request).await;
    }
    Problem::forbidden(
        "certsteward listens on this host only and is not known by the name that was asked for",
        "use 127.0.0.1 or localhost; behind a proxy, set [daemon] public_url to the name it is reached by",
    )
    .into_response()
}

/// Whether the request names this host, by its address, as localhost, or by the public address; without a name it is no browser's.
fn is_ours(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    let Some(host) = headers.get(header::HOST) else {
        return true;
    };
    let Ok(authority) = host.to_str().unwrap_or_default().parse::<axum::http::uri::Authority>() else {
        return false;
    };
    let name = authority.host();
    let is_address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    let public =
        public_url.and_then(host_of).and_then(|host| host.parse::<axum::http::uri::Authority>().ok());
    is_address
        || name.eq_ignore_ascii_case("localhost")
        || public.is_some_and(|public| public.host().eq_ignore_ascii_case(name))
}

/// A browser says where a request comes from; what says nothing is no browser.
fn comes_from_here(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = text("origin") else {
        return true;
    };
    let of_host = text("host").is_some_and(|host| host_of(origin) == Some(host));
    of_host || public_url.is_some_and(|url| host_of(url).is_some() && host_of(url) == host_of(origin))
}

/// Host and port of an address.
fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&'static str, &'static str)]) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        comes_from_here(&headers, Some("https://certsteward.example.org/keys"))
    }

    #[test]
    fn only_names_of_this_host_are_answered() {
        let ours = |host: &'static str| {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            is_ours(&headers, Some("https://certsteward.example.org/keys"))
        };
        for host in ["127.0.0.1:9790", "[::1]:9790", "localhost", "LOCALHOST:1", "certsteward.example.org"] {
            assert!(ours(host), "{host}");
        }
        for host in ["evil.example.net", "127.0.0.1.evil.example.net:9790", "", "localhost.example.net"] {
            assert!(!ours(host), "{host}");
        }
        assert!(is_ours(&HeaderMap::new(), None));
    }

    #[test]
    fn only_other_sites_are_refused() {
        assert!(from(&[]));
        assert!(from(&[("sec-fetch-site", "same-origin")]));
        assert!(!from(&[("sec-fetch-site", "same-site")]));
        assert!(!from(&[("sec-fetch-site", "cross-site"), ("host", "a"), ("origin", "http://a")]));
        assert!(from(&[("host", "127.0.0.1:9790"), ("origin", "http://127.0.0.1:9790")]));
        assert!(from(&[("host", "127.0.0.1:9790"), ("origin", "https://certsteward.example.org")]));
        assert!(!from(&[("host", "127.0.0.1:9790"), ("origin", "https://evil.example.net")]));
        assert!(!from(&[("host", "127.0.0.1:9790"), ("origin", "null")]));
    }
}
