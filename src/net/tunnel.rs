//! One question to an HTTP proxy: CONNECT, and its answer.
//! It opens no connection itself.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::address::Address;
use super::proxy::Proxy;
use super::{excerpt, one_line, reason_of};
use crate::domain::reason::{Reason, Unseen};

/// Asks the proxy at the other end to connect there.
pub(super) async fn tunnel(mut stream: TcpStream, proxy: &Proxy, to: &Address) -> Result<TcpStream, Unseen> {
    let shown = proxy.shown();
    let failed = |error: std::io::Error| {
        let reason = reason_of(&error).unwrap_or(Reason::ConnectionReset);
        Unseen::new(reason, format!("the proxy {shown} broke off while asked for {to}: {error}"))
    };
    let mut request = zeroize::Zeroizing::new(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n"));
    if let Some(authorization) = proxy.authorization() {
        request.push_str("Proxy-Authorization: ");
        request.push_str(&authorization);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let head = head(&mut stream).await.map_err(failed)?;
    let line = one_line(head.lines().next().unwrap_or_default());
    match line.split(' ').nth(1) {
        Some(status) if status.len() == 3 && status.starts_with('2') => Ok(stream),
        Some("407") => Err(Unseen::new(
            Reason::Unauthorized,
            format!(
                "the proxy {shown} wants user and password; give them in its address: http://user:password@host:port"
            ),
        )),
        Some(_) | None => Err(Unseen::new(
            Reason::ConnectionRefused,
            format!("the proxy {shown} did not connect to {to}; it answered: {}", excerpt(line.as_bytes())),
        )),
    }
}

/// The proxy's answer up to its empty line; byte by byte, because what follows belongs to the server.
async fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD_LIMIT {
            return Err(std::io::Error::other("its answer is too long"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

const HEAD_LIMIT: usize = 8 * 1024;
