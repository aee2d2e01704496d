//! `/metrics/x509`: what stands on the page, and what is left out.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::Arc;

use certsteward::domain::chain::Chain;
use certsteward::domain::reason::{Reason, Unseen};
use certsteward::domain::snapshot::{DiscoveryView, Pictures, Snapshot, WatchView};
use certsteward::surfaces::metrics::{X509, X509Page, encode_x509};

use crate::support::samples::{self, at, now};

/// A view of a file with this chain.
fn file(id: &str, path: &str, chain: Chain) -> WatchView {
    let mut watch = samples::watch(id, "prod");
    watch.source.kind = "file".to_owned();
    watch.source.place = path.to_owned();
    samples::view(watch, samples::seen(samples::standing(chain, path, now(), false)))
}

fn picture(views: Vec<WatchView>) -> Snapshot {
    let watches: Pictures =
        views.into_iter().map(|view| (view.watch.id.as_str().into(), Arc::new(view))).collect();
    Snapshot { watches: Arc::new(watches), ..samples::snapshot() }
}

fn page(snapshot: &Snapshot) -> String {
    encode_x509(snapshot, now(), false)
}

/// The series of this metric, each without its name.
fn series<'p>(page: &'p str, metric: &str) -> Vec<&'p str> {
    page.lines().filter_map(|line| line.strip_prefix(metric)?.strip_prefix('{')).collect()
}

#[test]
fn every_certificate_of_a_bundle_has_a_series_with_the_other_exporters_labels() {
    let chain = samples::chain("gateway", (2027, 1, 1), (2027, 3, 1));
    let page = page(&picture(vec![file("gw", "/etc/ssl/gateway.pem", chain)]));
    let ends = series(&page, "x509_cert_not_after");
    assert_eq!(ends.len(), 2, "{page}");
    let leaf = ends[0];
    for label in [
        "subject_C=\"DE\"",
        "subject_L=\"Sampletown\"",
        "subject_O=\"ACME\"",
        "subject_OU=\"Integration\"",
        "subject_CN=\"gateway\"",
        "issuer_O=\"Sample Trust\"",
        "issuer_CN=\"Sample Client CA 2\"",
        "filename=\"gateway.pem\"",
        "filepath=\"/etc/ssl/gateway.pem\"",
        "source_kind=\"file\"",
        "watch=\"gw\"",
    ] {
        assert!(leaf.contains(label), "{label} is not in {leaf}");
    }
    let (_, rest) = leaf.split_once("serial_number=\"").unwrap();
    let digits = rest.split('"').next().unwrap();
    assert!(digits.len() > 10 && digits.bytes().all(|digit| digit.is_ascii_digit()), "{digits}");
    assert!(
        !leaf.contains("subject_ST") && !leaf.contains("secret_name"),
        "an empty label is left out: {leaf}"
    );
    assert!(leaf.ends_with(&format!("}} {}", at("2027-03-01T00:00:00Z").timestamp())));
    assert!(ends[1].contains("subject_CN=\"Sample Client CA 2\""));
    assert_eq!(series(&page, "x509_cert_not_before").len(), 2);
    assert_eq!(series(&page, "x509_cert_expired").iter().filter(|line| line.ends_with("} 0")).count(), 2);
}

#[test]
fn an_expired_certificate_keeps_its_true_time() {
    let chain = samples::chain("old", (2025, 2, 1), (2026, 2, 1));
    let page = page(&picture(vec![file("old", "/old.pem", chain)]));
    let end = at("2026-02-01T00:00:00Z").timestamp();
    assert!(series(&page, "x509_cert_not_after")[0].ends_with(&format!("}} {end}")));
    assert!(series(&page, "x509_cert_expired")[0].ends_with("} 1"));
}

fn unzipped(member: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(member).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_compressed_page_says_the_same_and_is_another_one_when_a_certificate_expires() {
    let chain = samples::chain("soon", (2026, 3, 1), (2027, 3, 1));
    let end = at("2027-03-01T00:00:00Z");
    let mut snapshot = picture(vec![file("soon", "/soon.pem", chain)]);
    let (page, hour) = (X509Page::default(), chrono::Duration::hours(1));
    let text = |snapshot: &Snapshot, now| unzipped(&page.compressed(snapshot, now, false));
    let expired = |text: &str| series(text, "x509_cert_expired")[0].ends_with("} 1");
    for now in [end - hour, end - hour, end, end + hour, end + hour] {
        let text = text(&snapshot, now);
        assert_eq!(expired(&text), now > end, "it is said in the moment of the scrape, not of the last pass");
        assert_eq!(text, encode_x509(&snapshot, now, false));
        let families = X509Page::families(Arc::new(snapshot.clone()), now, false);
        assert_eq!(text, families.collect::<String>());
    }
    let relative = unzipped(&page.compressed(&snapshot, end, true));
    assert_eq!(relative, encode_x509(&snapshot, end, true));
    let failed = [("soon".into(), [(Reason::NotFound, 7)].into())];
    snapshot.daemon.missed = Arc::new(failed.into());
    assert!(
        text(&snapshot, end).contains("reason=\"not_found\"} 7\n"),
        "a count is told though no watch changed"
    );
}

#[test]
fn spans_relative_to_the_scrape_are_there_where_asked_for() {
    let chain = samples::chain("old", (2025, 2, 1), (2026, 2, 1));
    let snapshot = picture(vec![file("old", "/old.pem", chain)]);
    assert!(!page(&snapshot).contains("_seconds"));
    let text = encode_x509(&snapshot, now(), true);
    let left = (at("2026-02-01T00:00:00Z") - now()).num_seconds();
    assert!(left < 0 && series(&text, "x509_cert_expires_in_seconds")[0].ends_with(&format!("}} {left}")));
    assert!(text.contains("# TYPE x509_cert_valid_since_seconds gauge"));
}

#[test]
fn what_is_no_file_says_the_nearest_thing() {
    let mut view = file("api", "api.example.org:443", samples::chain("api", (2027, 1, 1), (2027, 9, 1)));
    Arc::make_mut(&mut view.watch).source.kind = "tls".to_owned();
    let page = page(&picture(vec![view]));
    let leaf = series(&page, "x509_cert_not_after")[0];
    assert!(leaf.contains("place=\"api.example.org:443\"") && leaf.contains("source_kind=\"tls\""), "{leaf}");
    assert!(!leaf.contains("filepath") && !leaf.contains("filename"), "{leaf}");
    assert!(page.contains("x509_source_up{source_kind=\"tls\",source_name=\"api\"} 1\n"), "{page}");
}

#[test]
fn certificates_that_look_alike_are_told_apart() {
    let (one, other) =
        (samples::chain("a", (2027, 1, 1), (2028, 1, 1)), samples::chain("a", (2027, 1, 1), (2029, 1, 1)));
    let mut chain = one.clone();
    let mut twin = (*other.leaf).clone();
    twin.serial.clone_from(&one.leaf.serial);
    chain.strays = vec![twin.into()];
    let page = page(&picture(vec![file("a", "/a.pem", chain)]));
    let ends = series(&page, "x509_cert_not_after");
    let marked = ends.iter().filter(|line| line.contains("discriminator=")).count();
    assert_eq!((ends.len(), marked), (3, 2), "{page}");
    assert_eq!(ends.iter().collect::<BTreeSet<_>>().len(), 3);
}

#[test]
fn what_cannot_be_seen_is_down_and_keeps_what_was_last_seen() {
    let chain = || samples::chain("x", (2027, 1, 1), (2027, 9, 1));
    let (mut unseen, mut absent, mut odd) = (
        file("unseen", "/u.pem", chain()),
        file("absent", "/a.pem", chain()),
        file("odd", "/o.pem", chain()),
    );
    let problem = |reason| Unseen::new(reason, "as a sample");
    Arc::make_mut(&mut unseen.record).unseen = Some((now(), problem(Reason::PermissionDenied)));
    Arc::make_mut(&mut absent.record).absent_since = Some(now());
    Arc::make_mut(&mut odd.record).oddities = vec![problem(Reason::Malformed)];
    let mut never = file("never", "/n.pem", chain());
    Arc::make_mut(&mut never.record).in_force = None;
    Arc::make_mut(&mut never.record).seen_at = None;
    let page = page(&picture(vec![unseen, absent, odd, never]));
    let value = |metric: &str, name: &str| {
        let of = format!("{metric}{{source_kind=\"file\",source_name=\"{name}\"}} ");
        page.lines().find_map(|line| line.strip_prefix(&of).map(str::to_owned))
    };
    let is = |value: &str| Some(value.to_owned());
    assert_eq!(
        (value("x509_source_up", "unseen"), value("x509_source_bundles", "unseen")),
        (is("0"), is("1"))
    );
    assert_eq!(
        (value("x509_source_up", "absent"), value("x509_source_bundles", "absent")),
        (is("0"), is("0"))
    );
    assert_eq!((value("x509_source_up", "odd"), value("x509_source_bundles", "odd")), (is("1"), is("1")));
    assert_eq!((value("x509_source_up", "never"), value("x509_source_bundles", "never")), (None, is("0")));
    let ends = series(&page, "x509_cert_not_after");
    let of = |path: &str| ends.iter().filter(|line| line.contains(path)).count();
    assert_eq!((of("/u.pem"), of("/a.pem"), of("/o.pem"), of("/n.pem")), (2, 0, 2, 0));
    let bad = series(&page, "x509_cert_error");
    assert_eq!(bad.len(), 3, "{bad:?}");
    assert!(bad.iter().all(|line| line.ends_with("} 1") && !line.contains("serial_number")), "{bad:?}");
}

#[test]
fn an_untrusted_server_is_read_all_the_same() {
    let mut view = file("api", "api.example.org:443", samples::chain("api", (2027, 1, 1), (2027, 9, 1)));
    Arc::make_mut(&mut view.record).oddities = vec![Unseen::new(Reason::ServerUntrusted, "as a sample")];
    assert!(series(&page(&picture(vec![view])), "x509_cert_error").is_empty());
}

#[test]
fn a_locked_key_beside_certificates_that_were_read_is_no_error() {
    for (reason, expected) in
        [(Reason::PasswordNeeded, 0), (Reason::PasswordWrong, 1), (Reason::Malformed, 1)]
    {
        let mut view = file("ks", "/ks/store.jks", samples::chain("ks", (2027, 1, 1), (2027, 9, 1)));
        Arc::make_mut(&mut view.record).oddities = vec![Unseen::new(reason, "as a sample")];
        assert_eq!(series(&page(&picture(vec![view])), "x509_cert_error").len(), expected, "{reason}");
    }
}

#[test]
fn a_discovery_is_one_source_with_many_bundles() {
    let found = |name: &str| {
        let mut view = file(
            &format!("ca-{name}"),
            &format!("/ca/{name}"),
            samples::chain(name, (2027, 1, 1), (2028, 1, 1)),
        );
        Arc::make_mut(&mut view.watch).found_by = Some("ca".to_owned());
        view
    };
    let mut snapshot = picture(vec![found("one"), found("two")]);
    let of = DiscoveryView {
        kind: "file".to_owned(),
        source_kind: "file".to_owned(),
        looked: true,
        blind_total: 2,
        ..DiscoveryView::default()
    };
    snapshot.daemon.discoveries = Arc::new([("ca".into(), of)].into());
    snapshot.daemon.missed =
        Arc::new([("ca".into(), [(Reason::PasswordWrong, 3), (Reason::PasswordNeeded, 1)].into())].into());
    let text = page(&snapshot);
    for line in [
        "x509_source_up{source_kind=\"file\",source_name=\"ca\"} 1\n",
        "x509_source_bundles{source_kind=\"file\",source_name=\"ca\"} 2\n",
        "x509_source_errors_total{source_kind=\"file\",source_name=\"ca\",reason=\"bad_passphrase\"} 4\n",
        "x509_source_errors_total{source_kind=\"file\",source_name=\"ca\",reason=\"walk_error\"} 2\n",
        "x509_source_errors_total{source_kind=\"file\",source_name=\"ca\",reason=\"not_found\"} 0\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert_eq!(series(&text, "x509_source_up").len(), 1, "{text}");
    let mut blind = snapshot;
    let unseen = Some((now(), vec![Unseen::new(Reason::NotFound, "as a sample")]));
    let of = DiscoveryView { unseen, ..blind.daemon.discoveries["ca"].clone() };
    blind.daemon.discoveries = Arc::new([("ca".into(), of)].into());
    assert!(page(&blind).contains("x509_source_up{source_kind=\"file\",source_name=\"ca\"} 0\n"));
}

#[test]
fn the_page_has_the_families_of_its_catalogue_and_no_other() {
    let mut unseen = file("u", "/u.pem", samples::chain("u", (2027, 1, 1), (2028, 1, 1)));
    Arc::make_mut(&mut unseen.record).unseen = Some((now(), Unseen::new(Reason::Timeout, "as a sample")));
    let text = encode_x509(&picture(vec![unseen]), now(), true);
    let families: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert_eq!(families, X509.iter().map(|metric| metric.name).collect::<Vec<_>>());
    for metric in X509 {
        for line in series(&text, metric.name) {
            let labels =
                line.rsplit_once('}').unwrap().0.split("\",").map(|pair| pair.split('=').next().unwrap());
            let unknown: Vec<&str> =
                labels.filter(|label| !label.is_empty() && !metric.labels.contains(label)).collect();
            assert!(unknown.is_empty(), "{}: {unknown:?}", metric.name);
        }
    }
}

#[test]
fn a_watch_that_is_gone_leaves_no_series() {
    let empty =
        page(&Snapshot { watches: Arc::default(), daemon: Default::default(), ..samples::snapshot() });
    assert_eq!(empty.lines().filter(|line| !line.starts_with('#')).count(), 1, "{empty}");
    assert!(empty.contains("x509_exporter_build_info{version="));
}
