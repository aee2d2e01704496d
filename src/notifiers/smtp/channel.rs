//! The byte stream under a mail conversation: plain or TLS, with STARTTLS made before the conversation proper begins.
//! It speaks no more SMTP than STARTTLS needs.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::domain::reason::{Reason, Unseen};
use crate::net;

/// A stream to a mail server.
#[derive(Debug)]
pub(super) struct Channel {
    /// What is read before the stream itself.
    greeting: &'static [u8],
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Channel {
    /// Without any protection.
    pub(super) const fn plain(tcp: TcpStream) -> Self {
        Self { greeting: b"", stream: Stream::Plain(tcp) }
    }

    /// TLS from the first byte.
    pub(super) async fn tls(
        tcp: TcpStream,
        host: &str,
        config: rustls::ClientConfig,
    ) -> Result<Self, Unseen> {
        Ok(Self { greeting: b"", stream: Stream::Tls(Box::new(handshake(tcp, host, config).await?)) })
    }

    /// STARTTLS, demanded. The conversation then begins anew, as RFC 3207 has it: nothing said in the clear counts.
    pub(super) async fn starttls(
        mut tcp: TcpStream,
        hello: &str,
        host: &str,
        config: rustls::ClientConfig,
    ) -> Result<Self, Unseen> {
        expect(&mut tcp, "220", "the greeting").await?;
        say(&mut tcp, &format!("EHLO {hello}\r\n")).await?;
        let offered = expect(&mut tcp, "250", "EHLO").await?;
        if !offered
            .lines()
            .any(|line| line.get(4..).is_some_and(|word| word.eq_ignore_ascii_case("STARTTLS")))
        {
            let text = "the server does not offer STARTTLS; use smtps:// where it has a TLS port, or smtp+plain:// (then without user and password)";
            return Err(Unseen::new(Reason::TlsFailed, text));
        }
        say(&mut tcp, "STARTTLS\r\n").await?;
        expect(&mut tcp, "220", "STARTTLS").await?;
        let stream = Stream::Tls(Box::new(handshake(tcp, host, config).await?));
        Ok(Self { greeting: b"220 TLS\r\n", stream })
    }
}

async fn handshake(
    tcp: TcpStream,
    host: &str,
    config: rustls::ClientConfig,
) -> Result<TlsStream<TcpStream>, Unseen> {
    let name = rustls::pki_types::ServerName::try_from(host.to_owned())
        .map_err(|_| Unseen::new(Reason::TlsFailed, format!("{host:?} is no host name")))?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|error| {
        let reason = net::reason_of(&error).unwrap_or(Reason::TlsFailed);
        let way_out = if reason == Reason::ServerUntrusted { UNTRUSTED } else { "" };
        Unseen::new(reason, format!("the TLS handshake failed: {}{way_out}", net::told(&error)))
    })
}

async fn say(tcp: &mut TcpStream, line: &str) -> Result<(), Unseen> {
    tcp.write_all(line.as_bytes()).await.map_err(|error| broken_off(&error))
}

/// Reads one reply, and nothing of what follows it.
async fn expect(tcp: &mut TcpStream, code: &str, after: &str) -> Result<String, Unseen> {
    let mut reply = Vec::new();
    let mut line_start = 0;
    loop {
        if reply.len() >= REPLY_LIMIT {
            return Err(Unseen::new(Reason::UnexpectedAnswer, format!("the reply to {after} is too long")));
        }
        let byte = tcp.read_u8().await.map_err(|error| broken_off(&error))?;
        reply.push(byte);
        if byte == b'\n' {
            let line = reply.get(line_start..).unwrap_or_default();
            if line.get(3) != Some(&b'-') {
                break;
            }
            line_start = reply.len();
        }
    }
    let reply = String::from_utf8_lossy(&reply).into_owned();
    if reply.starts_with(code) {
        return Ok(reply);
    }
    let reason = if reply.starts_with('4') { Reason::Unavailable } else { Reason::UnexpectedAnswer };
    let shown = net::excerpt(reply.as_bytes());
    Err(Unseen::new(reason, format!("the reply to {after} was not {code} but: {shown}")))
}

fn broken_off(error: &std::io::Error) -> Unseen {
    let reason = net::reason_of(error).unwrap_or(Reason::ConnectionReset);
    Unseen::new(reason, format!("the server broke off before TLS: {error}"))
}

impl AsyncTokioStream for Channel {
    fn peer_addr(&self) -> std::io::Result<SocketAddr> {
        match &self.stream {
            Stream::Plain(tcp) => tcp.peer_addr(),
            Stream::Tls(tls) => tls.get_ref().0.peer_addr(),
        }
    }
}

impl AsyncRead for Channel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.greeting.is_empty() {
            let (now, later) = self.greeting.split_at(self.greeting.len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.greeting = later;
            return Poll::Ready(Ok(()));
        }
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Channel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
        }
    }
}

const REPLY_LIMIT: usize = 8 * 1024;
const UNTRUSTED: &str =
    "; add the server's authority with ca = { file = … }, or use the name its certificate is for";
