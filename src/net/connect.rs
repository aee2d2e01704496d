//! From a host name to an open TCP stream: name, addresses, or a proxy's CONNECT; every wait has a limit.
//! It speaks no TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::proxy::{Choice, Proxy};
use super::{Net, Settings, reason_of};
use crate::clock::Stopwatch;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::verdict::Phase;

impl Net {
    /// Opens a TCP stream to a server that will speak TLS, through the proxy where one applies.
    ///
    /// # Errors
    /// [`Reason::DnsFailed`], [`Reason::ConnectionRefused`], [`Reason::ConnectionReset`], [`Reason::Timeout`], and
    /// [`Reason::Unauthorized`] where the proxy wants credentials.
    pub async fn connect(&self, settings: &Settings, host: &str, port: u16) -> Result<TcpStream, Unseen> {
        self.connect_timed(settings, host, port, &mut Vec::new()).await
    }

    /// As [`Net::connect`], noting how long each phase took, the failed one included.
    pub(crate) async fn connect_timed(
        &self,
        settings: &Settings,
        host: &str,
        port: u16,
        phases: &mut Vec<(Phase, f64)>,
    ) -> Result<TcpStream, Unseen> {
        let whole = Stopwatch::start();
        let choice = Choice::new(settings.proxy.as_deref(), &self.0.environment)?;
        let proxy = choice.of(true, host);
        let (near, near_port) = proxy.map_or((host, port), |proxy| (proxy.host.as_str(), proxy.port));

        let watch = Stopwatch::start();
        let found = within(settings.timeout, self.0.resolver.addresses(near, near_port), || {
            format!("the name {near} was not resolved within {:?}", settings.timeout)
        })
        .await;
        phases.push((Phase::Dns, watch.elapsed().as_secs_f64()));
        let addresses = found?;

        let watch = Stopwatch::start();
        let left = settings.timeout.saturating_sub(whole.elapsed());
        let opened = within(left, open(&addresses, proxy, host, port, left), || {
            format!("no connection to {near}:{near_port} within {:?}", settings.timeout)
        })
        .await;
        phases.push((Phase::Tcp, watch.elapsed().as_secs_f64()));
        opened
    }
}

/// Waits no longer than the limit.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Unseen>>,
    late: impl FnOnce() -> String,
) -> Result<T, Unseen> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(Unseen::new(Reason::Timeout, late())),
    }
}

async fn open(
    addresses: &[SocketAddr],
    proxy: Option<&Proxy>,
    host: &str,
    port: u16,
    limit: Duration,
) -> Result<TcpStream, Unseen> {
    let stream = dial(addresses, limit).await?;
    match proxy {
        Some(proxy) => tunnel(stream, proxy, host, port).await,
        None => Ok(stream),
    }
}

/// Tries each address in turn; what time is left is shared evenly among those that are left.
async fn dial(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, Unseen> {
    let watch = Stopwatch::start();
    let mut failures: Vec<Unseen> = Vec::new();
    for (tried, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len().saturating_sub(tried)).unwrap_or(1).max(1);
        let share = limit.saturating_sub(watch.elapsed()) / left;
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(|error| unopened(*address, &error))?;
                return Ok(stream);
            }
            Ok(Err(error)) => failures.push(unopened(*address, &error)),
            Err(_) => failures
                .push(Unseen::new(Reason::Timeout, format!("{address} did not answer within {share:.1?}"))),
        }
    }
    let texts: Vec<&str> = failures.iter().map(|failure| failure.text.as_str()).collect();
    let reason = failures.first().map_or(Reason::DnsFailed, |failure| failure.reason);
    Err(Unseen::new(reason, texts.join("; ")))
}

fn unopened(address: SocketAddr, error: &std::io::Error) -> Unseen {
    let reason = reason_of(error).unwrap_or(Reason::ConnectionRefused);
    Unseen::new(reason, format!("cannot connect to {address}: {error}"))
}

async fn tunnel(mut stream: TcpStream, proxy: &Proxy, host: &str, port: u16) -> Result<TcpStream, Unseen> {
    let shown = proxy.shown();
    let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let failed = |error: std::io::Error| {
        let reason = reason_of(&error).unwrap_or(Reason::ConnectionReset);
        Unseen::new(reason, format!("the proxy {shown} broke off while asked for {place}: {error}"))
    };
    let mut request = zeroize::Zeroizing::new(format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n"));
    if let Some(authorization) = proxy.authorization() {
        request.push_str("Proxy-Authorization: ");
        request.push_str(&authorization);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let head = head(&mut stream).await.map_err(failed)?;
    let line = super::one_line(head.lines().next().unwrap_or_default());
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
            format!(
                "the proxy {shown} did not connect to {place}; it answered: {}",
                super::excerpt(line.as_bytes())
            ),
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

/// Resolves names by the system. A lookup cannot be cancelled, so only so many may hang at once.
#[derive(Clone)]
pub(super) struct Resolver(Arc<Semaphore>);

impl Resolver {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LOOKUPS)))
    }

    pub(super) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Unseen> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let failed = |cause: &str| {
            let text = format!("the name {host} cannot be resolved: {cause}");
            Unseen::new(Reason::DnsFailed, text)
        };
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(|error| failed(&error.to_string()))?;
        let name = host.to_owned();
        let lookup = tokio::task::spawn_blocking(move || {
            let found = std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), port));
            drop(permit);
            found.map(Iterator::collect::<Vec<_>>)
        });
        let found = lookup.await.map_err(|error| failed(&error.to_string()))?;
        let addresses = found.map_err(|error| failed(&super::told(&error)))?;
        if addresses.is_empty() {
            return Err(failed("it has no address"));
        }
        Ok(addresses)
    }
}

impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.addresses(name.as_str(), 0).await.map_err(Unresolved)?;
            let addresses: reqwest::dns::Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// Carries a lookup's failure through reqwest, so that it is recognised again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unresolved(pub(super) Unseen);

const LOOKUPS: usize = 16;
