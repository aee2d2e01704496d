//! The watches there are, when each is due, and which are wanted now.
//! It begins nothing and asks no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::Timestamp;
use crate::domain::watch::Watch;
use crate::engine::execute::Parts;

/// A watch's id, shared by everything that is kept of it.
pub(super) type Id = Arc<str>;

/// The watches and their order. Nothing here takes time that grows with their number, but what is asked of all of them.
#[derive(Default)]
pub(super) struct Queue {
    slots: BTreeMap<Id, Slot>,
    due: BTreeSet<(Timestamp, Id)>,
    wanted: BTreeSet<Id>,
    /// Those of which no pass has ended yet.
    fresh: BTreeSet<Id>,
}

/// What another set of watches changed.
#[derive(Default)]
pub(super) struct Replaced {
    /// Those that were not there before.
    pub(super) came: Vec<Id>,
    /// Those that were made anew, with what they were before.
    pub(super) changed: Vec<(Id, Arc<Watch>)>,
    /// Those that are gone, with what they were.
    pub(super) gone: Vec<(Id, Arc<Watch>)>,
}

struct Slot {
    parts: Arc<Parts>,
    next: Option<Timestamp>,
}

impl Queue {
    /// The id as it is kept, where there is such a watch.
    pub(super) fn id(&self, id: &str) -> Option<Id> {
        self.slots.get_key_value(id).map(|(id, _)| Arc::clone(id))
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.slots.contains_key(id)
    }

    pub(super) fn parts(&self, id: &str) -> Option<&Arc<Parts>> {
        self.slots.get(id).map(|slot| &slot.parts)
    }

    /// Every watch with what serves it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Id, &Arc<Parts>)> {
        self.slots.iter().map(|(id, slot)| (id, &slot.parts))
    }

    /// These watches there are from now on; those that were there before keep their place.
    pub(super) fn replace(&mut self, watches: BTreeMap<Id, Arc<Parts>>) -> Replaced {
        let mut before = std::mem::take(&mut self.slots);
        let mut replaced = Replaced::default();
        let fresh = &mut self.fresh;
        // Collected at once, the map is half as large as one that grew entry by entry.
        self.slots = watches
            .into_iter()
            .map(|(id, parts)| match before.remove_entry(&id) {
                Some((id, slot)) => {
                    if !Arc::ptr_eq(&slot.parts.watch, &parts.watch) {
                        replaced.changed.push((Arc::clone(&id), Arc::clone(&slot.parts.watch)));
                    }
                    (id, Slot { parts, next: slot.next })
                }
                None => {
                    fresh.insert(Arc::clone(&id));
                    replaced.came.push(Arc::clone(&id));
                    (id, Slot { parts, next: None })
                }
            })
            .collect();
        for (id, slot) in &before {
            if let Some(at) = slot.next {
                self.due.remove(&(at, Arc::clone(id)));
            }
            self.wanted.remove(id);
            self.fresh.remove(id);
        }
        replaced.gone = before.into_iter().map(|(id, slot)| (id, Arc::clone(&slot.parts.watch))).collect();
        replaced
    }

    /// When a watch is due next; none where only a ring can bring something new.
    pub(super) fn set_next(&mut self, id: &Id, next: Option<Timestamp>) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        if let Some(before) = std::mem::replace(&mut slot.next, next) {
            self.due.remove(&(before, Arc::clone(id)));
        }
        self.due.extend(next.map(|at| (at, Arc::clone(id))));
    }

    pub(super) fn next(&self, id: &str) -> Option<Timestamp> {
        self.slots.get(id)?.next
    }

    /// It is wanted now, whenever it is due.
    pub(super) fn want(&mut self, id: Id) {
        self.wanted.insert(id);
    }

    pub(super) fn want_all(&mut self) {
        self.wanted.extend(self.slots.keys().cloned());
    }

    /// A pass of it has ended.
    pub(super) fn note_passed(&mut self, id: &str) {
        self.fresh.remove(id);
    }

    /// Whether every watch was passed over once.
    pub(super) fn is_each_passed(&self) -> bool {
        self.fresh.is_empty()
    }

    /// When the first is due that may begin.
    pub(super) fn first_due(&self, may_begin: impl Fn(&str) -> bool) -> Option<Timestamp> {
        self.due.iter().find(|(_, id)| may_begin(id)).map(|(at, _)| *at)
    }

    /// At most so many that are wanted or due and may begin: they are neither from now on.
    pub(super) fn take(&mut self, now: Timestamp, room: usize, may_begin: impl Fn(&str) -> bool) -> Vec<Id> {
        while let Some((_, id)) = self.due.first().filter(|(at, _)| *at <= now).cloned() {
            self.set_next(&id, None);
            self.wanted.insert(id);
        }
        let ready: Vec<Id> = self.wanted.iter().filter(|id| may_begin(id)).take(room).cloned().collect();
        for id in &ready {
            self.wanted.remove(id);
            self.set_next(id, None);
        }
        ready
    }
}
