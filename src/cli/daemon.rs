//! The way to the running daemon: HTTP/1.1 over its Unix socket.
//! It knows paths and answers, not what they mean.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use super::Common;
use super::exit::Failed;
use crate::config::Kind;

/// Where the socket is unless the configuration or `--socket` says otherwise.
pub(super) const DEFAULT_SOCKET: &str = "/run/certsteward/control.sock";
/// The limit for one question and its answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read.
const LIMIT: usize = 64 * 1024 * 1024;

/// Why the daemon could not be asked, or what it refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskDaemon {
    /// Nobody is there.
    #[error(
        "certsteward is not running, or its socket is elsewhere: {}; start it with {start}, or name the socket with --socket",
        .socket.display()
    )]
    NotRunning { socket: PathBuf, start: String },
    /// Only others may.
    #[error(
        "you may not use the socket {}; run this as root, or as a member of the socket's group",
        .0.display()
    )]
    Denied(PathBuf),
    /// Somebody is there and says nothing.
    #[error("certsteward did not answer within {} s on {}; look at its log: journalctl -u certsteward", TIMEOUT.as_secs(), .0.display())]
    Silent(PathBuf),
    /// The connection broke.
    #[error("cannot speak to certsteward on {}", .place.display())]
    Broken {
        /// The socket.
        place: PathBuf,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is no.
    #[error("{text}")]
    Refused {
        /// The daemon's words.
        text: String,
    },
}

impl AskDaemon {
    /// Whether there is no daemon to ask.
    pub(super) const fn is_not_running(&self) -> bool {
        matches!(self, Self::NotRunning { .. })
    }
}

impl From<AskDaemon> for Failed {
    fn from(error: AskDaemon) -> Self {
        Self::because(&error)
    }
}

/// The running daemon, seen through its socket.
pub(super) struct Daemon {
    socket: PathBuf,
    /// What starts it.
    start: String,
}

impl Daemon {
    /// The daemon that the configuration or `--socket` means.
    ///
    /// # Errors
    /// Where a configuration was named that does not even tell its socket: another daemon's must not be taken for it.
    pub(super) fn reach(common: &Common) -> Result<Self, Failed> {
        let socket = match &common.socket {
            Some(socket) => socket.clone(),
            None => match (configured_socket(common.path()), common.kind()) {
                (Ok(socket), _) => socket,
                (Err(_), Kind::Default) => PathBuf::from(DEFAULT_SOCKET),
                (Err(problem), Kind::Given) => {
                    return Err(Failed::configuration(format!(
                        "{problem}; or name the socket with --socket"
                    )));
                }
            },
        };
        Ok(Self { socket, start: common.start() })
    }

    /// Reads.
    pub(super) async fn get(&self, path: &str) -> Result<Value, AskDaemon> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// Asks for a change.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, AskDaemon> {
        self.ask(Method::POST, path, Bytes::from(body.to_string())).await
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Value, AskDaemon> {
        let (status, bytes) = tokio::time::timeout(TIMEOUT, self.exchange(method, path, body))
            .await
            .map_err(|_| AskDaemon::Silent(self.socket.clone()))??;
        let answer = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).trim().to_owned()));
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        Err(AskDaemon::Refused { text: refusal(status, &answer) })
    }

    async fn exchange(&self, method: Method, path: &str, body: Bytes) -> Result<(u16, Bytes), AskDaemon> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| self.unreachable(error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| self.broken(e))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "certsteward")
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(Full::new(body))
            .map_err(|error| self.broken(error))?;
        let conversation = async move {
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let bytes = Limited::new(answer.into_body(), LIMIT).collect().await?.to_bytes();
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((status, bytes))
        };
        // The connection must be driven while the answer is read; once the answer is whole its end is of no interest.
        let (answer, _) = tokio::join!(conversation, connection);
        answer.map_err(|error| self.broken(error))
    }

    fn unreachable(&self, error: std::io::Error) -> AskDaemon {
        let place = self.socket.clone();
        let kind = error.kind();
        if matches!(kind, ErrorKind::NotFound | ErrorKind::ConnectionRefused) {
            AskDaemon::NotRunning { socket: place, start: self.start.clone() }
        } else if kind == ErrorKind::PermissionDenied {
            AskDaemon::Denied(place)
        } else {
            AskDaemon::Broken { place, cause: error.into() }
        }
    }

    fn broken(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AskDaemon {
        AskDaemon::Broken { place: self.socket.clone(), cause: cause.into() }
    }
}

fn refusal(status: u16, answer: &Value) -> String {
    let text = |key: &str| answer.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (text("error"), text("way_out")) {
        (Some(error), Some(way_out)) => format!("{error}; {way_out}"),
        (Some(error), None) => error.to_owned(),
        (None, _) => format!("certsteward refused (HTTP {status}) and did not say why"),
    }
}

/// The socket as the configuration names it. Only this one key is read: `pause` must work while the rest of the file
/// is broken, or is readable for root alone.
fn configured_socket(config: &Path) -> Result<PathBuf, String> {
    let file = config.display();
    let text = std::fs::read_to_string(config).map_err(|error| match error.kind() == ErrorKind::NotFound {
        true => format!("there is no configuration {file}; name the one that certsteward runs with (--config)"),
        false => format!("the configuration {file} cannot be read by this user: {error}; run this as root or as the user that certsteward runs as"),
    })?;
    let table = text.parse::<toml::Table>().map_err(|error| {
        format!(
            "{file} cannot be read as a configuration ({}); mend it (certsteward config check)",
            broken_at(&text, &error)
        )
    })?;
    let socket = table.get("daemon").and_then(|daemon| daemon.get("socket")?.as_str());
    let folder = config.parent().unwrap_or(Path::new(""));
    Ok(socket.map_or_else(|| PathBuf::from(DEFAULT_SOCKET), |socket| folder.join(socket)))
}

/// Where a text stops being TOML, without quoting it: the line may hold a secret.
fn broken_at(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, error.message())
}

/// A watch's or a target's id as part of a path.
pub(super) fn segment<'a>(kind: &str, id: &'a str) -> Result<&'a str, Failed> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !id.is_empty() && id != "." && id != ".." && id.chars().all(allowed) {
        return Ok(id);
    }
    Err(Failed::usage(format!(
        "{id:?} is not the id of a {kind}; ids are made of letters, digits, - _ and ."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_found_in_a_configuration_that_is_otherwise_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("certsteward.toml");
        std::fs::write(&file, "[daemon]\nsocket = \"run/c.sock\"\nnonsense = 1\n").unwrap();
        assert_eq!(configured_socket(&file).unwrap(), folder.path().join("run/c.sock"));
    }

    #[test]
    fn where_a_file_stops_being_toml_is_told_without_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("certsteward.toml");
        std::fs::write(&file, "[daemon]\npassword = hunter2\n").unwrap();
        let problem = configured_socket(&file).unwrap_err();
        assert!(problem.contains("(line 2: ") && !problem.contains("hunter2"), "{problem}");
    }

    #[test]
    fn a_file_that_was_named_and_cannot_be_read_never_means_the_usual_socket() {
        let named = Common { config: Some(PathBuf::from("/nowhere/c.toml")), socket: None };
        assert_eq!(Daemon::reach(&named).err().unwrap().exit.number(), 78);
        let named = Common { socket: Some(PathBuf::from("s")), ..named };
        assert_eq!(Daemon::reach(&named).unwrap().socket, Path::new("s"));
    }

    #[test]
    fn an_id_cannot_leave_its_place_in_the_path() {
        assert!(segment("watch", "sf-odata.prod_1").is_ok());
        for id in ["", "..", "a/b", "a?b", "ü"] {
            assert_eq!(segment("watch", id).unwrap_err().exit.number(), 64, "{id}");
        }
    }
}
