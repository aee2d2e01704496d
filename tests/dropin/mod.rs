//! The names of other exporters: their rules, dashboards and scrape configurations go on.

mod x509;
