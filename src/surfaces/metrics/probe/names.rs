//! Names as blackbox_exporter and ssl_exporter write them, so that labels stay what they were.
//! It reads no certificate but through its facts.

use crate::domain::certificate::Certificate;
use crate::domain::name::DistinguishedName;

/// The alternative names of a certificate by kind.
#[derive(Debug, Default)]
pub(super) struct TlsNames {
    pub(super) hosts: Vec<String>,
    pub(super) addresses: Vec<String>,
    pub(super) mails: Vec<String>,
}

pub(super) fn alternative(certificate: &Certificate) -> TlsNames {
    let mut names = TlsNames::default();
    for name in certificate.alternative_names() {
        let Some((kind, value)) = name.split_once(':') else { continue };
        match kind {
            "DNS" => names.hosts.push(value.to_owned()),
            "IP" => names.addresses.push(value.to_owned()),
            "email" => names.mails.push(value.to_owned()),
            _ => {}
        }
    }
    names
}

/// `TLS 1.3` of `TLSv1.3`.
pub(super) fn tls_version(version: &str) -> String {
    version.replace("TLSv", "TLS ")
}

/// The attributes in the order in which that exporter writes them, whatever the order in the certificate, and its word for each.
const ORDER: [(&str, &str); 9] = [
    ("serialNumber", "SERIALNUMBER"),
    ("CN", "CN"),
    ("OU", "OU"),
    ("O", "O"),
    ("postalCode", "POSTALCODE"),
    ("streetAddress", "STREET"),
    ("L", "L"),
    ("ST", "ST"),
    ("C", "C"),
];

/// A distinguished name as that exporter writes it: `CN=api,OU=a+OU=b,O=ACME,C=DE`; other attributes come last.
pub(super) fn blackbox_name(name: &DistinguishedName) -> String {
    let known = ORDER.iter().filter_map(|(wanted, word)| {
        let values = name.parts().filter(|(key, _)| key == wanted);
        let pairs: Vec<String> = values.map(|(_, value)| format!("{word}={}", escaped(value))).collect();
        (!pairs.is_empty()).then(|| pairs.join("+"))
    });
    let others = name
        .parts()
        .filter(|(key, _)| !ORDER.iter().any(|(known, _)| known == key))
        .map(|(key, value)| format!("{key}={}", escaped(value)));
    known.chain(others).collect::<Vec<_>>().join(",")
}

/// What would end or change a value is marked (RFC 2253).
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        let mark = match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            '#' => at == 0,
            ' ' => at == 0 || at == last,
            _ => false,
        };
        if mark {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_as_blackbox_writes_it() {
        let name = DistinguishedName::new([
            ("C", "DE"),
            ("O", "ACME, Inc."),
            ("OU", "one"),
            ("OU", "two"),
            ("CN", " api"),
            ("ST", "Berlin"),
            ("streetAddress", "Main 1"),
            ("L", "Mitte"),
            ("Email", "ops@example.org"),
        ]);
        assert_eq!(
            blackbox_name(&name),
            "CN=\\ api,OU=one+OU=two,O=ACME\\, Inc.,STREET=Main 1,L=Mitte,ST=Berlin,C=DE,Email=ops@example.org"
        );
        assert_eq!(tls_version("TLSv1.2"), "TLS 1.2");
    }
}
