//! The short way over watches of which nothing is wanted but to see that their source is as it was.
//! Whatever is not as it was, or takes too long to tell, is passed over in full.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::queue::Id;
use super::{Passes, count_reads};
use crate::clock::Stopwatch;
use crate::domain::Timestamp;
use crate::domain::lifecycle;
use crate::sources::Source;

/// How long a sweep may take before its watches are passed over in full instead: a network folder may hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// At most one sweep at a time.
#[derive(Default)]
pub(super) struct Sweep {
    task: JoinSet<Swept>,
    /// Whether somebody rang while it was under way: what it had seen by then may be otherwise now.
    again: bool,
}

/// What a sweep came to.
pub(super) struct Swept {
    began: Timestamp,
    seconds: f64,
    unchanged: Vec<Id>,
    others: Vec<Id>,
}

impl Sweep {
    pub(super) fn is_under_way(&self) -> bool {
        !self.task.is_empty()
    }

    /// What the sweep under way came to, once it has ended.
    pub(super) async fn ended(&mut self) -> Option<Swept> {
        self.task.join_next().await?.ok()
    }

    fn begin(&mut self, began: Timestamp, watches: Vec<(Id, Arc<dyn Source>)>) {
        self.task.spawn(async move {
            let stopwatch = Stopwatch::start();
            let all: Vec<Id> = watches.iter().map(|(id, _)| Arc::clone(id)).collect();
            let looking = tokio::task::spawn_blocking(move || {
                watches.into_iter().partition::<Vec<_>, _>(|(_, source)| source.is_unchanged())
            });
            let ids = |watches: Vec<(Id, Arc<dyn Source>)>| watches.into_iter().map(|(id, _)| id).collect();
            let (unchanged, others) = match tokio::time::timeout(PATIENCE, looking).await {
                Ok(Ok((unchanged, others))) => (ids(unchanged), ids(others)),
                Ok(Err(_)) | Err(_) => (Vec::new(), all),
            };
            Swept { began, seconds: stopwatch.elapsed().as_secs_f64(), unchanged, others }
        });
    }
}

impl Passes {
    /// Every watch is looked at: those that are at rest by a sweep, the others by a pass.
    pub(super) fn look_everywhere(&mut self) {
        let now = self.shared.clock.now();
        if self.shared.clock_doubt().is_some() {
            return self.queue.want_all();
        }
        let (at_rest, others): (Vec<_>, Vec<_>) =
            self.queue.iter().partition(|(id, parts)| parts.places.is_empty() && self.is_at_rest(id, now));
        let at_rest: Vec<_> =
            at_rest.into_iter().map(|(id, parts)| (Arc::clone(id), Arc::clone(&parts.source))).collect();
        let others: Vec<Id> = others.into_iter().map(|(id, _)| Arc::clone(id)).collect();
        others.into_iter().for_each(|id| self.queue.want(id));
        if self.sweep.is_under_way() {
            self.sweep.again = true;
        } else if !at_rest.is_empty() {
            self.sweep.begin(now, at_rest);
        }
    }

    /// Whether a pass of this watch now could only find that its source is as it was.
    fn is_at_rest(&self, id: &Id, now: Timestamp) -> bool {
        let next = self.queue.next(id);
        let waits =
            self.waiting.contains_key(&**id) || self.under_way.contains(id) || self.unsaved.contains(id);
        !waits
            && next.is_none_or(|next| next > now)
            && self
                .shared
                .picture(id)
                .is_some_and(|view| view.was_looked_at() && lifecycle::is_at_rest(&view))
    }

    /// What is as it was has been seen; what is not is passed over.
    pub(super) fn swept(&mut self, swept: Option<Swept>) {
        self.take_swept(swept);
        if std::mem::take(&mut self.sweep.again) {
            self.look_everywhere();
        }
    }

    fn take_swept(&mut self, swept: Option<Swept>) {
        // A sweep that broke down has seen nothing.
        let Some(Swept { began, seconds, unchanged, others }) = swept else {
            return self.queue.want_all();
        };
        others.into_iter().for_each(|id| self.queue.want(id));
        let Some(first) = unchanged.first() else {
            return;
        };
        let each = seconds / f64::from(u32::try_from(unchanged.len()).unwrap_or(u32::MAX));
        {
            let mut daemon = self.shared.daemon();
            daemon.last_pass = Some(self.shared.clock.now());
            for parts in unchanged.iter().filter_map(|id| self.queue.parts(id)) {
                daemon.passes.add(each);
                count_reads(&mut daemon.reads, &parts.watch.source, &[None]);
            }
        }
        tracing::debug!(
            watches = unchanged.len(),
            first = &**first,
            seconds,
            "the sources of these watches are as they were"
        );
        self.shared.see_again(&unchanged, began);
    }
}
