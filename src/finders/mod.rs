//! How the places that a discovery makes watches of are found.
//!
//! # Contract
//! - `find` changes nothing, may be called at any time, and ends within its own limits.
//! - It opens nothing that it finds: no certificate is read, and no private key leaves the place that holds it.
//! - What could not be looked into stands in `unseen`: places may be missing there, so nobody takes them for gone. Where
//!   nothing could be seen at all there are no places, and `unseen` says why.
//! - Each place is found once, and in the same order where nothing changed.
//! - What is listed and is no place for a certificate stands in `left_out`, in words; it hides nothing else.

pub mod destination_service;
pub mod file;
pub mod file_sd;
pub mod http_sd;
pub mod place;
mod target_list;

use std::time::Duration;

pub use place::{Entry, Place, Server};

use crate::domain::reason::Unseen;

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The places.
    pub places: Vec<Place>,
    /// What could not be looked into: places may be missing there.
    pub unseen: Vec<Unseen>,
    /// What is listed and is no place for a certificate.
    pub left_out: Vec<String>,
    /// How long whoever answered says that the answer holds.
    pub holds_for: Option<Duration>,
}

impl Found {
    /// Nothing could be seen, and why.
    #[must_use]
    pub fn nothing(why: Unseen) -> Self {
        Self { unseen: vec![why], ..Self::default() }
    }
}

/// A way of finding places.
#[async_trait::async_trait]
pub trait Finder: Send + Sync {
    /// Looks once for everything there is.
    async fn find(&self) -> Found;
}
