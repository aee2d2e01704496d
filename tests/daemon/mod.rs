//! The running daemon: the binary as a process, between real files, real servers and real signals.
//! What a pass decides is tested where that is decided.

#[cfg(feature = "sandbox")]
mod clock;
#[cfg(feature = "sandbox")]
mod commands;
#[cfg(feature = "sandbox")]
mod discovery;
#[cfg(feature = "sandbox")]
mod first_hour;
mod judgement;
#[cfg(feature = "sandbox")]
mod keys;
#[cfg(feature = "sandbox")]
mod lab;
mod network;
mod payroll;
#[cfg(feature = "sandbox")]
mod people;
mod process;
mod real;
#[cfg(feature = "sandbox")]
mod rebuilt;
#[cfg(feature = "sandbox")]
mod secrets;
#[cfg(feature = "sandbox")]
mod storage;

use certsteward::clock::{Clock as _, SystemClock};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};

/// A self-signed client certificate and its key, valid from so many days ago until in so many days.
fn certificate(common_name: &str, ago: i64, left: i64) -> (String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.distinguished_name.push(DnType::OrganizationName, "ACME");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let day = |offset: i64| {
        let at = SystemClock.now() + chrono::Duration::days(offset);
        use chrono::Datelike as _;
        rcgen::date_time_ymd(at.year(), at.month().try_into().unwrap(), at.day().try_into().unwrap())
    };
    (params.not_before, params.not_after) = (day(-ago), day(left));
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// One watch of a file beside the configuration.
fn file_watch(id: &str, file: &str) -> String {
    format!("[[watch]]\nid = \"{id}\"\nsource = {{ type = \"file\", path = \"{file}\" }}\n\n")
}
