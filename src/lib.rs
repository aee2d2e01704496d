//! certsteward keeps the mutual-TLS trust between a calling system and an API alive.
//!
//! At each ring of the bell, look at every place a certificate should be; judge what was seen; do the next needed
//! thing; write down what happened; show it.
//!
//! ```text
//! config ─▶ Watches     bell: cron · the next due moment · SIGHUP · API · start-up · a file changed (carries no data)
//!              │
//!   ┌──────────▼───── one pass, of one watch ───────────────┐
//!   │ absorb   reports → record', events                     │
//!   │ assess   watch + record + now → step, findings    pure │
//!   │ want     watch + record + now → looks, act, held, next │
//!   │ admit    the gates before an act                       │
//!   │ save     record + events + outbox, one transaction I/O │
//!   │ execute  looks and the act → reports               I/O │
//!   └──────────┴── again until nothing is admitted ──────────┘
//!              ▼
//!       Snapshot (immutable, swapped)          outbox
//!  /metrics · status page · API · CLI          notifiers
//! ```
//!
//! In reading order:

/// The pure core: certificates, watches, records, the life of a renewal, findings, plans.
pub mod domain;

/// The only reader of the time.
pub mod clock;

/// Secrets by reference: file, environment, systemd credential.
pub mod secret;

/// A certificate with its private key: made by a source, borrowed by a prober, never in a report.
pub mod identity;

/// Bytes in any of the usual forms → chain, and identity where there is a key.
pub mod formats;

/// Every connection: roots, own authorities, proxy, size and time limits.
pub mod net;

/// A command of the operator's own, asked one question.
pub mod command;

/// The SAP clients that roles share.
pub mod sap;

/// Where the certificate in force is read from.
pub mod sources;

/// What issues a new certificate.
pub mod renewers;

/// Who must know the public certificate.
pub mod targets;

/// What uses the certificate.
pub mod callers;

/// What finds the places that a discovery makes watches of.
pub mod finders;

/// The real mTLS call, diagnosed.
pub mod probers;

/// Ways to reach people.
pub mod notifiers;

/// File → settings, or every problem at once with its place and the way out.
pub mod config;

/// Records, events, outbox and commands, kept through crashes.
pub mod journal;

/// Passes, execution, delivery, the bell.
pub mod engine;

/// Metrics, HTTP API, status page.
pub mod surfaces;

/// The command line: one file per verb.
pub mod cli;

/// Builds, starts, reloads, stops.
pub mod app;

/// A simulated SAP landscape for trying certsteward and for its tests.
#[cfg(feature = "sandbox")]
pub mod sandbox;
