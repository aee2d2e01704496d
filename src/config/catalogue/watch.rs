//! The keys of a watch: policy, renewal, callers, targets, probes; its source is beside it.
//! It knows no key of the daemon.

use super::source::{LEVELS, SOURCE};
use super::{Form, Key, Keys, NET, Shape, UrlKind, optional, preset, required};

/// The policy.
pub(in super::super) static POLICY: Shape = Shape::One(Keys {
    says: "When things are due and how serious they are. Spans count back from the deadline and are capped by a share of the certificate's lifetime (40, 33, 15, 20 and 5 % in the order of the first five).",
    groups: &[&[
        preset("notice", Form::Span, "\"65d\"", "From when the deadline is worth a notice."),
        preset("renew_before", Form::Span, "\"60d\"", "When the renewal begins."),
        preset("person_time", Form::Span, "\"21d\"", "How long a person is given."),
        preset("warning", Form::Span, "\"30d\"", "From when the nearness of the deadline is a warning."),
        preset("critical", Form::Span, "\"7d\"", "From when it is critical."),
        preset(
            "settle",
            Form::Duration,
            "\"20m\"",
            "How long callers are watched after a switch; longer than they cache.",
        ),
        preset(
            "retire",
            Form::Word(&["ask", "auto", "never"]),
            "\"ask\"",
            "Whether a replaced certificate is removed after an approval, by itself, or never.",
        ),
        preset("retire_after", Form::Duration, "\"14d\"", "How long it is kept at least."),
        preset(
            "emergency",
            Form::Emergency,
            "\"critical\"",
            "From when a switch may go through a window: the critical level, this long before the deadline, or never.",
        ),
        preset(
            "hold",
            Form::UnlessNever,
            "\"3d\"",
            "How long before the store's own renewal the callers are set to an unchanged copy of the certificate in force, which the store does not renew, while a hand-off is still open; or never.",
        ),
        preset("acts_per_day", Form::Count, "20", "How many outside changes a day one watch may make."),
        preset(
            "four_eyes",
            Form::Flag,
            "false",
            "Whether an approval must come from somebody else than who asked for the renewal or the retirement.",
        ),
        preset(
            "drift_after",
            Form::Duration,
            "\"1h\"",
            "How long a place may show another certificate than the source, or not be seen, before it is said.",
        ),
        optional(
            "lint",
            Form::Table(&LINT),
            "as documented",
            "Switches single judgements about a certificate off, or gives them another level, by their codes.",
        ),
    ]],
});

const WEIGHT: Form = Form::Word(&["off", "notice", "warning", "critical"]);

/// The judgements about a certificate alone.
static LINT: Shape = Shape::One(Keys {
    says: "Judgements about a certificate, each `off` or a level; what is left out keeps its own. What a watch says here takes the place of what the file's policy says.",
    groups: &[&[
        optional(
            "chain-expires",
            WEIGHT,
            "by how near",
            "An issuer in the chain ends before the certificate.",
        ),
        optional("chain-incomplete", WEIGHT, "notice", "The issuer of a client's certificate is missing."),
        optional(
            "chain-misordered",
            WEIGHT,
            "warning",
            "The chain of a client's certificate is not in order.",
        ),
        optional(
            "no-client-auth",
            WEIGHT,
            "warning",
            "A client's certificate may not be used by a TLS client.",
        ),
        optional(
            "no-server-auth",
            WEIGHT,
            "warning",
            "A server's certificate may not be used by a TLS server.",
        ),
        optional("key-usage", WEIGHT, "warning", "The key may not sign, which TLS 1.3 needs."),
        optional(
            "name-mismatch",
            WEIGHT,
            "critical",
            "A server's certificate is not for the name asked for (RFC 9525).",
        ),
        optional("self-signed", WEIGHT, "notice", "The certificate is signed by itself."),
        optional(
            "untrusted",
            WEIGHT,
            "critical where a trust store is named",
            "The certificate leads to no authority of the trust store; a warning where the store cannot be read, a notice where only the system's authorities were asked.",
        ),
        optional(
            "drift",
            WEIGHT,
            "warning",
            "A place shows another certificate than the source for too long.",
        ),
        optional("revoked", WEIGHT, "critical", "The certificate, or an issuer in its chain, was revoked."),
        optional(
            "revocation-unknown",
            WEIGHT,
            "notice",
            "Whether it was revoked could not be found out: a list that is old, by somebody else or unreadable, a responder that does not answer.",
        ),
        optional(
            "duplicate-serial",
            WEIGHT,
            "warning",
            "Another watch has another certificate with the same issuer and serial number.",
        ),
        optional(
            "key-mismatch",
            WEIGHT,
            "critical",
            "The private key beside the certificate belongs to another one.",
        ),
        optional(
            "lifetime-over-limit",
            WEIGHT,
            "off",
            "A server's certificate lives longer than public authorities may issue (398 days; 200 from 2026-03-15, 100 from 2027-03-15, 47 from 2029-03-15, by the day of its issue).",
        ),
        optional("weak-key", WEIGHT, "warning", "RSA below 2048 bits, an elliptic curve below 224."),
        optional("weak-signature", WEIGHT, "warning", "Signed with MD2, MD4, MD5 or SHA-1."),
        optional("subject-changed", WEIGHT, "notice", "Somebody else's new certificate has another subject."),
        optional("shorter-lived", WEIGHT, "notice", "The new certificate lives shorter than the one before."),
    ]],
});

/// A watch.
pub(in super::super) static WATCH: Shape = Shape::One(Keys {
    says: "One certificate identity and all that is to be done about it.",
    groups: &[
        &[required("id", Form::Id, "Its name everywhere: messages, metrics, pages, verbs.")],
        COMMON,
        &[
            required("source", Form::Table(&SOURCE), "Where the certificate in force is read from."),
            optional("renewal", Form::Table(&RENEWAL), "not renewed", "How it is renewed."),
            optional(
                "caller",
                Form::Many(&CALLER),
                "the destination that the source follows",
                "What uses the certificate.",
            ),
            optional(
                "place",
                Form::Many(&SOURCE),
                "none",
                "Where the same certificate should be too, each described as a source is; it is only looked at and compared.",
            ),
        ],
        CHECKED,
        SERVED,
    ],
});

pub(super) const COMMON: &[Key] = &[
    optional(
        "labels",
        Form::Labels,
        "none",
        "The operator's own labels; they become labels of metrics and choose notifiers.",
    ),
    preset(
        "mode",
        Form::Word(&["observe", "propose", "act"]),
        "\"observe\"",
        "What certsteward may do: only look, act after approval of each act, or act.",
    ),
    optional("policy", Form::Table(&POLICY), "the file's [policy]", "Overrides single keys of the policy."),
];

/// What the certificate is held against.
pub(super) const CHECKED: &[Key] = &[
    optional(
        "trust",
        Form::Path,
        "nothing",
        "A trust store (PEM, PKCS#7, PKCS#12, JKS): the chain must lead to one of its authorities, as whoever accepts the certificate will demand.",
    ),
    optional("trust_password", Form::Secret, "none", "What opens the trust store, where it is protected."),
    optional(
        "crl",
        Form::Lists,
        "nothing",
        "Revocation lists: files (PEM, DER) and addresses, of which one must be by the issuer; its signature is verified. An address is asked again half way to the list's next update, between 5 minutes and 12 hours.",
    ),
    preset(
        "ocsp",
        Form::Flag,
        "false",
        "Whether a responder is asked if the certificate was revoked (RFC 6960), again half way to its next update, between 5 minutes and 12 hours; the answer must be signed by the issuer or by whom it named for that.",
    ),
    optional(
        "ocsp_url",
        Form::Url(UrlKind::Page),
        "what the certificate names",
        "The responder; without it a certificate decides whom certsteward asks.",
    ),
];

pub(super) const SERVED: &[Key] = &[
    optional("target", Form::Many(&TARGET), "none", "Who must know the public certificate."),
    optional("probe", Form::Many(&PROBE), "none", "A real mTLS call that proves acceptance."),
];

pub(super) static RENEWAL: Shape = Shape::One(Keys {
    says: "How the certificate is renewed.",
    groups: &[&[
        optional(
            "type",
            Form::Word(&["destination-service", "command"]),
            "nothing issues; for \"left-to-source\" only",
            "What issues the new certificate; \"command\" is not built yet.",
        ),
        preset(
            "rotation",
            Form::Word(&["side-by-side", "in-place", "left-to-source"]),
            "\"side-by-side\"",
            "A new name beside the old one, the same name, or nothing because SAP renews by itself.",
        ),
        preset(
            "subject",
            Form::Word(&["auto", "same", "counted"]),
            "\"auto\"",
            "Which subject the new certificate gets; \"auto\" learns what the tenant needs.",
        ),
        optional(
            "common_name",
            Form::Text,
            "no counted subject",
            "The counted subject's common name; {n} counts renewals.",
        ),
        preset(
            "validity",
            Form::Validity,
            "\"1y\"",
            "How long the new certificate lives: years (y), months (mo) or days (d).",
        ),
        optional(
            "window",
            Form::Window,
            "any time",
            "The weekly hours in which something that can hurt may happen.",
        ),
        preset(
            "switch",
            Form::Word(&["caller", "entry"]),
            "\"caller\"",
            "What is switched: each caller to the new name; or, for callers that nobody can list, the entry: the proven content is put under the original name, and what stood there is kept under a new one.",
        ),
    ]],
});

pub(super) const CACHE: Key =
    preset("cache", Form::Duration, "\"5m\"", "How long a caller may go on using what it read before.");

const USER: &[Key] =
    &[optional("id", Form::Id, "the destination's name", "Its name within the watch."), CACHE];

static CALLER: Shape = Shape::Several {
    thing: "caller",
    preset: None,
    types: &[
        (
            "destination-service",
            Keys {
                says: "A destination that names the certificate in KeyStoreLocation.",
                groups: &[
                    USER,
                    &[
                        required("destination", Form::Text, "Its name."),
                        optional(
                            "connection",
                            Form::Text,
                            "the source's",
                            "A connection of type \"destination-service\".",
                        ),
                        optional("level", Form::Word(LEVELS), "the source's", "Where the destination lives."),
                    ],
                ],
            },
        ),
        (
            "command",
            Keys {
                says: "A command of your own that says which certificate is used, and changes it.",
                groups: &[&[required("id", Form::Id, "Its name within the watch.")], &[CACHE], COMMAND],
            },
        ),
    ],
    later: &[("file", "this build does not write a caller's file yet; use type \"command\"")],
};

const COMMAND: &[Key] = &[
    required("command", Form::Texts, "Program and arguments; no shell."),
    preset("timeout", Form::Duration, "\"30s\"", "Its limit."),
];

const TARGETS: &[Key] = &[
    required("id", Form::Id, "Its name within the watch."),
    optional("proven_by", Form::Id, "the only probe there is", "The probe that proves it."),
    preset(
        "match",
        Form::Word(&["unknown", "dn", "exact"]),
        "\"unknown\"",
        "How the tenant recognises a certificate, where you know: by issuer and subject, or the certificate itself.",
    ),
    optional(
        "max_rejections",
        Form::Count,
        "no limit",
        "How many refused logons it takes before it locks the login.",
    ),
    preset(
        "ratchet",
        Form::Flag,
        "false",
        "Whether a certificate that is used shuts out those issued before it: then the first call with the candidate is an act, behind every gate, once the target was told.",
    ),
    optional(
        "cache",
        Form::Duration,
        "not known",
        "How long after it was told it may go on answering as before.",
    ),
    optional(
        "assignee",
        Form::Id,
        "every notifier that matches",
        "The notifier that reaches whoever serves it.",
    ),
    optional("deputy", Form::Id, "nobody", "The notifier asked when the assignee does not act."),
    preset("escalate_after", Form::Duration, "\"5d\"", "After how long the deputy is asked."),
];

static TARGET: Shape = Shape::Several {
    thing: "target",
    preset: None,
    types: &[
        (
            "successfactors",
            Keys {
                says: "The X.509 Public Certificate Mapping of SuccessFactors.",
                groups: &[
                    TARGETS,
                    &[
                        required("connection", Form::Text, "A connection of type \"successfactors\"."),
                        optional(
                            "configuration_name",
                            Form::Text,
                            "the watch's id",
                            "Configuration Name in the Security Center, any text; what hand-offs call it.",
                        ),
                        required(
                            "integration_name",
                            Form::Text,
                            "Integration Name there, such as \"Business Technology Platform\".",
                        ),
                        optional("login_name", Form::Text, "left empty there", "Login Name there."),
                        preset(
                            "same_subject",
                            Form::Word(&["refused", "allowed"]),
                            "\"refused\"",
                            "Whether it takes a second certificate with the same issuer and subject beside the first (KBA 3574501: refused).",
                        ),
                        preset(
                            "delivery",
                            Form::Word(&["hand-off", "http", "command"]),
                            "\"hand-off\"",
                            "A person, an upload service of your own (`upload`), or a command of your own (`command`).",
                        ),
                        optional(
                            "upload",
                            Form::Table(&UPLOAD),
                            "not used",
                            "The upload service, with `delivery = \"http\"`.",
                        ),
                        optional(
                            "command",
                            Form::Texts,
                            "not used",
                            "Program and arguments, with `delivery = \"command\"`; no shell.",
                        ),
                        preset("timeout", Form::Duration, "\"30s\"", "The command's limit."),
                    ],
                ],
            },
        ),
        (
            "file",
            Keys {
                says: "The public certificate in a file, written atomically.",
                groups: &[
                    TARGETS,
                    &[
                        required("path", Form::Path, "The file."),
                        preset(
                            "format",
                            Form::Word(&["pem", "chain", "cer", "der"]),
                            "\"pem\"",
                            "The leaf alone (PEM, Base64 .cer or DER), or the leaf and its issuers (chain, PEM).",
                        ),
                    ],
                ],
            },
        ),
    ],
    later: &[
        (
            "identity-authentication",
            "this build does not upload to Cloud Identity Services yet; use a target of type \"successfactors\" or \"file\"",
        ),
        (
            "cloud-integration",
            "this build does not upload to Cloud Integration yet; use a target of type \"file\"",
        ),
        ("http", "an upload service belongs to a target of type \"successfactors\": delivery = \"http\""),
        ("command", "a command belongs to a target of type \"successfactors\": delivery = \"command\""),
    ],
};

static UPLOAD: Shape = Shape::One(Keys {
    says: "An upload service of your own.",
    groups: &[
        &[
            required(
                "url",
                Form::Url(UrlKind::Safe),
                "A POST, repeated safely: same certificate, same answer; `https://`, or `http://` to this host.",
            ),
            preset(
                "format",
                Form::Word(&["json", "multipart"]),
                "\"json\"",
                "The form of the body: fields configuration_name, integration_name, login_name, company_id, certificate.",
            ),
            optional("token", Form::Secret, "no token", "A bearer token."),
        ],
        NET,
    ],
});

static PROBE: Shape = Shape::Several {
    thing: "probe",
    preset: Some("mtls"),
    types: &[(
        "mtls",
        Keys {
            says: "A real mTLS call, diagnosed.",
            groups: &[
                &[
                    required("id", Form::Id, "Its name within the watch."),
                    optional(
                        "connection",
                        Form::Text,
                        "`url` is given",
                        "A connection of type \"successfactors\"; gives address, company id, `ca` and `proxy`.",
                    ),
                    preset(
                        "path",
                        Form::Text,
                        "\"/odata/v2/User?$top=1&$select=userId\"",
                        "What is called there; something cheap that the login may read.",
                    ),
                    optional(
                        "url",
                        Form::Url(UrlKind::Api),
                        "the connection's address and `path`",
                        "The whole address, instead of `connection` and `path`.",
                    ),
                    optional(
                        "company_id",
                        Form::Text,
                        "the connection's, or not sent",
                        "Sent as successfactors-companyid, with `url`.",
                    ),
                    optional(
                        "address",
                        Form::Address,
                        "the url's host",
                        "Where the connection goes instead, as to one node behind a name; the url's host is still what is asked for and verified.",
                    ),
                    optional("headers", Form::Headers, "none", "More headers; no credentials."),
                    preset("every", Form::Duration, "\"6h\"", "How often in steady state; at most hourly."),
                    optional(
                        "certificate",
                        Form::Certificates,
                        "the source's",
                        "A certificate of its own (PEM), where the source cannot give one.",
                    ),
                    optional("key", Form::KeyFile, "the source's", "Its private key."),
                ],
                NET,
            ],
        },
    )],
    later: &[],
};
