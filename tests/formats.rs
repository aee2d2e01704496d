//! Bytes in any form → chain and identity; and what comes out again is public only.

mod bad_inputs;
mod file_roles;
mod fixtures;
mod hostile;
mod java_keystores;
mod never_panics;
mod odd_forms;
mod pkcs12_files;
mod pkcs12_passwords;
mod pkcs12_ways;
mod public_output;
mod ways_out;
mod writer;

use certsteward::domain::reason::{Reason, Unseen};
use certsteward::formats::{self, Opened};

/// Opens without a password; it must work.
fn open(bytes: impl AsRef<[u8]>) -> Opened {
    formats::open(bytes.as_ref(), None).unwrap_or_else(|odd| panic!("{}: {}", odd.reason, odd.text))
}

/// The reason and words of a refusal.
fn refusal<T>(outcome: Result<T, Unseen>) -> (Reason, String) {
    let odd = outcome.err().expect("a refusal");
    (odd.reason, odd.text)
}

/// The common names from leaf to root.
fn names(opened: &Opened) -> Vec<String> {
    opened.chain.iter().map(certsteward::domain::certificate::Certificate::common_name).collect()
}
