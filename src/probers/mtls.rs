//! One real mTLS call: DNS → TCP → TLS → HTTP, each phase timed, the whole diagnosed to a verdict.
//! It follows no redirect and changes nothing.

mod call;
pub(super) mod first;
pub(super) mod handshake;
mod probing;
mod target;

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::domain::Timestamp;
use crate::domain::reason::Unseen;
use crate::domain::verdict::{Phase, Probed, Verdict};
use crate::identity::Identity;
use crate::net::handshake::{Ask, prepare};
use crate::net::{self, Address, Net, Turn};

use super::Prober;
pub(super) use probing::Conclusion;
use probing::Probing;
use target::Target;

/// What to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The whole address, `https://…`.
    pub url: String,
    /// Where the connection goes instead of to the URL's host, which stays the name that is asked for and verified.
    pub connect: Option<Address>,
    /// Sent as `successfactors-companyid`.
    pub company_id: Option<String>,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// The limit for the whole probe.
    pub timeout: Duration,
    /// Certificate and key from files, where the source cannot give them.
    pub files: Option<(PathBuf, PathBuf)>,
    /// How to reach it.
    pub net: net::Settings,
}

/// A prober for one address.
pub struct Mtls {
    net: Net,
    settings: Settings,
}

impl Mtls {
    /// A prober that connects through `net`.
    #[must_use]
    pub const fn new(net: Net, settings: Settings) -> Self {
        Self { net, settings }
    }

    /// The certificate and key from the files of the settings, read anew; none where no files are set.
    ///
    /// # Errors
    /// Where a file cannot be read, or they do not belong together.
    pub fn identity(&self) -> Result<Option<Identity>, Unseen> {
        let files = self.settings.files.as_ref();
        files.map(|(certificate, key)| super::files::identity(certificate, key)).transpose()
    }

    async fn call(
        &self,
        target: &Target,
        turn: Turn,
        identity: Option<&Identity>,
        probing: &mut Probing,
    ) -> Result<Conclusion, Conclusion> {
        let ask = Ask { name: &target.host, protocols: HTTP_1, identity };
        let prepared = prepare(&self.net, &self.settings.net, ask)?;
        let limit = self.settings.timeout;
        let reach = net::Settings { timeout: limit, ..self.settings.net.clone() };
        let stream = self.net.connect_timed(turn, &reach, &target.address, &mut probing.phases).await?;

        let watch = Stopwatch::start();
        let shaken = tokio::time::timeout(probing.left(limit), prepared.shake(stream)).await;
        probing.took(Phase::Tls, watch);
        probing.observed = prepared.observed();
        let stream = shaken
            .map_err(|_| Conclusion::late("TLS handshake", target, limit))?
            .map_err(|error| handshake::failed(&probing.observed, &target.shown(), &error))
            .map_err(|conclusion| conclusion.before_any_answer(&probing.observed))?;

        let watch = Stopwatch::start();
        let mut heard = None;
        let exchange = call::exchange(stream, target, &self.settings, &mut heard);
        let ended = tokio::time::timeout(probing.left(limit), exchange).await;
        probing.took(Phase::Http, watch);
        let cut_short = match ended {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(handshake::failed(&probing.observed, &target.shown(), &*error)),
            Err(_) => Some(Conclusion::late("answer", target, limit)),
        };
        Ok(probing.heard(heard, cut_short))
    }
}

/// The only protocol it speaks, and says so in the handshake: a server that speaks none but others can refuse then.
const HTTP_1: &[&[u8]] = &[b"http/1.1"];

#[async_trait::async_trait]
impl Prober for Mtls {
    async fn probe(&self, identity: Option<&Identity>, now: Timestamp) -> Probed {
        let target = match Target::parse(&self.settings.url, self.settings.connect.as_ref()) {
            Ok(target) => target,
            Err(text) => {
                return Probing::begin(now).end(Conclusion::new(Verdict::UnexpectedAnswer, None, text));
            }
        };
        let own = match identity {
            Some(_) => Ok(None),
            None => self.identity(),
        };
        let own = match own {
            Ok(own) => own,
            // To call without the certificate would only be one more refused logon.
            Err(unseen) => {
                return Probing::begin(now).end(Conclusion::new(
                    Verdict::CertificateRequired,
                    None,
                    unseen.text,
                ));
            }
        };
        let turn = self.net.turn(&target.address).await;
        let mut probing = Probing::begin(now);
        let identity = identity.or(own.as_ref());
        let called = self.call(&target, turn, identity, &mut probing).await;
        probing.end(called.unwrap_or_else(|conclusion| conclusion))
    }
}
