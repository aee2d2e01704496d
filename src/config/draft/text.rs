//! The drafted configuration as text: a head that says what was found and what is wrong, then the tables.
//! What it cannot know stands there as a line that is switched off, with the question.

use std::path::Path;

use super::super::effective::{bare, quoted};
use super::page::{Page, plain};
use super::plan::{Plan, Planned, Reads};
use super::{SeenDestination, SeenEntry, Shows, Survey, Wish, Wrong};
use crate::domain::certificate::Certificate;
use crate::domain::finding::Level as Seriousness;
use crate::domain::policy::deadline;
use crate::domain::span::distance;
use crate::domain::watch::AutoRenew;
use crate::domain::{Timestamp, lint};
use crate::sap::Level;
use crate::secret::SecretRef;

pub(super) fn whole(survey: &Survey, wish: &Wish, plan: &Plan<'_>, wrong: &[Wrong]) -> String {
    let mut page = Page::default();
    head(survey, wish, plan, wrong, &mut page);
    questions(plan, &mut page);
    page.blank();
    if wish.beside {
        page.line("[daemon]");
        page.comment("Beside this file, so that it runs for whoever tries it. Take both lines out where the systemd unit keeps them.");
        page.set("socket", &format!("{}.sock", wish.stem));
        page.set("state", &format!("sqlite:{}.db", wish.stem));
    } else {
        page.off("[daemon]");
    }
    page.off("public_url = \"\"   # how others reach it: what links in messages begin with; until then they name commands");
    connections(wish, plan, &mut page);
    for planned in &plan.watches {
        watch(planned, wish, plan, &mut page);
    }
    leftovers(wish, plan, &mut page);
    page.into_text()
}

fn head(survey: &Survey, wish: &Wish, plan: &Plan<'_>, wrong: &[Wrong], page: &mut Page) {
    let levels: Vec<&str> = wish.levels.iter().map(|level| level.word()).collect();
    let naming = survey.destinations.iter().filter(|each| each.facts.keystore_location.is_some()).count();
    let at = lint::minute(wish.now);
    page.comment(&format!(
        "A first configuration for certsteward, drafted on {at} by certsteward config draft."
    ));
    page.line("#");
    page.hanging(
        "Asked  ",
        &format!(
            "the Destination service of {}, {}; nothing was changed, no private key was fetched",
            plain(&of_key(&wish.service_key)),
            levels.join(" and ")
        ),
    );
    let found = format!(
        "{}, {naming} of them with a keystore; {}, {} of them named by no destination",
        counted(survey.destinations.len(), "destination"),
        counted(survey.entries.len(), "certificate"),
        plan.unnamed.len()
    );
    page.hanging("Found  ", &found);
    if plan.watched > 0 {
        page.hanging(
            "       ",
            &format!("{}, watched already and left out", counted(plan.watched, "certificate")),
        );
    }
    page.line("#");
    told(wrong, plan, page);
    page.line("#");
    page.comment("Everything here is observed only: certsteward looks, judges and shows, and changes nothing. Each probe is a real call to the API with the certificate, every six hours.");
    page.hanging("Next   ", "certsteward --config THIS-FILE check (looks once), then run (http://127.0.0.1:9790/); what comes after the first hour: docs/first-hour.md");
}

fn of_key(secret: &SecretRef) -> String {
    match secret {
        SecretRef::File(path) => format!("the service key {}", path.display()),
        SecretRef::Environment(_) | SecretRef::Credential(_) => format!("the service key in {secret}"),
    }
}

fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// What is wrong there already, the most serious first; apart from it what is only worth knowing.
fn told(wrong: &[Wrong], plan: &Plan<'_>, page: &mut Page) {
    let of = |level| wrong.iter().filter(move |each| each.finding.level == level);
    let line = |page: &mut Page, each: &Wrong| {
        let mark = format!("  {:9}", each.finding.level.code());
        page.hanging(&mark, &format!("{}: {}", each.watch, plain(&each.finding.text)));
    };
    let odd = plan.odd_companies();
    let serious: Vec<&Wrong> = of(Seriousness::Critical).chain(of(Seriousness::Warning)).collect();
    if serious.is_empty() && odd.is_empty() {
        page.comment("Nothing is wrong there, as far as that can be seen without a call to the API.");
    } else {
        page.comment("Wrong there already, the most serious first:");
    }
    for each in serious {
        line(page, each);
        page.hanging("           way out: ", &plain(&each.finding.way_out));
    }
    for odd in odd {
        page.hanging("  odd      ", &plain(&odd));
    }
    if of(Seriousness::Notice).next().is_some() {
        page.comment("Worth knowing:");
    }
    of(Seriousness::Notice).for_each(|each| line(page, each));
}

/// What nobody but the operator knows, asked once for all watches.
fn questions(plan: &Plan<'_>, page: &mut Page) {
    page.line("#");
    page.comment("Lines with \"\" are questions; take out the # and answer those that you can:");
    page.hanging("  auto_renew          ", "\"yes\" or \"no\", as the cockpit shows it at the certificate; until then SAP's own renewal counts as the deadline");
    if plan.tenants.is_empty() {
        return;
    }
    for (key, asks) in [
        (
            "configuration_name",
            "what the mapping is called in Admin Center > Security Center > X.509 Public Certificate Mapping; until then the watch's id",
        ),
        ("login_name", "the API user that the mapping leads to; until then hand-offs leave the field empty"),
        (
            "match",
            "\"dn\" or \"exact\", where you know how the tenant recognises a certificate; until then it is learned from calls",
        ),
        ("assignee", "the [[notifier]] that reaches whoever changes mappings"),
        (
            "path",
            "what a probe calls, something cheap that the login may read; until then /odata/v2/User?$top=1&$select=userId",
        ),
    ] {
        page.hanging(&format!("  {key:20}"), asks);
    }
}

fn connections(wish: &Wish, plan: &Plan<'_>, page: &mut Page) {
    page.blank();
    page.line(&format!("[connections.{}]", bare(&wish.connection)));
    page.set("type", "destination-service");
    page.line(&format!("service_key = {}", reference(&wish.service_key, wish.folder.as_deref())));
    net(wish, page);
    for (name, tenant) in &plan.tenants {
        page.blank();
        page.line(&format!("[connections.{}]", bare(name)));
        page.set("type", "successfactors");
        page.set("api", &tenant.api);
        page.set("company_id", &tenant.company);
        net(wish, page);
    }
}

fn net(wish: &Wish, page: &mut Page) {
    if let Some(ca) = &wish.net.ca {
        page.line(&format!("ca = {}", file(ca, wish.folder.as_deref())));
    }
    if let Some(proxy) = &wish.net.proxy {
        page.set("proxy", proxy);
    }
}

/// Where a secret is, as the configuration writes it.
fn reference(secret: &SecretRef, folder: Option<&Path>) -> String {
    match secret {
        SecretRef::File(path) => file(path, folder),
        SecretRef::Environment(name) => format!("{{ environment = {} }}", quoted(name)),
        SecretRef::Credential(name) => format!("{{ credential = {} }}", quoted(name)),
    }
}

/// From the file's own folder where it lies in it, else in full.
fn file(path: &Path, folder: Option<&Path>) -> String {
    let short = folder.and_then(|folder| path.strip_prefix(folder).ok()).unwrap_or(path);
    format!("{{ file = {} }}", quoted(&short.display().to_string()))
}

fn watch(planned: &Planned<'_>, wish: &Wish, plan: &Plan<'_>, page: &mut Page) {
    page.blank();
    about(planned, wish, page);
    page.line("[[watch]]");
    page.set("id", &planned.id);
    page.set("mode", "observe");
    page.blank();
    source(planned, wish, page);
    callers(planned, page);
    if planned.calls.is_empty() {
        no_probe(planned, page);
    }
    for (number, tenant) in planned.calls.iter().enumerate() {
        let suffix = if number == 0 { String::new() } else { format!("-{}", number + 1) };
        proof(plan.connection(tenant), &suffix, page);
    }
}

/// What is known of the certificate, in comments.
fn about(planned: &Planned<'_>, wish: &Wish, page: &mut Page) {
    match planned.entry {
        Some(entry) => {
            let place = format!("{} of the {}", plain(&entry.name), entry.level.word());
            match &entry.shows {
                Shows::Chain(chain, _) => of_certificate(&place, entry, &chain.leaf, wish.now, page),
                Shows::Nothing => page.comment(&format!("{place}: protected by a password, so its dates show only once certsteward runs and opens it with the destination's KeyStorePassword")),
                Shows::Unseen(why) => page.comment(&format!("{place}: could not be seen: {}", plain(&why.text))),
            }
        }
        None => page.comment("A keystore that does not exist: calls through this destination fail"),
    }
    for destination in &planned.named_by {
        page.hanging("  named by ", &described(destination));
    }
    for (destination, property) in &planned.used_by {
        let name = plain(&destination.facts.name);
        page.hanging("  named by ", &format!("{name} ({}) as {property}", destination.level.word()));
    }
}

fn of_certificate(place: &str, entry: &SeenEntry, leaf: &Certificate, now: Timestamp, page: &mut Page) {
    page.comment(&format!("{place}: {}, by {}", plain(&leaf.common_name()), plain(&leaf.issuer_name())));
    page.hanging("  ", &plain(&leaf.subject.to_string()));
    let until = leaf.not_after;
    let valid = format!("{} to {}", leaf.not_before.format("%Y-%m-%d"), until.format("%Y-%m-%d"));
    page.hanging("  valid ", &format!("{valid} ({})", distance(until, now)));
    if until < now {
        return;
    }
    if may_be_generated(&entry.name, leaf) {
        let renews = deadline(leaf, AutoRenew::Unknown);
        let text = format!(
            "from {} on ({}), if it was generated to be renewed, which cannot be read",
            renews.format("%Y-%m-%d"),
            distance(renews, now)
        );
        page.hanging("  SAP renews it by itself ", &text);
    } else {
        page.hanging("  ", "uploaded, not generated, so SAP never renews it");
    }
}

/// What SAP generates is issued by SAP, in a form that its name says; what is uploaded is never renewed by the store.
fn may_be_generated(name: &str, leaf: &Certificate) -> bool {
    let form = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let by_sap = leaf.issuer.parts().any(|(key, value)| key == "O" && value == "SAP SE");
    by_sap && ["pem", "p12", "pfx", "jks"].contains(&form)
}

fn described(destination: &SeenDestination) -> String {
    let facts = &destination.facts;
    let (name, level) = (plain(&facts.name), destination.level.word());
    let url = facts.url.as_deref().map(plain).unwrap_or_else(|| "no URL".to_owned());
    let how = facts.authentication.as_deref().map(plain).unwrap_or_else(|| "unset".to_owned());
    let company = facts.company_id.as_deref().map(plain);
    let company = company.map(|company| format!(", company {company}")).unwrap_or_default();
    format!("{name} ({level}): {url}{company}, {how}")
}

fn source(planned: &Planned<'_>, wish: &Wish, page: &mut Page) {
    page.line("[watch.source]");
    page.set("type", "destination-service");
    page.set("connection", &wish.connection);
    let level = match planned.reads {
        Reads::Destination(destination) => destination.level,
        Reads::Entry(entry) => entry.level,
    };
    if level == Level::Instance {
        page.set("level", level.word());
    }
    match planned.reads {
        Reads::Destination(destination) => page.set("destination", &destination.facts.name),
        Reads::Entry(entry) => page.set("certificate", &entry.name),
    }
    let is_uploaded = planned.entry.is_some_and(|entry| match &entry.shows {
        Shows::Chain(chain, _) => !may_be_generated(&entry.name, &chain.leaf),
        Shows::Nothing | Shows::Unseen(_) => false,
    });
    if is_uploaded {
        page.set("auto_renew", "no");
    } else {
        page.off("auto_renew = \"\"");
    }
    if let (Reads::Entry(_), Some(Shows::Nothing)) = (planned.reads, planned.entry.map(|entry| &entry.shows))
    {
        page.off("password = { file = \"\" }   # what opens it; without that it cannot be seen");
    }
}

/// Where the source follows a destination, that one is the caller.
fn callers(planned: &Planned<'_>, page: &mut Page) {
    let Reads::Entry(entry) = planned.reads else { return };
    for (number, destination) in planned.named_by.iter().enumerate() {
        let (name, level) = (&destination.facts.name, destination.level);
        let twice = planned.named_by.iter().take(number).any(|other| other.facts.name == *name);
        page.blank();
        page.line("[[watch.caller]]");
        if twice {
            page.set("id", &format!("{name}-{}", level.word()));
        }
        page.set("type", "destination-service");
        page.set("destination", name);
        if level != entry.level {
            page.set("level", level.word());
        }
    }
}

fn no_probe(planned: &Planned<'_>, page: &mut Page) {
    page.blank();
    if let Some(why) = &planned.unproven {
        page.comment(&format!("Not probed: {}. What would prove it, and who must know it:", plain(why)));
    }
    for line in [
        "[[watch.probe]]",
        "id = \"api\"",
        "url = \"\"          # what is called with it, with its path; something cheap",
        "company_id = \"\"   # where that is SuccessFactors",
        "[[watch.target]]",
        "id = \"security-center\"",
        "type = \"successfactors\"",
        "connection = \"\"   # a connection of type \"successfactors\"",
        "integration_name = \"Business Technology Platform\"",
    ] {
        page.off(line);
    }
}

/// Who must know the certificate, and the call that proves it.
fn proof(connection: &str, suffix: &str, page: &mut Page) {
    page.blank();
    page.line("[[watch.target]]");
    page.set("id", &format!("security-center{suffix}"));
    page.set("type", "successfactors");
    page.set("connection", connection);
    page.set("integration_name", "Business Technology Platform");
    page.set("proven_by", &format!("odata{suffix}"));
    for key in ["configuration_name", "login_name", "match", "assignee"] {
        page.off(&format!("{key} = \"\""));
    }
    page.blank();
    page.line("[[watch.probe]]");
    page.set("id", &format!("odata{suffix}"));
    page.set("connection", connection);
    page.off("path = \"\"");
}

/// What nobody names, what is trusted, what is brought along.
fn leftovers(wish: &Wish, plan: &Plan<'_>, page: &mut Page) {
    if !plan.brought.is_empty() {
        page.blank();
        page.comment("Not watched: the users of these destinations bring the keystore along (KeyStore.Source = ClientProvided); watch it where it lies, with a source of type \"file\":");
        plan.brought.iter().for_each(|each| page.hanging("  ", &described(each)));
    }
    if !plan.trusted.is_empty() {
        page.blank();
        page.comment("Not watched: these are no client certificates but trust stores, whose end cuts off just as well:");
        for (entry, users) in &plan.trusted {
            let users: Vec<String> = users.iter().map(|each| plain(&each.facts.name)).collect();
            page.hanging("  ", &format!("{}, of {}", glance(entry, wish.now), users.join(", ")));
        }
    }
    page.blank();
    if plan.unnamed.is_empty() {
        page.comment("Every certificate is named by a destination. What comes later is watched with:");
    } else {
        page.comment("These certificates are named by no destination that this key can see. Some may be used by destinations of other instances, or by nobody:");
        plan.unnamed.iter().for_each(|entry| page.hanging("  ", &glance(entry, wish.now)));
        page.comment("They are watched, and what comes later with them, with:");
    }
    discovery(wish, plan, page);
}

/// Switched off where there is something else to watch: what nobody uses any more would be critical for ever.
fn discovery(wish: &Wish, plan: &Plan<'_>, page: &mut Page) {
    let level = match wish.levels.as_slice() {
        [only] => only.word(),
        _ => "both",
    };
    let lines = [
        "[[discover]]".to_owned(),
        format!("id = {}", quoted(&format!("{}-rest", wish.connection))),
        "type = \"destination-service\"".to_owned(),
        format!("connection = {}", quoted(&wish.connection)),
        format!("level = {}", quoted(level)),
    ];
    for line in lines {
        if plan.watches.is_empty() { page.line(&line) } else { page.off(&line) }
    }
    page.off("exclude = [\"\"]   # names that shall not be watched, such as \"*-old.pem\"");
}

fn glance(entry: &SeenEntry, now: Timestamp) -> String {
    let place = format!("{} ({})", plain(&entry.name), entry.level.word());
    match &entry.shows {
        Shows::Chain(chain, _) => {
            let (name, until) = (plain(&chain.leaf.common_name()), chain.leaf.not_after);
            let over = if until < now { "expired" } else { "valid until" };
            format!("{place}: {name}, {over} {}, {}", until.format("%Y-%m-%d"), distance(until, now))
        }
        Shows::Nothing => format!("{place}: protected by a password"),
        Shows::Unseen(why) => format!("{place}: could not be seen: {}", plain(&why.text)),
    }
}
