//! The names of other exporters: their rules, dashboards and scrape configurations go on.

mod asking;
mod blackbox;
mod looks;
mod prometheus;
mod rules;
mod x509;
