//! The keys of a discovery: what finds places, and what it has as a watch has it.
//! It describes no key of a watch again.

use super::source::{AUTO_RENEW, SPOKEN, USE, used_as};
use super::watch::{CACHE, CHECKED, COMMON, RENEWAL, SERVED};
use super::{Form, Key, Keys, NET, Shape, UrlKind, optional, preset, required};

const FOUND: &[Key] = &[
    optional(
        "id",
        Form::Id,
        "its type and number, such as `file-1`",
        "Its name in messages and metrics; a name of its own keeps them where discoveries are added or moved.",
    ),
    optional("prefix", Form::Text, "nothing", "What the ids of its watches begin with."),
];

const EXCLUDED: &[Key] = &[optional(
    "exclude",
    Form::Patterns,
    "nothing",
    "Which not: patterns of file names, or of whole paths where they hold a \"/\".",
)];

static FOUND_SERVER: Shape = Shape::One(Keys {
    says: "How each target is looked at, as in a source of type \"tls\".",
    groups: &[
        &[
            SPOKEN,
            optional("server_name", Form::ServerName, "the host", "The name asked for (SNI) and verified."),
        ],
        NET,
    ],
});

const LISTED: &[Key] = &[
    preset("port", Form::Count, "443", "The port of a target that names none."),
    optional("source", Form::Table(&FOUND_SERVER), "its defaults", "How each target is looked at."),
];

/// A discovery.
pub(super) static DISCOVER: Shape = Shape::Several {
    thing: "discovery",
    preset: None,
    types: &[
        (
            "file",
            Keys {
                says: "All files of some patterns, each a watch; looked for anew at each ring of the bell.",
                groups: &[
                    &[required("paths", Form::Globs, "Which files.")],
                    EXCLUDED,
                    FOUND,
                    &[
                        optional(
                            "password",
                            Form::Secret,
                            "none",
                            "What opens the files, where they are protected.",
                        ),
                        USE,
                    ],
                    COMMON,
                    CHECKED,
                    SERVED,
                ],
            },
        ),
        (
            "destination-service",
            Keys {
                says: "All certificates of a subaccount, or of the instance that the service key belongs to, each a watch; asked for by name at each ring of the bell, no key is fetched. What another watch watches already is left out, and so are the candidates and the replaced entries of certsteward's own.",
                groups: &[
                    &[
                        required("connection", Form::Text, "A connection of type \"destination-service\"."),
                        preset(
                            "level",
                            Form::Word(&["subaccount", "instance", "both"]),
                            "\"subaccount\"",
                            "Where the entries live; with \"both\" the ids of the instance's begin with \"instance-\".",
                        ),
                        optional(
                            "exclude",
                            Form::Patterns,
                            "nothing",
                            "Which not: patterns of the entries' names.",
                        ),
                        preset(
                            "destinations",
                            Form::Flag,
                            "true",
                            "Whether destinations are listed too: then a watch follows the destination that names its entry, where only one does and it lives at the same level, and a destination that names an entry which does not exist is a watch, so that it is seen.",
                        ),
                    ],
                    FOUND,
                    &[
                        AUTO_RENEW,
                        optional(
                            "password",
                            Form::Secret,
                            "the destination's",
                            "What opens the keystores where no destination says so; needed for probes only.",
                        ),
                        used_as("\"client\""),
                    ],
                    COMMON,
                    CHECKED,
                    &[
                        optional(
                            "renewal",
                            Form::Table(&RENEWAL),
                            "not renewed",
                            "How each is renewed that a destination names; the callers are the destinations that name it.",
                        ),
                        CACHE,
                    ],
                    SERVED,
                ],
            },
        ),
        (
            "file-sd",
            Keys {
                says: "The targets of lists in files, as Prometheus' file_sd reads them (`.json`, `.yml`, `.yaml`), each a watch of a TLS server. The labels of a target's group become labels of its watch, but for those that begin with `__`.",
                groups: &[
                    &[required("paths", Form::Globs, "Which files.")],
                    EXCLUDED,
                    FOUND,
                    LISTED,
                    COMMON,
                    CHECKED,
                    SERVED,
                ],
            },
        ),
        (
            "http-sd",
            Keys {
                says: "The targets of a list behind an address, as Prometheus' http_sd asks for it (JSON), each a watch of a TLS server. It is asked at each ring of the bell, and where its answer says how long it holds (`Cache-Control: max-age`), then and not before.",
                groups: &[
                    &[
                        required(
                            "url",
                            Form::Url(UrlKind::Page),
                            "The address; `https://` where a credential goes with it.",
                        ),
                        optional("headers", Form::Headers, "none", "More headers; no credentials."),
                        optional("token", Form::Secret, "no token", "A bearer token."),
                        optional("username", Form::Text, "no login", "The user, where the list wants one."),
                        optional("password", Form::Secret, "no login", "Its password."),
                    ],
                    NET,
                    FOUND,
                    LISTED,
                    COMMON,
                    CHECKED,
                    SERVED,
                ],
            },
        ),
    ],
    later: &[],
};
