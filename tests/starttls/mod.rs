//! The TLS source against real servers that begin TLS after a few words in the clear, and over the other ways to a server.

pub(crate) mod servers;
mod ways;

use std::time::Duration;

use certsteward::domain::reason::{Reason, Unseen};
use certsteward::domain::report::Sighting;
use certsteward::net::starttls::StartTls;
use certsteward::net::{self, Address, Net};
use certsteward::sources::Source as _;
use certsteward::sources::tls::{Settings, Tls};

use crate::support::machine::World;
use crate::support::server::Server;

fn settings(world: &World, address: Address, starttls: Option<StartTls>) -> Settings {
    let server_name = Some("localhost".to_owned());
    Settings { address, starttls, server_name, net: world.net() }
}

async fn look(settings: Settings) -> Result<Sighting, Unseen> {
    Ok(Tls::new(Net::new().unwrap(), settings).look(None).await?.unwrap())
}

/// The certificate is seen and trusted, as it is through a proxy; and a server without TLS says that it has none.
async fn is_seen(protocol: StartTls) {
    let world = World::new();
    let Some(server) = servers::start(&world, protocol, true).await else { return };
    let direct = settings(&world, Address::host("127.0.0.1", server.port), Some(protocol));
    let proxy = Server::proxy(None).await;
    let proxied = net::Settings { proxy: Some(format!("http://127.0.0.1:{}", proxy.port)), ..world.net() };
    let named = Address::host("server.example.org", server.port);
    let through = Settings { address: named, net: proxied, ..direct.clone() };
    for settings in [direct, through] {
        let sighting = look(settings).await.unwrap();
        assert_eq!(&*sighting.chain.leaf.der, world.pki.server.der.as_ref());
        assert_eq!(sighting.oddities, [], "it is trusted");
    }
    assert!(proxy.request().starts_with(&format!("CONNECT server.example.org:{}", server.port)));
    drop(server);

    let Some(plain) = servers::start(&world, protocol, false).await else { return };
    let settings = settings(&world, Address::host("127.0.0.1", plain.port), Some(protocol));
    let unseen = look(settings).await.unwrap_err();
    assert_eq!(unseen.reason, Reason::TlsFailed, "{unseen}");
    let said = format!("127.0.0.1:{} ({protocol}): the server does not offer ", plain.port);
    assert!(unseen.text.starts_with(&said), "{unseen}");
}

#[tokio::test]
async fn exim_is_seen_through_smtp() {
    is_seen(StartTls::Smtp).await;
}

#[tokio::test]
async fn dovecot_is_seen_through_imap() {
    is_seen(StartTls::Imap).await;
}

#[tokio::test]
async fn dovecot_is_seen_through_pop3() {
    is_seen(StartTls::Pop3).await;
}

#[tokio::test]
async fn vsftpd_is_seen_through_ftp() {
    is_seen(StartTls::Ftp).await;
}

#[tokio::test]
async fn openldap_is_seen_through_ldap() {
    is_seen(StartTls::Ldap).await;
}

#[tokio::test]
async fn postgresql_is_seen_through_its_own_request() {
    is_seen(StartTls::Postgres).await;
}

#[tokio::test]
async fn mariadb_is_seen_through_its_own_request() {
    is_seen(StartTls::Mysql).await;
}

#[tokio::test]
async fn prosody_is_seen_as_by_a_client() {
    is_seen(StartTls::Xmpp).await;
}

#[tokio::test]
async fn prosody_is_seen_as_by_another_server() {
    is_seen(StartTls::XmppServer).await;
}

#[tokio::test]
async fn what_speaks_tls_at_once_is_told_to_need_no_starttls() {
    let world = World::new();
    let silent = Server::silent().await;
    let mut settings = settings(&world, Address::host("127.0.0.1", silent.port), Some(StartTls::Smtp));
    settings.net.timeout = Duration::from_millis(300);
    let unseen = look(settings).await.unwrap_err();
    assert_eq!(unseen.reason, Reason::Timeout);
    assert!(unseen.text.ends_with("where it speaks TLS from the first byte, leave starttls out"), "{unseen}");
}
