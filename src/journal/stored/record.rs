//! The stored form of a record and of everything in it.
//! It decides nothing; a part that cannot be read makes the whole record unreadable.

use serde_json::{Map, Value};

use super::{Stored, Unreadable, coded, field, put, stored, tagged, text, words};
use crate::domain::chain::Chain;
use crate::domain::drift::{PlaceFacts, Shown};
use crate::domain::event::Actor;
use crate::domain::few::Few;
use crate::domain::finding::Level;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::record::{
    Act, Approval, Ask, Attempts, CallerFacts, CopyOrder, Counts, Due, Ended, HandOffFacts, Keep, Learned,
    Leftover, Order, Overlap, ProbeFacts, Publication, Purpose, Record, Renewal, Role, Standing, Told,
};
use crate::domain::report::{DestinationFacts, Sign};
use crate::domain::verdict::{Detail, Phase, Probed, Verdict};
use crate::domain::watch::{Matching, Rotation, SubjectChoice, SwitchBy, Terms, Validity};
use crate::domain::window::Window;

stored!(Record {
    generation,
    seen_at,
    unseen,
    absent_since,
    in_force,
    previous,
    mapped,
    shown,
    destination,
    oddities,
    places = Few::default(),
    due,
    renewal_asked,
    renewal,
    leftovers,
    learned,
    callers,
    in_flight,
    attempts,
    looked,
    misses,
    refused,
    highest,
    approvals,
    rejected,
    pending,
    acts,
    paused_everywhere,
    paused,
    paused_why,
    silenced_until,
    told,
    check_asked,
    clock_doubt,
    tidied,
    ended,
    counts = Counts::default(),
});

stored!(Standing { chain, name, since, held, has_key, targets, probes, ours });
stored!(ProbeFacts {
    last,
    since,
    repeated,
    conclusive,
    recognised_at,
    rejections,
    no_key,
    not_before,
    tells
});
stored!(Publication { hand_off, published, begun, given, held, proven, confirmed, follows, shared });
stored!(HandOffFacts { ask, opened, token, signs, reminded, escalated, closed, withdrawn });
stored!(Due { fingerprint, at });
stored!(Renewal {
    generation,
    started,
    cause,
    terms,
    replaces,
    replaces_name,
    subject,
    order,
    looked_empty,
    issue_started,
    taken,
    candidate,
    replaced,
    switched,
    settling_since,
    rolling_back,
    gap_announced,
    moved,
    candidate_gone,
    given_up,
    back_refused,
    back_asked,
    back_by,
    back_gone,
    keep,
    overlap = Overlap::default(),
});
stored!(Keep { name, purpose, fingerprint, looked_empty, stands });
stored!(Overlap { old_accepted, old_refused, new_accepted, new_refused, first_switch, last_switch });
stored!(CopyOrder { from, to, fingerprint, over });
stored!(Order { name, common_name, validity, in_place, like, replaces, placed });
stored!(Leftover {
    chain,
    name,
    since,
    never_in_force,
    entry_removed,
    hand_offs,
    asked,
    asked_by,
    was_used,
    kept
});
stored!(Learned { matching, at, from });
stored!(CallerFacts { uses, seen, unseen, stray });
stored!(PlaceFacts { shows, differs, unseen });
stored!(Shown { fingerprint, not_before, not_after });
stored!(Attempts { count, last, next, reason, text, maybe_effective });
stored!(Approval { by, at });
stored!(Told { level, at, text });
stored!(Ended { at, generation, rolled_back, unfit, asked_by, text });
stored!(Counts { renewals, publications, switches, rollbacks });
stored!(DestinationFacts { name, authentication, keystore_location, url, company_id });
stored!(Unseen { reason, text });
stored!(Terms { kind, rotation, subject, common_name, validity, window, switch });
stored!(Chain { leaf, issuers, strays, in_order });
stored!(Probed {
    verdict,
    detail,
    status,
    at,
    phases,
    presented,
    asked_for_certificate,
    acceptable_authorities,
    tls_version,
    cipher,
    server_chain,
    text,
    retry_after_seconds,
});

tagged!(Act {
    Issue = "issue" { generation, order },
    Publish = "publish" { target, role, fingerprint },
    Switch = "switch" { generation, caller, from, to },
    RollBack = "rollback" { generation, caller, from, to },
    Keep = "keep" { generation, copy },
    Put = "put" { generation, copy },
    PutBack = "put-back" { generation, copy },
    Try = "try" { generation, probe, entry },
    Retire = "retire" { name, fingerprint },
});

words!(Ask { Add = "add", Replace = "replace", Remove = "remove" });
words!(Role { InForce = "in_force", Candidate = "candidate", Replaced = "replaced" });
words!(Sign { Saved = "saved", Deleting = "deleting", CheckNow = "check-now" });
words!(Matching { Unknown = "unknown", Dn = "dn", Exact = "exact" });
words!(Rotation { SideBySide = "side-by-side", InPlace = "in-place", LeftToSource = "left-to-source" });
words!(SubjectChoice { Auto = "auto", Same = "same", Counted = "counted" });
words!(Purpose { WayBack = "way-back", Hold = "hold" });
words!(SwitchBy { Caller = "caller", Entry = "entry" });
coded!(Level, Reason, Verdict, Detail, Phase);

impl Stored for Actor {
    fn store(&self) -> Value {
        match self {
            Self::Daemon => Value::from("daemon"),
            Self::Named(name) => Value::from_iter([("named", name.as_str())]),
        }
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        match value.as_str() {
            Some("daemon") => Ok(Self::Daemon),
            Some(other) => Err(Unreadable::new(format!("{other:?} is not known to this version"))),
            None => field(value, "named", None).map(Self::Named),
        }
    }
}

impl Stored for Validity {
    fn store(&self) -> Value {
        let (unit, count) = match self {
            Self::Days(count) => ("days", count),
            Self::Months(count) => ("months", count),
            Self::Years(count) => ("years", count),
        };
        Value::from_iter([(unit, *count)])
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        let object = value.as_object().ok_or_else(|| Unreadable::wanted("an object", value))?;
        let (unit, count) = object.iter().next().ok_or_else(|| Unreadable::new("it is empty"))?;
        let count = u32::restore(count)?;
        match unit.as_str() {
            "days" => Ok(Self::Days(count)),
            "months" => Ok(Self::Months(count)),
            "years" => Ok(Self::Years(count)),
            other => Err(Unreadable::new(format!("{other:?} is not known to this version"))),
        }
    }
}

impl Stored for Window {
    fn store(&self) -> Value {
        Value::from(self.to_string())
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        Self::parse(text(value)?).map_err(|error| Unreadable::new(error.to_string()))
    }
}
