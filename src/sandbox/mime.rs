//! Enough MIME to read a mail and an uploaded form: headers, parts, transfer encodings, encoded words.
//! It writes nothing, and what it cannot read it leaves as it is.

use super::http::decoded;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// One entity: its headers in order, its body as sent.
#[derive(Debug)]
pub(super) struct Entity {
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Entity {
    pub(super) fn parse(raw: &[u8]) -> Self {
        let (head, body) = split_head(raw);
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in String::from_utf8_lossy(head).lines() {
            match (line.starts_with([' ', '\t']), headers.last_mut(), line.split_once(':')) {
                (true, Some((_, value)), _) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                (false, _, Some((name, value))) => {
                    headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
                (true, None, _) | (false, _, None) => {}
            }
        }
        Self { headers, body: body.to_vec() }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The leaves of the tree below this entity, in order; itself where it is one.
    pub(super) fn leaves(self) -> Vec<Self> {
        match self.header("content-type").and_then(boundary) {
            Some(boundary) => parts(&self.body, &boundary).into_iter().flat_map(Self::leaves).collect(),
            None => vec![self],
        }
    }

    /// The media type in lower case, without parameters.
    pub(super) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or("text/plain");
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The name of the file this entity is, if it is one.
    pub(super) fn file_name(&self) -> Option<String> {
        self.header("content-disposition")
            .and_then(|value| parameter(value, "filename"))
            .or_else(|| self.header("content-type").and_then(|value| parameter(value, "name")))
    }

    /// The body without its transfer encoding.
    pub(super) fn content(&self) -> Vec<u8> {
        match self.header("content-transfer-encoding").unwrap_or_default().to_ascii_lowercase().as_str() {
            "base64" => {
                let text: Vec<u8> =
                    self.body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                BASE64.decode(text).unwrap_or_else(|_| self.body.clone())
            }
            "quoted-printable" => quoted_printable(&self.body),
            _ => self.body.clone(),
        }
    }
}

/// The boundary of a multipart content type.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let multipart = content_type.trim_start().to_ascii_lowercase().starts_with("multipart/");
    multipart.then(|| parameter(content_type, "boundary")).flatten()
}

/// One parameter of a structured header value, `name*=utf-8''…` included.
pub(super) fn parameter(value: &str, name: &str) -> Option<String> {
    value.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        let key = key.trim().to_ascii_lowercase();
        let value = value.trim().trim_matches('"');
        if key == name {
            Some(words(value))
        } else if key.strip_suffix('*') == Some(name) {
            Some(decoded(value.rsplit('\'').next().unwrap_or(value), false))
        } else {
            None
        }
    })
}

/// The entities between the boundary lines of a multipart body.
pub(super) fn parts(body: &[u8], boundary: &str) -> Vec<Entity> {
    let between = format!("--{boundary}");
    let last = format!("--{boundary}--");
    let mut found = Vec::new();
    let mut current: Option<Vec<u8>> = None;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.trim_ascii_end();
        if bare == between.as_bytes() || bare == last.as_bytes() {
            found.extend(current.take().map(|raw| Entity::parse(without_last_line_end(&raw))));
            if bare == last.as_bytes() {
                break;
            }
            current = Some(Vec::new());
        } else if let Some(current) = &mut current {
            current.extend_from_slice(line);
        }
    }
    found
}

/// A header value with its encoded words (`=?utf-8?b?…?=`) read.
pub(super) fn words(value: &str) -> String {
    let mut out = String::new();
    let mut rest = value;
    let mut after_word = false;
    while let Some((before, from)) = rest.split_once("=?") {
        let Some((word, after)) = encoded_word(from) else {
            out.push_str(before);
            out.push_str("=?");
            rest = from;
            after_word = false;
            continue;
        };
        if !(after_word && before.trim().is_empty()) {
            out.push_str(before);
        }
        out.push_str(&word);
        rest = after;
        after_word = true;
    }
    out.push_str(rest);
    out
}

fn encoded_word(text: &str) -> Option<(String, &str)> {
    let (_charset, rest) = text.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (payload, after) = rest.split_once("?=")?;
    let bytes = match encoding {
        "b" | "B" => BASE64.decode(payload).ok()?,
        "q" | "Q" => quoted_printable(payload.replace('_', " ").as_bytes()),
        _ => return None,
    };
    Some((String::from_utf8_lossy(&bytes).into_owned(), after))
}

fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'=', [b'\r', b'\n', tail @ ..] | [b'\n', tail @ ..]) => rest = tail,
            (b'=', [high, low, tail @ ..]) => match super::http::byte_of([*high, *low]) {
                Some(value) => {
                    out.push(value);
                    rest = tail;
                }
                None => out.push(b'='),
            },
            (other, _) => out.push(*other),
        }
    }
    out
}

fn split_head(raw: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii().is_empty() {
            return (raw.get(..end).unwrap_or_default(), raw.get(end + line.len()..).unwrap_or_default());
        }
        end += line.len();
    }
    (raw, &[])
}

fn without_last_line_end(raw: &[u8]) -> &[u8] {
    let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
    raw.strip_suffix(b"\r").unwrap_or(raw)
}
