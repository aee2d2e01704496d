//! Which TLS server is meant, and how it is reached: the forms of a place that is no file, and the options beside them.
//! It connects to nothing.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::super::exit::Failed;
use super::super::span;
use crate::app::TlsServer;
use crate::net::starttls::StartTls;
use crate::net::{self, Address, Family, bare_host};

/// How a server is looked at; not for files.
#[derive(Debug, clap::Args)]
pub(super) struct Reach {
    /// What is spoken before TLS begins: smtp, imap, pop3, ftp, ldap, postgres, mysql, xmpp or xmpp-server
    #[arg(long, value_name = "PROTOCOL", value_parser = protocol)]
    starttls: Option<StartTls>,
    /// The name to ask for (SNI) and verify, where it is not the host
    #[arg(long, value_name = "NAME", value_parser = server_name)]
    server_name: Option<String>,
    /// Authorities to trust, beside the system's
    #[arg(long, value_name = "F")]
    ca: Option<PathBuf>,
    /// The HTTP proxy, or none to ignore the environment's
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Insist on a family of addresses: v4 or v6
    #[arg(long, value_name = "FAMILY", value_parser = family)]
    ip: Option<Family>,
    /// The limit for a TLS server's answer
    #[arg(long, value_name = "SPAN", default_value = "15s", value_parser = span::limit)]
    timeout: Duration,
}

impl Reach {
    /// The server that a place means; none where it can only be a file.
    pub(super) fn server(&self, place: &str) -> Result<Option<TlsServer>, Failed> {
        let Some(Meant { address, starttls, by_scheme }) = meant(place)? else { return Ok(None) };
        if let Some(given) = self.starttls.filter(|given| by_scheme && starttls != Some(*given)) {
            let spoken = starttls.map_or("TLS from the first byte", StartTls::code);
            return Err(Failed::usage(format!(
                "{place} means {spoken}, and --starttls says {given}; give one"
            )));
        }
        let starttls = starttls.or(self.starttls);
        if let (Address::Unix(_), None) = (&address, &self.server_name) {
            return Err(Failed::usage(format!(
                "{place} has no name that TLS could ask for; add --server-name NAME"
            )));
        }
        let net = net::Settings {
            ca: self.ca.clone(),
            proxy: self.proxy.clone(),
            family: self.ip,
            timeout: self.timeout,
        };
        Ok(Some(TlsServer { address, starttls, server_name: self.server_name.clone(), net }))
    }

    /// Refuses what means nothing for a file.
    pub(super) fn refuse_beside_file(&self, place: &str) -> Result<(), Failed> {
        let given = [
            (self.starttls.is_some(), "--starttls"),
            (self.server_name.is_some(), "--server-name"),
            (self.ca.is_some(), "--ca"),
            (self.proxy.is_some(), "--proxy"),
            (self.ip.is_some(), "--ip"),
        ];
        match given.iter().find(|(set, _)| *set) {
            Some((_, option)) => Err(Failed::usage(format!(
                "{option} goes with a server, and {place} is a file; a server is HOST:PORT, smtp://HOST and the like, or unix:/PATH"
            ))),
            None => Ok(()),
        }
    }
}

/// The server that a place names.
#[derive(Debug)]
struct Meant {
    address: Address,
    starttls: Option<StartTls>,
    /// Whether the place says what is spoken there.
    by_scheme: bool,
}

/// Where a place is and what is spoken there before TLS; none where it names no server.
fn meant(place: &str) -> Result<Option<Meant>, Failed> {
    if place.contains("://") {
        return by_url(place).map(Some);
    }
    let plain = |address| Meant { address, starttls: None, by_scheme: false };
    if place.starts_with("unix:") {
        return Address::parse(place).map(|address| Some(plain(address))).map_err(Failed::usage);
    }
    Ok(Address::parse(place).ok().map(plain))
}

/// The schemes of protocols that speak TLS from the first byte, with their ports.
const IMPLICIT: [(&str, u16); 8] = [
    ("https", 443),
    ("tls", 443),
    ("smtps", 465),
    ("submissions", 465),
    ("ldaps", 636),
    ("ftps", 990),
    ("imaps", 993),
    ("pop3s", 995),
];

fn by_url(place: &str) -> Result<Meant, Failed> {
    let wrong = |what: &str| {
        let known: Vec<&str> = IMPLICIT.iter().map(|(scheme, _)| *scheme).collect();
        let begun: Vec<&str> = StartTls::ALL.iter().map(|protocol| protocol.code()).collect();
        Failed::usage(format!(
            "{place:?} {what}; with TLS from the first byte: {}; with TLS after STARTTLS: {}",
            known.join(", "),
            begun.join(", ")
        ))
    };
    let scheme = place.split("://").next().unwrap_or_default().to_ascii_lowercase();
    // What stands before an @ may be a password, so the address is shown only where there is none.
    if place.contains('@') {
        return Err(Failed::usage(format!("give {scheme}:// without user and password")));
    }
    let url = Url::parse(place).map_err(|_| wrong("is no address"))?;
    let host = url.host_str().and_then(bare_host).ok_or_else(|| wrong("names no host"))?;
    let protocol = if scheme == "postgresql" { "postgres" } else { &scheme };
    let starttls = StartTls::from_code(protocol);
    let implicit = IMPLICIT.iter().find(|(known, _)| *known == scheme).map(|(_, port)| *port);
    let port =
        implicit.or(starttls.map(StartTls::port)).ok_or_else(|| wrong("has a scheme that is not known"))?;
    let address = Address::host(host, url.port().unwrap_or(port));
    Ok(Meant { address, starttls, by_scheme: true })
}

fn protocol(text: &str) -> Result<StartTls, String> {
    StartTls::from_code(text).ok_or_else(|| {
        let known: Vec<&str> = StartTls::ALL.iter().map(|protocol| protocol.code()).collect();
        format!("give one of {}", known.join(", "))
    })
}

pub(in super::super) fn family(text: &str) -> Result<Family, String> {
    Family::parse(text).ok_or_else(|| "give v4 or v6".to_owned())
}

fn server_name(text: &str) -> Result<String, String> {
    if net::is_server_name(text) {
        return Ok(text.to_owned());
    }
    Err("give a host name or an address, without a port".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(place: &str) -> Option<(String, Option<&'static str>)> {
        let Meant { address, starttls, .. } = meant(place).ok()??;
        Some((address.to_string(), starttls.map(StartTls::code)))
    }

    #[test]
    fn a_server_is_meant_by_host_and_port_by_a_scheme_or_by_a_socket() {
        for (place, address, starttls) in [
            ("api.example.org:443", "api.example.org:443", None),
            ("[::1]:8443", "[::1]:8443", None),
            ("unix:/run/app.sock", "unix:/run/app.sock", None),
            ("https://api.example.org/odata/v2", "api.example.org:443", None),
            ("https://[::1]:8443/", "[::1]:8443", None),
            ("smtp://mail.example.org", "mail.example.org:25", Some("smtp")),
            ("smtp://mail.example.org:587", "mail.example.org:587", Some("smtp")),
            ("smtps://mail.example.org", "mail.example.org:465", None),
            ("LDAP://dc.example.org", "dc.example.org:389", Some("ldap")),
            ("postgresql://db.example.org/app", "db.example.org:5432", Some("postgres")),
            ("xmpp-server://im.example.org", "im.example.org:5269", Some("xmpp-server")),
        ] {
            assert_eq!(found(place), Some((address.to_owned(), starttls)), "{place}");
        }
    }

    #[test]
    fn what_can_be_no_server_is_a_file_or_a_mistake() {
        for place in ["api.example.org", "a/b:443", ":443", "host:0", "host:70000"] {
            assert!(matches!(meant(place), Ok(None)), "{place}");
        }
        for place in ["gopher://h", "https://", "unix:app.sock"] {
            assert!(meant(place).is_err(), "{place}");
        }
        let told = meant("postgres://app:hunter2@db.example.org/app").unwrap_err().text;
        assert!(told.contains("without user and password") && !told.contains("hunter2"), "{told}");
    }
}
