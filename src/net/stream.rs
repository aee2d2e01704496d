//! An open byte stream to another system, over TCP or a Unix socket, with the turn it was opened in.
//! It speaks nothing, and listens to the end: where it can say nothing more it still hears why.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::turn::Turn;

/// An open stream. Its turn ends with it.
///
/// A server that refuses says why and closes, without hearing the rest; so whoever still writes meets a broken pipe while the
/// reason lies there unread. Here what is written then is dropped, and the error comes once everything is read.
#[derive(Debug)]
pub struct Stream {
    io: Io,
    /// Why nothing more can be written.
    broken: Option<io::ErrorKind>,
    _turn: Turn,
}

#[derive(Debug)]
pub(super) enum Io {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(super) const fn new(io: Io, turn: Turn) -> Self {
        Self { io, broken: None, _turn: turn }
    }

    /// Notes that nothing more can be written.
    fn written(&mut self, written: io::Result<usize>, wanted: usize) -> io::Result<usize> {
        let kind = match written {
            Ok(count) => return Ok(count),
            Err(error) => error.kind(),
        };
        if kind == io::ErrorKind::Interrupted {
            return Err(kind.into());
        }
        self.broken.get_or_insert(kind);
        Ok(wanted)
    }

    /// The address of this end; none for a Unix socket.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.io {
            Io::Tcp(tcp) => tcp.local_addr().ok(),
            Io::Unix(_) => None,
        }
    }

    /// The address of the other end, or of the proxy; none for a Unix socket.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        match &self.io {
            Io::Tcp(tcp) => tcp.peer_addr().ok(),
            Io::Unix(_) => None,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = match &mut self.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Io::Unix(unix) => Pin::new(unix).poll_read(cx, buffer),
        };
        match (read, self.broken) {
            (Poll::Ready(Ok(())), Some(kind))
                if buffer.filled().len() == before && buffer.remaining() > 0 =>
            {
                Poll::Ready(Err(kind.into()))
            }
            (read, _) => read,
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.broken.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = match &mut self.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Io::Unix(unix) => Pin::new(unix).poll_write(cx, bytes),
        };
        written.map(|written| self.written(written, bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Io::Unix(unix) => Pin::new(unix).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Io::Unix(unix) => Pin::new(unix).poll_shutdown(cx),
        }
    }
}
