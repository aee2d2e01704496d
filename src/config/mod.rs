//! File → [`crate::config::Config`], or every problem at once with its place and the way out.
//! It opens no connection, keeps no secret, and never writes.
//!
//! A text becomes a tree that knows its places (`document`); the tree is checked against the list of all keys
//! (`catalogue`, `shape`), which also makes the schema, the reference and the defaults; what is implied is filled in
//! (`imply`); then plain values are built and compared with each other (`read`, `rules`). Not serde: it stops at the
//! first problem, and quotes the line of a wrong type, which may hold a secret.

mod catalogue;
mod discovery;
mod document;
pub mod draft;
mod effective;
mod form;
mod imply;
mod load;
mod path;
mod problem;
mod read;
mod reference;
mod rules;
mod schema;
mod section;
mod settings;
mod shape;

pub use discovery::Discovery;
pub use load::{Kind, load, load_text, load_to_begin};
pub use problem::{Problem, Problems};
pub use reference::reference;
pub use schema::schema;
pub use settings::{
    CallerConfig, Config, Connection, Daemon, FinderConfig, Log, LogFormat, LogLevel, NotifierConfig,
    NotifierKind, RenewerConfig, Right, SourceConfig, State, TargetConfig, Tls, Token, WatchConfig,
};

/// Whether this is the address of an API that takes client certificates, as a connection's `api` is.
///
/// # Errors
/// What is wrong with it, and the way out.
pub fn check_api(address: &str) -> Result<(), String> {
    form::url(address, form::UrlKind::Api).map(drop)
}

/// The example: every option, its default, one sentence.
pub const EXAMPLE: &str = include_str!("../../config/certsteward.toml");

/// The smallest useful configuration.
pub const MINIMAL: &str = include_str!("../../config/minimal.toml");

/// Where the configuration is looked for where no file is given.
pub const DEFAULT_PATH: &str = "/etc/certsteward/certsteward.toml";
