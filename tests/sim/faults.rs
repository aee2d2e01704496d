//! What goes wrong in a life: drawn beforehand, each fault by itself, so that any of them can be left out.
//! Nothing here judges.

use certsteward::domain::event::EventKind;
use certsteward::domain::reason::{Failure, Reason, Unseen};
use certsteward::domain::verdict::Verdict;
use certsteward::domain::{Duration, Timestamp};

use super::chance::Chance;
use super::settings::Settings;
use super::systems::Outside;

/// How an act goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// 503: certainly without effect.
    Refused,
    /// 429 with a wish to wait, in seconds.
    Limited(u64),
    /// No answer, and no effect.
    LostBefore,
    /// No answer, and it took effect.
    LostAfter,
    /// 409 or "changed meanwhile".
    Conflict,
    DiesBefore,
    DiesAfter,
}

/// The next act of this kind goes wrong.
#[derive(Debug, Clone, Copy)]
pub struct Armed {
    pub kind: Option<&'static str>,
    pub how: How,
    pub times: u32,
}

/// At which save or call the process dies, counted down.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deaths {
    pub save: Option<(u32, bool)>,
    pub call: Option<u32>,
    pub sending: bool,
}

/// What is away until when.
#[derive(Debug, Clone, Default)]
pub struct Weather {
    pub source: Option<(Timestamp, Reason)>,
    pub callers: Option<Timestamp>,
    pub targets: Option<Timestamp>,
    pub key: Option<Timestamp>,
    pub api: Option<(Timestamp, Verdict, Option<u64>)>,
    pub permission: Option<Timestamp>,
    pub disk: Option<Timestamp>,
    pub notifiers: Option<Timestamp>,
    pub suspended: Option<Timestamp>,
    /// How long the store takes to show what it has issued.
    pub late: Duration,
}

/// What somebody else does, by the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meddling {
    /// A redeployment puts a destination back.
    Redeploys(u64),
    /// The entry in force is replaced, with the same or another subject.
    RenewsInPlace {
        same: bool,
        authority: usize,
    },
    /// A new entry beside it, and the destinations set to it.
    RenewsBeside,
    DeletesCandidate,
    /// A look shows it again so many minutes later.
    HidesCandidate(i64),
    /// What is kept of the certificate in force is tidied up.
    DeletesKept,
    /// The tenant knows the newest certificate no more.
    LosesNewest(u64),
    DeletesInForce,
    TakesNextName,
    LosesMappings(u64),
    DeletesOldMappings(u64),
}

/// What a person says unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Renew,
    Retry,
    Cancel,
    RollBack,
    Retire,
    RejectAny,
    Check,
    Pause,
    PauseAll,
    Silence(i64),
    ConfirmFalsely(u64),
}

/// One fault.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    Act(Armed),
    Dies(Deaths),
    Restart,
    SourceAway(Reason, Duration),
    CallersAway(Duration),
    TargetsAway(Duration),
    KeyAway(Duration),
    ApiAnswers(Verdict, Option<u64>, Duration),
    PermissionLost(Duration),
    DiskFull(Duration),
    NotifiersDown(Duration),
    Suspended(Duration),
    ClockSteps(Duration, Duration),
    Meddles(Meddling),
    Says(Order),
}

/// When it happens.
#[derive(Debug, Clone, Copy)]
pub enum Trigger {
    /// So long after day zero.
    At(Duration),
    /// So long after the history has its n-th event of this kind.
    After(EventKind, u32, Duration),
}

/// A fault and its moment.
#[derive(Debug, Clone, Copy)]
pub struct Happening {
    pub trigger: Trigger,
    pub fault: Fault,
}

const TURNS: [EventKind; 12] = [
    EventKind::RenewalStarted,
    EventKind::Issued,
    EventKind::HandOffOpened,
    EventKind::HandOffSign,
    EventKind::Proven,
    EventKind::Switched,
    EventKind::Settled,
    EventKind::RenewalEnded,
    EventKind::ActFailed,
    EventKind::GapAnnounced,
    EventKind::RolledBack,
    EventKind::Retired,
];

/// Every fault of one life.
pub fn draw(seed: u64, settings: &Settings) -> Vec<Happening> {
    let mut chance = Chance::of(seed, "faults");
    let most = chance.one(&[0, 2, 6, 12, 24]);
    (0..most)
        .map(|number| {
            let chance = &mut Chance::of(seed, &format!("fault {number}"));
            let trigger = if chance.percent(35) {
                Trigger::At(Duration::minutes(chance.between(60, settings.life.num_minutes())))
            } else {
                let nth = u32::try_from(chance.between(1, 4)).unwrap_or(1);
                let wait =
                    if chance.percent(40) { Duration::zero() } else { chance.span(Duration::days(20)) };
                Trigger::After(chance.one(&TURNS), nth, wait)
            };
            Happening { trigger, fault: fault(chance) }
        })
        .collect()
}

fn fault(chance: &mut Chance) -> Fault {
    let span = chance.span(Duration::days(21));
    let brief = chance.span(Duration::days(3));
    match chance.below(30) {
        0..=7 => Fault::Act(armed(chance)),
        8..=9 => {
            let nth = u32::try_from(chance.between(0, 8)).unwrap_or(0);
            let at_save = chance.percent(50);
            Fault::Dies(Deaths {
                save: at_save.then(|| (nth, chance.percent(50))),
                call: (!at_save).then_some(nth),
                sending: chance.percent(20),
            })
        }
        10 => Fault::Restart,
        11 => Fault::SourceAway(
            chance.one(&[Reason::Unavailable, Reason::Forbidden, Reason::Timeout, Reason::RateLimited]),
            brief,
        ),
        12 => Fault::CallersAway(brief),
        13 => Fault::TargetsAway(brief),
        14 => Fault::KeyAway(brief),
        15..=16 => {
            let verdict = chance.one(&[
                Verdict::Unavailable,
                Verdict::Timeout,
                Verdict::RateLimited,
                Verdict::LoginRefused,
                Verdict::ServerExpired,
                Verdict::CredentialsRequired,
                Verdict::UnexpectedAnswer,
            ]);
            let wish = (verdict == Verdict::RateLimited).then_some(1_800);
            Fault::ApiAnswers(verdict, wish, brief)
        }
        17 => Fault::PermissionLost(span),
        18 => Fault::DiskFull(brief),
        19 => Fault::NotifiersDown(span),
        20 => Fault::Suspended(span),
        21 => {
            let step = chance.one(&[60, 3_600, 86_400, 30 * 86_400, 366 * 86_400]);
            let step = if chance.percent(50) { step } else { -step };
            Fault::ClockSteps(Duration::seconds(step), brief)
        }
        22..=25 => Fault::Meddles(meddling(chance)),
        _ => Fault::Says(order(chance)),
    }
}

fn armed(chance: &mut Chance) -> Armed {
    let kind = chance.one(&[
        None,
        Some("issue"),
        Some("issue"),
        Some("switch"),
        Some("switch"),
        Some("remove"),
        Some("publish"),
    ]);
    let how = chance.one(&[
        How::Refused,
        How::Limited(900),
        How::LostBefore,
        How::LostAfter,
        How::LostAfter,
        How::Conflict,
        How::DiesBefore,
        How::DiesAfter,
    ]);
    Armed { kind, how, times: chance.one(&[1, 1, 2, 5]) }
}

fn meddling(chance: &mut Chance) -> Meddling {
    match chance.below(13) {
        10 => Meddling::HidesCandidate(chance.between(1, 12)),
        11 => Meddling::DeletesKept,
        12 => Meddling::LosesNewest(chance.below(2)),
        0..=2 => Meddling::Redeploys(chance.below(3)),
        3 => Meddling::RenewsInPlace { same: chance.percent(60), authority: usize::from(chance.percent(20)) },
        4 => Meddling::RenewsBeside,
        5 => Meddling::DeletesCandidate,
        6 => Meddling::DeletesInForce,
        7 => Meddling::TakesNextName,
        8 => Meddling::LosesMappings(chance.below(2)),
        _ => Meddling::DeletesOldMappings(chance.below(2)),
    }
}

fn order(chance: &mut Chance) -> Order {
    let hours = chance.between(1, 24 * 20);
    let system = chance.below(2);
    chance.one(&[
        Order::Renew,
        Order::Renew,
        Order::Retry,
        Order::Cancel,
        Order::RollBack,
        Order::Retire,
        Order::RejectAny,
        Order::Check,
        Order::Pause,
        Order::PauseAll,
        Order::Silence(hours),
        Order::ConfirmFalsely(system),
    ])
}

impl Outside {
    /// How the act of this kind that begins now goes wrong.
    pub fn take_armed(&mut self, kind: &str) -> Option<How> {
        let at = self.armed.iter().position(|armed| armed.kind.is_none_or(|only| only == kind))?;
        let armed = &mut self.armed[at];
        armed.times -= 1;
        let how = armed.how;
        if armed.times == 0 {
            self.armed.remove(at);
        }
        Some(how)
    }

    /// A call from outside begins: whether the process lives on.
    pub fn outlives_call(&mut self) -> bool {
        if let Some(left) = self.deaths.call.as_mut() {
            if *left == 0 {
                self.deaths.call = None;
                self.dead = true;
                let now = self.now;
                self.timeline.say(now, || "!! dies at a call".to_owned());
            } else {
                *left -= 1;
            }
        }
        !self.dead
    }

    /// Why a look at the store fails now.
    pub fn blind(&mut self) -> Option<Unseen> {
        if !self.outlives_call() {
            return Some(Unseen::new(Reason::Interrupted, "the process died"));
        }
        let (_, reason) = self.weather.source.filter(|(until, _)| *until > self.now)?;
        Some(Unseen::new(reason, "the store does not answer as it should"))
    }

    pub fn is_until(&self, until: Option<Timestamp>) -> bool {
        until.is_some_and(|until| until > self.now)
    }

    /// Everything is well again.
    pub fn cure(&mut self) {
        self.weather = Weather { late: self.weather.late, ..Weather::default() };
        self.armed.clear();
        self.deaths = Deaths::default();
        if self.skew != Duration::zero() {
            self.skewed_at = self.now;
        }
        self.skew = Duration::zero();
    }
}

/// What the armed fault answers before anything took effect; none where the act goes on.
pub fn before_effect(how: How) -> Option<Failure> {
    match how {
        How::Refused => Some(Failure::certain(Reason::Unavailable, "503 Service Unavailable")),
        How::Limited(seconds) => {
            Some(Failure::certain(Reason::RateLimited, "429 Too Many Requests").retry_after(Some(seconds)))
        }
        How::LostBefore => Some(Failure::uncertain(Reason::Timeout, "no answer within 30 s")),
        How::Conflict => Some(Failure::certain(Reason::Conflict, "409 Conflict")),
        How::DiesBefore => Some(Failure::uncertain(Reason::Interrupted, "the process died")),
        How::LostAfter | How::DiesAfter => None,
    }
}
