//! One look at a server under the names of blackbox_exporter and ssl_exporter, so that their rules and dashboards go on.
//! What is not known has no series: no zero time, and no status where no answer came.

mod names;

use std::collections::BTreeSet;
use std::net::IpAddr;

use self::names::{TlsNames, alternative, blackbox_name, tls_version};
use super::catalogue::{Kind, Metric};
use super::labels::{Labels, decimal_into};
use super::text::Family;
use crate::domain::certificate::Certificate;
use crate::domain::module::{Kind as Way, Outcome, Stage};

const CERTIFICATE: &[&str] = &["serial_no", "issuer_cn", "cn", "dnsnames", "ips", "emails", "ou"];
const OF_CHAIN: &[&str] = &["chain_no", "serial_no", "issuer_cn", "cn", "dnsnames", "ips", "emails", "ou"];

type Write = fn(&Outcome, &mut Family<'_>);

/// One family of the answer, and how it is found.
macro_rules! families {
    ($($name:literal [$($label:ident),*] $write:expr, $presence:literal, $help:literal, $query:literal;)+) => {
        /// Every family of the answer, in the order of output.
        pub const PROBE: &[Metric] = &[$(
            Metric::of_page($name, Kind::Gauge, families!(@labels $($label),*), $presence, $help, $query),
        )+];

        const WRITE: &[Write] = &[$($write,)+];
    };
    (@labels CERTIFICATE) => { CERTIFICATE };
    (@labels OF_CHAIN) => { OF_CHAIN };
    (@labels $($label:ident),*) => { &[$(stringify!($label)),*] };
}

families! {
    "probe_success" [] |look, family| family.flag(&[], Some(look.success)), "always",
        "Whether everything is as the module wants it", "probe_success == 0";
    "probe_duration_seconds" [] |look, family| family.series(&[], look.seconds), "always",
        "How long the whole look took", "probe_duration_seconds / probe_timeout_seconds > 0.8";
    "probe_timeout_seconds" [] |look, family| family.series(&[], look.limit_seconds), "always",
        "How long it might have taken: the module's limit, or what Prometheus gives", "probe_timeout_seconds";
    "probe_dns_lookup_time_seconds" [] |look, family| value(family, stage(look, Stage::Resolve)), "once a name was looked up",
        "How long looking up the name took", "probe_dns_lookup_time_seconds > 1";
    "probe_ip_protocol" [] ip_protocol, "once connected, unless through a proxy",
        "4 or 6: the protocol of the server's address", "probe_ip_protocol == 6";
    "probe_ip_addr_hash" [] ip_hash, "once connected, unless through a proxy",
        "A hash of the server's address, which changes with it", "changes(probe_ip_addr_hash[1d]) > 0";
    "probe_http_duration_seconds" [phase] stages, "type `http`, for parts that were reached",
        "How long each part took, summed over redirects", "sum without (phase) (probe_http_duration_seconds) > 2";
    "probe_http_status_code" [] |look, family| value(family, look.answer.map(|answer| answer.status)), "once an answer came",
        "Status of the last answer", "probe_http_status_code >= 400";
    "probe_http_version" [] |look, family| value(family, look.answer.map(|answer| answer.version)), "once an answer came",
        "HTTP version of the last answer: 1 or 1.1; no other is spoken", "probe_http_version < 1.1";
    "probe_http_ssl" [] |look, family| family.flag(&[], look.answer.map(|answer| answer.is_tls)), "once an answer came",
        "Whether the last answer came over TLS", "probe_http_ssl == 0";
    "probe_http_redirects" [] |look, family| value(family, look.answer.map(|answer| answer.redirects)), "once an answer came",
        "How many redirects led to the last answer", "probe_http_redirects > 2";
    "probe_http_content_length" [] |look, family| value(family, look.answer.and_then(|answer| answer.announced_length)), "where the server said it",
        "Length of the body, as the server announced it", "probe_http_content_length == 0";
    "probe_http_uncompressed_body_length" [] |look, family| value(family, look.answer.and_then(|answer| answer.length)), "where the body came whole",
        "Length of the body, as it came; none is asked for compressed", "probe_http_uncompressed_body_length < 100";
    "probe_http_last_modified_timestamp_seconds" [] |look, family| family.moment(&[], look.answer.and_then(|answer| answer.last_modified)), "where the server said it",
        "When the answer was last changed, as the server said", "time() - probe_http_last_modified_timestamp_seconds > 86400";
    "probe_ssl_earliest_cert_expiry" [] |look, family| family.moment(&[], look.earliest_end()), "once the server showed its certificate, whatever became of the handshake",
        "When the first of the certificates that the server sent expires", "probe_ssl_earliest_cert_expiry - time() < 20 * 86400";
    "probe_ssl_last_chain_expiry_timestamp_seconds" [] |look, family| family.moment(&[], look.end_of_trust()), "where a chain leads to a trusted root, whatever its dates say",
        "When that chain's first certificate expires, root included", "probe_ssl_last_chain_expiry_timestamp_seconds - time() < 20 * 86400";
    "probe_ssl_last_chain_info" [fingerprint_sha256, subject, issuer, subjectalternative, serialnumber] leaf, "once the server showed its certificate",
        "Always 1; who the server's certificate is", "count by (issuer) (probe_ssl_last_chain_info)";
    "probe_tls_version_info" [version] |look, family| version(look, family), "once a handshake was done",
        "Always 1; the TLS version agreed on", "probe_tls_version_info{version!=\"TLS 1.3\"}";
    "probe_tls_cipher_info" [cipher] cipher, "once a handshake was done",
        "Always 1; the cipher suite agreed on", "count by (cipher) (probe_tls_cipher_info)";
    "ssl_probe_success" [] |look, family| family.flag(&[], Some(look.success)), "always",
        "The same as `probe_success`", "ssl_probe_success == 0";
    "ssl_prober" [prober] prober, "always",
        "Always 1; `https` for modules of type http, `tcp` for those of type tls", "count by (prober) (ssl_prober)";
    "ssl_tls_version_info" [version] |look, family| version(look, family), "once a handshake was done",
        "The same as `probe_tls_version_info`", "ssl_tls_version_info{version!=\"TLS 1.3\"}";
    "ssl_cert_not_after" [CERTIFICATE] |look, family| sent(look, family, |certificate| certificate.not_after), "every certificate the server sent, whatever became of the handshake",
        "End of the certificate's validity", "ssl_cert_not_after - time() < 7 * 86400";
    "ssl_cert_not_before" [CERTIFICATE] |look, family| sent(look, family, |certificate| certificate.not_before), "every certificate the server sent, whatever became of the handshake",
        "Start of the certificate's validity", "ssl_cert_not_before > time()";
    "ssl_verified_cert_not_after" [OF_CHAIN] |look, family| trusted(look, family, |certificate| certificate.not_after), "every certificate of the chain of trust, where there is one, whatever its dates say",
        "End of the certificate's validity", "ssl_verified_cert_not_after{chain_no=\"0\"} - time() < 7 * 86400";
    "ssl_verified_cert_not_before" [OF_CHAIN] |look, family| trusted(look, family, |certificate| certificate.not_before), "every certificate of the chain of trust, where there is one, whatever its dates say",
        "Start of the certificate's validity", "ssl_verified_cert_not_before > time()";
    "certsteward_target_verdict" [verdict, detail] verdict, "a look that failed, or tolerated something, or proved that the client certificate was accepted",
        "Always 1; what is the matter, of the closed list of verdicts", "count by (verdict) (certsteward_target_verdict{verdict!=\"accepted\"})";
    "certsteward_target_asked_for_certificate" [] |look, family| family.flag(&[], look.asked_for_certificate), "once the server showed its certificate",
        "Whether the server asked for a client certificate", "certsteward_target_asked_for_certificate == 1";
}

/// The answer to one look.
#[must_use]
pub fn encode_probe(look: &Outcome) -> String {
    let mut out = String::new();
    for (metric, write) in PROBE.iter().zip(WRITE) {
        write(look, &mut Family::new(metric, &mut out));
    }
    out
}

fn value(family: &mut Family<'_>, value: Option<impl std::fmt::Display>) {
    if let Some(value) = value {
        family.series(&[], value);
    }
}

fn stage(look: &Outcome, wanted: Stage) -> Option<f64> {
    look.stages.iter().find(|(stage, _)| *stage == wanted).map(|(_, seconds)| *seconds)
}

fn stages(look: &Outcome, family: &mut Family<'_>) {
    if look.kind == Way::Http {
        for (stage, seconds) in &look.stages {
            family.series(&[stage.code()], seconds);
        }
    }
}

fn ip_protocol(look: &Outcome, family: &mut Family<'_>) {
    value(family, look.address.map(|address| if address.is_ipv4() { 4 } else { 6 }));
}

/// FNV-1a of 32 bits, as blackbox_exporter has it.
fn ip_hash(look: &Outcome, family: &mut Family<'_>) {
    let hash = |bytes: &[u8]| {
        bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
    };
    value(
        family,
        look.address.map(|address| match address {
            IpAddr::V4(address) => hash(&address.octets()),
            IpAddr::V6(address) => hash(&address.octets()),
        }),
    );
}

fn leaf(look: &Outcome, family: &mut Family<'_>) {
    let Some(leaf) = look.sent.first() else { return };
    let names = alternative(leaf);
    family.series(
        &[
            &leaf.fingerprint.hex(),
            &blackbox_name(&leaf.subject),
            &blackbox_name(&leaf.issuer),
            &names.hosts.join(","),
            &leaf.serial,
        ],
        1,
    );
}

fn version(look: &Outcome, family: &mut Family<'_>) {
    if let Some(version) = &look.tls_version {
        family.series(&[&tls_version(version)], 1);
    }
}

fn cipher(look: &Outcome, family: &mut Family<'_>) {
    if let Some(cipher) = &look.cipher {
        family.series(&[cipher], 1);
    }
}

fn prober(look: &Outcome, family: &mut Family<'_>) {
    let prober = match look.kind {
        Way::Http => "https",
        Way::Tls => "tcp",
    };
    family.series(&[prober], 1);
}

fn verdict(look: &Outcome, family: &mut Family<'_>) {
    if let Some(verdict) = look.verdict {
        family.series(&[verdict.code(), look.detail.map_or("", |detail| detail.code())], 1);
    }
}

type Moment = fn(&Certificate) -> crate::domain::Timestamp;

fn sent(look: &Outcome, family: &mut Family<'_>, moment: Moment) {
    certificates(&look.sent, None, family, moment);
}

/// There is one chain: the one by which the server is trusted.
fn trusted(look: &Outcome, family: &mut Family<'_>, moment: Moment) {
    certificates(look.trusted.as_deref().unwrap_or_default(), Some("0"), family, moment);
}

/// Each certificate once; of those that look alike only the first, as Prometheus takes no series twice.
fn certificates(all: &[Certificate], chain: Option<&str>, family: &mut Family<'_>, moment: Moment) {
    let mut known = BTreeSet::new();
    for certificate in all {
        let mut labels = Labels::default();
        labels.push("chain_no", chain.unwrap_or_default());
        describe(certificate, &mut labels);
        if known.insert(labels.text().to_owned()) {
            family.labelled(&labels, moment(certificate).timestamp());
        }
    }
}

fn describe(certificate: &Certificate, labels: &mut Labels) {
    let TlsNames { hosts, addresses, mails } = alternative(certificate);
    let units = certificate.subject.parts().filter(|(key, _)| *key == "OU").map(|(_, value)| value);
    labels.push_with("serial_no", |out| decimal_into(&certificate.serial, out));
    labels.push("issuer_cn", certificate.issuer.common_name().unwrap_or_default());
    labels.push("cn", certificate.subject.common_name().unwrap_or_default());
    labels.push("dnsnames", &between_commas(hosts.iter().map(String::as_str)));
    labels.push("ips", &between_commas(addresses.iter().map(String::as_str)));
    labels.push("emails", &between_commas(mails.iter().map(String::as_str)));
    labels.push("ou", &between_commas(units));
}

/// `,a,b,`: so that a pattern finds a whole name.
fn between_commas<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let joined: String = values.map(|value| format!("{value},")).collect();
    if joined.is_empty() { joined } else { format!(",{joined}") }
}
