//! The configuration: what loads, what is refused and in which words, and that no list of options drifts from another.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use certsteward::config::{self, Config, Connection, Kind, Problems, SourceConfig, TargetConfig};
use certsteward::domain::policy::Policy;
use certsteward::domain::watch::{AutoRenew, Delivery, Mode, Usage};
use tempfile::TempDir;

mod discoveries;
mod keys;
mod refused;
mod watches;

/// A folder with secrets and authorities that configurations may name.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let certificate = rcgen::generate_simple_self_signed(vec!["authority.example.org".to_owned()]).unwrap();
    put("ca/good.pem", &certificate.cert.pem(), 0o644);
    put("ca/broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o644);
    put("ca/empty.pem", "nothing here\n", 0o644);
    put("credentials/probe.pem", &certificate.cert.pem(), 0o600);
    put("credentials/empty", "", 0o600);
    put("credentials/short", "0123456789", 0o600);
    put("credentials/open", "a secret", 0o644);
    let named = ["key", "probe.key", "chatops-token", "btp-prod.json", "smtp-password", "hook-secret"];
    for name in named {
        put(&format!("credentials/{name}"), "a secret of at least sixteen characters", 0o600);
    }
    folder
}

fn load_in(folder: &TempDir, text: &str) -> Result<Config, Problems> {
    let path = folder.path().join("certsteward.toml");
    fs::write(&path, text).unwrap();
    config::load(&path, Kind::Given)
}

fn loaded(text: &str) -> Config {
    load_in(&folder(), text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Where a text that a test compares is written anew instead: `CERTSTEWARD_WRITE=1 cargo test`.
fn same_or_written(path: &Path, text: &str) -> bool {
    if std::env::var_os("CERTSTEWARD_WRITE").is_some() {
        fs::write(path, text).unwrap();
    }
    fs::read_to_string(path).unwrap_or_default() == text
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
