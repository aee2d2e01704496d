//! Every metric there is: the one table that the encoder, the docs and the tests read.
//! How a value is found stands beside it, in `watches`, `daemon` and `process`.

use super::text::Family;
use super::{daemon, watches};
use crate::domain::snapshot::Snapshot;

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its full name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its labels, in the order of output.
    pub labels: &'static [&'static str],
    /// What it says, in one sentence without a full stop.
    pub help: &'static str,
    /// When it is there.
    pub presence: Presence,
    /// A query to begin with.
    pub query: &'static str,
    series: Series,
}

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up, from zero at the start.
    Counter,
    /// Counts per upper bound.
    Histogram,
}

/// When a metric has series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Always, for every watch.
    EveryWatch,
    /// For every watch whose certificate has been seen.
    Seen,
    /// Once a probe has been made.
    Probed,
    /// For every watch with a renewal or a target.
    Kept,
    /// As for a watch with a renewal or a target, while the value is known.
    KeptWhileKnown,
    /// For the daemon, always.
    Daemon,
    /// For the daemon, while the value is known.
    DaemonWhileKnown,
    /// For the process, where the system tells.
    Process,
    /// As these words say; for the names of other exporters.
    Words(&'static str),
}

impl Presence {
    /// The words of the docs.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::EveryWatch => "every watch, always",
            Self::Seen => "a watch whose certificate has been seen",
            Self::Probed => "a watch with a probe, once it has been made",
            Self::Kept => "a watch with a renewal or a target",
            Self::KeptWhileKnown => "a watch with a renewal or a target, while the value is known",
            Self::Daemon => "the daemon, always",
            Self::DaemonWhileKnown => "the daemon, while the value is known",
            Self::Process => "the process, where the operating system tells",
            Self::Words(words) => words,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Series {
    Watches(fn(&Snapshot, &mut Family<'_>)),
    Daemon(fn(&Snapshot, &mut Family<'_>)),
    Process,
    /// Written by the page it belongs to.
    OfPage,
}

/// What a metric tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// Watches: it changes when one of them does.
    Watches,
    /// The daemon: it may have changed whenever it is asked for.
    Daemon,
    /// The process.
    Process,
    /// What a page of its own shows.
    Page,
}

impl Metric {
    /// Writes the family, unless the process tells it.
    pub(super) fn write(&self, snapshot: &Snapshot, out: &mut String) {
        self.write_to(snapshot, &mut Family::new(self, out));
    }

    /// As [`Metric::write`]; what was written is taken in portions, the last of which stays in `out`.
    pub(super) fn drain(&self, snapshot: &Snapshot, out: &mut String, drain: &mut dyn FnMut(&str)) {
        self.write_to(snapshot, &mut Family::drained(self, out, drain));
    }

    fn write_to(&self, snapshot: &Snapshot, family: &mut Family<'_>) {
        match self.series {
            Series::Watches(series) | Series::Daemon(series) => series(snapshot, family),
            Series::Process | Series::OfPage => {}
        }
    }

    /// A metric of a page of its own, named by another exporter.
    pub(super) const fn of_page(
        name: &'static str,
        kind: Kind,
        labels: &'static [&'static str],
        presence: &'static str,
        help: &'static str,
        query: &'static str,
    ) -> Self {
        Self { name, kind, labels, help, presence: Presence::Words(presence), query, series: Series::OfPage }
    }

    pub(super) const fn topic(&self) -> Topic {
        match self.series {
            Series::Watches(_) => Topic::Watches,
            Series::Daemon(_) => Topic::Daemon,
            Series::Process => Topic::Process,
            Series::OfPage => Topic::Page,
        }
    }
}

macro_rules! catalogue {
    ($($name:literal $kind:ident [$($label:literal),*] $presence:ident $series:expr, $help:literal, $query:literal;)+) => {
        /// Every metric, in the order of output.
        pub const CATALOGUE: &[Metric] = &[$(Metric {
            name: $name,
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: $help,
            presence: Presence::$presence,
            query: $query,
            series: $series,
        },)+];
    };
}

const fn of(series: fn(&Snapshot, &mut Family<'_>)) -> Series {
    Series::Watches(series)
}

const fn of_daemon(series: fn(&Snapshot, &mut Family<'_>)) -> Series {
    Series::Daemon(series)
}

catalogue! {
    "certsteward_certificate_not_before_timestamp_seconds" Gauge ["watch", "role"] Seen of(watches::not_before),
        "Start of the certificate's validity", "time() < certsteward_certificate_not_before_timestamp_seconds";
    "certsteward_certificate_not_after_timestamp_seconds" Gauge ["watch", "role"] Seen of(watches::not_after),
        "End of the certificate's validity; never clamped, so an expired one lies in the past",
        "certsteward_certificate_not_after_timestamp_seconds{role=\"in_force\"} - time() < 14 * 86400";
    "certsteward_certificate_info" Gauge ["watch", "role", "subject_cn", "issuer_cn", "serial", "fingerprint_sha256"] Seen of(watches::certificate),
        "Always 1; who the certificate is", "certsteward_certificate_info{issuer_cn=\"SAP Cloud Root CA\"}";
    "certsteward_chain_not_after_timestamp_seconds" Gauge ["watch", "role"] Seen of(watches::chain_not_after),
        "Earliest end of validity in the chain, leaf included",
        "certsteward_chain_not_after_timestamp_seconds < certsteward_certificate_not_after_timestamp_seconds";
    "certsteward_watch_info" Gauge ["watch", "mode", "source"] EveryWatch of(watches::watch),
        "Always 1; how the watch is configured, with its own labels as label_NAME",
        "certsteward_watch_level * on (watch) group_left (label_stage) certsteward_watch_info";
    "certsteward_watch_level" Gauge ["watch"] EveryWatch of(watches::level),
        "Most serious finding: 0 ok, 1 notice, 2 warning, 3 critical; at least 2 while the source cannot be seen",
        "certsteward_watch_level >= 2";
    "certsteward_watch_findings" Gauge ["watch", "code", "level"] EveryWatch of(watches::findings),
        "How many findings of this code there are; without series where there are none",
        "sum by (code) (certsteward_watch_findings{level=~\"warning|critical\"})";
    "certsteward_watch_last_seen_timestamp_seconds" Gauge ["watch"] Seen of(watches::last_seen),
        "When the source was last seen", "time() - certsteward_watch_last_seen_timestamp_seconds > 6 * 3600";
    "certsteward_probe_success" Gauge ["watch", "probe", "role"] Probed of(watches::probe_success),
        "Whether the whole call succeeded: certificate, mapping and permission",
        "certsteward_probe_success{role=\"in_force\"} == 0";
    "certsteward_probe_certificate_accepted" Gauge ["watch", "probe", "role"] Probed of(watches::probe_certificate_accepted),
        "Whether the API recognised the certificate; absent while the last probe could not tell",
        "certsteward_probe_certificate_accepted{role=\"in_force\"} == 0";
    "certsteward_probe_http_status" Gauge ["watch", "probe", "role"] Probed of(watches::probe_http_status),
        "HTTP status of the last probe; absent where no answer came", "certsteward_probe_http_status >= 500";
    "certsteward_probe_last_timestamp_seconds" Gauge ["watch", "probe", "role"] Probed of(watches::probe_last),
        "When the last probe was made", "time() - certsteward_probe_last_timestamp_seconds > 86400";
    "certsteward_probe_duration_seconds" Gauge ["watch", "probe", "role", "phase"] Probed of(watches::probe_duration),
        "How long each phase of the last probe took",
        "sum without (phase) (certsteward_probe_duration_seconds) > 5";
    "certsteward_probe_verdict" Gauge ["watch", "probe", "role", "verdict"] Probed of(watches::probe_verdict),
        "Always 1; the verdict of the last probe", "count by (verdict) (certsteward_probe_verdict)";
    "certsteward_watch_step" Gauge ["watch", "step"] Kept of(watches::step),
        "1 for the step the watch stands at, 0 for every other",
        "certsteward_watch_step{step!=\"watching\"} == 1";
    "certsteward_certificate_renewal_due_timestamp_seconds" Gauge ["watch"] KeptWhileKnown of(watches::due),
        "When the renewal of the certificate in force begins",
        "sort(certsteward_certificate_renewal_due_timestamp_seconds - time())";
    "certsteward_certificate_last_safe_timestamp_seconds" Gauge ["watch"] KeptWhileKnown of(watches::last_safe),
        "Last moment at which a switch leaves time to settle, and a person enough time where one is needed",
        "time() > certsteward_certificate_last_safe_timestamp_seconds";
    "certsteward_certificate_deadline_timestamp_seconds" Gauge ["watch"] KeptWhileKnown of(watches::deadline),
        "The store's own renewal threshold where it may renew by itself, else the expiry",
        "certsteward_certificate_deadline_timestamp_seconds - time() < 72 * 3600";
    "certsteward_watch_next_attempt_timestamp_seconds" Gauge ["watch"] KeptWhileKnown of(watches::next_attempt),
        "When something is looked at or tried next",
        "time() - certsteward_watch_next_attempt_timestamp_seconds > 3600";
    "certsteward_watch_stuck" Gauge ["watch"] Kept of(watches::stuck),
        "Whether the step takes longer than it should", "certsteward_watch_stuck == 1";
    "certsteward_watch_drift" Gauge ["watch", "between"] KeptWhileKnown of(watches::drift),
        "Whether two places disagree: source-callers (a caller uses another entry), source-targets (a target rejects the certificate in force)",
        "certsteward_watch_drift == 1";
    "certsteward_target_match" Gauge ["watch", "target", "match"] Kept of(watches::target_match),
        "Always 1; how the target recognises a certificate, as far as is known: unknown, dn or exact",
        "certsteward_target_match{match=\"exact\"}";
    "certsteward_handoff_open_since_timestamp_seconds" Gauge ["watch", "target", "ask"] KeptWhileKnown of(watches::hand_off_open),
        "Since when a person is asked to do something; absent while nobody is",
        "time() - certsteward_handoff_open_since_timestamp_seconds{ask!=\"remove\"} > 5 * 86400";
    "certsteward_approval_pending_since_timestamp_seconds" Gauge ["watch", "act"] KeptWhileKnown of(watches::approval_pending),
        "Since when an act of this kind waits for approval; absent while none does",
        "time() - certsteward_approval_pending_since_timestamp_seconds > 86400";
    "certsteward_renewals_total" Counter ["watch", "result"] Kept of(watches::renewals),
        "Renewals that ended in force (ok) or otherwise (failed)",
        "increase(certsteward_renewals_total{result=\"failed\"}[1d]) > 0";
    "certsteward_publications_total" Counter ["watch", "result"] Kept of(watches::publications),
        "Publications to targets", "increase(certsteward_publications_total{result=\"failed\"}[1d]) > 0";
    "certsteward_switches_total" Counter ["watch", "result"] Kept of(watches::switches),
        "Switches of callers", "increase(certsteward_switches_total{result=\"failed\"}[1d]) > 0";
    "certsteward_rollbacks_total" Counter ["watch", "result"] Kept of(watches::rollbacks),
        "Roll backs of callers", "increase(certsteward_rollbacks_total[1d]) > 0";
    "certsteward_build_info" Gauge ["version"] Daemon of_daemon(daemon::build),
        "Always 1; which version runs", "count by (version) (certsteward_build_info)";
    "certsteward_source_reads_total" Counter ["source", "connection", "result", "reason"] Daemon of(daemon::source_reads),
        "Reads of sources, by kind and connection in use; failed ones by their reason",
        "sum by (connection, reason) (rate(certsteward_source_reads_total{result=\"failed\"}[1h])) > 0";
    "certsteward_discovery_watches" Gauge ["discovery", "type"] Daemon of_daemon(daemon::discovery_watches),
        "How many watches a discovery makes", "delta(certsteward_discovery_watches[1d]) < 0";
    "certsteward_discovery_seen" Gauge ["discovery"] DaemonWhileKnown of_daemon(daemon::discovery_seen),
        "Whether the discovery could look everywhere when it last looked; while it cannot, what is new there is watched by nobody",
        "certsteward_discovery_seen == 0";
    "certsteward_discovery_last_success_timestamp_seconds" Gauge ["discovery"] DaemonWhileKnown of_daemon(daemon::discovery_last_success),
        "When the discovery last could look everywhere",
        "time() - certsteward_discovery_last_success_timestamp_seconds > 6 * 3600";
    "certsteward_credential_not_after_timestamp_seconds" Gauge ["connection"] DaemonWhileKnown of_daemon(daemon::credential_not_after),
        "When the credential of a connection expires",
        "certsteward_credential_not_after_timestamp_seconds - time() < 30 * 86400";
    "certsteward_paused" Gauge [] Daemon of_daemon(daemon::paused),
        "Whether acts are paused everywhere", "min_over_time(certsteward_paused[1d]) == 1";
    "certsteward_notifications_total" Counter ["notifier", "result"] Daemon of_daemon(daemon::notifications),
        "Deliveries of messages", "rate(certsteward_notifications_total{result=\"failed\"}[1h]) > 0";
    "certsteward_notifier_last_success_timestamp_seconds" Gauge ["notifier"] DaemonWhileKnown of_daemon(daemon::notifier_last_success),
        "When the notifier last delivered a message",
        "time() - certsteward_notifier_last_success_timestamp_seconds";
    "certsteward_notification_outbox_oldest_timestamp_seconds" Gauge [] DaemonWhileKnown of_daemon(daemon::outbox_oldest),
        "When the oldest undelivered message came to be; absent while the outbox is empty",
        "time() - certsteward_notification_outbox_oldest_timestamp_seconds > 3600";
    "certsteward_pass_duration_seconds" Histogram [] Daemon of_daemon(daemon::pass_duration),
        "How long passes took",
        "histogram_quantile(0.99, rate(certsteward_pass_duration_seconds_bucket[1h]))";
    "certsteward_pass_last_timestamp_seconds" Gauge [] DaemonWhileKnown of_daemon(daemon::pass_last),
        "When the last pass ended", "time() - certsteward_pass_last_timestamp_seconds > 3600";
    "certsteward_config_last_reload_successful" Gauge [] DaemonWhileKnown of_daemon(daemon::reload_successful),
        "Whether the configuration could be read when it was last read",
        "certsteward_config_last_reload_successful == 0";
    "certsteward_config_last_reload_timestamp_seconds" Gauge [] DaemonWhileKnown of_daemon(daemon::reload_at),
        "When the configuration was last read", "time() - certsteward_config_last_reload_timestamp_seconds";
    "certsteward_store_writable" Gauge [] Daemon of_daemon(daemon::store_writable),
        "Whether the store could be written when that was last tried; while it cannot, nothing is looked at and nothing changed",
        "certsteward_store_writable == 0";
    "certsteward_store_last_success_timestamp_seconds" Gauge [] DaemonWhileKnown of_daemon(daemon::store_last_success),
        "When something was last written to the store; at least every minute",
        "time() - certsteward_store_last_success_timestamp_seconds > 300";
    "certsteward_lease_held" Gauge [] Daemon of_daemon(daemon::lease_held),
        "Whether this host may act; always 1 with a single host", "sum(certsteward_lease_held) != 1";
    "process_cpu_seconds_total" Counter [] Process Series::Process,
        "User and system time the process used, in seconds", "rate(process_cpu_seconds_total[5m])";
    "process_open_fds" Gauge [] Process Series::Process,
        "Open file descriptors", "process_open_fds / process_max_fds > 0.8";
    "process_max_fds" Gauge [] Process Series::Process,
        "How many file descriptors may be open", "process_max_fds";
    "process_resident_memory_bytes" Gauge [] Process Series::Process,
        "Resident memory", "process_resident_memory_bytes";
    "process_start_time_seconds" Gauge [] Process Series::Process,
        "When the process started", "changes(process_start_time_seconds[1h]) > 2";
}
