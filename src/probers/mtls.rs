//! One real mTLS call: DNS → TCP → TLS → HTTP, each phase timed, the whole diagnosed to a verdict.
//! It follows no redirect and changes nothing.

use std::path::PathBuf;
use std::time::Duration;

use crate::net;

/// What to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The whole address, `https://…`.
    pub url: String,
    /// Sent as `successfactors-companyid`.
    pub company_id: Option<String>,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// The limit for the whole probe.
    pub timeout: Duration,
    /// Certificate and key from files, where the source cannot give them.
    pub files: Option<(PathBuf, PathBuf)>,
    /// How to reach it.
    pub net: net::Settings,
}
