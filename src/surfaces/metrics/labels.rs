//! The labels of one series, written once and given to as many families as need them.
//! It knows no metric.

use std::fmt::Write as _;

use super::text::push_escaped;

/// The longest serial number that is written in decimal, in hexadecimal digits: RFC 5280 allows 40.
const LONGEST_SERIAL: usize = 128;

/// Labels as the text format wants them; the room is used again for the next series.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Labels(String);

impl Labels {
    /// Begins anew.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a label. An empty one is left out: to Prometheus it is the same as none.
    pub(super) fn push(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        self.begin(name);
        push_escaped(&mut self.0, value);
        self.0.push('"');
    }

    /// Adds what is written, where it is anything.
    pub(super) fn push_with(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        let before = self.0.len();
        self.begin(name);
        let start = self.0.len();
        write(&mut self.0);
        if self.0.len() == start {
            self.0.truncate(before);
        } else {
            self.0.push('"');
        }
    }

    fn begin(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(name);
        self.0.push_str("=\"");
    }

    /// The labels without their braces.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// Writes a serial number, given in hexadecimal, in decimal. One that is far too long is left out.
pub(super) fn decimal_into(hex: &str, out: &mut String) {
    const BILLION: u64 = 1_000_000_000;
    if hex.is_empty() || hex.len() > LONGEST_SERIAL {
        return;
    }
    let mut groups: Vec<u32> = Vec::with_capacity(6);
    for digits in hex.as_bytes().chunks(7) {
        let Some(value) =
            std::str::from_utf8(digits).ok().and_then(|text| u64::from_str_radix(text, 16).ok())
        else {
            return;
        };
        let (mut carry, factor) = (value, 1_u64 << (4 * digits.len()));
        for group in &mut groups {
            let value = u64::from(*group) * factor + carry;
            *group = u32::try_from(value % BILLION).unwrap_or_default();
            carry = value / BILLION;
        }
        if carry > 0 {
            groups.push(u32::try_from(carry).unwrap_or_default());
        }
    }
    let mut groups = groups.into_iter().rev();
    // Writing to a string cannot fail.
    write!(out, "{}", groups.next().unwrap_or_default()).unwrap_or_default();
    groups.for_each(|group| write!(out, "{group:09}").unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(hex: &str) -> String {
        let mut out = String::new();
        decimal_into(hex, &mut out);
        out
    }

    #[test]
    fn a_serial_number_is_written_in_decimal() {
        for (hex, expected) in [
            ("0", "0"),
            ("00", "0"),
            ("0a", "10"),
            ("ff", "255"),
            ("3b9aca00", "1000000000"),
            ("3b9ac9ff", "999999999"),
            ("de0b6b3a7640000", "1000000000000000000"),
            ("ffffffffffffffffffffffffffffffffffffffff", "1461501637330902918203684832716283019655932542975"),
        ] {
            assert_eq!(decimal(hex), expected, "{hex}");
        }
        assert_eq!(decimal(""), "");
        assert_eq!(decimal("xyz"), "");
        assert_eq!(decimal(&"f".repeat(LONGEST_SERIAL + 1)), "", "nobody can hold up a scrape with a number");
    }

    #[test]
    fn labels_are_escaped_and_empty_ones_left_out() {
        let mut labels = Labels::default();
        labels.push("empty", "");
        labels.push("a", "x\"y\\z\nü");
        labels.push_with("nothing", |_| {});
        labels.push_with("serial", |out| decimal_into("0f", out));
        assert_eq!(labels.text(), "a=\"x\\\"y\\\\z\\nü\",serial=\"15\"");
        labels.clear();
        assert_eq!(labels.text(), "");
    }
}
