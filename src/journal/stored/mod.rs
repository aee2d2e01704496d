//! How what the domain knows is written as JSON, and read back: the store's own form, apart from every public one.
//! It opens no file and knows no database.
//!
//! A struct is one `stored!` line per field, and a field that is missing from the list does not compile. A field
//! that an older store does not have is read as its [`Stored::absent`] value, or as the default given in the list.

mod message;
mod record;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{NaiveDateTime, SecondsFormat, TimeZone as _};
use serde_json::{Map, Value};

use crate::domain::Timestamp;
use crate::domain::certificate::{Certificate, Fingerprint};
use crate::domain::few::Few;
use crate::domain::record::Looked;
use crate::domain::shared::Shared;

/// Something that can be written into the store and read back.
pub(super) trait Stored: Sized {
    /// Its JSON form.
    fn store(&self) -> Value;

    /// Reads the JSON form.
    fn restore(value: &Value) -> Result<Self, Unreadable>;

    /// What a field of this type is where the store does not have it.
    fn absent() -> Option<Self> {
        None
    }

    /// Whether it is what [`Stored::absent`] gives, so that a field need not be written.
    fn is_absent(&self) -> bool {
        false
    }
}

/// Where and why a stored body could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{why}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub(super) struct Unreadable {
    path: String,
    why: String,
}

impl Unreadable {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { path: String::new(), why: why.into() }
    }

    fn below(mut self, part: &str) -> Self {
        self.path = if self.path.is_empty() { part.to_owned() } else { format!("{part}.{}", self.path) };
        self
    }

    fn wanted(what: &str, value: &Value) -> Self {
        let found = match value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        Self::new(format!("wanted {what}, found {found}"))
    }
}

/// The body of a row.
pub(super) fn to_text(value: &impl Stored) -> String {
    value.store().to_string()
}

/// Reads the body of a row.
pub(super) fn from_text<T: Stored>(text: &str) -> Result<T, Unreadable> {
    let value: Value = serde_json::from_str(text).map_err(|error| Unreadable::new(error.to_string()))?;
    T::restore(&value)
}

/// Writes a moment so that texts sort as moments do.
pub(super) fn moment(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// Reads what [`moment`] wrote.
pub(super) fn read_moment(text: &str) -> Result<Timestamp, Unreadable> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.fZ")
        .map(|naive| chrono::Utc.from_utc_datetime(&naive))
        .map_err(|error| Unreadable::new(format!("{text:?} is not a moment: {error}")))
}

fn field<T: Stored>(object: &Value, name: &str, default: Option<T>) -> Result<T, Unreadable> {
    let fields = object.as_object().ok_or_else(|| Unreadable::wanted("an object", object))?;
    match fields.get(name) {
        Some(value) => T::restore(value).map_err(|error| error.below(name)),
        None => default.or_else(T::absent).ok_or_else(|| Unreadable::new("it is missing").below(name)),
    }
}

fn put(object: &mut Map<String, Value>, name: &str, value: Value) {
    if !value.is_null() {
        object.insert(name.to_owned(), value);
    }
}

fn text(value: &Value) -> Result<&str, Unreadable> {
    value.as_str().ok_or_else(|| Unreadable::wanted("a text", value))
}

fn list(value: &Value) -> Result<&[Value], Unreadable> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| Unreadable::wanted("a list", value))
}

/// A struct, field by field; `field = default` is for one that older stores lack and whose type has no absent value.
macro_rules! stored {
    (@put $object:ident $field:ident = $default:expr) => {
        put(&mut $object, stringify!($field), $field.store());
    };
    (@put $object:ident $field:ident) => {
        if !$field.is_absent() {
            put(&mut $object, stringify!($field), $field.store());
        }
    };
    ($type:ident { $($field:ident $(= $default:expr)?),+ $(,)? }) => {
        impl Stored for $type {
            fn store(&self) -> Value {
                let Self { $($field),+ } = self;
                let mut object = Map::new();
                $(stored!(@put object $field $(= $default)?);)+
                Value::Object(object)
            }

            fn restore(value: &Value) -> Result<Self, Unreadable> {
                Ok(Self { $($field: field(value, stringify!($field), None $(.or(Some($default)))?)?),+ })
            }
        }
    };
}

/// An enum of plain variants, by the words given.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl Stored for $type {
            fn store(&self) -> Value {
                Value::from(match self { $(Self::$variant => $word),+ })
            }

            fn restore(value: &Value) -> Result<Self, Unreadable> {
                match text(value)? {
                    $($word => Ok(Self::$variant),)+
                    other => Err(Unreadable::new(format!("{other:?} is not known to this version"))),
                }
            }
        }
    };
}

/// A closed list of codes, by its code.
macro_rules! coded {
    ($($type:ident),+ $(,)?) => {
        $(impl Stored for $type {
            fn store(&self) -> Value {
                Value::from(self.code())
            }

            fn restore(value: &Value) -> Result<Self, Unreadable> {
                let code: String = Stored::restore(value)?;
                Self::from_code(&code)
                    .ok_or_else(|| Unreadable::new(format!("{code:?} is not known to this version")))
            }
        })+
    };
}

/// An enum whose variants have named fields, told apart by `kind`.
macro_rules! tagged {
    ($type:ident { $($variant:ident = $kind:literal { $($field:ident),* $(,)? }),+ $(,)? }) => {
        impl Stored for $type {
            fn store(&self) -> Value {
                let mut object = Map::new();
                match self {
                    $(Self::$variant { $($field),* } => {
                        put(&mut object, "kind", Value::from($kind));
                        $(put(&mut object, stringify!($field), $field.store());)*
                    })+
                }
                Value::Object(object)
            }

            fn restore(value: &Value) -> Result<Self, Unreadable> {
                let kind: String = field(value, "kind", None)?;
                match kind.as_str() {
                    $($kind => Ok(Self::$variant { $($field: field(value, stringify!($field), None)?),* }),)+
                    other => Err(Unreadable::new(format!("{other:?} is not known to this version")).below("kind")),
                }
            }
        }
    };
}

pub(super) use {coded, stored, tagged, words};

impl<T: Stored> Stored for Option<T> {
    fn store(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::store)
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        if value.is_null() { Ok(None) } else { T::restore(value).map(Some) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Stored> Stored for Vec<T> {
    fn store(&self) -> Value {
        Value::Array(self.iter().map(T::store).collect())
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        list(value)?
            .iter()
            .enumerate()
            .map(|(at, item)| T::restore(item).map_err(|error| error.below(&at.to_string())))
            .collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Stored> Stored for BTreeMap<String, T> {
    fn store(&self) -> Value {
        Value::Object(self.iter().map(|(key, item)| (key.clone(), item.store())).collect())
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        let object = value.as_object().ok_or_else(|| Unreadable::wanted("an object", value))?;
        object
            .iter()
            .map(|(key, item)| Ok((key.clone(), T::restore(item).map_err(|error| error.below(key))?)))
            .collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<A: Stored, B: Stored> Stored for (A, B) {
    fn store(&self) -> Value {
        Value::Array(vec![self.0.store(), self.1.store()])
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        match list(value)? {
            [a, b] => Ok((A::restore(a)?, B::restore(b)?)),
            _ => Err(Unreadable::new("wanted two parts")),
        }
    }
}

impl<A: Stored, B: Stored, C: Stored> Stored for (A, B, C) {
    fn store(&self) -> Value {
        Value::Array(vec![self.0.store(), self.1.store(), self.2.store()])
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        match list(value)? {
            [a, b, c] => Ok((A::restore(a)?, B::restore(b)?, C::restore(c)?)),
            _ => Err(Unreadable::new("wanted three parts")),
        }
    }
}

impl Stored for [u64; 2] {
    fn store(&self) -> Value {
        Value::from(self.to_vec())
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        <(u64, u64)>::restore(value).map(|(first, second)| [first, second])
    }

    fn absent() -> Option<Self> {
        Some([0, 0])
    }

    fn is_absent(&self) -> bool {
        *self == [0, 0]
    }
}

macro_rules! numbers {
    ($($type:ident),+) => {
        $(impl Stored for $type {
            fn store(&self) -> Value {
                Value::from(*self)
            }

            fn restore(value: &Value) -> Result<Self, Unreadable> {
                let number = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
                number
                    .and_then(|number| Self::try_from(number).ok())
                    .ok_or_else(|| Unreadable::wanted(concat!("a whole number (", stringify!($type), ")"), value))
            }

            fn absent() -> Option<Self> {
                Some(0)
            }

            fn is_absent(&self) -> bool {
                *self == 0
            }
        })+
    };
}

numbers!(u16, u32, u64, i64);

impl Stored for f64 {
    fn store(&self) -> Value {
        Value::from(*self)
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        if value.is_null() {
            return Ok(0.0);
        }
        value.as_f64().ok_or_else(|| Unreadable::wanted("a number", value))
    }

    fn absent() -> Option<Self> {
        Some(0.0)
    }
}

impl Stored for bool {
    fn store(&self) -> Value {
        Value::from(*self)
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        value.as_bool().ok_or_else(|| Unreadable::wanted("true or false", value))
    }

    fn absent() -> Option<Self> {
        Some(false)
    }

    fn is_absent(&self) -> bool {
        !self
    }
}

impl Stored for String {
    fn store(&self) -> Value {
        Value::from(self.as_str())
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        text(value).map(str::to_owned)
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Stored for Timestamp {
    fn store(&self) -> Value {
        Value::from(moment(*self))
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        read_moment(text(value)?)
    }
}

impl Stored for Arc<[u8]> {
    fn store(&self) -> Value {
        Value::from(STANDARD.encode(self))
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        STANDARD
            .decode(text(value)?)
            .map(Self::from)
            .map_err(|error| Unreadable::new(format!("it is not Base64: {error}")))
    }
}

impl Stored for Fingerprint {
    fn store(&self) -> Value {
        Value::from(self.hex())
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        let text = text(value)?;
        Self::parse(text).ok_or_else(|| Unreadable::new(format!("{text:?} is not a fingerprint")))
    }
}

impl<T: Stored> Stored for Shared<T> {
    fn store(&self) -> Value {
        T::store(self)
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        T::restore(value).map(Self::from)
    }
}

impl<T: Stored> Stored for Few<String, T> {
    fn store(&self) -> Value {
        Value::Object(self.iter().map(|(key, item)| (key.clone(), item.store())).collect())
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        BTreeMap::restore(value).map(Self::from_iter)
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Stored> Stored for Box<T> {
    fn store(&self) -> Value {
        T::store(self)
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        T::restore(value).map(Self::new)
    }
}

impl Stored for Looked {
    fn store(&self) -> Value {
        Value::Object(self.iter().map(|(key, at)| (key.to_owned(), at.store())).collect())
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        let mut looked = Self::default();
        for (key, at) in BTreeMap::<String, Timestamp>::restore(value)? {
            looked.insert(key, at);
        }
        Ok(looked)
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

impl Stored for Certificate {
    fn store(&self) -> Value {
        self.der.store()
    }

    fn restore(value: &Value) -> Result<Self, Unreadable> {
        let der = Arc::<[u8]>::restore(value)?;
        Self::from_der(&der).map_err(|unseen| Unreadable::new(unseen.text))
    }
}
