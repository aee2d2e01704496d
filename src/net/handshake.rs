//! One TLS handshake, observed: the server's chain and what is wrong with it, what the server asked for, what was agreed on.
//! It really verifies the server, resumes no session and sends no request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionStore, ResolvesClientCert, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
    WebPkiServerVerifier,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, NamedGroup, SignatureAlgorithm, SignatureScheme};
use tokio::io::AsyncReadExt as _;
use tokio_rustls::client::TlsStream;

use super::{Net, Settings, Stream, certified_key};
use crate::clock::Stopwatch;
use crate::domain::certificate::Fingerprint;
use crate::domain::name::DistinguishedName;
use crate::domain::reason::{Reason, Unseen};
use crate::identity::Identity;

/// What was seen of a handshake, finished or not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observed {
    /// The server's chain as it sent it (DER, leaf first).
    pub(crate) chain: Vec<Arc<[u8]>>,
    /// Why the server's certificate was not accepted.
    pub(crate) untrusted: Option<rustls::Error>,
    /// Whether the server asked for a client certificate.
    pub(crate) asked: bool,
    /// The authorities it named as acceptable.
    pub(crate) authorities: Vec<String>,
    /// The client certificate that was presented.
    pub(crate) presented: Option<Fingerprint>,
    /// Why there was a certificate and it could not be presented.
    pub(crate) unfit: Option<Unfit>,
    /// The TLS version agreed on.
    pub(crate) version: Option<String>,
    /// The cipher suite agreed on.
    pub(crate) cipher: Option<String>,
    /// How many tickets came: in TLS 1.3 the first sign that the server has finished the handshake, too.
    pub(crate) tickets: usize,
}

/// Why a certificate could not be presented to a server that asked for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// The server takes no signature by a key of its kind.
    ForServer,
    /// The server takes such signatures over SHA-1 only, which are not made here.
    ForUs,
}

impl Unfit {
    fn of(key: &CertifiedKey, schemes: &[SignatureScheme]) -> Option<Self> {
        if key.key.choose_scheme(schemes).is_some() {
            return None;
        }
        let is_rsa = key.key.algorithm() == SignatureAlgorithm::RSA;
        let old = if is_rsa { SignatureScheme::RSA_PKCS1_SHA1 } else { SignatureScheme::ECDSA_SHA1_Legacy };
        Some(if schemes.contains(&old) { Self::ForUs } else { Self::ForServer })
    }
}

/// What a handshake asks for, and what it may present.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// The server's name.
    pub(crate) name: &'a str,
    /// The protocols spoken after it (ALPN); none to leave that open.
    pub(crate) protocols: &'a [&'a [u8]],
    /// What is presented where the server asks for a certificate.
    pub(crate) identity: Option<&'a Identity>,
}

/// Prepares one handshake.
///
/// # Errors
/// Where it cannot begin: `ca` unreadable, key unusable, no valid server name.
pub(crate) fn prepare(net: &Net, settings: &Settings, ask: Ask<'_>) -> Result<Prepared, Unseen> {
    let identity = ask.identity;
    let name = server_name(ask.name).ok_or_else(|| {
        let text = format!("{} is not a host name or address", ask.name);
        Unseen::new(Reason::DnsFailed, text)
    })?;
    let recorder = Arc::new(Recorder {
        verifier: net.verifier(settings)?,
        key: identity.map(certified_key).transpose()?.map(Arc::new),
        fingerprint: identity.map(|identity| identity.chain().fingerprint()),
        observed: Mutex::new(Observed::default()),
    });
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Unseen::new(Reason::TlsFailed, format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::<Recorder>::clone(&recorder))
        .with_client_cert_resolver(Arc::<Recorder>::clone(&recorder));
    config.alpn_protocols = ask.protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config.resumption = Resumption::store(Arc::<Recorder>::clone(&recorder));
    Ok(Prepared { name, config: Arc::new(config), recorder })
}

/// A name as TLS asks for it: without the dot that may end a name of the DNS (RFC 6066).
#[must_use]
pub(crate) fn server_name(name: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(name.trim_end_matches('.').to_owned()).ok()
}

/// A handshake that can begin.
pub(crate) struct Prepared {
    name: ServerName<'static>,
    config: Arc<rustls::ClientConfig>,
    recorder: Arc<Recorder>,
}

impl Prepared {
    /// Makes the handshake, and after one in TLS 1.3 waits a moment for a refusal of the client certificate.
    /// It has no limit of its own; what was seen is kept whether it ends well, badly or is dropped.
    pub(crate) async fn shake(&self, stream: Stream) -> Result<TlsStream<Stream>, std::io::Error> {
        let watch = Stopwatch::start();
        let stream = self.begin(stream).await?;
        self.settle(stream, watch.elapsed()).await
    }

    /// Makes the handshake to see who answers there, and takes leave.
    pub(crate) async fn glance(&self, stream: Stream) -> Result<(), std::io::Error> {
        let mut stream = self.begin(stream).await?;
        let left = tokio::io::AsyncWriteExt::shutdown(&mut stream);
        // Everything was seen; a server that does not hear the goodbye changes nothing.
        drop(tokio::time::timeout(GOODBYE, left).await);
        Ok(())
    }

    /// What has been seen so far.
    pub(crate) fn observed(&self) -> Observed {
        self.recorder.observed().clone()
    }

    async fn begin(&self, stream: Stream) -> Result<TlsStream<Stream>, std::io::Error> {
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.config));
        let stream = connector.connect(self.name.clone(), stream).await?;
        let (_, session) = stream.get_ref();
        let mut observed = self.recorder.observed();
        observed.version = session.protocol_version().and_then(version_name);
        observed.cipher = session
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str().map(|name| name.replace("TLS13_", "TLS_")));
        drop(observed);
        Ok(stream)
    }

    async fn settle(
        &self,
        mut stream: TlsStream<Stream>,
        handshake: Duration,
    ) -> Result<TlsStream<Stream>, std::io::Error> {
        let (io, session) = stream.get_mut();
        let early = session.protocol_version() != Some(rustls::ProtocolVersion::TLSv1_3);
        if early || !self.recorder.observed().asked {
            return Ok(stream);
        }
        let limit = (handshake * 2 + GRACE).min(LONGEST_GRACE);
        match tokio::time::timeout(limit, self.refusal(io, session)).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) | Err(_) => Ok(stream),
        }
    }

    /// Ends at the first sign of the server's mind: an alert or a close as an error, a ticket or data as success.
    /// Nothing that was read is lost where the wait is given up.
    async fn refusal(
        &self,
        io: &mut Stream,
        session: &mut rustls::ClientConnection,
    ) -> Result<(), std::io::Error> {
        let mut buffer = [0_u8; 4096];
        loop {
            if self.recorder.observed().tickets > 0 {
                return Ok(());
            }
            let read = io.read(&mut buffer).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let mut unread = buffer.get(..read).unwrap_or_default();
            while !unread.is_empty() {
                session.read_tls(&mut unread)?;
                let state = session.process_new_packets().map_err(std::io::Error::other)?;
                if state.plaintext_bytes_to_read() > 0 || state.peer_has_closed() {
                    return Ok(());
                }
            }
        }
    }
}

/// How long to wait for a refusal beside twice the time of the handshake.
const GRACE: Duration = Duration::from_millis(150);
const LONGEST_GRACE: Duration = Duration::from_secs(2);
/// How long taking leave may take.
const GOODBYE: Duration = Duration::from_millis(500);

fn version_name(version: rustls::ProtocolVersion) -> Option<String> {
    version.as_str().map(|name| name.replace('_', "."))
}

struct Recorder {
    verifier: Arc<WebPkiServerVerifier>,
    key: Option<Arc<CertifiedKey>>,
    fingerprint: Option<Fingerprint>,
    observed: Mutex<Observed>,
}

impl Recorder {
    fn observed(&self) -> MutexGuard<'_, Observed> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let mut observed = self.observed();
        observed.chain =
            std::iter::once(end_entity).chain(intermediates).map(|der| Arc::from(der.as_ref())).collect();
        observed.untrusted = verified.as_ref().err().cloned();
        if verified.is_err() {
            // TLS 1.3 asks for our certificate before it shows the server's; a server that fails gets none after all.
            observed.presented = None;
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

impl ResolvesClientCert for Recorder {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let unfit = self.key.as_ref().and_then(|key| Unfit::of(key, schemes));
        let usable = self.key.as_ref().filter(|_| unfit.is_none());
        let mut observed = self.observed();
        observed.asked = true;
        observed.authorities =
            root_hint_subjects.iter().take(MOST_AUTHORITIES).map(|der| authority(der)).collect();
        observed.presented = usable.and(self.fingerprint);
        observed.unfit = unfit;
        usable.cloned()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn authority(der: &[u8]) -> String {
    use x509_parser::prelude::FromDer as _;
    let text = x509_parser::x509::X509Name::from_der(der)
        .map(|(_, name)| DistinguishedName::from_x509(&name).to_string());
    super::one_line(&text.unwrap_or_else(|_| format!("(a name of {} bytes that cannot be read)", der.len())))
}

/// Some servers name hundreds; more than these are not remembered.
const MOST_AUTHORITIES: usize = 50;

/// Forgets everything, so that no session is ever resumed; counts the tickets.
impl ClientSessionStore for Recorder {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {
        let mut observed = self.observed();
        observed.tickets = observed.tickets.saturating_add(1);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}
