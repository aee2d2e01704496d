//! Asking and listening before TLS: bounded in size, and with nothing left over when TLS begins.
//! It knows no protocol.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::domain::reason::{Reason, Unseen};
use crate::net::reason_of;

/// As much as a server may say before TLS begins, in bytes.
const LIMIT: usize = 64 * 1024;

/// The first byte of a TLS record that holds an alert, and of one that holds a handshake.
const OF_TLS: [u8; 2] = [0x15, 0x16];

/// A conversation in the clear.
pub(super) struct Dialogue<'s, S> {
    stream: &'s mut S,
    /// What came and was not yet taken.
    heard: Vec<u8>,
    /// How much came in all.
    whole: usize,
}

impl<'s, S: AsyncRead + AsyncWrite + Unpin> Dialogue<'s, S> {
    pub(super) const fn new(stream: &'s mut S) -> Self {
        Self { stream, heard: Vec::new(), whole: 0 }
    }

    pub(super) async fn say(&mut self, what: impl AsRef<[u8]>) -> Result<(), Unseen> {
        self.stream.write_all(what.as_ref()).await.map_err(|error| broken_off(&error))?;
        self.stream.flush().await.map_err(|error| broken_off(&error))
    }

    /// The next line, without its end.
    pub(super) async fn line(&mut self) -> Result<String, Unseen> {
        let end = |heard: &[u8]| heard.iter().position(|byte| *byte == b'\n').map(|at| at.saturating_add(1));
        let line = self.until(end).await?;
        Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// So many bytes.
    pub(super) async fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Unseen> {
        self.until(|heard| (heard.len() >= count).then_some(count)).await
    }

    /// Everything up to where `end` says that it is whole.
    pub(super) async fn until(&mut self, end: impl Fn(&[u8]) -> Option<usize>) -> Result<Vec<u8>, Unseen> {
        loop {
            if let Some(end) = end(&self.heard) {
                let later = self.heard.split_off(end.min(self.heard.len()));
                return Ok(std::mem::replace(&mut self.heard, later));
            }
            self.listen().await?;
        }
    }

    async fn listen(&mut self) -> Result<(), Unseen> {
        let mut buffer = [0_u8; 2048];
        let read = self.stream.read(&mut buffer).await.map_err(|error| broken_off(&error))?;
        let heard = buffer.get(..read).unwrap_or_default();
        let Some(first) = heard.first() else {
            return Err(broken_off(&std::io::ErrorKind::UnexpectedEof.into()));
        };
        if self.whole == 0 && OF_TLS.contains(first) {
            return Err(Unseen::new(
                Reason::UnexpectedAnswer,
                "the server speaks TLS from the first byte there; leave starttls out",
            ));
        }
        self.whole = self.whole.saturating_add(read);
        if self.whole > LIMIT {
            let text = format!("the server said more than {LIMIT} bytes and did not come to TLS");
            return Err(Unseen::new(Reason::TooLarge, text));
        }
        self.heard.extend_from_slice(heard);
        Ok(())
    }

    /// TLS begins now. What was said in advance could be anybody's, who would have it taken for the server's own (CVE-2011-0411).
    pub(super) fn end(self) -> Result<(), Unseen> {
        if self.heard.is_empty() {
            return Ok(());
        }
        let text = "something was said in the clear after the go-ahead for TLS, as somebody in between would; look who answers there";
        Err(Unseen::new(Reason::UnexpectedAnswer, text))
    }
}

fn broken_off(error: &std::io::Error) -> Unseen {
    let reason = reason_of(error).unwrap_or(Reason::ConnectionReset);
    let what = if error.kind() == std::io::ErrorKind::UnexpectedEof {
        "it closed the connection".to_owned()
    } else {
        error.to_string()
    };
    Unseen::new(reason, format!("the server broke off before TLS: {what}"))
}
