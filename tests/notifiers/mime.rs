//! A mail taken apart as a mail program does: headers, and parts with their encoding undone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A part: its head and its content.
pub(super) struct Part {
    pub(super) head: String,
    pub(super) content: String,
}

/// The value of a header, unfolded.
pub(super) fn header(mail: &str, name: &str) -> Option<String> {
    let head = mail.replace("\r\n", "\n");
    let head = head.split("\n\n").next().unwrap().replace("\n ", " ").replace("\n\t", " ");
    let prefix = format!("{}:", name.to_ascii_lowercase());
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&prefix))?;
    Some(line[prefix.len()..].trim().to_owned())
}

/// Every part that is no container.
pub(super) fn parts(mail: &str) -> Vec<Part> {
    let mail = mail.replace("\r\n", "\n");
    let (head, body) = mail.split_once("\n\n").unwrap();
    leaves(head, body)
}

/// The content of the only part of this type.
pub(super) fn part(mail: &str, kind: &str) -> String {
    let mut found: Vec<Part> = parts(mail).into_iter().filter(|part| part.head.contains(kind)).collect();
    assert_eq!(found.len(), 1, "{kind}");
    found.remove(0).content
}

fn leaves(head: &str, body: &str) -> Vec<Part> {
    let kind = header(head, "Content-Type").unwrap_or_default();
    let Some((_, boundary)) = kind.split_once("boundary=\"") else {
        return vec![Part { head: head.to_owned(), content: decoded(head, body) }];
    };
    let boundary = format!("--{}", boundary.split('"').next().unwrap());
    let inner = body.split(&boundary).skip(1).filter(|part| !part.starts_with("--"));
    inner
        .flat_map(|part| {
            let (head, body) = part.trim_start_matches('\n').split_once("\n\n").unwrap();
            leaves(head, body)
        })
        .collect()
}

fn decoded(head: &str, body: &str) -> String {
    match header(head, "Content-Transfer-Encoding").as_deref() {
        Some("base64") => {
            let text: String = body.split_whitespace().collect();
            String::from_utf8(STANDARD.decode(text).unwrap()).unwrap().replace("\r\n", "\n")
        }
        Some("quoted-printable") => quoted_printable(body),
        _ => body.to_owned(),
    }
}

fn quoted_printable(body: &str) -> String {
    let body = body.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = body.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'=' && after.len() >= 2 {
            let digits = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}
