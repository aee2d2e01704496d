//! `certsteward confirm`: a person says that a target knows the certificate.
//! It proves nothing; it is shown as confirmed by that person.

use serde_json::Value;

use super::Common;
use super::daemon::segment;
use super::exit::{Exit, Failed};
use super::order::{Order, Remarks, Said, path};
use super::output::Output;

/// Say that a target knows the certificate now
///
/// Needed only where certsteward cannot make a call itself because the key never leaves its system; elsewhere its probe
/// notices. It is shown as confirmed by you, never as proven. Where nothing is asked of the target but to remove an old
/// certificate, it says that this is done. Where several things are asked, name the certificate that you mean.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  certsteward confirm payroll-prod security-center --comment \"SM59 test was green\"\n  certsteward confirm sf-odata-prod security-center --certificate 3f9c2a71b0de"
)]
pub(super) struct Arguments {
    /// The watch's id
    watch: String,
    /// The target's id
    target: String,
    /// The fingerprint (SHA-256) of the certificate that you mean, or how it begins
    #[arg(long, value_name = "FINGERPRINT")]
    certificate: Option<String>,
    #[command(flatten)]
    remarks: Remarks,
}

impl Arguments {
    pub(super) async fn perform(&self, common: &Common, output: &mut Output) -> Result<Exit, Failed> {
        let (watch, target) = (&self.watch, &self.target);
        let path = path(watch, &format!("targets/{}/confirm", segment("target", target)?))?;
        let done = format!("noted: {target} knows the certificate of {watch}, confirmed by you");
        let by_call =
            format!("noted: {target} knows the certificate of {watch}, you say; the next call decides");
        let named = self.certificate.iter().map(|named| ("certificate", Value::from(named.as_str())));
        let order = Order { path, fields: named.collect(), done, remarks: &self.remarks };
        let removed = format!(
            "noted: the certificate that {target} was to remove for {watch} is gone there, confirmed by you"
        );
        let said = Said::Unless(vec![("; the next call decides", by_call), ("is gone from", removed)]);
        order.see_through((watch, target), said, common, output).await
    }
}
