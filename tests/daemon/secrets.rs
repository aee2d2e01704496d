//! After a whole renewal no trace of any private key, secret or token is anywhere but where it belongs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::lab::{Lab, is_over};
use crate::support::daemon::{Daemon, LIMIT, ask};
use crate::support::wait::within;

/// The DER of every private key in a PEM text.
fn keys(pem: &str) -> Vec<Vec<u8>> {
    let blocks = pem.split("-----BEGIN ").skip(1);
    let keys = blocks.filter(|block| block.lines().next().is_some_and(|line| line.contains("PRIVATE KEY")));
    keys.map(|block| {
        let body: String = block.lines().skip(1).take_while(|line| !line.starts_with("-----")).collect();
        STANDARD.decode(body).unwrap()
    })
    .collect()
}

/// How many bytes in a row give a key away; a multiple of three, so that Base64 shows them whatever stands before.
const WINDOW: usize = 15;

/// Every form in which a piece of the key could be found: as bytes, decimal numbers, hex, Base64 of either alphabet, Base64 of
/// the PEM, and the texts among these as UTF-16.
fn forms(key: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut texts: Vec<String> = Vec::new();
    let mut all = BTreeSet::new();
    for window in secret_part(key).windows(WINDOW) {
        let hex: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
        texts.extend([hex.to_uppercase(), hex, STANDARD.encode(window), URL_SAFE.encode(window)]);
        texts.push(format!("{window:?}").trim_matches(['[', ']']).to_owned());
        all.insert(window.to_vec());
    }
    let pem = STANDARD.encode(key);
    // The secret ends in the second line of a P-256 key's PEM, whether its lines are 64 or 76 characters long.
    texts.extend(pem.as_bytes()[76..103].windows(WINDOW).map(|window| STANDARD.encode(window)));
    all.extend(texts.iter().map(|text| text.encode_utf16().flat_map(u16::to_le_bytes).collect()));
    all.extend(texts.into_iter().map(String::into_bytes));
    all
}

/// The secret number of a P-256 key; what stands around it is the same in all of them, or public.
fn secret_part(key: &[u8]) -> &[u8] {
    let mark = [0x02, 0x01, 0x01, 0x04, 0x20];
    let at = key.windows(mark.len()).position(|part| part == mark).expect("a P-256 key") + mark.len();
    &key[at..at + 32]
}

/// Whether any of the needles is there.
fn found(haystack: &[u8], needles: &BTreeSet<Vec<u8>>) -> bool {
    let lengths: BTreeSet<usize> = needles.iter().map(Vec::len).collect();
    let begins: BTreeSet<[u8; 2]> = needles.iter().map(|needle| [needle[0], needle[1]]).collect();
    let candidates = haystack.windows(2).enumerate().filter(|(_, pair)| begins.contains(*pair));
    candidates
        .flat_map(|(at, _)| lengths.iter().filter_map(move |length| haystack.get(at..at + length)))
        .any(|window| needles.contains(window))
}

struct Places(Vec<(String, Vec<u8>)>);

impl Places {
    async fn of(lab: &Lab, daemon: &Daemon) -> Self {
        let mut places = Vec::new();
        for path in [
            "/",
            "/watches/sf-odata",
            "/watches/sf-odata/public.pem",
            "/watches/sf-odata/chain.pem",
            "/watches/sf-odata/public.der",
            "/watches/sf-odata/public.cer",
            "/metrics",
            "/api/v1/watches",
            "/api/v1/watches/sf-odata",
            "/api/v1/events?limit=1000",
            "/api/v1/status",
            "/api/v1/openapi.json",
        ] {
            let answer = ask(daemon.port, "GET", path, "", "").await.unwrap();
            assert_eq!(answer.status, 200, "{path}");
            places.push((path.to_owned(), (answer.head + &answer.body).into_bytes()));
        }
        for mail in lab.landscape.mails() {
            let whole = format!("{}\n{}\n{}", mail.subject, mail.text, mail.html.unwrap_or_default());
            places.push((format!("mail {}", mail.id), whole.into_bytes()));
            places.extend(
                mail.attachments.into_iter().map(|file| (format!("attachment {}", file.name), file.content)),
            );
        }
        for (method, path) in
            [("GET", "/nothing"), ("POST", "/-/reload"), ("POST", "/api/v1/watches/sf-odata/renew")]
        {
            let answer = ask(daemon.port, method, path, "", "").await.unwrap();
            places.push((path.to_owned(), answer.body.into_bytes()));
        }
        files(lab.path(), &mut places);
        Self(places)
    }

    fn lack(&self, what: &str, needle: &[u8]) {
        for (place, bytes) in &self.0 {
            let found = bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "{what} is in {place}");
        }
    }

    fn lack_all(&self, what: &str, needles: &BTreeSet<Vec<u8>>) {
        for (place, bytes) in &self.0 {
            assert!(!found(bytes, needles), "{what} is in {place}");
        }
    }
}

/// Every file the daemon may have written; the service keys are what it was given.
fn files(folder: &Path, places: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            files(&path, places);
        } else if path.is_file() && !name.starts_with("service-key") {
            places.push((name, std::fs::read(&path).unwrap()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_whole_renewal_no_private_key_and_no_secret_is_anywhere() {
    let lab = Lab::new().await;
    let token = lab.token().await;
    let mut seen: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
    let daemon = lab.daemon("act", "[daemon.log]\nlevel = \"trace\"\n").await;
    within(LIMIT, "the end of the renewal", async || {
        for entry in lab.entries(&token).await {
            let name = entry["Name"].as_str().unwrap().to_owned();
            let content = entry["Content"].as_str().unwrap();
            let pem = String::from_utf8(STANDARD.decode(content).unwrap()).unwrap();
            let needles: BTreeSet<Vec<u8>> = keys(&pem).iter().flat_map(|key| forms(key)).collect();
            assert!(found(content.as_bytes(), &needles), "the search finds what is there: {name}",);
            assert!(found(pem.as_bytes(), &needles), "the search finds what is there: {name}");
            seen.insert(name, needles);
        }
        let watch = daemon.json("/api/v1/watches/sf-odata").await;
        is_over(&watch).then_some(())
    })
    .await;
    assert!(seen.len() >= 2, "{:?}", seen.keys());
    assert!(!lab.landscape.mails().is_empty());
    let places = Places::of(&lab, &daemon).await;
    assert!(
        places.0.iter().any(|(place, _)| place == "state.db-wal"),
        "the store is looked at while it is in use"
    );
    let pid = daemon.pid();
    assert!(std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap().lines().any(|line| {
        line.starts_with("Max core file size") && line.split_whitespace().nth(4) == Some("0")
    }));
    for (name, needles) in &seen {
        places.lack_all(&format!("the key of {name}"), needles);
    }
    places.lack("a private key", b"PRIVATE KEY");
    places.lack("the client secret", lab.key("clientsecret").as_bytes());
    places.lack("a token", token.split('.').next().unwrap().as_bytes());
    let log = places.0.iter().find(|(place, _)| place == "log").unwrap();
    let log = String::from_utf8_lossy(&log.1);
    assert!(!log.contains("/handoffs/") && !log.contains("Bearer"), "{log}");
    for link in lab.landscape.mails().iter().flat_map(|mail| mail.text.split("/handoffs/").skip(1)) {
        let token: String =
            link.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        assert!(token.len() > 16 && !log.contains(&token), "a link's token is in the log");
    }
    daemon.stop().await;
    lab.landscape.stop().await;
}
