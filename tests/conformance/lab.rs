//! Everything the scenarios need: certificates on both sides, and every server, started once.
//! It knows no scenario.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use certsteward::identity::Identity;
use certsteward::net;
use rcgen::ExtendedKeyUsagePurpose as Usage;
use rustls::pki_types::CertificateRevocationListDer;

use super::own::OwnServer;
use super::scenario::{Client, Kind, Odd, Own, Site};
use super::servers::{self, Servers};
use crate::support::pki::{Authority, FUTURE, Made, NOW, PAST, Wanted, server};

/// The certificates of both sides.
pub(super) struct Certificates {
    /// Trusted by both.
    pub(super) ca: Authority,
    /// Below it.
    middle: Authority,
    own: BTreeMap<Own, Made>,
    clients: BTreeMap<Client, Made>,
}

impl Certificates {
    fn new() -> Self {
        let ca = Authority::root("Conformance CA");
        let middle = ca.below("Conformance Intermediate CA");
        let other = Authority::root("Unknown CA");
        let client = |years| Wanted { name: "SFAPI", hosts: &[], years, usages: &[Usage::ClientAuth] };
        let elsewhere = Wanted { hosts: &["api.example.org"], ..server(NOW) };
        let own = [
            (Own::Good, ca.issue(&server(NOW))),
            (Own::Expired, ca.issue(&server(PAST))),
            (Own::NotYet, ca.issue(&server(FUTURE))),
            (Own::WrongName, ca.issue(&elsewhere)),
            (Own::UnknownCa, other.issue(&server(NOW))),
            (Own::ChainMissing, middle.issue(&server(NOW))),
        ];
        let clients = [
            (Client::OtherCa, other.issue(&client(NOW))),
            (Client::Expired, ca.issue(&client(PAST))),
            (Client::NotYet, ca.issue(&client(FUTURE))),
            (Client::Revoked, ca.issue(&client(NOW))),
            (Client::NoClientAuth, ca.issue(&Wanted { usages: &[Usage::ServerAuth], ..client(NOW) })),
            (Client::ChainMissing, middle.issue(&client(NOW))),
            (Client::Chain, middle.issue(&client(NOW))),
            (Client::Good, ca.issue(&client(NOW))),
        ];
        Self { ca, middle, own: own.into(), clients: clients.into() }
    }

    pub(super) fn own(&self, own: Own) -> &Made {
        &self.own[&own]
    }

    /// What is presented; none where nothing is.
    pub(super) fn client(&self, client: Client) -> Option<Identity> {
        let made = self.clients.get(&client)?;
        let issuers = if client == Client::Chain { vec![&self.middle] } else { Vec::new() };
        Some(made.identity_with(&issuers))
    }

    /// The lists of revoked certificates of both authorities.
    pub(super) fn revoked_der(&self) -> Vec<CertificateRevocationListDer<'static>> {
        let lists =
            [self.ca.revocation_list(&[&self.clients[&Client::Revoked]]), self.middle.revocation_list(&[])];
        lists.into_iter().map(|(_, der)| CertificateRevocationListDer::from(der)).collect()
    }

    fn revoked_pem(&self) -> String {
        let lists =
            [self.ca.revocation_list(&[&self.clients[&Client::Revoked]]), self.middle.revocation_list(&[])];
        lists.into_iter().map(|(pem, _)| pem).collect()
    }
}

/// The servers, where they listen, and the files they read.
pub(super) struct Lab {
    pub(super) certificates: Certificates,
    folder: tempfile::TempDir,
    ports: BTreeMap<Site, u16>,
    _own: Vec<OwnServer>,
    _servers: Servers,
}

impl Lab {
    /// Starts what these sites need. Sites of a server that is not installed here have no port.
    pub(super) async fn start(sites: &[Site]) -> Self {
        let certificates = Certificates::new();
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        write_files(folder.path(), &certificates);
        let mut ports = BTreeMap::new();
        let mut own = Vec::new();
        for site in sites {
            let started = match site.kind {
                Kind::Rustls => OwnServer::rustls(&certificates, site.version, site.asking).await,
                Kind::Odd(odd) => OwnServer::odd(&certificates, odd).await,
                Kind::Nginx | Kind::Haproxy | Kind::Apache | Kind::Openssl => continue,
            };
            ports.insert(*site, started.port);
            own.push(started);
        }
        let backend = OwnServer::backend().await;
        let servers = servers::start(folder.path(), sites, backend.port, &mut ports).await;
        own.push(backend);
        Self { certificates, folder, ports, _own: own, _servers: servers }
    }

    /// Where a site is asked for this path; none where its server is not installed.
    pub(super) fn url(&self, site: Site, path: &str) -> Option<String> {
        let host = if site.kind == Kind::Odd(Odd::NoName) { "nonexistent.invalid" } else { "localhost" };
        Some(format!("https://{host}:{}{path}", self.ports.get(&site)?))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// How the servers are reached.
    pub(super) fn net(&self, timeout: std::time::Duration) -> net::Settings {
        let proxy = Some("none".to_owned());
        net::Settings { ca: Some(self.path("ca.pem")), proxy, family: None, timeout }
    }
}

fn write_files(folder: &std::path::Path, certificates: &Certificates) {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    };
    write("ca.pem", &certificates.ca.pem);
    write("revoked.pem", &certificates.revoked_pem());
    write("trust.pem", &format!("{}{}", certificates.ca.pem, certificates.revoked_pem()));
    for (own, made) in &certificates.own {
        let name = own.file();
        write(&format!("{name}.pem"), &made.pem);
        write(&format!("{name}.key"), &made.key_pem());
        write(&format!("{name}.both"), &format!("{}{}", made.pem, made.key_pem()));
    }
    for (client, made) in &certificates.clients {
        let name = client.file();
        let mut chain = made.pem.clone();
        if *client == Client::Chain {
            write!(chain, "{}", certificates.middle.pem).unwrap();
        }
        write(&format!("{name}.pem"), &chain);
        write(&format!("{name}.key"), &made.key_pem());
    }
}
