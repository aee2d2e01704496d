//! Where a probe calls: the parts of its URL, and where the connection goes.
//! It connects to nothing.

use reqwest::Url;

use crate::net::{Address, bare_host};

/// Where to call.
pub(super) struct Target {
    /// Where the connection goes.
    pub(super) address: Address,
    /// The name that TLS asks for and verifies.
    pub(super) host: String,
    /// The value of `Host`.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
}

impl Target {
    /// Reads a URL; `connect` is where the connection goes instead of to the URL's host.
    pub(super) fn parse(url: &str, connect: Option<&Address>) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("the probe's url is no address: {error}"))?;
        if url.scheme() != "https" {
            return Err(format!("the probe's url must begin with https://, not {}://", url.scheme()));
        }
        let host = url.host_str().ok_or("the probe's url names no host")?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let host = bare_host(host).unwrap_or(host);
        let own = || Address::host(host, url.port_or_known_default().unwrap_or(443));
        Ok(Self {
            address: connect.cloned().unwrap_or_else(own),
            host: host.to_owned(),
            authority,
            path: format!("{}{query}", url.path()),
        })
    }

    /// The server as shown to people.
    pub(super) fn shown(&self) -> String {
        match &self.address {
            Address::Host { host, .. } if *host == self.host => self.authority.clone(),
            elsewhere @ (Address::Host { .. } | Address::Unix(_)) => {
                format!("{} at {elsewhere}", self.authority)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_called_at_its_own_host_unless_another_address_is_given() {
        let own = Target::parse("https://api.example.org/odata?$top=1", None).unwrap();
        assert_eq!(own.address, Address::host("api.example.org", 443));
        assert_eq!((own.path.as_str(), own.shown().as_str()), ("/odata?$top=1", "api.example.org"));

        let node = Address::host("10.0.0.5", 8443);
        let there = Target::parse("https://api.example.org:444/", Some(&node)).unwrap();
        assert_eq!(
            (there.host.as_str(), there.authority.as_str()),
            ("api.example.org", "api.example.org:444")
        );
        assert_eq!(there.address, node);
        assert_eq!(there.shown(), "api.example.org:444 at 10.0.0.5:8443");
    }

    #[test]
    fn an_ipv6_address_stands_in_brackets_only_where_it_must() {
        let target = Target::parse("https://[::1]:8443/", None).unwrap();
        assert_eq!(target.address, Address::host("::1", 8443));
        assert_eq!((target.host.as_str(), target.authority.as_str()), ("::1", "[::1]:8443"));
    }
}
