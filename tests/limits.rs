//! The page of limits says what the source says: whoever changes a limit changes both.
//! That the limits hold is tested beside what they limit.

use std::path::Path;

/// Where a limit stands, how it is written there, and what the page says of it.
const LIMITS: &[(&str, &str, &str)] = &[
    ("src/formats/mod.rs", "LIMIT: usize = 16 * 1024 * 1024", "| a file | 16 MiB |"),
    ("src/formats/gather.rs", "CERTIFICATE_BYTES: usize = 256 * 1024", "| one certificate | 256 KiB |"),
    ("src/formats/gather.rs", "CERTIFICATES: usize = 5000", "| certificates in one file | 5,000 |"),
    ("src/formats/gather.rs", "KEYS: usize = 1000", "| private keys in one file | 1,000 |"),
    ("src/formats/gather.rs", "KEY_BYTES: usize = 32 * 1024", "| one private key | 32 KiB |"),
    ("src/formats/pkcs12/bags.rs", "MOST: usize = 10_000", "of a PKCS#12 archive | 10,000 |"),
    ("src/formats/jks.rs", "LONGEST_ALIAS: usize = 1024", "is looked for | 1 KiB |"),
    ("src/formats/pbe/kdf.rs", "LONGEST_SALT: usize = 1024", "of password hashing | 1 KiB |"),
    ("src/formats/gather.rs", "ODDITIES: usize = 50", "| 50, and 50 of keys |"),
    ("src/formats/gather.rs", "DEPTH: usize = 5", "wrappings inside each other (ZIP, Base64) | 5 |"),
    ("src/domain/chain.rs", "LONGEST: usize = 32", "| issuers in a chain | 32 |"),
    ("src/formats/keys.rs", "TRIALS: usize = 20_000", "whose they are | 20,000 |"),
    ("src/formats/zip.rs", "MEMBERS: usize = 200", "| files in a ZIP archive | 200 |"),
    ("src/formats/zip.rs", "MEMBER_BYTES: u64 = 4 * 1024 * 1024", "unpacked | 4 MiB, and"),
    ("src/formats/zip.rs", "RATIO: u64 = 200", "200 times its packed size"),
    ("src/formats/given.rs", "UNPACKED: u64 = 32 * 1024 * 1024", "archives in archives included | 32 MiB |"),
    ("src/formats/given.rs", "ROUNDS: u64 = 5_000_000", "before it is done | 5 million |"),
    ("src/formats/pbe/kdf.rs", "SCRYPT_BYTES: u64 = 64 * 1024 * 1024", "that scrypt asks for | 64 MiB |"),
    ("src/formats/given.rs", "LOCKS: u64 = 500", "protected by a password | 500 |"),
    (
        "src/formats/files.rs",
        "PATIENCE: std::time::Duration = std::time::Duration::from_secs(30)",
        "one file | 30 s |",
    ),
    ("src/formats/revocation/list.rs", "MOST: usize = 100", "as a file with certificates is | 100 |"),
    ("src/formats/revocation/responder.rs", "MOST_ANSWER: usize = 256 * 1024", "| 256 KiB, 10 each |"),
    ("src/formats/revocation/responder.rs", "MOST_SIGNERS: usize = 10", "| 256 KiB, 10 each |"),
    ("src/config/load.rs", "LIMIT: u64 = 4 * 1024 * 1024", "included ones each | 4 MiB |"),
    ("src/secret.rs", "LIMIT: u64 = 1024 * 1024", "| a secret | 1 MiB |"),
    ("src/net/roots.rs", "LIMIT: u64 = 8 * 1024 * 1024", "key of a probe | 8 MiB |"),
    ("src/finders/target_list/yaml.rs", "MOST: usize = 1_000_000", "what they stand for | 1,000,000 |"),
    ("src/finders/target_list/yaml.rs", "DEEPEST: usize = 16", "inside each other there | 16 |"),
    ("src/finders/mod.rs", "MOST_PLACES: usize = 200_000", "one discovery finds | 200,000 |"),
    ("src/net/http.rs", "LIMIT: usize = 8 * 1024 * 1024", "upload service, webhook | 8 MiB |"),
    ("src/sap/listing.rs", "MOST_PAGES: usize = 100", "list of destinations | 100, of 100 each |"),
    ("src/sap/listing.rs", "PAGE: usize = 100", "list of destinations | 100, of 100 each |"),
    ("src/probers/mtls/call.rs", "LIMIT: usize = 64 * 1024", "that is looked at | 64 KiB |"),
    ("src/probers/module/http.rs", "BEGINNING: usize = 64 * 1024", "counted, 64 KiB looked at |"),
    ("src/probers/module.rs", "REDIRECTS: u32 = 10", "that a module follows | 10 |"),
    ("src/net/tunnel.rs", "HEAD_LIMIT: usize = 8 * 1024", "answer to CONNECT | 8 KiB |"),
    ("src/net/starttls/dialogue.rs", "LIMIT: usize = 64 * 1024", "before STARTTLS | 64 KiB |"),
    ("src/net/starttls/binary.rs", "LDAP_LIMIT: usize = 16 * 1024", "greeting | 16 KiB, 4 KiB |"),
    ("src/net/starttls/binary.rs", "MYSQL_LIMIT: usize = 4096", "greeting | 16 KiB, 4 KiB |"),
    ("src/net/handshake.rs", "MOST_AUTHORITIES: usize = 50", "in its handshake | 50 |"),
    ("src/command.rs", "OUTPUT_LIMIT: u64 = 64 * 1024", "what a command writes | 64 KiB |"),
    ("src/domain/reason.rs", "MOST: usize = 200", "its request too | 200 characters |"),
    ("src/app/serve.rs", "CONNECTIONS: usize = 512", "connections at one door | 512 |"),
    ("src/app/serve.rs", "HEAD_LIMIT: Duration = Duration::from_secs(30)", "between two requests | 30 s |"),
    ("src/app/serve.rs", "HANDSHAKE_LIMIT: Duration = Duration::from_secs(10)", "| a TLS handshake | 10 s |"),
    ("src/surfaces/http/mod.rs", "BODY_LIMIT: usize = 64 * 1024", "| a body | 64 KiB | 413 |"),
    ("src/surfaces/http/commands.rs", "WORDS_LIMIT: usize = 2000", "a ticket | 2,000 characters |"),
    ("src/surfaces/http/hand_offs.rs", "NAME_LIMIT: usize = 80", "hand-off page | 80 characters |"),
    ("src/probers/module/target.rs", "LONGEST: usize = 2048", "`/probe` | 2,048 characters |"),
];

#[test]
fn the_page_of_limits_says_what_the_source_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = include_str!("../docs/limits.md");
    for (file, written, said) in LIMITS {
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        assert!(
            source.contains(&format!("{written};")),
            "{file} no longer says {written:?}: change docs/limits.md with it, which says {said:?}"
        );
        assert!(page.contains(said), "docs/limits.md does not say {said:?}, as {file} does");
    }
}

#[test]
fn every_limit_that_is_named_as_one_stands_on_the_page() {
    let mut unsaid = Vec::new();
    for file in crate::source_text::read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let names = file.text.lines().filter_map(|line| {
            let (name, _) = line.trim_start().split_once("const ")?.1.split_once(": ")?;
            (name == "LIMIT" || name.ends_with("_LIMIT")).then(|| name.to_owned())
        });
        for name in names {
            let known = LIMITS.iter().any(|(path, written, _)| {
                file.shown() == *path && written.split(':').next() == Some(name.as_str())
            });
            let own = ["src/surfaces/http/guard.rs", "src/app/serve.rs"];
            if !known
                && !own.contains(&file.shown().as_str())
                && !file.shown().starts_with("src/sandbox")
                && !file.shown().starts_with("src/cli")
            {
                unsaid.push(format!("{}: {name}", file.shown()));
            }
        }
    }
    assert!(unsaid.is_empty(), "limits that docs/limits.md does not tell: {unsaid:?}");
}
