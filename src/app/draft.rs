//! A first configuration drafted: the Destination service is asked, what it shows is written, and what is wrong there already is
//! judged as the daemon would judge it.
//! It changes nothing there, fetches no private key, and calls no API.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;

use super::once::open_net;
use crate::config::draft::{
    Drafted, SeenDestination, SeenEntry, Shows, Survey, Watched, Wish, Wrong, led_to, write,
};
use crate::config::{self, Config, Connection, SourceConfig, WatchConfig};
use crate::domain::assess::assess;
use crate::domain::finding::{Code, Finding};
use crate::domain::lifecycle::{Chronicle, absorb};
use crate::domain::reason::{Reason, Unseen};
use crate::domain::record::{Look, Record};
use crate::domain::report::{Found, Report, Sighting};
use crate::sap::destination_service::PublicKeys;
use crate::sap::{ConnectionSettings, DestinationService, Level};
use crate::sources::destination_service::{Entry, leads_nowhere};

/// How many entries may be asked for without a word about how long that takes.
const QUICKLY: usize = 25;
/// How many requests a second one connection makes.
const PACE: usize = 5;

/// Drafts a configuration. `place` is where the file will stand; `says` is told what takes long.
///
/// # Errors
/// Where the service cannot be asked, where it holds nothing to watch, or where the draft would not load.
pub async fn draft(wish: &Wish, place: &Path, says: &mut dyn FnMut(String)) -> Result<Drafted, Unseen> {
    let settings = ConnectionSettings {
        name: wish.connection.clone(),
        service_key: wish.service_key.clone(),
        net: wish.net.clone(),
    };
    let service = Arc::new(DestinationService::new(open_net()?, settings));
    let survey = survey(&service, wish, says).await?;
    let first = write(&survey, wish, &[]);
    if first.watches + first.unnamed == 0 {
        return Err(nothing(&survey, &first, wish));
    }
    let config = config::load_text(&first.text, place).map_err(|problems| {
        Unseen::new(
            Reason::Malformed,
            format!(
                "the draft would not load, which is a fault of certsteward, please report it: {problems}"
            ),
        )
    })?;
    let wrong: Vec<Wrong> = config.watches.iter().flat_map(|watch| judged(watch, &survey, wish)).collect();
    Ok(write(&survey, wish, &wrong))
}

fn nothing(survey: &Survey, drafted: &Drafted, wish: &Wish) -> Unseen {
    let levels: Vec<&str> = wish.levels.iter().map(|level| level.word()).collect();
    let place = format!("the {} of {}", levels.join(" and the "), wish.service_key);
    let text = match (survey.entries.len(), survey.destinations.len(), drafted.watched) {
        (0, 0, _) => format!(
            "there is no certificate and no destination in {place}; is it a key of the right subaccount? Its Destination service is asked at the \"uri\" in it"
        ),
        (_, _, 0) => format!(
            "there is nothing to watch in {place}: {} destinations, and none of them has a keystore there",
            survey.destinations.len()
        ),
        (_, _, watched) => format!("everything in {place} is watched already: {watched} certificates"),
    };
    Unseen::new(Reason::NotFound, text)
}

/// Asks for everything that is shown without a key.
async fn survey(
    service: &DestinationService,
    wish: &Wish,
    says: &mut dyn FnMut(String),
) -> Result<Survey, Unseen> {
    let mut survey = Survey::default();
    for level in Level::ALL {
        let listed = service.destinations(level).await.map_err(|unseen| way_in(wish, unseen))?;
        survey.destinations.extend(listed.iter().map(|destination| {
            SeenDestination {
                level,
                facts: destination.facts(),
                client_provided: destination.is_client_provided(),
                others: destination
                    .other_locations()
                    .into_iter()
                    .map(|(property, entry)| (property.to_owned(), entry.to_owned()))
                    .collect(),
            }
        }));
    }
    let mut names = Vec::new();
    for level in Level::ALL {
        // An instance's destination may name an entry of the subaccount.
        names.extend(service.list_names(level).await?.into_iter().map(|name| (level, name)));
    }
    names.retain(|(level, _)| wish.levels.contains(level) || *level == Level::Subaccount);
    if names.len() > QUICKLY {
        says(format!(
            "asking for {} certificates, {PACE} a second: about {} seconds",
            names.len(),
            names.len().div_ceil(PACE)
        ));
    }
    let looks = names.into_iter().map(|(level, name)| async move {
        let shows = match service.public_keys(level, &name).await {
            Ok(PublicKeys::Shown(public)) => Shows::Chain(Box::new(public.chain), public.oddities),
            Ok(PublicKeys::Protected) => Shows::Nothing,
            Ok(PublicKeys::Absent) => {
                Shows::Unseen(Unseen::new(Reason::NotFound, "it went while it was asked for"))
            }
            Err(why) => Shows::Unseen(why),
        };
        SeenEntry { level, name, shows }
    });
    survey.entries = join_all(looks).await;
    survey.entries.sort_by(|a, b| (a.level, &a.name).cmp(&(b.level, &b.name)));
    Ok(survey)
}

/// The first question shows whether the key and the way there are right; where not, what to look at.
fn way_in(wish: &Wish, unseen: Unseen) -> Unseen {
    let key = &wish.service_key;
    let is = |reasons: &[Reason]| reasons.contains(&unseen.reason);
    let way_out = if is(&[Reason::ServerUntrusted]) {
        "where its authority is a private one, name it with ca = { file = … }".to_owned()
    } else if is(&UNREACHED) {
        format!(
            "check the addresses in {key} (\"uri\", \"url\", \"certurl\"), and whether this host reaches them only through a proxy (--proxy URL)"
        )
    } else if is(&NOT_THE_SERVICE) {
        format!(
            "check \"uri\" in {key}: it is the address of a Destination service as the BTP cockpit shows it, without a path"
        )
    } else {
        return unseen;
    };
    Unseen::new(unseen.reason, format!("{}; {way_out}", unseen.text))
}

/// Nobody answered where the key says.
const UNREACHED: [Reason; 5] = [
    Reason::DnsFailed,
    Reason::ConnectionRefused,
    Reason::ConnectionReset,
    Reason::Timeout,
    Reason::TlsFailed,
];
/// Somebody answered who knows nothing of what was asked.
const NOT_THE_SERVICE: [Reason; 3] = [Reason::NotFound, Reason::Unavailable, Reason::UnexpectedAnswer];

/// What the daemon would say of this watch at its first look, without a call to the API.
fn judged(config: &WatchConfig, survey: &Survey, wish: &Wish) -> Vec<Wrong> {
    let SourceConfig::DestinationService(source) = &config.source else { return Vec::new() };
    let (followed, entry) = match &source.entry {
        Entry::Destination(name) => {
            let mut all = survey.destinations.iter();
            let followed = all.find(|each| each.level == source.level && each.facts.name == *name);
            let entry = followed
                .and_then(|each| led_to(survey, each.level, each.facts.keystore_location.as_deref()?));
            (followed, entry)
        }
        Entry::Certificate(name) => (None, led_to(survey, source.level, name)),
    };
    let found = match (entry.map(|entry| &entry.shows), followed) {
        (Some(Shows::Chain(chain, oddities)), _) => Ok(Sighting {
            chain: (**chain).clone(),
            name: entry.map(|entry| entry.name.clone()),
            has_key: None,
            destination: followed.map(|followed| followed.facts.clone()),
            oddities: oddities.clone(),
        }),
        (Some(Shows::Nothing), _) => return Vec::new(),
        (Some(Shows::Unseen(why)), _) => Err(why.clone()),
        (None, Some(lost)) => {
            let entry = lost.facts.keystore_location.as_deref().unwrap_or_default();
            Err(leads_nowhere(&lost.facts.name, entry, lost.level, &wish.connection))
        }
        (None, None) => return Vec::new(),
    };
    let found = Found::Entry(found.map(|sighting| Some(Box::new(sighting))));
    let (watch, mut record) = (&config.watch, Record::default());
    let report = Report::Looked { look: Look::Source { entry: None }, at: wish.now, found };
    absorb(watch, &mut record, report, &mut Chronicle::new(watch, wish.now));
    let findings = assess(watch, &record, None, wish.now).findings.into_iter().filter(is_seen);
    findings.map(|finding| Wrong { watch: watch.id.clone(), finding }).collect()
}

/// What only a call to the API can tell is not known yet.
fn is_seen(finding: &Finding) -> bool {
    !matches!(finding.code, Code::Unproven | Code::HandOffOpen | Code::ProbeFailing)
}

/// What a configuration watches already through this connection.
#[must_use]
pub fn watched(config: &Config, connection: &str) -> Watched {
    let mut watched = Watched::default();
    for watch in &config.watches {
        let SourceConfig::DestinationService(source) = &watch.source else { continue };
        if source.connection != connection {
            continue;
        }
        match &source.entry {
            Entry::Destination(name) => watched.destinations.insert((source.level, name.clone())),
            Entry::Certificate(name) => watched.entries.insert((source.level, name.clone())),
        };
    }
    watched
}

/// The settings of a connection to a Destination service; else which there are.
///
/// # Errors
/// Where there is none of that name and type.
pub fn connection<'c>(config: &'c Config, name: &str) -> Result<&'c ConnectionSettings, Unseen> {
    if let Some(Connection::DestinationService(settings)) = config.connections.get(name) {
        return Ok(settings);
    }
    let known = config.connections.iter().filter_map(|(name, connection)| match connection {
        Connection::DestinationService(_) => Some(name.as_str()),
        Connection::SuccessFactors { .. } => None,
    });
    let known: Vec<&str> = known.collect();
    let known = if known.is_empty() {
        "there is none".to_owned()
    } else {
        format!("there are: {}", known.join(", "))
    };
    let text = format!("{name:?} is no connection of type destination-service; {known}");
    Err(Unseen::new(Reason::NotFound, text))
}
