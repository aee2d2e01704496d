//! One discovery: how it finds places, and what every one of its watches is like.
//! What it has as a watch has it is read as a watch's.

use std::collections::BTreeSet;

use super::super::discovery::Discovery;
use super::super::document::{Place, Table};
use super::super::form;
use super::super::problem::Ledger;
use super::super::rules;
use super::super::section::Section;
use super::super::settings::{FinderConfig, RenewerConfig, SourceConfig};
use super::{Named, parts, unique, watch};
use crate::domain::Duration;
use crate::domain::watch::{Caller, Rotation, SourceFacts, SwitchBy, Terms, Usage};
use crate::finders::place::Destination;
use crate::finders::{self, http_sd::Credential};
use crate::net::Address;
use crate::net::starttls::StartTls;
use crate::sap::Level;
use crate::sources::{self, destination_service::Entry};

/// How a discovery finds places, and the source of its watches without their place.
type Kind = (FinderConfig, (SourceConfig, SourceFacts));

/// Every discovery, each under a name of its own, which no watch has that is written out: both name a source.
pub(super) fn discoveries(section: &Section<'_>, named: &Named, ledger: &mut Ledger) -> Vec<Discovery> {
    let sections = section.each("discover");
    let watches: BTreeSet<String> =
        section.each("watch").iter().filter_map(|section| section.text("id")).collect();
    let given = sections.iter().filter_map(|section| section.text("id"));
    let mut taken: BTreeSet<String> = given.chain(watches.iter().cloned()).collect();
    let mut found = Vec::new();
    for section in &sections {
        if let Some(id) = section.text("id").filter(|id| watches.contains(id)) {
            section.say("id", format!("{id:?} is the id of a watch; choose another"), ledger);
        }
        let id = section.text("id").unwrap_or_else(|| free(section.kind(), &mut taken));
        found.extend(discovery(section, id, named, ledger));
    }
    found
}

/// Its type and number, where it has no name of its own.
fn free(kind: &str, taken: &mut BTreeSet<String>) -> String {
    let counted = (1_u32..).map(|number| format!("{kind}-{number}"));
    let id = counted.into_iter().find(|id| !taken.contains(id)).unwrap_or_default();
    taken.insert(id.clone());
    id
}

fn discovery(section: &Section<'_>, id: String, named: &Named, ledger: &mut Ledger) -> Option<Discovery> {
    for key in ["target", "probe"] {
        unique(section.table, key, &section.path, ledger);
    }
    let prefix = section.text("prefix").unwrap_or_default();
    if !prefix.is_empty() && form::id(&prefix).is_err() {
        let text = format!("{prefix:?} cannot begin an id; use letters, digits, \"-\", \"_\" and \".\"");
        section.say("prefix", text, ledger);
    }
    let empty = Table { place: Place { ..section.table.place }, entries: Vec::new() };
    let renewal = section.has("renewal").then(|| section.child("renewal", &empty)).flatten();
    let terms = renewal.as_ref().map(watch::terms);
    let mut served = parts::served(section, named, ledger);
    let policy = watch::policy(section, &empty);
    // Its callers are known once its places are; one stands for all of them meanwhile.
    let any = Caller { id: String::new(), kind: section.kind().to_owned(), cache: Duration::zero() };
    served.callers.push(any);
    let both = renewal.as_ref().zip(terms.as_ref());
    rules::check(section, &policy, Some(section), both, &served, named, ledger);
    served.callers.clear();
    if let Some((renewal, terms)) = both {
        renewable(section, renewal, terms, policy.settle, ledger);
    }
    let (finder, source) = kind(section, named, ledger)?;
    let renewer = terms.as_ref().and_then(|terms| watch::renewer(&source.0, terms));
    let renewer = renewer.map(RenewerConfig::DestinationService);
    let like = watch::assemble(section, prefix.clone(), policy, source, renewer, terms, served, named);
    Some(Discovery::new(id, finder, prefix, like, section.duration("cache")))
}

/// What a renewal cannot say for many watches at once.
fn renewable(
    section: &Section<'_>,
    renewal: &Section<'_>,
    terms: &Terms,
    settle: Duration,
    ledger: &mut Ledger,
) {
    if terms.rotation != Rotation::LeftToSource && section.duration("cache") >= settle {
        let text = format!(
            "{:?} is not shorter than how long callers are watched after a switch (policy.settle, {}); make it shorter, or settle longer",
            section.word("cache"),
            form::write_duration(settle)
        );
        section.say("cache", text, ledger);
    }

    if renewal.has("common_name") {
        let text = "would give all watches of this discovery the same subject; leave it out: each counts on from its own common name";
        renewal.say("common_name", text, ledger);
    }
    let by_caller = terms.rotation == Rotation::SideBySide && terms.switch == SwitchBy::Caller;
    if by_caller && !section.flag("destinations") {
        let text = "false leaves nobody to be switched to a new entry; list them, or use switch = \"entry\" or another rotation";
        section.say("destinations", text, ledger);
    }
}

fn kind(section: &Section<'_>, named: &Named, ledger: &mut Ledger) -> Option<Kind> {
    match section.kind() {
        "destination-service" => destination_service(section, named, ledger),
        "file-sd" => {
            let settings =
                finders::file_sd::Settings { files: files(section, ledger), port: port(section, ledger) };
            Some((FinderConfig::FileSd(settings), server(section, ledger)))
        }
        "http-sd" => {
            let settings = finders::http_sd::Settings {
                url: section.text("url")?,
                headers: section.named("headers"),
                credential: credential(section, ledger),
                port: port(section, ledger),
                net: section.net(ledger),
            };
            Some((FinderConfig::HttpSd(settings), server(section, ledger)))
        }
        _ => {
            let usage = watch::usage(section).unwrap_or_default();
            let settings = sources::file::Settings {
                path: std::path::PathBuf::new(),
                password: section.secret("password", ledger),
                key: None,
                alias: None,
                usage,
            };
            let facts = SourceFacts { usage, ..watch::facts("file", String::new()) };
            let source = (SourceConfig::File(settings), facts);
            Some((FinderConfig::File(files(section, ledger)), source))
        }
    }
}

fn files(section: &Section<'_>, ledger: &Ledger) -> finders::file::Settings {
    finders::file::Settings::new(&section.globs("paths", ledger), &section.texts("exclude"))
}

fn destination_service(section: &Section<'_>, named: &Named, ledger: &mut Ledger) -> Option<Kind> {
    let connection = section.text("connection")?;
    watch::connection(section, &connection, "destination-service", named, ledger);
    let levels = match section.word("level").as_str() {
        "both" => Level::ALL.to_vec(),
        "instance" => vec![Level::Instance],
        _ => vec![Level::Subaccount],
    };
    let level = levels.first().copied().unwrap_or(Level::Subaccount);
    let exclude = section.texts("exclude");
    let finder = finders::destination_service::Settings::new(
        connection.clone(),
        levels,
        section.flag("destinations"),
        &exclude,
    );
    let facts = SourceFacts {
        connection: Some(connection.clone()),
        auto_renew: watch::auto_renew(section),
        key_readable: true,
        usage: watch::usage(section).unwrap_or(Usage::Client),
        ..watch::facts("destination-service", String::new())
    };
    let source = sources::destination_service::Settings {
        connection,
        level,
        entry: Entry::Certificate(String::new()),
        password: section.secret("password", ledger),
    };
    Some((FinderConfig::DestinationService(finder), (SourceConfig::DestinationService(source), facts)))
}

/// How each listed server is looked at.
fn server(section: &Section<'_>, ledger: &Ledger) -> (SourceConfig, SourceFacts) {
    let empty = Table { place: section.place("source"), entries: Vec::new() };
    let held = section.child("source", &empty);
    let settings = sources::tls::Settings {
        address: Address::host("", 0),
        starttls: held.as_ref().and_then(|held| StartTls::from_code(&held.text("starttls")?)),
        server_name: held.as_ref().and_then(|held| held.text("server_name")),
        net: held.map(|held| held.net(ledger)).unwrap_or_default(),
    };
    let facts = SourceFacts { usage: Usage::Server, ..watch::facts("tls", String::new()) };
    (SourceConfig::Tls(settings), facts)
}

fn port(section: &Section<'_>, ledger: &mut Ledger) -> u16 {
    let given = section.count("port").unwrap_or(443);
    u16::try_from(given).unwrap_or_else(|_| {
        section.say("port", format!("{given} is no port; give a number from 1 to 65535"), ledger);
        443
    })
}

fn credential(section: &Section<'_>, ledger: &mut Ledger) -> Credential {
    let (token, password) = (section.secret("token", ledger), section.secret("password", ledger));
    let user = section.text("username");
    if token.is_some() && user.is_some() {
        section.say("token", "token and username are both given; give one of them", ledger);
    }
    match (user.is_some(), password.is_some()) {
        (true, false) => section.say("username", "has no password; give password too", ledger),
        (false, true) => section.say("password", "belongs to nobody; give username too", ledger),
        (true, true) | (false, false) => {}
    }
    let credential = match (token, user, password) {
        (Some(token), ..) => Credential::Token(token),
        (None, Some(user), Some(password)) => Credential::User(user, password),
        (None, _, _) => Credential::None,
    };
    let url = section.word("url");
    let clear = form::url(&url, form::UrlKind::Page)
        .is_ok_and(|url| url.scheme() == "http" && !form::is_loopback(&url));
    if clear && credential != Credential::None {
        let text =
            "is not encrypted, and a credential would cross the network in clear; begin it with https://";
        section.say("url", text, ledger);
    }
    credential
}

/// The destinations that written-out watches follow on a connection: what these name is watched already.
pub(super) fn note_followed(watches: &[super::WatchConfig], discoveries: &mut [Discovery]) {
    for discovery in discoveries {
        let FinderConfig::DestinationService(settings) = &mut discovery.finder else { continue };
        let followed = watches.iter().filter_map(|watch| match &watch.source {
            SourceConfig::DestinationService(source) if source.connection == settings.connection => {
                let Entry::Destination(name) = &source.entry else { return None };
                Some(Destination { level: source.level, name: name.clone() })
            }
            SourceConfig::DestinationService(_)
            | SourceConfig::File(_)
            | SourceConfig::Url(_)
            | SourceConfig::ServiceKey(_)
            | SourceConfig::Tls(_) => None,
        });
        settings.followed = followed.collect();
    }
}
