//! The first bytes of an answer, kept aside to tell what speaks there where it is not HTTP/1.1.
//! It changes nothing of what passes through.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::call::Cause;
use crate::domain::reason::{Reason, Unseen};
use crate::net::{excerpt, tls_error};

/// What an answer begins with.
const HTTP: &[u8] = b"HTTP/1.";

/// How much is kept.
const KEPT: usize = 64;

/// The first bytes that came. Cloning it shares them.
#[derive(Clone, Default)]
pub(in crate::probers) struct Opening(Arc<Mutex<Vec<u8>>>);

impl Opening {
    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(kept.len()).min(bytes.len());
        kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    /// The same cause, or what speaks there where what came is no answer.
    pub(in crate::probers) fn explained(&self, cause: Cause) -> Cause {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_http = kept.iter().zip(HTTP).all(|(is, wanted)| is == wanted);
        if is_http || tls_error(&*cause).is_some() {
            return cause;
        }
        let what = if is_http2(&kept) {
            "HTTP/2 although HTTP/1.1 was asked for, which is all that the probe speaks".to_owned()
        } else {
            format!("no HTTP; it begins with “{}”", excerpt(&kept))
        };
        Box::new(Unseen::new(Reason::UnexpectedAnswer, format!("what answers there speaks {what}")))
    }
}

/// A server begins HTTP/2 with a frame of settings (4) on stream 0, or with its goodbye (7).
fn is_http2(bytes: &[u8]) -> bool {
    bytes.get(3).is_some_and(|kind| matches!(kind, 4 | 7)) && bytes.get(5..9) == Some(&[0; 4])
}

/// A stream that keeps the first bytes it reads.
pub(in crate::probers) struct First<S> {
    stream: S,
    opening: Opening,
}

impl<S> First<S> {
    pub(in crate::probers) const fn new(stream: S, opening: Opening) -> Self {
        Self { stream, opening }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for First<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.opening.keep(buffer.filled().get(before..).unwrap_or_default());
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for First<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
