//! The keys of a module: how `/probe` looks at a server that a scrape names.
//! It knows no watch.

use super::source::STARTTLS;
use super::{Form, Key, Keys, Shape, UrlKind, optional, preset};
use crate::net::Family;

/// What of a server's certificate a module may tolerate, as the configuration writes it.
const TOLERABLE: &[&str] = &["server-untrusted", "server-expired", "server-name-mismatch"];

const COMMON: &[Key] = &[
    optional(
        "targets",
        Form::HostPatterns,
        "what `daemon.probe_targets` says",
        "Which targets may be looked at with it; a module with a client certificate needs them.",
    ),
    optional("server_name", Form::ServerName, "the target's", "The name asked for (SNI) and verified."),
    optional(
        "certificate",
        Form::Certificates,
        "none",
        "A client certificate (PEM), shown to servers that ask for one.",
    ),
    optional("key", Form::KeyFile, "none", "Its private key."),
    optional(
        "ca",
        Form::Certificates,
        "the system's",
        "Authorities trusted for this connection, beside the system's (PEM).",
    ),
    optional(
        "proxy",
        Form::Url(UrlKind::Proxy),
        "the environment's",
        "The HTTP proxy for this connection; \"none\" ignores the environment's.",
    ),
    optional(
        "ip",
        Form::Word(Family::WORDS),
        "either",
        "The only family of addresses this connection, or its proxy, is reached by.",
    ),
    preset(
        "timeout",
        Form::Duration,
        "\"10s\"",
        "The limit for the whole look, at most \"2m\"; what Prometheus gives is kept to, if it is less.",
    ),
];

pub(super) static MODULE: Shape = Shape::Several {
    thing: "module",
    preset: None,
    types: &[
        (
            "http",
            Keys {
                says: "One HTTP request. The answer's status decides, as in blackbox_exporter.",
                groups: &[
                    &[
                        preset(
                            "scheme",
                            Form::Word(&["http", "https"]),
                            "\"http\"",
                            "How a target without a scheme is meant, as blackbox_exporter takes it; with a client certificate always \"https\".",
                        ),
                        preset("method", Form::Word(&["GET", "HEAD"]), "\"GET\"", "The method."),
                        preset("path", Form::Text, "\"/\"", "The path, where the target has none."),
                        preset(
                            "statuses",
                            Form::Statuses,
                            "[\"2xx\"]",
                            "Which statuses are a success: numbers, or whole classes.",
                        ),
                        optional("headers", Form::Headers, "none", "More headers; no credentials."),
                        preset(
                            "redirects",
                            Form::Flag,
                            "true",
                            "Whether redirects are followed, to targets that may be looked at; with a client certificate never.",
                        ),
                        preset(
                            "require_tls",
                            Form::Flag,
                            "false",
                            "Whether an answer that came without TLS is a failure.",
                        ),
                    ],
                    COMMON,
                ],
            },
        ),
        (
            "tls",
            Keys {
                says: "One TLS handshake, and a moment's wait for a refusal after it.",
                groups: &[
                    &[
                        optional(
                            "starttls",
                            Form::Word(STARTTLS),
                            "TLS from the first byte",
                            "What is spoken before TLS begins.",
                        ),
                        optional(
                            "tolerate",
                            Form::Words(TOLERABLE),
                            "nothing",
                            "What of the server's certificate is no failure; it is said all the same.",
                        ),
                    ],
                    COMMON,
                ],
            },
        ),
    ],
    later: &[],
};
