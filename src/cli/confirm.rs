//! `certsteward confirm`: a person says that a target knows the certificate.
//! It proves nothing; it is shown as confirmed by that person.

use super::Common;
use super::daemon::segment;
use super::exit::{Exit, Failed};
use super::order::{Order, Remarks, Said, path};
use super::output::Output;

/// Say that a target knows the certificate now
///
/// Needed only where certsteward cannot make a call itself because the key never leaves its system; elsewhere its probe
/// notices. It is shown as confirmed by you, never as proven. Where nothing is asked of the target but to remove an old
/// certificate, it says that this is done.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  certsteward confirm payroll-prod security-center --comment \"SM59 test was green\""
)]
pub(super) struct Arguments {
    /// The watch's id
    watch: String,
    /// The target's id
    target: String,
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
        let order = Order { path, fields: Vec::new(), done, remarks: &self.remarks };
        let removed = format!(
            "noted: only a removal was asked of {target} for {watch}, and it is done there, confirmed by you"
        );
        let said = Said::Unless(vec![("; the next call decides", by_call), ("is gone from", removed)]);
        order.see_through((watch, target), said, common, output).await
    }
}
