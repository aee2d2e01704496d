//! Callers, targets and probes of a watch.
//! It compares none of them with each other but by name.

use std::path::PathBuf;

use super::super::form;
use super::super::problem::Ledger;
use super::super::section::Section;
use super::super::settings::{CallerConfig, Connection, SourceConfig, TargetConfig};
use super::{Named, unknown, watch};
use crate::domain::watch::{Caller, Delivery, Mapping, Matching, Probe, Target};
use crate::formats::PublicForm;
use crate::probers::mtls;
use crate::sap::Level;
use crate::secret::SecretRef;
use crate::sources::checked;
use crate::{callers, net, targets};

/// What hangs on a watch: what uses the certificate, who must know it, how that is proven.
#[derive(Default)]
pub(in super::super) struct Served {
    pub(in super::super) callers: Vec<Caller>,
    pub(super) caller_configs: Vec<(String, CallerConfig)>,
    pub(in super::super) targets: Vec<Target>,
    pub(super) target_configs: Vec<(String, Option<TargetConfig>)>,
    pub(in super::super) probes: Vec<Probe>,
    pub(in super::super) probe_configs: Vec<(String, mtls::Settings)>,
    pub(super) checks: checked::Settings,
}

/// What the certificate is held against, targets and probes.
pub(super) fn served(section: &Section<'_>, named: &Named, ledger: &mut Ledger) -> Served {
    let mut served = Served { checks: checks(section, ledger), ..Served::default() };
    for held in section.each("probe") {
        if let Some((probe, settings)) = probe(&held, named, ledger) {
            served.probe_configs.push((probe.id.clone(), settings));
            served.probes.push(probe);
        }
    }
    let known: Vec<String> = super::ids(section.table, "probe");
    for held in section.each("target") {
        point(&held, "proven_by", "probe of this watch", &known, ledger);
        if named.whole {
            point(&held, "assignee", "notifier", &named.notifiers, ledger);
            point(&held, "deputy", "notifier", &named.notifiers, ledger);
        }
        if let Some((target, settings)) = target(&held, named, ledger) {
            served.target_configs.push((target.id.clone(), settings));
            served.targets.push(target);
        }
    }
    served
}

fn checks(section: &Section<'_>, ledger: &mut Ledger) -> checked::Settings {
    let password = section.secret("trust_password", ledger);
    let path = section.path_of("trust", ledger);
    if path.is_none() && password.is_some() {
        section.say("trust_password", "opens nothing; name the trust store: trust = \"PATH\"", ledger);
    }
    let (asked, url) = (section.flag("ocsp"), section.text("ocsp_url"));
    if url.is_some() && !asked {
        section.say("ocsp_url", "is asked nothing; set ocsp = true too", ledger);
    }
    checked::Settings {
        trust: path.map(|path| checked::trust::Settings { path, password }),
        lists: section.lists("crl", ledger),
        responder: asked.then_some(checked::responder::Settings { url }),
    }
}

fn point(section: &Section<'_>, key: &str, thing: &str, known: &[String], ledger: &mut Ledger) {
    if let Some(given) = section.text(key)
        && !known.contains(&given)
    {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        unknown(section, key, thing, &given, &known, ledger);
    }
}

impl Served {
    /// The callers; those that name no connection use the source's.
    pub(super) fn add_callers(
        &mut self,
        watch: &Section<'_>,
        source: &SourceConfig,
        named: &Named,
        ledger: &mut Ledger,
    ) {
        for held in watch.each("caller") {
            let settings = match held.kind() {
                "command" => command(&held).map(CallerConfig::Command),
                _ => destination(&held, source, named, ledger).map(CallerConfig::DestinationService),
            };
            let (Some(id), Some(settings)) = (held.text("id").or_else(|| held.text("destination")), settings)
            else {
                continue;
            };
            let cache = held.duration("cache");
            self.callers.push(Caller { id: id.clone(), kind: held.kind().to_owned(), cache });
            self.caller_configs.push((id, settings));
        }
    }
}

fn command(section: &Section<'_>) -> Option<callers::command::Settings> {
    let command = section.texts("command");
    (!command.is_empty()).then(|| callers::command::Settings { command, timeout: section.limit("timeout") })
}

fn destination(
    section: &Section<'_>,
    source: &SourceConfig,
    named: &Named,
    ledger: &mut Ledger,
) -> Option<callers::destination_service::Settings> {
    let (inherited, fallback) = match source {
        SourceConfig::DestinationService(source) => (Some(source.connection.clone()), source.level),
        SourceConfig::File(_) | SourceConfig::Url(_) | SourceConfig::Tls(_) | SourceConfig::ServiceKey(_) => {
            (None, Level::Subaccount)
        }
    };
    let given = section.text("connection");
    if let Some(name) = &given {
        watch::connection(section, name, "destination-service", named, ledger);
    }
    if given.is_none() && inherited.is_none() {
        section.say(
            "connection",
            "is missing; the source has none: give a connection of type \"destination-service\"",
            ledger,
        );
    }
    Some(callers::destination_service::Settings {
        connection: given.or(inherited)?,
        level: watch::level(section, fallback),
        destination: section.text("destination")?,
    })
}

fn host_of(address: &str) -> String {
    form::url(address, form::UrlKind::Page)
        .ok()
        .and_then(|url| url.host_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}

/// The tenant whose way of matching is learned: host and company.
fn tenant(address: &str, company_id: &str) -> String {
    format!("{}/{company_id}", host_of(address))
}

fn probe(section: &Section<'_>, named: &Named, ledger: &mut Ledger) -> Option<(Probe, mtls::Settings)> {
    let address = address(section, named, ledger);
    let files = files(section, ledger);
    let every = section.duration("every");
    if every < crate::domain::Duration::hours(1) {
        let text = format!(
            "{:?} is too often; a probe is at most hourly: give \"1h\" or more",
            section.word("every")
        );
        section.say("every", text, ledger);
    }
    let (url, company_id, net) = address?;
    let id = section.text("id")?;
    let tenant = company_id.as_ref().map(|company| tenant(&url, company));
    let settings = mtls::Settings {
        url: url.clone(),
        connect: section.text("address").and_then(|text| net::Address::parse(&text).ok()),
        company_id,
        headers: section.named("headers").into_iter().collect(),
        timeout: section.limit("timeout"),
        files,
        net,
    };
    Some((Probe { id, url, tenant, every }, settings))
}

pub(super) fn files(section: &Section<'_>, ledger: &mut Ledger) -> Option<(PathBuf, PathBuf)> {
    match (section.has("certificate"), section.has("key")) {
        (true, false) => {
            section.say("key", "is missing; certificate and key are given together, or neither", ledger)
        }
        (false, true) => section.say(
            "certificate",
            "is missing; certificate and key are given together, or neither",
            ledger,
        ),
        (true, true) | (false, false) => {}
    }
    section.file("certificate", ledger).zip(section.file("key", ledger))
}

/// What is called, for which company, and how it is reached.
fn address(
    section: &Section<'_>,
    named: &Named,
    ledger: &mut Ledger,
) -> Option<(String, Option<String>, net::Settings)> {
    let own = section.net(ledger);
    match (section.text("connection"), section.has("url")) {
        (Some(_), true) => {
            section.say("url", "connection and url are both given; give one of them", ledger);
            None
        }
        (None, false) => {
            ledger.say(section.table.place, section.path.as_str(), "calls nothing; give connection or url");
            None
        }
        (None, true) => {
            if section.has("path") {
                section.say("path", "path belongs to connection; write it into url", ledger);
            }
            let url = section.text("url")?;
            let company_id = section.text("company_id");
            if company_id.is_none()
                && form::url(&url, form::UrlKind::Api).is_ok_and(|url| form::is_successfactors(&url))
            {
                section.say(
                    "company_id",
                    "is missing; a SuccessFactors API needs it: give company_id, or use connection",
                    ledger,
                );
            }
            Some((url, company_id, own))
        }
        (Some(name), false) => {
            if section.has("company_id") {
                section.say("company_id", "company_id belongs to url; the connection has its own", ledger);
            }
            let path = section.word("path");
            if !path.starts_with('/') {
                section.say("path", format!("{path:?} is not a path; begin it with \"/\""), ledger);
            }
            let Connection::SuccessFactors { api, company_id, net } =
                watch::connection(section, &name, "successfactors", named, ledger)?
            else {
                return None;
            };
            let net = net::Settings {
                ca: own.ca.or_else(|| net.ca.clone()),
                proxy: own.proxy.or_else(|| net.proxy.clone()),
                family: own.family.or(net.family),
                timeout: own.timeout,
            };
            Some((format!("{api}{path}"), Some(company_id.clone()), net))
        }
    }
}

fn target(
    section: &Section<'_>,
    named: &Named,
    ledger: &mut Ledger,
) -> Option<(Target, Option<TargetConfig>)> {
    let mut mapping = Mapping {
        configuration_name: section.word("configuration_name"),
        integration_name: section.word("integration_name"),
        login_name: section.text("login_name"),
        company_id: None,
        api: None,
    };
    let settings = if section.kind() == "file" {
        Some(TargetConfig::File(file(section, ledger)?))
    } else {
        let name = section.text("connection")?;
        let found = watch::connection(section, &name, "successfactors", named, ledger);
        if let Some(Connection::SuccessFactors { api, company_id, .. }) = found {
            (mapping.api, mapping.company_id) = (Some(api.clone()), Some(company_id.clone()));
        }
        delivery(section, &mapping, ledger)
    };
    let tenant =
        mapping.api.as_ref().zip(mapping.company_id.as_ref()).map(|(api, company)| tenant(api, company));
    let target = Target {
        id: section.text("id")?,
        kind: section.kind().to_owned(),
        delivery: if settings.is_some() { Delivery::Direct } else { Delivery::HandOff },
        tenant,
        matching: match section.word("match").as_str() {
            "dn" => Matching::Dn,
            "exact" => Matching::Exact,
            _ => Matching::Unknown,
        },
        proven_by: section.text("proven_by"),
        max_rejections: section.count("max_rejections"),
        refuses_same_subject: section.kind() == "successfactors" && section.word("same_subject") != "allowed",
        ratchet: section.flag("ratchet"),
        cache: section.has("cache").then(|| section.duration("cache")),
        mapping,
        assignee: section.text("assignee"),
        deputy: section.text("deputy"),
        escalate_after: section.duration("escalate_after"),
    };
    Some((target, settings))
}

fn file(section: &Section<'_>, ledger: &Ledger) -> Option<targets::file::Settings> {
    let format = match section.word("format").as_str() {
        "chain" => PublicForm::Chain,
        "cer" => PublicForm::Cer,
        "der" => PublicForm::Der,
        _ => PublicForm::Pem,
    };
    Some(targets::file::Settings { path: section.path_of("path", ledger)?, format })
}

fn delivery(section: &Section<'_>, mapping: &Mapping, ledger: &mut Ledger) -> Option<TargetConfig> {
    let delivery = section.word("delivery");
    for (key, wanted) in [("upload", "http"), ("command", "command")] {
        if section.has(key) && delivery != wanted {
            let text = format!(
                "{key} is not used with delivery = {delivery:?}; set delivery = {wanted:?}, or leave it out"
            );
            section.say(key, text, ledger);
        }
        if !section.has(key) && delivery == wanted {
            section.say("delivery", format!("{delivery:?} needs {key}: add it, or use \"hand-off\""), ledger);
        }
    }
    match delivery.as_str() {
        "http" => upload(section, mapping, ledger).map(TargetConfig::Http),
        "command" => Some(TargetConfig::Command(targets::command::Settings {
            command: section.texts("command"),
            timeout: section.limit("timeout"),
            mapping: mapping.clone(),
        })),
        _ => None,
    }
}

fn upload(section: &Section<'_>, mapping: &Mapping, ledger: &Ledger) -> Option<targets::http::Settings> {
    let table = section.table.value("upload")?.table()?;
    let upload = section.child("upload", table)?;
    let token: Option<SecretRef> = upload.secret("token", ledger);
    Some(targets::http::Settings {
        url: upload.text("url")?,
        format: if upload.word("format") == "multipart" {
            targets::http::Format::Multipart
        } else {
            targets::http::Format::Json
        },
        token,
        mapping: mapping.clone(),
        net: upload.net(ledger),
    })
}
