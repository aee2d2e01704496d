//! A look at a server that a scrape names, as a module of the configuration says: one handshake, or one HTTP request.
//! It decides about nobody's right to ask; it only asks back before it follows a redirect.

mod http;
mod looking;
mod target;

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use self::http::Heard;
use self::looking::Looking;
pub use self::target::Target;
use super::classify::classify;
use super::mtls::Conclusion;
use super::mtls::handshake::failed;
use crate::clock::Stopwatch;
use crate::domain::Timestamp;
use crate::domain::host_pattern::HostPattern;
use crate::domain::module::{Kind, Outcome, Stage};
use crate::domain::reason::Unseen;
use crate::domain::verdict::Verdict;
use crate::identity::Identity;
use crate::net::handshake::{Ask, prepare};
use crate::net::starttls::StartTls;
use crate::net::{self, Net, Stream, Turn};

/// One module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How it looks.
    pub way: Way,
    /// Which servers may be looked at with it; empty where the daemon's own patterns hold.
    pub targets: Vec<HostPattern>,
    /// The name asked for and verified; the target's where unset.
    pub server_name: Option<String>,
    /// A client certificate and its key, for servers that ask for one.
    pub files: Option<(PathBuf, PathBuf)>,
    /// How to reach servers; its limit is for the whole look.
    pub net: net::Settings,
}

/// How a module looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// One HTTP request, and those it leads to.
    Http(Http),
    /// One handshake.
    Tls {
        /// What is spoken before TLS; none where TLS is spoken from the first byte.
        starttls: Option<StartTls>,
        /// What of the server's certificate may be wrong.
        tolerate: Vec<Verdict>,
    },
}

/// The request of a module, and what must come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Whether a target without a scheme is meant with TLS.
    pub is_secure: bool,
    /// The method.
    pub method: Method,
    /// The path where the target has none.
    pub path: String,
    /// The statuses that are a success.
    pub statuses: Vec<Statuses>,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// Whether redirects are followed; never with a client certificate.
    pub redirects: bool,
    /// Whether an answer without TLS is a failure.
    pub needs_tls: bool,
}

/// A method that changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
}

/// One status, or a whole class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statuses {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl Statuses {
    /// Every 2xx.
    pub const SUCCESS: Self = Self { first: 200, last: 299 };
    /// Whatever it is.
    pub const ANY: Self = Self { first: 100, last: 599 };

    /// Reads `204` or `2xx`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(class) = text.strip_suffix("xx") {
            let class = class.parse::<u16>().ok().filter(|class| (1..=5).contains(class))?;
            return Some(Self { first: class * 100, last: class * 100 + 99 });
        }
        let status = text.parse::<u16>().ok().filter(|status| (100..=599).contains(status))?;
        Some(Self { first: status, last: status })
    }

    const fn contains(self, status: u16) -> bool {
        self.first <= status && status <= self.last
    }
}

/// The most redirects that are followed.
const REDIRECTS: u32 = 10;

/// A module that can look.
pub struct Module {
    net: Net,
    settings: Settings,
}

/// What the asker may have looked at, and how it is to be done this time.
pub struct Errand<'a> {
    /// The server.
    pub target: Target,
    /// The right to have one connection there.
    pub turn: Turn,
    /// The name to ask for and to verify instead of the target's.
    pub host_name: Option<&'a str>,
    /// The limit; it does not run while a turn is waited for.
    pub limit: Duration,
    /// Whether a redirect to this host and port may be followed.
    pub may: &'a (dyn Fn(&str, u16) -> bool + Sync),
}

impl Module {
    /// A module that connects through `net`.
    #[must_use]
    pub const fn new(net: Net, settings: Settings) -> Self {
        Self { net, settings }
    }

    /// Its settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How it looks.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.settings.way {
            Way::Http(_) => Kind::Http,
            Way::Tls { .. } => Kind::Tls,
        }
    }

    /// The target that a text names.
    ///
    /// # Errors
    /// Where it names none, in words.
    pub fn target(&self, text: &str) -> Result<Target, String> {
        match &self.settings.way {
            Way::Http(http) => Target::of_http(text, http),
            Way::Tls { .. } => Target::of_tls(text),
        }
    }

    /// Waits for the right to have one connection to this target.
    pub async fn turn(&self, target: &Target) -> Turn {
        self.net.turn(&target.address()).await
    }

    /// Looks once. It always ends, within the limit.
    pub async fn look(&self, errand: Errand<'_>, now: Timestamp) -> Outcome {
        let mut looking = Looking::begin(errand.limit);
        let ended = match self.identity() {
            Ok(identity) => self.go(errand, identity.as_ref(), &mut looking).await,
            // To go without the certificate would only be one more refused logon.
            Err(unseen) => Err(Conclusion::new(Verdict::CertificateRequired, None, unseen.text)),
        };
        let ended = ended.or_else(|conclusion| self.tolerated(conclusion, &mut looking));
        looking.end(&self.net, &self.settings.net, self.kind(), ended, now)
    }

    fn identity(&self) -> Result<Option<Identity>, Unseen> {
        let files = self.settings.files.as_ref();
        files.map(|(certificate, key)| super::files::identity(certificate, key)).transpose()
    }

    /// Ends with what a success proves of the client certificate.
    async fn go(
        &self,
        errand: Errand<'_>,
        identity: Option<&Identity>,
        looking: &mut Looking,
    ) -> Result<Option<Verdict>, Conclusion> {
        let Errand { mut target, mut turn, mut host_name, may, .. } = errand;
        let mut redirects = 0;
        loop {
            let stream = self.reach(&target, turn, host_name, identity, looking).await?;
            let Way::Http(http) = &self.settings.way else { return Ok(None) };
            let heard = self.ask(stream, &target, host_name, http, looking).await?;
            looking.heard(&heard, &target, redirects);
            let next = target.redirected(&heard).filter(|_| http.redirects && identity.is_none());
            let Some(next) = next else { return judge(http, &heard, looking) };
            let next = next.map_err(|text| Conclusion::new(Verdict::UnexpectedAnswer, None, text))?;
            looking.say(format!("HTTP {} leads to {}", heard.status, next.shown()));
            if redirects >= REDIRECTS {
                let text = format!("more than {REDIRECTS} redirects");
                return Err(Conclusion::new(Verdict::UnexpectedAnswer, None, text));
            }
            if !may(&next.host, next.port) {
                let text = format!("a redirect leads to {}, which may not be looked at", next.place());
                return Err(Conclusion::new(Verdict::UnexpectedAnswer, None, text));
            }
            redirects += 1;
            (target, host_name) = (next, None);
            turn = tokio::time::timeout(looking.left(), self.turn(&target))
                .await
                .map_err(|_| looking.late("connection", &target))?;
        }
    }

    /// Connects, and speaks TLS where the target is meant with it.
    async fn reach(
        &self,
        target: &Target,
        turn: Turn,
        host_name: Option<&str>,
        identity: Option<&Identity>,
        looking: &mut Looking,
    ) -> Result<Box<dyn Wire>, Conclusion> {
        looking.begin_anew();
        let name = host_name.or(self.settings.server_name.as_deref()).unwrap_or(&target.host);
        let (protocols, starttls): (&[&[u8]], _) = match &self.settings.way {
            Way::Http(_) => (HTTP_1, None),
            Way::Tls { starttls, .. } => (&[], *starttls),
        };
        let ask = Ask { name, protocols, identity };
        let prepared = target.is_secure.then(|| prepare(&self.net, &self.settings.net, ask)).transpose()?;
        let mut stream = self.connect(target, turn, looking).await?;
        let Some(prepared) = prepared else { return Ok(Box::new(stream)) };
        if let Some(protocol) = starttls {
            begin_tls(protocol, &mut stream, name, target, looking).await?;
        }
        let watch = Stopwatch::start();
        let shaken = tokio::time::timeout(looking.left(), prepared.shake(stream)).await;
        looking.took(Stage::Tls, watch.elapsed());
        looking.observe(prepared.observed(), name);
        let stream = shaken
            .map_err(|_| looking.late("TLS handshake", target))?
            .map_err(|error| failed(looking.observed(), &target.place(), &error))?;
        looking.agreed();
        Ok(Box::new(stream))
    }

    async fn connect(
        &self,
        target: &Target,
        turn: Turn,
        looking: &mut Looking,
    ) -> Result<Stream, Conclusion> {
        let settings = net::Settings { timeout: looking.left(), ..self.settings.net.clone() };
        let mut phases = Vec::new();
        let connected = self.net.connect_timed(turn, &settings, &target.address(), &mut phases).await;
        looking.took_phases(&phases);
        let stream = connected?;
        let proxied = self.net.is_proxied(&settings, &target.host)?;
        looking.connected(stream.peer_addr(), target, proxied);
        Ok(stream)
    }

    async fn ask(
        &self,
        stream: Box<dyn Wire>,
        target: &Target,
        host_name: Option<&str>,
        http: &Http,
        looking: &mut Looking,
    ) -> Result<Heard, Conclusion> {
        let mut times = http::Times::default();
        let asked = http::exchange(stream, target, host_name, http, &mut times);
        let heard = tokio::time::timeout(looking.left(), asked).await;
        looking.took_times(&times);
        heard
            .map_err(|_| looking.late("whole answer", target))?
            .map_err(|error| failed(looking.observed(), &target.place(), &*error))
    }

    /// What the operator said is no failure, is none; what is wrong stays said.
    fn tolerated(
        &self,
        conclusion: Conclusion,
        looking: &mut Looking,
    ) -> Result<Option<Verdict>, Conclusion> {
        let Way::Tls { tolerate, .. } = &self.settings.way else { return Err(conclusion) };
        if !tolerate.contains(&conclusion.verdict) {
            return Err(conclusion);
        }
        looking.say(format!("{}; the module tolerates {}", conclusion.text, conclusion.verdict));
        Ok(Some(conclusion.verdict))
    }
}

/// A connection, with TLS or without.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

/// The only protocol it speaks, and says so in the handshake: a server that speaks none but others can refuse then.
const HTTP_1: &[&[u8]] = &[b"http/1.1"];

/// What comes before TLS.
async fn begin_tls(
    protocol: StartTls,
    stream: &mut Stream,
    name: &str,
    target: &Target,
    looking: &mut Looking,
) -> Result<(), Conclusion> {
    let asked = tokio::time::timeout(looking.left(), protocol.ask(stream, name)).await;
    asked.map_err(|_| looking.late("beginning of TLS", target))??;
    looking.say(format!("the server begins TLS after {protocol}"));
    Ok(())
}

/// Whether the answer is what the module wants, and what it proves of the client certificate.
fn judge(http: &Http, heard: &Heard, looking: &mut Looking) -> Result<Option<Verdict>, Conclusion> {
    let observed = looking.observed();
    let proven = observed.asked && observed.presented.is_some();
    let (verdict, detail) = classify(heard.status, heard.header("content-type"), &heard.beginning, proven);
    let wanted = http.statuses.iter().any(|statuses| statuses.contains(heard.status));
    if !wanted {
        let verdict = if verdict == Verdict::Accepted { Verdict::UnexpectedAnswer } else { verdict };
        let text = format!("HTTP {} is none of the statuses that are wanted", heard.status);
        return Err(Conclusion::new(verdict, detail, text));
    }
    if http.needs_tls && !looking.is_tls() {
        let text = "the answer came without TLS, and the module wants it with TLS";
        return Err(Conclusion::new(Verdict::UnexpectedAnswer, None, text));
    }
    Ok((verdict == Verdict::Accepted).then_some(verdict))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_numbers_or_classes() {
        for (text, expected) in [
            ("204", Some((204, 204))),
            ("2xx", Some((200, 299))),
            ("5xx", Some((500, 599))),
            ("6xx", None),
            ("0xx", None),
            ("99", None),
            ("xx", None),
            ("2XX", None),
            ("", None),
        ] {
            assert_eq!(Statuses::parse(text).map(|both| (both.first, both.last)), expected, "{text}");
        }
    }
}
