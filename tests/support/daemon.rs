//! The binary itself, running as a daemon in a folder of the test, ended by its own id.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::wait::{free_port, within};

/// How long a daemon may take to be ready, or to end, on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(40);

/// A daemon that runs.
pub struct Daemon {
    child: Child,
    folder: PathBuf,
    /// Where it serves HTTP, on loopback.
    pub port: u16,
}

/// What one run of a verb gave.
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head as it came.
    pub head: String,
    /// The body.
    pub body: String,
}

/// The beginning of a configuration, with everything in the folder and on a free port. Its cron does not ring in any test.
pub fn head() -> String {
    let port = free_port();
    format!(
        "[daemon]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}\"\nsocket = \"c.sock\"\n\
state = \"sqlite:state/state.db\"\ncheck = \"0 0 29 2 *\"\nshutdown = \"20s\"\n\n"
    )
}

/// Writes the configuration.
pub fn configure(folder: &Path, text: &str) {
    std::fs::write(folder.join("certsteward.toml"), text).unwrap();
}

/// The binary with the folder's configuration, without the outer environment's settings.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_certsteward"));
    command.args(["--config", "certsteward.toml"]).args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env_remove("CERTSTEWARD_CONFIG").env_remove("NOTIFY_SOCKET").env("COLUMNS", "100");
    command.env("NO_PROXY", "*");
    command
}

/// Runs a verb to its end. It may block, so a verb that needs a server of the test's own runs in [`verb`].
pub fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let output = command(folder, arguments).output().unwrap();
    Ran {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs a verb beside the test's own servers.
pub async fn verb(folder: &Path, arguments: &[&str]) -> Ran {
    let folder = folder.to_owned();
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let ran = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(&folder, &arguments)
    });
    ran.await.unwrap()
}

impl Daemon {
    /// Starts it in this folder with this configuration, and waits until it is ready.
    pub async fn start(folder: &Path, config: &str) -> Self {
        configure(folder, config);
        Self::started(folder, &[]).await
    }

    /// Starts it with the configuration that is there and more environment, and waits until it is ready.
    pub async fn started(folder: &Path, environment: &[(&str, &str)]) -> Self {
        Self::begun(folder, environment).ready().await
    }

    /// Waits until it is ready.
    pub async fn ready(mut self) -> Self {
        let daemon = &mut self;
        within(LIMIT, "a daemon that is ready", async || {
            assert!(daemon.child.try_wait().unwrap().is_none(), "it ended: {}", daemon.log());
            let answer = ask(daemon.port, "GET", "/-/ready", "", "").await?;
            (answer.status == 200).then_some(())
        })
        .await;
        self
    }

    /// Starts it and does not wait.
    pub fn begun(folder: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = command(folder, &["run"]);
        command.envs(environment.iter().copied());
        Self::spawned(folder, command)
    }

    /// Starts it with the configuration that is there through another program, which must become it, and does not wait.
    pub fn begun_by(folder: &Path, program: &str, arguments: &[&str]) -> Self {
        let own = command(folder, &["run"]);
        let mut command = Command::new(program);
        command.args(arguments).arg(own.get_program()).args(own.get_args()).current_dir(folder);
        for (name, value) in own.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Self::spawned(folder, command)
    }

    fn spawned(folder: &Path, mut command: Command) -> Self {
        let text = std::fs::read_to_string(folder.join("certsteward.toml")).unwrap();
        let config: toml::Table = text.parse().unwrap();
        let listen: std::net::SocketAddr = config["daemon"]["listen"].as_str().unwrap().parse().unwrap();
        let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Self { child: command.spawn().unwrap(), folder: folder.to_owned(), port: listen.port() }
    }

    /// What it wrote to its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        within(LIMIT, "the daemon's end", async || self.child.try_wait().unwrap()).await
    }

    /// Stops it; it must end in order.
    pub async fn stop(mut self) {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let ended = self.ended().await;
        assert_eq!(ended.code(), Some(0), "{}", self.log());
    }

    /// What stands there.
    pub async fn page(&self, path: &str) -> String {
        let answer = ask(self.port, "GET", path, "", "").await.unwrap();
        assert!(answer.status < 300, "{path}: {answer:?}");
        answer.body
    }

    /// What stands there, as JSON.
    pub async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.page(path).await).unwrap()
    }

    /// One watch in full, once it is like this.
    pub async fn watch(&self, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/api/v1/watches/{id}");
        within(LIMIT, what, async || {
            let answer = ask(self.port, "GET", &path, "", "").await?;
            let watch: Value = serde_json::from_str(&answer.body).ok()?;
            (answer.status == 200 && is_so(&watch)).then_some(watch)
        })
        .await
    }

    /// Waits for a line of the log with this text.
    pub async fn logged(&self, text: &str) -> String {
        within(LIMIT, &format!("{text:?} in the log"), async || {
            self.log().lines().find(|line| line.contains(text)).map(str::to_owned)
        })
        .await
    }

    /// The value of one series, where it is there.
    pub async fn metric(&self, series: &str) -> Option<f64> {
        let page = self.page("/metrics").await;
        page.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    }

    /// Posts this body with these header lines.
    pub async fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        ask(self.port, "POST", path, headers, body).await.unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
        if std::thread::panicking() {
            println!("the daemon's log:\n{}", self.log());
        }
    }
}

/// One request on a connection of its own; none where nobody answers. Header lines end with CRLF.
pub async fn ask(port: u16, method: &str, path: &str, headers: &str, body: &str) -> Option<Answer> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let host = if headers.to_ascii_lowercase().contains("host:") { "" } else { "Host: 127.0.0.1\r\n" };
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\n{host}{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    exchange(stream, &request).await
}

/// Writes a request and reads until the other side ends.
pub async fn exchange(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    request: &str,
) -> Option<Answer> {
    // A server that refuses a body may close before it was all written; its answer counts all the same.
    let _written = stream.write_all(request.as_bytes()).await;
    let mut bytes = Vec::new();
    let _read = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if is_chunked { joined(body)? } else { body.to_owned() };
    Some(Answer { status, head: head.to_owned(), body })
}

/// A body that came in pieces, each after its length.
fn joined(chunks: &str) -> Option<String> {
    let (mut body, mut rest) = (String::new(), chunks);
    loop {
        let (length, after) = rest.split_once("\r\n")?;
        let length = usize::from_str_radix(length.trim(), 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.push_str(after.get(..length)?);
        rest = after.get(length..)?.strip_prefix("\r\n")?;
    }
}
