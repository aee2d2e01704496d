//! One family of the text format: its head once, its series beneath it.
//! It knows the format and no metric.

use std::fmt::{Display, Write as _};

use super::catalogue::{Kind, Metric};
use super::labels::Labels;
use crate::domain::Timestamp;

/// A family that is being written. A family without series leaves no trace.
pub(super) struct Family<'a> {
    metric: &'a Metric,
    out: &'a mut String,
    /// Takes what was written, where it is taken in portions.
    drain: Option<&'a mut dyn FnMut(&str)>,
    begun: bool,
}

/// How much is written before it is taken: of thousands of watches one family alone is megabytes.
const PORTION: usize = 64 * 1024;

impl<'a> Family<'a> {
    pub(super) const fn new(metric: &'a Metric, out: &'a mut String) -> Self {
        Self { metric, out, drain: None, begun: false }
    }

    /// A family that is taken in portions, the last of which stays in `out`.
    pub(super) const fn drained(
        metric: &'a Metric,
        out: &'a mut String,
        drain: &'a mut dyn FnMut(&str),
    ) -> Self {
        Self { metric, out, drain: Some(drain), begun: false }
    }

    /// Adds a series; the values stand for the metric's labels, in their order.
    pub(super) fn series(&mut self, values: &[&str], value: impl Display) {
        self.series_with(values, &[], value);
    }

    /// Adds a series with a moment as its value, where the moment is known.
    pub(super) fn moment(&mut self, values: &[&str], at: Option<Timestamp>) {
        if let Some(at) = at {
            self.series(values, at.timestamp());
        }
    }

    /// Adds a series that says yes or no, where that is known.
    pub(super) fn flag(&mut self, values: &[&str], set: Option<bool>) {
        if let Some(set) = set {
            self.series(values, u8::from(set));
        }
    }

    /// Adds a series with more labels than the metric has.
    pub(super) fn series_with(&mut self, values: &[&str], more: &[(String, String)], value: impl Display) {
        debug_assert_eq!(values.len(), self.metric.labels.len(), "{}", self.metric.name);
        self.head();
        self.out.push_str(self.metric.name);
        let own = self.metric.labels.iter().copied().zip(values.iter().copied());
        let more = more.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut before = '{';
        for (name, value) in own.chain(more) {
            self.out.push(before);
            self.out.push_str(name);
            self.out.push_str("=\"");
            push_escaped(self.out, value);
            self.out.push('"');
            before = ',';
        }
        if before == ',' {
            self.out.push('}');
        }
        self.write(format_args!(" {value}\n"));
    }

    /// Adds a series with labels that were written before; those that the metric lists and that are empty may be missing.
    pub(super) fn labelled(&mut self, labels: &Labels, value: impl Display) {
        self.head();
        self.out.push_str(self.metric.name);
        if !labels.text().is_empty() {
            self.out.extend(["{", labels.text(), "}"]);
        }
        self.write(format_args!(" {value}\n"));
    }

    /// Adds a histogram without labels: cumulative counts per upper bound, then all of them.
    pub(super) fn histogram(&mut self, buckets: impl Iterator<Item = (f64, u64)>, sum: f64, count: u64) {
        for (bound, within) in buckets {
            self.line("_bucket", &format!("{{le=\"{bound}\"}}"), within);
        }
        self.line("_bucket", "{le=\"+Inf\"}", count);
        self.line("_sum", "", sum);
        self.line("_count", "", count);
    }

    fn line(&mut self, suffix: &str, labels: &str, value: impl Display) {
        let name = self.metric.name;
        self.head();
        self.write(format_args!("{name}{suffix}{labels} {value}\n"));
    }

    fn head(&mut self) {
        if !self.begun {
            self.begun = true;
            let Metric { name, kind, help, .. } = self.metric;
            self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.word()));
        }
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        self.out.write_fmt(text).unwrap_or_default();
        if self.out.len() >= PORTION
            && let Some(drain) = &mut self.drain
        {
            drain(self.out);
            self.out.clear();
        }
    }
}

impl Kind {
    /// The word of the format.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// Adds a label's value as the format wants it between quotes.
pub(super) fn push_escaped(out: &mut String, value: &str) {
    let mut rest = value;
    while let Some(at) = rest.find(['\\', '"', '\n']) {
        let (plain, odd) = rest.split_at(at);
        out.push_str(plain);
        out.push_str(match odd.as_bytes().first() {
            Some(b'"') => "\\\"",
            Some(b'\n') => "\\n",
            Some(_) | None => "\\\\",
        });
        rest = odd.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// The operator's own labels under `label_`, made safe; of names that become the same, later ones are numbered.
pub(super) fn user_labels<'a>(
    labels: impl Iterator<Item = (&'a String, &'a String)>,
) -> Vec<(String, String)> {
    let mut safe: Vec<(String, String)> = Vec::new();
    for (name, value) in labels {
        let wanted = format!("label_{}", sanitise(name));
        let taken = |candidate: &str| safe.iter().any(|(name, _)| name == candidate);
        let free = (2..)
            .map(|n| format!("{wanted}_{n}"))
            .find(|candidate| !taken(candidate))
            .filter(|_| taken(&wanted))
            .unwrap_or(wanted);
        safe.push((free, value.clone()));
    }
    safe
}

fn sanitise(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(names: &[&str]) -> Vec<String> {
        let pairs: Vec<_> = names.iter().map(|name| ((*name).to_owned(), "v".to_owned())).collect();
        user_labels(pairs.iter().map(|(name, value)| (name, value)))
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn labels_that_become_the_same_stay_apart() {
        assert_eq!(labelled(&["a-b", "a.b", "a_b"]), ["label_a_b", "label_a_b_2", "label_a_b_3"]);
        assert_eq!(labelled(&["stage", "größe"]), ["label_stage", "label_gr__e"]);
    }

    #[test]
    fn values_are_escaped() {
        for (value, written) in
            [("", ""), ("plain", "plain"), ("a\"b\\c\nd", "a\\\"b\\\\c\\nd"), ("\"", "\\\"")]
        {
            let mut out = String::new();
            push_escaped(&mut out, value);
            assert_eq!(out, written);
        }
    }
}
