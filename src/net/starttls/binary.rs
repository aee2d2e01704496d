//! The protocols of bytes: LDAP, PostgreSQL, MySQL.
//! Only what comes before TLS.

use tokio::io::{AsyncRead, AsyncWrite};

use super::dialogue::Dialogue;
use super::{not_offered, unexpected};
use crate::domain::reason::{Reason, Unseen};

/// An ExtendedRequest, message 1, for the object identifier 1.3.6.1.4.1.1466.20037 (RFC 4511 §4.14).
const LDAP_START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16\x31.3.6.1.4.1.1466.20037";
/// The largest answer of a directory that is read.
const LDAP_LIMIT: usize = 16 * 1024;

/// An extended operation of its own (RFC 4511 §4.14).
pub(super) async fn ldap<S>(dialogue: &mut Dialogue<'_, S>) -> Result<(), Unseen>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    dialogue.say(LDAP_START_TLS).await?;
    let message = dialogue.until(|heard| whole_element(heard, LDAP_LIMIT)).await?;
    let (code, said) = extended_response(&message)
        .ok_or_else(|| unexpected("the answer of a directory (LDAP) to StartTLS", &message))?;
    match code {
        0 => Ok(()),
        // busy, unavailable
        51 | 52 => {
            let text = format!(
                "the server cannot begin TLS now (LDAP result {code}): {}",
                crate::net::excerpt(&said)
            );
            Err(Unseen::new(Reason::Unavailable, text))
        }
        _ => Err(not_offered("StartTLS", &format!("LDAP result {code} {}", String::from_utf8_lossy(&said)))),
    }
}

/// Where the element at the beginning ends, once it is here, or where it is clear that none is.
fn whole_element(heard: &[u8], limit: usize) -> Option<usize> {
    if heard.first().is_some_and(|tag| *tag != 0x30) {
        return Some(heard.len());
    }
    let (head, length) = length(heard.get(1..)?)?;
    let end = head.checked_add(length)?.checked_add(1)?;
    if end > limit {
        return Some(heard.len());
    }
    (heard.len() >= end).then_some(end)
}

/// How many bytes a BER length takes, and what it says.
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.first()?);
    if first < 0x80 {
        return Some((1, first));
    }
    let count = first & 0x7f;
    if count > 4 {
        return Some((1, usize::MAX / 2));
    }
    let digits = bytes.get(1..=count)?;
    let length = digits.iter().fold(0_usize, |sum, digit| sum << 8 | usize::from(*digit));
    Some((count.saturating_add(1), length))
}

/// One element: its tag, its content, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (head, length) = length(rest)?;
    let (content, later) = rest.get(head..)?.split_at_checked(length)?;
    Some((*tag, content, later))
}

/// The result code and the diagnostic message of the answer to message 1.
fn extended_response(message: &[u8]) -> Option<(u8, Vec<u8>)> {
    let (0x30, content, _) = element(message)? else { return None };
    let (0x02, [1], rest) = element(content)? else { return None };
    let (0x78, response, _) = element(rest)? else { return None };
    let (0x0a, [code], rest) = element(response)? else { return None };
    let (0x04, _, rest) = element(rest)? else { return None };
    let (0x04, said, _) = element(rest)? else { return None };
    Some((*code, said.to_vec()))
}

/// SSLRequest: its length, and 1234 and 5679 for a version.
const POSTGRES_SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// One question of eight bytes, one byte in answer.
pub(super) async fn postgres<S>(dialogue: &mut Dialogue<'_, S>) -> Result<(), Unseen>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    dialogue.say(POSTGRES_SSL_REQUEST).await?;
    match dialogue.bytes(1).await?.as_slice() {
        b"S" => Ok(()),
        b"N" => Err(not_offered("TLS (ssl = off in its configuration)", "")),
        b"E" => {
            // An error before TLS could be anybody's; PostgreSQL's own clients do not show it either (CVE-2024-10977).
            let text = "the server answered the request for TLS with an error; look into its log";
            Err(Unseen::new(Reason::Unavailable, text))
        }
        other => Err(unexpected("PostgreSQL's answer to SSLRequest", other)),
    }
}

/// What this end says it can: long passwords, protocol 4.1, TLS, secure connections, named plugins.
const MYSQL_ABILITIES: u32 = 0x0008_0000 | 0x8000 | 0x0800 | 0x0200 | 0x0001;
/// The ability to speak TLS.
const MYSQL_TLS: u8 = 0x08;
/// The largest greeting that is read.
const MYSQL_LIMIT: usize = 4096;

/// The server greets with what it can; the answer begins with the half that comes before TLS.
pub(super) async fn mysql<S>(dialogue: &mut Dialogue<'_, S>) -> Result<(), Unseen>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let wanted = "the greeting of MySQL (protocol 10)";
    let head = dialogue.bytes(4).await?;
    let size = head.iter().take(3).rev().fold(0_usize, |sum, digit| sum << 8 | usize::from(*digit));
    if size > MYSQL_LIMIT || head.get(3) != Some(&0) {
        return Err(unexpected(wanted, &head));
    }
    let greeting = dialogue.bytes(size).await?;
    match greeting.first() {
        Some(10) => {}
        Some(0xff) => {
            let said = crate::net::excerpt(greeting.get(3..).unwrap_or_default());
            let text = format!("the server takes no connection from here: {said}");
            return Err(Unseen::new(Reason::Refused, text));
        }
        Some(_) | None => return Err(unexpected(wanted, &greeting)),
    }
    // After the version, which ends with a zero: the connection's number (4), a nonce (8), a zero, and two bytes of abilities.
    let version =
        greeting.iter().skip(1).position(|byte| *byte == 0).ok_or_else(|| unexpected(wanted, &greeting))?;
    let high = greeting.get(version.saturating_add(2 + 4 + 8 + 1 + 1));
    let can = high.ok_or_else(|| unexpected(wanted, &greeting))?;
    if can & MYSQL_TLS == 0 {
        return Err(not_offered("TLS (have_ssl is not YES)", ""));
    }
    dialogue.say(mysql_request()).await
}

/// Its length and number, the abilities, the largest packet, the character set utf8mb4, and 23 zeros.
pub(super) fn mysql_request() -> Vec<u8> {
    let mut request = vec![32, 0, 0, 1];
    request.extend_from_slice(&MYSQL_ABILITIES.to_le_bytes());
    request.extend_from_slice(&0x0100_0000_u32.to_le_bytes());
    request.push(45);
    request.extend_from_slice(&[0; 23]);
    request
}
