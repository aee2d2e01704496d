//! The SAP client and the roles that use it, against literal answers of the documented contract.

mod commands;
mod connection;
mod entries;
mod keys;
mod stage;
mod switching;
mod uploads;
