//! Another certificate with the same issuer and serial number. It searches for none: it is told of them.

use super::Judge;
use crate::domain::certificate::Certificate;
use crate::domain::finding::{Code, Level};
use crate::domain::serials::{Serials, Twin};

impl Judge<'_> {
    pub(super) fn twins(&mut self, leaf: &Certificate, twins: &[Twin]) {
        let Some(first) = twins.first() else { return };
        let more = match twins.len() {
            1 => String::new(),
            Serials::MOST => format!(" and at least {} more", Serials::MOST - 1),
            count => format!(" and {} more", count - 1),
        };
        let text = format!(
            "the certificate {} has issuer and serial number ({}, {}) in common with another one, {}, of the watch {}{more}",
            leaf.common_name(),
            leaf.issuer_name(),
            leaf.serial,
            first.fingerprint.short(),
            first.watch
        );
        let way_out = "have one of them issued anew, and tell the authority: whoever knows certificates by issuer and serial number takes one for the other, and a revocation hits both (RFC 5280 section 4.1.2.2)";
        self.add(Code::DuplicateSerial, Level::Warning, "", text, way_out);
    }
}
