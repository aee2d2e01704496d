//! A mail server inside the test: speaks what its script says, and keeps what it was given.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::support::pki::{Authority, Made, NOW, server};

/// How the server behaves.
#[derive(Clone, Default)]
pub(crate) struct Script {
    /// TLS from the first byte.
    pub(crate) implicit_tls: bool,
    /// Offers STARTTLS.
    pub(crate) starttls: bool,
    /// Takes mail only from this user with this password; offers these mechanisms.
    pub(crate) login: Option<(&'static str, &'static str, &'static str)>,
    /// Repeats what it was given when it refuses a login.
    pub(crate) repeats_secrets: bool,
    /// Answers to `RCPT TO` of addresses that contain the first part.
    pub(crate) recipients: Vec<(&'static str, &'static str)>,
    /// The answer to a whole mail.
    pub(crate) whole: Option<&'static str>,
    /// Falls silent here: `connect`, `greeting` or `data`.
    pub(crate) silent_at: Option<&'static str>,
    /// Says something in the clear after its go-ahead for STARTTLS, as somebody in between would.
    pub(crate) injects: bool,
}

/// A mail it took.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) mail: String,
    pub(crate) encrypted: bool,
    pub(crate) user: Option<String>,
    pub(crate) mechanism: Option<String>,
}

pub(crate) struct MailServer {
    pub(crate) port: u16,
    /// The authority of its certificate, as a file.
    pub(crate) ca: tempfile::NamedTempFile,
    received: Arc<Mutex<Vec<Received>>>,
    _running: JoinSet<()>,
}

impl MailServer {
    /// How many mails it took, answered or not.
    pub(crate) fn read(&self) -> usize {
        self.received.lock().unwrap().len()
    }

    pub(crate) async fn start(script: Script) -> Self {
        let authority = Authority::root("Example Mail CA");
        let own = authority.issue(&server(NOW));
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), &authority.pem).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let mut running = JoinSet::new();
        let (acceptor, kept) = (acceptor(&own), Arc::clone(&received));
        running.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, script, kept) = (acceptor.clone(), script.clone(), Arc::clone(&kept));
                conversations.spawn(async move {
                    let _ended = serve(stream, acceptor, &script, &kept).await;
                });
            }
        });
        Self { port, ca, received, _running: running }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

fn acceptor(own: &Made) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (chain, key): (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) =
        (vec![own.der.clone()], own.key_der());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(
    tcp: TcpStream,
    acceptor: TlsAcceptor,
    script: &Script,
    kept: &Mutex<Vec<Received>>,
) -> std::io::Result<()> {
    if script.silent_at == Some("connect") {
        return std::future::pending().await;
    }
    if script.implicit_tls {
        let tls = acceptor.accept(tcp).await?;
        talk(&mut BufReader::new(tls), script, kept, true, true).await.map(drop)
    } else {
        let mut plain = BufReader::new(tcp);
        if talk(&mut plain, script, kept, false, true).await? {
            let tls = acceptor.accept(plain.into_inner()).await?;
            talk(&mut BufReader::new(tls), script, kept, true, false).await?;
        }
        Ok(())
    }
}

/// True: the client wants TLS now.
async fn talk<S>(
    stream: &mut S,
    script: &Script,
    kept: &Mutex<Vec<Received>>,
    encrypted: bool,
    greet: bool,
) -> std::io::Result<bool>
where
    S: AsyncBufRead + AsyncRead + AsyncWrite + Unpin,
{
    if greet {
        if script.silent_at == Some("greeting") {
            return std::future::pending().await;
        }
        say(stream, "220 mail.example.org").await?;
    }
    let blank = Received {
        from: String::new(),
        to: Vec::new(),
        mail: String::new(),
        encrypted,
        user: None,
        mechanism: None,
    };
    let mut mail = blank.clone();
    loop {
        let line = hear(stream).await?;
        let (verb, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => say(stream, &hello(script, encrypted)).await?,
            "STARTTLS" => {
                say(stream, if script.injects { "220 go on\r\n250 injected" } else { "220 go on" }).await?;
                return Ok(true);
            }
            "AUTH" => log_in(stream, script, rest, &mut mail).await?,
            "MAIL" if script.login.is_some() && mail.user.is_none() => {
                say(stream, "530 5.7.0 Authentication required").await?;
            }
            "MAIL" => {
                mail.from = rest.to_owned();
                say(stream, "250 ok").await?;
            }
            "RCPT" => recipient(stream, script, rest, &mut mail).await?,
            "DATA" => {
                take(stream, script, kept, &mut mail).await?;
                mail = Received { user: mail.user, mechanism: mail.mechanism, ..blank.clone() };
            }
            "QUIT" => {
                say(stream, "221 bye").await?;
                return Ok(false);
            }
            _ => say(stream, "502 what?").await?,
        }
    }
}

async fn recipient<S>(stream: &mut S, script: &Script, rest: &str, mail: &mut Received) -> std::io::Result<()>
where
    S: AsyncWrite + Unpin,
{
    let address = rest.trim_start_matches("TO:<").trim_end_matches('>');
    if let Some((_, refusal)) = script.recipients.iter().find(|(part, _)| address.contains(part)) {
        return say(stream, refusal).await;
    }
    mail.to.push(address.to_owned());
    say(stream, "250 ok").await
}

async fn take<S>(
    stream: &mut S,
    script: &Script,
    kept: &Mutex<Vec<Received>>,
    mail: &mut Received,
) -> std::io::Result<()>
where
    S: AsyncBufRead + AsyncWrite + Unpin,
{
    say(stream, "354 go ahead").await?;
    mail.mail = body(stream).await?;
    if let Some(refusal) = script.whole {
        return say(stream, refusal).await;
    }
    kept.lock().unwrap().push(mail.clone());
    if script.silent_at == Some("data") {
        return std::future::pending().await;
    }
    say(stream, "250 taken").await
}

fn hello(script: &Script, encrypted: bool) -> String {
    let mut lines = vec!["mail.example.org".to_owned()];
    if script.starttls && !encrypted {
        lines.push("STARTTLS".to_owned());
    }
    if let Some((_, _, mechanisms)) = script.login
        && (encrypted || !script.starttls)
    {
        lines.push(format!("AUTH {mechanisms}"));
    }
    let last = lines.len() - 1;
    let line = |(at, line): (usize, &String)| format!("250{}{line}", if at == last { ' ' } else { '-' });
    lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n")
}

async fn log_in<S>(stream: &mut S, script: &Script, rest: &str, mail: &mut Received) -> std::io::Result<()>
where
    S: AsyncBufRead + AsyncWrite + Unpin,
{
    let decode = |text: &str| String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
    let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
    let (user, password) = if mechanism == "PLAIN" {
        let text = decode(initial);
        let parts: Vec<&str> = text.split('\0').collect();
        (parts[1].to_owned(), parts[2].to_owned())
    } else {
        say(stream, "334 VXNlcm5hbWU6").await?;
        let user = decode(&hear(stream).await?);
        say(stream, "334 UGFzc3dvcmQ6").await?;
        (user, decode(&hear(stream).await?))
    };
    if script.login.is_some_and(|(right, secret, _)| right == user && secret == password) {
        mail.user = Some(user);
        mail.mechanism = Some(mechanism.to_owned());
        return say(stream, "235 welcome").await;
    }
    let echo = if script.repeats_secrets {
        format!(" {password} {} {initial}", STANDARD.encode(&password))
    } else {
        String::new()
    };
    say(stream, &format!("535 5.7.8 wrong{echo}")).await
}

async fn body<S: AsyncBufRead + Unpin>(stream: &mut S) -> std::io::Result<String> {
    let mut body = String::new();
    loop {
        let line = hear(stream).await?;
        if line == "." {
            return Ok(body);
        }
        body.push_str(line.strip_prefix('.').unwrap_or(&line));
        body.push_str("\r\n");
    }
}

async fn hear<S: AsyncBufRead + Unpin>(stream: &mut S) -> std::io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, line: &str) -> std::io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}
