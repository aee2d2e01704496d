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
pub mod target_list;

use std::time::Duration;

pub use place::{Entry, Place, Server};

use crate::domain::reason::{Reason, Unseen};

/// How many places one discovery may find; more watches than that on one host are a mistake, or somebody's mischief.
pub const MOST_PLACES: usize = 200_000;

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

    /// The same with no more places than one discovery may find; those beyond count as places that could not be looked into,
    /// so that nobody takes them for gone.
    #[must_use]
    pub fn bounded(self) -> Self {
        self.cut_to(MOST_PLACES)
    }

    fn cut_to(mut self, most: usize) -> Self {
        let found = self.places.len();
        if found > most {
            self.places.truncate(most);
            let text = format!(
                "it finds {found} places, which is more than the limit of {most}; only the first were taken: split it, or leave some out with exclude"
            );
            self.unseen.push(Unseen::new(Reason::TooLarge, text));
        }
        self
    }
}

/// A way of finding places.
#[async_trait::async_trait]
pub trait Finder: Send + Sync {
    /// Looks once for everything there is.
    async fn find(&self) -> Found;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_the_limit_is_said_and_not_taken_for_gone() {
        let places = ["/a.pem", "/b.pem", "/c.pem"].map(|path| Place::File(path.into())).to_vec();
        let found = Found { places: places.clone(), ..Found::default() };
        assert_eq!(found.clone().cut_to(3), found);
        let cut = found.cut_to(2);
        assert_eq!(cut.places, places[..2]);
        assert_eq!(cut.unseen.len(), 1);
        assert_eq!(cut.unseen[0].reason, Reason::TooLarge);
        assert!(cut.unseen[0].text.starts_with("it finds 3 places"), "{}", cut.unseen[0].text);
    }
}
