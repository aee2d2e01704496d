//! Connections, served: HTTP/1.1, each on its own and with limits, so that whoever says nothing holds up neither others nor a stop.
//! What is answered is the router's.

use std::io;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::surfaces::http::Peer;

/// How long a request's head may take, and a connection between two requests.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// How long a TLS handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long answers in hand may take once the daemon stops.
const LAST_ANSWERS: Duration = Duration::from_secs(3);
/// How many connections there may be at one door; more wait to be accepted.
const CONNECTIONS: usize = 512;
/// How long it waits after a connection could not be accepted, as when files are used up.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// One bound address, and how it is spoken to.
pub(super) enum Door {
    /// Plain HTTP.
    Tcp(TcpListener),
    /// HTTP over TLS.
    Tls(TcpListener, TlsAcceptor),
    /// HTTP over the Unix socket; the operating system names the peer.
    Unix(UnixListener),
}

enum Visitor {
    Tcp(TcpStream),
    Tls(TcpStream, TlsAcceptor),
    Unix(UnixStream),
}

impl Door {
    /// Serves until `stop`, then waits a little for the answers in hand.
    pub(super) async fn serve(self, router: Router, stop: CancellationToken) {
        let mut conversations = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = conversations.join_next() => {}
                accepted = self.accept(), if conversations.len() < CONNECTIONS => match accepted {
                    Ok(visitor) => {
                        conversations.spawn(converse(visitor, router.clone(), stop.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(error = %error, "a connection could not be accepted; the next one is tried in a moment");
                        tokio::time::sleep(AFTER_FAILURE).await;
                    }
                }
            }
        }
        drop(self);
        while conversations.join_next().await.is_some() {}
    }

    async fn accept(&self) -> io::Result<Visitor> {
        Ok(match self {
            Self::Tcp(listener) => Visitor::Tcp(listener.accept().await?.0),
            Self::Tls(listener, acceptor) => Visitor::Tls(listener.accept().await?.0, acceptor.clone()),
            Self::Unix(listener) => Visitor::Unix(listener.accept().await?.0),
        })
    }
}

async fn converse(visitor: Visitor, router: Router, stop: CancellationToken) {
    match visitor {
        Visitor::Tcp(stream) => answer(stream, router, &stop).await,
        Visitor::Tls(stream, acceptor) => {
            let shaken = tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream));
            let shaken = stop.run_until_cancelled(shaken).await;
            if let Some(Ok(Ok(stream))) = shaken {
                answer(stream, router, &stop).await;
            }
        }
        Visitor::Unix(stream) => {
            let router = match peer(&stream) {
                Some(peer) => router.layer(Extension(peer)),
                None => router,
            };
            answer(stream, router, &stop).await;
        }
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    stop: &CancellationToken,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    // How a conversation ends is the visitor's matter: most end by the visitor's going away.
    tokio::select! {
        ended = connection.as_mut() => drop(ended),
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            drop(tokio::time::timeout(LAST_ANSWERS, connection).await);
        }
    }
}

/// The user at the other end of the Unix socket.
fn peer(stream: &UnixStream) -> Option<Peer> {
    let id = nix::unistd::Uid::from_raw(stream.peer_cred().ok()?.uid());
    let name = match nix::unistd::User::from_uid(id) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => format!("uid {id}"),
    };
    Some(Peer { name })
}
