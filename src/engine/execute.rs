//! Looks and acts, carried out: one arm each, no choice made here.
//! What comes back is a report; nothing is retried.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::callers::Caller;
use crate::clock::Clock;
use crate::domain::drift::{PlaceSeen, Shown};
use crate::domain::reason::{Answer, Failure, Reason, Unseen};
use crate::domain::record::{Act, Look, Record, Role};
use crate::domain::report::{Found, Report};
use crate::domain::watch::Watch;
use crate::probers::Prober;
use crate::renewers::Renewer;
use crate::sources::Source;
use crate::targets::Target;

/// A watch with the roles that serve it.
#[derive(Clone)]
pub struct Parts {
    /// The watch.
    pub watch: Arc<Watch>,
    /// Where its certificate is read from.
    pub source: Arc<dyn Source>,
    /// Where the same certificate should be too, by place.
    pub places: Vec<(String, Arc<dyn Source>)>,
    /// What renews it.
    pub renewer: Option<Arc<dyn Renewer>>,
    /// What uses it, by id.
    pub callers: BTreeMap<String, Arc<dyn Caller>>,
    /// Whom certsteward can tell by itself, by id.
    pub targets: BTreeMap<String, Arc<dyn Target>>,
    /// How acceptance is proven, by id. One that brings its own certificate and key is `true`.
    pub probers: BTreeMap<String, (Arc<dyn Prober>, bool)>,
}

/// Makes one look.
pub(super) async fn look(parts: &Parts, record: &Record, look: Look, clock: &dyn Clock) -> Report {
    let found = match &look {
        Look::Source { entry } => {
            Found::Entry(parts.source.look(entry.as_deref()).await.map(|seen| seen.map(Box::new)))
        }
        Look::Entry(name) => Found::Entry(match &parts.renewer {
            Some(renewer) => renewer.look(name).await.map(|seen| seen.map(Box::new)),
            None => Err(missing("renewer", &parts.watch.id)),
        }),
        Look::Caller(id) => Found::Caller(match parts.callers.get(id) {
            Some(caller) => caller.look().await,
            None => Err(missing("caller", id)),
        }),
        Look::Target(id) => Found::Target(match (parts.targets.get(id), record.standing(record.concern())) {
            (Some(target), Some(standing)) => {
                target.look(&standing.chain).await.map(|held| (standing.fingerprint(), held))
            }
            (None, _) | (_, None) => Err(missing("target", id)),
        }),
        Look::Probe { probe, entry, .. } => Found::Probe(probed(parts, probe, entry.as_deref(), clock).await),
    };
    Report::Looked { look, at: clock.now(), found }
}

/// Looks at every place where the certificate should be too, side by side.
pub(super) async fn places(parts: &Parts) -> Vec<(String, PlaceSeen)> {
    let looks = parts.places.iter().map(|(place, source)| async move {
        let seen = source.look(None).await;
        (place.clone(), seen.map(|seen| seen.map(|sighting| Shown::of(&sighting.chain.leaf))))
    });
    join_all(looks).await
}

async fn probed(
    parts: &Parts,
    probe: &str,
    entry: Option<&str>,
    clock: &dyn Clock,
) -> Result<Box<crate::domain::verdict::Probed>, Unseen> {
    let (prober, brings_its_own) = parts.probers.get(probe).ok_or_else(|| missing("probe", probe))?;
    if *brings_its_own {
        return Ok(Box::new(prober.probe(None, clock.now()).await));
    }
    let identity = parts.source.identity(entry).await?;
    Ok(Box::new(prober.probe(Some(&identity), clock.now()).await))
}

fn missing(role: &str, id: &str) -> Unseen {
    Unseen::new(Reason::NotFound, format!("there is no {role} {id} in the configuration any more"))
}

/// Carries out one act. A call that is an act reports what it saw beside its outcome.
pub(super) async fn act(parts: &Parts, record: &Record, act: Act, clock: &dyn Clock) -> Vec<Report> {
    let mut reports = Vec::new();
    let outcome = match &act {
        Act::Issue { order, .. } => match &parts.renewer {
            Some(renewer) => renewer.issue(order).await,
            None => Err(missing("renewer", &parts.watch.id).into()),
        },
        Act::Publish { target, role, .. } => publish(parts, record, target, *role).await,
        Act::Switch { caller, from, to, .. } | Act::RollBack { caller, from, to, .. } => {
            match parts.callers.get(caller) {
                Some(role) => role.switch(from, to).await,
                None => Err(missing("caller", caller).into()),
            }
        }
        Act::Keep { copy, .. } | Act::Put { copy, .. } | Act::PutBack { copy, .. } => match &parts.renewer {
            Some(renewer) => renewer.copy(copy).await,
            None => Err(missing("renewer", &parts.watch.id).into()),
        },
        Act::Try { probe, entry, .. } => {
            let (probe, entry) = (probe.clone(), Some(entry.clone()));
            let seen = Look::Probe { probe, role: Role::Candidate, entry };
            let report = look(parts, record, seen, clock).await;
            let outcome = tried(&report, record, act.sentence());
            reports.push(report);
            outcome
        }
        Act::Retire { name, fingerprint } => match &parts.renewer {
            Some(renewer) => renewer.remove(name, *fingerprint).await,
            None => Err(missing("renewer", &parts.watch.id).into()),
        },
    };
    reports.push(Report::Acted { act, at: clock.now(), outcome });
    reports
}

/// A call that is an act is done once the other side has recognised the candidate: until then it shut nobody out.
fn tried(report: &Report, record: &Record, request: String) -> Result<Answer, Failure> {
    let candidate = record.standing(Role::Candidate).map(crate::domain::record::Standing::fingerprint);
    match report {
        Report::Looked { found: Found::Probe(Err(unseen)), .. } => Err(unseen.clone().into()),
        Report::Looked { found: Found::Probe(Ok(probed)), .. } if probed.presented == candidate => {
            let answer = Answer::new(request, probed.verdict.code());
            if probed.verdict.recognised() {
                return Ok(answer);
            }
            let text = format!("the call was answered {}: {}", probed.verdict, probed.text);
            Err(Failure { answer: Some(answer), ..Failure::certain(Reason::Refused, text) })
        }
        Report::Looked { .. } | Report::Acted { .. } | Report::Commanded(_) => {
            let text = "the call was not made with the candidate";
            Err(Failure::certain(Reason::StateChanged, text))
        }
    }
}

async fn publish(parts: &Parts, record: &Record, target: &str, role: Role) -> Result<Answer, Failure> {
    let to = parts.targets.get(target).ok_or_else(|| missing("target", target))?;
    let standing = record.standing(role).ok_or_else(|| missing("certificate for the target", target))?;
    to.publish(&standing.chain).await
}
