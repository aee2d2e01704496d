//! XMPP's way to TLS (RFC 6120 §5): a stream is opened, its features name starttls, it is asked for.
//! It reads no XML but the few signs it needs.

use tokio::io::{AsyncRead, AsyncWrite};

use super::dialogue::Dialogue;
use super::{not_offered, unexpected};
use crate::domain::reason::Unseen;

const ASK: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

/// Opens a stream of this namespace to this host, and asks for TLS.
pub(super) async fn begin<S>(
    dialogue: &mut Dialogue<'_, S>,
    namespace: &str,
    host: &str,
) -> Result<(), Unseen>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let to: String = host.chars().filter(|c| !matches!(c, '\'' | '<' | '>' | '&')).collect();
    dialogue
        .say(format!(
            "<?xml version='1.0'?><stream:stream to='{to}' xmlns='{namespace}' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
        ))
        .await?;
    let ends = ["</stream:features>", "<stream:features/>", "</stream:error>", "</stream:stream>"];
    let opened = dialogue.until(|heard| end_of_any(heard, &ends)).await?;
    let opened = String::from_utf8_lossy(&opened).into_owned();
    if !opened.contains("<stream:features") {
        return Err(unexpected("an XMPP stream with features", error_of(&opened).as_bytes()));
    }
    if !opened.contains("urn:ietf:params:xml:ns:xmpp-tls") {
        return Err(not_offered("starttls", ""));
    }
    dialogue.say(ASK).await?;
    let ends = ["</proceed>", "</failure>", "</stream:error>", "/>"];
    let answer = dialogue.until(|heard| end_of_any(heard, &ends)).await?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    if answer.trim_start().starts_with("<proceed") {
        return Ok(());
    }
    Err(not_offered("starttls", &error_of(&answer)))
}

/// The condition in an error and what is said about it: `host-unknown` of `<host-unknown xmlns='…'/>`; else the text as it is.
fn error_of(text: &str) -> String {
    let Some(error) = text.split("<stream:error").nth(1) else { return text.to_owned() };
    let name =
        error.split('<').nth(1).and_then(|rest| rest.split([' ', '/', '>']).next()).unwrap_or_default();
    let said = error.split("<text").nth(1).and_then(|rest| rest.split(['>', '<']).nth(1)).unwrap_or_default();
    if said.is_empty() { name.to_owned() } else { format!("{name} ({said})") }
}

/// Behind the first of these signs that is there; everything, where the other side speaks no XML.
fn end_of_any(heard: &[u8], signs: &[&str]) -> Option<usize> {
    if heard.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte != b'<') {
        return Some(heard.len());
    }
    let ends = signs.iter().filter_map(|sign| {
        let at = heard.windows(sign.len()).position(|part| part == sign.as_bytes())?;
        at.checked_add(sign.len())
    });
    ends.min()
}
