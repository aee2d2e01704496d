//! Modules: how `/probe` looks at servers that scrapes name.
//! It knows no watch, and not who may ask.

use std::collections::BTreeMap;

use super::super::document::{Node, Table};
use super::super::problem::Ledger;
use super::super::section::Section;
use super::super::shape;
use super::{inner_shape, parts};
use crate::domain::Duration;
use crate::domain::verdict::Verdict;
use crate::net::starttls::StartTls;
use crate::probers::module::{Http, Method, Settings, Way};

/// The longest time that a scrape may be kept waiting.
const LONGEST: Duration = Duration::minutes(2);

pub(super) fn modules(root: &Table, ledger: &mut Ledger) -> BTreeMap<String, Settings> {
    let Some(inner) = inner_shape("modules") else { return BTreeMap::new() };
    let table = root.value("modules").and_then(Node::table);
    let mut modules = BTreeMap::new();
    for entry in table.map(|table| table.entries.as_slice()).unwrap_or_default() {
        let path = shape::join("modules", &entry.key);
        let section = entry.node.table().and_then(|held| Section::open(held, inner, path));
        if let Some(section) = section {
            modules.insert(entry.key.clone(), module(&section, ledger));
        }
    }
    modules
}

fn module(section: &Section<'_>, ledger: &mut Ledger) -> Settings {
    let files = parts::files(section, ledger);
    let has_certificate = section.has("certificate") || section.has("key");
    let targets = section.host_patterns("targets");
    if has_certificate && targets.is_empty() {
        let text = "is missing; a module with a client certificate lists who may be shown it, like [\"api.example.org:443\"]";
        section.say("targets", text, ledger);
    }
    if section.duration("timeout") > LONGEST {
        let text =
            format!("{:?} is longer than a scrape can wait; give \"2m\" or less", section.word("timeout"));
        section.say("timeout", text, ledger);
    }
    let way = match section.kind() {
        "tls" => {
            let starttls = section.text("starttls").and_then(|word| StartTls::from_code(&word));
            let words = section.texts("tolerate");
            Way::Tls {
                starttls,
                tolerate: words.iter().filter_map(|word| Verdict::from_code(word)).collect(),
            }
        }
        _ => Way::Http(http(section, has_certificate, ledger)),
    };
    Settings { way, targets, server_name: section.text("server_name"), files, net: section.net(ledger) }
}

fn http(section: &Section<'_>, has_certificate: bool, ledger: &mut Ledger) -> Http {
    let path = section.word("path");
    if !path.starts_with('/') {
        section.say("path", format!("{path:?} is not a path; begin it with \"/\""), ledger);
    }
    if has_certificate && section.has("redirects") && section.flag("redirects") {
        let text = "true would show the client certificate wherever a redirect leads; leave redirects out";
        section.say("redirects", text, ledger);
    }
    if has_certificate && section.has("scheme") && section.word("scheme") == "http" {
        let text = "\"http\" shows no certificate; use \"https\", or leave the certificate out";
        section.say("scheme", text, ledger);
    }
    Http {
        is_secure: has_certificate || section.word("scheme") == "https",
        method: if section.word("method") == "HEAD" { Method::Head } else { Method::Get },
        path,
        statuses: section.statuses("statuses"),
        headers: section.named("headers").into_iter().collect(),
        redirects: section.flag("redirects") && !has_certificate,
        needs_tls: section.flag("require_tls"),
    }
}
