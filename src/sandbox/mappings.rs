//! The simulated X.509 public certificate mapping: which certificate logs in as whom.
//! It has no way to change a mapping: it is added and deleted, as in the Security Center.

use super::pki;
use super::time::{Moment, now};
use super::world::{State, World};
use super::{Matching, Options};
use chrono::TimeDelta;

/// The integration names the page offers.
pub(super) const INTEGRATION_NAMES: [&str; 4] = [
    "Business Technology Platform",
    "Employee Central Payroll",
    "Identity Provisioning Service",
    "Identity Authentication Service",
];

/// What the platform says to a second certificate of the same issuer and subject.
pub(super) const ALREADY_REGISTERED: &str = "This X.509 Certificate was already registered to the platform. Please upload a different one or cancel the certificate mapping.";

/// One registered certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Its number, which the page's Delete names.
    pub id: u64,
    /// Free text.
    pub configuration_name: String,
    /// One of the page's four.
    pub integration_name: String,
    /// The user the calls run as; empty means the integration's technical user.
    pub login_name: String,
    /// The certificate's subject, last part first.
    pub subject: String,
    /// The certificate's issuer, last part first.
    pub issuer: String,
    /// The SHA-256 of the certificate, lower-case hex without colons.
    pub fingerprint: String,
    /// When it was saved.
    pub uploaded_on: Moment,
    /// When calls begin to be accepted.
    pub active_from: Moment,
    names: (Vec<u8>, Vec<u8>),
}

/// What is entered in the Add form.
#[derive(Debug, Default)]
pub(super) struct Entered {
    pub(super) configuration_name: String,
    pub(super) integration_name: String,
    pub(super) login_name: String,
    pub(super) certificate: Vec<u8>,
}

impl World {
    /// Saves a mapping, or says why not.
    pub(super) fn add_mapping(&self, entered: Entered) -> Result<u64, String> {
        let certificate = certificate_of(&entered)?;
        let facts = pki::facts(&certificate).ok_or("The file holds no readable X.509 certificate.")?;
        let mut state = self.state();
        let names = (facts.issuer, facts.subject);
        if state.mappings.iter().any(|mapping| mapping.names == names) {
            return Err(ALREADY_REGISTERED.to_owned());
        }
        let saved = now();
        state.last_mapping += 1;
        let id = state.last_mapping;
        state.mappings.push(Mapping {
            id,
            configuration_name: entered.configuration_name,
            integration_name: entered.integration_name,
            login_name: entered.login_name,
            subject: facts.subject_text,
            issuer: facts.issuer_text,
            fingerprint: pki::fingerprint(&certificate),
            uploaded_on: saved,
            active_from: saved + TimeDelta::from_std(self.options.sync_delay).unwrap_or_default(),
            names,
        });
        Ok(id)
    }
}

impl State {
    /// Deletes a mapping; false where there is none of that number.
    pub(super) fn delete_mapping(&mut self, id: u64) -> bool {
        let before = self.mappings.len();
        self.mappings.retain(|mapping| mapping.id != id);
        self.mappings.len() < before
    }

    /// The mapping that lets `certificate` in, by the tenant's way of matching.
    pub(super) fn mapping_for(&self, certificate: &[u8], options: &Options) -> Option<&Mapping> {
        let moment = now();
        let facts = pki::facts(certificate)?;
        let fingerprint = pki::fingerprint(certificate);
        self.mappings.iter().find(|mapping| {
            let matches = match options.matching {
                Matching::Dn => mapping.names.0 == facts.issuer && mapping.names.1 == facts.subject,
                Matching::Exact => mapping.fingerprint == fingerprint,
            };
            matches && mapping.active_from <= moment
        })
    }
}

/// The first certificate of the entered file, which must hold no private key.
fn certificate_of(entered: &Entered) -> Result<Vec<u8>, String> {
    if entered.configuration_name.trim().is_empty() {
        return Err("Configuration Name is a required field.".to_owned());
    }
    if !INTEGRATION_NAMES.contains(&entered.integration_name.as_str()) {
        return Err("Integration Name must be one of the values offered.".to_owned());
    }
    if entered.certificate.iter().all(u8::is_ascii_whitespace) {
        return Err("Certificate File is a required field.".to_owned());
    }
    if String::from_utf8_lossy(&entered.certificate).contains("PRIVATE KEY") {
        return Err("The file holds a private key. Upload the public certificate only.".to_owned());
    }
    let found = pki::certificates_in(&entered.certificate);
    Ok(found.into_iter().next().unwrap_or_else(|| entered.certificate.clone()))
}
