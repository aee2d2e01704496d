//! Servers of the tests: rustls with every answer there is, and those that do what no server should.
//! Each ends when it is dropped.

use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::answers::{self, ANSWERS};
use super::lab::Certificates;
use super::scenario::{Asking, Odd, Own, Version};

/// A running server.
pub(super) struct OwnServer {
    pub(super) port: u16,
    _running: JoinSet<()>,
}

impl OwnServer {
    async fn each<W>(serve: impl Fn(TcpStream) -> W + Send + 'static) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { port, _running: running }
    }

    /// rustls with every answer.
    pub(super) async fn rustls(certificates: &Certificates, version: Version, asking: Asking) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config(certificates, version, asking)));
        Self::each(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve_tls(stream).await;
                }
            }
        })
        .await
    }

    /// Plain HTTP with every answer, to be put behind a server that speaks TLS.
    pub(super) async fn backend() -> Self {
        Self::each(|mut stream| async move {
            if let Some(path) = path(&mut stream).await {
                answer(&mut stream, &path).await;
            }
        })
        .await
    }

    /// One that does what no server should; the port is closed where nothing is to listen.
    pub(super) async fn odd(certificates: &Certificates, odd: Odd) -> Self {
        let mut tls = config(certificates, Version::V13, Asking::Requires);
        if odd == Odd::Http2 {
            tls.alpn_protocols = vec![b"h2".to_vec()];
        }
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let mut server = Self::each(move |stream| behave(stream, odd, acceptor.clone())).await;
        if odd == Odd::Nothing {
            server._running.shutdown().await;
        }
        server
    }
}

fn config(certificates: &Certificates, version: Version, asking: Asking) -> rustls::ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificates.ca.der.clone()).unwrap();
    let verifier = || {
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .with_crls(certificates.revoked_der())
            .only_check_end_entity_revocation()
    };
    let verifier = match asking {
        Asking::Ignores => WebPkiClientVerifier::no_client_auth(),
        Asking::Requests => verifier().allow_unauthenticated().build().unwrap(),
        Asking::Requires | Asking::Unchecked | Asking::Later | Asking::WithoutTickets | Asking::OnlyRsa => {
            verifier().build().unwrap()
        }
    };
    let version = match version {
        Version::V12 => &rustls::version::TLS12,
        Version::V13 => &rustls::version::TLS13,
    };
    let own = &certificates.own(Own::Good);
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![own.der.clone()], own.key_der())
        .unwrap();
    if asking == Asking::WithoutTickets {
        config.send_tls13_tickets = 0;
    }
    config
}

async fn serve_tls(mut stream: TlsStream<TcpStream>) {
    let Some(path) = path(&mut stream).await else { return };
    answer(&mut stream, &path).await;
    let bare = ["/cut", "/cut-head", "/cut-503", "/without-goodbye"];
    if !bare.contains(&path.as_str()) {
        let _left = stream.shutdown().await;
    }
}

/// The path of a request, once its head is here.
async fn path(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    head.split(' ').nth(1).map(ToOwned::to_owned)
}

async fn answer(stream: &mut (impl AsyncWrite + Unpin), path: &str) {
    let json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let bytes = match path {
        "/endless" => format!("{json}Content-Length: 900\r\n\r\n{{").into_bytes(),
        "/cut" => format!("{json}Content-Length: 900\r\n\r\n{{\"d\":").into_bytes(),
        "/cut-head" => b"HTTP/1.1 200 OK\r\nConte".to_vec(),
        "/cut-503" => b"HTTP/1.1 503 Unavailable\r\nContent-Length: 900\r\n\r\nsorr".to_vec(),
        "/slow-429" => b"HTTP/1.1 429 Slow\r\nRetry-After: 300\r\nContent-Length: 900\r\n\r\nsl".to_vec(),
        "/chunked" => {
            format!("{json}Transfer-Encoding: chunked\r\n\r\n3\r\n{{\"d\r\n5\r\n\":{{}}}}\r\n0\r\n\r\n")
                .into_bytes()
        }
        "/early" => {
            format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{json}Content-Length: 2\r\n\r\n{{}}")
                .into_bytes()
        }
        "/to-the-end" | "/without-goodbye" => format!("{json}Connection: close\r\n\r\n{{}}").into_bytes(),
        "/big" => {
            let body = format!("{{\"d\":\"{}\"}}", "x".repeat(8_000_000));
            format!("{json}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
        }
        path => ANSWERS.iter().find(|answer| answer.path == path).map(answers::bytes).unwrap_or_default(),
    };
    if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
        return;
    }
    if ["/slow", "/endless", "/slow-429"].contains(&path) {
        std::future::pending::<()>().await;
    }
}

async fn behave(mut stream: TcpStream, odd: Odd, acceptor: TlsAcceptor) {
    match odd {
        Odd::Hangup | Odd::Nothing | Odd::NoName => {}
        Odd::Reset => reset(stream),
        Odd::Silent => {
            let _held = stream;
            std::future::pending::<()>().await;
        }
        Odd::PlainHttp => {
            let mut first = [0; 1024];
            let _read = stream.read(&mut first).await;
            let _written = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
            let _held = stream.read(&mut first).await;
        }
        Odd::ResetAfterHandshake
        | Odd::CloseAfterHandshake
        | Odd::Http2
        | Odd::Http2Regardless
        | Odd::Ssh => {
            if let Ok(stream) = acceptor.accept(stream).await {
                inside(stream, odd).await;
            }
        }
    }
}

async fn inside(mut stream: TlsStream<TcpStream>, odd: Odd) {
    let said: &[u8] = match odd {
        Odd::ResetAfterHandshake => {
            let _asked = path(&mut stream).await;
            return reset(stream.into_inner().0);
        }
        Odd::CloseAfterHandshake => return,
        Odd::Ssh => b"SSH-2.0-OpenSSH_9.2p1\r\n",
        // A frame of settings, empty.
        Odd::Http2 | Odd::Http2Regardless => b"\0\0\0\x04\0\0\0\0\0",
        Odd::PlainHttp | Odd::Silent | Odd::Nothing | Odd::NoName | Odd::Hangup | Odd::Reset => return,
    };
    let _written = stream.write_all(said).await;
    let _left = stream.shutdown().await;
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
}

/// Closes so that the other side hears a reset.
fn reset(stream: TcpStream) {
    let _set = stream.set_zero_linger();
    drop(stream);
}
