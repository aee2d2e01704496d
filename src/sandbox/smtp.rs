//! The simulated mail server: takes any mail from this machine, without credentials, and keeps it in the mailbox.
//! It sends nothing on, and it offers neither TLS nor authentication.

use super::faults::{By, RequestLine, Stage};
use super::mailbox::Mail;
use super::time::now;
use super::world::World;
use std::io;
use std::sync::Arc;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a mail is called among the requests.
const PATH: &str = "smtp";
const SIZE_LIMIT: usize = 10 * 1024 * 1024;
const LINE_LIMIT: u64 = 16 * 1024;

/// Takes mails until dropped.
pub(super) async fn serve(listener: TcpListener, world: Arc<World>) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    let world = world.clone();
                    sessions.spawn(async move { drop(session(stream, &world).await) });
                }
            }
            Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
        }
    }
}

#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

async fn session(stream: TcpStream, world: &World) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    say(&mut write, "220 sandbox.localhost ESMTP simulated").await?;
    let mut envelope = Envelope::default();
    loop {
        let line = line(&mut read).await?;
        if line.is_empty() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        let (verb, argument) = text.split_once(' ').unwrap_or((&text, ""));
        match verb.to_ascii_uppercase().as_str() {
            "DATA" if envelope.to.is_empty() => say(&mut write, "503 5.5.1 RCPT first").await?,
            "DATA" => {
                say(&mut write, "354 end with <CRLF>.<CRLF>").await?;
                let taken = std::mem::take(&mut envelope);
                let reply = take(data(&mut read).await?, taken, world).await;
                note(world, reply.as_deref());
                let Some(reply) = reply else { return Ok(()) };
                say(&mut write, &reply).await?;
            }
            "QUIT" => return say(&mut write, "221 2.0.0 bye").await,
            verb => say(&mut write, &reply(verb, argument, &mut envelope)).await?,
        }
    }
}

/// Puts the mail into the mailbox, unless a fault is ordered; none closes the connection without a reply.
async fn take(raw: Option<Vec<u8>>, envelope: Envelope, world: &World) -> Option<String> {
    let fault = world.state().next_fault("DATA", PATH, By::Steward);
    let mut silent = false;
    let mut hold = None;
    if let Some(fault) = fault {
        super::http::late(fault.delay).await;
        hold = fault.hold;
        if let Some(hold) = &hold {
            hold.pass(Stage::Arrived, "DATA", PATH).await;
        }
        if fault.drop_request {
            return None;
        }
        if let Some(answer) = fault.answer {
            return Some(format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)));
        }
        silent = fault.drop_answer;
    }
    let Some(raw) = raw else { return Some("552 5.3.4 the mail is larger than the limit".to_owned()) };
    world.receive(Mail::read(&raw, envelope.from.unwrap_or_default(), envelope.to, now()));
    if let Some(hold) = &hold {
        hold.pass(Stage::Done, "DATA", PATH).await;
    }
    (!silent).then(|| "250 2.0.0 taken".to_owned())
}

fn note(world: &World, reply: Option<&str>) {
    let status = reply.and_then(|reply| reply.get(..3)?.parse().ok()).unwrap_or(0);
    let (method, path) = ("DATA".to_owned(), PATH.to_owned());
    world.state().note_request(RequestLine {
        at: now(),
        part: PATH,
        method,
        path,
        query: String::new(),
        status,
    });
}

/// The reply to everything but DATA and QUIT.
fn reply(verb: &str, argument: &str, envelope: &mut Envelope) -> String {
    match verb {
        "HELO" => "250 sandbox.localhost".to_owned(),
        "EHLO" => format!("250-sandbox.localhost\r\n250-8BITMIME\r\n250-SIZE {SIZE_LIMIT}\r\n250 PIPELINING"),
        "MAIL" if declared_size(argument) > SIZE_LIMIT => {
            "552 5.3.4 the mail is larger than the limit".to_owned()
        }
        "MAIL" => match address(argument, "FROM:") {
            Some(from) => {
                *envelope = Envelope { from: Some(from), to: Vec::new() };
                "250 2.1.0 ok".to_owned()
            }
            None => "501 5.5.4 MAIL FROM:<address>".to_owned(),
        },
        "RCPT" if envelope.from.is_none() => "503 5.5.1 MAIL first".to_owned(),
        "RCPT" => match address(argument, "TO:") {
            Some(to) => {
                envelope.to.push(to);
                "250 2.1.5 ok".to_owned()
            }
            None => "501 5.5.4 RCPT TO:<address>".to_owned(),
        },
        "RSET" => {
            *envelope = Envelope::default();
            "250 2.0.0 ok".to_owned()
        }
        "NOOP" => "250 2.0.0 ok".to_owned(),
        "AUTH" | "STARTTLS" => "502 5.5.1 not offered".to_owned(),
        _ => "500 5.5.2 unknown command".to_owned(),
    }
}

/// The mail's bytes with the leading dots undone; none where it is too large, after reading it to its end.
async fn data(read: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut raw = Vec::new();
    let mut too_large = false;
    loop {
        let line = line(read).await?;
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.trim_ascii_end() == b"." {
            return Ok((!too_large).then_some(raw));
        }
        let unstuffed = line.strip_prefix(b".").unwrap_or(&line);
        too_large |= raw.len() + unstuffed.len() > SIZE_LIMIT;
        if !too_large {
            raw.extend_from_slice(unstuffed);
        }
    }
}

async fn line(read: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    read.take(LINE_LIMIT).read_until(b'\n', &mut line).await?;
    Ok(line)
}

async fn say(write: &mut (impl AsyncWrite + Unpin), words: &str) -> io::Result<()> {
    write.write_all(format!("{words}\r\n").as_bytes()).await?;
    write.flush().await
}

fn address(argument: &str, prefix: &str) -> Option<String> {
    let start = argument.get(..prefix.len())?;
    if !start.eq_ignore_ascii_case(prefix) {
        return None;
    }
    let (_, from) = argument.split_once('<')?;
    let (address, _) = from.split_once('>')?;
    Some(address.to_owned())
}

fn declared_size(argument: &str) -> usize {
    let sizes =
        argument.split(' ').filter_map(|part| part.to_ascii_uppercase().strip_prefix("SIZE=")?.parse().ok());
    sizes.max().unwrap_or_default()
}
