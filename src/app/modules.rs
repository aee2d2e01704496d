//! Looks at servers that scrapes name: by which module, whether that may be, and when there is room.
//! It makes no connection itself; the modules do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::state::Shared;
use crate::clock::Stopwatch;
use crate::config::Config;
use crate::domain::host_pattern::HostPattern;
use crate::domain::module::{Ask, NotLooked, Outcome};
use crate::net::{self, Net};
use crate::probers::module::{Errand, Http, Method, Module, Settings, Statuses, Target, Way};

/// How long before the asker loses patience the answer must be ready.
const MARGIN: Duration = Duration::from_millis(500);

/// How long a look of a built-in module may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The modules by name: those of the configuration, and the built-in ones whose names are free.
pub(super) type Modules = BTreeMap<String, Arc<Module>>;

pub(super) fn modules(config: &Config, net: &Net) -> Modules {
    let built_in = BUILT_IN.iter().map(|(name, way)| {
        let net = net::Settings { timeout: TIMEOUT, ..net::Settings::default() };
        let settings = Settings { way: way(), targets: Vec::new(), server_name: None, files: None, net };
        ((*name).to_owned(), settings)
    });
    let own = config.modules.iter().map(|(name, settings)| (name.clone(), settings.clone()));
    let all: BTreeMap<String, Settings> = built_in.chain(own).collect();
    all.into_iter().map(|(name, settings)| (name, Arc::new(Module::new(net.clone(), settings)))).collect()
}

type BuiltIn = (&'static str, fn() -> Way);

/// Under the names that users of blackbox_exporter (`http_2xx`, `tls_connect`) and ssl_exporter (the others) know.
const BUILT_IN: [BuiltIn; 6] = [
    ("http_2xx", as_blackbox),
    ("http", as_ssl_exporter),
    ("https", as_ssl_exporter),
    ("tcp", handshake),
    ("tls", handshake),
    ("tls_connect", handshake),
];

/// The one where a target does not say that it is meant for HTTP.
const USUAL: &str = "tls";
/// The one where it does.
const USUAL_HTTP: &str = "http_2xx";

fn as_blackbox() -> Way {
    Way::Http(Http {
        is_secure: false,
        method: Method::Get,
        path: "/".to_owned(),
        statuses: vec![Statuses::SUCCESS],
        headers: Vec::new(),
        redirects: true,
        needs_tls: false,
    })
}

fn as_ssl_exporter() -> Way {
    Way::Http(Http {
        is_secure: true,
        method: Method::Get,
        path: "/".to_owned(),
        statuses: vec![Statuses::ANY],
        headers: Vec::new(),
        redirects: false,
        needs_tls: true,
    })
}

const fn handshake() -> Way {
    Way::Tls { starttls: None, tolerate: Vec::new() }
}

impl Shared {
    /// Looks at a server, if that may be, as soon as there is room.
    pub(super) async fn look_at(&self, ask: Ask) -> Result<Outcome, NotLooked> {
        let built = self.built.load_full();
        let (name, module) = chosen(&built.modules, &ask)?;
        let target = module.target(&ask.target).map_err(|text| NotLooked::Unclear {
            text,
            way_out: format!(
                "give target=host:port, or target=https://host for a module of type http; the module is {name}"
            ),
        })?;
        let allowed = allowed(module, built.config.daemon.probe_targets.as_deref());
        let may = |host: &str, port| {
            allowed
                .map_or(ask.is_local, |patterns| patterns.iter().any(|pattern| pattern.matches(host, port)))
        };
        if !may(&target.host, target.port) {
            return Err(forbidden(name, module, &target, allowed.is_some()));
        }
        let host_name = host_name(module, &ask)?;
        let whole = limit(module.settings().net.timeout, ask.patience);
        let waited = Stopwatch::start();
        let Ok(turn) = tokio::time::timeout(whole / 2, module.turn(&target)).await else {
            return Err(busy(&target));
        };
        let limit = whole.saturating_sub(waited.elapsed());
        let place = target.place();
        let errand = Errand { target, turn, host_name, limit, may: &may };
        let looked = module.look(errand, self.clock.now()).await;
        tracing::debug!(module = name, place, success = looked.success, "looked at a target");
        Ok(Outcome { limit_seconds: whole.as_secs_f64(), ..looked })
    }
}

fn chosen<'m>(modules: &'m Modules, ask: &Ask) -> Result<(&'m str, &'m Arc<Module>), NotLooked> {
    let lower = ask.target.to_ascii_lowercase();
    let is_http = lower.starts_with("http://") || lower.starts_with("https://");
    let usual = if is_http { USUAL_HTTP } else { USUAL };
    let name = ask.module.as_deref().unwrap_or(usual);
    let found = modules.get_key_value(name).map(|(name, module)| (name.as_str(), module));
    found.ok_or_else(|| {
        let known: Vec<&str> = modules.keys().map(String::as_str).collect();
        NotLooked::Unclear {
            text: format!("there is no module {name:?}"),
            way_out: format!("use one of {}, or add [modules.NAME] and reload", known.join(", ")),
        }
    })
}

/// The patterns that hold for a module; none where nothing was said.
fn allowed<'a>(module: &'a Module, of_daemon: Option<&'a [HostPattern]>) -> Option<&'a [HostPattern]> {
    let own = module.settings().targets.as_slice();
    if own.is_empty() { of_daemon } else { Some(own) }
}

fn forbidden(name: &str, module: &Module, target: &Target, is_listed: bool) -> NotLooked {
    let place = target.place();
    if !is_listed {
        return NotLooked::Forbidden {
            text: format!(
                "{place} may not be looked at: others than this host can ask, and no targets are listed"
            ),
            way_out: format!(
                "list what may be looked at: [daemon] probe_targets = [{place:?}], or targets of a module"
            ),
        };
    }
    let list = if module.settings().targets.is_empty() {
        "[daemon] probe_targets".to_owned()
    } else {
        format!("targets of [modules.{name}]")
    };
    NotLooked::Forbidden {
        text: format!("{place} may not be looked at with the module {name}"),
        way_out: format!("add {place:?}, or a pattern for it, to {list}, and reload"),
    }
}

fn busy(target: &Target) -> NotLooked {
    NotLooked::Busy {
        text: format!("no connection to {} could begin in time: too many are under way", target.place()),
        way_out: "spread the scrapes over a longer interval, raise their timeout, or raise connections_at_once or connections_per_host of [daemon]".to_owned(),
    }
}

/// The name to ask for instead of the target's. Whoever may choose it could have a client certificate shown to another server
/// behind the same address.
fn host_name<'a>(module: &Module, ask: &'a Ask) -> Result<Option<&'a str>, NotLooked> {
    let Some(name) = ask.host_name.as_deref().filter(|name| !name.is_empty()) else { return Ok(None) };
    if module.settings().files.is_some() {
        return Err(NotLooked::Forbidden {
            text: "a module with a client certificate takes no hostname".to_owned(),
            way_out: "set server_name of the module, or leave hostname out".to_owned(),
        });
    }
    let is_name = name.len() <= 253 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    if !is_name {
        return Err(NotLooked::Unclear {
            text: format!("hostname {name:?} is no host name"),
            way_out: "give hostname=api.example.org, or leave it out".to_owned(),
        });
    }
    Ok(Some(name))
}

/// The module's own limit, or less where the asker waits no longer.
fn limit(own: Duration, patience: Option<Duration>) -> Duration {
    let Some(patience) = patience else { return own };
    let margin = MARGIN.min(patience / 2);
    own.min(patience.saturating_sub(margin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_ready_before_the_asker_loses_patience() {
        let (seconds, millis) = (Duration::from_secs, Duration::from_millis);
        assert_eq!(limit(seconds(10), None), seconds(10));
        assert_eq!(limit(seconds(10), Some(seconds(5))), millis(4500));
        assert_eq!(limit(seconds(3), Some(seconds(5))), seconds(3));
        assert_eq!(limit(seconds(10), Some(millis(400))), millis(200));
    }
}
