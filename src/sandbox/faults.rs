//! Faults on order, and the log of what was asked: what a test needs to make the landscape misbehave and to see what was done.
//! It is not chaos: a fault happens exactly as often as it was ordered, to exactly what it names.

use super::http::Answer;
use super::time::Moment;
use super::world::{Part, State};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many requests the log keeps.
const LOG_LENGTH: usize = 5000;

/// One misbehaviour, to be shown `times` times to requests that fit.
///
/// The mail server asks for a fault too, once per mail, with the method `DATA` and the path `smtp`: a status is its reply code.
#[derive(Debug, Clone, Default)]
pub struct Fault {
    /// The method it applies to; none means all.
    pub method: Option<String>,
    /// Text that the path holds; empty means all.
    pub path_contains: String,
    /// Answer with this status, without doing what was asked.
    pub status: Option<u16>,
    /// The body of that answer; one that starts with `{`, `[` or `"` is sent as JSON.
    pub body: String,
    /// The `Retry-After` of that answer.
    pub retry_after: Option<String>,
    /// Wait this long first.
    pub delay: Duration,
    /// Stop the request at a stage until the test lets it go on.
    pub hold: Option<Hold>,
    /// Close the connection without doing anything.
    pub drop_request: bool,
    /// Do what was asked, then close the connection without an answer.
    pub drop_answer_after_effect: bool,
    /// Let this many fitting requests through first.
    pub skip: u32,
    /// How often; 0 counts as once.
    pub times: u32,
    /// Whether the simulated calling application meets it too.
    pub meets_caller: bool,
    /// Whether people on their pages do not meet it: every request that fits is then certsteward's own.
    pub spares_people: bool,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The simulated calling application.
    Caller,
    /// Whoever opens a page.
    Person,
    /// certsteward, or a test in its place.
    Steward,
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It has arrived, and nothing was done.
    Arrived,
    /// What was asked is done, and nobody was told.
    Done,
}

/// A request that stops at one stage, so that a test knows exactly how far it has come. Clones are the same hold.
#[derive(Debug, Clone)]
pub struct Hold {
    stage: Stage,
    met: Arc<OnceLock<String>>,
    reached: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

impl Hold {
    /// A hold at this stage.
    #[must_use]
    pub fn at(stage: Stage) -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self { stage, met: Arc::default(), reached: closed(), released: closed() }
    }

    /// The method and the path of the request that came first; none before one came.
    #[must_use]
    pub fn met(&self) -> Option<&str> {
        self.met.get().map(String::as_str)
    }

    /// Waits until a request has come there.
    pub async fn reached(&self) {
        taken(&self.reached).await;
    }

    /// Lets it go on.
    pub fn release(&self) {
        self.released.add_permits(1);
    }

    /// The request has come to this stage, where it stops if it is the one named.
    pub(super) async fn pass(&self, stage: Stage, method: &str, path: &str) {
        if self.stage == stage {
            self.met.get_or_init(|| format!("{method} {path}"));
            self.reached.add_permits(1);
            taken(&self.released).await;
        }
    }
}

async fn taken(permits: &Semaphore) {
    if let Ok(permit) = permits.acquire().await {
        permit.forget();
    }
}

/// One request that reached a simulated part, a mail among them. The simulated caller's own are not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine {
    /// When it was answered.
    pub at: Moment,
    /// The part asked, as `token`, `destination-service`, `successfactors` or `smtp`.
    pub part: &'static str,
    /// The HTTP method.
    pub method: String,
    /// The path as sent, without the query.
    pub path: String,
    /// The query, decoded: `$select=Name`; empty without one.
    pub query: String,
    /// The status answered; 0 where the answer was dropped.
    pub status: u16,
}

impl RequestLine {
    /// Whether certsteward asked, and not a person on a page.
    #[must_use]
    pub fn is_from_certsteward(&self) -> bool {
        !Part::PAGES.iter().any(|page| page.name() == self.part)
    }
}

/// What is to happen to the request at hand.
#[derive(Default)]
pub(super) struct Planned {
    pub(super) delay: Duration,
    /// How long the answer waits after what was asked is done.
    pub(super) delay_answer: Duration,
    pub(super) hold: Option<Hold>,
    pub(super) drop_request: bool,
    pub(super) drop_answer: bool,
    pub(super) answer: Option<Answer>,
}

impl Fault {
    fn fits(&self, method: &str, path: &str, by: By) -> bool {
        (self.meets_caller || by != By::Caller)
            && (by != By::Person || !self.spares_people)
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && path.contains(&self.path_contains)
    }

    fn planned(&self) -> Planned {
        let answer = self.status.map(|status| {
            let answer = if self.body.starts_with(['{', '[', '"']) {
                Answer::empty(status).with("content-type", "application/json").with_body(self.body.clone())
            } else {
                Answer::text(status, self.body.clone())
            };
            match &self.retry_after {
                Some(wait) => answer.with("retry-after", wait.clone()),
                None => answer,
            }
        });
        Planned {
            delay: self.delay,
            delay_answer: Duration::ZERO,
            hold: self.hold.clone(),
            drop_request: self.drop_request,
            drop_answer: self.drop_answer_after_effect,
            answer,
        }
    }
}

impl State {
    /// Takes the first fault that fits, and uses it up by one.
    pub(super) fn next_fault(&mut self, method: &str, path: &str, by: By) -> Option<Planned> {
        let mut fitting =
            self.faults.iter_mut().enumerate().filter(|(_, fault)| fault.fits(method, path, by));
        let (index, fault) = fitting.next()?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        let planned = fault.planned();
        if fault.times > 1 {
            fault.times -= 1;
        } else {
            self.faults.remove(index);
        }
        Some(planned)
    }

    pub(super) fn note_request(&mut self, line: RequestLine) {
        if self.requests.len() >= LOG_LENGTH {
            self.requests.pop_front();
        }
        self.requests.push_back(line);
    }
}
