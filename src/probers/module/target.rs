//! From the text that a scrape names to the server that is meant.
//! It resolves nothing and judges nobody's right.

use reqwest::Url;

use super::Http;
use super::http::Heard;
use crate::net::{Address, bare_host};

/// The longest text that is read.
const LONGEST: usize = 2048;

/// A server, and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether with TLS.
    pub is_secure: bool,
    /// Host name, or address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The value of `Host`.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
}

impl Target {
    /// An address, with or without its scheme.
    pub(super) fn of_http(text: &str, http: &Http) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let has_scheme = lower.starts_with("http://") || lower.starts_with("https://");
        let scheme = if http.is_secure { "https" } else { "http" };
        let address = if has_scheme { text.to_owned() } else { format!("{scheme}://{text}") };
        let url = short(&address).and_then(parsed)?;
        let (_, rest) = address.split_once("://").unwrap_or_default();
        let names_path = rest.contains(['/', '?']);
        let mut target = Self::of_url(&url)?;
        if !names_path {
            target.path.clone_from(&http.path);
        }
        Ok(target)
    }

    /// A host and a port; the address of an HTTPS server counts as its host and port.
    pub(super) fn of_tls(text: &str) -> Result<Self, String> {
        let text = short(text)?;
        let wrong = || format!("{text:?} is not a host and a port like \"api.example.org:443\"");
        let is_address = text.to_ascii_lowercase().starts_with("https://");
        if text.contains("://") && !is_address {
            return Err(wrong());
        }
        let url = if is_address { parsed(text)? } else { parsed(&format!("https://{text}"))? };
        let is_plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let names_port = text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let is_place = is_plain && names_port;
        if !(is_address || is_place) {
            return Err(wrong());
        }
        Self::of_url(&url)
    }

    fn of_url(url: &Url) -> Result<Self, String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the target holds a user or password; secrets never stand there".to_owned());
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("the target names no host")?;
        let is_secure = url.scheme() == "https";
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Self {
            is_secure,
            host: bare_host(host).unwrap_or(host).to_owned(),
            port: url.port_or_known_default().unwrap_or(if is_secure { 443 } else { 80 }),
            authority: url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            path: format!("{}{query}", url.path()),
        })
    }

    /// Where a redirect leads; none where it is none.
    pub(super) fn redirected(&self, heard: &Heard) -> Option<Result<Self, String>> {
        let location = heard.header("location").filter(|_| matches!(heard.status, 301..=303 | 307 | 308))?;
        let joined = Url::parse(&format!("{}{}", self.shown(), self.path)).and_then(|own| own.join(location));
        Some(match joined {
            Ok(url) if ["http", "https"].contains(&url.scheme()) => Self::of_url(&url),
            Ok(url) => Err(format!("a redirect leads to {}://, which is not HTTP", url.scheme())),
            Err(_) => Err("a redirect leads to what is no address".to_owned()),
        })
    }

    /// Where the connection goes.
    pub(super) fn address(&self) -> Address {
        Address::host(&self.host, self.port)
    }

    /// Host and port.
    #[must_use]
    pub fn place(&self) -> String {
        self.address().to_string()
    }

    /// The address without path and query, which may hold what is nobody's business.
    pub(super) fn shown(&self) -> String {
        format!("{}://{}", if self.is_secure { "https" } else { "http" }, self.authority)
    }
}

fn short(text: &str) -> Result<&str, String> {
    let is_plain = !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if text.is_empty() || text.len() > LONGEST || !is_plain {
        return Err(format!("a target is one address of at most {LONGEST} characters, without blanks"));
    }
    Ok(text)
}

fn parsed(address: &str) -> Result<Url, String> {
    Url::parse(address).map_err(|error| format!("the target is no address: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::{Method, Statuses};
    use super::*;

    fn http(text: &str) -> Result<String, String> {
        let http = Http {
            is_secure: false,
            method: Method::Get,
            path: "/health".to_owned(),
            statuses: vec![Statuses::SUCCESS],
            headers: Vec::new(),
            redirects: true,
            needs_tls: false,
        };
        Target::of_http(text, &http).map(|target| format!("{} {}", target.shown(), target.path))
    }

    #[test]
    fn addresses_are_taken_as_blackbox_takes_them() {
        for (text, expected) in [
            ("api.example.org", "http://api.example.org /health"),
            ("https://api.example.org", "https://api.example.org /health"),
            ("HTTPS://API.example.org:8443/", "https://api.example.org:8443 /"),
            ("api.example.org:8080/status?full=1#top", "http://api.example.org:8080 /status?full=1"),
            ("https://[::1]:8443", "https://[::1]:8443 /health"),
            ("https://api.example.org?x=1", "https://api.example.org /?x=1"),
        ] {
            assert_eq!(http(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "a b", "https://", "https://user:hunter2@api.example.org", "http://a\nb"] {
            let refused = http(text).expect_err(text);
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn a_handshake_needs_a_host_and_a_port() {
        let place = |text| Target::of_tls(text).map(|target| target.place());
        assert_eq!(place("api.example.org:443").as_deref(), Ok("api.example.org:443"));
        assert_eq!(place("[::1]:8443").as_deref(), Ok("[::1]:8443"));
        assert_eq!(place("https://api.example.org/path").as_deref(), Ok("api.example.org:443"));
        for text in
            ["api.example.org", "api.example.org:443/path", "smtp://a:25", "::1:443", "a:b", "a@b:443"]
        {
            assert!(place(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_redirect_leads_on_from_where_it_stands() {
        let own = Target::of_tls("https://api.example.org").expect("a target");
        let leads = |status: u16, location: &'static str| {
            let heard = Heard::sample(status, location);
            own.redirected(&heard).map(|next| next.map(|next| format!("{} {}", next.shown(), next.path)))
        };
        assert_eq!(leads(302, "/login?x=1"), Some(Ok("https://api.example.org /login?x=1".to_owned())));
        assert_eq!(leads(308, "http://www.example.org"), Some(Ok("http://www.example.org /".to_owned())));
        assert!(leads(301, "ftp://files.example.org").is_some_and(|next| next.is_err()));
        assert_eq!(leads(304, "/"), None);
        assert_eq!(leads(200, "/"), None);
    }
}
