//! Everything about one watch as JSON.
//! It adds to the glance, so that the two never differ.

use serde_json::{Value, json};

use super::certificates::{certificate, probe, publication, standing};
use super::{glance, moment, moment_or_null};
use crate::domain::few::Few;
use crate::domain::hand_off::HandOff;
use crate::domain::policy::Moments;
use crate::domain::record::{HandOffFacts, Leftover, Record, Renewal, Role};
use crate::domain::report::Sign;
use crate::domain::snapshot::{Plan, WatchView};
use crate::domain::watch::{Caller, Delivery, Matching, Probe, Rotation, SubjectChoice, SwitchBy, Target};
use crate::surfaces::shown;

/// One watch in full. `link` gives the address of a hand-off's page, where the reader may have it.
pub(in crate::surfaces) fn watch(view: &WatchView, link: impl Fn(&HandOff) -> Option<String>) -> Value {
    let mut shown = glance(view);
    let record = &view.record;
    let candidate = record.standing(Role::Candidate);
    let parts = json!({
        "certificates": {
            "in_force": record.in_force.as_ref().map(standing),
            "candidate": candidate.map(standing),
            "replaced": record.standing(Role::Replaced).map(standing),
        },
        "moments": view.moments.as_ref().map(moments),
        "plan": plan(view.plan(), record),
        "renewal": record.renewal.as_deref().map(renewal),
        "renewal_asked_by": record.renewal_asked.as_ref().map(ToString::to_string),
        "ended": record.ended.as_ref().map(|ended| json!({
            "at": moment(ended.at), "generation": ended.generation,
            "rolled_back": ended.rolled_back, "text": ended.text,
        })),
        "targets": view.watch.targets.iter().map(|one| target(view, one)).collect::<Vec<_>>(),
        "probes": view.watch.probes.iter().map(|one| probe_of(record, one)).collect::<Vec<_>>(),
        "callers": view.watch.callers.iter().map(|one| caller(record, one)).collect::<Vec<_>>(),
        "hand_offs": shown::hand_offs(view).iter().map(|one| linked(record, one, link(one))).collect::<Vec<_>>(),
        "leftovers": record.leftovers.iter().map(leftover).collect::<Vec<_>>(),
        "attempts": attempts(record),
        "in_flight": record.in_flight.as_deref().map(|(act, since)| json!({
            "id": act.id(), "what": act.sentence(), "since": moment(*since),
        })),
        "destination": record.destination.as_ref().map(|facts| json!({
            "name": facts.name, "authentication": facts.authentication,
            "keystore_location": facts.keystore_location, "url": facts.url, "company_id": facts.company_id,
        })),
    });
    if let (Value::Object(whole), Value::Object(parts)) = (&mut shown, parts) {
        whole.extend(parts);
    }
    shown
}

fn moments(moments: &Moments) -> Value {
    json!({
        "notice": moment(moments.notice),
        "due": moment(moments.due),
        "warning": moment(moments.warning),
        "critical": moment(moments.critical),
        "last_safe": moment(moments.last_safe),
        "deadline": moment(moments.deadline),
    })
}

fn plan(plan: &Plan, record: &Record) -> Value {
    let lines: Vec<Value> = plan
        .lines
        .iter()
        .map(|line| json!({"at": moment_or_null(line.at), "what": line.what, "why": line.why}))
        .collect();
    let held: Vec<Value> = plan
        .held
        .iter()
        .map(|held| json!({"gate": held.gate, "text": held.text, "until": moment_or_null(held.until)}))
        .collect();
    let act = plan.act.as_ref().map(|act| {
        let id = act.id();
        let approved = record.approvals.get(&id);
        json!({
            "id": id,
            "verb": act.verb(),
            "what": act.sentence(),
            "pending_since": moment_or_null(record.pending.get(&act.id()).copied()),
            "approved": approved.map(|approval| json!({"by": approval.by, "at": moment(approval.at)})),
        })
    });
    let pending: Vec<Value> =
        record.pending.iter().map(|(id, since)| json!({"id": id, "since": moment(*since)})).collect();
    json!({
        "lines": lines, "act": act, "held": held, "pending": pending,
        "next": moment_or_null(plan.next), "gap": plan.gap,
    })
}

fn renewal(renewal: &Renewal) -> Value {
    let terms = &renewal.terms;
    let switched: serde_json::Map<String, Value> =
        renewal.switched.iter().map(|(caller, at)| (caller.clone(), moment(*at).into())).collect();
    json!({
        "generation": renewal.generation,
        "started": moment(renewal.started),
        "cause": renewal.cause.to_string(),
        "renewer": terms.kind,
        "rotation": rotation(terms.rotation),
        "subject": subject(renewal.subject),
        "switch": switch(terms.switch),
        "window": terms.window.as_ref().map(ToString::to_string),
        "order": renewal.order.as_ref().map(|order| json!({
            "name": order.name, "common_name": order.common_name, "placed": moment(order.placed),
        })),
        "switched": switched,
        "settling_since": moment_or_null(renewal.settling_since),
        "rolling_back": since_and_text(renewal.rolling_back.as_ref()),
        "gap_announced": since_and_text(renewal.gap_announced.as_ref()),
    })
}

fn since_and_text(known: Option<&(crate::domain::Timestamp, String)>) -> Value {
    known.map_or(Value::Null, |(at, text)| json!({"at": moment(*at), "text": text}))
}

const fn rotation(rotation: Rotation) -> &'static str {
    match rotation {
        Rotation::SideBySide => "side-by-side",
        Rotation::InPlace => "in-place",
        Rotation::LeftToSource => "left-to-source",
    }
}

const fn subject(subject: SubjectChoice) -> &'static str {
    match subject {
        SubjectChoice::Auto => "auto",
        SubjectChoice::Same => "same",
        SubjectChoice::Counted => "counted",
    }
}

const fn switch(switch: SwitchBy) -> &'static str {
    match switch {
        SwitchBy::Caller => "caller",
        SwitchBy::Entry => "entry",
    }
}

fn target(view: &WatchView, target: &Target) -> Value {
    let record = &view.record;
    let matching = view.matching.get(&target.id).copied().unwrap_or(Matching::Unknown);
    let learned = target.tenant.as_ref().and_then(|tenant| record.learned.get(tenant));
    let candidate = record.standing(Role::Candidate);
    let known = |publications: &Few<_, _>| publication(publications.get(&target.id));
    json!({
        "id": target.id,
        "kind": target.kind,
        "delivery": match target.delivery { Delivery::HandOff => "hand-off", Delivery::Direct => "direct" },
        "tenant": target.tenant,
        "matching": matching.word(),
        "learned_at": moment_or_null(learned.map(|learned| learned.at)),
        "learned_from": learned.and_then(|learned| learned.from.as_ref()),
        "proven_by": view.watch.probe_of(target).map(|probe| &probe.id),
        "assignee": target.assignee,
        "in_force": record.in_force.as_ref().map(|standing| known(&standing.targets)),
        "candidate": candidate.map(|standing| known(&standing.targets)),
    })
}

fn probe_of(record: &Record, configured: &Probe) -> Value {
    let candidate = record.standing(Role::Candidate);
    let in_force = record.in_force.as_ref().and_then(|standing| standing.probes.get(&configured.id));
    json!({
        "id": configured.id,
        "url": configured.url,
        "tenant": configured.tenant,
        "every_seconds": configured.every.num_seconds(),
        "in_force": probe(in_force),
        "candidate": probe(candidate.and_then(|standing| standing.probes.get(&configured.id))),
    })
}

fn caller(record: &Record, caller: &Caller) -> Value {
    let facts = record.callers.get(&caller.id);
    let switched = record.renewal.as_ref().and_then(|renewal| renewal.switched.get(&caller.id));
    json!({
        "id": caller.id,
        "kind": caller.kind,
        "cache_seconds": caller.cache.num_seconds(),
        "uses": facts.and_then(|facts| facts.uses.as_ref()),
        "seen": moment_or_null(facts.and_then(|facts| facts.seen)),
        "unseen": facts.and_then(|facts| facts.unseen.as_ref()).map(|why| json!({
            "reason": why.reason.code(), "text": why.text,
        })),
        "switched": moment_or_null(switched.copied()),
    })
}

/// One open question to a person, without the token of its link.
pub(in crate::surfaces) fn hand_off(record: &Record, open: &HandOff) -> Value {
    let facts = shown::hand_off_facts(record).find(|facts| facts.token == open.token);
    let fields: Vec<Value> =
        open.fields.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    json!({
        "watch": open.watch,
        "target": open.target,
        "ask": open.ask.word(),
        "headline": open.headline,
        "place": open.place,
        "permission": open.permission,
        "fields": fields,
        "steps": open.steps,
        "afterwards": open.afterwards,
        "gap": open.gap,
        "test": open.test,
        "urgent": open.urgent,
        "causes": open.causes.iter().map(|(text, way_out)| json!({"text": text, "way_out": way_out})).collect::<Vec<_>>(),
        "opened": moment(open.opened),
        "wanted_by": moment_or_null(open.wanted_by),
        "escalated": moment_or_null(facts.and_then(|facts| facts.escalated)),
        "signs": facts.map(signs).unwrap_or_default(),
    })
}

fn linked(record: &Record, open: &HandOff, link: Option<String>) -> Value {
    let mut shown = hand_off(record, open);
    if let (Value::Object(fields), Some(link)) = (&mut shown, link) {
        fields.insert("link".to_owned(), link.into());
    }
    shown
}

fn signs(facts: &HandOffFacts) -> Vec<Value> {
    let word = |sign: &Sign| match sign {
        Sign::Saved => "saved",
        Sign::Deleting => "deleting",
        Sign::CheckNow => "check",
    };
    facts
        .signs
        .iter()
        .map(|(at, sign, by)| json!({"at": moment(*at), "sign": word(sign), "by": by}))
        .collect()
}

fn leftover(leftover: &Leftover) -> Value {
    let leaf = &leftover.chain.leaf;
    let people: Vec<&String> =
        leftover.hand_offs.iter().filter(|(_, facts)| facts.closed.is_none()).map(|(id, _)| id).collect();
    json!({
        "certificate": certificate(leaf),
        "entry": leftover.name,
        "since": moment(leftover.since),
        "never_in_force": leftover.never_in_force,
        "entry_removed": moment_or_null(leftover.entry_removed),
        "removal_asked": leftover.asked,
        "people_asked_for": people,
    })
}

/// Failures in a row of acts and of looks, which say why something waits.
fn attempts(record: &Record) -> Vec<Value> {
    let both = record.attempts.iter().chain(&record.misses);
    both.map(|(of, attempts)| {
        json!({
            "of": of, "count": attempts.count, "last": moment(attempts.last), "next": moment(attempts.next),
            "reason": attempts.reason.code(), "text": attempts.text,
            "maybe_effective": attempts.maybe_effective,
        })
    })
    .collect()
}
