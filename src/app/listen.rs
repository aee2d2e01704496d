//! Where surfaces are reached: TCP, TLS, and the Unix socket.
//! Addresses are bound and keys are read before anything is started; nothing is served here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;

use crate::config::Tls;

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
    /// Another daemon listens on the Unix socket, whether it answers or hangs.
    #[error("another certsteward listens on the socket {} ([daemon] socket); stop it first", path.display())]
    Taken {
        /// The path.
        path: PathBuf,
    },
    /// Something else stands where the Unix socket should be.
    #[error("{} ([daemon] socket) is there and is no socket; name another path, or move it away", path.display())]
    NoSocket {
        /// The path.
        path: PathBuf,
    },
    /// Certificate or key of the daemon's own TLS.
    #[error("cannot use [daemon] tls: {0}")]
    Tls(String),
}

/// How this host itself reaches what listens there: an address that stands for all is reached by loopback.
pub(super) fn own_url(listens: SocketAddr, by_tls: bool) -> String {
    let scheme = if by_tls { "https" } else { "http" };
    let address = match listens.ip() {
        stated if !stated.is_unspecified() => stated,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    format!("{scheme}://{}", SocketAddr::new(address, listens.port()))
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
/// [`Bind::Taken`] where another daemon answers, [`Bind::NoSocket`] where the path is something else, [`Bind::Socket`] otherwise.
pub(super) async fn unix(path: &Path) -> Result<UnixListener, Bind> {
    let failed = |source| Bind::Socket { path: path.to_owned(), source };
    if tokio::net::UnixStream::connect(path).await.is_ok() {
        return Err(Bind::Taken { path: path.to_owned() });
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path).map_err(failed)?,
        Ok(_) => return Err(Bind::NoSocket { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(failed)?;
    Ok(listener)
}

/// What speaks TLS with this certificate and key.
///
/// # Errors
/// [`Bind::Tls`] where they cannot be read or do not belong together.
pub(super) fn tls(tls: &Tls) -> Result<TlsAcceptor, Bind> {
    let read = std::fs::read(&tls.certificate)
        .map_err(|error| Bind::Tls(format!("cannot read {}: {error}", tls.certificate.display())))?;
    let key = tls.key.read_bytes().map_err(|unseen| Bind::Tls(unseen.to_string()))?;
    let identity = crate::formats::identity_from_parts(&read, &key, None)
        .map_err(|unseen| Bind::Tls(unseen.to_string()))?;
    let config = crate::net::server_config(&identity).map_err(|unseen| Bind::Tls(unseen.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_for_this_host_leads_to_an_address_that_can_be_opened() {
        for (listens, by_tls, url) in [
            ("127.0.0.1:9790", false, "http://127.0.0.1:9790"),
            ("0.0.0.0:9790", true, "https://127.0.0.1:9790"),
            ("[::]:9790", false, "http://[::1]:9790"),
            ("192.0.2.7:80", false, "http://192.0.2.7:80"),
        ] {
            assert_eq!(own_url(listens.parse().unwrap(), by_tls), url);
        }
    }

    #[tokio::test]
    async fn a_socket_nobody_answers_on_is_taken_over_and_any_other_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.sock");
        drop(unix(&path).await.unwrap());
        drop(unix(&path).await.unwrap());
        let file = folder.path().join("notes.txt");
        std::fs::write(&file, "precious").unwrap();
        let error = unix(&file).await.unwrap_err().to_string();
        assert!(error.contains("notes.txt") && error.contains("no socket"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    }
}
