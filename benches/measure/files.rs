//! Certificates in files: how soon, how small, how fast.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::process::{certsteward, contains, free_port, get, until};
use crate::row;

/// Certificates of one authority, each in a file of its own.
pub(crate) fn certificates(folder: &Path, count: usize) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = rcgen::Issuer::new(authority, rcgen::KeyPair::generate().unwrap());
    std::fs::create_dir_all(folder).unwrap();
    for number in 0..count {
        let name = format!("host-{number}.example.org");
        let mut params = rcgen::CertificateParams::new(vec![name.clone()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        // The key is the same for all, and without this the number would be too.
        params.serial_number = Some(u64::try_from(number + 1).unwrap().into());
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2035, 1, 1);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        std::fs::write(folder.join(format!("host-{number:06}.pem")), certificate.pem()).unwrap();
    }
}

fn config(folder: &Path, port: u16, watched: &str) -> std::path::PathBuf {
    let path = folder.join("certsteward.toml");
    let shown = folder.display();
    let text = format!(
        "[daemon]\ncheck = \"* * * * *\"\nlisten = \"127.0.0.1:{port}\"\nsocket = \"{shown}/c.sock\"\nstate = \"sqlite:{shown}/state.db\"\n{watched}"
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// The median of some measurements, in milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

fn timed(mut what: impl FnMut()) -> Duration {
    let began = Instant::now();
    what();
    began.elapsed()
}

pub(crate) fn idle() {
    let folder = tempfile::tempdir().unwrap();
    certificates(&folder.path().join("certs"), 1);
    let port = free_port();
    let path = folder.path().join("certs/host-000000.pem");
    let watched = format!("[[watch]]\nid = \"one\"\nsource = {{ type = \"file\", path = {path:?} }}\n");
    let running = certsteward(&config(folder.path(), port, &watched));
    until("the daemon", || get(port, "/-/ready", false).is_some_and(|answer| contains(&answer, " 200 ") > 0));
    std::thread::sleep(Duration::from_secs(3));
    let cpu = running.cpu();
    std::thread::sleep(Duration::from_secs(10));
    row("resident, idle, one watch", &format!("{:.1} MiB", running.resident()), "≤ 8 MiB");
    row("CPU while idle", &format!("{:.1} ms/s", (running.cpu() - cpu) * 100.0), "");
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_certsteward")).unwrap().len();
    row("release binary", &format!("{:.1} MB", size as f64 / 1e6), "≤ 12 MB");
}

/// One of these there is for each certificate.
const SERIES: &str = "certsteward_certificate_not_after_timestamp_seconds{";

pub(crate) fn measure(count: usize) {
    let folder = tempfile::tempdir().unwrap();
    let certs = folder.path().join("certs");
    certificates(&certs, count);
    let port = free_port();
    let watched = format!("[[discover]]\ntype = \"file\"\npaths = [\"{}/*.pem\"]\n", certs.display());
    let path = config(folder.path(), port, &watched);
    let of = |what: &str| format!("{what}, {count} files");
    let start = |how: &str, goal: &str| {
        let began = Instant::now();
        let running = certsteward(&path);
        until("the daemon", || {
            std::thread::sleep(Duration::from_millis(20));
            get(port, "/-/ready", false).is_some_and(|answer| contains(&answer, " 200 ") > 0)
        });
        // As Prometheus asks: once, and compressed. That it was full is looked at afterwards, which takes time of its own.
        drop(get(port, "/metrics", true));
        let (seconds, cpu) = (began.elapsed().as_secs_f64(), running.cpu());
        let full = get(port, "/metrics", false).is_some_and(|answer| contains(&answer, SERIES) >= count);
        let short = if full { "" } else { ", not full" };
        row(&of(how), &format!("{seconds:.2} s, {cpu:.2} s of CPU{short}"), goal);
        running
    };
    drop(start("first full scrape after the first start", "≤ 1 s at 10,000"));
    let running = start("first full scrape after a restart", "≤ 1 s at 10,000");
    std::thread::sleep(Duration::from_secs(3));
    let scrape = |gzip| median((0..15).map(|_| timed(|| drop(get(port, "/metrics", gzip)))).collect());
    row(&of("scrape, warm, gzip"), &format!("{:.1} ms", scrape(true)), "≤ 15 ms at 10,000");
    row(&of("scrape, warm, plain"), &format!("{:.1} ms", scrape(false)), "");
    row(&of("resident"), &format!("{:.0} MiB", running.resident()), "≤ 35 MiB at 10,000");
    let passes = || {
        let answer = get(port, "/metrics", false).unwrap_or_default();
        let text = String::from_utf8_lossy(&answer).into_owned();
        let value = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok()).unwrap_or(0.0)
        };
        (value("certsteward_pass_duration_seconds_count"), value("certsteward_pass_duration_seconds_sum"))
    };
    // The bell rings each minute: every watch is looked at, and nothing has changed.
    let before = passes();
    let cpu = running.cpu();
    until("the bell", || {
        std::thread::sleep(Duration::from_millis(500));
        passes().0 - before.0 >= count as f64
    });
    let spent = (passes().1 - before.1) * 1000.0;
    row(&of("pass over unchanged files"), &format!("{spent:.0} ms"), "≤ 60 ms at 10,000");
    row(
        &of("CPU in the minute of that pass, scrapes included"),
        &format!("{:.2} s", running.cpu() - cpu),
        "",
    );
}
