//! Servers inside the test: TLS with or without client certificates, a proxy, and some that misbehave.
//! Each ends when it is dropped.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::pki::{Authority, Made};

/// What the server says to a request.
#[derive(Clone)]
pub enum Reply {
    /// These bytes, then a proper end.
    Whole(Vec<u8>),
    /// These bytes, then the connection breaks.
    CutOff(Vec<u8>),
    /// These bytes, then silence.
    Hangs(Vec<u8>),
}

/// How it treats client certificates.
pub enum Asks<'a> {
    /// Asks for none.
    Never,
    /// Takes one if there is one.
    Politely(&'a Authority),
    /// Insists.
    Firmly(&'a Authority),
}

/// A running server.
pub struct Server {
    /// Where it listens, on loopback.
    pub port: u16,
    /// The head of each request it has read.
    pub requests: Arc<Mutex<Vec<String>>>,
    _running: JoinSet<()>,
}

impl Server {
    /// Speaks TLS and answers every request with the same reply.
    pub async fn tls(own: &Made, asks: &Asks<'_>, reply: Reply) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(tls_config(own, asks)));
        Self::each(move |stream, requests| {
            let (acceptor, reply) = (acceptor.clone(), reply.clone());
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    answer(stream, &reply, &requests).await;
                }
            }
        })
        .await
    }

    /// Speaks plain HTTP only: tells whoever begins with anything else that it is a bad request.
    pub async fn plain() -> Self {
        Self::each(|mut stream, _| async move {
            let mut first = [0; 1024];
            if stream.read(&mut first).await.is_ok_and(|read| read > 0) {
                let _written =
                    stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
                let _held = stream.read(&mut first).await;
            }
        })
        .await
    }

    /// Speaks plain HTTP and answers every request with the same reply.
    pub async fn http(reply: Reply) -> Self {
        Self::each(move |stream, requests| {
            let reply = reply.clone();
            async move { answer(stream, &reply, &requests).await }
        })
        .await
    }

    /// Takes connections and never says a word.
    pub async fn silent() -> Self {
        Self::each(|stream, _| async move {
            let _held = stream;
            std::future::pending::<()>().await;
        })
        .await
    }

    /// Closes every connection at once.
    pub async fn closing() -> Self {
        Self::each(|stream, _| async move { drop(stream) }).await
    }

    /// An HTTP proxy: connects to loopback at the asked port whatever the name, or refuses with a status line.
    pub async fn proxy(refusal: Option<&'static str>) -> Self {
        Self::each(move |stream, requests| proxied(stream, requests, refusal)).await
    }

    async fn each<F, W>(serve: F) -> Self
    where
        F: Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&seen)));
            }
        });
        Self { port, requests, _running: running }
    }

    /// The head of the only request.
    pub fn request(&self) -> String {
        let requests = self.requests.lock().unwrap();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests[0].clone()
    }
}

/// How such a server speaks TLS.
pub fn tls_config(own: &Made, asks: &Asks<'_>) -> rustls::ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = |ca: &Authority| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ca.der.clone()).unwrap();
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
    };
    let verifier = match asks {
        Asks::Never => WebPkiClientVerifier::no_client_auth(),
        Asks::Politely(ca) => verifier(ca).allow_unauthenticated().build().unwrap(),
        Asks::Firmly(ca) => verifier(ca).build().unwrap(),
    };
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![own.der.clone()], own.key_der())
        .unwrap()
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    reply: &Reply,
    requests: &Mutex<Vec<String>>,
) {
    let Some(head) = head(&mut stream).await else { return };
    requests.lock().unwrap().push(head);
    let (Reply::Whole(bytes) | Reply::CutOff(bytes) | Reply::Hangs(bytes)) = reply;
    if stream.write_all(bytes).await.is_err() || stream.flush().await.is_err() {
        return;
    }
    match reply {
        Reply::Whole(_) => drop(stream.shutdown().await),
        Reply::CutOff(_) => {}
        Reply::Hangs(_) => std::future::pending().await,
    }
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

async fn proxied(mut stream: TcpStream, requests: Arc<Mutex<Vec<String>>>, refusal: Option<&'static str>) {
    let Some(head) = head(&mut stream).await else { return };
    let port = head.split(' ').nth(1).and_then(|place| place.rsplit(':').next()?.parse::<u16>().ok());
    requests.lock().unwrap().push(head);
    let line = refusal.unwrap_or("HTTP/1.1 200 Connection established");
    if stream.write_all(format!("{line}\r\n\r\n").as_bytes()).await.is_err() || refusal.is_some() {
        return;
    }
    let address = SocketAddr::from(([127, 0, 0, 1], port.unwrap()));
    let Ok(mut server) = TcpStream::connect(address).await else { return };
    let _ended = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
}

/// A whole HTTP answer as JSON.
pub fn json(status: &str, body: &str) -> Reply {
    with_headers(status, "", body)
}

/// A whole HTTP answer as JSON with more headers, each line ended.
pub fn with_headers(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Whole(
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
            .into_bytes(),
    )
}
