//! Where the moments of a certificate lie on a line from its start to its end, for drawing.
//! It draws nothing.

use serde_json::{Value, json};

use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;
use crate::domain::policy::Moments;

/// The length of the line.
const LENGTH: i64 = 1000;

/// The line of one certificate: zones by seriousness, and where now is.
pub(super) fn line(leaf: &Certificate, moments: Option<&Moments>, now: Timestamp) -> Value {
    let place = |at: Timestamp| place(leaf, at);
    let mut bounds = vec![(0, "ok")];
    if let Some(moments) = moments {
        bounds.extend([
            (place(moments.notice), "notice"),
            (place(moments.warning), "warning"),
            (place(moments.critical), "critical"),
            (place(moments.deadline), "late"),
        ]);
    }
    let ends = bounds.iter().skip(1).map(|(at, _)| *at).chain([LENGTH]);
    let zones: Vec<Value> = bounds
        .iter()
        .zip(ends)
        .filter(|((from, _), to)| from < to)
        .map(|((from, kind), to)| json!({"x": from, "width": to - from, "kind": kind}))
        .collect();
    json!({"zones": zones, "now": place(now), "due": moments.map(|moments| place(moments.due))})
}

/// Where a moment lies; what is beyond an end lies at it.
fn place(leaf: &Certificate, at: Timestamp) -> i64 {
    let whole = leaf.lifetime().num_seconds().max(1);
    ((at - leaf.not_before).num_seconds().saturating_mul(LENGTH) / whole).clamp(0, LENGTH)
}
