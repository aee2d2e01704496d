//! The metrics and closed lists in the code are those in the docs, in the dashboards and on the page that is scraped.
//! With `CERTSTEWARD_WRITE_DOCS=1` the generated docs are written instead of compared.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use certsteward::domain::event::EventKind;
use certsteward::domain::finding::{Code, Level};
use certsteward::domain::message::Topic;
use certsteward::domain::reason::Reason;
use certsteward::domain::snapshot::{DaemonView, Snapshot};
use certsteward::domain::verdict::{Detail, Phase, Verdict};
use certsteward::surfaces::metrics::{CATALOGUE, Kind, Metric, Metrics, PROBE, X509, encode, x509_reason};

use crate::support::samples;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn compare(file: &str, wanted: &str) {
    let path = root().join(file);
    if std::env::var_os("CERTSTEWARD_WRITE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let is = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(is == wanted, "{file} is not what the code says; CERTSTEWARD_WRITE_DOCS=1 writes it anew");
}

#[test]
fn the_metrics_of_the_docs_are_those_of_the_code() {
    let mut text = String::from(
        "# Metrics\n\n\
`GET /metrics` answers in the Prometheus text format 0.0.4. Times are Unix timestamps in seconds, so that a query subtracts: \
`certsteward_certificate_not_after_timestamp_seconds - time()`. What is unknown has no series, and is never 0; the time of an expired \
certificate lies in the past and is not clamped. A watch that is gone from the configuration takes its series along at once and leaves \
`certsteward_watch_findings{code=\"watch-vanished\"}` for a while. Counters begin at zero for every reason of the closed list.\n\n\
This page is generated from the catalogue in the code.\n\n\
",
    );
    text.push_str(&table(CATALOGUE));
    text.push_str("\n## Units\n\n");
    text.push_str("`_timestamp_seconds`: Unix time in seconds. `_seconds`: a span in seconds. `_bytes`: bytes. `_total`: a count since the start. ");
    text.push_str(
        "Every other metric is a plain number: 0 or 1, a level, a count, a status.\n\n## Label values\n\n",
    );
    text.push_str(&label_values());
    text.push_str("\n## Queries to begin with\n\n");
    text.push_str(&queries(CATALOGUE));
    text.push_str(&x509());
    text.push_str(&probe());
    compare("docs/metrics.md", &text);
}

fn table(metrics: &[Metric]) -> String {
    let row = |metric: &Metric| {
        // So many would make a table nobody can read; they are listed above it.
        let many = metric.labels.len() > 10;
        let labels = if many { "those of a certificate".to_owned() } else { listed(metric.labels) };
        let (name, kind, presence) = (metric.name, metric.kind.word(), metric.presence.words());
        format!("| `{name}` | {kind} | {labels} | {presence} | {} |\n", metric.help)
    };
    let rows: String = metrics.iter().map(row).collect();
    format!("| metric | type | labels | present for | says |\n|---|---|---|---|---|\n{rows}")
}

fn listed(labels: &[&str]) -> String {
    labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" ")
}

fn queries(metrics: &[Metric]) -> String {
    let row = |metric: &Metric| format!("| `{}` | `{}` |\n", metric.name, metric.query.replace('|', "\\|"));
    let rows: String = metrics.iter().map(row).collect();
    format!("| metric | query |\n|---|---|\n{rows}")
}

/// What is said of `/metrics/x509`.
fn x509() -> String {
    let words: BTreeSet<&str> = Reason::ALL.iter().map(|reason| x509_reason(*reason)).collect();
    let row = |word: &&str| {
        let ours = Reason::ALL.iter().filter(|reason| x509_reason(**reason) == *word);
        let ours: Vec<String> = ours.map(|reason| format!("`{reason}`")).collect();
        format!("| `{word}` | {} |\n", ours.join(" "))
    };
    let reasons: String = words.iter().map(row).collect();
    let labels = X509.iter().map(|metric| metric.labels).max_by_key(|labels| labels.len());
    let labels = format!("The labels of a certificate: {}.\n\n", listed(labels.unwrap()));
    format!("{X509_PAGE}{labels}{}{X509_SOURCES}{reasons}{X509_REST}{}", table(X509), queries(X509))
}

/// What is said of `/probe`.
fn probe() -> String {
    format!("{PROBE_PAGE}{}{PROBE_REST}{}", table(PROBE), queries(PROBE))
}

const X509_PAGE: &str = "
## /metrics/x509

`GET /metrics/x509` shows the certificates that watches see under the names of [x509-certificate-exporter](https://github.com/enix/x509-certificate-exporter) \
4.2, so that its users' rules and dashboards go on; [migrate.md](migrate.md) says what is to be changed. Each certificate of what a source shows has \
series of its own: the leaf, its issuers, and what else came along. Labels without a value are left out, which is the same to Prometheus as \
an empty one. `serial_number` is decimal. Of a field of a name that comes several times the first counts, of common names the last. `watch`, \
`source_kind` and `place` are additions: `watch` joins with the metrics above. `discriminator` is there only where two certificates of one place \
would have the same labels. What cannot be seen at the moment is shown as it was last seen, and `x509_source_up` is 0; what is gone shows nothing.

";

const X509_SOURCES: &str = "
What a source is there:

| here | `source_kind` | `source_name` | a certificate's labels |
|---|---|---|---|
| a watch of a file | `file` | the watch's id | `filename` `filepath` |
| a discovery of files | `file` | what the ids of its watches begin with, and `*` | `filename` `filepath` of each file |
| a watch of a TLS server | `tls` | the watch's id | `place`: host and port |
| a watch of the Destination service | `destination-service` | the watch's id | `place`: connection, level and entry |

`reason` of `x509_source_errors_total` is a word of that exporter's list:

| word | reasons of [the reference](reference.md#reasons) |
|---|---|
| `walk_error` | a discovery could not look everywhere |
";

const X509_REST: &str = "
Of which format a file was meant to be is not known once it cannot be read, so `bad_pem`, `bad_der`, `bad_pkcs12` and `bad_jks` are never said, and \
`x509_pkcs12_passphrase_failures_total` and its sister are not there: ask for `reason=\"bad_passphrase\"`. Also not there: what is about \
Kubernetes, `x509_cert_collision_total` and `x509_cert_collision_dropped_total` (nothing is ever dropped), `x509_crl_…`, and the exporter's own diagnostics.

";

const PROBE_PAGE: &str = "
## /probe

`GET /probe?module=NAME&target=…` looks at a server at once and answers in the families of \
[blackbox_exporter](https://github.com/prometheus/blackbox_exporter) (`probe_…`) and of \
[ssl_exporter](https://github.com/ribbybibby/ssl_exporter) (`ssl_…`) together. How it looks is a [module](configuration.md#modulesname-type--http) of the \
configuration, or a built-in one: `http_2xx` (one HTTP request as blackbox_exporter makes it), `http` and `https` (as ssl_exporter makes it: any status, \
TLS needed, no redirect followed), `tls`, `tcp` and `tls_connect` (one handshake). Without `module` it is `http_2xx` where the target is an address, \
else `tls`. `hostname=` asks for another name, `debug=true` tells what was done. The limit is the module's `timeout`, or half a second less than what \
Prometheus gives in `X-Prometheus-Scrape-Timeout-Seconds`. What may be looked at: [the threat model](threat-model.md#looks-for-scrapes).

Whatever becomes of the handshake and of the verification, the certificates that the server sent have their series, with their true times. What is not \
known has none: no zero time, and no status where no answer came. A server that asks for a client certificate and then refuses is no success, in TLS 1.3 neither.

";

const PROBE_REST: &str = "
Not there: other probers (`icmp`, `dns`, `grpc`, `unix`, plain `tcp`), checks of bodies and headers (`probe_failed_due_to_regex`), HTTP/2 and HTTP/3, \
stapled OCSP answers (`ssl_ocsp_…`), and ssl_exporter's probers of files and Kubernetes: files are watched, and shown at `/metrics/x509`.

";

fn label_values() -> String {
    let codes = |all: Vec<&str>| all.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(" ");
    let verdicts = codes(Verdict::ALL.iter().map(|verdict| verdict.code()).collect());
    let phases = codes(Phase::ALL.iter().map(|phase| phase.code()).collect());
    let levels = codes(Level::ALL.iter().map(|level| level.code()).collect());
    format!(
        "| label | values |\n|---|---|\n| `role` | `in_force` `candidate` |\n| `result` | `ok` `failed` |\n\
| `ask` | `add` `replace` `remove` |\n| `act` | `issue` `publish` `switch` `rollback` `retire` |\n\
| `step` | `watching` `issuing` `publishing` `proving` `switching` `settling` |\n| `match` | `unknown` `dn` `exact` |\n\
| `between` | `source-callers` `source-targets` |\n| `phase` | {phases} |\n| `level` | {levels} |\n| `verdict` | {verdicts} |\n\
| `code`, `reason` | see [the reference](reference.md) |\n\
| `label_NAME` of `certsteward_watch_info` | the watch's own label NAME; other characters than letters, digits and `_` become `_`, and of names that become the same the later ones end in `_2`, `_3` … |\n"
    )
}

#[test]
fn the_lists_of_the_reference_are_those_of_the_code() {
    let mut text = String::from(
        "# Reference of codes\n\nEvery closed list, generated from the code. A code is the same in logs, metrics, events, the API and here, and is never renamed.\n",
    );
    let mut list = |title: &str, rows: Vec<(&str, String)>| {
        text.push_str(&format!("\n## {title}\n\n| code | means |\n|---|---|\n"));
        for (code, meaning) in rows {
            text.push_str(&format!("| `{code}` | {meaning} |\n"));
        }
    };
    macro_rules! rows {
        ($kind:ident) => {
            $kind::ALL.iter().map(|one| (one.code(), one.meaning().to_owned())).collect()
        };
    }
    list("Levels", rows!(Level));
    list("Findings", rows!(Code));
    list("Reasons", rows!(Reason));
    list("Events", rows!(EventKind));
    list("Details of verdicts", rows!(Detail));
    list("Phases of a probe", rows!(Phase));
    list("Topics a notifier can choose", rows!(Topic));
    text.push_str("\n## Verdicts of a probe\n\nThe way out of a finding stands beside it, with the names of the case at hand. That of a verdict is always the same.\n\n");
    text.push_str("| code | means | blames | way out |\n|---|---|---|---|\n");
    for verdict in Verdict::ALL {
        let blames = if verdict.recognised() {
            "nothing"
        } else if verdict.blames_certificate() {
            "the certificate or its mapping"
        } else {
            "something else"
        };
        text.push_str(&format!(
            "| `{}` | {} | {blames} | {} |\n",
            verdict.code(),
            verdict.meaning(),
            verdict.way_out()
        ));
    }
    compare("docs/reference.md", &text);
}

#[test]
fn a_scrape_has_the_families_of_the_catalogue_and_no_other() {
    let page: String = Arc::new(Metrics::default()).families(Arc::new(samples::snapshot())).collect();
    let families: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split(' ').next())
        .collect();
    let unique: BTreeSet<&str> = families.iter().copied().collect();
    assert_eq!(unique.len(), families.len(), "a family stands twice");
    assert_eq!(unique, CATALOGUE.iter().map(|metric| metric.name).collect());
    for metric in CATALOGUE {
        assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
    }
}

#[test]
fn a_scrape_is_what_prometheus_expects() {
    let page: String = Arc::new(Metrics::default()).families(Arc::new(samples::snapshot())).collect();
    let mut tool = std::process::Command::new("promtool");
    tool.args(["check", "metrics"]).stdin(std::process::Stdio::piped());
    tool.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let Ok(mut running) = tool.spawn() else {
        assert!(std::env::var_os("CERTSTEWARD_TESTS_NEED_ALL").is_none(), "promtool is not installed");
        println!("skipped: promtool is not installed (Debian package prometheus)");
        return;
    };
    std::io::Write::write_all(&mut running.stdin.take().unwrap(), page.as_bytes()).unwrap();
    let done = running.wait_with_output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn what_is_unknown_has_no_series() {
    let empty =
        encode(&Snapshot { at: samples::now(), watches: Default::default(), daemon: DaemonView::default() });
    assert!(!empty.contains("certsteward_watch_level"), "{empty}");
    assert!(!empty.contains("certsteward_notification_outbox_oldest"), "{empty}");
    let page = encode(&samples::snapshot());
    let of = |text: &str| page.lines().filter(|line| line.contains(text)).collect::<Vec<_>>().join("\n");
    assert_eq!(
        of("certsteward_watch_level{watch=\"legacy-export\""),
        "certsteward_watch_level{watch=\"legacy-export\"} 2"
    );
    assert_eq!(of("certsteward_certificate_not_after_timestamp_seconds{watch=\"legacy-export\""), "");
    assert_eq!(of("certsteward_probe_http_status{watch=\"ias-user-sync\""), "");
    let expired = samples::at("2027-02-08T00:00:00Z").timestamp();
    assert!(of("not_after_timestamp_seconds{watch=\"ias-user-sync\"").ends_with(&format!(" {expired}")));
    assert_eq!(
        of("code=\"watch-vanished\""),
        "certsteward_watch_findings{watch=\"old-watch\",code=\"watch-vanished\",level=\"warning\"} 1"
    );
}

#[test]
fn every_step_and_every_reason_is_counted_from_zero() {
    let page = encode(&samples::snapshot());
    assert!(page.contains("certsteward_watch_step{watch=\"sf-odata-prod\",step=\"publishing\"} 1\n"));
    assert!(page.contains("certsteward_watch_step{watch=\"sf-odata-prod\",step=\"watching\"} 0\n"));
    for reason in Reason::ALL {
        let series = format!("source=\"file\",connection=\"\",result=\"failed\",reason=\"{reason}\"}} 0\n");
        assert!(page.contains(&series), "{series}");
    }
    assert!(page.contains("certsteward_rollbacks_total{watch=\"learning-feed\",result=\"failed\"} 0\n"));
    assert!(page.contains("{watch=\"sf-odata-prod\",between=\"source-callers\"} 0\n"));
}

#[test]
fn a_compressed_scrape_says_the_same_also_when_it_was_asked_for_before() {
    let metrics = Arc::new(Metrics::default());
    let without_process = |page: &str| {
        page.lines().filter(|line| !line.contains("process_")).map(str::to_owned).collect::<Vec<_>>()
    };
    let unzipped = |member: &[u8]| {
        let mut page = String::new();
        flate2::read::GzDecoder::new(member).read_to_string(&mut page).unwrap();
        page
    };
    for snapshot in [samples::snapshot(), samples::snapshot(), samples::many(3)].map(Arc::new) {
        let plain: String = metrics.families(Arc::clone(&snapshot)).collect();
        for _ in 0..2 {
            let page = unzipped(&metrics.compressed(&snapshot));
            assert_eq!(without_process(&page), without_process(&plain));
        }
    }
}

#[test]
fn what_vanished_or_happened_to_the_daemon_is_in_the_next_scrape_though_no_watch_changed() {
    let metrics = Metrics::default();
    let mut snapshot = samples::snapshot();
    let before = metrics.compressed(&snapshot);
    snapshot.daemon.vanished.insert("another".to_owned(), samples::now());
    snapshot.daemon.paused = None;
    let mut page = String::new();
    flate2::read::GzDecoder::new(&*metrics.compressed(&snapshot)).read_to_string(&mut page).unwrap();
    assert!(page.contains("watch=\"another\",code=\"watch-vanished\""), "{page}");
    assert!(page.contains("certsteward_paused 0"));
    assert_ne!(before, metrics.compressed(&snapshot));
}

#[test]
fn dashboards_and_rules_use_names_of_the_catalogue_only() {
    let known: BTreeSet<&str> = CATALOGUE.iter().chain(PROBE).map(|metric| metric.name).collect();
    for (file, text) in files(&root().join("dashboards")) {
        for name in names(&text) {
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .unwrap_or(&name);
            assert!(
                known.contains(name.as_str()) || known.contains(family),
                "{} uses {name}",
                file.display()
            );
        }
    }
}

fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let fitting = |path: &PathBuf| {
        path.extension().is_some_and(|end| ["json", "yml"].iter().any(|known| end == *known))
    };
    entries.filter(fitting).map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// Every metric's name in a text; names with a colon are recording rules and stand for themselves.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let ends = ["_seconds", "_total", "_info", "_bytes", "_bucket", "_sum", "_count"];
    let plain = |word: &&str| {
        word.starts_with("certsteward_")
            && !word.contains(':')
            && (ends.iter().any(|end| word.ends_with(end)) || word.matches('_').count() > 1)
    };
    words.filter(plain).map(str::to_owned).collect()
}

#[test]
fn every_command_that_a_message_names_is_one() {
    let verbs: Vec<String> =
        certsteward::cli::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut named = 0;
    for file in crate::source_text::read_folder(&source) {
        // What is followed by a place for a name: "certsteward plan {id}".
        for rest in file.text.split("certsteward ").skip(1) {
            let Some((verb, after)) = rest.split_once(' ') else { continue };
            if !after.starts_with('{') || !verb.chars().all(|letter| letter.is_ascii_lowercase()) {
                continue;
            }
            // "cannot speak to certsteward on {place}"
            assert!(verb == "on" || verbs.iter().any(|known| known == verb), "{}: {verb}", file.shown());
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}
