//! Which proxy a connection takes: the configured one, else the environment's.
//! It connects to nothing and never shows a proxy's password.

use base64::Engine as _;
use reqwest::Url;

use crate::domain::reason::{Reason, Unseen};

/// What the environment says about proxies.
#[derive(Clone, Default)]
pub(super) struct Environment {
    https: Option<String>,
    http: Option<String>,
    none: Vec<String>,
}

impl Environment {
    pub(super) fn read() -> Self {
        Self::from(|name| std::env::var(name).ok())
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&str; 4]| {
            names.into_iter().find_map(|name| variable(name).filter(|value| !value.trim().is_empty()))
        };
        let none = first(["NO_PROXY", "no_proxy", "", ""]).unwrap_or_default();
        Self {
            https: first(["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
            http: first(["http_proxy", "", "ALL_PROXY", "all_proxy"]),
            none: none
                .split([',', ' '])
                .map(|entry| entry.trim().to_ascii_lowercase())
                .filter(|entry| !entry.is_empty())
                .collect(),
        }
    }

    fn spares(&self, host: &str) -> bool {
        is_loopback(host) || self.none.iter().any(|entry| spares(entry, host))
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// One entry of `NO_PROXY`: `*`, a name with or without a leading dot, an address, or a network as `10.0.0.0/8`.
fn spares(entry: &str, host: &str) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        return in_network(network, bits, host);
    }
    let name = entry.split_once(':').filter(|(_, port)| !port.contains(':')).map_or(entry, |(name, _)| name);
    let name = name.trim_start_matches("*.").trim_start_matches('.');
    host == name || host.strip_suffix(name).is_some_and(|rest| !name.is_empty() && rest.ends_with('.'))
}

fn in_network(network: &str, bits: &str, host: &str) -> bool {
    use std::net::IpAddr;
    let (Ok(network), Ok(bits), Ok(host)) =
        (network.parse::<IpAddr>(), bits.parse::<u32>(), host.parse::<IpAddr>())
    else {
        return false;
    };
    match (network, host) {
        (IpAddr::V4(network), IpAddr::V4(host)) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
            network.to_bits() & mask == host.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(host)) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0);
            network.to_bits() & mask == host.to_bits() & mask
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// The one decision for all connections of a system: reqwest asks it, and so does [`super::Net::connect`].
#[derive(Clone)]
pub(super) struct Choice {
    configured: Option<Proxy>,
    https: Option<Proxy>,
    http: Option<Proxy>,
    environment: Environment,
}

impl Choice {
    pub(super) fn new(configured: Option<&str>, environment: &Environment) -> Result<Self, Unseen> {
        let off = Self { configured: None, https: None, http: None, environment: Environment::default() };
        match configured.map(str::trim) {
            Some("none" | "") => Ok(off),
            Some(address) => Ok(Self { configured: Some(Proxy::parse(address, "proxy")?), ..off }),
            None => Ok(Self {
                configured: None,
                https: parsed(environment.https.as_deref(), "the environment's HTTPS_PROXY")?,
                http: parsed(environment.http.as_deref(), "the environment's http_proxy")?,
                environment: environment.clone(),
            }),
        }
    }

    /// The proxy for this place, if any.
    pub(super) fn of(&self, tls: bool, host: &str) -> Option<&Proxy> {
        if self.configured.is_some() {
            return self.configured.as_ref();
        }
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        if self.environment.spares(&host) {
            return None;
        }
        if tls { self.https.as_ref() } else { self.http.as_ref() }
    }
}

fn parsed(address: Option<&str>, name: &str) -> Result<Option<Proxy>, Unseen> {
    address.map(|address| Proxy::parse(address, name)).transpose()
}

/// An HTTP proxy.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) url: Url,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Proxy {
    /// `name` says where the address stands. The address itself is not shown: it may hold a password.
    fn parse(address: &str, name: &str) -> Result<Self, Unseen> {
        let wrong = |what: &str| {
            let text = format!("{name} {what}; give http://host:port, or proxy = \"none\" for none");
            Unseen::new(Reason::UnsupportedFormat, text)
        };
        let with_scheme =
            if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let url = Url::parse(&with_scheme).map_err(|error| wrong(&format!("is no address ({error})")))?;
        if url.scheme() != "http" {
            return Err(wrong(&format!("is of the kind {}://, which is not supported", url.scheme())));
        }
        let host = url.host_str().ok_or_else(|| wrong("names no host"))?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().unwrap_or(80);
        Ok(Self { url, host, port })
    }

    /// `host:port`, as shown to people.
    pub(super) fn shown(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The value of `Proxy-Authorization`, where the address holds user and password.
    pub(super) fn authorization(&self) -> Option<zeroize::Zeroizing<String>> {
        if self.url.username().is_empty() && self.url.password().is_none() {
            return None;
        }
        let user = decoded(self.url.username());
        let pair =
            zeroize::Zeroizing::new([&user[..], b":", &decoded(self.url.password().unwrap_or(""))].concat());
        let encoded = base64::engine::general_purpose::STANDARD.encode(&*pair);
        Some(zeroize::Zeroizing::new(format!("Basic {encoded}")))
    }
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let Some(byte) = after.get(..2).and_then(|pair| u8::from_str_radix(pair, 16).ok()) else {
            bytes.push(b'%');
            rest = after;
            continue;
        };
        bytes.push(byte);
        rest = after.get(2..).unwrap_or("");
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &'static [(&str, &str)]) -> Environment {
        Environment::from(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn taken(configured: Option<&str>, pairs: &'static [(&str, &str)], host: &str) -> Option<String> {
        Choice::new(configured, &environment(pairs)).unwrap().of(true, host).map(Proxy::shown)
    }

    const PROXY: (&str, &str) = ("HTTPS_PROXY", "http://proxy.example.org:3128");

    #[test]
    fn the_environments_proxy_holds_where_none_is_configured() {
        let proxy = Some("proxy.example.org:3128".to_owned());
        assert_eq!(taken(None, &[PROXY], "api.example.org"), proxy);
        assert_eq!(taken(None, &[("https_proxy", "proxy.example.org:3128")], "api.example.org"), proxy);
        assert_eq!(taken(None, &[("ALL_PROXY", "http://proxy.example.org:3128")], "api.example.org"), proxy);
        assert_eq!(taken(None, &[("http_proxy", "http://proxy.example.org:3128")], "api.example.org"), None);
        assert_eq!(taken(Some("none"), &[PROXY], "api.example.org"), None);
        assert_eq!(
            taken(Some("http://own.example.org"), &[PROXY], "127.0.0.1"),
            Some("own.example.org:80".into())
        );
    }

    #[test]
    fn no_proxy_and_loopback_spare_a_host() {
        for (entry, host, spared) in [
            ("example.org", "api.example.org", true),
            (".example.org", "api.example.org", true),
            ("*.example.org", "api.example.org", true),
            ("example.org:443", "example.org", true),
            ("ample.org", "example.org", false),
            ("*", "anything.example.com", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("0.0.0.0/0", "11.1.2.3", true),
            ("fd00::/8", "fd12::1", true),
            ("192.0.2.7", "192.0.2.7", true),
        ] {
            assert_eq!(spares(entry, host), spared, "{entry} and {host}");
        }
        for host in ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"] {
            assert_eq!(taken(None, &[PROXY], host), None, "{host}");
        }
        assert_eq!(taken(None, &[PROXY, ("NO_PROXY", "a.org, example.org")], "api.example.org"), None);
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_without_showing_its_password() {
        let wrong = Choice::new(Some("socks5://user:hunter2@proxy.example.org"), &Environment::default());
        let text = wrong.err().unwrap().text;
        assert!(text.contains("socks5") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn user_and_password_are_sent_decoded() {
        let proxy = Proxy::parse("http://us%65r:p%40ss@proxy.example.org:1", "proxy").unwrap();
        assert_eq!(proxy.authorization().unwrap().as_str(), "Basic dXNlcjpwQHNz");
    }
}
