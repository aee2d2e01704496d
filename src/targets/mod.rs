//! Who must know the public certificate, where certsteward can tell them itself.
//!
//! # Contract
//! - `look` says whether the target holds this certificate; none where it cannot be asked. It changes nothing.
//! - `publish` gives it the public certificate and may be repeated: the same certificate, the same outcome; twice is one publication.
//! - A refusal that was read is a certain failure and changed nothing; an answer that was lost is an uncertain one.
//! - An act says what was asked and answered in short ([`Answer`](crate::domain::reason::Answer)), whether it went well or not.
//! - Only public output, re-encoded from DER and scanned, is ever given ([`crate::formats`]).

pub mod command;
pub mod file;
pub mod http;

use crate::domain::chain::Chain;
use crate::domain::reason::{Answer, Failure, Reason, Unseen};
use crate::domain::watch::Mapping;
use crate::formats::{self, PublicForm};

/// A relying party that certsteward can tell by itself.
#[async_trait::async_trait]
pub trait Target: Send + Sync {
    /// Whether it holds this certificate; none where it cannot be asked.
    async fn look(&self, chain: &Chain) -> Result<Option<bool>, Unseen>;

    /// Gives it the public certificate.
    async fn publish(&self, chain: &Chain) -> Result<Answer, Failure>;
}

/// The fields an upload has, by name: the mapping's values that are set, and the public certificate as PEM.
fn fields(mapping: &Mapping, chain: &Chain) -> Result<Vec<(&'static str, String)>, Unseen> {
    let pem = formats::public::public(chain, PublicForm::Pem)?;
    let pem = String::from_utf8(pem)
        .map_err(|_| Unseen::new(Reason::Malformed, "the certificate's public form is not text"))?;
    let mut fields = vec![
        ("configuration_name", mapping.configuration_name.clone()),
        ("integration_name", mapping.integration_name.clone()),
    ];
    fields.extend(mapping.login_name.clone().map(|value| ("login_name", value)));
    fields.extend(mapping.company_id.clone().map(|value| ("company_id", value)));
    fields.push(("certificate", pem));
    Ok(fields)
}
