//! The pages for people: what stands on them, put into templates.
//! They are made of the API's own JSON, so that a page never says anything else than the API.

mod hand_off;
mod templates;

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{json, life, shown};
use crate::domain::Timestamp;
use crate::domain::event::Event;
use crate::domain::finding::Level;
use crate::domain::snapshot::{Snapshot, WatchView};

use templates::Templates;
pub(super) use templates::{RenderPage, asset};

/// How many watches the overview shows at once where it is not asked for all.
const AT_ONCE: usize = 200;

/// Makes the pages.
pub(super) struct Pages {
    /// Read when the first page is asked for: most daemons are only scraped.
    templates: LazyLock<Templates>,
    base: String,
}

/// What the overview is asked for.
#[derive(Deserialize, Default)]
pub(super) struct Asked {
    q: Option<String>,
    level: Option<String>,
    all: Option<String>,
}

impl Pages {
    /// Links begin with the path of the public address, where it has one.
    pub(super) fn new(public_url: Option<&str>) -> Self {
        let after_host =
            public_url.and_then(|url| url.split_once("://")).and_then(|(_, rest)| rest.split_once('/'));
        let base =
            after_host.map(|(_, path)| format!("/{}", path.trim_matches('/'))).filter(|base| base != "/");
        Self { templates: LazyLock::new(Templates::new), base: base.unwrap_or_default() }
    }

    /// What links begin with.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// All watches at a glance, the most serious first.
    pub(super) fn overview(
        &self,
        snapshot: &Snapshot,
        ready: bool,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<String, RenderPage> {
        let mut wanted: Vec<&WatchView> =
            snapshot.watches.values().map(|view| &**view).filter(|view| asked.wants(view)).collect();
        wanted.sort_by_key(|view| (std::cmp::Reverse(shown::level(view)), ends(view), view.watch.id.clone()));
        let found = wanted.len();
        if asked.all.is_none() {
            wanted.truncate(AT_ONCE);
        }
        let rows: Vec<Value> = wanted.iter().map(|view| row(view, now)).collect();
        let page = json!({
            "status": json::status(snapshot, ready),
            "rows": rows,
            "found": found,
            "capped": found > rows.len(),
            "q": asked.q.as_deref().unwrap_or_default(),
            "level": asked.level.as_deref().unwrap_or_default(),
            "levels": Level::ALL.iter().rev().map(|level| level.code()).collect::<Vec<_>>(),
        });
        self.templates.render("overview.html", &self.base, page, now)
    }

    /// One watch in full, with a page of its history.
    pub(super) fn watch(
        &self,
        view: &WatchView,
        history: Result<Vec<(i64, Event)>, String>,
        limit: usize,
        now: Timestamp,
    ) -> Result<String, RenderPage> {
        let (events, history_error) = match history {
            Ok(events) => (events, None),
            Err(text) => (Vec::new(), Some(text)),
        };
        let older = events.last().map(|(number, _)| *number).filter(|_| events.len() == limit);
        let events: Vec<Value> = events.iter().map(|(number, event)| json::event(*number, event)).collect();
        let page = json!({
            "watch": json::watch(view, |_| None),
            "life": life_of(view, now),
            "dates": dates(view),
            "steps": steps(view),
            "events": events,
            "older": older,
            "history_error": history_error,
        });
        self.templates.render("watch.html", &self.base, page, now)
    }

    /// What was asked for cannot be shown.
    pub(super) fn problem(
        &self,
        status: u16,
        error: &str,
        way_out: &str,
        now: Timestamp,
    ) -> Result<String, RenderPage> {
        let page = json!({"status": status, "error": error, "way_out": way_out});
        self.templates.render("problem.html", &self.base, page, now)
    }

    /// There is no such watch, or no longer.
    pub(super) fn no_watch(
        &self,
        id: &str,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<String, RenderPage> {
        let vanished = snapshot.daemon.vanished.get(id).copied();
        let (_, way_out) = shown::no_watch(id, snapshot);
        let page = json!({"id": id, "vanished": json::moment_or_null(vanished), "way_out": way_out});
        self.templates.render("no_watch.html", &self.base, page, now)
    }
}

impl Asked {
    /// The level that is asked for but does not exist.
    pub(super) fn unknown_level(&self) -> Option<&str> {
        let level = self.level.as_deref().filter(|level| !level.is_empty());
        level.filter(|level| Level::ALL.iter().all(|known| known.code() != *level))
    }

    fn wants(&self, view: &WatchView) -> bool {
        let level = self.level.as_deref().filter(|level| !level.is_empty());
        let words = self.q.as_deref().unwrap_or_default().to_lowercase();
        level.is_none_or(|level| shown::level(view).code() == level)
            && words.split_whitespace().all(|word| mentions(view, word))
    }
}

/// Whether a word stands in the watch's id, its labels, its source, the certificate's name, or a finding's code.
fn mentions(view: &WatchView, word: &str) -> bool {
    let watch = &view.watch;
    let names = view.record.in_force.as_ref().map(|standing| standing.chain.leaf.common_name());
    let labels = watch.labels.iter().map(|(name, value)| format!("{name}={value}"));
    let codes = view.findings.iter().map(|finding| finding.code.code().to_owned());
    let fixed = [watch.id.clone(), watch.source.place.clone(), view.step.word().to_owned()];
    let mut all = fixed.into_iter().chain(names).chain(labels).chain(codes);
    all.any(|text| text.to_lowercase().contains(word))
}

fn ends(view: &WatchView) -> Option<Timestamp> {
    let deadline = view.moments.map(|moments| moments.deadline);
    deadline.or_else(|| view.record.in_force.as_ref().map(|standing| standing.chain.leaf.not_after))
}

fn row(view: &WatchView, now: Timestamp) -> Value {
    json!({"watch": json::glance(view), "life": life_of(view, now)})
}

fn life_of(view: &WatchView, now: Timestamp) -> Option<Value> {
    let standing = view.record.in_force.as_ref()?;
    Some(life::line(&standing.chain.leaf, view.moments.as_ref(), now))
}

/// The moments that matter, in the order they come.
fn dates(view: &WatchView) -> Vec<Value> {
    let mut dates: Vec<(Timestamp, &str, &str)> = Vec::new();
    if let Some(moments) = &view.moments {
        dates.extend([
            (moments.notice, "Notice", "notice"),
            (view.due.unwrap_or(moments.due), "Renewal due", "due"),
            (moments.warning, "Warning", "warning"),
            (moments.critical, "Critical", "critical"),
            (moments.last_safe, "Last safe moment", "safe"),
            (moments.deadline, "Deadline", "late"),
        ]);
    }
    dates.extend(view.record.in_force.as_ref().map(|one| (one.chain.leaf.not_after, "Expiry", "late")));
    dates.sort_by_key(|(at, _, _)| *at);
    dates
        .iter()
        .map(|(at, name, kind)| json!({"at": json::moment(*at), "name": name, "kind": kind}))
        .collect()
}

/// The steps of a life, with what has passed and where it stands.
fn steps(view: &WatchView) -> Vec<Value> {
    use crate::domain::record::Step;
    let place = |step: Step| match view.step.cmp(&step) {
        std::cmp::Ordering::Greater => "past",
        std::cmp::Ordering::Equal => "now",
        std::cmp::Ordering::Less => "ahead",
    };
    Step::ALL.iter().map(|step| json!({"word": step.word(), "place": place(*step)})).collect()
}
