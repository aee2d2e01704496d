//! A distinguished name as its parts, so that names are compared by parts and never as text.
//! It does not build chains.

use x509_parser::x509::X509Name;

/// A distinguished name: attribute and value pairs, in the order of the certificate.
///
/// Products write the same name in different orders (RFC 4514 reverses it), so equality looks at the set of pairs,
/// without regard to the case of attribute names or to surrounding blanks of values (RFC 5280, 7.1, simplified).
#[derive(Debug, Clone, Default)]
pub struct DistinguishedName {
    parts: Vec<(String, String)>,
}

impl DistinguishedName {
    /// Builds a name from attribute and value pairs, in the order of the certificate.
    #[must_use]
    pub fn new(parts: Vec<(String, String)>) -> Self {
        Self { parts }
    }

    pub(crate) fn from_x509(name: &X509Name<'_>) -> Self {
        let parts = name.iter_attributes().map(|attribute| {
            let oid = attribute.attr_type();
            let key = x509_parser::objects::oid2abbrev(oid, x509_parser::objects::oid_registry())
                .map_or_else(|_| oid.to_id_string(), str::to_owned);
            let value = attribute.as_str().map_or_else(
                |_| attribute.as_slice().iter().map(|byte| format!("{byte:02x}")).collect(),
                str::to_owned,
            );
            (key, value)
        });
        Self { parts: parts.collect() }
    }

    /// Attribute and value pairs, in the order of the certificate.
    #[must_use]
    pub fn parts(&self) -> &[(String, String)] {
        &self.parts
    }

    /// The last common name, which is the most specific one.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.parts.iter().rev().find(|(key, _)| key == "CN").map(|(_, value)| value.as_str())
    }

    fn canonical(&self) -> Vec<(String, String)> {
        let mut parts: Vec<_> =
            self.parts.iter().map(|(key, value)| (key.to_uppercase(), value.trim().to_owned())).collect();
        parts.sort();
        parts
    }
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for DistinguishedName {}

impl std::fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, (key, value)) in self.parts.iter().rev().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{key}={}", value.replace('\\', "\\\\").replace(',', "\\,"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(parts: &[(&str, &str)]) -> DistinguishedName {
        DistinguishedName::new(parts.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect())
    }

    #[test]
    fn the_order_of_the_parts_does_not_matter() {
        assert_eq!(name(&[("C", "DE"), ("CN", "a")]), name(&[("CN", "a"), ("C", "DE")]));
    }

    #[test]
    fn a_repeated_part_counts() {
        assert_ne!(name(&[("OU", "x"), ("OU", "x")]), name(&[("OU", "x")]));
    }

    #[test]
    fn text_is_most_specific_first_and_escapes_commas() {
        assert_eq!(name(&[("C", "DE"), ("O", "A, B"), ("CN", "x")]).to_string(), "CN=x, O=A\\, B, C=DE");
    }
}
