//! What a plan says where the source shows nothing, or nothing that can be used.
//! It judges neither; findings do.

use super::line;
use crate::domain::Timestamp;
use crate::domain::lint::minute;
use crate::domain::record::Record;
use crate::domain::snapshot::PlanLine;
use crate::domain::watch::Watch;

/// That the source cannot be seen, or that nothing is there: until that ends nothing can be done about its certificate.
pub(super) fn line_of(watch: &Watch, record: &Record) -> Option<PlanLine> {
    let id = &watch.id;
    if let Some((since, unseen)) = &record.unseen {
        let why =
            format!("not seen since {}: {unseen}; certsteward check {id} says what to do", minute(*since));
        return Some(line(None, "wait until the source can be seen", why));
    }
    let since = minute(record.absent_since?);
    let why =
        format!("{} is not there since {since}; certsteward check {id} says what to do", watch.source.place);
    Some(line(None, "wait until there is a certificate", why))
}

/// That the certificate has expired, where certsteward does not renew it.
pub(super) fn expired(record: &Record, now: Timestamp) -> Option<PlanLine> {
    let leaf = &record.in_force.as_ref()?.chain.leaf;
    if leaf.not_after > now {
        return None;
    }
    let why = format!(
        "it expired at {}, and no [watch.renewal] is configured: whoever issues it has to renew it",
        minute(leaf.not_after)
    );
    Some(line(None, "wait for a new certificate", why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::{Reason, Unseen};
    use crate::domain::sample::{noon, record, watch};

    #[test]
    fn what_cannot_be_seen_or_is_not_there_is_told_with_since_when() {
        let told =
            |record: &Record| line_of(&watch(), record).map(|line| format!("{} -- {}", line.what, line.why));
        assert_eq!(told(&record()), None);
        let unseen = Some((noon(), Unseen::new(Reason::Timeout, "no answer")));
        assert_eq!(
            told(&Record { unseen, ..Record::default() }).unwrap(),
            "wait until the source can be seen -- not seen since 2026-06-01 12:00 UTC: no answer; certsteward check sf says what to do"
        );
        let absent = Record { absent_since: Some(noon()), ..record() };
        let expected =
            "wait until there is a certificate -- btp sfapi.pem is not there since 2026-06-01 12:00 UTC; ";
        assert!(told(&absent).unwrap().starts_with(expected), "{:?}", told(&absent));
    }
}
