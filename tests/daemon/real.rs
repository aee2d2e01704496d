//! Real peers: the machine's own authorities, nginx that insists on client certificates, Exim, Prometheus.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{certificate, file_watch};
use crate::support::daemon::{Daemon, LIMIT, ask, head};
use crate::support::pki::Pki;
use crate::support::process::{Group, Running, program, skipped};
use crate::support::wait::{free_port, listening, within};

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// nginx with one place behind mutual TLS.
async fn nginx(folder: &Path, pki: &Pki) -> Option<(Running, u16)> {
    let nginx = program("nginx")?;
    let port = free_port();
    std::fs::write(folder.join("ca.pem"), &pki.ca.pem).unwrap();
    std::fs::write(folder.join("nginx.pem"), &pki.server.pem).unwrap();
    std::fs::write(folder.join("nginx.key"), pki.server.key_pem()).unwrap();
    let at = text(folder);
    let user = if nix::unistd::geteuid().is_root() { "user root;" } else { "" };
    let config = format!(
        "daemon off; master_process off; {user} pid {at}/nginx.pid; error_log {at}/nginx.log; worker_processes 1;\nevents {{}}\nhttp {{\n\
access_log off; client_body_temp_path {at}/t1; proxy_temp_path {at}/t2; fastcgi_temp_path {at}/t3; \
uwsgi_temp_path {at}/t4; scgi_temp_path {at}/t5;\nserver {{ listen 127.0.0.1:{port} ssl; server_name localhost;\n\
ssl_certificate {at}/nginx.pem; ssl_certificate_key {at}/nginx.key;\n\
ssl_client_certificate {at}/ca.pem; ssl_verify_client on;\n\
location / {{ default_type application/json; return 200 '{{\"d\":{{\"results\":[]}}}}'; }} }} }}\n"
    );
    std::fs::write(folder.join("nginx.conf"), config).unwrap();
    let running = Running::start(
        Command::new(nginx).arg("-e").arg(folder.join("nginx.log")).arg("-c").arg(folder.join("nginx.conf")),
    );
    listening(port).await;
    Some((running, port))
}

#[tokio::test]
async fn nginx_that_insists_on_client_certificates_is_probed_with_the_files_of_the_source() {
    let (folder, pki) = (tempfile::tempdir().unwrap(), Pki::new());
    let Some((_nginx, port)) = nginx(folder.path(), &pki).await else { return };
    let watch = |name: &str, pem: String| {
        std::fs::write(folder.path().join(format!("{name}.pem")), pem).unwrap();
        format!(
            "{}[[watch.probe]]\nid = \"api\"\nurl = \"https://localhost:{port}/odata/v2/User\"\nca = {{ file = \"ca.pem\" }}\n\n",
            file_watch(name, &format!("{name}.pem"))
        )
    };
    let config = head()
        + &watch("good", pki.good.pem.clone() + &pki.good.key_pem())
        + &watch("stranger", pki.stranger.pem.clone() + &pki.stranger.key_pem())
        + &watch("keyless", pki.good.pem.clone());
    let daemon = Daemon::start(folder.path(), &config).await;
    let verdict =
        async |id: &str| daemon.json(&format!("/api/v1/watches/{id}")).await["probes"][0]["in_force"].clone();
    let good = verdict("good").await;
    assert_eq!((&good["verdict"], &good["status"]), (&"accepted".into(), &200.into()), "{good}");
    let stranger = verdict("stranger").await;
    assert_eq!(stranger["verdict"], "certificate-refused", "{stranger}");
    let keyless = verdict("keyless").await;
    assert!(!keyless["no_key"].is_null() && keyless["verdict"].is_null(), "{keyless}");
    let success =
        |id: &str| format!("certsteward_probe_success{{watch=\"{id}\",probe=\"api\",role=\"in_force\"}}");
    assert_eq!(daemon.metric(&success("good")).await, Some(1.0));
    assert_eq!(daemon.metric(&success("stranger")).await, Some(0.0));
    assert_eq!(daemon.metric(&success("keyless")).await, None, "what is unknown is left out");
    daemon.stop().await;
}

#[tokio::test]
async fn the_machines_own_authorities_are_discovered() {
    let there =
        glob::glob("/etc/ssl/certs/*.pem").unwrap().filter(|path| path.as_ref().unwrap().is_file()).count();
    if there == 0 {
        skipped("there are no files /etc/ssl/certs/*.pem");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config =
        head() + "[[discover]]\ntype = \"file\"\npaths = [\"/etc/ssl/certs/*.pem\"]\nprefix = \"ca-\"\n";
    let daemon = Daemon::start(folder.path(), &config).await;
    let watches = daemon.json("/api/v1/watches").await["watches"].as_array().unwrap().clone();
    assert_eq!(watches.len(), there);
    let unseen: Vec<&Value> = watches.iter().filter(|watch| !watch["unseen"].is_null()).collect();
    assert!(unseen.is_empty(), "{unseen:#?}");
    let metrics = daemon.page("/metrics").await;
    let ends = metrics
        .lines()
        .filter(|line| line.starts_with("certsteward_certificate_not_after_timestamp_seconds{"));
    assert_eq!(ends.count(), there);
    assert_eq!(ask(daemon.port, "GET", "/", "", "").await.unwrap().status, 200);
    daemon.stop().await;
}

/// Exim, which takes whatever comes and puts it into a folder.
async fn exim(folder: &Path) -> Option<(Group, u16)> {
    let exim = program("exim4")?;
    let user = nix::unistd::User::from_name("Debian-exim").unwrap();
    let Some(user) = user.filter(|_| nix::unistd::geteuid().is_root()) else {
        skipped("Exim delivers only when started by root, as its user Debian-exim");
        return None;
    };
    let port = free_port();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["spool", "log", "mail"] {
        let path = folder.join(name);
        std::fs::create_dir(&path).unwrap();
        nix::unistd::chown(&path, Some(user.uid), Some(user.gid)).unwrap();
    }
    let config = EXIM.replace("FOLDER", &text(folder)).replace("PORT", &port.to_string());
    let path = folder.join("exim.conf");
    std::fs::write(&path, config).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let running = Group::start(Command::new(exim).arg("-C").arg(path).args(["-bdf", "-q1m"]));
    listening(port).await;
    Some((running, port))
}

const EXIM: &str = "primary_hostname = localhost\nspool_directory = FOLDER/spool\nlog_file_path = FOLDER/log/%slog\n\
pid_file_path = FOLDER/spool/exim.pid\ndaemon_smtp_ports = PORT\nlocal_interfaces = 127.0.0.1\nacl_smtp_rcpt = take\n\
host_lookup =\nrfc1413_hosts =\nbegin acl\ntake:\n  accept\nbegin routers\neverything:\n  driver = accept\n\
  transport = folder\nbegin transports\nfolder:\n  driver = appendfile\n  directory = FOLDER/mail\n  maildir_format\n\
  create_directory\n  user = Debian-exim\n  group = Debian-exim\nbegin retry\n* * F,1h,1m\n";

#[tokio::test]
async fn a_certificate_about_to_expire_is_mailed_through_exim() {
    let (folder, post) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let Some((_exim, port)) = exim(post.path()).await else { return };
    std::fs::write(folder.path().join("old.pem"), certificate("old", 362, 3).0).unwrap();
    let config = head()
        + &file_watch("old", "old.pem")
        + &format!(
            "[[notifier]]\nid = \"ops\"\ntype = \"smtp\"\nserver = \"smtp+plain://127.0.0.1:{port}\"\n\
from = \"certsteward@localhost\"\nto = [\"ops@localhost\"]\n"
        );
    let daemon = Daemon::start(folder.path(), &config).await;
    assert_eq!(daemon.json("/api/v1/watches/old").await["level"], "critical");
    assert_eq!(daemon.metric("certsteward_watch_level{watch=\"old\"}").await, Some(3.0));
    let mail = within(LIMIT, "a delivered mail", async || {
        let file = std::fs::read_dir(post.path().join("mail/new")).ok()?.next()?.ok()?.path();
        std::fs::read_to_string(file).ok()
    })
    .await;
    let subject = mail.lines().find(|line| line.starts_with("Subject: ")).unwrap();
    assert!(subject.contains("[certsteward] CRITICAL old:"), "{subject}");
    let counted = "certsteward_notifications_total{notifier=\"ops\",result=\"ok\"}";
    within(LIMIT, "the counted mail", async || daemon.metric(counted).await.filter(|count| *count >= 1.0))
        .await;
    daemon.stop().await;
}

#[tokio::test]
async fn prometheus_scrapes_it_and_promtool_finds_nothing() {
    let (folder, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (Some(prometheus), Some(promtool)) = (program("prometheus"), program("promtool")) else { return };
    std::fs::write(folder.path().join("a.pem"), certificate("a", 30, 335).0).unwrap();
    let daemon = Daemon::start(folder.path(), &(head() + &file_watch("a", "a.pem"))).await;
    let (port, own) = (free_port(), daemon.port);
    let config = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs:\n- job_name: certsteward\n  static_configs:\n  - targets: ['127.0.0.1:{own}']\n"
    );
    std::fs::write(store.path().join("p.yml"), config).unwrap();
    let mut command = Command::new(prometheus);
    command.arg(format!("--config.file={}", text(&store.path().join("p.yml"))));
    command.arg(format!("--storage.tsdb.path={}", text(&store.path().join("data"))));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}")).stderr(Stdio::null());
    let _prometheus = Running::start(&mut command);
    let query = async |what: &str| {
        let answer = ask(port, "GET", &format!("/api/v1/query?query={what}"), "", "").await?;
        let answer: Value = serde_json::from_str(&answer.body).ok()?;
        answer["data"]["result"][0]["value"][1].as_str()?.parse::<f64>().ok()
    };
    within(LIMIT, "up = 1", async || query("up").await.filter(|up| *up > 0.5)).await;
    let series = "certsteward_certificate_not_after_timestamp_seconds";
    let end = within(LIMIT, series, async || query(series).await).await;
    assert_eq!(Some(end), daemon.metric(&format!("{series}{{watch=\"a\",role=\"in_force\"}}")).await);
    clean(&promtool, &daemon.page("/metrics").await);
    daemon.stop().await;
}

fn clean(promtool: &Path, page: &str) {
    use std::io::Write as _;
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}
