//! One watch: its source, renewal and policy, and how they become one thing.
//! Callers, targets and probes are read beside it.

use super::super::document::Table;
use super::super::form;
use super::super::problem::Ledger;
use super::super::rules;
use super::super::section::Section;
use super::super::settings::{Connection, RenewerConfig, SourceConfig, WatchConfig};
use super::{Named, parts, unique, unknown};
use crate::domain::finding::Level as Severity;
use crate::domain::lint::{LINTS, Lints};
use crate::domain::policy::{Policy, Retire};
use crate::domain::watch::{
    AutoRenew, Mode, Rotation, SourceFacts, SubjectChoice, SwitchBy, Terms, Usage, Validity, Watch,
};
use crate::domain::window::Window;
use crate::net::Address;
use crate::net::starttls::StartTls;
use crate::sap::{self, Level};
use crate::{renewers, sources};

pub(super) fn watch(section: &Section<'_>, named: &Named, ledger: &mut Ledger) -> Option<WatchConfig> {
    for key in ["caller", "target", "probe"] {
        unique(section.table, key, &section.path, ledger);
    }
    let empty = Table { place: section.place("source"), entries: Vec::new() };
    let held = section.child("source", &empty);
    let source = held.as_ref().and_then(|held| source(held, named, ledger));
    let renewal = section.has("renewal").then(|| section.child("renewal", &empty)).flatten();
    let terms = renewal.as_ref().map(terms);
    let mut served = parts::served(section, named, ledger);
    if let Some((config, _)) = &source {
        served.add_callers(section, config, named, ledger);
    }
    let policy = policy(section, &empty);
    rules::check(
        section,
        &policy,
        held.as_ref(),
        renewal.as_ref().zip(terms.as_ref()),
        &served,
        named,
        ledger,
    );
    let (config, facts) = source?;
    let renewer = terms.as_ref().and_then(|terms| renewer(&config, terms));
    let mut watch = assemble(
        section,
        section.text("id")?,
        policy,
        (config, facts),
        renewer.map(RenewerConfig::DestinationService),
        terms,
        served,
        named,
    );
    for (place, config) in places(section, &watch.watch.source.place, named, ledger) {
        watch.watch.places.push(place.clone());
        watch.places.push((place, config));
    }
    watch.name_mappings();
    Some(watch)
}

/// Where the certificate should be too, each place once and not the source again.
fn places(
    section: &Section<'_>,
    source_place: &str,
    named: &Named,
    ledger: &mut Ledger,
) -> Vec<(String, SourceConfig)> {
    let mut places: Vec<(String, SourceConfig)> = Vec::new();
    for held in section.each("place") {
        let Some((config, SourceFacts { place, usage, .. })) = source(&held, named, ledger) else { continue };
        let text = if place == source_place {
            format!("{place} is the source itself; name another place, or leave this one out")
        } else if places.iter().any(|(known, _)| *known == place) {
            format!("{place} is named twice; leave one out")
        } else if usage == Usage::Trust {
            "shows certificates that are trusted, and one is compared; leave use out".to_owned()
        } else {
            places.push((place, config));
            continue;
        };
        ledger.say(held.table.place, held.path.as_str(), text);
    }
    places
}

#[expect(clippy::too_many_arguments, reason = "the parts of a watch, each read by its own function")]
pub(super) fn assemble(
    section: &Section<'_>,
    id: String,
    policy: Policy,
    (source, mut facts): (SourceConfig, SourceFacts),
    renewer: Option<RenewerConfig>,
    renewal: Option<Terms>,
    served: parts::Served,
    named: &Named,
) -> WatchConfig {
    if let SourceConfig::File(file) = &source {
        facts.key_readable = file.key.is_some() || !served.probes.is_empty();
    }
    let unsaid = facts.usage == Usage::Any && matches!(source, SourceConfig::File(_) | SourceConfig::Url(_));
    if unsaid && !(served.probes.is_empty() && served.targets.is_empty()) {
        facts.usage = Usage::Client;
    }
    let parts::Served { callers, caller_configs, targets, target_configs, probes, probe_configs, checks } =
        served;
    let watch = Watch {
        id,
        labels: section.named("labels"),
        mode: mode(section),
        policy: policy.into(),
        source: facts,
        places: Vec::new(),
        renewal: renewal.map(Box::new),
        callers,
        targets,
        probes,
        freezes: named.freezes.clone(),
        found_by: None,
    };
    WatchConfig {
        watch,
        source,
        places: Vec::new(),
        checks,
        renewer,
        callers: caller_configs,
        targets: target_configs,
        probes: probe_configs,
    }
}

fn mode(section: &Section<'_>) -> Mode {
    match section.word("mode").as_str() {
        "act" => Mode::Act,
        "propose" => Mode::Propose,
        _ => Mode::Observe,
    }
}

/// The policy that holds for a watch.
pub(super) fn policy(section: &Section<'_>, empty: &Table) -> Policy {
    let fallback = Policy::default();
    let Some(own) = section.child("policy", empty) else { return fallback };
    Policy {
        notice: own.span("notice").unwrap_or(fallback.notice),
        renew_before: own.span("renew_before").unwrap_or(fallback.renew_before),
        person_time: own.span("person_time").unwrap_or(fallback.person_time),
        warning: own.span("warning").unwrap_or(fallback.warning),
        critical: own.span("critical").unwrap_or(fallback.critical),
        settle: own.duration("settle"),
        retire: match own.word("retire").as_str() {
            "auto" => Retire::Auto,
            "never" => Retire::Never,
            _ => Retire::Ask,
        },
        retire_after: own.duration("retire_after"),
        emergency: form::emergency(&own.word("emergency")).unwrap_or(fallback.emergency),
        hold: form::unless_never(&own.word("hold")).unwrap_or(fallback.hold),
        acts_per_day: own.count("acts_per_day").unwrap_or(fallback.acts_per_day),
        four_eyes: own.flag("four_eyes"),
        drift_after: own.duration("drift_after"),
        lints: own.child("lint", empty).map(|lints| lint(&lints)).unwrap_or_default(),
    }
}

/// What the operator makes of single judgements about a certificate.
fn lint(section: &Section<'_>) -> Lints {
    let given = LINTS.into_iter().filter_map(|code| Some((code, section.text(code.code())?)));
    given.map(|(code, word)| (code, Severity::from_code(&word))).collect()
}

/// The level a section names, else this one.
pub(super) fn level(section: &Section<'_>, fallback: Level) -> Level {
    match section.word("level").as_str() {
        "instance" => Level::Instance,
        "subaccount" => Level::Subaccount,
        _ => fallback,
    }
}

/// A connection by name, of one type; tells where there is none such.
pub(super) fn connection<'n>(
    section: &Section<'_>,
    given: &str,
    kind: &str,
    named: &'n Named,
    ledger: &mut Ledger,
) -> Option<&'n Connection> {
    match named.types.get(given) {
        Some(found) if found == kind || found.is_empty() => {}
        Some(found) => {
            let known = of_type(kind, named);
            let text = format!(
                "{given:?} is a connection of type {found:?}; name one of type {kind:?}{}",
                list(&known)
            );
            section.say("connection", text, ledger);
        }
        None if named.whole => {
            let thing = format!("connection of type {kind:?}");
            unknown(section, "connection", &thing, given, &of_type(kind, named), ledger);
        }
        None => {}
    }
    let found = named.connections.get(given)?;
    let fits = match found {
        Connection::DestinationService(sap::ConnectionSettings { .. }) => kind == "destination-service",
        Connection::SuccessFactors { .. } => kind == "successfactors",
    };
    fits.then_some(found)
}

fn of_type<'n>(kind: &str, named: &'n Named) -> Vec<&'n str> {
    named.types.iter().filter(|(_, found)| *found == kind).map(|(name, _)| name.as_str()).collect()
}

fn list(known: &[&str]) -> String {
    if known.is_empty() { String::new() } else { format!(": {}", super::super::catalogue::one_of(known)) }
}

fn source(section: &Section<'_>, named: &Named, ledger: &mut Ledger) -> Option<(SourceConfig, SourceFacts)> {
    match section.kind() {
        "destination-service" => destination_service(section, named, ledger),
        "service-key" => service_key(section, named, ledger),
        "url" => {
            let url = section.text("url")?;
            let settings = sources::url::Settings {
                password: section.secret("password", ledger),
                alias: section.text("alias"),
                usage: usage(section).unwrap_or_default(),
                net: section.net(ledger),
                url,
            };
            let facts = SourceFacts { usage: settings.usage, ..facts("url", place_of(&settings.url)) };
            Some((SourceConfig::Url(settings), facts))
        }
        "file" => {
            let path = section.path_of("path", ledger)?;
            let (password, key) = (section.secret("password", ledger), section.file("key", ledger));
            let usage = usage(section).unwrap_or_default();
            let facts = SourceFacts { usage, ..facts("file", path.display().to_string()) };
            let alias = section.text("alias");
            Some((SourceConfig::File(sources::file::Settings { path, password, key, alias, usage }), facts))
        }
        _ => {
            let address = Address::parse(&section.text("address")?).ok()?;
            let server_name = section.text("server_name");
            let served_as = served_as(&address, server_name.as_ref());
            let usage = usage(section).unwrap_or(Usage::Server);
            let facts = SourceFacts { served_as, usage, ..facts("tls", section.text("address")?) };
            let starttls = section.text("starttls").and_then(|word| StartTls::from_code(&word));
            if let Address::Unix(_) = address {
                of_a_socket(section, ledger);
            }
            let settings =
                sources::tls::Settings { address, starttls, server_name, net: section.net(ledger) };
            Some((SourceConfig::Tls(settings), facts))
        }
    }
}

/// What the certificate is said to be for.
pub(super) fn usage(section: &Section<'_>) -> Option<Usage> {
    Usage::from_word(&section.text("use")?)
}

/// An address without its query, in which a token may stand; whether anybody on the way could change what comes is said.
fn place_of(url: &str) -> String {
    let shown = url.split(['?', '#']).next().unwrap_or(url);
    let clear = form::url(url, form::UrlKind::Page)
        .is_ok_and(|url| url.scheme() == "http" && !form::is_loopback(&url));
    if clear { format!("{shown} (not encrypted)") } else { shown.to_owned() }
}

/// The name that is asked for: the one given, else the host's own.
pub(super) fn served_as(address: &Address, given: Option<&String>) -> Vec<String> {
    let own = match address {
        Address::Host { host, .. } => Some(host.trim_start_matches('[').trim_end_matches(']').to_owned()),
        Address::Unix(_) => None,
    };
    given.cloned().or(own).into_iter().collect()
}

/// What a Unix socket needs and what is not for it.
fn of_a_socket(section: &Section<'_>, ledger: &mut Ledger) {
    if !section.has("server_name") {
        let text = "is missing; a Unix socket has no name of its own: give the one the certificate is for";
        section.say("server_name", text, ledger);
    }
    for key in ["proxy", "ip"] {
        if section.has(key) {
            section.say(key, format!("{key} is not for a Unix socket; leave it out"), ledger);
        }
    }
}

/// The facts of a source that is no store: nobody renews it by itself, and its key is not known to be readable.
pub(super) fn facts(kind: &str, place: String) -> SourceFacts {
    SourceFacts {
        kind: kind.to_owned(),
        connection: None,
        place,
        destination: None,
        auto_renew: AutoRenew::No,
        key_readable: false,
        usage: Usage::Any,
        served_as: Vec::new(),
    }
}

fn service_key(
    section: &Section<'_>,
    named: &Named,
    ledger: &mut Ledger,
) -> Option<(SourceConfig, SourceFacts)> {
    let (name, own) = (section.text("connection"), section.secret("service_key", ledger));
    let key = match (&name, own) {
        (Some(_), Some(_)) => {
            let text = "service_key and connection are both given; give the one that holds the key";
            section.say("service_key", text, ledger);
            return None;
        }
        (None, None) => {
            let text = "names no key; give connection or service_key";
            ledger.say(section.table.place, section.path.as_str(), text);
            return None;
        }
        (None, Some(own)) => own,
        (Some(name), None) => match connection(section, name, "destination-service", named, ledger)? {
            Connection::DestinationService(settings) => settings.service_key.clone(),
            Connection::SuccessFactors { .. } => return None,
        },
    };
    let place = match &name {
        Some(name) => format!("service key of {name}"),
        None => format!("service key in {key}"),
    };
    let facts = SourceFacts {
        connection: name,
        key_readable: true,
        usage: Usage::Client,
        ..facts("service-key", place)
    };
    Some((SourceConfig::ServiceKey(sources::service_key::Settings { key }), facts))
}

fn destination_service(
    section: &Section<'_>,
    named: &Named,
    ledger: &mut Ledger,
) -> Option<(SourceConfig, SourceFacts)> {
    use sources::destination_service::{Entry, Settings};
    let name = section.text("connection");
    if let Some(name) = &name {
        connection(section, name, "destination-service", named, ledger);
    }
    let (destination, certificate) = (section.text("destination"), section.text("certificate"));
    let entry = match (&destination, &certificate) {
        (Some(_), Some(_)) => {
            let text = "certificate and destination are both given; give the one that names the entry";
            section.say("certificate", text, ledger);
            None
        }
        (None, None) => {
            ledger.say(
                section.table.place,
                section.path.as_str(),
                "names no entry; give destination or certificate",
            );
            None
        }
        (Some(destination), None) => Some(Entry::Destination(destination.clone())),
        (None, Some(certificate)) => Some(Entry::Certificate(certificate.clone())),
    }?;
    let (connection, level) = (name?, level(section, Level::Subaccount));
    let what = match &entry {
        Entry::Certificate(name) => name.clone(),
        Entry::Destination(name) => format!("destination {name}"),
    };
    let facts = SourceFacts {
        connection: Some(connection.clone()),
        destination,
        auto_renew: auto_renew(section),
        key_readable: true,
        usage: usage(section).unwrap_or(Usage::Client),
        ..facts("destination-service", format!("{connection} {} {what}", level.word()))
    };
    let password = section.secret("password", ledger);
    Some((SourceConfig::DestinationService(Settings { connection, level, entry, password }), facts))
}

pub(super) fn auto_renew(section: &Section<'_>) -> AutoRenew {
    match section.word("auto_renew").as_str() {
        "yes" => AutoRenew::Yes,
        "no" => AutoRenew::No,
        _ => AutoRenew::Unknown,
    }
}

pub(super) fn terms(section: &Section<'_>) -> Terms {
    Terms {
        kind: section.text("type").unwrap_or_else(|| "destination-service".to_owned()),
        rotation: match section.word("rotation").as_str() {
            "in-place" => Rotation::InPlace,
            "left-to-source" => Rotation::LeftToSource,
            _ => Rotation::SideBySide,
        },
        subject: match section.word("subject").as_str() {
            "same" => SubjectChoice::Same,
            "counted" => SubjectChoice::Counted,
            _ => SubjectChoice::Auto,
        },
        common_name: section.text("common_name"),
        validity: form::validity(&section.word("validity")).unwrap_or(Validity::Years(1)),
        window: section.text("window").and_then(|text| Window::parse(&text).ok()),
        switch: if section.word("switch") == "entry" { SwitchBy::Entry } else { SwitchBy::Caller },
    }
}

pub(super) fn renewer(
    source: &SourceConfig,
    terms: &Terms,
) -> Option<renewers::destination_service::Settings> {
    match (source, terms.rotation) {
        (SourceConfig::DestinationService(source), Rotation::SideBySide | Rotation::InPlace) => {
            Some(renewers::destination_service::Settings {
                connection: source.connection.clone(),
                level: source.level,
            })
        }
        (SourceConfig::DestinationService(_), Rotation::LeftToSource)
        | (
            SourceConfig::File(_) | SourceConfig::Url(_) | SourceConfig::Tls(_) | SourceConfig::ServiceKey(_),
            _,
        ) => None,
    }
}
