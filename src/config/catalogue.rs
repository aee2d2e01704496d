//! Every key there is: its form, its default, one sentence. Checks, defaults, schema and reference all read this list.
//! It reads no value.

use super::form::UrlKind;
use crate::net::Family;

mod daemon;
mod discover;
mod module;
mod source;
mod watch;

pub(super) use daemon::{RIGHTS, ROOT};

/// The keys of one table.
pub(super) struct Keys {
    /// One sentence.
    pub(super) says: &'static str,
    /// Groups of keys; several kinds of one thing share a group.
    pub(super) groups: &'static [&'static [Key]],
}

impl Keys {
    /// All keys, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'static Key> {
        self.groups.iter().copied().flatten()
    }

    /// The key of this name.
    pub(super) fn find(&self, name: &str) -> Option<&'static Key> {
        self.iter().find(|key| key.name == name)
    }
}

/// One key.
pub(super) struct Key {
    /// Its name.
    pub(super) name: &'static str,
    /// What it takes.
    pub(super) form: Form,
    /// What holds without it.
    pub(super) without: Without,
    /// One sentence: what it is.
    pub(super) says: &'static str,
}

/// What holds where a key is not given.
pub(super) enum Without {
    /// It must be given.
    Required,
    /// Nothing, or what these words say.
    Words(&'static str),
    /// This value, written as TOML.
    Value(&'static str),
}

/// A table of one kind, or of several that a `type` tells apart.
pub(super) enum Shape {
    /// One kind.
    One(Keys),
    /// Several kinds.
    Several {
        /// What the thing is, such as `source`.
        thing: &'static str,
        /// The type that holds without the key `type`; none where it must be given.
        preset: Option<&'static str>,
        /// The types.
        types: &'static [(&'static str, Keys)],
        /// Types that are planned, each with the way out until then.
        later: &'static [(&'static str, &'static str)],
    },
}

/// What a key takes.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// Any text that is not empty.
    Text,
    /// An id.
    Id,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words.
    Words(&'static [&'static str]),
    /// True or false.
    Flag,
    /// A whole number above zero.
    Count,
    /// A duration.
    Duration,
    /// Durations.
    Durations,
    /// A duration or a share of the lifetime.
    Span,
    /// `critical`, `never` or a duration.
    Emergency,
    /// `never` or a duration.
    UnlessNever,
    /// Years, months or days.
    Validity,
    /// A schedule.
    Cron,
    /// Weekly hours.
    Window,
    /// An address.
    Url(UrlKind),
    /// `host:port`, or `unix:PATH`.
    Address,
    /// A host name or address that a server's certificate can be for.
    ServerName,
    /// An address of this host to listen at.
    Listen,
    /// A file or folder.
    Path,
    /// A folder that exists.
    Folder,
    /// Patterns of files.
    Globs,
    /// Patterns that are compared only.
    Patterns,
    /// Files and addresses.
    Lists,
    /// Patterns of hosts and ports.
    HostPatterns,
    /// HTTP statuses.
    Statuses,
    /// Texts, at least one.
    Texts,
    /// `sqlite:PATH`, or a table.
    State,
    /// `{ file = … }`, `{ environment = … }` or `{ credential = … }`.
    Secret,
    /// `{ file = … }` with a private key.
    KeyFile,
    /// `{ file = … }` with certificates in PEM.
    Certificates,
    /// A table of texts that become labels of metrics.
    Labels,
    /// A table of header names and values.
    Headers,
    /// A date.
    Date,
    /// A table.
    Table(&'static Shape),
    /// Tables by name.
    Named(&'static Shape),
    /// A list of tables.
    Many(&'static Shape),
}

impl Form {
    /// What it takes, in the words of messages and of the reference.
    pub(super) fn wanted(self) -> String {
        match self {
            Self::Text | Self::Id => "a string".to_owned(),
            Self::Word(words) => one_of(words),
            Self::Words(words) => format!("a list of {}", one_of(words)),
            Self::Flag => "true or false".to_owned(),
            Self::Count => "a whole number above zero".to_owned(),
            Self::Duration => "a duration like \"30d\"".to_owned(),
            Self::Durations => "a list of durations like [\"30d\", \"7d\"]".to_owned(),
            Self::Span => "a duration like \"60d\" or a share like \"33%\"".to_owned(),
            Self::UnlessNever => "\"never\" or a duration like \"3d\"".to_owned(),
            Self::Emergency => "\"critical\", \"never\" or a duration like \"3d\"".to_owned(),
            Self::Validity => "a validity like \"1y\", \"6mo\" or \"90d\"".to_owned(),
            Self::Cron => "five cron fields like \"*/15 * * * *\"".to_owned(),
            Self::Window => "weekly hours like \"Mon-Thu 08:00-16:00 Europe/Berlin\"".to_owned(),
            Self::Url(UrlKind::Mail) => "an address like \"smtps://mail.example.org:465\"".to_owned(),
            Self::Url(UrlKind::Proxy) => {
                "an address like \"http://proxy.example.org:3128\", or \"none\"".to_owned()
            }
            Self::Url(UrlKind::Api | UrlKind::Safe | UrlKind::Page) => {
                "an address like \"https://host.example.org\"".to_owned()
            }
            Self::Address => {
                "a host and a port like \"api.example.org:443\", or \"unix:/run/app.sock\"".to_owned()
            }
            Self::ServerName => "a host name or address like \"api.example.org\"".to_owned(),
            Self::Listen => "an address and a port like \"127.0.0.1:9790\"".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Folder => "the path of a folder".to_owned(),
            Self::Globs => "a list of file patterns like [\"/etc/ssl/*.pem\"]".to_owned(),
            Self::Patterns => "a list of patterns like [\"*-test.pem\"]".to_owned(),
            Self::Lists => {
                "a list of paths and addresses like [\"/etc/ssl/ca.crl\", \"http://pki.example.org/ca.crl\"]"
                    .to_owned()
            }
            Self::HostPatterns => "a list like [\"*.example.org:443\", \"10.0.0.0/8:*\"]".to_owned(),
            Self::Statuses => "a list of statuses like [\"2xx\", 401]".to_owned(),
            Self::Texts => "a list of strings".to_owned(),
            Self::State => "\"sqlite:PATH\" or a table { type = \"sqlite\", path = \"PATH\" }".to_owned(),
            Self::Secret => {
                "{ file = \"PATH\" }, { environment = \"NAME\" } or { credential = \"NAME\" }".to_owned()
            }
            Self::KeyFile | Self::Certificates => "{ file = \"PATH\" }".to_owned(),
            Self::Labels => "a table of strings like { stage = \"prod\" }".to_owned(),
            Self::Headers => "a table of strings like { Accept = \"application/json\" }".to_owned(),
            Self::Date => "a date like 2026-12-18, without quotes".to_owned(),
            Self::Table(Shape::One(_)) => "a table".to_owned(),
            Self::Table(Shape::Several { types, .. }) => {
                let words: Vec<&str> = types.iter().map(|(name, _)| *name).collect();
                format!("a table with type = {}", one_of(&words))
            }
            Self::Named(_) => "a table of named tables".to_owned(),
            Self::Many(_) => "a list of tables, each begun with double brackets".to_owned(),
        }
    }
}

/// The shape of the table or tables that a key takes.
pub(super) fn inner(form: Form) -> Option<&'static Shape> {
    if let Form::Table(shape) | Form::Named(shape) | Form::Many(shape) = form { Some(shape) } else { None }
}

/// `"a"`, `"b"` or `"c"`.
pub(super) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// A key that must be given.
const fn required(name: &'static str, form: Form, says: &'static str) -> Key {
    Key { name, form, without: Without::Required, says }
}

/// A key that may be left out.
const fn optional(name: &'static str, form: Form, without: &'static str, says: &'static str) -> Key {
    Key { name, form, without: Without::Words(without), says }
}

/// A key with a default.
const fn preset(name: &'static str, form: Form, value: &'static str, says: &'static str) -> Key {
    Key { name, form, without: Without::Value(value), says }
}

/// How to reach another system.
const NET: &[Key] = &[
    optional(
        "ca",
        Form::Certificates,
        "the system's",
        "Authorities trusted for this connection, beside the system's (PEM).",
    ),
    optional(
        "proxy",
        Form::Url(UrlKind::Proxy),
        "the environment's",
        "The HTTP proxy for this connection; \"none\" ignores the environment's.",
    ),
    optional(
        "ip",
        Form::Word(Family::WORDS),
        "either",
        "The only family of addresses this connection, or its proxy, is reached by.",
    ),
    preset("timeout", Form::Duration, "\"30s\"", "The limit for one whole request."),
];
