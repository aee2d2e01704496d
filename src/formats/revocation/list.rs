//! Revocation lists (RFC 5280 §5): whole ones by the issuer itself. Deltas and indirect lists are told apart and not believed.
//! Nothing of a list is kept but what was asked of it, however long it is.

use x509_parser::pem::Pem;

use super::super::der::{self, Element, Kind};
use super::{Parts, Revocation, Signed, Told, is_current, name, number, reason, time};
use crate::domain::Timestamp;
use crate::domain::certificate::Certificate;
use crate::domain::name::DistinguishedName;
use crate::domain::reason::{Reason, Unseen};

/// How many lists are read from one file.
const MOST: usize = 100;

/// A revocation list, not yet believed.
pub struct List<'a> {
    signed: Signed<'a>,
    /// Whose it says it is.
    pub issuer: DistinguishedName,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    revoked: &'a [u8],
    extensions: &'a [u8],
}

/// Every list in a file, PEM or DER, each as DER.
///
/// # Errors
/// Where there is none.
pub fn lists(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Unseen> {
    let is_list = |der: &[u8]| {
        der::element(der)
            .is_ok_and(|(element, rest)| rest.is_empty() && der::kind(&element) == Kind::RevocationList)
    };
    if is_list(bytes) {
        return Ok(vec![bytes.to_vec()]);
    }
    let blocks = Pem::iter_from_buffer(bytes).map_while(Result::ok);
    let found: Vec<Vec<u8>> =
        blocks.filter(|block| is_list(&block.contents)).take(MOST).map(|block| block.contents).collect();
    if found.is_empty() {
        let text = "there is no whole revocation list in it, neither DER nor PEM (-----BEGIN X509 CRL-----)";
        return Err(Unseen::new(Reason::Malformed, text));
    }
    Ok(found)
}

impl<'a> List<'a> {
    /// Reads one from DER. None where it is none.
    #[must_use]
    pub fn parse(der: &'a [u8]) -> Option<Self> {
        let (outer, _) = der::element(der).ok()?;
        let (signed, _) = Signed::of(&outer)?;
        let mut parts = der::children(signed.body.content).skip_while(|part| part.tag == der::INTEGER);
        let issuer = parts.nth(1).and_then(|issuer| name(issuer.whole))?;
        let this_update = time(&parts.next()?)?;
        let mut parts = parts.peekable();
        let next_update = parts.next_if(|part| part.tag != der::SEQUENCE && part.tag != der::CONTEXT_0);
        let next_update = match next_update {
            Some(element) => Some(time(&element)?),
            None => None,
        };
        let revoked = parts.next_if(|part| part.tag == der::SEQUENCE).map_or(&[][..], |part| part.content);
        let extensions = parts.next_if(|part| part.tag == der::CONTEXT_0);
        let extensions = extensions.and_then(|part| der::children(part.content).next());
        let extensions = extensions.map_or(&[][..], |part| part.content);
        Some(Self { signed, issuer, this_update, next_update, revoked, extensions })
    }

    /// What it says of a certificate that this issuer issued.
    ///
    /// # Errors
    /// Why it cannot be believed, as the rest of a sentence that begins with the list.
    pub fn told(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        now: Timestamp,
    ) -> Result<Told, String> {
        self.signed.check(issuer)?;
        let usage = issuer.key_usage();
        if !usage.is_empty() && !usage.contains(&"cRLSign") {
            return Err(format!(
                "is signed by {}, which may sign no lists (key usage)",
                issuer.common_name()
            ));
        }
        let scope = self.scope(certificate);
        if let Err(Scope::Others(why)) = scope {
            return Err(why.to_owned());
        }
        let revocation = self.find(certificate);
        if revocation.is_none() {
            is_current(self.this_update, self.next_update, now)?;
            if let Err(Scope::Part(why)) = scope {
                return Err(why.to_owned());
            }
        }
        Ok(Told { revocation, next_update: self.next_update })
    }

    fn find(&self, certificate: &Certificate) -> Option<Revocation> {
        let parts = Parts::of(certificate)?;
        let wanted = number(&parts.serial);
        let entry = der::children(self.revoked).find(|entry| {
            der::children(entry.content).next().is_some_and(|serial| number(&serial) == wanted)
        })?;
        let mut parts = der::children(entry.content).skip(1);
        let at = time(&parts.next()?).unwrap_or(self.this_update);
        let extensions = parts.next().map_or(&[][..], |part| part.content);
        let code = der::children(extensions).map(|one| Extension::of(&one)).find(|one| one.is(REASON_CODE));
        let code = code.and_then(|one| der::element(one.value).ok()).map(|(code, _)| code.content);
        Some(Revocation { at, reason: code.and_then(reason) })
    }

    /// Whether it speaks of all certificates of its issuer that are like this one.
    fn scope(&self, certificate: &Certificate) -> Result<(), Scope> {
        for extension in der::children(self.extensions).map(|one| Extension::of(&one)) {
            if extension.is(DELTA) {
                return Err(Scope::Part(
                    "says only what changed since another list (a delta); name the whole list",
                ));
            }
            if extension.is(DISTRIBUTION_POINT) {
                distribution_point(extension.value, certificate)?;
            } else if extension.critical {
                return Err(Scope::Part("has a critical extension that is not known here"));
            }
        }
        Ok(())
    }
}

/// Of what else a list speaks.
enum Scope {
    /// Of others too or alone: a number in it may be of another issuer.
    Others(&'static str),
    /// Not of all: that a number is not in it says nothing.
    Part(&'static str),
}

/// `IssuingDistributionPoint` (RFC 5280 §5.2.5).
fn distribution_point(value: &[u8], certificate: &Certificate) -> Result<(), Scope> {
    let parts = der::element(value).map(|(outer, _)| der::children(outer.content)).into_iter().flatten();
    for part in parts {
        let is_set = part.content.first().is_some_and(|byte| *byte != 0);
        match part.tag {
            0x84 if is_set => {
                return Err(Scope::Others("speaks of the certificates of other authorities (indirect)"));
            }
            0x81 if is_set && certificate.is_ca => return Err(Scope::Part("does not speak of authorities")),
            0x82 if is_set && !certificate.is_ca => return Err(Scope::Part("speaks of authorities only")),
            0x83 => return Err(Scope::Part("speaks of some reasons only")),
            0x85 if is_set => return Err(Scope::Part("speaks of attribute certificates only")),
            _ => {}
        }
    }
    Ok(())
}

struct Extension<'a> {
    id: &'a [u8],
    critical: bool,
    value: &'a [u8],
}

impl<'a> Extension<'a> {
    fn of(element: &Element<'a>) -> Self {
        let mut extension = Self { id: &[], critical: false, value: &[] };
        for part in der::children(element.content) {
            match part.tag {
                der::OBJECT_IDENTIFIER => extension.id = part.content,
                der::OCTET_STRING => extension.value = part.content,
                _ => extension.critical = part.content.first().is_some_and(|byte| *byte != 0),
            }
        }
        extension
    }

    fn is(&self, id: [u8; 3]) -> bool {
        self.id == id
    }
}

/// `cRLReasons` (2.5.29.21), `deltaCRLIndicator` (2.5.29.27), `issuingDistributionPoint` (2.5.29.28).
const REASON_CODE: [u8; 3] = [0x55, 0x1d, 21];
const DELTA: [u8; 3] = [0x55, 0x1d, 27];
const DISTRIBUTION_POINT: [u8; 3] = [0x55, 0x1d, 28];
