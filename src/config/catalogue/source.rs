//! The keys of a source: where the certificate in force is read from.
//! It knows no key of what is done with it.

use super::{Form, Key, Keys, NET, Shape, UrlKind, optional, preset, required};

/// As [`crate::domain::watch::Usage`] has them.
pub(super) const USES: &[&str] = &["client", "server", "trust"];

/// What a certificate in a file is for.
pub(super) const USE: Key = optional(
    "use",
    Form::Word(USES),
    "\"client\" with a probe or a target, else nothing is asked of it",
    "What its certificates are for, which says how they are judged: presented by a client, by a server, or trusted; with \"trust\" each stands on its own, and what is counted is counted to the first that expires.",
);

/// Which entry of a keystore.
const ALIAS: Key = optional(
    "alias",
    Form::Text,
    "the only one with a private key",
    "The entry that is meant, where a keystore (JKS, JCEKS, PKCS#12) has several.",
);

/// What a certificate is for whose place says so already.
pub(super) const fn used_as(preset_value: &'static str) -> Key {
    preset(
        "use",
        Form::Word(&["client", "server"]),
        preset_value,
        "What its certificate is for, which says how it is judged: presented by a client or by a server.",
    )
}

pub(super) const LEVELS: &[&str] = &["subaccount", "instance"];

pub(super) const AUTO_RENEW: Key = preset(
    "auto_renew",
    Form::Word(&["yes", "no", "unknown"]),
    "\"unknown\"",
    "Whether SAP renews the entry by itself, which cannot be read back; unless \"no\", the deadline is SAP's own renewal threshold.",
);

/// As [`crate::net::starttls::StartTls`] has them.
pub(super) const STARTTLS: &[&str] =
    &["smtp", "imap", "pop3", "ftp", "ldap", "postgres", "mysql", "xmpp", "xmpp-server"];

/// How a TLS server is spoken to, but for its name.
pub(super) const SPOKEN: Key = optional(
    "starttls",
    Form::Word(STARTTLS),
    "TLS from the first byte",
    "What is spoken before TLS begins.",
);

pub(super) static SOURCE: Shape = Shape::Several {
    thing: "source",
    preset: None,
    types: &[
        (
            "destination-service",
            Keys {
                says: "A certificate of the BTP Destination service, by its name or by a destination that points to it.",
                groups: &[&[
                    required("connection", Form::Text, "A connection of type \"destination-service\"."),
                    preset("level", Form::Word(LEVELS), "\"subaccount\"", "Where the entry lives."),
                    optional(
                        "destination",
                        Form::Text,
                        "`certificate` is given",
                        "Follow this destination's KeyStoreLocation.",
                    ),
                    optional(
                        "certificate",
                        Form::Text,
                        "`destination` is given",
                        "The entry's own name, with its extension.",
                    ),
                    AUTO_RENEW,
                    optional(
                        "password",
                        Form::Secret,
                        "the destination's",
                        "What opens the keystore where no destination says so; needed for probes only.",
                    ),
                    used_as("\"client\""),
                ]],
            },
        ),
        (
            "file",
            Keys {
                says: "A certificate in a file: PEM, DER, Base64, PKCS#7, PKCS#12, JKS, JCEKS or ZIP.",
                groups: &[&[
                    required("path", Form::Path, "The file."),
                    optional("password", Form::Secret, "none", "What opens it, where it is protected."),
                    ALIAS,
                    optional(
                        "key",
                        Form::KeyFile,
                        "in the same file, or none",
                        "The private key, where it is in a file of its own: whether it belongs to the certificate is judged, and a probe needs it.",
                    ),
                    USE,
                ]],
            },
        ),
        (
            "url",
            Keys {
                says: "A certificate behind an address, in any form that a file may have: the trust list of an authority, the metadata of a partner. It is asked for by GET; no redirect is followed, and an answer that says it is unchanged is not read again.",
                groups: &[
                    &[
                        required(
                            "url",
                            Form::Url(UrlKind::Page),
                            "The address; over `http://` anybody on the way can change what comes, which is said wherever the address is.",
                        ),
                        optional("password", Form::Secret, "none", "What opens it, where it is protected."),
                        ALIAS,
                        USE,
                    ],
                    NET,
                ],
            },
        ),
        (
            "tls",
            Keys {
                says: "The chain a TLS server presents.",
                groups: &[
                    &[
                        required(
                            "address",
                            Form::Address,
                            "Where the server is: host and port, or a Unix socket.",
                        ),
                        SPOKEN,
                        optional(
                            "server_name",
                            Form::ServerName,
                            "the host",
                            "The name asked for (SNI) and verified; a Unix socket needs one.",
                        ),
                        used_as("\"server\""),
                    ],
                    NET,
                ],
            },
        ),
        (
            "service-key",
            Keys {
                says: "The certificate of a service key (X.509), such as the one certsteward itself opens a Destination service with; a key with a secret has none. Each connection whose key has a certificate is watched so without being asked, as `service-key-NAME`, unless a watch of this type names it.",
                groups: &[&[
                    optional(
                        "connection",
                        Form::Text,
                        "`service_key` is given",
                        "The connection whose key is meant.",
                    ),
                    optional(
                        "service_key",
                        Form::Secret,
                        "`connection` is given",
                        "Where another key is, as SAP hands it out.",
                    ),
                ]],
            },
        ),
    ],
    later: &[
        (
            "identity-authentication",
            "this build does not read Cloud Identity Services yet; export the certificate and use type \"file\"",
        ),
        (
            "cloud-integration",
            "this build does not read Cloud Integration's keystore yet; export the certificate and use type \"file\"",
        ),
        (
            "command",
            "this build does not read a command's output yet; let it write a file and use type \"file\"",
        ),
    ],
};

#[cfg(test)]
mod tests {
    use crate::net::starttls::StartTls;

    #[test]
    fn every_use_can_be_configured() {
        assert_eq!(crate::domain::watch::Usage::WORDS.map(|(word, _)| word), super::USES);
    }

    #[test]
    fn every_protocol_before_tls_can_be_configured() {
        let codes: Vec<&str> = StartTls::ALL.iter().map(|protocol| protocol.code()).collect();
        assert_eq!(codes, super::STARTTLS);
    }
}
