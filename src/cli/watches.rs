//! What verbs do with a configuration and without a daemon: load it, look once, probe a watch.
//! It keeps nothing and changes nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Common;
use super::exit::Failed;
use crate::app;
use crate::config::{self, Config, Kind};
use crate::domain::verdict::Probed;
use crate::domain::watch::no_watch;

/// The configuration, or every problem of it. A secret that cannot be read is told by what needs it.
pub(super) fn configuration(common: &Common) -> Result<Config, Failed> {
    let read = config::load_to_begin(common.path(), common.kind());
    read.map(|(config, _)| config).map_err(|problems| Failed::configuration(problems.to_string()))
}

/// Nothing is watched, and why that may be.
pub(super) fn none_configured(common: &Common) -> Failed {
    let discoveries = configuration(common).map(|config| config.discoveries).unwrap_or_default();
    if !discoveries.is_empty() {
        let ids: Vec<&str> = discoveries.iter().map(|discovery| discovery.id.as_str()).collect();
        let ids = ids.join(", ");
        return Failed::could_not(format!(
            "nothing to watch was found by the discoveries of {} ({ids}); see what they leave out, and where they look",
            common.path().display()
        ));
    }
    let why = defaults_hold(common).unwrap_or_else(|| format!("{} names none", common.path().display()));
    Failed::could_not(format!(
        "no watch is configured: {why}; begin with certsteward config example --minimal, or name another file with --config"
    ))
}

/// That the default file is missing, where it is: then the built-in defaults hold.
pub(super) fn defaults_hold(common: &Common) -> Option<String> {
    let missing = common.kind() == Kind::Default && matches!(common.path().try_exists(), Ok(false));
    missing.then(|| {
        format!("there is no file {}; the built-in defaults hold: no watches", common.path().display())
    })
}

/// There is no watch of this id, but these.
pub(super) fn no_such<'a>(id: &str, known: impl IntoIterator<Item = &'a str>) -> Failed {
    let (text, way_out) = no_watch(id, known);
    Failed::could_not(format!("{text}; {way_out}"))
}

/// What a configuration holds, in numbers.
pub(super) fn count(config: &Config) -> String {
    let number = |count: usize, one: &str, several: &str| {
        format!("{count} {}", if count == 1 { one } else { several })
    };
    let mut parts = vec![number(config.watches.len(), "watch", "watches")];
    if !config.discoveries.is_empty() {
        parts.push(number(config.discoveries.len(), "discovery", "discoveries"));
    }
    parts.push(number(config.notifiers.len(), "notifier", "notifiers"));
    parts.join(", ")
}

/// Looks at these watches once, or at all of them, without a daemon; and what discoveries could not look into.
pub(super) async fn look_once(
    common: &Common,
    watches: &[String],
) -> Result<(Vec<Value>, Vec<String>), Failed> {
    let looked = app::look_once(configuration(common)?, watches).await;
    let looked = looked.map_err(|error| Failed::because(&error))?;
    if let Some(id) = watches.iter().find(|id| !looked.known.contains(id)) {
        return Err(no_such(id, looked.known.iter().map(String::as_str)));
    }
    let mut blind: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (id, why) in &looked.blind {
        blind.entry(id).or_default().push(why.text.replace('|', "/"));
    }
    let said = |(id, why): (&str, Vec<String>)| {
        format!("the discovery {id} cannot look everywhere: {}", why.join("; "))
    };
    Ok((looked.views, blind.into_iter().map(said).collect()))
}

/// Makes every probe of a watch with the certificate that its source holds now.
pub(super) async fn probe(id: &str, common: &Common) -> Result<Vec<(String, Probed)>, Failed> {
    let probed = app::probe_once(configuration(common)?, id).await;
    let probed = probed.map_err(|unseen| Failed::because(&unseen))?;
    if probed.is_empty() {
        return Err(Failed::could_not(format!(
            "{id} has no probe; add one as [[watch.probe]], or probe a URL"
        )));
    }
    Ok(probed.into_iter().map(|(probe, probed)| (format!("{id} {probe}"), probed)).collect())
}
