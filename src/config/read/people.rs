//! Tokens and notifiers: who may, and who is told.
//! It knows no watch.

use super::super::catalogue::RIGHTS;
use super::super::document::{Node, Table};
use super::super::form;
use super::super::problem::Ledger;
use super::super::section::Section;
use super::super::settings::{Daemon, NotifierConfig, NotifierKind, Right, Token};
use super::super::{catalogue, shape};
use super::inner_shape;
use crate::domain::finding::Level;
use crate::domain::message::Topic;
use crate::notifiers::{smtp, webhook};
use crate::secret::SecretRef;

/// The shortest token that is taken.
const SHORTEST: usize = 16;

pub(super) fn tokens(root: &Table, ledger: &mut Ledger) -> Vec<Token> {
    let Some(inner) = inner_shape("tokens") else { return Vec::new() };
    let table = root.value("tokens").and_then(Node::table);
    let mut tokens = Vec::new();
    for entry in table.map(|table| table.entries.as_slice()).unwrap_or_default() {
        let path = shape::join("tokens", &entry.key);
        let Some(held) = entry.node.table() else { continue };
        let Some(section) = Section::open(held, inner, path.as_str()) else { continue };
        let places = ["file", "environment", "credential"].iter().filter(|key| section.has(key)).count();
        if places != 1 {
            let text = "the token is in one place: give file, environment or credential";
            ledger.say(held.place, path.as_str(), text);
        }
        shape::readable(held, section.place("file"), catalogue::Form::Secret, &section.at("file"), ledger);
        if let Some(secret) = shape::secret(held, ledger) {
            if let (SecretRef::File(_), Ok(token)) = (&secret, secret.read())
                && token.chars().count() < SHORTEST
            {
                let text = format!(
                    "the token is shorter than {SHORTEST} characters; make one with: openssl rand -hex 32"
                );
                section.say("file", text, ledger);
            }
            tokens.push(Token { name: entry.key.clone(), secret, may: rights(&section.texts("may")) });
        }
    }
    tokens
}

fn rights(words: &[String]) -> Vec<Right> {
    debug_assert_eq!(RIGHTS.len(), Right::ALL.len() + 1, "the catalogue lists every right and \"*\"");
    let allowed = |right: &&Right| words.iter().any(|word| word == "*" || word == right.code());
    Right::ALL.iter().filter(allowed).copied().collect()
}

pub(super) fn notifiers(root: &Section<'_>, daemon: &Daemon, ledger: &mut Ledger) -> Vec<NotifierConfig> {
    root.each("notifier").iter().filter_map(|section| notifier(section, daemon, ledger)).collect()
}

fn notifier(section: &Section<'_>, daemon: &Daemon, ledger: &mut Ledger) -> Option<NotifierConfig> {
    let kind = match section.kind() {
        "smtp" => smtp(section, daemon, ledger).map(NotifierKind::Smtp),
        _ => webhook(section, daemon, ledger).map(NotifierKind::Webhook),
    };
    let mut remind = section.durations("remind");
    remind.sort_by(|one, other| other.cmp(one));
    remind.dedup();
    Some(NotifierConfig {
        id: section.text("id")?,
        kind: kind?,
        filter: section.named("match"),
        send: section.texts("send").iter().filter_map(|word| Topic::from_code(word)).collect(),
        levels: section.texts("levels").iter().filter_map(|word| Level::from_code(word)).collect(),
        remind,
    })
}

fn smtp(section: &Section<'_>, daemon: &Daemon, ledger: &mut Ledger) -> Option<smtp::Settings> {
    addresses(section, ledger);
    let server = form::url(&section.text("server")?, form::UrlKind::Mail).ok()?;
    let (security, port) = match server.scheme() {
        "smtps" => (smtp::Security::Implicit, 465),
        "smtp" => (smtp::Security::StartTls, 587),
        _ => (smtp::Security::Plain, 25),
    };
    let login = (section.has("username"), section.has("password"));
    if security == smtp::Security::Plain && login != (false, false) {
        let key = if login.1 { "password" } else { "username" };
        section.say(key, "smtp+plain:// takes no credentials, which would cross the network in clear; use smtps:// or smtp://", ledger);
    } else if login.0 != login.1 {
        let missing = if login.0 { "password" } else { "username" };
        section.say(missing, "is missing; username and password are given together, or neither", ledger);
    }
    Some(smtp::Settings {
        id: section.text("id")?,
        security,
        host: server.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned(),
        port: server.port().unwrap_or(port),
        from: section.text("from")?,
        to: section.texts("to"),
        credentials: section.text("username").zip(section.secret("password", ledger)),
        public_url: daemon.public_url.clone(),
        templates: daemon.templates.clone(),
        net: section.net(ledger),
    })
}

fn addresses(section: &Section<'_>, ledger: &mut Ledger) {
    for key in ["from", "to"] {
        let given = section.text(key).into_iter().chain(section.texts(key));
        for address in given.collect::<Vec<_>>() {
            if address.parse::<lettre::message::Mailbox>().is_err() {
                let text = format!("{address:?} is not a mail address; write it like \"ops@example.org\"");
                section.say(key, text, ledger);
            }
        }
    }
}

fn webhook(section: &Section<'_>, daemon: &Daemon, ledger: &Ledger) -> Option<webhook::Settings> {
    Some(webhook::Settings {
        id: section.text("id")?,
        url: section.text("url")?,
        format: match section.word("format").as_str() {
            "slack" => webhook::Format::Slack,
            "teams" => webhook::Format::Teams,
            _ => webhook::Format::Json,
        },
        secret: section.secret("secret", ledger),
        public_url: daemon.public_url.clone(),
        net: section.net(ledger),
    })
}
