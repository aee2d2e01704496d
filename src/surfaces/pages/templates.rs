//! Templates, style and script, compiled in.
//! Nothing is read from disk, and everything that is put into a page is escaped.

use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior};

use crate::domain::{Duration, Timestamp};
use crate::surfaces::{json, words};

/// Why a page could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the page {page} could not be made")]
pub(in crate::surfaces) struct RenderPage {
    page: &'static str,
    source: minijinja::Error,
}

pub(super) struct Templates(Environment<'static>);

const TEMPLATES: [(&str, &str); 8] = [
    ("frame.html", include_str!("../templates/frame.html")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("overview.html", include_str!("../templates/overview.html")),
    ("watch.html", include_str!("../templates/watch.html")),
    ("no_watch.html", include_str!("../templates/no_watch.html")),
    ("problem.html", include_str!("../templates/problem.html")),
    ("hand_off.html", include_str!("../templates/hand_off.html")),
    ("no_hand_off.html", include_str!("../templates/no_hand_off.html")),
];

/// A file that pages refer to, with its content type.
pub(in crate::surfaces) fn asset(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "style.css" => Some(("text/css; charset=utf-8", include_str!("../templates/style.css"))),
        "page.js" => Some(("text/javascript; charset=utf-8", include_str!("../templates/page.js"))),
        "mark.svg" => Some(("image/svg+xml", include_str!("../templates/mark.svg"))),
        _ => None,
    }
}

impl Templates {
    #[expect(clippy::expect_used, reason = "the templates are compiled in, and each is rendered by a test")]
    pub(super) fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_filter("date", |text: &str| with_moment(text, words::date));
        environment.add_filter("date_and_time", |text: &str| with_moment(text, words::date_and_time));
        environment.add_filter("distance", |text: &str, now: &str| {
            with_moment(now, |now| with_moment(text, |at| words::distance(at, now)))
        });
        environment.add_filter("is_past", |text: &str, now: &str| text <= now);
        environment.add_filter("span", |seconds: i64| words::span(Duration::seconds(seconds)));
        environment.add_filter("encoded", |text: &str| encoded(text));
        environment.add_filter("sentence", |text: &str| words::sentence(text));
        environment.add_filter("colons", |text: &str| colons(text));
        environment.add_filter("milliseconds", |seconds: f64| format!("{:.0} ms", seconds * 1000.0));
        for (name, text) in TEMPLATES {
            environment.add_template(name, text).expect("compiled-in templates are well-formed");
        }
        Self(environment)
    }

    pub(super) fn render(
        &self,
        page: &'static str,
        base: &str,
        content: serde_json::Value,
        now: Timestamp,
    ) -> Result<String, RenderPage> {
        let mut content = content;
        if let Some(fields) = content.as_object_mut() {
            fields.insert("base".to_owned(), base.into());
            fields.insert("now".to_owned(), json::moment(now).into());
            fields.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
        }
        let template = self.0.get_template(page).map_err(|source| RenderPage { page, source })?;
        template.render(value(content)).map_err(|source| RenderPage { page, source })
    }
}

/// JSON as a value of the template engine.
fn value(json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::from(()),
        Json::Bool(truth) => truth.into(),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().unwrap_or_default().into(), Value::from)
        }
        Json::String(text) => text.into(),
        Json::Array(items) => items.into_iter().map(value).collect::<Vec<Value>>().into(),
        Json::Object(fields) => fields
            .into_iter()
            .map(|(name, field)| (name, value(field)))
            .collect::<std::collections::BTreeMap<String, Value>>()
            .into(),
    }
}

/// What a moment's text becomes; text that is no moment stays as it is.
fn with_moment(text: &str, words: impl Fn(Timestamp) -> String) -> String {
    text.parse().map_or_else(|_| text.to_owned(), words)
}

/// Text as the value of a query parameter.
fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let encode = |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

fn colons(hex: &str) -> String {
    let pairs: Vec<String> =
        hex.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
    pairs.join(":")
}
