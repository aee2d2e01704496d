//! From an address to an open stream: turn, name, connection, and a proxy's CONNECT; every wait but that for the turn has a limit.
//! It speaks no TLS.

use std::path::Path;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};

use super::address::Address;
use super::dial::dial;
use super::proxy::{Choice, Proxy};
use super::stream::{Io, Stream};
use super::tunnel::tunnel;
use super::turn::Turn;
use super::{Net, Settings, reason_of};
use crate::clock::Stopwatch;
use crate::domain::reason::{Reason, Unseen};
use crate::domain::verdict::Phase;

impl Net {
    /// Waits for the right to have one connection there. No limit runs meanwhile: whoever counts a time begins afterwards.
    pub async fn turn(&self, address: &Address) -> Turn {
        self.0.turns.turn(address.lane()).await
    }

    /// Opens a stream to a server that will speak TLS, through the proxy where one applies.
    ///
    /// # Errors
    /// [`Reason::DnsFailed`], [`Reason::ConnectionRefused`], [`Reason::ConnectionReset`], [`Reason::Timeout`], of a Unix socket
    /// also [`Reason::NotFound`] and [`Reason::PermissionDenied`], and [`Reason::Unauthorized`] where the proxy wants credentials.
    pub async fn connect(
        &self,
        turn: Turn,
        settings: &Settings,
        address: &Address,
    ) -> Result<Stream, Unseen> {
        self.connect_timed(turn, settings, address, &mut Vec::new()).await
    }

    /// As [`Net::connect`], noting how long each phase took, the failed one included.
    pub(crate) async fn connect_timed(
        &self,
        turn: Turn,
        settings: &Settings,
        address: &Address,
        phases: &mut Vec<(Phase, f64)>,
    ) -> Result<Stream, Unseen> {
        let mut way = Way { limit: settings.timeout, whole: Stopwatch::start(), phases };
        let io = match address {
            Address::Unix(path) => Io::Unix(way.unix(path).await?),
            Address::Host { host, .. } => {
                let choice = Choice::new(settings.proxy.as_deref(), &self.0.environment)?;
                Io::Tcp(self.tcp(&mut way, settings, address, choice.of(true, host)).await?)
            }
        };
        Ok(Stream::new(io, turn))
    }

    async fn tcp(
        &self,
        way: &mut Way<'_>,
        settings: &Settings,
        address: &Address,
        proxy: Option<&Proxy>,
    ) -> Result<TcpStream, Unseen> {
        let near = proxy.map_or_else(|| address.clone(), |proxy| Address::host(&proxy.host, proxy.port));
        let Address::Host { host, port } = &near else {
            return Err(Unseen::new(
                Reason::UnsupportedFormat,
                format!("{near} is reached through no proxy"),
            ));
        };
        let limit = settings.timeout;
        let lookup = self.0.resolver.addresses(host, *port, settings.family);
        let late = || format!("the name {host} was not resolved within {limit:?}");
        let addresses = way.go(Phase::Dns, lookup, late).await?;

        let left = way.left();
        let stream = way.note(Phase::Tcp, dial(addresses, left)).await?;
        let Some(proxy) = proxy else { return Ok(stream) };
        let late = || format!("the proxy {near} did not connect to {address} within {limit:?}");
        way.go(Phase::Proxy, tunnel(stream, proxy, address), late).await
    }
}

/// The way there: what time it has, and how long each phase took.
struct Way<'a> {
    limit: Duration,
    whole: Stopwatch,
    phases: &'a mut Vec<(Phase, f64)>,
}

impl Way<'_> {
    fn left(&self) -> Duration {
        self.limit.saturating_sub(self.whole.elapsed())
    }

    /// One phase, within what time is left.
    async fn go<T>(
        &mut self,
        phase: Phase,
        work: impl Future<Output = Result<T, Unseen>>,
        late: impl FnOnce() -> String,
    ) -> Result<T, Unseen> {
        let left = self.left();
        self.note(phase, within(left, work, late)).await
    }

    /// One phase, however it ends; it keeps the limit itself.
    async fn note<T>(&mut self, phase: Phase, work: impl Future<Output = T>) -> T {
        let watch = Stopwatch::start();
        let done = work.await;
        self.phases.push((phase, watch.elapsed().as_secs_f64()));
        done
    }

    async fn unix(&mut self, path: &Path) -> Result<UnixStream, Unseen> {
        let opened = async {
            UnixStream::connect(path).await.map_err(|error| {
                let reason = reason_of(&error).unwrap_or_else(|| Reason::of_file(&error));
                Unseen::new(reason, format!("cannot connect to unix:{}: {error}", path.display()))
            })
        };
        let limit = self.limit;
        let late = || format!("no connection to unix:{} within {limit:?}", path.display());
        self.go(Phase::Tcp, opened, late).await
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
