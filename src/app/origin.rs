//! What a watch is made from: the configuration alone, or a place that a discovery found.
//! It is far smaller than the settings that it stands for, which are made when somebody needs them.

use std::borrow::Cow;
use std::sync::Arc;

use crate::config::{Config, WatchConfig};
use crate::finders::Place;

/// A watch's origin. With one configuration, the same origin makes the same watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// Written out, as the watch at this index.
    Written(usize),
    /// Found by the discovery at this index, at this place.
    Found(usize, Arc<Place>),
}

impl Origin {
    /// The settings of the watch with this id; none where it comes from another configuration.
    pub(super) fn settings<'a>(&self, id: &str, config: &'a Config) -> Option<Cow<'a, WatchConfig>> {
        match self {
            Self::Written(index) => config.watches.get(*index).map(Cow::Borrowed),
            Self::Found(index, place) => Some(Cow::Owned(config.discoveries.get(*index)?.watch(id, place))),
        }
    }
}
