//! What a drafted configuration watches, under which id, read by what, proven where.
//! It writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::super::form;
use super::{SeenDestination, SeenEntry, Survey, Wish, led_to};
use crate::sap::Level;

/// What is written.
pub(super) struct Plan<'s> {
    /// The tenants that probes speak to, each with the name of its connection; the one that most watches call is the first.
    pub(super) tenants: Vec<(String, Tenant)>,
    /// The watches, by id.
    pub(super) watches: Vec<Planned<'s>>,
    /// Entries that no destination names.
    pub(super) unnamed: Vec<&'s SeenEntry>,
    /// Entries that are trust stores of destinations, and theirs.
    pub(super) trusted: Vec<(&'s SeenEntry, Vec<&'s SeenDestination>)>,
    /// Destinations whose users bring the keystore along.
    pub(super) brought: Vec<&'s SeenDestination>,
    /// How many were left out because they are watched already.
    pub(super) watched: usize,
}

/// An API and the company that is sent to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tenant {
    pub(super) api: String,
    pub(super) company: String,
}

/// One watch.
pub(super) struct Planned<'s> {
    pub(super) id: String,
    pub(super) reads: Reads<'s>,
    /// The entry; none where the destination leads nowhere.
    pub(super) entry: Option<&'s SeenEntry>,
    /// The destinations that name it as their keystore.
    pub(super) named_by: Vec<&'s SeenDestination>,
    /// Those that name it by another property.
    pub(super) used_by: Vec<(&'s SeenDestination, &'s str)>,
    /// The tenants that its destinations call.
    pub(super) calls: Vec<Tenant>,
    /// Why there is no probe, where there is none.
    pub(super) unproven: Option<String>,
}

/// What leads to the certificate.
#[derive(Clone, Copy)]
pub(super) enum Reads<'s> {
    Destination(&'s SeenDestination),
    Entry(&'s SeenEntry),
}

pub(super) fn plan<'s>(survey: &'s Survey, wish: &Wish) -> Plan<'s> {
    let uses = Uses::of(survey);
    let mut plan = Plan {
        tenants: Vec::new(),
        watches: Vec::new(),
        unnamed: Vec::new(),
        trusted: Vec::new(),
        brought: survey.destinations.iter().filter(|each| each.client_provided).collect(),
        watched: 0,
    };
    let mut ids = BTreeSet::new();
    for entry in survey.entries.iter().filter(|entry| wish.levels.contains(&entry.level)) {
        let key = (entry.level, entry.name.as_str());
        let named_by = uses.named.get(&key).cloned().unwrap_or_default();
        let used_by = uses.used.get(&key).cloned().unwrap_or_default();
        if is_watched(entry, &named_by, wish) {
            plan.watched += 1;
        } else if named_by.is_empty() && used_by.iter().all(|(_, property)| property.ends_with(TRUST)) {
            match used_by.is_empty() {
                true => plan.unnamed.push(entry),
                false => plan.trusted.push((entry, used_by.into_iter().map(|(each, _)| each).collect())),
            }
        } else {
            let reads = match named_by.as_slice() {
                [only] if only.level == entry.level => Reads::Destination(only),
                _ => Reads::Entry(entry),
            };
            plan.add(Planned { named_by, used_by, ..Planned::new(reads, Some(entry), &mut ids) }, wish);
        }
    }
    for destination in uses.lost {
        let key = (destination.level, destination.facts.name.clone());
        if wish.watched.destinations.contains(&key) {
            plan.watched += 1;
        } else if wish.levels.contains(&destination.level) {
            let planned = Planned::new(Reads::Destination(destination), None, &mut ids);
            plan.add(Planned { named_by: vec![destination], ..planned }, wish);
        }
    }
    plan.watches.sort_by(|a, b| a.id.cmp(&b.id));
    plan.name_tenants(&wish.connection);
    plan
}

/// What a property's name ends with that names certificates to be trusted.
const TRUST: &str = "TrustStoreLocation";

fn is_watched(entry: &SeenEntry, named_by: &[&SeenDestination], wish: &Wish) -> bool {
    let by_name = wish.watched.entries.contains(&(entry.level, entry.name.clone()));
    let followed =
        |each: &&SeenDestination| wish.watched.destinations.contains(&(each.level, each.facts.name.clone()));
    by_name || named_by.iter().any(followed)
}

/// Who names what.
struct Uses<'s> {
    named: BTreeMap<(Level, &'s str), Vec<&'s SeenDestination>>,
    used: BTreeMap<(Level, &'s str), Vec<(&'s SeenDestination, &'s str)>>,
    /// Destinations that callers use with an entry which does not exist.
    lost: Vec<&'s SeenDestination>,
}

impl<'s> Uses<'s> {
    fn of(survey: &'s Survey) -> Self {
        let mut uses = Self { named: BTreeMap::new(), used: BTreeMap::new(), lost: Vec::new() };
        for destination in survey.destinations.iter().filter(|each| !each.client_provided) {
            if let Some(name) = &destination.facts.keystore_location {
                match led_to(survey, destination.level, name) {
                    Some(entry) => {
                        uses.named.entry((entry.level, &entry.name)).or_default().push(destination);
                    }
                    None if presents(destination) => uses.lost.push(destination),
                    None => {}
                }
            }
            for (property, name) in &destination.others {
                if let Some(entry) = led_to(survey, destination.level, name) {
                    let users = uses.used.entry((entry.level, &entry.name)).or_default();
                    users.push((destination, property.as_str()));
                }
            }
        }
        uses
    }
}

/// Whether a call through this destination presents its certificate.
pub(super) fn presents(destination: &SeenDestination) -> bool {
    destination.facts.authentication.as_deref() == Some("ClientCertificateAuthentication")
}

impl<'s> Planned<'s> {
    fn new(reads: Reads<'s>, entry: Option<&'s SeenEntry>, ids: &mut BTreeSet<String>) -> Self {
        let (level, name) = match reads {
            Reads::Destination(destination) => (destination.level, destination.facts.name.as_str()),
            Reads::Entry(entry) => (entry.level, entry.name.as_str()),
        };
        let id = free(&id_of(name), level, ids);
        let (named_by, used_by, calls) = (Vec::new(), Vec::new(), Vec::new());
        Self { id, reads, entry, named_by, used_by, calls, unproven: None }
    }
}

impl<'s> Plan<'s> {
    fn add(&mut self, mut planned: Planned<'s>, wish: &Wish) {
        let mut reasons = Vec::new();
        for destination in &planned.named_by {
            match tenant(destination, wish) {
                Ok(tenant) if planned.calls.contains(&tenant) => {}
                Ok(tenant) => planned.calls.push(tenant),
                Err(why) => reasons.push(why),
            }
        }
        planned.unproven = planned.calls.is_empty().then(|| match reasons.into_iter().next() {
            Some(why) => why,
            None => "no destination says what is called with it".to_owned(),
        });
        self.watches.push(planned);
    }

    /// The connection to the tenant that most watches call is `sf`, the others have their company in their name.
    fn name_tenants(&mut self, own: &str) {
        let mut counts: BTreeMap<&Tenant, usize> = BTreeMap::new();
        for tenant in self.watches.iter().flat_map(|watch| &watch.calls) {
            *counts.entry(tenant).or_default() += 1;
        }
        let mut counts: Vec<(&Tenant, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let mut taken = BTreeSet::from([own.to_owned()]);
        let mut named = Vec::new();
        for (tenant, _) in counts {
            let company = id_of(&tenant.company.to_lowercase());
            let plain = named.is_empty().then(|| "sf".to_owned());
            let counted = (2_u32..).map(|number| format!("sf-{company}-{number}"));
            let mut names = plain.into_iter().chain([format!("sf-{company}")]).chain(counted);
            let name = names.find(|name| !taken.contains(name)).unwrap_or_default();
            taken.insert(name.clone());
            named.push((name, tenant.clone()));
        }
        self.tenants = named;
    }

    /// The name of the connection to a tenant.
    pub(super) fn connection(&self, tenant: &Tenant) -> &str {
        let found = self.tenants.iter().find(|(_, known)| known == tenant);
        found.map_or("", |(name, _)| name.as_str())
    }

    /// Watches that send another company to an API than most do.
    pub(super) fn odd_companies(&self) -> Vec<String> {
        let odd = |tenant: &Tenant| {
            let first = self.tenants.iter().find(|(_, known)| known.api == tenant.api);
            first.filter(|(_, usual)| usual.company != tenant.company).map(|(_, usual)| usual)
        };
        let of_watch = |watch: &Planned<'_>| -> Vec<String> {
            let odd = watch.calls.iter().filter_map(|tenant| Some((tenant, odd(tenant)?)));
            let told = odd.map(|(tenant, usual)| {
                format!(
                    "{} sends company {} to {}, where most send {}",
                    watch.id, tenant.company, tenant.api, usual.company
                )
            });
            told.collect()
        };
        self.watches.iter().flat_map(of_watch).collect()
    }
}

/// Which API a destination calls and with which company, as far as it says so; else what was wished.
fn tenant(destination: &SeenDestination, wish: &Wish) -> Result<Tenant, String> {
    let name = &destination.facts.name;
    if !presents(destination) {
        let how = destination.facts.authentication.as_deref().unwrap_or("unset");
        return Err(format!("the destination {name} does not present it: its Authentication is {how}"));
    }
    match (said(destination), &wish.tenant) {
        (Ok(tenant), _) => Ok(tenant),
        (Err(_), Some((api, company))) => Ok(Tenant { api: api.clone(), company: company.clone() }),
        (Err(why), None) => Err(why),
    }
}

fn said(destination: &SeenDestination) -> Result<Tenant, String> {
    let facts = &destination.facts;
    let url = facts.url.as_deref().ok_or_else(|| format!("the destination {} has no URL", facts.name))?;
    let parsed = form::url(url, form::UrlKind::Page)
        .ok()
        .filter(|parsed| parsed.scheme() == "https")
        .ok_or_else(|| format!("the URL of the destination {} is no https:// address", facts.name))?;
    let company = facts.company_id.clone().ok_or_else(|| {
        format!(
            "the destination {} sends no successfactors-companyid: if it calls SuccessFactors, draft again with --api and --company-id",
            facts.name
        )
    })?;
    let host = form::certificate_host(&parsed);
    let host = host.as_deref().or(parsed.host_str()).unwrap_or_default();
    let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(Tenant { api: format!("https://{host}{port}"), company })
}

/// A name as an id.
fn id_of(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let safe: String = name.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    let safe = safe.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let kept: String = safe.chars().take(LONGEST).collect();
    if kept.is_empty() { "watch".to_owned() } else { kept }
}

/// How long an id is made at most; a number may follow.
const LONGEST: usize = 100;

fn free(id: &str, level: Level, ids: &mut BTreeSet<String>) -> String {
    let beside = format!("{}-{id}", level.word());
    let counted = (2_u32..).map(|number| format!("{id}-{number}"));
    let mut names = [id.to_owned(), beside].into_iter().chain(counted);
    let found = names.find(|name| !ids.contains(name)).unwrap_or_default();
    ids.insert(found.clone());
    found
}
