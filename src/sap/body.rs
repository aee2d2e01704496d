//! What the Destination service answers, read from the bytes of a body as documented, without trusting them.
//! It sends nothing and words no failure; what is secret in a body is wiped when dropped.

use base64::Engine as _;
use serde::Deserialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::destination::Destination;
use super::refusal;
use crate::domain::reason::Unseen;
use crate::formats::{self, Opened};

/// A body that is not what the documentation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strange;

impl From<serde_json::Error> for Strange {
    fn from(_: serde_json::Error) -> Self {
        Self
    }
}

/// The public side of an entry, or why its certificates cannot be read.
///
/// # Errors
/// [`Strange`] where it is no list of public keys.
pub fn public_side(body: &[u8]) -> Result<Result<Opened, Unseen>, Strange> {
    let keys: Vec<PublicKey> = serde_json::from_slice(body)?;
    let pem: String = keys.iter().map(|key| readable(&key.content)).collect();
    Ok(formats::open(pem.as_bytes(), None))
}

/// The bytes of a whole entry; none where its content is not Base64.
///
/// # Errors
/// [`Strange`] where it is no entry.
pub fn content(body: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Strange> {
    let entry: WholeEntry = serde_json::from_slice(body)?;
    // Room for all of it at once: a text that grows leaves copies of the key behind.
    let mut text = Zeroizing::new(String::with_capacity(entry.content.len()));
    entry.content.split_ascii_whitespace().for_each(|piece| text.push_str(piece));
    Ok(base64::engine::general_purpose::STANDARD.decode(text.as_bytes()).map(Zeroizing::new).ok())
}

/// The names of a list of entries.
///
/// # Errors
/// [`Strange`] where it is none.
pub fn names(body: &[u8]) -> Result<Vec<String>, Strange> {
    let entries: Vec<Named> = serde_json::from_slice(body)?;
    Ok(entries.into_iter().map(|entry| entry.name).collect())
}

/// One destination.
///
/// # Errors
/// [`Strange`] where it is none.
pub fn destination(body: &[u8]) -> Result<Destination, Strange> {
    let properties: Map<String, Value> = serde_json::from_slice(body)?;
    Ok(Destination::new(properties))
}

/// A list of destinations, each with a name.
///
/// # Errors
/// [`Strange`] where it is none.
pub fn destinations(body: &[u8]) -> Result<Vec<Destination>, Strange> {
    let all: Vec<Map<String, Value>> = serde_json::from_slice(body)?;
    let all: Vec<Destination> = all.into_iter().map(Destination::new).collect();
    if all.iter().any(|destination| destination.name().is_empty()) { Err(Strange) } else { Ok(all) }
}

/// What a successful status says of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrote {
    /// It is written.
    All,
    /// Nothing was there to be written.
    Nothing,
    /// One item was refused, with its own status and words.
    Refused(u16, String),
}

/// What the body of a successful write says; an empty one says nothing against it.
///
/// # Errors
/// [`Strange`] where it is no word of the service.
pub fn wrote(body: &[u8]) -> Result<Wrote, Strange> {
    let text = body.trim_ascii();
    if text.is_empty() {
        return Ok(Wrote::All);
    }
    Ok(match serde_json::from_slice::<Written>(text)? {
        Written::Each(items) => match items.iter().find(|item| item.status > 299) {
            Some(refused) => Wrote::Refused(refused.status, refused.cause()),
            None => Wrote::All,
        },
        Written::Count { count: Some(0) } => Wrote::Nothing,
        Written::Count { .. } | Written::Other(_) => Wrote::All,
    })
}

/// Whether the body of a removal that succeeded is a word of the service. A page of something between us and the service
/// is none: the entry may still stand there.
#[must_use]
pub fn removed(body: &[u8]) -> bool {
    let text = body.trim_ascii();
    text.is_empty() || serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

/// A whole entry: only its content matters.
#[derive(Deserialize)]
struct WholeEntry {
    #[serde(rename = "Content", deserialize_with = "secret")]
    content: Zeroizing<String>,
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(from).map(Zeroizing::new)
}

/// One line of a list of names.
#[derive(Deserialize)]
struct Named {
    #[serde(rename = "Name")]
    name: String,
}

/// One public key of an entry.
#[derive(Deserialize)]
struct PublicKey {
    #[serde(rename = "Content")]
    content: String,
}

/// Every documented shape of a successful write.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Each(Vec<Item>),
    Count {
        #[serde(rename = "Count")]
        count: Option<u64>,
    },
    Other(serde::de::IgnoredAny),
}

/// One item's own outcome in an answer about several.
#[derive(Deserialize)]
struct Item {
    status: u16,
    cause: Option<Value>,
}

impl Item {
    fn cause(&self) -> String {
        let cause = self.cause.as_ref().map(ToString::to_string).unwrap_or_default();
        refusal::words(cause.as_bytes())
    }
}

/// PEM as it stands, or Base64 around it: the documentation says both.
fn readable(content: &str) -> String {
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
