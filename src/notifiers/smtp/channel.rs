//! The byte stream under a mail conversation: plain or TLS, with STARTTLS made before the conversation proper begins.
//! It speaks no SMTP.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
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
    Plain(net::Stream),
    Tls(Box<TlsStream<net::Stream>>),
}

impl Channel {
    /// Without any protection.
    pub(super) const fn plain(tcp: net::Stream) -> Self {
        Self { greeting: b"", stream: Stream::Plain(tcp) }
    }

    /// TLS from the first byte.
    pub(super) async fn tls(
        tcp: net::Stream,
        host: &str,
        config: rustls::ClientConfig,
    ) -> Result<Self, Unseen> {
        Ok(Self { greeting: b"", stream: Stream::Tls(Box::new(handshake(tcp, host, config).await?)) })
    }

    /// STARTTLS, demanded. The conversation then begins anew, as RFC 3207 has it: nothing said in the clear counts.
    pub(super) async fn starttls(
        mut tcp: net::Stream,
        hello: &str,
        host: &str,
        config: rustls::ClientConfig,
    ) -> Result<Self, Unseen> {
        net::starttls::smtp(&mut tcp, hello).await.map_err(|unseen| {
            let way_out = if unseen.reason == Reason::TlsFailed { WITHOUT } else { "" };
            Unseen::new(unseen.reason, format!("{}{way_out}", unseen.text))
        })?;
        let stream = Stream::Tls(Box::new(handshake(tcp, host, config).await?));
        Ok(Self { greeting: b"220 TLS\r\n", stream })
    }
}

async fn handshake(
    tcp: net::Stream,
    host: &str,
    config: rustls::ClientConfig,
) -> Result<TlsStream<net::Stream>, Unseen> {
    let name = rustls::pki_types::ServerName::try_from(host.to_owned())
        .map_err(|_| Unseen::new(Reason::TlsFailed, format!("{host:?} is no host name")))?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|error| {
        let reason = net::reason_of(&error).unwrap_or(Reason::TlsFailed);
        let way_out = if reason == Reason::ServerUntrusted { UNTRUSTED } else { "" };
        Unseen::new(reason, format!("the TLS handshake failed: {}{way_out}", net::told(&error)))
    })
}

impl AsyncTokioStream for Channel {
    fn peer_addr(&self) -> std::io::Result<SocketAddr> {
        match &self.stream {
            Stream::Plain(tcp) => tcp.peer_addr(),
            Stream::Tls(tls) => tls.get_ref().0.peer_addr(),
        }
        .ok_or_else(|| std::io::ErrorKind::NotConnected.into())
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

const WITHOUT: &str =
    "; use smtps:// where it has a TLS port, or smtp+plain:// (then without user and password)";
const UNTRUSTED: &str =
    "; add the server's authority with ca = { file = … }, or use the name its certificate is for";
