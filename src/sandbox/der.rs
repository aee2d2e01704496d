//! Just enough DER to write the certificates SAP issues: several OUs in one name, which certificate builders drop.
//! It is not an ASN.1 library, and it reads nothing.

use super::time::Moment;

pub(super) const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
pub(super) const LOCALITY: &[u8] = &[0x55, 0x04, 0x07];
pub(super) const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];
pub(super) const UNIT: &[u8] = &[0x55, 0x04, 0x0b];
pub(super) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const UTC_TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// What a certificate is for.
pub(super) enum Purpose {
    Authority { path_length: Option<u8> },
    ClientAuthentication,
}

/// Everything a certificate says, before it is signed.
pub(super) struct Unsigned {
    pub(super) serial: [u8; 16],
    pub(super) issuer: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) from: Moment,
    pub(super) until: Moment,
    pub(super) public_key: Vec<u8>,
    pub(super) key_id: Vec<u8>,
    pub(super) issuer_key_id: Vec<u8>,
    pub(super) purpose: Purpose,
}

impl Unsigned {
    /// The part that is signed.
    pub(super) fn to_be_signed(&self) -> Vec<u8> {
        sequence(&[
            tlv(0xa0, &tlv(INTEGER, &[2])),
            tlv(INTEGER, &self.serial),
            algorithm(),
            self.issuer.clone(),
            sequence(&[utc_time(self.from), utc_time(self.until)]),
            self.subject.clone(),
            self.public_key.clone(),
            tlv(0xa3, &sequence(&self.extensions())),
        ])
    }

    fn extensions(&self) -> Vec<Vec<u8>> {
        let (usage, constraints, extended) = match self.purpose {
            Purpose::Authority { path_length } => {
                let mut parts = vec![tlv(BOOLEAN, &[0xff])];
                parts.extend(path_length.map(|length| tlv(INTEGER, &[length])));
                ([1, 0x06], sequence(&parts), None)
            }
            Purpose::ClientAuthentication => {
                ([5, 0xa0], sequence(&[]), Some(sequence(&[tlv(OID, CLIENT_AUTH)])))
            }
        };
        let mut all = vec![
            extension(BASIC_CONSTRAINTS, true, &constraints),
            extension(KEY_USAGE, true, &tlv(BIT_STRING, &usage)),
            extension(SUBJECT_KEY_ID, false, &tlv(OCTET_STRING, &self.key_id)),
            extension(AUTHORITY_KEY_ID, false, &sequence(&[tlv(0x80, &self.issuer_key_id)])),
        ];
        all.extend(extended.map(|purposes| extension(EXTENDED_KEY_USAGE, false, &purposes)));
        all
    }
}

/// The whole certificate, from the signed part and its ECDSA-with-SHA256 signature.
pub(super) fn signed(to_be_signed: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut bits = vec![0];
    bits.extend_from_slice(signature);
    sequence(&[to_be_signed.to_vec(), algorithm(), tlv(BIT_STRING, &bits)])
}

/// A distinguished name of one attribute per RDN, in the order given.
pub(super) fn name(attributes: &[(&[u8], &str)]) -> Vec<u8> {
    let rdns: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(kind, value)| {
            let form = if *kind == COUNTRY { PRINTABLE_STRING } else { UTF8_STRING };
            tlv(SET, &sequence(&[tlv(OID, kind), tlv(form, value.as_bytes())]))
        })
        .collect();
    sequence(&rdns)
}

fn algorithm() -> Vec<u8> {
    sequence(&[tlv(OID, ECDSA_WITH_SHA256)])
}

fn extension(kind: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![tlv(OID, kind)];
    if critical {
        parts.push(tlv(BOOLEAN, &[0xff]));
    }
    parts.push(tlv(OCTET_STRING, value));
    sequence(&parts)
}

fn utc_time(moment: Moment) -> Vec<u8> {
    tlv(UTC_TIME, moment.format("%y%m%d%H%M%SZ").to_string().as_bytes())
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => out.push(length),
        Ok(_) | Err(_) => {
            let length: Vec<u8> =
                content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(length.len()).unwrap_or(8));
            out.extend(length);
        }
    }
    out.extend_from_slice(content);
    out
}
