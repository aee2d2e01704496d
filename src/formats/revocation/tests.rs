//! What lists and answers of responders say, and which of them are not believed, as tables.
//! Answers of a real responder are in the tests of the source that asks one.

use rcgen::{
    CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, CrlIssuingDistributionPoint,
    CrlScope, DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber, date_time_ymd,
};

use super::*;

struct Authority {
    params: CertificateParams,
    key: KeyPair,
    certificate: Certificate,
}

impl Authority {
    fn with(name: &str, usages: Vec<KeyUsagePurpose>) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = usages;
        let key = KeyPair::generate().unwrap();
        let certificate = Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap();
        Self { params, key, certificate }
    }

    fn new(name: &str) -> Self {
        Self::with(name, vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign])
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }

    fn issue(&self, serial: u64) -> Certificate {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.serial_number = Some(serial.into());
        let made = params.signed_by(&KeyPair::generate().unwrap(), &self.issuer()).unwrap();
        Certificate::from_der(made.der()).unwrap()
    }

    /// A list of these numbers.
    fn list(&self, revoked: &[u64], change: impl FnOnce(&mut CertificateRevocationListParams)) -> Vec<u8> {
        let revoked_certs = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2026, 2, 3),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let mut params = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 5, 1),
            next_update: date_time_ymd(2026, 7, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        change(&mut params);
        // Signing looks at no usage of the key where none is named, so that wrong lists can be made too.
        let mut signer = self.params.clone();
        signer.key_usages.clear();
        params.signed_by(&Issuer::from_params(&signer, &self.key)).unwrap().der().to_vec()
    }
}

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

/// What a list says, as `good`, `revoked DAY WHY` or why it is not believed.
fn said(list: &[u8], certificate: &Certificate, issuer: &Certificate) -> String {
    match List::parse(list).unwrap().told(certificate, issuer, now()) {
        Ok(Told { revocation: None, .. }) => "good".to_owned(),
        Ok(Told { revocation: Some(one), .. }) => {
            format!("revoked {} {}", one.at.format("%Y-%m-%d"), one.reason.unwrap_or("-"))
        }
        Err(why) => why,
    }
}

#[test]
fn a_list_says_who_was_revoked_when_and_why() {
    let ca = Authority::new("CA");
    let (one, two) = (ca.issue(0x80), ca.issue(0x81));
    let list = ca.list(&[5, 0x80, 7], |_| {});
    assert_eq!(said(&list, &one, &ca.certificate), "revoked 2026-02-03 the key was compromised");
    assert_eq!(said(&list, &two, &ca.certificate), "good");
    assert_eq!(said(&ca.list(&[], |_| {}), &one, &ca.certificate), "good");
    let plain = ca.list(&[0x80], |params| params.revoked_certs[0].reason_code = None);
    assert_eq!(said(&plain, &one, &ca.certificate), "revoked 2026-02-03 -");
    assert_eq!(List::parse(&list).unwrap().issuer, ca.certificate.subject);
}

#[test]
fn a_list_that_the_issuer_did_not_sign_is_not_believed() {
    let (ca, other) = (Authority::new("CA"), Authority::new("CA"));
    let leaf = ca.issue(5);
    assert_eq!(said(&other.list(&[5], |_| {}), &leaf, &ca.certificate), "is not signed by CA");
    let mute = Authority::with("CA", vec![KeyUsagePurpose::KeyCertSign]);
    let leaf = mute.issue(5);
    let text = "is signed by CA, which may sign no lists (key usage)";
    assert_eq!(said(&mute.list(&[5], |_| {}), &leaf, &mute.certificate), text);
}

#[test]
fn an_old_list_still_revokes_and_clears_nobody() {
    let ca = Authority::new("CA");
    let old = |params: &mut CertificateRevocationListParams| params.next_update = date_time_ymd(2026, 5, 20);
    let list = ca.list(&[5], old);
    assert_eq!(said(&list, &ca.issue(5), &ca.certificate), "revoked 2026-02-03 the key was compromised");
    let text = "was to be followed by a newer one by 2026-05-20 00:00 UTC";
    assert_eq!(said(&list, &ca.issue(6), &ca.certificate), text);
    let early = ca.list(&[], |params| params.this_update = date_time_ymd(2026, 6, 20));
    assert_eq!(said(&early, &ca.issue(6), &ca.certificate), "holds only from 2026-06-20 00:00 UTC on");
}

#[test]
fn a_list_of_some_clears_only_whom_it_speaks_of() {
    let ca = Authority::new("CA");
    let scoped = |scope: CrlScope| {
        ca.list(&[], |params| {
            let distribution_point =
                CrlDistributionPoint { uris: vec!["http://ca.example.org/a.crl".to_owned()] };
            params.issuing_distribution_point =
                Some(CrlIssuingDistributionPoint { distribution_point, scope: Some(scope) });
        })
    };
    let leaf = ca.issue(5);
    assert_eq!(said(&scoped(CrlScope::UserCertsOnly), &leaf, &ca.certificate), "good");
    assert_eq!(said(&scoped(CrlScope::CaCertsOnly), &leaf, &ca.certificate), "speaks of authorities only");
    assert_eq!(said(&scoped(CrlScope::CaCertsOnly), &ca.certificate, &ca.certificate), "good");
}

#[test]
fn lists_are_found_in_pem_and_der_and_nowhere_else() {
    let ca = Authority::new("CA");
    let list = ca.list(&[5], |_| {});
    let pem = format!(
        "-----BEGIN X509 CRL-----\n{}\n-----END X509 CRL-----\n",
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &list)
    );
    assert_eq!(lists(&list).unwrap(), std::slice::from_ref(&list));
    assert_eq!(lists(format!("{pem}{pem}").as_bytes()).unwrap(), [list.clone(), list.clone()]);
    for wrong in [&b""[..], b"<html>", &ca.certificate.der, &list[..list.len() - 1]] {
        assert!(lists(wrong).is_err());
    }
}

#[test]
fn a_request_names_the_certificate_by_its_issuer_and_number() {
    let ca = Authority::new("CA");
    let request = request(&ca.issue(0x0102_0304), &ca.certificate).unwrap();
    assert!(request.ends_with(&[2, 4, 1, 2, 3, 4]) && request.len() < 90);
    assert!(request.windows(SHA1_ID.len()).any(|part| part == SHA1_ID));
}

const SHA1_ID: [u8; 7] = [0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a];

#[test]
fn what_is_no_answer_of_a_responder_is_not_believed() {
    let ca = Authority::new("CA");
    let leaf = ca.issue(5);
    let said = |bytes: &[u8]| answer(bytes, &leaf, &ca.certificate, now()).unwrap_err();
    assert_eq!(said(&[0x30, 3, 0x0a, 1, 6]), "does not answer for this authority (unauthorized)");
    assert_eq!(said(&[0x30, 3, 0x0a, 1, 3]), "asks to try later");
    for wrong in [&b""[..], b"<html>no</html>", &[0x30, 3, 0x0a, 1, 0], &[0x30, 3, 0x0a, 1, 9], &leaf.der] {
        assert_eq!(said(wrong), "answered something that is no answer of a responder (RFC 6960)");
    }
}
