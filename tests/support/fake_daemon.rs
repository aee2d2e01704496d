//! A daemon that answers from a sample and remembers what it was told, and a client small enough to see every byte.
//! It decides nothing.

use std::sync::{Arc, Mutex};

use axum::Router;
use certsteward::domain::Timestamp;
use certsteward::domain::event::Event;
use certsteward::domain::module::{Ask, NotLooked, Outcome};
use certsteward::domain::report::Command;
use certsteward::domain::snapshot::Snapshot;
use certsteward::domain::trail::{Proof, Row};
use certsteward::surfaces::{Daemon, Grant, Refused};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use super::samples;

/// The token that may do everything, and the one that may only approve.
pub(crate) const ADMIN: &str = "admin-token";
pub(crate) const APPROVER: &str = "approver-token";

pub(crate) struct FakeDaemon {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) ready: bool,
    pub(crate) commands: Mutex<Vec<Command>>,
    pub(crate) refuses: Option<&'static str>,
    /// What looks were asked for.
    pub(crate) asked: Mutex<Vec<Ask>>,
}

impl FakeDaemon {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot: Arc::new(snapshot),
            ready: true,
            commands: Mutex::default(),
            refuses: None,
            asked: Mutex::default(),
        }
    }

    pub(crate) fn commands(&self) -> Vec<Command> {
        self.commands.lock().unwrap().clone()
    }

    fn willing(&self) -> Result<(), Refused> {
        self.refuses.map_or(Ok(()), |text| Err(Refused(text.to_owned())))
    }
}

#[async_trait::async_trait]
impl Daemon for FakeDaemon {
    fn now(&self) -> Timestamp {
        samples::now()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    fn is_ready(&self) -> bool {
        self.ready
    }

    async fn events(
        &self,
        watch: Option<&str>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, Event)>, Refused> {
        self.willing()?;
        let mut events = samples::events();
        events.retain(|(number, event)| {
            watch.is_none_or(|watch| event.watch == watch) && before.is_none_or(|before| *number < before)
        });
        events.truncate(limit);
        Ok(events)
    }

    async fn history(
        &self,
        watch: Option<&str>,
        (before, since): (Option<i64>, Option<Timestamp>),
        limit: usize,
    ) -> Result<Vec<Row>, Refused> {
        let events = self.events(watch, before, limit).await?;
        let events = events.into_iter().filter(|(_, event)| since.is_none_or(|since| event.at >= since));
        Ok(events.map(|(number, event)| samples::row(number, &event)).collect())
    }

    async fn verify(&self, _watch: Option<&str>, heads: Vec<String>) -> Result<Proof, Refused> {
        self.willing()?;
        let found = heads.into_iter().map(|head| (head, 1)).collect();
        Ok(Proof { found, ..Proof::default() })
    }

    async fn command(&self, command: Command) -> Result<i64, Refused> {
        self.willing()?;
        let mut commands = self.commands.lock().unwrap();
        commands.push(command);
        Ok(i64::try_from(commands.len()).unwrap())
    }

    async fn reload(&self) -> Result<(), Refused> {
        self.willing()
    }

    async fn look(&self, ask: Ask) -> Result<Outcome, NotLooked> {
        self.asked.lock().unwrap().push(ask);
        let text = self.refuses.unwrap_or("a sample looks at nothing").to_owned();
        Err(NotLooked::Busy { text, way_out: "try again".to_owned() })
    }

    fn grant(&self, bearer: &str) -> Option<Grant> {
        let grant = |name: &str, verb: &str| Grant { name: name.to_owned(), may: vec![verb.to_owned()] };
        match bearer {
            ADMIN => Some(grant("ops-console", "*")),
            APPROVER => Some(grant("chatops", "approve")),
            _ => None,
        }
    }
}

/// A router served on a loopback port for as long as this lives.
pub(crate) struct Served {
    pub(crate) address: std::net::SocketAddr,
    _server: JoinSet<()>,
}

impl Served {
    pub(crate) async fn on(address: &str, router: Router) -> Self {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, _server: server }
    }

    /// Sends a request as it stands and reads the answer to its end.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.address,
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("\r\n{body}"));
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Answer::parse(&bytes)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &str) -> Answer {
        self.ask("POST", path, &[("Authorization", &format!("Bearer {token}"))], body).await
    }
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let split = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(bytes[..split].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        Self { status, headers, body: bytes[split + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}
