//! Where a connection goes: a host and a port, or a Unix socket; and which family of addresses it may take.
//! It resolves no name and opens nothing.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Where a connection goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A host by its name or address, and a port.
    Host {
        /// A name, or an IP address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket of this machine.
    Unix(PathBuf),
}

impl Address {
    /// A host and a port.
    pub fn host(host: impl Into<String>, port: u16) -> Self {
        Self::Host { host: host.into(), port }
    }

    /// Reads `host:port`, `[::1]:443` and `unix:/run/app.sock`.
    ///
    /// # Errors
    /// What is wrong with it and how it is written, for a person.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            if path.starts_with('/') {
                return Ok(Self::Unix(PathBuf::from(path)));
            }
            return Err(format!("{text:?} names no whole path; write it like \"unix:/run/app.sock\""));
        }
        let wrong = || {
            format!(
                "{text:?} is not a host and a port; write it like \"api.example.org:443\", \"[2001:db8::1]:443\" or \"unix:/run/app.sock\""
            )
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        let bare = bare_host(host).ok_or_else(wrong)?;
        Ok(Self::host(bare, port))
    }

    /// The name that TLS asks for where none is given; a Unix socket has none.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        match self {
            Self::Host { host, .. } => Some(host),
            Self::Unix(_) => None,
        }
    }

    /// What its connections are counted by: the host, whatever the port, or the socket.
    pub(super) fn lane(&self) -> String {
        match self {
            Self::Host { host, .. } => host.trim_end_matches('.').to_ascii_lowercase(),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Host { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A host without the brackets of an IPv6 address; none where it can be no host.
#[must_use]
pub fn bare_host(host: &str) -> Option<&str> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok().then_some(address);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!host.is_empty() && host.chars().all(allowed)).then_some(host)
}

/// A family of IP addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The words of the configuration, in the order of the list.
    pub const WORDS: &'static [&'static str] = &["v4", "v6"];

    /// The family of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "v4" => Some(Self::V4),
            "v6" => Some(Self::V6),
            _ => None,
        }
    }

    /// Whether an address is of this family.
    pub(super) const fn has(self, address: IpAddr) -> bool {
        matches!((self, address), (Self::V4, IpAddr::V4(_)) | (Self::V6, IpAddr::V6(_)))
    }

    /// The addresses of this family, or why there is none, said of this host.
    pub(super) fn chosen(
        self,
        host: &str,
        mut addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, String> {
        addresses.retain(|address| self.has(address.ip()));
        if addresses.is_empty() {
            let (name, word) = match self {
                Self::V4 => ("IPv4", "v4"),
                Self::V6 => ("IPv6", "v6"),
            };
            return Err(format!("{host} has no {name} address; leave ip = \"{word}\" out to take the other"));
        }
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_its_port_or_a_socket() {
        for (text, server_name) in [
            ("api.example.org:443", Some("api.example.org")),
            ("127.0.0.1:443", Some("127.0.0.1")),
            ("[::1]:8443", Some("::1")),
            ("unix:/run/app.sock", None),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.to_string().as_str(), address.server_name()), (text, server_name));
        }
    }

    #[test]
    fn what_is_no_address_is_told_how_one_is_written() {
        for text in [
            "api.example.org",
            "::1:443",
            "[localhost]:443",
            ":443",
            "host:0",
            "host:70000",
            "a b:443",
            "a/b:443",
            "unix:app.sock",
            "unix:",
            "https://h:443",
        ] {
            let told = Address::parse(text).unwrap_err();
            assert!(told.contains("write it like"), "{text}: {told}");
        }
    }

    #[test]
    fn all_ports_of_a_host_are_one_lane() {
        let lane = |text| Address::parse(text).unwrap().lane();
        assert_eq!(lane("API.example.org.:443"), lane("api.example.org:25"));
        assert_ne!(lane("api.example.org:443"), lane("www.example.org:443"));
    }

    #[test]
    fn a_family_leaves_only_its_own_addresses() {
        let both: Vec<SocketAddr> = vec!["127.0.0.1:1".parse().unwrap(), "[::1]:1".parse().unwrap()];
        assert_eq!(Family::V6.chosen("h", both.clone()).unwrap(), vec![both[1]]);
        let told = Family::V6.chosen("h", vec![both[0]]).unwrap_err();
        assert!(told.starts_with("h has no IPv6 address"), "{told}");
    }
}
