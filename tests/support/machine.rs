//! What most tests of connections begin with.

use std::path::PathBuf;
use std::time::Duration;

use certsteward::domain::Timestamp;
use certsteward::net;
use tempfile::TempDir;

use super::pki::Pki;

/// A test's folder with its authority's file, and what it probes with.
pub struct World {
    /// Its certificates.
    pub pki: Pki,
    /// Removed when the test ends.
    pub folder: TempDir,
}

impl World {
    /// Makes the certificates and writes `ca.pem`.
    pub fn new() -> Self {
        let world = Self { pki: Pki::new(), folder: TempDir::new().unwrap() };
        world.write("ca.pem", &world.pki.ca.pem);
        world
    }

    /// The path of a file of this name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// How to reach a server whose certificate its authority issued.
    pub fn net(&self) -> net::Settings {
        let proxy = Some("none".to_owned());
        net::Settings { ca: Some(self.path("ca.pem")), proxy, family: None, timeout: Duration::from_secs(20) }
    }
}

/// The moment the tests say it is.
pub fn now() -> Timestamp {
    chrono::DateTime::parse_from_rfc3339("2026-11-21T10:00:00Z").unwrap().to_utc()
}
