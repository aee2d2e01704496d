//! Who may have what looked at through `/probe`, and how it is asked for.

use std::sync::Arc;
use std::time::Duration;

use certsteward::surfaces::http::{Options, Trust, router};

use crate::support::daemon::{Daemon, ask, head};
use crate::support::fake_daemon::{FakeDaemon, Served};
use crate::support::pki::Pki;
use crate::support::samples;
use crate::support::server::{Asks, Server, json};

async fn fake(options: Options) -> (Arc<FakeDaemon>, Served) {
    let daemon = Arc::new(FakeDaemon::new(samples::snapshot()));
    let served = Served::on("127.0.0.1:0", router(daemon.clone(), options)).await;
    (daemon, served)
}

fn options(public_url: Option<&str>, loopback: bool) -> Options {
    let own_url = "http://127.0.0.1:9790".to_owned();
    Options { public_url: public_url.map(str::to_owned), own_url, trust: Trust::Network, loopback }
}

#[tokio::test]
async fn what_is_asked_reaches_the_daemon() {
    let (daemon, served) = fake(options(None, true)).await;
    let timeout = ("X-Prometheus-Scrape-Timeout-Seconds", "9.5");
    let path = "/probe?module=http_2xx&target=https%3A%2F%2Fapi.example.org%2F&hostname=b.example.org&job=x";
    assert_eq!(served.ask("GET", path, &[timeout], "").await.status, 503, "the sample is always busy");
    let asked = daemon.asked.lock().unwrap().pop().unwrap();
    assert_eq!(asked.module.as_deref(), Some("http_2xx"));
    assert_eq!(asked.target, "https://api.example.org/");
    assert_eq!(asked.host_name.as_deref(), Some("b.example.org"));
    assert_eq!(asked.patience, Some(Duration::from_millis(9500)));
    served.get("/probe?target=a:1&module=").await;
    let asked = daemon.asked.lock().unwrap().pop().unwrap();
    assert_eq!((asked.module, asked.patience), (None, None));
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_in_words() {
    let (daemon, served) = fake(options(None, true)).await;
    for path in ["/probe", "/probe?target=", "/probe?module=tls"] {
        let refused = served.get(path).await;
        assert_eq!(
            (refused.status, refused.json()["error"].as_str()),
            (400, Some("the parameter target is missing"))
        );
    }
    for value in ["soon", "0", "-1", "NaN", "1e300"] {
        let refused = served
            .ask("GET", "/probe?target=a:1", &[("X-Prometheus-Scrape-Timeout-Seconds", value)], "")
            .await;
        assert_eq!(refused.status, 400, "{value}");
    }
    assert_eq!(served.ask("POST", "/probe?target=a:1", &[], "").await.status, 405);
    assert!(daemon.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_page_of_another_site_has_nothing_looked_at() {
    let (daemon, served) = fake(options(None, true)).await;
    for header in [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example.net")] {
        assert_eq!(served.ask("GET", "/probe?target=a:1", &[header], "").await.status, 403);
    }
    assert!(daemon.asked.lock().unwrap().is_empty());
    served.ask("GET", "/probe?target=a:1", &[("Sec-Fetch-Site", "none")], "").await;
    assert_eq!(daemon.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn whether_others_than_this_host_can_ask_is_known() {
    for (public_url, loopback, local) in [
        (None, true, true),
        (Some("http://127.0.0.1:9790"), true, true),
        (Some("http://[::1]:9790"), true, true),
        (Some("http://localhost:9790/x"), true, true),
        (Some("https://certsteward.example.org"), true, false),
        (None, false, false),
        (Some("http://127.0.0.1:9790"), false, false),
    ] {
        let (daemon, served) = fake(options(public_url, loopback)).await;
        served.get("/probe?target=a:1").await;
        assert_eq!(daemon.asked.lock().unwrap()[0].is_local, local, "{public_url:?} {loopback}");
    }
    let socket =
        Options { trust: Trust::LocalSocket, ..options(Some("https://certsteward.example.org"), true) };
    let (daemon, served) = fake(socket).await;
    served.get("/probe?target=a:1").await;
    assert!(daemon.asked.lock().unwrap()[0].is_local);
}

/// The head of a configuration with more in its table of the daemon.
fn daemon_with(more: &str) -> String {
    head().replace("\n\n", &format!("\n{more}\n\n"))
}

struct Said {
    status: u16,
    text: String,
}

async fn probe(daemon: &Daemon, query: &str) -> Said {
    let answer = ask(daemon.port, "GET", &format!("/probe?{query}"), "", "").await.unwrap();
    Said { status: answer.status, text: answer.body }
}

impl Said {
    fn is_refused(&self, status: u16, words: &[&str]) {
        let all = words.iter().all(|words| self.text.contains(words)) && self.text.contains("way_out");
        assert!(self.status == status && all, "{} {}", self.status, self.text);
    }

    fn is_success(&self) {
        let success = self.text.contains("probe_success 1\n") && self.text.contains("ssl_probe_success 1\n");
        assert!(self.status == 200 && success, "{} {}", self.status, self.text);
    }
}

async fn server(folder: &std::path::Path, pki: &Pki) -> Server {
    std::fs::write(folder.join("ca.pem"), &pki.ca.pem).unwrap();
    std::fs::write(folder.join("client.pem"), &pki.good.pem).unwrap();
    let key = folder.join("client.key");
    std::fs::write(&key, pki.good.key_pem()).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    Server::tls(&pki.server, &Asks::Politely(&pki.ca), json("200 OK", "{\"d\":{}}")).await
}

#[tokio::test]
async fn modules_of_the_configuration_and_built_in_ones_look() {
    let (folder, pki) = (tempfile::tempdir().unwrap(), Pki::new());
    let server = server(folder.path(), &pki).await;
    let port = server.port;
    let config = head()
        + &format!(
            "[modules.inner]\ntype = \"tls\"\nca = {{ file = \"ca.pem\" }}\n\n[modules.http_2xx]\ntype = \"http\"\n\
ca = {{ file = \"ca.pem\" }}\n\n[modules.mtls]\ntype = \"http\"\nca = {{ file = \"ca.pem\" }}\n\
certificate = {{ file = \"client.pem\" }}\nkey = {{ file = \"client.key\" }}\ntargets = [\"localhost:{port}\"]\n"
        );
    let daemon = Daemon::start(folder.path(), &config).await;
    probe(&daemon, &format!("module=inner&target=localhost:{port}")).await.is_success();
    probe(&daemon, &format!("target=https://localhost:{port}/")).await.is_success();
    let mtls = probe(&daemon, &format!("module=mtls&target=localhost:{port}")).await;
    mtls.is_success();
    assert!(
        mtls.text.contains("certsteward_target_verdict{verdict=\"accepted\",detail=\"\"} 1"),
        "{}",
        mtls.text
    );
    let unseen = probe(&daemon, &format!("module=tls&target=localhost:{port}")).await;
    assert!(
        unseen.text.contains("probe_success 0\n") && unseen.text.contains("server-untrusted"),
        "{}",
        unseen.text
    );
    probe(&daemon, "module=nothing&target=a:1")
        .await
        .is_refused(400, &["no module", "http_2xx, https, inner, mtls"]);
    probe(&daemon, "target=api.example.org").await.is_refused(400, &["not a host and a port"]);
    probe(&daemon, "module=mtls&target=127.0.0.1:1").await.is_refused(403, &["targets of [modules.mtls]"]);
    let named = format!("module=mtls&target=localhost:{port}&hostname=other.example.org");
    probe(&daemon, &named).await.is_refused(403, &["takes no hostname"]);
    let told = probe(&daemon, &format!("module=inner&target=localhost:{port}&debug=true")).await.text;
    for words in
        ["What was done:", "connected to localhost", "the handshake is done: TLSv1.3", "probe_success 1\n"]
    {
        assert!(told.contains(words), "{words} is missing in {told}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn where_others_can_ask_only_listed_targets_are_looked_at() {
    let (folder, pki) = (tempfile::tempdir().unwrap(), Pki::new());
    let port = server(folder.path(), &pki).await;
    let port = (port.port, port);
    let target = format!("target=localhost:{}", port.0);
    let module = "[modules.inner]\ntype = \"tls\"\nca = { file = \"ca.pem\" }\n";
    let published = |config: String| {
        let lines = config.lines().map(|line| {
            if line.starts_with("public_url") {
                "public_url = \"https://certsteward.example.org\""
            } else {
                line
            }
        });
        lines.collect::<Vec<_>>().join("\n") + "\n"
    };
    let daemon = Daemon::start(folder.path(), &(published(head()) + module)).await;
    let refused = probe(&daemon, &format!("module=inner&{target}")).await;
    refused.is_refused(403, &["others than this host can ask", "probe_targets ="]);
    daemon.stop().await;
    let listed = daemon_with(&format!("probe_targets = [\"local*:{}\"]", port.0));
    let daemon = Daemon::start(folder.path(), &(published(listed) + module)).await;
    probe(&daemon, &format!("module=inner&{target}")).await.is_success();
    probe(&daemon, "module=inner&target=localhost:1").await.is_refused(403, &["[daemon] probe_targets"]);
    daemon.stop().await;
    let nothing = daemon_with("probe_targets = []");
    let daemon = Daemon::start(folder.path(), &(nothing + module)).await;
    probe(&daemon, &format!("module=inner&{target}")).await.is_refused(403, &["may not be looked at"]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_host_that_is_slow_keeps_only_itself_waiting_and_each_look_ends_in_time() {
    let (folder, pki) = (tempfile::tempdir().unwrap(), Pki::new());
    let (silent, good) = (Server::silent().await, server(folder.path(), &pki).await);
    let module = "[modules.inner]\ntype = \"tls\"\nca = { file = \"ca.pem\" }\n";
    let daemon = Daemon::start(folder.path(), &(head() + module)).await;
    let (port, path) = (daemon.port, format!("/probe?module=inner&target=127.0.0.1:{}", silent.port));
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let path = path.clone();
        let header = "X-Prometheus-Scrape-Timeout-Seconds: 3\r\n";
        asked.spawn(async move { ask(port, "GET", &path, header, "").await.unwrap() });
    }
    probe(&daemon, &format!("module=inner&target=localhost:{}", good.port)).await.is_success();
    assert!(asked.try_join_next().is_none(), "the good one did not wait for the others");
    let (mut looked, mut busy) = (0, 0);
    while let Some(answer) = asked.join_next().await {
        let answer = answer.unwrap();
        match answer.status {
            200 => {
                looked += 1;
                assert!(answer.body.contains("verdict=\"timeout\""), "{}", answer.body);
                assert!(answer.body.contains("probe_timeout_seconds 2.5\n"), "{}", answer.body);
            }
            503 => {
                busy += 1;
                assert!(answer.body.contains("connections_per_host"), "{}", answer.body);
            }
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!((looked, busy), (4, 36), "four connections to one host at once");
    daemon.stop().await;
}
