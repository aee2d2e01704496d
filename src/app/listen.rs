//! Where surfaces are reached: TCP, TLS, and the Unix socket whose peer the operating system names.
//! Addresses are bound before anything is started; nothing is served here.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::extract::connect_info::Connected;
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::Tls;
use crate::surfaces::http::Peer;

/// Why an address could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum Bind {
    /// A TCP address.
    #[error(
        "cannot listen on {address} ([daemon] listen); is another certsteward running, or the port taken?"
    )]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The Unix socket.
    #[error("cannot listen on the socket {} ([daemon] socket); does its folder exist, and may this user write there?", path.display())]
    Socket {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another daemon answers on the Unix socket.
    #[error("another certsteward answers on the socket {} ([daemon] socket); stop it first", path.display())]
    Taken {
        /// The path.
        path: PathBuf,
    },
    /// Certificate or key of the daemon's own TLS.
    #[error("cannot use [daemon] tls: {0}")]
    Tls(String),
}

/// Binds the TCP address.
///
/// # Errors
/// [`Bind::Tcp`].
pub(super) async fn tcp(address: SocketAddr) -> Result<TcpListener, Bind> {
    TcpListener::bind(address).await.map_err(|source| Bind::Tcp { address, source })
}

/// Binds the Unix socket for its owner and group. A socket that nobody answers on any more is taken over.
///
/// # Errors
/// [`Bind::Taken`] where another daemon answers, [`Bind::Socket`] otherwise.
pub(super) async fn unix(path: &Path) -> Result<UnixListener, Bind> {
    let failed = |source| Bind::Socket { path: path.to_owned(), source };
    if tokio::net::UnixStream::connect(path).await.is_ok() {
        return Err(Bind::Taken { path: path.to_owned() });
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(failed)?;
    Ok(listener)
}

/// TLS over a TCP listener. Handshakes run beside each other, each with a limit, so that a slow one holds up nobody.
pub(super) struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
const HANDSHAKES: usize = 64;

impl TlsListener {
    /// Serves TLS with this certificate and key.
    ///
    /// # Errors
    /// [`Bind::Tls`] where they cannot be read or do not belong together.
    pub(super) fn new(tcp: TcpListener, tls: &Tls) -> Result<Self, Bind> {
        let read = std::fs::read(&tls.certificate)
            .map_err(|error| Bind::Tls(format!("cannot read {}: {error}", tls.certificate.display())))?;
        let key = tls.key.read_bytes().map_err(|unseen| Bind::Tls(unseen.to_string()))?;
        let identity = crate::formats::identity_from_parts(&read, &key, None)
            .map_err(|unseen| Bind::Tls(unseen.to_string()))?;
        let config = crate::net::server_config(&identity).map_err(|unseen| Bind::Tls(unseen.to_string()))?;
        Ok(Self { tcp, acceptor: TlsAcceptor::from(Arc::new(config)), handshakes: JoinSet::new() })
    }

    fn shake_hands(&mut self, stream: TcpStream, from: SocketAddr) {
        let acceptor = self.acceptor.clone();
        self.handshakes.spawn(async move {
            let shaken = tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await;
            shaken.ok().and_then(Result::ok).map(|stream| (stream, from))
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(accepted)) = done {
                        return accepted;
                    }
                }
                (stream, from) = Listener::accept(&mut self.tcp), if self.handshakes.len() < HANDSHAKES => {
                    self.shake_hands(stream, from);
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

/// The user at the other end of the Unix socket.
#[derive(Debug, Clone)]
pub(super) struct PeerUser(Option<String>);

impl Connected<IncomingStream<'_, UnixListener>> for PeerUser {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        let id =
            stream.io().peer_cred().ok().map(|credentials| nix::unistd::Uid::from_raw(credentials.uid()));
        Self(id.map(|id| match nix::unistd::User::from_uid(id) {
            Ok(Some(user)) => user.name,
            Ok(None) | Err(_) => format!("uid {id}"),
        }))
    }
}

/// Adds the peer that the operating system named to the request.
pub(super) async fn name_peer(mut request: Request, next: Next) -> Response {
    let user =
        request.extensions().get::<axum::extract::ConnectInfo<PeerUser>>().and_then(|info| info.0.0.clone());
    if let Some(name) = user {
        request.extensions_mut().insert(Peer { name });
    }
    next.run(request).await
}
