//! mTLS probes, 32 in flight, through `/probe` of certsteward and of blackbox_exporter, against one nginx, in turns.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::process::{Running, certsteward, contains, free_port, get, until};
use crate::row;

const IN_FLIGHT: usize = 32;
const SPAN: Duration = Duration::from_secs(8);

fn installed(program: &str) -> bool {
    ["/usr/sbin", "/usr/bin", "/usr/local/bin"].iter().any(|folder| Path::new(folder).join(program).exists())
}

/// A server that requires a client certificate, its authority, and a client.
fn papers(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    // A key that everybody can read is refused.
    let write = |name: &str, text: String| {
        std::fs::write(folder.join(name), text).unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "Sample CA");
    let key = rcgen::KeyPair::generate().unwrap();
    write("ca.pem", params.self_signed(&key).unwrap().pem());
    let issuer = rcgen::Issuer::new(params, key);
    for (name, usage) in [
        ("server", rcgen::ExtendedKeyUsagePurpose::ServerAuth),
        ("client", rcgen::ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        write(&format!("{name}.pem"), params.signed_by(&key, &issuer).unwrap().pem());
        write(&format!("{name}.key"), key.serialize_pem());
    }
}

fn nginx(folder: &Path, port: u16) -> Running {
    let at = folder.display();
    let text = format!(
        "daemon off; worker_processes 1; pid {at}/nginx.pid; error_log {at}/nginx.log;
events {{ worker_connections 512; }}
http {{ access_log off; server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {at}/server.pem; ssl_certificate_key {at}/server.key;
ssl_client_certificate {at}/ca.pem; ssl_verify_client on; ssl_session_tickets off; location / {{ return 200 'ok'; }} }} }}\n"
    );
    std::fs::write(folder.join("nginx.conf"), text).unwrap();
    Running::start(
        Command::new("nginx")
            .arg("-e")
            .arg(folder.join("nginx.log"))
            .arg("-c")
            .arg(folder.join("nginx.conf")),
    )
}

/// What a prober did in one span: probes a second, probes a CPU second of its own, and how many failed.
struct Driven {
    rate: f64,
    work: f64,
    failed: usize,
}

fn drive(port: u16, path: &str, prober: &Running) -> Driven {
    let (done, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (cpu, began) = (prober.cpu(), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..IN_FLIGHT {
            scope.spawn(|| {
                while began.elapsed() < SPAN {
                    let ok = get(port, path, false)
                        .is_some_and(|answer| contains(&answer, "\nprobe_success 1") > 0);
                    (if ok { &done } else { &failed }).fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), prober.cpu() - cpu);
    let done = done.into_inner() as f64;
    Driven { rate: done / seconds, work: done / cpu.max(0.01), failed: failed.into_inner() }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}

pub(crate) fn measure() {
    if !(installed("nginx") && installed("prometheus-blackbox-exporter")) {
        row("mTLS probes", "not measured", "nginx and prometheus-blackbox-exporter are not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display().to_string();
    papers(folder.path());
    let (server, ours, theirs) = (free_port(), free_port(), free_port());
    let _nginx = nginx(folder.path(), server);
    let text = format!(
        "[daemon]\nlisten = \"127.0.0.1:{ours}\"\nsocket = \"{at}/c.sock\"\nstate = \"sqlite:{at}/state.db\"\n
[modules.mtls]\ntype = \"http\"\nca = {{ file = \"{at}/ca.pem\" }}\nserver_name = \"localhost\"\ncertificate = {{ file = \"{at}/client.pem\" }}\nkey = {{ file = \"{at}/client.key\" }}\ntargets = [\"127.0.0.1:{server}\"]\n"
    );
    let config = folder.path().join("certsteward.toml");
    std::fs::write(&config, text).unwrap();
    let blackbox = format!(
        "modules: {{ mtls: {{ prober: http, timeout: 10s, http: {{ preferred_ip_protocol: ip4, tls_config: {{ ca_file: {at}/ca.pem, server_name: localhost, cert_file: {at}/client.pem, key_file: {at}/client.key }} }} }} }}\n"
    );
    std::fs::write(folder.path().join("blackbox.yml"), blackbox).unwrap();
    let mine = certsteward(&config);
    let mut command = Command::new("prometheus-blackbox-exporter");
    command.arg(format!("--config.file={at}/blackbox.yml"));
    let peer = Running::start(command.arg(format!("--web.listen-address=127.0.0.1:{theirs}")));
    let path = format!("/probe?module=mtls&target=https://127.0.0.1:{server}/");
    for port in [ours, theirs] {
        until("a prober", || {
            get(port, &path, false).is_some_and(|answer| contains(&answer, "\nprobe_success 1") > 0)
        });
    }
    // In turns, so that a machine that slows down slows both.
    let runs: Vec<_> = (0..3).map(|_| (drive(ours, &path, &mine), drive(theirs, &path, &peer))).collect();
    let (mut rates, mut works) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for (mine, peer) in &runs {
        rates.0.push(mine.rate);
        rates.1.push(peer.rate);
        works.0.push(mine.work);
        works.1.push(peer.work);
    }
    let (rate, peers) = (median(rates.0), median(rates.1));
    let (work, theirs) = (median(works.0), median(works.1));
    let failed: usize = runs.iter().map(|(mine, peer)| mine.failed + peer.failed).sum();
    let beside = |ours: f64, theirs: f64, goal: &str| {
        format!("blackbox_exporter {theirs:.0}: {:.1} × (goal {goal} ×)", ours / theirs)
    };
    row("mTLS probes a second, 32 in flight", &format!("{rate:.0}"), &beside(rate, peers, "2.4"));
    row("mTLS probes a CPU second", &format!("{work:.0}"), &beside(work, theirs, "4"));
    if failed > 0 {
        row("probes that failed meanwhile", &failed.to_string(), "0");
    }
}
