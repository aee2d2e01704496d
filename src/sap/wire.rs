//! The JSON that is sent to the Destination service, as documented.
//! It keeps nothing; what is secret in it is wiped when dropped. What comes back is read by `body`.

use base64::Engine as _;
use hyper::body::Bytes;
use serde::Serialize;
use zeroize::Zeroizing;

use super::api::serialized;
use crate::domain::reason::Failure;
use crate::domain::record::Order;
use crate::domain::watch::Validity;

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
