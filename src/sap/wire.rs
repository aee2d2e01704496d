//! The JSON of the Destination service, as documented: bodies that are sent, shapes that are read.
//! It keeps nothing; what is secret in it is wiped when dropped.

use base64::Engine as _;
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::api::serialized;
use super::refusal;
use crate::domain::reason::Failure;
use crate::domain::record::Order;
use crate::domain::watch::Validity;

/// A whole entry: only its content matters.
#[derive(Deserialize)]
pub(super) struct WholeEntry {
    #[serde(rename = "Content", deserialize_with = "secret")]
    pub(super) content: Zeroizing<String>,
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(from).map(Zeroizing::new)
}

/// One line of a list of names.
#[derive(Deserialize)]
pub(super) struct Named {
    #[serde(rename = "Name")]
    pub(super) name: String,
}

/// One public key of an entry.
#[derive(Deserialize)]
pub(super) struct PublicKey {
    #[serde(rename = "Content")]
    pub(super) content: String,
}

/// Every documented shape of a successful write.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Written {
    Each(Vec<Item>),
    Count {
        #[serde(rename = "Count")]
        count: Option<u64>,
    },
    Other(serde::de::IgnoredAny),
}

/// One item's own outcome in an answer about several.
#[derive(Deserialize)]
pub(super) struct Item {
    pub(super) status: u16,
    cause: Option<Value>,
}

impl Item {
    pub(super) fn cause(&self) -> String {
        let cause = self.cause.as_ref().map(ToString::to_string).unwrap_or_default();
        refusal::words(cause.as_bytes())
    }
}

/// PEM as it stands, or Base64 around it: the documentation says both.
pub(super) fn readable(content: &str) -> String {
    if content.contains("-----BEGIN") {
        return format!("{}\n", content.trim_end());
    }
    let dense: String = content.split_ascii_whitespace().collect();
    let decoded = base64::engine::general_purpose::STANDARD.decode(dense).ok();
    match decoded.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|text| text.contains("-----BEGIN")) {
        Some(pem) => format!("{}\n", pem.trim_end()),
        None => format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", content.trim()),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Generate<'order> {
    name: &'order str,
    attributes: Attributes<'order>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes<'order> {
    #[serde(rename = "CN")]
    common_name: &'order str,
    validity: Period,
    automatic_renew: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'order str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Period {
    time_unit: &'static str,
    value: u32,
}

/// The request to generate; renewal by SAP is always off, because certsteward renews.
pub(super) fn attributes(order: &Order, password: Option<&str>) -> Result<Bytes, Failure> {
    let (time_unit, value) = match order.validity {
        Validity::Days(days) => ("DAYS", days),
        Validity::Months(months) => ("MONTHS", months),
        Validity::Years(years) => ("YEARS", years),
    };
    let attributes = Attributes {
        common_name: &order.common_name,
        validity: Period { time_unit, value },
        automatic_renew: false,
        password,
    };
    serialized(&Generate { name: &order.name, attributes })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Upload<'content> {
    name: &'content str,
    r#type: &'static str,
    content: &'content str,
}

/// The request to upload.
pub(super) fn whole(name: &str, content: &[u8]) -> Result<Bytes, Failure> {
    let content = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(content));
    serialized(&Upload { name, r#type: "CERTIFICATE", content: &content })
}
