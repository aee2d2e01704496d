//! Which servers may be looked at on somebody's word: patterns of `host:port`.
//! It resolves no name: a pattern holds for what is asked for, not for where that leads.

use std::net::IpAddr;

/// One pattern: `api.example.org:443`, `*.example.org:*`, `10.0.0.0/8:443`, `[2001:db8::/32]:443`, `*:443`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    host: Host,
    /// None for every port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// A name, lower-case; each `*` stands for one or more characters.
    Name(String),
    /// An address is of this network, of so many bits.
    Network(IpAddr, u8),
}

/// Why a pattern cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} {1}; write it like \"api.example.org:443\", \"*.example.org:443\", \"10.0.0.0/8:*\" or \"*:443\""
)]
pub struct NoPattern(String, &'static str);

impl HostPattern {
    /// Reads one.
    ///
    /// # Errors
    /// Where it names no host, or no port: which ports are meant is never guessed.
    pub fn parse(text: &str) -> Result<Self, NoPattern> {
        let wrong = |what| NoPattern(text.to_owned(), what);
        let (host, port) = text.rsplit_once(':').ok_or_else(|| wrong("names no port (:* is every port)"))?;
        let port = match port {
            "*" => None,
            number => {
                let number = number.parse::<u16>().ok().filter(|port| *port > 0);
                Some(number.ok_or_else(|| wrong("names no port (:* is every port)"))?)
            }
        };
        Ok(Self { host: Host::parse(host).map_err(wrong)?, port })
    }

    /// Whether this host and port are meant. A host is a name, or an address without brackets.
    #[must_use]
    pub fn matches(&self, host: &str, port: u16) -> bool {
        self.port.is_none_or(|own| own == port) && self.host.matches(host)
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Network(address, width(address)));
        }
        if let Some((network, bits)) = bare.split_once('/') {
            let network = network.parse::<IpAddr>().map_err(|_| "is no network")?;
            let bits =
                bits.parse::<u8>().ok().filter(|bits| *bits <= width(network)).ok_or("is no network")?;
            return Ok(Self::Network(network, bits));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '*');
        if bare.is_empty() || !bare.chars().all(allowed) || bare != text {
            return Err("names no host");
        }
        Ok(Self::Name(bare.to_ascii_lowercase()))
    }

    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Name(pattern) => {
                is_like(pattern, host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase().as_str())
            }
            Self::Network(network, bits) => {
                host.parse::<IpAddr>().is_ok_and(|address| is_within(address.to_canonical(), *network, *bits))
            }
        }
    }
}

const fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let shift = u32::from(width(network).saturating_sub(bits));
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// Whether the text is like the pattern, in which each `*` stands for one or more characters. It never tries twice what one star
/// before may take, so that it takes no longer than both lengths multiplied.
fn is_like(pattern: &str, text: &str) -> bool {
    let pattern: Vec<u8> = pattern.replace('*', "?*").into_bytes();
    let text = text.as_bytes();
    let (mut at, mut token) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match (pattern.get(token), text.get(at)) {
            (Some(b'*'), _) => {
                star = Some((token, at));
                token += 1;
            }
            (Some(wanted), Some(given)) if *wanted == b'?' || wanted == given => {
                token += 1;
                at += 1;
            }
            _ => {
                let Some((of, taken)) = star else { return false };
                star = Some((of, taken + 1));
                (token, at) = (of + 1, taken + 1);
            }
        }
    }
    pattern.get(token..).is_some_and(|rest| rest.iter().all(|token| *token == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, host: &str, port: u16) -> bool {
        HostPattern::parse(pattern).expect("a pattern").matches(host, port)
    }

    #[test]
    fn names_and_stars_are_compared_whole() {
        for (pattern, host, meant) in [
            ("api.example.org:443", "api.example.org", true),
            ("API.example.org:443", "api.Example.ORG.", true),
            ("api.example.org:443", "api.example.org.evil.net", false),
            ("*.example.org:443", "api.example.org", true),
            ("*.example.org:443", "a.b.example.org", true),
            ("*.example.org:443", "example.org", false),
            ("*.example.org:443", ".example.org", false),
            ("*.example.org:443", "evilexample.org", false),
            ("api*.example.org:443", "api4.example.org", true),
            ("api*.example.org:443", "api.example.org", false),
            ("*:443", "anything", true),
            ("*:443", "10.1.2.3", true),
            ("*:443", "", false),
        ] {
            assert_eq!(matches(pattern, host, 443), meant, "{pattern} and {host}");
        }
        assert!(!matches("api.example.org:443", "api.example.org", 8443));
        assert!(matches("api.example.org:*", "api.example.org", 8443));
    }

    #[test]
    fn networks_hold_addresses_and_no_names() {
        for (pattern, host, meant) in [
            ("10.0.0.0/8:443", "10.1.2.3", true),
            ("10.0.0.0/8:443", "11.1.2.3", false),
            ("10.0.0.0/8:443", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8:443", "10.example.org", false),
            ("0.0.0.0/0:443", "192.0.2.1", true),
            ("0.0.0.0/0:443", "::1", false),
            ("192.0.2.7:443", "192.0.2.7", true),
            ("[2001:db8::/32]:443", "2001:db8::7", true),
            ("2001:db8::/32:443", "2001:db9::7", false),
            ("[::1]:443", "::1", true),
        ] {
            assert_eq!(matches(pattern, host, 443), meant, "{pattern} and {host}");
        }
    }

    #[test]
    fn what_names_no_port_is_refused_with_the_way_out() {
        for text in [
            "",
            "api.example.org",
            "api.example.org:",
            "host:0",
            "host:65536",
            "host:http",
            ":443",
            "a b:1",
            "10.0.0.0/33:1",
            "https://a:443",
            "[name]:443",
        ] {
            let refused = HostPattern::parse(text).expect_err(text).to_string();
            assert!(refused.contains("*.example.org:443"), "{refused}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_compared_in_no_time() {
        let pattern = format!("{}b:1", "*a".repeat(40));
        assert!(!matches(&pattern, &"a".repeat(200), 1));
        assert!(matches(&pattern, &format!("{}b", "a".repeat(200)), 1));
    }
}
