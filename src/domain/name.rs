//! A distinguished name as its parts, so that names are compared by parts and never as text.
//! It does not build chains.

use std::borrow::Cow;
use std::sync::Arc;

use x509_parser::x509::X509Name;

/// A distinguished name: attribute and value pairs, in the order of the certificate.
///
/// Products write the same name in different orders (RFC 4514 reverses it), so equality looks at the set of pairs,
/// without regard to the case of attribute names or to surrounding blanks of values (RFC 5280, 7.1, simplified).
///
/// It is kept as one text, because there are two for each certificate: every part as attribute, NUL, the length of its value in
/// bytes, NUL, value. An attribute is a short name or a dotted number, so it holds no NUL.
#[derive(Clone)]
pub struct DistinguishedName(Arc<str>);

impl DistinguishedName {
    /// Builds a name from attribute and value pairs, in the order of the certificate.
    #[must_use]
    pub fn new<K: AsRef<str>, V: AsRef<str>>(parts: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut text = String::new();
        for (key, value) in parts {
            let value = value.as_ref();
            text.extend([key.as_ref(), "\0", &value.len().to_string(), "\0", value]);
        }
        Self(text.into())
    }

    pub(crate) fn from_x509(name: &X509Name<'_>) -> Self {
        let parts = name.iter_attributes().map(|attribute| {
            let oid = attribute.attr_type();
            let key = x509_parser::objects::oid2abbrev(oid, x509_parser::objects::oid_registry())
                .map_or_else(|_| Cow::Owned(oid.to_id_string()), Cow::Borrowed);
            (key, value_text(attribute))
        });
        Self::new(parts)
    }

    /// Attribute and value pairs, in the order of the certificate.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (key, after) = rest.split_once('\0')?;
            let (length, after) = after.split_once('\0')?;
            let (value, after) = after.split_at_checked(length.parse().ok()?)?;
            rest = after;
            Some((key, value))
        })
    }

    /// The last common name, which is the most specific one.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.parts().filter(|(key, _)| *key == "CN").last().map(|(_, value)| value)
    }

    /// What two writings of one name have in common.
    pub(super) fn canonical(&self) -> Vec<(String, &str)> {
        let mut parts: Vec<_> = self.parts().map(|(key, value)| (key.to_uppercase(), value.trim())).collect();
        parts.sort();
        parts
    }
}

/// The value as text, whatever string type it is in; hexadecimal where it is none.
fn value_text<'a>(attribute: &'a x509_parser::x509::AttributeTypeAndValue<'_>) -> Cow<'a, str> {
    if let Ok(text) = attribute.as_str() {
        return Cow::Borrowed(text);
    }
    let bytes = attribute.as_slice();
    let from_units = |units: Vec<u16>| String::from_utf16(&units).ok();
    let text = match attribute.attr_value().tag() {
        x509_parser::asn1_rs::Tag::BmpString => from_units(
            bytes.chunks(2).map(|pair| pair.iter().fold(0, |sum, b| (sum << 8) | u16::from(*b))).collect(),
        ),
        // T.61 was never written as T.61: what is in it is UTF-8 or Latin-1.
        x509_parser::asn1_rs::Tag::T61String => String::from_utf8(bytes.to_vec())
            .ok()
            .or_else(|| Some(bytes.iter().copied().map(char::from).collect())),
        _ => None,
    };
    text.unwrap_or_else(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect()).into()
}

/// The value with what would end or change it marked (RFC 4514, 2.4), control characters included.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' | ',' | '+' | '"' | '<' | '>' | ';' => text.extend(['\\', c]),
            c if c.is_control() => text.push_str(&format!("\\{:02X}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.canonical() == other.canonical()
    }
}

impl Eq for DistinguishedName {}

impl Default for DistinguishedName {
    fn default() -> Self {
        Self("".into())
    }
}

impl std::fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

impl std::hash::Hash for DistinguishedName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

impl std::fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<_> = self.parts().collect();
        for (position, (key, value)) in parts.into_iter().rev().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{key}={}", escaped(value))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(parts: &[(&str, &str)]) -> DistinguishedName {
        DistinguishedName::new(parts.iter().copied())
    }

    #[test]
    fn the_order_of_the_parts_does_not_matter() {
        assert_eq!(name(&[("C", "DE"), ("CN", "a")]), name(&[("CN", "a"), ("C", "DE")]));
    }

    #[test]
    fn whatever_stands_in_a_value_the_parts_are_told_apart() {
        let odd = [("CN", "a\x003\x00bc"), ("O", ""), ("1.2.3", "größe"), ("OU", "\0")];
        assert_eq!(name(&odd).parts().collect::<Vec<_>>(), odd);
    }

    #[test]
    fn a_repeated_part_counts() {
        assert_ne!(name(&[("OU", "x"), ("OU", "x")]), name(&[("OU", "x")]));
    }

    #[test]
    fn text_is_most_specific_first_and_escapes_commas() {
        assert_eq!(name(&[("C", "DE"), ("O", "A, B"), ("CN", "x")]).to_string(), "CN=x, O=A\\, B, C=DE");
    }

    #[test]
    fn text_cannot_pass_for_another_name() {
        assert_eq!(name(&[("CN", "x\nO=ACME")]).to_string(), "CN=x\\0AO=ACME");
        assert_eq!(name(&[("CN", "a+b;\"c\"")]).to_string(), "CN=a\\+b\\;\\\"c\\\"");
    }

    #[test]
    fn the_type_of_the_string_does_not_matter() {
        use rcgen::{DnType, DnValue};
        let read = |value: DnValue| {
            let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names to refuse");
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, value);
            let key = rcgen::KeyPair::generate().expect("a key");
            let made = params.self_signed(&key).expect("a certificate");
            crate::domain::certificate::Certificate::from_der(made.der()).expect("its facts").subject
        };
        let expected = name(&[("CN", "ACME 1")]);
        assert_eq!(read(DnValue::Utf8String("ACME 1".into())), expected);
        assert_eq!(read(DnValue::PrintableString("ACME 1".try_into().expect("text"))), expected);
        assert_eq!(read(DnValue::BmpString("ACME 1".try_into().expect("text"))), expected);
        assert_eq!(read(DnValue::TeletexString("ACME 1".try_into().expect("text"))), expected);
        assert_eq!(expected.common_name(), Some("ACME 1"));
    }
}
