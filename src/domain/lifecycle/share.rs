//! What a watch is told by the house: what other watches learned of its tenants, and whether the clock can be trusted.
//! It learns nothing itself and reads no clock.

use std::collections::BTreeMap;

use super::Chronicle;
use crate::domain::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::record::{Learned, Record};
use crate::domain::watch::{Matching, Watch};

/// The newest lesson of each tenant, and the watch that learned it.
pub type Lessons = BTreeMap<String, (String, Learned)>;

/// Adds what one watch has learned to what all know: of two lessons of one tenant the newer holds.
pub fn teach(lessons: &mut Lessons, watch: &str, record: &Record) {
    for (tenant, learned) in &record.learned {
        if lessons.get(tenant).is_none_or(|(_, known)| known.at < learned.at) {
            lessons.insert(tenant.clone(), (watch.to_owned(), learned.clone()));
        }
    }
}

/// A watch knows of its tenants what any watch has learned of them.
pub fn share(watch: &Watch, record: &mut Record, lessons: &Lessons, chronicle: &mut Chronicle<'_>) {
    let tenants = watch.targets.iter().filter_map(|target| target.tenant.as_ref());
    for tenant in tenants {
        let Some((teacher, lesson)) = lessons.get(tenant).filter(|(teacher, _)| *teacher != watch.id) else {
            continue;
        };
        let own = record.learned.get(tenant);
        if own.is_some_and(|own| own.at >= lesson.at || own.matching == lesson.matching) {
            continue;
        }
        let how = if lesson.matching == Matching::Dn {
            "by issuer and subject"
        } else {
            "by the exact certificate"
        };
        let text = format!("{tenant} recognises certificates {how}, as the watch {teacher} has learned");
        chronicle.note(EventKind::Learned, text);
        record.learned.insert(tenant.clone(), lesson.clone());
    }
}

/// Notes since when the clock is in doubt, and why; none where it is not.
pub fn note_clock(record: &mut Record, doubt: Option<String>, now: Timestamp) {
    let since = record.clock_doubt.take().map_or(now, |(since, _)| since);
    record.clock_doubt = doubt.map(|why| (since, why));
}

/// Notes since when acts are paused everywhere.
pub fn note_pause(record: &mut Record, paused: bool, now: Timestamp) {
    record.paused_everywhere = paused.then(|| record.paused_everywhere.unwrap_or(now));
}
