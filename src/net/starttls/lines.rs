//! The protocols of lines: SMTP, FTP, IMAP, POP3.
//! Only what comes before TLS.

use tokio::io::{AsyncRead, AsyncWrite};

use super::dialogue::Dialogue;
use super::{not_offered, unexpected};
use crate::domain::reason::{Reason, Unseen};

/// EHLO, STARTTLS (RFC 3207).
pub(super) async fn smtp<S>(dialogue: &mut Dialogue<'_, S>, hello: &str) -> Result<(), Unseen>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    expect(dialogue, "220", "the greeting").await?;
    dialogue.say(format!("EHLO {hello}\r\n")).await?;
    let offered = expect(dialogue, "250", "EHLO").await?;
    let named =
        |line: &String| line.get(4..).is_some_and(|word| word.trim_end().eq_ignore_ascii_case("STARTTLS"));
    if !offered.iter().any(named) {
        return Err(not_offered("STARTTLS", ""));
    }
    dialogue.say("STARTTLS\r\n").await?;
    expect(dialogue, "220", "STARTTLS").await.map(drop)
}

/// AUTH TLS (RFC 4217).
pub(super) async fn ftp<S>(dialogue: &mut Dialogue<'_, S>) -> Result<(), Unseen>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    expect(dialogue, "220", "the greeting").await?;
    dialogue.say("AUTH TLS\r\n").await?;
    let answer = reply(dialogue).await?;
    match answer.first() {
        Some(line) if line.starts_with("234") => Ok(()),
        Some(line) if line.starts_with('5') => Err(not_offered("AUTH TLS", line)),
        Some(_) | None => Err(not_code("234", "AUTH TLS", &answer)),
    }
}

/// STARTTLS (RFC 9051 §6.2.1).
pub(super) async fn imap<S>(dialogue: &mut Dialogue<'_, S>) -> Result<(), Unseen>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = dialogue.line().await?;
    let word = greeting.strip_prefix("* ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    match word.to_ascii_uppercase().as_str() {
        "OK" => {}
        "BYE" => {
            let text =
                format!("the server takes no connection now: {}", crate::net::excerpt(greeting.as_bytes()));
            return Err(Unseen::new(Reason::Unavailable, text));
        }
        "PREAUTH" => return Err(not_offered("STARTTLS", "the session is logged in already")),
        _ => return Err(unexpected("an IMAP greeting (* OK)", greeting.as_bytes())),
    }
    dialogue.say("a1 STARTTLS\r\n").await?;
    loop {
        let line = dialogue.line().await?;
        if line.starts_with("* ") {
            continue;
        }
        let answer = line.strip_prefix("a1 ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        return match answer.to_ascii_uppercase().as_str() {
            "OK" => Ok(()),
            "NO" | "BAD" => Err(not_offered("STARTTLS", &line)),
            _ => Err(unexpected("the answer to STARTTLS", line.as_bytes())),
        };
    }
}

/// STLS (RFC 2595 §4).
pub(super) async fn pop3<S>(dialogue: &mut Dialogue<'_, S>) -> Result<(), Unseen>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = dialogue.line().await?;
    if !greeting.starts_with("+OK") {
        return Err(unexpected("a POP3 greeting (+OK)", greeting.as_bytes()));
    }
    dialogue.say("STLS\r\n").await?;
    let line = dialogue.line().await?;
    if line.starts_with("+OK") {
        Ok(())
    } else if line.starts_with("-ERR") {
        Err(not_offered("STLS", &line))
    } else {
        Err(unexpected("the answer to STLS", line.as_bytes()))
    }
}

/// One reply of SMTP or FTP with this code.
async fn expect<S>(dialogue: &mut Dialogue<'_, S>, code: &str, after: &str) -> Result<Vec<String>, Unseen>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let reply = reply(dialogue).await?;
    if reply.first().is_some_and(|line| line.starts_with(code)) {
        return Ok(reply);
    }
    Err(not_code(code, after, &reply))
}

fn not_code(code: &str, after: &str, reply: &[String]) -> Unseen {
    let said = reply.join(" ");
    let reason = if said.starts_with('4') { Reason::Unavailable } else { Reason::UnexpectedAnswer };
    let shown = crate::net::excerpt(said.as_bytes());
    Unseen::new(reason, format!("the reply to {after} was not {code} but: {shown}"))
}

/// The lines of one reply: the last has a blank after its code where the others have a hyphen.
async fn reply<S>(dialogue: &mut Dialogue<'_, S>) -> Result<Vec<String>, Unseen>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut lines: Vec<String> = Vec::new();
    loop {
        let line = dialogue.line().await?;
        let code = line.get(..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
        let first = lines.first().and_then(|line| line.get(..3)).or(code);
        let Some(first) = first.map(ToOwned::to_owned) else {
            return Err(unexpected("a reply with a code of three digits", line.as_bytes()));
        };
        let is_last = code == Some(first.as_str()) && line.get(3..4).is_none_or(|sign| sign == " ");
        lines.push(line);
        if is_last {
            return Ok(lines);
        }
    }
}
