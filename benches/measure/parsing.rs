//! Parsing and judging one certificate, beside bare Go crypto/x509 where `go` is installed.

use std::process::Command;
use std::time::Instant;

use certsteward::domain::certificate::Certificate;
use certsteward::domain::chain::Chain;

use crate::files::certificates;
use crate::row;

const COUNT: usize = 2_000;
const ROUNDS: usize = 10;

pub(crate) fn measure() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path(), COUNT);
    let mut ders = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let pem = std::fs::read(entry.unwrap().path()).unwrap();
        ders.push(x509_parser::pem::parse_x509_pem(&pem).unwrap().1.contents);
    }
    let began = Instant::now();
    let mut valid = 0_usize;
    let now = certsteward::domain::Timestamp::from_timestamp(1_800_000_000, 0).unwrap();
    for _ in 0..ROUNDS {
        for der in &ders {
            let chain = Chain::assemble(vec![Certificate::from_der(der).unwrap()], None).unwrap();
            valid += usize::from(
                chain.leaf.is_valid_at(now) && chain.leaf.extended_key_usage.allows_server_auth(),
            );
        }
    }
    let ours = began.elapsed().as_secs_f64() / (COUNT * ROUNDS) as f64 * 1e6;
    assert_eq!(valid, COUNT * ROUNDS);
    let go = go(folder.path());
    let beside = go.map_or_else(
        || "go is not installed".to_owned(),
        |go| format!("Go crypto/x509 parses alone in {go:.1} µs: {:.1} × (goal 2 ×)", go / ours),
    );
    row("parse and judge one certificate", &format!("{ours:.1} µs"), &beside);
}

/// Microseconds a certificate, as Go's parser alone takes.
fn go(folder: &std::path::Path) -> Option<f64> {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/measure/parse.go");
    let output =
        Command::new("go").arg("run").arg(source).arg(folder).arg(ROUNDS.to_string()).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}
