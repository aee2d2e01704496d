//! Messages to be told: a finding, its end, and a hand-off.

use std::collections::BTreeMap;

use certsteward::domain::Timestamp;
use certsteward::domain::certificate::Certificate;
use certsteward::domain::chain::Chain;
use certsteward::domain::finding::Level;
use certsteward::domain::hand_off::HandOff;
use certsteward::domain::message::{Message, Topic};
use certsteward::domain::record::Ask;

use crate::support::pki::{Authority, NOW, Wanted};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A critical finding.
pub(crate) fn finding() -> Message {
    Message {
        watch: "sf-odata-prod".to_owned(),
        labels: BTreeMap::from([("stage".to_owned(), "prod".to_owned())]),
        at: at("2026-11-21T18:00:00.123456789Z"),
        topic: Topic::Findings,
        level: Level::Critical,
        code: "rejected".to_owned(),
        key: "rejected:odata".to_owned(),
        resolved: false,
        subject: "the API rejects the certificate in force".to_owned(),
        text: "The API rejects the certificate <SFAPI> of Grüße & Co".to_owned(),
        way_out: "Upload the certificate again".to_owned(),
        hand_off: None,
        to: None,
        actor: None,
        deadline: Some(at("2027-01-20T00:00:00Z")),
    }
}

/// The same finding, over.
pub(crate) fn resolved() -> Message {
    let at = at("2026-11-21T19:00:00Z");
    Message { resolved: true, at, text: "The API accepts the certificate".to_owned(), ..finding() }
}

/// A question to a person.
pub(crate) fn hand_off(ask: Ask) -> Message {
    let root = Authority::root("Example Test CA");
    let leaf = root.issue(&Wanted { name: "SFAPI-2", hosts: &[], years: NOW, usages: &[] });
    let read = |der: &[u8]| Certificate::from_der(der).unwrap();
    let chain = Chain::assemble(vec![read(&leaf.der), read(&root.der)], None).unwrap();
    let fingerprint = chain.leaf.fingerprint.colons();
    let text = |text: &str| text.to_owned();
    let asked = HandOff {
        watch: text("sf-odata-prod"),
        target: text("security-center"),
        ask,
        headline: text("add the certificate SFAPI-2 to security-center"),
        chain,
        file_stem: text("sf-odata-prod-0123456789ab"),
        place: text("SuccessFactors → Admin Center → Security Center → X.509 Public Certificate Mapping"),
        permission: text("Access to X.509 Certificate(s) (Mapping)"),
        fields: vec![
            (text("Configuration Name"), text("BTP mTLS")),
            (text("Integration Name"), text("Business Technology Platform")),
            (text("Login Name"), text("SFAPI")),
            (text("Fingerprint (SHA-256)"), fingerprint),
        ],
        steps: vec![text("Open the Security Center."), text("Save.")],
        afterwards: text("Nobody needs to tell certsteward."),
        gap: (ask == Ask::Replace).then(|| text("Calls fail for a while.")),
        test: None,
        opened: at("2026-11-21T18:00:00Z"),
        wanted_by: Some(at("2026-12-24T12:00:00Z")),
        token: text("t0ken"),
        urgent: None,
        put_back: None,
        so_far: Vec::new(),
        causes: Vec::new(),
    };
    Message {
        topic: Topic::HandOffs,
        level: Level::Notice,
        code: text("hand-off"),
        key: text("hand-off:security-center"),
        subject: asked.headline.clone(),
        text: text("security-center does not know the new certificate yet"),
        way_out: text("Follow the steps below"),
        hand_off: Some(asked),
        ..finding()
    }
}
