//! The hand-off page: what to do, and how the other side sees the certificate right now.
//! It decides nothing about the hand-off; the next pass does.

use serde_json::{Value, json};

use super::{Pages, RenderPage};
use crate::domain::Timestamp;
use crate::domain::doubt::{self, Cause};
use crate::domain::hand_off::{self, HandOff};
use crate::domain::lifecycle::next_probe;
use crate::domain::record::{Ask, HandOffFacts, Publication, Role, Standing};
use crate::domain::report::Sign;
use crate::domain::snapshot::WatchView;
use crate::domain::verdict::Probed;
use crate::surfaces::{json, shown};

impl Pages {
    /// One open question to a person.
    pub(in crate::surfaces) fn hand_off(
        &self,
        view: &WatchView,
        open: &HandOff,
        said: Option<&str>,
        now: Timestamp,
    ) -> Result<String, RenderPage> {
        let facts = shown::hand_off_facts(&view.record).find(|facts| facts.token == open.token);
        let page = json!({
            "hand_off": json::hand_off(&view.record, open),
            "token": open.token,
            "file_stem": open.file_stem,
            "certificate": json::certificate(&open.chain.leaf),
            "truth": truth(view, open, facts, now),
            "put_back": open.put_back.as_ref().map(|old| json::certificate(&old.leaf)),
            "put_back_stem": open.put_back_stem(),
            "beside": beside(view, open),
            "in_force": hand_off::is_in_force(&view.record, open.chain.fingerprint()),
            "sign_needed": sign_needed(view, open),
            "word_wanted": open.test.is_some() || open.ask == Ask::Remove,
            "said": said.filter(|said| ["saved", "deleting", "check", "confirmed"].contains(said)),
        });
        self.templates.render("hand_off.html", &self.base, page, now)
    }

    /// There is no such question, or no longer.
    pub(in crate::surfaces) fn no_hand_off(
        &self,
        closed: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<String, RenderPage> {
        let page = json!({"closed": json::moment_or_null(closed)});
        self.templates.render("no_hand_off.html", &self.base, page, now)
    }
}

/// How it stands: `known`, `accepted`, `rejected` (with what to look at where a person said it was saved), `unclear`, `unasked`,
/// or `unprobed`. Where a probe can tell, a person's word does not stand for its answer.
fn truth(view: &WatchView, open: &HandOff, facts: Option<&HandOffFacts>, now: Timestamp) -> Value {
    let standing = shown::standing(&view.record, open.chain.fingerprint());
    let publication = standing.and_then(|standing| standing.targets.get(&open.target));
    let probe = view.watch.target(&open.target).and_then(|target| view.watch.probe_of(target));
    let probe = probe.filter(|_| open.ask != Ask::Remove);
    if let Some(publication) =
        publication.filter(|known| known.proven.is_some() || (known.is_known() && probe.is_none()))
    {
        return known(publication);
    }
    let Some(probe) = probe else {
        return json!({"state": "unprobed"});
    };
    let confirmed_by = publication.and_then(|known| known.confirmed.as_ref()).map(|(_, by)| by);
    match standing.and_then(|standing: &Standing| standing.probed(&probe.id)) {
        None => json!({"state": "unasked", "confirmed_by": confirmed_by}),
        Some(last) => probed(view, open, last, confirmed_by, facts, now),
    }
}

/// What the same call says of the certificate in force, where that is another one: so that whoever uploads sees that nothing
/// is cut off, or that it is.
fn beside(view: &WatchView, open: &HandOff) -> Value {
    let in_force = view.record.in_force.as_ref();
    let other =
        in_force.filter(|one| one.fingerprint() != open.chain.fingerprint() && open.ask != Ask::Remove);
    let probe = view.watch.target(&open.target).and_then(|target| view.watch.probe_of(target));
    let last = other.zip(probe).and_then(|(standing, probe)| standing.probed(&probe.id));
    last.map_or(Value::Null, |last| {
        json!({"last": json::probed(last), "recognised": last.verdict.recognised(), "rejected": last.verdict.blames_certificate()})
    })
}

/// Whether nothing goes on before a person says that it is saved.
fn sign_needed(view: &WatchView, open: &HandOff) -> bool {
    let target = view.watch.target(&open.target).filter(|_| open.ask != Ask::Remove);
    target.is_some_and(|target| {
        hand_off::needs_sign(&view.watch, &view.record, target, open.chain.fingerprint())
    })
}

fn known(publication: &Publication) -> Value {
    json!({
        "state": "known",
        "proven": json::moment_or_null(publication.proven),
        "confirmed_by": publication.confirmed.as_ref().map(|(_, by)| by),
    })
}

fn probed(
    view: &WatchView,
    open: &HandOff,
    last: &Probed,
    confirmed_by: Option<&String>,
    facts: Option<&HandOffFacts>,
    now: Timestamp,
) -> Value {
    let saved = facts.and_then(|facts| {
        let saved = facts.signs.iter().rev().find(|(_, sign, _)| *sign == Sign::Saved);
        saved.map(|(at, _, _)| *at)
    });
    let causes = causes(view, open, now);
    let state = if last.verdict.recognised() && causes.is_empty() {
        "accepted"
    } else if last.verdict.inconclusive() && causes.is_empty() {
        "unclear"
    } else {
        "rejected"
    };
    json!({
        "state": state,
        "last": json::probed(last),
        "saved": json::moment_or_null(saved),
        "probed_since": saved.is_some_and(|saved| saved <= last.at),
        "causes": causes.iter().map(|cause| json!({"text": cause.text, "way_out": cause.way_out})).collect::<Vec<_>>(),
        "next_look": json::moment_or_null(next_look(view, open)),
        "confirmed_by": confirmed_by,
    })
}

fn role(view: &WatchView, open: &HandOff) -> Option<Role> {
    let is_meant = |role: &Role| {
        view.record.standing(*role).is_some_and(|standing| standing.fingerprint() == open.chain.fingerprint())
    };
    [Role::Candidate, Role::InForce].into_iter().find(is_meant)
}

/// As of this very moment, not of the last pass: an upload grows older.
fn causes(view: &WatchView, open: &HandOff, now: Timestamp) -> Vec<Cause> {
    let target = view.watch.target(&open.target);
    let asked = target.zip(role(view, open));
    asked.map(|(target, role)| doubt::about(&view.watch, &view.record, target, role, now)).unwrap_or_default()
}

fn next_look(view: &WatchView, open: &HandOff) -> Option<Timestamp> {
    let probe = view.watch.target(&open.target).and_then(|target| view.watch.probe_of(target))?;
    next_probe(&view.watch, &view.record, probe, role(view, open)?)
}
