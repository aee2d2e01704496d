//! Where the daemon is killed: at each call it makes, before and after its effect and after its answer; at each line of the
//! history; and while it settles and retires. Which calls and lines there are is learned from a rotation left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use certsteward::sandbox::{Fault, Hold, Stage};

use super::judge::Outcome;
use super::scene::{Scene, Terms, now};
use super::{Case, Trouble, long};

/// A call of the rotation that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Generate,
    GenerateSecond,
    GenerateInPlace,
    Switch,
    DeleteUnused,
    DeleteReplaced,
}

impl Write {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::GenerateSecond => "generate the second",
            Self::GenerateInPlace => "generate in place",
            Self::Switch => "switch",
            Self::DeleteUnused => "delete the unused",
            Self::DeleteReplaced => "delete the replaced",
        }
    }

    /// A fault that meets this call alone, and does nothing yet.
    pub(super) fn fault(self) -> Fault {
        let (method, path, skip) = match self {
            Self::Generate => ("POST", "/subaccountCertificates", 0),
            Self::GenerateSecond => ("POST", "/subaccountCertificates", 1),
            Self::GenerateInPlace => ("PUT", "/subaccountCertificates", 0),
            Self::Switch => ("PUT", "/subaccountDestinations", 0),
            Self::DeleteUnused => ("DELETE", "/sfapi-2.pem", 0),
            Self::DeleteReplaced => ("DELETE", "/sfapi.pem", 0),
        };
        Fault { method: Some(method.to_owned()), path_contains: path.to_owned(), skip, ..Fault::default() }
    }
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// It arrived and took no effect. What the call before it brought is saved, where it is saved at all.
    Before,
    /// It took effect; the answer never left.
    Unanswered,
    /// The answer left; what it means could not be saved, and the next call was not made.
    Answered,
}

impl At {
    const ALL: [Self; 3] = [Self::Before, Self::Unanswered, Self::Answered];

    const fn name(self) -> &'static str {
        match self {
            Self::Before => "before its effect",
            Self::Unanswered => "after its effect",
            Self::Answered => "after its answer",
        }
    }
}

/// When the daemon is killed.
pub(super) enum Point {
    Never,
    /// At the call of this number, from 0, over all that the daemon makes.
    Call(u32, At),
    /// Once the n-th event of this kind stands in the history, and so long after it.
    Event(String, usize, Duration),
    /// Once at every line of the history that was not there before.
    EveryLine,
}

/// Where it was killed.
pub(super) enum Met {
    Here(String),
    Never,
}

impl Point {
    /// Starts the daemon, kills it there, and starts it again.
    pub(super) async fn kill(self, scene: &mut Scene) -> Result<Met, String> {
        match self {
            Self::Never => {
                scene.start();
                Ok(Met::Here("left alone".to_owned()))
            }
            Self::Call(number, at) => kill_at_call(scene, number, at).await,
            Self::Event(kind, n, after) => {
                scene.start();
                let line = scene.event(&kind, n).await?;
                let moment = line.at + after;
                scene.until("the moment", |_| (now() >= moment).then_some(())).await?;
                scene.restart();
                let name = if after.is_zero() { "line" } else { "moment" };
                let after =
                    if after.is_zero() { String::new() } else { format!(" + {} ms", after.as_millis()) };
                Ok(Met::Here(format!("{name}: {kind} {n}{after}")))
            }
            Self::EveryLine => {
                kill_at_every_line(scene).await?;
                Ok(Met::Here("every line of the history".to_owned()))
            }
        }
    }
}

async fn kill_at_call(scene: &mut Scene, number: u32, at: At) -> Result<Met, String> {
    let hold = Hold::at(if at == At::Before { Stage::Arrived } else { Stage::Done });
    let fault = Fault { spares_people: true, skip: number, hold: Some(hold.clone()), ..Fault::default() };
    scene.landscape.fault(fault);
    scene.start();
    if !scene.reached(&hold).await? {
        return Ok(Met::Never);
    }
    let met = hold.met().unwrap_or_default().replace("/destination-configuration/v1", "");
    let met = Met::Here(format!("call {:2} {met}: {}", number + 1, at.name()));
    if at != At::Answered {
        scene.restart();
        return Ok(met);
    }
    // The answer leaves while the state file is locked, so that nothing can be saved of it.
    let answered = |scene: &Scene| {
        scene.landscape.requests().iter().filter(|request| request.is_from_certsteward()).count()
    };
    let before = answered(scene);
    let lock = scene.lock_state();
    hold.release();
    let left = scene.until("the answer", |scene| (answered(scene) > before).then_some(())).await;
    scene.unlock_after_kill(lock);
    left.map(|()| met)
}

/// Each line kills once. What a start itself writes is met only once too, so that the rotation gets on.
async fn kill_at_every_line(scene: &mut Scene) -> Result<(), String> {
    let mut met = BTreeSet::new();
    let mut last = 0;
    scene.start();
    loop {
        let line = scene
            .until("the next line", |scene| {
                let new = |line: &&super::scene::Line| !met.contains(&(line.kind.clone(), line.text.clone()));
                let next = scene.lines().iter().filter(|line| line.id > last).find(new).cloned();
                if next.is_none() && scene.is_over() { Some(None) } else { next.map(Some) }
            })
            .await?;
        let Some(line) = line else { return Ok(()) };
        last = line.id;
        met.insert((line.kind.clone(), line.text.clone()));
        scene.restart();
    }
}

fn case(terms: Terms, point: Point) -> Case {
    // A mail whose sending was cut may come again; a kill at every line can meet several on their way.
    let twice = if matches!(point, Point::EveryLine) { 3 } else { 1 };
    let name = match &point {
        Point::Never => "left alone".to_owned(),
        Point::Call(number, at) => format!("call {:2}: {}", number + 1, at.name()),
        Point::Event(kind, n, _) => format!("line: {kind} {n}"),
        Point::EveryLine => "every line of the history".to_owned(),
    };
    Case { terms, name, trouble: Trouble::Kill(point), twice }
}

/// The kills of one combination, of which this is how it goes left alone: all of them, or its share of a part that covers
/// each write of each combination, and each of the three moments of each write over the combinations.
pub(super) fn cases(combination: usize, alone: &Outcome) -> Vec<Case> {
    let mut points = Vec::new();
    for (number, call) in alone.calls_made.iter().enumerate() {
        let is_write = ["POST /sub", "PUT ", "DELETE "].iter().any(|write| call.starts_with(write));
        let is_read = call.starts_with("GET ") || call.starts_with("POST /oauth/");
        let turn = (number + combination * 7) % 23 == 0;
        for (stage, at) in At::ALL.into_iter().enumerate() {
            // A read has no effect, so that before and after it are the same.
            let is_whole = long() && !(is_read && at == At::Unanswered);
            if is_whole || ((is_write || turn) && (number + combination) % At::ALL.len() == stage) {
                points.push(Point::Call(u32::try_from(number).unwrap(), at));
            }
        }
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, kind) in alone.kinds.iter().enumerate() {
        let count = counts.entry(kind).or_default();
        *count += 1;
        if long() || number == combination * 3 % alone.kinds.len() {
            points.push(Point::Event(kind.clone(), *count, Duration::ZERO));
        }
        // A second of settling follows the first, a second until the replaced is retired the other.
        let waits = ["switched", "issued", "settled"].contains(&kind.as_str());
        for after in [300, 600, 900].into_iter().filter(|_| waits && long()) {
            points.push(Point::Event(kind.clone(), *count, Duration::from_millis(after)));
        }
    }
    if long() || combination % 3 == 0 {
        points.push(Point::EveryLine);
    }
    points.into_iter().map(|point| case(alone.terms, point)).collect()
}
