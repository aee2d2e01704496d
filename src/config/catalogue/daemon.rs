//! The keys of the daemon itself: what it listens to, tokens, connections, notifiers, freezes.
//! It knows no key of a watch.

use super::discover::DISCOVER;
use super::module::MODULE;
use super::watch::{POLICY, WATCH};
use super::{Form, Key, Keys, NET, Shape, UrlKind, optional, preset, required};

/// The whole file.
pub(in super::super) static ROOT: Shape = Shape::One(Keys {
    says: "The tables a configuration can hold.",
    groups: &[&[
        optional(
            "include",
            Form::Globs,
            "nothing",
            "More files, by pattern; they hold watches, connections, notifiers, tokens, freezes, discoveries and modules.",
        ),
        optional("daemon", Form::Table(&DAEMON), "its defaults", "The daemon itself."),
        optional("tokens", Form::Named(&TOKEN), "nobody", "Who may change something over HTTP, by name."),
        optional(
            "policy",
            Form::Table(&POLICY),
            "its defaults",
            "When things are due and how serious they are; a watch may override each.",
        ),
        optional("connections", Form::Named(&CONNECTION), "none", "Systems that watches speak to, by name."),
        optional(
            "watch",
            Form::Many(&WATCH),
            "none",
            "One certificate identity and all that is to be done about it.",
        ),
        optional("notifier", Form::Many(&NOTIFIER), "none", "A way to reach people."),
        optional("freeze", Form::Many(&FREEZE), "none", "Days in which nothing that can hurt is done."),
        optional("discover", Form::Many(&DISCOVER), "none", "One entry, many watches."),
        optional(
            "modules",
            Form::Named(&MODULE),
            "the built-in ones",
            "How `/probe` looks at a server that a scrape names, by name.",
        ),
    ]],
});

static DAEMON: Shape = Shape::One(Keys {
    says: "The daemon itself. Only the main file has it.",
    groups: &[&[
        preset(
            "listen",
            Form::Listen,
            "\"127.0.0.1:9790\"",
            "Where the status page, the metrics and the API are served; beyond this host, tokens need `tls`.",
        ),
        optional("tls", Form::Table(&TLS), "plain HTTP", "Serves over TLS."),
        optional("public_url", Form::Url(UrlKind::Page), "no links", "What links in mails begin with."),
        preset(
            "socket",
            Form::Path,
            "\"/run/certsteward/control.sock\"",
            "The Unix socket over which the command line talks to the daemon.",
        ),
        preset(
            "state",
            Form::State,
            "\"sqlite:/var/lib/certsteward/state.db\"",
            "Where records and history are kept: \"sqlite:PATH\", or a table with `type = \"sqlite\"` and `path`.",
        ),
        preset(
            "check",
            Form::Cron,
            "\"*/15 * * * *\"",
            "When every watch is looked at: cron, five fields, UTC.",
        ),
        optional("log", Form::Table(&LOG), "its defaults", "The log, on standard error."),
        optional(
            "templates",
            Form::Folder,
            "the built-in ones",
            "A folder with templates that replace the built-in ones of mails.",
        ),
        preset(
            "connections_at_once",
            Form::Count,
            "128",
            "How many connections there may be at once; more wait, and no time limit of theirs runs meanwhile.",
        ),
        preset(
            "connections_per_host",
            Form::Count,
            "4",
            "How many of them to one host; so a host that is slow keeps only itself waiting.",
        ),
        preset("shutdown", Form::Duration, "\"30s\"", "How long a shutdown waits for the acts in hand."),
        optional(
            "probe_targets",
            Form::HostPatterns,
            "any, while only this host reaches `listen`; else none",
            "Which targets may be looked at through `/probe`; [] for none. A module's own `targets` go before.",
        ),
    ]],
});

static TLS: Shape = Shape::One(Keys {
    says: "TLS of the daemon's own HTTP server.",
    groups: &[&[
        required(
            "certificate",
            Form::Certificates,
            "The server's certificate and its issuers (PEM), `{ file = \"PATH\" }`.",
        ),
        required("key", Form::KeyFile, "Its private key (PEM), `{ file = \"PATH\" }`."),
    ]],
});

static LOG: Shape = Shape::One(Keys {
    says: "The log, on standard error.",
    groups: &[&[
        preset("format", Form::Word(&["text", "json"]), "\"text\"", "How a line is written."),
        preset(
            "level",
            Form::Word(&["error", "warn", "info", "debug", "trace"]),
            "\"info\"",
            "The least serious lines that are written.",
        ),
    ]],
});

/// What a token can allow, as the configuration writes it.
pub(in super::super) const RIGHTS: &[&str] = &[
    "*", "check", "renew", "approve", "reject", "cancel", "retry", "rollback", "retire", "confirm", "pause",
    "resume", "silence", "reload",
];

static TOKEN: Shape = Shape::One(Keys {
    says: "A named token; the token itself is at least 16 characters in a file, a variable of the environment or a systemd credential.",
    groups: &[&[
        optional(
            "file",
            Form::Path,
            "one of the three is given",
            "The file with the token, readable by its owner and group only.",
        ),
        optional(
            "environment",
            Form::Text,
            "one of the three is given",
            "The environment variable with the token.",
        ),
        optional(
            "credential",
            Form::Text,
            "one of the three is given",
            "The systemd credential with the token.",
        ),
        required("may", Form::Words(RIGHTS), "What it allows; \"*\" is everything."),
    ]],
});

static CONNECTION: Shape = Shape::Several {
    thing: "connection",
    preset: None,
    types: &[
        (
            "destination-service",
            Keys {
                says: "The BTP Destination service.",
                groups: &[
                    &[required(
                        "service_key",
                        Form::Secret,
                        "The service key as SAP hands it out: secret or x509, wrapped or not.",
                    )],
                    NET,
                ],
            },
        ),
        (
            "successfactors",
            Keys {
                says: "A SuccessFactors tenant.",
                groups: &[
                    &[
                        required(
                            "api",
                            Form::Url(UrlKind::Api),
                            "The API's base address; a host `api…` of SuccessFactors needs `.cert.` as its second label.",
                        ),
                        required(
                            "company_id",
                            Form::Text,
                            "The company id; sent as successfactors-companyid.",
                        ),
                    ],
                    NET,
                ],
            },
        ),
    ],
    later: &[
        (
            "identity-authentication",
            "this build does not speak to Cloud Identity Services yet; leave the connection out",
        ),
        ("cloud-integration", "this build does not speak to Cloud Integration yet; leave the connection out"),
    ],
};

const PEOPLE: &[Key] = &[
    required("id", Form::Id, "Its name; a target's `assignee` and `deputy` name it."),
    optional("match", Form::Labels, "all watches", "Only watches with these labels."),
    preset(
        "send",
        Form::Words(&["findings", "hand-offs", "rotations", "watches"]),
        "[\"findings\", \"hand-offs\", \"rotations\"]",
        "What is sent.",
    ),
    preset(
        "levels",
        Form::Words(&["notice", "warning", "critical"]),
        "[\"warning\", \"critical\"]",
        "Of findings, which levels.",
    ),
    preset(
        "remind",
        Form::Durations,
        "[\"30d\", \"14d\", \"7d\", \"3d\", \"1d\"]",
        "When it reminds, before the deadline.",
    ),
];

static NOTIFIER: Shape = Shape::Several {
    thing: "notifier",
    preset: None,
    types: &[
        (
            "smtp",
            Keys {
                says: "Mail.",
                groups: &[
                    PEOPLE,
                    &[
                        required(
                            "server",
                            Form::Url(UrlKind::Mail),
                            "`smtps://` is TLS, `smtp://` demands STARTTLS, `smtp+plain://` is not encrypted and takes no credentials.",
                        ),
                        required("from", Form::Text, "The sender's address."),
                        required("to", Form::Texts, "The recipients' addresses."),
                        optional(
                            "username",
                            Form::Text,
                            "no login",
                            "The user name, where the server wants one.",
                        ),
                        optional("password", Form::Secret, "no login", "Its password."),
                    ],
                    NET,
                ],
            },
        ),
        (
            "webhook",
            Keys {
                says: "One POST per message.",
                groups: &[
                    PEOPLE,
                    &[
                        required(
                            "url",
                            Form::Url(UrlKind::Safe),
                            "Where to post; `https://`, or `http://` to this host.",
                        ),
                        preset(
                            "format",
                            Form::Word(&["json", "slack", "teams"]),
                            "\"json\"",
                            "The form of the body.",
                        ),
                        optional(
                            "secret",
                            Form::Secret,
                            "not signed",
                            "Signs the body: HMAC-SHA256 in X-Certsteward-Signature.",
                        ),
                    ],
                    NET,
                ],
            },
        ),
    ],
    later: &[(
        "alertmanager",
        "this build does not push to Alertmanager yet; use the Prometheus rules, or a notifier of type \"webhook\"",
    )],
};

static FREEZE: Shape = Shape::One(Keys {
    says: "Whole days, UTC, both ends included, in which nothing that can hurt is done.",
    groups: &[&[required("from", Form::Date, "The first day."), required("to", Form::Date, "The last day.")]],
});
