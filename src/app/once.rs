//! One look without a daemon: for `check`, `plan` and `probe WATCH`. Nothing is changed and nothing is kept.

use std::sync::atomic::Ordering;

use super::{Built, Start};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::domain::reason::Unseen;
use crate::domain::verdict::Probed;
use crate::engine::pass::{House, pass};
use crate::journal::sqlite::Sqlite;
use crate::net::Net;

/// Looks at these watches once, or at all of them, and pictures them as the API does. No act begins, nobody is told, nothing is written.
///
/// # Errors
/// Where the parts cannot be built.
pub async fn look_once(config: Config, watches: &[String]) -> Result<Vec<serde_json::Value>, Start> {
    let clock = SystemClock;
    let built = Built::new(config, Net::new()?).map_err(Start::Build)?;
    let all = built.watches().map_err(Start::Build)?;
    let journal = Sqlite::in_memory()?;
    let never = std::sync::atomic::AtomicBool::new(false);
    let mut views = Vec::new();
    for (id, parts) in all {
        if !watches.is_empty() && !watches.contains(&id) {
            continue;
        }
        let house = House {
            journal: &journal,
            clock: &clock,
            recipients: &[],
            ladder: &[],
            paused: None,
            seed: [0; 32],
            may_act: &|| never.load(Ordering::Relaxed),
        };
        views.push(crate::surfaces::picture(&pass(&parts, None, Vec::new(), true, &house).await?.view));
    }
    Ok(views)
}

/// Makes every probe of one watch with the certificate that its source holds now.
///
/// # Errors
/// Where the key cannot be had.
pub async fn probe_once(config: Config, watch: &str) -> Result<Vec<(String, Probed)>, Unseen> {
    use crate::domain::reason::Reason;
    let net = Net::new().map_err(|error| Unseen::new(Reason::Unreadable, error.to_string()))?;
    let built = Built::new(config, net)?;
    let parts = built.watches()?.remove(watch);
    let parts = parts.ok_or_else(|| {
        Unseen::new(Reason::NotFound, format!("there is no watch {watch} in the configuration"))
    })?;
    let mut results = Vec::new();
    for (id, (prober, brings_its_own)) in &parts.probers {
        let now = SystemClock.now();
        let probed = if *brings_its_own {
            prober.probe(None, now).await
        } else {
            let identity = parts.source.identity(None).await?;
            prober.probe(Some(&identity), now).await
        };
        results.push((id.clone(), probed));
    }
    Ok(results)
}
