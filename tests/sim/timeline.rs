//! What a person needs to read when a life broke an invariant: faults, acts, events, changes of level and of service.
//! Nothing is decided from it.

use std::collections::BTreeMap;

use certsteward::domain::Timestamp;

/// Day zero of every life.
pub fn epoch() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// The story of one life.
#[derive(Default)]
pub struct Timeline {
    /// Whether anybody will read it.
    pub kept: bool,
    lines: Vec<String>,
    /// How often what happened.
    pub counts: BTreeMap<String, u64>,
}

impl Timeline {
    pub fn say(&mut self, at: Timestamp, text: impl FnOnce() -> String) {
        if self.kept {
            let line = format!("{} {}", stamp(at), text());
            if self.lines.last().is_none_or(|last| *last != line) {
                self.lines.push(line);
            }
        }
    }

    pub fn count(&mut self, what: &str) {
        match self.counts.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(what.to_owned(), 1)),
        }
    }

    /// The last lines, with certificates numbered in the order they appear.
    pub fn text(&self, most: usize) -> String {
        let surplus = self.lines.len().saturating_sub(most);
        let left_out = if surplus > 0 { format!("… {surplus} lines before\n") } else { String::new() };
        let all = plain(&self.lines.join("\n"));
        left_out + &all.lines().skip(surplus).collect::<Vec<_>>().join("\n")
    }
}

pub fn stamp(at: Timestamp) -> String {
    let since = at - epoch();
    let minutes = since.num_minutes().rem_euclid(1440);
    format!(
        "day{:>5} {:02}:{:02}:{:02}",
        since.num_days(),
        minutes / 60,
        minutes % 60,
        since.num_seconds().rem_euclid(60)
    )
}

/// Fingerprints and what is made of them are numbered, so that a story can be read.
fn plain(text: &str) -> String {
    let is_hex =
        |word: &str| word.len() == 12 && word.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut plain = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if is_hex(bare) {
            let next = known.len() + 1;
            let number = *known.entry(bare.to_owned()).or_insert(next);
            plain.push_str(&format!("#{number}{}", &word[bare.len()..]));
        } else {
            plain.push_str(word);
        }
    }
    plain
}
