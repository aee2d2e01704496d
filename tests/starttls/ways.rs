//! The other ways to a server: a Unix socket, one family of addresses, one node behind a name.

use std::process::Command;

use certsteward::domain::verdict::Verdict;
use certsteward::net::Family;
use certsteward::probers::Prober as _;
use certsteward::probers::mtls::{self, Mtls};

use super::*;
use crate::support::machine::now;
use crate::support::pki::{Made, NOW, server};
use crate::support::process::{Running, program, skipped};
use crate::support::wait::{free_port, until};

/// nginx with one certificate on 127.0.0.1, another on ::1, and the first on a Unix socket, each asking for a client's.
struct Nginx {
    world: World,
    port: u16,
    on_v6: Made,
    _running: Running,
}

impl Nginx {
    async fn start() -> Option<Self> {
        let nginx = program("nginx")?;
        if std::net::TcpListener::bind("[::1]:0").is_err() {
            skipped("this machine has no IPv6");
            return None;
        }
        let world = World::new();
        let on_v6 = world.pki.ca.issue(&server(NOW));
        for (name, made) in [("v4", &world.pki.server), ("v6", &on_v6)] {
            world.write(&format!("{name}.pem"), &made.pem);
            world.write(&format!("{name}.key"), &made.key_pem());
        }
        let port = free_port();
        let at = world.folder.path().display();
        let block = |listen: String, name: &str| {
            format!(
                "server {{ listen {listen} ssl; ssl_certificate {at}/{name}.pem; ssl_certificate_key {at}/{name}.key;\n\
                 ssl_client_certificate {at}/ca.pem; ssl_verify_client on; default_type application/json; return 200 '{{}}'; }}\n"
            )
        };
        let conf = format!(
            "daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/error.log warn;\nevents {{ }}\n\
             http {{ access_log off; client_body_temp_path {at}/t1; proxy_temp_path {at}/t2; fastcgi_temp_path {at}/t3;\n\
             uwsgi_temp_path {at}/t4; scgi_temp_path {at}/t5;\n{}{}{}}}\n",
            block(format!("127.0.0.1:{port}"), "v4"),
            block(format!("[::1]:{port}"), "v6"),
            block(format!("unix:{at}/app.sock"), "v4"),
        );
        let conf = world.write("nginx.conf", &conf);
        let mut command = Command::new(nginx);
        command.arg("-e").arg(world.path("start.log")).arg("-p").arg(world.folder.path()).arg("-c").arg(conf);
        let running = Running::start(&mut command);
        until("nginx", async || tokio::net::UnixStream::connect(world.path("app.sock")).await.ok()).await;
        Some(Self { world, port, on_v6, _running: running })
    }

    fn socket(&self) -> Address {
        Address::Unix(self.world.path("app.sock"))
    }
}

fn leaf(sighting: &Sighting) -> &[u8] {
    &sighting.chain.leaf.der
}

#[tokio::test]
async fn a_server_is_seen_at_each_kind_of_address() {
    let Some(nginx) = Nginx::start().await else { return };
    let (v4, v6) = (nginx.world.pki.server.der.as_ref(), nginx.on_v6.der.as_ref());
    let localhost = Address::host("localhost", nginx.port);
    let has_both =
        std::net::ToSocketAddrs::to_socket_addrs(&("localhost", 0)).unwrap().any(|at| at.is_ipv6());
    for (address, family, shown) in [
        (localhost.clone(), Some(Family::V4), v4),
        (localhost, has_both.then_some(Family::V6), if has_both { v6 } else { v4 }),
        (Address::parse(&format!("[::1]:{}", nginx.port)).unwrap(), None, v6),
        (Address::host("::1", nginx.port), Some(Family::V6), v6),
        (nginx.socket(), None, v4),
    ] {
        let mut settings = settings(&nginx.world, address.clone(), None);
        settings.net.family = family;
        let sighting = look(settings).await.unwrap();
        assert_eq!(leaf(&sighting), shown, "{address} {family:?}");
        assert_eq!(sighting.oddities, []);
        assert_eq!(sighting.name, Some(address.to_string()));
    }
}

#[tokio::test]
async fn a_family_that_a_host_does_not_have_is_told() {
    let world = World::new();
    let mut settings = settings(&world, Address::host("127.0.0.1", 1), None);
    settings.net.family = Some(Family::V6);
    let unseen = look(settings.clone()).await.unwrap_err();
    assert_eq!(unseen.reason, Reason::DnsFailed);
    assert!(unseen.text.contains("127.0.0.1 has no IPv6 address"), "{unseen}");

    let client = Net::new().unwrap().http(&settings.net, None).unwrap();
    let failure =
        client.send(client.request(reqwest::Method::GET, "https://127.0.0.1:1/")).await.unwrap_err();
    assert_eq!((failure.reason, failure.maybe_effective), (Reason::DnsFailed, false));
}

#[tokio::test]
async fn a_probe_goes_to_the_node_it_is_sent_to_under_the_urls_name() {
    let Some(nginx) = Nginx::start().await else { return };
    for connect in [nginx.socket(), Address::host("127.0.0.1", nginx.port)] {
        let settings = mtls::Settings {
            // Nobody knows this port of it.
            url: "https://localhost:1/".to_owned(),
            connect: Some(connect.clone()),
            company_id: None,
            headers: Vec::new(),
            timeout: Duration::from_secs(20),
            files: None,
            net: nginx.world.net(),
        };
        let identity = nginx.world.pki.good.identity();
        let probed = Mtls::new(Net::new().unwrap(), settings).probe(Some(&identity), now()).await;
        assert_eq!(probed.verdict, Verdict::Accepted, "{connect}: {probed:?}");
    }
}

#[tokio::test]
async fn a_socket_that_cannot_be_had_is_told_by_its_reason() {
    let world = World::new();
    world.write("file.sock", "no socket");
    for (name, reason) in [("none.sock", Reason::NotFound), ("file.sock", Reason::ConnectionRefused)] {
        let unseen = look(settings(&world, Address::Unix(world.path(name)), None)).await.unwrap_err();
        assert_eq!(unseen.reason, reason, "{unseen}");
        assert!(unseen.text.contains(name), "{unseen}");
    }
    let nameless = Settings { server_name: None, ..settings(&world, Address::Unix(world.path("x")), None) };
    let unseen = look(nameless).await.unwrap_err();
    assert!(unseen.text.ends_with("give server_name = \"…\""), "{unseen}");
}
